//! Laws that hold for any bytes, for property tests and fuzzing. Each function panics if its law does not hold.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use crate::key::{MAX_KEY_BYTES, StoreKey};
use std::path::{Component, Path};

/// Parses bytes as a key. If they are a valid key, checks that [`StoreKey::as_str`] returns the
/// parsed text. Checks also that the key, joined to the path of a root folder, is a path inside
/// this folder.
pub fn store_key(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(key) = StoreKey::parse(text) else { return };

    assert_eq!(key.as_str(), text, "a key keeps the text it was parsed from");
    assert!(key.as_str().len() <= MAX_KEY_BYTES, "a key is bounded");
    assert_eq!(StoreKey::parse(key.as_str()).as_ref(), Ok(&key), "a key parses to itself");
    assert_eq!(key.parts().collect::<Vec<_>>().join("/"), text, "a key is its parts");
    for folder in key.folders() {
        assert!(StoreKey::parse(folder).is_ok(), "a folder of a key could be a key");
        assert!(key.starts_with(folder), "a key starts with each of its folders");
    }

    let root = Path::new("root").join("store");
    let joined = root.join(key.as_str());
    let inside = joined.strip_prefix(&root).expect("a key joined to a root stays inside it");
    assert!(
        inside.components().all(|part| matches!(part, Component::Normal(_))),
        "a key neither climbs nor begins anew"
    );
    assert_eq!(inside.components().count(), key.parts().count(), "a key has as many parts as its path");
}
