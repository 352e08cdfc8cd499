//! `ucupdate rollout edit`: changes the share or the stages of a rollout that has started.

use crate::commands::rules::rollout::{NamedArgs, ShareArgs};
use crate::context::Context;
use crate::failure::Failure;
use ucupdate::book::BookCommand;
use ucupdate::{Clock as _, SystemClock};

#[derive(Debug, clap::Args)]
#[command(mut_group("share", |share| share.required(true)))]
pub(crate) struct EditArgs {
    #[command(flatten)]
    share: ShareArgs,
    #[command(flatten)]
    rollout: NamedArgs,
}

pub(crate) async fn run(args: EditArgs, context: &mut Context) -> Result<(), Failure> {
    let EditArgs { rollout, share } = args;
    share.report_missing_zone(context);
    let share = share
        .share(SystemClock.now(), false)
        .ok_or_else(|| Failure::usage("expected --percent or --ramp"))?;
    rollout.change(|rule, name| BookCommand::SetShare(rule, name, share.clone()), context).await
}
