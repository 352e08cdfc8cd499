//! Opens cabinets in files.

use crate::failure::Failure;
use crate::files;
use crate::output::progress::Progress;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use ucupdate_cab::{Cabinet, CabinetOptions};

/// Returns the paths joined by commas, for messages.
pub(super) fn joined(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}

/// Opens a cabinet, a self-extracting program that contains one, or the parts of a set. `progress`
/// shows the bytes that are read.
pub(super) fn open(
    paths: &[PathBuf],
    options: CabinetOptions,
    progress: &Progress,
) -> Result<Cabinet<impl Read + use<>>, Failure> {
    let parts = paths.iter().map(|path| files::open(path)).collect::<Result<Vec<_>, _>>()?;
    let sizes = parts.iter().map(|part| part.metadata().map_or(0, |meta| meta.len()));
    progress.reads("reading", sizes.fold(0, u64::saturating_add));
    let parts = parts.into_iter().map(|part| BufReader::new(progress.counted(part))).collect();
    Cabinet::open_set(parts, options).map_err(|error| Failure::in_doing(joined(paths), &error))
}

/// Returns a path relative to a folder, with `/` between its parts. Fails when a part is not valid
/// Unicode.
pub(super) fn relative(path: &Path, folder: &Path) -> Result<String, Failure> {
    let not_text = || Failure::new(format_args!("{}: the name is not valid Unicode", path.display()));
    let below = path.strip_prefix(folder).unwrap_or(path);
    let parts = below.components().map(|part| part.as_os_str().to_str().ok_or_else(not_text));
    Ok(parts.collect::<Result<Vec<_>, _>>()?.join("/"))
}
