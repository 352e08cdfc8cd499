//! The files a command is pointed at.

pub(crate) mod logs;
pub(crate) mod new;

use crate::failure::Failure;
use crate::suggest::{near_path, with_meant};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Opens a file to be read.
///
/// # Errors
/// When it cannot be; the reason names it.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| not_read(path, &error))
}

/// Returns the failure of reading a file, with the name of the file that was meant where it is not there.
pub(crate) fn not_read(path: &Path, error: &io::Error) -> Failure {
    with_meant(Failure::in_doing(path.display(), error), meant_for(path, error))
}

/// Returns the file that may have been meant where a file is not there.
pub(crate) fn meant_for(path: &Path, error: &io::Error) -> Option<String> {
    (error.kind() == io::ErrorKind::NotFound).then(|| near_path(path, |_| true)).flatten()
}

/// Refuses a file that is not there, before the file is opened elsewhere.
///
/// # Errors
/// When nothing has this path.
pub(crate) fn refuse_missing(path: &Path) -> Result<(), Failure> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(not_read(path, &error)),
        _ => Ok(()),
    }
}

/// Returns the whole of a file that has at most `most` bytes.
///
/// # Errors
/// When it cannot be read, or is larger.
pub(crate) fn read(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let end = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    open(path)?
        .take(end)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::in_doing(path.display(), &error))?;
    if bytes.len() > most {
        return Err(Failure::new(format_args!("{}: has more than {most} bytes", path.display())));
    }
    Ok(bytes)
}

/// How a certificate begins in PEM.
const PEM_BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The most bytes of a file of certificates: a system's whole collection has a fifth of it.
const MAX_CERTIFICATES_BYTES: usize = 1024 * 1024;

/// Returns a file of certificates to trust.
///
/// # Errors
/// When it cannot be read, or holds no certificate in PEM.
pub(crate) fn certificates(path: &Path) -> Result<Vec<u8>, Failure> {
    let pem = read(path, MAX_CERTIFICATES_BYTES)?;
    if !pem.windows(PEM_BEGIN.len()).any(|found| found == PEM_BEGIN) {
        let expected = "no certificate in it, expected PEM";
        return Err(Failure::not_understood(format_args!("{}: {expected}", path.display())));
    }
    Ok(pem)
}

/// Does work that blocks, away from the runtime's own threads.
///
/// # Errors
/// Fails as the work does.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await?
}
