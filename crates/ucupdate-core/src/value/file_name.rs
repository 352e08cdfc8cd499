//! Names that may stand in a path: one part of it, safe on every file system the images may land on.

use std::fmt;
use std::str::FromStr;

/// The most bytes one part of a path may have.
pub const MAX_PATH_PART_BYTES: usize = 128;

/// Why a text may not be one part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathPartError {
    /// No text.
    #[error("is empty")]
    Empty,
    /// Longer than [`MAX_PATH_PART_BYTES`].
    #[error("has {found} bytes, expected at most {MAX_PATH_PART_BYTES}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// A character that divides paths, that Windows forbids, or that controls.
    #[error("holds {found:?}, which no part of a path may")]
    Character {
        /// The first such character.
        found: char,
    },
    /// `.`, `..`, or an end in a full stop or blank, which Windows drops; or a blank in front.
    #[error("begins with a blank or ends in a blank or full stop")]
    Edge,
    /// The name of a file begins with a full stop: such a file is hidden, and may configure a program, as `.bashrc` does.
    #[error("begins with a full stop, expected the name of a visible file")]
    Hidden,
    /// A device on Windows, whatever its ending: `CON`, `NUL.nbt`.
    #[error("is the name of a device on Windows")]
    WindowsDevice,
}

/// Checks that `part` can be one part of a path on any system.
///
/// # Errors
/// When it is empty, too long, climbs, divides, names a Windows device, or holds what Windows cannot.
pub fn check_path_part(part: &str) -> Result<(), PathPartError> {
    check_part(part, MAX_PATH_PART_BYTES)
}

/// Checks that `part` can be one part of a path on any system, and has at most `limit` bytes.
pub(super) fn check_part(part: &str, limit: usize) -> Result<(), PathPartError> {
    if part.is_empty() {
        return Err(PathPartError::Empty);
    }
    if part.len() > limit {
        return Err(PathPartError::TooLong { found: part.len() });
    }
    // As good as all of them are letters, digits and these; the others are looked at one by one.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_. ".contains(&byte);
    if !part.bytes().all(is_plain)
        && let Some(found) = part.chars().find(|c| c.is_control() || r#"/\:*?"<>|"#.contains(*c))
    {
        return Err(PathPartError::Character { found });
    }
    if part.starts_with(' ') || part.ends_with([' ', '.']) {
        return Err(PathPartError::Edge);
    }
    let stem = part.split('.').next().unwrap_or(part).trim_end();
    if is_windows_device(stem) {
        return Err(PathPartError::WindowsDevice);
    }
    Ok(())
}

fn is_windows_device(stem: &str) -> bool {
    const PLAIN: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    if PLAIN.iter().any(|name| name.eq_ignore_ascii_case(stem)) {
        return true;
    }
    let Some((name, number)) = stem.split_at_checked(3) else { return false };
    if !name.eq_ignore_ascii_case("com") && !name.eq_ignore_ascii_case("lpt") {
        return false;
    }
    // Windows takes the superscripts one to three for digits here.
    matches!(number, "\u{b9}" | "\u{b2}" | "\u{b3}")
        || (number.len() == 1 && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// The name of one file, without a folder: safe to write under, on any system.
///
/// ```
/// use ucupdate_core::value::FileName;
/// let image: FileName = "CPE.nbt".parse().unwrap();
/// assert_eq!(image.stem(), "CPE");
/// assert!("../CPE.nbt".parse::<FileName>().is_err());
/// assert!("NUL.nbt".parse::<FileName>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Box<str>);

impl FileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its last ending.
    pub fn stem(&self) -> &str {
        stem(&self.0)
    }

    /// The last ending, without the full stop; empty where there is none.
    pub fn extension(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

/// A file name without its last ending.
pub(crate) fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

impl FromStr for FileName {
    type Err = PathPartError;

    /// Reads a file name.
    ///
    /// # Errors
    /// When it begins with a full stop, or cannot be one part of a path on any system; see [`check_path_part`].
    fn from_str(text: &str) -> Result<Self, PathPartError> {
        if text.starts_with('.') {
            return Err(PathPartError::Hidden);
        }
        check_path_part(text).map(|()| Self(text.into()))
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
mod stored {
    use super::FileName;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    impl Serialize for FileName {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(self.as_str())
        }
    }

    impl<'de> Deserialize<'de> for FileName {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            crate::value::stored_text::read(deserializer, str::parse)
        }
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
            assert_eq!(name.parse::<FileName>(), Err(PathPartError::Hidden), "{name}");
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
