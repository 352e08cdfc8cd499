//! Reads the two large parts of a rule book: the rules and the packages. Each entry is compacted as soon as it is
//! read, so that the memory that this frees can be used for the next entries.

use super::known_texts::KnownTexts;
use crate::book::package::IngestedPackage;
use crate::book::rule::{Rule, RuleKey};
use crate::book::table::Entry;
use crate::value::PackageId;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// The changed rules of a [`Delta`](crate::book::Delta). Use this type to deserialize only this part of a stored delta. Equal
/// file names and versions share their memory.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct RuleEntries(#[serde(deserialize_with = "read_rules")] pub Vec<Entry<RuleKey, Rule>>);

/// The changed packages of a [`Delta`](crate::book::Delta). Use this type to deserialize only this part of a stored delta. Equal
/// file names and versions share their memory.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct PackageEntries(
    #[serde(deserialize_with = "read_packages")] pub Vec<Entry<PackageId, IngestedPackage>>,
);

pub(crate) fn read_rules<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Entry<RuleKey, Rule>>, D::Error> {
    let compact = |known: &mut KnownTexts, Entry { key, now }: &mut Entry<RuleKey, Rule>| {
        if let Some(rule) = now {
            rule.compact(key, known);
        }
    };
    deserializer.deserialize_seq(Each(compact, PhantomData))
}

pub(crate) fn read_packages<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Entry<PackageId, IngestedPackage>>, D::Error> {
    let compact = |known: &mut KnownTexts, entry: &mut Entry<PackageId, IngestedPackage>| {
        if let Some(package) = &mut entry.now {
            package.compact(known);
        }
    };
    deserializer.deserialize_seq(Each(compact, PhantomData))
}

/// Visitor of serde that reads a list, and calls the function with each element as soon as it is read. The function
/// may change the element.
struct Each<F, T>(F, PhantomData<T>);

impl<'de, T: Deserialize<'de>, F: Fn(&mut KnownTexts, &mut T)> Visitor<'de> for Each<F, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
        let (mut read, mut known) = (Vec::new(), KnownTexts::default());
        while let Some(mut entry) = entries.next_element()? {
            (self.0)(&mut known, &mut entry);
            read.push(entry);
        }
        Ok(read)
    }
}
