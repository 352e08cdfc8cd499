//! Reading a cabinet or a set of them: open, file after file, finish.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::blocks::{InputPart, OpenFolder};
use super::compression::Compression;
use super::entry::FileEntry;
use super::header::{self, Spent};
use super::set::{self, Tables};
use super::source::Source;
use super::stub;
use crate::error::CabError;
use crate::options::CabinetOptions;

/// A cabinet, or a set of them, read forward from any input.
///
/// The input may also be a self-extracting program: the cabinet is found in it. Its tables are read when it is
/// opened; the files come by [`next_file`](Self::next_file), in the order of their data, each folder decompressed
/// once; [`finish`](Self::finish) reads to the cabinet's end and gives its hash.
///
/// ```
/// use std::io::{self, Read};
/// use ucupdate_cab::{Cabinet, CabinetBuilder, Compression, Limits};
/// use ucupdate_core::value::FieldTime;
///
/// let stamp = FieldTime::new((2008, 12, 16), (4, 43, 58)).unwrap();
/// let mut builder = CabinetBuilder::new(Compression::Mszip);
/// builder.file("CPE\\CPE.nbt", stamp, vec![7; 100_000]);
/// let bytes = builder.build().unwrap();
///
/// let mut cabinet = Cabinet::open(&bytes[..], Limits::default()).unwrap();
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
    /// How many of the files in `tables.order` were begun.
    begun: usize,
    folder: Option<(usize, OpenFolder)>,
    /// What is left of the current file.
    left: u64,
    output_bytes: u64,
    given_up: bool,
}

/// What was read, once all was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finished {
    /// The SHA-256 of the cabinet's bytes: the same from a plain cabinet as from the program that carries it.
    ///
    /// Of a set of several parts it is the SHA-256 of the parts' digests (32 bytes each) in the set's order.
    pub sha256: [u8; 32],
    /// The SHA-256 of each part's bytes, in the set's order; one where the cabinet is no set.
    pub parts: Vec<[u8; 32]>,
    /// The cabinet's bytes, of all parts together, without a program around it.
    pub cabinet_bytes: u64,
    /// The bytes of all files together.
    pub output_bytes: u64,
    /// The files.
    pub files: usize,
}

impl<R: Read> Cabinet<R> {
    /// Opens the cabinet in `input`, or in the program that `input` is, and reads its tables.
    ///
    /// `options` may be [`Limits`](crate::Limits) alone.
    ///
    /// # Errors
    /// Fails when there is no cabinet, and when the cabinet is damaged, of an unsupported kind, above a limit, or a part
    /// of a set, which [`open_set`](Self::open_set) reads.
    pub fn open(input: R, options: impl Into<CabinetOptions>) -> Result<Self, CabError> {
        Self::open_set(vec![input], options)
    }

    /// Opens a set of cabinets from its parts, given in any order, and reads the tables of all. One input is a cabinet
    /// that is no set.
    ///
    /// # Errors
    /// Fails as [`open`](Self::open) does, and when a part is missing, given twice, or of another set.
    pub fn open_set(inputs: Vec<R>, options: impl Into<CabinetOptions>) -> Result<Self, CabError> {
        let CabinetOptions { limits, code_page } = options.into();
        CabError::above("parts", "set has parts:", limits.parts, inputs.len() as u64)?;
        let several = inputs.len() > 1;
        let mut spent = Spent::new(&limits);
        let mut read = Vec::with_capacity(inputs.len());
        for (number, input) in inputs.into_iter().enumerate() {
            let mut source = Source::new(input);
            if several {
                // Until its header is read, an input goes by the order in which it was given.
                source.name_part(u16::try_from(number + 1).unwrap_or(u16::MAX));
            }
            stub::find(&mut source, &limits)?;
            let part = header::read(&mut source, &mut spent)?;
            if several {
                source.name_part(part.index.saturating_add(1));
            }
            read.push((source, part));
        }
        read.sort_by_key(|(_, part)| part.index);
        set::check_whole(&read.iter().map(|(_, part)| part).collect::<Vec<_>>())?;
        let mut parts = Vec::with_capacity(read.len());
        let mut tables = Vec::with_capacity(read.len());
        for (source, mut part) in read {
            let reserve = std::mem::take(&mut part.reserve);
            parts.push(InputPart::new(source, part.bytes, part.block_reserve, reserve));
            tables.push(part);
        }
        let tables = set::join(tables, &spent, code_page)?;
        Ok(Self { parts, tables, begun: 0, folder: None, left: 0, output_bytes: 0, given_up: false })
    }

    /// All files, in the order of the tables; known as soon as the cabinet is open, for all parts of a set.
    pub fn entries(&self) -> &[FileEntry] {
        &self.tables.entries
    }

    /// How many bytes of program stand before the cabinet; in a set, before its first part.
    pub fn stub_bytes(&self) -> u64 {
        self.parts.first().map_or(0, |part| part.source.place_of(0).offset)
    }

    /// The reserve area of the header, whose meaning is its maker's; of the first part in a set.
    pub fn reserve(&self) -> &[u8] {
        self.parts.first().map_or(&[], |part| &part.reserve)
    }

    /// How the folder of this number ([`FileEntry::folder`]) is compressed; `None` where there is no such folder.
    pub fn compression(&self, folder: u16) -> Option<Compression> {
        self.tables.folders.iter().find(|known| known.number == folder).map(|known| known.compression)
    }

    /// The next file in the order of the data; `None` after the last.
    ///
    /// What was not read of the file before is decompressed and checked now.
    ///
    /// # Errors
    /// When the input fails, ends too early or is damaged. After that the cabinet gives nothing more.
    pub fn next_file(&mut self) -> Result<Option<FileReader<'_, R>>, CabError> {
        while !self.chunk(usize::MAX)?.is_empty() {}
        let Some((folder, entry)) = self.tables.order.get(self.begun).copied() else { return Ok(None) };
        self.begun += 1;
        let (folder, entry) = (usize::from(folder), usize::from(entry));
        let left = self.tables.entries.get(entry).map_or(0, FileEntry::size);
        if left > 0 && self.folder.as_ref().is_none_or(|(open, _)| *open != folder) {
            self.folder = self.tables.folders.get(folder).map(|known| (folder, OpenFolder::new(known)));
        }
        self.left = left;
        Ok(Some(FileReader::new(self, entry)))
    }

    /// Reads to the end of the cabinet and gives its hash. Files not read yet are decompressed and checked too.
    ///
    /// # Errors
    /// As [`next_file`](Self::next_file).
    pub fn finish(mut self) -> Result<Finished, CabError> {
        while self.next_file()?.is_some() {}
        let mut parts = Vec::with_capacity(self.parts.len());
        let mut cabinet_bytes = 0;
        for part in &mut self.parts {
            part.drain()?;
            parts.push(part.source.sha256());
            cabinet_bytes += u64::from(part.bytes);
        }
        let sha256 = match parts.as_slice() {
            [only] => *only,
            several => Sha256::digest(several.as_flattened()).into(),
        };
        let files = self.tables.entries.len();
        Ok(Finished { sha256, parts, cabinet_bytes, output_bytes: self.output_bytes, files })
    }

    /// The next at most `most` bytes of the current file, as a range of the decoder's output; empty at its end.
    fn chunk(&mut self, most: usize) -> Result<Range<usize>, CabError> {
        if self.given_up {
            return Err(CabError::GivenUp);
        }
        let Some((index, open)) = self.folder.as_mut().filter(|_| self.left > 0) else { return Ok(0..0) };
        let Some(folder) = self.tables.folders.get(*index) else { return Ok(0..0) };
        if open.ready().is_empty() {
            let next = open.next_block(folder, &mut self.parts);
            next.inspect_err(|_| self.given_up = true)?;
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let range = open.deliver(left.min(most));
        self.left -= range.len() as u64;
        self.output_bytes += range.len() as u64;
        Ok(range)
    }

    /// The bytes that [`chunk`](Self::chunk) gave.
    fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.folder.as_ref().map_or(&[], |(_, open)| open.bytes(range))
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

/// One file of a cabinet, to be read forward.
///
/// It gives exactly [`FileEntry::size`] bytes, or an error: never fewer. As an [`io::Read`] it fails with an
/// [`io::Error`] that carries the [`CabError`].
pub struct FileReader<'a, R> {
    cabinet: &'a mut Cabinet<R>,
    /// Its place in the cabinet's entries.
    index: usize,
}

impl<'a, R: Read> FileReader<'a, R> {
    pub(super) fn new(cabinet: &'a mut Cabinet<R>, index: usize) -> Self {
        Self { cabinet, index }
    }

    /// What the table says of the file.
    pub fn entry(&self) -> &FileEntry {
        &self.cabinet.entries()[self.index]
    }

    /// The file's place in [`Cabinet::entries`].
    pub fn index(&self) -> usize {
        self.index
    }

    /// The next bytes, at most 32 KiB, without copying them; empty at the end of the file.
    ///
    /// # Errors
    /// When the input fails, ends too early or is damaged.
    pub fn read_chunk(&mut self) -> Result<&[u8], CabError> {
        let range = self.cabinet.chunk(usize::MAX)?;
        Ok(self.cabinet.bytes(range))
    }
}

impl<R: Read> Read for FileReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let range = self.cabinet.chunk(buffer.len())?;
        let bytes = self.cabinet.bytes(range);
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
