//! Building cabinets, and programs that carry one.

mod program;

pub use program::self_extracting;

use std::io::{self, Cursor, Read, Seek, Write};

use cab::CompressionType;
use time::{Date, Month, PrimitiveDateTime, Time};
use ucupdate_core::value::FieldTime;

use crate::cabinet::compression::Compression;

/// The most bytes of files in one folder, unless [`CabinetBuilder::folder`] says otherwise: a folder's blocks are
/// counted in 16 bits, and whoever wants one file must decompress its folder up to it.
const FOLDER_BYTES: u64 = 256 * 1024 * 1024;

/// The most files in a cabinet.
const MAX_FILES: usize = 0xFFFF;

/// Why a cabinet was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A name that the format cannot hold.
    #[error("name `{}` has {} bytes, expected 1 to 255 and no zero", name.escape_debug(), name.len())]
    Name {
        /// The name.
        name: String,
    },
    /// A time that the format cannot hold.
    #[error("time {time} of `{name}` is outside the years 1980 to 2107")]
    Time {
        /// The file's name.
        name: String,
        /// Its time.
        time: FieldTime,
    },
    /// More files than the format counts.
    #[error("cabinet has {found} files, expected at most {MAX_FILES}")]
    Files {
        /// How many.
        found: usize,
    },
    /// A reader gave more or fewer bytes than were announced.
    #[error("content of `{name}` has {found} bytes, expected {expected}")]
    Size {
        /// The file's name.
        name: String,
        /// The bytes announced.
        expected: u64,
        /// The bytes given, at least.
        found: u64,
    },
    /// A compression that is only read.
    #[error("{0} is read, not written")]
    Compression(Compression),
    /// Reading a file's content or writing the cabinet failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Builds a cabinet: the same input gives the same bytes.
///
/// Files keep their order. A new folder begins when the current one would have more than 256 MiB, and at each call
/// of [`folder`](Self::folder).
///
/// ```
/// use ucupdate_cab::{CabinetBuilder, Compression};
/// use ucupdate_core::value::FieldTime;
/// let stamp = FieldTime::new((2009, 3, 6), (17, 10, 38)).unwrap();
/// let build = || {
///     let mut builder = CabinetBuilder::new(Compression::Mszip);
///     builder.file("updateInfo.xml", stamp, b"<Updates/>".to_vec());
///     builder.build().unwrap()
/// };
/// assert!(build().starts_with(b"MSCF"));
/// assert_eq!(build(), build());
/// ```
pub struct CabinetBuilder<'a> {
    compression: Compression,
    folders: Vec<Vec<Planned<'a>>>,
    folder_bytes: u64,
    reserve: Vec<u8>,
}

struct Planned<'a> {
    name: String,
    modified: FieldTime,
    size: u64,
    content: Box<dyn Read + 'a>,
}

impl<'a> CabinetBuilder<'a> {
    /// A cabinet without files, its folders to be compressed so; LZX is not written.
    pub fn new(compression: Compression) -> Self {
        Self { compression, folders: Vec::new(), folder_bytes: 0, reserve: Vec::new() }
    }

    /// Adds a file. In `name` folders are divided by `\`.
    pub fn file(
        &mut self,
        name: impl Into<String>,
        modified: FieldTime,
        content: impl Into<Vec<u8>>,
    ) -> &mut Self {
        let content = content.into();
        self.file_from(name, modified, content.len() as u64, Cursor::new(content))
    }

    /// Adds a file of `size` bytes, to be read when the cabinet is written.
    pub fn file_from(
        &mut self,
        name: impl Into<String>,
        modified: FieldTime,
        size: u64,
        content: impl Read + 'a,
    ) -> &mut Self {
        if self.folders.is_empty() || (self.folder_bytes > 0 && self.folder_bytes + size > FOLDER_BYTES) {
            self.folder();
        }
        self.folder_bytes += size;
        let planned = Planned { name: name.into(), modified, size, content: Box::new(content) };
        if let Some(folder) = self.folders.last_mut() {
            folder.push(planned);
        }
        self
    }

    /// Begins another folder: what follows is compressed for itself.
    pub fn folder(&mut self) -> &mut Self {
        if self.folders.last().is_none_or(|folder| !folder.is_empty()) {
            self.folders.push(Vec::new());
        }
        self.folder_bytes = 0;
        self
    }

    /// Sets the reserve area of the header, at most 60,000 bytes, whose meaning is yours.
    pub fn reserve(&mut self, bytes: impl Into<Vec<u8>>) -> &mut Self {
        self.reserve = bytes.into();
        self
    }

    /// The cabinet's bytes.
    ///
    /// # Errors
    /// When the format cannot hold a name or time, LZX was asked for, or reading a content fails.
    pub fn build(self) -> Result<Vec<u8>, BuildError> {
        Ok(self.write_to(Cursor::new(Vec::new()))?.into_inner())
    }

    /// Writes the cabinet and gives the writer back, at the cabinet's end.
    ///
    /// # Errors
    /// As [`build`](Self::build), and when writing fails.
    pub fn write_to<W: Write + Seek>(mut self, writer: W) -> Result<W, BuildError> {
        let kind = match self.compression {
            Compression::None => CompressionType::None,
            Compression::Mszip => CompressionType::MsZip,
            Compression::Lzx { .. } => return Err(BuildError::Compression(self.compression)),
        };
        self.folders.retain(|folder| !folder.is_empty());
        let found = self.folders.iter().map(Vec::len).sum();
        if found > MAX_FILES {
            return Err(BuildError::Files { found });
        }
        let mut builder = cab::CabinetBuilder::new();
        builder.set_reserve_data(self.reserve);
        for planned in &self.folders {
            let folder = builder.add_folder(kind);
            for file in planned {
                if file.name.is_empty() || file.name.len() > 255 || file.name.contains('\0') {
                    return Err(BuildError::Name { name: file.name.clone() });
                }
                let Some(stamp) = stamp(file.modified) else {
                    return Err(BuildError::Time { name: file.name.clone(), time: file.modified });
                };
                folder.add_file(file.name.as_str()).set_datetime(stamp);
            }
        }
        let mut cabinet = builder.build(writer)?;
        for file in self.folders.into_iter().flatten() {
            let Some(mut target) = cabinet.next_file()? else { break };
            let found = io::copy(&mut file.content.take(file.size.saturating_add(1)), &mut target)?;
            if found != file.size {
                return Err(BuildError::Size { name: file.name, expected: file.size, found });
            }
        }
        Ok(cabinet.finish()?)
    }
}

/// The time as the writer takes it; `None` outside the years the format has.
fn stamp(time: FieldTime) -> Option<PrimitiveDateTime> {
    time.to_dos()?;
    let month = Month::try_from(time.month()).ok()?;
    let date = Date::from_calendar_date(time.year().into(), month, time.day()).ok()?;
    let of_day = Time::from_hms(time.hour(), time.minute(), time.second() & !1).ok()?;
    Some(PrimitiveDateTime::new(date, of_day))
}
