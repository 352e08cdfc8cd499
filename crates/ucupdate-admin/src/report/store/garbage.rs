//! Garbage collection.

use serde_json::{Value, json};
use ucupdate::Garbage;

/// Returns what a garbage collection removed. In a dry run, what it would remove.
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
