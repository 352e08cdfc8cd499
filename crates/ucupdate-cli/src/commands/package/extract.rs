//! `ucupdate package extract`: the files of a cabinet, written below a folder.

use super::cabinet::{joined, open};
use crate::args::package::CabinetArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::files;
use crate::files::new::NewFiles;
use crate::output::shown::Shown;
use serde::Serialize;
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct ExtractArgs {
    /// A cabinet, a self-extracting program that carries one, or the parts of one set in any order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    cabinet: CabinetArgs,
    /// The folder to write below, made if it is not there
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    /// The files that were written.
    files: Vec<FileReport>,
    /// The files that were not written, since their names are not safe.
    unsafe_names: Vec<UnsafeReport>,
}

#[derive(Debug, Serialize)]
struct FileReport {
    /// Below the folder, parts divided by `/`.
    path: String,
    size: u64,
}

#[derive(Debug, Serialize)]
struct UnsafeReport {
    /// As the cabinet gives it.
    name: String,
    reason: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut files = self.files.iter();
        files.next().map_or(Ok(()), |file| write!(f, "{}", Shown(&file.path)))?;
        files.try_for_each(|file| write!(f, "\n{}", Shown(&file.path)))
    }
}

pub(crate) async fn run(args: ExtractArgs, context: &mut Context) -> Result<(), Failure> {
    let (report, ended) = files::blocking(move || {
        let mut report = Report::default();
        let ended = extract(&args, &mut report);
        Ok((report, ended))
    })
    .await?;
    if ended.is_err() && report.files.is_empty() {
        return ended;
    }
    for name in &report.unsafe_names {
        context.output.message(format_args!("not extracted: {}: {}", Shown(&name.name), name.reason));
    }
    let told = context.output.result(&report);
    ended?;
    match report.unsafe_names.len() {
        0 => told,
        found => {
            Err(Failure::new(format_args!("{found} file(s) not extracted, since their names are not safe")))
        }
    }
}

fn extract(args: &ExtractArgs, report: &mut Report) -> Result<(), Failure> {
    let failed = |error: &(dyn std::error::Error + 'static)| Failure::in_doing(joined(&args.files), error);
    let mut cabinet = open(&args.files, args.cabinet.options())?;
    let folder = NewFiles::open_or_make(&args.to)?;
    // Before anything is written, so that a second call does not end half-way.
    folder.refuse_existing(cabinet.entries().iter().filter_map(|entry| Some(entry.path().ok()?.as_str())))?;
    while let Some(mut file) = cabinet.next_file().map_err(|error| failed(&error))? {
        let entry = file.entry();
        let path = match entry.path() {
            Ok(path) => path.as_str().to_owned(),
            Err(problem) => {
                let (name, reason) = (entry.name_as_given().into_owned(), problem.to_string());
                report.unsafe_names.push(UnsafeReport { name, reason });
                continue;
            }
        };
        let modified = entry.modified();
        let mut content = Content { file: &mut file, damage: None };
        let written = folder.write(&path, modified, &mut content);
        let damage = content.damage;
        let size = written.map_err(|failure| {
            damage.map_or(failure, |damage| Failure::in_doing(joined(&args.files), &damage))
        })?;
        report.files.push(FileReport { path, size });
    }
    let finished = cabinet.finish().map_err(|error| failed(&error))?;
    match finished.irregularities.iter().find(|found| found.is_incomplete()) {
        Some(unread) => Err(Failure::new(format_args!("{}: {unread}", joined(&args.files)))),
        None => Ok(()),
    }
}

/// A file of a cabinet; what is wrong with the cabinet is kept apart from what is wrong with the disk.
struct Content<'a, 'c, R> {
    file: &'a mut ucupdate_cab::FileReader<'c, R>,
    damage: Option<io::Error>,
}

impl<R: Read> Read for Content<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).map_err(|error| {
            let kind = error.kind();
            self.damage = Some(error);
            kind.into()
        })
    }
}
