//! Where a member lies in its cabinet, as a path that cannot climb out of anything.

use std::fmt;
use std::str::FromStr;
use ucupdate_core::{PathPartError, check_path_part};

/// The most bytes the path of a member may have: the longest of the field's, eight parts, fits many times over.
pub const MAX_MEMBER_PATH_BYTES: usize = 1024;

/// The path of a member below the root of its cabinet: parts with `/` between, each safe on any system.
///
/// Cabinets divide by `\`; so `\` and `/` are taken alike. Equal without regard to ASCII case, as on the system that
/// cabinets come from; the spelling is kept.
///
/// ```
/// use ucupdate_cab::package::MemberPath;
/// let path: MemberPath = r"OCInterim\ENU\CPE.nbt".parse().unwrap();
/// assert_eq!(path.to_string(), "OCInterim/ENU/CPE.nbt");
/// assert_eq!((path.folder(), path.file_name(), path.stem()), ("OCInterim/ENU", "CPE.nbt", "CPE"));
/// assert!(r"..\CPE.nbt".parse::<MemberPath>().is_err());
/// assert!(r"C:\CPE.nbt".parse::<MemberPath>().is_err());
/// ```
#[derive(Clone)]
pub struct MemberPath(Box<str>);

impl MemberPath {
    /// The path, with `/` between its parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts, from the root; at least one.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// What stands before the last part; empty at the root.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The file name without its last ending.
    pub fn stem(&self) -> &str {
        match self.file_name().rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem,
            _ => self.file_name(),
        }
    }

    /// Whether the file name ends in a full stop and `extension`, without regard to ASCII case.
    pub fn has_extension(&self, extension: &str) -> bool {
        self.file_name().rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case(extension))
    }

    /// The path of a file of this stem and another ending, in the same folder.
    pub fn with_extension(&self, extension: &str) -> String {
        match self.folder() {
            "" => format!("{}.{extension}", self.stem()),
            folder => format!("{folder}/{}.{extension}", self.stem()),
        }
    }

    /// The path in lower case: equal for equal paths.
    pub(crate) fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for MemberPath {
    type Err = MemberPathError;

    /// Reads a path as a cabinet or a manifest writes it.
    ///
    /// # Errors
    /// When it is too long, or a part is empty, climbs, or could not be a file or folder on some system.
    fn from_str(text: &str) -> Result<Self, MemberPathError> {
        if text.len() > MAX_MEMBER_PATH_BYTES {
            return Err(MemberPathError::TooLong { found: text.len() });
        }
        let path = text.replace('\\', "/");
        for (at, part) in path.split('/').enumerate() {
            check_path_part(part).map_err(|cause| MemberPathError::Part { part: at + 1, cause })?;
        }
        Ok(Self(path.into()))
    }
}

impl PartialEq for MemberPath {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for MemberPath {}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberPath({self})")
    }
}

/// Why a text is not a [`MemberPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemberPathError {
    /// Longer than [`MAX_MEMBER_PATH_BYTES`].
    #[error("path has {found} bytes, expected at most {MAX_MEMBER_PATH_BYTES}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// A part that is not safe.
    #[error("part {part} of the path {cause}")]
    Part {
        /// Which, counted from 1.
        part: usize,
        /// What is wrong with it.
        cause: PathPartError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_climbs_or_starts_elsewhere_is_refused_with_its_part() {
        for (text, message) in [
            ("", "part 1 of the path is empty"),
            ("/CPE.nbt", "part 1 of the path is empty"),
            (r"\\server\share", "part 1 of the path is empty"),
            (r"A\..\CPE.nbt", "part 2 of the path begins with a blank or ends in a blank or full stop"),
            (r"C:\CPE.nbt", "part 1 of the path holds ':', which no part of a path may"),
            ("A/NUL.nbt", "part 2 of the path is the name of a device on Windows"),
            ("A/", "part 2 of the path is empty"),
        ] {
            assert_eq!(text.parse::<MemberPath>().unwrap_err().to_string(), message, "{text}");
        }
        let long = "x/".repeat(MAX_MEMBER_PATH_BYTES / 2) + "x";
        assert_eq!(
            long.parse::<MemberPath>().unwrap_err().to_string(),
            "path has 1025 bytes, expected at most 1024"
        );
    }

    #[test]
    fn paths_are_equal_without_case_and_kind_of_slash() {
        let path = |text: &str| text.parse::<MemberPath>().unwrap();
        assert_eq!(path(r"A\b.NBT"), path("a/B.nbt"));
        assert_ne!(path("A/b.nbt"), path("A/b.cat"));
        assert_eq!(path("CPE.nbt").with_extension("cat"), "CPE.cat");
        assert_eq!(path("A/CPE.nbt").with_extension("cat"), "A/CPE.cat");
        assert!(path("A/CPE.NBT").has_extension("nbt") && !path("A.nbt/CPE").has_extension("nbt"));
    }
}
