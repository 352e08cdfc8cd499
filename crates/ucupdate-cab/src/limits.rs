//! The numbers at which reading a cabinet ends.

/// The most that a cabinet may cost. Each number is checked before anything is allocated or decompressed for it.
///
/// With the defaults, reading takes at most 1 MiB of memory, the LZX window (at most 2 MiB), and 12 MiB for the largest
/// tables, whatever a header claims. Bytes that files share are held too, up to [`with_held_bytes`](Self::with_held_bytes).
/// The error of a limit names the limit, so that it can be raised.
///
/// ```
/// use ucupdate_cab::Limits;
/// let limits = Limits::default().with_file_bytes(64 * 1024 * 1024);
/// assert_ne!(limits, Limits::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) cabinet_bytes: u64,
    pub(crate) file_bytes: u64,
    pub(crate) total_output_bytes: u64,
    pub(crate) ratio: u64,
    pub(crate) folders: u64,
    pub(crate) files: u64,
    pub(crate) name_bytes: u64,
    pub(crate) table_bytes: u64,
    pub(crate) stub_bytes: u64,
    pub(crate) cabinets: u64,
    pub(crate) parts: u64,
    pub(crate) held_bytes: u64,
}

impl Limits {
    /// Output below this is not judged by [`with_ratio`](Self::with_ratio).
    pub(crate) const RATIO_SLACK_BYTES: u64 = 1024 * 1024;

    /// Sets the most bytes of the cabinet, of all parts of a set together. Default: 1 GiB.
    #[must_use]
    pub fn with_cabinet_bytes(mut self, cabinet_bytes: u64) -> Self {
        self.cabinet_bytes = cabinet_bytes;
        self
    }

    /// Sets the most bytes of one file. Default: 1 GiB.
    #[must_use]
    pub fn with_file_bytes(mut self, file_bytes: u64) -> Self {
        self.file_bytes = file_bytes;
        self
    }

    /// Sets the most bytes of all files together. Default: 4 GiB.
    #[must_use]
    pub fn with_total_output_bytes(mut self, total_output_bytes: u64) -> Self {
        self.total_output_bytes = total_output_bytes;
        self
    }

    /// Sets how many times the bytes of the cabinet its files may have. Files of less than 1 MiB together are not judged.
    /// Default: 1000, which MSZIP cannot exceed.
    #[must_use]
    pub fn with_ratio(mut self, ratio: u64) -> Self {
        self.ratio = ratio;
        self
    }

    /// Sets the most folders, of all parts of a set together. Default: 8192.
    #[must_use]
    pub fn with_folders(mut self, folders: u64) -> Self {
        self.folders = folders;
        self
    }

    /// Sets the most files, of all parts of a set together. Default: 8192; the format ends at 65,535.
    #[must_use]
    pub fn with_files(mut self, files: u64) -> Self {
        self.files = files;
        self
    }

    /// Sets the most bytes of one name. Default: 255, where the format ends.
    #[must_use]
    pub fn with_name_bytes(mut self, name_bytes: u64) -> Self {
        self.name_bytes = name_bytes;
        self
    }

    /// Sets the most bytes of all headers, names and reserve areas together. Default: 4 MiB, which
    /// holds the most files with the longest names.
    #[must_use]
    pub fn with_table_bytes(mut self, table_bytes: u64) -> Self {
        self.table_bytes = table_bytes;
        self
    }

    /// Sets how far a program is searched for the cabinet in it. Default: 16 MiB.
    #[must_use]
    pub fn with_stub_bytes(mut self, stub_bytes: u64) -> Self {
        self.stub_bytes = stub_bytes;
        self
    }

    /// Sets the most cabinets in one input. Bytes in a program that look like the header of a cabinet count too.
    /// Default: 16.
    #[must_use]
    pub fn with_cabinets(mut self, cabinets: u64) -> Self {
        self.cabinets = cabinets;
        self
    }

    /// Sets the most parts of a set. Default: 32.
    #[must_use]
    pub fn with_parts(mut self, parts: u64) -> Self {
        self.parts = parts;
        self
    }

    /// Sets the most bytes that are held in memory since files share bytes, or since a table stands behind the data.
    /// Default: 32 MiB.
    #[must_use]
    pub fn with_held_bytes(mut self, held_bytes: u64) -> Self {
        self.held_bytes = held_bytes;
        self
    }

    /// The names of the limits, as [`with_named`](Self::with_named) takes them and errors give them.
    pub const NAMES: &'static [&'static str] = &[
        "cabinet_bytes",
        "file_bytes",
        "total_output_bytes",
        "ratio",
        "folders",
        "files",
        "name_bytes",
        "table_bytes",
        "stub_bytes",
        "cabinets",
        "parts",
        "held_bytes",
    ];

    /// Sets the limit of this name, as for a command line; `None` for an unknown name.
    #[must_use]
    pub fn with_named(mut self, name: &str, number: u64) -> Option<Self> {
        match name {
            "cabinet_bytes" => self.cabinet_bytes = number,
            "file_bytes" => self.file_bytes = number,
            "total_output_bytes" => self.total_output_bytes = number,
            "ratio" => self.ratio = number,
            "folders" => self.folders = number,
            "files" => self.files = number,
            "name_bytes" => self.name_bytes = number,
            "table_bytes" => self.table_bytes = number,
            "stub_bytes" => self.stub_bytes = number,
            "cabinets" => self.cabinets = number,
            "parts" => self.parts = number,
            "held_bytes" => self.held_bytes = number,
            _ => return None,
        }
        Some(self)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cabinet_bytes: 1 << 30,
            file_bytes: 1 << 30,
            total_output_bytes: 4 << 30,
            ratio: 1000,
            folders: 8192,
            files: 8192,
            name_bytes: 255,
            table_bytes: 4 * 1024 * 1024,
            stub_bytes: 16 * 1024 * 1024,
            cabinets: 16,
            parts: 32,
            held_bytes: 32 * 1024 * 1024,
        }
    }
}
