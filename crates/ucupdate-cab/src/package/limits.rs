//! How much a package may ask of whoever reads it.

/// Numbers at which reading a package ends. What lies in the cabinet itself is bounded by the cabinet's own limits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageLimits {
    /// The most bytes of a manifest; 1 MiB.
    pub manifest_bytes: usize,
    /// The most elements in a manifest; 20,000.
    pub manifest_elements: usize,
    /// How deep elements may lie in a manifest; 16.
    pub manifest_depth: usize,
    /// The most attributes of one element of a manifest; 64.
    pub manifest_attributes: usize,
    /// The most bytes of one signature catalogue; 1 MiB.
    pub catalogue_bytes: usize,
    /// The most members one catalogue may list; 4,096.
    pub catalogue_members: usize,
    /// The most bytes that all catalogues and the manifest may have together, since they are kept until the end; 32 MiB.
    pub kept_bytes: usize,
    /// The most releases and interim images of one package; 4,096.
    pub releases: usize,
    /// The most problems that are told one by one; 1,000. One more says that there were others.
    pub problems: usize,
}

impl Default for PackageLimits {
    fn default() -> Self {
        Self {
            manifest_bytes: 1024 * 1024,
            manifest_elements: 20_000,
            manifest_depth: 16,
            manifest_attributes: 64,
            catalogue_bytes: 1024 * 1024,
            catalogue_members: 4096,
            kept_bytes: 32 * 1024 * 1024,
            releases: 4096,
            problems: 1000,
        }
    }
}
