//! Captures.

use crate::report::time::iso;
use serde_json::{Value, json};
use ucupdate::Capture;

/// Returns a capture without its bytes.
pub fn capture(capture: &Capture) -> Value {
    let Capture { id, kind, host, reason, bytes, .. } = capture;
    json!({
        "id": id.as_str(), "kind": kind.name(), "at": iso(id.at()), "server": id.server().as_str(), "host": host,
        "bytes": bytes, "reason": reason,
    })
}
