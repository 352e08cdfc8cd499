//! Tables of the rule book. There is one for each kind of entry.

use crate::book::alias::AliasKey;
use crate::book::ban::BanScope;
use crate::book::devices::{GroupName, HoldName, StopScope, TestDeviceName};
use crate::book::rule::{RuleKey, UpdateType};
use crate::device::{DeviceId, Locale};
use crate::value::PackageId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Entries of one kind, by key. Clones share the table until one of them changes. Then they still share the
/// unchanged entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table<K, V>(Arc<BTreeMap<K, Arc<V>>>);

/// Key of a table. Keys that differ only in ASCII case are equal. If the value of an equal key is set, the table
/// keeps the spelling of the key that it has.
pub(crate) trait TableKey: Ord + Clone {
    /// Returns whether two equal keys also have the same spelling.
    fn has_spelling_of(&self, other: &Self) -> bool;
}

impl<K: TableKey, V: Clone + PartialEq> Table<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key).map(Arc::as_ref)
    }

    /// Returns the entry of a key: the key in the spelling of the table, and the value.
    pub(crate) fn entry(&self, key: &K) -> Option<(&K, &V)> {
        self.0.get_key_value(key).map(|(key, value)| (key, value.as_ref()))
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    pub(crate) fn keys(&self) -> impl ExactSizeIterator<Item = &K> {
        self.0.keys()
    }

    pub(crate) fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.0.values().map(Arc::as_ref)
    }

    pub(crate) fn shared(&self) -> impl ExactSizeIterator<Item = (&K, &Arc<V>)> {
        self.0.iter()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, &**value))
    }

    /// Sets the value of each entry, or removes the entry if it has no new value.
    pub(crate) fn put(&mut self, entries: Vec<Entry<K, V>>) {
        if entries.is_empty() {
            return;
        }
        if self.0.is_empty() && entries.iter().all(|entry| entry.now.is_some()) {
            // The sorted entries of a whole book can be made a map at once, without a search for each.
            let set = entries.into_iter().filter_map(|Entry { key, now }| Some((key, Arc::new(now?))));
            self.0 = Arc::new(set.collect());
            return;
        }
        let table = Arc::make_mut(&mut self.0);
        for Entry { key, now } in entries {
            match now {
                Some(value) => drop(table.insert(key, Arc::new(value))),
                None => drop(table.remove(&key)),
            }
        }
    }

    /// Returns the entries that change this table to `target`.
    ///
    /// An entry whose key has a new spelling is removed first, because a map keeps the old spelling of a key.
    pub(crate) fn entries_to(&self, target: &Self) -> Vec<Entry<K, V>> {
        let gone = self.keys().filter(|key| !target.contains_key(key));
        let mut entries: Vec<Entry<K, V>> = gone.map(|key| Entry::removed(key.clone())).collect();
        for (key, now) in target.iter() {
            match self.0.get_key_value(key) {
                Some((before, _)) if !before.has_spelling_of(key) => {
                    entries.push(Entry::removed(before.clone()))
                }
                Some((_, before)) if **before == *now => continue,
                Some(_) | None => {}
            }
            entries.push(Entry::set(key.clone(), now.clone()));
        }
        entries
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// The new state of one entry of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Entry<K, V> {
    /// The key, in its new spelling.
    pub key: K,
    /// The new value of the entry. `None` means that the entry is removed.
    pub now: Option<V>,
}

impl<K, V> Entry<K, V> {
    pub(crate) fn set(key: K, now: V) -> Self {
        Self { key, now: Some(now) }
    }

    pub(crate) fn removed(key: K) -> Self {
        Self { key, now: None }
    }
}

impl TableKey for RuleKey {
    fn has_spelling_of(&self, other: &Self) -> bool {
        self.words() == other.words()
    }
}

impl TableKey for PackageId {
    fn has_spelling_of(&self, _: &Self) -> bool {
        true
    }
}

impl TableKey for (Locale, UpdateType) {
    fn has_spelling_of(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str() && self.1.as_str() == other.1.as_str()
    }
}

impl TableKey for TestDeviceName {
    fn has_spelling_of(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl TableKey for GroupName {
    fn has_spelling_of(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

/// Only the spelling of the devices is compared. The name of the group always has the spelling of the group.
impl TableKey for (GroupName, DeviceId) {
    fn has_spelling_of(&self, other: &Self) -> bool {
        match (&self.1, &other.1) {
            (DeviceId::Serial(one), DeviceId::Serial(other)) => one.as_str() == other.as_str(),
            _ => true,
        }
    }
}

impl TableKey for BanScope {
    fn has_spelling_of(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl TableKey for AliasKey {
    fn has_spelling_of(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl TableKey for HoldName {
    fn has_spelling_of(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl TableKey for StopScope {
    fn has_spelling_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rule(one), Self::Rule(other)) => one.has_spelling_of(other),
            _ => true,
        }
    }
}
