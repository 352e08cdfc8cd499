//! `ucupdate policy` for a pattern of rules: manages the version schemes of patterns.

use crate::args::change::{ChangeArgs, make};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::suggest::{no_scheme, pattern_meant, without_rule};
use serde_json::{Value, json};
use ucupdate::book::{BookCommand, PatternScheme, RuleBook, RulePattern};
use ucupdate::value::Counted;
use ucupdate::version::VersionScheme;

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// The pattern of rules, such as 'UCPhone/AudioCodes/*', or a short name, such as AudioCodes
    rules: RulePattern,
    #[command(flatten)]
    how: ChangeArgs,
}

/// Returns the version scheme of a pattern of rules as a JSON object.
pub(crate) fn scheme_json(entry: &PatternScheme, book: &RuleBook) -> Value {
    json!({ "rules": entry.rules, "scheme": entry.scheme.to_string(), "followed_by": followers(entry, book) })
}

/// Returns the version scheme of a pattern in words, with the number of rules that use it.
pub(crate) fn scheme_text(entry: &PatternScheme, book: &RuleBook) -> String {
    let rules = Counted::new(followers(entry, book), "rule").with_verb("follows", "follow");
    format!("scheme {}; {rules} it", entry.scheme)
}

/// Counts the rules that use the version scheme of the pattern.
fn followers(entry: &PatternScheme, book: &RuleBook) -> usize {
    let follows = |rule: &&ucupdate::book::Rule| {
        book.settings().scheme_of(rule.key()) == Some(entry) && rule.policy().scheme == entry.scheme
    };
    book.rules().filter(follows).count()
}

pub(crate) async fn show(rules: &RulePattern, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let snapshot = service.snapshot();
    let book = snapshot.book();
    let is_it = |entry: &&PatternScheme| entry.rules.to_string().eq_ignore_ascii_case(&rules.to_string());
    let entry = book.settings().schemes.iter().find(is_it).ok_or_else(|| no_scheme(rules, book))?;
    context
        .output
        .both(&scheme_json(entry, book), format_args!("{}\n  {}", entry.rules, scheme_text(entry, book)))
}

pub(crate) async fn set(
    rules: RulePattern,
    scheme: VersionScheme,
    how: &ChangeArgs,
    context: &mut Context,
) -> Result<(), Failure> {
    let command = BookCommand::PutScheme(PatternScheme::new(rules.clone(), scheme));
    make(&command, how, context).await?;
    context.warn(|book| without_rule(&rules, book)).await;
    Ok(())
}

pub(crate) async fn remove(args: RemoveArgs, context: &mut Context) -> Result<(), Failure> {
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    let rules = pattern_meant(args.rules, seen.book())?;
    make(&BookCommand::RemoveScheme(rules), &args.how, context).await
}
