//! An index of the releases of a book. A search in a package is linear, and a package may have thousands of releases.

use crate::book::package::package::Release;
use crate::book::rule::{Candidate, RuleKey, RuleKeyWords};
use crate::book::rule_book::RuleBook;
use crate::value::PackageId;
use crate::version::ReportedVersion;
use foldhash::fast::FixedState;
use std::collections::HashMap;

/// An index of the releases of a book by rule. It returns the same releases as [`RuleBook::release`] and
/// [`RuleBook::newest_release`], and is faster for many lookups.
#[derive(Debug)]
pub struct ReleasesByRule<'a> {
    book: &'a RuleBook,
    /// The releases of all packages. The releases of one rule are a linked list.
    releases: Vec<ListedRelease<'a>>,
    /// The indices in `releases` of the first and the last release of each rule.
    by_rule: HashMap<&'a RuleKeyWords, (u32, u32), FixedState>,
}

/// A release, the id of its package, and the index in `releases` of the next release of the same rule. For the last
/// release of a rule, this is its own index.
#[derive(Debug)]
struct ListedRelease<'a> {
    release: (PackageId, &'a Release),
    next: u32,
}

impl<'a> ReleasesByRule<'a> {
    /// Indexes the releases of a book.
    pub fn of(book: &'a RuleBook) -> Self {
        let mut releases: Vec<ListedRelease<'_>> = Vec::with_capacity(book.rules.len());
        let mut by_rule = HashMap::with_capacity_and_hasher(book.rules.len(), FixedState::default());
        for package in book.packages() {
            let id = package.id();
            for release in &package.releases {
                let next = u32::try_from(releases.len()).unwrap_or(u32::MAX);
                releases.push(ListedRelease { release: (id, release), next });
                let (_, last) = by_rule.entry(release.rule.shared()).or_insert((next, next));
                if let Some(before) = releases.get_mut(*last as usize) {
                    before.next = next;
                }
                *last = next;
            }
        }
        Self { book, releases, by_rule }
    }

    /// Returns the release that a candidate of `rule` names by its version and package. `None` if the rule book no
    /// longer has the package.
    pub fn find(&self, rule: &RuleKey, candidate: &Candidate) -> Option<&'a Release> {
        let of_it = |(package, _): &&(PackageId, &'a Release)| *package == candidate.package;
        let mut releases = self.of_rule(rule).filter(of_it).map(|(_, release)| *release);
        releases.find(|release| release.version.is_same_release(&candidate.version))
    }

    /// Returns the release of a version for a rule. If several packages contain it, the one that was ingested last
    /// counts.
    pub fn newest(&self, rule: &RuleKey, version: &ReportedVersion) -> Option<&'a Release> {
        let brought = self.of_version(rule, version);
        let order =
            |id: PackageId| self.book.package(id).map(|package| (package.ingested_at, package.sha256));
        brought.max_by_key(|(id, _)| order(*id)).map(|(_, release)| release)
    }

    /// Returns the releases of a version for a rule, with the packages that contain them.
    pub(crate) fn of_version<'s>(
        &'s self,
        rule: &'s RuleKey,
        version: &'s ReportedVersion,
    ) -> impl Iterator<Item = (PackageId, &'a Release)> + 's {
        let scheme = self.book.scheme_of(rule);
        let brought = self.of_rule(rule).map(|(package, release)| (*package, *release));
        brought.filter(|(_, release)| scheme.is_same_release(&release.version, version))
    }

    /// Returns the releases for a rule, each with the package that contains it.
    pub(crate) fn of_rule(&self, rule: &RuleKey) -> impl Iterator<Item = &(PackageId, &'a Release)> {
        let mut at = self.by_rule.get(rule.shared()).map(|(first, _)| *first);
        std::iter::from_fn(move || {
            let place = at?;
            let listed = self.releases.get(place as usize)?;
            at = Some(listed.next).filter(|next| *next != place);
            Some(&listed.release)
        })
    }
}
