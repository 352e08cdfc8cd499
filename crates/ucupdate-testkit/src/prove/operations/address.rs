//! A store that several processes open. Its address is passed to child processes as arguments.

use crate::s3::{BUCKET, Bucket, KEY_ID, S3Server, SECRET};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::SystemTime;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use ucupdate::local::LocalStore;
use ucupdate::s3::{Credentials, S3Options, S3Store};
use ucupdate::store::ImageStore;
use ucupdate_store::error_chain;

/// Name of the subcommand of child processes.
pub const WORK: &str = "work";

/// The address of a store: a folder or a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreAddress {
    Folder(PathBuf),
    Bucket { endpoint: String, prefix: String },
}

/// The address of a store with the resources that it needs.
#[derive(Debug)]
pub(crate) struct OwnedStore {
    pub(crate) home: StoreAddress,
    _folder: Option<TempDir>,
    _server: Option<S3Server>,
}

impl OwnedStore {
    pub(crate) fn folder() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error_chain(&error))?;
        Ok(Self {
            home: StoreAddress::Folder(folder.path().join("store")),
            _folder: Some(folder),
            _server: None,
        })
    }

    /// Creates a store in a server of this process, or below a new prefix at the endpoint.
    pub(crate) async fn bucket(endpoint: Option<&str>) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let prefix = format!("prove/{:x}", since.as_nanos());
        let server = match endpoint {
            None => Some(S3Server::start(Bucket::default()).await),
            Some(_) => None,
        };
        let endpoint = endpoint.map(ToOwned::to_owned).or(server.as_ref().map(S3Server::endpoint));
        let endpoint = endpoint.unwrap_or_default();
        Self { home: StoreAddress::Bucket { endpoint, prefix }, _folder: None, _server: server }
    }
}

impl StoreAddress {
    /// Parses the arguments that [`spawn`](Self::spawn) passes.
    pub(crate) fn of(kind: &str, place: &str, prefix: &str) -> Result<Self, String> {
        match kind {
            "folder" => Ok(Self::Folder(place.into())),
            "s3" => Ok(Self::Bucket { endpoint: place.into(), prefix: prefix.into() }),
            _ => Err(format!("no store is of the kind `{kind}`")),
        }
    }

    pub(crate) async fn store(&self) -> Result<Arc<dyn ImageStore>, String> {
        match self {
            Self::Folder(path) => {
                let opened = LocalStore::open(path).map_err(|error| error_chain(&error))?;
                Ok(Arc::new(opened))
            }
            Self::Bucket { endpoint, prefix } => {
                let or = |name: &str, default: &str| {
                    std::env::var(format!("UCUPDATE_TEST_S3_{name}")).unwrap_or_else(|_| default.to_owned())
                };
                let options = S3Options::new(or("BUCKET", BUCKET))
                    .with_prefix(prefix.clone())
                    .with_region(or("REGION", "us-east-1"))
                    .with_endpoint(endpoint.clone())
                    .with_credentials(Credentials::keys(or("KEY_ID", KEY_ID), or("SECRET", SECRET)))
                    .with_system_roots(false)
                    .with_self_test(false);
                let opened = S3Store::open(options).await.map_err(|error| error_chain(&error))?;
                Ok(Arc::new(opened))
            }
        }
    }

    /// Starts a process that works on this store and prints what it did.
    pub(crate) fn spawn(
        &self,
        program: &Path,
        task: &str,
        seed: u64,
        number: usize,
    ) -> Result<Child, String> {
        let (kind, place, prefix) = match self {
            Self::Folder(path) => ("folder", path.display().to_string(), ""),
            Self::Bucket { endpoint, prefix } => ("s3", endpoint.clone(), prefix.as_str()),
        };
        let (seed, number) = (seed.to_string(), number.to_string());
        Command::new(program)
            .args([WORK, task, kind, &place, &seed, &number, prefix])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("starting {}: {error}", program.display()))
    }
}

/// A pseudorandom number generator with a seed (xorshift, 64 bits).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        // Spread, so that seeds in a row give other beginnings; and never 0.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Returns a number from 0 to below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end.max(1)
    }

    pub(crate) fn count(&mut self, end: usize) -> usize {
        usize::try_from(self.below(u64::try_from(end).unwrap_or(1))).unwrap_or(0)
    }
}
