//! `ucupdate approve`, `reject`, `rollback`, `remove`: decisions about rules.

use crate::args::AuthorArgs;
use crate::change_args::{ChangeArgs, make};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::shown::Shown;
use serde::Serialize;
use std::fmt;
use ucupdate::ChangeError;
use ucupdate::book::{Command, Refusal, RuleBook, RuleKey};
use ucupdate::value::PackageId;

/// How `approve` is called.
#[derive(Debug, clap::Args)]
pub(crate) struct ApproveArgs {
    /// The rules, as UCPhone/LG-Nortel/IP8540/A/ENU/CPE; all are approved or none
    #[arg(value_name = "RULE", required_unless_present = "all_of", conflicts_with = "all_of")]
    rules: Vec<RuleKey>,
    /// Approve all that this package made pending
    #[arg(long, value_name = "PACKAGE-ID")]
    all_of: Option<PackageId>,
    #[command(flatten)]
    how: ChangeArgs,
}

/// How a command about one rule is called.
#[derive(Debug, clap::Args)]
pub(crate) struct RuleArgs {
    /// The rule, as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    rule: RuleKey,
    #[command(flatten)]
    how: ChangeArgs,
}

/// How `rollback` is called.
#[derive(Debug, clap::Args)]
pub(crate) struct RollBackArgs {
    /// The rule, as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    #[arg(required_unless_present = "to", conflicts_with = "to")]
    rule: Option<RuleKey>,
    /// Restore the whole rule book of this earlier revision instead, as a new revision
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
    #[command(flatten)]
    how: ChangeArgs,
}

/// What a change did.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The revision of the rule book the change made; none when nothing changes.
    pub(super) revision: Option<u64>,
    /// What happened, a sentence each.
    pub(super) notes: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.notes.iter();
        match lines.next() {
            Some(first) => write!(f, "{}", Shown(first))?,
            None => return f.write_str(if self.revision.is_some() { "done" } else { "nothing changes" }),
        }
        lines.try_for_each(|line| write!(f, "\n{}", Shown(line)))
    }
}

/// Makes a change, and tells what it did.
pub(crate) async fn change(
    command: &Command,
    author: &AuthorArgs,
    context: &mut Context,
) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let changed = service.command(command, &author.name()).await?;
    let notes = changed.notes.iter().map(ToString::to_string).collect();
    context.output.result(&Report { revision: changed.revision, notes })
}

/// The same where what the command replaces is still as it was seen; gives whether it was made.
pub(crate) async fn change_as_seen(
    command: &Command,
    author: &AuthorArgs,
    seen: &RuleBook,
    context: &mut Context,
) -> Result<bool, Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let changed = match service.command_as_seen(command, &author.name(), seen).await {
        Err(ChangeError::Refused(Refusal::ChangedMeanwhile { .. })) => return Ok(false),
        changed => changed?,
    };
    let notes = changed.notes.iter().map(ToString::to_string).collect();
    context.output.result(&Report { revision: changed.revision, notes })?;
    Ok(true)
}

pub(crate) async fn approve(args: ApproveArgs, context: &mut Context) -> Result<(), Failure> {
    let command = match args.all_of {
        Some(package) => Command::ApproveAllOf(package),
        None => Command::Approve(args.rules),
    };
    make(&command, &args.how, context).await
}

pub(crate) async fn reject(args: RuleArgs, context: &mut Context) -> Result<(), Failure> {
    make(&Command::Reject(args.rule), &args.how, context).await
}

pub(crate) async fn roll_back(args: RollBackArgs, context: &mut Context) -> Result<(), Failure> {
    let command = match (args.rule, args.to) {
        (_, Some(revision)) => Command::RollBackTo(revision),
        (Some(rule), None) => Command::RollBack(rule),
        (None, None) => return Err(Failure::usage("expected RULE or --to REVISION")),
    };
    make(&command, &args.how, context).await
}

pub(crate) async fn remove(args: RuleArgs, context: &mut Context) -> Result<(), Failure> {
    make(&Command::Remove(args.rule), &args.how, context).await
}
