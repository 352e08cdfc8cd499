//! Irregularities of a cabinet. The reader reports them, and fails only in strict reading.

use super::compression::Compression;
use std::fmt;
use ucupdate_core::value::Counted;

/// An irregularity of a cabinet. The files are still read correctly, unless
/// [`is_incomplete`](Self::is_incomplete) or [`is_ambiguous`](Self::is_ambiguous) returns `true`.
///
/// Folders and parts are counted as in [`Structure`](crate::Structure) and [`Position`](crate::Position).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the text documents the field")]
#[non_exhaustive]
pub enum Irregularity {
    /// Files of a folder share bytes. Some programs store identical files this way. `files` is the
    /// number of files that begin in the bytes of an earlier file.
    SharedBytes { folder: u16, files: u16 },
    /// Some bytes between the files of a folder belong to no file. `bytes` is their number.
    Gap { folder: u16, bytes: u64 },
    /// Data after the last file of a folder belongs to no file.
    Tail { folder: u16 },
    /// Two folders refer to the same data blocks. `first` is the first of these folders.
    SharedFolder { folder: u16, first: u16 },
    /// The file table is after the data.
    TableBehindData,
    /// The header states a length that differs from the real length of the cabinet. Both are in
    /// bytes.
    Length { part: u16, stated: u64, found: u64 },
    /// A folder has an unsupported compression, so its files were not read.
    UnreadFolder { folder: u16, compression: Compression, files: u16 },
    /// There is another file table before the one that the header names. Other tools may list the
    /// files of that table. `at` is its offset in the input.
    SecondFileTable { at: u64 },
    /// The input contains another cabinet, `bytes` long, at offset `at`. Other tools may list the
    /// files of that cabinet.
    OtherCabinet { at: u64, bytes: u64 },
    /// Bytes at offset `at` of the input look like the header of a cabinet, but its header or
    /// tables cannot be read.
    NoCabinet { at: u64, error: Box<str> },
}

impl Irregularity {
    /// Returns whether files of the cabinet were not read.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::UnreadFolder { .. })
    }

    /// Returns whether other tools may list other files of the cabinet than this reader.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::SecondFileTable { .. })
    }
}

impl fmt::Display for Irregularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SharedBytes { folder, files } => {
                let files = Counted::new(*files, "file");
                write!(f, "folder {folder} has {files} whose bytes are also in another file")
            }
            Self::Gap { folder, bytes } => {
                let bytes = Counted::new(*bytes, "byte").with_verb("belongs", "belong");
                write!(f, "between the files of folder {folder} {bytes} to no file")
            }
            Self::Tail { folder } => write!(f, "folder {folder} has data that belongs to no file"),
            Self::SharedFolder { folder, first } => {
                write!(f, "folder {folder} has the data of folder {first}")
            }
            Self::TableBehindData => f.write_str("the file table is after the data"),
            Self::Length { part, stated, found } => {
                write!(f, "part {part} has {found} bytes, but its header states {stated}")
            }
            Self::UnreadFolder { folder, compression, files } => {
                let files = Counted::new(*files, "file");
                write!(f, "folder {folder} has {files} that cannot be read: {compression} is not supported")
            }
            Self::SecondFileTable { at } => {
                write!(f, "there is another file table at byte {at}, before the one that the header names")
            }
            Self::OtherCabinet { at, bytes } => {
                write!(f, "there is another cabinet of {bytes} bytes at byte {at}")
            }
            Self::NoCabinet { at, error } => {
                write!(f, "bytes at byte {at} look like a cabinet, but cannot be read: {error}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_irregularity_says_what_is_where() {
        for (irregularity, text) in [
            (
                Irregularity::SharedBytes { folder: 1, files: 2 },
                "folder 1 has 2 files whose bytes are also in another file",
            ),
            (
                Irregularity::Gap { folder: 0, bytes: 1 },
                "between the files of folder 0 1 byte belongs to no file",
            ),
            (Irregularity::SharedFolder { folder: 3, first: 1 }, "folder 3 has the data of folder 1"),
            (Irregularity::TableBehindData, "the file table is after the data"),
            (
                Irregularity::SecondFileTable { at: 36 },
                "there is another file table at byte 36, before the one that the header names",
            ),
        ] {
            assert_eq!(irregularity.to_string(), text);
            assert!(!irregularity.is_incomplete());
        }
    }
}
