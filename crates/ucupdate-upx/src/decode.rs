//! Converts the items that were read from a body into a message. Checks that the required items are
//! there. In a request a module with a problem is skipped; in a response it is an error.

use crate::dialect::Dialect;
use crate::error::{DecodeError, ItemFault, ItemProblem, MessageKind};
use crate::limits::DecodeLimits;
use crate::names::{self, Item, NameScope};
use crate::reading;
use crate::reading::body;
use crate::reading::raw_message::{FoundItem, RawMessage, RawModule, UnknownItem, find};
use ucupdate_core::device::{DeviceKind, KindWord};
use ucupdate_core::request::{InstalledModule, OfferedModule};
use ucupdate_core::value::{FileName, ParseErrorKind, Reported, check_label};
use ucupdate_core::{Device, ReportedVersion, UpdateRequest, UpdateResponse};
use ucupdate_xml::chars::{is_blank, local_name, quoted};

/// A message that was read, and the parts of the body that the message does not contain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded<T> {
    /// The message with all items that were recognised.
    pub value: T,
    /// The items that the dialect does not know, in the order of the body. At most
    /// [`DecodeLimits::unknown`](crate::DecodeLimits::unknown) of them are kept.
    pub unknown: Vec<UnknownItem>,
    /// The number of unknown items in the body, including those that were not kept.
    pub unknown_count: usize,
    /// The problems of the modules that were skipped. Always empty for a response, where such a module is an error.
    pub skipped: Vec<ItemProblem>,
}

/// Converts the items of a body into the values of a message, and collects the problems of these items.
struct ItemReader<'a> {
    dialect: &'a Dialect,
    limits: &'a DecodeLimits,
    problems: Vec<ItemProblem>,
}

impl ItemReader<'_> {
    fn problem(&mut self, item: Item, module: Option<usize>, at: Option<usize>, fault: ItemFault) {
        let name = self.dialect.name(item).into();
        self.problems.push(ItemProblem { item, name, module, at, fault });
    }

    fn label<'a>(&mut self, raw: &'a RawMessage<'_>, item: Item) -> Option<&'a str> {
        let Some(found) = raw.item(item) else {
            self.problem(item, None, None, ItemFault::Absent);
            return None;
        };
        if found.twice {
            return None; // reported by `check_repeated`
        }
        match check_label(&found.value) {
            Ok(label) => Some(label),
            Err(error) => {
                let fault = match error.kind() {
                    ParseErrorKind::Blank => ItemFault::Blank,
                    _ => ItemFault::Unreadable(error),
                };
                self.problem(item, None, Some(found.at), fault);
                None
            }
        }
    }

    /// Adds a problem for each item that occurs twice, or whose text is too long. `module` is the number of the
    /// module that holds the items, counted from 1, or `None` for items outside the modules.
    fn check_repeated(&mut self, found: &[FoundItem<'_>], module: Option<usize>) {
        for found in found {
            if found.overlong {
                let most = self.limits.text_bytes;
                self.problem(found.item, module, Some(found.at), ItemFault::TooLong { most });
            } else if found.twice {
                self.problem(found.item, module, Some(found.at), ItemFault::Twice);
            }
        }
    }

    fn file_name(
        &mut self,
        found: &[FoundItem<'_>],
        item: Item,
        number: usize,
        module: &RawModule,
    ) -> Option<FileName> {
        let Some(found) = find(found, item) else {
            self.problem(item, Some(number), Some(module.at), ItemFault::Absent);
            return None;
        };
        if found.overlong || found.twice {
            return None;
        }
        if is_blank(&found.value) {
            self.problem(item, Some(number), Some(found.at), ItemFault::Blank);
            return None;
        }
        match found.value.parse() {
            Ok(name) => Some(name),
            Err(error) => {
                self.problem(item, Some(number), Some(found.at), ItemFault::Unreadable(error));
                None
            }
        }
    }
}

/// Reads a request. A module with a problem is skipped.
///
/// Fails when a required item is absent, blank or not a valid label, and when an item outside the modules is
/// given twice. Also fails when the body has none of the items of a request, or when it has modules but none of
/// them can be read.
pub(crate) fn request(
    body: &[u8],
    dialect: &Dialect,
    limits: &DecodeLimits,
) -> Result<Decoded<UpdateRequest>, DecodeError> {
    let document = body::open(body, limits, MessageKind::Request)?;
    let raw = reading::read(&document, dialect, limits, MessageKind::Request)?;
    check_root(&raw, dialect, MessageKind::Request)?;
    let mut reader = ItemReader { dialect, limits, problems: Vec::new() };
    let words = KindWord::ALL.map(|word| reader.label(&raw, Item::of_kind(word)));
    reader.check_repeated(&raw.items, None);
    let kind = DeviceKind::from_words(words.map(Option::unwrap_or_default));
    let (Ok(kind), []) = (kind, reader.problems.as_slice()) else {
        return Err(items(MessageKind::Request, reader.problems));
    };
    let mut modules = Vec::with_capacity(raw.modules.len());
    for (index, module) in raw.modules.iter().enumerate() {
        modules.extend(installed(&mut reader, &raw, module, index + 1));
    }
    if modules.is_empty() && !raw.modules.is_empty() {
        return Err(DecodeError::NoModuleRead { problems: reader.problems });
    }
    if let Some((name, at)) = raw.outside_module.filter(|_| raw.modules.is_empty()) {
        let module = dialect.name(Item::RequestModule).into();
        return Err(DecodeError::OutsideModule { name: quoted(name), at, module });
    }
    let device = Device {
        kind,
        mac_address: Reported::new(text(&raw.items, Item::MacAddress)),
        serial_number: Reported::new(text(&raw.items, Item::SerialNumber)),
    };
    let value = UpdateRequest {
        device,
        user_name: text(&raw.items, Item::UserName).into(),
        request_date_time: Reported::new(text(&raw.items, Item::RequestDateTime)),
        modules,
    };
    Ok(Decoded { value, unknown: raw.unknown, unknown_count: raw.unknown_count, skipped: reader.problems })
}

/// Converts the items of one installed module. Returns `None` if the module must be skipped; then the reason is
/// in `reader.problems`. `number` is the number of the module, counted from 1.
fn installed(
    reader: &mut ItemReader<'_>,
    raw: &RawMessage<'_>,
    module: &RawModule,
    number: usize,
) -> Option<InstalledModule> {
    let before = reader.problems.len();
    let found = raw.module(module);
    match find(found, Item::FileName) {
        None => reader.problem(Item::FileName, Some(number), Some(module.at), ItemFault::Absent),
        Some(found) if !found.overlong && !found.twice && is_blank(&found.value) => {
            reader.problem(Item::FileName, Some(number), Some(found.at), ItemFault::Blank);
        }
        Some(_) => {}
    }
    reader.check_repeated(found, Some(number));
    (reader.problems.len() == before).then(|| InstalledModule {
        file_name: text(found, Item::FileName).into(),
        version: ReportedVersion::new(text(found, Item::Version)),
        time_stamp: Reported::new(text(found, Item::TimeStamp)),
    })
}

/// Reads a response. Fails when any known item in it is wrong, because a device writes the named files to
/// its flash.
pub(crate) fn response(
    body: &[u8],
    dialect: &Dialect,
    limits: &DecodeLimits,
) -> Result<Decoded<UpdateResponse>, DecodeError> {
    let document = body::open(body, limits, MessageKind::Response)?;
    let raw = reading::read(&document, dialect, limits, MessageKind::Response)?;
    check_root(&raw, dialect, MessageKind::Response)?;
    let mut reader = ItemReader { dialect, limits, problems: Vec::new() };
    let count = match raw.item(Item::NumOfFiles) {
        None => {
            reader.problem(Item::NumOfFiles, None, None, ItemFault::Absent);
            None
        }
        Some(found) if found.twice => None,
        Some(found) => match number(&found.value) {
            Ok(number) => Some((number, found.at)),
            Err(fault) => {
                reader.problem(Item::NumOfFiles, None, Some(found.at), fault);
                None
            }
        },
    };
    reader.check_repeated(&raw.items, None);
    let mut modules = Vec::with_capacity(raw.modules.len());
    for (index, module) in raw.modules.iter().enumerate() {
        modules.extend(offered(&mut reader, &raw, module, index + 1));
    }
    let (Some((count, at)), []) = (count, reader.problems.as_slice()) else {
        return Err(items(MessageKind::Response, reader.problems));
    };
    if usize::try_from(count) != Ok(modules.len()) {
        let name = dialect.name(Item::NumOfFiles).into();
        return Err(DecodeError::Count { name, at, count, modules: modules.len() });
    }
    if let Some((name, at)) = raw.outside_module.filter(|_| raw.modules.is_empty()) {
        let module = dialect.name(Item::ResponseModule).into();
        return Err(DecodeError::OutsideModule { name: quoted(name), at, module });
    }
    let value = UpdateResponse { modules };
    Ok(Decoded { value, unknown: raw.unknown, unknown_count: raw.unknown_count, skipped: Vec::new() })
}

fn offered(
    reader: &mut ItemReader<'_>,
    raw: &RawMessage<'_>,
    module: &RawModule,
    number: usize,
) -> Option<OfferedModule> {
    let found = raw.module(module);
    let file_name = reader.file_name(found, Item::OfferedFileName, number, module);
    let signature_file_name = reader.file_name(found, Item::SignatureFileName, number, module);
    reader.check_repeated(found, Some(number));
    Some(OfferedModule {
        file_name: file_name?,
        signature_file_name: signature_file_name?,
        version: ReportedVersion::new(text(found, Item::OfferedVersion)),
        time_stamp: Reported::new(text(found, Item::OfferedTimeStamp)),
        base_url: text(found, Item::BaseUrl).into(),
        external_base_url: text(found, Item::ExternalBaseUrl).into(),
    })
}

fn number(text: &str) -> Result<u32, ItemFault> {
    if is_blank(text) {
        return Err(ItemFault::Blank);
    }
    let digits = text.trim_ascii();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ItemFault::NotANumber);
    }
    digits.parse().map_err(|_| ItemFault::NotANumber)
}

fn text<'f>(found: &'f [FoundItem<'_>], item: Item) -> &'f str {
    find(found, item).map_or("", |found| &found.value)
}

fn items(kind: MessageKind, mut problems: Vec<ItemProblem>) -> DecodeError {
    problems.sort_by_key(|problem| (problem.module, problem.item as usize));
    DecodeError::Items { kind, problems }
}

/// Checks what kind of message the body is. Refuses a response where a request is expected, and a request where
/// a response is expected. Also refuses a body in which the dialect recognises no item.
fn check_root(raw: &RawMessage<'_>, dialect: &Dialect, expected: MessageKind) -> Result<(), DecodeError> {
    let (found, root, scope) = match expected {
        MessageKind::Request => (MessageKind::Response, NameScope::ResponseRoot, NameScope::Request),
        MessageKind::Response => (MessageKind::Request, NameScope::RequestRoot, NameScope::Response),
    };
    if !raw.root_is_known && dialect.find(root, local_name(raw.root), 0).is_some() {
        return Err(DecodeError::WrongMessage { root: quoted(raw.root), expected, found });
    }
    if !raw.items.is_empty() || !raw.in_modules.is_empty() {
        return Ok(());
    }
    let required: Vec<&str> = names::of(scope)
        .iter()
        .filter(|entry| entry.required)
        .map(|entry| dialect.name(entry.item))
        .collect();
    let own_root = match expected {
        MessageKind::Request => Item::RequestRoot,
        MessageKind::Response => Item::ResponseRoot,
    };
    Err(DecodeError::NothingRecognised {
        root: quoted(raw.root),
        expected: dialect.name(own_root).into(),
        items: required.join(", ").into(),
    })
}
