//! The releases of a book, found at once: looking one up in its package is linear, and packages have thousands.

use crate::rule::Candidate;
use crate::{PackageId, Release, RuleBook, RuleKey};
use foldhash::fast::FixedState;
use std::collections::HashMap;

/// The releases of a book by package and rule, for whoever looks many up: gives what [`RuleBook::release`] does.
#[derive(Debug)]
pub struct ReleasesByRule<'a> {
    /// The first of each package for a rule.
    first: HashMap<(PackageId, &'a RuleKey), &'a Release, FixedState>,
    /// All of a package for a rule, where there are several versions.
    several: HashMap<(PackageId, &'a RuleKey), Vec<&'a Release>, FixedState>,
}

impl<'a> ReleasesByRule<'a> {
    /// Those of a book.
    pub fn of(book: &'a RuleBook) -> Self {
        let count = book.packages().map(|package| package.releases.len()).sum();
        let mut first = HashMap::with_capacity_and_hasher(count, FixedState::default());
        let mut several: HashMap<_, Vec<&Release>, _> = HashMap::with_hasher(FixedState::default());
        for package in book.packages() {
            let id = package.id();
            for release in &package.releases {
                let key = (id, &release.rule);
                if let Some(before) = first.get(&key) {
                    several.entry(key).or_insert_with(|| vec![*before]).push(release);
                } else {
                    first.insert(key, release);
                }
            }
        }
        Self { first, several }
    }

    /// The release a candidate of `rule` stands for; none where its package is gone.
    pub fn find(&self, rule: &RuleKey, candidate: &Candidate) -> Option<&'a Release> {
        let key = (candidate.package, rule);
        let is_it = |release: &&'a Release| release.version.same_release(&candidate.version);
        match self.several.get(&key) {
            Some(several) => several.iter().copied().find(is_it),
            None => self.first.get(&key).copied().filter(is_it),
        }
    }
}
