//! The commands for interim images: ingest, approve and reject.

use super::advice;
use crate::book::change::draft::ChangeDraft;
use crate::book::change::notes::Note;
use crate::book::change::refusal::Refusal;
use crate::book::interim::{InterimRule, key_of, key_of_rule};
use crate::book::package::{IngestedPackage, InterimImage};
use crate::book::rule::{RuleKey, UpdateType};
use crate::book::rule_book::{InterimKey, RuleBook};
use crate::book::stone::{SteppingStone, StoneImage};
use crate::device::{KindPattern, Locale};
use crate::value::PackageId;
use crate::version::ReportedVersion;

/// The state of a stepping stone's image for the devices of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImageState<'a> {
    Missing,
    /// The image has this version and is pending, so only test devices get it.
    Pending(&'a ReportedVersion),
    Approved,
}

impl ChangeDraft<'_> {
    /// Takes in an interim image of a package. It becomes pending, unless it is in use already, was
    /// rejected, is banned, or no stepping stone is for the devices of its package.
    pub(crate) fn take_in_interim(
        &mut self,
        package: &IngestedPackage,
        image: &InterimImage,
    ) -> Result<(), Refusal> {
        self.check_interim_bytes(image)?;
        let key = key_of(image);
        let mut rule = self.interim(&key).cloned().unwrap_or_default();
        if rule.packages().any(|there| self.is_image_of(there, image, package)) {
            return Ok(());
        }
        let (locale, version) = (image.locale.clone(), image.version.clone());
        let mut stones = self.book.stones_of_interim(package, &image.locale, &image.update_type).peekable();
        if stones.peek().is_none() {
            let stones = suggested_stones(self.book, package, image);
            self.notes.push(Note::InterimUnused { locale, version, stones });
            return Ok(());
        }
        let others: Vec<SteppingStone> =
            stones.filter(|stone| !image.version.is_same_release(&stone.image_version())).cloned().collect();
        self.check_stones(&rule, package, image, others)?;
        if rule.is_rejected(&image.version) {
            let update_type = image.update_type.clone();
            self.notes.push(Note::InterimStillRejected { locale, update_type, version });
            return Ok(());
        }
        if let Some(ban) = self.book.ban_of_interim(image) {
            let ban = Box::new(ban.clone());
            self.notes.push(Note::InterimBanned { locale, version, ban });
            return Ok(());
        }
        let replaced = rule.pending.and_then(|there| self.interim_version(&key, there));
        rule.pending = Some(package.id());
        self.interims.insert(key, rule);
        self.notes.push(Note::InterimPending { locale, version, replaced });
        Ok(())
    }

    /// Approves a pending interim image together with this version of the rule. The package of the image must also
    /// contain the version, and devices of the rule must need the image before they can install the version.
    pub(in crate::book::change) fn approve_interim_on_way(
        &mut self,
        rule: &RuleKey,
        version: &ReportedVersion,
    ) {
        let key = key_of_rule(rule);
        let Some(pending) = self.interim(&key).and_then(|interim| interim.pending) else { return };
        let policy = self.rule(rule).map(|rule| rule.policy().clone()).unwrap_or_default();
        let Some(package) = self.package(pending) else { return };
        let Some(image) = package.interim_image(&key.0, &key.1).cloned() else { return };
        let is_on_way = package.release_in(&policy.scheme, rule, version).is_some()
            && self.book.settings.stones.iter().any(|stone| {
                stone.image == StoneImage::Interim
                    && stone.is_for(rule)
                    && stone.is_below_in(&policy.scheme, version)
                    && package.may_send(stone, &image)
            });
        if !is_on_way {
            return;
        }
        let digest = image.files.image.sha256;
        let mut bans = self.book.bans();
        if let Some(ban) =
            bans.find(|ban| self.book.is_image_banned_by(ban, rule, &policy, &image.version, digest))
        {
            let (locale, version, ban) = (image.locale, image.version, Box::new(ban.clone()));
            self.notes.push(Note::InterimBanned { locale, version, ban });
            return;
        }
        self.set_approved(&key, pending, Some(rule.clone()));
    }

    /// Approves every interim image that a package made pending. Returns their number.
    pub(in crate::book::change) fn approve_interim_of(
        &mut self,
        package: PackageId,
    ) -> Result<usize, Refusal> {
        let mut keys: Vec<InterimKey> = self.book.interim.keys().cloned().collect();
        keys.retain(|key| self.interim(key).is_some_and(|rule| rule.pending == Some(package)));
        keys.iter().try_for_each(|key| self.approve_interim(&key.0, &key.1, None))?;
        Ok(keys.len())
    }

    /// Approves the pending interim image, or the image of a version that a package contains.
    pub(crate) fn approve_interim(
        &mut self,
        locale: &Locale,
        update_type: &UpdateType,
        version: Option<&ReportedVersion>,
    ) -> Result<(), Refusal> {
        let key = self.spelled_interim(locale, update_type);
        let package = match version {
            None => self.pending_of(&key)?,
            Some(version) => self.brought(&key, version)?,
        };
        let (locale, update_type) = key.clone();
        let nothing = || Refusal::NoInterimPending { locale, update_type };
        let image = self.package(package).and_then(|package| package.interim_image(&key.0, &key.1));
        let image = image.ok_or_else(nothing)?.clone();
        if let Some(ban) = self.book.ban_of_interim(&image) {
            let (locale, version, ban) = (image.locale, image.version, Box::new(ban.clone()));
            return Err(Refusal::InterimIsBanned { locale, version, ban });
        }
        self.set_approved(&key, package, None);
        Ok(())
    }

    /// Rejects the pending interim image. Its version is kept as rejected, so that an ingest does not make it
    /// pending again.
    pub(crate) fn reject_interim(
        &mut self,
        locale: &Locale,
        update_type: &UpdateType,
    ) -> Result<(), Refusal> {
        let key = self.spelled_interim(locale, update_type);
        let package = self.pending_of(&key)?;
        let version = self.interim_version(&key, package);
        let mut rule = self.interim(&key).cloned().unwrap_or_default();
        rule.pending = None;
        if let Some(version) = &version
            && !rule.is_rejected(version)
        {
            rule.rejected.push(version.clone());
        }
        self.interims.insert(key.clone(), rule);
        let version = version.unwrap_or_else(|| ReportedVersion::new(""));
        self.notes.push(Note::InterimRejected { locale: key.0, version });
        Ok(())
    }

    /// Makes the image of a stone pending for each rule to which the stone applies, if a package contains the
    /// image. Skips a rule if its locale has an approved or pending image already, or if the image was rejected.
    pub(super) fn propose_image_of(&mut self, stone: &SteppingStone) {
        if stone.image != StoneImage::Interim {
            return;
        }
        let rules: Vec<RuleKey> =
            self.book.rules().map(|rule| rule.key().clone()).filter(|rule| stone.is_for(rule)).collect();
        for rule in rules {
            let key = key_of_rule(&rule);
            let mut interim = self.interim(&key).cloned().unwrap_or_default();
            let by = stone.image_version();
            if interim.packages().next().is_some() || interim.is_rejected(&by) {
                continue;
            }
            let Some(package) = self.brought_for(&key, &by, Some(stone)) else { continue };
            interim.pending = Some(package);
            let Some(version) = self.interim_version(&key, package) else { continue };
            self.notes.push(Note::InterimPending { locale: key.0.clone(), version, replaced: None });
            self.interims.insert(key, interim);
        }
    }

    /// Returns the state of a stone's image for the devices of a rule, with the changes so far.
    pub(super) fn interim_state(&self, stone: &SteppingStone, rule: &RuleKey) -> ImageState<'_> {
        let key = key_of_rule(rule);
        let usable = |package: PackageId| {
            let package = self.package(package)?;
            let image = package.interim_image(&key.0, &key.1)?;
            package.may_send(stone, image).then_some(&image.version)
        };
        let Some(interim) = self.interim(&key) else { return ImageState::Missing };
        match (interim.approved.and_then(usable), interim.pending.and_then(usable)) {
            (Some(_), _) => ImageState::Approved,
            (None, Some(version)) => ImageState::Pending(version),
            (None, None) => ImageState::Missing,
        }
    }

    /// Returns the package that contains the interim image of this version. If there are several, returns the package
    /// that was ingested last. With `stone`, skips packages that have no kind of device to which the stone applies.
    pub(super) fn brought_for(
        &self,
        key: &InterimKey,
        version: &ReportedVersion,
        stone: Option<&SteppingStone>,
    ) -> Option<PackageId> {
        let brought = self.book.packages().filter(|package| {
            let image = package.interim_image(&key.0, &key.1);
            image.is_some_and(|image| image.version.is_same_release(version))
                && stone.is_none_or(|stone| package.has_kind_of(stone, &key.0, &key.1))
        });
        let newest = brought.max_by_key(|package| (package.ingested_at, package.sha256));
        newest.map(IngestedPackage::id)
    }

    fn brought(&self, key: &InterimKey, version: &ReportedVersion) -> Result<PackageId, Refusal> {
        let named = self.interim(key).into_iter().flat_map(InterimRule::packages);
        let mut named = named.filter(|package| {
            self.interim_version(key, *package).is_some_and(|there| there.is_same_release(version))
        });
        let found = named.next().or_else(|| self.brought_for(key, version, None));
        let (locale, version) = (key.0.clone(), version.clone());
        found.ok_or(Refusal::NoSuchInterim { locale, version })
    }

    fn pending_of(&self, key: &InterimKey) -> Result<PackageId, Refusal> {
        let pending = self.interim(key).and_then(|rule| rule.pending);
        let (locale, update_type) = key.clone();
        pending.ok_or(Refusal::NoInterimPending { locale, update_type })
    }

    fn set_approved(&mut self, key: &InterimKey, package: PackageId, with: Option<RuleKey>) {
        let Some(version) = self.interim_version(key, package) else { return };
        let mut rule = self.interim(key).cloned().unwrap_or_default();
        let before = rule.approved.filter(|before| *before != package);
        let before = before.and_then(|before| self.interim_version(key, before));
        rule.approved = Some(package);
        rule.pending = rule.pending.filter(|pending| *pending != package);
        rule.rejected.retain(|rejected| !rejected.is_same_release(&version));
        self.interims.insert(key.clone(), rule);
        self.notes.push(Note::InterimApproved { locale: key.0.clone(), version, before, with });
    }

    fn interim_version(&self, key: &InterimKey, package: PackageId) -> Option<ReportedVersion> {
        self.package(package)?.interim_image(&key.0, &key.1).map(|image| image.version.clone())
    }

    fn spelled_interim(&self, locale: &Locale, update_type: &UpdateType) -> InterimKey {
        let key = (locale.clone(), update_type.clone());
        let known = self.book.interim.entry(&key).map(|(key, _)| key.clone());
        known.unwrap_or(key)
    }

    /// Returns whether the package with the id `there` contains this interim image: the same version with the same
    /// bytes. `package` is the package of `image`, which may not be in the rule book yet.
    fn is_image_of(&self, there: PackageId, image: &InterimImage, package: &IngestedPackage) -> bool {
        let there = if there == package.id() { Some(package) } else { self.book.package(there) };
        let there = there.and_then(|there| there.interim_image(&image.locale, &image.update_type));
        there.is_some_and(|there| {
            there.version.is_same_release(&image.version) && there.files.has_same_bytes(&image.files)
        })
    }

    /// Refuses an interim image whose version has other bytes in a package of the book.
    fn check_interim_bytes(&self, image: &InterimImage) -> Result<(), Refusal> {
        let other = self.book.packages().find(|kept| {
            let kept = kept.interim_image(&image.locale, &image.update_type);
            kept.is_some_and(|kept| {
                kept.version.is_same_release(&image.version) && !kept.files.has_same_bytes(&image.files)
            })
        });
        match other {
            Some(other) => Err(Refusal::OtherInterimBytes {
                locale: image.locale.clone(),
                version: image.version.clone(),
                package: other.id(),
            }),
            None => Ok(()),
        }
    }

    /// Refuses an interim image for which a stepping stone names another version. `stones` are such stones for the
    /// devices of its package. Also refuses an image that would replace an interim image of another version, if a
    /// stone for other devices names that version. There is only one interim image for a locale and update type.
    fn check_stones(
        &self,
        rule: &InterimRule,
        package: &IngestedPackage,
        image: &InterimImage,
        stones: Vec<SteppingStone>,
    ) -> Result<(), Refusal> {
        let key = key_of(image);
        let there: Vec<ReportedVersion> = rule
            .packages()
            .filter_map(|there| self.interim_version(&key, there))
            .filter(|there| !there.is_same_release(&image.version))
            .collect();
        let others = self.book.settings.stones.iter().filter(|stone| {
            let admits = stone.kind.locale.is_empty() || stone.kind.locale.contains(&image.locale);
            stone.image == StoneImage::Interim
                && admits
                && there.iter().any(|there| stone.image_version().is_same_release(there))
                && !package.has_kind_of(stone, &image.locale, &image.update_type)
        });
        let others: Vec<SteppingStone> = others.cloned().collect();
        let all = [&stones[..], &others[..]].concat();
        if all.is_empty() {
            return Ok(());
        }
        let (locale, version) = (image.locale.clone(), image.version.clone());
        let advice = advice::stones_that_name(self.book, &all, &version).into();
        Err(match stones.is_empty() {
            true => Refusal::InterimTaken { locale, version, stones: others, advice },
            false => Refusal::InterimVersion {
                locale,
                version,
                stones: stones.into(),
                others: others.into(),
                advice,
            },
        })
    }
}

/// Returns stones that would send the interim image of a package to the kinds of device of this package. The
/// threshold of each stone is the version of the image, because a package states no threshold.
fn suggested_stones(book: &RuleBook, package: &IngestedPackage, image: &InterimImage) -> Vec<SteppingStone> {
    let Some(version) = image.version.readable() else { return Vec::new() };
    let mut stones: Vec<SteppingStone> = Vec::new();
    for kind in package.kinds_in(&image.locale, &image.update_type) {
        let pattern = KindPattern {
            device_type: vec![kind.device_type.clone()],
            vendor: vec![kind.vendor.clone()],
            model: vec![kind.model.clone()],
            ..KindPattern::default()
        };
        if stones.iter().any(|stone| stone.kind == pattern) {
            continue;
        }
        let Some(name) = SteppingStone::name_of(&kind) else { continue };
        let name = book.free_stone_name(&name, &stones).unwrap_or(name);
        let stone = SteppingStone::new(name, pattern, version.clone(), version.clone());
        stones.push(SteppingStone { image: StoneImage::Interim, ..stone });
    }
    stones
}
