//! The numbers at which reading a package ends.

use crate::limits::limits;

limits!(
    /// The most that a package may cost. What lies in the cabinet itself is bounded by the cabinet's own
    /// [`Limits`](crate::Limits).
    PackageLimits, usize {
        /// Sets the most bytes of a manifest. Default: 8 MiB, which holds the most releases.
        with_manifest_bytes manifest_bytes = 8 * 1024 * 1024;
        /// Sets the most elements in a manifest. Default: 100,000, which holds the most releases.
        with_manifest_elements manifest_elements = 100_000;
        /// Sets how deep elements may lie in a manifest. Default: 16.
        with_manifest_depth manifest_depth = 16;
        /// Sets the most attributes of one element of a manifest. Default: 64.
        with_manifest_attributes manifest_attributes = 64;
        /// Sets the most bytes of one signature catalogue. Default: 1 MiB.
        with_catalogue_bytes catalogue_bytes = 1024 * 1024;
        /// Sets the most members that one catalogue may list. Default: 4,096.
        with_catalogue_members catalogue_members = 4096;
        /// Sets the most bytes of the manifest and all catalogues together, which are kept until the end. Default: 64 MiB.
        with_kept_bytes kept_bytes = 64 * 1024 * 1024;
        /// Sets the most releases and interim images of one package. Default: 4,096.
        with_releases releases = 4096;
        /// Sets the most refusals, and the most warnings, that are reported one by one. Past it, one more says that there
        /// were others. Default: 1,000.
        with_problems problems = 1000;
    }
);
