//! The files in the arguments of a command.

pub(crate) mod fetched;
pub(crate) mod logs;
pub(crate) mod new;

use crate::failure::Failure;
use crate::suggest::{near_path, with_meant};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use ucupdate_folder::open_regular;

/// Opens a file for reading. Fails when the file cannot be opened. The failure contains its path.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    open_regular(path).map_err(|error| not_read(path, &error))
}

/// Returns the failure for a file that could not be read. If the file does not exist, the failure
/// suggests a similar name.
pub(crate) fn not_read(path: &Path, error: &io::Error) -> Failure {
    with_meant(Failure::in_doing(path.display(), error), meant_for(path, error))
}

/// Returns a similar path if `error` says that the file does not exist. `None` for other errors, or
/// if no path is similar.
pub(crate) fn meant_for(path: &Path, error: &io::Error) -> Option<String> {
    (error.kind() == ErrorKind::NotFound).then(|| near_path(path, |_| true)).flatten()
}

/// Fails when nothing exists at the path. Succeeds if the path cannot be examined for another
/// reason, because opening the file will report the reason.
pub(crate) fn refuse_missing(path: &Path) -> Result<(), Failure> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(not_read(path, &error)),
        _ => Ok(()),
    }
}

/// Returns the content of a file of at most `most` bytes. Fails when the file cannot be read, or is larger.
pub(crate) fn read(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    read_file(path, most).map_err(|error| not_read(path, &error))
}

/// Returns the content of a file of at most `most` bytes. Fails when the file cannot be read, is no regular
/// file, or is larger.
pub(crate) fn read_file(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let end = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    open_regular(path)?.take(end).read_to_end(&mut bytes).map_err(|error| match error.kind() {
        // The kernel has files that wait for more bytes, such as /proc/kmsg.
        ErrorKind::WouldBlock => {
            io::Error::new(ErrorKind::InvalidInput, "has no end, expected a regular file")
        }
        _ => error,
    })?;
    if bytes.len() > most {
        return Err(io::Error::other(format!("has more than {most} bytes")));
    }
    Ok(bytes)
}

/// Returns a warning about a file with a secret, if its group can write it, or if other users have
/// any access to it. `None` if there is nothing to warn about. `what` is the content of the file,
/// such as `private key`.
#[cfg(unix)]
pub(crate) fn mode_warning(path: &Path, what: &str) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mode = metadata.permissions().mode() & 0o777;
    // It is usual that a group may read secrets.
    (mode & 0o027 != 0).then(|| {
        let path = path.display();
        format!("{path}: the {what} has mode {mode:03o}, so others can use it; expected 600 or 640")
    })
}

#[cfg(not(unix))]
pub(crate) fn mode_warning(_path: &Path, _what: &str) -> Option<String> {
    None
}

/// The first line of a certificate in PEM.
const PEM_BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The largest size of a file of certificates in bytes.
pub(crate) const MAX_CERTIFICATES_BYTES: usize = 1024 * 1024;

/// Reads a file of certificates in PEM. Fails when the file cannot be read, or has no certificate in PEM.
pub(crate) fn certificates(path: &Path) -> Result<Vec<u8>, Failure> {
    let pem = read(path, MAX_CERTIFICATES_BYTES)?;
    if !pem.windows(PEM_BEGIN.len()).any(|found| found == PEM_BEGIN) {
        let expected = "no certificate in it, expected PEM";
        return Err(Failure::not_understood(format_args!("{}: {expected}", path.display())));
    }
    Ok(pem)
}

/// Runs `work` on a new thread, because it may never end. Example: it reads a file on another
/// machine. The caller can stop waiting for the result. The thread ends with the process at the
/// latest. Returns the result of `work`.
pub(crate) async fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (done, waiting) = tokio::sync::oneshot::channel();
    let work = move || {
        // The caller may have stopped waiting.
        let _sent = done.send(work());
    };
    std::thread::Builder::new()
        .name("files".to_owned())
        .spawn(work)
        .map_err(|error| Failure::in_doing("starting a thread", &error))?;
    waiting.await.unwrap_or_else(|_| Err(Failure::new("a thread that reads files ended without a result")))
}

/// Runs blocking work on a blocking thread of tokio. Returns the result of `work`.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await?
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit_also_by_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        assert_eq!(read_file(Path::new("/dev/null"), 0).unwrap(), b"");
        std::fs::write(path("file"), b"abc").unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        assert_eq!(read_file(&path("link"), 3).unwrap(), b"abc");
        assert_eq!(read_file(&path("link"), 2).unwrap_err().to_string(), "has more than 2 bytes");
    }

    #[tokio::test]
    async fn work_that_never_ends_can_be_left() {
        let (_held, never) = std::sync::mpsc::channel::<()>();
        let work = on_own_thread(move || never.recv().map_err(Failure::new));
        assert!(tokio::time::timeout(std::time::Duration::from_millis(10), work).await.is_err());
        assert_eq!(on_own_thread(|| Ok(1)).await.unwrap(), 1);
        let failed = on_own_thread::<()>(|| Err(Failure::new("no file"))).await;
        assert!(matches!(failed, Err(Failure::Explained(_, reason)) if reason == "no file"));
    }
}
