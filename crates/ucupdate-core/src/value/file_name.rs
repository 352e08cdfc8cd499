//! Names that are valid as one part of a path on every file system.

use super::parse_error::{Expected, ParseError, ParseErrorKind};
use super::unseen::is_unseen;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The largest size of one part of a path in bytes.
pub const MAX_PATH_PART_BYTES: usize = 128;

/// Checks that `part` can be one part of a path on any system.
///
/// # Errors
/// Returns an error if the part is empty or too long, has a character that a path cannot have on some system, begins with a
/// blank, ends in a blank or a full stop (as `..` does), or is the name of a Windows device.
pub fn check_path_part(part: &str) -> Result<(), ParseError> {
    check_part(part, MAX_PATH_PART_BYTES)
}

/// The name of the checked text in error messages, if the caller has no better name.
const PART: &str = "path part";

/// Checks that `part` can be one part of a path on any system, and has at most `limit` bytes.
pub(super) fn check_part(part: &str, limit: usize) -> Result<(), ParseError> {
    if part.is_empty() {
        return Err(ParseError::blank(PART, Expected::Nothing));
    }
    if part.len() > limit {
        return Err(ParseError::too_long(PART, part.len(), limit));
    }
    // Nearly all words of rules consist only of letters, digits and hyphens.
    if part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !is_windows_device(part) {
        return Ok(());
    }
    // Nearly all names consist only of letters, digits and these characters. The others are checked one by one.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b' ');
    if !part.bytes().all(is_plain)
        && let Some((at, found)) =
            part.char_indices().find(|(_, c)| c.is_control() || r#"/\:*?"<>|"#.contains(*c))
    {
        let expected = "characters that a file name may have on every system";
        return Err(ParseError::character(PART, found, expected).at_byte(at));
    }
    let first = part.char_indices().next().filter(|(_, first)| *first == ' ');
    let last = part.char_indices().next_back().filter(|(_, last)| matches!(last, ' ' | '.'));
    if let Some((at, found)) = first.or(last) {
        let expected = "no blank at either end and no full stop at the end";
        return Err(ParseError::character(PART, found, expected).at_byte(at));
    }
    let stem = part.split('.').next().unwrap_or(part).trim_end();
    if is_windows_device(stem) {
        let expected = "another name";
        return Err(ParseError::of_kind(PART, ParseErrorKind::Reserved, expected));
    }
    Ok(())
}

fn is_windows_device(stem: &str) -> bool {
    const PLAIN: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    // Nearly all names begin with other letters.
    if !matches!(
        stem.bytes().next(),
        Some(b'c' | b'C' | b'p' | b'P' | b'a' | b'A' | b'n' | b'N' | b'l' | b'L')
    ) {
        return false;
    }
    if PLAIN.iter().any(|name| name.eq_ignore_ascii_case(stem)) {
        return true;
    }
    let Some((name, number)) = stem.split_at_checked(3) else { return false };
    if !name.eq_ignore_ascii_case("com") && !name.eq_ignore_ascii_case("lpt") {
        return false;
    }
    // Windows treats the superscripts one to three as digits here.
    matches!(number, "\u{b9}" | "\u{b2}" | "\u{b3}")
        || (number.len() == 1 && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// The name of a file without a folder. It is valid on every system. Clones of a name share its text.
///
/// ```
/// use ucupdate_core::value::FileName;
/// let image: FileName = "CPE.nbt".parse().unwrap();
/// assert_eq!(image.stem(), "CPE");
/// assert!("../CPE.nbt".parse::<FileName>().is_err());
/// assert!("NUL.nbt".parse::<FileName>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Arc<str>);

impl FileName {
    /// Returns the name as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name without its last extension.
    pub fn stem(&self) -> &str {
        stem(&self.0)
    }

    /// Returns the last extension without its full stop. The result is empty if the name has no extension.
    pub fn extension(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// Reads a name from a store or from the answer of a server. Invisible characters are allowed, because
    /// older programs accepted them in names, and a store that they wrote must still open.
    fn from_stored(text: &str) -> Result<Self, ParseError> {
        if text.starts_with('.') {
            // A hidden file may configure a program, as `.bashrc` does.
            return Err(ParseError::character("file name", '.', "the name of a visible file").at_byte(0));
        }
        check_path_part(text).map(|()| Self(text.into())).map_err(|error| error.named("file name"))
    }
}

/// Returns a file name without its last extension.
#[inline]
pub(crate) fn stem(name: &str) -> &str {
    // Names are short, so a loop over their bytes is faster than a search for a pattern.
    match name.bytes().rposition(|byte| byte == b'.') {
        Some(end @ 1..) => &name[..end],
        _ => name,
    }
}

impl FromStr for FileName {
    type Err = ParseError;

    /// Reads a file name such as `CPE.nbt`.
    ///
    /// # Errors
    /// Returns an error if the name begins with a full stop, has an invisible character or a character that
    /// changes the direction of the text, or cannot be one part of a path on any system; see
    /// [`check_path_part`].
    fn from_str(text: &str) -> Result<Self, ParseError> {
        // A person would read another name: with U+202E, `tbn.exe` looks like `exe.nbt`.
        let mut unseen =
            text.char_indices().filter(|(_, c)| !c.is_ascii() && is_unseen(*c) && !c.is_whitespace());
        if let Some((at, found)) = unseen.next() {
            return Err(ParseError::character("file name", found, "visible characters").at_byte(at));
        }
        Self::from_stored(text)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileName({})", self.0)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for FileName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for FileName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::stored_text::read(deserializer, Self::from_stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_neither_climbs_nor_divides_nor_names_a_device() {
        for part in ["CPE.nbt", "LG-Nortel", "3.5.6907.0", "Ger\u{e4}t 1", "common", ".hidden"] {
            assert_eq!(check_path_part(part), Ok(()), "{part}");
        }
        for part in [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "C:",
            "a\nb",
            "end.",
            "end ",
            " front",
            "con",
            "Con.txt",
            "com1",
            "LPT\u{b9}.nbt",
            "a|b",
        ] {
            assert!(check_path_part(part).is_err(), "{part:?}");
        }
        assert!(check_path_part(&"x".repeat(MAX_PATH_PART_BYTES)).is_ok());
        assert!(check_path_part(&"x".repeat(MAX_PATH_PART_BYTES + 1)).is_err());
    }

    #[test]
    fn the_name_of_a_file_does_not_begin_with_a_full_stop() {
        for name in [".bashrc", ".", "..", ".CPE.nbt"] {
            let refused = name.parse::<FileName>().unwrap_err().to_string();
            assert_eq!(
                refused, "file name contains '.' at byte 0, expected the name of a visible file",
                "{name}"
            );
        }
    }

    #[test]
    fn the_name_of_a_file_looks_like_what_it_is() {
        for hidden in ['\u{200b}', '\u{200e}', '\u{200f}', '\u{202e}', '\u{2066}', '\u{61c}', '\u{feff}'] {
            let refused = format!("a{hidden}b.nbt").parse::<FileName>().unwrap_err().to_string();
            assert!(refused.ends_with("at byte 1, expected visible characters"), "{refused}");
        }
        assert!("Ger\u{e4}t\u{a0}1.nbt".parse::<FileName>().is_ok());
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_stored_name_of_an_older_program_still_reads() {
        let stored = "\"a\u{202e}tbn.exe\"";
        let name: FileName = serde_json::from_str(stored).unwrap();
        assert_eq!(name.as_str(), "a\u{202e}tbn.exe");
        assert_eq!(serde_json::to_string(&name).unwrap(), stored);
        for refused in ["\".bashrc\"", "\"../CPE.nbt\"", "\"\""] {
            assert!(serde_json::from_str::<FileName>(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn the_stem_is_what_stands_before_the_last_ending() {
        let name = |text: &str| text.parse::<FileName>().unwrap();
        assert_eq!((name("cpe.nbt").stem(), name("cpe.nbt").extension()), ("cpe", "nbt"));
        assert_eq!((name("CPE").stem(), name("CPE").extension()), ("CPE", ""));
        assert_eq!(name("a.b.nbt").stem(), "a.b");
    }
}
