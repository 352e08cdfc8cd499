//! The stories (timelines) of devices as text and as JSON.

use super::stories::Stories;
use crate::output::time::iso;
use crate::output::wrapped::push_wrapped;
use serde_json::{Value, json};
use std::fmt::Write as _;
use ucupdate::device::DeviceId;
use ucupdate::timeline::DeviceStory;
use ucupdate_admin::report;

/// The number of characters of a time and of the blanks after it.
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

/// Adds the text of a story: a heading, the events, and the troubles.
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

/// Returns the known facts about a device, without its name: its kind, serial number, user and
/// addresses.
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

pub(crate) fn stories_json(stories: &Stories) -> Value {
    json!({
        "devices": stories.stories.iter().map(report::story).collect::<Vec<_>>(),
        "audit_rows": stories.audit.rows,
        "access_rows": stories.access.rows,
        "unread": stories.audit.unread + stories.access.unread,
        "left_out": stories.left_out,
        "addresses_cut": stories.addresses_cut,
        "logs_end": stories.end.map(iso),
    })
}
