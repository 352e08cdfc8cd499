//! [`check`]: the result of a check of the store, as JSON.

use serde_json::{Value, json};
use ucupdate::StoreCheck;

/// Returns the result of a check of the store as a JSON object: the problems as `findings`, and the numbers of the
/// checked objects. `quick` is `true` if only the sizes of images were compared. An orphan is an object that no
/// package of the rule book names. It is not a problem.
pub fn check(found: &StoreCheck, quick: bool) -> Value {
    let findings = found.problems.iter().map(|problem| {
        json!({
            "kind": problem.kind(), "key": problem.key(), "text": problem.to_string(), "repair": problem.repair(),
        })
    });
    let mut value = json!({
        "quick": quick,
        "revisions": found.revisions,
        "checkpoints": found.checkpoints,
        "kept_from": found.kept_from,
        "files": found.files,
        "bytes": found.bytes,
        "findings": findings.collect::<Vec<_>>(),
        "orphans": found.orphans,
        "orphan_bytes": found.orphan_bytes,
    });
    if found.lost_revisions > 0 {
        value["lost_revisions"] = found.lost_revisions.into();
    }
    value
}
