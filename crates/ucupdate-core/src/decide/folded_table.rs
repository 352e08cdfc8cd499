//! A hash table whose keys are lists of words, such as the words of a rule. The ASCII case of the words is
//! ignored. A lookup returns the index of the key and a small value. The table is built once and then only
//! read.
//!
//! A key consists of its words in ASCII lower case, with a zero byte between them. A lookup takes one hash, usually one
//! probe, one comparison of bytes, and no allocation.

use crate::book::RuleKey;
use foldhash::fast::FixedState;
use std::hash::BuildHasher;
use std::ops::Range;

/// A hash table from lists of words to an index and a value. The ASCII case of the words is ignored. The
/// indices `0..len` are in the order in which the keys were given. Keys of at most `NEAR` bytes are stored
/// beside their values. The alignment of `A` is used for a key with its value, so that they can fill one cache
/// line.
#[derive(Clone, Debug)]
pub(crate) struct FoldedTable<V = (), A = u8, const NEAR: usize = 0> {
    /// The slots of the hash table. Their number is a power of two, and at most half of them are used. An empty
    /// slot is zero. In any other slot, the low bits are the index of a key plus one. The high bits are a part
    /// of the key's hash (its tag), which shows most mismatches without reading the bytes of the key.
    slots: Vec<u32>,
    /// The mask of the low bits of a slot, which hold the index of a key plus one.
    index_bits: u32,
    keys: Vec<Key<V, A, NEAR>>,
    /// The bytes of the keys that are longer than `NEAR`, one key after another.
    bytes: Vec<u8>,
}

impl<V, A, const NEAR: usize> Default for FoldedTable<V, A, NEAR> {
    fn default() -> Self {
        Self { slots: Vec::new(), index_bits: 0, keys: Vec::new(), bytes: Vec::new() }
    }
}

/// A key and its value. They are together, so that one memory access reads them.
#[derive(Clone, Copy, Debug)]
struct Key<V, A, const NEAR: usize> {
    _aligned: [A; 0],
    length: u32,
    /// The position in `bytes` of a key that is longer than `NEAR`.
    begin: u32,
    value: V,
    near: [u8; NEAR],
}

/// The size in bytes of the buffer for most lookups. Longer keys are unusual, and use a larger buffer.
const USUAL_KEY_BYTES: usize = 128;
const MOST_KEY_BYTES: usize = RuleKey::WORD_COUNT * (crate::value::MAX_LABEL_BYTES + 1) - 1;

impl<V: Copy, A: Copy, const NEAR: usize> FoldedTable<V, A, NEAR> {
    /// Creates a table of these keys and their values. If two keys are equal, the first is found.
    ///
    /// # Panics
    /// Panics if the keys have more than 4 billion bytes.
    pub(crate) fn new<'a, const N: usize>(keys: impl ExactSizeIterator<Item = ([&'a str; N], V)>) -> Self {
        Self::build(keys, |key| key)
    }

    /// Creates a table. `part` returns the part of a key that is hashed: the whole key, or the words of its
    /// group. If adjacent keys have the same part, only the first of them has a slot. A lookup finds the others
    /// by their index.
    fn build<'a, const N: usize>(
        keys: impl ExactSizeIterator<Item = ([&'a str; N], V)>,
        part: impl Fn(&[u8]) -> &[u8],
    ) -> Self {
        let slots = (keys.len() * 2).next_power_of_two().max(4);
        let small = |number: usize| u32::try_from(number).expect("4 billion bytes of keys do not come about");
        let mut table = Self {
            slots: vec![0; slots],
            index_bits: small((keys.len() + 1).next_power_of_two() - 1),
            keys: Vec::with_capacity(keys.len()),
            bytes: Vec::new(),
        };
        let (mut key, mut last) = (Vec::new(), Vec::new());
        for (words, value) in keys {
            key.clear();
            for (at, word) in words.iter().enumerate() {
                if at > 0 {
                    key.push(0);
                }
                key.extend_from_slice(word.as_bytes());
            }
            key.make_ascii_lowercase();
            let (length, begin) = (small(key.len()), small(table.bytes.len()));
            let mut near = [0; NEAR];
            match near.get_mut(..key.len()) {
                Some(near) => near.copy_from_slice(&key),
                None => table.bytes.extend_from_slice(&key),
            }
            table.keys.push(Key { _aligned: [], length, begin, value, near });
            let hashed = part(&key);
            if table.keys.len() > 1 && last == hashed {
                continue;
            }
            last.clear();
            last.extend_from_slice(hashed);
            let hash = hash(hashed);
            let mut at = table.first_slot(hash);
            while table.slots[at] != 0 {
                at = (at + 1) & (table.slots.len() - 1);
            }
            table.slots[at] = (tag(hash) & !table.index_bits) | small(table.keys.len());
        }
        table
    }

    /// Finds the key that consists of these words in any ASCII case. Returns its index and its value, or `None`
    /// if the table does not have this key.
    #[inline]
    pub(crate) fn find<const N: usize>(&self, words: [&str; N]) -> Option<(usize, V)> {
        // Many tables are empty, so folding the words would be wasted time.
        if self.keys.is_empty() {
            return None;
        }
        folded(words, |key| {
            self.probe(key, |index, bytes| (*bytes == *key).then(|| (index, self.keys[index].value)))
        })?
    }

    /// Searches the slots for the hash of `hashed`. Calls `is_it` with each key whose hash has the same tag, until a
    /// call returns a value. Returns this value, or `None` if no call returned one.
    #[inline]
    fn probe<T>(&self, hashed: &[u8], is_it: impl Fn(usize, &[u8]) -> Option<T>) -> Option<T> {
        let hash = hash(hashed);
        let mut at = self.first_slot(hash);
        loop {
            let slot = self.slots[at];
            let index = ((slot & self.index_bits) as usize).checked_sub(1)?;
            if (slot ^ tag(hash)) & !self.index_bits == 0
                && let Some(found) = is_it(index, self.key(index))
            {
                return Some(found);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[inline]
    fn key(&self, index: usize) -> &[u8] {
        let Key { begin, length, near, .. } = &self.keys[index];
        match near.get(..*length as usize) {
            Some(near) => near,
            None => &self.bytes[*begin as usize..][..*length as usize],
        }
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "masked to the number of slots")]
    fn first_slot(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }
}

/// A table of keys in groups. The keys of a group are adjacent and differ only in their last words. For the
/// keys of rules, a group is all rules for one kind of device, and the last word is the update type.
///
/// A lookup hashes all words but the last. So it also finds out whether the group has other keys. The last
/// words in a group are compared one by one.
#[derive(Debug)]
pub(crate) struct GroupedTable<V>(FoldedTable<V, CacheLine, NEAR_KEY_BYTES>);

/// The size in bytes of the longest key of a rule that is stored beside its value. Such a key and a value of eight
/// bytes fill one cache line.
const NEAR_KEY_BYTES: usize = 48;

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct CacheLine;

/// The result of a lookup in a [`GroupedTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InGroup {
    /// The table has the key, at this index.
    Key(usize),
    /// The table does not have the key, but other keys of its group. This is the index of the first of them.
    Group(usize),
    /// The table has neither the key nor another key of its group.
    None,
}

impl<V> Default for GroupedTable<V> {
    fn default() -> Self {
        Self(FoldedTable::default())
    }
}

impl<V: Copy> GroupedTable<V> {
    /// Creates a table of these keys and their values. If two keys are equal, the first is found.
    ///
    /// # Panics
    /// Panics if the keys have more than 4 billion bytes.
    pub(crate) fn new<'a, const N: usize>(keys: impl ExactSizeIterator<Item = ([&'a str; N], V)>) -> Self {
        Self(FoldedTable::build(keys, group))
    }

    /// Returns the value of a key by its index.
    #[inline]
    pub(crate) fn value(&self, index: usize) -> Option<V> {
        self.0.keys.get(index).map(|key| key.value)
    }

    /// Returns the indices of all keys in a group. `first` is the index of the first key of the group.
    pub(crate) fn group_from(&self, first: usize) -> Range<usize> {
        let group = group(self.0.key(first));
        let more = (first..self.0.keys.len()).take_while(|index| self::group(self.0.key(*index)) == group);
        first..first + more.count()
    }

    /// Finds the key that consists of these words in any ASCII case, or else the group of the key.
    #[inline]
    pub(crate) fn find<const N: usize>(&self, words: [&str; N]) -> InGroup {
        let Self(table) = self;
        let last = words.last().map_or(0, |last| last.len() + 1);
        if table.keys.is_empty() {
            return InGroup::None;
        }
        let found = folded(words, |key| {
            let group = &key[..key.len().saturating_sub(last)];
            table.probe(group, |first, bytes| {
                if *bytes == *key {
                    return Some(InGroup::Key(first));
                }
                (self::group(bytes) == group).then(|| self.find_in(first, key))
            })
        });
        found.flatten().unwrap_or(InGroup::None)
    }

    /// Finds a key in a group. `first` is the index of the first key of the group.
    #[cold]
    fn find_in(&self, first: usize, key: &[u8]) -> InGroup {
        let found = self.group_from(first).find(|index| self.0.key(*index) == key);
        found.map_or(InGroup::Group(first), InGroup::Key)
    }
}

/// Returns the words of a folded key without the last one.
fn group(key: &[u8]) -> &[u8] {
    &key[..key.iter().rposition(|byte| *byte == 0).unwrap_or(0)]
}

/// Calls `look` with the key that consists of the words, in lower case. Returns `None`, without a call, if the
/// words are longer than any key can be.
#[inline]
fn folded<const N: usize, T>(words: [&str; N], look: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let length = words.iter().map(|word| word.len()).sum::<usize>() + N - 1;
    if length <= USUAL_KEY_BYTES {
        Some(look(fold(words, &mut [0; USUAL_KEY_BYTES])))
    } else if length <= MOST_KEY_BYTES {
        Some(long_folded(words, look))
    } else {
        None
    }
}

#[cold]
fn long_folded<const N: usize, T>(words: [&str; N], look: impl FnOnce(&[u8]) -> T) -> T {
    look(fold(words, &mut [0; MOST_KEY_BYTES.next_multiple_of(PIECE)]))
}

/// Writes the key that consists of the words to the buffer, in lower case. The buffer must be large enough for
/// it. Returns the written part.
#[inline]
fn fold<'a, const N: usize, const M: usize>(words: [&str; N], buffer: &'a mut [u8; M]) -> &'a [u8] {
    let mut end = 0;
    for (at, word) in words.iter().enumerate() {
        // The buffer is filled with zeros, so skipping a byte writes the separator.
        end += usize::from(at > 0);
        buffer[end..end + word.len()].copy_from_slice(word.as_bytes());
        end += word.len();
    }
    // Whole pieces are converted, because a shorter rest is slow. The zeros after the key stay zeros.
    for piece in buffer.chunks_exact_mut(PIECE).take(end.div_ceil(PIECE)) {
        piece.make_ascii_lowercase();
    }
    &buffer[..end]
}

/// The number of bytes that are converted to lower case at once.
const PIECE: usize = 16;

#[inline]
fn hash(key: &[u8]) -> u64 {
    FixedState::with_seed(0x7563_7570).hash_one(key)
}

#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the upper half of 64 bits")]
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_found_without_ascii_case() {
        let table = FoldedTable::<_>::new([(["a", "BC"], 'x'), (["ab", "c"], 'y')].into_iter());
        assert_eq!(table.find(["A", "bc"]), Some((0, 'x')));
        assert_eq!(table.find(["AB", "C"]), Some((1, 'y')));
        assert_eq!(table.find(["abc", ""]), None);
        assert_eq!(FoldedTable::<()>::default().find(["a"]), None);
    }

    #[test]
    fn keys_longer_than_usual_are_found_too() {
        let long = "x".repeat(USUAL_KEY_BYTES);
        let table = FoldedTable::<_>::new([([long.as_str(), "y"], ())].into_iter());
        assert_eq!(table.find([long.to_uppercase().as_str(), "Y"]), Some((0, ())));
        assert_eq!(table.find(["x".repeat(MOST_KEY_BYTES).as_str(), "y"]), None);
    }

    #[test]
    fn the_longest_key_is_folded_to_its_last_byte() {
        let longest = "x".repeat(MOST_KEY_BYTES - 2);
        let table = FoldedTable::<_>::new([([longest.as_str(), "y"], ())].into_iter());
        assert_eq!(table.find([longest.as_str(), "Y"]), Some((0, ())));
    }

    #[test]
    fn keys_of_a_group_are_found_beside_their_values_and_behind_them() {
        let long = "y".repeat(NEAR_KEY_BYTES);
        for (kind, count) in [("x", 3), (&*long, 3)] {
            let keys = (0..count).map(|last| ([kind, ["a", "b", "c"][last]], last));
            let table = GroupedTable::new(keys);
            for (last, word) in ["A", "B", "C"].into_iter().enumerate() {
                assert_eq!(table.find([kind, word]), InGroup::Key(last));
                assert_eq!(table.value(last), Some(last));
            }
            assert_eq!(table.find([kind, "d"]), InGroup::Group(0));
            assert_eq!(table.group_from(0), 0..3);
        }
        assert_eq!(size_of::<Key<crate::decide::index::Head, CacheLine, NEAR_KEY_BYTES>>(), 64);
    }

    proptest! {
        #[test]
        fn a_table_finds_what_a_map_finds(
            keys in prop::collection::btree_set(("[a-c]{0,3}", "[a-c]{0,3}"), 0..40),
            asked in ("[a-cA-C]{0,3}", "[a-cA-C]{0,3}"),
        ) {
            let keys: Vec<_> = keys.into_iter().collect();
            let table = FoldedTable::<_>::new(keys.iter().map(|(one, two)| ([one.as_str(), two.as_str()], ())));
            let lower = (asked.0.to_ascii_lowercase(), asked.1.to_ascii_lowercase());
            let found = table.find([&asked.0, &asked.1]).map(|(index, ())| index);
            let expected = keys.iter().position(|key| *key == lower);
            prop_assert_eq!(found, expected);

            let table = GroupedTable::new(keys.iter().map(|(one, two)| ([one.as_str(), two.as_str()], ())));
            let in_group = |at: &usize| keys[*at].0 == lower.0;
            let group: Vec<usize> = (0..keys.len()).filter(in_group).collect();
            let found = table.find([&asked.0, &asked.1]);
            prop_assert_eq!(found, match (expected, group.first()) {
                (Some(at), _) => InGroup::Key(at),
                (None, Some(first)) => InGroup::Group(*first),
                (None, None) => InGroup::None,
            });
            if let Some(first) = group.first() {
                prop_assert_eq!(table.group_from(*first).collect::<Vec<_>>(), group);
            }
        }
    }
}
