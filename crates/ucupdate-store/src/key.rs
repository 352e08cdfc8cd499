//! Keys of objects. Every key is valid in a folder of any operating system and in an S3 bucket.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The largest length of a [`StoreKey`] in bytes. S3 accepts 1024; the rest is for a prefix or the path of a root folder.
pub const MAX_KEY_BYTES: usize = 768;

/// The largest length in bytes of one part of a [`StoreKey`]. Common file systems accept names of
/// this length.
pub const MAX_KEY_PART_BYTES: usize = 255;

/// A valid key: one or more parts separated by `/`.
///
/// # Syntax
/// A key has 1 to [`MAX_KEY_BYTES`] bytes of UTF-8. Each part has 1 to [`MAX_KEY_PART_BYTES`] bytes. A part
/// - does not begin with a full stop or a blank: `.` and `..` would leave the folder, and stores use names with a leading
///   full stop for staging;
/// - does not end with a full stop or a blank, because Windows removes both;
/// - contains no control character, none of `\ : * ? " < > |`, which Windows does not allow, and neither U+FFFE nor U+FFFF,
///   which an XML listing cannot contain;
/// - is not the name of a Windows device, with or without an extension: `NUL`, `com1.nbt`.
///
/// # Equality and order
/// Keys compare by their bytes, so `a-b` < `a/b` < `a0`. Keys are case-sensitive and are not normalised: `é` as one
/// character and `e` with a combining accent are two keys. A file system that folds case or normal forms cannot hold both
/// keys of such a pair, and a store on it refuses the second key with [`StoreError::Conflict`](crate::StoreError::Conflict).
/// Keys in one case and in normal form C avoid this.
///
/// ```
/// use ucupdate_store::StoreKey;
///
/// let key = StoreKey::parse("images/7f3a/0-CPE.nbt").unwrap();
/// assert_eq!(key.name(), "0-CPE.nbt");
/// assert_eq!(key.folder(), Some("images/7f3a"));
/// assert!(key.starts_with("images"));
/// assert!(!key.starts_with("image"));
/// assert!(StoreKey::parse("images/../secret").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey(Box<str>);

impl StoreKey {
    /// Parses a key.
    ///
    /// # Errors
    /// When the text does not have the syntax that the documentation of [`StoreKey`] describes. The
    /// error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, StoreKeyError> {
        if text.is_empty() {
            return Err(StoreKeyError::Empty);
        }
        if text.len() > MAX_KEY_BYTES {
            return Err(StoreKeyError::TooLong { found: text.len() });
        }
        let mut at = 0;
        for part in text.split('/') {
            check_part(part, at)?;
            at += part.len() + 1;
        }
        Ok(Self(text.into()))
    }

    /// Returns the key as text, with `/` between its parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the parts in order. There is at least one.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns the last part.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// Returns everything before the last `/`, or `None` for a key of one part.
    pub fn folder(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(folder, _)| folder)
    }

    /// Returns each folder that contains the key, the outermost first: `a` and `a/b` for `a/b/c`.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(at, _)| self.0.get(..at))
    }

    /// Returns whether the key is `folder` or is inside it, by whole parts. `images/x` starts with `images` and with `images/`,
    /// but not with `image`. Every key starts with the empty text.
    pub fn starts_with(&self, folder: &str) -> bool {
        match self.0.strip_prefix(folder) {
            Some(rest) => {
                rest.is_empty() || rest.starts_with('/') || folder.is_empty() || folder.ends_with('/')
            }
            None => false,
        }
    }

    /// Returns the key of `rest` inside the folder that this key names.
    ///
    /// # Errors
    /// When the joined text is not a valid key.
    ///
    /// ```
    /// use ucupdate_store::StoreKey;
    ///
    /// let ingest = StoreKey::parse("images/7f3a").unwrap();
    /// assert_eq!(ingest.join("package.json").unwrap().as_str(), "images/7f3a/package.json");
    /// assert!(ingest.join("..").is_err());
    /// ```
    pub fn join(&self, rest: &str) -> Result<Self, StoreKeyError> {
        Self::parse(&format!("{self}/{rest}"))
    }
}

impl FromStr for StoreKey {
    type Err = StoreKeyError;

    /// Parses a key like [`StoreKey::parse`].
    ///
    /// # Errors
    /// When the text is not a valid key.
    fn from_str(text: &str) -> Result<Self, StoreKeyError> {
        Self::parse(text)
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreKey({})", self.0)
    }
}

impl AsRef<str> for StoreKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for StoreKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The reason why a text is not a valid [`StoreKey`]. Every `at` is a byte offset from the start of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum StoreKeyError {
    /// The text is empty.
    #[error("key is empty")]
    Empty,
    /// The text is longer than [`MAX_KEY_BYTES`].
    #[error("key has {found} bytes, expected at most {MAX_KEY_BYTES}")]
    TooLong { found: usize },
    /// The text begins or ends with `/`, or contains `//`.
    #[error("key has an empty part at byte {at}")]
    EmptyPart {
        /// Byte offset at which the missing part would begin.
        at: usize,
    },
    /// A part is longer than [`MAX_KEY_PART_BYTES`].
    #[error("part of the key at byte {at} has {found} bytes, expected at most {MAX_KEY_PART_BYTES}")]
    PartTooLong { at: usize, found: usize },
    /// The text contains a character that Windows or an XML listing does not allow.
    #[error("key contains {found:?} at byte {at}, which keys cannot contain")]
    Character { found: char, at: usize },
    /// A part begins or ends with a full stop or a blank.
    #[error("part `{part}` of the key begins or ends with a full stop or a blank")]
    Edge { part: Box<str> },
    /// A part is a name that Windows reserves, such as `NUL`, also with an extension (`nul.txt`).
    #[error("part `{part}` of the key is the name of a device on Windows")]
    WindowsDevice { part: Box<str> },
}

fn check_part(part: &str, at: usize) -> Result<(), StoreKeyError> {
    if part.is_empty() {
        return Err(StoreKeyError::EmptyPart { at });
    }
    if part.len() > MAX_KEY_PART_BYTES {
        return Err(StoreKeyError::PartTooLong { at, found: part.len() });
    }
    if let Some((offset, found)) = part.char_indices().find(|&(_, c)| cannot_be_held(c)) {
        return Err(StoreKeyError::Character { found, at: at + offset });
    }
    if part.starts_with(['.', ' ']) || part.ends_with(['.', ' ']) {
        return Err(StoreKeyError::Edge { part: part.into() });
    }
    if is_windows_device(part) {
        return Err(StoreKeyError::WindowsDevice { part: part.into() });
    }
    Ok(())
}

fn cannot_be_held(c: char) -> bool {
    c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\u{fffe}' | '\u{ffff}')
}

/// Returns whether Windows treats the part as the name of a device. Windows compares the text
/// before the first full stop, ignores trailing blanks and case, and reads superscript one to three
/// as digits.
fn is_windows_device(part: &str) -> bool {
    let name = part.split('.').next().unwrap_or(part).trim_end_matches(' ');
    let is = |device: &str| name.eq_ignore_ascii_case(device);
    if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].into_iter().any(is) {
        return true;
    }
    let Some((port, number)) = name.split_at_checked(3) else { return false };
    let mut digits = number.chars();
    let one_digit =
        matches!(digits.next(), Some('0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}')) && digits.next().is_none();
    one_digit && (port.eq_ignore_ascii_case("COM") || port.eq_ignore_ascii_case("LPT"))
}

#[cfg(feature = "serde")]
mod stored {
    use super::StoreKey;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::borrow::Cow;

    impl Serialize for StoreKey {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(self.as_str())
        }
    }

    impl<'de> Deserialize<'de> for StoreKey {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = Cow::<'_, str>::deserialize(deserializer)?;
            Self::parse(&text).map_err(D::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_every_store_can_hold_is_a_key() {
        for text in [
            "a",
            "state/revisions/00000000000000000001.json",
            "images/7f3a/0-CPE.nbt",
            "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_EDGE 1_2010-03-04.log",
            "LG-Nortel/Ger\u{e4}t/a.b..c",
            "com/lpt/com10/COM/null/con1",
            "a b/%41/+~#&'()[]{}!$,;=@^`",
        ] {
            assert_eq!(StoreKey::parse(text).map(|key| key.to_string()), Ok(text.to_owned()));
        }
        assert!(StoreKey::parse(&"x".repeat(MAX_KEY_PART_BYTES)).is_ok());
        let longest = format!("{0}/{0}/{0}/x", "x".repeat(MAX_KEY_PART_BYTES - 1));
        assert_eq!(longest.len(), 766);
        assert!(StoreKey::parse(&format!("{longest}yz")).is_ok());
    }

    #[test]
    fn what_some_store_cannot_hold_is_refused_with_its_place() {
        use StoreKeyError as E;
        let edge = |part: &str| E::Edge { part: part.into() };
        let device = |part: &str| E::WindowsDevice { part: part.into() };
        for (text, expected) in [
            ("", E::Empty),
            ("/", E::EmptyPart { at: 0 }),
            ("/a", E::EmptyPart { at: 0 }),
            ("a/", E::EmptyPart { at: 2 }),
            ("a//b", E::EmptyPart { at: 2 }),
            (".", edge(".")),
            ("a/..", edge("..")),
            ("a/../b", edge("..")),
            (".staging/x", edge(".staging")),
            ("a/b.", edge("b.")),
            ("a /b", edge("a ")),
            (" a", edge(" a")),
            ("a\\b", E::Character { found: '\\', at: 1 }),
            ("a/C:/b", E::Character { found: ':', at: 3 }),
            ("a/b?", E::Character { found: '?', at: 3 }),
            ("a\0", E::Character { found: '\0', at: 1 }),
            ("\u{e4}/a\u{7f}", E::Character { found: '\u{7f}', at: 4 }),
            ("a\u{85}", E::Character { found: '\u{85}', at: 1 }),
            ("a\u{ffff}", E::Character { found: '\u{ffff}', at: 1 }),
            ("a/con", device("con")),
            ("NUL.tar.gz/a", device("NUL.tar.gz")),
            ("aux .txt", device("aux .txt")),
            ("COM0", device("COM0")),
            ("lpt\u{b9}.nbt", device("lpt\u{b9}.nbt")),
            ("ConOut$", device("ConOut$")),
        ] {
            assert_eq!(StoreKey::parse(text), Err(expected), "{text:?}");
        }
        let long = "x".repeat(MAX_KEY_PART_BYTES + 1);
        assert_eq!(StoreKey::parse(&format!("a/{long}")), Err(E::PartTooLong { at: 2, found: 256 }));
        let long = "x/".repeat(MAX_KEY_BYTES);
        assert_eq!(StoreKey::parse(&long), Err(E::TooLong { found: 2 * MAX_KEY_BYTES }));
    }

    #[test]
    fn the_message_says_what_was_found_and_where() {
        let message = |text: &str| StoreKey::parse(text).unwrap_err().to_string();
        assert_eq!(message("a//b"), "key has an empty part at byte 2");
        assert_eq!(message("a:b"), "key contains ':' at byte 1, which keys cannot contain");
        assert_eq!(message("a/.."), "part `..` of the key begins or ends with a full stop or a blank");
    }

    #[test]
    fn a_key_knows_its_parts() {
        let key = StoreKey::parse("a/b/c").unwrap();
        assert_eq!(key.parts().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(key.folders().collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!((key.folder(), key.name()), (Some("a/b"), "c"));
        let single = StoreKey::parse("a").unwrap();
        assert_eq!((single.folder(), single.name(), single.folders().count()), (None, "a", 0));
    }

    #[test]
    fn starting_with_a_folder_is_decided_by_whole_parts() {
        let key = StoreKey::parse("images/a/b").unwrap();
        for folder in ["", "images", "images/", "images/a", "images/a/", "images/a/b"] {
            assert!(key.starts_with(folder), "{folder}");
        }
        for folder in ["image", "mages", "images/a/b/", "images//", "/"] {
            assert!(!key.starts_with(folder), "{folder}");
        }
    }

    #[test]
    fn keys_stand_in_order_of_bytes() {
        let mut keys = ["a0", "a/b", "a-b", "a", "\u{e4}", "B"].map(|text| StoreKey::parse(text).unwrap());
        keys.sort();
        assert_eq!(keys.map(|key| key.to_string()), ["B", "a", "a-b", "a/b", "a0", "\u{e4}"]);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_stored_key_is_its_text_and_is_parsed_when_read() {
        let key = StoreKey::parse("images/a").unwrap();
        assert_eq!(serde_json::to_string(&key).unwrap(), r#""images/a""#);
        assert_eq!(serde_json::from_str::<StoreKey>(r#""images/\u0061""#).unwrap(), key);
        assert!(serde_json::from_str::<StoreKey>(r#""images/..""#).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_keep_the_law_of_keys(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            crate::laws::store_key(&bytes);
        }

        #[test]
        fn any_text_near_a_key_keeps_the_law_of_keys(text in "(\\.|\\.\\.|[a-zA-Z0-9 ._:\\\\\u{e4}/-]{0,6}/?){0,6}") {
            crate::laws::store_key(text.as_bytes());
        }
    }
}
