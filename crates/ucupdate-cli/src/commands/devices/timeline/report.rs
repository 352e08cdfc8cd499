//! The stories of devices as text and as JSON.

use super::stories::Stories;
use crate::output::shown::Shown;
use crate::output::time::iso;
use serde_json::{Value, json};
use std::fmt::Write as _;
use ucupdate::device::DeviceId;
use ucupdate::timeline::{DeviceEvent, DeviceStory, EventKind, RestartedBy, Trouble};

/// The width of a time and of the blanks after it.
const TIME_WIDTH: usize = 22;

/// Returns the stories as text: a heading for each device, a line for each event, and its troubles.
pub(crate) fn stories_text(stories: &Stories, width: usize) -> String {
    if stories.stories.is_empty() {
        return "no devices".to_owned();
    }
    let mut text = String::new();
    for story in &stories.stories {
        if !text.is_empty() {
            text.push('\n');
        }
        push_story(story, width, &mut text);
    }
    if let Some(end) = stories.end {
        let _written = writeln!(text, "\n{}  the logs end", iso(end));
    }
    text.truncate(text.trim_end().len());
    text
}

/// Adds a story: a heading, the events, and the troubles.
pub(crate) fn push_story(story: &DeviceStory, width: usize, text: &mut String) {
    let mut heading = vec![story.name()];
    heading.extend(known(story));
    push_wrapped(&heading.join(", "), 2, width, text);
    for event in &story.events {
        push_at(event.at, &event.to_string(), width, text);
    }
    for trouble in &story.troubles {
        text.push('\n');
        push_at(trouble.first, &format!("trouble: {trouble}"), width, text);
        let indent = " ".repeat(TIME_WIDTH);
        push_wrapped(&format!("{indent}means: {}", trouble.kind.meaning()), TIME_WIDTH + 7, width, text);
        push_wrapped(&format!("{indent}to do: {}", trouble.kind.remedy()), TIME_WIDTH + 7, width, text);
    }
}

fn push_at(at: ucupdate::value::UnixTime, said: &str, width: usize, text: &mut String) {
    push_wrapped(&format!("{}  {said}", iso(at)), TIME_WIDTH, width, text);
}

/// Returns the known facts about a device, without its name.
pub(crate) fn known(story: &DeviceStory) -> Vec<String> {
    let mut parts = Vec::new();
    if story.device.is_some() {
        parts.push(story.kind.to_string());
    }
    if matches!(story.device, Some(DeviceId::Mac(_))) && !story.serial_number.is_blank() {
        parts.push(format!("serial {}", story.serial_number.raw().trim()));
    }
    if !story.user_name.is_empty() {
        parts.push(story.user_name.to_string());
    }
    if story.device.is_some() {
        parts.extend(story.hosts.iter().map(ToString::to_string));
    }
    parts
}

/// Adds a line. If it is wider than `width`, it is broken at blanks, and the further lines are indented.
pub(crate) fn push_wrapped(line: &str, indent: usize, width: usize, text: &mut String) {
    let line = Shown(line).to_string();
    let lead = line.len() - line.trim_start().len();
    text.push_str(&line[..lead]);
    let mut column = lead;
    for (index, word) in line[lead..].split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > width && column > indent {
            let _written = write!(text, "\n{:indent$}", "");
            column = indent;
        } else if index > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
}

/// Returns the stories for scripts.
pub(crate) fn stories_json(stories: &Stories) -> Value {
    json!({
        "devices": stories.stories.iter().map(story_json).collect::<Vec<_>>(),
        "audit_rows": stories.audit.rows,
        "access_rows": stories.access.rows,
        "unread": stories.audit.unread + stories.access.unread,
        "left_out": stories.left_out,
        "logs_end": stories.end.map(iso),
    })
}

/// Returns one story for scripts.
pub(crate) fn story_json(story: &DeviceStory) -> Value {
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
        "events": story.events.iter().map(event_json).collect::<Vec<_>>(),
        "troubles": story.troubles.iter().map(trouble_json).collect::<Vec<_>>(),
    });
    if let (Value::Object(fields), Value::Object(kind), Value::Object(rest)) = (&mut value, kind, rest) {
        fields.extend(kind);
        fields.extend(rest);
    }
    value
}

fn event_json(event: &DeviceEvent) -> Value {
    let mut value = json!({ "at": iso(event.at), "kind": event.kind.name(), "text": event.to_string() });
    let details = match &event.kind {
        EventKind::Asked { modules, .. } => json!({
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
        EventKind::Requested(row) => json!({
            "path": row.path, "status": row.status, "sub_status": row.sub_status, "win32_status": row.win32_status,
        }),
        EventKind::Fetched(fetch) => json!({
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
        EventKind::Restarted { after, by } => {
            let by = if *by == RestartedBy::Hand { "hand" } else { "itself" };
            json!({ "after_seconds": after.0, "by": by })
        }
        EventKind::Silent { since } => json!({ "seconds": since.0 }),
        _ => json!({}),
    };
    if let (Value::Object(fields), Value::Object(details)) = (&mut value, details) {
        fields.extend(details);
    }
    value
}

fn outcome(outcome: ucupdate::timeline::FetchOutcome) -> &'static str {
    use ucupdate::timeline::FetchOutcome;
    match outcome {
        FetchOutcome::Whole => "whole",
        FetchOutcome::Part => "part",
        FetchOutcome::CutShort => "cut-short",
        FetchOutcome::Failed { .. } => "failed",
        _ => "other",
    }
}

fn trouble_json(trouble: &Trouble) -> Value {
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
