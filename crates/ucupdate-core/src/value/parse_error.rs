//! The error of parsing a text as a value of this crate.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;

/// The largest number of characters of a text that an error quotes.
const MAX_EXCERPT_CHARS: usize = 64;

/// The reason why a text cannot be read as a value of this crate.
///
/// The message contains the name of the value, what was found, and what was expected. `{:#}` also writes the source, if
/// there is one. An error holds no heap memory unless it quotes the text or has a source. MAC addresses, serial numbers
/// and the names of test devices are never quoted.
///
/// ```
/// use ucupdate_core::{FirmwareVersion, RuleKey};
/// use ucupdate_core::value::ParseErrorKind;
/// use ucupdate_core::version::VersionRange;
///
/// let error = "3.5.69b".parse::<FirmwareVersion>().unwrap_err();
/// assert_eq!(error.to_string(), "part 3 of the version contains 'b', expected digits");
/// assert_eq!((error.subject(), error.kind()), ("version", ParseErrorKind::Character));
///
/// let error = "UCPhone/ /CX700/A/ENU/CPE".parse::<RuleKey>().unwrap_err();
/// assert_eq!(error.to_string(), "vendor of the rule is blank");
///
/// let error = ">1.0, <2".parse::<VersionRange>().unwrap_err();
/// assert_eq!(error.to_string(), "comparator 2 of the version range cannot be read");
/// let source = std::error::Error::source(&error).unwrap();
/// assert_eq!(source.to_string(), "version has 1 part, expected 2 to 4");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    subject: &'static str,
    part: Option<WrongPart>,
    kind: ParseErrorKind,
    found: FoundText,
    at: Option<u32>,
    expected: Expected,
    source: Option<Box<Self>>,
}

/// The kind of a [`ParseError`], for programs. The message of the error describes it for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The text is empty or only white space.
    Blank,
    /// The text has too many bytes.
    TooLong,
    /// The text has too many or too few parts or digits.
    Count,
    /// A character is not allowed, or not at its position.
    Character,
    /// The text does not have the expected form.
    Malformed,
    /// A number or a date is too small or too large.
    OutOfRange,
    /// Parts of the text are in the wrong order. Example: a stage of a ramp that is not later than the stage
    /// before it.
    OutOfOrder,
    /// Each part of the text can be read, but no value satisfies all parts. Example: the version range `>2.0,
    /// <1.0`.
    Contradiction,
    /// The text is a name that does not exist.
    Unknown,
    /// The text is a name that Windows reserves for a device, such as `NUL`.
    Reserved,
    /// A part of the text cannot be read. The source of the error says why.
    Part,
}

/// The part of the text that is wrong. It has a name, such as `vendor`. If several parts have this name,
/// such as `comparator`, it also has a number, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WrongPart {
    noun: &'static str,
    number: Option<NonZeroU32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum FoundText {
    Nothing,
    Character(char),
    Count(u32, &'static str),
    Text(Box<str>),
}

/// The expected value or form, for the end of the message. [`Nothing`](Self::Nothing) adds no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Nothing,
    Text(&'static str),
    AtMost(usize),
    Count(usize, &'static str),
    /// The names of the expected words. The message also says how many words are expected.
    Words(&'static [&'static str]),
    /// The names of the expected words, of which the last ones may be missing. The message also says how many
    /// words are allowed at most.
    AtMostWords(&'static [&'static str]),
}

impl ParseError {
    /// Returns the name of the value that was read, such as `MAC address`.
    pub fn subject(&self) -> &'static str {
        self.subject
    }

    /// Returns the kind of the error, for programs.
    pub fn kind(&self) -> ParseErrorKind {
        self.kind
    }

    /// Returns the number of the part that is wrong, counted from 1. `None` if the parts have no numbers.
    pub fn part_number(&self) -> Option<usize> {
        self.part?.number.map(|number| number.get() as usize)
    }

    /// Returns the position of the wrong character in the text, in bytes. `None` if no single character is wrong.
    pub fn at(&self) -> Option<usize> {
        self.at.map(|at| at as usize)
    }

    /// Returns the message without the name of the value, such as `is blank`. A caller can put its own name
    /// before it.
    pub fn problem(&self) -> impl fmt::Display + '_ {
        ProblemText(self)
    }

    const fn new(subject: &'static str, kind: ParseErrorKind, found: FoundText, expected: Expected) -> Self {
        Self { subject, part: None, kind, found, at: None, expected, source: None }
    }

    /// Creates the error of a text that is empty or only white space.
    pub(crate) const fn blank(subject: &'static str, expected: Expected) -> Self {
        Self::new(subject, ParseErrorKind::Blank, FoundText::Nothing, expected)
    }

    /// Creates the error of a text that has `found` bytes, if at most `most` are allowed.
    pub(crate) fn too_long(subject: &'static str, found: usize, most: usize) -> Self {
        let found = FoundText::Count(saturated(found), "byte");
        Self::new(subject, ParseErrorKind::TooLong, found, Expected::AtMost(most))
    }

    /// Creates the error of a text with a wrong number of parts. `unit` is the name of one part, such as `stage`.
    pub(crate) fn count(subject: &'static str, found: usize, unit: &'static str, expected: Expected) -> Self {
        Self::new(subject, ParseErrorKind::Count, FoundText::Count(saturated(found), unit), expected)
    }

    /// Creates the error of a text that contains a wrong character.
    pub(crate) const fn character(subject: &'static str, found: char, expected: &'static str) -> Self {
        let expected = Expected::Text(expected);
        Self::new(subject, ParseErrorKind::Character, FoundText::Character(found), expected)
    }

    /// Creates an error that does not quote the text.
    pub(crate) const fn of_kind(subject: &'static str, kind: ParseErrorKind, expected: &'static str) -> Self {
        Self::new(subject, kind, FoundText::Nothing, Expected::Text(expected))
    }

    /// Creates an error that quotes the beginning of the text.
    pub(crate) fn quoting(
        subject: &'static str,
        kind: ParseErrorKind,
        text: &str,
        expected: &'static str,
    ) -> Self {
        let quoted = match text.char_indices().nth(MAX_EXCERPT_CHARS) {
            Some((end, _)) => format!("{}...", &text[..end]).into(),
            None => text.into(),
        };
        Self::new(subject, kind, FoundText::Text(quoted), Expected::Text(expected))
    }

    /// Creates the error of a part that cannot be read. `noun` and `number` name the part, such as `comparator`
    /// and 2. `source` is the error of reading this part alone.
    pub(crate) fn of_part(subject: &'static str, noun: &'static str, number: usize, source: Self) -> Self {
        let error = Self::new(subject, ParseErrorKind::Part, FoundText::Nothing, Expected::Nothing);
        Self { source: Some(Box::new(source)), ..error.in_part(noun, number) }
    }

    /// Sets the part that is wrong: its name, such as `comparator`, and its number, counted from 1.
    pub(crate) fn in_part(self, noun: &'static str, number: usize) -> Self {
        Self { part: Some(WrongPart { noun, number: NonZeroU32::new(saturated(number)) }), ..self }
    }

    /// Sets the position of the wrong character in the text, in bytes.
    pub(crate) fn at_byte(self, at: usize) -> Self {
        Self { at: Some(saturated(at)), ..self }
    }

    /// Sets the name of the value that was read, such as `MAC address`.
    pub(crate) fn named(self, subject: &'static str) -> Self {
        Self { subject, ..self }
    }

    /// Turns the error of a part into the error of a larger value. `whole` is the name of the larger value. For
    /// example, the message then begins with `vendor of the rule` instead of `vendor`.
    pub(crate) fn of(self, whole: &'static str) -> Self {
        let part = self.part.unwrap_or(WrongPart { noun: self.subject, number: None });
        Self { part: Some(part), subject: whole, ..self }
    }
}

fn saturated(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Some(WrongPart { noun, number: Some(number) }) => {
                write!(f, "{noun} {number} of the {}", self.subject)?
            }
            Some(WrongPart { noun, number: None }) => write!(f, "{noun} of the {}", self.subject)?,
            None => f.write_str(self.subject)?,
        }
        write!(f, " {}", ProblemText(self))?;
        match &self.source {
            Some(source) if f.alternate() => write!(f, ": {source:#}"),
            _ => Ok(()),
        }
    }
}

impl Error for ParseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

struct ProblemText<'a>(&'a ParseError);

impl fmt::Display for ProblemText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.0;
        match &error.found {
            FoundText::Nothing => f.write_str(error.kind.predicate())?,
            FoundText::Character(found) => write!(f, "contains {found:?}")?,
            FoundText::Count(1, unit) => write!(f, "has 1 {unit}")?,
            FoundText::Count(found, unit) => write!(f, "has {found} {unit}s")?,
            FoundText::Text(found) if error.kind == ParseErrorKind::Malformed => write!(f, "is {found:?}")?,
            FoundText::Text(found) => write!(f, "{found:?} {}", error.kind.predicate())?,
        }
        if let Some(at) = error.at {
            write!(f, " at byte {at}")?;
        }
        match error.expected {
            Expected::Nothing => Ok(()),
            Expected::Text(expected) => write!(f, ", expected {expected}"),
            Expected::AtMost(most) => write!(f, ", expected at most {most}"),
            Expected::Count(count, unit) => write!(f, ", expected {count} {unit}"),
            Expected::Words(names) => write!(f, ", expected {}: {}", names.len(), names.join(", ")),
            Expected::AtMostWords(names) => {
                write!(f, ", expected at most {}: {}", names.len(), names.join(", "))
            }
        }
    }
}

impl ParseErrorKind {
    const fn predicate(self) -> &'static str {
        match self {
            Self::Blank => "is blank",
            Self::TooLong => "is too long",
            Self::Count => "has a wrong number of parts",
            Self::Character => "contains a wrong character",
            Self::Malformed => "is malformed",
            Self::OutOfRange => "is out of range",
            Self::OutOfOrder => "is out of order",
            Self::Contradiction => "contradicts itself",
            Self::Unknown => "is unknown",
            Self::Reserved => "is reserved on Windows",
            Self::Part => "cannot be read",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_written_once_and_only_when_it_is_asked_for() {
        let inner = ParseError::character("version", 'b', "digits").in_part("part", 2).at_byte(4);
        let error = ParseError::of_part("version range", "comparator", 1, inner.clone());
        assert_eq!(error.to_string(), "comparator 1 of the version range cannot be read");
        assert_eq!(
            format!("{error:#}"),
            "comparator 1 of the version range cannot be read: part 2 of the version contains 'b' at byte 4, expected digits"
        );
        assert_eq!(error.source().unwrap().to_string(), inner.to_string());
        assert_eq!((error.part_number(), inner.part_number(), inner.at()), (Some(1), Some(2), Some(4)));
    }

    #[test]
    fn a_long_text_is_quoted_up_to_its_64th_character_and_escaped() {
        let quoting = |text: &str| {
            ParseError::quoting("package id", ParseErrorKind::Malformed, text, "12 hexadecimal digits")
                .to_string()
        };
        assert_eq!(quoting("a\nb"), "package id is \"a\\nb\", expected 12 hexadecimal digits");
        let long = "\u{e4}".repeat(100);
        assert_eq!(
            quoting(&long),
            format!("package id is \"{}...\", expected 12 hexadecimal digits", "\u{e4}".repeat(64))
        );
    }

    #[test]
    fn an_error_of_a_word_becomes_one_of_the_whole() {
        let error = ParseError::blank("vendor", Expected::Nothing).of("device kind").of("rule");
        assert_eq!(error.to_string(), "vendor of the rule is blank");
        assert_eq!(error.problem().to_string(), "is blank");
        assert_eq!(error.part_number(), None);
    }

    #[test]
    fn an_error_stays_small_because_reading_a_version_returns_it_by_value() {
        assert!(size_of::<ParseError>() <= 128);
    }
}
