//! `ucupdate export` and `import`: state and images from one store into another, or the tree of files into a folder.

use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use crate::store_location::StoreLocation;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use ucupdate::{Carried, TreeOptions, TreeWritten, carry};

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// The store to carry state and images into: a folder, file:PATH or s3://BUCKET/PREFIX; made where it is not there
    #[arg(value_name = "OUT", required_unless_present = "tree", conflicts_with = "tree")]
    out: Option<Other>,
    /// Write the files that are served into this folder instead, in the hierarchy of their URLs, for other web servers
    #[arg(long, value_name = "DIR")]
    tree: Option<PathBuf>,
    /// Copy the files of the tree, also where they could be other names of the store's own
    #[arg(long, requires = "tree")]
    copy: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The store to carry state and images from: a folder, file:PATH or s3://BUCKET/PREFIX
    #[arg(value_name = "IN")]
    from: Other,
}

/// The other store: as `--store` has it, or a plain folder.
#[derive(Clone, Debug)]
struct Other(StoreLocation);

impl FromStr for Other {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            _ if text.is_empty() => Err("expected a folder, file:PATH or s3://BUCKET/PREFIX".to_owned()),
            Some(("memory", _)) => Err("a store in memory ends with the command".to_owned()),
            Some(("file" | "s3", _)) => text.parse().map(Self),
            // Nobody means a folder by that, and a backup that lies elsewhere than its owner thinks is none.
            Some((_, rest)) if rest.starts_with("//") => {
                Err("expected a folder, file:PATH or s3://BUCKET/PREFIX".to_owned())
            }
            _ => Ok(Self(StoreLocation::Folder(text.into()))),
        }
    }
}

#[derive(Debug, Serialize)]
struct CarriedReport {
    /// The revision the other store is at.
    revision: u64,
    /// Revisions that were written.
    revisions: u64,
    objects: u64,
    bytes: u64,
    /// Objects that the other store has already.
    passed_over: u64,
}

impl CarriedReport {
    fn of(carried: Carried) -> Self {
        Self {
            revision: carried.revision,
            revisions: carried.revisions,
            objects: carried.objects,
            bytes: carried.bytes,
            passed_over: carried.skipped,
        }
    }
}

impl fmt::Display for CarriedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "revision {}: {} revision(s) and {} object(s) of {} bytes carried, {} there already",
            self.revision, self.revisions, self.objects, self.bytes, self.passed_over
        )
    }
}

#[derive(Debug, Serialize)]
struct TreeReport {
    /// The revision of the rule book it is of.
    revision: u64,
    linked: u64,
    copied: u64,
    copied_bytes: u64,
    unchanged: u64,
    /// Files in the folder that are none of the tree's.
    others: u64,
    /// Files that are gone from the store or damaged in it.
    lacking: Vec<String>,
}

impl TreeReport {
    fn of(written: TreeWritten) -> Self {
        Self {
            revision: written.revision,
            linked: written.linked,
            copied: written.copied,
            copied_bytes: written.copied_bytes,
            unchanged: written.unchanged,
            others: written.others,
            lacking: written.missing,
        }
    }
}

impl fmt::Display for TreeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for path in &self.lacking {
            writeln!(f, "not written, for it is gone from the store or damaged in it: {}", Shown(path))?;
        }
        write!(
            f,
            "revision {}: {} file(s) linked, {} of {} bytes copied, {} unchanged",
            self.revision, self.linked, self.copied, self.copied_bytes, self.unchanged
        )?;
        match self.others {
            0 => Ok(()),
            others => write!(f, ", {others} other(s) left alone"),
        }
    }
}

pub(crate) async fn export(args: ExportArgs, context: &mut Context) -> Result<(), Failure> {
    if let Some(tree) = args.tree {
        return write_tree(tree, args.copy, context).await;
    }
    let Some(Other(out)) = args.out else { return Err(Failure::usage("expected OUT or --tree DIR")) };
    let from = context.open_store(IfMissing::Refuse).await?;
    context.refuse_itself(&out)?;
    let to = context.open_other(&out, IfMissing::Create).await?;
    let carried = carry(&from, &to, |_| {}).await?;
    context.output.result(&CarriedReport::of(carried))
}

pub(crate) async fn import(args: ImportArgs, context: &mut Context) -> Result<(), Failure> {
    let Other(from) = args.from;
    context.refuse_itself(&from)?;
    let from = context.open_other(&from, IfMissing::Refuse).await?;
    let to = context.open_store(IfMissing::Create).await?;
    let carried = carry(&from, &to, |_| {}).await?;
    context.output.result(&CarriedReport::of(carried))
}

async fn write_tree(tree: PathBuf, copy: bool, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let mut options = TreeOptions::default();
    if let Some(folder) = context.store_folder().filter(|_| !copy) {
        options = options.with_links_from(folder);
    }
    let written = service.export_tree(&tree, &options).await?;
    let lacking = written.missing.len();
    context.output.result(&TreeReport::of(written))?;
    match lacking {
        0 => Ok(()),
        lacking => Err(Failure::new(format_args!("{lacking} file(s) were not written; verify the store"))),
    }
}
