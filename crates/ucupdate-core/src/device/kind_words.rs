//! One value for each word of a device kind.

use crate::device::kind::DeviceKind;
use crate::device::words::for_kind_words;
use crate::value::ParseError;
use std::fmt;

macro_rules! define {
    ($($word:ident: $type:ident, $name:literal, $list:literal;)*) => {
        /// One of the words of a [`DeviceKind`], such as the vendor or the model.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(clippy::exhaustive_enums, reason = "a match on it must name every word of a device kind")]
        #[allow(missing_docs, reason = "the type of the same name documents the word")]
        pub enum KindWord {
            $($type,)*
        }

        impl KindWord {
            /// All words, in the order of the text form of a [`DeviceKind`].
            pub const ALL: [Self; Self::COUNT] = [$(Self::$type),*];

            /// The number of words of a [`DeviceKind`].
            pub const COUNT: usize = Self::NAMES.len();

            /// The names of all words as error messages show them, in the order of [`ALL`](Self::ALL).
            pub(crate) const NAMES: [&'static str; [$($name),*].len()] = [$($name),*];

            /// Returns the name of the word as error messages show it, such as `hardware revision`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$type => $name,)*
                }
            }

            /// Returns the name of the field for this word in [`DeviceKind`], such as `hardware_revision`.
            pub const fn field(self) -> &'static str {
                match self {
                    $(Self::$type => stringify!($word),)*
                }
            }
        }

        /// One value of the same type for each word of a [`DeviceKind`].
        ///
        /// ```
        /// use ucupdate_core::device::{KindWord, KindWords};
        /// let lengths = KindWords::from_fn(|word| word.name().len());
        /// assert_eq!(lengths.vendor, "vendor".len());
        /// assert_eq!(lengths[KindWord::Locale], "locale".len());
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
        #[cfg_attr(feature = "serde", serde(bound(deserialize = "T: Default + serde::Deserialize<'de>")))]
        #[allow(missing_docs, reason = "the word of the same name in `DeviceKind` documents the field")]
        pub struct KindWords<T> {
            $(pub $word: T,)*
        }

        impl<T> KindWords<T> {
            /// Creates the values by calling `value` for each word.
            pub fn from_fn(mut value: impl FnMut(KindWord) -> T) -> Self {
                Self { $($word: value(KindWord::$type),)* }
            }

            /// Returns the values in the order of [`KindWord::ALL`].
            pub fn into_array(self) -> [T; KindWord::COUNT] {
                [$(self.$word),*]
            }

            /// Returns references to the values in the order of [`KindWord::ALL`].
            pub fn each_ref(&self) -> [&T; KindWord::COUNT] {
                [$(&self.$word),*]
            }

            /// Returns mutable references to the values in the order of [`KindWord::ALL`].
            pub fn each_mut(&mut self) -> [&mut T; KindWord::COUNT] {
                [$(&mut self.$word),*]
            }
        }

        impl<T> From<[T; KindWord::COUNT]> for KindWords<T> {
            /// Takes the values in the order of [`KindWord::ALL`].
            fn from(values: [T; KindWord::COUNT]) -> Self {
                let [$($word),*] = values;
                Self { $($word,)* }
            }
        }

        impl<T> std::ops::Index<KindWord> for KindWords<T> {
            type Output = T;

            fn index(&self, word: KindWord) -> &T {
                match word {
                    $(KindWord::$type => &self.$word,)*
                }
            }
        }

        impl<T> std::ops::IndexMut<KindWord> for KindWords<T> {
            fn index_mut(&mut self, word: KindWord) -> &mut T {
                match word {
                    $(KindWord::$type => &mut self.$word,)*
                }
            }
        }
    };
}

for_kind_words!(define);

/// The kind of a device as a log or a package reports it. The words may be any texts, including empty ones.
///
/// ```
/// use ucupdate_core::DeviceKind;
/// use ucupdate_core::device::ReportedKind;
/// let kind: DeviceKind = "UCPhone/Polycom/CX700/A/ENU".parse()?;
/// assert_eq!(ReportedKind::from(&kind).read()?, kind);
/// assert!(ReportedKind::default().read().is_err());
/// # Ok::<(), ucupdate_core::value::ParseError>(())
/// ```
pub type ReportedKind = KindWords<Box<str>>;

impl ReportedKind {
    /// Parses the words as a device kind.
    ///
    /// # Errors
    /// Returns an error if a word is not a valid [label](crate::value::check_label). The error names the
    /// first such word.
    pub fn read(&self) -> Result<DeviceKind, ParseError> {
        DeviceKind::from_words(self.each_ref())
    }
}

impl From<&DeviceKind> for ReportedKind {
    fn from(kind: &DeviceKind) -> Self {
        kind.words().map(Box::from).into()
    }
}

impl fmt::Display for ReportedKind {
    /// Writes the words with slashes between them, even if a word is empty or contains a slash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.each_ref().map(|word| &**word).join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_words_on_every_way_in_and_out() {
        let mut fields = KindWords::from_fn(KindWord::field);
        assert_eq!(fields.hardware_revision, "hardware_revision");
        assert_eq!(KindWords::from(fields.into_array()), fields);
        for word in KindWord::ALL {
            assert_eq!(fields[word], word.field());
            fields[word] = word.name();
        }
        assert_eq!(fields.into_array(), KindWord::ALL.map(KindWord::name));
    }

    #[test]
    fn a_reported_kind_shows_what_was_reported() {
        let mut kind = ReportedKind::default();
        assert_eq!(kind.to_string(), "////");
        kind.model = "CX/700".into();
        assert_eq!(kind.to_string(), "//CX/700//");
    }
}
