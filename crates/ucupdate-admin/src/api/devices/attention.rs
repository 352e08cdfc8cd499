//! Rollouts that stand still, silent devices, and devices with troubles: the things that need a
//! person, as the logs show them.

use super::fleet::{Fleet, id_of};
use crate::api::call::Call;
use crate::report::{self, RolloutStatus};
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use serde_json::{Value, json};
use std::cmp::Reverse;
use ucupdate::inventory::DeviceNumber;

/// The largest number of devices of one state that are listed. If there are more, the devices with the latest
/// requests are listed.
const MAX_LISTED: usize = 50;

/// Returns the rollouts that stand still, and the devices that need a person.
pub(crate) async fn attention(call: &Call<'_>) -> Result<Answer, Problem> {
    let side = call.side;
    let service = &side.service;
    let (snapshot, now) = (service.snapshot(), service.now());
    let book = snapshot.book();
    let has_rollouts = book.rules().any(|rule| rule.rollouts().next().is_some());
    let still: Vec<RolloutStatus> = if has_rollouts {
        let outcomes = side.outcomes.read(service).await.map_err(Problem::unavailable)?;
        let all = book.rules().flat_map(|rule| RolloutStatus::all_of(rule, book, &outcomes, now));
        all.filter(|status| status.stands_still.is_some()).collect()
    } else {
        Vec::new()
    };
    let fleet = side.fleets.read(service, &side.options.limits).await.map_err(Problem::unavailable)?;
    let states = fleet.states(&snapshot, now);
    let value = json!({
        "stands_still": still,
        "silent": listed(&fleet, &states.silent),
        "silent_count": states.silent.len(),
        "troubled": listed(&fleet, &states.troubled),
        "troubled_count": states.troubled.len(),
        "states": states.json(),
        "known": fleet.inventory.len(),
        "unread_logs": fleet.unread_logs,
        "unread_log_count": fleet.unread_log_count,
        "read_at": report::iso(fleet.read_at),
    });
    Ok(Answer::json(value).at_revision(snapshot.revision()))
}

/// Returns the devices with the latest requests as JSON, the latest first. There are at most [`MAX_LISTED`].
fn listed(fleet: &Fleet, numbers: &[DeviceNumber]) -> Vec<Value> {
    let mut latest = numbers.to_vec();
    latest.sort_by_cached_key(|number| Reverse(fleet.inventory.device(*number).last_asked));
    let shown = latest.into_iter().take(MAX_LISTED).map(|number| {
        let device = fleet.inventory.device(number);
        json!({
            "id": id_of(&device), "kind": device.kind.to_string(), "user": device.user_name,
            "last_asked": report::iso(device.last_asked),
        })
    });
    shown.collect()
}
