//! [`garbage`]: the result of a garbage collection, as JSON.

use serde_json::{Value, json};
use ucupdate::Garbage;

/// Returns what a garbage collection removed, or what it would remove in a dry run, as a JSON object.
pub fn garbage(found: &Garbage, dry_run: bool) -> Value {
    let objects: Vec<String> = found.objects.iter().map(ToString::to_string).collect();
    json!({
        "dry_run": dry_run,
        "objects": objects,
        "bytes": found.bytes,
        "young": found.young,
        "packages": found.packages,
        "kept_from": found.kept_from,
        "before_history": found.before_history,
    })
}
