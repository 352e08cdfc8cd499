//! Stepping stones that send an interim image to more kinds of device than the image was made for.

use super::stone::{SteppingStone, StoneImage, StoneName};
use crate::book::rule_book::RuleBook;
use crate::device::{DeviceType, KindPattern, Locale, Model, Vendor};
use crate::value::shell_word;
use crate::version::ReportedVersion;

/// A stepping stone that sends an interim image to devices of any vendor or model.
///
/// Old stores have such a stone, because older programs had no stones for single vendors and models. The stone sends
/// the interim image of OCS's phones to every phone that reports `0.0.0.0`.
/// [`BookCommand::ReplaceStone`](crate::book::BookCommand::ReplaceStone) narrows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WideStone {
    /// The stone without a vendor or a model.
    pub stone: SteppingStone,
    /// The stones that replace the wide stone when it is narrowed: one for each kind of device that the
    /// image was made for. Empty if these kinds are not known, or if each kind already has a stone of its
    /// own.
    pub narrowed: Vec<SteppingStone>,
    /// `true` if each kind of device that the image was made for has a stone of its own. Then the wide
    /// stone is not needed.
    pub is_covered: bool,
}

impl WideStone {
    /// Returns the `ucupdate` command line that narrows the stone. If the stone has no replacements, returns
    /// the command line that removes it.
    pub fn narrow_command(&self) -> String {
        let name = shell_word(self.stone.name.as_str());
        match self.narrowed.is_empty() {
            false => format!("ucupdate stone narrow {name}"),
            true => format!("ucupdate stone remove {name}"),
        }
    }
}

/// An approved interim image whose version differs from the version that a stepping stone names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtherInterimVersion {
    /// The locale of the image.
    pub locale: Locale,
    /// The version of the image.
    pub version: ReportedVersion,
    /// The stone that sends the image.
    pub stone: SteppingStone,
}

impl OtherInterimVersion {
    /// Returns the `ucupdate` command line that changes the stone, so that it names the version of the image.
    pub fn set_command(&self) -> String {
        let name = shell_word(self.stone.name.as_str());
        match self.stone.is_above_image(&self.version) {
            true => format!("ucupdate stone set {name} --below {0} --by {0}", self.version),
            false => format!("ucupdate stone set {name} --by {}", self.version),
        }
    }
}

type StoneKind = (DeviceType, Vendor, Model);

impl RuleBook {
    /// Returns the stones that send an interim image to devices of any vendor or model, with their replacements.
    pub fn wide_stones(&self) -> Vec<WideStone> {
        let stones = self.settings.stones.iter().filter(|stone| stone.is_wide());
        let wide = stones.map(|stone| {
            let narrowed = self.narrowed(stone);
            let is_covered = narrowed.is_empty() && !self.kinds_of_image(stone).is_empty();
            WideStone { stone: stone.clone(), narrowed, is_covered }
        });
        wide.collect()
    }

    /// Returns the approved interim images whose version differs from that of the stepping stone that sends them.
    pub fn other_interim_versions(&self) -> Vec<OtherInterimVersion> {
        let stones = self.settings.stones.iter().filter(|stone| stone.image == StoneImage::Interim);
        let mut found = Vec::new();
        for stone in stones {
            for (image, package) in self.interim_images() {
                let package = self.package(package);
                let is_sent = package.is_some_and(|package| package.may_send(stone, image));
                if is_sent && !image.version.is_same_release(&stone.image_version()) {
                    found.push(OtherInterimVersion {
                        locale: image.locale.clone(),
                        version: image.version.clone(),
                        stone: stone.clone(),
                    });
                }
            }
        }
        found
    }

    pub(in crate::book) fn narrowed(&self, stone: &SteppingStone) -> Vec<SteppingStone> {
        let mut narrowed: Vec<SteppingStone> = Vec::new();
        for (device_type, vendor, model) in self.kinds_of_image(stone) {
            let kind = KindPattern {
                device_type: vec![device_type],
                vendor: vec![vendor],
                model: vec![model],
                ..stone.kind.clone()
            };
            let is_there = |other: &SteppingStone| {
                other.name != stone.name
                    && other.below.is_same_release(&stone.below)
                    && other.kind.covers(&kind)
                    && kind.covers(&other.kind)
            };
            if self.settings.stones.iter().any(is_there) {
                continue;
            }
            let name = if narrowed.is_empty() { Some(stone.name.clone()) } else { None };
            let name = name.or_else(|| self.free_name(stone, &kind, &narrowed));
            narrowed.extend(name.map(|name| SteppingStone { name, kind, ..stone.clone() }));
        }
        narrowed
    }

    /// Returns the kinds of device that the image of a stone was made for. Kinds that the stone does not apply
    /// to are left out.
    fn kinds_of_image(&self, stone: &SteppingStone) -> Vec<StoneKind> {
        let mut kinds: Vec<StoneKind> = Vec::new();
        let first = SteppingStone::ocs_interim();
        if stone.by.is_same_release(&first.by) {
            let known = SteppingStone::ocs_interim_of_known_kinds().map(|stone| stone.kind);
            kinds.extend(known.into_iter().filter_map(|kind| {
                let KindPattern { device_type, vendor, model, .. } = kind;
                Some((device_type.first()?.clone(), vendor.first()?.clone(), model.first()?.clone()))
            }));
        } else {
            for package in self.packages() {
                let named = |image: &&crate::book::package::InterimImage| {
                    image.version.is_same_release(&stone.image_version())
                };
                for image in package.interim.iter().filter(named) {
                    let brought = package.kinds_in(&image.locale, &image.update_type).into_iter();
                    kinds.extend(brought.map(|kind| (kind.device_type, kind.vendor, kind.model)));
                }
            }
        }
        kinds.sort();
        kinds.dedup();
        let KindPattern { device_type, vendor, model, .. } = &stone.kind;
        kinds.retain(|kind| {
            (device_type.is_empty() || device_type.contains(&kind.0))
                && (vendor.is_empty() || vendor.contains(&kind.1))
                && (model.is_empty() || model.contains(&kind.2))
        });
        kinds
    }

    /// Returns a name that no other stone has. It consists of the name of the wide stone, the model, and a number if
    /// needed.
    fn free_name(
        &self,
        wide: &SteppingStone,
        kind: &KindPattern,
        taken: &[SteppingStone],
    ) -> Option<StoneName> {
        let model = kind.model.first()?.as_str().to_lowercase().replace(|c: char| !c.is_alphanumeric(), "-");
        self.free_stone_name(&format!("{}-{model}", wide.name).parse().ok()?, taken)
    }

    /// Returns a name that no other stone has: `base`, or `base` with a number from 2 to 99. `None` if all
    /// of them are taken.
    pub(in crate::book) fn free_stone_name(
        &self,
        base: &StoneName,
        taken: &[SteppingStone],
    ) -> Option<StoneName> {
        let numbered = (2..100).filter_map(|number| format!("{base}-{number}").parse::<StoneName>().ok());
        let is_free = |name: &StoneName| {
            let mut stones = self.settings.stones.iter().chain(taken);
            stones.all(|stone| stone.name != *name)
        };
        std::iter::once(base.clone()).chain(numbered).find(is_free)
    }
}
