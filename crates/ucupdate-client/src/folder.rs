//! The folder of a download, and the names of a file, its part and its note in the folder.

use crate::error::ClientError;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ucupdate_core::value::FileName;

/// A download folder. No name leads out of it, and no link in it is followed.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    dir: Arc<Dir>,
    pub(crate) path: PathBuf,
}

impl Folder {
    /// Opens the folder at `path` and creates it if necessary.
    pub(crate) async fn open(path: &Path) -> Result<Self, ClientError> {
        tokio::fs::create_dir_all(path).await.map_err(ClientError::disk("make the folder", path))?;
        let here = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let dir = Dir::open_ambient_dir(here, ambient_authority());
        let dir = dir.map_err(ClientError::disk("open the folder", path))?;
        Ok(Self { dir: Arc::new(dir), path: path.to_owned() })
    }

    /// Makes the names in the folder durable, where the system supports it.
    pub(crate) fn sync(&self) -> Result<(), ClientError> {
        if cfg!(unix) {
            let synced = self.dir.open(".").and_then(|folder| folder.sync_all());
            synced.map_err(ClientError::disk("sync", &self.path))?;
        }
        Ok(())
    }

    /// Opens a regular file. Refuses a link, whether it was there before or appears now.
    pub(crate) fn open_file(&self, name: &str, options: &OpenOptions) -> io::Result<File> {
        self.refuse_link(name)?;
        let file = self.dir.open_with(name, options)?;
        self.refuse_link(name)?;
        Ok(file)
    }

    fn refuse_link(&self, name: &str) -> io::Result<()> {
        match self.dir.symlink_metadata(name) {
            Ok(found) if !found.is_file() => {
                Err(io::Error::other("it is a link or not a regular file; remove it"))
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The names of a file, its part and its note in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) folder: Folder,
    whole: String,
    pub(crate) part: String,
    pub(crate) note: String,
}

impl Paths {
    pub(crate) fn new(folder: &Folder, name: &FileName) -> Self {
        let [whole, part, note] = names(name.as_str());
        Self { folder: folder.clone(), whole, part, note }
    }

    /// Returns the path of the whole file.
    pub(crate) fn whole(&self) -> PathBuf {
        self.folder.path.join(&self.whole)
    }

    /// Returns a function that makes the error of an operation on the file of this name.
    pub(crate) fn failed(
        &self,
        doing: &'static str,
        name: &str,
    ) -> impl FnOnce(io::Error) -> ClientError + use<> {
        let path = self.folder.path.join(name);
        move |error| ClientError::disk(doing, &path)(error)
    }
}

/// Returns whether two files with their parts fit into one folder, also on a file system that ignores case.
pub(crate) fn are_apart(a: &FileName, b: &FileName) -> bool {
    let (a, b) = (names(&a.as_str().to_lowercase()), names(&b.as_str().to_lowercase()));
    !a.iter().any(|name| b.contains(name))
}

fn names(name: &str) -> [String; 3] {
    [name.to_owned(), format!("{name}.part"), format!("{name}.part.note")]
}

/// Gives a synced part its final name and replaces an older file.
pub(crate) fn place(paths: &Paths) -> Result<(), ClientError> {
    let dir = &paths.folder.dir;
    dir.rename(&paths.part, dir, &paths.whole).map_err(paths.failed("rename", &paths.part))?;
    remove(paths, &paths.note)
}

/// Removes a file if it exists.
pub(crate) fn remove(paths: &Paths, name: &str) -> Result<(), ClientError> {
    match paths.folder.dir.remove_file(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(paths.failed("remove", name)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_overwrite_one_another_are_not_apart() {
        let apart = |a: &str, b: &str| are_apart(&a.parse().unwrap(), &b.parse().unwrap());
        assert!(apart("CPE.nbt", "CPE.cat"));
        assert!(!apart("CPE.nbt", "cpe.NBT"));
        assert!(!apart("CPE.nbt", "CPE.nbt.part"));
        assert!(!apart("cpe.cat.part.note", "CPE.cat"));
    }
}
