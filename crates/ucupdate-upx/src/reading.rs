//! From pieces of XML to items: which of them the dialect knows, and where they stand.
//!
//! An item is an element or an attribute with one of its names, at any depth: elements that mean nothing to the dialect
//! (an envelope, a group) are transparent. Where one name is found at several depths the shallowest counts and the others
//! are unknown items; at one depth it is given twice. What stands in a `Module` belongs to that module.

use crate::dialect::Dialect;
use crate::error::{DecodeError, MessageKind};
use crate::limits::{Limit, Limits};
use crate::names::{self, Item, Place};
use std::borrow::Cow;
use ucupdate_xml::chars::{is_blank, local_name, shortened};
use ucupdate_xml::{XmlDocument, XmlEvent, XmlReader};

/// Something a body holds that the dialect does not know; kept as said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownItem {
    /// Where it stands among the elements: `/Request/Modules/Module/Size`, `/Request/@id`, `/Request/text()`.
    pub path: Box<str>,
    /// Where it begins, in bytes from the start of the body.
    pub at: usize,
    /// Its text, cut at [`Limits::text_bytes`].
    pub value: Box<str>,
}

/// What one message holds, before it means anything.
#[derive(Debug)]
pub(crate) struct Raw<'a> {
    /// The outermost element.
    pub(crate) root: &'a str,
    /// Whether the dialect calls the root so.
    pub(crate) root_is_known: bool,
    /// Items outside modules.
    pub(crate) items: Vec<Found<'a>>,
    /// Items in modules, those of one module together.
    pub(crate) in_modules: Vec<Found<'a>>,
    pub(crate) modules: Vec<RawModule>,
    pub(crate) unknown: Vec<UnknownItem>,
    pub(crate) unknown_count: usize,
    /// An item's name that belongs in a module, but stands outside any.
    pub(crate) outside_module: Option<(&'a str, usize)>,
    /// Namespaces the body declares, as prefix and name; only in a report.
    pub(crate) namespaces: Vec<(Box<str>, Box<str>)>,
}

/// Where one module's items are in [`Raw::in_modules`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawModule {
    pub(crate) at: usize,
    pub(crate) first: usize,
    pub(crate) end: usize,
}

/// An item that was found.
#[derive(Clone, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) item: Item,
    pub(crate) value: Cow<'a, str>,
    pub(crate) at: usize,
    depth: usize,
    pub(crate) twice: bool,
    /// Longer than the limit, so the value is not there.
    pub(crate) overlong: bool,
    /// Where it stands; only in a report.
    pub(crate) path: Box<str>,
}

impl<'a> Raw<'a> {
    /// The items of one module.
    pub(crate) fn module(&self, module: &RawModule) -> &[Found<'a>] {
        self.in_modules.get(module.first..module.end).unwrap_or_default()
    }

    /// An item outside modules.
    #[inline]
    pub(crate) fn item(&self, item: Item) -> Option<&Found<'a>> {
        find(&self.items, item)
    }
}

#[inline]
pub(crate) fn find<'f, 'a>(found: &'f [Found<'a>], item: Item) -> Option<&'f Found<'a>> {
    found.iter().find(|found| found.item == item)
}

/// The places of one kind of message.
#[derive(Clone, Copy)]
struct Places {
    root: Item,
    message: Place,
    list: Item,
    module: Item,
    in_module: Place,
    file_name: Item,
}

impl Places {
    const fn of(kind: MessageKind) -> Self {
        match kind {
            MessageKind::Request => Self {
                root: Item::RequestRoot,
                message: Place::Request,
                list: Item::RequestModules,
                module: Item::RequestModule,
                in_module: Place::RequestModule,
                file_name: Item::FileName,
            },
            MessageKind::Response => Self {
                root: Item::ResponseRoot,
                message: Place::Response,
                list: Item::ResponseModules,
                module: Item::ResponseModule,
                in_module: Place::ResponseModule,
                file_name: Item::OfferedFileName,
            },
        }
    }
}

/// Reads the items of a body.
///
/// # Errors
/// When it is not well-formed, or reaches a limit.
pub(crate) fn read<'a>(
    document: &'a XmlDocument<'a>,
    dialect: &Dialect,
    limits: &'a Limits,
    kind: MessageKind,
) -> Result<Raw<'a>, DecodeError> {
    let mut reading = Reading::new(XmlReader::new(document, &limits.xml)?, dialect, limits, kind, false);
    reading.run()?;
    Ok(reading.raw)
}

/// Reads as much of a body as can be read.
pub(crate) fn read_leniently<'a>(
    document: &'a XmlDocument<'a>,
    dialect: &Dialect,
    limits: &'a Limits,
    kind: MessageKind,
) -> Raw<'a> {
    let xml = XmlReader::lenient(document, &limits.xml);
    let mut reading = Reading::new(xml, dialect, limits, kind, true);
    // A fault ends the reading; strict decoding tells which.
    let _ = reading.run();
    while !reading.frames.is_empty() {
        // Limits end a reading in the middle of an item: what is there is still worth showing.
        if reading.end().is_err() {
            break;
        }
    }
    reading.raw
}

struct Reading<'a, 'l> {
    xml: XmlReader<'a>,
    dialect: &'l Dialect,
    limits: &'l Limits,
    places: Places,
    /// Whether paths and namespaces are wanted.
    reports: bool,
    raw: Raw<'a>,
    frames: Vec<Frame<'a>>,
    in_module: bool,
    /// Where in its place the next item is expected.
    hint: usize,
}

struct Frame<'a> {
    name: &'a str,
    at: usize,
    role: Role,
    text: Cow<'a, str>,
    overlong: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// A root, or a list: nothing of its own.
    Frame,
    Module,
    Item(Item),
    /// Unknown, and where it is in the list of these, if it was kept.
    Unknown(Option<usize>),
}

impl<'a, 'l> Reading<'a, 'l> {
    fn new(
        xml: XmlReader<'a>,
        dialect: &'l Dialect,
        limits: &'l Limits,
        kind: MessageKind,
        reports: bool,
    ) -> Self {
        Self {
            xml,
            dialect,
            limits,
            places: Places::of(kind),
            reports,
            raw: Raw {
                root: "",
                root_is_known: false,
                items: Vec::with_capacity(9),
                in_modules: Vec::with_capacity(4),
                modules: Vec::new(),
                unknown: Vec::new(),
                unknown_count: 0,
                outside_module: None,
                namespaces: Vec::new(),
            },
            frames: Vec::with_capacity(8),
            in_module: false,
            hint: 0,
        }
    }

    fn run(&mut self) -> Result<(), DecodeError> {
        loop {
            match self.xml.next_event()? {
                XmlEvent::Start { name, at } => self.start(name, at)?,
                XmlEvent::Text(text) => self.text(text)?,
                XmlEvent::End => self.end()?,
                XmlEvent::Done => return Ok(()),
            }
        }
    }

    fn start(&mut self, name: &'a str, at: usize) -> Result<(), DecodeError> {
        let role = self.role(name, at);
        self.frames.push(Frame { name, at, role, text: Cow::Borrowed(""), overlong: false });
        match role {
            Role::Module => {
                if self.raw.modules.len() == self.limits.modules {
                    return Err(DecodeError::Limit { at, limit: Limit::Modules, most: self.limits.modules });
                }
                let first = self.raw.in_modules.len();
                self.raw.modules.push(RawModule { at, first, end: first });
                self.in_module = true;
                self.hint = 0;
            }
            Role::Unknown(_) => {
                let kept = self.unknown(at, "", |reading| reading.path(None));
                if let Some(frame) = self.frames.last_mut() {
                    frame.role = Role::Unknown(kept);
                }
            }
            Role::Frame | Role::Item(_) => {}
        }
        if !self.xml.attributes_mut().is_empty() {
            self.attributes()?;
        }
        Ok(())
    }

    fn role(&mut self, name: &'a str, at: usize) -> Role {
        let plain = local_name(name);
        if self.frames.is_empty() && self.raw.root.is_empty() {
            self.raw.root = name;
            self.raw.root_is_known = self.is_root(plain);
            return if self.raw.root_is_known { Role::Frame } else { Role::Unknown(None) };
        }
        let found = self.find(plain);
        match found {
            Some(item) if item == self.places.list => Role::Frame,
            Some(item) if item == self.places.module => Role::Module,
            Some(item) => Role::Item(item),
            None => {
                self.look_outside(plain, at);
                Role::Unknown(None)
            }
        }
    }

    fn is_root(&self, name: &str) -> bool {
        self.dialect.find(self.places.root.entry().place, name, 0).is_some()
    }

    /// The item called so, where the reading stands.
    fn find(&mut self, name: &str) -> Option<Item> {
        let place = if self.in_module { self.places.in_module } else { self.places.message };
        let item = self.dialect.find(place, name, self.hint)?;
        self.hint = item as usize - names::of(place)[0].item as usize + 1;
        Some(item)
    }

    /// Takes note of a file name that stands outside any module.
    fn look_outside(&mut self, name: &'a str, at: usize) {
        if !self.in_module
            && self.raw.outside_module.is_none()
            && self.dialect.find(self.places.in_module, name, 0) == Some(self.places.file_name)
        {
            self.raw.outside_module = Some((name, at));
        }
    }

    fn attributes(&mut self) -> Result<(), DecodeError> {
        // Taken out and given back, so that its room is used again.
        let mut attributes = std::mem::take(self.xml.attributes_mut());
        for attribute in attributes.drain(..) {
            let name = attribute.name;
            if name == "xmlns" || name.starts_with("xmlns:") {
                if self.reports {
                    let prefix = name.strip_prefix("xmlns:").unwrap_or_default();
                    let value = shortened(&attribute.value, self.limits.text_bytes);
                    self.raw.namespaces.push((prefix.into(), value.into()));
                }
                continue;
            }
            match self.find(local_name(name)) {
                Some(item) if item != self.places.list && item != self.places.module => {
                    let overlong = attribute.value.len() > self.limits.text_bytes;
                    let path = self.path_if_wanted(self.frames.len(), Some(name));
                    let new = Found {
                        item,
                        value: attribute.value,
                        at: attribute.at,
                        depth: self.frames.len() + 1,
                        twice: false,
                        overlong,
                        path,
                    };
                    self.found(new)?;
                }
                _ => {
                    self.look_outside(local_name(name), attribute.at);
                    self.unknown(attribute.at, &attribute.value, |reading| reading.path(Some(name)));
                }
            }
        }
        *self.xml.attributes_mut() = attributes;
        Ok(())
    }

    fn text(&mut self, text: Cow<'a, str>) -> Result<(), DecodeError> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        if frame.overlong
            || (frame.text.is_empty() && !matches!(frame.role, Role::Item(_)) && is_blank(&text))
        {
            return Ok(());
        }
        if frame.text.len() + text.len() > self.limits.text_bytes {
            frame.overlong = true;
            let room = self.limits.text_bytes - frame.text.len();
            let cut = shortened(&text, room).to_owned();
            frame.text.to_mut().push_str(&cut);
        } else if frame.text.is_empty() {
            frame.text = text;
        } else {
            frame.text.to_mut().push_str(&text);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), DecodeError> {
        let depth = self.frames.len();
        let path = self.path_if_wanted(depth.saturating_sub(1), None);
        let Some(Frame { at, role, text, overlong, name }) = self.frames.pop() else { return Ok(()) };
        match role {
            Role::Item(item) => {
                self.found(Found { item, value: text, at, depth, twice: false, overlong, path })?;
            }
            Role::Unknown(kept) => {
                if let Some(unknown) = kept.and_then(|index| self.raw.unknown.get_mut(index)) {
                    unknown.value = text.into();
                }
            }
            Role::Frame | Role::Module => {
                if !text.is_empty() {
                    let path = |reading: &Self| format!("{}/{name}/text()", reading.path(None)).into();
                    self.unknown(at, &text, path);
                }
                if role == Role::Module {
                    self.in_module = false;
                    self.hint = self.places.module as usize - names::of(self.places.message)[0].item as usize;
                }
            }
        }
        Ok(())
    }

    /// Keeps an item, unless the same is known from a place less deep.
    fn found(&mut self, new: Found<'a>) -> Result<(), DecodeError> {
        if new.overlong && !self.in_module {
            let most = self.limits.text_bytes;
            return Err(DecodeError::Limit { at: new.at, limit: Limit::TextBytes, most });
        }
        let (list, first) = match self.raw.modules.last() {
            Some(module) if self.in_module => (&mut self.raw.in_modules, module.first),
            _ => (&mut self.raw.items, 0),
        };
        let known = list.iter_mut().skip(first).find(|known| known.item == new.item);
        let passed_over = match known {
            None => {
                list.push(new);
                None
            }
            Some(known) if known.depth == new.depth => {
                known.twice = true;
                None
            }
            Some(known) if known.depth > new.depth => Some(std::mem::replace(known, new)),
            Some(_) => Some(new),
        };
        if self.in_module
            && let Some(module) = self.raw.modules.last_mut()
        {
            module.end = self.raw.in_modules.len();
        }
        if let Some(found) = passed_over {
            self.unknown(found.at, &found.value, |_| found.path.clone());
        }
        Ok(())
    }

    /// Keeps an unknown item, if there is room: where in the list.
    fn unknown(&mut self, at: usize, value: &str, path: impl FnOnce(&Self) -> Box<str>) -> Option<usize> {
        self.raw.unknown_count += 1;
        if self.raw.unknown.len() == self.limits.unknown {
            return None;
        }
        let path = path(self);
        let value = shortened(value, self.limits.text_bytes).into();
        self.raw.unknown.push(UnknownItem { path, at, value });
        Some(self.raw.unknown.len() - 1)
    }

    /// The path of an item in the frame that is the `owner`th: for a report, or since the item may yet be passed over for
    /// one that is less deep. Directly in a root or module none is.
    fn path_if_wanted(&self, owner: usize, attribute: Option<&str>) -> Box<str> {
        let usual = if self.in_module {
            owner
                .checked_sub(1)
                .and_then(|index| self.frames.get(index))
                .is_some_and(|frame| frame.role == Role::Module)
        } else {
            owner <= 1
        };
        if usual && !self.reports { Box::default() } else { self.path(attribute) }
    }

    /// Where the reading stands.
    fn path(&self, attribute: Option<&str>) -> Box<str> {
        let mut path = String::new();
        for frame in &self.frames {
            path.push('/');
            path.push_str(frame.name);
        }
        if let Some(name) = attribute {
            path.push_str("/@");
            path.push_str(name);
        }
        path.into()
    }
}
