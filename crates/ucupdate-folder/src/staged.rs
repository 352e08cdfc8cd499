//! A file that has no name of its own yet.

use crate::folder::{Folder, find_in, split};
use cap_std::fs::Dir;
use std::fs::File;
use std::io;
use std::time::SystemTime;

/// A file under a temporary name, which is being written. If it is dropped without a name of its own, it is removed.
#[derive(Debug)]
pub struct Staged<'a> {
    folder: &'a Folder,
    /// The folder that the file is in now.
    dir: Dir,
    name: String,
    /// `None` for a link to a file elsewhere.
    file: Option<File>,
}

impl<'a> Staged<'a> {
    pub(crate) fn new(folder: &'a Folder, dir: Dir, name: String, file: Option<File>) -> Self {
        Self { folder, dir, name, file }
    }

    /// Sets the time at which the file was last modified.
    ///
    /// # Errors
    /// Fails for a [link](Folder::stage_link), and when the disk reports a failure.
    pub fn set_modified(&mut self, time: SystemTime) -> io::Result<()> {
        self.file()?.set_modified(time)
    }

    fn file(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::Error::other("a staged link is not written to"))
    }

    /// Opens the staged file for reading.
    ///
    /// # Errors
    /// Fails when it cannot be opened.
    pub fn read(&self) -> io::Result<File> {
        Ok(self.dir.open(&self.name)?.into_std())
    }

    /// Syncs the file, gives it its name, and makes the name durable. Creates missing folders.
    ///
    /// # Errors
    /// Fails with `AlreadyExists` when a file has the name, when a part of the path is a link or a special file, and when
    /// the disk reports a failure. After another error than `AlreadyExists` the file may have its name.
    pub fn create(self, path: &str) -> io::Result<()> {
        self.place(path, |dir, staged, to, name, is_free| {
            if !is_free {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            match dir.hard_link(staged, to, name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
                // A file system without hard links: the name was free a moment ago.
                Err(_) => dir.rename(staged, to, name),
                Ok(()) => Ok(()),
            }
        })
    }

    /// Works like [`create`](Self::create), and replaces a plain file that has the name.
    ///
    /// # Errors
    /// Fails as `create` does, but for `AlreadyExists`.
    pub fn replace(self, path: &str) -> io::Result<()> {
        // Where both names are of one file already, the rename does nothing, and dropping removes the temporary name.
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
        self.folder.sync_names(&to)
    }
}

/// Writing to a [link](Folder::stage_link) fails, since it would change the other file.
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
        // Windows does not remove an open file.
        self.file = None;
        let _left = self.dir.remove_file(&self.name);
    }
}
