//! The commands for bans, and the refusals of banned versions.

use crate::book::ban::{Ban, BanScope};
use crate::book::change::draft::ChangeDraft;
use crate::book::change::notes::Note;
use crate::book::change::refusal::Refusal;
use crate::book::package::{InterimImage, Release};
use crate::book::rule::{Candidate, Rule, RuleKey, RulePattern};
use crate::book::rule_book::RuleBook;
use crate::book::stone::{SteppingStone, StoneImage};
use crate::book::table::Entry;

impl RuleBook {
    /// Returns the bans that replace the rejections of a rule when the rule leaves the book.
    pub(in crate::book::change) fn bans_of_rejections(&self, rule: &Rule) -> Vec<Ban> {
        let scopes = rule.rejected().iter().map(|version| BanScope::Version {
            rules: RulePattern::of(rule.key()),
            version: version.clone(),
        });
        let missing = scopes.filter(|scope| scope.can_be_stored() && !self.bans.contains_key(scope));
        missing.map(|scope| Ban::new(scope, "it was rejected before its rule was removed")).collect()
    }
}

impl ChangeDraft<'_> {
    /// Removes a rule. Its rejections become bans, so that the next ingest of a rejected version does not make it pending.
    pub(crate) fn remove_rule(&mut self, rule: &RuleKey) -> Result<(), Refusal> {
        let known = self.book.rule(rule).ok_or_else(|| Refusal::NoRule { rule: rule.clone() })?;
        self.delta.rules.push(Entry::removed(known.key().clone()));
        self.notes.extend(Note::of_removed(known));
        for ban in self.book.bans_of_rejections(known) {
            self.delta.bans.push(Entry::set(ban.scope.clone(), ban.clone()));
            self.notes.push(Note::Banned { ban: Box::new(ban) });
        }
        Ok(())
    }

    pub(crate) fn ban(&mut self, ban: &Ban) -> Result<(), Refusal> {
        if !ban.scope.can_be_stored() {
            return Err(Refusal::BanUnwritable { scope: Box::new(ban.scope.clone()) });
        }
        if let Some(there) = self.book.bans.get(&ban.scope) {
            return Err(Refusal::AlreadyBanned { ban: Box::new(there.clone()) });
        }
        self.delta.bans.push(Entry::set(ban.scope.clone(), ban.clone()));
        self.notes.push(Note::Banned { ban: Box::new(ban.clone()) });
        for rule in self.book.rules() {
            for assignment in rule.assignments() {
                let may_ban = match &ban.scope {
                    BanScope::Version { version, .. } => {
                        rule.policy().is_same_release(version, &assignment.candidate.version)
                    }
                    BanScope::Image(_) => true,
                };
                if !may_ban {
                    continue;
                }
                let release = self.releases().find(rule.key(), &assignment.candidate);
                if release
                    .is_some_and(|release| self.book.is_banned_by(ban, rule.key(), rule.policy(), release))
                {
                    self.notes.push(Note::BannedInUse {
                        rule: rule.key().clone(),
                        version: assignment.candidate.version.clone(),
                        audience: assignment.audience.clone(),
                    });
                }
            }
            for stone in self.book.settings.stones.iter().filter(|stone| stone.is_for(rule.key())) {
                if self.bans_stone(ban, rule, stone) {
                    let (rule, stone) = (rule.key().clone(), stone.name.clone());
                    self.notes.push(Note::StoneBanned { rule, stone });
                }
            }
        }
        Ok(())
    }

    /// Returns whether a ban applies to the image that a stone sends to devices of a rule.
    fn bans_stone(&self, ban: &Ban, rule: &Rule, stone: &SteppingStone) -> bool {
        let (key, policy) = (rule.key(), rule.policy());
        match stone.image {
            StoneImage::Release => {
                let release = self.book.newest_release(key, &stone.image_version());
                let release = release.and_then(|candidate| self.book.release(key, &candidate));
                release.is_some_and(|release| self.book.is_banned_by(ban, key, policy, release))
            }
            StoneImage::Interim => self.interim_images().any(|image| {
                let sha256 = image.files.image.sha256;
                image.locale == key.kind().locale
                    && image.update_type == *key.update_type()
                    && self.book.is_image_banned_by(ban, key, policy, &image.version, sha256)
            }),
        }
    }

    /// Adds a note for each rule to which the stone applies, if the image that the stone sends to devices of this
    /// rule is banned.
    pub(super) fn note_banned_stone(&mut self, stone: &SteppingStone) {
        let rules = self.book.rules().filter(|rule| stone.is_for(rule.key()));
        let banned = rules.filter(|rule| self.book.bans().any(|ban| self.bans_stone(ban, rule, stone)));
        let notes: Vec<Note> = banned
            .map(|rule| Note::StoneBanned { rule: rule.key().clone(), stone: stone.name.clone() })
            .collect();
        self.notes.extend(notes);
    }

    /// Returns the approved and the pending interim images.
    fn interim_images(&self) -> impl Iterator<Item = &InterimImage> {
        self.book.interim_images().chain(self.book.pending_interim_images()).map(|(image, _)| image)
    }

    pub(crate) fn lift_ban(&mut self, scope: &BanScope) -> Result<(), Refusal> {
        let known =
            self.book.bans.get(scope).ok_or_else(|| Refusal::NotBanned { scope: Box::new(scope.clone()) })?;
        self.delta.bans.push(Entry::removed(known.scope.clone()));
        self.notes.push(Note::BanLifted { ban: Box::new(known.clone()) });
        Ok(())
    }

    /// Returns the ban that applies to a release of a rule. `None` if the release is not banned.
    pub(in crate::book::change) fn ban_of(&self, rule: &RuleKey, release: &Release) -> Option<&Ban> {
        match self.rule(rule) {
            Some(known) => self.book.ban_of(rule, known.policy(), release),
            None => self.book.ban_of(rule, self.book.new_rule(rule.clone()).policy(), release),
        }
    }

    /// Refuses a version that is banned in a rule.
    pub(in crate::book::change) fn check_ban(
        &self,
        rule: &RuleKey,
        candidate: &Candidate,
    ) -> Result<(), Refusal> {
        let release = self.book.release(rule, candidate);
        match release.and_then(|release| self.ban_of(rule, release)) {
            None => Ok(()),
            Some(ban) => Err(Refusal::Banned {
                rule: self.spelled(rule),
                version: candidate.version.clone(),
                ban: Box::new(ban.clone()),
            }),
        }
    }

    /// Refuses a roll back to a version that is banned.
    pub(in crate::book::change) fn check_roll_back_ban(&self, rule: &RuleKey) -> Result<(), Refusal> {
        let rollback = self.rule(rule).and_then(|rule| rule.rollback().cloned());
        rollback.map_or(Ok(()), |candidate| self.check_ban(rule, &candidate))
    }
}
