//! The sinks of lines: a stream of the process, a file, or a named pipe.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Returns a sink that writes to a stream without taking the lock of the stream. If the reader of
/// the stream stops, only the thread that writes lines waits.
#[cfg(unix)]
pub(super) fn of_stream(stream: impl std::os::fd::AsFd + Write + Send + 'static) -> Box<dyn Write + Send> {
    match stream.as_fd().try_clone_to_owned() {
        Ok(own) => Box::new(File::from(own)),
        Err(_) => Box::new(stream),
    }
}

#[cfg(not(unix))]
pub(super) fn of_stream(stream: impl Write + Send + 'static) -> Box<dyn Write + Send> {
    Box::new(stream)
}

/// Opens a file for appending, and creates it if it does not exist. A named pipe is opened even if
/// it has no reader yet.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn Write + Send>> {
    // Opening a pipe only for writing would wait for a reader.
    if std::fs::metadata(path).is_ok_and(|found| is_pipe(&found)) {
        return Ok(Box::new(File::options().read(true).write(true).open(path)?));
    }
    Ok(Box::new(MovedAside { path: path.to_owned(), file: append_to(path)?, is_checked: true }))
}

fn append_to(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

/// A file whose path is opened again if it leads to another file or to none. This happens when a
/// program that rotates logs has moved the file.
struct MovedAside {
    path: PathBuf,
    file: File,
    /// `true` if the path was checked since the last flush.
    is_checked: bool,
}

impl Write for MovedAside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !std::mem::replace(&mut self.is_checked, true) {
            let is_same = match (std::fs::metadata(&self.path), self.file.metadata()) {
                (Ok(named), Ok(open)) => is_one_file(&named, &open),
                (Err(error), _) => error.kind() != io::ErrorKind::NotFound,
                (_, Err(_)) => true,
            };
            if !is_same {
                self.file = append_to(&self.path)?;
            }
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.is_checked = false;
        self.file.flush()
    }
}

#[cfg(unix)]
fn is_pipe(found: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&found.file_type())
}

#[cfg(unix)]
fn is_one_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_pipe(_: &Metadata) -> bool {
    false
}

/// On other systems, an open file cannot be moved.
#[cfg(not(unix))]
fn is_one_file(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_away_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let [path, old] = ["events", "events.1"].map(|name| folder.path().join(name));
        let mut sink = open(&path).unwrap();
        let mut write = |line: &[u8]| {
            sink.write_all(line).unwrap();
            sink.flush().unwrap();
        };
        write(b"first\n");
        std::fs::rename(&path, &old).unwrap();
        write(b"second\n");
        std::fs::remove_file(&path).unwrap();
        write(b"third\n");
        assert_eq!([old, path].map(|file| std::fs::read_to_string(file).unwrap()), ["first\n", "third\n"]);
    }

    #[test]
    fn a_named_pipe_is_opened_before_its_reader() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let mut sink = open(&path).unwrap();
        sink.write_all(b"line\n").unwrap();
        drop(sink);
    }
}
