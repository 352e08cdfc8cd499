//! The files a command is pointed at.

pub(crate) mod logs;
pub(crate) mod new;

use crate::failure::Failure;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Opens a file to be read.
///
/// # Errors
/// When it cannot be; the reason names it.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::in_doing(path.display(), &error))
}

/// The whole of a file that has at most `most` bytes.
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

/// Does work that blocks, away from the runtime's own threads.
///
/// # Errors
/// Fails as the work does.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await?
}
