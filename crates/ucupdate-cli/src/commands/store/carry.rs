//! `ucupdate export` and `import`: copy state and images between stores, or write the served files
//! into a folder.

use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use crate::store::StoreLocation;
use serde_json::json;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use ucupdate::store::ImageStore;
use ucupdate::value::Counted;
use ucupdate::{Carried, TreeOptions, TreeWritten, carry};

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// The store to copy into: a folder, file:PATH or s3://BUCKET/PREFIX. It is created if it does not exist
    #[arg(value_name = "OUT", required_unless_present = "tree", conflicts_with = "tree")]
    out: Option<Other>,
    /// Write the served files into this folder instead, in folders like their URLs, for another web server
    #[arg(long, value_name = "DIR")]
    tree: Option<PathBuf>,
    /// Always copy the files of the tree. Without it they are hard links to the files of the store where that is
    /// possible
    #[arg(long, requires = "tree")]
    copy: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The store to copy from: a folder, file:PATH or s3://BUCKET/PREFIX
    #[arg(value_name = "IN")]
    from: Other,
}

/// The location of the other store: in the form of `--store`, or a plain folder.
#[derive(Clone, Debug)]
struct Other(StoreLocation);

impl FromStr for Other {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            _ if text.is_empty() => Err("expected a folder, file:PATH or s3://BUCKET/PREFIX".to_owned()),
            Some(("memory", _)) => Err("a store in memory ends with the command".to_owned()),
            Some(("file" | "s3", _)) => text.parse().map(Self),
            // Such a text is an unknown scheme and not a folder. Otherwise a backup could be
            // written to an unexpected folder.
            Some((_, rest)) if rest.starts_with("//") => {
                Err("expected a folder, file:PATH or s3://BUCKET/PREFIX".to_owned())
            }
            _ => Ok(Self(StoreLocation::Folder(text.into()))),
        }
    }
}

fn report_carried(carried: Carried, context: &mut Context) -> Result<(), Failure> {
    let Carried { revision, revisions, objects, bytes, skipped, .. } = carried;
    let value = json!({
        "revision": revision, "revisions": revisions, "objects": objects, "bytes": bytes,
        "passed_over": skipped,
    });
    context.output.both(
        &value,
        format_args!(
            "revision {revision}: {} and {} of {bytes} bytes carried, {skipped} there already",
            Counted::new(revisions, "revision"),
            Counted::new(objects, "object")
        ),
    )
}

fn report_tree(written: &TreeWritten, context: &mut Context) -> Result<(), Failure> {
    let TreeWritten { revision, linked, copied, copied_bytes, unchanged, others, left, missing, .. } =
        written;
    let value = json!({
        "revision": revision, "linked": linked, "copied": copied, "copied_bytes": copied_bytes,
        "unchanged": unchanged, "others": others, "left": left, "lacking": missing,
    });
    let lines = missing.iter();
    let mut lines: Vec<String> = lines
        .map(|path| format!("not written, because it is missing or damaged in the store: {}", Shown(path)))
        .collect();
    let left = left.iter();
    lines.extend(left.map(|path| format!("left, because no export made it: {}", Shown(path))));
    let mut sum = format!(
        "revision {revision}: {} linked, {copied} of {copied_bytes} bytes copied, {unchanged} unchanged",
        Counted::new(*linked, "file")
    );
    if *others > 0 {
        sum.push_str(&format!(", {} left alone", Counted::new(*others, "other")));
    }
    lines.push(sum);
    context.output.both(&value, lines.join("\n"))
}

pub(crate) async fn export(args: ExportArgs, context: &mut Context) -> Result<(), Failure> {
    if let Some(tree) = args.tree {
        return write_tree(tree, args.copy, context).await;
    }
    let Some(Other(out)) = args.out else { return Err(Failure::usage("expected OUT or --tree DIR")) };
    context.refuse_itself(&out)?;
    let from = context.open_store(IfMissing::Refuse).await?;
    let to = context.open_other(&out, IfMissing::Create).await?;
    copy(&from, &to, context).await
}

async fn copy(
    from: &Arc<dyn ImageStore>,
    to: &Arc<dyn ImageStore>,
    context: &mut Context,
) -> Result<(), Failure> {
    let progress = &context.output.progress;
    // The history is read twice: first to be replayed, and then to be copied after the images.
    let prefixes = ["images/", "state/revisions/", "state/revisions/"];
    progress.reads("copying", progress.size_of(&**from, &prefixes).await);
    let carried = carry(from, to, |_| {}).await.inspect_err(|_| progress.forget_revisions())?;
    report_carried(carried, context)
}

pub(crate) async fn import(args: ImportArgs, context: &mut Context) -> Result<(), Failure> {
    let Other(from) = args.from;
    context.refuse_itself(&from)?;
    let from = context.open_other(&from, IfMissing::Refuse).await?;
    let to = context.open_store(IfMissing::Create).await?;
    copy(&from, &to, context).await
}

async fn write_tree(tree: PathBuf, copy: bool, context: &mut Context) -> Result<(), Failure> {
    context.refuse_within_store(&tree)?;
    let service = context.administer(IfMissing::Refuse).await?;
    let mut options = TreeOptions::default();
    if let Some(folder) = context.store_folder().filter(|_| !copy) {
        options = options.with_links_from(folder);
    }
    let snapshot = service.snapshot();
    let total = snapshot.files().iter().map(|file| file.size).fold(0, u64::saturating_add);
    let bar = context.output.progress.of_bytes("writing files", Some(total));
    let mut files = snapshot.files().iter();
    let done = |_: &TreeWritten| bar.inc(files.next().map_or(0, |file| file.size));
    let written = service.export_tree(&tree, &options, done).await;
    bar.finish_and_clear();
    let written = written?;
    report_tree(&written, context)?;
    match written.missing.len() {
        0 => Ok(()),
        some => {
            let files = Counted::new(some, "file").with_verb("was", "were");
            Err(Failure::new(format_args!("{files} not written; verify the store")))
        }
    }
}
