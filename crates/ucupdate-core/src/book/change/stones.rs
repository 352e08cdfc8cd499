//! Stepping stones, and what is wrong with them: found when they are written, not when a device asks.

use super::draft::ChangeDraft;
use crate::book::change::note::Note;
use crate::book::change::refusal::Refusal;
use crate::book::rule::{Assignment, Rule};
use crate::book::rule_key::RuleKey;
use crate::book::stone::{MissingStone, SteppingStone, StoneImage, StoneName};

impl ChangeDraft<'_> {
    pub(crate) fn add_stone(&mut self, stone: &SteppingStone) -> Result<(), Refusal> {
        let mut settings = self.book.settings.clone();
        let mut others = settings.stones.iter();
        if let Some(taken) = others.clone().find(|other| other.name == stone.name) {
            return Err(Refusal::StoneNameTaken { stone: Box::new(taken.clone()) });
        }
        if stone.by.is_release_before(&stone.below) {
            return Err(Refusal::StoneCycle { by: stone.by.clone(), below: stone.below.clone() });
        }
        let hides = |other: &&SteppingStone| {
            other.below.same_release(&stone.below)
                && stone.kind.covers(&other.kind)
                && other.kind.covers(&stone.kind)
        };
        if let Some(other) = others.find(hides) {
            return Err(Refusal::StoneUnreachable { stone: Box::new(other.clone()) });
        }
        self.check_image(stone)?;
        settings.stones.push(stone.clone());
        settings.sort_stones();
        self.delta.settings = Some(settings);
        self.notes.push(Note::StoneAdded { stone: Box::new(stone.clone()) });
        Ok(())
    }

    pub(crate) fn remove_stone(&mut self, name: &StoneName) -> Result<(), Refusal> {
        let mut settings = self.book.settings.clone();
        let known = settings.stones.iter().position(|stone| stone.name == *name);
        let known = known.ok_or_else(|| Refusal::NoStone { name: name.clone() })?;
        let stone = Box::new(settings.stones.remove(known));
        self.delta.settings = Some(settings);
        self.notes.push(Note::StoneRemoved { stone });
        Ok(())
    }

    /// A stone must not stop devices that get something today, nor be for nobody.
    fn check_image(&self, stone: &SteppingStone) -> Result<(), Refusal> {
        if stone.image == StoneImage::Interim {
            let mut images = self.book.interim_images();
            if let Some((image, _)) = images.find(|(image, _)| stone.is_above_image(&image.version)) {
                return Err(Refusal::InterimTooLow {
                    locale: image.locale.clone(),
                    version: image.version.clone(),
                    below: stone.below.clone().into(),
                });
            }
        }
        let mut rules = self.book.rules().filter(|rule| stone.is_for(rule.key())).peekable();
        let by = stone.image_version();
        let nowhere = stone.image == StoneImage::Release
            && !self.book.packages().any(|package| {
                let mut releases = package.releases.iter();
                releases.any(|release| {
                    let rule = self.book.rule(&release.rule);
                    stone.is_for(&release.rule)
                        && rule.is_some_and(|rule| rule.policy().scheme.same_release(&release.version, &by))
                })
            });
        if nowhere {
            return Err(Refusal::StoneNowhere { by: stone.by.clone(), stone: Box::new(stone.clone()) });
        }
        let crosses = |rule: &Rule| {
            let scheme = &rule.policy().scheme;
            rule.candidates().any(|candidate| stone.is_below_in(scheme, &candidate.version))
        };
        let missing = rules.find(|rule| crosses(rule) && !self.has_image(stone, rule));
        match missing {
            Some(rule) => Err(Refusal::StoneMissing(missing_stone(stone, rule.key()))),
            None => Ok(()),
        }
    }

    /// The stones whose images are missing on the way to what this change assigns anew.
    pub(super) fn missing_stones(&self) -> Vec<MissingStone> {
        let mut missing = Vec::new();
        for rule in self.delta.rules.iter().filter_map(|entry| entry.now.as_ref()) {
            let before = self.book.rule(rule.key());
            // In another scheme, other stones may be on the way to what is assigned already.
            let has_scheme = |before: &Rule| before.policy().scheme == rule.policy().scheme;
            let before = before.filter(|before| has_scheme(before));
            let had = |assignment: &&Assignment| {
                let mut there = before.into_iter().flat_map(Rule::assignments);
                there.any(|there| {
                    there.role() == assignment.role()
                        && there.candidate.version == assignment.candidate.version
                })
            };
            let anew: Vec<&Assignment> =
                rule.assignments().iter().filter(|assignment| !had(assignment)).collect();
            for stone in self.book.settings.stones.iter().filter(|stone| stone.is_for(rule.key())) {
                let crossed = anew.iter().any(|assignment| {
                    stone.is_below_in(&rule.policy().scheme, &assignment.candidate.version)
                });
                if crossed && !self.has_image(stone, rule) {
                    missing.push(missing_stone(stone, rule.key()));
                }
            }
        }
        missing
    }

    /// Returns whether a stone's image is there for the devices of a rule, now or with this change.
    fn has_image(&self, stone: &SteppingStone, rule: &Rule) -> bool {
        let (scheme, rule) = (&rule.policy().scheme, rule.key());
        match stone.image {
            StoneImage::Interim => {
                let key = (rule.kind().locale.clone(), rule.update_type().clone());
                let comes = self.delta.interim.iter().any(|entry| entry.key == key && entry.now.is_some());
                comes || self.book.interim.contains_key(&key)
            }
            StoneImage::Release => {
                let by = stone.image_version();
                let coming = self.delta.packages.iter().filter_map(|entry| entry.now.as_ref());
                let mut packages = coming.chain(self.book.packages());
                packages.any(|package| package.release_in(scheme, rule, &by).is_some())
            }
        }
    }
}

fn missing_stone(stone: &SteppingStone, rule: &RuleKey) -> MissingStone {
    MissingStone { stone: Box::new(stone.clone()), rule: rule.clone() }
}
