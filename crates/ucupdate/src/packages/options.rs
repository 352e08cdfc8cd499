//! [`IngestOptions`]: the options of reading packages.

use ucupdate_cab::CabinetOptions;
use ucupdate_cab::package::PackageOptions;

/// The options of reading packages.
///
/// ```
/// use ucupdate::IngestOptions;
/// use ucupdate::cab::CabinetOptions;
/// use ucupdate::cab::package::PackageOptions;
/// let options = IngestOptions::default()
///     .with_cabinet(CabinetOptions::default())
///     .with_package(PackageOptions::default().with_unreadable_catalogues_accepted(true));
/// # drop(options);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct IngestOptions {
    pub(crate) cabinet: CabinetOptions,
    pub(crate) package: PackageOptions,
}

impl IngestOptions {
    /// Sets the options of reading cabinets, such as the limits on the size and number of their files.
    pub fn with_cabinet(self, options: impl Into<CabinetOptions>) -> Self {
        Self { cabinet: options.into(), ..self }
    }

    /// Sets the options of understanding the files of a cabinet as a package, such as whether a signature catalogue that cannot
    /// be read is accepted.
    pub fn with_package(self, options: impl Into<PackageOptions>) -> Self {
        Self { package: options.into(), ..self }
    }
}
