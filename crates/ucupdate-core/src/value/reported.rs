//! A reported text together with the value that was parsed from it.

use smol_str::{SmolStr, ToSmolStr as _};
use std::fmt;
use std::str::FromStr;

/// A text from a device or a package, together with the value that was parsed from it, if any.
///
/// ```
/// use ucupdate_core::MacAddress;
/// use ucupdate_core::value::Reported;
/// let said: Reported<MacAddress> = Reported::new("00-21-63-0f-20-7b");
/// assert_eq!(said.raw(), "00-21-63-0f-20-7b");
/// assert_eq!(said.read().unwrap().to_string(), "0021630F207B");
/// assert!(Reported::<MacAddress>::new("unknown").read().is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reported<T> {
    said: SmolStr,
    read: Option<T>,
}

impl<T> Reported<T> {
    /// Returns the text as it was sent, byte for byte.
    pub fn raw(&self) -> &str {
        &self.said
    }

    /// Returns the value, or `None` if the text cannot be read.
    #[inline]
    pub fn read(&self) -> Option<&T> {
        self.read.as_ref()
    }

    /// Returns whether the text is empty or has only blanks, tabs and line ends.
    pub fn is_blank(&self) -> bool {
        trimmed(&self.said).is_empty()
    }
}

impl<T> Reported<T> {
    /// Creates a value without a reported text, for questions that no device asked, such as the questions
    /// of a simulation.
    pub fn assumed(value: T) -> Self {
        Self { said: SmolStr::default(), read: Some(value) }
    }
}

impl<T: FromStr> Reported<T> {
    /// Parses a reported text. The result has the text, and the value if the text can be parsed. Blanks around the
    /// text are ignored for parsing.
    pub fn new(said: &str) -> Self {
        Self { read: trimmed(said).parse().ok(), said: SmolStr::new(said) }
    }
}

impl<T: fmt::Display> From<T> for Reported<T> {
    fn from(value: T) -> Self {
        Self { said: value.to_smolstr(), read: Some(value) }
    }
}

impl<T> Default for Reported<T> {
    /// Returns an empty text without a value.
    fn default() -> Self {
        Self { said: SmolStr::default(), read: None }
    }
}

impl<T> fmt::Display for Reported<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.said)
    }
}

impl<T> fmt::Debug for Reported<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.read.is_some() { "" } else { "?" };
        write!(f, "Reported({:?}){mark}", self.said)
    }
}

fn trimmed(said: &str) -> &str {
    said.trim_matches([' ', '\t', '\r', '\n'])
}
