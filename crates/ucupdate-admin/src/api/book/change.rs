//! Changes of the rule book, and dry runs of them.

use super::history::changed_since;
use crate::access::role::AdminRole;
use crate::api::call::Call;
use crate::report::Differences;
use crate::request::body::RequestBody;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use ucupdate::book::{BookCommand, Note, Refusal};
use ucupdate::{ChangeError, Changed, DryRun, Snapshot};

/// The state that the rule book must have when a change is made.
pub(crate) enum Expected<'a> {
    Nothing,
    /// The whole rule book has this revision.
    Revision(u64),
    /// The entries that the command replaces are as in this snapshot.
    Unchanged(&'a Arc<Snapshot>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    command: BookCommand,
}

pub(crate) async fn change(call: &Call<'_>, body: &mut RequestBody) -> Result<Answer, Problem> {
    let ChangeBody { command } = body.json(&call.request.headers, &call.side.options.limits).await?;
    let expected = match if_match(call)? {
        Some(revision) => Expected::Revision(revision),
        None if needs_revision(&command) && !call.query.flag("dry_run")? => return Err(revision_required()),
        None => Expected::Nothing,
    };
    execute(call, &command, expected).await
}

/// Executes a command in the name of the administrator, or returns what it would do.
pub(crate) async fn execute(
    call: &Call<'_>,
    command: &BookCommand,
    expected: Expected<'_>,
) -> Result<Answer, Problem> {
    let service = &call.side.service;
    let admin = service.admin(&call.administrator.name);
    let seen = match &expected {
        Expected::Revision(revision) => *revision,
        Expected::Unchanged(seen) => if_match(call)?.unwrap_or(seen.revision()),
        Expected::Nothing => service.snapshot().revision(),
    };
    if call.query.flag("dry_run")? {
        service.refresh().await?;
        if matches!(expected, Expected::Revision(_)) {
            require_unmoved(call, seen).await?;
        }
        let would = admin.dry_run(command).await?;
        return dry_run(call, &would).await;
    }
    call.side.require(role_of(command), call.administrator, call.request)?;
    super::four_eyes::check(call, command).await?;
    let made = match (expected, if_match(call)?) {
        (Expected::Nothing, _) => admin.command(command).await,
        (Expected::Revision(revision), _) | (Expected::Unchanged(_), Some(revision)) => {
            admin.command_at(command, revision).await
        }
        (Expected::Unchanged(seen), None) => admin.command_if_unchanged(command, seen.book()).await,
    };
    made_or_conflict(call, made, seen).await
}

/// Restores the rule book of an earlier revision.
pub(crate) async fn roll_back_to(call: &Call<'_>) -> Result<Answer, Problem> {
    let revision = call.parameters.first().and_then(|revision| revision.parse().ok());
    let revision = revision.ok_or_else(|| Problem::not_found("no such revision, expected a number"))?;
    let service = &call.side.service;
    let admin = service.admin(&call.administrator.name);
    if call.query.flag("dry_run")? {
        let would = admin.dry_run_roll_back_to(revision).await?;
        return dry_run(call, &would).await;
    }
    call.side.require(AdminRole::Approver, call.administrator, call.request)?;
    let seen = required_revision(call)?;
    super::four_eyes::check_roll_back(call, revision).await?;
    let made = admin.roll_back_to_at(revision, seen).await;
    made_or_conflict(call, made, seen).await
}

async fn made_or_conflict(
    call: &Call<'_>,
    made: Result<Changed, ChangeError>,
    seen: u64,
) -> Result<Answer, Problem> {
    match made {
        Ok(Changed { revision, notes, .. }) => {
            let newest = revision.unwrap_or_else(|| call.side.service.snapshot().revision());
            Ok(Answer::json(made_json(false, revision, &notes)).at_revision(newest))
        }
        Err(error) => Err(conflict(call, error.into(), seen).await),
    }
}

/// Returns the problem. If it is a conflict, adds the revisions after `seen`, the revision that the
/// client saw.
pub(crate) async fn conflict(call: &Call<'_>, problem: Problem, seen: u64) -> Problem {
    match problem.is_conflict() {
        true => problem.with("changed", changed_since(call, seen).await),
        false => problem,
    }
}

/// Returns the answer for a dry run, with the devices whose answer would change.
pub(crate) async fn dry_run(call: &Call<'_>, would: &DryRun) -> Result<Answer, Problem> {
    let mut value = made_json(true, Some(would.before.revision()), &would.change.notes);
    extend(&mut value, differences(call, would).await);
    Ok(Answer::json(value).at_revision(would.before.revision()))
}

/// Returns a JSON object about a change that was made, or about a dry run. `revision` is the number of the new
/// revision, or `None` if nothing changed. For a dry run, it is the revision to which the command was applied.
pub(crate) fn made_json(dry_run: bool, revision: Option<u64>, notes: &[Note]) -> Value {
    let sentences: Vec<String> = notes.iter().map(ToString::to_string).collect();
    json!({ "dry_run": dry_run, "revision": revision, "notes": sentences, "changes": notes })
}

/// Adds the fields of the JSON object `more` to the JSON object `value`.
pub(crate) fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(value), Value::Object(more)) = (value, more) {
        value.extend(more);
    }
}

/// Returns the devices whose answer would change, by the audit logs of the store.
pub(crate) async fn differences(call: &Call<'_>, would: &DryRun) -> Value {
    compared(call, Arc::clone(&would.before), Arc::clone(&would.after)).await
}

/// Returns the devices whose answer differs between two rule books, by the audit logs of the store.
pub(crate) async fn compared(call: &Call<'_>, before: Arc<Snapshot>, after: Arc<Snapshot>) -> Value {
    let side = call.side;
    let fleet = match side.fleets.read(&side.service, &side.options.limits).await {
        Ok(fleet) => fleet,
        Err(error) => return json!({ "devices_problem": error }),
    };
    let now = side.service.now();
    let most = side.options.limits.answers;
    let compared = tokio::task::spawn_blocking(move || {
        json!(Differences::between(&before, &after, fleet.requests(), fleet.left_out, most, now))
    });
    compared.await.unwrap_or_else(|_| json!({ "devices_problem": "the comparison was not finished" }))
}

/// Returns the revision that `If-Match` names. `None` if the request does not have this field.
pub(crate) fn if_match(call: &Call<'_>) -> Result<Option<u64>, Problem> {
    let Some(tag) = call.request.headers.get(header::IF_MATCH) else { return Ok(None) };
    let tag = tag.to_str().unwrap_or_default().trim();
    let revision = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')?.parse().ok());
    revision.map(Some).ok_or_else(|| {
        Problem::bad_request("the field If-Match is not understood, expected one ETag of this API, as \"42\"")
    })
}

/// Returns the problem (status 428) of a request without `If-Match`. Its command must name the revision that the
/// client saw.
fn revision_required() -> Problem {
    Problem::new(
        StatusCode::PRECONDITION_REQUIRED,
        "revision-required",
        "the command decides by what the client saw; expected If-Match with the ETag of the list, as \"42\"",
    )
}

/// Returns the revision that the client saw, for a change that must name it. Refuses a request
/// without `If-Match`.
pub(crate) fn required_revision(call: &Call<'_>) -> Result<u64, Problem> {
    if_match(call)?.ok_or_else(revision_required)
}

/// Refuses if the rule book does not have the revision that the client saw.
async fn require_unmoved(call: &Call<'_>, seen: u64) -> Result<(), Problem> {
    let service = &call.side.service;
    service.refresh().await?;
    let found = service.snapshot().revision();
    if found == seen {
        return Ok(());
    }
    let moved = Refusal::RevisionConflict { expected: seen, found };
    Err(Problem::from(&moved).with("changed", changed_since(call, seen).await))
}

/// Returns whether the client must name the revision that it saw. The client must do so if the command names no
/// version, if it replaces a whole entry, or if it lets more devices get an offer, as resuming a rollout does.
fn needs_revision(command: &BookCommand) -> bool {
    matches!(
        command,
        BookCommand::Approve(_)
            | BookCommand::ApproveAllOf(_)
            | BookCommand::ApproveInterim { version: None, .. }
            | BookCommand::Reject(_)
            | BookCommand::RejectInterim { .. }
            | BookCommand::RollBack(_)
            | BookCommand::RollBackToNothing(_)
            | BookCommand::Remove(_)
            | BookCommand::SetPolicy(..)
            | BookCommand::PutGroup(_)
            | BookCommand::ReplaceStone { .. }
            | BookCommand::PutScheme(_)
            | BookCommand::PutAlias(_)
            | BookCommand::ResumeRollout(..)
            | BookCommand::FinishRollout(..)
            | BookCommand::ApproveRestart { .. }
    )
}

/// Returns the smallest role that may give a command. An operator can only make devices safer: no
/// command of an operator offers a version to more than test devices.
pub(crate) fn role_of(command: &BookCommand) -> AdminRole {
    match command {
        BookCommand::AddTestDevice(_)
        | BookCommand::RemoveTestDevice(_)
        | BookCommand::AddHold(_)
        | BookCommand::PauseRollout(..)
        | BookCommand::Kill { .. }
        | BookCommand::AskRestart { .. } => AdminRole::Operator,
        _ => AdminRole::Approver,
    }
}
