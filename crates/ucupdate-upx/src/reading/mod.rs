//! Converts events of XML to items, which are known or unknown to the dialect.
//!
//! An item is an element or an attribute, at any depth, whose name the dialect has for this item.
//! Elements that the dialect does not know (an envelope, a group) are transparent. If an item is
//! found at several depths, the value at the smallest depth is used and the others become unknown
//! items. At one depth, the name that the dialect writes has priority over an alias, and the same
//! name twice is a problem. The items inside a `Module` belong to that module.

pub(crate) mod body;
mod message_items;
pub(crate) mod raw_message;

use self::message_items::{ElementRole, MessageItems, OpenElement};
use self::raw_message::{FoundItem, RawMessage, RawModule, UnknownItem};
use crate::dialect::Dialect;
use crate::error::{DecodeError, MessageKind};
use crate::limits::{DecodeLimit, DecodeLimits};
use crate::names::{self, Item};
use std::borrow::Cow;
use ucupdate_xml::chars::{is_blank, local_name, shortened};
use ucupdate_xml::{XmlDocument, XmlEvent, XmlReader};

/// Reads the items of a body. Fails when the body is not well-formed, or reaches a limit.
pub(crate) fn read<'a>(
    document: &'a XmlDocument<'a>,
    dialect: &Dialect,
    limits: &'a DecodeLimits,
    kind: MessageKind,
) -> Result<RawMessage<'a>, DecodeError> {
    let mut reading =
        MessageReader::new(XmlReader::new(document, &limits.xml)?, dialect, limits, kind, false);
    reading.run()?;
    Ok(reading.raw)
}

/// Reads the items of a body for a report. At a fault or a limit, returns the items that were read
/// before it.
pub(crate) fn read_leniently<'a>(
    document: &'a XmlDocument<'a>,
    dialect: &Dialect,
    limits: &'a DecodeLimits,
    kind: MessageKind,
) -> RawMessage<'a> {
    let xml = XmlReader::lenient(document, &limits.xml);
    let mut reading = MessageReader::new(xml, dialect, limits, kind, true);
    // A fault ends the reading. The strict decoding reports it.
    let _ = reading.run();
    while !reading.open.is_empty() {
        // A limit may end the reading within an item. The part that was read is reported anyway.
        if reading.end().is_err() {
            break;
        }
    }
    reading.raw
}

struct MessageReader<'a, 'l> {
    xml: XmlReader<'a>,
    dialect: &'l Dialect,
    limits: &'l DecodeLimits,
    expected: MessageItems,
    /// `true` if the reader also collects paths and namespaces, because a report shows them.
    reports: bool,
    raw: RawMessage<'a>,
    open: Vec<OpenElement<'a>>,
    in_module: bool,
    /// The index, in the current scope of names, of the item that is expected next. The search for a name
    /// begins there.
    hint: usize,
}

impl<'a, 'l> MessageReader<'a, 'l> {
    fn new(
        xml: XmlReader<'a>,
        dialect: &'l Dialect,
        limits: &'l DecodeLimits,
        kind: MessageKind,
        reports: bool,
    ) -> Self {
        Self {
            xml,
            dialect,
            limits,
            expected: MessageItems::of(kind),
            reports,
            raw: RawMessage {
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
            open: Vec::with_capacity(8),
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
        let plain = local_name(name);
        let role = self.role(name, plain, at);
        let is_alias = matches!(role, ElementRole::Item(item) if self.is_alias(item, plain));
        self.open.push(OpenElement { name, at, role, is_alias, text: Cow::Borrowed(""), overlong: false });
        match role {
            ElementRole::Module => {
                if self.raw.modules.len() == self.limits.modules {
                    return Err(DecodeError::Limit {
                        at,
                        limit: DecodeLimit::Modules,
                        most: self.limits.modules,
                    });
                }
                let first = self.raw.in_modules.len();
                self.raw.modules.push(RawModule { at, first, end: first });
                self.in_module = true;
                self.hint = 0;
            }
            ElementRole::Unknown(_) => {
                let kept = self.unknown(at, "", |reading| reading.path(None));
                if let Some(element) = self.open.last_mut() {
                    element.role = ElementRole::Unknown(kept);
                }
            }
            ElementRole::Container | ElementRole::Item(_) => {}
        }
        if !self.xml.attributes_mut().is_empty() {
            self.attributes()?;
        }
        Ok(())
    }

    /// Returns the role of an element. `plain` is its name without the prefix.
    fn role(&mut self, name: &'a str, plain: &'a str, at: usize) -> ElementRole {
        if self.open.is_empty() && self.raw.root.is_empty() {
            self.raw.root = name;
            self.raw.root_is_known = self.is_root(plain);
            return if self.raw.root_is_known { ElementRole::Container } else { ElementRole::Unknown(None) };
        }
        let found = self.find(plain);
        match found {
            Some(item) if item == self.expected.list => ElementRole::Container,
            Some(item) if item == self.expected.module => ElementRole::Module,
            Some(item) => ElementRole::Item(item),
            None => {
                self.look_outside(plain, at);
                ElementRole::Unknown(None)
            }
        }
    }

    fn is_root(&self, name: &str) -> bool {
        self.dialect.find(self.expected.root.facts().scope, name, 0).is_some()
    }

    /// Returns the item that has this name here: inside a module an item of modules, and otherwise an item
    /// outside them. `None` if the dialect does not know the name here.
    fn find(&mut self, name: &str) -> Option<Item> {
        let scope = if self.in_module { self.expected.in_module } else { self.expected.message };
        let item = self.dialect.find(scope, name, self.hint)?;
        self.hint = item as usize - names::of(scope)[0].item as usize + 1;
        Some(item)
    }

    /// Returns whether a name without a prefix is an alias of the item, and not the name that is written.
    #[inline]
    fn is_alias(&self, item: Item, name: &str) -> bool {
        let written = self.dialect.name(item);
        // Most names have the exact spelling, so one comparison of bytes is enough.
        written != name && !written.eq_ignore_ascii_case(name)
    }

    /// Remembers the first element or attribute outside the modules whose name the dialect has for the file
    /// name of a module. The element around it is probably a module whose name the dialect does not know. A
    /// body without other modules is therefore refused.
    fn look_outside(&mut self, name: &'a str, at: usize) {
        if !self.in_module
            && self.raw.outside_module.is_none()
            && self.dialect.find(self.expected.in_module, name, 0) == Some(self.expected.file_name)
        {
            self.raw.outside_module = Some((name, at));
        }
    }

    fn attributes(&mut self) -> Result<(), DecodeError> {
        // The list is taken out and put back, so that its memory is reused.
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
                Some(item) if item != self.expected.list && item != self.expected.module => {
                    let mut value = attribute.value;
                    let overlong = value.len() > self.limits.text_bytes;
                    if overlong {
                        value = Cow::Owned(shortened(&value, self.limits.text_bytes).to_owned());
                    }
                    let is_alias = self.is_alias(item, local_name(name));
                    let path = self.path_if_wanted(self.open.len(), Some(name), is_alias);
                    let new = FoundItem {
                        item,
                        is_alias,
                        value,
                        at: attribute.at,
                        depth: self.open.len() + 1,
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
        let Some(element) = self.open.last_mut() else { return Ok(()) };
        if element.overlong
            || (element.text.is_empty() && !matches!(element.role, ElementRole::Item(_)) && is_blank(&text))
        {
            return Ok(());
        }
        if element.text.len() + text.len() > self.limits.text_bytes {
            element.overlong = true;
            let room = self.limits.text_bytes - element.text.len();
            let cut = shortened(&text, room).to_owned();
            element.text.to_mut().push_str(&cut);
        } else if element.text.is_empty() {
            element.text = text;
        } else {
            element.text.to_mut().push_str(&text);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), DecodeError> {
        let depth = self.open.len();
        // The path is made while the element is still open.
        let (is_alias, path) = match self.open.last() {
            Some(OpenElement { role: ElementRole::Item(_), is_alias, .. }) => {
                (*is_alias, self.path_if_wanted(depth.saturating_sub(1), None, *is_alias))
            }
            _ => (false, Box::default()),
        };
        let Some(OpenElement { at, role, text, overlong, name, .. }) = self.open.pop() else { return Ok(()) };
        match role {
            ElementRole::Item(item) => {
                self.found(FoundItem {
                    item,
                    is_alias,
                    value: text,
                    at,
                    depth,
                    twice: false,
                    overlong,
                    path,
                })?;
            }
            ElementRole::Unknown(kept) => {
                if let Some(unknown) = kept.and_then(|index| self.raw.unknown.get_mut(index)) {
                    unknown.value = text.into();
                }
            }
            ElementRole::Container | ElementRole::Module => {
                if !text.is_empty() {
                    let path = |reading: &Self| format!("{}/{name}/text()", reading.path(None)).into();
                    self.unknown(at, &text, path);
                }
                if role == ElementRole::Module {
                    self.in_module = false;
                    self.hint =
                        self.expected.module as usize - names::of(self.expected.message)[0].item as usize;
                }
            }
        }
        Ok(())
    }

    /// Stores an item that the dialect knows. If the same item was found before in this module or outside the
    /// modules, one of the two is kept. The one at the smaller depth wins. At equal depth, the name that the
    /// dialect writes wins over an alias, and the loser becomes an unknown item. If both are equal in depth and
    /// kind of name, the first is kept and marked as given twice.
    fn found(&mut self, new: FoundItem<'a>) -> Result<(), DecodeError> {
        if new.overlong && !self.in_module {
            let most = self.limits.text_bytes;
            return Err(DecodeError::Limit { at: new.at, limit: DecodeLimit::TextBytes, most });
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
            Some(known) if (known.depth, known.is_alias) == (new.depth, new.is_alias) => {
                known.twice = true;
                None
            }
            Some(known) if (known.depth, known.is_alias) > (new.depth, new.is_alias) => {
                Some(std::mem::replace(known, new))
            }
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

    /// Stores an unknown item if the limit allows it, and returns its index in the list.
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

    /// Returns the path of an item, or an empty path if the path is not needed. `owner` is the number of open
    /// elements down to the one that contains the item.
    ///
    /// The path is needed for a report. It is also needed for an item that a later one may replace, because the
    /// replaced item becomes an unknown item with a path. An item with its written name, directly in a root or
    /// a module, is never replaced.
    fn path_if_wanted(&self, owner: usize, attribute: Option<&str>, is_alias: bool) -> Box<str> {
        let usual = !is_alias
            && if self.in_module {
                owner
                    .checked_sub(1)
                    .and_then(|index| self.open.get(index))
                    .is_some_and(|element| element.role == ElementRole::Module)
            } else {
                owner <= 1
            };
        if usual && !self.reports { Box::default() } else { self.path(attribute) }
    }

    /// Returns the path of the innermost open element, or of one of its attributes.
    fn path(&self, attribute: Option<&str>) -> Box<str> {
        let mut path = String::new();
        for element in &self.open {
            path.push('/');
            path.push_str(element.name);
        }
        if let Some(name) = attribute {
            path.push_str("/@");
            path.push_str(name);
        }
        path.into()
    }
}
