//! The commands for version schemes of patterns, and the effects of a new scheme on a rule.

use crate::book::change::draft::ChangeDraft;
use crate::book::change::notes::Note;
use crate::book::change::refusal::Refusal;
use crate::book::package::Release;
use crate::book::rule::{Assignment, OfferPolicy, PatternScheme, Role, Rule, RuleKey, RulePattern};
use crate::book::rule_book::Settings;
use crate::version::{ReportedVersion, VersionScheme};

impl ChangeDraft<'_> {
    pub(crate) fn put_scheme(&mut self, new: &PatternScheme) -> Result<(), Refusal> {
        self.check_rule_words(&new.rules, "version scheme")?;
        let mut settings = self.book.settings.clone();
        let there = settings.schemes.iter_mut().find(|there| there.rules.is_same(&new.rules));
        let before = match there {
            Some(there) if there.scheme == new.scheme => return Ok(()),
            Some(there) => Some(std::mem::replace(&mut there.scheme, new.scheme.clone())),
            None => {
                settings.schemes.push(new.clone());
                None
            }
        };
        PatternScheme::sort(&mut settings.schemes);
        self.notes.push(Note::SchemeSet { scheme: Box::new(new.clone()), before });
        self.follow_schemes(settings)
    }

    pub(crate) fn remove_scheme(&mut self, rules: &RulePattern) -> Result<(), Refusal> {
        let mut settings = self.book.settings.clone();
        let known = settings.schemes.iter().position(|there| there.rules.is_same(rules));
        let known = known.ok_or_else(|| Refusal::NoScheme { rules: Box::new(rules.clone()) })?;
        let removed = Box::new(settings.schemes.remove(known));
        self.notes.push(Note::SchemeRemoved { scheme: removed });
        self.follow_schemes(settings)
    }

    /// Replaces the settings of the book, whose version schemes for patterns may differ. If a rule still has the
    /// scheme that the old settings give it, it gets the scheme of the new settings. If the rule has a scheme of
    /// its own, a note says that it keeps this scheme.
    fn follow_schemes(&mut self, settings: Settings) -> Result<(), Refusal> {
        let scheme_in =
            |settings: &Settings, rule: &RuleKey| settings.scheme_of(rule).map(|entry| entry.scheme.clone());
        let book = self.book;
        for rule in book.rules() {
            let (before, now) = (scheme_in(&book.settings, rule.key()), scheme_in(&settings, rule.key()));
            let is_same = before == now;
            let (before, now) = (before.unwrap_or_default(), now.unwrap_or_default());
            let own = &rule.policy().scheme;
            if is_same || *own == now {
                continue;
            }
            if *own != before {
                self.notes.push(Note::SchemeKept { rule: rule.key().clone(), scheme: own.clone() });
                continue;
            }
            let policy = OfferPolicy { scheme: now, ..rule.policy().clone() };
            self.set_policy(rule.key(), &policy)?;
        }
        self.delta.settings = Some(settings);
        Ok(())
    }

    /// Replaces the policy of a rule, and adds notes about the changes. Returns `false` if nothing changes.
    pub(crate) fn set_policy(&mut self, rule: &RuleKey, policy: &OfferPolicy) -> Result<bool, Refusal> {
        let before = self.with(rule, |rule| Ok(rule.set_policy(policy.clone())))?;
        if before == *policy {
            return Ok(false);
        }
        let rule = self.spelled(rule);
        check_limits(&rule, policy)?;
        self.check_one_release(&rule, policy, &before)?;
        self.notes.extend(Note::policy_changes(&rule, &before, policy));
        if before.scheme != policy.scheme {
            let notes = self.notes_of_scheme(&rule, &before);
            self.notes.extend(notes);
        }
        if before.floor != policy.floor
            && let Some(approved) = self.rule(&rule).and_then(Rule::approved)
        {
            let approved = approved.version.clone();
            self.note_kept_back(&rule, &approved, None);
        }
        Ok(true)
    }

    /// Returns notes about the versions of a rule that its new scheme cannot read, and about versions that become the
    /// same release.
    fn notes_of_scheme(&self, key: &RuleKey, before: &OfferPolicy) -> Vec<Note> {
        let Some(rule) = self.rule(key) else { return Vec::new() };
        let policy = rule.policy();
        let unreadable = |version: &ReportedVersion| policy.scheme.numbers(version).is_none();
        let mut notes: Vec<Note> = versions_of(rule)
            .filter(|(_, version)| unreadable(version))
            .map(|(role, version)| Note::NotInScheme {
                rule: key.clone(),
                version: version.clone(),
                role,
                scheme: policy.scheme.clone(),
            })
            .collect();
        for (version, other) in self.merged_by(key, policy, before) {
            notes.push(Note::OneRelease { rule: key.clone(), version, other });
        }
        notes
    }

    /// Refuses a scheme in which two different images of a rule would be one release, if the rule assigns
    /// one of them. Otherwise a device with one image would never be offered the other one, and it would be
    /// unclear which of them is approved.
    fn check_one_release(
        &self,
        key: &RuleKey,
        policy: &OfferPolicy,
        before: &OfferPolicy,
    ) -> Result<(), Refusal> {
        let Some(rule) = self.rule(key).filter(|_| policy.scheme != before.scheme) else { return Ok(()) };
        let is_assigned = |version: &ReportedVersion| {
            rule.candidates().any(|candidate| candidate.version.as_str() == version.as_str())
        };
        let mut merged = self.merged_by(key, policy, before).into_iter();
        match merged.find(|(version, other)| is_assigned(version) || is_assigned(other)) {
            None => Ok(()),
            Some((version, other)) => Err(Refusal::OneRelease {
                rule: key.clone(),
                version: Box::new(version),
                other: Box::new(other),
                scheme: Box::new(policy.scheme.clone()),
            }),
        }
    }

    /// Returns the pairs of versions of a rule that have different bytes, and that a new policy makes one
    /// release.
    fn merged_by(
        &self,
        key: &RuleKey,
        policy: &OfferPolicy,
        before: &OfferPolicy,
    ) -> Vec<(ReportedVersion, ReportedVersion)> {
        let mut merged = Vec::new();
        let mut seen: Vec<&Release> = Vec::new();
        for (_, release) in self.releases().of_rule(key) {
            let is_merged = |known: &&&Release| {
                policy.is_same_release(&known.version, &release.version)
                    && !before.is_same_release(&known.version, &release.version)
                    && !known.files.has_same_bytes(&release.files)
            };
            if let Some(known) = seen.iter().find(is_merged) {
                merged.push((known.version.clone(), release.version.clone()));
            }
            seen.push(release);
        }
        merged
    }
}

/// Returns every version that a rule names, with words for how the rule uses it, such as `kept for roll back`.
fn versions_of(rule: &Rule) -> impl Iterator<Item = (&'static str, &ReportedVersion)> {
    let role = |assignment: &Assignment| match assignment.role() {
        Role::Pin => "pinned",
        Role::Pending => "pending",
        Role::Rollout => "rolled out",
        Role::Approved => "approved",
    };
    let assigned = rule.assignments().iter().map(move |it| (role(it), &it.candidate.version));
    let kept = rule.rollback().map(|candidate| ("kept for roll back", &candidate.version));
    assigned.chain(kept).chain(rule.rejected().iter().map(|version| ("rejected", version)))
}

/// Refuses a floor or a minimum that the scheme of the policy cannot read.
fn check_limits(rule: &RuleKey, policy: &OfferPolicy) -> Result<(), Refusal> {
    let scheme: &VersionScheme = &policy.scheme;
    let limits = [("minimum", &policy.minimum), ("floor", &policy.floor)];
    let limits = limits.into_iter().filter_map(|(field, limit)| Some((field, limit.as_ref()?)));
    for (field, limit) in limits {
        if scheme.read(limit.as_str()).is_err() {
            return Err(Refusal::LimitNotInScheme {
                rule: rule.clone(),
                field,
                version: limit.clone(),
                scheme: scheme.clone(),
            });
        }
    }
    Ok(())
}
