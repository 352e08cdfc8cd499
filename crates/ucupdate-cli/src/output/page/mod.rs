//! HTML pages. Each is one file without scripts, and loads nothing from a network.

pub(crate) mod charts;

use super::shown::Shown;
use std::fmt::{self, Write as _};

const STYLE: &str = include_str!("page.css");

/// Text in a page. Displaying it escapes control characters and the characters that have a meaning
/// in HTML.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in Shown(self.0).to_string().chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                character => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// A text of this program in a page. Parts between backticks become `<code>` elements.
pub(crate) struct Marked<'a>(pub(crate) &'a str);

impl fmt::Display for Marked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.split('`');
        if let Some(text) = parts.next() {
            write!(f, "{}", Escaped(text))?;
        }
        while let Some(code) = parts.next() {
            match parts.next() {
                Some(text) => write!(f, "<code>{}</code>{}", Escaped(code), Escaped(text))?,
                None => write!(f, "`{}", Escaped(code))?,
            }
        }
        Ok(())
    }
}

pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n",
        Escaped(title)
    )
}

/// Returns the text with its first letter as a capital.
pub(crate) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_between_backticks_becomes_code() {
        for (text, expected) in [
            ("run `fleet --csv` <now>", "run <code>fleet --csv</code> &lt;now&gt;"),
            ("`a` and `<b>`", "<code>a</code> and <code>&lt;b&gt;</code>"),
            ("one ` alone", "one ` alone"),
            ("`a` and ` alone", "<code>a</code> and ` alone"),
            ("", ""),
        ] {
            assert_eq!(Marked(text).to_string(), expected);
        }
    }
}
