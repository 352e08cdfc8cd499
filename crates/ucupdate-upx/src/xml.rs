//! Well-formed XML as pieces: quick-xml finds the markup, and what it lets pass is refused here.
//!
//! That is: a second root, elements left open, text outside the root, document types, late declarations, names that are
//! none, prefixes without a namespace, repeated or run-together attributes, `<` in a value, `]]>` in text, `--` in a
//! comment, references other than the predefined ones, characters XML cannot hold; and more of anything than [`Limits`]
//! allow.

use crate::attributes::{self, Attribute};
use crate::chars::{is_blank, is_xml_char, is_xml_name, shortened};
use crate::error::{DecodeError, XmlFault};
use crate::limits::{Limit, Limits};
use crate::prolog::Document;
use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;

/// The next piece of a document. Comments and processing instructions are passed over.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// An element begins; its attributes are in [`Xml::attributes`].
    Start { name: &'a str, at: usize },
    /// Text in the innermost open element, references resolved and line ends made LF.
    Text(Cow<'a, str>),
    /// The innermost open element ends.
    End,
    /// The document is over, and was whole.
    Done,
}

/// Reads a document piece by piece.
pub(crate) struct Xml<'a, 'l> {
    reader: Reader<&'a [u8]>,
    text: &'a str,
    base: usize,
    limits: &'l Limits,
    /// Whether what can be passed over is noted and passed over, for a report; else it is an error at once.
    lenient: bool,
    noted: Option<DecodeError>,
    pub(crate) attributes: Vec<Attribute<'a>>,
    /// Prefixes in force, each with the depth of the element that declares it.
    prefixes: Vec<(usize, &'a str)>,
    open: Vec<&'a str>,
    /// The next piece is the end of an element without content.
    ends: bool,
    has_root: bool,
    /// Whether `]]>` may be in a text: mostly there is no `]` at all.
    has_bracket: bool,
    elements: usize,
    markup: usize,
    namespaces: usize,
}

impl<'a, 'l> Xml<'a, 'l> {
    pub(crate) fn new(document: &Document<'a>, limits: &'l Limits, lenient: bool) -> Self {
        let mut reader = Reader::from_str(document.text);
        reader.config_mut().check_end_names = true;
        Self {
            reader,
            text: document.text,
            base: document.base,
            limits,
            lenient,
            noted: None,
            attributes: Vec::new(),
            prefixes: Vec::new(),
            open: Vec::with_capacity(8),
            ends: false,
            has_root: false,
            has_bracket: document.text.as_bytes().contains(&b']'),
            elements: 0,
            markup: 0,
            namespaces: 0,
        }
    }

    /// What was passed over in a lenient reading, if anything: the first.
    pub(crate) fn noted(&mut self) -> Option<DecodeError> {
        self.noted.take()
    }

    /// The bytes of the body read so far.
    pub(crate) fn at(&self) -> usize {
        // A slice in memory is never longer than usize says.
        self.base + usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX - self.base)
    }

    /// The next piece.
    ///
    /// # Errors
    /// When the document is not well-formed or reaches a limit. After an error there is no next piece.
    pub(crate) fn next(&mut self) -> Result<Piece<'a>, DecodeError> {
        if self.ends {
            self.ends = false;
            self.close();
            return Ok(Piece::End);
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
                    Some(Piece::End)
                }
                Event::Text(text) => {
                    if self.has_bracket
                        && let Some(found) = text.find("]]>")
                    {
                        self.fault(at + found, XmlFault::CdataEnd)?;
                    }
                    self.text(text.xml10_content(), at)?
                }
                Event::CData(text) => {
                    self.count_markup(at)?;
                    if self.open.is_empty() {
                        self.fault(at, XmlFault::TextOutside)?;
                    }
                    self.text(text.xml10_content(), at)?
                }
                Event::GeneralRef(reference) => {
                    self.count_markup(at)?;
                    let found = match attributes::resolve(&reference) {
                        Ok(found) => found,
                        Err(fault) => {
                            self.fault(at, fault)?;
                            '\u{FFFD}'
                        }
                    };
                    if self.open.is_empty() {
                        self.fault(at, XmlFault::TextOutside)?;
                        None
                    } else {
                        Some(Piece::Text(String::from(found).into()))
                    }
                }
                Event::Comment(text) => {
                    self.count_markup(at)?;
                    if text.contains("--") || text.ends_with('-') {
                        self.fault(at, XmlFault::Comment)?;
                    }
                    None
                }
                Event::PI(instruction) => {
                    self.count_markup(at)?;
                    let target = instruction.target();
                    if !is_xml_name(target) || target.eq_ignore_ascii_case("xml") {
                        self.fault(at, XmlFault::Instruction)?;
                    }
                    None
                }
                Event::Decl(_) => {
                    self.count_markup(at)?;
                    self.fault(at, XmlFault::LateDeclaration)?;
                    None
                }
                Event::DocType(_) => {
                    self.count_markup(at)?;
                    self.fault(at, XmlFault::DocType)?;
                    None
                }
                Event::Eof => Some(self.end_of_document(at)?),
            };
            if let Some(piece) = piece {
                return Ok(piece);
            }
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, at: usize) -> Result<Piece<'a>, DecodeError> {
        self.count_markup(at)?;
        self.elements += 1;
        self.within(at, Limit::Elements, self.elements, self.limits.elements)?;
        self.within(at, Limit::Depth, self.open.len() + 1, self.limits.depth)?;
        let name_len = tag.name().as_ref().len();
        let (name, rest) = self.inside(at).split_at_checked(name_len).unwrap_or_default();
        if self.open.is_empty() {
            if self.has_root {
                self.fault(at, XmlFault::SecondRoot { name: shown(name) })?;
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
        Ok(Piece::Start { name, at })
    }

    /// What stands between `<` and `>` (or `/>`) of the tag that begins at `at` and was read last. quick-xml has it, too,
    /// but lends it for less long than the document lives.
    fn inside(&self, at: usize) -> &'a str {
        let text: &'a str = self.text;
        let tag = text.get(at - self.base..self.at() - self.base).unwrap_or_default();
        let tag = tag.strip_prefix('<').unwrap_or(tag);
        tag.strip_suffix("/>").or_else(|| tag.strip_suffix('>')).unwrap_or(tag)
    }

    fn read_attributes(&mut self, text: &'a str, at: usize) -> Result<(), DecodeError> {
        let mut rest = text;
        loop {
            let place = at + (text.len() - rest.len());
            let (attribute, behind) = match attributes::split(rest, place) {
                Ok(Some(found)) => found,
                Ok(None) => break,
                // What follows cannot be told apart any more.
                Err((at, fault)) => {
                    self.fault(at, fault)?;
                    break;
                }
            };
            rest = behind;
            self.count_markup(attribute.at)?;
            self.within(attribute.at, Limit::Attributes, self.attributes.len() + 1, self.limits.attributes)?;
            self.check_name(attribute.name, attribute.at)?;
            if self.attributes.iter().any(|other| other.name == attribute.name) {
                self.fault(attribute.at, XmlFault::AttributeTwice { name: shown(attribute.name) })?;
            }
            self.declare(&attribute)?;
            self.attributes.push(attribute);
        }
        for index in 0..self.attributes.len() {
            let Some(Attribute { name, at, .. }) = self.attributes.get(index) else { break };
            let (name, at) = (*name, *at);
            if name != "xmlns" && !name.starts_with("xmlns:") {
                self.check_prefix(name, at)?;
            }
        }
        Ok(())
    }

    /// Takes note of the namespace an attribute declares, if it does.
    fn declare(&mut self, attribute: &Attribute<'a>) -> Result<(), DecodeError> {
        let name = attribute.name;
        let Some(prefix) = name.strip_prefix("xmlns") else { return Ok(()) };
        let Some(prefix) = prefix.strip_prefix(':') else {
            if !prefix.is_empty() {
                return Ok(()); // `xmlnsx` is a name like any other
            }
            self.namespaces += 1;
            return self.within(attribute.at, Limit::Namespaces, self.namespaces, self.limits.namespaces);
        };
        self.namespaces += 1;
        self.within(attribute.at, Limit::Namespaces, self.namespaces, self.limits.namespaces)?;
        let reserved = match prefix {
            "xml" => attribute.value != "http://www.w3.org/XML/1998/namespace",
            "xmlns" => true,
            _ => attribute.value.is_empty(),
        };
        if reserved {
            self.fault(attribute.at, XmlFault::Namespace { name: shown(name) })?;
        }
        self.prefixes.push((self.open.len(), prefix));
        Ok(())
    }

    fn check_prefix(&mut self, name: &'a str, at: usize) -> Result<(), DecodeError> {
        let Some((prefix, _)) = name.split_once(':') else { return Ok(()) };
        if prefix != "xml" && !self.prefixes.iter().any(|(_, known)| *known == prefix) {
            self.fault(at, XmlFault::Prefix { prefix: shown(prefix) })?;
        }
        Ok(())
    }

    fn check_name(&mut self, name: &str, at: usize) -> Result<(), DecodeError> {
        self.within(at, Limit::NameBytes, name.len(), self.limits.name_bytes)?;
        let good = is_xml_name(name)
            || name.split_once(':').is_some_and(|(prefix, local)| is_xml_name(prefix) && is_xml_name(local));
        if good { Ok(()) } else { self.fault(at, XmlFault::Name { name: shown(name) }) }
    }

    fn text(&mut self, text: Cow<'a, str>, at: usize) -> Result<Option<Piece<'a>>, DecodeError> {
        if !self.open.is_empty() {
            return Ok(Some(Piece::Text(text)));
        }
        if !is_blank(&text) {
            self.fault(at, XmlFault::TextOutside)?;
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

    fn end_of_document(&mut self, at: usize) -> Result<Piece<'a>, DecodeError> {
        if let Some(name) = self.open.pop() {
            self.fault(at, XmlFault::Unclosed { name: shown(name) })?;
            return Ok(Piece::End);
        }
        if !self.has_root {
            self.fault(at, XmlFault::NoRoot)?;
        }
        Ok(Piece::Done)
    }

    fn count_markup(&mut self, at: usize) -> Result<(), DecodeError> {
        self.markup += 1;
        self.within(at, Limit::Markup, self.markup, self.limits.markup)
    }

    fn within(&self, at: usize, limit: Limit, found: usize, most: usize) -> Result<(), DecodeError> {
        if found > most { Err(DecodeError::Limit { at, limit, most }) } else { Ok(()) }
    }

    fn fault(&mut self, at: usize, fault: XmlFault) -> Result<(), DecodeError> {
        let error = DecodeError::Xml { at, fault };
        if !self.lenient {
            return Err(error);
        }
        self.noted.get_or_insert(error);
        Ok(())
    }

    /// What quick-xml refuses, in our words: its own may quote the body at any length.
    fn syntax(&self, at: usize, error: &Error) -> DecodeError {
        let fault = match error {
            Error::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
                XmlFault::WrongEnd { expected: shown(expected), found: shown(found) }
            }
            Error::IllFormed(IllFormedError::UnmatchedEndTag(found)) => {
                XmlFault::WrongEnd { expected: Box::default(), found: shown(found) }
            }
            Error::IllFormed(IllFormedError::UnclosedReference) => XmlFault::Syntax("`&` without `;`"),
            Error::IllFormed(IllFormedError::MissingDoctypeName) => XmlFault::DocType,
            Error::Syntax(SyntaxError::UnclosedComment) => XmlFault::Syntax("comment without an end"),
            Error::Syntax(SyntaxError::UnclosedCData) => XmlFault::Syntax("CDATA section without an end"),
            Error::Syntax(SyntaxError::UnclosedDoctype) => XmlFault::DocType,
            Error::Syntax(SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl) => {
                XmlFault::Syntax("processing instruction without an end")
            }
            Error::Syntax(SyntaxError::InvalidBangMarkup) => {
                XmlFault::Syntax("`<!` begins neither a comment nor a CDATA section")
            }
            Error::Syntax(_) => XmlFault::Syntax("tag without an end"),
            _ => XmlFault::Syntax("markup that cannot be read"),
        };
        DecodeError::Xml { at, fault }
    }
}

/// The name without its prefix.
#[inline]
pub(crate) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// A foreign name as an error shows it: bounded, on one line.
pub(crate) fn shown(name: &str) -> Box<str> {
    const MOST: usize = 64;
    let cut = shortened(name, MOST);
    let mut shown: String = cut.chars().map(|found| if is_plain(found) { found } else { '?' }).collect();
    if cut.len() < name.len() {
        shown.push_str("...");
    }
    shown.into()
}

fn is_plain(found: char) -> bool {
    is_xml_char(found) && !found.is_control() && !matches!(found, '\u{2028}' | '\u{2029}')
}
