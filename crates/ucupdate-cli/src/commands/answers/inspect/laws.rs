//! Laws of the readers of captures.

use super::messages::{MAX_MESSAGES, messages};
use super::suggest::{KnownValues, suggest};
use ucupdate::upx::{Codec, Dialect, Item};

/// The largest number of bytes that a coded body may have.
const LIMIT: usize = 16 * 1024;

/// Checks that the messages of any file are few, and no larger than the file or the limit.
///
/// # Panics
/// When the law does not hold.
pub fn capture(file: &[u8]) {
    let found = messages(file, LIMIT);
    assert!(found.len() <= MAX_MESSAGES, "{} messages", found.len());
    // A text in UTF-16 may be longer in UTF-8, by half.
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

/// Checks that the dialect which is proposed for any body can be read as a dialect, and keeps a codec's promises.
///
/// # Panics
/// When the law does not hold.
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
