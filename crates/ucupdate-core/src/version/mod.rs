//! Firmware versions: how they are read, how they are ordered, and ranges of them.

mod comparator;
mod firmware_version;
mod numbers;
mod scheme;
mod version_range;

pub use firmware_version::{FirmwareVersion, ReportedVersion};
pub(crate) use numbers::Numbers;
pub use scheme::{MAX_PREFIX_BYTES, VersionPrefix, VersionScheme};
pub use version_range::{MAX_COMPARATORS, VersionRange};
