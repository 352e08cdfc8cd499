//! Finds the rule of a module. The stem of the file name is tried first, and then the file names of images in
//! packages. If only one rule and one module are left, they belong together.
//!
//! A phone reports the name of the file that it installed last (confirmed; see PROTOCOL.md of `ucupdate-upx`). For
//! phones of OCS, this name is `CPE.nbt`. Phones of other vendors may report any name (inferred).

use crate::book::{Rule, RuleBook, RuleKey, with_last};
use crate::decide::folded_table::FoldedTable;
use crate::device::{DeviceKind, KindWord};
use crate::request::{InstalledModule, Question};
use foldhash::fast::FixedState;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// The tables that map a kind of device and a file name of a module to rules.
#[derive(Debug, Default)]
pub(super) struct ModuleRules {
    /// The rules by the kind of device and the file name of an image. Only names whose stem is not the
    /// update type are included.
    by_file_name: FoldedTable<Named>,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    rule: u32,
    /// `true` if packages also contain a file with this name for another rule of the same kind of device.
    is_shared: bool,
}

/// The way in which the rule of a module was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::exhaustive_enums, reason = "each way is a step of its own")]
pub enum ModuleMatch {
    /// The stem of the file name is the update type of the rule.
    UpdateType,
    /// A package has an image with this file name for the rule.
    FileName,
    /// All other modules of the request have their own rules, and only one rule for this kind of device is
    /// left.
    OnlyOneLeft,
}

/// The result of looking for the rule of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ModuleLookup {
    /// The index of the rule in the rule book, and the way in which it was found.
    Rule(usize, ModuleMatch),
    /// No single rule was found. Two different indices are those of two rules that match. If both are equal,
    /// one rule is left for several modules.
    Ambiguous(usize, usize),
    None,
}

impl ModuleRules {
    /// Creates the tables from the packages of a rule book. A rule is given by its index in the order of the
    /// rule book.
    pub(super) fn new(book: &RuleBook) -> Self {
        let mut named: BTreeMap<(&DeviceKind, String), Named> = BTreeMap::new();
        let mut numbers: Option<HashMap<&RuleKey, u32, FixedState>> = None;
        for release in book.packages().flat_map(|package| &package.releases) {
            let (name, rule) = (&release.files.image.name, &release.rule);
            // The images of nearly all books are named like their update types.
            if name.stem().eq_ignore_ascii_case(rule.update_type().as_str()) {
                continue;
            }
            let numbers = numbers.get_or_insert_with(|| book.rules().map(Rule::key).zip(0..).collect());
            let Some(number) = numbers.get(rule).copied() else { continue };
            let key = (rule.kind(), name.as_str().to_ascii_lowercase());
            let named = named.entry(key).or_insert(Named { rule: number, is_shared: false });
            named.is_shared |= named.rule != number;
        }
        let by_file_name = named.iter().map(|((kind, name), named)| (with_last(kind.words(), name), *named));
        Self { by_file_name: FoldedTable::new(by_file_name) }
    }

    /// Finds the rule of a module whose file name is not the name of an update type. `words` are those of the
    /// device's kind. `of_kind` has the indices of the rules for this kind. `by_update_type` returns the index
    /// of the rule of a module whose file name is the name of an update type.
    #[cold]
    pub(super) fn find(
        &self,
        words: [&str; KindWord::COUNT],
        of_kind: Range<usize>,
        question: &Question<'_>,
        by_update_type: impl Fn(&InstalledModule) -> Option<usize>,
    ) -> ModuleLookup {
        match self.named(words, question.module) {
            Some(named) if !named.is_shared => {
                return ModuleLookup::Rule(named.rule as usize, ModuleMatch::FileName);
            }
            _ => {}
        }
        let rule_of = |module: &InstalledModule| {
            let by_name = || self.named(words, module).filter(|named| !named.is_shared);
            by_update_type(module).or_else(|| by_name().map(|named| named.rule as usize))
        };
        let is_another_left = question.other_modules().any(|module| rule_of(module).is_none());
        let is_taken = |rule: usize| question.other_modules().any(|module| rule_of(module) == Some(rule));
        let mut left = of_kind.filter(|rule| !is_taken(*rule));
        match (left.next(), left.next()) {
            (Some(rule), None) if !is_another_left => ModuleLookup::Rule(rule, ModuleMatch::OnlyOneLeft),
            (Some(rule), None) => ModuleLookup::Ambiguous(rule, rule),
            (Some(rule), Some(other)) => ModuleLookup::Ambiguous(rule, other),
            (None, _) => ModuleLookup::None,
        }
    }

    fn named(&self, words: [&str; KindWord::COUNT], module: &InstalledModule) -> Option<Named> {
        self.by_file_name.find(with_last(words, module.file_name.trim())).map(|(_, named)| named)
    }
}
