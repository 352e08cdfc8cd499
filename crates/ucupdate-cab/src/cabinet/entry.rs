//! An entry in the file table of a cabinet.

use std::borrow::Cow;

use ucupdate_core::value::FieldTime;

use super::header::FileRow;
use crate::code_page::CodePage;
use crate::path::{NameProblem, SafePath};

/// The entry of one file in the file table of a cabinet.
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

    /// Returns the name for display, as it is in the cabinet. Bytes that are not text appear as U+FFFD.
    pub fn name_as_given(&self) -> Cow<'_, str> {
        self.text().unwrap_or_else(|| String::from_utf8_lossy(&self.raw))
    }

    /// Returns the bytes of the name in the cabinet.
    pub fn raw_name(&self) -> &[u8] {
        &self.raw
    }

    /// Returns the name as a path that is safe to write to.
    ///
    /// # Errors
    /// Fails with the reason when the name is not a safe path. Fails also when an earlier file has
    /// the same path, and when a folder of the path is another file.
    pub fn path(&self) -> Result<&SafePath, &NameProblem> {
        self.path.as_ref()
    }

    /// Returns the size of the file in bytes, uncompressed.
    pub fn size(&self) -> u64 {
        self.size.into()
    }

    /// Returns the time of the last change of the file, in steps of two seconds. `None` if the
    /// cabinet states no valid date and time.
    ///
    /// The time is the local time of the system that made the cabinet, because the format has no time zone.
    pub fn modified(&self) -> Option<FieldTime> {
        FieldTime::from_dos(self.date, self.time)
    }

    /// Returns the MS-DOS attributes.
    pub fn attributes(&self) -> Attributes {
        self.attributes
    }

    /// Returns the folder that holds the data of the file, counted from 0. In a set, a folder that continues in the next
    /// part counts once.
    pub fn folder(&self) -> u16 {
        self.folder
    }

    /// Moves the path out of the entry and leaves an error in it. The caller must put a path back.
    pub(crate) fn take_path(&mut self) -> Result<SafePath, NameProblem> {
        std::mem::replace(&mut self.path, Err(NameProblem::NotText))
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        if self.raw.is_ascii() || self.attributes.has_utf8_name() {
            return std::str::from_utf8(&self.raw).ok().map(Cow::Borrowed);
        }
        self.code_page.decode(&self.raw).map(Cow::Owned)
    }
}

/// The attributes of a file ([MS-CAB] 2.3, `attribs`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(u16);

impl Attributes {
    /// Returns all sixteen bits.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Returns whether the file is read-only.
    pub fn is_read_only(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// Returns whether the cabinet marks the name as UTF-8. Other names that are not ASCII are
    /// decoded in the code page of
    /// [`CabinetOptions::with_code_page`](crate::CabinetOptions::with_code_page).
    pub fn has_utf8_name(self) -> bool {
        self.0 & 0x80 != 0
    }
}
