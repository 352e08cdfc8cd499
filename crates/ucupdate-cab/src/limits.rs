//! The limits of reading a cabinet.

/// Defines a type of limits from one table: the documentation, setter, name and default of each
/// limit.
macro_rules! limits {
    ($(#[$of_type:meta])* $limits:ident, $number:ty {
        $($(#[$documentation:meta])* $with:ident $name:ident = $default:expr;)*
    }) => {
        $(#[$of_type])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $limits {
            $(pub(crate) $name: $number,)*
        }

        impl $limits {
            $($(#[$documentation])*
            #[must_use]
            pub fn $with(mut self, $name: $number) -> Self {
                self.$name = $name;
                self
            })*

            /// The names of all limits. [`with_named`](Self::with_named) takes such a name, and
            /// errors contain it.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Returns the limit with this name. `None` for an unknown name.
            pub fn named(&self, name: &str) -> Option<$number> {
                match name {
                    $(stringify!($name) => Some(self.$name),)*
                    _ => None,
                }
            }

            /// Sets the limit with this name, for example from a command line. Returns `None` for
            /// an unknown name.
            #[must_use]
            pub fn with_named(mut self, name: &str, number: $number) -> Option<Self> {
                match name {
                    $(stringify!($name) => self.$name = number,)*
                    _ => return None,
                }
                Some(self)
            }
        }

        impl Default for $limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }
    };
}
pub(crate) use limits;

limits!(
    /// The limits of reading a cabinet. Each limit is checked before memory is allocated or data is
    /// decompressed.
    ///
    /// With the defaults, reading takes at most 1 MiB of memory, plus the LZX window (at most 2
    /// MiB) and 12 MiB for the largest tables. A false header cannot increase this amount. After
    /// the first MiB of output, blocks are read ahead, up to
    /// [`with_ahead_bytes`](Self::with_ahead_bytes), and two folders can have a window at the same
    /// time. Bytes that files share are held in memory too, up to
    /// [`with_held_bytes`](Self::with_held_bytes). The error of an exceeded limit contains the name
    /// of the limit, so that the caller can raise it.
    ///
    /// ```
    /// use ucupdate_cab::CabinetLimits;
    /// let limits = CabinetLimits::default().with_file_bytes(64 * 1024 * 1024);
    /// assert_ne!(limits, CabinetLimits::default());
    /// ```
    CabinetLimits, u64 {
        /// Sets the largest size of the cabinet in bytes. In a set, this is the size of all parts together. Default: 1
        /// GiB.
        with_cabinet_bytes cabinet_bytes = 1 << 30;
        /// Sets the largest uncompressed size of one file in bytes. Default: 1 GiB.
        with_file_bytes file_bytes = 1 << 30;
        /// Sets the largest uncompressed size of all files together in bytes. Default: 4 GiB.
        with_total_output_bytes total_output_bytes = 4 << 30;
        /// Sets the largest ratio of the size of all files to the size of the cabinet. The ratio is
        /// not checked if the files have at most 1 MiB together. Default: 1000, which MSZIP cannot
        /// exceed.
        with_ratio ratio = 1000;
        /// Sets the largest number of folders in all parts of a set together. Default: 8192.
        with_folders folders = 8192;
        /// Sets the largest number of files in all parts of a set together. Default: 8192. The format allows 65,535.
        with_files files = 8192;
        /// Sets the largest size of the name of a file in bytes. Default: 255, which is the limit
        /// of the format.
        with_name_bytes name_bytes = 255;
        /// Sets the largest size of all headers, names and reserve areas together in bytes. Default: 4 MiB, which is
        /// enough for the largest number of files with the longest names.
        with_table_bytes table_bytes = 4 * 1024 * 1024;
        /// Sets how many bytes of a self-extracting program are searched for a cabinet. Default: 16
        /// MiB.
        with_stub_bytes stub_bytes = 16 * 1024 * 1024;
        /// Sets the largest number of cabinets in one input. Bytes in a program that look like the header of a cabinet
        /// count too. Default: 16.
        with_cabinets cabinets = 16;
        /// Sets the largest number of parts of a set. Default: 32.
        with_parts parts = 32;
        /// Sets the largest number of bytes that are held in memory because they are needed a
        /// second time: bytes that several files share, and data that precedes the file table.
        /// Default: 32 MiB.
        with_held_bytes held_bytes = 32 * 1024 * 1024;
        /// Sets the largest number of bytes of the buffers for blocks that are read ahead. If the
        /// number is less than about 80 KB, no blocks are read ahead, and the calling thread
        /// decompresses all blocks. Reading does not fail because of this limit. Default: 8 MiB.
        with_ahead_bytes ahead_bytes = 8 * 1024 * 1024;
    }
);

impl CabinetLimits {
    /// The size of the output in bytes up to which [`with_ratio`](Self::with_ratio) is not checked.
    pub(crate) const RATIO_SLACK_BYTES: u64 = 1024 * 1024;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_set_and_read_by_the_name_that_errors_have() {
        for name in CabinetLimits::NAMES {
            let set = CabinetLimits::default().with_named(name, 7).unwrap();
            assert_eq!(set.named(name), Some(7), "{name}");
            let others = CabinetLimits::NAMES.iter().filter(|other| *other != name);
            assert!(
                others.clone().all(|other| set.named(other) == CabinetLimits::default().named(other)),
                "{name}"
            );
        }
        assert_eq!(CabinetLimits::default().named("wings"), None);
        assert_eq!(CabinetLimits::default().with_named("wings", 7), None);
    }
}
