//! `ucupdate package build`: builds a package from a folder that has the folder structure of OCS.

use super::cabinet::relative;
use crate::context::Context;
use crate::failure::Failure;
use crate::files;
use crate::files::new::place;
use crate::output::shown::Shown;
use indicatif::ProgressBar;
use serde_json::json;
use std::path::{Path, PathBuf};
use ucupdate::value::{FieldTime, UnixTime};
use ucupdate_admin::report::ProblemReport;
use ucupdate_cab::package::{NoSink, Package, PackageBuilder, PackageOptions, read_package};
use ucupdate_cab::{Cabinet, CabinetLimits};

#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// The folder. Each image needs its signature catalogue beside it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The new cabinet
    #[arg(value_name = "OUT.cab")]
    out: PathBuf,
}

/// The largest size of all files together in bytes. They are held in memory while the package is built.
const MAX_BYTES: u64 = 1 << 30;

/// The largest depth of nested folders.
const MAX_DEPTH: usize = 32;

pub(crate) async fn run(args: BuildArgs, context: &mut Context) -> Result<(), Failure> {
    let bar = context.output.progress.of_bytes("building the package", Some(0));
    let file = args.out.display().to_string();
    let (package, size) = files::blocking(move || build(&args, &bar)).await?;
    let warnings: Vec<ProblemReport> = package.warnings().map(ProblemReport::of).collect();
    if !context.output.is_json() {
        warnings.iter().for_each(|warning| context.output.message(warning));
    }
    let Package { id, sha256, .. } = &package;
    let value = json!({ "file": file, "package": id, "sha256": sha256, "size": size, "warnings": warnings });
    context.output.both(&value, format_args!("package {id} in {}, {size} bytes", Shown(&file)))
}

/// Builds and reads back the package. Returns it with the size of the cabinet.
fn build(args: &BuildArgs, bar: &ProgressBar) -> Result<(Package, u64), Failure> {
    let (name, out) = place(&args.out)?;
    out.refuse_existing([name])?;

    let mut found = Found { builder: PackageBuilder::new(), bytes: 0 };
    found.add(&args.folder, &args.folder, 0)?;
    bar.set_length(found.bytes);
    let cabinet = found
        .builder
        .build_with_progress(|packed| bar.inc(packed))
        .map_err(|error| Failure::in_doing(args.folder.display(), &error))?;
    let package = read_package(
        Cabinet::open(&cabinet[..], CabinetLimits::default())?,
        PackageOptions::default(),
        &mut NoSink,
    )?;
    let size = out.write(name, None, &mut &cabinet[..])?;
    Ok((package, size))
}

struct Found {
    builder: PackageBuilder,
    bytes: u64,
}

impl Found {
    /// Adds the files of a folder and of its subfolders to the package. `depth` is the number of
    /// folders between the folder and `root`.
    fn add(&mut self, folder: &Path, root: &Path, depth: usize) -> Result<(), Failure> {
        let failed = |path: &Path, error: &std::io::Error| Failure::in_doing(path.display(), error);
        if depth > MAX_DEPTH {
            let path = folder.display();
            return Err(Failure::new(format_args!("{path}: is below more than {MAX_DEPTH} folders")));
        }
        for entry in std::fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
            let entry = entry.map_err(|error| failed(folder, &error))?;
            let path = entry.path();
            let meta = entry.metadata().map_err(|error| failed(&path, &error))?;
            if meta.is_dir() {
                self.add(&path, root, depth + 1)?;
                continue;
            }
            if !meta.is_file() {
                return Err(Failure::new(format_args!("{}: is neither a file nor a folder", path.display())));
            }
            self.bytes = self.bytes.saturating_add(meta.len());
            if self.bytes > MAX_BYTES {
                let root = root.display();
                return Err(Failure::new(format_args!(
                    "{root}: files have more than {MAX_BYTES} bytes together"
                )));
            }
            let most = usize::try_from(meta.len()).unwrap_or(usize::MAX);
            let bytes = files::read(&path, most)?;
            let modified = meta.modified().map_err(|error| failed(&path, &error))?;
            let time: FieldTime = UnixTime::from(modified).civil_utc();
            let builder = std::mem::take(&mut self.builder);
            self.builder = builder.with_file(&relative(&path, root)?, bytes, time);
        }
        Ok(())
    }
}
