//! What every command works with: where results go, and the store.

use crate::args::{GlobalArgs, StoreLocation};
use crate::failure::Failure;
use crate::output::Output;
use std::path::Path;
use std::sync::Arc;
use ucupdate::local::LocalStore;
use ucupdate::store::{ImageStore, MemoryStore};
use ucupdate::{Options, UpdateService};

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where results and messages go.
    pub(crate) output: Output,
    store: StoreLocation,
}

/// What to do where there is no store yet.
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
    pub(crate) fn new(args: GlobalArgs) -> Self {
        Self { output: Output::new(args.json), store: args.store }
    }

    /// The store the command was pointed at.
    ///
    /// # Errors
    /// When it is not there and is not to be made, or cannot be opened.
    pub(crate) async fn open_store(&self, if_missing: IfMissing) -> Result<Arc<dyn ImageStore>, Failure> {
        open(&self.store, if_missing).await
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
        open(other, if_missing).await
    }

    /// The folder the store is in, where it is in one.
    pub(crate) fn store_folder(&self) -> Option<&Path> {
        match &self.store {
            StoreLocation::Folder(path) => Some(path),
            #[cfg(feature = "s3")]
            StoreLocation::Bucket(_) => None,
            StoreLocation::Memory => None,
        }
    }

    /// Sees that another location is not the store itself.
    ///
    /// # Errors
    /// When it is.
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

    /// The service on the store, for administering it: it answers no devices and writes no logs.
    ///
    /// # Errors
    /// When the store cannot be opened, or its rule book not be read.
    pub(crate) async fn administer(&self, if_missing: IfMissing) -> Result<UpdateService, Failure> {
        let store = self.open_store(if_missing).await?;
        Ok(UpdateService::open(store, Options::default()).await?)
    }
}

async fn open(location: &StoreLocation, if_missing: IfMissing) -> Result<Arc<dyn ImageStore>, Failure> {
    let path = match location {
        StoreLocation::Memory => return Ok(Arc::new(MemoryStore::default())),
        #[cfg(feature = "s3")]
        StoreLocation::Bucket(address) => return open_bucket(address, if_missing).await,
        StoreLocation::Folder(path) => path.clone(),
    };
    let opening = tokio::task::spawn_blocking(move || {
        // A mistyped path must neither look like an empty store nor become one.
        if if_missing == IfMissing::Refuse && !MARKS.iter().any(|mark| path.join(mark).is_dir()) {
            return Err(Failure::new(format_args!("no store at {}", path.display())));
        }
        Ok(Arc::new(LocalStore::open(&path)?))
    });
    Ok(opening.await??)
}

/// The store in a bucket, by the usual `AWS_*` variables. A bucket is never made; of a prefix below which nothing lies, it is
/// for `if_missing` to say whether it may begin.
#[cfg(feature = "s3")]
async fn open_bucket(address: &str, if_missing: IfMissing) -> Result<Arc<dyn ImageStore>, Failure> {
    let options = ucupdate::s3::S3Options::at(address)?.with_variables(|name| std::env::var(name).ok())?;
    let store = ucupdate::s3::S3Store::open(options).await?;
    if if_missing == IfMissing::Refuse && store.list("", None).await?.is_empty() {
        return Err(Failure::new(format_args!("no store at {address}")));
    }
    Ok(Arc::new(store))
}
