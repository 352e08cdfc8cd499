//! Opens a file whose path comes from a user.

use std::fs::{File, FileType, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens a file for reading. Refuses a named pipe, a socket or a device, because opening or reading
/// it may never end.
///
/// Accepts `/dev/null`, `/dev/stdin`, and each path below `/dev/fd` and `/proc/self/fd`, whatever
/// the path leads to. A shell passes the output of a command by such a path, for example
/// `/dev/fd/3`.
///
/// On Unix, reading a file at any other path never waits for another process. If a file of the
/// kernel, such as `/proc/kmsg`, has no new bytes, reading it fails with [`ErrorKind::WouldBlock`].
///
/// # Errors
/// When the file cannot be opened, or when it is a pipe, a socket or a device at a path that is not
/// named above. On Unix a folder is opened, and reading it fails.
pub fn open_regular(path: &Path) -> io::Result<File> {
    if is_of_shell(path) {
        return File::open(path);
    }
    check_kind(&std::fs::metadata(path)?)?;
    let file = open_without_waiting(path)?;
    // The path may lead to another file by now.
    check_kind(&file.metadata()?)?;
    Ok(file)
}

/// Checks that a file is a regular file or a folder. A folder is accepted, because reading it fails
/// at once with an error of the system that says why.
fn check_kind(found: &Metadata) -> io::Result<()> {
    if found.is_file() || found.is_dir() {
        return Ok(());
    }
    let found = kind_of(found.file_type());
    Err(io::Error::new(ErrorKind::InvalidInput, format!("is {found}, expected a regular file")))
}

#[cfg(unix)]
fn open_without_waiting(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    File::options().read(true).custom_flags(nonblocking).open(path)
}

#[cfg(not(unix))]
fn open_without_waiting(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Returns whether a path is `/dev/null`, or a path by which a shell passes the output of a
/// command, such as `/dev/fd/3`.
fn is_of_shell(path: &Path) -> bool {
    let files = ["/dev/stdin", "/dev/null"];
    files.iter().any(|file| path == Path::new(file))
        || ["/dev/fd", "/proc/self/fd"].iter().any(|folder| path.starts_with(folder))
}

#[cfg(unix)]
fn kind_of(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    match kind {
        _ if kind.is_fifo() => "a named pipe",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn kind_of(_: FileType) -> &'static str {
    "a device"
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_may_never_end_is_refused_and_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let refused = |path: &Path| open_regular(path).unwrap_err().to_string();
        // Opening a pipe without a writer would wait for one.
        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        assert_eq!(refused(&path("pipe")), "is a named pipe, expected a regular file");
        let _listener = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        assert_eq!(refused(&path("socket")), "is a socket, expected a regular file");
        assert_eq!(refused(Path::new("/dev/zero")), "is a device, expected a regular file");
        assert_eq!(open_regular(Path::new("/dev/null")).unwrap().metadata().unwrap().len(), 0);
    }

    #[test]
    fn reading_a_file_does_not_wait_for_a_writer() {
        let file = open_regular(Path::new("/proc/self/status")).unwrap();
        let flags = rustix::fs::fcntl_getfl(&file).unwrap();
        assert!(flags.contains(rustix::fs::OFlags::NONBLOCK), "{flags:?}");
    }
}
