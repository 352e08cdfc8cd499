//! A file in a cabinet, as its table has it.

use std::borrow::Cow;

use ucupdate_core::value::FieldTime;

use super::header::FileRow;
use crate::code_page::CodePage;
use crate::path::{NameProblem, SafePath};

/// One file of a cabinet: what the file table says of it.
#[derive(Clone, Debug)]
pub struct FileEntry {
    raw: Box<[u8]>,
    code_page: CodePage,
    pub(crate) path: Result<SafePath, NameProblem>,
    size: u32,
    folder: u16,
    date: u16,
    time: u16,
    attributes: Attributes,
}

impl FileEntry {
    pub(crate) fn new(row: FileRow, folder: u16, code_page: CodePage) -> Self {
        let mut entry = Self {
            raw: row.name,
            code_page,
            path: Err(NameProblem::NotText),
            size: row.size,
            folder,
            date: row.date,
            time: row.time,
            attributes: Attributes(row.attributes),
        };
        if let Some(text) = entry.text() {
            entry.path = SafePath::read(&text);
        }
        entry
    }

    /// The name for a person to read, as it was given: bytes that are no text show as U+FFFD.
    pub fn name_as_given(&self) -> Cow<'_, str> {
        self.text().unwrap_or_else(|| String::from_utf8_lossy(&self.raw))
    }

    /// The name's bytes as they stand in the cabinet.
    pub fn raw_name(&self) -> &[u8] {
        &self.raw
    }

    /// The name as a path that is safe to write under.
    ///
    /// # Errors
    /// When the name is none, with the reason.
    pub fn path(&self) -> Result<&SafePath, &NameProblem> {
        self.path.as_ref()
    }

    /// The bytes of the file, uncompressed.
    pub fn size(&self) -> u64 {
        self.size.into()
    }

    /// When it was last changed, by the clock of whoever made the cabinet, in steps of two seconds; `None` where the
    /// calendar has no such moment.
    pub fn modified(&self) -> Option<FieldTime> {
        FieldTime::from_dos(self.date, self.time)
    }

    /// Its MS-DOS attributes.
    pub fn attributes(&self) -> Attributes {
        self.attributes
    }

    /// Which folder it is compressed in, counted from 0; in a set, a folder that goes on in the next part counts
    /// once.
    pub fn folder(&self) -> u16 {
        self.folder
    }

    /// Gives the path away, to be put back.
    pub(crate) fn take_path(&mut self) -> Result<SafePath, NameProblem> {
        std::mem::replace(&mut self.path, Err(NameProblem::NotText))
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        if self.raw.is_ascii() || self.attributes.name_is_utf8() {
            return std::str::from_utf8(&self.raw).ok().map(Cow::Borrowed);
        }
        self.code_page.decode(&self.raw).map(Cow::Owned)
    }
}

/// The attributes of a file ([MS-CAB] 2.3, `attribs`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(u16);

impl Attributes {
    /// All sixteen bits, as given.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Not to be changed.
    pub fn read_only(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// Not to be shown.
    pub fn hidden(self) -> bool {
        self.0 & 0x02 != 0
    }

    /// Of the system.
    pub fn system(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// Changed since it was last archived.
    pub fn archive(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// To be run after it was extracted.
    pub fn execute(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// Its name is UTF-8.
    pub fn name_is_utf8(self) -> bool {
        self.0 & 0x80 != 0
    }
}
