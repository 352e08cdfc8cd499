//! Decodes the bytes of a document into text. Finds the encoding, reads the XML declaration, and converts
//! positions in the text back to positions in the bytes.

use crate::chars::first_illegal;
use crate::error::{XmlError, XmlErrorKind};
use crate::limits::{XmlLimit, XmlLimits};
use crate::utf16::{self, Positions, Utf16Text};
use std::borrow::Cow;

/// The text of a document, without its byte order mark and XML declaration.
#[derive(Debug)]
pub struct XmlDocument<'a> {
    text: Cow<'a, str>,
    /// The length of the XML declaration, in bytes of the decoded text.
    declared: usize,
    /// The length of the byte order mark, in bytes of the document before it is decoded.
    mark: usize,
    /// The map of positions of a document in UTF-16. `None` means that text and bytes have the same positions.
    positions: Option<Positions>,
}

const UTF8: &str = "UTF-8";
const UTF16: &str = "UTF-16";
const ASCII: &str = "US-ASCII";
/// The encodings that [`XmlDocument::new`] reads, as error messages name them.
const UNICODE: &str = "UTF-8, UTF-16 or US-ASCII";
/// The longest XML declaration that is read. Real ones have 20 to 60 bytes.
const MAX_DECLARATION_BYTES: usize = 256;

impl<'a> XmlDocument<'a> {
    /// Decodes a document in UTF-8, UTF-16 or US-ASCII.
    ///
    /// UTF-16 is recognised by its byte order mark, or by the form of its first character. A byte order
    /// mark prevails over the encoding that the declaration names. A document of single bytes that declares
    /// UTF-16 is read as UTF-8, because .NET programs write such documents.
    ///
    /// # Errors
    /// Returns an error if the document is larger than the limit, has another encoding, is not valid in its
    /// encoding, has a malformed XML declaration, or begins with neither `<` nor white space.
    pub fn new(bytes: &'a [u8], limits: &XmlLimits) -> Result<Self, XmlError> {
        Self::open(bytes, limits, |_, label| {
            let found = format!("`{}`", label.escape_debug()).into();
            Err(XmlErrorKind::Encoding { found, expected: UNICODE })
        })
    }

    /// Decodes a document in any encoding of the WHATWG Encoding Standard that contains US-ASCII. The
    /// declaration of the document names the encoding. UTF-16 is read as by [`new`](Self::new).
    ///
    /// # Errors
    /// Returns an error if the document is larger than the limit, names an unknown encoding, is not valid in
    /// its encoding, has a malformed XML declaration, or begins with neither `<` nor white space.
    #[cfg(feature = "encodings")]
    pub fn in_declared_encoding(bytes: &'a [u8], limits: &XmlLimits) -> Result<Self, XmlError> {
        Self::open(bytes, limits, |bytes, label| {
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes())
                // The declaration was read byte by byte, so the document has an encoding that contains US-ASCII.
                .filter(|encoding| encoding.is_ascii_compatible())
                .ok_or_else(|| XmlErrorKind::Encoding {
                    found: format!("`{}`", label.escape_debug()).into(),
                    expected: "one of the WHATWG Encoding Standard that contains US-ASCII",
                })?;
            let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
            text.ok_or_else(|| XmlErrorKind::Encoding {
                found: "not the declared one".into(),
                expected: encoding.name(),
            })
        })
    }

    /// Returns the text of the document, which begins after the XML declaration.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn open(
        bytes: &'a [u8],
        limits: &XmlLimits,
        decode: fn(&'a [u8], &str) -> Result<Cow<'a, str>, XmlErrorKind>,
    ) -> Result<Self, XmlError> {
        if bytes.len() > limits.bytes {
            let kind = XmlErrorKind::Limit { limit: XmlLimit::Bytes, most: limits.bytes };
            return Err(XmlError::new(limits.bytes, kind));
        }
        let (form, mark) = form(bytes);
        let behind = bytes.get(mark..).unwrap_or_default();
        let mut document = Self { text: Cow::Borrowed(""), declared: 0, mark, positions: None };
        match form {
            CodeUnits::Other(found) => {
                let kind = XmlErrorKind::Encoding { found: found.into(), expected: UNICODE };
                return Err(XmlError::new(0, kind));
            }
            CodeUnits::Utf16(unit) => {
                let Utf16Text { mut text, positions } = utf16::decode(behind, unit).map_err(|at| {
                    let found = behind.get(at).copied().unwrap_or_default();
                    XmlError::new(mark + at, XmlErrorKind::Byte { found, expected: UTF16 })
                })?;
                (document.declared, _) =
                    declaration(text.as_bytes()).map_err(|kind| XmlError::new(mark, kind))?;
                document.positions = Some(positions);
                text.drain(..document.declared);
                document.text = Cow::Owned(text);
            }
            CodeUnits::SingleBytes => {
                let (declared, label) = declaration(behind).map_err(|kind| XmlError::new(mark, kind))?;
                document.declared = declared;
                let rest = behind.get(declared..).unwrap_or_default();
                let label = if mark > 0 { UTF8 } else { label };
                document.text = match known_encoding(label) {
                    Some(encoding) => Cow::Borrowed(as_text(rest, encoding).map_err(|(at, found)| {
                        let kind = XmlErrorKind::Byte { found, expected: encoding };
                        XmlError::new(mark + declared + at, kind)
                    })?),
                    None => decode(rest, label).map_err(|kind| XmlError::new(mark, kind))?,
                };
            }
        }
        document.check_start()?;
        Ok(document)
    }

    /// Refuses a text whose first character besides white space is not `<`.
    fn check_start(&self) -> Result<(), XmlError> {
        let from =
            self.text.find(|found| !matches!(found, ' ' | '\t' | '\r' | '\n')).unwrap_or(self.text.len());
        let kind = match self.text[from..].chars().next() {
            Some('<') => return Ok(()),
            Some(found) => XmlErrorKind::NotXml { found },
            None => XmlErrorKind::NoRoot,
        };
        Err(self.error(from, kind))
    }

    /// Refuses characters that XML 1.0 forbids.
    pub(crate) fn check_characters(&self) -> Result<(), XmlError> {
        match first_illegal(&self.text) {
            Some((at, found)) => Err(self.error(at, XmlErrorKind::Character { found: found.into() })),
            None => Ok(()),
        }
    }

    /// Converts a position in the text to a position in the bytes of the document.
    #[inline]
    pub(crate) fn in_bytes(&self, at: usize) -> usize {
        match &self.positions {
            None => self.mark + self.declared + at,
            // A declaration is US-ASCII.
            Some(positions) => self.mark + positions.in_bytes(&self.text, self.declared, at),
        }
    }

    fn error(&self, at: usize, kind: XmlErrorKind) -> XmlError {
        XmlError::new(self.in_bytes(at), kind)
    }
}

/// The size and order of the code units of a document.
enum CodeUnits {
    /// Units of one byte, as in UTF-8, US-ASCII and legacy encodings.
    SingleBytes,
    /// Units of two bytes. The function converts them to a number, in the byte order of the document.
    Utf16(fn([u8; 2]) -> u16),
    /// An encoding that this crate cannot read, with its name: UTF-32 or EBCDIC.
    Other(&'static str),
}

/// Finds the code units of a document by its first bytes. Returns them with the length of the byte order mark.
///
/// Without a byte order mark, the first character decides. In nearly all documents it is `<`.
fn form(bytes: &[u8]) -> (CodeUnits, usize) {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => (CodeUnits::SingleBytes, 3),
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => (CodeUnits::Other("UTF-32"), 0),
        [0xFF, 0xFE, ..] => (CodeUnits::Utf16(u16::from_le_bytes), 2),
        [0xFE, 0xFF, ..] => (CodeUnits::Utf16(u16::from_be_bytes), 2),
        [b'<', 0, ..] => (CodeUnits::Utf16(u16::from_le_bytes), 0),
        [0, b'<', ..] => (CodeUnits::Utf16(u16::from_be_bytes), 0),
        [0x4C, 0x6F, 0xA7, 0x94, ..] => (CodeUnits::Other("EBCDIC"), 0),
        _ => (CodeUnits::SingleBytes, 0),
    }
}

/// Returns the length of the XML declaration, and the encoding that the declaration names. Without a
/// declaration, or if it names no encoding, the encoding is UTF-8.
fn declaration(document: &[u8]) -> Result<(usize, &str), XmlErrorKind> {
    let Some(rest) = document.strip_prefix(b"<?xml") else {
        return Ok((0, UTF8));
    };
    if !rest.first().is_some_and(u8::is_ascii_whitespace) {
        return Ok((0, UTF8)); // an instruction such as `<?xml-stylesheet?>`
    }
    let refused = || XmlErrorKind::Declaration;
    let window = &rest[..rest.len().min(MAX_DECLARATION_BYTES)];
    let end = window.windows(2).position(|pair| pair == b"?>").ok_or_else(refused)?;
    // XML allows no other characters here, and positions rely on it.
    let ascii = window[..end].is_ascii();
    let mut left = std::str::from_utf8(&window[..end]).ok().filter(|_| ascii).ok_or_else(refused)?;
    let mut encoding = UTF8;
    let mut step = 0;
    while !left.trim_ascii().is_empty() {
        let (name, value, behind) = pseudo_attribute(left).ok_or_else(refused)?;
        left = behind;
        step = match (name, step) {
            ("version", 0) if value == "1.0" => 1,
            ("encoding", 1) => {
                encoding = value;
                2
            }
            ("standalone", 1 | 2) if matches!(value, "yes" | "no") => 3,
            _ => return Err(refused()),
        };
    }
    if step == 0 {
        return Err(refused());
    }
    Ok(("<?xml".len() + end + "?>".len(), encoding))
}

/// Returns UTF-8 or US-ASCII if a document whose declaration names the encoding `label` must be read as such.
/// `None` means another encoding.
///
/// A declaration that names UTF-16 is wrong: it was read byte by byte, so the document is not UTF-16. Such a
/// document is read as UTF-8.
fn known_encoding(label: &str) -> Option<&'static str> {
    let is = |known: &[&str]| known.iter().any(|name| label.eq_ignore_ascii_case(name));
    if is(&["utf-8", "utf8", "utf-16", "utf-16le", "utf-16be"]) {
        return Some(UTF8);
    }
    is(&["us-ascii", "ascii"]).then_some(ASCII)
}

/// Splits ` name = "value"` into the name, the value and the rest of the text. `None` if the text has
/// another form.
fn pseudo_attribute(text: &str) -> Option<(&str, &str, &str)> {
    let begun = text.trim_ascii_start();
    if begun.len() == text.len() {
        return None;
    }
    let (name, behind) = begun.split_once('=')?;
    let behind = behind.trim_ascii_start();
    let quote = behind.chars().next().filter(|found| matches!(found, '"' | '\''))?;
    let (value, behind) = behind[1..].split_once(quote)?;
    Some((name.trim_ascii_end(), value, behind))
}

/// Returns the bytes as text, or the position and value of the first byte that is not in the encoding.
fn as_text<'a>(bytes: &'a [u8], encoding: &str) -> Result<&'a str, (usize, u8)> {
    let bad = |at: usize| (at, bytes.get(at).copied().unwrap_or_default());
    let text = std::str::from_utf8(bytes).map_err(|error| bad(error.valid_up_to()))?;
    if encoding == ASCII && !text.is_ascii() {
        return Err(bad(text.bytes().take_while(u8::is_ascii).count()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(bytes: &[u8]) -> Result<String, String> {
        XmlDocument::new(bytes, &XmlLimits::default())
            .map(|document| document.text().to_owned())
            .map_err(|error| error.to_string())
    }

    #[track_caller]
    fn refused(bytes: &[u8], message: &str) {
        assert_eq!(opened(bytes).unwrap_err(), message);
    }

    fn utf_16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn utf_8_is_read_with_a_mark_or_a_declaration_or_neither() {
        for start in [
            "",
            "\u{feff}",
            "<?xml version=\"1.0\"?>",
            "<?xml version='1.0' encoding='UTF-8' standalone=\"yes\" ?>",
            "\u{feff}<?xml\nversion = \"1.0\"\tencoding = \"us-ascii\"?>",
            "\u{feff}<?xml version='1.0' encoding='windows-1252'?>",
            "<?xml version='1.0' encoding='utf-16'?>",
        ] {
            let document = format!("{start}\n<a>\u{e4}</a>");
            assert_eq!(opened(document.as_bytes()).as_deref(), Ok("\n<a>\u{e4}</a>"), "{start}");
        }
    }

    #[test]
    fn utf_16_is_read_in_both_orders_with_and_without_a_mark() {
        for start in
            ["", "<?xml version=\"1.0\" encoding=\"utf-16\"?>", "<?xml version='1.0' encoding='utf-8'?>"]
        {
            for mark in ["", "\u{feff}"] {
                let document = format!("{mark}{start}<a>\u{e4}\u{1f600}</a>");
                for unit in [u16::to_le_bytes, u16::to_be_bytes] {
                    assert_eq!(opened(&utf_16(&document, unit)).as_deref(), Ok("<a>\u{e4}\u{1f600}</a>"));
                }
            }
        }
    }

    #[test]
    fn positions_count_the_bytes_that_were_given() {
        let text = "<?xml version='1.0'?><a>\u{e4}\u{1f600}</a>";
        let ends = |document: &[u8]| {
            let document = XmlDocument::new(document, &XmlLimits::default()).unwrap();
            (document.in_bytes(0), document.in_bytes(document.text().find("</").unwrap()))
        };
        assert_eq!(ends(text.as_bytes()), (21, 30));
        assert_eq!(ends(format!("\u{feff}{text}").as_bytes()), (24, 33));
        assert_eq!(ends(&utf_16(text, u16::to_be_bytes)), (42, 54));
        assert_eq!(ends(&utf_16(&format!("\u{feff}{text}"), u16::to_le_bytes)), (44, 56));
        refused(
            &utf_16("\u{feff}<a>\u{0}</a>", u16::to_le_bytes)[..9],
            "at byte 8: found byte 0x00, expected UTF-16",
        );
    }

    #[test]
    fn other_encodings_are_named() {
        refused(b"\xff\xfe\0\0", "at byte 0: encoding is UTF-32, expected UTF-8, UTF-16 or US-ASCII");
        refused(
            b"<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>\xe4</a>",
            "at byte 0: encoding is `windows-1252`, expected UTF-8, UTF-16 or US-ASCII",
        );
    }

    #[cfg(feature = "encodings")]
    #[test]
    fn a_declared_encoding_is_read_where_that_is_asked_for() {
        let read = |bytes: &[u8]| {
            XmlDocument::in_declared_encoding(bytes, &XmlLimits::default())
                .map(|document| document.text().to_owned())
                .map_err(|error| error.to_string())
        };
        let ansi = b"<?xml version='1.0' encoding='windows-1252' ?><a>\xe4</a>";
        assert_eq!(read(ansi).as_deref(), Ok("<a>\u{e4}</a>"));
        assert_eq!(
            read(b"<?xml version='1.0' encoding='klingon'?><a/>").unwrap_err(),
            "at byte 0: encoding is `klingon`, expected one of the WHATWG Encoding Standard that contains US-ASCII"
        );
        assert_eq!(
            read(b"<?xml version='1.0' encoding='shift_jis'?><a>\xff</a>").unwrap_err(),
            "at byte 0: encoding is not the declared one, expected Shift_JIS"
        );
    }

    #[test]
    fn a_byte_of_another_encoding_is_named_with_its_position() {
        refused(b"<a>\xe4</a>", "at byte 3: found byte 0xE4, expected UTF-8");
        refused(
            "<?xml version=\"1.0\" encoding=\"ascii\"?><a>\u{e4}</a>".as_bytes(),
            "at byte 41: found byte 0xC3, expected US-ASCII",
        );
    }

    #[test]
    fn what_is_not_xml_is_named_by_its_first_character() {
        refused(b"", "at byte 0: document ends, expected an element");
        refused(b"{}", "at byte 0: found '{', expected `<`");
        refused(b" a=1", "at byte 1: found 'a', expected `<`");
        refused(b"<?xml version=\"1.0\"?>", "at byte 21: document ends, expected an element");
        refused("\u{feff}\u{feff}<a/>".as_bytes(), "at byte 3: found '\\u{feff}', expected `<`");
    }

    #[test]
    fn a_malformed_declaration_is_refused() {
        for declared in [
            "<?xml ?>",
            "<?xml version=\"1.1\"?>",
            "<?xml version=\"1.0\"encoding=\"utf-8\"?>",
            "<?xml encoding=\"utf-8\"?>",
            "<?xml version=\"1.0\" version=\"1.0\"?>",
            "<?xml version=\"1.0\" standalone=\"maybe\"?>",
            "<?xml version=1.0?>",
            "<?xml version=\"1.0\"",
            "<?xml version=\"1.0\" encoding=\"utf\u{312d}8\"?>",
        ] {
            let document = format!("{declared}<a/>");
            let refused = XmlDocument::new(document.as_bytes(), &XmlLimits::default());
            assert_eq!(refused.unwrap_err(), XmlError::new(0, XmlErrorKind::Declaration), "{declared}");
        }
    }
}
