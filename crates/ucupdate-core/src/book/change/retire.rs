//! Removes packages that are no longer used from the book. Their files may be deleted afterwards.

use crate::book::change::command::BookChange;
use crate::book::change::notes::Note;
use crate::book::change::refusal::Refusal;
use crate::book::delta::Delta;
use crate::book::interim::InterimRule;
use crate::book::rule::Rule;
use crate::book::rule_book::RuleBook;
use crate::book::stone::StoneImage;
use crate::book::table::Entry;
use crate::value::PackageId;
use crate::version::ReportedVersion;
use std::collections::BTreeSet;

impl RuleBook {
    /// Returns the packages that are used by rules, interim images and stepping stones. A version that is kept for a
    /// roll back counts.
    pub fn named_packages(&self) -> BTreeSet<PackageId> {
        let of_rules = self.rules().flat_map(Rule::candidates).map(|candidate| candidate.package);
        let mut named: BTreeSet<PackageId> =
            of_rules.chain(self.interim.values().flat_map(InterimRule::packages)).collect();
        for stone in self.settings.stones.iter().filter(|stone| stone.image == StoneImage::Release) {
            let by = ReportedVersion::from(stone.by.clone());
            let of_stone = self.packages().filter(|package| {
                let mut releases = package.releases.iter();
                releases.any(|release| {
                    let scheme = self.scheme_of(&release.rule);
                    stone.is_for(&release.rule) && scheme.is_same_release(&release.version, &by)
                })
            });
            named.extend(of_stone.map(crate::book::package::IngestedPackage::id));
        }
        named
    }

    /// Returns the change that removes these packages from the rule book, all of them or none.
    ///
    /// # Errors
    /// Returns [`Refusal::PackageInUse`] if a rule, an interim image or a stepping stone uses one of them,
    /// [`Refusal::NoPackage`] if one is not in the rule book, and [`Refusal::NoneNamed`] if `packages` is
    /// empty.
    pub(crate) fn retire(&self, packages: &[PackageId]) -> Result<BookChange, Refusal> {
        if packages.is_empty() {
            return Err(Refusal::NoneNamed);
        }
        let retired: BTreeSet<PackageId> = packages.iter().copied().collect();
        if let Some(package) = retired.iter().find(|package| self.package(**package).is_none()) {
            return Err(Refusal::NoPackage { package: *package });
        }
        if let Some(package) = self.named_packages().intersection(&retired).next() {
            return Err(Refusal::PackageInUse { package: *package });
        }
        let file_name = |package: &PackageId| self.package(*package).map(|known| known.file_name.clone());
        let note = |package: &PackageId| Note::Retired {
            package: *package,
            file_name: file_name(package).unwrap_or_default(),
        };
        let notes = retired.iter().map(note).collect();
        let packages = retired.into_iter().map(Entry::removed).collect();
        Ok(BookChange { delta: Delta { packages, ..Delta::default() }, notes })
    }
}

impl Delta {
    /// Returns the packages that the rules and interim images of this delta use. Unlike
    /// [`RuleBook::named_packages`], it does not include packages that only a stepping stone uses.
    pub fn named_packages(&self) -> BTreeSet<PackageId> {
        let rules = self.rules.iter().filter_map(|entry| entry.now.as_ref());
        let of_rules = rules.flat_map(Rule::candidates).map(|candidate| candidate.package);
        let interim = self.interim.iter().filter_map(|entry| entry.now.as_ref());
        of_rules.chain(interim.flat_map(InterimRule::packages)).collect()
    }
}
