//! Stories of devices as JSON: what each device did by the logs.

use crate::report::time::iso;
use serde_json::{Value, json};
use ucupdate::device::DeviceId;
use ucupdate::timeline::{DeviceEvent, DeviceEventKind, DeviceStory, FetchResult, RestartedBy, Trouble};

/// Returns the story of a device as a JSON object: the device, its events and its troubles.
pub fn story(story: &DeviceStory) -> Value {
    let known = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let mac = match &story.device {
        Some(device @ DeviceId::Mac(_)) => Some(device.to_string()),
        _ => None,
    };
    let mut value = json!({ "mac": mac, "serial": known(story.serial_number.raw()) });
    let kind = serde_json::to_value(&story.kind).unwrap_or_default();
    let rest = json!({
        "user": story.user_name,
        "hosts": story.hosts,
        "events": story.events.iter().map(event).collect::<Vec<_>>(),
        "troubles": story.troubles.iter().map(trouble).collect::<Vec<_>>(),
    });
    if let (Value::Object(fields), Value::Object(kind), Value::Object(rest)) = (&mut value, kind, rest) {
        fields.extend(kind);
        fields.extend(rest);
    }
    value
}

fn event(event: &DeviceEvent) -> Value {
    let mut value = json!({ "at": iso(event.at), "kind": event.kind.name(), "text": event.to_string() });
    let details = match &event.kind {
        DeviceEventKind::Asked { modules, .. } => json!({
            "modules": modules
                .iter()
                .map(|module| json!({
                    "file_name": module.file_name,
                    "installed": module.installed,
                    "offered": module.offered,
                    "because": module.because,
                }))
                .collect::<Vec<_>>(),
        }),
        DeviceEventKind::Requested(row) => json!({
            "path": row.path, "status": row.status, "sub_status": row.sub_status, "win32_status": row.win32_status,
        }),
        DeviceEventKind::Fetched(fetch) => json!({
            "path": fetch.path,
            "version": fetch.file.version,
            "interim": fetch.file.is_interim,
            "signature": fetch.file.is_signature,
            "outcome": outcome(fetch.outcome),
            "bytes": fetch.bytes,
            "size": fetch.size,
            "taken_ms": fetch.taken_ms,
            "bytes_per_second": fetch.bytes_per_second(),
        }),
        DeviceEventKind::Restarted { after, by } => {
            let by = if *by == RestartedBy::Hand { "hand" } else { "itself" };
            json!({ "after_seconds": after.0, "by": by })
        }
        DeviceEventKind::Silent { since } => json!({ "seconds": since.0 }),
        _ => json!({}),
    };
    if let (Value::Object(fields), Value::Object(details)) = (&mut value, details) {
        fields.extend(details);
    }
    value
}

fn outcome(outcome: FetchResult) -> &'static str {
    match outcome {
        FetchResult::Whole => "whole",
        FetchResult::Part => "part",
        FetchResult::CutShort => "cut-short",
        FetchResult::Failed { .. } => "failed",
        _ => "other",
    }
}

/// Returns a trouble of a device as a JSON object, with its meaning and its remedy.
pub fn trouble(trouble: &Trouble) -> Value {
    json!({
        "kind": trouble.kind.name(),
        "text": trouble.kind.to_string(),
        "meaning": trouble.kind.meaning(),
        "remedy": trouble.kind.remedy(),
        "first": iso(trouble.first),
        "last": iso(trouble.last),
        "count": trouble.count,
        "over": trouble.over.map(iso),
    })
}
