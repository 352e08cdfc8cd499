//! `ucupdate hold`: manages holds. Devices on hold are offered nothing.

use crate::args::change::reason::reason;
use crate::args::change::{ChangeArgs, make};
use crate::args::devices::device_or_group::DeviceOrGroupArgs;
use crate::args::moment::Later;
use crate::args::rules::RuleName;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use crate::output::time::iso;
use ucupdate::book::{BookCommand, HeldDevices, Hold, HoldName};
use ucupdate::{Clock as _, SystemClock};
use ucupdate_admin::report;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum HoldCommand {
    /// List the holds
    List,
    /// Offer nothing to a device, a group, or the devices of a rule
    Add(AddArgs),
    /// Remove a hold
    Remove(RemoveArgs),
}

// --until is the end of the hold, so the end of the rows that a dry run reads has another name.
#[derive(Debug, clap::Args)]
#[command(mut_arg("until_time", |until| until.long("rows-until")))]
pub(crate) struct AddArgs {
    /// The name of the hold, which you choose
    name: HoldName,
    #[command(flatten)]
    on: DeviceOrGroupArgs,
    /// The devices of this rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540
    #[arg(long, group = "DeviceOrGroupArgs")]
    rule: Option<RuleName>,
    /// The end of the hold, such as 2026-12-01 or 2026-12-01T08:00:00Z, or 3d from now [default: no end]
    #[arg(long, value_name = "TIME")]
    until: Option<Later>,
    /// The reason, which the history and lists show
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    how: ChangeArgs,
}

impl AddArgs {
    async fn held(&self, context: &Context) -> Result<HeldDevices, Failure> {
        if let Some(rule) = &self.rule {
            let seen = context.administer(IfMissing::Refuse).await?.snapshot();
            return rule.one(seen.book()).map(HeldDevices::Rule);
        }
        let device = self.on.device().map(HeldDevices::Device);
        let held = device.or(self.on.group.clone().map(HeldDevices::Group));
        held.ok_or_else(|| Failure::usage("expected one of --mac, --serial, --group and --rule"))
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// The name of the hold
    name: HoldName,
    #[command(flatten)]
    how: ChangeArgs,
}

pub(crate) async fn run(command: HoldCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        HoldCommand::List => {
            let service = context.administer(IfMissing::Refuse).await?;
            let now = service.now();
            let mut list = List::new("holds", "no holds", ["NAME", "HOLDS", "UNTIL", "REASON"]);
            for hold in service.snapshot().book().holds() {
                let until = hold.until.map_or_else(|| "no end".to_owned(), iso);
                let until = if hold.lasts(now) { until } else { format!("{until}, over") };
                let reason = if hold.reason.is_empty() { "-" } else { &hold.reason };
                list.row(report::hold(hold, now), [&hold.name, &hold.on, &until, &reason]);
            }
            context.output.result(&list)
        }
        HoldCommand::Add(args) => {
            if let Some(until) = args.until {
                until.report_missing_zone("--until", context);
            }
            let now = SystemClock.now();
            let until = args.until.map(|until| until.at(now));
            if let Some(over) = until.filter(|until| *until <= now) {
                return Err(Failure::new(format_args!("--until {} is in the past", iso(over))));
            }
            let on = args.held(context).await?;
            let device = args.on.device();
            let hold = Hold { name: args.name, on, until, reason: args.reason.unwrap_or_default().into() };
            make(&BookCommand::AddHold(hold), &args.how, context).await?;
            context.note_unseen(device.as_slice()).await;
            Ok(())
        }
        HoldCommand::Remove(args) => make(&BookCommand::RemoveHold(args.name), &args.how, context).await,
    }
}
