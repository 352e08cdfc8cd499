//! `ucupdate rollout edit`: changes the share or the stages of a rollout that goes on.

use super::rollout::{Start, make_in};
use crate::args::change::ChangeArgs;
use crate::args::rules::RuleName;
use crate::context::Context;
use crate::failure::Failure;
use clap::ArgGroup;
use ucupdate::book::{BookCommand, Percent, Ramp, RolloutName, Share, Stages};
use ucupdate::{Clock as _, SystemClock};

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("share").required(true).args(["percent", "ramp"])))]
pub(crate) struct EditArgs {
    /// The rule, as UCPhone/LG-Nortel/IP8540/A/ENU/CPE, as IP8540, or a pattern of rules, as 'UCPhone/Polycom/*'
    rule: RuleName,
    /// The name of the rollout
    name: RolloutName,
    /// To this share of the devices, as 10 or 12.5%
    #[arg(long)]
    percent: Option<Percent>,
    /// To a share that grows, as 10%@0d,50%@3d,100%@7d
    #[arg(long, value_name = "STAGES")]
    ramp: Option<Stages>,
    /// When the stages of --ramp begin to count, as 2026-12-01T22:00Z or, from now, as 3d [default: now]
    #[arg(long, value_name = "TIME", requires = "ramp", conflicts_with = "percent")]
    start_at: Option<Start>,
    #[command(flatten)]
    how: ChangeArgs,
}

pub(crate) async fn run(args: EditArgs, context: &mut Context) -> Result<(), Failure> {
    let EditArgs { rule, name, percent, ramp, start_at, how } = args;
    let now = SystemClock.now();
    if let Some(start) = start_at {
        start.tell(context);
    }
    let share = match (percent, ramp) {
        (Some(percent), _) => Share::Percent(percent),
        (None, Some(stages)) => Share::Ramp(Ramp::new(start_at.map_or(now, |start| start.at(now)), stages)),
        (None, None) => return Err(Failure::usage("expected --percent or --ramp")),
    };
    make_in(&rule, &name, &how, |rule| BookCommand::SetShare(rule, name.clone(), share.clone()), context)
        .await
}
