//! Files a command makes: below one folder, whole or not at all, and never over one that is there.

use crate::failure::Failure;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use ucupdate::value::FieldTime;

/// The most passing names that are looked at for a free one.
const MOST_LEFT: u32 = 100;

/// A folder in which files are made. No path leads out of it, not by a link either.
#[derive(Debug)]
pub(crate) struct NewFiles {
    folder: Dir,
    path: PathBuf,
}

/// Makes one new file.
///
/// # Errors
/// When something is there already, or the file cannot be made.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::new(format_args!("{}: is no name of a file", path.display())))?;
    let folder = NewFiles::open(path.parent().unwrap_or(Path::new("")))?;
    folder.write(name, None, &mut &*content).map(drop)
}

impl NewFiles {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let here = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let folder = Dir::open_ambient_dir(here, ambient_authority())
            .map_err(|error| Failure::in_doing(here.display(), &error))?;
        Ok(Self { folder, path: path.to_owned() })
    }

    /// Opens the folder at `path`, made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made or opened.
    pub(crate) fn open_or_make(path: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(path).map_err(|error| Failure::in_doing(path.display(), &error))?;
        Self::open(path)
    }

    /// Sees that nothing is at any of these paths below the folder.
    ///
    /// # Errors
    /// When something is.
    pub(crate) fn refuse_existing<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Failure> {
        paths.into_iter().try_for_each(|path| match self.folder.symlink_metadata(path) {
            Ok(_) => Err(self.exists(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.failed(path, &error)),
        })
    }

    /// Makes a file of what `content` gives, at a relative path of parts divided by `/`, and gives its size. It gets its
    /// name once it is whole and safe on the disk.
    ///
    /// # Errors
    /// When a file is there, `content` fails, or the disk does.
    pub(crate) fn write(
        &self,
        path: &str,
        modified: Option<FieldTime>,
        content: &mut dyn Read,
    ) -> Result<u64, Failure> {
        let failed = |error: io::Error| self.failed(path, &error);
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !parent.is_empty() {
            self.folder.create_dir_all(parent).map_err(failed)?;
        }
        let (partial, file) = self.partial(Path::new(parent)).map_err(failed)?;
        let named = fill(file, modified, content)
            .and_then(|bytes| self.name(&partial, Path::new(path)).map(|()| bytes));
        if named.is_err() {
            // What is wrong is known already.
            let _left = self.folder.remove_file(&partial);
        }
        named.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => self.exists(path),
            _ => failed(error),
        })
    }

    /// A new file of a passing name; what another process left there is left alone.
    fn partial(&self, parent: &Path) -> io::Result<(PathBuf, File)> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let mut number = 0;
        loop {
            let path = parent.join(format!(".ucupdate-{}-{number}.partial", std::process::id()));
            match self.folder.open_with(&path, &options) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_LEFT => {
                    number += 1
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives a whole file its name, which must be free.
    fn name(&self, partial: &Path, path: &Path) -> io::Result<()> {
        match self.folder.hard_link(partial, &self.folder, path) {
            Ok(()) => self.folder.remove_file(partial),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // A file system without hard links: look, then rename.
            Err(_) if self.folder.symlink_metadata(path).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => self.folder.rename(partial, &self.folder, path),
        }
    }

    fn exists(&self, path: &str) -> Failure {
        Failure::new(format_args!(
            "{}: is there already, and is not overwritten",
            self.path.join(path).display()
        ))
    }

    fn failed(&self, path: &str, error: &io::Error) -> Failure {
        Failure::in_doing(self.path.join(path).display(), error)
    }
}

fn fill(file: File, modified: Option<FieldTime>, content: &mut dyn Read) -> io::Result<u64> {
    let mut file = file.into_std();
    let bytes = io::copy(content, &mut file)?;
    if let Some(seconds) = modified.and_then(|time| u64::try_from(time.as_utc().as_seconds()).ok()) {
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))?;
    }
    file.sync_all()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("damaged"))
        }
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_made_whole_with_its_time_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let files = NewFiles::open_or_make(&folder.path().join("new")).unwrap();
        let time = FieldTime::new((2008, 12, 16), (4, 43, 58));
        assert_eq!(files.write("a/CPE.nbt", time, &mut &b"image"[..]), Ok(5));
        let path = folder.path().join("new/a/CPE.nbt");
        assert_eq!(std::fs::read(&path).unwrap(), b"image");
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(ucupdate::value::UnixTime::from(modified), time.unwrap().as_utc());

        assert!(matches!(files.refuse_existing(["b", "a/CPE.nbt"]), Err(Failure::Told(..))));
        let again = files.write("a/CPE.nbt", None, &mut &b"other"[..]);
        let Err(Failure::Told(_, reason)) = again else { panic!("overwritten") };
        assert!(reason.ends_with("CPE.nbt: is there already, and is not overwritten"), "{reason}");
        assert_eq!(std::fs::read(&path).unwrap(), b"image");
        assert_eq!(names(path.parent().unwrap()), ["CPE.nbt"]);
    }

    #[test]
    fn a_file_that_breaks_off_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let files = NewFiles::open(folder.path()).unwrap();
        let Err(Failure::Told(_, reason)) = files.write("CPE.nbt", None, &mut Broken) else { panic!("made") };
        assert!(reason.ends_with("CPE.nbt: damaged"), "{reason}");
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    #[cfg(unix)]
    fn no_link_leads_out_of_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("a")).unwrap();
        let files = NewFiles::open(folder.path()).unwrap();
        assert!(files.write("a/CPE.nbt", None, &mut &b"image"[..]).is_err());
        assert!(files.write("../CPE.nbt", None, &mut &b"image"[..]).is_err());
        assert!(names(outside.path()).is_empty());
    }
}
