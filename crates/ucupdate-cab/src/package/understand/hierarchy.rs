//! The folder hierarchy of OCS.
//!
//! The path of a release is
//! `<DeviceType>/<Vendor>/<Model>/<Revision>/<Locale>/<Version>/<UpdateType>/<file>`. The path of
//! an interim image is `OCInterim/<Locale>/<file>`. Both forms are confirmed: OCS has these paths.

use super::words::RuleWords;
use crate::path::SafePath;
use ucupdate_core::device::KindWord;

const INTERIM_FOLDER: &str = "OCInterim";

/// The number of parts of a release's path: the words of the device kind, the version, the update
/// type and the file name.
const RELEASE_PARTS: usize = KindWord::COUNT + 3;

/// The meaning of the folders in the path of a file, in the hierarchy of OCS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FolderMeaning<'a> {
    /// The folders of a release. They state its whole rule (the device kind and the update type),
    /// and its version.
    Release { words: RuleWords, version: &'a str },
    /// The folders of an interim image.
    Interim { locale: &'a str },
}

impl<'a> FolderMeaning<'a> {
    /// Interprets the folders in the path of a file. `None` if they have neither the form of a
    /// release nor that of an interim image.
    pub(super) fn of(path: &'a SafePath) -> Option<Self> {
        // One part more than a release has is taken, so that a longer path is recognised.
        let parts: Vec<&str> = path.parts().take(RELEASE_PARTS + 1).collect();
        if let Ok([words @ .., version, update_type, _]) = <[&str; RELEASE_PARTS]>::try_from(&parts[..]) {
            let kind: [&str; KindWord::COUNT] = words;
            let words = RuleWords {
                kind: kind.map(|word| Some(word.to_owned())).into(),
                update_type: Some(update_type.to_owned()),
            };
            return Some(Self::Release { words, version });
        }
        match parts[..] {
            [folder, locale, _] if folder.eq_ignore_ascii_case(INTERIM_FOLDER) => {
                Some(Self::Interim { locale })
            }
            _ => None,
        }
    }
}

/// Returns the folder of a release. `None` if one of `words` is not set.
pub(in crate::package) fn release_folder(words: &RuleWords, version: &str) -> Option<String> {
    let mut folder = String::new();
    for word in words.kind.each_ref() {
        folder.push_str(word.as_deref()?);
        folder.push('/');
    }
    Some(format!("{folder}{version}/{}", words.update_type.as_deref()?))
}

pub(in crate::package) fn interim_folder(locale: &str) -> String {
    format!("{INTERIM_FOLDER}/{locale}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_core::RuleKey;

    #[test]
    fn folders_of_the_field_are_read_and_no_others() {
        let path = |text: &str| SafePath::read(text).unwrap();
        let release = path("UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt");
        let words = RuleWords::of_rule(&"UCPhone/LG-Nortel/IP8540/A/ENU/CPE".parse().unwrap());
        assert_eq!(
            FolderMeaning::of(&release),
            Some(FolderMeaning::Release { words, version: "3.5.6907.0" })
        );
        let interim = path("ocinterim/ENU/CPE.nbt");
        assert_eq!(FolderMeaning::of(&interim), Some(FolderMeaning::Interim { locale: "ENU" }));
        for text in [
            "CPE.nbt",
            "ENU/CPE.nbt",
            "Other/ENU/CPE.nbt",
            "OCInterim/ENU/more/CPE.nbt",
            "root/UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt",
        ] {
            assert_eq!(FolderMeaning::of(&path(text)), None, "{text}");
        }
    }

    #[test]
    fn a_release_lies_where_it_is_read() {
        let key: RuleKey = "UCPhone/Polycom/CX700/A/ENU/CPE".parse().unwrap();
        let words = RuleWords::of_rule(&key);
        let folder = release_folder(&words, "3.5.6907.9").unwrap();
        assert_eq!(folder, "UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE");
        let path = SafePath::read(&format!("{folder}/CPE.nbt")).unwrap();
        assert_eq!(FolderMeaning::of(&path), Some(FolderMeaning::Release { words, version: "3.5.6907.9" }));
    }
}
