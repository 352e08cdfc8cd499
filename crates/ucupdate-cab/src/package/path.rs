//! What packages ask of a path: its folder, its stem, what lies beside.

use crate::names::SafePath;

impl SafePath {
    /// What stands before the last part; empty at the root.
    pub(super) fn folder(&self) -> &str {
        self.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The file name without its last ending.
    pub(super) fn stem(&self) -> &str {
        match self.file_name().rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem,
            _ => self.file_name(),
        }
    }

    /// Whether the file name ends in a full stop and `extension`, without regard to ASCII case.
    pub(super) fn has_extension(&self, extension: &str) -> bool {
        self.file_name().rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case(extension))
    }

    /// The path of a file of this stem and another ending, in the same folder.
    pub(super) fn with_extension(&self, extension: &str) -> String {
        match self.folder() {
            "" => format!("{}.{extension}", self.stem()),
            folder => format!("{folder}/{}.{extension}", self.stem()),
        }
    }

    /// The path in lower case: paths are looked up without regard to ASCII case.
    pub(super) fn in_lower_case(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_knows_its_folder_its_stem_and_what_lies_beside() {
        let path = |text: &str| SafePath::read(text).unwrap();
        let image = path(r"OCInterim\ENU\CPE.nbt");
        assert_eq!((image.folder(), image.stem()), ("OCInterim/ENU", "CPE"));
        assert_eq!(image.with_extension("cat"), "OCInterim/ENU/CPE.cat");
        assert_eq!(path("CPE.nbt").with_extension("cat"), "CPE.cat");
        assert!(path("A/CPE.NBT").has_extension("nbt") && !path("A.nbt/CPE").has_extension("nbt"));
        assert_eq!((path(".nbt").folder(), path(".nbt").stem()), ("", ".nbt"));
    }
}
