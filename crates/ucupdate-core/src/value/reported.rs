//! What was said, beside what was read in it.

use std::fmt;
use std::str::FromStr;

/// A text from a device or a package, kept as it was said, and its meaning where it has one.
///
/// ```
/// use ucupdate_core::MacAddress;
/// use ucupdate_core::value::Said;
/// let said: Said<MacAddress> = Said::new("00-21-63-0f-20-7b");
/// assert_eq!(said.as_said(), "00-21-63-0f-20-7b");
/// assert_eq!(said.read().unwrap().to_string(), "0021630F207B");
/// assert!(Said::<MacAddress>::new("unknown").read().is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Said<T> {
    said: Box<str>,
    read: Option<T>,
}

impl<T> Said<T> {
    /// What was said, byte for byte.
    pub fn as_said(&self) -> &str {
        &self.said
    }

    /// What it means, where it could be read.
    #[inline]
    pub fn read(&self) -> Option<&T> {
        self.read.as_ref()
    }

    /// Whether nothing was said but blanks.
    pub fn is_blank(&self) -> bool {
        trimmed(&self.said).is_empty()
    }
}

impl<T> Said<T> {
    /// A meaning that nobody said: for asking in somebody's place.
    pub(crate) fn unsaid(value: T) -> Self {
        Self { said: Box::default(), read: Some(value) }
    }
}

impl<T: FromStr> Said<T> {
    /// Keeps the text and reads what can be read of it; blanks around it do not count for the reading.
    pub fn new(said: &str) -> Self {
        Self { read: trimmed(said).parse().ok(), said: said.into() }
    }
}

impl<T: fmt::Display> From<T> for Said<T> {
    fn from(value: T) -> Self {
        Self { said: value.to_string().into(), read: Some(value) }
    }
}

impl<T> Default for Said<T> {
    /// Nothing said.
    fn default() -> Self {
        Self { said: Box::default(), read: None }
    }
}

impl<T> fmt::Display for Said<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.said)
    }
}

impl<T> fmt::Debug for Said<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.read.is_some() { "" } else { "?" };
        write!(f, "Said({:?}){mark}", self.said)
    }
}

fn trimmed(said: &str) -> &str {
    said.trim_matches([' ', '\t', '\r', '\n'])
}
