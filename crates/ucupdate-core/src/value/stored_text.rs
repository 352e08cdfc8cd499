//! Values that are stored as text. The text is parsed without being copied.

use serde::Deserializer;
use serde::de::{Error, Visitor};
use std::fmt;

/// Reads a value from its text.
pub(crate) fn read<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    deserializer: D,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text(read))
}

struct Text<F>(F);

impl<T, E: fmt::Display, F: FnOnce(&str) -> Result<T, E>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<S: Error>(self, text: &str) -> Result<T, S> {
        (self.0)(text).map_err(|error| S::custom(format_args!("{error:#}")))
    }
}
