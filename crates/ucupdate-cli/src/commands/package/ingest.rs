//! `ucupdate ingest`: ingests packages in order, until one is refused.

use super::cabinet::joined;
use crate::args::change::author::AuthorArgs;
use crate::args::devices::{Devices, DevicesArgs, Differences, only_in_dry_run};
use crate::args::package::PackageArgs;
use crate::context::{Context, IfMissing};
use crate::failure::{Failure, FailureKind, chain, with_limit_option};
use crate::files::fetched::{Address, is_address};
use crate::files::meant_for;
use crate::output::change_notes::ChangeNotes;
use crate::output::shown::Shown;
use crate::suggest::with_meant;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fmt, io};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use ucupdate::cab::package::{Package, Problem, ProblemKind};
use ucupdate::store::ByteStream;
use ucupdate::value::{Sha256Digest, UnixTime};
use ucupdate::version::ReportedVersion;
use ucupdate::{IngestDryRun, IngestError, IngestOptions, Ingested, Options, UpdateService};
use ucupdate_admin::report::ProblemReport;
use ucupdate_folder::open_regular;

#[derive(Debug, clap::Args)]
#[command(mut_args(only_in_dry_run))]
pub(crate) struct IngestArgs {
    /// Cabinets, or self-extracting programs that contain one. They are ingested in order, up to the first that is
    /// refused. The parts of one set are read together. `-` means stdin. A https:// address needs --sha256
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The SHA-256 of the file at a https:// address; repeat it for each address, in order. A file with another digest is
    /// refused before it is read
    #[arg(long, value_name = "DIGEST")]
    sha256: Vec<Sha256Digest>,
    #[command(flatten)]
    package: PackageArgs,
    #[command(flatten)]
    author: AuthorArgs,
    /// Store nothing, and print what each file alone would change: the versions that would be pending, and those that
    /// all devices would get without an approval (as with RoundTable)
    #[arg(long)]
    dry_run: bool,
    #[command(flatten, next_help_heading = "Devices for --dry-run")]
    devices: DevicesArgs,
}

/// The path that means stdin.
const STDIN: &str = "-";

/// The largest number of bytes that are read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// The result of all files. It is written without a tree of JSON values, because a dry run may name a million devices.
#[derive(Debug, Default, Serialize)]
struct IngestReport {
    /// `true` for a dry run, in which nothing was stored.
    dry_run: bool,
    packages: Vec<IngestedCabinet>,
    /// The file that was refused, the reason, and the problems of its package. Later files were not read.
    refused: Option<Value>,
}

/// A package that was ingested or was in the store already. In a dry run, a package that would be ingested.
#[derive(Debug, Serialize)]
struct IngestedCabinet {
    /// The path of the file, as given.
    file: String,
    package: String,
    /// The revision that the ingest made. `None` if nothing changed.
    revision: Option<u64>,
    #[serde(flatten)]
    notes: ChangeNotes,
    /// The warnings about the package.
    warnings: Vec<ProblemReport>,
    /// In a dry run, the devices whose answer would change.
    #[serde(flatten)]
    differences: Option<Differences>,
}

impl IngestedCabinet {
    fn of(path: &Path, ingested: &Ingested) -> Self {
        Self {
            file: path.display().to_string(),
            package: ingested.id().to_string(),
            revision: ingested.revision,
            notes: ingested.notes.iter().cloned().collect(),
            warnings: warnings_of(&ingested.package),
            differences: None,
        }
    }

    fn would_be(path: &Path, would: &IngestDryRun, devices: &Devices, now: UnixTime) -> Self {
        let run = &would.run;
        Self {
            file: path.display().to_string(),
            package: would.package.id.to_string(),
            revision: None,
            notes: run.change.notes.iter().cloned().collect(),
            warnings: warnings_of(&would.package),
            // One run can try many packages, each with a rule book of its own.
            differences: Some(devices.differences(&run.before, &run.after, now).found()),
        }
    }
}

/// Returns the warnings about a package, except those about a version that .NET cannot read. The
/// scheme of the rule may read such a version. If not, a note says so.
fn warnings_of(package: &Package) -> Vec<ProblemReport> {
    let is_noted = |problem: &&Problem| {
        let found = problem.found.as_deref().unwrap_or_default();
        let is_it = |version: &ReportedVersion| found.starts_with(&format!("{:?}:", version.as_str()));
        problem.kind == ProblemKind::VersionUnreadable
            && package.releases.iter().any(|release| is_it(&release.version))
    };
    package.warnings().filter(|problem| !is_noted(problem)).map(ProblemReport::of).collect()
}

impl fmt::Display for IngestedCabinet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "package {} from {}", self.package, Shown(&self.file))?;
        if let Some(differences) = &self.differences {
            self.notes.lines_without("ingested").try_for_each(|note| write!(f, "\n  would be: {note}"))?;
            return write!(f, "\n{differences}");
        }
        if self.revision.is_none() {
            f.write_str(" exists already, nothing changes")?;
        }
        // The first line names the file already.
        self.notes.lines_without("ingested").try_for_each(|note| write!(f, "\n  {note}"))
    }
}

/// The https URLs among the arguments, by the argument.
type Addresses = HashMap<PathBuf, Address>;

impl IngestArgs {
    /// Returns the https URLs among the arguments, with their digests. Fails when a URL is not
    /// https, or when the number of digests is not the number of URLs.
    fn addresses(&self) -> Result<Addresses, Failure> {
        let addresses: Vec<&PathBuf> = self.files.iter().filter(|file| is_address(file)).collect();
        if addresses.len() != self.sha256.len() {
            return Err(Failure::usage(format_args!(
                "--sha256 is given {} times for {} https:// addresses, expected the digest of each file; the publisher of a \
                 package names it, or `sha256sum` computes it from a copy that you trust",
                self.sha256.len(),
                addresses.len()
            )));
        }
        let pairs = addresses.into_iter().zip(&self.sha256);
        pairs.map(|(file, sha256)| Ok((file.clone(), Address::new(file, *sha256)?))).collect()
    }
}

pub(crate) async fn run(args: IngestArgs, context: &mut Context) -> Result<(), Failure> {
    let addresses = args.addresses()?;
    let mut report = IngestReport { dry_run: args.dry_run, ..IngestReport::default() };
    let devices = match args.dry_run {
        true => Some(looked_at(&args.devices, context).await?),
        false => None,
    };
    let mut service = None;
    let new_folder = context.store_folder().filter(|folder| !folder.exists()).map(Path::to_owned);
    let cabinet = args.package.cabinet.options()?;
    let source = Source { addresses, most_bytes: args.package.cabinet.cabinet_bytes() };
    let options = IngestOptions::default().with_cabinet(cabinet).with_package(args.package.options());
    let mut failure = None;
    let mut written = Ok(());
    for paths in &sets(&args.files) {
        let path = PathBuf::from(source.shown(paths));
        match one(paths, &source, &options, &args.author, devices.as_ref(), &mut service, context).await {
            Ok(package) if context.output.is_json() => report.packages.push(package),
            Ok(package) => {
                let warnings = package.warnings.iter();
                warnings.for_each(|warning| {
                    context.output.message(format_args!("{}: {warning}", path.display()))
                });
                package.notes.of_kind("deployed-at-ingest").for_each(|note| {
                    context.output.message(format_args!("{}: warning: {note}", path.display()));
                });
                // All files are ingested, even if stdout is closed.
                written = written.and(context.output.text(&package));
            }
            Err((Failure::OutputClosed, _)) => return Err(Failure::OutputClosed),
            Err((Failure::Explained(kind, reason), problems)) => {
                let file = path.display().to_string();
                failure = Some(Failure::Explained(kind, format!("{file}: {reason}")));
                if !context.output.is_json() {
                    // The reason is printed last, and only once.
                    let others = problems.iter().filter(|problem| !reason.contains(&problem.text));
                    others.for_each(|problem| {
                        context.output.message(with_limit_option(format!("{file}: {problem}")));
                    });
                    if problems.iter().any(ProblemReport::is_unreadable_catalogue) {
                        context.output.message(format_args!(
                            "{file}: --accept-unreadable-catalogue takes in images whose signature cannot be read; the history \
                             records it"
                        ));
                    }
                }
                report.refused = Some(json!({ "file": file, "reason": reason, "problems": problems }));
                break;
            }
        }
    }
    if context.output.is_json() {
        written = context.output.json_result(&report);
    }
    if let Some(folder) = new_folder.filter(|_| failure.is_some()) {
        drop(service);
        remove_empty_store(&folder);
    }
    failure.map_or(written, Err)
}

/// Removes the folder that this command created for a store, if it is still empty. It would belong
/// to the user of this command, and a server of another user could not use it.
fn remove_empty_store(folder: &Path) {
    // A folder that is not empty stays.
    let _kept = std::fs::remove_dir(folder.join(".staging")).and_then(|()| std::fs::remove_dir(folder));
}

/// Groups the files that are read together. The parts of a set of cabinets are one group, by the
/// number of the set in their headers. Each other file is a group.
fn sets(files: &[PathBuf]) -> Vec<Vec<PathBuf>> {
    let mut sets: Vec<(Option<u16>, Vec<u16>, Vec<PathBuf>)> = Vec::new();
    for file in files {
        let part = part_of_set(file);
        // The numbers of sets are not unique. So a part with an index that is known already begins
        // another set.
        let known = part.and_then(|(set, index)| {
            sets.iter_mut().find(|(known, indices, _)| *known == Some(set) && !indices.contains(&index))
        });
        match (known, part) {
            (Some((_, indices, files)), Some((_, index))) => {
                indices.push(index);
                files.push(file.clone());
            }
            (_, Some((set, index))) => sets.push((Some(set), vec![index], vec![file.clone()])),
            (_, None) => sets.push((None, Vec::new(), vec![file.clone()])),
        }
    }
    sets.into_iter().map(|(_, _, files)| files).collect()
}

/// Returns the number of the set and the index of the part, from the header of a cabinet. `None` if
/// the file is not a part of a set, or is not a regular file.
fn part_of_set(file: &Path) -> Option<(u16, u16)> {
    // The bytes of a pipe can be read only once.
    if !file.is_file() {
        return None;
    }
    let mut header = [0; 36];
    io::Read::read_exact(&mut open_regular(file).ok()?, &mut header).ok()?;
    let number = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let has_neighbour = number(30) & 3 != 0;
    (header.starts_with(b"MSCF") && has_neighbour).then(|| (number(32), number(34)))
}

/// The reason why a file was refused, and the problems of its package.
type RefusedFile = (Failure, Vec<ProblemReport>);

/// The https URLs among the arguments, and the size limit of the files there.
struct Source {
    addresses: Addresses,
    /// The largest size of a fetched file in bytes.
    most_bytes: u64,
}

impl Source {
    /// Returns the paths or the URL as text for people.
    fn shown(&self, paths: &[PathBuf]) -> String {
        match paths.first().and_then(|path| self.addresses.get(path)) {
            Some(address) => address.to_string(),
            None => joined(paths),
        }
    }

    /// Returns the name of a file for the history: its file name, or `stdin`.
    fn name_of<'a>(&self, path: &'a Path) -> Cow<'a, str> {
        match self.addresses.get(path) {
            Some(address) => Cow::Owned(address.file_name()),
            None => name_of(path),
        }
    }

    async fn fetch(&self, address: &Address, context: &Context) -> Result<(File, u64), Failure> {
        let bar = context.output.progress.of_bytes(address.file_name(), Some(0));
        let so_far = |bytes, all: Option<u64>| {
            bar.set_length(all.unwrap_or(bytes));
            bar.set_position(bytes);
        };
        let fetched = address.fetch(self.most_bytes, context.ca_file(), so_far).await;
        bar.finish_and_clear();
        fetched.map(|(file, size)| (File::from_std(file), size))
    }
}

/// Ingests one file, or the parts of one set. With `devices`, only makes a dry run. If `service` is
/// empty, opens or creates the store after the files could be opened, so that a mistyped file name
/// creates no store.
async fn one(
    paths: &[PathBuf],
    source: &Source,
    ingest: &IngestOptions,
    author: &AuthorArgs,
    devices: Option<&Devices>,
    service: &mut Option<UpdateService>,
    context: &mut Context,
) -> Result<IngestedCabinet, RefusedFile> {
    let plain = |failure: Failure| (failure, Vec::new());
    let mut files = Vec::with_capacity(paths.len());
    let mut size = 0_u64;
    for path in paths {
        let refused = |error: io::Error| {
            let meant = meant_for(path, &error);
            plain(with_meant(error.into(), meant))
        };
        if let Some(address) = source.addresses.get(path) {
            let (file, bytes) = source.fetch(address, context).await.map_err(plain)?;
            size = size.saturating_add(bytes);
            files.push(file);
            continue;
        }
        if path.as_os_str() == STDIN {
            files.push(stdin().map_err(|error| plain(Failure::in_doing("stdin", &error)))?);
            continue;
        }
        let opened = path.clone();
        let opened = tokio::task::spawn_blocking(move || open_regular(&opened)).await;
        let opened = opened.unwrap_or_else(|error| Err(io::Error::other(error)));
        let file = File::from_std(opened.map_err(refused)?);
        size = size.saturating_add(file.metadata().await.map_or(0, |meta| meta.len()));
        files.push(file);
    }
    let path = Path::new(paths.first().map_or_else(|| Path::new(""), PathBuf::as_path));
    if service.is_none() {
        let options = Options::default().with_ingest(ingest.clone());
        *service = Some(match devices {
            Some(_) => context.administer_or_new(options).await.map_err(plain)?,
            None => {
                context.warn_of_new_store();
                context.administer_with(IfMissing::Create, options).await.map_err(plain)?
            }
        });
    }
    let Some(service) = service.as_ref() else { return Err(plain(Failure::new("no store is open"))) };
    // With --server, the author is the name of the token. It is known only after the store is open.
    let author = &author.name();
    let file_name = source.name_of(path);
    let bar = context.output.progress.of_bytes(&file_name, Some(size));
    let parts = files.into_iter().map(|file| bytes(file, bar.clone())).collect();
    if let Some(devices) = devices {
        let would = service.admin(author).dry_run_ingest(&file_name, parts).await;
        bar.finish_and_clear();
        let now = service.now();
        let path = source.shown(paths);
        return match would {
            Ok(would) => Ok(IngestedCabinet::would_be(Path::new(&path), &would, devices, now)),
            Err(error) => Err(refused(error)),
        };
    }
    let names = paths.iter().map(|path| source.name_of(path));
    let names = names.collect::<Vec<_>>().join(", ");
    let ingested = service.admin(author).ingest_parts(&names, parts, |_| {}).await;
    bar.finish_and_clear();
    match ingested {
        Ok(ingested) => Ok(IngestedCabinet::of(Path::new(&source.shown(paths)), &ingested)),
        Err(error) => Err(refused(error)),
    }
}

fn stdin() -> io::Result<File> {
    #[cfg(unix)]
    let stdin = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned()?;
    #[cfg(windows)]
    let stdin = std::os::windows::io::AsHandle::as_handle(&io::stdin()).try_clone_to_owned()?;
    Ok(File::from_std(std::fs::File::from(stdin)))
}

/// Returns the name of a file for the history: its file name, or `stdin`.
fn name_of(path: &Path) -> Cow<'_, str> {
    match path.as_os_str() == STDIN {
        true => Cow::Borrowed("stdin"),
        false => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy(),
    }
}

/// Converts the error of an ingest to the failure and the problems of the package.
fn refused(error: IngestError) -> RefusedFile {
    let reason = with_limit_option(chain(&error));
    match error {
        IngestError::Refused(package) => {
            (Failure::new(reason), package.problems.iter().map(ProblemReport::of).collect())
        }
        IngestError::Cabinet(_) | IngestError::Package(_) => (Failure::not_understood(reason), Vec::new()),
        error => (error.into(), Vec::new()),
    }
}

/// Reads the devices for a dry run. Returns no devices if the store does not exist yet.
async fn looked_at(args: &DevicesArgs, context: &mut Context) -> Result<Devices, Failure> {
    match args.devices(context).await {
        Err(Failure::Explained(FailureKind::NotFound, _)) if args.is_of_store() => Ok(Devices::default()),
        devices => devices,
    }
}

/// Returns the bytes of a file as a stream. Reading it advances the progress bar.
fn bytes(file: File, bar: ProgressBar) -> ByteStream {
    Box::pin(stream::try_unfold(file, move |mut file| {
        let bar = bar.clone();
        async move {
            let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
            let read = file.read_buf(&mut chunk).await?;
            bar.inc(read as u64);
            Ok::<_, io::Error>((read > 0).then(|| (Bytes::from(chunk), file)))
        }
    }))
}
