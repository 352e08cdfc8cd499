//! Reads a cabinet on a separate thread, while its bytes arrive as streams.

use crate::packages::channels::{ChannelReader, feed};
use crate::packages::ingest::IngestError;
use crate::packages::options::IngestOptions;
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use ucupdate_cab::package::{MemberSink, Package, PackageError, read_package};
use ucupdate_cab::{CabError, Cabinet};
use ucupdate_store::ByteStream;

/// A package that is being read on a separate thread.
pub(crate) struct PackageReading {
    pub(crate) reader: JoinHandle<Result<Package, PackageError>>,
    pub(crate) inputs: Vec<(ByteStream, mpsc::Sender<io::Result<Bytes>>)>,
}

impl PackageReading {
    /// Waits for a free permit, and then begins to read a package on a separate thread. `sink`
    /// receives its members.
    pub(crate) async fn begin(
        permits: &Arc<Semaphore>,
        options: IngestOptions,
        parts: Vec<ByteStream>,
        mut sink: impl MemberSink + Send + 'static,
    ) -> Self {
        let mut inputs = Vec::with_capacity(parts.len());
        let mut readers = Vec::with_capacity(parts.len());
        for bytes in parts {
            let (input, chunks) = mpsc::channel(4);
            inputs.push((bytes, input));
            readers.push(ChannelReader { chunks, now: Bytes::new() });
        }
        // The semaphore is never closed.
        let permit = Arc::clone(permits).acquire_owned().await.ok();
        let reader = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let cabinet = Cabinet::open_set(readers, options.cabinet).map_err(PackageError::from)?;
            read_package(cabinet, options.package, &mut sink)
        });
        Self { reader, inputs }
    }
}

/// Passes the bytes of every input to the reader. `fed` counts the bytes.
pub(crate) async fn feed_all(
    inputs: Vec<(ByteStream, mpsc::Sender<io::Result<Bytes>>)>,
    fed: &AtomicU64,
) -> Result<(), IngestError> {
    let feeds = inputs.into_iter().map(|(bytes, input)| feed(bytes, input, fed));
    futures_util::future::join_all(feeds).await;
    Ok(())
}

/// Waits for the end of the reader, and returns its result. The outer error means that the reader
/// panicked or was cancelled.
pub(crate) async fn ended(
    reader: JoinHandle<Result<Package, PackageError>>,
) -> Result<Result<Package, IngestError>, IngestError> {
    let package = reader.await.map_err(|failed| {
        IngestError::Input(io::Error::other(format!("reader of the package ended: {failed}")))
    })?;
    Ok(package.map_err(|error| match error {
        PackageError::Cabinet(CabError::Io { cause, .. })
        | PackageError::Member { source: CabError::Io { cause, .. }, .. } => IngestError::Input(cause),
        PackageError::Cabinet(error) => IngestError::Cabinet(error),
        error => IngestError::Package(error),
    }))
}
