//! The table of names: every item of the protocol, its name in the canonical dialect, and the source of each fact.
//!
//! The code that reads and writes messages takes every name on the wire, such as `NumOfFiles`, from this table.
//! `PROTOCOL.md` shows the same table, and a test compares both.

use std::fmt;
use ucupdate_core::device::KindWord;

/// The certainty of a fact about devices or OCS. `PROTOCOL.md` marks its facts with the same three words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a fact is published, concluded, or neither")]
pub enum Certainty {
    /// A published source or a log from the field shows the fact.
    Confirmed,
    /// The fact is inferred from confirmed facts.
    Inferred,
    /// No published source states the fact.
    Unknown,
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Confirmed => "confirmed",
            Self::Inferred => "inferred",
            Self::Unknown => "unknown",
        })
    }
}

/// The part of a message in which a name is unique. Two items of one scope never share a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "two messages, each with a root, items and modules")]
pub enum NameScope {
    /// The outermost element of a request.
    RequestRoot,
    /// The children of a request, outside its modules.
    Request,
    /// The children of one module of a request.
    RequestModule,
    /// The outermost element of a response.
    ResponseRoot,
    /// The children of a response, outside its modules.
    Response,
    /// The children of one module of a response.
    ResponseModule,
}

impl NameScope {
    /// Returns the name of the TOML table that has the items of this scope in a dialect file, such as
    /// `request_module`. `PROTOCOL.md` uses the same name.
    pub const fn key(self) -> &'static str {
        match self {
            Self::RequestRoot | Self::Request => "request",
            Self::RequestModule => "request_module",
            Self::ResponseRoot | Self::Response => "response",
            Self::ResponseModule => "response_module",
        }
    }
}

/// One row of the table [`NAMES`]: the facts about one item.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ItemFacts {
    /// The item that the row describes.
    pub item: Item,
    /// The part of a message that the item belongs to. The item's name is unique there.
    pub scope: NameScope,
    /// The item's key in a dialect file, in the TOML table [`NameScope::key`]. Example: `vendor`.
    pub key: &'static str,
    /// The name that the canonical dialect reads and writes.
    pub canonical: &'static str,
    /// Further names that the canonical dialect reads. All of them are inferred.
    pub aliases: &'static [&'static str],
    /// `true` if a message (or a module) without the item is refused.
    pub required: bool,
    /// The certainty that the message has the item.
    pub known: Certainty,
    /// The certainty of the item's canonical name.
    pub name_known: Certainty,
    /// The source of the facts, such as a column of the audit log.
    pub source: &'static str,
}

macro_rules! table {
    ($($(#[$doc:meta])* $item:ident $scope:ident $key:literal $name:literal $(| $alias:literal)* $required:ident $known:ident $name_known:ident $source:literal;)*) => {
        /// An item of a message: an element, or a value in an element.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Item {
            $($(#[$doc])* $item,)*
        }

        /// The table of all items, grouped by scope, in the order in which they are written.
        pub const NAMES: &[ItemFacts] = &[
            $(ItemFacts {
                item: Item::$item,
                scope: NameScope::$scope,
                key: $key,
                canonical: $name,
                aliases: &[$($alias),*],
                required: $required,
                known: Certainty::$known,
                name_known: Certainty::$name_known,
                source: $source,
            },)*
        ];
    };
}

impl Item {
    /// Returns the item of a request that contains one of the five words of a device kind. Example:
    /// [`Item::Vendor`] for [`KindWord::Vendor`].
    pub const fn of_kind(word: KindWord) -> Self {
        match word {
            KindWord::DeviceType => Self::DeviceType,
            KindWord::Vendor => Self::Vendor,
            KindWord::Model => Self::Model,
            KindWord::HardwareRevision => Self::Revision,
            KindWord::Locale => Self::Locale,
        }
    }
}

#[allow(non_upper_case_globals, reason = "columns of the table below, read as words")]
mod words {
    pub(super) const required: bool = true;
    pub(super) const optional: bool = false;
}
use words::{optional, required};

table! {
    /// The outermost element of a request.
    RequestRoot RequestRoot "root" "Request" optional Confirmed Inferred "a body is posted, but none is published; named for what it is";
    /// The device type, such as `UCPhone`.
    DeviceType Request "device_type" "DeviceType" required Confirmed Inferred "audit log, column `Device Type`";
    /// The user who signed in last.
    UserName Request "user_name" "UserName" optional Confirmed Inferred "audit log, column `User Name`";
    /// The time of the device's own clock when it asks.
    RequestDateTime Request "request_date_time" "RequestDateTime" optional Confirmed Inferred "audit log, column `Request DateTime`";
    /// The MAC address of the device. It may be blank.
    MacAddress Request "mac_address" "MacAddress" optional Confirmed Inferred "audit log, column `Mac Address`";
    /// The serial number of the device. It may be blank.
    SerialNumber Request "serial_number" "SerialNumber" optional Confirmed Inferred "audit log, column `Serial Number`";
    /// The vendor of the device. Lync calls it brand.
    Vendor Request "vendor" "Vendor" | "Brand" required Confirmed Inferred "audit log, column `Vendor`; Lync's rules say `Brand`";
    /// The model of the device, such as `CX700`.
    Model Request "model" "Model" required Confirmed Inferred "audit log, column `Model`";
    /// The hardware revision of the device, such as `A`.
    Revision Request "revision" "Revision" required Confirmed Inferred "audit log, column `Revision`";
    /// The locale of the device's firmware, such as `ENU`.
    Locale Request "locale" "Locale" required Confirmed Inferred "audit log, column `Locale`";
    /// The element around all installed modules.
    RequestModules Request "modules" "Modules" optional Confirmed Inferred "audit log: a row holds a list of modules";
    /// The element of one installed module.
    RequestModule Request "module" "Module" optional Confirmed Inferred "audit log: a row holds a list of modules";
    /// The file name of an installed module, such as `cpe.nbt`.
    FileName RequestModule "file_name" "FileName" required Confirmed Inferred "audit log, first part of a requested module";
    /// The version of an installed module.
    Version RequestModule "version" "Version" optional Confirmed Inferred "audit log, second part of a requested module";
    /// The time stamp of an installed module.
    TimeStamp RequestModule "time_stamp" "TimeStamp" optional Confirmed Inferred "audit log, third part of a requested module";
    /// The outermost element of a response.
    ResponseRoot ResponseRoot "root" "Response" optional Confirmed Inferred "a body is answered, but none is published; named for what it is";
    /// The number of offered modules.
    NumOfFiles Response "num_of_files" "NumOfFiles" required Inferred Inferred "concluded: a device asked and was told there is nothing to do";
    /// The element around all offered modules.
    ResponseModules Response "modules" "Modules" optional Confirmed Inferred "audit log: a row holds a list of modules";
    /// The element of one offered module.
    ResponseModule Response "module" "Module" optional Confirmed Inferred "audit log: a row holds a list of modules";
    /// The file name of an offered image, such as `CPE.nbt`.
    OfferedFileName ResponseModule "file_name" "FileName" required Confirmed Inferred "audit log, the offered file's URL";
    /// The file name of an image's signature catalogue, such as `CPE.cat`.
    SignatureFileName ResponseModule "signature_file_name" "SignatureFileName" required Confirmed Inferred "the description of the audit log: part of a response; web server log: the `.cat` is fetched";
    /// The version of an offered image, such as `3.5.6907.9`.
    OfferedVersion ResponseModule "version" "Version" optional Confirmed Inferred "audit log, second part of an offered module";
    /// The time stamp of an offered image: the modification time that its cabinet states.
    OfferedTimeStamp ResponseModule "time_stamp" "TimeStamp" optional Confirmed Inferred "audit log, third part of an offered module";
    /// The URL of the files' folder for internal devices.
    BaseUrl ResponseModule "base_url" "BaseURL" optional Confirmed Confirmed "the packet trace in Polycom's guide";
    /// The URL of the files' folder for external devices.
    ExternalBaseUrl ResponseModule "external_base_url" "ExternalBaseURL" optional Confirmed Confirmed "the packet trace in Polycom's guide";
}

/// The number of items in the table.
pub(crate) const ITEMS: usize = NAMES.len();

impl Item {
    /// Returns the row of the table [`NAMES`] that describes this item.
    pub fn facts(self) -> &'static ItemFacts {
        // The table and the enum are made from the same list, so the row exists.
        &NAMES[self as usize]
    }
}

impl fmt::Display for Item {
    /// Writes the key of the item in a dialect file, such as `request.vendor`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.facts();
        write!(f, "{}.{}", facts.scope.key(), facts.key)
    }
}

/// Returns the rows of the table [`NAMES`] whose items belong to this part of a message.
pub(crate) fn of(scope: NameScope) -> &'static [ItemFacts] {
    let (first, last) = match scope {
        NameScope::RequestRoot => (Item::RequestRoot, Item::RequestRoot),
        NameScope::Request => (Item::DeviceType, Item::RequestModule),
        NameScope::RequestModule => (Item::FileName, Item::TimeStamp),
        NameScope::ResponseRoot => (Item::ResponseRoot, Item::ResponseRoot),
        NameScope::Response => (Item::NumOfFiles, Item::ResponseModule),
        NameScope::ResponseModule => (Item::OfferedFileName, Item::ExternalBaseUrl),
    };
    &NAMES[first as usize..=last as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPES: [NameScope; 6] = [
        NameScope::RequestRoot,
        NameScope::Request,
        NameScope::RequestModule,
        NameScope::ResponseRoot,
        NameScope::Response,
        NameScope::ResponseModule,
    ];

    #[test]
    fn every_item_has_one_row_and_stands_in_the_range_of_its_place() {
        for (index, entry) in NAMES.iter().enumerate() {
            assert_eq!(entry.item as usize, index, "{:?}", entry.item);
        }
        let ranges: Vec<Item> = SCOPES.iter().flat_map(|scope| of(*scope)).map(|entry| entry.item).collect();
        assert_eq!(ranges, NAMES.iter().map(|entry| entry.item).collect::<Vec<_>>());
        for scope in SCOPES {
            assert!(of(scope).iter().all(|entry| entry.scope == scope), "{scope:?}");
        }
    }

    #[test]
    fn the_protocol_s_page_shows_the_same_table() {
        let page = include_str!("../PROTOCOL.md");
        let shown: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("| `request") || line.starts_with("| `response"))
            .collect();
        let ours: Vec<String> = NAMES
            .iter()
            .map(|entry| {
                format!(
                    "| `{}` | `{}` | {} | {} | {} | {} | {} |",
                    entry.item,
                    entry.canonical,
                    entry.aliases.iter().map(|alias| format!("`{alias}`")).collect::<String>(),
                    if entry.required { "yes" } else { "no" },
                    entry.known,
                    entry.name_known,
                    entry.source
                )
            })
            .collect();
        assert_eq!(shown, ours);
    }
}
