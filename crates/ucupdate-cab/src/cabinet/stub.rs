//! Finds the cabinets in a self-extracting program. A cabinet is in a resource, or after the last
//! section of the program.
//!
//! A program may contain the letters `MSCF` for other reasons, for example in the code that unpacks
//! the cabinet. Therefore the search first checks whether the header, the first folder and the
//! first file after the letters are plausible. This check has a constant cost. Only then it tries
//! to read all tables. If the tables cannot be read, the search continues after the letters.
//! [`CabinetLimits::with_cabinets`] limits the number of tries.

use std::io::Read;

use super::header::{
    self, CabinetPart, FILE_BYTES, FOLDER_BYTES, FROM_PREVIOUS, Fixed, HAS_NEXT, HAS_PREVIOUS, HAS_RESERVE,
    HEADER_BYTES, MAX_NAME_BYTES, SIGNATURE, Spent, u16_at, u32_at,
};
use super::irregularity::Irregularity;
use super::source::{InputBuffer, MAX_LOOK_BYTES};
use crate::error::{CabError, Position, Structure};
use crate::limits::CabinetLimits;

/// The search for cabinets in one input.
#[derive(Default)]
pub(crate) struct Search {
    /// The number of offsets in the input at which the search tried to read a cabinet.
    tried: u64,
    /// One [`Irregularity::NoCabinet`] for each offset at which the bytes look like a cabinet that
    /// cannot be read.
    pub(crate) notes: Vec<Irregularity>,
    /// The first error of reading bytes that look like a cabinet.
    first_error: Option<CabError>,
}

impl Search {
    /// Skips to the first cabinet, and reads its header and tables. If `offset` is given, the
    /// cabinet must begin at this offset of the input.
    pub(crate) fn first<R: Read>(
        &mut self,
        source: &mut InputBuffer<R>,
        spent: &mut Spent<'_>,
        offset: Option<u64>,
    ) -> Result<CabinetPart, CabError> {
        let at = source.place();
        if let Some(offset) = offset {
            within_stub(spent.limits, offset)?;
            source.skip_to(offset, Structure::Header)?;
        } else {
            let begin = source.look(8);
            if !begin.starts_with(&SIGNATURE) && !begin.starts_with(b"MZ") {
                let found =
                    name_of_form(begin).map_or_else(|| format!("bytes {begin:02x?}").into(), Into::into);
                return Err(not_found(source, at, found));
            }
            if begin.starts_with(b"MZ") {
                if let Some(part) = self.next(source, spent)? {
                    return Ok(part);
                }
                let found = format!("a program of {} bytes without one", source.place().offset);
                return Err(self.first_error.take().unwrap_or_else(|| not_found(source, at, found.into())));
            }
        }
        let part = header::read(source, spent);
        source.release_held();
        part
    }

    /// Skips to the next cabinet, and reads its header and tables. Returns `None` if the input
    /// contains no further cabinet.
    pub(crate) fn next<R: Read>(
        &mut self,
        source: &mut InputBuffer<R>,
        spent: &mut Spent<'_>,
    ) -> Result<Option<CabinetPart>, CabError> {
        let begin = source.place().offset;
        loop {
            let searched = source.place().offset;
            let ahead = source.look(MAX_LOOK_BYTES);
            let at_end = ahead.len() < MAX_LOOK_BYTES;
            // Only the first half of the bytes is searched. The second half has the tables of a
            // header that is at the end of the first half.
            let judged = if at_end { ahead.len() } else { MAX_LOOK_BYTES / 2 };
            let mut places = ahead.windows(SIGNATURE.len()).take(judged).enumerate();
            let found = places.find(|(place, bytes)| {
                *bytes == SIGNATURE && is_worth_a_try(ahead.get(*place..).unwrap_or_default())
            });
            let skip = found.map_or(judged, |(place, _)| place);
            let is_found = found.is_some();
            if is_found || !at_end {
                within_stub(spent.limits, searched + skip as u64 - begin)?;
            }
            source.take(skip);
            match (is_found, at_end) {
                (true, _) => {}
                (false, false) => continue,
                (false, true) => return Ok(None),
            }
            if let Some(part) = self.try_here(source, spent)? {
                return Ok(Some(part));
            }
        }
    }

    /// Reads the header and the tables of a cabinet at the current position. If they cannot be
    /// read, skips the letters `MSCF` and returns `None`.
    fn try_here<R: Read>(
        &mut self,
        source: &mut InputBuffer<R>,
        spent: &mut Spent<'_>,
    ) -> Result<Option<CabinetPart>, CabError> {
        self.tried += 1;
        CabError::above(
            "cabinets",
            "cabinets, or headers that look like one:",
            spent.limits.cabinets,
            self.tried,
        )?;
        let at = source.hold();
        let mut tried = spent.clone();
        let read = header::read(source, &mut tried);
        let part = match read {
            Ok(part) => {
                *spent = tried;
                Some(part)
            }
            Err(error @ CabError::Io { .. }) => return Err(error),
            Err(error) => {
                source.end_cabinet();
                source.rewind(at);
                self.notes.push(Irregularity::NoCabinet { at, error: error.to_string().into() });
                self.first_error.get_or_insert(error);
                source.take(SIGNATURE.len());
                None
            }
        };
        source.release_held();
        Ok(part)
    }
}

fn within_stub(limits: &CabinetLimits, before: u64) -> Result<(), CabError> {
    CabError::above("stub_bytes", "program before the cabinet has bytes:", limits.stub_bytes, before)
}

/// Returns the name of the file format of an input without a cabinet, judged by its first bytes.
/// Most of these texts also say what to do, such as `gzip; decompress it first`. `None` if the
/// format is not known.
fn name_of_form(begin: &[u8]) -> Option<&'static str> {
    const FORMS: [(&[u8], &str); 17] = [
        (b"PK", "a zip archive; extract it and pass the cabinet in it, or build a package from its files"),
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

/// Returns the error for an input without a cabinet, or the I/O error if reading the input failed.
/// `found` describes the input.
fn not_found<R: Read>(source: &mut InputBuffer<R>, at: Position, found: Box<str>) -> CabError {
    match source.ended(Structure::Header, at, 0, 0) {
        CabError::Io { at, cause } => CabError::Io { at, cause },
        _ => CabError::NotACabinet { found },
    }
}

/// Returns whether `ahead` begins with a plausible cabinet header, first folder and first file. A
/// first file beyond the end of `ahead` counts as plausible.
fn is_worth_a_try(ahead: &[u8]) -> bool {
    let header = Fixed::parse(ahead);
    let known_flags = HAS_PREVIOUS | HAS_NEXT | HAS_RESERVE;
    ahead.len() >= HEADER_BYTES
        && header.version == (1, 3)
        && header.flags & !known_flags == 0
        && header.folders > 0
        && header.files > 0
        && u64::from(header.bytes) >= header.least_bytes()
        && header.file_table < header.bytes
        && folder_makes_sense(ahead, &header)
        && file_makes_sense(ahead, &header)
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

/// Returns whether the first file has a plausible folder and name. A file that is not in `ahead` counts as plausible.
fn file_makes_sense(ahead: &[u8], header: &Fixed) -> bool {
    let begin = header.file_table as usize;
    let Some(row) = ahead.get(begin..=begin + FILE_BYTES) else { return true };
    let folder = u16_at(row, 8);
    row.last() != Some(&0) && (folder < header.folders || folder >= FROM_PREVIOUS)
}
