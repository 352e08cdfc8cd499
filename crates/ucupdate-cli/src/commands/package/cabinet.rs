//! Cabinets in files.

use crate::failure::Failure;
use crate::files;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use ucupdate_cab::{Cabinet, CabinetOptions};

/// Returns the paths in one line, for messages.
pub(super) fn joined(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}

/// Opens a cabinet, a program that contains one, or the parts of a set.
pub(super) fn open(paths: &[PathBuf], options: CabinetOptions) -> Result<Cabinet<BufReader<File>>, Failure> {
    let part = |path: &PathBuf| files::open(path).map(BufReader::new);
    let parts = paths.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    Cabinet::open_set(parts, options).map_err(|error| Failure::in_doing(joined(paths), &error))
}

/// Returns a path relative to a folder, with `/` between its parts.
pub(super) fn relative(path: &Path, folder: &Path) -> Result<String, Failure> {
    let not_text = || Failure::new(format_args!("{}: the name is not valid Unicode", path.display()));
    let below = path.strip_prefix(folder).unwrap_or(path);
    let parts = below.components().map(|part| part.as_os_str().to_str().ok_or_else(not_text));
    Ok(parts.collect::<Result<Vec<_>, _>>()?.join("/"))
}
