//! Examples for the parameters and bodies of the OpenAPI description. They name rules and versions of the sample
//! package, so they work with a store into which this package was ingested.

use crate::api::route::{ApiOperation, BodyKind};
use serde_json::{Value, json};

/// Returns an example of a parameter in the path or in the query. `None` if there is no example.
pub(super) fn parameter(name: &str, operation: ApiOperation) -> Option<Value> {
    let example = match (name, operation) {
        ("device_type", _) => json!("UCPhone"),
        ("vendor", _) => json!("LG-Nortel"),
        ("model", _) => json!("IP8540"),
        ("revision", ApiOperation::RollBackTo | ApiOperation::Explain) => json!(1),
        ("revision", _) => json!("A"),
        ("locale", _) => json!("ENU"),
        ("update_type", _) => json!("CPE"),
        ("name", ApiOperation::Group) => json!("pilots"),
        ("id", ApiOperation::Capture) => json!("ocs_01_20090306T171039Z_2d711642"),
        ("id", _) => json!("0021630F207B"),
        ("key", _) => json!("state/revisions/00000000000000000001.json"),
        ("dry_run", _) => json!(true),
        ("limit", _) => json!(10),
        ("before", _) => json!(2),
        ("search", _) => json!("0f-20"),
        ("device", _) => json!("UCPhone/LG-Nortel/IP8540/A/ENU"),
        ("installed", _) => json!("1.0.522.103"),
        ("file", _) => json!("cpe.nbt"),
        ("mac", _) => json!("0021630F207B"),
        ("side", _) => json!("internal"),
        ("kinds", _) => json!("change-made,rollout-paused"),
        ("prefix", _) => json!("state/revisions/"),
        ("from", ApiOperation::Diff | ApiOperation::Object) => json!(0),
        ("from", _) => json!("10.1.0.7"),
        ("to", ApiOperation::Diff) => json!(1),
        ("to", _) => json!(9),
        ("grace_hours", _) => json!(24),
        ("file_name", _) => json!("UCUpdates.cab"),
        _ => return None,
    };
    Some(example)
}

/// Returns the examples of a body, by name. `None` if there are no examples.
pub(super) fn bodies(takes: BodyKind) -> Option<Value> {
    let rule = "UCPhone/LG-Nortel/IP8540/A/ENU/CPE";
    let change = |command: Value| json!({ "value": { "command": command } });
    let examples = match takes {
        BodyKind::Expected => json!({
            "a version": { "value": { "expected": "3.5.6907.0" } },
            "no version": { "value": { "expected": null } },
        }),
        BodyKind::Command => json!({
            "add a test device": change(json!({ "add-test-device": { "name": "lobby", "id": { "mac": "0021630F207B" } } })),
            "remove a test device": change(json!({ "remove-test-device": "lobby" })),
            "add a hold": change(json!({ "add-hold": { "name": "fair", "scope": { "rule": rule }, "reason": "trade fair" } })),
            "approve a named version": change(json!({ "approve-version": { "rule": rule, "version": "3.5.6907.0" } })),
            "start a rollout": change(json!({ "start-rollout": {
                "rule": rule, "audience": "everybody", "version": "3.5.6907.0",
                "rollout": { "name": "wave-1", "share": { "percent": "10%" } },
            } })),
            "pause a rollout": change(json!({ "pause-rollout": [rule, "wave-1", "calls drop"] })),
            "pin a device": change(json!({ "pin": {
                "rule": rule, "audience": { "device": { "mac": "0021630F207B" } }, "version": "3.5.6907.0",
            } })),
            "stop every offer": change(json!({ "kill": { "scope": "all", "reason": "phones ring" } })),
            "ask for a restart": change(json!({ "ask-restart": { "scope": "all" } })),
            "approve a restart": change(json!({ "approve-restart": { "scope": "all" } })),
        }),
        BodyKind::Nothing | BodyKind::Package | BodyKind::Object | BodyKind::Revision => return None,
    };
    Some(examples)
}
