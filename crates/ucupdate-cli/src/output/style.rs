//! Colours of a terminal. A styled text contains marks (private characters). They are replaced by
//! colours or removed when the text is written.

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Reset, Style as Ansi};
use std::fmt::{self, Display};
use std::io::Stdout;

/// The mark after a styled text.
const END: char = '\u{100000}';

/// The style of a text. A colour never carries information that the words do not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// The heading of a table.
    Heading,
    /// A problem that must be repaired.
    Problem,
    /// A state that an administrator should look at.
    Warning,
}

impl Style {
    const ALL: [Self; 3] = [Self::Heading, Self::Problem, Self::Warning];

    pub(crate) fn of<T: Display>(self, text: T) -> Styled<T> {
        Styled(self, text)
    }

    fn mark(self) -> char {
        match self {
            Self::Heading => '\u{100001}',
            Self::Problem => '\u{100002}',
            Self::Warning => '\u{100003}',
        }
    }

    fn ansi(self) -> Ansi {
        match self {
            Self::Heading => Ansi::new().bold(),
            Self::Problem => AnsiColor::Red.on_default().bold(),
            Self::Warning => AnsiColor::Yellow.on_default().bold(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Styled<T>(Style, T);

impl<T: Display> Display for Styled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{END}", self.0.mark(), self.1)
    }
}

/// Returns whether a character is a mark of this module. Untrusted text must not contain marks.
pub(crate) fn is_mark(character: char) -> bool {
    character == END || Style::ALL.iter().any(|style| style.mark() == character)
}

/// Returns whether stdout shows colours. It does if it is a terminal, and `NO_COLOR` and
/// `TERM=dumb` are not set.
pub(crate) fn is_coloured(stdout: &Stdout) -> bool {
    AutoStream::choice(stdout) != ColorChoice::Never
}

/// Replaces the marks in a text by colours, or removes them if `is_coloured` is `false`.
pub(crate) fn painted(text: &str, is_coloured: bool) -> String {
    let mut painted = String::with_capacity(text.len());
    for character in text.chars() {
        let style = Style::ALL.into_iter().find(|style| style.mark() == character);
        match style {
            _ if !is_mark(character) => painted.push(character),
            _ if !is_coloured => {}
            Some(style) => painted.push_str(&style.ansi().render().to_string()),
            None => painted.push_str(&Reset.render().to_string()),
        }
    }
    painted
}

#[cfg(test)]
mod tests {
    use super::super::shown::{Shown, ShownLines};
    use super::*;

    #[test]
    fn a_mark_becomes_a_colour_or_nothing_and_a_mark_of_a_device_is_escaped() {
        let text = format!("{} {}", Style::Problem.of("stopped"), Shown("Käbel\u{100002}"));
        let text = ShownLines(text).to_string();
        assert_eq!(painted(&text, false), "stopped Käbel\\u{100002}");
        assert_eq!(painted(&text, true), "\u{1b}[1m\u{1b}[31mstopped\u{1b}[0m Käbel\\u{100002}");
    }
}
