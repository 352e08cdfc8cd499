//! [`capture`]: a capture, which is a body of an unreadable request or a log of a device, as JSON.

use crate::report::time::iso;
use serde_json::{Value, json};
use ucupdate::Capture;

/// Returns a capture as a JSON object. `bytes` is the number of its bytes; the bytes themselves are left out.
pub fn capture(capture: &Capture) -> Value {
    let Capture { id, kind, host, reason, bytes, .. } = capture;
    json!({
        "id": id.as_str(), "kind": kind.name(), "at": iso(id.at()), "server": id.server().as_str(), "host": host,
        "bytes": bytes, "reason": reason,
    })
}
