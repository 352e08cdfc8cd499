//! Joins the tables of all parts of a set. A folder can continue in the next part. A file that
//! continues with the folder is listed in the tables of both parts.

use super::codec::MAX_OUTPUT_BYTES;
use super::compression::Compression;
use super::entry::FileEntry;
use super::header::{CabinetPart, FROM_PREVIOUS, FROM_PREVIOUS_TO_NEXT, FileRow, Spent, TO_NEXT};
use super::irregularity::Irregularity;
use crate::code_page::CodePage;
use crate::error::{CabError, Position, Structure};
use crate::limits::CabinetLimits;
use crate::path::mark_clashes;
use std::collections::HashMap;
use ucupdate_core::value::Counted;

/// A folder and the location of its data blocks.
pub(crate) struct CabinetFolder {
    pub(crate) number: u16,
    pub(crate) compression: Compression,
    /// The offset in the folder at which the last file ends, in bytes.
    pub(crate) bytes: u64,
    /// The total size of the folder's files in bytes. It can be more than [`bytes`](Self::bytes),
    /// because files can share bytes.
    pub(crate) output_bytes: u64,
    pub(crate) pieces: Vec<FolderPiece>,
    pub(crate) at: Position,
}

impl CabinetFolder {
    /// Returns whether the folder must be decompressed: its compression is supported, and it has
    /// files that are not empty.
    pub(crate) fn is_read(&self) -> bool {
        self.bytes > 0 && !matches!(self.compression, Compression::Unsupported { .. })
    }
}

/// The blocks of a folder that are in one part.
pub(crate) struct FolderPiece {
    pub(crate) part: usize,
    pub(crate) first_block: u32,
    pub(crate) blocks: u16,
}

pub(crate) struct Tables {
    /// The folders in the order of their data.
    pub(crate) folders: Vec<CabinetFolder>,
    /// The files in the order of the tables.
    pub(crate) entries: Vec<FileEntry>,
    /// The files in the order of their data.
    pub(crate) order: Vec<OrderedFile>,
    /// The compression of each folder. The index is the number of the folder.
    pub(crate) compressions: Vec<Compression>,
    pub(crate) irregularities: Vec<Irregularity>,
}

/// A file and the location of its data.
#[derive(Clone, Copy)]
pub(crate) struct OrderedFile {
    /// The index of the file's folder in [`Tables::folders`].
    pub(crate) folder: u16,
    pub(crate) entry: u16,
    /// The offset of the file in the uncompressed bytes of the folder.
    pub(crate) begin: u64,
}

/// Checks that the parts form one complete set. The parts must be sorted by their index.
pub(crate) fn check_whole(parts: &[&CabinetPart]) -> Result<(), CabError> {
    let not_one_set = |expected: String, found: String| {
        Err(CabError::NotOneSet { expected: expected.into(), found: found.into() })
    };
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
        return not_one_set("at least one input".into(), "none".into());
    };
    if parts.len() == 1 && first.previous.is_none() && first.next.is_none() {
        return Ok(());
    }
    let mut before: Option<&CabinetPart> = None;
    for (expected, part) in (0_u16..).zip(parts) {
        if part.set_id != first.set_id {
            return not_one_set(format!("set {}", first.set_id), format!("a part of set {}", part.set_id));
        }
        if before.is_some_and(|before| before.index == part.index) {
            return not_one_set("each part once".into(), format!("part {} twice", u32::from(part.index) + 1));
        }
        if part.index != expected {
            let name = before.map_or(part.previous.clone(), |before| before.next.clone());
            return Err(CabError::MissingPart { part: expected.saturating_add(1), name });
        }
        if part.previous.is_some() != (expected > 0) {
            let found = if expected > 0 { "one that names none" } else { "one that names another" };
            let expected = format!("part {}, which names the part before it", u32::from(expected) + 1);
            return not_one_set(expected, found.into());
        }
        if before.is_some_and(|before| before.next.is_none()) {
            let parts = Counted::new(expected, "part");
            return not_one_set(format!("{parts}, as part {expected} names no next"), "more".into());
        }
        before = Some(part);
    }
    match &last.next {
        Some(name) => {
            Err(CabError::MissingPart { part: last.index.saturating_add(2), name: Some(name.clone()) })
        }
        None => Ok(()),
    }
}

pub(crate) fn join(
    parts: Vec<CabinetPart>,
    spent: &Spent<'_>,
    code_page: CodePage,
) -> Result<Tables, CabError> {
    let mut joined = Joined { folders: Vec::new(), rows: Vec::new() };
    for (number, part) in parts.into_iter().enumerate() {
        joined.add(number, part)?;
    }
    joined.into_tables(spent, code_page)
}

struct Joined {
    folders: Vec<CabinetFolder>,
    /// The files, each with the index of its folder.
    rows: Vec<(u16, FileRow)>,
}

impl Joined {
    fn add(&mut self, number: usize, part: CabinetPart) -> Result<(), CabError> {
        let goes_on =
            part.files.iter().any(|file| matches!(file.folder, FROM_PREVIOUS | FROM_PREVIOUS_TO_NEXT));
        let offset = if goes_on { self.folders.len().saturating_sub(1) } else { self.folders.len() };
        let is_last = part.next.is_none();
        for (index, row) in part.folders.into_iter().enumerate() {
            let piece = FolderPiece { part: number, first_block: row.first_block, blocks: row.blocks };
            if let (true, 0, Some(folder)) = (goes_on, index, self.folders.last_mut()) {
                if folder.compression != row.compression {
                    let what = Structure::Folder(folder.number);
                    let expected = format!("{} as in the part before", folder.compression);
                    return Err(CabError::damaged(what, row.at, expected, row.compression));
                }
                folder.pieces.push(piece);
                continue;
            }
            self.folders.push(CabinetFolder {
                number: small(self.folders.len()),
                compression: row.compression,
                bytes: 0,
                output_bytes: 0,
                pieces: vec![piece],
                at: row.at,
            });
        }
        for (index, row) in part.files.into_iter().enumerate() {
            let what = Structure::File(small(index));
            let damaged =
                |expected: String, found: &str| Err(CabError::damaged(what, row.at, expected, found));
            let continued = matches!(row.folder, FROM_PREVIOUS | FROM_PREVIOUS_TO_NEXT);
            if continued && number == 0 {
                return damaged(
                    "a folder in this part".into(),
                    "one continued from the part before the first",
                );
            }
            if matches!(row.folder, TO_NEXT | FROM_PREVIOUS_TO_NEXT) && is_last {
                return damaged("a folder in this part".into(), "one continued in a part after the last");
            }
            let folder = match row.folder {
                FROM_PREVIOUS | FROM_PREVIOUS_TO_NEXT => Some(offset),
                TO_NEXT => self.folders.len().checked_sub(1),
                own => Some(offset + usize::from(own)),
            };
            let Some(folder) = folder.filter(|folder| *folder < self.folders.len()) else {
                let found = row.folder.to_string();
                return damaged("the index of a folder".into(), &found);
            };
            let folder = small(folder);
            if continued {
                let same = |(other, known): &(u16, FileRow)| {
                    *other == folder
                        && (known.begin, known.size, &known.name) == (row.begin, row.size, &row.name)
                };
                if !self.rows.iter().any(same) {
                    return damaged("a file that the part before begins".into(), "one it does not name");
                }
                continue;
            }
            self.rows.push((folder, row));
        }
        Ok(())
    }

    fn into_tables(self, spent: &Spent<'_>, code_page: CodePage) -> Result<Tables, CabError> {
        let Self { mut folders, rows } = self;
        let mut irregularities = Vec::new();
        let data_of = folders_with_the_same_data(&folders, &mut irregularities);
        let data = |folder: u16| data_of.get(usize::from(folder)).copied().unwrap_or(folder);
        let mut by_place: Vec<u16> = rows.iter().enumerate().map(|(index, _)| small(index)).collect();
        let key = |index: &u16| {
            rows.get(usize::from(*index)).map(|(folder, row)| (data(*folder), row.begin, row.size, *index))
        };
        by_place.sort_by_key(key);
        let mut held = 0;
        for index in &by_place {
            let Some((folder, row)) = rows.get(usize::from(*index)) else { continue };
            let Some(folder) = folders.get_mut(usize::from(data(*folder))) else { continue };
            if row.size > 0 {
                let begin = u64::from(row.begin);
                note_place(folder, begin, &mut irregularities);
                held = held.max(folder.bytes.saturating_sub(begin));
                folder.bytes = folder.bytes.max(begin + u64::from(row.size));
                folder.output_bytes += u64::from(row.size);
            }
        }
        note_unread(&folders, &rows, &mut irregularities)?;
        check_output(&folders, spent.limits, spent.cabinet_bytes())?;
        CabError::above("held_bytes", "files share bytes:", spent.limits.held_bytes, held)?;

        let begins: Vec<u64> = rows.iter().map(|(_, row)| row.begin.into()).collect();
        let mut entries: Vec<FileEntry> =
            rows.into_iter().map(|(folder, row)| FileEntry::new(row, folder, code_page)).collect();
        let mut paths: Vec<_> = entries.iter_mut().map(FileEntry::take_path).collect();
        mark_clashes(&mut paths);
        entries.iter_mut().zip(paths).for_each(|(entry, path)| entry.path = path);

        let compressions = folders.iter().map(|folder| folder.compression).collect();
        folders.sort_by_key(|folder| folder.pieces.first().map(|piece| (piece.part, piece.first_block)));
        let mut rank = vec![0; folders.len()];
        for (place, folder) in folders.iter().enumerate() {
            if let Some(rank) = rank.get_mut(usize::from(folder.number)) {
                *rank = small(place);
            }
        }
        let ordered = |entry: u16| {
            let folder = entries.get(usize::from(entry)).map_or(0, FileEntry::folder);
            let folder = rank.get(usize::from(data(folder))).copied().unwrap_or_default();
            OrderedFile { folder, entry, begin: begins.get(usize::from(entry)).copied().unwrap_or_default() }
        };
        let is_read = |file: &OrderedFile| {
            let folder = folders.get(usize::from(file.folder));
            !folder.is_some_and(|folder| matches!(folder.compression, Compression::Unsupported { .. }))
        };
        let mut order: Vec<OrderedFile> = by_place.into_iter().map(ordered).filter(is_read).collect();
        order.sort_by_key(|file| file.folder);
        Ok(Tables { folders, entries, order, compressions, irregularities })
    }
}

/// Returns, for each folder, the number of the first folder with the same data. A folder that
/// shares no data gets its own number. Reports each shared folder.
fn folders_with_the_same_data(folders: &[CabinetFolder], irregularities: &mut Vec<Irregularity>) -> Vec<u16> {
    let mut seen = HashMap::new();
    let mut data_of = Vec::with_capacity(folders.len());
    for folder in folders {
        let number = folder.number;
        let first = match folder.pieces.as_slice() {
            [piece] if piece.blocks > 0 => {
                let place = (piece.part, piece.first_block, piece.blocks, folder.compression);
                *seen.entry(place).or_insert(number)
            }
            _ => number,
        };
        if first != number {
            irregularities.push(Irregularity::SharedFolder { folder: number, first });
        }
        data_of.push(first);
    }
    data_of
}

/// Reports the folders with an unsupported compression. Fails if no folder of the cabinet can be read.
fn note_unread(
    folders: &[CabinetFolder],
    rows: &[(u16, FileRow)],
    irregularities: &mut Vec<Irregularity>,
) -> Result<(), CabError> {
    let is_unread = |folder: &&CabinetFolder| matches!(folder.compression, Compression::Unsupported { .. });
    if let Some(first) = folders.first()
        && folders.iter().all(|folder| is_unread(&folder))
    {
        return Err(CabError::Unsupported {
            what: Structure::Folder(first.number),
            at: first.at,
            expected: "none, MSZIP, or LZX with a window of 15 to 21 bits",
            found: first.compression.to_string().into(),
        });
    }
    for folder in folders.iter().filter(is_unread) {
        let files = small(rows.iter().filter(|(number, _)| *number == folder.number).count());
        irregularities.push(Irregularity::UnreadFolder {
            folder: folder.number,
            compression: folder.compression,
            files,
        });
    }
    Ok(())
}

/// Reports a file that does not begin at the end of the file before it. `begin` is the offset of
/// the file in the folder.
fn note_place(folder: &CabinetFolder, begin: u64, irregularities: &mut Vec<Irregularity>) {
    let number = folder.number;
    if begin < folder.bytes {
        match irregularities.last_mut() {
            Some(Irregularity::SharedBytes { folder, files }) if *folder == number => *files += 1,
            _ => irregularities.push(Irregularity::SharedBytes { folder: number, files: 1 }),
        }
    } else if begin > folder.bytes {
        let bytes = begin - folder.bytes;
        match irregularities.last_mut() {
            Some(Irregularity::Gap { folder, bytes: known }) if *folder == number => *known += bytes,
            _ => irregularities.push(Irregularity::Gap { folder: number, bytes }),
        }
    }
}

/// Checks the sizes in the tables against the number of blocks and the limits, before any data is
/// decompressed.
fn check_output(
    folders: &[CabinetFolder],
    limits: &CabinetLimits,
    cabinet_bytes: u64,
) -> Result<(), CabError> {
    for folder in folders {
        let blocks: u64 = folder.pieces.iter().map(|piece| u64::from(piece.blocks)).sum();
        let most = blocks * MAX_OUTPUT_BYTES as u64;
        if folder.bytes > most {
            let expected = format!("files of at most {most} bytes in {blocks} data blocks");
            return Err(CabError::damaged(
                Structure::Folder(folder.number),
                folder.at,
                expected,
                folder.bytes,
            ));
        }
    }
    let output: u64 = folders.iter().map(|folder| folder.output_bytes).sum();
    CabError::above("total_output_bytes", "files have bytes together:", limits.total_output_bytes, output)?;
    if output > CabinetLimits::RATIO_SLACK_BYTES {
        let ratio = output.div_ceil(cabinet_bytes.max(1));
        CabError::above("ratio", "files have times the cabinet's bytes:", limits.ratio, ratio)?;
    }
    Ok(())
}

/// Converts an index or a number of table entries. Nothing is lost, because the tables have 16-bit
/// numbers, and the totals of a set are limited to 16 bits as well.
fn small(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
