//! Counts of devices by version and by day.

use crate::schemes::scheme_of;
use std::collections::BTreeMap;
use ucupdate_core::decide::EligibilityIndex;
use ucupdate_core::device::ReportedKind;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::{ReportedVersion, VersionScheme};

/// The number of devices that have a version of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionCount {
    /// The vendor of the devices, in the spelling of the first device that was counted.
    pub vendor: Box<str>,
    /// The model of the devices, in the spelling of the first device that was counted.
    pub model: Box<str>,
    /// The file name of the module, such as `cpe.nbt`.
    pub file_name: Box<str>,
    /// The version, in the spelling of the first device that was counted.
    pub version: ReportedVersion,
    /// The number of devices that last reported this version. Different spellings of the same
    /// release are counted together.
    pub devices: u64,
}

/// The number of devices that reported a version on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DayCount {
    /// The start of the day in UTC.
    pub day: UnixTime,
    /// The file name of the module, such as `cpe.nbt`.
    pub file_name: Box<str>,
    /// The version as the devices reported it. Different spellings of the same release are counted
    /// separately.
    pub version: ReportedVersion,
    /// The number of devices that reported this version in at least one request on the day. A
    /// device that changes to another version and back on this day is counted twice.
    pub devices: u64,
}

/// The key of a [`VersionCount`]. The texts are vendor, model and file name in lower case. The
/// second part is the release, or the text of a version that cannot be read.
type CountKey = ([String; 3], Result<([u32; 8], String), Box<str>>);

/// Counts devices by version.
#[derive(Debug, Default)]
pub(super) struct VersionCounts(BTreeMap<CountKey, VersionCount>);

impl VersionCounts {
    /// Adds devices of one kind that have this version of a module.
    pub(super) fn add(
        &mut self,
        reported: &ReportedKind,
        file_name: &str,
        version: &str,
        devices: u64,
        index: &EligibilityIndex,
    ) {
        let (kind, version) = (reported.read().ok(), ReportedVersion::new(version));
        let scheme = kind.and_then(|kind| scheme_of(index, &kind, file_name));
        let key = (
            [&*reported.vendor, &*reported.model, file_name].map(str::to_ascii_lowercase),
            release(scheme.unwrap_or(&VersionScheme::Dotnet), &version),
        );
        let count = self.0.entry(key).or_insert_with(|| VersionCount {
            vendor: reported.vendor.clone(),
            model: reported.model.clone(),
            file_name: file_name.into(),
            version,
            devices: 0,
        });
        count.devices += devices;
    }

    /// Returns the counts, sorted by vendor, model, module and version. Older versions come first.
    pub(super) fn finish(self) -> Vec<VersionCount> {
        self.0.into_values().collect()
    }
}

/// Returns a sort key that is equal for versions of the same release. Versions that can be read
/// come before versions that cannot.
fn release(scheme: &VersionScheme, version: &ReportedVersion) -> Result<([u32; 8], String), Box<str>> {
    match scheme.release_of(version) {
        Some((numbers, prefix)) => Ok((numbers, prefix.to_ascii_lowercase())),
        None => Err(version.as_str().into()),
    }
}
