//! The characters and names of XML 1.0, and functions that shorten untrusted texts for error messages.

/// Returns whether XML 1.0 allows the character.
pub fn is_xml_char(found: char) -> bool {
    matches!(found, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// Returns whether the text is a name without a prefix (`NCName` in "Namespaces in XML").
pub fn is_xml_name(name: &str) -> bool {
    // Nearly all names are plain, so one check of each byte is enough.
    if name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return true;
    }
    let mut chars = name.chars();
    chars.next().is_some_and(starts_name) && chars.all(continues_name)
}

/// Returns whether the text is empty or only white space as XML defines it.
#[inline]
pub fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Returns at most the first `most` bytes of the text. The cut is between characters.
#[inline]
pub fn shortened(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Returns a name without its prefix.
#[inline]
pub fn local_name(name: &str) -> &str {
    // Names are short, so a loop over the bytes costs less than a search.
    match name.bytes().rposition(|byte| byte == b':') {
        Some(colon) => &name[colon + 1..],
        None => name,
    }
}

/// Returns an untrusted name in a form for messages: at most 64 bytes, on one line.
pub fn quoted(name: &str) -> Box<str> {
    const MOST: usize = 64;
    let cut = shortened(name, MOST);
    let mut quoted: String = cut.chars().map(|found| if is_plain(found) { found } else { '?' }).collect();
    if cut.len() < name.len() {
        quoted.push_str("...");
    }
    quoted.into()
}

fn starts_name(found: char) -> bool {
    matches!(found,
        'A'..='Z' | 'a'..='z' | '_'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

fn continues_name(found: char) -> bool {
    starts_name(found)
        || matches!(found, '0'..='9' | '-' | '.' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Returns the first character of the text that XML 1.0 forbids, and its position in bytes.
pub(crate) fn first_illegal(text: &str) -> Option<(usize, char)> {
    // Besides control characters only U+FFFE and U+FFFF are forbidden. In UTF-8 these begin with the byte EF.
    let suspect = text.bytes().fold(false, |suspect, byte| {
        suspect | ((byte < b' ') & (byte != b'\t') & (byte != b'\n') & (byte != b'\r')) | (byte == 0xEF)
    });
    if !suspect {
        return None;
    }
    text.char_indices().find(|(_, found)| !is_xml_char(*found))
}

fn is_plain(found: char) -> bool {
    is_xml_char(found) && !found.is_control() && !matches!(found, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_is_none() {
        for name in ["a", "_", "Ger\u{e4}t", "a-b.c1", "\u{4e00}"] {
            assert!(is_xml_name(name), "{name}");
        }
        for name in ["", "1", "-a", "a:b", "a b", "a\u{d7}", ".a", "a/"] {
            assert!(!is_xml_name(name), "{name}");
        }
    }

    #[test]
    fn control_characters_and_the_two_last_of_the_plane_are_found() {
        assert_eq!(first_illegal("a\tb\r\n\u{7f}\u{feff}"), None);
        assert_eq!(first_illegal("ab\u{0}"), Some((2, '\u{0}')));
        assert_eq!(first_illegal("\u{e4}\u{fffe}"), Some((2, '\u{fffe}')));
        assert_eq!(first_illegal("\u{ffff}"), Some((0, '\u{ffff}')));
        assert_eq!(first_illegal("\u{1fffe}"), None);
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shortened("a\u{e4}b", 2), "a");
        assert_eq!(shortened("a\u{e4}b", 3), "a\u{e4}");
        assert_eq!(shortened("ab", 9), "ab");
    }
}
