//! The first look at a body: is it XML at all, and in an encoding that is read?

use crate::chars::first_illegal;
use crate::error::{DecodeError, LogForm, MessageKind, XmlFault};
use crate::limits::{Limit, Limits};

/// A body found to be text: the document behind its byte order mark and XML declaration.
#[derive(Clone, Copy)]
pub(crate) struct Document<'a> {
    pub(crate) text: &'a str,
    /// How many bytes of the body stand before `text`.
    pub(crate) base: usize,
}

const UTF8: &str = "UTF-8";
const ASCII: &str = "US-ASCII";
const BYTE_ORDER_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
/// An XML declaration has some 40 to 60 bytes.
const MAX_DECLARATION_BYTES: usize = 256;

/// Finds the document in a body.
///
/// # Errors
/// When it is empty, a device's log, too large, in another encoding, or no text.
pub(crate) fn open<'a>(
    body: &'a [u8],
    limits: &Limits,
    expected: MessageKind,
) -> Result<Document<'a>, DecodeError> {
    if body.trim_ascii().is_empty() {
        return Err(DecodeError::Empty { expected });
    }
    if let Some(form) = log_form(body.trim_ascii_start()) {
        return Err(DecodeError::DeviceLog { form });
    }
    if body.len() > limits.bytes {
        return Err(DecodeError::Limit { at: limits.bytes, limit: Limit::Bytes, most: limits.bytes });
    }
    if let Some(found) = foreign_encoding(body) {
        return Err(DecodeError::Encoding { found: found.into() });
    }
    let mark = if body.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let (declared, encoding) = declaration(&body[mark..], mark)?;
    let base = mark + declared;
    let rest = &body[base..];
    let text = as_text(rest, encoding)
        .map_err(|(at, found)| fault(base + at, XmlFault::Byte { found, expected: encoding }))?;
    let from = text.find(|found| !matches!(found, ' ' | '\t' | '\r' | '\n')).unwrap_or(text.len());
    match text[from..].chars().next() {
        Some('<') => {}
        Some(found) => return Err(fault(base + from, XmlFault::NotXml { found })),
        None => return Err(fault(body.len(), XmlFault::NoRoot)),
    }
    Ok(Document { text, base })
}

/// Where the document first holds a character that XML cannot.
pub(crate) fn check_characters(document: &Document<'_>) -> Result<(), DecodeError> {
    match first_illegal(document.text) {
        Some((at, found)) => Err(fault(document.base + at, XmlFault::Character { found: found.into() })),
        None => Ok(()),
    }
}

fn fault(at: usize, fault: XmlFault) -> DecodeError {
    DecodeError::Xml { at, fault }
}

fn log_form(body: &[u8]) -> Option<LogForm> {
    let forms: [(&[u8], LogForm); 4] = [
        (b"--", LogForm::Multipart),
        (b"MSCF", LogForm::Cabinet),
        (b"PK", LogForm::Zip),
        (&[0x1F, 0x8B], LogForm::Gzip),
    ];
    forms.into_iter().find(|(start, _)| body.starts_with(start)).map(|(_, form)| form)
}

/// An encoding known by its byte order mark, or by how it spells `<`.
fn foreign_encoding(body: &[u8]) -> Option<&'static str> {
    let starts: [(&[u8], &str); 7] = [
        (&[0xFF, 0xFE, 0x00, 0x00], "UTF-32"),
        (&[0x00, 0x00, 0xFE, 0xFF], "UTF-32"),
        (&[0xFF, 0xFE], "UTF-16"),
        (&[0xFE, 0xFF], "UTF-16"),
        (&[b'<', 0x00], "UTF-16"),
        (&[0x00, b'<'], "UTF-16"),
        (&[0x4C, 0x6F, 0xA7, 0x94], "EBCDIC"),
    ];
    starts.into_iter().find(|(start, _)| body.starts_with(start)).map(|(_, name)| name)
}

/// The length of the XML declaration, and the encoding it says (UTF-8 where it says none).
fn declaration(body: &[u8], base: usize) -> Result<(usize, &'static str), DecodeError> {
    let Some(rest) = body.strip_prefix(b"<?xml") else {
        return Ok((0, UTF8));
    };
    if !rest.first().is_some_and(u8::is_ascii_whitespace) {
        return Ok((0, UTF8)); // an instruction such as `<?xml-stylesheet?>`
    }
    let refused = || fault(base, XmlFault::Declaration);
    let window = &rest[..rest.len().min(MAX_DECLARATION_BYTES)];
    let end = window.windows(2).position(|pair| pair == b"?>").ok_or_else(refused)?;
    let mut left = std::str::from_utf8(&window[..end]).map_err(|_| refused())?;
    let mut encoding = UTF8;
    let mut step = 0;
    while !left.trim_ascii().is_empty() {
        let (name, value, behind) = pseudo_attribute(left).ok_or_else(refused)?;
        left = behind;
        step = match (name, step) {
            ("version", 0) if value == "1.0" => 1,
            ("encoding", 1) => {
                encoding = known_encoding(value).ok_or_else(|| DecodeError::Encoding {
                    found: format!("`{}`", value.escape_debug()).into(),
                })?;
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

fn known_encoding(name: &str) -> Option<&'static str> {
    if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("utf8") {
        return Some(UTF8);
    }
    (name.eq_ignore_ascii_case("us-ascii") || name.eq_ignore_ascii_case("ascii")).then_some(ASCII)
}

/// ` name = "value"`: name, value and what follows.
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

/// The bytes as text, or the first that is none and where it stands.
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
    use crate::error::DecodeErrorKind;

    fn opened(body: &[u8]) -> Result<&str, DecodeError> {
        open(body, &Limits::default(), MessageKind::Request).map(|document| document.text)
    }

    #[track_caller]
    fn refused(body: &[u8], kind: DecodeErrorKind, message: &str) {
        let error = opened(body).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, message));
    }

    #[test]
    fn utf_8_is_read_with_a_mark_or_a_declaration_or_neither() {
        for start in [
            "",
            "\u{feff}",
            "<?xml version=\"1.0\"?>",
            "<?xml version='1.0' encoding='UTF-8' standalone=\"yes\" ?>",
            "\u{feff}<?xml\nversion = \"1.0\"\tencoding = \"us-ascii\"?>",
        ] {
            let body = format!("{start}\n<a/>");
            assert_eq!(opened(body.as_bytes()), Ok("\n<a/>"), "{start}");
        }
    }

    #[test]
    fn other_encodings_are_told_apart_from_what_is_malformed() {
        use DecodeErrorKind::Encoding;
        refused(b"\xff\xfe<\0a\0", Encoding, "body is in UTF-16, expected UTF-8 or US-ASCII");
        refused(b"\xfe\xff\0<", Encoding, "body is in UTF-16, expected UTF-8 or US-ASCII");
        refused(b"<\0a\0/\0>\0", Encoding, "body is in UTF-16, expected UTF-8 or US-ASCII");
        refused(
            b"<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>\xe4</a>",
            Encoding,
            "body is in `windows-1252`, expected UTF-8 or US-ASCII",
        );
        refused(
            b"<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>",
            Encoding,
            "body is in `utf-16`, expected UTF-8 or US-ASCII",
        );
    }

    #[test]
    fn a_byte_of_no_encoding_is_named_with_its_place() {
        use DecodeErrorKind::Malformed;
        refused(b"<a>\xe4</a>", Malformed, "at byte 3: found byte 0xE4, expected UTF-8");
        refused(
            "<?xml version=\"1.0\" encoding=\"ascii\"?><a>\u{e4}</a>".as_bytes(),
            Malformed,
            "at byte 41: found byte 0xC3, expected US-ASCII",
        );
    }

    #[test]
    fn a_log_is_known_by_its_first_bytes() {
        for (body, form) in [
            (&b"\r\n--boundary"[..], LogForm::Multipart),
            (b"MSCF\0\0\0\0", LogForm::Cabinet),
            (b"PK\x03\x04", LogForm::Zip),
            (b"\x1f\x8b\x08", LogForm::Gzip),
        ] {
            assert_eq!(opened(body), Err(DecodeError::DeviceLog { form }));
        }
        assert_eq!(opened(&[b'-'; 100_000]).unwrap_err().kind(), DecodeErrorKind::DeviceLog, "of any size");
    }

    #[test]
    fn what_is_not_xml_says_what_it_begins_with() {
        use DecodeErrorKind::Malformed;
        refused(b"", Malformed, "body is empty, expected a request");
        refused(b" \n", Malformed, "body is empty, expected a request");
        refused(b"{}", Malformed, "at byte 0: found '{', expected `<`");
        refused(b" a=1", Malformed, "at byte 1: found 'a', expected `<`");
        refused(b"<?xml version=\"1.0\"?>", Malformed, "at byte 21: body ends, expected an element");
        refused("\u{feff}\u{feff}<a/>".as_bytes(), Malformed, "at byte 3: found '\\u{feff}', expected `<`");
    }

    #[test]
    fn a_declaration_that_is_none_is_refused() {
        for declared in [
            "<?xml ?>",
            "<?xml version=\"1.1\"?>",
            "<?xml version=\"1.0\"encoding=\"utf-8\"?>",
            "<?xml encoding=\"utf-8\"?>",
            "<?xml version=\"1.0\" version=\"1.0\"?>",
            "<?xml version=\"1.0\" standalone=\"maybe\"?>",
            "<?xml version=1.0?>",
            "<?xml version=\"1.0\"",
        ] {
            let body = format!("{declared}<a/>");
            let refused = opened(body.as_bytes()).unwrap_err();
            assert_eq!(refused, fault(0, XmlFault::Declaration), "{declared}");
        }
    }
}
