//! Rules, pins and interim images as JSON.

use super::device_or_group::{audience_parts, with_device_or_group};
use super::rollout::RolloutReport;
use serde_json::{Value, json};
use ucupdate::book::{Assignment, Candidate, InterimImage, Rule, RuleBook};
use ucupdate::value::{PackageId, UnixTime};

/// Returns a rule as a JSON object: its versions, policy, rollouts and pins. The shares of rollouts are those at `now`.
pub fn rule(rule: &Rule, now: UnixTime) -> Value {
    json!({
        "rule": rule.key(),
        "pending": rule.pending(),
        "approved": rule.approved(),
        "rollback": rule.rollback(),
        "offer": rule.policy().offer,
        "unreadable": rule.policy().unreadable,
        "rollouts": RolloutReport::all_of(rule, now).collect::<Vec<_>>(),
        "pins": rule.pins().map(|assignment| pin(rule, assignment)).collect::<Vec<_>>(),
    })
}

/// Returns a pin as a JSON object: its rule, version and package, and the device or the group that is pinned.
pub fn pin(rule: &Rule, pin: &Assignment) -> Value {
    let Candidate { version, package } = &pin.candidate;
    let (device, group) = audience_parts(&pin.audience);
    with_device_or_group(json!({ "rule": rule.key(), "version": version, "package": package }), device, group)
}

/// Returns the pending interim images as JSON objects.
pub fn pending_interim(book: &RuleBook) -> Vec<Value> {
    book.pending_interim_images().map(|(image, package)| interim_image(image, package, "pending")).collect()
}

/// Returns an interim image as a JSON object. `state` is `approved` or `pending`.
pub fn interim_image(image: &InterimImage, package: PackageId, state: &str) -> Value {
    json!({
        "locale": image.locale,
        "update_type": image.update_type,
        "version": image.version,
        "state": state,
        "package": package,
    })
}
