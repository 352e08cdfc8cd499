//! `ucupdate diff`: lists the devices whose answers differ between two revisions of the rule book.

use crate::args::devices::{DevicesArgs, Differences};
use crate::args::number::any_number;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use serde::Serialize;
use std::fmt;

#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    /// The earlier revision; 0 is the empty rule book of a new store
    #[arg(long, value_name = "REVISION", value_parser = any_number::<u64>)]
    from: u64,
    /// The later revision [default: the newest]
    #[arg(long, value_name = "REVISION", value_parser = any_number::<u64>)]
    to: Option<u64>,
    #[command(flatten)]
    devices: DevicesArgs,
}

#[derive(Debug, Serialize)]
struct DiffReport {
    from: u64,
    to: u64,
    #[serde(flatten)]
    differences: Differences,
}

impl fmt::Display for DiffReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.differences.fmt(f)
    }
}

pub(crate) async fn run(args: DiffArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let before = service.snapshot_at(args.from).await?;
    let after = match args.to {
        Some(revision) => service.snapshot_at(revision).await?,
        None => service.snapshot(),
    };
    let devices = args.devices.devices(context).await?;
    context.output.result(&DiffReport {
        from: before.revision(),
        to: after.revision(),
        differences: devices.differences(&before, &after, service.now()),
    })
}
