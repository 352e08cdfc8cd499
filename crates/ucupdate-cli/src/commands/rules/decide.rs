//! `ucupdate approve`, `reject`, `rollback`, `remove`: decisions about rules.

use super::pin::version;
use super::rollout_report::stop_warning;
use crate::args::change::{ChangeArgs, make, make_as_seen, make_roll_back_to, report_nothing};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::suggest::{no_rule, refused};
use std::str::FromStr;
use ucupdate::Snapshot;
use ucupdate::book::{BookCommand, Candidate, Refusal, Rule, RuleBook, RuleKey};
use ucupdate::value::PackageId;
use ucupdate::version::ReportedVersion;

#[derive(Debug, clap::Args)]
pub(crate) struct ApproveArgs {
    /// The rules, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE. Either all of them are approved or none
    ///
    /// With one rule, a version can follow: that version is approved instead of the pending one. An ingested package
    /// must contain it
    #[arg(value_name = "RULE [VERSION]", required_unless_present = "all_of", conflicts_with = "all_of")]
    rules: Vec<RuleOrVersion>,
    /// Approve every version that became pending by this package
    #[arg(long, value_name = "PACKAGE-ID")]
    all_of: Option<PackageId>,
    /// Refuse unless this version is pending. Needs exactly one rule
    #[arg(long, value_name = "VERSION", value_parser = version, conflicts_with = "all_of")]
    expect: Option<ReportedVersion>,
    #[command(flatten)]
    how: ChangeArgs,
}

/// A rule or a version. A text without a slash is a version.
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

#[derive(Debug, clap::Args)]
pub(crate) struct UnrejectArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    rule: RuleKey,
    /// The version that was rejected
    #[arg(value_parser = version)]
    version: ReportedVersion,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RejectArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    rule: RuleKey,
    /// Refuse unless this version is pending
    #[arg(value_parser = version)]
    version: Option<ReportedVersion>,
    /// Refuse unless this version is pending
    #[arg(long, value_name = "VERSION", value_parser = version, conflicts_with = "version")]
    expect: Option<ReportedVersion>,
    #[command(flatten)]
    how: ChangeArgs,
}

/// Arguments of a command about one rule.
#[derive(Debug, clap::Args)]
pub(crate) struct RuleArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    rule: RuleKey,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RollBackArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    #[arg(required_unless_present = "to", conflicts_with = "to")]
    rule: Option<RuleKey>,
    /// Restore the whole rule book of this earlier revision, as a new revision
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
    /// Withdraw the approved version, so that the rule has no approved version at all
    #[arg(long, conflicts_with = "to")]
    to_nothing: bool,
    /// Refuse unless the roll back leads to this version
    #[arg(long, value_name = "VERSION", value_parser = version, conflicts_with_all = ["to", "to_nothing"])]
    expect: Option<ReportedVersion>,
    #[command(flatten)]
    how: ChangeArgs,
}

pub(crate) async fn approve(args: ApproveArgs, context: &mut Context) -> Result<(), Failure> {
    approve_named(args, context).await?;
    context.warn(stop_warning).await;
    Ok(())
}

async fn approve_named(args: ApproveArgs, context: &mut Context) -> Result<(), Failure> {
    let command = match args.all_of {
        Some(package) => BookCommand::ApproveAllOf(package),
        None => approved(args.rules)?,
    };
    let Some(expected) = args.expect else { return make(&command, &args.how, context).await };
    let BookCommand::Approve(rules) = &command else {
        return Err(Failure::usage("--expect goes with rules, not with a version"));
    };
    let [rule] = &rules[..] else { return Err(Failure::usage("--expect goes with one rule")) };
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    let known = found(seen.book(), rule)?;
    if let Some(there) = approved_already(known, known.pending(), &expected) {
        return report_nothing(there, args.how.dry_run, context);
    }
    expect(known, "pending", known.pending(), &expected)?;
    as_seen(&command, rule, &args.how, &seen, context).await
}

/// Returns that a version is approved, if it is and the command would lead to another version or to none.
fn approved_already(rule: &Rule, next: Option<&Candidate>, expected: &ReportedVersion) -> Option<String> {
    let is_expected = |candidate: &&Candidate| rule.policy().is_same_release(&candidate.version, expected);
    let approved = rule.approved().filter(is_expected)?;
    let is_next = next.filter(is_expected).is_some();
    (!is_next).then(|| format!("{}: {} is approved already", rule.key(), approved.version))
}

/// Makes a change only if the rule is unchanged since it was read.
async fn as_seen(
    command: &BookCommand,
    rule: &RuleKey,
    how: &ChangeArgs,
    seen: &Snapshot,
    context: &mut Context,
) -> Result<(), Failure> {
    match make_as_seen(command, how, seen.book(), context).await? {
        true => Ok(()),
        false => Err(Failure::new(format_args!(
            "{rule}: the rule was changed meanwhile; look at it and try again"
        ))),
    }
}

fn found<'a>(book: &'a RuleBook, key: &RuleKey) -> Result<&'a Rule, Failure> {
    book.rule(key).ok_or_else(|| no_rule(key, book))
}

/// Returns an error if the version is not the expected one.
fn expect(
    rule: &Rule,
    what: &str,
    there: Option<&Candidate>,
    expected: &ReportedVersion,
) -> Result<(), Failure> {
    let key = rule.key();
    match there.map(|candidate| &candidate.version) {
        Some(version) if rule.policy().is_same_release(version, expected) => Ok(()),
        Some(version) => Err(Failure::new(format_args!("{key}: {version} is {what}, expected {expected}"))),
        None => Err(Failure::new(format_args!("{key}: no version is {what}, expected {expected}"))),
    }
}

/// Returns the command for the given rules, or for one rule and a version.
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

pub(crate) async fn reject(args: RejectArgs, context: &mut Context) -> Result<(), Failure> {
    let RejectArgs { rule, version, expect: expected, how } = args;
    let command = BookCommand::Reject(rule.clone());
    let Some(expected) = version.or(expected) else { return make(&command, &how, context).await };
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    let known = found(seen.book(), &rule)?;
    let is_expected = |version: &ReportedVersion| known.policy().is_same_release(version, &expected);
    if known.pending().is_none_or(|pending| !is_expected(&pending.version)) {
        if let Some(rejected) = known.rejected().iter().find(|rejected| is_expected(rejected)) {
            let there = format!("{}: {rejected} is rejected already", known.key());
            return report_nothing(there, how.dry_run, context);
        }
        check_brought(seen.book(), &rule, &expected)?;
    }
    expect(known, "pending", known.pending(), &expected)?;
    as_seen(&command, &rule, &how, &seen, context).await
}

/// Refuses a version that no package contains for a rule.
fn check_brought(book: &RuleBook, rule: &RuleKey, version: &ReportedVersion) -> Result<(), Failure> {
    if book.newest_release(rule, version).is_some() {
        return Ok(());
    }
    let (rule, version) = (rule.clone(), version.clone());
    Err(refused(Refusal::NoSuchVersion { rule, version }.into(), book))
}

pub(crate) async fn roll_back(args: RollBackArgs, context: &mut Context) -> Result<(), Failure> {
    match (args.rule, args.to) {
        (_, Some(revision)) => make_roll_back_to(revision, &args.how, context).await,
        (Some(rule), None) => {
            let seen = context.administer(IfMissing::Refuse).await?.snapshot();
            let known = found(seen.book(), &rule)?;
            if let Some(expected) = &args.expect {
                if let Some(there) = approved_already(known, known.rollback(), expected) {
                    return report_nothing(there, args.how.dry_run, context);
                }
                expect(known, "kept for roll back", known.rollback(), expected)?;
            }
            let command = match args.to_nothing {
                true => BookCommand::RollBackToNothing(rule.clone()),
                false => BookCommand::RollBack(rule.clone()),
            };
            as_seen(&command, &rule, &args.how, &seen, context).await
        }
        (None, None) => Err(Failure::usage("expected RULE or --to REVISION")),
    }
}

pub(crate) async fn remove(args: RuleArgs, context: &mut Context) -> Result<(), Failure> {
    make(&BookCommand::Remove(args.rule), &args.how, context).await
}
