//! The status of rollouts: what became of the devices to which they offered a version.

use crate::api::call::Call;
use crate::api::page::page;
use crate::report::{self, RolloutStatus};
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use serde_json::{Value, json};

/// Returns a page of rollouts with the outcomes of their devices.
pub(crate) async fn status(call: &Call<'_>) -> Result<Answer, Problem> {
    let service = &call.side.service;
    let outcomes = call.side.outcomes.read(service).await.map_err(Problem::unavailable)?;
    let (snapshot, now) = (service.snapshot(), service.now());
    let book = snapshot.book();
    let all = book.rules().flat_map(|rule| RolloutStatus::all_of(rule, book, &outcomes, now));
    let key = |one: &RolloutStatus| format!("{} {}", one.rollout.rule, one.rollout.name);
    let page = page(call, all, key, |one| json!(one))?;
    let stopped: Vec<Value> = book.stops().map(|(scope, stop)| report::stop(scope, stop)).collect();
    let value = json!({
        "revision": snapshot.revision(), "rollouts": page.values, "stopped": stopped, "next": page.next,
    });
    Ok(Answer::json(value).at_revision(snapshot.revision()))
}
