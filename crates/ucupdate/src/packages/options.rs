//! [`IngestOptions`]: limits for reading packages.

use ucupdate_cab::Limits;
use ucupdate_cab::package::PackageLimits;

/// Limits for reading packages.
#[derive(Clone, Debug, Default)]
pub struct IngestOptions {
    pub(crate) cabinet: Limits,
    pub(crate) package: PackageLimits,
}

impl IngestOptions {
    /// Sets the limits of a cabinet: its members, its sizes, its compression.
    #[must_use]
    pub fn with_cabinet_limits(mut self, limits: Limits) -> Self {
        self.cabinet = limits;
        self
    }

    /// Sets the limits of what a package says: its manifest and its catalogues.
    #[must_use]
    pub fn with_package_limits(mut self, limits: PackageLimits) -> Self {
        self.package = limits;
        self
    }
}
