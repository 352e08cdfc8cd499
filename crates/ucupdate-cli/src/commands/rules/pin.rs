//! `ucupdate pin`: manages pins. A pinned device stays at its version.

use crate::args::change::{ChangeArgs, make};
use crate::args::devices::device_or_group::DeviceOrGroupArgs;
use crate::args::rules::RuleName;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use std::fmt::Display;
use ucupdate::book::{Assignment, BookCommand};
use ucupdate::version::ReportedVersion;
use ucupdate_admin::report;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PinCommand {
    /// List the pins of all rules
    List,
    /// Keep a device or a group at a version
    Set(SetArgs),
    /// Remove a pin: the device or group is offered the version of the rule again
    Remove(RemoveArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540
    rule: RuleName,
    /// The version, which an ingested package must contain
    #[arg(value_parser = version)]
    version: ReportedVersion,
    #[command(flatten)]
    whom: DeviceOrGroupArgs,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540
    rule: RuleName,
    #[command(flatten)]
    whom: DeviceOrGroupArgs,
    #[command(flatten)]
    how: ChangeArgs,
}

/// Parses a version of a package, which may be any text that is not blank.
pub(crate) fn version(text: &str) -> Result<ReportedVersion, String> {
    match text.trim() {
        "" => Err("version is blank".to_owned()),
        text => Ok(ReportedVersion::new(text)),
    }
}

/// Returns a pin as a line for people.
pub(super) fn pin_line(pin: &Assignment) -> String {
    format!("pin {} for {}", pin.candidate.version, pin.audience)
}

pub(crate) async fn run(command: PinCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        PinCommand::List => {
            let service = context.administer(IfMissing::Refuse).await?;
            let mut list = List::new("pins", "no pins", ["RULE", "VERSION", "FOR"]);
            for rule in service.snapshot().book().rules() {
                for pin in rule.pins() {
                    let cells: [&dyn Display; 3] = [rule.key(), &pin.candidate.version, &pin.audience];
                    list.row(report::pin(rule, pin), cells);
                }
            }
            context.output.result(&list)
        }
        PinCommand::Set(args) => {
            let SetArgs { rule, version, whom, how } = args;
            let rule = rule.one(context.administer(IfMissing::Refuse).await?.snapshot().book())?;
            let device = whom.device();
            make(&BookCommand::Pin { rule, audience: whom.audience()?, version }, &how, context).await?;
            context.note_unseen(device.as_slice()).await;
            Ok(())
        }
        PinCommand::Remove(args) => {
            let RemoveArgs { rule, whom, how } = args;
            let rule = rule.one(context.administer(IfMissing::Refuse).await?.snapshot().book())?;
            make(&BookCommand::Unpin { rule, audience: whom.audience()? }, &how, context).await
        }
    }
}
