//! The folder hierarchy of the field: `<DeviceType>/<Vendor>/<Model>/<Revision>/<Locale>/<Version>/<UpdateType>/<file>`,
//! and the interim image's `OCInterim/<Locale>/<file>`. Confirmed: so files lie on the original server.

use crate::path::SafePath;
use ucupdate_core::RuleKey;

/// The folder of interim images.
pub(in crate::package) const INTERIM_FOLDER: &str = "OCInterim";

/// What the folders of a file say, as they say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::package) enum Placed<'a> {
    /// Of a release: the six words of its rule in their order, and its version.
    Release { words: [&'a str; 6], version: &'a str },
    /// Of an interim image.
    Interim { locale: &'a str },
}

/// Reads the folders of a file; `None` where they are not those of the field.
pub(in crate::package) fn placed(path: &SafePath) -> Option<Placed<'_>> {
    // One more than there are, so that a longer path is told apart.
    let parts: Vec<&str> = path.parts().take(9).collect();
    match parts[..] {
        [device_type, vendor, model, revision, locale, version, update_type, _] => Some(Placed::Release {
            words: [device_type, vendor, model, revision, locale, update_type],
            version,
        }),
        [folder, locale, _] if folder.eq_ignore_ascii_case(INTERIM_FOLDER) => {
            Some(Placed::Interim { locale })
        }
        _ => None,
    }
}

/// The folder of a release.
pub(in crate::package) fn release_folder(key: &RuleKey, version: &str) -> String {
    let [device_type, vendor, model, revision, locale, update_type] = key.words();
    format!("{device_type}/{vendor}/{model}/{revision}/{locale}/{version}/{update_type}")
}

/// The folder of an interim image.
pub(in crate::package) fn interim_folder(locale: &str) -> String {
    format!("{INTERIM_FOLDER}/{locale}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_field_are_read_and_no_others() {
        let path = |text: &str| SafePath::read(text).unwrap();
        let release = path("UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt");
        let words = ["UCPhone", "LG-Nortel", "IP8540", "A", "ENU", "CPE"];
        assert_eq!(placed(&release), Some(Placed::Release { words, version: "3.5.6907.0" }));
        let interim = path("ocinterim/ENU/CPE.nbt");
        assert_eq!(placed(&interim), Some(Placed::Interim { locale: "ENU" }));
        for text in [
            "CPE.nbt",
            "ENU/CPE.nbt",
            "Other/ENU/CPE.nbt",
            "OCInterim/ENU/more/CPE.nbt",
            "root/UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt",
        ] {
            assert_eq!(placed(&path(text)), None, "{text}");
        }
    }

    #[test]
    fn a_release_lies_where_it_is_read() {
        let key: RuleKey = "UCPhone/Polycom/CX700/A/ENU/CPE".parse().unwrap();
        let folder = release_folder(&key, "3.5.6907.9");
        assert_eq!(folder, "UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE");
        let path = SafePath::read(&format!("{folder}/CPE.nbt")).unwrap();
        assert_eq!(placed(&path), Some(Placed::Release { words: key.words(), version: "3.5.6907.9" }));
    }
}
