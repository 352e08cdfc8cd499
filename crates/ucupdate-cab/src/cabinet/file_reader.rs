//! Reading one file of a cabinet.

use std::fmt;
use std::io::{self, Read};

use super::{Cabinet, Entry};
use crate::error::CabError;

/// One file of a cabinet, to be read forward.
///
/// It gives exactly [`Entry::size`] bytes, or an error: never fewer. As an [`io::Read`] it fails with an
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
    pub fn entry(&self) -> &Entry {
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
