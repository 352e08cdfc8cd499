//! A report on one body: recognised, unknown and missing items.

use crate::decode;
use crate::dialect::Dialect;
use crate::error::{DecodeError, MessageKind};
use crate::limits::DecodeLimits;
use crate::names::{self, Item, NameScope};
use crate::reading;
use crate::reading::body;
use crate::reading::raw_message::{FoundItem, RawMessage, UnknownItem, find};
use std::fmt;
use ucupdate_core::value::Counted;
use ucupdate_xml::XmlDocument;
use ucupdate_xml::chars::quoted;

/// A report on the items of a body: recognised, unknown and missing ones.
///
/// A report helps to write a dialect from a capture of a real phone. Its text form has one line for each item.
///
/// ```
/// use ucupdate_upx::{Codec, MessageKind};
/// let found = Codec::default().inspect(b"<Request><Maker>Polycom</Maker><Model>CX700</Model></Request>");
/// assert_eq!(found.kind(), Some(MessageKind::Request));
/// assert_eq!((&*found.recognised()[0].name, &*found.recognised()[0].value), ("Model", "CX700"));
/// assert_eq!((&*found.unknown()[0].path, found.unknown()[0].at), ("/Request/Maker", 9));
/// assert!(found.missing().iter().any(|item| &*item.name == "Vendor" && item.required));
/// assert!(found.error().is_some());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    kind: Option<MessageKind>,
    root: Box<str>,
    root_is_known: bool,
    namespaces: Vec<(Box<str>, Box<str>)>,
    modules: usize,
    recognised: Vec<RecognisedItem>,
    unknown: Vec<UnknownItem>,
    unknown_count: usize,
    missing: Vec<MissingItem>,
    error: Option<DecodeError>,
}

/// An item of the dialect that a body contains.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecognisedItem {
    /// The item. [`Item::facts`] returns its row of the table [`NAMES`](crate::NAMES).
    pub item: Item,
    /// The name that the dialect writes for the item.
    pub name: Box<str>,
    /// The number of the module that holds the item, counted from 1. `None` if the item is outside the modules.
    pub module: Option<usize>,
    /// The path of the element or attribute, such as `/Request/Vendor` or `/Request/@Vendor`.
    pub path: Box<str>,
    /// The position of the item, in bytes from the start of the body.
    pub at: usize,
    /// The text of the item, cut at
    /// [`DecodeLimits::text_bytes`](crate::DecodeLimits::text_bytes).
    pub value: Box<str>,
    /// `true` if the item occurs again at the same depth of nested elements. Decoding then fails,
    /// or skips the module with the item.
    pub twice: bool,
}

/// An item of the dialect that a body does not contain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingItem {
    /// The item. [`Item::facts`] returns its row of the table [`NAMES`](crate::NAMES).
    pub item: Item,
    /// The name that the dialect writes for the item.
    pub name: Box<str>,
    /// The number of the module that lacks the item, counted from 1. `None` for an item outside the modules.
    pub module: Option<usize>,
    /// `true` if a message or a module without the item is refused.
    pub required: bool,
}

impl Inspection {
    /// Returns whether the body is a request or a response. The name of the root decides, or else the items
    /// that the dialect recognises. `None` means that it recognises neither.
    pub fn kind(&self) -> Option<MessageKind> {
        self.kind
    }

    /// Returns the name of the outermost element. It is empty when the body has no element.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Returns whether the dialect knows the name of the root.
    pub fn is_root_known(&self) -> bool {
        self.root_is_known
    }

    /// Returns the prefix and the name of each declared namespace. The prefix is empty for a default namespace.
    pub fn namespaces(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.namespaces.iter().map(|(prefix, name)| (&**prefix, &**name))
    }

    /// Returns the number of modules in the body.
    pub fn modules(&self) -> usize {
        self.modules
    }

    /// Returns the recognised items, in the order of the body.
    pub fn recognised(&self) -> &[RecognisedItem] {
        &self.recognised
    }

    /// Returns the unknown items, at most [`DecodeLimits::unknown`](crate::DecodeLimits::unknown) of them.
    pub fn unknown(&self) -> &[UnknownItem] {
        &self.unknown
    }

    /// Returns the number of unknown items in the body, including those that were not kept.
    pub fn unknown_count(&self) -> usize {
        self.unknown_count
    }

    /// Returns the missing items. An item of modules is listed for each module that lacks it.
    pub fn missing(&self) -> &[MissingItem] {
        &self.missing
    }

    /// Returns the reason why the body is refused as a message of its kind. `None` means that it is accepted.
    pub fn error(&self) -> Option<&DecodeError> {
        self.error.as_ref()
    }
}

pub(crate) fn inspect(body: &[u8], dialect: &Dialect, limits: &DecodeLimits) -> Inspection {
    let mut found = readable(body, limits).map_or_else(empty, |document| best(&document, dialect, limits));
    found.error = match found.kind {
        Some(MessageKind::Response) => decode::response(body, dialect, limits).err(),
        _ => decode::request(body, dialect, limits).err(),
    };
    found
}

/// Opens the body as an XML document. If the body contains a byte or a character that is not valid text, opens
/// only the part before it. Returns `None` if the body is not an XML document.
fn readable<'a>(body: &'a [u8], limits: &DecodeLimits) -> Option<XmlDocument<'a>> {
    let upto = match body::open(body, limits, MessageKind::Request) {
        Ok(document) => return Some(document),
        Err(DecodeError::Xml(error)) => error.at(),
        Err(_) => return None,
    };
    body::open(body.get(..upto)?, limits, MessageKind::Request).ok()
}

/// Reads a document twice, as a request and as a response, and returns the report of the reading that fits
/// better. This is the reading in which the dialect knows the root, or else the one that recognises more items.
fn best(document: &XmlDocument<'_>, dialect: &Dialect, limits: &DecodeLimits) -> Inspection {
    let read = |kind| reading::read_leniently(document, dialect, limits, kind);
    let (request, response) = (read(MessageKind::Request), read(MessageKind::Response));
    let score = |raw: &RawMessage<'_>| (raw.root_is_known, raw.items.len() + raw.in_modules.len());
    if score(&request) < score(&response) {
        report(dialect, MessageKind::Response, response)
    } else {
        report(dialect, MessageKind::Request, request)
    }
}

fn empty() -> Inspection {
    Inspection {
        kind: None,
        root: Box::default(),
        root_is_known: false,
        namespaces: Vec::new(),
        modules: 0,
        recognised: Vec::new(),
        unknown: Vec::new(),
        unknown_count: 0,
        missing: Vec::new(),
        error: None,
    }
}

fn report(dialect: &Dialect, kind: MessageKind, raw: RawMessage<'_>) -> Inspection {
    let (message, in_module) = match kind {
        MessageKind::Request => (NameScope::Request, NameScope::RequestModule),
        MessageKind::Response => (NameScope::Response, NameScope::ResponseModule),
    };
    let mut recognised = Vec::new();
    let mut missing = Vec::new();
    let mut look = |items: &[FoundItem<'_>], scope: NameScope, module: Option<usize>| {
        for found in items {
            recognised.push(RecognisedItem {
                item: found.item,
                name: dialect.name(found.item).into(),
                module,
                path: found.path.clone(),
                at: found.at,
                value: found.value.as_ref().into(),
                twice: found.twice,
            });
        }
        for entry in names::of(scope) {
            // If there are modules, neither the element around them nor another module is missing.
            let is_list = matches!(
                entry.item,
                Item::RequestModules | Item::RequestModule | Item::ResponseModules | Item::ResponseModule
            );
            if (!is_list || raw.modules.is_empty()) && find(items, entry.item).is_none() {
                let name = dialect.name(entry.item).into();
                missing.push(MissingItem { item: entry.item, name, module, required: entry.required });
            }
        }
    };
    look(&raw.items, message, None);
    for (index, module) in raw.modules.iter().enumerate() {
        look(raw.module(module), in_module, Some(index + 1));
    }
    recognised.sort_by_key(|item| item.at);
    Inspection {
        kind: (raw.root_is_known || !recognised.is_empty()).then_some(kind),
        root: quoted(raw.root),
        root_is_known: raw.root_is_known,
        namespaces: raw.namespaces,
        modules: raw.modules.len(),
        recognised,
        unknown: raw.unknown,
        unknown_count: raw.unknown_count,
        missing,
        error: None,
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => {
                writeln!(f, "looks like a {kind} with {}", Counted::new(self.modules, "module"))?;
            }
            None => writeln!(f, "looks like neither a request nor a response")?,
        }
        if !self.root.is_empty() {
            let known = if self.root_is_known { "known to the dialect" } else { "unknown to the dialect" };
            writeln!(f, "root `{}`, {known}", self.root)?;
        }
        for (prefix, name) in self.namespaces() {
            writeln!(f, "namespace {prefix:?} is {name:?}")?;
        }
        section(f, "recognised", self.recognised.len())?;
        for item in &self.recognised {
            let twice = if item.twice { ", given twice" } else { "" };
            writeln!(f, "  {} = {:?}  ({}, byte {}{twice})", item.name, item.value, item.path, item.at)?;
        }
        section(f, "unknown", self.unknown_count)?;
        for item in &self.unknown {
            writeln!(f, "  {} = {:?}  (byte {})", item.path, item.value, item.at)?;
        }
        if self.unknown_count > self.unknown.len() {
            writeln!(f, "  and {} more", self.unknown_count - self.unknown.len())?;
        }
        section(f, "missing", self.missing.len())?;
        for item in &self.missing {
            let required = if item.required { "required" } else { "optional" };
            match item.module {
                Some(module) => writeln!(f, "  {} of module {module}  ({required})", item.name)?,
                None => writeln!(f, "  {}  ({required})", item.name)?,
            }
        }
        match &self.error {
            Some(error) => write!(f, "refused: {error}"),
            None => write!(f, "accepted"),
        }
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, count: usize) -> fmt::Result {
    writeln!(f, "{title}: {}", if count == 0 { "nothing".to_owned() } else { count.to_string() })
}
