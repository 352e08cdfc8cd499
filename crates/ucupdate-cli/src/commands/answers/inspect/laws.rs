//! Laws about reading captures.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use super::messages::{MAX_MESSAGES, messages};
use super::suggest::{KnownValues, suggest};
use ucupdate::upx::{Codec, Dialect, Item};

/// The largest size of an unpacked body in bytes.
const LIMIT: usize = 16 * 1024;

/// Reads any file. Checks that the number of messages is within the limit, and that no message is larger than the file
/// or the limit.
pub fn capture(file: &[u8]) {
    let found = messages(file, LIMIT);
    assert!(found.len() <= MAX_MESSAGES, "{} messages", found.len());
    // A text in UTF-16 may become larger by half in UTF-8.
    let longest = LIMIT.max(file.len()) * 2 + 2;
    let mut heads = 0;
    for message in &found {
        assert!(message.body.len() <= longest, "a body of {} bytes", message.body.len());
        assert!(message.undone.len() <= 2);
        if let Some(head) = &message.head {
            assert!(!head.contains('\n'));
            heads += head.len();
        }
    }
    assert!(heads <= MAX_MESSAGES * 3 * 8 * 1024, "{heads} bytes of first lines");
}

/// Reads `body` as a captured request and proposes a dialect for it. Checks that the proposal is a
/// valid dialect, and that a codec with this dialect can read what it writes.
pub fn suggestion(body: &[u8]) {
    let codec = Codec::default();
    let found = codec.inspect(body);
    let mut known = KnownValues::default();
    known.add(Item::Vendor, "Polycom");
    known.add(Item::Model, "CX700");
    let Some(suggestion) = suggest(&found, &codec, &known) else { return };
    let text = suggestion.to_toml();
    let read = Dialect::from_toml(&text);
    assert!(read.is_ok(), "{read:?}: {text}");
    assert!(suggestion.rows().count() <= 32);
    ucupdate_upx::laws::dialect(text.as_bytes());
}
