//! Finds entries of a wrong kind, such as a link, in place of an object of the state, or of a
//! folder that every write needs.

use crate::keys;
use crate::maintenance::problem::StoreProblem;
use ucupdate_store::{ImageStore, StoreError, StoreKey};

/// The folders that may have objects only. An entry of another kind, such as a link, may have the
/// name of an object that is written later, and then this write fails.
const FOLDERS: [&str; 4] = [keys::REVISIONS, keys::CHECKPOINTS, keys::CONTINUED, keys::PROBES];

/// The folder above [`FOLDERS`], and the root of the store. They may have folders, but no links and
/// pipes.
const ABOVE: [&str; 2] = ["state/", ""];

/// Adds a [`StoreProblem::Stray`] for each entry in these folders that is of the wrong kind.
/// Entries that are already reported as unreadable are left out.
///
/// Errors are ignored: a folder that cannot be listed is a problem of its own.
pub(crate) async fn look_at_strays(store: &dyn ImageStore, problems: &mut Vec<StoreProblem>) {
    for folder in FOLDERS {
        for path in store.strays(folder).await.unwrap_or_default() {
            let what = if is_folder(store, &path).await { "a folder" } else { "a link, a pipe or a device" };
            add(path, what, "a plain file or nothing", problems);
        }
    }
    for folder in ABOVE {
        for path in store.strays(folder).await.unwrap_or_default() {
            if !is_folder(store, &path).await && (path.starts_with("state/") || path == STAGING) {
                add(path, "no folder", "a folder or nothing", problems);
            }
        }
    }
}

/// The folder in which a store in a folder writes objects before they have their names.
const STAGING: &str = ".staging";

/// Returns whether an entry that is not an object is a folder. Each read of a link or a pipe gives
/// an error.
async fn is_folder(store: &dyn ImageStore, path: &str) -> bool {
    match StoreKey::parse(path) {
        Ok(key) => !matches!(store.head(&key).await, Err(StoreError::Integrity { .. })),
        Err(_) => path != STAGING,
    }
}

fn add(key: String, what: &'static str, expected: &'static str, problems: &mut Vec<StoreProblem>) {
    let is_known = problems.iter().any(|known| match known {
        StoreProblem::Unreadable { key: known, what } => *known == key || what.contains(&format!("`{key}`")),
        _ => false,
    });
    if !is_known {
        problems.push(StoreProblem::Stray { key, what, expected });
    }
}
