//! Escapes texts in cells of the audit log. An escaped text cannot forge a cell or a row. Reading
//! the log returns the text as it was reported.
//!
//! Some characters could end a cell, a part of a module or a row, turn a cell into a formula, or
//! mislead a reader. These characters are written as `%XX`, two upper-case hexadecimal digits for
//! each byte of their UTF-8 form. `%` itself is written as `%25`. Only escapes that [`escape`] can
//! write are decoded. It never writes `%20`, so `%20` is read as three characters, as in a URL in
//! the log of OCS.

use ucupdate_core::value::is_unseen;

/// The place of a text in a row. It determines which characters are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EscapeContext {
    /// A whole cell.
    Cell,
    /// One of the three texts of a module: its file name or URL, its version, or its time stamp. In a
    /// cell, `;` separates these texts, and `#` separates modules.
    ModulePart,
}

/// Writes `text` with every special character escaped. In a quoted cell each `"` is written twice.
pub(crate) fn escape(text: &str, context: EscapeContext, is_quoted: bool, to: &mut String) {
    let later = match context {
        EscapeContext::Cell => PLAIN | FORMULA | DIVIDER,
        EscapeContext::ModulePart => PLAIN | FORMULA,
    };
    // Most cells are plain from end to end.
    let mut at = plain_bytes(text, PLAIN);
    if at == text.len() {
        to.push_str(text);
        return;
    }
    // Only the first character after white space can begin a formula.
    let start = text.len() - text.trim_start().len();
    let mut copied = 0;
    while let Some(c) = text[at..].chars().next() {
        let next = at + c.len_utf8();
        if is_never_plain(c)
            || (at == start && begins_formula(c))
            || (context == EscapeContext::ModulePart && divides_modules(c))
        {
            to.push_str(&text[copied..at]);
            push_escaped(c, to);
            copied = next;
        } else if is_quoted && c == '"' {
            to.push_str(&text[copied..next]);
            copied = at;
        }
        at = next + plain_bytes(&text[next..], if next > start { later } else { PLAIN });
    }
    to.push_str(&text[copied..]);
}

/// The class of ASCII characters that are never escaped.
const PLAIN: u8 = 1;
/// The class of ASCII characters that are escaped only at the start of a cell.
const FORMULA: u8 = 2;
/// The class of ASCII characters that are escaped only in a part of a module.
const DIVIDER: u8 = 4;

/// Returns the number of bytes at the start of a text that belong to one of these classes.
/// `classes` is a sum of class constants.
fn plain_bytes(text: &str, classes: u8) -> usize {
    const TABLE: [u8; 256] = {
        let mut table = [0; 256];
        let mut byte = b' ';
        while byte <= b'~' {
            table[byte as usize] = match byte {
                b'%' | b'"' => 0,
                b'=' | b'+' | b'-' | b'@' => FORMULA,
                b';' | b'#' => DIVIDER,
                _ => PLAIN,
            };
            byte += 1;
        }
        table
    };
    text.bytes().take_while(|byte| TABLE[usize::from(*byte)] & classes != 0).count()
}

pub(crate) fn push_escaped(c: char, to: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        to.push('%');
        to.push(DIGITS[usize::from(byte >> 4)]);
        to.push(DIGITS[usize::from(byte & 0xf)]);
    }
}

/// Decodes a text that [`escape`] wrote. The text may come from any [`EscapeContext`].
pub(crate) fn unescape(cell: &str) -> String {
    unescape_where(cell, |c| is_never_plain(c) || begins_formula(c) || divides_modules(c))
}

/// Decodes each `%XX` whose character the function `escaped` accepts. Any other `%` is kept as
/// text.
pub(crate) fn unescape_where(text: &str, escaped: impl Fn(char) -> bool) -> String {
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'%', rest.as_bytes()) {
        read.push_str(&rest[..at]);
        rest = &rest[at..];
        match escaped_char(rest).filter(|(c, _)| escaped(*c)) {
            Some((c, length)) => {
                read.push(c);
                rest = &rest[length..];
            }
            None => {
                read.push('%');
                rest = &rest[1..];
            }
        }
    }
    read.push_str(rest);
    read
}

/// Decodes the escaped character, such as `%C3%A4`, at the start of `text`. Returns the character
/// and the length of its escape in bytes. `None` if `text` does not begin with an escaped
/// character.
fn escaped_char(text: &str) -> Option<(char, usize)> {
    let bytes = text.as_bytes();
    let mut decoded = [0_u8; 4];
    for index in 0..decoded.len() {
        let &[b'%', high, low] = bytes.get(index * 3..index * 3 + 3)? else {
            return None;
        };
        decoded[index] = digit(high)? << 4 | digit(low)?;
        let text = std::str::from_utf8(&decoded[..=index]).ok();
        if let Some(c) = text.and_then(|text| text.chars().next()) {
            return Some((c, (index + 1) * 3));
        }
    }
    None
}

/// Reads an upper-case hexadecimal digit. A lower-case digit is plain text, because no escape is
/// written with it.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Returns `true` if a character is escaped everywhere: control characters, line ends, direction marks and invisible
/// characters of Unicode, and `%`.
pub(crate) fn is_never_plain(c: char) -> bool {
    // Most cells are ASCII.
    if c.is_ascii() {
        return c == '%' || c.is_ascii_control();
    }
    is_unseen(c)
}

/// Returns `true` if a spreadsheet reads a cell that begins with this character as a formula. The
/// full-width forms of these characters are included.
fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
}

fn divides_modules(c: char) -> bool {
    matches!(c, ';' | '#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ucupdate_testkit::texts::pattern;

    #[track_caller]
    fn written(text: &str, context: EscapeContext) -> String {
        let mut cell = String::new();
        escape(text, context, false, &mut cell);
        assert_eq!(unescape(&cell), text);
        let mut quoted = String::new();
        escape(text, context, true, &mut quoted);
        assert_eq!(quoted, cell.replace('"', "\"\""));
        cell
    }

    #[test]
    fn what_divides_or_computes_is_escaped_and_the_rest_is_not() {
        for (text, cell) in [
            ("", ""),
            ("ruisilva@demo.local", "ruisilva@demo.local"),
            ("=1+1", "%3D1+1"),
            ("  -1", "  %2D1"),
            ("\t@SUM", "%09%40SUM"),
            ("100%", "100%25"),
            ("%0A", "%250A"),
            ("a\r\nb", "a%0D%0Ab"),
            ("a\u{85}b", "a%C2%85b"),
            ("a\u{2028}b", "a%E2%80%A8b"),
            ("\u{feff}a\u{200b}\u{200e}\u{200f}\u{61c}", "%EF%BB%BFa%E2%80%8B%E2%80%8E%E2%80%8F%D8%9C"),
            ("\u{ff1d}1", "%EF%BC%9D1"),
            ("a;b#c", "a;b#c"),
            ("Ger\u{e4}t", "Ger\u{e4}t"),
        ] {
            assert_eq!(written(text, EscapeContext::Cell), cell, "{text:?}");
        }
        assert_eq!(written("a;b#c", EscapeContext::ModulePart), "a%3Bb%23c");
    }

    #[test]
    fn an_escape_that_is_never_written_is_text() {
        for text in ["My%20Folder", "%", "%2", "%zz", "%3d", "%C2", "%C2%20", "%C3%A4", "%FF%FF%FF%FF"] {
            assert_eq!(unescape(text), text);
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_back_as_it_was_said(text in pattern("\\PC*")) {
            written(&text, EscapeContext::Cell);
            let part = written(&text, EscapeContext::ModulePart);
            prop_assert!(!part.contains([';', '#', '\n', '\r']));
        }

        #[test]
        fn what_was_read_once_is_written_and_read_the_same(cell in "[%0-9A-F=;# \u{e4}]{0,20}") {
            written(&unescape(&cell), EscapeContext::Cell);
        }
    }
}
