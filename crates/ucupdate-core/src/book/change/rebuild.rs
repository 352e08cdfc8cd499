//! A book from packages alone: what can be known again when the history is lost.

use crate::book::change::command::BookChange;
use crate::book::change::note::Note;
use crate::book::delta::Delta;
use crate::book::package::IngestedPackage;
use crate::book::policy::OfferPolicy;
use crate::book::rule::{Candidate, Rule};
use crate::book::rule_book::RuleBook;
use crate::book::rule_key::RuleKey;
use crate::book::stone::StoneImage;
use crate::book::table::Entry;
use crate::version::ReportedVersion;
use std::collections::BTreeMap;

impl RuleBook {
    /// Returns the change that takes these packages into a book whose history is lost.
    ///
    /// The newest version of each rule becomes pending, and the interim images are in use. Nothing is approved, not even
    /// for device types that are approved at ingest: the approvals are lost, and a version may have been rolled back.
    ///
    /// Packages that are in the book already are skipped. Of two versions without an order, the one that was ingested
    /// later is pending.
    pub fn rebuild(&self, packages: &[IngestedPackage]) -> BookChange {
        let mut new: Vec<&IngestedPackage> =
            packages.iter().filter(|package| self.package(package.id()).is_none()).collect();
        new.sort_by_key(|package| (package.ingested_at, package.sha256));
        let mut rules: BTreeMap<RuleKey, Rule> = BTreeMap::new();
        let mut delta = Delta::default();
        let mut notes = Vec::new();
        let mut interim = BTreeMap::new();
        for package in new {
            let id = package.id();
            delta.packages.push(Entry::set(id, package.clone()));
            for release in &package.releases {
                let so_far = rules.get(&release.rule).or_else(|| self.rule(&release.rule));
                let mut rule = so_far.cloned().unwrap_or_else(|| self.new_rule(release.rule.clone()));
                let policy = rule.policy();
                if rule.pending().is_none_or(|pending| is_newer(policy, &release.version, &pending.version)) {
                    rule.propose(Candidate { version: release.version.clone(), package: id });
                    rules.insert(rule.key().clone(), rule);
                }
            }
            for image in &package.interim {
                let lifts = self
                    .settings
                    .stones
                    .iter()
                    .filter(|stone| stone.image == StoneImage::Interim)
                    .all(|stone| image.version.readable().is_some_and(|version| *version >= stone.below));
                if lifts {
                    interim.insert((image.locale.clone(), image.update_type.clone()), (id, &image.version));
                }
            }
        }
        for (key, rule) in rules {
            let version = rule.pending().map(|pending| pending.version.clone());
            notes.extend(version.map(|version| Note::Pending { rule: rule.key().clone(), version }));
            delta.rules.push(Entry::set(key, rule));
        }
        for (key, (package, version)) in interim {
            notes.push(Note::InterimInUse { locale: key.0.clone(), version: version.clone() });
            delta.interim.push(Entry::set(key, package));
        }
        BookChange { delta, notes }
    }
}

fn is_newer(policy: &OfferPolicy, version: &ReportedVersion, pending: &ReportedVersion) -> bool {
    match (policy.scheme.numbers(version), policy.scheme.numbers(pending)) {
        (Some(_), Some(_)) => policy.is_older(pending, version),
        (None, Some(_)) => false,
        (Some(_) | None, None) => true,
    }
}
