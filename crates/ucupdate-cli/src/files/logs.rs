//! Finds log files: by name, by pattern, and in folders.

use crate::failure::Failure;
use std::collections::HashSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use ucupdate::MAX_STORED_LOG_BYTES;
use ucupdate::audit::{FileKind, GzipCopy, LogKind};
use ucupdate::value::{Counted, Zone};

/// The maximum number of files for one argument.
const MAX_FILES: usize = 100_000;

/// The maximum depth of nested folders.
const MAX_DEPTH: usize = 8;

/// The number of bytes at the start of a file by which its kind is recognised.
const LOOK_BYTES: u64 = 4096;

/// The maximum size in bytes of a `.zone` file, which contains a time zone.
const ZONE_BYTES: usize = 256;

/// Returns the log files that the arguments name. A folder stands for all logs of this kind in it,
/// with any file names. An argument that does not exist and contains `*`, `?` or `[` is a pattern.
/// Fails when a pattern matches no file, when a folder cannot be read or has no log of this kind,
/// and when there are too many files.
pub(crate) fn find(paths: &[PathBuf], kind: LogKind) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            in_folder(path, kind, &mut found)?;
        } else if path.exists() || !path.to_string_lossy().contains(['*', '?', '[']) {
            found.push(path.clone());
        } else {
            by_pattern(path, kind, &mut found)?;
        }
    }
    skip_copies(&mut found)?;
    Ok(found)
}

/// Compares each log `X` with its compressed copy `X.gz`, if `found` has both. If `X` contains all
/// rows of `X.gz`, removes `X.gz` from `found`. If `X.gz` contains all rows of `X`, removes `X`. A
/// log that is too large to compare stays, together with its copy.
fn skip_copies(found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let all: HashSet<PathBuf> = found.iter().cloned().collect();
    let mut passed_over = HashSet::new();
    for copy in &all {
        let log = copy.with_extension("");
        if copy.extension().is_none_or(|extension| extension != "gz") || !all.contains(&log) {
            continue;
        }
        // A log that is too large to compare is read together with its copy.
        if std::fs::metadata(&log).is_ok_and(|found| found.len() > MAX_STORED_LOG_BYTES as u64) {
            continue;
        }
        let bytes = super::read(&log, MAX_STORED_LOG_BYTES)?;
        let file = ucupdate_folder::open_regular(copy);
        let file = file.map_err(|error| Failure::in_doing(copy.display(), &error))?;
        match GzipCopy::compare(&bytes, file) {
            GzipCopy::InLog => drop(passed_over.insert(copy.clone())),
            GzipCopy::InCopy => drop(passed_over.insert(log)),
            // A copy that cannot be read whole is reported by its reader.
            GzipCopy::Different | GzipCopy::Undecided { .. } => {}
        }
    }
    found.retain(|path| !passed_over.contains(path));
    Ok(())
}

fn by_pattern(pattern: &Path, kind: LogKind, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let text = pattern.to_string_lossy();
    let matches = glob::glob(&text).map_err(|error| Failure::usage(format_args!("{text}: {error}")))?;
    let before = found.len();
    for path in matches.take(MAX_FILES + 1) {
        let path = path.map_err(|error| Failure::in_doing(&text, error.error()))?;
        if path.is_dir() { in_folder(&path, kind, found)? } else { add(path, found)? }
    }
    if found.len() == before {
        return Err(Failure::not_found(format_args!("no file matches {text}")));
    }
    Ok(())
}

fn in_folder(folder: &Path, kind: LogKind, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let before = found.len();
    let mut others = Vec::new();
    walk(folder, 0, &mut |path| {
        let look = look(&path)?;
        match (kind, look) {
            (LogKind::Audit, FileKind::AuditLog) | (LogKind::Access, FileKind::AccessLog) => add(path, found),
            _ => {
                others.push((path, look));
                if others.len() > MAX_FILES { Err(too_many(folder)) } else { Ok(()) }
            }
        }
    })?;
    if found.len() > before {
        return Ok(());
    }
    let name = name(kind);
    Err(match others.first() {
        None => Failure::not_found(format_args!("{} has no files, expected {name}s", folder.display())),
        Some((path, look)) => Failure::not_understood(format_args!(
            "{} has {} and no {name}; {} looks like {look}",
            folder.display(),
            Counted::new(others.len(), "file"),
            path.display()
        )),
    })
}

/// Calls `each` for the files of a folder and of its subfolders, sorted by name. Leaves out `.zone`
/// files.
fn walk(
    folder: &Path,
    depth: usize,
    each: &mut impl FnMut(PathBuf) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::in_doing(folder.display(), error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))?.take(MAX_FILES + 1) {
        paths.push(entry.map_err(|error| failed(&error))?.path());
    }
    if paths.len() > MAX_FILES {
        return Err(too_many(folder));
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            if depth < MAX_DEPTH {
                walk(&path, depth + 1, each)?;
            }
        } else if path.extension().is_none_or(|extension| extension != "zone") {
            each(path)?;
        }
    }
    Ok(())
}

fn add(path: PathBuf, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if found.len() >= MAX_FILES {
        return Err(too_many(&path));
    }
    found.push(path);
    Ok(())
}

fn too_many(path: &Path) -> Failure {
    Failure::new(format_args!("{}: more than {MAX_FILES} files, expected fewer", path.display()))
}

fn look(path: &Path) -> Result<FileKind, Failure> {
    let mut bytes = Vec::new();
    let read =
        ucupdate_folder::open_regular(path).and_then(|file| file.take(LOOK_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| Failure::in_doing(path.display(), &error))?;
    Ok(FileKind::of(&bytes))
}

/// Returns the time zone for a log, which a file beside the log contains. This file is `X.zone` for
/// the logs `X.log` and `X.log.gz`. `None` if there is no such file. Fails when the file cannot be
/// read, or has no valid time zone.
pub(crate) fn zone_beside(log: &Path) -> Result<Option<Zone>, Failure> {
    let plain = if log.extension().is_some_and(|extension| extension == "gz") {
        log.with_extension("")
    } else {
        log.to_owned()
    };
    let path = plain.with_extension("zone");
    if path == log || !path.is_file() {
        return Ok(None);
    }
    let bytes = super::read(&path, ZONE_BYTES)?;
    let zone = Zone::named(String::from_utf8_lossy(&bytes).trim());
    zone.map(Some).map_err(|error| Failure::not_understood(format_args!("{}: {error}", path.display())))
}

/// Returns the name of a kind of log for messages.
pub(crate) fn name(kind: LogKind) -> &'static str {
    match kind {
        LogKind::Audit => "audit log",
        LogKind::Access => "access log",
    }
}
