//! The table of the names in a manifest. It states how certain each name is.

use ucupdate_core::device::KindWord;

/// The certainty of a name in the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "published, concluded, or our own")]
pub enum NameMark {
    /// The name is published.
    Confirmed,
    /// The name is inferred from other known names.
    Inferred,
    /// The name was made for this project.
    Ours,
}

/// The meaning of a name in the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ManifestItem {
    /// The root element, and the list in it.
    Updates,
    /// An element for one release.
    Update,
    /// An element for one interim image.
    Interim,
    /// An element inside an update or interim image, for one of several files.
    File,
    /// The version of a release or of an interim image.
    Version,
    /// A word of the rule: one of the words of the device kind, such as the vendor or the model.
    Kind(KindWord),
    /// A word of the rule: the update type, such as `CPE`. Default: the file name of the image
    /// without its extension.
    UpdateType,
    /// The path of the image from the root of the cabinet, or from the folder of the release.
    FileName,
    /// The path of the signature, from the root of the cabinet or from the folder of the release. Default: the `.cat` file beside
    /// the image.
    SignatureFileName,
    /// The path of a description, from the root of the cabinet or from the folder of the release. There may be several descriptions.
    DescriptionFileName,
}

/// One row of [`MANIFEST_NAMES`]: a name in the manifest, its meaning and its certainty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManifestName {
    /// The meaning of the name, which is the same for all its spellings.
    pub item: ManifestItem,
    /// The spelling that the package builder writes.
    pub name: &'static str,
    /// Other spellings that the reader accepts. The reader ignores the case of letters in all
    /// spellings.
    pub also: &'static [&'static str],
    /// The certainty of the name.
    pub mark: NameMark,
    /// The publication of the name, or the fact from which it was inferred. A text for
    /// documentation.
    pub source: &'static str,
}

const fn row(
    item: ManifestItem,
    name: &'static str,
    also: &'static [&'static str],
    mark: NameMark,
    source: &'static str,
) -> ManifestName {
    ManifestName { item, name, also, mark, source }
}

/// The table of all names that the reader of a manifest knows.
pub const MANIFEST_NAMES: &[ManifestName] = {
    use ManifestItem as Item;
    use NameMark::{Confirmed, Inferred, Ours};
    const READ_BY_ADMINISTRATORS: &str = "administrators read the original as Updates/Updates/Update";
    const AUDIT: &str = "column title of the audit log";
    const AUDIT_AND_LYNC: &str = "column title of the audit log; Lync's rules say Brand";
    const RESPONSE: &str = "item of the update response";
    &[
        row(Item::Updates, "Updates", &[], Confirmed, READ_BY_ADMINISTRATORS),
        row(Item::Update, "Update", &[], Confirmed, READ_BY_ADMINISTRATORS),
        row(Item::Version, "version", &[], Confirmed, READ_BY_ADMINISTRATORS),
        row(Item::Kind(KindWord::DeviceType), "DeviceType", &[], Inferred, AUDIT),
        row(Item::Kind(KindWord::Vendor), "Vendor", &["Brand"], Inferred, AUDIT_AND_LYNC),
        row(Item::Kind(KindWord::Model), "Model", &[], Inferred, AUDIT),
        row(Item::Kind(KindWord::HardwareRevision), "Revision", &[], Inferred, AUDIT),
        row(Item::Kind(KindWord::Locale), "Locale", &[], Inferred, AUDIT),
        row(Item::UpdateType, "UpdateType", &[], Inferred, "field of Lync's rules"),
        row(Item::FileName, "FileName", &[], Inferred, RESPONSE),
        row(Item::SignatureFileName, "SignatureFileName", &[], Inferred, RESPONSE),
        row(Item::DescriptionFileName, "DescriptionFileName", &[], Ours, "after the two above"),
        row(Item::Interim, "Interim", &[], Ours, "after the folder OCInterim"),
        row(Item::File, "File", &[], Ours, "an update of several files"),
    ]
};

impl ManifestItem {
    /// Returns the meaning of a name, ignoring case. `None` for an unknown name.
    pub fn of(name: &str) -> Option<Self> {
        let same = |known: &&str| known.eq_ignore_ascii_case(name);
        let row = MANIFEST_NAMES.iter().find(|row| same(&row.name) || row.also.iter().any(same))?;
        Some(row.item)
    }

    /// Returns the name of the item, as the package builder writes it in a manifest. Example: `FileName`.
    pub fn name(self) -> &'static str {
        MANIFEST_NAMES.iter().find(|row| row.item == self).map_or("", |row| row.name)
    }

    pub(in crate::package) fn is_container(self) -> bool {
        matches!(self, Self::Updates | Self::Update | Self::Interim | Self::File)
    }

    /// Returns whether the item is a word of the rule. If a list of updates states such a word, the
    /// word applies to all updates in the list. A version or a file name in a list is ignored.
    pub(in crate::package) fn is_word(self) -> bool {
        matches!(self, Self::Kind(_) | Self::UpdateType)
    }
}

#[cfg(test)]
mod tests {
    use super::{ManifestItem as Item, *};

    #[test]
    fn the_table_is_the_only_place_of_names() {
        assert_eq!(Item::of("bRAND"), Some(Item::Kind(KindWord::Vendor)));
        assert_eq!(Item::of("Colour"), None);
        for row in MANIFEST_NAMES {
            assert_eq!(Item::of(row.name), Some(row.item));
            assert_eq!(row.item.name(), row.name);
        }
        let confirmed = MANIFEST_NAMES.iter().filter(|row| row.mark == NameMark::Confirmed).count();
        assert_eq!(confirmed, 3, "Updates, Update and version are all that is published");
    }
}
