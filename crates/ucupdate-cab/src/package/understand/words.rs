//! The words that name a rule, as far as a manifest or a path has them.

use crate::package::manifest::ManifestEntry;
use crate::package::manifest::names::ManifestItem;
use std::fmt::Display;
use std::str::FromStr;
use ucupdate_core::RuleKey;

/// The words of a rule as they were reported. `None` stands for a word that nothing has said yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::package) struct RuleWords {
    pub(in crate::package) device_type: Option<String>,
    pub(in crate::package) vendor: Option<String>,
    pub(in crate::package) model: Option<String>,
    pub(in crate::package) hardware_revision: Option<String>,
    pub(in crate::package) locale: Option<String>,
    pub(in crate::package) update_type: Option<String>,
}

impl RuleWords {
    /// The words of an existing rule: all of them are known.
    #[cfg(feature = "build")]
    pub(in crate::package) fn of_rule(key: &RuleKey) -> Self {
        Self {
            device_type: Some(key.device_type().as_str().to_owned()),
            vendor: Some(key.vendor().as_str().to_owned()),
            model: Some(key.model().as_str().to_owned()),
            hardware_revision: Some(key.hardware_revision().as_str().to_owned()),
            locale: Some(key.locale().as_str().to_owned()),
            update_type: Some(key.update_type().as_str().to_owned()),
        }
    }

    /// The words that an entry of the manifest states.
    pub(super) fn of_entry(entry: &ManifestEntry) -> Self {
        let mut words = Self::default();
        for (item, word) in words.by_item() {
            *word = entry.item(item).map(str::to_owned);
        }
        words
    }

    /// Each word beside the item of the manifest that states it, in the order of a rule.
    pub(in crate::package) fn by_item(
        &mut self,
    ) -> impl Iterator<Item = (ManifestItem, &mut Option<String>)> {
        [
            (ManifestItem::DeviceType, &mut self.device_type),
            (ManifestItem::Vendor, &mut self.vendor),
            (ManifestItem::Model, &mut self.model),
            (ManifestItem::Revision, &mut self.hardware_revision),
            (ManifestItem::Locale, &mut self.locale),
            (ManifestItem::UpdateType, &mut self.update_type),
        ]
        .into_iter()
    }

    /// Fills in what is unknown from `other` and returns each word on which the two disagree: the item, the word here,
    /// the word there.
    pub(super) fn merge(&mut self, mut other: Self) -> Vec<(ManifestItem, String, String)> {
        let mut contradictions = Vec::new();
        for ((item, own), (_, other)) in self.by_item().zip(other.by_item()) {
            match (&mut *own, other.take()) {
                (None, other) => *own = other,
                (Some(own), Some(other)) if !own.eq_ignore_ascii_case(&other) => {
                    contradictions.push((item, own.clone(), other));
                }
                (Some(_), _) => {}
            }
        }
        contradictions
    }

    /// The names of the words that a release needs and that are unknown.
    pub(super) fn missing_for_release(&mut self) -> Vec<&'static str> {
        self.by_item().filter(|(_, word)| word.is_none()).map(|(item, _)| item.name()).collect()
    }

    /// The names of the words that an interim image needs and that are unknown.
    pub(super) fn missing_for_interim(&mut self) -> Vec<&'static str> {
        let needed = |item| matches!(item, ManifestItem::Locale | ManifestItem::UpdateType);
        let missing = self.by_item().filter(|(item, word)| needed(*item) && word.is_none());
        missing.map(|(item, _)| item.name()).collect()
    }

    /// The rule of these words; otherwise what is wrong with the first word that cannot stand in a rule.
    pub(super) fn rule_key(&self) -> Result<RuleKey, String> {
        RuleKey::new(
            parsed("device type", self.device_type.as_deref())?,
            parsed("vendor", self.vendor.as_deref())?,
            parsed("model", self.model.as_deref())?,
            parsed("hardware revision", self.hardware_revision.as_deref())?,
            parsed("locale", self.locale.as_deref())?,
            parsed("update type", self.update_type.as_deref())?,
        )
        .map_err(|error| error.to_string())
    }
}

/// The word as a value of its type; otherwise what is wrong with it.
pub(super) fn parsed<T: FromStr<Err: Display>>(field: &str, word: Option<&str>) -> Result<T, String> {
    word.unwrap_or_default().parse().map_err(|error| format!("{field} {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_fills_what_is_unknown_and_names_what_differs() {
        let mut words = RuleWords { vendor: Some("polycom".to_owned()), ..RuleWords::default() };
        let folders = RuleWords {
            vendor: Some("Polycom".to_owned()),
            locale: Some("ENU".to_owned()),
            ..RuleWords::default()
        };
        assert_eq!(words.merge(folders), []);
        assert_eq!((words.vendor.as_deref(), words.locale.as_deref()), (Some("polycom"), Some("ENU")));
        let other = RuleWords { locale: Some("DEU".to_owned()), ..RuleWords::default() };
        assert_eq!(words.merge(other), [(ManifestItem::Locale, "ENU".to_owned(), "DEU".to_owned())]);
        assert_eq!(words.missing_for_interim(), ["UpdateType"]);
        assert_eq!(words.missing_for_release(), ["DeviceType", "Model", "Revision", "UpdateType"]);
    }
}
