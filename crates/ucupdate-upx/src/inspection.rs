//! A report on one body: what was recognised, what is unknown, what is missing.

use crate::decode;
use crate::dialect::Dialect;
use crate::error::{DecodeError, MessageKind};
use crate::limits::Limits;
use crate::names::{self, Item, NameScope};
use crate::reading;
use crate::reading::body;
use crate::reading::raw_message::{FoundItem, RawMessage, UnknownItem, find};
use std::fmt;
use ucupdate_xml::XmlDocument;
use ucupdate_xml::chars::quoted;

/// What a body holds and what a dialect makes of it: the tool to write a dialect from a capture.
///
/// Shown, it is a report of one line for each item; for other forms the parts are at hand.
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

/// An item of the dialect that a body holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecognisedItem {
    /// Which item.
    pub item: Item,
    /// Its name in the dialect.
    pub name: Box<str>,
    /// In which module, counted from one; `None` directly in the message.
    pub module: Option<usize>,
    /// Where it stands among the elements.
    pub path: Box<str>,
    /// Where it begins, in bytes from the start of the body.
    pub at: usize,
    /// Its text as said; empty when it is longer than the limit.
    pub value: Box<str>,
    /// Whether it is given again at the same depth.
    pub twice: bool,
}

/// An item of the dialect that a body does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingItem {
    /// Which item.
    pub item: Item,
    /// Its name in the dialect.
    pub name: Box<str>,
    /// In which module, counted from one; `None` directly in the message.
    pub module: Option<usize>,
    /// Whether the message (or the module) is refused without it.
    pub required: bool,
}

impl Inspection {
    /// What the body looks like: by its root, else by what is recognised in it; `None` when nothing is.
    pub fn kind(&self) -> Option<MessageKind> {
        self.kind
    }

    /// The outermost element's name as said; empty when there is none.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Whether the dialect calls the root so.
    pub fn root_is_known(&self) -> bool {
        self.root_is_known
    }

    /// The namespaces the body declares: prefix (empty for the default one) and name.
    pub fn namespaces(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.namespaces.iter().map(|(prefix, name)| (&**prefix, &**name))
    }

    /// How many modules there are.
    pub fn modules(&self) -> usize {
        self.modules
    }

    /// The items that were recognised, in the order they stand in the body.
    pub fn recognised(&self) -> &[RecognisedItem] {
        &self.recognised
    }

    /// What is unknown, at most [`Limits::unknown`](crate::Limits::unknown) of it.
    pub fn unknown(&self) -> &[UnknownItem] {
        &self.unknown
    }

    /// How many unknown items there are in all.
    pub fn unknown_count(&self) -> usize {
        self.unknown_count
    }

    /// The items that are not there; those of modules for each module.
    pub fn missing(&self) -> &[MissingItem] {
        &self.missing
    }

    /// Why the body is refused as what it looks like; `None` when it is taken.
    pub fn error(&self) -> Option<&DecodeError> {
        self.error.as_ref()
    }
}

pub(crate) fn inspect(body: &[u8], dialect: &Dialect, limits: &Limits) -> Inspection {
    let mut found = readable(body, limits).map_or_else(empty, |document| best(&document, dialect, limits));
    found.error = match found.kind {
        Some(MessageKind::Response) => decode::response(body, dialect, limits).err(),
        _ => decode::request(body, dialect, limits).err(),
    };
    found
}

/// As much of the body as is text.
fn readable<'a>(body: &'a [u8], limits: &Limits) -> Option<XmlDocument<'a>> {
    let upto = match body::open(body, limits, MessageKind::Request) {
        Ok(document) => return Some(document),
        Err(DecodeError::Xml(error)) => error.at(),
        Err(_) => return None,
    };
    body::open(body.get(..upto)?, limits, MessageKind::Request).ok()
}

/// The reading, as request or as response, that explains more.
fn best(document: &XmlDocument<'_>, dialect: &Dialect, limits: &Limits) -> Inspection {
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
            // A list is not missed where there are modules, nor is an element for one that is not there.
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
            Some(kind) => writeln!(f, "looks like a {kind} with {} module(s)", self.modules)?,
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
            let required = if item.required { "required" } else { "may be absent" };
            match item.module {
                Some(module) => writeln!(f, "  {} of module {module}  ({required})", item.name)?,
                None => writeln!(f, "  {}  ({required})", item.name)?,
            }
        }
        match &self.error {
            Some(error) => write!(f, "refused: {error}"),
            None => write!(f, "taken"),
        }
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, count: usize) -> fmt::Result {
    writeln!(f, "{title}: {}", if count == 0 { "nothing".to_owned() } else { count.to_string() })
}
