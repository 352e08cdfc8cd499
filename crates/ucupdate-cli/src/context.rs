//! The store and the output of a command.

use crate::failure::{Failure, FailureKind};
use crate::output::Output;
use crate::store_location::StoreLocation;
use crate::suggest::{near_path, with_meant};
use crate::waiting::{Awaited, Waiting};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ucupdate::book::RuleBook;
use ucupdate::local::LocalStore;
use ucupdate::store::{ImageStore, MemoryStore, Presign};
use ucupdate::{Options, Snapshot, UpdateService};

/// The store and the output of a command.
#[derive(Debug)]
pub(crate) struct Context {
    /// The output for results and messages.
    pub(crate) output: Output,
    store: StoreLocation,
    /// The longest time to wait for an answer of a store.
    timeout: Duration,
}

/// The behaviour where no store exists yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfMissing {
    /// Make an empty one.
    Create,
    /// Say so: a mistyped path must not look like a store in which nothing is.
    Refuse,
}

/// The folders of which every store in use has one.
const MARKS: [&str; 4] = ["state", "images", "Logs", ".staging"];

impl Context {
    pub(crate) fn new(store: StoreLocation, json: bool, timeout: Duration) -> Self {
        Self { output: Output::new(json), store, timeout }
    }

    /// Returns the store the command was pointed at.
    ///
    /// # Errors
    /// When it is not there and is not to be made, or cannot be opened.
    pub(crate) async fn open_store(&self, if_missing: IfMissing) -> Result<Arc<dyn ImageStore>, Failure> {
        self.open_other(&self.store, if_missing).await
    }

    /// Returns the store to serve from. It is made only where that is asked for, since a mistyped path would answer
    /// "nothing".
    ///
    /// # Errors
    /// Those of [`open_store`](Self::open_store).
    pub(crate) async fn open_served_store(&self, create: bool) -> Result<Arc<dyn ImageStore>, Failure> {
        let if_missing = if create { IfMissing::Create } else { IfMissing::Refuse };
        // A server waits for its store by itself, and goes on to answer meanwhile.
        let waiting = Waiting::new(&self.store, self.timeout);
        open(&self.store, if_missing, &waiting).await.map_err(|failure| match failure {
            Failure::Told(FailureKind::NotFound, reason) => Failure::not_found(format_args!(
                "{reason}; --create makes an empty one, and `ucupdate ingest` makes one with a package"
            )),
            failure => failure,
        })
    }

    /// Another store beside it.
    ///
    /// # Errors
    /// Those of [`open_store`](Self::open_store).
    pub(crate) async fn open_other(
        &self,
        other: &StoreLocation,
        if_missing: IfMissing,
    ) -> Result<Arc<dyn ImageStore>, Failure> {
        let waiting = Waiting::new(other, self.timeout);
        let store = open(other, if_missing, &waiting).await?;
        Ok(Arc::new(Awaited::new(store, waiting)))
    }

    /// Returns the folder the store is in, where it is in one.
    pub(crate) fn store_folder(&self) -> Option<&Path> {
        match &self.store {
            StoreLocation::Folder(path) => Some(path),
            #[cfg(feature = "s3")]
            StoreLocation::Bucket(_) => None,
            StoreLocation::Memory => None,
        }
    }

    /// Checks that another location is not the store itself.
    ///
    /// # Errors
    /// Fails when it is.
    pub(crate) fn refuse_itself(&self, other: &StoreLocation) -> Result<(), Failure> {
        let is_same_folder = || match (&self.store, other) {
            (StoreLocation::Folder(one), StoreLocation::Folder(other)) => one
                .canonicalize()
                .ok()
                .zip(other.canonicalize().ok())
                .is_some_and(|(one, other)| one == other),
            _ => false,
        };
        if self.store == *other || is_same_folder() {
            return Err(Failure::usage(format_args!("{other} is the store itself")));
        }
        Ok(())
    }

    /// Returns the store the command was pointed at, where it is one that signs addresses of its objects; and what
    /// signs them.
    ///
    /// # Errors
    /// When it is none of those, of which nothing is made then, or cannot be opened.
    pub(crate) async fn open_signing_store(
        &self,
    ) -> Result<(Arc<dyn ImageStore>, Arc<dyn Presign>), Failure> {
        #[cfg(feature = "s3")]
        if let StoreLocation::Bucket(address) = &self.store {
            let store = Arc::new(open_bucket(address, &Waiting::new(&self.store, self.timeout)).await?);
            return Ok((Arc::clone(&store) as Arc<dyn ImageStore>, store));
        }
        Err(Failure::usage(format_args!(
            "--redirect-images wants a store that signs addresses of its objects, as a bucket does (--store \
             s3://BUCKET/PREFIX); {} does not",
            self.store
        )))
    }

    /// Returns the service on the store, for administering it: it answers no devices and writes no logs.
    ///
    /// # Errors
    /// When the store cannot be opened, or its rule book not be read.
    pub(crate) async fn administer(&self, if_missing: IfMissing) -> Result<UpdateService, Failure> {
        self.administer_with(if_missing, Options::default()).await
    }

    /// Returns the rule book of the store, for reading versions in the schemes of its rules. `None` where there is no
    /// store, and after a warning where the rule book cannot be read: audit logs are read without one too.
    pub(crate) async fn rules_if_readable(&mut self) -> Option<Arc<Snapshot>> {
        match self.administer(IfMissing::Refuse).await {
            Ok(service) => Some(service.snapshot()),
            Err(Failure::Told(FailureKind::NotFound, _)) | Err(Failure::OutputClosed) => None,
            Err(Failure::Told(_, reason)) => {
                self.output.message(format_args!(
                    "warning: the rule book cannot be read, so versions are compared as `dotnet` does: {reason}"
                ));
                None
            }
        }
    }

    /// Writes a warning about the rule book of the store after a change, if there is one. The change is made in any case, so a
    /// store that cannot be read now is no failure.
    pub(crate) async fn warn(&mut self, warning: impl FnOnce(&RuleBook) -> Option<String>) {
        let Ok(service) = self.administer(IfMissing::Refuse).await else { return };
        if let Some(warning) = warning(service.snapshot().book()) {
            self.output.message(format_args!("warning: {warning}"));
        }
    }

    /// Returns the service on the store, for administering it with these options.
    ///
    /// # Errors
    /// Those of [`administer`](Self::administer).
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
    /// Returns the service on the store, or on an empty one in memory where none is there yet. For what changes
    /// nothing.
    ///
    /// # Errors
    /// Those of [`administer`](Self::administer).
    pub(crate) async fn administer_or_new(&mut self, options: Options) -> Result<UpdateService, Failure> {
        let store = match self.open_store(IfMissing::Refuse).await {
            Err(Failure::Told(FailureKind::NotFound, reason)) => {
                self.output.message(format_args!("{reason} yet, so an empty one is looked at"));
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
    let path = match location {
        StoreLocation::Memory => return Ok(Arc::new(MemoryStore::default())),
        #[cfg(feature = "s3")]
        StoreLocation::Bucket(address) => {
            let store = waiting.for_answer("opening it", open_bucket(address, waiting)).await?;
            if if_missing == IfMissing::Refuse && store.list("", None).await?.is_empty() {
                return Err(Failure::not_found(format_args!("no store at {address}")));
            }
            return Ok(Arc::new(store));
        }
        StoreLocation::Folder(path) => path.clone(),
    };
    let opening = tokio::task::spawn_blocking(move || {
        // A mistyped path must neither look like an empty store nor become one.
        if if_missing == IfMissing::Refuse && !is_store(&path)? {
            let missing = Failure::not_found(format_args!("no store at {}", path.display()));
            let is_near = |path: &Path| is_store(path).is_ok_and(|is_store| is_store);
            return Err(with_meant(missing, near_path(&path, is_near)));
        }
        Ok(Arc::new(LocalStore::open(&path)?))
    });
    match tokio::time::timeout(waiting.limit, waiting.for_answer("opening it", opening)).await {
        Ok(opened) => Ok(opened??),
        Err(_) => Err(Failure::new(format_args!(
            "{location} does not answer within {} s (--timeout)",
            waiting.limit.as_secs()
        ))),
    }
}

/// Returns whether a store is in a folder. A folder that cannot be looked into is an error, not "no store".
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

/// Returns the store in a bucket, by the usual `AWS_*` variables. A bucket is never made.
#[cfg(feature = "s3")]
async fn open_bucket(address: &str, waiting: &Waiting) -> Result<ucupdate::s3::S3Store, Failure> {
    let mut options =
        ucupdate::s3::S3Options::at(address)?.with_variables(|name| std::env::var(name).ok())?;
    if let Some(file) = std::env::var_os("AWS_CA_BUNDLE").filter(|file| !file.is_empty()) {
        let read = std::fs::read(&file);
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
