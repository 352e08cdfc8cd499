//! Converts the names of files in a cabinet to paths that are safe to write to.

use std::cmp::Ordering;
use std::fmt;

use ucupdate_core::value::{ParseError, check_path_part};

/// A relative path whose parts are valid file names on every system. `/` divides the parts.
///
/// Within one cabinet, no two paths are equal if case is ignored, and no path is the folder of another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafePath(Box<str>);

impl SafePath {
    /// Returns the path, with its parts divided by `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the parts of the path: the folders, then the file name.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns the last part of the path.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// Converts the name of a file in a cabinet. `\` (as in [MS-CAB]) or `/` divides the parts of
    /// the name.
    pub(crate) fn read(name: &str) -> Result<Self, NameProblem> {
        if name.is_empty() {
            return Err(NameProblem::Empty);
        }
        if name.starts_with(['/', '\\']) {
            return Err(NameProblem::Absolute);
        }
        for (index, part) in name.split(['/', '\\']).enumerate() {
            if index == 0 && part.as_bytes().get(1) == Some(&b':') && part.as_bytes()[0].is_ascii_alphabetic()
            {
                return Err(NameProblem::Drive);
            }
            if part == "." {
                // The part `.` means the same folder, so it is left out.
                continue;
            }
            if part == ".." {
                return Err(NameProblem::Climbs);
            }
            check_path_part(part)
                .map_err(|cause| NameProblem::Part { part: part.into(), cause: Box::new(cause) })?;
        }
        let parts: Vec<&str> = name.split(['/', '\\']).filter(|part| *part != ".").collect();
        match parts.join("/") {
            path if path.is_empty() => Err(NameProblem::Empty),
            path => Ok(Self(path.into())),
        }
    }

    /// Compares two paths, ignoring case. A folder sorts directly before its content.
    pub(crate) fn cmp_without_case(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }

    /// Returns whether `other` is below this path.
    pub(crate) fn is_folder_of(&self, other: &Self) -> bool {
        let mut other = other.folded();
        self.folded().all(|own| other.next() == Some(own)) && other.next() == Some('\0')
    }

    /// Returns the characters of the path in lower case, as a sort key. A `\0` replaces `/`, so
    /// that it sorts before every other character.
    fn folded(&self) -> impl Iterator<Item = char> {
        self.0.chars().flat_map(|c| if c == '/' { '\0' } else { c }.to_lowercase())
    }
}

impl SafePath {
    /// Returns the path relative to a folder. `None` if the path is not below the folder.
    pub(crate) fn below(&self, folder: &str) -> Option<Self> {
        let (own, rest) = self.0.split_at_checked(folder.len())?;
        let rest = rest.strip_prefix('/')?;
        own.eq_ignore_ascii_case(folder).then(|| Self(rest.into()))
    }

    /// Returns the folder of the path, without a `/` at the end. Empty for a file at the root.
    pub(crate) fn folder(&self) -> &str {
        self.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Returns the file name without its last extension.
    pub(crate) fn stem(&self) -> &str {
        match self.file_name().rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem,
            _ => self.file_name(),
        }
    }

    /// Returns whether the file name has this extension, ignoring ASCII case.
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        self.file_name().rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case(extension))
    }

    /// Returns the path of the file with the same stem and another extension, in the same folder.
    pub(crate) fn with_extension(&self, extension: &str) -> String {
        match self.folder() {
            "" => format!("{}.{extension}", self.stem()),
            folder => format!("{folder}/{}.{extension}", self.stem()),
        }
    }

    /// Returns the path in ASCII lower case, for lookups.
    pub(crate) fn in_lower_case(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }
}

impl fmt::Display for SafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SafePath({})", self.0)
    }
}

/// The reason why a file must not be written under the name that it has in the cabinet. The content
/// of the file can still be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum NameProblem {
    /// The name has no bytes.
    #[error("name is empty")]
    Empty,
    /// The bytes of the name are not text in its encoding.
    #[error("name is not text in its encoding")]
    NotText,
    /// The name begins with `\` or `/`.
    #[error("name begins with `\\` or `/`")]
    Absolute,
    /// The name begins with a drive letter, such as `C:`.
    #[error("name begins with a drive letter")]
    Drive,
    /// A part of the name is `..`.
    #[error("name leaves its folder by `..`")]
    Climbs,
    /// A part of the name is not a valid file name on some system.
    #[error("part `{}` of the name {}", part.escape_debug(), cause.problem())]
    Part { part: Box<str>, cause: Box<ParseError> },
    /// An earlier file has the same name, ignoring case. `first` is the number of that file, counted from 0.
    #[error("name is the same as that of file {first}, if case is ignored")]
    Duplicate { first: u16 },
    /// Another file has the path of a folder of this file, ignoring case. `first` is the number of
    /// that file, counted from 0.
    #[error("name is in a folder that is also the file {first}")]
    FolderIsAFile { first: u16 },
}

/// Replaces clashing paths by an error. A path clashes if an earlier file has the same path, or if
/// one of its folders is the path of a file.
pub(crate) fn mark_clashes(paths: &mut [Result<SafePath, NameProblem>]) {
    let mut order: Vec<u16> = (0..=u16::MAX).take(paths.len()).collect();
    order.retain(|index| paths[usize::from(*index)].is_ok());
    let path = |index: u16| paths[usize::from(index)].as_ref().ok();
    order.sort_by(|a, b| match (path(*a), path(*b)) {
        (Some(left), Some(right)) => left.cmp_without_case(right).then(a.cmp(b)),
        _ => a.cmp(b),
    });
    let mut clashes = Vec::new();
    // The index of the last path without a clash. A folder sorts directly before its content, so
    // one comparison with this path is enough.
    let mut holder: Option<u16> = None;
    for index in order {
        let (Some(held), Some(own)) = (holder.and_then(path), path(index)) else {
            holder = Some(index);
            continue;
        };
        let first = holder.unwrap_or(index);
        if held.cmp_without_case(own).is_eq() {
            clashes.push((index, NameProblem::Duplicate { first }));
        } else if held.is_folder_of(own) {
            clashes.push((index, NameProblem::FolderIsAFile { first }));
        } else {
            holder = Some(index);
        }
    }
    for (index, problem) in clashes {
        paths[usize::from(index)] = Err(problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_relative_paths_divided_by_slashes() {
        let path = SafePath::read("UCPhone\\Polycom/CX700\\CPE.nbt").unwrap();
        assert_eq!(path.as_str(), "UCPhone/Polycom/CX700/CPE.nbt");
        assert_eq!(path.file_name(), "CPE.nbt");
        assert_eq!(path.parts().next(), Some("UCPhone"));
        assert_eq!(SafePath::read(r".\a\.\b").unwrap().as_str(), "a/b");
    }

    #[test]
    fn names_that_climb_or_point_elsewhere_or_name_devices_are_refused_by_reason() {
        let part = |part: &str| NameProblem::Part {
            part: part.into(),
            cause: Box::new(check_path_part(part).expect_err("the table below holds only bad parts")),
        };
        for (name, problem) in [
            ("", NameProblem::Empty),
            ("\\windows\\a", NameProblem::Absolute),
            ("/etc/passwd", NameProblem::Absolute),
            ("\\\\server\\share", NameProblem::Absolute),
            ("c:\\a", NameProblem::Drive),
            ("C:a", NameProblem::Drive),
            ("..", NameProblem::Climbs),
            ("a\\..\\b", NameProblem::Climbs),
            ("a/../../b", NameProblem::Climbs),
            (".", NameProblem::Empty),
            (".\\..\\a", NameProblem::Climbs),
            ("a\\\\b", part("")),
            ("a\\", part("")),
            ("CON", part("CON")),
            ("a\\nul.nbt", part("nul.nbt")),
            ("a\nb", part("a\nb")),
            ("a.", part("a.")),
            ("a:b", NameProblem::Drive),
            ("ab:stream", part("ab:stream")),
            ("a ", part("a ")),
        ] {
            assert_eq!(SafePath::read(name), Err(problem), "{name:?}");
        }
    }

    #[test]
    fn no_two_names_are_equal_without_case_and_none_is_the_folder_of_another() {
        let mut paths: Vec<_> =
            ["a/CPE.nbt", "b", "A/cpe.NBT", "B/x", "b-c", "b/x/y", "\u{c4}", "\u{e4}", "..", "c/d", "C"]
                .map(SafePath::read)
                .into();
        mark_clashes(&mut paths);
        let problems: Vec<_> = paths.iter().map(|path| path.as_ref().err().cloned()).collect();
        assert_eq!(
            problems,
            [
                None,
                None,
                Some(NameProblem::Duplicate { first: 0 }),
                Some(NameProblem::FolderIsAFile { first: 1 }),
                None,
                Some(NameProblem::FolderIsAFile { first: 1 }),
                None,
                Some(NameProblem::Duplicate { first: 6 }),
                Some(NameProblem::Climbs),
                Some(NameProblem::FolderIsAFile { first: 10 }),
                None,
            ]
        );
    }

    #[test]
    fn a_path_gives_its_folder_its_stem_and_the_path_beside_it() {
        let path = |text: &str| SafePath::read(text).unwrap();
        let image = path(r"OCInterim\ENU\CPE.nbt");
        assert_eq!((image.folder(), image.stem()), ("OCInterim/ENU", "CPE"));
        assert_eq!(image.with_extension("cat"), "OCInterim/ENU/CPE.cat");
        assert_eq!(path("CPE.nbt").with_extension("cat"), "CPE.cat");
        assert!(path("A/CPE.NBT").has_extension("nbt") && !path("A.nbt/CPE").has_extension("nbt"));
        assert_eq!((path(".nbt").folder(), path(".nbt").stem()), ("", ".nbt"));
    }
}
