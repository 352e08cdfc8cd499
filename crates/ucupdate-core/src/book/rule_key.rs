//! What a rule is for: the six words that name it.

use crate::device::{DeviceType, HardwareRevision, Locale, Model, Vendor};
use crate::value::label::label;
use crate::value::{LabelError, PathPartError, check_path_part};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

label!(
    /// Which part of a device an image replaces; `CPE` is the one the field knows.
    book::UpdateType, "CPE"
);

/// The six words that name a rule. Each can stand in a path; together they are equal without regard to ASCII case.
///
/// Written with slashes, in this order, and so they stand in the URLs of the field.
///
/// ```
/// use ucupdate_core::RuleKey;
/// let key: RuleKey = "UCPhone/LG-Nortel/IP8540/A/ENU/CPE".parse().unwrap();
/// assert_eq!(key.vendor().as_str(), "LG-Nortel");
/// assert_eq!(key, "ucphone/lg-nortel/ip8540/a/enu/cpe".parse().unwrap());
/// assert!("UCPhone/LG-Nortel/../A/ENU/CPE".parse::<RuleKey>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleKey(Arc<Words>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Words {
    device_type: DeviceType,
    vendor: Vendor,
    model: Model,
    hardware_revision: HardwareRevision,
    locale: Locale,
    update_type: UpdateType,
}

impl RuleKey {
    /// What the six words are, in the order they are written.
    pub const FIELDS: [&'static str; 6] =
        ["device type", "vendor", "model", "hardware revision", "locale", "update type"];

    /// A key of its six words.
    ///
    /// # Errors
    /// When one of them cannot stand in a path: `/` in a model, a vendor called `..`.
    pub fn new(
        device_type: DeviceType,
        vendor: Vendor,
        model: Model,
        hardware_revision: HardwareRevision,
        locale: Locale,
        update_type: UpdateType,
    ) -> Result<Self, RuleKeyError> {
        let key =
            Self(Arc::new(Words { device_type, vendor, model, hardware_revision, locale, update_type }));
        for (field, text) in Self::FIELDS.into_iter().zip(key.words()) {
            check_path_part(text).map_err(|cause| RuleKeyError::Path { field, cause })?;
        }
        Ok(key)
    }

    /// The device type.
    pub fn device_type(&self) -> &DeviceType {
        &self.0.device_type
    }

    /// The vendor.
    pub fn vendor(&self) -> &Vendor {
        &self.0.vendor
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.0.model
    }

    /// The hardware revision.
    pub fn hardware_revision(&self) -> &HardwareRevision {
        &self.0.hardware_revision
    }

    /// The locale.
    pub fn locale(&self) -> &Locale {
        &self.0.locale
    }

    /// The update type.
    pub fn update_type(&self) -> &UpdateType {
        &self.0.update_type
    }

    /// The six words, in the order they are written.
    #[inline]
    pub fn words(&self) -> [&str; 6] {
        [
            self.0.device_type.as_str(),
            self.0.vendor.as_str(),
            self.0.model.as_str(),
            self.0.hardware_revision.as_str(),
            self.0.locale.as_str(),
            self.0.update_type.as_str(),
        ]
    }
}

impl FromStr for RuleKey {
    type Err = RuleKeyError;

    /// Reads six words with slashes between.
    ///
    /// # Errors
    /// When there are more or fewer than six, or one is no label or no part of a path.
    fn from_str(text: &str) -> Result<Self, RuleKeyError> {
        let parts: Vec<&str> = text.split('/').take(Self::FIELDS.len() + 1).collect();
        let [device_type, vendor, model, hardware_revision, locale, update_type] = parts[..] else {
            return Err(RuleKeyError::PartCount { found: text.split('/').count() });
        };
        let label = |index: usize| move |cause| RuleKeyError::Label { field: Self::FIELDS[index], cause };
        Self::new(
            device_type.parse().map_err(label(0))?,
            vendor.parse().map_err(label(1))?,
            model.parse().map_err(label(2))?,
            hardware_revision.parse().map_err(label(3))?,
            locale.parse().map_err(label(4))?,
            update_type.parse().map_err(label(5))?,
        )
    }
}

impl fmt::Display for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.words();
        f.write_str(first)?;
        rest.iter().try_for_each(|word| write!(f, "/{word}"))
    }
}

impl fmt::Debug for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RuleKey({self})")
    }
}

/// Why words do not make a [`RuleKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleKeyError {
    /// Not six words.
    #[error(
        "rule has {found} part(s), expected 6: device type, vendor, model, hardware revision, locale, update type"
    )]
    PartCount {
        /// How many there are.
        found: usize,
    },
    /// A word that is no label.
    #[error("{field} of the rule {cause}")]
    Label {
        /// Which word.
        field: &'static str,
        /// What is wrong with it.
        cause: LabelError,
    },
    /// A word that cannot stand in a path.
    #[error("{field} of the rule {cause}")]
    Path {
        /// Which word.
        field: &'static str,
        /// What is wrong with it.
        cause: PathPartError,
    },
}

#[cfg(feature = "serde")]
mod stored {
    use super::RuleKey;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    impl Serialize for RuleKey {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for RuleKey {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            crate::value::stored_text::read(deserializer, str::parse)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_written_as_six_words_with_slashes() {
        let text = "UCPhone/Polycom/CX700/A/ENU/CPE";
        assert_eq!(text.parse::<RuleKey>().unwrap().to_string(), text);
    }

    #[test]
    fn what_is_no_rule_says_which_word_is_wrong() {
        let refused = |text: &str| text.parse::<RuleKey>().unwrap_err().to_string();
        assert_eq!(
            refused("UCPhone/Polycom"),
            "rule has 2 part(s), expected 6: device type, vendor, model, hardware revision, locale, update type"
        );
        assert_eq!(refused("UCPhone/ /CX700/A/ENU/CPE"), "vendor of the rule is blank");
        assert_eq!(
            refused("UCPhone/Polycom/../A/ENU/CPE"),
            "model of the rule begins with a blank or ends in a blank or full stop"
        );
        assert_eq!(
            refused("UCPhone/Polycom/CX700/A\\B/ENU/CPE"),
            "hardware revision of the rule holds '\\\\', which no part of a path may"
        );
    }
}
