//! The numbers at which reading a cabinet ends.

/// What a cabinet may cost. Each number is checked before anything is allocated or decompressed for it.
///
/// With the defaults, reading takes at most 4 MiB of memory and the LZX window (at most 2 MiB), whatever a header
/// claims.
///
/// ```
/// use ucupdate_cab::Limits;
/// let mut limits = Limits::default();
/// limits.file_bytes = 64 * 1024 * 1024;
/// assert_eq!(limits.files, 8192);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The bytes of the cabinet, of all parts together where it is a set. Default: 1 GiB.
    pub cabinet_bytes: u64,
    /// The bytes of one file in it. Default: 1 GiB.
    pub file_bytes: u64,
    /// The bytes of all files in it together. Default: 4 GiB.
    pub total_output_bytes: u64,
    /// How many times the cabinet's bytes its files may have. Cabinets whose files have less than 1 MiB are not
    /// judged. Default: 1000, which MSZIP does not reach.
    pub ratio: u64,
    /// Folders, of all parts together. Default: 256.
    pub folders: u64,
    /// Files, of all parts together. Default: 8192.
    pub files: u64,
    /// The bytes of one name. The format ends at 255, which is the default.
    pub name_bytes: u64,
    /// The bytes of all headers, names and reserve areas together. Default: 512 KiB.
    pub table_bytes: u64,
    /// How far a program is searched for the cabinet in it. Default: 16 MiB.
    pub stub_bytes: u64,
    /// The parts of a set. Default: 32.
    pub parts: u64,
}

impl Limits {
    /// Output below this is not judged by [`ratio`](Self::ratio).
    pub(crate) const RATIO_SLACK_BYTES: u64 = 1024 * 1024;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cabinet_bytes: 1 << 30,
            file_bytes: 1 << 30,
            total_output_bytes: 4 << 30,
            ratio: 1000,
            folders: 256,
            files: 8192,
            name_bytes: 255,
            table_bytes: 512 * 1024,
            stub_bytes: 16 * 1024 * 1024,
            parts: 32,
        }
    }
}
