//! The attributes of a start tag, and references such as `&amp;`. This crate parses them itself, because
//! quick-xml accepts attributes without a space between them (`a="1"b="2"`) and a `<` in a value.

use crate::chars::{is_xml_char, quoted};
use crate::error::XmlErrorKind;
use std::borrow::Cow;

/// One attribute of an element, with the position of its name.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct XmlAttribute<'a> {
    /// The name with its prefix, if it has one.
    pub name: &'a str,
    /// The value. References are resolved; tabs and line ends are spaces.
    pub value: Cow<'a, str>,
    /// The position of the name, in bytes from the start of the document.
    pub at: usize,
}

/// A fault in a start tag: its position in the text of the document, and its kind.
type AttributeFault = (usize, XmlErrorKind);

/// Splits the first attribute from a start tag, and returns it with the rest of the tag.
///
/// `at` is the position of `text` in the document. `None` means that only white space is left.
pub(crate) fn split(text: &str, at: usize) -> Result<Option<(XmlAttribute<'_>, &str)>, AttributeFault> {
    let begun = text.trim_start_matches(BLANK);
    let at = at + (text.len() - begun.len());
    if begun.is_empty() {
        return Ok(None);
    }
    let refused = || (at, XmlErrorKind::Attribute);
    if begun.len() == text.len() {
        return Err(refused());
    }
    let (name, behind) = begun.split_once('=').ok_or_else(refused)?;
    let name = name.trim_end_matches(BLANK);
    if name.contains(BLANK) {
        return Err(refused());
    }
    let behind = behind.trim_start_matches(BLANK);
    let quote = behind.chars().next().filter(|found| matches!(found, '"' | '\'')).ok_or_else(refused)?;
    let (raw, behind) = behind[1..].split_once(quote).ok_or_else(refused)?;
    if raw.contains('<') {
        return Err(refused());
    }
    let value = normalised(raw).map_err(|fault| (at, fault))?;
    Ok(Some((XmlAttribute { name, value, at }, behind)))
}

pub(crate) const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

/// Returns a value with each line end and tab as one space, and with its references resolved.
fn normalised(raw: &str) -> Result<Cow<'_, str>, XmlErrorKind> {
    if !raw.contains(['&', '\t', '\r', '\n']) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(found) = rest.chars().next() {
        let mut behind = &rest[found.len_utf8()..];
        match found {
            '&' => {
                let (name, after) = behind.split_once(';').ok_or(XmlErrorKind::Syntax("`&` without `;`"))?;
                value.push(resolve(name)?);
                behind = after;
            }
            '\r' => {
                behind = behind.strip_prefix('\n').unwrap_or(behind);
                value.push(' ');
            }
            '\t' | '\n' => value.push(' '),
            other => value.push(other),
        }
        rest = behind;
    }
    Ok(Cow::Owned(value))
}

/// Returns the character that a reference stands for. `name` is the text between `&` and `;`: a predefined
/// entity such as `lt`, or `#` and the number of a character.
pub(crate) fn resolve(name: &str) -> Result<char, XmlErrorKind> {
    match name {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        _ => {}
    }
    let unknown = || XmlErrorKind::Reference { name: quoted(name) };
    let (digits, radix) = match name.strip_prefix('#').ok_or_else(unknown)? {
        decimal if !decimal.starts_with('x') => (decimal, 10),
        hexadecimal => (&hexadecimal[1..], 16),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(unknown());
    }
    let number = u32::from_str_radix(digits, radix).map_err(|_| unknown())?;
    char::from_u32(number)
        .filter(|found| is_xml_char(*found))
        .ok_or(XmlErrorKind::Character { found: number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_tag_is_read_attribute_by_attribute() {
        let (one, rest) = split(" a = 'x&amp;\r\ny'\tb:c=\"2\" ", 10).unwrap().unwrap();
        assert_eq!((one.name, &*one.value, one.at), ("a", "x& y", 11));
        let (two, rest) = split(rest, 20).unwrap().unwrap();
        assert_eq!((two.name, &*two.value, two.at), ("b:c", "2", 21));
        assert!(split(rest, 30).unwrap().is_none());
    }

    #[test]
    fn what_is_no_attribute_is_refused() {
        for text in ["a='1'", " a", " a=1", " a='1", " a b='1'", " a='<'", " a='&b;'", " a='&'", " ='"] {
            assert!(split(text, 0).is_err(), "{text}");
        }
        let (_, rest) = split(" a='1'b='2'", 0).unwrap().unwrap();
        assert_eq!(split(rest, 6).unwrap_err(), (6, XmlErrorKind::Attribute));
    }

    #[test]
    fn references_are_the_five_and_the_characters_of_xml() {
        assert_eq!(resolve("#13"), Ok('\r'));
        assert_eq!(resolve("#x1F600"), Ok('\u{1F600}'));
        for name in [
            "",
            "nbsp",
            "LT",
            "#",
            "#x",
            "#+1",
            "#X41",
            "#x110000",
            "#99999999999",
            "#0",
            "#xD800",
            "#xFFFE",
            "#1",
            "#\u{661}",
        ] {
            assert!(resolve(name).is_err(), "{name}");
        }
    }
}
