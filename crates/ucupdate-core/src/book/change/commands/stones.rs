//! The commands for stepping stones. A wrong stone is refused by the command, before a device needs it.

use super::advice;
use super::interim::ImageState;
use crate::book::change::draft::ChangeDraft;
use crate::book::change::notes::Note;
use crate::book::change::refusal::Refusal;
use crate::book::interim::key_of_rule;
use crate::book::package::InterimImage;
use crate::book::rule::{Assignment, Role, Rule, RuleKey};
use crate::book::stone::{MissingStone, SteppingStone, StoneImage, StoneName, StoneRemedy};
use crate::value::PackageId;

impl ChangeDraft<'_> {
    pub(crate) fn add_stone(&mut self, stone: &SteppingStone) -> Result<(), Refusal> {
        let mut settings = self.book.settings.clone();
        if stone.is_wide() {
            let narrow = advice::stones_to_add(self.book, &self.book.narrowed(stone));
            return Err(Refusal::StoneTooWide { stone: Box::new(stone.clone()), narrow });
        }
        self.check_stone(stone, &settings.stones, None)?;
        settings.stones.push(stone.clone());
        settings.sort_stones();
        self.delta.settings = Some(settings);
        self.notes.push(Note::StoneAdded { stone: Box::new(stone.clone()) });
        self.note_banned_stone(stone);
        Ok(())
    }

    /// Replaces one stone by others. If a device is offered nothing because the image of the old stone is missing or
    /// not approved, this may still be so with a new stone.
    pub(crate) fn replace_stone(
        &mut self,
        name: &StoneName,
        stones: &[SteppingStone],
    ) -> Result<(), Refusal> {
        let mut settings = self.book.settings.clone();
        let known = settings.stones.iter().position(|stone| stone.name == *name);
        let known = known.ok_or_else(|| Refusal::NoStone { name: name.clone() })?;
        let before = settings.stones.remove(known);
        if stones.is_empty() {
            return Err(Refusal::NoStoneInPlace { name: before.name });
        }
        for stone in stones {
            if stone.is_wide() && !before.is_wide() {
                return Err(Refusal::StoneTooWide { stone: Box::new(stone.clone()), narrow: Vec::new() });
            }
            self.check_stone(stone, &settings.stones, Some(&before))?;
            settings.stones.push(stone.clone());
        }
        settings.sort_stones();
        if settings != self.book.settings {
            self.delta.settings = Some(settings);
            self.notes.push(Note::StoneReplaced { before: Box::new(before), stones: stones.to_vec() });
            stones.iter().for_each(|stone| self.note_banned_stone(stone));
        }
        Ok(())
    }

    /// Refuses a stone that conflicts with the others. `before` is the stone that it replaces.
    fn check_stone(
        &mut self,
        stone: &SteppingStone,
        others: &[SteppingStone],
        before: Option<&SteppingStone>,
    ) -> Result<(), Refusal> {
        let mut others = others.iter();
        if let Some(taken) = others.clone().find(|other| other.name == stone.name) {
            return Err(Refusal::StoneNameTaken { stone: Box::new(taken.clone()) });
        }
        if stone.by.is_release_before(&stone.below) {
            return Err(Refusal::StoneCycle { by: stone.by.clone(), below: stone.below.clone() });
        }
        let hides = |other: &&SteppingStone| {
            other.below.is_same_release(&stone.below)
                && stone.kind.covers(&other.kind)
                && other.kind.covers(&stone.kind)
        };
        if let Some(other) = others.find(hides) {
            return Err(Refusal::StoneUnreachable { stone: Box::new(other.clone()) });
        }
        self.check_kind_words(&stone.kind, "stepping stone")?;
        self.propose_image_of(stone);
        self.check_image(stone, before)
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

    /// Refuses a stone whose image is missing or not approved, if devices would therefore get no offers. Also
    /// refuses a stone for a release that no package contains. Also refuses a stone whose interim image is below
    /// the threshold of the stone, because devices would be offered it again and again.
    fn check_image(&self, stone: &SteppingStone, before: Option<&SteppingStone>) -> Result<(), Refusal> {
        if stone.image == StoneImage::Interim {
            let mut images = self.book.interim_images().chain(self.book.pending_interim_images());
            let is_low = |image: &InterimImage, package: PackageId| {
                let package = self.book.package(package);
                stone.is_above_image(&image.version)
                    && package.is_some_and(|package| package.may_send(stone, image))
            };
            if let Some((image, _)) = images.find(|(image, package)| is_low(image, *package)) {
                return Err(Refusal::InterimTooLow {
                    locale: image.locale.clone(),
                    version: image.version.clone(),
                    below: stone.below.clone().into(),
                });
            }
        }
        let rules = self.book.rules().filter(|rule| stone.is_for(rule.key()));
        let by = stone.image_version();
        let nowhere = stone.image == StoneImage::Release
            && !self.book.packages().any(|package| {
                let mut releases = package.releases.iter();
                releases.any(|release| {
                    let rule = self.book.rule(&release.rule);
                    stone.is_for(&release.rule)
                        && rule
                            .is_some_and(|rule| rule.policy().scheme.is_same_release(&release.version, &by))
                })
            });
        if nowhere {
            return Err(Refusal::StoneNowhere { by: stone.by.clone(), stone: Box::new(stone.clone()) });
        }
        let crosses = |rule: &Rule| {
            let scheme = &rule.policy().scheme;
            rule.candidates().any(|candidate| stone.is_below_in(scheme, &candidate.version))
        };
        let is_given = |rule: &Rule| {
            let scheme = &rule.policy().scheme;
            let mut given = rule.assignments().iter();
            given.any(|given| {
                given.role() != Role::Pending && stone.is_below_in(scheme, &given.candidate.version)
            })
        };
        let was_held = |rule: &Rule| {
            before.is_some_and(|before| {
                before.is_for(rule.key())
                    && before.below == stone.below
                    && self.image_state(before, rule) != ImageState::Approved
            })
        };
        let mut crossing = rules.filter(|rule| crosses(rule) && !was_held(rule));
        crossing.try_for_each(|rule| match self.image_state(stone, rule) {
            ImageState::Approved => Ok(()),
            ImageState::Pending(_) if !is_given(rule) => Ok(()),
            ImageState::Pending(version) => Err(Refusal::StonePending {
                stone: Box::new(stone.clone()),
                rule: rule.key().clone(),
                version: version.clone(),
            }),
            ImageState::Missing => Err(self.unapproved_or_missing(stone, rule.key())),
        })
    }

    /// Returns the refusal of a stone whose image is not approved. If a package contains the interim image, the
    /// refusal says that the image must be approved. Otherwise it says that the image is missing.
    fn unapproved_or_missing(&self, stone: &SteppingStone, rule: &RuleKey) -> Refusal {
        let key = key_of_rule(rule);
        let version = stone.image_version();
        let is_brought =
            stone.image == StoneImage::Interim && self.brought_for(&key, &version, None).is_some();
        match is_brought {
            true => Refusal::StonePending { stone: Box::new(stone.clone()), rule: rule.clone(), version },
            false => Refusal::StoneMissing(self.missing_stone(stone, rule)),
        }
    }

    /// Returns notes about missing or pending images of stones on the way to versions that this change assigns.
    pub(in crate::book::change) fn missing_stones(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        for rule in self.delta.rules.iter().filter_map(|entry| entry.now.as_ref()) {
            let before = self.book.rule(rule.key());
            // In another scheme, other stones may be on the way to the assigned versions.
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
                let mut crossing = anew.iter().filter(|assignment| {
                    stone.is_below_in(&rule.policy().scheme, &assignment.candidate.version)
                });
                if crossing.clone().next().is_none() {
                    continue;
                }
                match self.image_state(stone, rule) {
                    ImageState::Missing => {
                        notes.push(Note::StoneMissing(self.missing_stone(stone, rule.key())));
                    }
                    ImageState::Pending(version)
                        if crossing.any(|assignment| assignment.role() != Role::Pending) =>
                    {
                        notes.push(Note::StonePending {
                            stone: Box::new(stone.clone()),
                            rule: rule.key().clone(),
                            version: version.clone(),
                        });
                    }
                    ImageState::Pending(_) | ImageState::Approved => {}
                }
            }
        }
        notes
    }

    /// Returns the state of a stone's image for the devices of a rule, with the changes so far. If the image is a
    /// release, it needs no approval: it counts as approved if a package contains it.
    fn image_state(&self, stone: &SteppingStone, rule: &Rule) -> ImageState<'_> {
        let (scheme, rule) = (&rule.policy().scheme, rule.key());
        match stone.image {
            StoneImage::Interim => self.interim_state(stone, rule),
            StoneImage::Release => {
                let by = stone.image_version();
                let coming = self.delta.packages.iter().filter_map(|entry| entry.now.as_ref());
                let mut packages = coming.chain(self.book.packages());
                match packages.any(|package| package.release_in(scheme, rule, &by).is_some()) {
                    true => ImageState::Approved,
                    false => ImageState::Missing,
                }
            }
        }
    }

    fn missing_stone(&self, stone: &SteppingStone, rule: &RuleKey) -> MissingStone {
        let narrowed = if stone.is_wide() { self.book.narrowed(stone) } else { Vec::new() };
        let key = key_of_rule(rule);
        let is_brought = || self.brought_for(&key, &stone.image_version(), Some(stone)).is_some();
        let remedy = match stone.image {
            _ if !narrowed.is_empty() && !narrowed.iter().any(|stone| stone.is_for(rule)) => {
                StoneRemedy::Narrow
            }
            StoneImage::Interim if is_brought() => StoneRemedy::Approve,
            _ => StoneRemedy::Ingest,
        };
        MissingStone { stone: Box::new(stone.clone()), rule: rule.clone(), remedy }
    }
}
