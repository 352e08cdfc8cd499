//! The files in the arguments of a command.

pub(crate) mod fetched;
pub(crate) mod logs;
pub(crate) mod new;

use crate::failure::Failure;
use crate::suggest::{near_path, with_meant};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Opens a file for reading.
///
/// # Errors
/// When the file cannot be opened. The reason contains its path.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| not_read(path, &error))
}

/// Returns the failure of reading a file. If the file does not exist, the failure suggests a similar name.
pub(crate) fn not_read(path: &Path, error: &io::Error) -> Failure {
    with_meant(Failure::in_doing(path.display(), error), meant_for(path, error))
}

/// Returns a similar path if the file does not exist.
pub(crate) fn meant_for(path: &Path, error: &io::Error) -> Option<String> {
    (error.kind() == io::ErrorKind::NotFound).then(|| near_path(path, |_| true)).flatten()
}

/// Returns an error if a file does not exist, before it is opened elsewhere.
///
/// # Errors
/// When nothing exists at the path.
pub(crate) fn refuse_missing(path: &Path) -> Result<(), Failure> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(not_read(path, &error)),
        _ => Ok(()),
    }
}

/// Returns the content of a file of at most `most` bytes.
///
/// # Errors
/// When the file cannot be read, or is larger.
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

/// The first line of a certificate in PEM.
const PEM_BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The largest size of a file of certificates in bytes.
const MAX_CERTIFICATES_BYTES: usize = 1024 * 1024;

/// Reads a file of certificates in PEM.
///
/// # Errors
/// When the file cannot be read, or has no certificate in PEM.
pub(crate) fn certificates(path: &Path) -> Result<Vec<u8>, Failure> {
    let pem = read(path, MAX_CERTIFICATES_BYTES)?;
    if !pem.windows(PEM_BEGIN.len()).any(|found| found == PEM_BEGIN) {
        let expected = "no certificate in it, expected PEM";
        return Err(Failure::not_understood(format_args!("{}: {expected}", path.display())));
    }
    Ok(pem)
}

/// Runs blocking work on a thread for blocking work.
///
/// # Errors
/// Returns the error of the work.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await?
}
