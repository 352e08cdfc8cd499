//! `ucupdate rollout`: manages rollouts and the kill switch.

use super::pin::version;
use super::rollout_report::{devices_line, stop_line};
use super::rollout_status::{self, StatusArgs};
use crate::args::author::AuthorArgs;
use crate::args::change::change;
use crate::args::change::{ChangeArgs, make};
use crate::args::moment::Span;
use crate::args::window::WindowArg;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use clap::ArgGroup;
use serde_json::{Value, json};
use ucupdate::book::{
    Audience, BookCommand, GroupName, Guard, Percent, Ramp, Rollout, RolloutName, RuleKey, Share, Stages,
    StopScope,
};
use ucupdate::value::UnixTime;
use ucupdate::version::ReportedVersion;
use ucupdate::{Clock as _, SystemClock};
use ucupdate_admin::report::{self, RolloutReport, RolloutStatus};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum RolloutCommand {
    /// List the rollouts of all rules, and the rules whose offers are stopped
    List,
    /// Show the progress of rollouts: the devices that were offered the version, download it, installed it, failed or
    /// are overdue
    Status(StatusArgs),
    /// Offer a version to a share of the devices of a rule, or to a group
    Start(Box<StartArgs>),
    /// Change the share of a rollout
    Percent(PercentArgs),
    /// Pause a rollout: its version is offered to no further device. Devices that have the version keep it
    Pause(PauseArgs),
    /// Resume a paused rollout
    Resume(NamedArgs),
    /// Finish a rollout: approve its version for all devices of the rule
    Finish(NamedArgs),
    /// End a rollout without approving its version. Devices that have the version are offered the approved one
    Stop(NamedArgs),
    /// Stop all offers at once, or the offers of one rule
    Kill(KillArgs),
    /// Request that stopped offers continue or, with --approve, agree to the request of another administrator
    Restart(RestartArgs),
}

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("share").args(["percent", "ramp"])))]
#[command(group(ArgGroup::new("pause").args(["pause_after_failures", "pause_at_share"]).multiple(true)))]
pub(crate) struct StartArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    rule: RuleKey,
    /// The version, which an ingested package must contain
    #[arg(value_parser = version)]
    version: ReportedVersion,
    /// The name of the rollout [default: the version]
    #[arg(long)]
    name: Option<RolloutName>,
    /// Offer the version only to this group
    #[arg(long)]
    group: Option<GroupName>,
    /// Offer the version to this share of the devices, such as 10 or 12.5%
    #[arg(long)]
    percent: Option<Percent>,
    /// Offer the version to a share that grows over time, such as 10%@0d,50%@3d,100%@7d
    #[arg(long, value_name = "STAGES")]
    ramp: Option<Stages>,
    /// Offer the version only in these hours, such as "Mon-Fri 22:00-05:00 Europe/Lisbon"
    #[arg(long)]
    window: Option<WindowArg>,
    /// Pause automatically when this number of devices failed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pause_after_failures: Option<u32>,
    /// Pause automatically when this share of the devices that are back or overdue failed
    #[arg(long, value_name = "P")]
    pause_at_share: Option<Percent>,
    /// The number of devices that must be back or overdue before --pause-at-share counts [default: 20]
    #[arg(long, value_name = "N", requires = "pause_at_share", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    /// The time after which a device is overdue that is not back with the version, such as 2d or 12h [default: 2d]
    #[arg(long, value_name = "TIME", requires = "pause")]
    deadline: Option<Span>,
    /// The time that an installation takes, in which the old version is no failure [default: 1h]
    #[arg(long, value_name = "TIME", requires = "pause")]
    install_time: Option<Span>,
    #[command(flatten)]
    how: ChangeArgs,
}

impl StartArgs {
    fn guard(&self) -> Option<Guard> {
        if self.pause_after_failures.is_none() && self.pause_at_share.is_none() {
            return None;
        }
        let mut guard = Guard::default();
        guard.failures = self.pause_after_failures;
        guard.share = self.pause_at_share;
        guard.sample = self.sample.unwrap_or(guard.sample);
        guard.deadline_seconds = self.deadline.map_or(guard.deadline_seconds, |span| span.0);
        guard.install_seconds = self.install_time.map_or(guard.install_seconds, |span| span.0);
        Some(guard)
    }

    fn command(self, now: UnixTime) -> Result<(BookCommand, ChangeArgs), Failure> {
        let guard = self.guard();
        let name = match self.name {
            Some(name) => name,
            None => self.version.as_str().parse().map_err(|error| {
                Failure::usage(format_args!("--name is missing, and {} is no name: {error}", self.version))
            })?,
        };
        let share = match (self.percent, self.ramp) {
            (Some(percent), _) => Share::Percent(percent),
            (None, Some(stages)) => Share::Ramp(Ramp::new(now, stages)),
            (None, None) if self.group.is_some() => Share::All,
            (None, None) => {
                return Err(Failure::usage(format_args!(
                    "whom is the rollout for? expected --percent 100 for every device of {}, --percent or --ramp for some, \
                     or --group",
                    self.rule
                )));
            }
        };
        let mut rollout = Rollout::new(name).to_share(share);
        rollout.window = self.window.map(|window| window.window().clone());
        rollout.guard = guard;
        let audience = self.group.map_or(Audience::Everybody, Audience::Group);
        let command = BookCommand::StartRollout { rule: self.rule, audience, version: self.version, rollout };
        Ok((command, self.how))
    }
}

/// The name of a rollout and its rule.
#[derive(Debug, clap::Args)]
pub(crate) struct NamedArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    rule: RuleKey,
    /// The name of the rollout
    name: RolloutName,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PercentArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    rule: RuleKey,
    /// The name of the rollout
    name: RolloutName,
    /// The share, such as 10 or 12.5%. With a smaller share, devices that have the version keep it
    percent: Percent,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    rollout: NamedArgs,
    /// The reason, which the history and lists show
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KillArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE [default: all rules]
    rule: Option<RuleKey>,
    /// The reason, which the history and lists show
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    author: AuthorArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RestartArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE [default: all rules]
    rule: Option<RuleKey>,
    /// Agree to the request of another administrator
    #[arg(long)]
    approve: bool,
    #[command(flatten)]
    author: AuthorArgs,
}

fn scope(rule: Option<RuleKey>) -> StopScope {
    rule.map_or(StopScope::All, StopScope::Rule)
}

pub(crate) async fn run(command: RolloutCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        RolloutCommand::List => {
            let service = context.administer(IfMissing::Refuse).await?;
            let (snapshot, now) = (service.snapshot(), service.now());
            let heading = ["RULE", "ROLLOUT", "VERSION", "FOR", "NOW"];
            let mut list = List::new("rollouts", "no rollouts", heading);
            let outcomes = service.read_outcomes().await?;
            let book = snapshot.book();
            for status in book.rules().flat_map(|rule| RolloutStatus::all_of(rule, book, &outcomes, now)) {
                let RolloutReport { rule, name, version, .. } = &status.rollout;
                let (whom, state) = (status.rollout.whom(), status.rollout.state());
                let devices = &status.devices;
                let mut value = serde_json::to_value(&status.rollout)?;
                value["devices"] = serde_json::to_value(devices)?;
                list.row(value, [rule, name, version, &whom, &state]);
                if devices.offered > 0 {
                    list.line(devices_line(devices));
                }
            }
            let stops = || snapshot.book().stops();
            let stopped: Vec<Value> = stops().map(|(scope, stop)| report::stop(scope, stop)).collect();
            let mut lines: Vec<String> = stops().map(|(scope, stop)| stop_line(scope, stop)).collect();
            lines.push(list.to_string());
            let value = json!({ "rollouts": list.values(), "stopped": stopped });
            context.output.both(&value, lines.join("\n"))
        }
        RolloutCommand::Status(args) => rollout_status::run(args, context).await,
        RolloutCommand::Start(args) => {
            if let Some(window) = &args.window {
                window.tell(context);
            }
            let (command, how) = args.command(SystemClock.now())?;
            make(&command, &how, context).await
        }
        RolloutCommand::Percent(PercentArgs { rule, name, percent, how }) => {
            make(&BookCommand::SetShare(rule, name, Share::Percent(percent)), &how, context).await
        }
        RolloutCommand::Pause(PauseArgs { rollout: NamedArgs { rule, name, how }, reason }) => {
            make(&BookCommand::PauseRollout(rule, name, reason.trim().into()), &how, context).await
        }
        RolloutCommand::Resume(NamedArgs { rule, name, how }) => {
            make(&BookCommand::ResumeRollout(rule, name), &how, context).await
        }
        RolloutCommand::Finish(NamedArgs { rule, name, how }) => {
            make(&BookCommand::FinishRollout(rule, name), &how, context).await
        }
        RolloutCommand::Stop(NamedArgs { rule, name, how }) => {
            make(&BookCommand::StopRollout(rule, name), &how, context).await
        }
        RolloutCommand::Kill(KillArgs { rule, reason, author }) => {
            change(&BookCommand::Kill { scope: scope(rule), reason: reason.trim().into() }, &author, context)
                .await
        }
        RolloutCommand::Restart(RestartArgs { rule, approve, author }) => {
            let scope = scope(rule);
            let command = match approve {
                true => BookCommand::ApproveRestart { scope },
                false => BookCommand::AskRestart { scope },
            };
            change(&command, &author, context).await
        }
    }
}
