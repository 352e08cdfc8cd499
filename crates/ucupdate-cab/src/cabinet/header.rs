//! Reads the header and tables of one cabinet ([MS-CAB] 2.1 to 2.3).

use std::io::Read;

use super::compression::Compression;
use super::irregularity::Irregularity;
use super::source::InputBuffer;
use crate::error::{CabError, Position, Structure};
use crate::limits::CabinetLimits;

/// The first bytes of a cabinet.
pub(crate) const SIGNATURE: [u8; 4] = *b"MSCF";
/// The size of a header without its optional fields, in bytes.
pub(crate) const HEADER_BYTES: usize = 36;
/// The size of a folder's entry without its reserve area, in bytes.
pub(crate) const FOLDER_BYTES: usize = 8;
/// The size of a file's entry without its name, in bytes.
pub(crate) const FILE_BYTES: usize = 16;
/// The size of the longest name with its final zero, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 256;

pub(crate) const HAS_PREVIOUS: u16 = 1;
pub(crate) const HAS_NEXT: u16 = 2;
pub(crate) const HAS_RESERVE: u16 = 4;

/// The folder index of a file that is continued from the previous part.
pub(crate) const FROM_PREVIOUS: u16 = 0xFFFD;
/// The folder index of a file that continues in the next part.
pub(crate) const TO_NEXT: u16 = 0xFFFE;
/// The folder index of a file that is continued from the previous part and continues in the next.
pub(crate) const FROM_PREVIOUS_TO_NEXT: u16 = 0xFFFF;

/// The header and tables of one part of a set, or of a single cabinet.
#[derive(Debug)]
pub(crate) struct CabinetPart {
    pub(crate) bytes: u32,
    pub(crate) set_id: u16,
    /// The index of the part in its set, counted from 0.
    pub(crate) index: u16,
    /// The file name of the previous part. `None` for the first part.
    pub(crate) previous: Option<Box<str>>,
    /// The file name of the next part. `None` for the last part.
    pub(crate) next: Option<Box<str>>,
    pub(crate) reserve: Box<[u8]>,
    /// The size of the reserve area in each data block, in bytes.
    pub(crate) block_reserve: u8,
    pub(crate) folders: Vec<FolderRow>,
    pub(crate) files: Vec<FileRow>,
    pub(crate) irregularity: Option<Irregularity>,
}

#[derive(Debug)]
pub(crate) struct FolderRow {
    /// The offset of the first block in bytes, from the start of the cabinet.
    pub(crate) first_block: u32,
    pub(crate) blocks: u16,
    pub(crate) compression: Compression,
    pub(crate) at: Position,
}

#[derive(Debug)]
pub(crate) struct FileRow {
    pub(crate) size: u32,
    /// The offset of the file in the uncompressed bytes of its folder.
    pub(crate) begin: u32,
    pub(crate) folder: u16,
    pub(crate) date: u16,
    pub(crate) time: u16,
    pub(crate) attributes: u16,
    pub(crate) name: Box<[u8]>,
    pub(crate) at: Position,
}

/// The total sizes, and the total numbers of folders and files, of all parts that were read so far.
/// Each increase is checked against the limits.
#[derive(Clone)]
pub(crate) struct Spent<'a> {
    pub(crate) limits: &'a CabinetLimits,
    cabinet_bytes: u64,
    folders: u64,
    files: u64,
    table_bytes: u64,
}

impl<'a> Spent<'a> {
    pub(crate) fn new(limits: &'a CabinetLimits) -> Self {
        Self { limits, cabinet_bytes: 0, folders: 0, files: 0, table_bytes: 0 }
    }

    pub(crate) fn cabinet_bytes(&self) -> u64 {
        self.cabinet_bytes
    }

    fn cabinet(&mut self, bytes: u32) -> Result<(), CabError> {
        self.cabinet_bytes += u64::from(bytes);
        let (limit, found) = (self.limits.cabinet_bytes, self.cabinet_bytes);
        CabError::above("cabinet_bytes", "cabinet has bytes:", limit, found)
    }

    fn rows(&mut self, folders: u16, files: u16) -> Result<(), CabError> {
        self.folders += u64::from(folders);
        self.files += u64::from(files);
        CabError::above("folders", "cabinet has folders:", self.limits.folders, self.folders)?;
        // The format has 16-bit numbers for folders and files.
        let limit = self.limits.files.min(u64::from(u16::MAX));
        CabError::above("files", "cabinet has files:", limit, self.files)
    }

    fn table(&mut self, bytes: usize) -> Result<(), CabError> {
        self.table_bytes += bytes as u64;
        let (limit, found) = (self.limits.table_bytes, self.table_bytes);
        CabError::above("table_bytes", "header and tables have bytes:", limit, found)
    }
}

/// Reads the header and the tables of the cabinet that begins at the next byte of the source.
pub(crate) fn read<R: Read>(
    source: &mut InputBuffer<R>,
    spent: &mut Spent<'_>,
) -> Result<CabinetPart, CabError> {
    source.begin_cabinet();
    let at = source.place();
    let fixed = Fixed::parse(source.need(HEADER_BYTES, Structure::Header)?);
    source.take(HEADER_BYTES);
    let damaged =
        |expected: &str, found: String| Err(CabError::damaged(Structure::Header, at, expected, found));
    if fixed.signature != SIGNATURE {
        return damaged("`MSCF`", format!("{:02x?}", fixed.signature));
    }
    if fixed.version.0 != 1 || fixed.version.1 > 3 {
        let found = format!("version {}.{}", fixed.version.0, fixed.version.1).into();
        return Err(CabError::Unsupported { what: Structure::Header, at, expected: "version 1.3", found });
    }
    let least = fixed.least_bytes();
    if u64::from(fixed.bytes) < least {
        let expected = format!("a cabinet of at least {least} bytes, for its tables");
        return damaged(&expected, format!("a stated length of {}", fixed.bytes));
    }
    spent.cabinet(fixed.bytes)?;
    spent.rows(fixed.folders, fixed.files)?;
    spent.table(HEADER_BYTES)?;
    source.set_cabinet_bytes(u64::from(fixed.bytes));

    let mut part = CabinetPart {
        bytes: fixed.bytes,
        set_id: fixed.set_id,
        index: fixed.index,
        previous: None,
        next: None,
        reserve: Box::default(),
        block_reserve: 0,
        folders: Vec::new(),
        files: Vec::new(),
        irregularity: None,
    };
    let mut folder_reserve = 0;
    if fixed.flags & HAS_RESERVE != 0 {
        let sizes = source.need(4, Structure::Header)?;
        let header_reserve = usize::from(u16_at(sizes, 0));
        folder_reserve = usize::from(byte_at(sizes, 2));
        part.block_reserve = byte_at(sizes, 3);
        source.take(4);
        spent.table(header_reserve)?;
        part.reserve = source.need(header_reserve, Structure::Header)?.into();
        source.take(header_reserve);
    }
    if fixed.flags & HAS_PREVIOUS != 0 {
        part.previous = Some(text(source, spent)?);
        text(source, spent)?;
    }
    if fixed.flags & HAS_NEXT != 0 {
        part.next = Some(text(source, spent)?);
        text(source, spent)?;
    }
    for index in 0..fixed.folders {
        part.folders.push(folder(source, spent, index, folder_reserve)?);
    }
    let file_table = u64::from(fixed.file_table);
    if file_table < source.taken() {
        let found = format!("{file_table}, and the tables before it end at {}", source.taken());
        return damaged("the file table behind the folder table", found);
    }
    let begin = source.taken();
    let first_block = part.folders.iter().map(|folder| u64::from(folder.first_block)).min();
    let is_behind_data = first_block.is_some_and(|first| (begin..file_table).contains(&first));
    let gap = file_table - begin;
    let mut hold = None;
    if is_behind_data || source.is_holding() {
        let (limit, found) = (spent.limits.held_bytes, gap);
        CabError::above("held_bytes", "file table stands behind data of bytes:", limit, found)?;
    }
    if is_behind_data {
        part.irregularity = Some(Irregularity::TableBehindData);
        hold = Some(source.hold());
    } else if second_table(source, gap, fixed.folders) {
        part.irregularity = Some(Irregularity::SecondFileTable { at: source.place().offset });
    }
    source.skip_to(file_table, Structure::Header)?;
    for index in 0..fixed.files {
        part.files.push(file(source, spent, index, fixed.folders)?);
    }
    if let Some(offset) = hold {
        source.rewind(offset);
    }
    Ok(part)
}

/// Returns whether the bytes after the folder table look like the entry of a file. A second file
/// table may then begin there. `bytes` is the number of bytes between the folder table and the file
/// table that the header names.
fn second_table<R: Read>(source: &mut InputBuffer<R>, bytes: u64, folders: u16) -> bool {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(FILE_BYTES + MAX_NAME_BYTES);
    let ahead = source.look(bytes);
    let (Some(row), Some(name)) = (ahead.get(..FILE_BYTES), ahead.get(FILE_BYTES..)) else { return false };
    let folder = u16_at(row, 8);
    let length = name.iter().position(|byte| *byte == 0).unwrap_or_default();
    (folder < folders || folder >= FROM_PREVIOUS)
        && length > 0
        && name.iter().take(length).all(|byte| *byte >= b' ')
}

fn folder<R: Read>(
    source: &mut InputBuffer<R>,
    spent: &mut Spent<'_>,
    index: u16,
    reserve: usize,
) -> Result<FolderRow, CabError> {
    let at = source.place();
    let what = Structure::Folder(index);
    spent.table(FOLDER_BYTES + reserve)?;
    let row = source.need(FOLDER_BYTES + reserve, what)?;
    let (first_block, blocks, kind) = (u32_at(row, 0), u16_at(row, 4), u16_at(row, 6));
    source.take(FOLDER_BYTES + reserve);
    let window_bits = kind >> 8 & 0x1F;
    let compression = match (kind & 0xF, u8::try_from(window_bits)) {
        (0, _) => Compression::None,
        (1, _) => Compression::Mszip,
        (3, Ok(window_bits @ 15..=21)) => Compression::Lzx { window_bits },
        _ => Compression::Unsupported { kind },
    };
    Ok(FolderRow { first_block, blocks, compression, at })
}

fn file<R: Read>(
    source: &mut InputBuffer<R>,
    spent: &mut Spent<'_>,
    index: u16,
    folders: u16,
) -> Result<FileRow, CabError> {
    let at = source.place();
    let what = Structure::File(index);
    spent.table(FILE_BYTES)?;
    let row = source.need(FILE_BYTES, what)?;
    let mut file = FileRow {
        size: u32_at(row, 0),
        begin: u32_at(row, 4),
        folder: u16_at(row, 8),
        date: u16_at(row, 10),
        time: u16_at(row, 12),
        attributes: u16_at(row, 14),
        name: Box::default(),
        at,
    };
    source.take(FILE_BYTES);
    if file.folder >= folders && file.folder < FROM_PREVIOUS {
        return Err(CabError::damaged(what, at, "the index of a folder", file.folder));
    }
    let limit = spent.limits.file_bytes;
    CabError::above("file_bytes", "file in the cabinet has bytes:", limit, u64::from(file.size))?;
    file.name = terminated(source, spent, what)?;
    let limit = spent.limits.name_bytes;
    CabError::above("name_bytes", "name of a file has bytes:", limit, file.name.len() as u64)?;
    Ok(file)
}

/// Reads the name of a neighbouring part. The name is used only in messages.
fn text<R: Read>(source: &mut InputBuffer<R>, spent: &mut Spent<'_>) -> Result<Box<str>, CabError> {
    let bytes = terminated(source, spent, Structure::Header)?;
    Ok(String::from_utf8_lossy(&bytes).into())
}

/// Reads the bytes up to a zero byte. Consumes the zero byte too, but does not return it.
fn terminated<R: Read>(
    source: &mut InputBuffer<R>,
    spent: &mut Spent<'_>,
    what: Structure,
) -> Result<Box<[u8]>, CabError> {
    let at = source.place();
    let ahead = source.look(MAX_NAME_BYTES);
    let Some(length) = ahead.iter().position(|byte| *byte == 0) else {
        let found = ahead.len() as u64;
        if found < MAX_NAME_BYTES as u64 {
            return Err(source.ended(what, at, found + 1, found));
        }
        return Err(CabError::damaged(what, at, "a zero after at most 255 bytes of name", "none"));
    };
    spent.table(length + 1)?;
    let bytes = ahead.get(..length).unwrap_or_default().into();
    source.take(length + 1);
    Ok(bytes)
}

pub(crate) struct Fixed {
    pub(crate) signature: [u8; 4],
    pub(crate) bytes: u32,
    pub(crate) file_table: u32,
    /// The version of the format: major, then minor.
    pub(crate) version: (u8, u8),
    pub(crate) folders: u16,
    pub(crate) files: u16,
    pub(crate) flags: u16,
    pub(crate) set_id: u16,
    pub(crate) index: u16,
}

impl Fixed {
    /// Returns the smallest possible size in bytes of a cabinet that has as many folders and files
    /// as this header states.
    pub(crate) fn least_bytes(&self) -> u64 {
        HEADER_BYTES as u64
            + u64::from(self.folders) * FOLDER_BYTES as u64
            + u64::from(self.files) * (FILE_BYTES as u64 + 1)
    }

    /// Reads a header of [`HEADER_BYTES`] bytes. Missing bytes count as zero.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self {
            signature: u32_at(bytes, 0).to_le_bytes(),
            bytes: u32_at(bytes, 8),
            file_table: u32_at(bytes, 16),
            version: (byte_at(bytes, 25), byte_at(bytes, 24)),
            folders: u16_at(bytes, 26),
            files: u16_at(bytes, 28),
            flags: u16_at(bytes, 30),
            set_id: u16_at(bytes, 32),
            index: u16_at(bytes, 34),
        }
    }
}

/// Returns the byte at `at`, or zero after the end.
pub(crate) fn byte_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or_default()
}

/// Returns the little-endian 16-bit number at `at`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([byte_at(bytes, at), byte_at(bytes, at + 1)])
}

/// Returns the little-endian 32-bit number at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}
