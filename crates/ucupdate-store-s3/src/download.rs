//! Reads the bytes of an object, with as many requests as necessary. A read that breaks off is
//! resumed if the object is still the same.

use crate::backoff::Backoff;
use crate::cause::{Cause, Failure};
use crate::remote::{Remote, object_bytes};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore as _};
use std::io;
use std::sync::Arc;
use ucupdate_store::{ByteStream, error_chain};

/// The number of bytes after which a resumed read counts as working. Then the whole time for
/// retries is available again. The number is not small, so that a server or a proxy that cuts every
/// body after a few bytes does not keep a read alive without end.
const PROGRESS: u64 = 64 * 1024;

/// Returns the stream of the bytes of an object. `first` is the response to the first request.
pub(crate) fn bytes(remote: Arc<Remote>, path: Path, first: GetResult) -> ByteStream {
    let download = ObjectDownload {
        tag: first.meta.e_tag.clone().filter(|tag| !tag.starts_with("W/")),
        at: first.range.start,
        end: first.range.end,
        backoff: None,
        progress: 0,
        pieces: first.into_stream(),
        remote,
        path,
    };
    Box::pin(stream::unfold(Some(download), |download| async move {
        let mut download = download?;
        match download.next().await {
            Some(Ok(piece)) => Some((Ok(piece), Some(download))),
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    }))
}

struct ObjectDownload {
    remote: Arc<Remote>,
    path: Path,
    /// Strong entity tag of the object. `None` if the server sent none: then a broken read is not
    /// resumed.
    tag: Option<String>,
    at: u64,
    end: u64,
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    /// The retries since the read broke off. `None` while the read works.
    backoff: Option<Backoff>,
    /// Number of bytes that were read since the read last broke off.
    progress: u64,
}

impl ObjectDownload {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        while self.at < self.end {
            let broken = match tokio::time::timeout(self.remote.attempt_timeout, self.pieces.next()).await {
                Ok(Some(Ok(piece))) => {
                    let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                    if length > self.end - self.at {
                        return Some(Err(io::Error::other(
                            "the body has more bytes than the server announced",
                        )));
                    }
                    if length == 0 {
                        continue;
                    }
                    self.at += length;
                    self.progress = self.progress.saturating_add(length);
                    if self.progress >= PROGRESS {
                        self.backoff = None;
                    }
                    return Some(Ok(piece));
                }
                Ok(Some(Err(error))) => io::Error::other(Cause::new(error_chain(&error))),
                Ok(None) => io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("the body ended {} bytes early", self.end - self.at),
                ),
                Err(_) => io::Error::new(
                    io::ErrorKind::TimedOut,
                    Cause::new(format!("no bytes came within {:?}", self.remote.attempt_timeout)),
                ),
            };
            if let Err(error) = self.take_up(broken).await {
                return Some(Err(error));
            }
        }
        None
    }

    /// Requests the rest of the object after the error `broken`. Fails if the object has changed,
    /// or if no time is left for a retry: then the read ends.
    async fn take_up(&mut self, broken: io::Error) -> io::Result<()> {
        let Some(tag) = &self.tag else { return Err(broken) };
        self.progress = 0;
        let backoff = self.backoff.get_or_insert_with(|| self.remote.backoff());
        loop {
            if !backoff.wait().await {
                return Err(broken);
            }
            let options = GetOptions {
                range: Some(GetRange::Bounded(self.at..self.end)),
                if_match: Some(tag.clone()),
                ..object_bytes()
            };
            match self.remote.once(self.remote.client.get_opts(&self.path, options)).await {
                // Some servers ignore the condition, so the tag is compared again.
                Ok(again) if again.meta.e_tag.as_ref() == Some(tag) && again.range == (self.at..self.end) => {
                    self.pieces = again.into_stream();
                    return Ok(());
                }
                Ok(_) | Err(Failure::Refused(_) | Failure::NotFound(_) | Failure::Unsatisfiable) => {
                    return Err(io::Error::other("the object was replaced while it was read; read it again"));
                }
                Err(Failure::Later(_)) => {}
                Err(Failure::Never(cause)) => return Err(io::Error::other(cause)),
            }
        }
    }
}
