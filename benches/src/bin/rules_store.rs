//! Writes a store in a folder, with a checkpoint of some rules and no images: `rules_store RULES FOLDER`.

#![allow(clippy::unwrap_used, reason = "it is for one script, which stops at a panic")]

use serde_json::json;
use std::fs;
use std::path::Path;
use ucupdate::value::Sha256Digest;
use ucupdate_benches::rules;

/// The revision of the checkpoint. A service writes a checkpoint each 64 revisions.
const REVISION: u64 = 64;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (count, folder) = (arguments.next().unwrap().parse().unwrap(), arguments.next().unwrap());
    let text = serde_json::to_string(&rules::book(count).to_delta()).unwrap();
    let book_sha256 = Sha256Digest::of(&text);
    let digest = Sha256Digest::of("");
    // A service starts from the checkpoint only if its revision has the digest of the book.
    let revision = json!({
        "format": "1.0.0",
        "revision": REVISION,
        "change": digest,
        "previous": digest,
        "at": 0,
        "author": "rules_store",
        "command": { "roll-back-to": REVISION - 1 },
        "notes": [],
        "book_sha256": book_sha256,
        "delta": {},
    });
    let revision = revision.to_string();
    let head = json!({
        "format": "1.0.0",
        "revision": REVISION,
        "sha256": Sha256Digest::of(&revision),
        "book_sha256": book_sha256,
    });
    let head = head.to_string();
    let checkpoint = format!("{},\"book\":{text}}}", head.strip_suffix('}').unwrap());
    for (kind, bytes) in [("revisions", revision.as_bytes()), ("checkpoints", checkpoint.as_bytes())] {
        let folder = Path::new(&folder).join("state").join(kind);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{REVISION:020}.json")), bytes).unwrap();
    }
}
