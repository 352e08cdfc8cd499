//! The numbers at which reading a cabinet ends.

/// Defines limits from one table: documentation, setter, name and default of each.
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

            /// The names of the limits, as [`with_named`](Self::with_named) takes them and errors give them.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Sets the limit of this name, as for a command line; `None` for an unknown name.
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
    Limits, u64 {
        /// Sets the most bytes of the cabinet, of all parts of a set together. Default: 1 GiB.
        with_cabinet_bytes cabinet_bytes = 1 << 30;
        /// Sets the most bytes of one file. Default: 1 GiB.
        with_file_bytes file_bytes = 1 << 30;
        /// Sets the most bytes of all files together. Default: 4 GiB.
        with_total_output_bytes total_output_bytes = 4 << 30;
        /// Sets how many times the bytes of the cabinet its files may have. Files of less than 1 MiB together are not judged.
        /// Default: 1000, which MSZIP cannot exceed.
        with_ratio ratio = 1000;
        /// Sets the most folders, of all parts of a set together. Default: 8192.
        with_folders folders = 8192;
        /// Sets the most files, of all parts of a set together. Default: 8192; the format ends at 65,535.
        with_files files = 8192;
        /// Sets the most bytes of one name. Default: 255, where the format ends.
        with_name_bytes name_bytes = 255;
        /// Sets the most bytes of all headers, names and reserve areas together. Default: 4 MiB, which
        /// holds the most files with the longest names.
        with_table_bytes table_bytes = 4 * 1024 * 1024;
        /// Sets how far a program is searched for the cabinet in it. Default: 16 MiB.
        with_stub_bytes stub_bytes = 16 * 1024 * 1024;
        /// Sets the most cabinets in one input. Bytes in a program that look like the header of a cabinet count too.
        /// Default: 16.
        with_cabinets cabinets = 16;
        /// Sets the most parts of a set. Default: 32.
        with_parts parts = 32;
        /// Sets the most bytes that are held in memory since files share bytes, or since a table stands behind the data.
        /// Default: 32 MiB.
        with_held_bytes held_bytes = 32 * 1024 * 1024;
    }
);

impl Limits {
    /// Output below this is not judged by [`with_ratio`](Self::with_ratio).
    pub(crate) const RATIO_SLACK_BYTES: u64 = 1024 * 1024;
}
