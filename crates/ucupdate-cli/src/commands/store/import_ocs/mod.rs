//! `ucupdate import-ocs`: imports packages, rules and test devices from a Device Update Service of
//! OCS, Lync or Skype for Business.

mod plan;
mod records;
mod tree;

use crate::args::change::author::AuthorArgs;
use crate::context::{Context, IfMissing};
use crate::failure::{Failure, chain};
use crate::files;
use crate::output::shown::Shown;
use plan::{Layer, Plan};
use records::Record;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use tree::Tree;
use ucupdate::book::{BookCommand, RuleKey};
use ucupdate::store::stream_of;
use ucupdate::value::Counted;
use ucupdate::{IngestProgress, UpdateService};
use ucupdate_cab::package::PackageBuilder;

#[derive(Debug, clap::Args)]
pub(crate) struct ImportOcsArgs {
    /// The folder with the images: DeviceUpdateFiles of OCS 2007 R2, or the DeviceUpdateStore of a Lync file share
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The output of `Get-CsDeviceUpdateRule`: a list, or the file of Export-Csv or Export-Clixml. Without it, the
    /// newest version of each rule becomes pending
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The output of `Get-CsTestDevice`, in one of the same forms
    #[arg(long, value_name = "FILE")]
    test_devices: Option<PathBuf>,
    /// Store nothing, and print what would be imported and what would be left out
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    author: AuthorArgs,
}

/// The largest size of a file of rules or test devices in bytes.
const MAX_LIST_BYTES: usize = 16 << 20;

/// The largest size of the images in one package in bytes. They are held in memory while the package is built.
const MAX_PACKAGE_BYTES: u64 = 256 << 20;

#[derive(Debug, Serialize)]
struct ImportReport {
    dry_run: bool,
    source: String,
    /// A sentence for each rule.
    rules: Vec<String>,
    interim: Vec<String>,
    test_devices: Vec<String>,
    /// The things that were left out, each with its reason.
    left_out: Vec<String>,
    /// The newest revision after the import. `None` in a dry run.
    revision: Option<u64>,
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let would = if self.dry_run { "would be: " } else { "" };
        for line in self.rules.iter().chain(&self.interim).chain(&self.test_devices) {
            writeln!(f, "{would}{}", Shown(line))?;
        }
        for line in &self.left_out {
            writeln!(f, "left out: {}", Shown(line))?;
        }
        let Self { rules, interim, test_devices, left_out, .. } = self;
        write!(
            f,
            "{}, {}, {}; {} left out",
            Counted::new(rules.len(), "rule"),
            Counted::new(interim.len(), "interim image"),
            Counted::new(test_devices.len(), "test device"),
            left_out.len()
        )?;
        match self.revision {
            Some(revision) => write!(f, "; revision {revision}"),
            None => f.write_str("; nothing was stored"),
        }
    }
}

pub(crate) async fn run(args: ImportOcsArgs, context: &mut Context) -> Result<(), Failure> {
    let ImportOcsArgs { folder, rules, test_devices, dry_run, author } = args;
    let source = folder.display().to_string();
    let (tree, mut plan) = files::blocking(move || {
        let tree = Tree::read(&folder)?;
        let rules = rules.map(|path| read_records(&path)).transpose()?;
        let devices = test_devices.map(|path| read_records(&path)).transpose()?;
        let plan = Plan::new(&tree, rules.as_deref(), devices.as_deref().unwrap_or_default());
        Ok((tree, plan))
    })
    .await?;
    if plan.is_empty() {
        let reasons = plan.left_out.iter().map(|reason| format!("; {reason}")).take(3).collect::<String>();
        return Err(Failure::not_understood(format_args!(
            "{source}: has no image at DeviceType/Vendor/Model/Revision/Locale/Version/UpdateType/file.nbt{reasons}"
        )));
    }
    let revision = match dry_run {
        true => None,
        false => Some(import(tree, &mut plan, &source, &author.name(), context).await?),
    };
    context.output.result(&ImportReport {
        dry_run,
        source,
        rules: plan.rules.values().map(ToString::to_string).collect(),
        interim: plan.interim.iter().map(ToString::to_string).collect(),
        test_devices: plan.test_devices.iter().map(plan::test_device_text).collect(),
        left_out: plan.left_out,
        revision,
    })
}

fn read_records(path: &std::path::Path) -> Result<Vec<Record>, Failure> {
    let bytes = files::read(path, MAX_LIST_BYTES)?;
    records::read(&bytes).map_err(|why| Failure::not_understood(format_args!("{}: {why}", path.display())))
}

/// Builds and ingests the packages of the plan, approves versions as the old service had them, and
/// adds the test devices. Returns the newest revision.
async fn import(
    tree: Tree,
    plan: &mut Plan,
    source: &str,
    author: &str,
    context: &mut Context,
) -> Result<u64, Failure> {
    let service = context.administer(IfMissing::Create).await?;
    refuse_known(&service, plan)?;
    let tree = std::sync::Arc::new(tree);
    let layers = plan.layers(MAX_PACKAGE_BYTES);
    let total: u64 = layers.iter().map(|layer| layer.bytes).sum();
    // Each byte counts twice in the progress, because packing takes as long as storing.
    let (bar, mut done) = (context.output.progress.of_bytes("packing and storing", Some(2 * total)), 0);
    for layer in layers {
        bar.set_position(2 * done);
        done += layer.bytes;
        let (tree, releases, packing) = (std::sync::Arc::clone(&tree), layer.clone(), bar.clone());
        let packed = move |bytes| packing.inc(bytes);
        let (cabinet, refused) = files::blocking(move || build(&tree, &releases, &packed)).await?;
        plan.leave_out(refused);
        let Some(cabinet) = cabinet else { continue };
        let name = format!("import-ocs {source} ({})", layer.name);
        let packed = 2 * done - layer.bytes;
        let stored = |so_far: IngestProgress| bar.set_position(packed + so_far.stored_bytes.min(layer.bytes));
        let ingested = match service.admin(author).ingest(&name, stream_of(cabinet), stored).await {
            Ok(ingested) => ingested,
            Err(error) => return Err(Failure::new(format_args!("{name}: {}", chain(&error)))),
        };
        if layer.is_approved {
            approve(&service, &layer, ingested.id(), author).await?;
        }
    }
    bar.finish_and_clear();
    for device in &plan.test_devices {
        service.admin(author).add_test_device(device.clone()).await?;
    }
    Ok(service.snapshot().revision())
}

/// Fails if the store has one of the rules already, because its versions would be replaced.
fn refuse_known(service: &UpdateService, plan: &Plan) -> Result<(), Failure> {
    let snapshot = service.snapshot();
    match plan.rules.keys().find(|rule| snapshot.book().rule(rule).is_some()) {
        Some(rule) => Err(Failure::new(format_args!(
            "the store has the rule {rule} already; import into a new store (--store file:PATH), and compare it"
        ))),
        None => Ok(()),
    }
}

async fn approve(
    service: &UpdateService,
    layer: &Layer,
    package: ucupdate::value::PackageId,
    author: &str,
) -> Result<(), Failure> {
    let snapshot = service.snapshot();
    let pending =
        snapshot.book().rules().filter(|rule| rule.pending().is_some_and(|of| of.package == package));
    let rules: Vec<RuleKey> = pending.map(|rule| rule.key().clone()).collect();
    if !rules.is_empty() {
        service.admin(author).approve(rules).await?;
    }
    for (locale, update_type) in &layer.interim {
        let command = BookCommand::ApproveInterim {
            locale: locale.clone(),
            update_type: update_type.clone(),
            version: None,
        };
        service.admin(author).command(&command).await?;
    }
    Ok(())
}

/// The paths of folders whose images are refused, each with the reason.
type RefusedFolders = Vec<(String, String)>;

/// Builds a package from the folders of a layer. If the package would be refused, each folder is
/// tried alone, and the refused ones are left out. Returns the cabinet (`None` if all are refused)
/// and the refused folders.
fn build(
    tree: &Tree,
    layer: &Layer,
    packed: &impl Fn(u64),
) -> Result<(Option<Vec<u8>>, RefusedFolders), Failure> {
    if let Ok(cabinet) = build_of(tree, &layer.folders, packed)? {
        return Ok((Some(cabinet), Vec::new()));
    }
    let (mut good, mut refused) = (Vec::new(), Vec::new());
    for folder in &layer.folders {
        match build_of(tree, std::slice::from_ref(folder), &|_| ())? {
            Ok(_) => good.push(folder.clone()),
            Err(why) => refused.push((folder.clone(), why)),
        }
    }
    if good.is_empty() {
        return Ok((None, refused));
    }
    match build_of(tree, &good, packed)? {
        Ok(cabinet) => Ok((Some(cabinet), refused)),
        Err(why) => Err(Failure::new(why)),
    }
}

fn build_of(
    tree: &Tree,
    folders: &[String],
    packed: &impl Fn(u64),
) -> Result<Result<Vec<u8>, String>, Failure> {
    let mut builder = PackageBuilder::new();
    for folder in folders {
        for (path, bytes, time) in tree.files_of(folder)? {
            builder = builder.with_file(&path, bytes, time);
        }
    }
    Ok(builder.build_with_progress(packed).map_err(|error| chain(&error)))
}
