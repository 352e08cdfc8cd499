//! `ucupdate package extract`: writes the files of a cabinet to a folder.

use super::cabinet::{joined, open};
use crate::args::package::CabinetArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::files;
use crate::files::new::NewFiles;
use crate::output::progress::Progress;
use crate::output::shown::Shown;
use serde_json::json;
use std::io::{self, Read};
use std::path::PathBuf;
use ucupdate::value::Counted;

#[derive(Debug, clap::Args)]
pub(crate) struct ExtractArgs {
    /// A cabinet, a self-extracting program that contains one, or the parts of one set in any order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    cabinet: CabinetArgs,
    /// The folder to write into. It is created if it does not exist
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

#[derive(Debug, Default)]
struct Extracted {
    /// The written files: their paths below the folder, with `/` between the parts, and their sizes
    /// in bytes.
    files: Vec<(String, u64)>,
    /// The names of files that were not written because they are not safe, with the reasons.
    unsafe_names: Vec<(String, String)>,
}

pub(crate) async fn run(args: ExtractArgs, context: &mut Context) -> Result<(), Failure> {
    let progress = context.output.progress.clone();
    let (report, ended) = files::blocking(move || {
        let mut report = Extracted::default();
        let ended = extract(&args, &mut report, &progress);
        Ok((report, ended))
    })
    .await?;
    if ended.is_err() && report.files.is_empty() {
        return ended;
    }
    for (name, reason) in &report.unsafe_names {
        context.output.message(format_args!("not extracted: {}: {reason}", Shown(name)));
    }
    let files = report.files.iter().map(|(path, size)| json!({ "path": path, "size": size }));
    let unsafe_names = report.unsafe_names.iter();
    let unsafe_names = unsafe_names.map(|(name, reason)| json!({ "name": name, "reason": reason }));
    let value = json!({
        "files": files.collect::<Vec<_>>(), "unsafe_names": unsafe_names.collect::<Vec<_>>(),
    });
    let lines: Vec<String> = report.files.iter().map(|(path, _)| Shown(path).to_string()).collect();
    let printed = context.output.both(&value, lines.join("\n"));
    ended?;
    match report.unsafe_names.len() {
        0 => printed,
        found => Err(Failure::new(format_args!(
            "{} not extracted, because the names are not safe",
            Counted::new(found, "file").with_verb("was", "were")
        ))),
    }
}

fn extract(args: &ExtractArgs, report: &mut Extracted, progress: &Progress) -> Result<(), Failure> {
    let failed = |error: &(dyn std::error::Error + 'static)| Failure::in_doing(joined(&args.files), error);
    let mut next = Some(open(&args.files, args.cabinet.options()?, progress)?);
    let folder = NewFiles::open_or_make(&args.to)?;
    while let Some(mut cabinet) = next {
        // Existing files are looked for before anything is written, so that a second call does not
        // stop half-way.
        folder.refuse_existing(
            cabinet.entries().iter().filter_map(|entry| Some(entry.path().ok()?.as_str())),
        )?;
        while let Some(mut file) = cabinet.next_file().map_err(|error| failed(&error))? {
            let entry = file.entry();
            let path = match entry.path() {
                Ok(path) => path.as_str().to_owned(),
                Err(problem) => {
                    let (name, reason) = (entry.name_as_given().into_owned(), problem.to_string());
                    report.unsafe_names.push((name, reason));
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
            report.files.push((path, size));
        }
        let finished;
        (finished, next) = cabinet.next_cabinet().map_err(|error| failed(&error))?;
        if let Some(unread) = finished.irregularities.iter().find(|found| found.is_incomplete()) {
            return Err(Failure::new(format_args!("{}: {unread}", joined(&args.files))));
        }
    }
    Ok(())
}

/// A reader of one file in a cabinet. `damage` keeps an error of the cabinet, to tell it from an
/// error of the disk.
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
