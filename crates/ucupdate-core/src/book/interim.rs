//! The interim images of a rule book. An approved image is for every device that needs it, and a pending image is for
//! test devices.

use crate::book::ban::{Ban, BanScope};
use crate::book::package::{IngestedPackage, InterimImage};
use crate::book::rule::{RuleKey, UpdateType};
use crate::book::rule_book::{InterimKey, RuleBook};
use crate::book::stone::{SteppingStone, StoneImage};
use crate::device::{DeviceKind, Locale};
use crate::value::PackageId;
use crate::value::shell_word;
use crate::version::ReportedVersion;

/// The approved and the pending interim image of one locale and update type. Each image is given by the id
/// of the package that contains it.
///
/// An ingest makes an image pending. If a release of the same package is approved and devices need the image for it,
/// the image is approved too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(into = "stored::Form"))]
#[non_exhaustive]
pub struct InterimRule {
    /// The package with the approved image. `None` if no image is approved.
    pub approved: Option<PackageId>,
    /// The package with the image for test devices. `None` if no image is pending.
    pub pending: Option<PackageId>,
    /// The versions that were rejected. An ingest does not make them pending again.
    pub rejected: Vec<ReportedVersion>,
}

impl InterimRule {
    /// Returns whether the rule has only an approved image. Programs before format 1.4 can read such a rule.
    pub fn is_only_approved(&self) -> bool {
        self.approved.is_some() && self.pending.is_none() && self.rejected.is_empty()
    }

    /// Returns whether the version was rejected, and not approved since.
    pub fn is_rejected(&self, version: &ReportedVersion) -> bool {
        self.rejected.iter().any(|rejected| rejected.is_same_release(version))
    }

    /// Returns the packages of the rule, first that of the approved image.
    pub fn packages(&self) -> impl Iterator<Item = PackageId> + use<> {
        self.approved.into_iter().chain(self.pending)
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl RuleBook {
    /// Returns the rules of interim images by locale and update type.
    pub fn interim_rules(&self) -> impl ExactSizeIterator<Item = (&Locale, &UpdateType, &InterimRule)> {
        self.interim.iter().map(|((locale, update_type), rule)| (locale, update_type, rule))
    }

    /// Returns the rule of the interim images of a locale and update type. `None` if no such image is
    /// approved, pending or rejected.
    pub fn interim_rule(&self, locale: &Locale, update_type: &UpdateType) -> Option<&InterimRule> {
        self.interim.get(&(locale.clone(), update_type.clone()))
    }

    /// Returns the approved interim images, each with the package that contains it.
    pub fn interim_images(&self) -> impl Iterator<Item = (&InterimImage, PackageId)> {
        self.images_of(|rule| rule.approved)
    }

    /// Returns the pending interim images, each with the package that contains it.
    pub fn pending_interim_images(&self) -> impl Iterator<Item = (&InterimImage, PackageId)> {
        self.images_of(|rule| rule.pending)
    }

    /// Returns the interim image of a locale and update type that a package of the book contains.
    pub fn interim_image(
        &self,
        locale: &Locale,
        update_type: &UpdateType,
        package: PackageId,
    ) -> Option<&InterimImage> {
        self.package(package)?.interim_image(locale, update_type)
    }

    /// Returns the stepping stones that send an interim image of `package` to devices.
    ///
    /// These are the stones for the kinds of device that the package has releases for, in the locale of the image. If
    /// the package has no such release, the kinds are not known. In this case all stones of the locale are returned.
    pub fn stones_of_interim<'a>(
        &'a self,
        package: &'a IngestedPackage,
        locale: &'a Locale,
        update_type: &'a UpdateType,
    ) -> impl Iterator<Item = &'a SteppingStone> {
        let stones = self.settings.stones.iter().filter(|stone| stone.image == StoneImage::Interim);
        stones.filter(move |stone| package.has_kind_of(stone, locale, update_type))
    }

    /// Returns the first ban that applies to an interim image. A ban of an image applies if it has the SHA-256 of
    /// this image. A ban of a version applies if it covers every rule whose devices may be sent this image by a
    /// stepping stone. If there is no such rule, no ban of a version applies.
    pub fn ban_of_interim(&self, image: &InterimImage) -> Option<&Ban> {
        let digest = image.files.image.sha256;
        let rules = self.rules().filter(|rule| {
            let key = rule.key();
            let mut stones = self.settings.stones.iter();
            key.kind().locale == image.locale
                && *key.update_type() == image.update_type
                && stones.any(|stone| stone.image == StoneImage::Interim && stone.is_for(key))
        });
        let rules: Vec<_> = rules.collect();
        self.bans().find(|ban: &&Ban| match &ban.scope {
            BanScope::Image(banned) => *banned == digest,
            BanScope::Version { .. } => {
                !rules.is_empty()
                    && rules.iter().all(|rule| {
                        let (key, policy) = (rule.key(), rule.policy());
                        self.is_image_banned_by(ban, key, policy, &image.version, digest)
                    })
            }
        })
    }

    fn images_of(
        &self,
        which: impl Fn(&InterimRule) -> Option<PackageId>,
    ) -> impl Iterator<Item = (&InterimImage, PackageId)> {
        self.interim.iter().filter_map(move |((locale, update_type), rule)| {
            let package = which(rule)?;
            Some((self.interim_image(locale, update_type, package)?, package))
        })
    }
}

impl InterimImage {
    /// Returns the command line of `ucupdate` that approves this image. The command line works only while the image
    /// is pending.
    pub fn approve_command(&self) -> String {
        approve_command(&self.locale, &self.update_type, None)
    }
}

/// Returns the command line of `ucupdate` that approves an interim image: the image of `version`, or the
/// pending image if `version` is `None`.
pub(crate) fn approve_command(
    locale: &Locale,
    update_type: &UpdateType,
    version: Option<&ReportedVersion>,
) -> String {
    let mut line = format!("ucupdate interim approve {}", shell_word(locale.as_str()));
    if let Some(version) = version {
        line.push_str(&format!(" {}", shell_word(version.as_str())));
    }
    if !update_type.as_str().eq_ignore_ascii_case("CPE") {
        line.push_str(&format!(" --update-type {}", shell_word(update_type.as_str())));
    }
    line
}

impl IngestedPackage {
    /// Returns the first interim image of the package for this locale and update type. `None` if there is none.
    pub fn interim_image(&self, locale: &Locale, update_type: &UpdateType) -> Option<&InterimImage> {
        let mut images = self.interim.iter();
        images.find(|image| image.locale == *locale && image.update_type == *update_type)
    }

    /// Returns the kinds of device with this locale for which the package has a release of this update type. Each
    /// kind occurs once.
    pub(crate) fn kinds_in(&self, locale: &Locale, update_type: &UpdateType) -> Vec<DeviceKind> {
        let mut kinds: Vec<DeviceKind> = Vec::new();
        for release in self.releases.iter().filter(|release| release.rule.update_type() == update_type) {
            let kind = DeviceKind { locale: locale.clone(), ..release.rule.kind().clone() };
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }

    /// Returns whether a stone applies to a kind of device of this package, in `locale`. If the package has no
    /// release of `update_type`, its kinds of device are not known, and only the locale is compared.
    pub(crate) fn has_kind_of(
        &self,
        stone: &SteppingStone,
        locale: &Locale,
        update_type: &UpdateType,
    ) -> bool {
        let mut releases = self.releases.iter().filter(|release| release.rule.update_type() == update_type);
        if releases.clone().next().is_none() {
            return stone.kind.locale.is_empty() || stone.kind.locale.contains(locale);
        }
        releases.any(|release| {
            let kind = DeviceKind { locale: locale.clone(), ..release.rule.kind().clone() };
            stone.kind.matches(&kind)
        })
    }

    /// Returns whether a stone may send this interim image. It may if the stone names the version of the image, or if
    /// the stone applies to a kind of device of this package.
    pub(crate) fn may_send(&self, stone: &SteppingStone, image: &InterimImage) -> bool {
        image.version.is_same_release(&stone.image_version())
            || self.has_kind_of(stone, &image.locale, &image.update_type)
    }
}

pub(crate) fn key_of(image: &InterimImage) -> InterimKey {
    (image.locale.clone(), image.update_type.clone())
}

/// Returns the key of the interim images for the devices of a rule.
pub(crate) fn key_of_rule(rule: &RuleKey) -> InterimKey {
    (rule.kind().locale.clone(), rule.update_type().clone())
}

/// The stored form of an [`InterimRule`]. If there is only an approved image, the stored form is the id of its
/// package, as in formats before 1.4. Otherwise it is a JSON object.
#[cfg(feature = "serde")]
mod stored {
    use super::InterimRule;
    use crate::value::PackageId;
    use crate::version::ReportedVersion;
    use serde::{Deserialize, Deserializer, Serialize};

    #[derive(Serialize, Deserialize)]
    #[serde(
        untagged,
        expecting = "expected the id of a package, or an object with `approved`, `pending` or `rejected`"
    )]
    pub(super) enum Form {
        Approved(PackageId),
        Whole(Whole),
    }

    #[derive(Default, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Whole {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approved: Option<PackageId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pending: Option<PackageId>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rejected: Vec<ReportedVersion>,
    }

    impl From<InterimRule> for Form {
        fn from(rule: InterimRule) -> Self {
            match rule {
                InterimRule { approved: Some(package), .. } if rule.is_only_approved() => {
                    Self::Approved(package)
                }
                InterimRule { approved, pending, rejected } => {
                    Self::Whole(Whole { approved, pending, rejected })
                }
            }
        }
    }

    impl<'de> Deserialize<'de> for InterimRule {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Ok(match Form::deserialize(deserializer)? {
                Form::Approved(package) => Self { approved: Some(package), ..Self::default() },
                Form::Whole(Whole { approved, pending, rejected }) => Self { approved, pending, rejected },
            })
        }
    }
}
