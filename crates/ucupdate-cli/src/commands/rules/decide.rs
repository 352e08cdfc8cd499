//! `ucupdate approve`, `reject`, `rollback`, `remove`: decisions about rules.

use super::pin::version;
use crate::args::change::{ChangeArgs, make, make_roll_back_to};
use crate::context::Context;
use crate::failure::Failure;
use std::str::FromStr;
use ucupdate::book::{BookCommand, RuleKey};
use ucupdate::value::PackageId;
use ucupdate::version::ReportedVersion;

/// How `approve` is called.
#[derive(Debug, clap::Args)]
pub(crate) struct ApproveArgs {
    /// The rules, as UCPhone/LG-Nortel/IP8540/A/ENU/CPE; all are approved or none
    ///
    /// A version after one rule approves that version, which a package must have brought, whatever is pending
    #[arg(value_name = "RULE [VERSION]", required_unless_present = "all_of", conflicts_with = "all_of")]
    rules: Vec<RuleOrVersion>,
    /// Approve all that this package made pending
    #[arg(long, value_name = "PACKAGE-ID")]
    all_of: Option<PackageId>,
    #[command(flatten)]
    how: ChangeArgs,
}

/// A rule, or a version: a version has no slash.
#[derive(Clone, Debug)]
enum RuleOrVersion {
    Rule(RuleKey),
    Version(ReportedVersion),
}

impl FromStr for RuleOrVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            return text.parse().map(Self::Rule).map_err(|error| error.to_string());
        }
        version(text).map(Self::Version)
    }
}

/// How `unreject` is called.
#[derive(Debug, clap::Args)]
pub(crate) struct UnrejectArgs {
    /// The rule, as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    rule: RuleKey,
    /// The version that was rejected
    #[arg(value_parser = version)]
    version: ReportedVersion,
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

pub(crate) async fn approve(args: ApproveArgs, context: &mut Context) -> Result<(), Failure> {
    let command = match args.all_of {
        Some(package) => BookCommand::ApproveAllOf(package),
        None => approved(args.rules)?,
    };
    make(&command, &args.how, context).await
}

/// Returns the command for some rules, or for one rule and a version.
fn approved(named: Vec<RuleOrVersion>) -> Result<BookCommand, Failure> {
    if let [RuleOrVersion::Rule(rule), RuleOrVersion::Version(version)] = &named[..] {
        return Ok(BookCommand::ApproveVersion { rule: rule.clone(), version: version.clone() });
    }
    let rules = named.into_iter().map(|named| match named {
        RuleOrVersion::Rule(rule) => Ok(rule),
        RuleOrVersion::Version(version) => Err(Failure::usage(format_args!(
            "{version} is a version: expected it once, after one rule, as approve RULE VERSION"
        ))),
    });
    Ok(BookCommand::Approve(rules.collect::<Result<_, _>>()?))
}

pub(crate) async fn unreject(args: UnrejectArgs, context: &mut Context) -> Result<(), Failure> {
    let UnrejectArgs { rule, version, how } = args;
    make(&BookCommand::Unreject { rule, version }, &how, context).await
}

pub(crate) async fn reject(args: RuleArgs, context: &mut Context) -> Result<(), Failure> {
    make(&BookCommand::Reject(args.rule), &args.how, context).await
}

pub(crate) async fn roll_back(args: RollBackArgs, context: &mut Context) -> Result<(), Failure> {
    match (args.rule, args.to) {
        (_, Some(revision)) => make_roll_back_to(revision, &args.how, context).await,
        (Some(rule), None) => make(&BookCommand::RollBack(rule), &args.how, context).await,
        (None, None) => Err(Failure::usage("expected RULE or --to REVISION")),
    }
}

pub(crate) async fn remove(args: RuleArgs, context: &mut Context) -> Result<(), Failure> {
    make(&BookCommand::Remove(args.rule), &args.how, context).await
}
