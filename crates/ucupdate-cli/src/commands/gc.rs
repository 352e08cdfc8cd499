//! `ucupdate gc`: sweeps up what ingests that died half-way left behind.

use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::shown::Shown;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// How `gc` is called.
#[derive(Debug, clap::Args)]
pub(crate) struct GcArgs {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Leave alone what is younger: another ingest may be in the middle of it
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
    grace_hours: u32,
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
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for object in &self.objects {
            writeln!(f, "{}", Shown(object))?;
        }
        let done = if self.dry_run { "would be removed" } else { "removed" };
        write!(f, "{} object(s) of {} bytes {done}", self.objects.len(), self.bytes)?;
        match self.young {
            0 => Ok(()),
            young => write!(f, ", {young} too young"),
        }
    }
}

pub(crate) async fn run(args: GcArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let grace = Duration::from_secs(u64::from(args.grace_hours) * 60 * 60);
    let found = service.collect_garbage(grace, !args.dry_run).await?;
    context.output.result(&Report {
        dry_run: args.dry_run,
        objects: found.objects.iter().map(ToString::to_string).collect(),
        bytes: found.bytes,
        young: found.young,
    })
}
