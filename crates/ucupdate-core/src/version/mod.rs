//! Firmware versions: their syntax, their order, and ranges of versions.

mod comparator;
mod firmware_version;
mod numbers;
mod scheme;
mod version_range;

pub use firmware_version::{FirmwareVersion, ReportedVersion};
pub(crate) use numbers::Numbers;
pub(crate) use scheme::ReadVersion;
pub use scheme::{MAX_PREFIX_BYTES, VersionPrefix, VersionScheme};
pub use version_range::{MAX_COMPARATORS, VersionRange};
