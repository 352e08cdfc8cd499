//! `ucupdate policy deploy-at-ingest`: sets the device types whose packages are approved when they are ingested.

use crate::args::change::{ChangeArgs, make};
use crate::context::Context;
use crate::failure::Failure;
use crate::suggest::without_type;
use ucupdate::book::BookCommand;
use ucupdate::device::DeviceType;

#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {
    /// The device type, such as RoundTable
    device_type: DeviceType,
    /// Whether the versions are approved as soon as they are ingested
    deploy: Deploy,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Deploy {
    /// A version is approved as soon as its package is ingested
    Yes,
    /// A version waits for approval
    No,
}

pub(crate) async fn run(args: DeployArgs, context: &mut Context) -> Result<(), Failure> {
    let command = BookCommand::DeployAtIngest(args.device_type.clone(), args.deploy == Deploy::Yes);
    make(&command, &args.how, context).await?;
    context.warn(|book| without_type(&args.device_type, book)).await;
    Ok(())
}
