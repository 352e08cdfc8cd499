//! Values that are stored as text. The text is parsed without being copied.

/// Implements serde's traits for a type, if the feature `serde` is on. A value is serialized as its `Display`
/// text, and read back by `FromStr`. For a generic type, pass its generic parameters after the type.
macro_rules! stored_as_text {
    ($name:ty $(, $($parameter:tt)+)?) => {
        #[cfg(feature = "serde")]
        impl$(<$($parameter)+>)? serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de $(, $($parameter)+)?> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::value::stored_text::read(deserializer, str::parse)
            }
        }
    };
}

pub(crate) use stored_as_text;

/// Deserializes a text, and converts it with `read`. The text is not copied.
#[cfg(feature = "serde")]
pub(crate) fn read<'de, D: serde::Deserializer<'de>, T, E: std::fmt::Display>(
    deserializer: D,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    struct Text<F>(F);

    impl<T, E: std::fmt::Display, F: FnOnce(&str) -> Result<T, E>> serde::de::Visitor<'_> for Text<F> {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<S: serde::de::Error>(self, text: &str) -> Result<T, S> {
            (self.0)(text).map_err(|error| S::custom(format_args!("{error:#}")))
        }
    }

    deserializer.deserialize_str(Text(read))
}
