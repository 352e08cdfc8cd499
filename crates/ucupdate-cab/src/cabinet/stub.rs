//! Finds the cabinet in a self-extracting program: in a resource, or behind the program's last section.
//!
//! A program may hold the letters `MSCF` for other reasons (the code that unpacks compares with them), so a place
//! counts only when a whole header, the first folder and the first file make sense there.

use std::io::Read;

use super::header::{
    FILE_BYTES, FOLDER_BYTES, Fixed, HAS_NEXT, HAS_PREVIOUS, HAS_RESERVE, HEADER_BYTES, MAX_NAME_BYTES,
    SIGNATURE, byte_at, u16_at, u32_at,
};
use super::source::{MAX_LOOK_BYTES, Source};
use crate::error::{CabError, Position, Structure};
use crate::limits::Limits;

/// Takes all before the cabinet.
pub(crate) fn find<R: Read>(source: &mut Source<R>, limits: &Limits) -> Result<(), CabError> {
    let at = source.place();
    let begin = source.look(SIGNATURE.len());
    if begin == SIGNATURE {
        return Ok(());
    }
    if !begin.starts_with(b"MZ") {
        let found = if begin.is_empty() { "no bytes".into() } else { format!("bytes {begin:02x?}").into() };
        return Err(not_found(source, at, found));
    }
    loop {
        let searched = source.place().offset;
        let ahead = source.look(MAX_LOOK_BYTES);
        let at_end = ahead.len() < MAX_LOOK_BYTES;
        // Half is judged, with the other half to see the tables in.
        let judged = if at_end { ahead.len() } else { MAX_LOOK_BYTES / 2 };
        let places = ahead.windows(SIGNATURE.len()).take(judged).enumerate();
        let found = places
            .filter(|(_, bytes)| *bytes == SIGNATURE)
            .map(|(place, _)| place)
            .find(|place| is_cabinet(ahead.get(*place..).unwrap_or_default(), at_end));
        if found.is_none() && at_end {
            let found = format!("a program of {} bytes without one", searched + ahead.len() as u64);
            return Err(not_found(source, at, found.into()));
        }
        let skip = found.unwrap_or(judged);
        let before = searched + skip as u64;
        CabError::above("stub_bytes", "program before the cabinet has bytes:", limits.stub_bytes, before)?;
        source.take(skip);
        if found.is_some() {
            return Ok(());
        }
    }
}

/// There is no cabinet, unless the input failed before one came.
fn not_found<R: Read>(source: &mut Source<R>, at: Position, found: Box<str>) -> CabError {
    match source.ended(Structure::Header, at, 0, 0) {
        CabError::Io { at, cause } => CabError::Io { at, cause },
        _ => CabError::NotACabinet { found },
    }
}

/// Whether a cabinet begins here, as far as `ahead` shows; `at_end` when nothing comes behind it.
fn is_cabinet(ahead: &[u8], at_end: bool) -> bool {
    let header = Fixed::parse(ahead);
    let known_flags = HAS_PREVIOUS | HAS_NEXT | HAS_RESERVE;
    let tables = HEADER_BYTES as u64
        + u64::from(header.folders) * FOLDER_BYTES as u64
        + u64::from(header.files) * (FILE_BYTES as u64 + 2);
    let plain = ahead.len() >= HEADER_BYTES
        && header.signature == SIGNATURE
        && header.reserved == [0; 3]
        && header.version == (1, 3)
        && header.flags & !known_flags == 0
        && header.folders > 0
        && header.files > 0
        && u64::from(header.bytes) >= tables
        && header.file_table < header.bytes;
    plain && folder_makes_sense(ahead, &header) && file_makes_sense(ahead, at_end, &header)
}

fn folder_makes_sense(ahead: &[u8], header: &Fixed) -> bool {
    let mut at = HEADER_BYTES;
    if header.flags & HAS_RESERVE != 0 {
        at += 4 + usize::from(u16_at(ahead, at));
    }
    let mut names = 0;
    for flag in [HAS_PREVIOUS, HAS_NEXT] {
        names += if header.flags & flag == 0 { 0 } else { 2 };
    }
    for _ in 0..names {
        let rest = ahead.get(at..).unwrap_or_default();
        match rest.iter().take(MAX_NAME_BYTES).position(|byte| *byte == 0) {
            Some(length) => at += length + 1,
            None => return false,
        }
    }
    let Some(row) = ahead.get(at..at + FOLDER_BYTES) else { return false };
    let first_block = u32_at(row, 0);
    (header.file_table as usize) >= at + FOLDER_BYTES
        && first_block > header.file_table
        && first_block <= header.bytes
        && u16_at(row, 6) & 0xF <= 3
}

/// Whether a file with a name stands at the head of the file table; too far ahead to be seen, it is taken on trust.
fn file_makes_sense(ahead: &[u8], at_end: bool, header: &Fixed) -> bool {
    let at = header.file_table as usize;
    let Some(row) = ahead.get(at..at + FILE_BYTES) else { return !at_end };
    let folder = u16_at(row, 8);
    let name = ahead.get(at + FILE_BYTES..).unwrap_or_default();
    let ends = name.iter().take(MAX_NAME_BYTES).any(|byte| *byte == 0);
    (folder < header.folders || folder >= super::header::FROM_PREVIOUS) && byte_at(name, 0) != 0 && ends
}
