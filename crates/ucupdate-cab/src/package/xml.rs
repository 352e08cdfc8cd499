//! A small, strict, bounded reading of XML into a tree: what the manifest needs and no more.
//!
//! `quick-xml` tells events of what need not be a document. Refused here: two roots, text beside the root, an element
//! that nobody closes, DOCTYPE, entities beyond the five of XML, prefixes that nobody declared, characters that XML
//! does not have.

use super::limits::PackageLimits;
use quick_xml::XmlVersion;
use quick_xml::errors::Error as QuickError;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::QName;
use quick_xml::reader::Reader;

/// An element, with what lies in it. Names are without their prefixes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    /// The attributes, without declarations of namespaces and without XML's own.
    pub(super) attributes: Vec<(String, String)>,
    /// The text in it, without that of its children and without blanks around it.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
    /// Where it begins, in bytes of the text.
    pub(super) at: usize,
}

/// Why a text is not a document that is read here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum XmlError {
    #[error("manifest has {found} bytes, expected at most {most}")]
    TooLong { found: usize, most: usize },
    #[error("manifest has more than {most} {what}, at byte {at}")]
    TooMany { what: &'static str, most: usize, at: usize },
    #[error("{what}, at byte {at}")]
    NotXml { what: String, at: usize },
    #[error("{what} is not allowed in a manifest, at byte {at}")]
    Refused { what: &'static str, at: usize },
    #[error("manifest is not in {encoding}")]
    Encoding { encoding: String },
}

/// The most prefixes that may be declared at a time.
const MAX_PREFIXES: usize = 32;

/// Reads a document from its bytes, in UTF-8, UTF-16, or the encoding that it declares.
pub(super) fn read(bytes: &[u8], limits: &PackageLimits) -> Result<Element, XmlError> {
    if bytes.len() > limits.manifest_bytes {
        return Err(XmlError::TooLong { found: bytes.len(), most: limits.manifest_bytes });
    }
    let text = decode(bytes)?;
    Tree { limits, reader: Reader::from_str(&text), open: Vec::new(), prefixes: Vec::new(), elements: 0 }
        .read()
}

/// The text of a document. A mark of byte order wins over what the document declares.
fn decode(bytes: &[u8]) -> Result<std::borrow::Cow<'_, str>, XmlError> {
    let (encoding, mark) = match encoding_rs::Encoding::for_bom(bytes) {
        Some(found) => found,
        None if bytes.starts_with(b"<\0") => (encoding_rs::UTF_16LE, 0),
        None if bytes.starts_with(b"\0<") => (encoding_rs::UTF_16BE, 0),
        None => (declared_encoding(bytes)?, 0),
    };
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes.get(mark..).unwrap_or_default())
        .ok_or_else(|| XmlError::Encoding { encoding: encoding.name().to_owned() })
}

/// The encoding that the declaration names; UTF-8 where there is none.
fn declared_encoding(bytes: &[u8]) -> Result<&'static encoding_rs::Encoding, XmlError> {
    /// A declaration is shorter than this.
    const LOOKED_AT: usize = 200;
    let start = String::from_utf8_lossy(bytes.get(..LOOKED_AT).unwrap_or(bytes));
    let declaration = match start.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((declaration, _)) => declaration,
        None => return Ok(encoding_rs::UTF_8),
    };
    let Some((_, value)) = declaration.split_once("encoding") else { return Ok(encoding_rs::UTF_8) };
    let label = value.trim_start_matches([' ', '\t', '\r', '\n', '=']);
    let label = label.split(['"', '\'']).nth(1).unwrap_or_default();
    let unknown = || XmlError::Encoding { encoding: format!("an encoding known here, but in {label:?}") };
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).ok_or_else(unknown)?;
    // The declaration was just read byte by byte, so it cannot be in UTF-16.
    Ok(if encoding.is_ascii_compatible() { encoding } else { encoding_rs::UTF_8 })
}

struct Tree<'a> {
    limits: &'a PackageLimits,
    reader: Reader<&'a [u8]>,
    open: Vec<Element>,
    /// Prefixes with the depth of the element that declares them.
    prefixes: Vec<(usize, String)>,
    elements: usize,
}

impl Tree<'_> {
    fn read(mut self) -> Result<Element, XmlError> {
        let mut root = None;
        loop {
            let at = self.position();
            let event = self.reader.read_event().map_err(|error| self.not_xml(&error))?;
            let closed = match event {
                Event::Start(start) => {
                    self.begin(&start, root.is_some(), at)?;
                    None
                }
                Event::Empty(start) => {
                    self.begin(&start, root.is_some(), at)?;
                    self.close()
                }
                Event::End(_) => self.close(),
                Event::Text(text) => {
                    self.push_text(&text.xml10_content(), at)?;
                    None
                }
                Event::CData(text) => {
                    self.push_text(&text.xml10_content(), at)?;
                    None
                }
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().map_err(|error| self.not_xml(&error))?;
                    match (character, resolve_predefined_entity(&reference)) {
                        (Some(character), _) => self.push_text(character.encode_utf8(&mut [0; 4]), at)?,
                        (None, Some(text)) => self.push_text(text, at)?,
                        (None, None) => return Err(XmlError::Refused { what: "an entity of its own", at }),
                    }
                    None
                }
                Event::DocType(_) => return Err(XmlError::Refused { what: "a DOCTYPE", at }),
                Event::Decl(_) if at == 0 => None,
                Event::Decl(_) => {
                    return Err(XmlError::Refused { what: "a declaration after the start", at });
                }
                Event::Comment(_) | Event::PI(_) => None,
                Event::Eof => break,
            };
            if closed.is_some() {
                root = closed;
            }
        }
        let at = self.position();
        match (self.open.pop(), root) {
            (Some(open), _) => {
                Err(XmlError::NotXml { what: format!("expected </{}>, found the end", open.name), at })
            }
            (None, None) => {
                Err(XmlError::NotXml { what: "expected an element, found the end".to_owned(), at })
            }
            (None, Some(root)) => Ok(root),
        }
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn not_xml(&self, error: &QuickError) -> XmlError {
        let at = usize::try_from(self.reader.error_position()).unwrap_or(usize::MAX);
        XmlError::NotXml { what: error.to_string(), at }
    }

    fn begin(&mut self, start: &BytesStart<'_>, has_root: bool, at: usize) -> Result<(), XmlError> {
        if has_root && self.open.is_empty() {
            return Err(XmlError::Refused { what: "a second root element", at });
        }
        let too_many = |what, most| Err(XmlError::TooMany { what, most, at });
        if self.elements == self.limits.manifest_elements {
            return too_many("elements", self.limits.manifest_elements);
        }
        if self.open.len() == self.limits.manifest_depth {
            return too_many("levels of elements", self.limits.manifest_depth);
        }
        self.elements += 1;
        let depth = self.open.len();
        let mut attributes = Vec::new();
        for (said, attribute) in start.attributes().enumerate() {
            let attribute = attribute.map_err(|error| XmlError::NotXml { what: error.to_string(), at })?;
            if said == self.limits.manifest_attributes {
                return too_many("attributes of one element", self.limits.manifest_attributes);
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| XmlError::NotXml { what: error.to_string(), at })?;
            check_characters(&value, at)?;
            let name = attribute.key.into_inner();
            if let Some(prefix) = name.strip_prefix("xmlns:") {
                if self.prefixes.len() == MAX_PREFIXES {
                    return too_many("prefixes", MAX_PREFIXES);
                }
                self.prefixes.push((depth, prefix.to_owned()));
            } else if name != "xmlns" {
                attributes.push((attribute.key.into_inner().to_owned(), value.into_owned()));
            }
        }
        // Declarations of an element hold for its own name and attributes too, so those are looked at last.
        for (name, _) in &mut attributes {
            *name = self.local_name(name, at)?;
        }
        attributes.retain(|(name, _)| !name.is_empty());
        let name = self.local_name(start.name().into_inner(), at)?;
        self.open.push(Element { name, attributes, text: String::new(), children: Vec::new(), at });
        Ok(())
    }

    /// A name without its prefix, which must be declared; empty for what belongs to XML itself.
    fn local_name(&self, name: &str, at: usize) -> Result<String, XmlError> {
        check_characters(name, at)?;
        let name = QName(name);
        match name.prefix() {
            None => Ok(name.into_inner().to_owned()),
            Some(prefix) if prefix.into_inner() == "xml" => Ok(String::new()),
            Some(prefix) if self.prefixes.iter().any(|(_, declared)| declared == prefix.into_inner()) => {
                Ok(name.local_name().into_inner().to_owned())
            }
            Some(_) => Err(XmlError::Refused { what: "a prefix that is not declared", at }),
        }
    }

    /// Closes the innermost element; gives it back where it is the root.
    fn close(&mut self) -> Option<Element> {
        let mut element = self.open.pop()?;
        let depth = self.open.len();
        self.prefixes.retain(|(declared_at, _)| *declared_at < depth);
        let text = element.text.trim_matches(BLANKS);
        if text.len() != element.text.len() {
            element.text = text.to_owned();
        }
        match self.open.last_mut() {
            Some(parent) => {
                parent.children.push(element);
                None
            }
            None => Some(element),
        }
    }

    fn push_text(&mut self, text: &str, at: usize) -> Result<(), XmlError> {
        check_characters(text, at)?;
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim_matches(BLANKS).is_empty() => {}
            None => return Err(XmlError::Refused { what: "text beside the root element", at }),
        }
        Ok(())
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// That all characters are XML's: no controls but blanks, none of the last two of the first plane.
fn check_characters(text: &str, at: usize) -> Result<(), XmlError> {
    let foreign = |c: char| (c < ' ' && !BLANKS.contains(&c)) || matches!(c, '\u{fffe}' | '\u{ffff}');
    match text.chars().any(foreign) {
        true => Err(XmlError::Refused { what: "a character that XML does not have", at }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Element, XmlError> {
        read(text.as_bytes(), &PackageLimits::default())
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        assert_eq!(parsed(text).unwrap_err().to_string(), message, "{text}");
    }

    #[test]
    fn names_texts_and_attributes_are_read() {
        let root = parsed(
            "<?xml version='1.0'?><!-- a --><u:Root xmlns:u='urn:x' u:a='1 &amp; 2' b=\"&#x33;\" xml:lang='en'>\n\
             <Child>  x<![CDATA[<&]]>&lt;y&#33;\n</Child><u:Empty/></u:Root>\n",
        )
        .unwrap();
        assert_eq!(root.name, "Root");
        let attribute = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(root.attributes, [attribute("a", "1 & 2"), attribute("b", "3")]);
        let [child, empty] = &root.children[..] else { panic!("{root:?}") };
        assert_eq!((child.name.as_str(), child.text.as_str()), ("Child", "x<&<y!"));
        assert_eq!((empty.name.as_str(), empty.text.as_str()), ("Empty", ""));
        assert_eq!(root.text, "");
    }

    #[test]
    fn the_encodings_of_windows_are_read() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-16\"?><R>Ger\u{e4}t</R>";
        let utf16 = |mark: &[u8]| {
            [mark, &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()].concat()
        };
        let limits = PackageLimits::default();
        for bytes in [
            utf16(b"\xff\xfe"),
            utf16(b""),
            format!("\u{feff}{text}").into_bytes(),
            text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            b"<?xml version='1.0' encoding='windows-1252' ?><R>Ger\xe4t</R>".to_vec(),
        ] {
            assert_eq!(read(&bytes, &limits).unwrap().text, "Ger\u{e4}t", "{bytes:?}");
        }
        assert_eq!(read(b"<R>\xe4</R>", &limits).unwrap_err().to_string(), "manifest is not in UTF-8");
        assert!(read(b"<?xml version='1.0' encoding='klingon'?><R/>", &limits).is_err());
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_place() {
        refused("", "expected an element, found the end, at byte 0");
        refused("<a>", "expected </a>, found the end, at byte 3");
        refused("<a/><b/>", "a second root element is not allowed in a manifest, at byte 4");
        refused("<a/>x", "text beside the root element is not allowed in a manifest, at byte 4");
        refused("<!DOCTYPE a><a/>", "a DOCTYPE is not allowed in a manifest, at byte 0");
        refused("<a>&x;</a>", "an entity of its own is not allowed in a manifest, at byte 3");
        refused("<a>\u{1}</a>", "a character that XML does not have is not allowed in a manifest, at byte 3");
        refused("<a>&#1;</a>", "a character that XML does not have is not allowed in a manifest, at byte 3");
        refused("<x:a/>", "a prefix that is not declared is not allowed in a manifest, at byte 0");
        refused("<a x:b='1'/>", "a prefix that is not declared is not allowed in a manifest, at byte 0");
        refused(
            "<a><?xml version='1.0'?></a>",
            "a declaration after the start is not allowed in a manifest, at byte 3",
        );
        for text in ["<a b='1' b='2'/>", "<a></b>", "<a b/>", "<a b=\"&x;\"/>", "</a>", "<a"] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_holds_in_its_element_only() {
        assert!(parsed("<a><b xmlns:x='u'><x:c/></b></a>").is_ok());
        refused(
            "<a><b xmlns:x='u'/><x:c/></a>",
            "a prefix that is not declared is not allowed in a manifest, at byte 19",
        );
    }

    #[test]
    fn each_limit_is_reached() {
        let mut limits = PackageLimits::default();
        (limits.manifest_bytes, limits.manifest_elements) = (300, 3);
        (limits.manifest_depth, limits.manifest_attributes) = (2, 1);
        let refused = |text: &str| read(text.as_bytes(), &limits).unwrap_err().to_string();
        assert!(read(b"<a b='1'><c/><c/></a>", &limits).is_ok());
        assert_eq!(refused("<a><c/><c/><c/></a>"), "manifest has more than 3 elements, at byte 11");
        assert_eq!(refused("<a><b><c/></b></a>"), "manifest has more than 2 levels of elements, at byte 6");
        assert_eq!(
            refused("<a b='1' c='2'/>"),
            "manifest has more than 1 attributes of one element, at byte 0"
        );
        assert_eq!(refused(&" ".repeat(301)), "manifest has 301 bytes, expected at most 300");
        let many: String = (0..33).map(|n| format!(" xmlns:p{n}='u'")).collect();
        let refused =
            read(format!("<a{many}/>").as_bytes(), &PackageLimits::default()).unwrap_err().to_string();
        assert_eq!(refused, "manifest has more than 32 prefixes, at byte 0");
    }
}
