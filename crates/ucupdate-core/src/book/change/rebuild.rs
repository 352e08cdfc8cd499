//! Makes a rule book from packages alone, after the history was lost.

use crate::book::change::command::BookChange;
use crate::book::change::notes::Note;
use crate::book::delta::Delta;
use crate::book::interim::key_of;
use crate::book::package::IngestedPackage;
use crate::book::rule::{Candidate, OfferPolicy, Rule, RuleKey};
use crate::book::rule_book::RuleBook;
use crate::book::table::Entry;
use crate::version::ReportedVersion;
use std::collections::BTreeMap;

impl RuleBook {
    /// Returns the change that adds these packages to a book whose history was lost.
    ///
    /// The newest version of each rule becomes pending, and so do interim images of the versions that stepping stones
    /// name. Nothing is approved, not even for device types that are approved at ingest. The former approvals are not
    /// known, and a version may have been rolled back.
    ///
    /// Packages that are in the book already are skipped. A version that can be read has priority over a
    /// version that cannot. Of two versions that cannot be read, the one that was ingested later is
    /// pending.
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
                let mut stones =
                    self.stones_of_interim(package, &image.locale, &image.update_type).peekable();
                let is_named = stones.peek().is_some()
                    && stones.all(|stone| image.version.is_same_release(&stone.image_version()));
                if is_named {
                    interim.insert(key_of(image), (id, &image.version));
                }
            }
        }
        for (key, rule) in rules {
            let version = rule.pending().map(|pending| pending.version.clone());
            notes.extend(version.map(|version| Note::Pending { rule: rule.key().clone(), version }));
            delta.rules.push(Entry::set(key, rule));
        }
        for (key, (package, version)) in interim {
            let mut rule = self.interim.get(&key).cloned().unwrap_or_default();
            let replaced = rule.pending.and_then(|there| self.interim_image(&key.0, &key.1, there));
            let replaced = replaced.map(|image| image.version.clone());
            notes.push(Note::InterimPending { locale: key.0.clone(), version: version.clone(), replaced });
            rule.pending = Some(package);
            delta.interim.push(Entry::set(key, rule));
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
