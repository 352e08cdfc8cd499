//! Firmware versions: how they are read, how they are ordered, and ranges of them.

mod firmware_version;
mod version_range;

pub use firmware_version::{FirmwareVersion, ReportedVersion, VersionError};
pub use version_range::{MAX_COMPARATORS, VersionRange, VersionRangeError};
