//! The numbers at which reading a package ends.

/// The most that a package may cost. What lies in the cabinet itself is bounded by the cabinet's own
/// [`Limits`](crate::Limits).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageLimits {
    pub(crate) manifest_bytes: usize,
    pub(crate) manifest_elements: usize,
    pub(crate) manifest_depth: usize,
    pub(crate) manifest_attributes: usize,
    pub(crate) catalogue_bytes: usize,
    pub(crate) catalogue_members: usize,
    pub(crate) kept_bytes: usize,
    pub(crate) releases: usize,
    pub(crate) problems: usize,
}

impl PackageLimits {
    /// Sets the most bytes of a manifest. Default: 8 MiB, which holds the most releases.
    #[must_use]
    pub fn with_manifest_bytes(mut self, manifest_bytes: usize) -> Self {
        self.manifest_bytes = manifest_bytes;
        self
    }

    /// Sets the most elements in a manifest. Default: 100,000, which holds the most releases.
    #[must_use]
    pub fn with_manifest_elements(mut self, manifest_elements: usize) -> Self {
        self.manifest_elements = manifest_elements;
        self
    }

    /// Sets how deep elements may lie in a manifest. Default: 16.
    #[must_use]
    pub fn with_manifest_depth(mut self, manifest_depth: usize) -> Self {
        self.manifest_depth = manifest_depth;
        self
    }

    /// Sets the most attributes of one element of a manifest. Default: 64.
    #[must_use]
    pub fn with_manifest_attributes(mut self, manifest_attributes: usize) -> Self {
        self.manifest_attributes = manifest_attributes;
        self
    }

    /// Sets the most bytes of one signature catalogue. Default: 1 MiB.
    #[must_use]
    pub fn with_catalogue_bytes(mut self, catalogue_bytes: usize) -> Self {
        self.catalogue_bytes = catalogue_bytes;
        self
    }

    /// Sets the most members that one catalogue may list. Default: 4,096.
    #[must_use]
    pub fn with_catalogue_members(mut self, catalogue_members: usize) -> Self {
        self.catalogue_members = catalogue_members;
        self
    }

    /// Sets the most bytes of the manifest and all catalogues together, which are kept until the end. Default: 64 MiB.
    #[must_use]
    pub fn with_kept_bytes(mut self, kept_bytes: usize) -> Self {
        self.kept_bytes = kept_bytes;
        self
    }

    /// Sets the most releases and interim images of one package. Default: 4,096.
    #[must_use]
    pub fn with_releases(mut self, releases: usize) -> Self {
        self.releases = releases;
        self
    }

    /// Sets the most refusals, and the most warnings, that are reported one by one. Past it, one more says that there
    /// were others. Default: 1,000.
    #[must_use]
    pub fn with_problems(mut self, problems: usize) -> Self {
        self.problems = problems;
        self
    }

    /// The names of the limits, as [`with_named`](Self::with_named) takes them and errors give them.
    pub const NAMES: &'static [&'static str] = &[
        "manifest_bytes",
        "manifest_elements",
        "manifest_depth",
        "manifest_attributes",
        "catalogue_bytes",
        "catalogue_members",
        "kept_bytes",
        "releases",
        "problems",
    ];

    /// Sets the limit of this name, as for a command line; `None` for an unknown name.
    #[must_use]
    pub fn with_named(mut self, name: &str, number: usize) -> Option<Self> {
        match name {
            "manifest_bytes" => self.manifest_bytes = number,
            "manifest_elements" => self.manifest_elements = number,
            "manifest_depth" => self.manifest_depth = number,
            "manifest_attributes" => self.manifest_attributes = number,
            "catalogue_bytes" => self.catalogue_bytes = number,
            "catalogue_members" => self.catalogue_members = number,
            "kept_bytes" => self.kept_bytes = number,
            "releases" => self.releases = number,
            "problems" => self.problems = number,
            _ => return None,
        }
        Some(self)
    }
}

impl Default for PackageLimits {
    fn default() -> Self {
        Self {
            manifest_bytes: 8 * 1024 * 1024,
            manifest_elements: 100_000,
            manifest_depth: 16,
            manifest_attributes: 64,
            catalogue_bytes: 1024 * 1024,
            catalogue_members: 4096,
            kept_bytes: 64 * 1024 * 1024,
            releases: 4096,
            problems: 1000,
        }
    }
}
