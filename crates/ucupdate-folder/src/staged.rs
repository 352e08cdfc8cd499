//! A file that still has a temporary name.

use crate::folder::{Folder, check_works, find_in, split};
use cap_std::fs::Dir;
use std::fs::File;
use std::io;
use std::time::SystemTime;

/// A file with a temporary name, which is being written. Dropping this value before the file has
/// its final name removes the file.
#[derive(Debug)]
pub struct Staged<'a> {
    folder: &'a Folder,
    /// The folder that contains the temporary name.
    dir: Dir,
    name: String,
    /// The open file. `None` for a link, which is never written to, and after the file was closed.
    file: Option<File>,
}

impl<'a> Staged<'a> {
    pub(crate) fn new(folder: &'a Folder, dir: Dir, name: String, file: Option<File>) -> Self {
        Self { folder, dir, name, file }
    }

    /// Sets the time at which the file was last modified.
    ///
    /// # Errors
    /// Fails for a [link](Folder::stage_link), and when the disk reports an error.
    pub fn set_modified(&mut self, time: SystemTime) -> io::Result<()> {
        self.file()?.set_modified(time)
    }

    fn file(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| {
            io::Error::other("this staged file is a link, which cannot be written; stage a new file instead")
        })
    }

    /// Opens the staged file for reading.
    ///
    /// # Errors
    /// Fails when the file cannot be opened.
    pub fn read(&self) -> io::Result<File> {
        Ok(self.dir.open(&self.name)?.into_std())
    }

    /// Syncs the file, gives it the final name `path`, and makes the name durable. Creates missing
    /// folders.
    ///
    /// # Errors
    /// Fails with `AlreadyExists` when a file is at `path`. Fails also when a part of the path is a
    /// link or a special file, and when the disk reports a failure. After any error except
    /// `AlreadyExists`, the file may have its final name.
    pub fn create(self, path: &str) -> io::Result<()> {
        self.place(path, |dir, staged, to, name, is_free| {
            if !is_free {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            match dir.hard_link(staged, to, name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
                // On a file system without hard links the file is renamed. The name was free a moment ago.
                Err(_) => dir.rename(staged, to, name),
                Ok(()) => Ok(()),
            }
        })
    }

    /// Works like [`create`](Self::create), but replaces a plain file at `path`.
    ///
    /// # Errors
    /// Fails in the cases of [`create`](Self::create), except that a file at `path` is no error.
    pub fn replace(self, path: &str) -> io::Result<()> {
        // If both names belong to one file already, the rename does nothing, and dropping the value removes the
        // temporary name.
        self.place(path, |dir, staged, to, name, _| dir.rename(staged, to, name))
    }

    fn place(
        mut self,
        path: &str,
        put: impl FnOnce(&Dir, &str, &Dir, &str, bool) -> io::Result<()>,
    ) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            file.sync_all()?;
        }
        let (folder, name) = split(path);
        let to = self.folder.dir_at(folder, true)?.ok_or(io::ErrorKind::NotFound)?;
        let is_free = find_in(&to, name)?.is_none();
        put(&self.dir, &self.name, &to, name, is_free)?;
        self.folder.sync_names(&to)?;
        check_works(&to, name)
    }
}

/// Writes to the staged file. Writing to a [link](Folder::stage_link) fails, because it would change the linked file.
impl io::Write for Staged<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        // Windows cannot remove an open file, so it is closed first.
        self.file = None;
        let _left = self.dir.remove_file(&self.name);
    }
}
