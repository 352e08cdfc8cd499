//! Stepping stones: versions a device must pass through on its way.

use crate::{DeviceType, FirmwareVersion, ReportedVersion};

/// "Devices of this type that are below `below`, on their way to `below` or beyond, go by `by` first."
///
/// A stone's image is usable once ingested, without approval.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SteppingStone {
    /// Which devices.
    pub device_type: DeviceType,
    /// Devices below this version have to step.
    pub below: FirmwareVersion,
    /// The version they step to, where its package does not name one.
    pub by: FirmwareVersion,
}

impl SteppingStone {
    /// The first stone of the field: a UCPhone below 1.0.522.98 goes by 1.0.522.103, from `OCInterim/<locale>`.
    ///
    /// Confirmed: published for the R2 phones, and seen in the field's audit log.
    pub fn ocs_interim() -> Self {
        Self {
            device_type: DeviceType::from_static("UCPhone"),
            below: FirmwareVersion::from_parts([1, 0, 522, 98]),
            by: FirmwareVersion::from_parts([1, 0, 522, 103]),
        }
    }

    /// Whether a device of `device_type` with `installed` must step here on its way to `target`.
    #[inline]
    pub fn applies(
        &self,
        device_type: &DeviceType,
        installed: &FirmwareVersion,
        target: &ReportedVersion,
    ) -> bool {
        let reaches = target.readable().is_some_and(|target| *target >= self.below);
        reaches && *installed < self.below && *device_type == self.device_type
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stone_applies_only_between_installed_and_target() {
        let stone = SteppingStone::ocs_interim();
        let phone = DeviceType::from_static("ucphone");
        let applies = |installed: &str, target: &str| {
            stone.applies(&phone, &installed.parse().unwrap(), &ReportedVersion::new(target))
        };
        assert!(applies("1.0.522.34", "3.5.6907.0"));
        assert!(applies("0.0.0.0", "3.5.6907.0"), "none known is below every threshold");
        assert!(applies("1.0.522.97", "1.0.522.98"));
        assert!(!applies("1.0.522.98", "3.5.6907.0"));
        assert!(!applies("1.0.522.34", "1.0.522.97"), "the target itself is below");
        assert!(!applies("1.0.522.34", "4.1.0b"), "what has no order reaches nothing");
        let other = DeviceType::from_static("RoundTable");
        assert!(!stone.applies(&other, &"1.0".parse().unwrap(), &ReportedVersion::new("3.5")));
    }
}
