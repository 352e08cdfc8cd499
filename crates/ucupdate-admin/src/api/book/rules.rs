//! Rules, and decisions about one rule.

use super::change::{self, Expected};
use super::history::changed_since;
use crate::api::call::Call;
use crate::api::page::page;
use crate::api::route::RuleDecision;
use crate::report;
use crate::request::body::RequestBody;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use ucupdate::Snapshot;
use ucupdate::book::{BookCommand, Candidate, Rule, RuleKey};
use ucupdate::version::ReportedVersion;

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let service = &call.side.service;
    let (snapshot, now) = (service.snapshot(), service.now());
    let book = snapshot.book();
    let page = page(call, book.rules(), |rule| rule.key().to_string(), |rule| report::rule(rule, now))?;
    let value = json!({
        "revision": snapshot.revision(),
        "rules": page.values,
        "next": page.next,
        "pending_interim": report::pending_interim(book),
    });
    Ok(Answer::json(value).at_revision(snapshot.revision()))
}

pub(crate) fn one(call: &Call<'_>) -> Result<Answer, Problem> {
    let service = &call.side.service;
    let snapshot = service.snapshot();
    let rule = named(call, &snapshot)?;
    let mut value = report::rule(rule, service.now());
    value["rejected"] = json!(rule.rejected());
    value["revision"] = json!(snapshot.revision());
    Ok(Answer::json(value).at_revision(snapshot.revision()))
}

fn named<'a>(call: &Call<'_>, snapshot: &'a Snapshot) -> Result<&'a Rule, Problem> {
    let missing =
        || Problem::not_found(format!("no rule {}", call.parameters.join("/"))).with("kind", "no-rule");
    let words = <&[String; RuleKey::WORD_COUNT]>::try_from(&*call.parameters).map_err(|_| missing())?;
    let key = RuleKey::from_words(words.each_ref()).map_err(|_| missing())?;
    snapshot.book().rule(&key).ok_or_else(missing)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    /// The version that the client saw. `null` means that it saw none.
    #[serde(deserialize_with = "required")]
    expected: Option<ReportedVersion>,
}

/// Reads a field that must be present, and may be `null`.
fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ReportedVersion>, D::Error> {
    Option::deserialize(deserializer)
}

/// Makes a decision about a rule, if the rule still has the version that the client saw.
pub(crate) async fn decide(
    decision: RuleDecision,
    call: &Call<'_>,
    body: &mut RequestBody,
) -> Result<Answer, Problem> {
    let limits = &call.side.options.limits;
    let DecisionBody { expected } = body.json(&call.request.headers, limits).await?;
    let service = &call.side.service;
    service.refresh().await?;
    let seen = service.snapshot();
    let rule = named(call, &seen)?;
    let (what, there) = match decision {
        RuleDecision::Approve | RuleDecision::Reject => ("pending", rule.pending()),
        RuleDecision::RollBack => ("kept for a roll back", rule.rollback()),
        RuleDecision::Remove => ("approved", rule.approved()),
    };
    let to_nothing = decision == RuleDecision::RollBack && expected.is_none();
    if !to_nothing && let Err(problem) = check(rule, what, there, expected.as_ref()) {
        let problem = problem.with("rule", report::rule(rule, service.now()));
        return Err(match change::if_match(call)? {
            Some(revision) => problem.with("changed", changed_since(call, revision).await),
            None => problem,
        });
    }
    let key = rule.key().clone();
    let command = match decision {
        RuleDecision::Approve => BookCommand::Approve(vec![key]),
        RuleDecision::Reject => BookCommand::Reject(key),
        RuleDecision::RollBack if to_nothing => BookCommand::RollBackToNothing(key),
        RuleDecision::RollBack => BookCommand::RollBack(key),
        RuleDecision::Remove => BookCommand::Remove(key),
    };
    change::execute(call, &command, Expected::Unchanged(&seen)).await
}

/// Refuses if the rule has another version than the client saw. `what` describes the version in the
/// message, such as `pending`.
fn check(
    rule: &Rule,
    what: &str,
    there: Option<&Candidate>,
    expected: Option<&ReportedVersion>,
) -> Result<(), Problem> {
    let shown = |version: Option<&ReportedVersion>| version.map_or("none".to_owned(), ToString::to_string);
    let there = there.map(|candidate| &candidate.version);
    let is_same = match (there, expected) {
        (Some(there), Some(expected)) => rule.policy().is_same_release(there, expected),
        (there, expected) => there.is_none() && expected.is_none(),
    };
    if is_same {
        return Ok(());
    }
    let detail = format!(
        "{}: the version that is {what} is {}, but this page showed {}; look at the rule again",
        rule.key(),
        shown(there),
        shown(expected)
    );
    let found: Value = json!(there);
    Err(Problem::new(StatusCode::CONFLICT, "changed-meanwhile", detail).with("found", found))
}
