//! Reads well-formed XML as events. quick-xml finds the markup, and this reader refuses the errors that quick-xml
//! accepts.
//!
//! These errors are: a second root, open elements at the end, text outside the root, document types, late declarations,
//! invalid names, prefixes without a namespace, repeated or run-together attributes, `<` in a value, `]]>` in text,
//! `--` in a comment, references other than the predefined ones, and characters that XML forbids. Every loop ends at a
//! number in [`XmlLimits`].

use crate::attribute::{self, XmlAttribute};
use crate::chars::{is_blank, is_xml_name, quoted};
use crate::document::XmlDocument;
use crate::error::{XmlError, XmlErrorKind};
use crate::limits::{XmlLimit, XmlLimits};
use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;
use std::fmt;

/// An event of a document. Comments and processing instructions are skipped.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "an element begins, holds text and ends")]
pub enum XmlEvent<'a> {
    /// An element begins. [`XmlReader::attributes_mut`] holds its attributes.
    Start {
        /// The name with its prefix, if it has one.
        name: &'a str,
        /// The position of the `<`, in bytes from the start of the document.
        at: usize,
    },
    /// Text of the innermost open element. References are resolved, and line ends are LF. One text may come in parts.
    Text(Cow<'a, str>),
    /// The innermost open element ends.
    End,
    /// The document is complete.
    Done,
}

/// A reader that returns a document event by event.
///
/// ```
/// use ucupdate_xml::{XmlDocument, XmlEvent, XmlLimits, XmlReader};
/// let limits = XmlLimits::default();
/// let document = XmlDocument::new(b"<a b='1'>x</a>", &limits)?;
/// let mut reader = XmlReader::new(&document, &limits)?;
/// assert!(matches!(reader.next_event()?, XmlEvent::Start { name: "a", at: 0 }));
/// assert_eq!(reader.attributes_mut()[0].value, "1");
/// assert!(matches!(reader.next_event()?, XmlEvent::Text(text) if text == "x"));
/// assert!(matches!(reader.next_event()?, XmlEvent::End));
/// assert!(matches!(reader.next_event()?, XmlEvent::Done));
/// # Ok::<(), ucupdate_xml::XmlError>(())
/// ```
pub struct XmlReader<'a> {
    reader: Reader<&'a [u8]>,
    document: &'a XmlDocument<'a>,
    limits: &'a XmlLimits,
    /// `true` if faults are stored and skipped if possible. Otherwise every fault is an error.
    is_lenient: bool,
    first_fault: Option<XmlError>,
    attributes: Vec<XmlAttribute<'a>>,
    /// The prefixes that are in force, each with the depth of the element that declares it. The default namespace has
    /// an empty prefix.
    prefixes: Vec<(usize, &'a str)>,
    open: Vec<&'a str>,
    /// `true` if the next event is the end of an element without content.
    ends: bool,
    has_root: bool,
    /// `true` if a text may contain `]]>`. Most documents contain no `]`.
    has_bracket: bool,
    elements: usize,
    markup: usize,
}

impl fmt::Debug for XmlReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XmlReader").field("open", &self.open).field("at", &self.at()).finish_non_exhaustive()
    }
}

impl<'a> XmlReader<'a> {
    /// Returns a reader that refuses every fault.
    ///
    /// # Errors
    /// When the document holds a character that XML 1.0 forbids.
    pub fn new(document: &'a XmlDocument<'a>, limits: &'a XmlLimits) -> Result<Self, XmlError> {
        document.check_characters()?;
        Ok(Self::open(document, limits, false))
    }

    /// Returns a reader that skips faults if possible, for reports about refused documents.
    ///
    /// Limits and incomplete markup still end the reading.
    pub fn lenient(document: &'a XmlDocument<'a>, limits: &'a XmlLimits) -> Self {
        Self::open(document, limits, true)
    }

    #[inline]
    fn open(document: &'a XmlDocument<'a>, limits: &'a XmlLimits, is_lenient: bool) -> Self {
        let mut reader = Reader::from_str(document.text());
        reader.config_mut().check_end_names = true;
        Self {
            reader,
            document,
            limits,
            is_lenient,
            first_fault: None,
            attributes: Vec::new(),
            prefixes: Vec::new(),
            open: Vec::with_capacity(8),
            ends: false,
            has_root: false,
            has_bracket: document.text().as_bytes().contains(&b']'),
            elements: 0,
            markup: 0,
        }
    }

    /// Returns the first fault that a lenient reader skipped, and forgets it. `None` if there was no fault.
    pub fn take_first_fault(&mut self) -> Option<XmlError> {
        self.first_fault.take()
    }

    /// Returns the attributes of the element that began last, in the order of the document.
    ///
    /// Namespace declarations are among them. A caller may move the attributes out.
    #[inline]
    pub fn attributes_mut(&mut self) -> &mut Vec<XmlAttribute<'a>> {
        &mut self.attributes
    }

    /// Returns the number of bytes of the text that were read.
    fn at(&self) -> usize {
        // A slice in memory is never longer than `usize::MAX`.
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// Reads the next event.
    ///
    /// # Errors
    /// When the document is not well-formed, or reaches a limit. After an error the reader must not be used again.
    #[inline]
    pub fn next_event(&mut self) -> Result<XmlEvent<'a>, XmlError> {
        if self.ends {
            self.ends = false;
            self.close();
            return Ok(XmlEvent::End);
        }
        loop {
            let at = self.at();
            let event = self.reader.read_event().map_err(|error| self.syntax(at, &error))?;
            let piece = match event {
                Event::Start(tag) => Some(self.start(&tag, at)?),
                Event::Empty(tag) => {
                    self.ends = true;
                    Some(self.start(&tag, at)?)
                }
                Event::End(_) => {
                    self.close();
                    Some(XmlEvent::End)
                }
                Event::Text(text) => {
                    if self.has_bracket
                        && let Some(found) = text.find("]]>")
                    {
                        self.fault(at + found, XmlErrorKind::CdataEnd)?;
                    }
                    self.text(text.xml10_content(), at)?
                }
                Event::CData(text) => {
                    self.count_markup(at)?;
                    if self.open.is_empty() {
                        self.fault(at, XmlErrorKind::TextOutside)?;
                    }
                    self.text(text.xml10_content(), at)?
                }
                Event::GeneralRef(reference) => {
                    self.count_markup(at)?;
                    let found = match attribute::resolve(&reference) {
                        Ok(found) => found,
                        Err(fault) => {
                            self.fault(at, fault)?;
                            '\u{FFFD}'
                        }
                    };
                    if self.open.is_empty() {
                        self.fault(at, XmlErrorKind::TextOutside)?;
                        None
                    } else {
                        Some(XmlEvent::Text(String::from(found).into()))
                    }
                }
                Event::Comment(text) => {
                    self.count_markup(at)?;
                    if text.contains("--") || text.ends_with('-') {
                        self.fault(at, XmlErrorKind::Comment)?;
                    }
                    None
                }
                Event::PI(instruction) => {
                    self.count_markup(at)?;
                    let target = instruction.target();
                    if !is_xml_name(target) || target.eq_ignore_ascii_case("xml") {
                        self.fault(at, XmlErrorKind::Instruction)?;
                    }
                    None
                }
                Event::Decl(_) => {
                    self.count_markup(at)?;
                    self.fault(at, XmlErrorKind::LateDeclaration)?;
                    None
                }
                Event::DocType(_) => {
                    self.count_markup(at)?;
                    self.fault(at, XmlErrorKind::DocType)?;
                    None
                }
                Event::Eof => Some(self.end_of_document(at)?),
            };
            if let Some(piece) = piece {
                return Ok(piece);
            }
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, at: usize) -> Result<XmlEvent<'a>, XmlError> {
        self.count_markup(at)?;
        self.elements += 1;
        self.within(at, XmlLimit::Elements, self.elements, self.limits.elements)?;
        self.within(at, XmlLimit::Depth, self.open.len() + 1, self.limits.depth)?;
        let name_len = tag.name().as_ref().len();
        let (name, rest) = self.inside(at).split_at_checked(name_len).unwrap_or_default();
        if self.open.is_empty() {
            if self.has_root {
                self.fault(at, XmlErrorKind::SecondRoot { name: quoted(name) })?;
            }
            self.has_root = true;
        }
        self.check_name(name, at + 1)?;
        self.open.push(name);
        self.attributes.clear();
        if !is_blank(rest) {
            self.read_attributes(rest, at + 1 + name_len)?;
        }
        self.check_prefix(name, at + 1)?;
        Ok(XmlEvent::Start { name, at: self.document.in_bytes(at) })
    }

    /// Returns the text between `<` and `>` (or `/>`) of the last tag, which begins at `at`.
    ///
    /// The text that quick-xml returns does not live as long as the document, so it is cut out of the document again.
    fn inside(&self, at: usize) -> &'a str {
        let text: &'a str = self.document.text();
        let tag = text.get(at..self.at()).unwrap_or_default();
        let tag = tag.strip_prefix('<').unwrap_or(tag);
        tag.strip_suffix("/>").or_else(|| tag.strip_suffix('>')).unwrap_or(tag)
    }

    fn read_attributes(&mut self, text: &'a str, at: usize) -> Result<(), XmlError> {
        let mut rest = text;
        loop {
            let place = at + (text.len() - rest.len());
            let (attribute, behind) = match attribute::split(rest, place) {
                Ok(Some(found)) => found,
                Ok(None) => break,
                // The rest of the tag cannot be divided into attributes.
                Err((at, fault)) => {
                    self.fault(at, fault)?;
                    break;
                }
            };
            rest = behind;
            self.count_markup(attribute.at)?;
            self.within(
                attribute.at,
                XmlLimit::Attributes,
                self.attributes.len() + 1,
                self.limits.attributes,
            )?;
            self.check_name(attribute.name, attribute.at)?;
            if self.attributes.iter().any(|other| other.name == attribute.name) {
                self.fault(attribute.at, XmlErrorKind::RepeatedAttribute { name: quoted(attribute.name) })?;
            }
            self.declare(&attribute)?;
            self.attributes.push(attribute);
        }
        for index in 0..self.attributes.len() {
            let Some(XmlAttribute { name, at, .. }) = self.attributes.get(index) else { break };
            let (name, at) = (*name, *at);
            if name != "xmlns" && !name.starts_with("xmlns:") {
                self.check_prefix(name, at)?;
            }
        }
        for attribute in &mut self.attributes {
            attribute.at = self.document.in_bytes(attribute.at);
        }
        Ok(())
    }

    /// Stores the prefix of an attribute that declares a namespace.
    fn declare(&mut self, attribute: &XmlAttribute<'a>) -> Result<(), XmlError> {
        let name = attribute.name;
        let Some(prefix) = name.strip_prefix("xmlns") else { return Ok(()) };
        let prefix = match prefix.strip_prefix(':') {
            Some(prefix) => {
                let is_reserved = match prefix {
                    "xml" => attribute.value != "http://www.w3.org/XML/1998/namespace",
                    "xmlns" => true,
                    _ => attribute.value.is_empty(),
                };
                if is_reserved {
                    self.fault(attribute.at, XmlErrorKind::Namespace { name: quoted(name) })?;
                }
                prefix
            }
            None if prefix.is_empty() => "",
            None => return Ok(()), // `xmlnsx` is a name like any other
        };
        self.within(attribute.at, XmlLimit::Namespaces, self.prefixes.len() + 1, self.limits.namespaces)?;
        self.prefixes.push((self.open.len(), prefix));
        Ok(())
    }

    fn check_prefix(&mut self, name: &'a str, at: usize) -> Result<(), XmlError> {
        // Names are short, so a loop over the bytes costs less than a search.
        let Some(colon) = name.bytes().position(|byte| byte == b':') else { return Ok(()) };
        let prefix = &name[..colon];
        if prefix != "xml" && !self.prefixes.iter().any(|(_, known)| *known == prefix) {
            self.fault(at, XmlErrorKind::Prefix { prefix: quoted(prefix) })?;
        }
        Ok(())
    }

    fn check_name(&mut self, name: &str, at: usize) -> Result<(), XmlError> {
        self.within(at, XmlLimit::NameBytes, name.len(), self.limits.name_bytes)?;
        let good = is_xml_name(name)
            || name.split_once(':').is_some_and(|(prefix, local)| is_xml_name(prefix) && is_xml_name(local));
        if good { Ok(()) } else { self.fault(at, XmlErrorKind::Name { name: quoted(name) }) }
    }

    fn text(&mut self, text: Cow<'a, str>, at: usize) -> Result<Option<XmlEvent<'a>>, XmlError> {
        if !self.open.is_empty() {
            return Ok(Some(XmlEvent::Text(text)));
        }
        if !is_blank(&text) {
            self.fault(at, XmlErrorKind::TextOutside)?;
        }
        Ok(None)
    }

    fn close(&mut self) {
        let depth = self.open.len();
        while self.prefixes.last().is_some_and(|(declared, _)| *declared >= depth) {
            self.prefixes.pop();
        }
        self.open.pop();
    }

    fn end_of_document(&mut self, at: usize) -> Result<XmlEvent<'a>, XmlError> {
        if let Some(name) = self.open.pop() {
            self.fault(at, XmlErrorKind::Unclosed { name: quoted(name) })?;
            return Ok(XmlEvent::End);
        }
        if !self.has_root {
            self.fault(at, XmlErrorKind::NoRoot)?;
        }
        Ok(XmlEvent::Done)
    }

    fn count_markup(&mut self, at: usize) -> Result<(), XmlError> {
        self.markup += 1;
        self.within(at, XmlLimit::Markup, self.markup, self.limits.markup)
    }

    fn within(&self, at: usize, limit: XmlLimit, found: usize, most: usize) -> Result<(), XmlError> {
        if found <= most {
            return Ok(());
        }
        Err(XmlError::new(self.document.in_bytes(at), XmlErrorKind::Limit { limit, most }))
    }

    /// Returns an error for a fault at a position of the text. A lenient reading stores the fault instead.
    fn fault(&mut self, at: usize, kind: XmlErrorKind) -> Result<(), XmlError> {
        let error = XmlError::new(self.document.in_bytes(at), kind);
        if !self.is_lenient {
            return Err(error);
        }
        self.first_fault.get_or_insert(error);
        Ok(())
    }

    /// Converts an error of quick-xml. Its own message may quote the document at any length.
    fn syntax(&self, at: usize, error: &Error) -> XmlError {
        let fault = match error {
            Error::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
                XmlErrorKind::WrongEnd { expected: quoted(expected), found: quoted(found) }
            }
            Error::IllFormed(IllFormedError::UnmatchedEndTag(found)) => {
                XmlErrorKind::UnexpectedEnd { found: quoted(found) }
            }
            Error::IllFormed(IllFormedError::UnclosedReference) => XmlErrorKind::Syntax("`&` without `;`"),
            Error::IllFormed(IllFormedError::MissingDoctypeName) => XmlErrorKind::DocType,
            Error::Syntax(SyntaxError::UnclosedComment) => XmlErrorKind::Syntax("comment without an end"),
            Error::Syntax(SyntaxError::UnclosedCData) => XmlErrorKind::Syntax("CDATA section without an end"),
            Error::Syntax(SyntaxError::UnclosedDoctype) => XmlErrorKind::DocType,
            Error::Syntax(SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl) => {
                XmlErrorKind::Syntax("processing instruction without an end")
            }
            Error::Syntax(SyntaxError::InvalidBangMarkup) => {
                XmlErrorKind::Syntax("`<!` begins neither a comment nor a CDATA section")
            }
            Error::Syntax(_) => XmlErrorKind::Syntax("tag without an end"),
            _ => XmlErrorKind::Syntax("markup that cannot be read"),
        };
        XmlError::new(self.document.in_bytes(at), fault)
    }
}
