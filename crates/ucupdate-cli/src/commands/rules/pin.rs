//! `ucupdate pin`: devices that stay at a version, whatever else their rule says.

use crate::args::change::{ChangeArgs, make};
use crate::args::whom::{WhomArgs, WhomReport};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::table::Table;
use serde::Serialize;
use std::fmt;
use ucupdate::book::{Assignment, BookCommand, Rule, RuleKey};
use ucupdate::version::ReportedVersion;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PinCommand {
    /// List the pins of all rules
    List,
    /// Keep a device or a group at a version
    Set(SetArgs),
    /// Let it have what the rule says again
    Remove(RemoveArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    /// The rule, as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    rule: RuleKey,
    /// The version; a package must have brought it
    #[arg(value_parser = version)]
    version: ReportedVersion,
    #[command(flatten)]
    whom: WhomArgs,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// The rule, as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    rule: RuleKey,
    #[command(flatten)]
    whom: WhomArgs,
    #[command(flatten)]
    how: ChangeArgs,
}

/// A version as a package may name it: any text.
pub(super) fn version(text: &str) -> Result<ReportedVersion, String> {
    match text.trim() {
        "" => Err("version is blank".to_owned()),
        text => Ok(ReportedVersion::new(text)),
    }
}

#[derive(Debug, Serialize)]
struct Report {
    pins: Vec<PinReport>,
}

/// A pin of a rule.
#[derive(Debug, Serialize)]
pub(super) struct PinReport {
    rule: String,
    version: String,
    package: String,
    #[serde(flatten)]
    whom: WhomReport,
    #[serde(skip)]
    text: String,
}

impl PinReport {
    /// The pins of a rule, in the order in which they are looked at.
    pub(super) fn all_of(rule: &Rule) -> impl Iterator<Item = Self> {
        rule.pins().map(|pin| Self::of(rule, pin))
    }

    fn of(rule: &Rule, pin: &Assignment) -> Self {
        Self {
            rule: rule.key().to_string(),
            version: pin.candidate.version.to_string(),
            package: pin.candidate.package.to_string(),
            whom: WhomReport::from(&pin.audience),
            text: pin.audience.to_string(),
        }
    }
}

impl fmt::Display for PinReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pin {} for {}", self.version, self.text)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pins.is_empty() {
            return f.write_str("no pins");
        }
        let mut table = Table::new(["RULE", "VERSION", "FOR"]);
        for pin in &self.pins {
            table.row([&pin.rule, &pin.version, &pin.text]);
        }
        table.fmt(f)
    }
}

pub(crate) async fn run(command: PinCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        PinCommand::List => {
            let service = context.administer(IfMissing::Refuse).await?;
            let pins = service.snapshot().book().rules().flat_map(PinReport::all_of).collect();
            context.output.result(&Report { pins })
        }
        PinCommand::Set(args) => {
            let SetArgs { rule, version, whom, how } = args;
            make(&BookCommand::Pin { rule, audience: whom.audience()?, version }, &how, context).await
        }
        PinCommand::Remove(args) => {
            let RemoveArgs { rule, whom, how } = args;
            make(&BookCommand::Unpin { rule, audience: whom.audience()? }, &how, context).await
        }
    }
}
