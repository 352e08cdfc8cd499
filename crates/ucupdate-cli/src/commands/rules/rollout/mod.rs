//! `ucupdate rollout`: manages rollouts and the kill switch.

mod edit;
pub(crate) mod report;
mod status;

use crate::args::change::author::AuthorArgs;
use crate::args::change::change;
use crate::args::change::reason::reason;
use crate::args::change::{ChangeArgs, make_all};
use crate::args::moment::{Later, Span};
use crate::args::number::number;
use crate::args::package_prefix::PackagePrefix;
use crate::args::rules::{self, RuleName};
use crate::args::window::WindowArg;
use crate::commands::rules::pin::version;
use crate::commands::rules::rollout::report::{devices_line, stop_line};
use crate::commands::rules::rollout::status::StatusArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use clap::ArgGroup;
use serde_json::{Value, json};
use ucupdate::book::{
    Audience, BookCommand, GroupName, Guard, Percent, Ramp, Rollout, RolloutName, Rule, RuleBook, RuleKey,
    Share, Stages, StopScope,
};
use ucupdate::value::UnixTime;
use ucupdate::version::ReportedVersion;
use ucupdate::{Clock as _, SystemClock};
use ucupdate_admin::report::{RolloutReport, RolloutStatus};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum RolloutCommand {
    /// List the rollouts of all rules, and the rules whose offers are stopped
    List,
    /// Show the progress of rollouts: the devices that were offered the version, download it, installed it, failed or
    /// are overdue
    Status(StatusArgs),
    /// Offer a version to a share of the devices of a rule, or to a group
    Start(Box<StartArgs>),
    /// Change the share or the stages of a rollout
    Edit(Box<edit::EditArgs>),
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

/// The share of the devices that a rollout is for.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("share").args(["percent", "ramp"])))]
pub(super) struct ShareArgs {
    /// Offer the version to this share of the devices, such as 10 or 12.5%
    #[arg(long)]
    percent: Option<Percent>,
    /// Offer the version to a share that grows over time, such as 10%@0d,50%@3d,100%@7d
    #[arg(long, value_name = "STAGES")]
    ramp: Option<Stages>,
    /// The time at which the share or the first stage begins, such as 2026-12-01T22:00Z, or 3d from now [default: now]
    #[arg(long, value_name = "TIME")]
    start_at: Option<Later>,
}

impl ShareArgs {
    /// Returns the share of the devices. If the options give no share, returns all devices if
    /// `is_all` is set, and `None` otherwise. A share with a later start is a ramp of one stage.
    pub(super) fn share(self, now: UnixTime, is_all: bool) -> Option<Share> {
        let begin = self.start_at.map(|start| start.at(now));
        let ramp = |stages| Share::Ramp(Ramp::new(begin.unwrap_or(now), stages));
        let later = |percent: &str| format!("{percent}@0d").parse().ok().map(ramp);
        match (self.ramp, self.percent, begin) {
            (Some(stages), ..) => Some(ramp(stages)),
            (None, Some(percent), None) => Some(Share::Percent(percent)),
            (None, Some(percent), Some(_)) => later(&percent.to_string()),
            (None, None, None) => is_all.then_some(Share::All),
            (None, None, Some(_)) => is_all.then(|| later("100%")).flatten(),
        }
    }

    /// Writes a message if `--start-at` names no time zone, and therefore is in UTC.
    pub(super) fn report_missing_zone(&self, context: &mut Context) {
        if let Some(start) = self.start_at {
            start.report_missing_zone("--start-at", context);
        }
    }
}

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("pause").args(["pause_after_failures", "pause_at_share"]).multiple(true)))]
pub(crate) struct StartArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540, or a pattern of rules such as 'UCPhone/Polycom/*'
    #[arg(required_unless_present = "all_of", conflicts_with = "all_of")]
    rule: Option<RuleName>,
    /// The version, which an ingested package must contain
    #[arg(value_parser = version, required_unless_present = "all_of", conflicts_with = "all_of")]
    version: Option<ReportedVersion>,
    /// Start a rollout in every rule for which this package has a version, with this version
    #[arg(long, value_name = "PACKAGE-ID")]
    all_of: Option<PackagePrefix>,
    /// The name of the rollout [default: the version]
    #[arg(long)]
    name: Option<RolloutName>,
    /// Offer the version only to this group
    #[arg(long)]
    group: Option<GroupName>,
    #[command(flatten)]
    share: ShareArgs,
    /// Offer the version only in these hours, such as "Mon-Fri 22:00-05:00 Europe/Lisbon"
    #[arg(long)]
    window: Option<WindowArg>,
    /// Pause automatically when this number of devices failed
    #[arg(long, value_name = "N", value_parser = |text: &str| number::<u32>(text, 1..=4_294_967_295))]
    pause_after_failures: Option<u32>,
    /// Pause automatically when this share of the devices that are back or overdue failed
    #[arg(long, value_name = "P")]
    pause_at_share: Option<Percent>,
    /// The number of devices that must be back or overdue before --pause-at-share counts [default: 20]
    #[arg(long, value_name = "N", requires = "pause_at_share", value_parser = |text: &str| number::<u32>(text, 1..=4_294_967_295))]
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

    fn commands(self, book: &RuleBook, now: UnixTime) -> Result<(Vec<BookCommand>, ChangeArgs), Failure> {
        let rules = self.rules(book)?;
        let guard = self.guard();
        let Some(share) = self.share.share(now, self.group.is_some()) else {
            return Err(Failure::usage(format_args!(
                "no devices are given, expected --percent 100 for every device of {}, --percent or --ramp for some, \
                 or --group",
                self.rule.map_or_else(|| "these rules".to_owned(), |rule| rule.to_string())
            )));
        };
        let audience = self.group.map_or(Audience::Everybody, Audience::Group);
        let mut commands = Vec::new();
        for (rule, version) in rules {
            let name = match &self.name {
                Some(name) => name.clone(),
                None => version.as_str().parse().map_err(|error| {
                    Failure::usage(format_args!("--name is missing, and {version} is not a name: {error}"))
                })?,
            };
            let mut rollout = Rollout::new(name).to_share(share.clone());
            rollout.window = self.window.as_ref().map(|window| window.window().clone());
            rollout.guard = guard;
            commands.push(BookCommand::StartRollout { rule, audience: audience.clone(), version, rollout });
        }
        Ok((commands, self.how))
    }

    /// Returns the named rules, each with the version that its rollout offers.
    fn rules(&self, book: &RuleBook) -> Result<Vec<(RuleKey, ReportedVersion)>, Failure> {
        let (Some(rule), Some(version)) = (&self.rule, &self.version) else {
            let package = self.all_of.as_ref();
            return package
                .ok_or_else(|| Failure::usage("expected a rule and a version, or --all-of"))?
                .rules(book);
        };
        let has_version = |rule: &Rule| book.newest_release(rule.key(), version).is_some();
        let rules = rules::all_of(std::slice::from_ref(rule), book, "this version", has_version)?;
        Ok(rules.into_iter().map(|rule| (rule, version.clone())).collect())
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct NamedArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540, or a pattern of rules such as 'UCPhone/Polycom/*'
    rule: RuleName,
    /// The name of the rollout
    name: RolloutName,
    #[command(flatten)]
    how: ChangeArgs,
}

impl NamedArgs {
    /// Makes a change in each named rule. For a pattern, these are the matching rules that have the
    /// rollout.
    pub(super) async fn change(
        self,
        command: impl Fn(RuleKey, RolloutName) -> BookCommand,
        context: &mut Context,
    ) -> Result<(), Failure> {
        let Self { rule, name, how } = self;
        let seen = context.administer(IfMissing::Refuse).await?.snapshot();
        let has_rollout = |rule: &Rule| rule.rollout(&name).is_some();
        let rules = rules::all_of(&[rule], seen.book(), &format!("a rollout {name}"), has_rollout)?;
        let commands: Vec<BookCommand> = rules.into_iter().map(|rule| command(rule, name.clone())).collect();
        make_all(&commands, &how, context).await
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct PercentArgs {
    #[command(flatten)]
    rollout: NamedArgs,
    /// The share, such as 10 or 12.5%. With a smaller share, devices that have the version keep it
    percent: Percent,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PauseArgs {
    /// The reason, which the history and lists show
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    rollout: NamedArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KillArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540 [default: all rules]
    rule: Option<RuleName>,
    /// The reason, which the history and lists show
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    author: AuthorArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RestartArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540 [default: all rules]
    rule: Option<RuleName>,
    /// Agree to the request of another administrator
    #[arg(long)]
    approve: bool,
    #[command(flatten)]
    author: AuthorArgs,
}

async fn scope(rule: Option<RuleName>, context: &mut Context) -> Result<StopScope, Failure> {
    let Some(rule) = rule else { return Ok(StopScope::All) };
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    Ok(StopScope::Rule(rule.one(seen.book())?))
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
                let (whom, state) = (status.rollout.audience_text(), status.rollout.state());
                let devices = &status.devices;
                let mut value = serde_json::to_value(&status.rollout)?;
                value["devices"] = serde_json::to_value(devices)?;
                list.row(value, [rule, name, version, &whom, &state]);
                if devices.offered > 0 {
                    list.line(devices_line(devices));
                }
            }
            let stops = || snapshot.book().stops();
            let stopped: Vec<Value> =
                stops().map(|(scope, stop)| ucupdate_admin::report::stop(scope, stop)).collect();
            let mut lines: Vec<String> = stops().map(|(scope, stop)| stop_line(scope, stop)).collect();
            lines.push(list.to_string());
            let value = json!({ "rollouts": list.values(), "stopped": stopped });
            context.output.both(&value, lines.join("\n"))
        }
        RolloutCommand::Status(args) => status::run(args, context).await,
        RolloutCommand::Start(args) => {
            if let Some(window) = &args.window {
                window.report_missing_zone(context);
            }
            args.share.report_missing_zone(context);
            let seen = context.administer(IfMissing::Refuse).await?.snapshot();
            let (commands, how) = args.commands(seen.book(), SystemClock.now())?;
            make_all(&commands, &how, context).await
        }
        RolloutCommand::Edit(args) => edit::run(*args, context).await,
        RolloutCommand::Percent(PercentArgs { rollout, percent }) => {
            let share = Share::Percent(percent);
            rollout.change(|rule, name| BookCommand::SetShare(rule, name, share.clone()), context).await
        }
        RolloutCommand::Pause(PauseArgs { rollout, reason }) => {
            let reason = reason.unwrap_or_default();
            rollout
                .change(|rule, name| BookCommand::PauseRollout(rule, name, (*reason).into()), context)
                .await
        }
        RolloutCommand::Resume(rollout) => rollout.change(BookCommand::ResumeRollout, context).await,
        RolloutCommand::Finish(rollout) => rollout.change(BookCommand::FinishRollout, context).await,
        RolloutCommand::Stop(rollout) => rollout.change(BookCommand::EndRollout, context).await,
        RolloutCommand::Kill(KillArgs { rule, reason, author }) => {
            let scope = scope(rule, context).await?;
            change(&BookCommand::Kill { scope, reason: reason.unwrap_or_default().into() }, &author, context)
                .await
        }
        RolloutCommand::Restart(RestartArgs { rule, approve, author }) => {
            let scope = scope(rule, context).await?;
            let command = match approve {
                true => BookCommand::ApproveRestart { scope },
                false => BookCommand::AskRestart { scope },
            };
            change(&command, &author, context).await
        }
    }
}
