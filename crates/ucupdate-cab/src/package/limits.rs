//! The limits of reading a package.

use crate::limits::limits;

limits!(
    /// The limits of reading a package. The cabinet has its own [`CabinetLimits`](crate::CabinetLimits).
    PackageLimits, usize {
        /// Sets the largest size of a manifest in bytes. Default: 8 MiB, which is enough for the largest number of
        /// releases.
        with_manifest_bytes manifest_bytes = 8 * 1024 * 1024;
        /// Sets the largest number of elements in a manifest. Default: 100,000, which is enough for the largest number
        /// of releases.
        with_manifest_elements manifest_elements = 100_000;
        /// Sets the largest depth of nested elements in a manifest. Default: 16.
        with_manifest_depth manifest_depth = 16;
        /// Sets the largest number of attributes of one element of a manifest. Default: 64.
        with_manifest_attributes manifest_attributes = 64;
        /// Sets the largest size of one signature catalogue in bytes. Default: 1 MiB.
        with_catalogue_bytes catalogue_bytes = 1024 * 1024;
        /// Sets the largest number of members in one catalogue. Default: 4,096.
        with_catalogue_members catalogue_members = 4096;
        /// Sets the largest size in bytes of the manifest and all catalogues together. They are
        /// kept in memory until all members were read. Default: 64 MiB.
        with_kept_bytes kept_bytes = 64 * 1024 * 1024;
        /// Sets the largest number of releases and interim images in one package. Default: 4,096.
        with_releases releases = 4096;
        /// Sets the largest number of reported refusals, and the largest number of reported
        /// warnings. If there are more, one additional problem reports it. Default: 1,000 of each.
        with_problems problems = 1000;
    }
);
