//! Writes events as JSON objects. SCRIPTS.md documents their fields.

use super::lines::LineWriter;
use crate::output::escaped_json;
use serde_json::json;
use std::sync::Arc;
use ucupdate::{Clock as _, Event, EventKind, Events, SystemClock};
pub(super) use ucupdate_admin::report::event as object;

/// A listener that writes events as JSON, one object in each line.
#[derive(Debug)]
pub(super) struct EventLines {
    writer: Arc<LineWriter>,
    kinds: Vec<EventKind>,
    server: String,
}

impl EventLines {
    pub(super) fn new(writer: Arc<LineWriter>, kinds: Vec<EventKind>, server: &str) -> Self {
        Self { writer, kinds, server: server.to_owned() }
    }
}

impl Events for EventLines {
    fn on_event(&self, event: &Event<'_>) {
        if self.kinds.contains(&event.kind()) {
            let object = object(event, &self.server, SystemClock.now());
            self.writer.push(format!("{}\n", escaped_json(&object.to_string())));
        }
    }
}

/// Returns the line that reports the number of dropped events.
pub(super) fn lost_events(count: u64) -> String {
    format!("{}\n", json!({ "format": 1, "event": "events-lost", "count": count }))
}
