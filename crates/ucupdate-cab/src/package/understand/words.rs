//! The words of a rule, as far as a manifest or a path states these words. They are the device
//! type, vendor, model, hardware revision, locale and update type.

use crate::package::manifest::ManifestEntry;
use crate::package::manifest::names::ManifestItem;
use std::str::FromStr;
use ucupdate_core::device::{KindWord, KindWords};
use ucupdate_core::value::ParseError;
use ucupdate_core::{DeviceKind, RuleKey};

/// The words of a rule as the package states them. `None` means that the word is not known yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::package) struct RuleWords {
    pub(in crate::package) kind: KindWords<Option<String>>,
    pub(in crate::package) update_type: Option<String>,
}

impl RuleWords {
    /// Returns the words of an existing rule. All of them are set.
    #[cfg(feature = "build")]
    pub(in crate::package) fn of_rule(key: &RuleKey) -> Self {
        Self {
            kind: key.kind().words().map(|word| Some(word.to_owned())).into(),
            update_type: Some(key.update_type().as_str().to_owned()),
        }
    }

    /// Returns the words of an interim image: its locale, and its update type if it is known. The
    /// other words stay unknown, because an interim image does not need them.
    pub(super) fn of_interim(locale: &str, update_type: Option<&str>) -> Self {
        let kind = KindWords { locale: Some(locale.to_owned()), ..KindWords::default() };
        Self { kind, update_type: update_type.map(str::to_owned) }
    }

    /// Returns the words of a rule (such as the model) that an entry of the manifest states.
    pub(super) fn of_entry(entry: &ManifestEntry) -> Self {
        let word = |item| entry.item(item).map(str::to_owned);
        Self {
            kind: KindWords::from_fn(|of| word(ManifestItem::Kind(of))),
            update_type: word(ManifestItem::UpdateType),
        }
    }

    /// Returns each word of the rule, together with the [`ManifestItem`] that states this word. The
    /// order is that of the words in a rule.
    pub(in crate::package) fn by_item(
        &mut self,
    ) -> impl Iterator<Item = (ManifestItem, &mut Option<String>)> {
        let kind = KindWord::ALL.map(ManifestItem::Kind).into_iter().zip(self.kind.each_mut());
        kind.chain([(ManifestItem::UpdateType, &mut self.update_type)])
    }

    /// Fills the words that are not set with the words of `other`. Returns the contradictions: for
    /// each word with two different values, the item, the value here and the value in `other`.
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

    /// Returns the names of the words that a release needs and that are not stated.
    pub(super) fn missing_for_release(&mut self) -> Vec<&'static str> {
        self.by_item().filter(|(_, word)| word.is_none()).map(|(item, _)| item.name()).collect()
    }

    /// Returns the names of the words that an interim image needs and that are not stated.
    pub(super) fn missing_for_interim(&mut self) -> Vec<&'static str> {
        let needed = |item| matches!(item, ManifestItem::Kind(KindWord::Locale) | ManifestItem::UpdateType);
        let missing = self.by_item().filter(|(item, word)| needed(*item) && word.is_none());
        missing.map(|(item, _)| item.name()).collect()
    }

    /// Returns the rule of these words, or an error that names the first invalid word.
    pub(super) fn rule_key(&self) -> Result<RuleKey, String> {
        let words = self.kind.each_ref().map(|word| word.as_deref().unwrap_or_default());
        let kind = DeviceKind::from_words(words).map_err(|error| error.to_string())?;
        let update_type = parsed(self.update_type.as_deref())?;
        RuleKey::new(kind, update_type).map_err(|error| error.to_string())
    }
}

/// Parses a word of a rule. A missing word counts as empty. The error is a message for people.
pub(super) fn parsed<T: FromStr<Err = ParseError>>(word: Option<&str>) -> Result<T, String> {
    word.unwrap_or_default().parse().map_err(|error: ParseError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_fills_what_is_unknown_and_names_what_differs() {
        fn of(kind: KindWords<Option<&str>>) -> RuleWords {
            RuleWords {
                kind: kind.into_array().map(|word| word.map(str::to_owned)).into(),
                update_type: None,
            }
        }
        let mut words = of(KindWords { vendor: Some("polycom"), ..KindWords::default() });
        let folders = KindWords { vendor: Some("Polycom"), locale: Some("ENU"), ..KindWords::default() };
        assert_eq!(words.merge(of(folders)), []);
        assert_eq!(words.kind.vendor.as_deref(), Some("polycom"));
        assert_eq!(words.kind.locale.as_deref(), Some("ENU"));
        let other = of(KindWords { locale: Some("DEU"), ..KindWords::default() });
        assert_eq!(
            words.merge(other),
            [(ManifestItem::Kind(KindWord::Locale), "ENU".to_owned(), "DEU".to_owned())]
        );
        assert_eq!(words.missing_for_interim(), ["UpdateType"]);
        assert_eq!(words.missing_for_release(), ["DeviceType", "Model", "Revision", "UpdateType"]);
    }
}
