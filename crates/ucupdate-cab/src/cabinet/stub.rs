//! Finds the cabinet in a self-extracting program: in a resource, or behind the program's last section.
//!
//! A program may hold the letters `MSCF` for other reasons (the code that unpacks compares with them), so a place
//! counts only when a whole header, the first folder and the first file make sense there.

use std::io::Read;

use super::header::{
    FILE_BYTES, FOLDER_BYTES, Fixed, HAS_NEXT, HAS_PREVIOUS, HAS_RESERVE, HEADER_BYTES, MAX_NAME_BYTES,
    SIGNATURE, u16_at, u32_at,
};
use super::source::{MAX_LOOK_BYTES, Source};
use crate::error::{CabError, Position, Structure};
use crate::limits::Limits;

/// How much less than its stated length a cabinet in a program may have, as some writers count a few bytes too many.
const LENGTH_SLACK_BYTES: usize = 4096;

/// Takes all before the cabinet.
pub(crate) fn find<R: Read>(source: &mut Source<R>, limits: &Limits) -> Result<(), CabError> {
    let at = source.place();
    let begin = source.look(8);
    if begin.starts_with(&SIGNATURE) {
        return Ok(());
    }
    if !begin.starts_with(b"MZ") {
        let found = name_of_form(begin).map_or_else(|| format!("bytes {begin:02x?}").into(), Into::into);
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

/// The name of another form that the input may have, by its first bytes.
fn name_of_form(begin: &[u8]) -> Option<&'static str> {
    const FORMS: [(&[u8], &str); 17] = [
        (b"PK", "a zip archive; extract the cabinet in it first"),
        (b"\xD0\xCF\x11\xE0", "an installer package (.msi); extract the cabinet in it first"),
        (b"7z\xBC\xAF", "a 7z archive; extract the cabinet in it first"),
        (b"Rar!", "a RAR archive; extract the cabinet in it first"),
        (b"\x1F\x8B", "gzip; decompress it first"),
        (b"BZh", "bzip2; decompress it first"),
        (b"\xFD7zXZ", "xz; decompress it first"),
        (b"ISc(", "an InstallShield cabinet, which is another format"),
        (b"B000FF", "a bare firmware image (.nbt); pack it into a package first"),
        (b"\x7FELF", "a program of another system"),
        (b"%PDF", "a PDF document"),
        (b"<?xml", "an XML document"),
        (b"\xEF\xBB\xBF<", "an XML document"),
        (b"<", "an XML or HTML document"),
        (b"-----BEG", "a PEM file"),
        (b"\x30\x82", "a signature catalogue or certificate (DER)"),
        (b"\0\0\0\0\0\0\0\0", "zeros"),
    ];
    if begin.is_empty() {
        return Some("no bytes");
    }
    FORMS.iter().find(|(start, _)| begin.starts_with(start)).map(|(_, name)| *name)
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
        && header.version == (1, 3)
        && header.flags & !known_flags == 0
        && header.folders > 0
        && header.files > 0
        && u64::from(header.bytes) >= tables
        && header.file_table < header.bytes;
    plain
        && folder_makes_sense(ahead, &header)
        && files_make_sense(ahead, at_end, &header)
        && (!at_end || header.bytes as usize <= ahead.len() + LENGTH_SLACK_BYTES)
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

/// Whether files with names stand in the file table; files that are too far ahead to be seen are taken on trust.
fn files_make_sense(ahead: &[u8], at_end: bool, header: &Fixed) -> bool {
    let mut at = header.file_table as usize;
    for _ in 0..header.files {
        let Some(row) = ahead.get(at..at + FILE_BYTES) else { return !at_end };
        let folder = u16_at(row, 8);
        let name = ahead.get(at + FILE_BYTES..).unwrap_or_default();
        let Some(length) = name.iter().take(MAX_NAME_BYTES).position(|byte| *byte == 0) else {
            return !at_end && name.len() < MAX_NAME_BYTES;
        };
        if length == 0 || (folder >= header.folders && folder < super::header::FROM_PREVIOUS) {
            return false;
        }
        at += FILE_BYTES + length + 1;
    }
    true
}

/// Looks for another cabinet behind the one that was read, within the limit of a program before a cabinet.
pub(crate) fn find_another<R: Read>(source: &mut Source<R>, limits: &Limits) -> Option<u64> {
    source.set_cabinet_bytes(u64::MAX);
    let begin = source.place().offset;
    loop {
        let at = source.place().offset;
        let ahead = source.look(MAX_LOOK_BYTES);
        let at_end = ahead.len() < MAX_LOOK_BYTES;
        let judged = if at_end { ahead.len() } else { MAX_LOOK_BYTES / 2 };
        let mut places = ahead.windows(SIGNATURE.len()).take(judged).enumerate();
        let found = places.find(|(place, bytes)| {
            *bytes == SIGNATURE && is_cabinet(ahead.get(*place..).unwrap_or_default(), at_end)
        });
        if let Some((place, _)) = found {
            return Some(at + place as u64);
        }
        if at_end || at - begin > limits.stub_bytes {
            return None;
        }
        source.take(judged);
    }
}
