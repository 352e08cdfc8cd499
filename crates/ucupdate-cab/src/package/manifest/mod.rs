//! Reads the manifest, `updateInfo.xml`.
//!
//! Of OCS's manifest, only `Updates/Updates/Update` with a `version` is published. All other names
//! are inferred or were made for this project. The table [`MANIFEST_NAMES`](names::MANIFEST_NAMES)
//! has the certainty of each name. The reader accepts an item, such as the file name of an image,
//! as an attribute or as a child element, in upper or lower case, in any order and in any XML
//! namespace. If an element states a word of a rule, such as the model, the word applies to the
//! elements inside it too. A name outside the table is skipped and reported.

pub(super) mod names;
mod narrowing;
#[cfg(feature = "build")]
pub(super) mod write;

use self::names::ManifestItem;
use self::narrowing::looks_like_narrowing;
use super::limits::PackageLimits;
use super::xml::{self, Element, ManifestError};
use std::collections::BTreeMap;

/// The largest size in bytes of the text of an item, such as a model or a file name. Every path in
/// a cabinet is shorter. The limit is needed because the reader copies the words of a rule that a
/// list states into each update in the list.
const MAX_TEXT_BYTES: usize = 1024;
/// The largest number of descriptions of one update.
pub(in crate::package) const MAX_DESCRIPTIONS: usize = 16;

/// The content of a manifest as written. It is not interpreted, except that unknown names and
/// repeated items are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::package) struct Manifest {
    pub(in crate::package) entries: Vec<ManifestEntry>,
    /// The names outside the table of known names. Each name is listed once.
    pub(in crate::package) unknown: Vec<UnknownName>,
    pub(in crate::package) repeated: Vec<RepeatedItem>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::package) struct ManifestEntry {
    pub(in crate::package) is_interim: bool,
    /// The number of the update in the manifest, or of the interim image, counted from 1. Updates
    /// and interim images are counted separately. Entries of the same element have the same number.
    pub(in crate::package) number: usize,
    pub(in crate::package) items: BTreeMap<ManifestItem, String>,
    pub(in crate::package) descriptions: Vec<String>,
}

impl ManifestEntry {
    pub(in crate::package) fn item(&self, item: ManifestItem) -> Option<&str> {
        self.items.get(&item).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub(in crate::package) fn place(&self) -> String {
        format!("{} {}", if self.is_interim { "Interim" } else { "Update" }, self.number)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::package) struct UnknownName {
    /// `true` if the name may restrict an update.
    pub(in crate::package) is_narrowing: bool,
    pub(in crate::package) name: String,
    pub(in crate::package) at: usize,
}

/// An item that one element states twice with different values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::package) struct RepeatedItem {
    pub(in crate::package) item: ManifestItem,
    pub(in crate::package) first: String,
    pub(in crate::package) second: String,
    pub(in crate::package) at: usize,
}

/// The items of an element and their texts, from its attributes and its child elements.
type Items = BTreeMap<ManifestItem, String>;

impl Manifest {
    pub(in crate::package) fn read(bytes: &[u8], limits: &PackageLimits) -> Result<Self, ManifestError> {
        let root = xml::read(bytes, limits)?;
        if ManifestItem::of(&root.name) != Some(ManifestItem::Updates) {
            return Err(ManifestError::Root { found: root.name.to_string(), at: root.at });
        }
        let mut manifest = Self::default();
        let mut numbers = (0, 0);
        manifest.list(&root, &Items::new(), &mut numbers, limits)?;
        Ok(manifest)
    }

    /// Reads a list of updates, or an unknown element that may contain updates. `around` has the
    /// words of a rule, such as the model, that the outer elements state. `numbers` counts the
    /// updates and the interim images so far.
    fn list(
        &mut self,
        element: &Element,
        around: &Items,
        numbers: &mut (usize, usize),
        limits: &PackageLimits,
    ) -> Result<(), ManifestError> {
        let mut items = around.clone();
        let own = self.items(element, &mut Vec::new())?;
        items.extend(own.into_iter().filter(|(item, _)| item.is_word()));
        for child in &element.children {
            match ManifestItem::of(&child.name) {
                Some(ManifestItem::Updates) => self.list(child, &items, numbers, limits)?,
                Some(ManifestItem::Update) => {
                    numbers.0 += 1;
                    self.entry(child, &items, (false, numbers.0), limits)?;
                }
                Some(ManifestItem::Interim) => {
                    numbers.1 += 1;
                    self.entry(child, &items, (true, numbers.1), limits)?;
                }
                Some(ManifestItem::File) => self.unknown(&child.name, child.at, false),
                Some(_) => {}
                None => {
                    self.unknown_element(child);
                    self.list(child, &items, numbers, limits)?;
                }
            }
        }
        Ok(())
    }

    /// Reads the element of an update or an interim image. Adds one entry, or one entry for each
    /// `File` element in it.
    fn entry(
        &mut self,
        element: &Element,
        around: &Items,
        (is_interim, number): (bool, usize),
        limits: &PackageLimits,
    ) -> Result<(), ManifestError> {
        let mut descriptions = Vec::new();
        let mut items = around.clone();
        items.extend(self.items(element, &mut descriptions)?);
        let mut files = Vec::new();
        self.files(element, &mut files);
        let mut found = Vec::new();
        for file in &files {
            let mut descriptions = descriptions.clone();
            let mut items = items.clone();
            items.extend(self.items(file, &mut descriptions)?);
            found.push(ManifestEntry { is_interim, number, items, descriptions });
        }
        if files.is_empty() {
            found.push(ManifestEntry { is_interim, number, items, descriptions });
        }
        if self.entries.len() + found.len() > limits.releases {
            return Err(ManifestError::TooMany { what: "updates", most: limits.releases, at: element.at });
        }
        self.entries.extend(found);
        Ok(())
    }

    /// Finds the `File` elements in an update, also inside unknown elements.
    fn files<'a>(&mut self, element: &'a Element, files: &mut Vec<&'a Element>) {
        for child in &element.children {
            match ManifestItem::of(&child.name) {
                Some(ManifestItem::File) => {
                    files.push(child);
                    self.unused_content(child);
                }
                Some(item) if !item.is_container() => {}
                _ => {
                    self.unknown_element(child);
                    self.unused_items(child);
                    self.files(child, files);
                }
            }
        }
    }

    /// Reports the child elements of a `File` element that are no items, that is, have an unknown
    /// name or the name of an element such as `Update`.
    fn unused_content(&mut self, element: &Element) {
        for child in &element.children {
            if ManifestItem::of(&child.name).is_none_or(ManifestItem::is_container) {
                self.unknown_element(child);
                self.unused_items(child);
                self.unused_content(child);
            }
        }
    }

    /// Reports the words of a rule (such as the model) that stand in an element that is not read.
    /// Also reports its attributes whose names look like a restriction. Without the report, the
    /// update would be offered to more devices than the manifest says.
    fn unused_items(&mut self, element: &Element) {
        let restricts = |name: &str| {
            ManifestItem::of(name).map_or_else(|| looks_like_narrowing(name), ManifestItem::is_word)
        };
        for (name, _) in element.attributes.iter().filter(|(name, _)| restricts(name)) {
            self.unknown(name, element.at, true);
        }
        for child in &element.children {
            if ManifestItem::of(&child.name).is_some_and(ManifestItem::is_word) {
                self.unknown(&child.name, child.at, true);
            }
        }
    }

    /// Reports the attributes and elements inside an item such as `Model`. The reader uses only the
    /// text of an item.
    fn unused_in_item(&mut self, item: &Element) {
        let restricts = |name: &str| ManifestItem::of(name).is_some() || looks_like_narrowing(name);
        for (name, _) in &item.attributes {
            self.unknown(name, item.at, restricts(name));
        }
        for child in &item.children {
            self.unknown(&child.name, child.at, restricts(&child.name));
            self.unused_in_item(child);
        }
    }

    /// Reports an element with an unknown name. The element counts as a possible restriction only
    /// if its name looks like one, and if it contains no element with a known name. An element that
    /// contains known names is probably a list.
    fn unknown_element(&mut self, element: &Element) {
        let is_narrowing = looks_like_narrowing(&element.name) && !holds_known(element);
        self.unknown(&element.name, element.at, is_narrowing);
    }

    /// Reads the items, such as the version, that the element itself states. Adds its descriptions
    /// to `descriptions`. Reports repeated items and unknown attributes.
    fn items(&mut self, element: &Element, descriptions: &mut Vec<String>) -> Result<Items, ManifestError> {
        let mut items = Items::new();
        for child in &element.children {
            if ManifestItem::of(&child.name).is_some_and(|item| !item.is_container()) {
                self.unused_in_item(child);
            }
        }
        let attributes = element.attributes.iter().map(|(name, value)| (name, value, element.at, true));
        let children = element.children.iter().map(|child| (&child.name, &child.text, child.at, false));
        for (name, value, at, is_attribute) in attributes.chain(children) {
            let item = match ManifestItem::of(name) {
                Some(item) if !item.is_container() => item,
                Some(_) | None => {
                    if is_attribute {
                        self.unknown(name, at, looks_like_narrowing(name));
                    }
                    continue;
                }
            };
            let value = value.trim();
            if value.len() > MAX_TEXT_BYTES {
                return Err(ManifestError::TooMany { what: "bytes in one item", most: MAX_TEXT_BYTES, at });
            }
            if item == ManifestItem::DescriptionFileName {
                if descriptions.len() == MAX_DESCRIPTIONS {
                    return Err(ManifestError::TooMany {
                        what: "descriptions of one update",
                        most: MAX_DESCRIPTIONS,
                        at,
                    });
                }
                if !value.is_empty() {
                    descriptions.push(value.to_owned());
                }
                continue;
            }
            match items.get(&item) {
                Some(first) if first != value => {
                    let (first, second) = (first.clone(), value.to_owned());
                    self.repeated.push(RepeatedItem { item, first, second, at });
                }
                Some(_) => {}
                None => {
                    items.insert(item, value.to_owned());
                }
            }
        }
        if !element.text.is_empty() {
            self.unknown("text between elements", element.at, false);
        }
        Ok(items)
    }

    /// Reports an unknown name, if it was not reported before. `is_narrowing` is whether the name
    /// may restrict an update.
    fn unknown(&mut self, name: &str, at: usize, is_narrowing: bool) {
        /// A name that restricts nothing is reported only while the number of reported names is
        /// less than this.
        const MOST: usize = 32;
        /// A name that may restrict an update is reported while the number of reported names is
        /// less than this. One such name is enough to refuse the package, unless the options ignore
        /// it.
        const MOST_NARROWING: usize = 2 * MOST;
        let known = self.unknown.iter().any(|unknown| unknown.name.eq_ignore_ascii_case(name));
        let most = if is_narrowing { MOST_NARROWING } else { MOST };
        if !known && self.unknown.len() < most {
            self.unknown.push(UnknownName { name: name.to_owned(), at, is_narrowing });
        }
    }
}

/// Returns whether this element contains an element with a known name at any depth. The recursion
/// is bounded, because the depth was limited when the document was read.
fn holds_known(element: &Element) -> bool {
    element.children.iter().any(|child| ManifestItem::of(&child.name).is_some() || holds_known(child))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ManifestItem as Item;
    use proptest::prelude::*;
    use ucupdate_core::device::KindWord;

    fn read(text: &str) -> Manifest {
        Manifest::read(text.as_bytes(), &PackageLimits::default()).unwrap()
    }

    #[track_caller]
    fn said(entry: &ManifestEntry, expected: &[(Item, &str)]) {
        let found: Vec<_> = entry.items.iter().map(|(item, text)| (*item, text.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn items_are_read_as_attributes_or_elements_in_any_case_order_and_namespace() {
        let one = read(
            "<Updates><Updates><Update version='1.2' Model='CX700'><Vendor>Polycom</Vendor>\
             <FileName>CPE.nbt</FileName></Update></Updates></Updates>",
        );
        let two = read(
            "<u:updates xmlns:u='urn:any'><UPDATES><update><fileNAME> CPE.nbt </fileNAME><Version>1.2</Version>\
             <u:brand>Polycom</u:brand><model>CX700</model></update></UPDATES></u:updates>",
        );
        assert_eq!(one, two);
        let expected = [
            (Item::Version, "1.2"),
            (Item::Kind(KindWord::Vendor), "Polycom"),
            (Item::Kind(KindWord::Model), "CX700"),
            (Item::FileName, "CPE.nbt"),
        ];
        said(&one.entries[0], &expected);
        assert!(one.unknown.is_empty());
    }

    #[test]
    fn words_around_hold_for_what_is_inside_but_a_list_has_its_own_version() {
        let manifest = read(
            "<Updates version='9'><Updates><Device><Update version='1'><FileName>a</FileName></Update>\
             <Update version='2' locale='DEU'/><Locale>ENU</Locale></Device></Updates></Updates>",
        );
        said(
            &manifest.entries[0],
            &[(Item::Version, "1"), (Item::Kind(KindWord::Locale), "ENU"), (Item::FileName, "a")],
        );
        said(&manifest.entries[1], &[(Item::Version, "2"), (Item::Kind(KindWord::Locale), "DEU")]);
        assert_eq!(
            manifest.unknown,
            [UnknownName { name: "Device".to_owned(), at: 30, is_narrowing: false }]
        );
    }

    #[test]
    fn an_update_of_several_files_is_several_entries() {
        let manifest = read(
            "<Updates><Update version='1' Locale='ENU'><Files><File FileName='a.nbt'/>\
             <File><FileName>b.nbt</FileName><UpdateType>B</UpdateType><Size>3</Size></File></Files></Update></Updates>",
        );
        let [first, second] = &manifest.entries[..] else { panic!("{manifest:?}") };
        said(
            first,
            &[(Item::Version, "1"), (Item::Kind(KindWord::Locale), "ENU"), (Item::FileName, "a.nbt")],
        );
        assert_eq!(second.item(Item::UpdateType), Some("B"));
        assert_eq!((first.place(), second.place()), ("Update 1".to_owned(), "Update 1".to_owned()));
        let unknown: Vec<_> = manifest.unknown.iter().map(|unknown| unknown.name.as_str()).collect();
        assert_eq!(unknown, ["Files", "Size"]);
    }

    #[test]
    fn what_is_not_known_is_passed_over_and_reported_once() {
        let manifest = read(
            "<Updates Colour='red'><Update version='1' colour='blue'>free text<Mystery/></Update>\
             <Interim version='2'/></Updates>",
        );
        let unknown: Vec<_> = manifest.unknown.iter().map(|unknown| unknown.name.as_str()).collect();
        assert_eq!(unknown, ["Colour", "text between elements", "Mystery"]);
        assert_eq!(manifest.entries.len(), 2);
        assert!(manifest.entries[1].is_interim);
    }

    #[test]
    fn an_unknown_name_that_looks_like_a_restriction_is_noted_as_one_wherever_it_stands() {
        for inner in [
            "<Update version='1' HardwareRange='C-D'/>",
            "<Update version='1'><MinVersion>2</MinVersion></Update>",
            "<Update version='1'><File><Region>EMEA</Region></File></Update>",
            "<Update version='1'><Files OnlyFor='C'><File FileName='a'/></Files></Update>",
            "<Update version='1'><Files Locale='DEU'><File FileName='a'/></Files></Update>",
            "<Update version='1'><Extra><Model>CX700</Model></Extra></Update>",
            "<List SerialRange='1-2'><Update version='1'/></List>",
            "<Condition/><Update version='1'/>",
            "<Update version='1'><Model Range='C-D'>CX700</Model></Update>",
            "<Update version='1'><Revision To='D'>A</Revision></Update>",
            "<Update version='1'><Model Locale='DEU'>CX700</Model></Update>",
            "<Update version='1'><Revision>A<From>C</From></Revision></Update>",
            "<Update version='1'><File><FileName Region='EMEA'>a</FileName></File></Update>",
            "<Model Revision='C'>CX700</Model><Update version='1'/>",
        ] {
            let manifest = read(&format!("<Updates>{inner}</Updates>"));
            assert!(manifest.unknown.iter().any(|unknown| unknown.is_narrowing), "{inner}");
        }
        for inner in [
            "<Update version='1' Colour='blue'/>",
            "<Update version='1'><Model Colour='blue'>CX700</Model></Update>",
            "<Device><Model>CX700</Model><Update version='1'/></Device>",
            "<Update version='1'><Files><File FileName='a' Size='3'/></Files></Update>",
        ] {
            let manifest = read(&format!("<Updates>{inner}</Updates>"));
            assert!(manifest.unknown.iter().all(|unknown| !unknown.is_narrowing), "{inner}");
        }
    }

    #[test]
    fn an_item_said_twice_is_kept_as_a_finding() {
        let manifest = read(
            "<Updates><Update version='1' Model='A'><Version>2</Version><Model>A</Model></Update></Updates>",
        );
        let [repeated] = &manifest.repeated[..] else { panic!("{manifest:?}") };
        assert_eq!(
            (repeated.item, repeated.first.as_str(), repeated.second.as_str()),
            (Item::Version, "1", "2")
        );
    }

    #[test]
    fn another_root_or_too_many_updates_are_refused() {
        let mut limits = PackageLimits::default();
        let refused =
            |text: &str, limits: &_| Manifest::read(text.as_bytes(), limits).unwrap_err().to_string();
        assert_eq!(refused("<html/>", &limits), "root element html, at byte 0");
        limits.releases = 1;
        assert!(Manifest::read(b"<Updates><Update/></Updates>", &limits).is_ok());
        let two = "<Updates><Update/><Update/></Updates>";
        assert_eq!(refused(two, &limits), "manifest has more than 1 updates, at byte 18");
        let long = format!("<Updates><Update Model='{}'/></Updates>", "x".repeat(1025));
        assert_eq!(refused(&long, &limits), "manifest has more than 1024 bytes in one item, at byte 9");
        let many = "<DescriptionFileName>a</DescriptionFileName>".repeat(17);
        let many = format!("<Updates><Update>{many}</Update></Updates>");
        assert_eq!(
            refused(&many, &limits),
            "manifest has more than 16 descriptions of one update, at byte 721"
        );
    }

    fn entry() -> impl Strategy<Value = ManifestEntry> {
        let text = "[ -~\u{e4}\t\r\n]{0,12}".prop_map(|text| text.trim().to_owned());
        let items = prop::collection::btree_map(
            prop::sample::select(vec![
                Item::Version,
                Item::Kind(KindWord::Vendor),
                Item::Kind(KindWord::Model),
                Item::Kind(KindWord::Locale),
                Item::FileName,
            ]),
            text.clone(),
            0..5,
        );
        let descriptions = prop::collection::vec("[a-z&<>\"']{1,8}", 0..3);
        (any::<bool>(), items, descriptions).prop_map(|(is_interim, items, descriptions)| ManifestEntry {
            is_interim,
            number: 0,
            items,
            descriptions,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(mut entries in prop::collection::vec(entry(), 0..4)) {
            let (mut updates, mut interims) = (0, 0);
            for entry in &mut entries {
                let count = if entry.is_interim { &mut interims } else { &mut updates };
                *count += 1;
                entry.number = *count;
                entry.items.entry(Item::Version).or_default();
            }
            let read = read(&write::write(&entries));
            prop_assert_eq!(read.entries, entries);
            prop_assert!(read.unknown.is_empty() && read.repeated.is_empty());
        }
    }
}
