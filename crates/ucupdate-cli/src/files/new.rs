//! Creates the new files of a command. A new file is complete or absent, is below one folder, and
//! never replaces an existing file.

use crate::failure::Failure;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use ucupdate::value::FieldTime;
use ucupdate_folder::Folder;

#[derive(Debug)]
pub(crate) struct NewFiles(Folder);

/// Checks that new files can be created at `paths`. A command calls this before its work. Fails
/// when a path exists already or is given twice, or when its folder cannot be written.
pub(crate) fn check<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), Failure> {
    let mut known: Vec<&Path> = Vec::new();
    for path in paths {
        if known.contains(&path.as_path()) {
            return Err(Failure::usage(format_args!(
                "two results go to {}, expected two files",
                path.display()
            )));
        }
        known.push(path);
        let (name, folder) = place(path)?;
        folder.refuse_existing([name])?;
        // The staged file is removed when it is dropped.
        folder.0.stage("").map_err(|error| folder.failed(name, &error))?;
    }
    Ok(())
}

/// Creates one new file. Fails when the path exists already, or the file cannot be created.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    write_from(path, &mut &*content)
}

/// Creates one new file with all bytes that can be read from `content`. Fails when the path exists
/// already, or the file cannot be created.
pub(crate) fn write_from(path: &Path, content: &mut dyn Read) -> Result<(), Failure> {
    let (name, folder) = place(path)?;
    folder.write(name, None, content).map(drop)
}

/// Splits the path of a new file into its name and its opened folder. Fails when the path is `-`,
/// has no file name, or its folder cannot be opened.
pub(crate) fn place(path: &Path) -> Result<(&str, NewFiles), Failure> {
    if path == Path::new("-") {
        return Err(Failure::usage(
            "`-` is given for a file, and standard output is not written here, expected a path such as fleet.html; `./-` is a \
             file named `-`",
        ));
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        Failure::usage(format_args!(
            "`{}` is not a file name, expected one such as fleet.html",
            path.display()
        ))
    })?;
    Ok((name, NewFiles::open(path.parent().unwrap_or(Path::new("")))?))
}

impl NewFiles {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Self::of(Folder::open(path), path)
    }

    /// Opens the folder at `path`, and creates it if it does not exist.
    pub(crate) fn open_or_make(path: &Path) -> Result<Self, Failure> {
        Self::of(Folder::open_or_create(path), path)
    }

    /// Wraps an opened folder. The names of new files are not synced to the disk, because the
    /// command can be run again after a power cut.
    fn of(opened: io::Result<Folder>, path: &Path) -> Result<Self, Failure> {
        let folder = opened.map_err(|error| Failure::in_doing(path.display(), &error))?;
        Ok(Self(folder.with_synced_names(false)))
    }

    /// Returns an error if any of these paths below the folder exists.
    pub(crate) fn refuse_existing<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Failure> {
        paths.into_iter().try_for_each(|path| match self.0.find(path) {
            Ok(Some(_)) => Err(self.exists(path)),
            Ok(None) => Ok(()),
            Err(error) => Err(self.failed(path, &error)),
        })
    }

    /// Creates a file with the bytes of `content`. `path` is relative, with `/` between its parts.
    /// `modified` is the time stamp of the file; `None` means now. Returns the size of the file in
    /// bytes. Fails when the file exists, `content` fails, or the disk fails.
    pub(crate) fn write(
        &self,
        path: &str,
        modified: Option<FieldTime>,
        content: &mut dyn Read,
    ) -> Result<u64, Failure> {
        self.staged(path, modified, content).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => self.exists(path),
            _ => self.failed(path, &error),
        })
    }

    fn staged(&self, path: &str, modified: Option<FieldTime>, content: &mut dyn Read) -> io::Result<u64> {
        let mut staged = self.0.stage(path.rsplit_once('/').map_or("", |(parent, _)| parent))?;
        let bytes = io::copy(content, &mut staged)?;
        if let Some(seconds) = modified.and_then(|time| u64::try_from(time.as_utc().as_seconds()).ok()) {
            staged.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))?;
        }
        staged.create(path)?;
        Ok(bytes)
    }

    fn exists(&self, path: &str) -> Failure {
        let at = self.0.path().join(path);
        Failure::new(format_args!("{}: exists already, and is not overwritten", at.display()))
    }

    fn failed(&self, path: &str, error: &io::Error) -> Failure {
        Failure::in_doing(self.0.path().join(path).display(), error)
    }
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

        assert!(matches!(files.refuse_existing(["b", "a/CPE.nbt"]), Err(Failure::Explained(..))));
        let again = files.write("a/CPE.nbt", None, &mut &b"other"[..]);
        let Err(Failure::Explained(_, reason)) = again else { panic!("overwritten") };
        assert!(reason.ends_with("CPE.nbt: exists already, and is not overwritten"), "{reason}");
        assert_eq!(std::fs::read(&path).unwrap(), b"image");
        assert_eq!(names(path.parent().unwrap()), ["CPE.nbt"]);
    }

    #[test]
    fn a_new_file_is_checked_before_the_work_and_the_check_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("old.html"), b"old").unwrap();
        let reason = |paths: &[PathBuf]| match check(paths) {
            Err(Failure::Explained(_, reason)) => reason,
            other => format!("{other:?}"),
        };
        assert_eq!(reason(&[path("new.html"), path("new.csv")]), "Ok(())");
        assert!(reason(&[path("old.html")]).ends_with("old.html: exists already, and is not overwritten"));
        assert!(reason(&[path("a"), path("a")]).starts_with("two results go to "));
        assert!(reason(&[path("none/new.html")]).contains("none"));
        assert!(reason(&["..".into()]).contains("is not a file name"));
        assert!(reason(&["-".into()]).contains("standard output is not written here"));
        assert_eq!(names(folder.path()), ["old.html"]);
    }

    #[test]
    fn a_file_that_breaks_off_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let files = NewFiles::open(folder.path()).unwrap();
        let Err(Failure::Explained(_, reason)) = files.write("CPE.nbt", None, &mut Broken) else {
            panic!("made")
        };
        assert!(reason.ends_with("CPE.nbt: damaged"), "{reason}");
        assert!(names(folder.path()).is_empty());
    }
}
