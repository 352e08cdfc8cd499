//! The change of a rule book while a command makes it, part by part.

use crate::book::change::command::BookChange;
use crate::book::change::notes::Note;
use crate::book::change::refusal::Refusal;
use crate::book::delta::Delta;
use crate::book::devices::TestDevice;
use crate::book::interim::InterimRule;
use crate::book::package::{IngestedPackage, Release, ReleasesByRule};
use crate::book::rollout::Share;
use crate::book::rule::{Approved, Candidate, OfferPolicy, Role, RolledBack, Rule, RuleError, RuleKey};
use crate::book::rule_book::{InterimKey, RuleBook};
use crate::book::table::Entry;
use crate::value::PackageId;
use crate::version::ReportedVersion;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// A change of a rule book while a command makes it: the book before the change, and the new entries and notes so
/// far.
pub(crate) struct ChangeDraft<'a> {
    pub(crate) book: &'a RuleBook,
    rules: BTreeMap<RuleKey, Rule>,
    pub(super) interims: BTreeMap<InterimKey, InterimRule>,
    pub(crate) delta: Delta,
    pub(crate) notes: Vec<Note>,
    /// The releases of the book. They are indexed when they are first needed.
    releases: OnceCell<ReleasesByRule<'a>>,
}

impl<'a> ChangeDraft<'a> {
    pub(crate) fn on(book: &'a RuleBook) -> Self {
        Self {
            book,
            rules: BTreeMap::new(),
            interims: BTreeMap::new(),
            delta: Delta::default(),
            notes: Vec::new(),
            releases: OnceCell::new(),
        }
    }

    pub(crate) fn finish(mut self) -> BookChange {
        let rules = std::mem::take(&mut self.rules);
        let changed = rules.into_iter().filter(|(key, rule)| self.book.rule(key) != Some(rule));
        self.delta.rules.extend(changed.map(|(key, rule)| Entry::set(key, rule)));
        self.finish_interims();
        let missing = self.missing_stones();
        self.notes.extend(missing);
        BookChange { delta: self.delta, notes: self.notes }
    }

    /// Returns the releases of the book by rule.
    pub(super) fn releases(&self) -> &ReleasesByRule<'a> {
        self.releases.get_or_init(|| ReleasesByRule::of(self.book))
    }

    pub(crate) fn rule(&self, key: &RuleKey) -> Option<&Rule> {
        self.rules.get(key).or_else(|| self.book.rule(key))
    }

    fn finish_interims(&mut self) {
        let changed = self.interims.iter().filter(|(key, rule)| self.book.interim.get(key) != Some(rule));
        let entries = changed.map(|(key, rule)| match rule.is_empty() {
            true => Entry::removed(key.clone()),
            false => Entry::set(key.clone(), rule.clone()),
        });
        let entries: Vec<_> = entries.collect();
        self.delta.interim.extend(entries);
    }

    /// Returns the rule of an interim image as it is after the changes so far.
    pub(super) fn interim(&self, key: &InterimKey) -> Option<&InterimRule> {
        self.interims.get(key).or_else(|| self.book.interim.get(key))
    }

    pub(super) fn package(&self, id: PackageId) -> Option<&IngestedPackage> {
        let mut coming = self.delta.packages.iter().filter(|entry| entry.key == id);
        coming.find_map(|entry| entry.now.as_ref()).or_else(|| self.book.package(id))
    }

    /// Returns the key in the spelling of its rule, which is that of the first ingest. If there is no such
    /// rule, returns `key`.
    pub(crate) fn spelled(&self, key: &RuleKey) -> RuleKey {
        self.rule(key).map_or_else(|| key.clone(), |rule| rule.key().clone())
    }

    /// Changes a rule by calling `make`. Refused if the rule does not exist, or if `make` returns an error.
    pub(crate) fn with<T>(
        &mut self,
        key: &RuleKey,
        make: impl FnOnce(&mut Rule) -> Result<T, RuleError>,
    ) -> Result<T, Refusal> {
        let rule = self.rule(key).ok_or_else(|| Refusal::NoRule { rule: key.clone() })?;
        let mut rule = rule.clone();
        let done =
            make(&mut rule).map_err(|cause| Refusal::WrongState { rule: rule.key().clone(), cause })?;
        self.rules.insert(rule.key().clone(), rule);
        Ok(done)
    }

    pub(crate) fn approve(&mut self, key: &RuleKey) -> Result<(), Refusal> {
        if let Some(pending) = self.rule(key).and_then(|rule| rule.pending().cloned()) {
            self.check_ban(key, &pending)?;
        }
        let approved = self.with(key, Rule::approve)?;
        let rule = self.spelled(key);
        self.note_approved(rule, approved);
        Ok(())
    }

    pub(crate) fn approve_version(
        &mut self,
        key: &RuleKey,
        version: &ReportedVersion,
    ) -> Result<(), Refusal> {
        let candidate = self.candidate(key, version)?;
        self.check_ban(key, &candidate)?;
        let approved = self.with(key, |rule| rule.approve_version(candidate))?;
        let rule = self.spelled(key);
        self.note_approved(rule, approved);
        Ok(())
    }

    pub(crate) fn unreject(&mut self, key: &RuleKey, version: &ReportedVersion) -> Result<(), Refusal> {
        let candidate = self.candidate(key, version).ok();
        let candidate = candidate.filter(|candidate| self.check_ban(key, candidate).is_ok());
        let taken_back = self.with(key, |rule| match rule.withdraw_rejection(version) {
            true => Ok(rule.pending().is_none()),
            false => Err(RuleError::NotRejected { version: version.clone() }),
        });
        let is_free = taken_back?;
        let (rule, version) = (self.spelled(key), version.clone());
        self.notes.push(Note::RejectionTakenBack { rule: rule.clone(), version });
        if let Some(candidate) = candidate.filter(|_| is_free) {
            let version = candidate.version.clone();
            self.with(key, |rule| Ok(rule.propose(candidate)))?;
            self.notes.push(Note::Pending { rule, version });
        }
        Ok(())
    }

    pub(crate) fn note_approved(&mut self, rule: RuleKey, approved: Approved) {
        if let Some(before) = approved.before.clone().filter(|_| approved.older) {
            self.notes.push(Note::Older { rule: rule.clone(), version: approved.version.clone(), before });
        }
        let over = approved.finished.into_iter().map(|(name, version)| {
            let rule = rule.clone();
            Note::RolloutOver { rule, name, version }
        });
        let over: Vec<Note> = over.collect();
        let (key, version, approved_before) =
            (rule.clone(), approved.version.clone(), approved.before.clone());
        self.notes.push(match approved.before {
            Some(before) if before.as_str() == version.as_str() => {
                Note::Unchanged { rule: key, version, state: "approved" }
            }
            before => Note::Approved { rule: key, version, before },
        });
        self.approve_interim_on_way(&rule, &approved.version);
        self.notes.extend(over);
        self.note_kept_back(&rule, &approved.version, approved_before.as_ref());
        self.note_given(&rule, |policy, version| !policy.is_same_release(version, &approved.version));
    }

    pub(crate) fn note_rolled_back(&mut self, rule: &RuleKey, rolled: &RolledBack) {
        let (rule, from) = (rule.clone(), rolled.from.clone());
        match rolled.to.clone() {
            None => {
                self.notes.push(Note::RolledBackToNothing { rule: rule.clone(), from });
                self.note_given(&rule, |_, _| true);
            }
            Some(version) => {
                let (key, to) = (rule.clone(), version.clone());
                self.notes.push(Note::RolledBack { rule: key, version: to, from: from.clone() });
                self.note_kept_back(&rule, &version, from.as_ref());
                self.note_given(&rule, |policy, given| !policy.is_same_release(given, &version));
            }
        }
    }

    /// Adds notes about devices that keep a newer version than `version`, because the policy of the rule does not
    /// offer an older one. `before` is the version that was offered before, so devices may have it.
    pub(super) fn note_kept_back(
        &mut self,
        key: &RuleKey,
        version: &ReportedVersion,
        before: Option<&ReportedVersion>,
    ) {
        let Some(rule) = self.rule(key) else { return };
        let notes = Note::of_kept_back(rule, version, before);
        self.notes.extend(notes);
    }

    /// Adds a note for each pin that still offers this version after the version was rejected, and for each such
    /// rollout that is not paused.
    pub(crate) fn note_still_given(&mut self, key: &RuleKey, version: &ReportedVersion) {
        self.note_given(key, |policy, given| policy.is_same_release(given, version));
    }

    /// Adds a note [`StillGiven`](Note::StillGiven) for each pin, and for each rollout that is not paused, if
    /// `is_noted` accepts its version.
    fn note_given(&mut self, key: &RuleKey, is_noted: impl Fn(&OfferPolicy, &ReportedVersion) -> bool) {
        let Some(rule) = self.rule(key) else { return };
        let given = rule.assignments().iter().filter(|assignment| {
            matches!(assignment.role(), Role::Pin | Role::Rollout)
                && assignment.rollout.as_ref().is_none_or(|rollout| rollout.paused.is_none())
                && is_noted(rule.policy(), &assignment.candidate.version)
        });
        let notes: Vec<Note> = given
            .map(|assignment| Note::StillGiven {
                rule: rule.key().clone(),
                version: assignment.candidate.version.clone(),
                share: assignment.rollout.as_ref().map_or(Share::All, |rollout| rollout.share.clone()),
                audience: assignment.audience.clone(),
                rollout: assignment.rollout.as_ref().map(|rollout| rollout.name.clone()),
            })
            .collect();
        self.notes.extend(notes);
    }

    pub(crate) fn approve_all_of(&mut self, id: PackageId) -> Result<(), Refusal> {
        let package = self.book.package(id).ok_or(Refusal::NoPackage { package: id })?;
        let mut approved = 0;
        for release in &package.releases {
            let pending = self.rule(&release.rule).and_then(Rule::pending);
            if pending.is_some_and(|pending| {
                pending.package == id && pending.version.is_same_release(&release.version)
            }) {
                self.approve(&release.rule)?;
                approved += 1;
            } else {
                let rule = self.spelled(&release.rule);
                self.notes.push(Note::Skipped { rule, why: RuleError::NothingPending });
            }
        }
        approved += self.approve_interim_of(id)?;
        if approved == 0 {
            return Err(Refusal::NothingPendingOf { package: id });
        }
        Ok(())
    }

    /// Makes one release of a package pending. Returns `false`, with a note, if the release is pending or approved
    /// already, banned, or rejected. Refused if the version exists with other bytes.
    pub(crate) fn take_in(&mut self, release: &Release, package: PackageId) -> Result<bool, Refusal> {
        let known = self.rule(&release.rule).cloned();
        let is_new = known.is_none();
        let mut rule = known.unwrap_or_else(|| self.book.new_rule(release.rule.clone()));
        let key = rule.key().clone();
        let version = release.version.clone();
        let assigned = rule.assignments().iter().map(|assignment| {
            let state = match assignment.role() {
                Role::Pin => "pinned",
                Role::Pending => "pending",
                Role::Rollout => "rolled out",
                Role::Approved => "approved",
            };
            (state, &assignment.candidate)
        });
        let kept = rule.rollback().map(|candidate| ("kept for roll back", candidate));
        let mut unchanged = None;
        for (state, candidate) in assigned.chain(kept) {
            if !rule.policy().is_same_release(&candidate.version, &version) {
                continue;
            }
            let there = self.book.release(&key, candidate);
            if candidate.package != package
                && !there.is_some_and(|there| there.files.has_same_bytes(&release.files))
            {
                return Err(Refusal::OtherBytes { rule: key, version, state, package: candidate.package });
            }
            if matches!(state, "pending" | "approved") && unchanged.is_none() {
                unchanged = Some(state);
            }
        }
        self.check_kept_bytes(release, package)?;
        if let Some(state) = unchanged {
            self.notes.push(Note::Unchanged { rule: key, version, state });
            return Ok(false);
        }
        if let Some(ban) = self.book.ban_of(&key, rule.policy(), release) {
            let ban = Box::new(ban.clone());
            self.notes.push(Note::BannedAtIngest { rule: key, version, ban });
            return Ok(false);
        }
        if rule.is_rejected(&version) {
            self.notes.push(Note::StillRejected { rule: key, version });
            return Ok(false);
        }
        let replaced = rule.propose(Candidate { version: version.clone(), package });
        let note = match replaced {
            Some(replaced) => Note::Replaced { rule: key.clone(), version, replaced: replaced.version },
            None => Note::Pending { rule: key.clone(), version },
        };
        self.notes.push(note);
        if rule.policy().scheme.numbers(&release.version).is_none() {
            let (version, scheme) = (release.version.clone(), rule.policy().scheme.clone());
            self.notes.push(Note::NotInScheme { rule: key.clone(), version, role: "pending", scheme });
        }
        if is_new {
            self.note_unused_aliases(&key);
        }
        if let Some(scheme) = self.book.settings.scheme_of(&key).filter(|_| is_new) {
            let scheme = Box::new(scheme.clone());
            self.notes.push(Note::SchemeOfPattern { rule: key.clone(), scheme });
        }
        self.rules.insert(key, rule);
        Ok(true)
    }

    /// Approves a version that an ingest made pending, if packages of its device type are approved at ingest
    /// (`Settings::deploy_at_ingest`).
    pub(crate) fn deploy(&mut self, release: &Release) -> Result<(), Refusal> {
        let rule = self.spelled(&release.rule);
        let device_type = rule.kind().device_type.clone();
        if !self.book.settings.deploy_at_ingest.contains(&device_type) {
            return Ok(());
        }
        let version = release.version.clone();
        self.notes.push(Note::DeployedAtIngest { rule: rule.clone(), version });
        self.approve(&rule)
    }

    /// Refuses a release whose version has other bytes in a package of the book. The bytes of a tested version must
    /// never change.
    fn check_kept_bytes(&self, release: &Release, package: PackageId) -> Result<(), Refusal> {
        let Some((holder, _)) = self
            .releases()
            .of_version(&release.rule, &release.version)
            .find(|(holder, kept)| *holder != package && !kept.files.has_same_bytes(&release.files))
        else {
            return Ok(());
        };
        let rule = self.spelled(&release.rule);
        Err(Refusal::OtherBytes { rule, version: release.version.clone(), state: "kept", package: holder })
    }

    pub(crate) fn add_test_device(&mut self, device: &TestDevice) -> Result<(), Refusal> {
        if let Some(known) = self.book.test_devices.get(&device.name) {
            return Err(Refusal::TestDeviceNameTaken { name: known.name.clone(), id: known.id.clone() });
        }
        if let Some(known) = self.book.test_device(&device.id) {
            return Err(Refusal::TestDeviceIdTaken { name: known.name.clone(), id: known.id.clone() });
        }
        self.delta.test_devices.push(Entry::set(device.name.clone(), device.clone()));
        self.notes.push(Note::TestDeviceAdded { name: device.name.clone(), id: device.id.clone() });
        Ok(())
    }
}
