//! Reads a cabinet or a set of cabinets: open it, read file after file, and finish.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use ucupdate_core::value::Sha256Digest;

use super::blocks::{InputPart, PartLengths};
use super::compression::Compression;
use super::entry::FileEntry;
use super::folder_decoder::FolderDecoder;
use super::header::{CabinetPart, Spent};
use super::irregularity::Irregularity;
use super::set::{self, Tables};
use super::source::InputBuffer;
use super::stub::Search;
use crate::error::CabError;
use crate::options::CabinetOptions;

/// A cabinet, or a set of cabinets, that is read forward from any input.
///
/// The input may also be a self-extracting program, in which the reader finds the cabinet. Opening
/// reads the tables of the cabinet. [`next_file`](Self::next_file) then returns the files in the
/// order of their data, and each folder is decompressed once. [`finish`](Self::finish) reads to the
/// end of the cabinet and returns its digest.
///
/// ```
/// use std::io::{self, Read};
/// use ucupdate_cab::{Cabinet, CabinetBuilder, Compression, CabinetLimits};
/// use ucupdate_core::value::FieldTime;
///
/// let stamp = FieldTime::new((2008, 12, 16), (4, 43, 58)).unwrap();
/// let mut builder = CabinetBuilder::new(Compression::Mszip);
/// builder.file("CPE\\CPE.nbt", stamp, vec![7; 100_000]);
/// let bytes = builder.build().unwrap();
///
/// let mut cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
/// assert_eq!(cabinet.entries().len(), 1);
/// while let Some(mut file) = cabinet.next_file().unwrap() {
///     assert_eq!(file.entry().path().unwrap().as_str(), "CPE/CPE.nbt");
///     assert_eq!(file.entry().modified(), Some(stamp));
///     let mut content = Vec::new();
///     file.read_to_end(&mut content).unwrap();
///     assert_eq!(content, [7; 100_000]);
/// }
/// assert_eq!(cabinet.finish().unwrap().cabinet_bytes, bytes.len() as u64);
/// ```
pub struct Cabinet<R> {
    parts: Vec<InputPart<R>>,
    tables: Tables,
    /// The number of files in `tables.order` that [`next_file`](Self::next_file) has returned.
    begun: usize,
    decoder: FolderDecoder,
    /// The offset of the next byte of the current file, in bytes from the start of its folder.
    at: u64,
    /// The number of bytes of the current file that were not returned yet.
    left: u64,
    held: HeldBytes,
    output_bytes: u64,
    irregularities: Irregularities,
    search: Search,
    options: CabinetOptions,
    given_up: bool,
}

/// The totals of a cabinet that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finished {
    /// The SHA-256 of the bytes of the cabinet. If the cabinet is inside a self-extracting program, the bytes of the program are not
    /// included.
    ///
    /// For a set of several parts, it is the SHA-256 of the digests of the parts (32 bytes each) in the order of the set.
    pub sha256: Sha256Digest,
    /// The SHA-256 of each part, in the order of the set. A cabinet that is not a set has one digest.
    pub parts: Vec<Sha256Digest>,
    /// The size of all parts together in bytes, without self-extracting programs that may contain
    /// them.
    pub cabinet_bytes: u64,
    /// The uncompressed size of all files together in bytes. Files with an unsupported compression
    /// are not counted.
    pub output_bytes: u64,
    /// The number of files in the tables of the cabinet. Files with an unsupported compression are
    /// counted too.
    pub files: usize,
    /// The irregularities of the cabinet. Some of them are found only when all data is read.
    pub irregularities: Vec<Irregularity>,
}

impl<R: Read> Cabinet<R> {
    /// Opens a cabinet and reads its tables. `input` is a cabinet or a self-extracting program.
    ///
    /// `options` are [`CabinetOptions`], or only their [`CabinetLimits`](crate::CabinetLimits).
    ///
    /// # Errors
    /// Fails when reading the input fails, and when the input contains no cabinet. Fails when the
    /// cabinet is damaged, is not supported, or is above a limit. Fails for one part of a set:
    /// [`open_set`](Self::open_set) reads sets.
    pub fn open(input: R, options: impl Into<CabinetOptions>) -> Result<Self, CabError> {
        Self::open_set(vec![input], options)
    }

    /// Opens a set of cabinets and reads the tables of all parts. Each input is one part, and the
    /// order of the inputs does not matter. A single input is opened as in [`open`](Self::open).
    ///
    /// # Errors
    /// Fails in the cases of [`open`](Self::open), and when a part is missing, is given twice, or belongs to another
    /// set.
    pub fn open_set(inputs: Vec<R>, options: impl Into<CabinetOptions>) -> Result<Self, CabError> {
        let options = options.into();
        let limits = options.limits.clone();
        CabError::above("parts", "set has parts:", limits.parts, inputs.len() as u64)?;
        let several = inputs.len() > 1;
        let mut spent = Spent::new(&limits);
        let mut search = Search::default();
        let mut irregularities = Irregularities { is_strict: options.is_strict, found: Vec::new() };
        let mut read = Vec::with_capacity(inputs.len());
        for (number, input) in inputs.into_iter().enumerate() {
            let mut source = InputBuffer::new(input);
            if several {
                // Until its header is read, an input has its number in the order of the arguments.
                source.name_part(u16::try_from(number + 1).unwrap_or(u16::MAX));
            }
            let offset = options.offset.filter(|_| !several);
            let mut part = search.first(&mut source, &mut spent, offset)?;
            irregularities.extend(search.notes.drain(..))?;
            irregularities.extend(part.irregularity.take())?;
            if several {
                source.name_part(part.index.saturating_add(1));
            }
            read.push((source, part));
        }
        read.sort_by_key(|(_, part)| part.index);
        Self::of_parts(read, &spent, irregularities, search, options)
    }

    /// Combines the parts of a set into one cabinet. The parts must be in the order of the set.
    fn of_parts(
        read: Vec<(InputBuffer<R>, CabinetPart)>,
        spent: &Spent<'_>,
        mut irregularities: Irregularities,
        search: Search,
        options: CabinetOptions,
    ) -> Result<Self, CabError> {
        set::check_whole(&read.iter().map(|(_, part)| part).collect::<Vec<_>>())?;
        let mut parts = Vec::with_capacity(read.len());
        let mut tables = Vec::with_capacity(read.len());
        for (source, mut part) in read {
            let reserve = std::mem::take(&mut part.reserve);
            let lengths = PartLengths { stated: part.bytes.into(), limit: options.limits.cabinet_bytes };
            parts.push(InputPart::new(source, lengths, part.block_reserve, reserve));
            tables.push(part);
        }
        let mut tables = set::join(tables, spent, options.code_page)?;
        irregularities.extend(std::mem::take(&mut tables.irregularities))?;
        Ok(Self {
            parts,
            tables,
            begun: 0,
            decoder: FolderDecoder::new(&options),
            at: 0,
            left: 0,
            held: HeldBytes::default(),
            output_bytes: 0,
            irregularities,
            search,
            options,
            given_up: false,
        })
    }

    pub(crate) fn options(&self) -> &CabinetOptions {
        &self.options
    }

    /// Returns the entries of all files of all parts, in the order of the tables.
    pub fn entries(&self) -> &[FileEntry] {
        &self.tables.entries
    }

    /// Returns the number of bytes before the cabinet, which belong to a program. In a set, these are the bytes before
    /// the first part.
    pub fn stub_bytes(&self) -> u64 {
        self.parts.first().map_or(0, |part| part.source.place_of(0).offset)
    }

    /// Returns the reserve area of the header. In a set, this is the reserve area of the first
    /// part. The cabinet format gives the area no meaning.
    pub fn reserve(&self) -> &[u8] {
        self.parts.first().map_or(&[], |part| &part.reserve)
    }

    /// Returns the compression of the folder with this number ([`FileEntry::folder`]). `None` if there is no such
    /// folder.
    pub fn compression(&self, folder: u16) -> Option<Compression> {
        self.tables.compressions.get(usize::from(folder)).copied()
    }

    /// Returns the next file in the order of the data. `None` after the last file.
    ///
    /// Unread bytes of the previous file are decompressed and checked first.
    ///
    /// # Errors
    /// Fails when reading the input fails, and when the input ends too early or is damaged. After
    /// an error the cabinet returns no more files.
    pub fn next_file(&mut self) -> Result<Option<FileReader<'_, R>>, CabError> {
        while !self.chunk(usize::MAX)?.is_empty() {}
        let Some(file) = self.tables.order.get(self.begun).copied() else { return Ok(None) };
        self.begun += 1;
        let (folder, entry) = (usize::from(file.folder), usize::from(file.entry));
        self.left = self.tables.entries.get(entry).map_or(0, FileEntry::size);
        self.at = file.begin;
        if self.left > 0 {
            if self.decoder.folder() != Some(folder) {
                self.close_folder()?;
                self.decoder.open(folder);
            }
            self.held.needed_from = self.next_begin(file.folder);
            self.held.forget_before(self.at);
        }
        Ok(Some(FileReader::new(self, entry)))
    }

    /// Returns the offset in the folder of the next file that is not empty. `None` if the folder
    /// has no such file.
    fn next_begin(&self, folder: u16) -> Option<u64> {
        let later = self.tables.order.get(self.begun..).unwrap_or_default().iter();
        let size = |entry: u16| self.tables.entries.get(usize::from(entry)).map_or(0, FileEntry::size);
        let mut same = later.take_while(|file| file.folder == folder);
        same.find(|file| size(file.entry) > 0).map(|file| file.begin)
    }

    /// Closes the current folder. Reports an irregularity if data after its last file belongs to no
    /// file.
    fn close_folder(&mut self) -> Result<(), CabError> {
        self.held = HeldBytes::default();
        let tail = self.decoder.close(&self.tables.folders);
        let irregularity = tail.map(|folder| Irregularity::Tail { folder: folder.number });
        self.irregularities.extend(irregularity).inspect_err(|_| self.given_up = true)
    }

    /// Reads to the end of the cabinet and returns its digest and totals. Files that were not read
    /// are decompressed and checked too.
    ///
    /// # Errors
    /// Fails in the cases of [`next_file`](Self::next_file).
    pub fn finish(mut self) -> Result<Finished, CabError> {
        self.finish_parts()
    }

    /// Finishes this cabinet as [`finish`](Self::finish) does, and opens the next cabinet in the
    /// same input. A self-extracting program can hold several cabinets.
    ///
    /// The second value is `None` after the last cabinet, after a set of several parts, and if the options name an
    /// [offset](CabinetOptions::with_offset). The search gives up after
    /// [`with_stub_bytes`](crate::CabinetLimits::with_stub_bytes) bytes without a cabinet.
    ///
    /// # Errors
    /// Fails in the cases of `finish` and [`open`](Self::open). Strict reading refuses a second cabinet.
    pub fn next_cabinet(mut self) -> Result<(Finished, Option<Self>), CabError> {
        let mut finished = self.finish_parts()?;
        let Self { parts, mut search, options, .. } = self;
        let Some(part) = parts.into_iter().next().filter(|_| finished.parts.len() == 1) else {
            return Ok((finished, None));
        };
        if options.offset.is_some() {
            return Ok((finished, None));
        }
        let mut source = part.source;
        source.end_cabinet();
        let limits = options.limits.clone();
        let mut spent = Spent::new(&limits);
        let next = match search.next(&mut source, &mut spent) {
            Err(CabError::Limit { which: "stub_bytes", .. }) => None,
            next => next?,
        };
        let mut irregularities = Irregularities { is_strict: options.is_strict, found: Vec::new() };
        irregularities.extend(search.notes.drain(..))?;
        let Some(mut part) = next else {
            finished.irregularities.append(&mut irregularities.found);
            return Ok((finished, None));
        };
        if options.is_strict {
            let at = source.place_of(0).offset;
            return Err(CabError::Irregular(Irregularity::OtherCabinet { at, bytes: part.bytes.into() }));
        }
        irregularities.extend(part.irregularity.take())?;
        let next = Self::of_parts(vec![(source, part)], &spent, irregularities, search, options)?;
        Ok((finished, Some(next)))
    }

    fn finish_parts(&mut self) -> Result<Finished, CabError> {
        while self.next_file()?.is_some() {}
        self.close_folder()?;
        let mut parts = Vec::with_capacity(self.parts.len());
        let mut cabinet_bytes = 0;
        let several = self.parts.len() > 1;
        for (number, part) in (1..).zip(&mut self.parts) {
            part.drain()?;
            self.irregularities.extend(part.irregularity(number))?;
            parts.push(part.source.sha256());
            if several {
                part.source.release();
            }
            cabinet_bytes += part.bytes;
        }
        let sha256 = match parts.as_slice() {
            [only] => *only,
            several => Sha256Digest::of(several.iter().flat_map(|part| *part.as_bytes()).collect::<Vec<_>>()),
        };
        let files = self.tables.entries.len();
        let irregularities = std::mem::take(&mut self.irregularities.found);
        Ok(Finished { sha256, parts, cabinet_bytes, output_bytes: self.output_bytes, files, irregularities })
    }

    /// Returns the location of the next bytes of the current file, at most `most` bytes. The
    /// location has no bytes at the end of the file.
    fn chunk(&mut self, most: usize) -> Result<FilePiece, CabError> {
        if self.given_up {
            return Err(CabError::GivenUp);
        }
        if self.left == 0 {
            return Ok(FilePiece::Decoded(0..0));
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(most);
        let piece = match self.held.range(self.at, most) {
            Some(range) => FilePiece::Held(range),
            None => FilePiece::Decoded(self.decode(most)?),
        };
        let count = piece.len();
        self.at += count as u64;
        self.left -= count as u64;
        self.output_bytes += count as u64;
        Ok(piece)
    }

    /// Decodes until the next byte of the current file is ready. Delivers at most `most` bytes.
    fn decode(&mut self, most: usize) -> Result<Range<usize>, CabError> {
        loop {
            if self.decoder.ready().is_empty() {
                let next = self.decoder.next_block(&self.tables.folders, &mut self.parts);
                next.inspect_err(|_| self.given_up = true)?;
            }
            // The bytes before the file belong to no file.
            let gap = self.at.saturating_sub(self.decoder.position());
            if gap == 0 {
                break;
            }
            self.decoder.deliver(usize::try_from(gap).unwrap_or(usize::MAX));
        }
        let begin = self.decoder.position();
        let range = self.decoder.deliver(most);
        self.held.keep(begin, self.decoder.bytes(range.clone()));
        Ok(range)
    }

    fn bytes(&self, piece: FilePiece) -> &[u8] {
        match piece {
            FilePiece::Decoded(range) => self.decoder.bytes(range),
            FilePiece::Held(range) => self.held.bytes.get(range).unwrap_or_default(),
        }
    }
}

/// The location of a piece of a file: a range in the last decoded block, or a range in the held
/// bytes.
enum FilePiece {
    Decoded(Range<usize>),
    Held(Range<usize>),
}

impl FilePiece {
    fn len(&self) -> usize {
        match self {
            Self::Decoded(range) | Self::Held(range) => range.len(),
        }
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Decoded bytes of a folder that are held in memory, because the next file shares them with the
/// current file.
#[derive(Default)]
struct HeldBytes {
    bytes: Vec<u8>,
    /// The offset of the first held byte in the folder.
    begin: u64,
    /// The offset of the next file in the folder. Bytes from this offset on are held. `None` if no
    /// file of the folder follows.
    needed_from: Option<u64>,
}

impl HeldBytes {
    /// Returns the range of held bytes that begins at offset `at` of the folder, at most `most`
    /// bytes. `None` if the byte at this offset is not held.
    fn range(&self, at: u64, most: usize) -> Option<Range<usize>> {
        let from = usize::try_from(at.checked_sub(self.begin)?).ok()?;
        let left = self.bytes.len().checked_sub(from).filter(|left| *left > 0)?;
        Some(from..from + left.min(most))
    }

    /// Holds the part of `bytes` that the next file needs too. `begin` is the offset of `bytes` in the folder.
    fn keep(&mut self, begin: u64, bytes: &[u8]) {
        let Some(needed_from) = self.needed_from else { return };
        let skipped = usize::try_from(needed_from.saturating_sub(begin)).unwrap_or(usize::MAX);
        let Some(needed) = bytes.get(skipped..).filter(|needed| !needed.is_empty()) else { return };
        let begin = begin + skipped as u64;
        if self.begin + self.bytes.len() as u64 != begin {
            self.bytes.clear();
            self.begin = begin;
        }
        self.bytes.extend_from_slice(needed);
    }

    fn forget_before(&mut self, at: u64) {
        let count = usize::try_from(at.saturating_sub(self.begin)).unwrap_or(usize::MAX);
        if count >= self.bytes.len() {
            self.bytes = Vec::new();
        } else {
            self.bytes.drain(..count);
            self.begin += count as u64;
        }
    }
}

/// The irregularities that were found so far. In strict reading the first irregularity is an error.
struct Irregularities {
    is_strict: bool,
    found: Vec<Irregularity>,
}

impl Irregularities {
    fn extend(&mut self, found: impl IntoIterator<Item = Irregularity>) -> Result<(), CabError> {
        for found in found {
            if self.is_strict {
                return Err(CabError::Irregular(found));
            }
            self.found.push(found);
        }
        Ok(())
    }
}

impl<R> fmt::Debug for Cabinet<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cabinet")
            .field("parts", &self.parts.len())
            .field("files", &self.tables.entries.len())
            .field("begun", &self.begun)
            .finish_non_exhaustive()
    }
}

/// Reader of one file of a cabinet.
///
/// The reader returns exactly [`FileEntry::size`] bytes or fails. As an [`io::Read`] it fails with an [`io::Error`]
/// that contains the [`CabError`].
pub struct FileReader<'a, R> {
    cabinet: &'a mut Cabinet<R>,
    /// The index of the file in the entries of the cabinet.
    index: usize,
}

impl<'a, R: Read> FileReader<'a, R> {
    pub(super) fn new(cabinet: &'a mut Cabinet<R>, index: usize) -> Self {
        Self { cabinet, index }
    }

    /// Returns the entry of the file in the file table.
    pub fn entry(&self) -> &FileEntry {
        &self.cabinet.entries()[self.index]
    }

    /// Returns the index of the file in [`Cabinet::entries`].
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns the next bytes, at most 32 KiB, without copying them. The slice is empty at the end of the file.
    ///
    /// # Errors
    /// Fails when reading the input fails, and when the input ends too early or is damaged.
    pub fn read_chunk(&mut self) -> Result<&[u8], CabError> {
        let piece = self.cabinet.chunk(usize::MAX)?;
        Ok(self.cabinet.bytes(piece))
    }
}

impl<R: Read> Read for FileReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.cabinet.chunk(buffer.len())?;
        let bytes = self.cabinet.bytes(piece);
        if let Some(target) = buffer.get_mut(..bytes.len()) {
            target.copy_from_slice(bytes);
        }
        Ok(bytes.len())
    }
}

impl<R: Read> fmt::Debug for FileReader<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileReader").field("entry", self.entry()).finish_non_exhaustive()
    }
}
