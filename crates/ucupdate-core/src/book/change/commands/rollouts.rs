//! The commands for pins and rollouts.

use crate::book::change::draft::ChangeDraft;
use crate::book::change::notes::Note;
use crate::book::change::refusal::Refusal;
use crate::book::rollout::{Rollout, RolloutName, Share};
use crate::book::rule::{Audience, Candidate, Rule, RuleKey};
use crate::version::ReportedVersion;

impl ChangeDraft<'_> {
    pub(crate) fn pin(
        &mut self,
        key: &RuleKey,
        audience: &Audience,
        version: &ReportedVersion,
    ) -> Result<(), Refusal> {
        let candidate = self.candidate_for(audience, key, version)?;
        let version = candidate.version.clone();
        let before = self.with(key, |rule| rule.pin(audience.clone(), candidate))?;
        let before = before.map(|before| before.version).filter(|before| *before != version);
        let (rule, audience) = (self.spelled(key), audience.clone());
        let approved = self.rule(key).and_then(Rule::approved).map(|approved| approved.version.clone());
        let pinned = version.clone();
        self.notes.push(Note::Pinned { rule, audience, version, before });
        self.note_kept_back(key, &pinned, approved.as_ref());
        Ok(())
    }

    pub(crate) fn unpin(&mut self, key: &RuleKey, audience: &Audience) -> Result<(), Refusal> {
        let version = self.with(key, |rule| rule.unpin(audience))?.version;
        let (rule, audience) = (self.spelled(key), audience.clone());
        self.notes.push(Note::Unpinned { rule, audience, version });
        Ok(())
    }

    pub(crate) fn start_rollout(
        &mut self,
        key: &RuleKey,
        audience: &Audience,
        version: &ReportedVersion,
        rollout: &Rollout,
    ) -> Result<(), Refusal> {
        let candidate = self.candidate_for(audience, key, version)?;
        let version = candidate.version.clone();
        self.note_beside(key, &version);
        self.with(key, |rule| rule.start_rollout(audience.clone(), candidate, rollout.clone()))?;
        let (rule, audience) = (self.spelled(key), audience.clone());
        let rollout = Box::new(rollout.clone());
        self.notes.push(Note::RolloutStarted { rule, version, rollout, audience });
        Ok(())
    }

    /// Returns the version and package that an audience may get. Refused if the version is unknown, banned
    /// or rejected, or if the group does not exist.
    fn candidate_for(
        &self,
        audience: &Audience,
        key: &RuleKey,
        version: &ReportedVersion,
    ) -> Result<Candidate, Refusal> {
        self.check_audience(audience)?;
        let candidate = self.candidate(key, version)?;
        self.check_ban(key, &candidate)?;
        self.check_rejection(key, &candidate.version)?;
        Ok(candidate)
    }

    /// Refuses a rollout whose version was banned or rejected since it was started.
    fn check_rolled_out(&self, key: &RuleKey, name: &RolloutName) -> Result<(), Refusal> {
        let rollout = self.rule(key).and_then(|rule| rule.rollout(name));
        let Some(candidate) = rollout.map(|(assignment, _)| assignment.candidate.clone()) else {
            return Ok(());
        };
        self.check_ban(key, &candidate)?;
        self.check_rejection(key, &candidate.version)
    }

    /// Refuses a version that was rejected, because a rollout or a pin would give it to devices.
    fn check_rejection(&self, key: &RuleKey, version: &ReportedVersion) -> Result<(), Refusal> {
        match self.rule(key).filter(|rule| rule.is_rejected(version)) {
            None => Ok(()),
            Some(rule) => Err(Refusal::Rejected { rule: rule.key().clone(), version: version.clone() }),
        }
    }

    /// Adds notes about a rollout that starts while its own version or a newer one is approved, or while the rule
    /// has other rollouts. Also adds notes about devices that keep a newer version because of the policy.
    fn note_beside(&mut self, key: &RuleKey, version: &ReportedVersion) {
        let Some(rule) = self.rule(key) else { return };
        let newer = rule.approved().map(|approved| &approved.version);
        let anyway = (newer == Some(version))
            .then(|| Note::ApprovedAnyway { rule: rule.key().clone(), version: version.clone() });
        let kept_back = Note::of_kept_back(rule, version, newer);
        let newer =
            newer.filter(|approved| rule.policy().is_older(version, approved) && kept_back.is_empty());
        let older = newer.map(|approved| Note::OlderThanApproved {
            rule: rule.key().clone(),
            version: version.clone(),
            approved: approved.clone(),
        });
        let beside = rule.rollouts().map(|(assignment, rollout)| Note::BesideRollout {
            rule: rule.key().clone(),
            name: rollout.name.clone(),
            version: assignment.candidate.version.clone(),
        });
        let notes: Vec<Note> = anyway.into_iter().chain(older).chain(kept_back).chain(beside).collect();
        self.notes.extend(notes);
    }

    pub(crate) fn set_share(
        &mut self,
        key: &RuleKey,
        name: &RolloutName,
        share: &Share,
    ) -> Result<(), Refusal> {
        let before = self.with(key, |rule| rule.set_share(name, share.clone()))?;
        // A smaller share is allowed, because it gives the version to fewer devices.
        let is_smaller = match (&before, share) {
            (Share::Percent(before), Share::Percent(share)) => {
                before.bound().is_none_or(|before| share.bound().is_some_and(|share| share <= before))
            }
            (Share::All, Share::Percent(_)) => true,
            _ => before == *share,
        };
        if !is_smaller {
            self.check_rolled_out(key, name)?;
        }
        if before != *share {
            let (rule, name, share) = (self.spelled(key), name.clone(), share.clone());
            self.notes.push(Note::ShareSet { rule, name, share, before });
        }
        Ok(())
    }

    pub(crate) fn pause_rollout(
        &mut self,
        key: &RuleKey,
        name: &RolloutName,
        why: &str,
    ) -> Result<(), Refusal> {
        self.with(key, |rule| rule.pause_rollout(name, why))?;
        self.notes.push(Note::RolloutPaused {
            rule: self.spelled(key),
            name: name.clone(),
            reason: why.into(),
        });
        Ok(())
    }

    pub(crate) fn resume_rollout(&mut self, key: &RuleKey, name: &RolloutName) -> Result<(), Refusal> {
        self.check_rolled_out(key, name)?;
        let reason = self.with(key, |rule| rule.resume_rollout(name))?;
        self.notes.push(Note::RolloutResumed { rule: self.spelled(key), name: name.clone(), reason });
        Ok(())
    }

    pub(crate) fn finish_rollout(&mut self, key: &RuleKey, name: &RolloutName) -> Result<(), Refusal> {
        self.check_rolled_out(key, name)?;
        let approved = self.with(key, |rule| rule.finish_rollout(name))?;
        let rule = self.spelled(key);
        let (name, version) = (name.clone(), approved.version.clone());
        self.notes.push(Note::RolloutOver { rule: rule.clone(), name, version });
        self.note_approved(rule, approved);
        Ok(())
    }

    pub(crate) fn end_rollout(&mut self, key: &RuleKey, name: &RolloutName) -> Result<(), Refusal> {
        let version = self.with(key, |rule| rule.end_rollout(name))?.version;
        self.notes.push(Note::RolloutOver { rule: self.spelled(key), name: name.clone(), version });
        Ok(())
    }

    /// Returns the version of a release for a rule, and its package. Prefers a release that the rule uses,
    /// and then the release that was ingested last.
    pub(in crate::book::change) fn candidate(
        &self,
        key: &RuleKey,
        version: &ReportedVersion,
    ) -> Result<Candidate, Refusal> {
        let rule = self.rule(key).ok_or_else(|| Refusal::NoRule { rule: key.clone() })?;
        let is_there = |candidate: &&Candidate| self.book.release(key, candidate).is_some();
        let is_exact = |candidate: &&Candidate| candidate.version.as_str() == version.as_str();
        let is_same = |candidate: &&Candidate| rule.policy().is_same_release(&candidate.version, version);
        let exact = rule.candidates().filter(is_there).find(is_exact).cloned();
        let exact = exact.or_else(|| self.book.newest_with_text(key, version));
        let known = rule.candidates().filter(is_there).find(is_same).cloned();
        let known = known.or_else(|| self.book.newest_release(key, version));
        // Texts of one release may name different images, if the scheme was changed. Then the text that was typed counts.
        let files = |candidate: &Candidate| self.book.release(key, candidate).map(|release| &release.files);
        let differs = |exact: &Candidate| {
            known
                .as_ref()
                .and_then(files)
                .zip(files(exact))
                .is_none_or(|(known, exact)| !known.has_same_bytes(exact))
        };
        let known = exact.filter(differs).or(known);
        known.ok_or_else(|| Refusal::NoSuchVersion { rule: rule.key().clone(), version: version.clone() })
    }

    /// Refuses an audience whose group does not exist.
    fn check_audience(&self, audience: &Audience) -> Result<(), Refusal> {
        match audience {
            Audience::Group(name) => {
                self.book.group(name).map(drop).ok_or_else(|| Refusal::NoGroup { name: name.clone() })
            }
            Audience::Device(_) | Audience::TestDevices | Audience::Everybody => Ok(()),
        }
    }
}
