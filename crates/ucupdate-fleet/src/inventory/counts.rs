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

/// The key of a [`VersionCount`]. All names are in lower case. The order of the keys is the order of the fields.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CountKey {
    vendor: String,
    model: String,
    file_name: String,
    release: Release,
}

/// A sort key that is equal for versions of the same release. Versions that can be read come before versions that
/// cannot.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Release {
    /// The numbers of the version, and the prefix before them in lower case, such as `uc440hd_`.
    Read([u32; 8], String),
    /// The text of a version that cannot be read.
    Unreadable(Box<str>),
}

/// Counts devices by version.
#[derive(Debug, Default)]
pub(super) struct VersionCounts(BTreeMap<CountKey, VersionCount>);

impl VersionCounts {
    /// Adds `devices` devices of one kind to the count of this version of a module.
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
        let key = CountKey {
            vendor: reported.vendor.to_ascii_lowercase(),
            model: reported.model.to_ascii_lowercase(),
            file_name: file_name.to_ascii_lowercase(),
            release: release(scheme.unwrap_or(&VersionScheme::Dotnet), &version),
        };
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

fn release(scheme: &VersionScheme, version: &ReportedVersion) -> Release {
    match scheme.release_of(version) {
        Some((numbers, prefix)) => Release::Read(numbers, prefix.to_ascii_lowercase()),
        None => Release::Unreadable(version.as_str().into()),
    }
}
