//! Finds words in the keys of rules, such as a vendor or model, that differ by so little that they
//! may mean the same device.

use std::collections::{BTreeMap, BTreeSet};
use ucupdate_core::RuleBook;
use ucupdate_core::RuleKey;
use ucupdate_core::device::KindWord;

/// The largest number of rules that are compared in pairs.
const MAX_COMPARED: usize = 2000;

/// Two words in the keys of rules that may mean the same thing, such as the models `VVX 500` and
/// `VVX500`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NearEqual {
    /// The part of a rule's key that has the words: `vendor`, `model`, `hardware-revision`,
    /// `locale` or `update-type`.
    pub(super) field: String,
    /// The two spellings, in alphabetical order.
    pub(super) words: (String, String),
    /// `true` if the words differ only in blanks and punctuation.
    pub(super) differs_in_punctuation: bool,
    /// The first pair of rules that differ in these words.
    pub(super) rules: (RuleKey, RuleKey),
    /// The number of pairs of rules that differ in these words.
    pub(super) pairs: usize,
}

/// Returns the near-equal words among the rules of a book. Two words are left out if one is an
/// alias of the other.
///
/// Words that differ in one character are returned only for vendors and models of four or more
/// characters, and only if the words have the same digits: `CX600` and `CX700` are different
/// models.
pub(super) fn near_equal(book: &RuleBook) -> Vec<NearEqual> {
    let rules: Vec<&RuleKey> = book.rules().map(|rule| rule.key()).collect();
    let mut found: BTreeMap<(usize, String, String), NearEqual> = BTreeMap::new();
    let mut note = |one: &RuleKey, other: &RuleKey, differs_in_punctuation: bool| {
        for (index, (a, b)) in one.words().into_iter().zip(other.words()).enumerate() {
            if a.eq_ignore_ascii_case(b) {
                continue;
            }
            let (a, b) = if a <= b { (a, b) } else { (b, a) };
            let near = found.entry((index, a.to_owned(), b.to_owned())).or_insert_with(|| NearEqual {
                field: RuleKey::WORD_NAMES.get(index).map_or("", |name| name).replace(' ', "-"),
                words: (a.to_owned(), b.to_owned()),
                differs_in_punctuation,
                rules: (one.clone(), other.clone()),
                pairs: 0,
            });
            near.pairs += 1;
        }
    };
    let mut folded: BTreeMap<Vec<String>, Vec<&RuleKey>> = BTreeMap::new();
    for rule in &rules {
        folded.entry(rule.words().map(fold).into()).or_default().push(rule);
    }
    for same in folded.values() {
        if let [first, others @ ..] = &same[..] {
            others.iter().for_each(|other| note(first, other, true));
        }
    }
    for (index, one) in rules.iter().enumerate().take(MAX_COMPARED) {
        for other in rules.iter().take(MAX_COMPARED).skip(index + 1) {
            if is_one_edit_apart(one, other) {
                note(one, other, false);
            }
        }
    }
    let aliased: BTreeSet<(String, String)> = book
        .aliases()
        .map(|alias| {
            let lower = |word: &str| word.to_ascii_lowercase();
            (lower(alias.reported.word.as_str()), lower(alias.stands_for.as_str()))
        })
        .collect();
    let has_alias = |near: &NearEqual| {
        let (a, b) = (near.words.0.to_ascii_lowercase(), near.words.1.to_ascii_lowercase());
        aliased.contains(&(a.clone(), b.clone())) || aliased.contains(&(b, a))
    };
    found.into_values().filter(|near| !has_alias(near)).collect()
}

/// Returns the letters and digits of a word, in lower case.
fn fold(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn is_one_edit_apart(one: &RuleKey, other: &RuleKey) -> bool {
    let words_of = |word| (one.kind().word(word), other.kind().word(word));
    let vendor_and_model = [KindWord::Vendor, KindWord::Model].map(words_of);
    let Some((a, b)) = vendor_and_model.into_iter().find(|(a, b)| !a.eq_ignore_ascii_case(b)) else {
        return false;
    };
    let digits = |word: &str| word.chars().filter(char::is_ascii_digit).collect::<String>();
    a.chars().count().min(b.chars().count()) >= 4
        && digits(a) == digits(b)
        && fold(a) != fold(b)
        // No other word differs, and this word differs by one edit.
        && one.difference_from(other.words()) == (1, 1)
}
