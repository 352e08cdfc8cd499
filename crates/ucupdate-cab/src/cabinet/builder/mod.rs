//! Builds cabinets, and self-extracting programs that contain a cabinet.

mod program;

pub use program::self_extracting;

use std::io::{self, Cursor, Read, Seek, Write};

use cab::CompressionType;
use time::{Date, Month, PrimitiveDateTime, Time};
use ucupdate_core::value::FieldTime;

use crate::cabinet::compression::Compression;

/// The size of a folder in bytes above which [`CabinetBuilder::file_from`] begins a new folder. The
/// format counts the blocks of a folder with 16 bits. Small folders are also faster to read,
/// because a reader decompresses a folder up to the file that it needs.
const FOLDER_BYTES: u64 = 256 * 1024 * 1024;

const MAX_FILES: usize = 0xFFFF;

/// The reason why a cabinet was not built.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum BuildError {
    /// The format cannot store the name of this file.
    #[error("name `{}` has {} bytes, expected 1 to 255 bytes without a zero byte", name.escape_debug(), name.len())]
    Name { name: String },
    /// The format cannot store the modification time of this file.
    #[error("time {time} of `{name}` is outside the years 1980 to 2107")]
    Time { name: String, time: FieldTime },
    /// The cabinet has more files than the format allows. The format has 16 bits for the number of
    /// files.
    #[error("cabinet has {found} files, expected at most {MAX_FILES}")]
    Files { found: usize },
    /// The content of a file has another size than the caller of [`CabinetBuilder::file_from`]
    /// stated. If the content is longer, `found` is `expected` plus one.
    #[error("content of `{name}` has {found} bytes, expected {expected}")]
    Size { name: String, expected: u64, found: u64 },
    /// The builder cannot write this compression. It writes no compression or MSZIP.
    #[error("{0} is supported for reading only, expected none or MSZIP")]
    Compression(Compression),
    /// Reading the content of a file or writing the cabinet failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Builder of a cabinet. Equal input gives equal bytes.
///
/// Files keep their order. A new folder begins at each call of [`folder`](Self::folder), and where the current folder
/// would have more than 256 MiB.
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
    /// Creates a builder without files. All folders of the cabinet have this compression. It must
    /// be [`Compression::None`] or [`Compression::Mszip`].
    pub fn new(compression: Compression) -> Self {
        Self { compression, folders: Vec::new(), folder_bytes: 0, reserve: Vec::new() }
    }

    /// Adds a file. `\` divides the folders in `name`, as in `CPE\CPE.nbt`.
    pub fn file(
        &mut self,
        name: impl Into<String>,
        modified: FieldTime,
        content: impl Into<Vec<u8>>,
    ) -> &mut Self {
        let content = content.into();
        self.file_from(name, modified, content.len() as u64, Cursor::new(content))
    }

    /// Adds a file of `size` bytes. `content` is read when the cabinet is built, and must have
    /// exactly this size.
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

    /// Begins another folder. Files that are added later are compressed separately from the earlier
    /// files.
    pub fn folder(&mut self) -> &mut Self {
        if self.folders.last().is_none_or(|folder| !folder.is_empty()) {
            self.folders.push(Vec::new());
        }
        self.folder_bytes = 0;
        self
    }

    /// Sets the reserve area of the header, at most 60,000 bytes. The cabinet format gives the area no meaning.
    pub fn reserve(&mut self, bytes: impl Into<Vec<u8>>) -> &mut Self {
        self.reserve = bytes.into();
        self
    }

    /// Returns the bytes of the cabinet.
    ///
    /// # Errors
    /// Fails when the format cannot store a name, a time or the number of files. Fails when the
    /// compression is neither none nor MSZIP, and when the reserve area is too large. Fails when
    /// reading the content of a file fails, or the content has another size than stated.
    pub fn build(self) -> Result<Vec<u8>, BuildError> {
        Ok(self.write_to(Cursor::new(Vec::new()))?.into_inner())
    }

    /// Writes the cabinet and returns the writer, positioned at the end of the cabinet.
    ///
    /// # Errors
    /// Fails as [`build`](Self::build) does, and when writing fails.
    pub fn write_to<W: Write + Seek>(mut self, writer: W) -> Result<W, BuildError> {
        let kind = match self.compression {
            Compression::None => CompressionType::None,
            Compression::Mszip => CompressionType::MsZip,
            Compression::Lzx { .. } | Compression::Unsupported { .. } => {
                return Err(BuildError::Compression(self.compression));
            }
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

/// Converts the time for the writer. `None` if the year is outside 1980 to 2107.
fn stamp(time: FieldTime) -> Option<PrimitiveDateTime> {
    time.to_dos()?;
    let month = Month::try_from(time.month()).ok()?;
    let date = Date::from_calendar_date(time.year().into(), month, time.day()).ok()?;
    let of_day = Time::from_hms(time.hour(), time.minute(), time.second() & !1).ok()?;
    Some(PrimitiveDateTime::new(date, of_day))
}
