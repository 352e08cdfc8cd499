//! The store and the output of a command.

use crate::args::change::author;
use crate::failure::{Failure, FailureKind, with_advice};
use crate::files;
use crate::output::Output;
use crate::output::time::iso;
use crate::remote::RemoteStore;
#[cfg(feature = "s3")]
use crate::settings::variable::variable;
use crate::store::{Awaited, StoreLocation, Waiting, overlap};
use crate::suggest::{near_path, with_meant};
use std::collections::HashSet;
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use ucupdate::book::RuleBook;
use ucupdate::device::DeviceId;
use ucupdate::inventory::Inventory;
use ucupdate::local::{LocalStore, RealDisk};
use ucupdate::store::{ImageStore, MemoryStore, Presign, ReadOnly};
use ucupdate::{Options, Snapshot, UpdateService, read_kept_inventory};

#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) output: Output,
    store: StoreLocation,
    /// The longest time to wait for an answer of the store.
    timeout: Duration,
    ca_file: Option<PathBuf>,
}

/// The behaviour if the store does not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfMissing {
    /// Create an empty store.
    Create,
    /// Return an error, because a mistyped path must not look like an empty store.
    Refuse,
}

/// The longest time that [`Context::note_unseen`] waits for the kept inventory.
const INVENTORY_PATIENCE: Duration = Duration::from_secs(2);

/// The folders of a store. Every store in use has at least one of them.
const MARKS: [&str; 4] = ["state", "images", "Logs", ".staging"];

impl Context {
    pub(crate) fn new(store: StoreLocation, json: bool, timeout: Duration) -> Self {
        Self { output: Output::new(json), store, timeout, ca_file: None }
    }

    /// Writes a warning if other users of this machine can use the token file for the server of the
    /// store.
    pub(crate) fn warn_of_open_token(&self) {
        let StoreLocation::Server(remote) = &self.store else { return };
        let warning = remote.token_file.as_deref().and_then(|file| files::mode_warning(file, "token"));
        if let Some(warning) = warning {
            self.output.message(format_args!("warning: {warning}"));
        }
    }

    /// Sets a file with certificates to trust, in addition to those of the system. Default: none.
    pub(crate) fn with_ca_file(self, ca_file: Option<PathBuf>) -> Self {
        Self { ca_file, ..self }
    }

    /// Returns the file with certificates to trust in addition to those of the system. `None` if
    /// only those of the system are trusted.
    pub(crate) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Opens the store of the command. Fails when the store does not exist and may not be created, or when it
    /// cannot be opened.
    pub(crate) async fn open_store(&self, if_missing: IfMissing) -> Result<Arc<dyn ImageStore>, Failure> {
        self.open_other(&self.store, if_missing).await
    }

    /// Opens the store for a server. A missing store is created only with `create`, because a server with a
    /// mistyped path would offer nothing. Fails as [`open_store`](Self::open_store) does.
    pub(crate) async fn open_served_store(&self, create: bool) -> Result<Arc<dyn ImageStore>, Failure> {
        let if_missing = if create { IfMissing::Create } else { IfMissing::Refuse };
        // The store is not wrapped in `Awaited`. A server waits for its store itself, and answers
        // devices in the meantime.
        let waiting = self.waiting(&self.store);
        open(&self.store, if_missing, &waiting).await.map_err(|failure| match failure {
            Failure::Explained(FailureKind::NotFound, reason) => {
                Failure::not_found(with_advice(&reason, "`serve --create` makes an empty one"))
            }
            failure => failure,
        })
    }

    /// Opens another store in addition to the store of the command. Fails as [`open_store`](Self::open_store)
    /// does.
    pub(crate) async fn open_other(
        &self,
        other: &StoreLocation,
        if_missing: IfMissing,
    ) -> Result<Arc<dyn ImageStore>, Failure> {
        self.output.progress.begin();
        let waiting = self.waiting(other);
        let store = match open(other, if_missing, &waiting).await {
            Err(failure) if if_missing == IfMissing::Refuse => self.open_to_read(other, failure).await?,
            opened => opened?,
        };
        Ok(Arc::new(Awaited::new(store, waiting)))
    }

    /// Opens a store for reading only, if its file system lacks a feature that writing needs.
    /// Example: a backup on a disk without hard links. Writes a warning about this. Returns
    /// `failure` if the store cannot be read either.
    async fn open_to_read(
        &self,
        location: &StoreLocation,
        failure: Failure,
    ) -> Result<Arc<dyn ImageStore>, Failure> {
        let (StoreLocation::Folder(path), Failure::Explained(FailureKind::Refused, reason)) =
            (location, &failure)
        else {
            return Err(failure);
        };
        let path = path.clone();
        let opening = tokio::task::spawn_blocking(move || {
            // Opening the disk in this way skips the test of the file system.
            let disk =
                is_store(&path).ok().filter(|is_store| *is_store).and_then(|_| RealDisk::open(&path).ok());
            disk.and_then(|disk| LocalStore::with_disk(Arc::new(disk)).ok())
        });
        match tokio::time::timeout(self.timeout, opening).await {
            Ok(Ok(Some(store))) => {
                self.output.message(format_args!("warning: {reason}; so the store can only be read"));
                Ok(Arc::new(ReadOnly::new(store)))
            }
            _ => Err(failure),
        }
    }

    fn waiting(&self, store: &StoreLocation) -> Waiting {
        Waiting::new(store, self.timeout, self.output.progress.clone())
    }

    /// Returns the address of the store as a person types it. Example: `file:ucupdate-data`.
    pub(crate) fn store_name(&self) -> String {
        self.store.to_string()
    }

    /// Returns the folder of the store. `None` if the store is not in a folder.
    pub(crate) fn store_folder(&self) -> Option<&Path> {
        match &self.store {
            StoreLocation::Folder(path) => Some(path),
            #[cfg(feature = "s3")]
            StoreLocation::Bucket(_) => None,
            StoreLocation::Server(_) | StoreLocation::Memory => None,
        }
    }

    /// Checks that another location is neither the store itself, nor inside it or around it. Fails when it is.
    pub(crate) fn refuse_itself(&self, other: &StoreLocation) -> Result<(), Failure> {
        match overlap::of_locations(other, &self.store) {
            None => Ok(()),
            Some("is") => Err(Failure::usage(format_args!(
                "{other} is the store itself, {}; expected another place",
                self.store
            ))),
            Some(how) => Err(Failure::usage(format_args!(
                "{other} {how} the store {}; expected a place outside of it",
                self.store
            ))),
        }
    }

    /// Checks that a folder for files is neither the folder of the store, nor inside it. Fails when it is.
    pub(crate) fn refuse_within_store(&self, folder: &Path) -> Result<(), Failure> {
        let StoreLocation::Folder(store) = &self.store else { return Ok(()) };
        match overlap::of_folders(folder, store) {
            Some(how @ ("is" | "is inside")) => Err(Failure::usage(format_args!(
                "{} {how} the folder of the store {}; expected a folder outside of it",
                folder.display(),
                store.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Opens the store of the command, which must be able to sign URLs of its objects. Also returns the
    /// signer. Fails when the store cannot sign URLs, in which case nothing is created, or when it cannot be
    /// opened.
    pub(crate) async fn open_signing_store(
        &self,
    ) -> Result<(Arc<dyn ImageStore>, Arc<dyn Presign>), Failure> {
        #[cfg(feature = "s3")]
        if let StoreLocation::Bucket(address) = &self.store {
            let store = Arc::new(open_bucket(address, &self.waiting(&self.store)).await?);
            return Ok((Arc::clone(&store) as Arc<dyn ImageStore>, store));
        }
        Err(Failure::usage(format_args!(
            "--redirect-images needs a store that signs addresses of its objects, as a bucket does (--store \
             s3://BUCKET/PREFIX); {} does not",
            self.store
        )))
    }

    /// Opens a service on the store for administration. The service answers no devices and writes no logs.
    /// Fails when the store cannot be opened, or its rule book cannot be read.
    pub(crate) async fn administer(&self, if_missing: IfMissing) -> Result<UpdateService, Failure> {
        self.administer_with(if_missing, Options::default()).await
    }

    /// Returns the rule book of the store. Commands that read audit logs compare versions by the
    /// schemes of its rules. `None` if there is no store. If the rule book cannot be read, prints a
    /// warning and returns `None`, because audit logs can be read without it.
    pub(crate) async fn rules_if_readable(&mut self) -> Option<Arc<Snapshot>> {
        match self.administer(IfMissing::Refuse).await {
            Ok(service) => Some(service.snapshot()),
            Err(Failure::Explained(FailureKind::NotFound, _)) | Err(Failure::OutputClosed) => None,
            Err(Failure::Explained(_, reason)) => {
                self.output.message(format_args!(
                    "warning: the rule book cannot be read, so versions are compared as `dotnet` does: {reason}"
                ));
                None
            }
        }
    }

    /// Reads the rule book after a change, and writes the warning that `warning` returns for it. If
    /// the store cannot be read, writes nothing, because the change itself has succeeded.
    pub(crate) async fn warn(&mut self, warning: impl FnOnce(&RuleBook) -> Option<String>) {
        let Ok(service) = self.administer(IfMissing::Refuse).await else { return };
        if let Some(warning) = warning(service.snapshot().book()) {
            self.output.message(format_args!("warning: {warning}"));
        }
    }

    /// Writes a note about those of `devices` that the kept inventory does not contain. Their MAC
    /// addresses or serial numbers may be mistyped. Writes nothing if no complete inventory is
    /// kept, or if it cannot be read within [`INVENTORY_PATIENCE`].
    pub(crate) async fn note_unseen(&self, devices: &[DeviceId]) {
        let reading = async {
            let store = self.open_store(IfMissing::Refuse).await.ok()?;
            let mut fleet = Inventory::default();
            let kept = read_kept_inventory(&*store, &mut fleet).await.ok()?;
            let read_to = kept.read_to.filter(|_| kept.left_out == 0)?;
            let known: HashSet<DeviceId> = fleet.devices().map(|(id, _)| id).collect();
            Some((known, read_to))
        };
        let Ok(Some((known, read_to))) = tokio::time::timeout(INVENTORY_PATIENCE, reading).await else {
            return;
        };
        let unseen: Vec<&DeviceId> = devices.iter().filter(|device| !known.contains(device)).collect();
        let [first, others @ ..] = &unseen[..] else { return };
        let first = first.to_string();
        let one_letter_away =
            |known: &&DeviceId| strsim::damerau_levenshtein(&known.to_string(), &first) == 1;
        let meant = known.iter().find(one_letter_away).map(|meant| format!("; did you mean {meant}?"));
        let more = match others.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        self.output.message(format_args!(
            "note: no request of {first}{more} is known, by the inventories of the servers up to {}{}",
            iso(read_to),
            meant.unwrap_or_default()
        ));
    }

    /// Writes a warning if the store does not exist yet, and a store with a similar name is in the
    /// same folder. The name may be mistyped, and the command will create a new store.
    pub(crate) fn warn_of_new_store(&mut self) {
        let StoreLocation::Folder(path) = &self.store else { return };
        let is_near = |path: &Path| is_store(path).is_ok_and(|is_store| is_store);
        if !matches!(is_store(path), Ok(false)) {
            return;
        }
        if let Some(meant) = near_path(path, is_near) {
            self.output.message(format_args!(
                "warning: no store is at {} yet, so a new one is made; did you mean {meant}?",
                path.display()
            ));
        }
    }

    /// Opens a service on the store for administration, with these options. Fails as
    /// [`administer`](Self::administer) does.
    pub(crate) async fn administer_with(
        &self,
        if_missing: IfMissing,
        options: Options,
    ) -> Result<UpdateService, Failure> {
        let store = self.open_store(if_missing).await?;
        Ok(UpdateService::open(store, options).await?)
    }
}

impl Context {
    /// Opens a service on the store. If the store does not exist, opens the service on an empty
    /// store in memory, and writes a message. This is for commands that change nothing. Fails as
    /// [`administer`](Self::administer) does.
    pub(crate) async fn administer_or_new(&mut self, options: Options) -> Result<UpdateService, Failure> {
        let store = match self.open_store(IfMissing::Refuse).await {
            Err(Failure::Explained(FailureKind::NotFound, reason)) => {
                self.output.message(with_advice(&reason, "the dry run is made with an empty one"));
                Arc::new(MemoryStore::default())
            }
            store => store?,
        };
        Ok(UpdateService::open(store, options).await?)
    }
}

async fn open(
    location: &StoreLocation,
    if_missing: IfMissing,
    waiting: &Waiting,
) -> Result<Arc<dyn ImageStore>, Failure> {
    let silent = || {
        Failure::new(format_args!(
            "{location} does not answer within {} s (--timeout)",
            waiting.limit.as_secs()
        ))
    };
    let path = match location {
        StoreLocation::Memory => return Ok(Arc::new(MemoryStore::default())),
        #[cfg(feature = "s3")]
        StoreLocation::Bucket(address) => {
            let store = waiting.for_answer("opening it", open_bucket(address, waiting)).await?;
            if if_missing == IfMissing::Refuse && store.list("", None).await?.is_empty() {
                return Err(no_store(address));
            }
            return Ok(Arc::new(store));
        }
        StoreLocation::Server(remote) => {
            let opening = tokio::time::timeout(waiting.limit, RemoteStore::open(remote));
            let Ok(store) = waiting.for_answer("connecting", opening).await else { return Err(silent()) };
            let store = store?;
            author::set_of_token(&store.author);
            return Ok(Arc::new(store));
        }
        StoreLocation::Folder(path) => path.clone(),
    };
    let opening = tokio::task::spawn_blocking(move || {
        if std::fs::metadata(&path).is_ok_and(|found| !found.is_dir()) {
            return Err(Failure::new(format_args!(
                "the store {} is a file, expected a folder",
                path.display()
            )));
        }
        // A mistyped path must not look like an empty store, and must not become one.
        if if_missing == IfMissing::Refuse && !is_store(&path)? {
            let is_near = |path: &Path| is_store(path).is_ok_and(|is_store| is_store);
            let near = near_path(&path, is_near);
            let missing = Failure::not_found(format_args!("no store at {}", path.display()));
            return Err(if near.is_some() { with_meant(missing, near) } else { no_store(path.display()) });
        }
        Ok(Arc::new(LocalStore::open(&path)?))
    });
    match tokio::time::timeout(waiting.limit, waiting.for_answer("opening it", opening)).await {
        Ok(opened) => Ok(opened??),
        Err(_) => Err(silent()),
    }
}

/// Returns the failure for a place without a store. Its message says how to name a store or create
/// one.
fn no_store(place: impl Display) -> Failure {
    Failure::not_found(format_args!(
        "no store at {place}: name one by --store or UCUPDATE_STORE, or make one by `ucupdate ingest`"
    ))
}

/// Returns whether the folder at `path` is a store: it contains one of the folders in [`MARKS`].
/// Fails when the folder cannot be read.
fn is_store(path: &Path) -> Result<bool, Failure> {
    for mark in MARKS {
        match std::fs::metadata(path.join(mark)) {
            Ok(found) if found.is_dir() => return Ok(true),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => {
                return Err(Failure::in_doing(
                    format_args!("the store at {} cannot be read", path.display()),
                    &error,
                ));
            }
        }
    }
    Ok(false)
}

/// Opens the store in a bucket, with the settings in the usual `AWS_*` variables. Does not create
/// the bucket.
#[cfg(feature = "s3")]
async fn open_bucket(address: &str, waiting: &Waiting) -> Result<ucupdate::s3::S3Store, Failure> {
    let wrong = std::cell::OnceCell::new();
    let text = |name: &str| {
        variable(name).unwrap_or_else(|failure| {
            let _later = wrong.set(failure);
            None
        })
    };
    let options = ucupdate::s3::S3Options::at(address)?.with_variables(text);
    let mut options = match wrong.into_inner() {
        Some(failure) => return Err(failure),
        None => options?,
    };
    if let Some(file) = std::env::var_os("AWS_CA_BUNDLE").filter(|file| !file.is_empty()) {
        let read = files::read_file(Path::new(&file), files::MAX_CERTIFICATES_BYTES);
        let pem = read
            .map_err(|error| Failure::in_doing(format_args!("AWS_CA_BUNDLE {}", file.display()), &error))?;
        options = options.with_root_certificates(pem);
    }
    let (attempt, notice) = (options.attempt_timeout().min(waiting.limit), waiting.clone());
    let options = options
        .with_attempt_timeout(attempt)
        .with_deadline(waiting.limit)
        .with_retry_notice(move |reason| notice.report_failed_try(reason));
    Ok(ucupdate::s3::S3Store::open(options).await?)
}
