//! The devices whose answer differs between two revisions.

use super::change::compared;
use crate::api::call::Call;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use serde_json::json;

/// Returns the devices whose answer differs between the revisions `from` and `to` of the query.
/// Without `to`, the newest revision is used.
pub(crate) async fn diff(call: &Call<'_>) -> Result<Answer, Problem> {
    let service = &call.side.service;
    let from = call.query.parsed::<u64>("from")?.ok_or_else(|| {
        Problem::bad_request("the parameter `from` is missing, expected the number of a revision")
    })?;
    let before = service.snapshot_at(from).await?;
    let after = match call.query.parsed::<u64>("to")? {
        Some(to) => service.snapshot_at(to).await?,
        None => service.snapshot(),
    };
    let mut value = json!({ "from": before.revision(), "to": after.revision() });
    super::change::extend(&mut value, compared(call, before, after).await);
    Ok(Answer::json(value))
}
