//! Decoding of UTF-16, and the conversion of positions in the text to positions in the bytes.

/// Text that was decoded from UTF-16.
pub(crate) struct Utf16Text {
    pub(crate) text: String,
    pub(crate) positions: Positions,
}

/// A map from positions in a text to positions in the UTF-16 bytes that the text was decoded from.
#[derive(Debug)]
pub(crate) struct Positions {
    /// The positions in the text and in the bytes of every [`STEP`]th character.
    steps: Vec<(usize, usize)>,
}

/// The number of characters between two entries of [`Positions`]. A lookup starts at an entry, so it passes
/// over fewer than this number of characters.
const STEP: usize = 32;

/// Decodes UTF-16. The error is the position of the first bytes that are not UTF-16.
pub(crate) fn decode(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Utf16Text, usize> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    let mut steps = Vec::with_capacity(pairs.len() / STEP + 1);
    let mut at = 0;
    for (index, decoded) in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).enumerate() {
        if index % STEP == 0 {
            steps.push((text.len(), at));
        }
        let decoded = decoded.map_err(|_| at)?;
        text.push(decoded);
        at += 2 * decoded.len_utf16();
    }
    if !rest.is_empty() {
        return Err(at);
    }
    Ok(Utf16Text { text, positions: Positions { steps } })
}

impl Positions {
    /// Converts the position `at` in `text` to a position in the bytes.
    ///
    /// `text` is the decoded text without its first `cut` bytes, which must be US-ASCII.
    pub(crate) fn in_bytes(&self, text: &str, cut: usize, at: usize) -> usize {
        let after = self.steps.partition_point(|(in_text, _)| *in_text <= at + cut);
        let (in_text, in_bytes) =
            after.checked_sub(1).and_then(|step| self.steps.get(step)).copied().unwrap_or_default();
        let (from, in_bytes) =
            if in_text < cut { (0, in_bytes + 2 * (cut - in_text)) } else { (in_text - cut, in_bytes) };
        let between = text.get(from..at).unwrap_or_default();
        in_bytes + between.chars().map(|found| 2 * found.len_utf16()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn little(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn every_position_in_the_text_has_one_in_the_bytes() {
        let text = "a\u{e4}\u{4e00}\u{1f600}".repeat(if cfg!(miri) { 10 } else { 50 });
        let decoded = decode(&little(&text), u16::from_le_bytes).unwrap();
        assert_eq!(decoded.text, text);
        for (at, _) in text.char_indices() {
            assert_eq!(decoded.positions.in_bytes(&text, 0, at), little(&text[..at]).len(), "{at}");
        }
        assert_eq!(decoded.positions.in_bytes(&text, 0, text.len()), little(&text).len());
    }

    #[test]
    fn lone_surrogates_and_half_units_are_refused_with_their_position() {
        for (bytes, at) in [(&b"a\0\x00\xd8b\0"[..], 2), (b"a\0b", 2), (b"\x00\xdc", 0), (b"a\0\0\xd8", 2)] {
            assert_eq!(decode(bytes, u16::from_le_bytes).map(|decoded| decoded.text), Err(at), "{bytes:?}");
        }
        assert_eq!(decode(b"", u16::from_le_bytes).map(|decoded| decoded.text), Ok(String::new()));
    }
}
