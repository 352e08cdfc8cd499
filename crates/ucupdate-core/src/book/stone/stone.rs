//! Stepping stones: versions that a device must install before its target version.

use crate::book::rule::RuleKey;
use crate::device::{DeviceKind, DeviceType, KindPattern, KindWord, Model, Vendor};
use crate::value::label::label;
use crate::value::shell_word;
use crate::version::{FirmwareVersion, ReportedVersion, VersionScheme};
use std::fmt;

label!(
    /// The name of a stepping stone.
    book::StoneName, "stone name", "ocs-interim"
);

/// A version that devices must install before their target version. The stone applies to a device whose installed
/// version is below `below`, if its target version is not. The device is then offered the version `by`.
///
/// Several stones make a chain of any length. A device gets the stone with the lowest threshold that is above its version.
/// An interim image is pending after its ingest: only test devices get it until it is approved.
///
/// Versions are compared as releases, so a missing part counts as zero ([`FirmwareVersion::release_order`]). A device
/// that installs `3.5.0.0` and then reports `3.5` is not below `3.5.0.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SteppingStone {
    /// The name, which is unique in the rule book.
    #[cfg_attr(feature = "serde", serde(default = "SteppingStone::first_name"))]
    pub name: StoneName,
    /// The kinds of device to which the stone applies.
    #[cfg_attr(feature = "serde", serde(flatten, with = "crate::device::kind_by_word"))]
    pub kind: KindPattern,
    /// The threshold. The stone applies to devices below this version.
    pub below: FirmwareVersion,
    /// The version that the devices get.
    pub by: FirmwareVersion,
    /// The source of the image. The default for a stored stone is an interim image.
    #[cfg_attr(feature = "serde", serde(default))]
    pub image: StoneImage,
}

/// The source of the image of a stepping stone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum StoneImage {
    /// The interim image for the locale of the device, from the folder `OCInterim/<locale>`. The version of the
    /// image is stated by its package, and may differ from [`by`](SteppingStone::by).
    #[default]
    Interim,
    /// The release of the version `by` in a package for the rule of the device.
    Release,
}

impl SteppingStone {
    /// Returns the stone of OCS: a UCPhone below 1.0.522.98 must first install 1.0.522.103 from
    /// `OCInterim/<locale>`.
    ///
    /// This is confirmed. It was published for the R2 phones, and an audit log of OCS shows it.
    pub fn ocs_interim() -> Self {
        Self {
            image: StoneImage::Interim,
            ..Self::new(
                Self::first_name(),
                DeviceType::from_static("UCPhone").into(),
                FirmwareVersion::from_parts([1, 0, 522, 98]),
                FirmwareVersion::from_parts([1, 0, 522, 103]),
            )
        }
    }

    /// Returns the stones that a new store begins with: [`ocs_interim`](Self::ocs_interim) for the kinds of device
    /// that the first package of OCS served, LG-Nortel IP8540, Polycom CX700 and Microsoft CPE.
    ///
    /// Phones of other kinds also have genuine firmware below 1.0.522.98. That the interim image of OCS must not be
    /// sent to these phones is inferred.
    pub fn ocs_interim_of_known_kinds() -> [Self; 3] {
        let stone = |name: &'static str, vendor: &'static str, model: &'static str| {
            let mut stone = Self { name: StoneName::from_static(name), ..Self::ocs_interim() };
            stone.kind.vendor = vec![Vendor::from_static(vendor)];
            stone.kind.model = vec![Model::from_static(model)];
            stone
        };
        [
            stone("ocs-interim", "LG-Nortel", "IP8540"),
            stone("ocs-interim-cpe", "Microsoft", "CPE"),
            stone("ocs-interim-cx700", "Polycom", "CX700"),
        ]
    }

    /// Creates a stone for the devices of these kinds. Its image is a release of the device's own rule.
    pub fn new(name: StoneName, kind: KindPattern, below: FirmwareVersion, by: FirmwareVersion) -> Self {
        Self { name, kind, below, by, image: StoneImage::Release }
    }

    /// Returns a name for the stone of one kind of device, such as `interim-polycom-cx700`. `None` if the words of the
    /// kind are not valid in a name.
    pub(crate) fn name_of(kind: &DeviceKind) -> Option<StoneName> {
        let words = format!("interim-{}-{}", kind.vendor, kind.model).to_lowercase();
        let name: String = words.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        name.parse().ok()
    }

    /// Returns the command line of `ucupdate` that adds this stone.
    pub fn add_command(&self) -> String {
        let mut command = format!("ucupdate stone add {}", shell_word(self.name.as_str()));
        for (word, texts) in KindWord::ALL.into_iter().zip(self.kind.texts().into_array()) {
            let option = word.field().replace('_', "-");
            command.extend(texts.into_iter().map(|text| format!(" --{option} {}", shell_word(text))));
        }
        command.push_str(&format!(" --below {} --by {}", self.below, self.by));
        if self.image == StoneImage::Interim {
            command.push_str(" --image interim");
        }
        command
    }

    const fn first_name() -> StoneName {
        StoneName::from_static("ocs-interim")
    }

    /// Returns whether the stone sends an interim image to devices of any vendor or model.
    pub fn is_wide(&self) -> bool {
        self.image == StoneImage::Interim && (self.kind.vendor.is_empty() || self.kind.model.is_empty())
    }

    /// Returns whether the stone applies to the devices of a rule.
    pub fn is_for(&self, rule: &RuleKey) -> bool {
        self.kind.matches(rule.kind())
    }

    /// Returns whether `target` is at or above the threshold, in the scheme of .NET. `false` if `target`
    /// cannot be read.
    pub fn is_below(&self, target: &ReportedVersion) -> bool {
        self.is_below_in(&VersionScheme::Dotnet, target)
    }

    /// Returns whether `target` is at or above the threshold, in a version scheme. `false` if `target`
    /// cannot be read.
    pub fn is_below_in(&self, scheme: &VersionScheme, target: &ReportedVersion) -> bool {
        let target = scheme.numbers(target);
        target.is_some_and(|target| target.padded() >= self.below.numbers().padded())
    }

    /// Returns the version [`by`](Self::by) as a [`ReportedVersion`], to compare it with the versions of packages.
    pub(crate) fn image_version(&self) -> ReportedVersion {
        ReportedVersion::new(self.by.as_str())
    }

    /// Returns whether `image` is below the threshold or cannot be read. Devices that install an image
    /// below the threshold would be offered it again.
    pub(crate) fn is_above_image(&self, image: &ReportedVersion) -> bool {
        !self.is_below(image)
    }
}

impl fmt::Display for SteppingStone {
    /// Writes the stone as in `ocs-interim: UCPhone/*/*/*/* below 1.0.522.98 goes by 1.0.522.103`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} below {} goes by {}", self.name, self.kind, self.below, self.by)
    }
}

/// The remedy if the image of a stepping stone is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoneRemedy {
    /// No package of the rule book can supply the image. Ingest a package with the image, or remove the stone.
    Ingest,
    /// A package of the rule book contains the image, but it is not approved. Approve it.
    Approve,
    /// The image was made for other devices than those of the rule. Narrow the stone, so that it no longer
    /// applies to this rule.
    Narrow,
}

/// A stone whose image is missing for a rule that needs it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: devices below {} must install {} first, but its image is missing, so they get nothing", stone.below, stone.by)]
#[non_exhaustive]
pub struct MissingStone {
    /// The stone without image.
    pub stone: Box<SteppingStone>,
    /// The rule that needs the stone.
    pub rule: RuleKey,
    /// The way to make the image available, or the stone unnecessary.
    pub remedy: StoneRemedy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stone_is_below_what_is_at_or_above_its_threshold() {
        let reaches = |target: &str| SteppingStone::ocs_interim().is_below(&ReportedVersion::new(target));
        assert!(reaches("3.5.6907.0") && reaches("1.0.522.98"));
        assert!(!reaches("1.0.522.97"), "the target itself is below");
        assert!(!reaches("4.1.0b"), "what has no order reaches nothing");
    }

    #[test]
    fn a_stone_is_for_the_rules_its_words_name() {
        let mut stone = SteppingStone::ocs_interim();
        assert!(stone.is_for(&"ucphone/Polycom/CX700/A/ENU/CPE".parse().unwrap()));
        assert!(!stone.is_for(&"RoundTable/Microsoft/RT/A/ENU/CPE".parse().unwrap()));
        stone.kind.model.push("CX600".parse().unwrap());
        assert!(!stone.is_for(&"UCPhone/Polycom/CX700/A/ENU/CPE".parse().unwrap()));
        assert_eq!(
            stone.to_string(),
            "ocs-interim: UCPhone/*/CX600/*/* below 1.0.522.98 goes by 1.0.522.103"
        );
    }
}
