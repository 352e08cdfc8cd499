//! Displays untrusted text safely on a terminal.

use super::style::is_mark;
use std::fmt::{self, Display, Write};
use ucupdate::value::is_unseen;

/// Displays a text in one line. Control characters, invisible characters and direction marks are
/// escaped, such as `\u{7}`.
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: Display> Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { below: f, keeps_lines: false }, "{}", self.0)
    }
}

/// Displays a text like [`Shown`], but keeps line ends and the marks of styles. It is for texts of
/// several lines that this program wrote.
pub(crate) struct ShownLines<T>(pub(crate) T);

impl<T: Display> Display for ShownLines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { below: f, keeps_lines: true }, "{}", self.0)
    }
}

/// Returns whether a character must be escaped: it is invisible, controls the terminal, or is a
/// mark of a style.
pub(crate) fn is_unfit(character: char) -> bool {
    is_unseen(character) || is_mark(character)
}

struct Escaping<'a, 'b> {
    below: &'a mut fmt::Formatter<'b>,
    keeps_lines: bool,
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        let unfit = |c: char| is_unfit(c) && !(self.keeps_lines && (c == '\n' || is_mark(c)));
        while let Some(at) = rest.find(unfit) {
            let (fit, from) = rest.split_at(at);
            self.below.write_str(fit)?;
            let mut after = from.chars();
            if let Some(character) = after.next() {
                write!(self.below, "{}", character.escape_unicode())?;
            }
            rest = after.as_str();
        }
        self.below.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_a_terminal_is_escaped_and_the_rest_is_kept() {
        for (text, shown) in [
            ("Käbel.nbt", "Käbel.nbt"),
            ("\u{1b}[2Jx", "\\u{1b}[2Jx"),
            ("a\nb\tc", "a\\u{a}b\\u{9}c"),
            ("tbn\u{202e}exe", "tbn\\u{202e}exe"),
            ("a\u{a0}b\u{200b}\u{2060}\u{ad}c", "a\\u{a0}b\\u{200b}\\u{2060}\\u{ad}c"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("", ""),
        ] {
            assert_eq!(Shown(text).to_string(), shown);
        }
        assert_eq!(ShownLines("a\nb\r").to_string(), "a\nb\\u{d}");
    }
}
