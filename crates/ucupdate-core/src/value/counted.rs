//! [`Counted`]: a number and its noun in a message, such as `2 devices`.

use std::fmt;

/// A number and its noun in a message, in the singular or the plural. The plural ends in `s`.
///
/// ```
/// use ucupdate_core::value::Counted;
/// assert_eq!(Counted::new(1_usize, "device").to_string(), "1 device");
/// assert_eq!(Counted::new(2_u64, "row").with_verb("was", "were").to_string(), "2 rows were");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    count: u64,
    noun: &'a str,
    verb: Option<&'a str>,
}

impl<'a> Counted<'a> {
    /// Creates a number with its noun in the singular.
    pub fn new(count: impl TryInto<u64>, noun: &'a str) -> Self {
        Self { count: count.try_into().unwrap_or(u64::MAX), noun, verb: None }
    }

    /// Adds a verb: `one` after the singular, `more` after the plural.
    #[must_use]
    pub fn with_verb(self, one: &'a str, more: &'a str) -> Self {
        let verb = if self.count == 1 { one } else { more };
        Self { verb: Some(verb), ..self }
    }
}

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, noun, verb } = self;
        write!(f, "{count} {noun}")?;
        if *count != 1 {
            f.write_str("s")?;
        }
        verb.map_or(Ok(()), |verb| write!(f, " {verb}"))
    }
}
