//! [`IngestOptions`]: how packages are read.

use ucupdate_cab::Limits;
use ucupdate_cab::package::PackageLimits;

/// How packages are read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct IngestOptions {
    /// What a cabinet may cost.
    pub cabinet: Limits,
    /// What a package may cost.
    pub package: PackageLimits,
}
