//! The location of the store of a proof. It is passed to other processes, so that they can open the
//! store.

use crate::prove::measurement::{Measured, Measurement};
use crate::prove::report::{ProofError, Scale};
use crate::s3::{BUCKET, KEY_ID, S3Server, SECRET};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tempfile::TempDir;
use ucupdate::local::LocalStore;
use ucupdate::s3::{Credentials, S3Options, S3Store};
use ucupdate_store::{ImageStore, ImageStoreExt as _};

/// The environment variables for the bucket and the key of a real server, each with its default.
const VARIABLES: [(&str, &str); 4] = [
    ("UCUPDATE_TEST_S3_BUCKET", "ucupdate-test"),
    ("UCUPDATE_TEST_S3_REGION", "us-east-1"),
    ("UCUPDATE_TEST_S3_KEY_ID", "test"),
    ("UCUPDATE_TEST_S3_SECRET", "test"),
];

/// The location of a store in command-line arguments. It is a folder, or an endpoint with a prefix. Bucket, region and
/// key are read from the variables `UCUPDATE_TEST_S3_*`.
#[derive(Clone, Debug, Args)]
#[allow(clippy::exhaustive_structs, reason = "it is what the command line says")]
pub struct ProofLocation {
    /// Folder of the store
    #[arg(long, value_name = "FOLDER", conflicts_with = "endpoint")]
    pub folder: Option<PathBuf>,
    /// URL of the S3 server
    #[arg(long, value_name = "URL", requires = "prefix")]
    pub endpoint: Option<String>,
    /// The prefix of every key in the bucket
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
}

impl ProofLocation {
    pub(crate) async fn open(&self) -> Result<Arc<dyn ImageStore>, ProofError> {
        match (&self.folder, &self.endpoint) {
            (Some(folder), _) => Ok(Arc::new(LocalStore::open(folder)?)),
            (None, Some(_)) => Ok(Arc::new(S3Store::open(self.options()).await?)),
            (None, None) => Err("no store is named, expected --folder or --endpoint".into()),
        }
    }

    /// Returns the options of an S3 store at this location.
    pub(crate) fn options(&self) -> S3Options {
        let [bucket, region, key_id, secret] =
            VARIABLES.map(|(name, default)| std::env::var(name).unwrap_or_else(|_| default.to_owned()));
        let options = S3Options::new(bucket)
            .with_prefix(self.prefix.clone().unwrap_or_default())
            .with_region(region)
            .with_credentials(Credentials::keys(key_id, secret));
        match &self.endpoint {
            // A connection without TLS needs no certificates. Loading those of the system would take memory.
            Some(plain) if plain.starts_with("http://") => {
                options.with_endpoint(plain).with_system_roots(false)
            }
            Some(endpoint) => options.with_endpoint(endpoint),
            None => options,
        }
    }

    /// Returns the command-line arguments for this location.
    fn arguments(&self) -> Vec<String> {
        let folder = self.folder.as_ref().map(|folder| folder.display().to_string());
        let said =
            [("--folder", &folder), ("--endpoint", &self.endpoint), ("--prefix", &self.prefix)].into_iter();
        said.filter_map(|(name, value)| Some([name.to_owned(), value.clone()?])).flatten().collect()
    }
}

/// The store of a proof: its [`ProofLocation`] and its resources. Dropping this value removes the
/// store, except in the bucket of a real server and in a folder of [`folder_at`](Self::folder_at).
pub(crate) struct ProofStore {
    /// Name in the table: `folder`, `S3 in this process` or `S3`.
    pub(crate) name: &'static str,
    pub(crate) location: ProofLocation,
    /// `true` if the S3 server runs in this process, with its own bucket and key.
    is_ours: bool,
    _folder: Option<TempDir>,
    server: Option<S3Server>,
}

impl ProofStore {
    pub(crate) fn folder() -> Result<Self, ProofError> {
        let folder = tempfile::tempdir()?;
        let location =
            ProofLocation { folder: Some(folder.path().join("store")), endpoint: None, prefix: None };
        Ok(Self { name: "folder", location, is_ours: false, _folder: Some(folder), server: None })
    }

    /// Uses an existing folder. The folder stays when this value is dropped.
    pub(crate) fn folder_at(folder: PathBuf) -> Self {
        let location = ProofLocation { folder: Some(folder), endpoint: None, prefix: None };
        Self { name: "folder", location, is_ours: false, _folder: None, server: None }
    }

    /// Creates a new prefix in a bucket of the server at `endpoint`, or of a server in this process.
    pub(crate) async fn bucket(endpoint: Option<&str>) -> Self {
        let server = match endpoint {
            Some(_) => None,
            None => Some(S3Server::start(crate::s3::Bucket::default()).await),
        };
        let address = server.as_ref().map(S3Server::endpoint).or(endpoint.map(str::to_owned));
        let prefix = format!("prove/{:x}-{:x}", std::process::id(), crate::prove::moment::now());
        let location = ProofLocation { folder: None, endpoint: address, prefix: Some(prefix) };
        let name = if server.is_some() { "S3 in this process" } else { "S3" };
        Self { name, location, is_ours: server.is_some(), _folder: None, server }
    }

    /// Returns two stores: one in a temporary folder, and one from [`bucket`](Self::bucket).
    pub(crate) async fn both(endpoint: Option<&str>) -> Result<[Self; 2], ProofError> {
        Ok([Self::folder()?, Self::bucket(endpoint).await])
    }

    /// Returns the options with which this process opens the S3 store.
    pub(crate) fn options(&self) -> S3Options {
        let mut options = self.location.options();
        if self.is_ours {
            options = options.with_bucket(BUCKET);
            options = options.with_credentials(Credentials::keys(KEY_ID, SECRET));
        }
        options
    }

    /// Opens the store in this process.
    pub(crate) async fn open(&self) -> Result<Arc<dyn ImageStore>, ProofError> {
        match self.location.endpoint {
            Some(_) => Ok(Arc::new(S3Store::open(self.options()).await?)),
            None => self.location.open().await,
        }
    }

    /// Returns a command that runs the verb `task` of `program` on the store. The process is killed
    /// when its handle is dropped.
    pub(crate) fn process(&self, program: &Path, task: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(program);
        command.arg(task).args(self.location.arguments()).kill_on_drop(true);
        if self.server.is_some() {
            let said = [BUCKET, "us-east-1", KEY_ID, SECRET];
            command.envs(VARIABLES.iter().map(|(name, _)| name).zip(said));
        }
        command
    }

    /// Measures one operation on the store, in a process of its own.
    pub(crate) async fn measure(
        &self,
        scale: &Scale,
        what: Measurement,
        file: Option<&Path>,
    ) -> Result<Measured, ProofError> {
        let mut process = self.process(&scale.program()?, "measure");
        process.args(["--what", what.word()]).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(file) = file {
            process.arg("--file").arg(file);
        }
        let output = process.spawn()?.wait_with_output().await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("the process that measures {} ended: {}", what.word(), said.trim()).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Deletes all objects of the store, because a bucket outlives the proof.
    pub(crate) async fn clear(&self) -> Result<(), ProofError> {
        let store = self.open().await?;
        for meta in store.list_all("", usize::MAX).await? {
            store.delete(&meta.key).await?;
        }
        Ok(())
    }
}
