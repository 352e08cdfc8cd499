//! Reads well-formed XML as events. Tags and text are found here, because nearly all markup is of these two kinds. quick-xml finds
//! the rest: references, comments, CDATA sections, instructions and document types.
//!
//! This reader refuses the errors that quick-xml accepts: a second root, open elements at the end, text outside the root,
//! document types, late declarations, invalid names, prefixes without a namespace, repeated or run-together attributes, `<`
//! in a value, `]]>` in text, `--` in a comment, references other than the predefined ones, and characters that XML forbids.
//! Every loop ends at the latest when a limit in [`XmlLimits`] is exceeded.

use crate::attribute::{self, BLANK, XmlAttribute};
use crate::chars::{is_blank, is_xml_name, quoted};
use crate::document::XmlDocument;
use crate::error::{XmlError, XmlErrorKind};
use crate::limits::{XmlLimit, XmlLimits};
use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::events::Event;
use quick_xml::parser::{ElementParser, Parser as _};
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
    /// Text of the innermost open element. References are resolved, and line ends are LF. One text may come
    /// as several events.
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
    document: &'a XmlDocument<'a>,
    limits: &'a XmlLimits,
    /// The number of bytes of the text that were read.
    at: usize,
    /// `true` if the reader skips a fault where it can continue; it then remembers the first fault. `false` if
    /// it returns every fault as an error.
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
        f.debug_struct("XmlReader").field("open", &self.open).field("at", &self.at).finish_non_exhaustive()
    }
}

impl<'a> XmlReader<'a> {
    /// Returns a reader that refuses every fault.
    ///
    /// # Errors
    /// Returns an error if the document holds a character that XML 1.0 forbids.
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
        Self {
            document,
            limits,
            at: 0,
            is_lenient,
            first_fault: None,
            attributes: Vec::new(),
            prefixes: Vec::new(),
            open: Vec::with_capacity(8),
            ends: false,
            has_root: false,
            has_bracket: memchr::memchr(b']', document.text().as_bytes()).is_some(),
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

    /// Reads the next event.
    ///
    /// # Errors
    /// Returns an error if the document is not well-formed, or exceeds a limit. After an error the reader must not be
    /// used again.
    #[inline]
    pub fn next_event(&mut self) -> Result<XmlEvent<'a>, XmlError> {
        if self.ends {
            self.ends = false;
            self.close();
            return Ok(XmlEvent::End);
        }
        loop {
            let at = self.at;
            let text: &'a str = self.document.text();
            let rest = text.get(at..).unwrap_or_default();
            let piece = match rest.as_bytes() {
                [] => Some(self.end_of_document(at)?),
                [b'<', b'/', ..] => Some(self.end(rest, at)?),
                [b'<', b'!' | b'?', ..] | [b'&', ..] => self.other_markup(rest, at)?,
                [b'<', ..] => Some(self.start(rest, at)?),
                [..] => self.plain_text(rest, at)?,
            };
            if let Some(piece) = piece {
                return Ok(piece);
            }
        }
    }

    /// Reads a start tag, or the tag of an element without content.
    fn start(&mut self, rest: &'a str, at: usize) -> Result<XmlEvent<'a>, XmlError> {
        let behind = rest.strip_prefix('<').unwrap_or_default();
        // Nearly all start tags are a plain name and nothing else, so one pass over their bytes is enough.
        let plain = behind.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let bytes = behind.as_bytes();
        let is_plain = bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.get(plain) == Some(&b'>');
        let tag = if is_plain { behind.get(..plain).unwrap_or_default() } else { self.tag(rest, at)? };
        self.at = at + 1 + tag.len() + 1;
        let tag_without_end = tag.strip_suffix('/');
        self.ends = tag_without_end.is_some();
        let tag = tag_without_end.unwrap_or(tag);
        let name_len =
            if is_plain { plain } else { tag.bytes().position(is_blank_byte).unwrap_or(tag.len()) };
        let (name, attributes) = tag.split_at_checked(name_len).unwrap_or_default();

        self.count_markup(at)?;
        self.elements += 1;
        self.within(at, XmlLimit::Elements, self.elements, self.limits.elements)?;
        self.within(at, XmlLimit::Depth, self.open.len() + 1, self.limits.depth)?;
        if self.open.is_empty() {
            if self.has_root {
                self.fault(at, XmlErrorKind::SecondRoot { name: quoted(name) })?;
            }
            self.has_root = true;
        }
        self.attributes.clear();
        if is_plain {
            self.within(at + 1, XmlLimit::NameBytes, name.len(), self.limits.name_bytes)?;
            self.open.push(name);
        } else {
            self.check_name(name, at + 1)?;
            self.open.push(name);
            if !is_blank(attributes) {
                self.read_attributes(attributes, at + 1 + name_len)?;
            }
            self.check_prefix(name, at + 1)?;
        }
        Ok(XmlEvent::Start { name, at: self.document.in_bytes(at) })
    }

    /// Returns the text between `<` and `>` of a tag. A `>` in quotes does not end the tag.
    fn tag(&self, rest: &'a str, at: usize) -> Result<&'a str, XmlError> {
        let end = ElementParser::default().feed(rest.as_bytes());
        let end = end.ok_or_else(|| self.error(at, XmlErrorKind::Syntax(UNCLOSED_TAG)))?;
        Ok(rest.get(1..end).unwrap_or_default())
    }

    fn end(&mut self, rest: &'a str, at: usize) -> Result<XmlEvent<'a>, XmlError> {
        let open = self.open.last().copied();
        let behind = rest.strip_prefix("</").unwrap_or_default();
        let is_plain =
            |open: &str| behind.starts_with(open) && behind.as_bytes().get(open.len()) == Some(&b'>');
        if let Some(open) = open.filter(|open| is_plain(open)) {
            self.at = at + 2 + open.len() + 1;
        } else {
            let tag = self.tag(rest, at)?;
            self.at = at + 1 + tag.len() + 1;
            let content = tag.strip_prefix('/').unwrap_or_default();
            // White space may follow the name.
            let name = match content.trim_end_matches(BLANK) {
                "" => content,
                name => name,
            };
            let found = || quoted(name);
            let kind = match open {
                Some(open) if open == name => None,
                Some(open) => Some(XmlErrorKind::WrongEnd { expected: quoted(open), found: found() }),
                None => Some(XmlErrorKind::UnexpectedEnd { found: found() }),
            };
            // A document with wrong end tags has no structure, so a lenient reading ends here too.
            if let Some(kind) = kind {
                return Err(self.error(at, kind));
            }
        }
        self.close();
        Ok(XmlEvent::End)
    }

    fn plain_text(&mut self, rest: &'a str, at: usize) -> Result<Option<XmlEvent<'a>>, XmlError> {
        let end = memchr::memchr2(b'<', b'&', rest.as_bytes()).unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or_default();
        self.at = at + end;
        if self.has_bracket
            && let Some(found) = text.find("]]>")
        {
            self.fault(at + found, XmlErrorKind::CdataEnd)?;
        }
        self.text(with_plain_line_ends(text), at)
    }

    /// Reads a reference, or markup that begins with `<!` or `<?`. quick-xml finds where it ends. Returns
    /// `None` if the caller gets no event for it, for example for a comment.
    fn other_markup(&mut self, rest: &'a str, at: usize) -> Result<Option<XmlEvent<'a>>, XmlError> {
        let mut reader = Reader::from_str(rest);
        let event = reader.read_event().map_err(|error| self.syntax(at, &error))?;
        // A slice in memory is never longer than `usize::MAX`.
        self.at = at + usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        self.count_markup(at)?;
        match event {
            Event::CData(text) => {
                if self.open.is_empty() {
                    self.fault(at, XmlErrorKind::TextOutside)?;
                }
                return self.text(text.xml10_content(), at);
            }
            Event::GeneralRef(reference) => {
                let found = match attribute::resolve(&reference) {
                    Ok(found) => found,
                    Err(fault) => {
                        self.fault(at, fault)?;
                        '\u{FFFD}'
                    }
                };
                if !self.open.is_empty() {
                    return Ok(Some(XmlEvent::Text(String::from(found).into())));
                }
                self.fault(at, XmlErrorKind::TextOutside)?;
            }
            Event::Comment(text) => {
                if text.contains("--") || text.ends_with('-') {
                    self.fault(at, XmlErrorKind::Comment)?;
                }
            }
            Event::PI(instruction) => {
                let target = instruction.target();
                if !is_xml_name(target) || target.eq_ignore_ascii_case("xml") {
                    self.fault(at, XmlErrorKind::Instruction)?;
                }
            }
            Event::Decl(_) => self.fault(at, XmlErrorKind::LateDeclaration)?,
            Event::DocType(_) => self.fault(at, XmlErrorKind::DocType)?,
            // The text begins with `&`, `<!` or `<?`, so there is no other event.
            Event::Start(_) | Event::End(_) | Event::Empty(_) | Event::Text(_) | Event::Eof => {}
        }
        Ok(None)
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

    /// Stores the prefix that an attribute declares: `a` for `xmlns:a`, and the empty prefix for
    /// `xmlns`. Reports a fault if the declaration is not allowed. Ignores attributes that declare no
    /// namespace.
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
        Err(self.error(at, XmlErrorKind::Limit { limit, most }))
    }

    /// Returns an error for a fault at a position of the text. In a lenient reading, stores the first fault
    /// and returns `Ok`.
    fn fault(&mut self, at: usize, kind: XmlErrorKind) -> Result<(), XmlError> {
        let error = self.error(at, kind);
        if !self.is_lenient {
            return Err(error);
        }
        self.first_fault.get_or_insert(error);
        Ok(())
    }

    /// Converts an error of quick-xml. The message of quick-xml is not used, because it may quote the
    /// document at any length.
    fn syntax(&self, at: usize, error: &Error) -> XmlError {
        let fault = match error {
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
            Error::Syntax(_) => XmlErrorKind::Syntax(UNCLOSED_TAG),
            _ => XmlErrorKind::Syntax("markup that cannot be read"),
        };
        self.error(at, fault)
    }

    #[cold]
    fn error(&self, at: usize, kind: XmlErrorKind) -> XmlError {
        XmlError::new(self.document.in_bytes(at), kind)
    }
}

const UNCLOSED_TAG: &str = "tag without an end";

fn is_blank_byte(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Returns a text with each line end as one line feed.
fn with_plain_line_ends(text: &str) -> Cow<'_, str> {
    match memchr::memchr(b'\r', text.as_bytes()) {
        None => text.into(),
        Some(_) => text.replace("\r\n", "\n").replace('\r', "\n").into(),
    }
}
