//! The overview: versions that wait for a decision, paused rollouts, and kill switches that are on.

use super::call::Call;
use crate::report;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use serde_json::{Value, json};
use ucupdate::book::Rule;

/// The largest number of rules with a pending version that the overview lists. The same limit holds for paused
/// rollouts.
const MAX_LISTED: usize = 100;

pub(crate) fn overview(call: &Call<'_>) -> Result<Answer, Problem> {
    let service = &call.side.service;
    let (snapshot, now, health) = (service.snapshot(), service.now(), service.health());
    let book = snapshot.book();
    let pending: Vec<&Rule> = book.rules().filter(|rule| rule.pending().is_some()).collect();
    let paused =
        book.rules().flat_map(|rule| report::RolloutReport::all_of(rule, now)).filter(|one| one.paused);
    let paused: Vec<Value> = paused.take(MAX_LISTED).map(|one| json!(one)).collect();
    let stopped: Vec<Value> = book.stops().map(|(scope, stop)| report::stop(scope, stop)).collect();
    let value = json!({
        "revision": snapshot.revision(),
        "now": report::iso(now),
        "administrator": { "name": call.administrator.name, "role": call.administrator.role },
        "pending": pending.iter().take(MAX_LISTED).map(|rule| report::rule(rule, now)).collect::<Vec<_>>(),
        "pending_count": pending.len(),
        "pending_interim": report::pending_interim(book),
        "paused": paused,
        "stopped": stopped,
        "counts": {
            "rules": book.rules().len(),
            "packages": book.packages().len(),
            "test_devices": book.test_devices().len(),
            "groups": book.groups().len(),
            "holds": book.holds().len(),
            "bans": book.bans().len(),
        },
        "health": {
            "ready": health.is_ready(),
            "offers_stopped": health.offers_stopped,
            "log_writable": health.log_problem.is_none(),
            "dropped_log_rows": health.dropped_log_rows,
            "problem": health.problem,
        },
    });
    Ok(Answer::json(value).at_revision(snapshot.revision()))
}
