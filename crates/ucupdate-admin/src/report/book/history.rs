//! [`revision`]: a revision of the rule book as JSON.

use crate::report::time::iso;
use serde_json::{Value, json};
use ucupdate::Revision;

/// Returns a revision as a JSON object: its number, time, author, notes and stored command.
pub fn revision(revision: &Revision) -> Value {
    let Revision { number, at, author, notes, command, .. } = revision;
    json!({ "revision": number, "at": iso(*at), "author": author, "notes": notes, "command": command })
}
