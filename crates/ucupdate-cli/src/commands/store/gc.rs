//! `ucupdate gc`: removes what no kept revision is of, and what ingests that died half-way left behind.

use crate::args::author::AuthorArgs;
use crate::args::retention::RetentionArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use serde::Serialize;
use std::fmt;
use std::time::Duration;
use ucupdate::{Options, UpdateService};

#[derive(Debug, clap::Args)]
pub(crate) struct GcArgs {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Leave alone what is younger: another ingest may be in the middle of it
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
    grace_hours: u32,
    #[command(flatten)]
    keep: RetentionArgs,
    #[command(flatten)]
    author: AuthorArgs,
}

#[derive(Debug, Serialize)]
struct Report {
    /// Whether it was only looked for.
    dry_run: bool,
    /// The objects that were removed, or would be.
    objects: Vec<String>,
    /// Their bytes.
    bytes: u64,
    /// Objects of unfinished ingests that are too young to be removed.
    young: usize,
    /// The packages that left the rule book, or would.
    packages: Vec<String>,
    /// The oldest revision whose images are kept.
    kept_from: u64,
    /// Objects of whole packages in a store without a history, which stay.
    before_history: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for package in &self.packages {
            let done = if self.dry_run { "would leave" } else { "has left" };
            writeln!(f, "package {package} {done} the rule book")?;
        }
        for object in &self.objects {
            writeln!(f, "{}", Shown(object))?;
        }
        let done = if self.dry_run { "would be removed" } else { "removed" };
        write!(f, "{} object(s) of {} bytes {done}", self.objects.len(), self.bytes)?;
        if self.young > 0 {
            write!(f, ", {} too young", self.young)?;
        }
        if self.before_history > 0 {
            write!(f, ", {} stay, since the history they are of may be lost", self.before_history)?;
        }
        Ok(())
    }
}

pub(crate) async fn run(args: GcArgs, context: &mut Context) -> Result<(), Failure> {
    let store = context.open_store(IfMissing::Refuse).await?;
    let options = Options::default().with_retention(args.keep.retention());
    let service = UpdateService::open(store, options).await?;
    let grace = Duration::from_secs(u64::from(args.grace_hours) * 60 * 60);
    let found = service.admin(&args.author.name()).collect_unkept(grace, !args.dry_run).await?;
    context.output.result(&Report {
        dry_run: args.dry_run,
        objects: found.objects.iter().map(ToString::to_string).collect(),
        bytes: found.bytes,
        young: found.young,
        packages: found.packages.iter().map(ToString::to_string).collect(),
        kept_from: found.kept_from,
        before_history: found.before_history,
    })
}
