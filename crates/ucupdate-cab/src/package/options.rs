//! The options of reading a package.

use super::limits::PackageLimits;

/// The options of reading a package. [`PackageLimits`] convert into options that have these limits
/// and the other defaults.
///
/// ```
/// use ucupdate_cab::package::{PackageLimits, PackageOptions};
/// let options = PackageOptions::default()
///     .with_limits(PackageLimits::default().with_releases(10))
///     .with_unreadable_catalogues_accepted(true);
/// assert_ne!(options, PackageOptions::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct PackageOptions {
    pub(crate) limits: PackageLimits,
    pub(crate) accepts_unreadable_catalogues: bool,
    pub(crate) ignores_unknown_narrowing: bool,
}

impl PackageOptions {
    /// Sets the limits of sizes and numbers in the package.
    pub fn with_limits(self, limits: PackageLimits) -> Self {
        Self { limits, ..self }
    }

    /// Sets whether an image with an unreadable signature catalogue is accepted with a warning
    /// instead of a refusal. Such an image is not compared with any digest. The option also accepts
    /// a catalogue without a digest to compare. Default: `false`.
    pub fn with_unreadable_catalogues_accepted(self, accepted: bool) -> Self {
        Self { accepts_unreadable_catalogues: accepted, ..self }
    }

    /// Sets whether unknown names in the manifest that look like a restriction, such as `HardwareRange`, are ignored
    /// with a warning instead of a refusal. The release is then offered without that restriction. Default: `false`.
    pub fn with_unknown_narrowing_ignored(self, ignored: bool) -> Self {
        Self { ignores_unknown_narrowing: ignored, ..self }
    }
}

impl From<PackageLimits> for PackageOptions {
    fn from(limits: PackageLimits) -> Self {
        Self::default().with_limits(limits)
    }
}
