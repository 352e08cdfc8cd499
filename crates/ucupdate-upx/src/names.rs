//! The one table of names: every item of the protocol, the name it has in the canonical dialect, and how we know.
//!
//! Nothing else in the workspace spells a name of the wire. `PROTOCOL.md` shows the same table, and a test holds both together.

use std::fmt;
use ucupdate_core::device::KindWord;

/// How well a fact is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a fact is seen, concluded, or not known")]
pub enum Certainty {
    /// By a published source or a log from the field.
    Confirmed,
    /// Concluded from what is confirmed.
    Inferred,
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Confirmed => "confirmed",
            Self::Inferred => "inferred",
        })
    }
}

/// Where a name stands; two items of one place never share a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "two messages, each with a root, items and modules")]
pub enum NameScope {
    /// The outermost element of a request.
    RequestRoot,
    /// Directly in a request.
    Request,
    /// In a module of a request.
    RequestModule,
    /// The outermost element of a response.
    ResponseRoot,
    /// Directly in a response.
    Response,
    /// In a module of a response.
    ResponseModule,
}

impl NameScope {
    /// The name of the place's table in a dialect file, and in `PROTOCOL.md`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::RequestRoot | Self::Request => "request",
            Self::RequestModule => "request_module",
            Self::ResponseRoot | Self::Response => "response",
            Self::ResponseModule => "response_module",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ItemFacts {
    /// Which item it is.
    pub item: Item,
    /// Where its name stands.
    pub scope: NameScope,
    /// Its key in a dialect file, below the place's table.
    pub key: &'static str,
    /// Its name in the canonical dialect.
    pub canonical: &'static str,
    /// Further names that the canonical dialect reads the item by. All of them are inferred.
    pub aliases: &'static [&'static str],
    /// Whether a message (or a module) without it is refused.
    pub required: bool,
    /// How well it is known that the message carries this.
    pub known: Certainty,
    /// How well its name is known.
    pub name_known: Certainty,
    /// Where we know it from.
    pub source: &'static str,
}

macro_rules! table {
    ($($(#[$doc:meta])* $item:ident $scope:ident $key:literal $name:literal $(| $alias:literal)* $required:ident $known:ident $name_known:ident $source:literal;)*) => {
        /// One thing a message carries.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Item {
            $($(#[$doc])* $item,)*
        }

        /// Every item, those of one place together, in the order they are written.
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
    /// Returns the item of a request that states a word of the device's kind.
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
    /// The request's outermost element.
    RequestRoot RequestRoot "root" "Request" optional Confirmed Inferred "a body is posted, but none is published; named for what it is";
    /// What kind of device asks.
    DeviceType Request "device_type" "DeviceType" required Confirmed Inferred "audit log, column `Device Type`";
    /// The user who signed in last.
    UserName Request "user_name" "UserName" optional Confirmed Inferred "audit log, column `User Name`";
    /// The device's own clock.
    RequestDateTime Request "request_date_time" "RequestDateTime" optional Confirmed Inferred "audit log, column `Request DateTime`";
    /// The device's MAC address.
    MacAddress Request "mac_address" "MacAddress" optional Confirmed Inferred "audit log, column `Mac Address`";
    /// The device's serial number.
    SerialNumber Request "serial_number" "SerialNumber" optional Confirmed Inferred "audit log, column `Serial Number`";
    /// Who made the device.
    Vendor Request "vendor" "Vendor" | "Brand" required Confirmed Inferred "audit log, column `Vendor`; Lync's rules say `Brand`";
    /// The device's model.
    Model Request "model" "Model" required Confirmed Inferred "audit log, column `Model`";
    /// The device's hardware revision.
    Revision Request "revision" "Revision" required Confirmed Inferred "audit log, column `Revision`";
    /// The language variant the device runs.
    Locale Request "locale" "Locale" required Confirmed Inferred "audit log, column `Locale`";
    /// The list of what the device has.
    RequestModules Request "modules" "Modules" optional Confirmed Inferred "audit log: a row holds a list of modules";
    /// One thing the device has.
    RequestModule Request "module" "Module" optional Confirmed Inferred "audit log: a row holds a list of modules";
    /// The file name a device asks for.
    FileName RequestModule "file_name" "FileName" required Confirmed Inferred "audit log, first part of a requested module";
    /// The version a device has.
    Version RequestModule "version" "Version" optional Confirmed Inferred "audit log, second part of a requested module";
    /// The time stamp of what a device has.
    TimeStamp RequestModule "time_stamp" "TimeStamp" optional Confirmed Inferred "audit log, third part of a requested module";
    /// The response's outermost element.
    ResponseRoot ResponseRoot "root" "Response" optional Confirmed Inferred "a body is answered, but none is published; named for what it is";
    /// How many modules are offered.
    NumOfFiles Response "num_of_files" "NumOfFiles" required Inferred Inferred "concluded: a device asked and was told there is nothing to do";
    /// The list of what is offered.
    ResponseModules Response "modules" "Modules" optional Confirmed Inferred "audit log: a row holds a list of modules";
    /// One thing that is offered.
    ResponseModule Response "module" "Module" optional Confirmed Inferred "audit log: a row holds a list of modules";
    /// The file to fetch.
    OfferedFileName ResponseModule "file_name" "FileName" required Confirmed Inferred "audit log, the offered file's URL";
    /// The signature catalogue to fetch beside it.
    SignatureFileName ResponseModule "signature_file_name" "SignatureFileName" required Confirmed Inferred "web server log: the `.cat` is fetched from beside the image";
    /// The version of what is offered.
    OfferedVersion ResponseModule "version" "Version" optional Confirmed Inferred "audit log, second part of an offered module";
    /// The time stamp of what is offered.
    OfferedTimeStamp ResponseModule "time_stamp" "TimeStamp" optional Confirmed Inferred "audit log, third part of an offered module";
    /// The folder's URL for devices inside.
    BaseUrl ResponseModule "base_url" "BaseURL" optional Confirmed Confirmed "a published packet trace";
    /// The folder's URL for devices outside.
    ExternalBaseUrl ResponseModule "external_base_url" "ExternalBaseURL" optional Confirmed Confirmed "a published packet trace";
}

/// How many items there are.
pub(crate) const ITEMS: usize = NAMES.len();

impl Item {
    /// The item's row in the table.
    pub fn facts(self) -> &'static ItemFacts {
        // The table is made from the same list as the enum, so the row is there.
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

/// The rows of one place.
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
