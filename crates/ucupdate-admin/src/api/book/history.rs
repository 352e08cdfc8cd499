//! The history: the revisions with their authors, times, commands and notes.

use crate::api::call::Call;
use crate::api::page::limit;
use crate::report;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use serde_json::{Value, json};
use ucupdate::Revision;

/// The largest number of revisions that the answer to a conflicting change lists.
const MAX_CHANGED: u64 = 20;

/// Returns a page of revisions, the newest first. The cursor is the number of the oldest revision of the page before.
pub(crate) async fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let limit = limit(call)? as u64;
    let service = &call.side.service;
    let newest = service.snapshot().revision();
    let before = call.query.parsed::<u64>("before")?.unwrap_or(u64::MAX).min(newest.saturating_add(1));
    let last = before.saturating_sub(1);
    let first = last.saturating_sub(limit.saturating_sub(1)).max(1);
    let count = usize::try_from((last + 1).saturating_sub(first)).unwrap_or(0);
    let mut revisions = if count == 0 { Vec::new() } else { service.history(first, count).await? };
    revisions.reverse();
    let next = revisions.last().map(|revision: &Revision| revision.number).filter(|number| *number > 1);
    let value = json!({
        "revision": newest,
        "revisions": revisions.iter().map(report::revision).collect::<Vec<_>>(),
        "next": next.map(|next| next.to_string()),
    });
    Ok(Answer::json(value).at_revision(newest))
}

/// Returns the newest revisions after `seen` as JSON, at most [`MAX_CHANGED`]. The answer to a conflicting change
/// shows them.
pub(crate) async fn changed_since(call: &Call<'_>, seen: u64) -> Value {
    let service = &call.side.service;
    let newest = service.snapshot().revision();
    if newest <= seen {
        return json!([]);
    }
    let first = (seen + 1).max(newest.saturating_sub(MAX_CHANGED - 1));
    let count = usize::try_from(newest - first + 1).unwrap_or(0);
    let revisions = service.history(first, count).await.unwrap_or_default();
    let shown = revisions.iter().map(|Revision { number, at, author, notes, .. }| {
        json!({ "revision": number, "at": report::iso(*at), "author": author, "notes": notes })
    });
    shown.collect()
}
