//! `ucupdate approve`, `reject`, `unreject`, `rollback`, `remove`: decisions about the versions of
//! rules.

use super::pin::version;
use crate::args::change::{ChangeArgs, make, make_all, make_if_unchanged, make_roll_back_to, report_nothing};
use crate::args::number::number;
use crate::args::package_prefix::PackagePrefix;
use crate::args::rules::{self, RuleName, found};
use crate::commands::rules::rollout::report::{hold_warning, stop_warning};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::suggest::{matching, refused};
use std::str::FromStr;
use ucupdate::book::{BookCommand, Candidate, Refusal, Rule, RuleBook, RuleKey};
use ucupdate::version::ReportedVersion;
use ucupdate::{Clock as _, Snapshot, SystemClock};

#[derive(Debug, clap::Args)]
pub(crate) struct ApproveArgs {
    /// The rules, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540, or a pattern such as 'UCPhone/Polycom/*'. Either all of
    /// them are approved or none
    ///
    /// With one rule, a version can follow: that version is approved instead of the pending one. An ingested package
    /// must contain it
    #[arg(value_name = "RULE [VERSION]", required_unless_present = "all_of", conflicts_with = "all_of")]
    rules: Vec<RuleOrVersion>,
    /// Approve every version that became pending by this package
    #[arg(long, value_name = "PACKAGE-ID")]
    all_of: Option<PackagePrefix>,
    /// Refuse unless this version is pending. Needs exactly one rule
    #[arg(long, value_name = "VERSION", value_parser = version, conflicts_with = "all_of")]
    expect: Option<ReportedVersion>,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Clone, Debug)]
enum RuleOrVersion {
    Rule(RuleName),
    /// A version, or some words of a rule. The rule book decides which of them it is.
    Either(RuleName, ReportedVersion),
}

impl FromStr for RuleOrVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = text.parse()?;
        match text.contains(['/', '*']) {
            true => Ok(Self::Rule(rule)),
            false => Ok(Self::Either(rule, version(text)?)),
        }
    }
}

/// Splits the arguments into the names of rules, and the version if the last argument is one.
fn split(
    named: &[RuleOrVersion],
    book: &RuleBook,
) -> Result<(Vec<RuleName>, Option<ReportedVersion>), Failure> {
    let (mut rules, mut version) = (Vec::new(), None);
    for (place, one) in named.iter().enumerate() {
        match one {
            RuleOrVersion::Either(name, text) if place > 0 && matching(text.as_str(), book).is_empty() => {
                if place + 1 < named.len() || rules.len() != 1 {
                    return Err(Failure::usage(format_args!(
                        "{name} is a version: expected it once, after one rule, as approve RULE VERSION"
                    )));
                }
                version = Some(text.clone());
            }
            RuleOrVersion::Rule(name) | RuleOrVersion::Either(name, _) => rules.push(name.clone()),
        }
    }
    Ok((rules, version))
}

#[derive(Debug, clap::Args)]
pub(crate) struct UnrejectArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540
    rule: RuleName,
    /// The version that was rejected
    #[arg(value_parser = version)]
    version: ReportedVersion,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RejectArgs {
    /// The rules, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540, or a pattern such as 'UCPhone/Polycom/*'
    ///
    /// With one rule, a version can follow: the command is refused unless that version is pending
    #[arg(value_name = "RULE [VERSION]", required_unless_present = "all_of", conflicts_with = "all_of")]
    rules: Vec<RuleOrVersion>,
    /// Reject every version that became pending by this package
    #[arg(long, value_name = "PACKAGE-ID")]
    all_of: Option<PackagePrefix>,
    /// Refuse unless this version is pending. Needs exactly one rule
    #[arg(long, value_name = "VERSION", value_parser = version, conflicts_with = "all_of")]
    expect: Option<ReportedVersion>,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// The rules, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540, or a pattern such as 'UCPhone/Polycom/*'
    #[arg(value_name = "RULE", required_unless_present = "all_of", conflicts_with = "all_of")]
    rules: Vec<RuleName>,
    /// Remove every rule for which this package has a version
    #[arg(long, value_name = "PACKAGE-ID")]
    all_of: Option<PackagePrefix>,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RollBackArgs {
    /// The rules, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540, or a pattern such as 'UCPhone/Polycom/*'
    #[arg(value_name = "RULE", required_unless_present_any = ["to", "all_of"], conflicts_with_all = ["to", "all_of"])]
    rules: Vec<RuleName>,
    /// Roll back every rule in which a version of this package is approved
    #[arg(long, value_name = "PACKAGE-ID", conflicts_with = "to")]
    all_of: Option<PackagePrefix>,
    /// Restore the whole rule book of this earlier revision, as a new revision
    #[arg(long, value_name = "REVISION", value_parser = |text: &str| number::<u64>(text, 1..=u64::MAX))]
    to: Option<u64>,
    /// Withdraw the approved version, so that the rule has no approved version at all
    #[arg(long, conflicts_with = "to")]
    to_nothing: bool,
    /// Refuse unless the roll back leads to this version
    #[arg(long, value_name = "VERSION", value_parser = version, conflicts_with_all = ["to", "to_nothing", "all_of"])]
    expect: Option<ReportedVersion>,
    #[command(flatten)]
    how: ChangeArgs,
}

pub(crate) async fn approve(args: ApproveArgs, context: &mut Context) -> Result<(), Failure> {
    approve_named(args, context).await?;
    context.warn(stop_warning).await;
    warn_of_holds(context).await;
    Ok(())
}

/// Writes a warning about holds that keep groups and rules from the versions that were just
/// approved.
async fn warn_of_holds(context: &mut Context) {
    let now = SystemClock.now();
    context.warn(|book| hold_warning(book, now)).await;
}

async fn approve_named(args: ApproveArgs, context: &mut Context) -> Result<(), Failure> {
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    if let Some(package) = args.all_of {
        return make(&BookCommand::ApproveAllOf(package.in_book(seen.book())?), &args.how, context).await;
    }
    let (names, version) = split(&args.rules, seen.book())?;
    let Some(expected) = args.expect else {
        let command = match (&names[..], version) {
            ([name], Some(version)) => BookCommand::ApproveVersion { rule: name.one(seen.book())?, version },
            _ => {
                let has_pending = |rule: &Rule| rule.pending().is_some();
                BookCommand::Approve(rules::all_of(&names, seen.book(), "a pending version", has_pending)?)
            }
        };
        return make(&command, &args.how, context).await;
    };
    if version.is_some() {
        return Err(Failure::usage("--expect goes with rules, not with a version"));
    }
    let [name] = &names[..] else { return Err(Failure::usage("--expect goes with one rule")) };
    let rule = &name.one(seen.book())?;
    let known = found(seen.book(), rule)?;
    if let Some(there) = approved_already(known, known.pending(), &expected) {
        return report_nothing(there, args.how.dry_run, context);
    }
    expect(known, "pending", known.pending(), &expected)?;
    change_rule_if_unchanged(&BookCommand::Approve(vec![rule.clone()]), rule, &args.how, &seen, context).await
}

/// Returns a text that says that the expected version is approved already. `next` is the version
/// that would be approved after the command. Returns `None` if the expected version is not
/// approved, or if `next` is the expected version.
fn approved_already(rule: &Rule, next: Option<&Candidate>, expected: &ReportedVersion) -> Option<String> {
    let is_expected = |candidate: &&Candidate| rule.policy().is_same_release(&candidate.version, expected);
    let approved = rule.approved().filter(is_expected)?;
    let is_next = next.filter(is_expected).is_some();
    (!is_next).then(|| format!("{}: {} is approved already", rule.key(), approved.version))
}

/// Makes a change only if the rule is the same as in `seen`. Otherwise fails.
async fn change_rule_if_unchanged(
    command: &BookCommand,
    rule: &RuleKey,
    how: &ChangeArgs,
    seen: &Snapshot,
    context: &mut Context,
) -> Result<(), Failure> {
    match make_if_unchanged(command, how, seen.book(), context).await? {
        true => Ok(()),
        false => Err(Failure::new(format_args!(
            "conflict: the rule {rule} changed since it was read; look at it and try again"
        ))),
    }
}

/// Fails if `there` is not the expected version. `what` describes `there` in the message, such as
/// `pending`.
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

pub(crate) async fn unreject(args: UnrejectArgs, context: &mut Context) -> Result<(), Failure> {
    let UnrejectArgs { rule, version, how } = args;
    let rule = rule.one(context.administer(IfMissing::Refuse).await?.snapshot().book())?;
    make(&BookCommand::Unreject { rule, version }, &how, context).await
}

pub(crate) async fn reject(args: RejectArgs, context: &mut Context) -> Result<(), Failure> {
    let RejectArgs { rules: named, all_of, expect: expected, how } = args;
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    let book = seen.book();
    if let Some(package) = all_of {
        let id = package.in_book(book)?;
        let of_package =
            |candidate: Option<&Candidate>| candidate.is_some_and(|candidate| candidate.package == id);
        let rules = book.rules().filter(|rule| of_package(rule.pending())).map(|rule| rule.key().clone());
        let commands: Vec<BookCommand> = rules.map(BookCommand::Reject).collect();
        if commands.is_empty() {
            return Err(Failure::new(format_args!("no version of package {id} is pending")));
        }
        return make_all(&commands, &how, context).await;
    }
    let (names, version) = split(&named, book)?;
    let Some(expected) = version.or(expected) else {
        let rules = rules::all_of(&names, book, "a pending version", |rule| rule.pending().is_some())?;
        let commands: Vec<BookCommand> = rules.into_iter().map(BookCommand::Reject).collect();
        return make_all(&commands, &how, context).await;
    };
    let [name] = &names[..] else { return Err(Failure::usage("--expect goes with one rule")) };
    let rule = name.one(book)?;
    let command = BookCommand::Reject(rule.clone());
    let known = found(book, &rule)?;
    let is_expected = |version: &ReportedVersion| known.policy().is_same_release(version, &expected);
    if known.pending().is_none_or(|pending| !is_expected(&pending.version)) {
        if let Some(rejected) = known.rejected().iter().find(|rejected| is_expected(rejected)) {
            let there = format!("{}: {rejected} is rejected already", known.key());
            return report_nothing(there, how.dry_run, context);
        }
        check_brought(book, &rule, &expected)?;
    }
    expect(known, "pending", known.pending(), &expected)?;
    change_rule_if_unchanged(&command, &rule, &how, &seen, context).await
}

/// Fails if no ingested package contains the version for the rule.
fn check_brought(book: &RuleBook, rule: &RuleKey, version: &ReportedVersion) -> Result<(), Failure> {
    if book.newest_release(rule, version).is_some() {
        return Ok(());
    }
    let (rule, version) = (rule.clone(), version.clone());
    Err(refused(Refusal::NoSuchVersion { rule, version }.into(), book))
}

pub(crate) async fn roll_back(args: RollBackArgs, context: &mut Context) -> Result<(), Failure> {
    if let Some(revision) = args.to {
        return make_roll_back_to(revision, &args.how, context).await;
    }
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    let book = seen.book();
    let rules = match args.all_of {
        Some(package) => {
            let id = package.in_book(book)?;
            let is_of = |rule: &&Rule| rule.approved().is_some_and(|approved| approved.package == id);
            let rules: Vec<RuleKey> = book.rules().filter(is_of).map(|rule| rule.key().clone()).collect();
            if rules.is_empty() {
                return Err(Failure::new(format_args!("no version of package {id} is approved")));
            }
            rules
        }
        None => rules::all_of(&args.rules, book, "an approved version", |rule| rule.approved().is_some())?,
    };
    let command = |rule: RuleKey| match args.to_nothing {
        true => BookCommand::RollBackToNothing(rule),
        false => BookCommand::RollBack(rule),
    };
    let [rule] = &rules[..] else {
        if args.expect.is_some() {
            return Err(Failure::usage("--expect goes with one rule"));
        }
        let commands: Vec<BookCommand> = rules.into_iter().map(command).collect();
        return make_all(&commands, &args.how, context).await;
    };
    let known = found(book, rule)?;
    if let Some(expected) = &args.expect {
        if let Some(there) = approved_already(known, known.rollback(), expected) {
            return report_nothing(there, args.how.dry_run, context);
        }
        expect(known, "kept for roll back", known.rollback(), expected)?;
    }
    change_rule_if_unchanged(&command(rule.clone()), rule, &args.how, &seen, context).await
}

pub(crate) async fn remove(args: RemoveArgs, context: &mut Context) -> Result<(), Failure> {
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    let rules = match args.all_of {
        Some(package) => package.rules(seen.book())?.into_iter().map(|(rule, _)| rule).collect(),
        None => rules::all_of(&args.rules, seen.book(), "anything", |_| true)?,
    };
    let commands: Vec<BookCommand> = rules.into_iter().map(BookCommand::Remove).collect();
    make_all(&commands, &args.how, context).await
}
