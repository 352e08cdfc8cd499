//! Writes an object of any size, with memory for a few parts. A small object is written in one
//! request, a larger one in parts.

use crate::cause::{Cause, Failure};
use crate::remote::{OwnerMark, Remote};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::Fuse;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{MultipartId, ObjectStore as _, PutMultipartOptions, PutOptions, PutPayload};
use std::sync::Arc;
use tokio::runtime::Handle;
use ucupdate_store::{ByteStream, StoreError, StoreKey};

/// Writes all of `bytes` to `path`. Returns the number of bytes that were written.
pub(crate) async fn put(
    remote: &Arc<Remote>,
    key: &StoreKey,
    path: &Path,
    bytes: ByteStream,
) -> Result<u64, StoreError> {
    let mut parts =
        PartStream { bytes: bytes.fuse(), left: BytesMut::new(), size: remote.part_bytes, taken: 0 };
    let broken = |source| StoreError::Input { key: key.clone(), source };
    let first = parts.next().await.map_err(broken)?;
    if parts.is_over().await.map_err(broken)? {
        put_whole(remote, path, first).await.map_err(|failure| failure.during(format!("writing `{key}`")))?;
        return Ok(parts.taken);
    }

    let failed = |failure: Failure| failure.during(format!("writing `{key}` in parts"));
    let mark = OwnerMark::new().map_err(|cause| failed(Failure::Never(cause)))?;
    let options = || PutMultipartOptions { attributes: mark.attributes(), ..PutMultipartOptions::default() };
    let id = remote.ask(|| remote.client.create_multipart_opts(path, options())).await.map_err(failed)?;
    let mut upload = MultipartUpload { remote: Arc::clone(remote), path: path.clone(), id: Some(id) };

    let written = async {
        let mut ids = vec![upload.part(0, first).await.map_err(failed)?];
        while !parts.is_over().await.map_err(broken)? {
            if ids.len() == remote.max_parts {
                let limit =
                    u64::try_from(remote.part_bytes.saturating_mul(remote.max_parts)).unwrap_or(u64::MAX);
                return Err(StoreError::TooLarge { key: key.clone(), found: limit.saturating_add(1), limit });
            }
            let part = parts.next().await.map_err(broken)?;
            ids.push(upload.part(ids.len(), part).await.map_err(failed)?);
        }
        upload.complete(ids, &mark).await.map_err(failed)
    }
    .await;
    match written {
        Ok(()) => {
            upload.id = None;
            Ok(parts.taken)
        }
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}

/// Writes an object in one request.
///
/// A request without a response may still reach the server later. If there was no object at the
/// key, this does no harm, and the request is retried. If there was an object, the late request
/// could undo a later write that was already acknowledged. Then the result is reported as unclear,
/// unless the metadata of the object has the [`OwnerMark`] of this write.
async fn put_whole(remote: &Remote, path: &Path, bytes: Bytes) -> Result<(), Failure> {
    let mark = OwnerMark::new().map_err(Failure::Never)?;
    let payload = PutPayload::from(bytes);
    let mut backoff = remote.backoff_before_look();
    let mut unsettled = false;
    let mut last = None;
    loop {
        let options = PutOptions { attributes: mark.attributes(), ..PutOptions::default() };
        let put = remote.client.put_opts(path, payload.clone(), options);
        let (cause, is_final) = match remote.once_within(remote.write_timeout(), put).await {
            Ok(_) => return Ok(()),
            Err(Failure::Later(cause)) => {
                let is_final = cause.is_final();
                (cause, is_final)
            }
            // Without a condition, status 409 means that another request is in progress and that
            // the server did not execute this one.
            Err(Failure::Refused(cause)) if cause.status() == Some(409) => (cause, true),
            Err(failure) => return Err(failure),
        };
        let cause = cause.after(last);
        unsettled |= !is_final;
        while unsettled {
            match remote.is_marked(path, &mark).await {
                Ok(Some(true)) => return Ok(()),
                Ok(Some(false)) => return Err(Failure::Later(cause)),
                Ok(None) => unsettled = false,
                Err(Failure::Later(_)) if backoff.wait().await => {}
                Err(Failure::Later(look)) => return Err(Failure::Later(look.after(Some(cause)))),
                Err(failure) => return Err(failure),
            }
        }
        if !backoff.wait().await {
            return Err(Failure::Later(cause));
        }
        last = Some(cause);
    }
}

/// A stream of parts of equal size. The last part may be shorter.
struct PartStream {
    /// The stream is fused, because a stream may panic when it is polled after its end.
    bytes: Fuse<ByteStream>,
    left: BytesMut,
    size: usize,
    taken: u64,
}

impl PartStream {
    async fn next(&mut self) -> std::io::Result<Bytes> {
        let mut part = std::mem::take(&mut self.left);
        while part.len() < self.size {
            let Some(piece) = self.bytes.next().await.transpose()? else { break };
            // The bytes are copied, because a small piece may keep a large buffer in memory.
            part.extend_from_slice(&piece);
        }
        self.left = part.split_off(part.len().min(self.size));
        self.taken = self.taken.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
        Ok(part.freeze())
    }

    /// Returns whether the stream has ended. Waits until a byte arrives or the stream ends.
    async fn is_over(&mut self) -> std::io::Result<bool> {
        while self.left.is_empty() {
            let Some(piece) = self.bytes.next().await.transpose()? else { return Ok(true) };
            self.left.extend_from_slice(&piece);
        }
        Ok(false)
    }
}

/// An unfinished upload in parts. Dropping this value aborts the upload, if a runtime is running.
struct MultipartUpload {
    remote: Arc<Remote>,
    path: Path,
    id: Option<MultipartId>,
}

impl MultipartUpload {
    async fn part(&self, number: usize, bytes: Bytes) -> Result<PartId, Failure> {
        let (id, payload) = (self.id()?, PutPayload::from(bytes));
        self.remote.ask(|| self.remote.client.put_part(&self.path, id, number, payload.clone())).await
    }

    /// Completes the upload. After an unclear response, the [`OwnerMark`] in the metadata of the
    /// object shows whether the upload was completed. The mark is checked even if no time is left
    /// for a retry.
    async fn complete(&self, parts: Vec<PartId>, mark: &OwnerMark) -> Result<(), Failure> {
        let mut backoff = self.remote.backoff_before_look();
        let mut unclear: Option<Cause> = None;
        loop {
            let complete = self.remote.client.complete_multipart(&self.path, self.id()?, parts.clone());
            let complete = self.remote.once_within(self.remote.write_timeout(), complete);
            let cause = match complete.await {
                Ok(_) => return Ok(()),
                Err(Failure::Later(cause) | Failure::Refused(cause)) => cause,
                // The upload does not exist any more: our request completed it, or another program aborted it.
                Err(Failure::NotFound(gone)) if unclear.is_some() => {
                    match self.remote.is_marked(&self.path, mark).await {
                        Ok(Some(true)) => return Ok(()),
                        // Our upload may have been completed and then replaced by another writer.
                        Ok(_) => return Err(Failure::Later(gone)),
                        Err(Failure::Later(cause)) => cause,
                        Err(failure) => return Err(failure),
                    }
                }
                Err(failure) => return Err(failure),
            }
            .after(unclear);
            if !backoff.wait().await {
                return match self.remote.is_marked(&self.path, mark).await {
                    Ok(Some(true)) => Ok(()),
                    _ => Err(Failure::Later(cause)),
                };
            }
            unclear = Some(cause);
        }
    }

    /// Tries to abort the upload. If that fails, the lifecycle rule of the bucket removes the parts.
    async fn abort(&mut self) {
        let Some(id) = &self.id else { return };
        abort(&self.remote, &self.path, id).await;
        self.id = None;
    }

    fn id(&self) -> Result<&MultipartId, Failure> {
        self.id.as_ref().ok_or_else(|| Failure::Never(Cause::new("the upload has ended")))
    }
}

impl Drop for MultipartUpload {
    fn drop(&mut self) {
        if let Some(id) = self.id.take()
            && let Ok(runtime) = Handle::try_current()
        {
            let (remote, path) = (Arc::clone(&self.remote), self.path.clone());
            runtime.spawn(async move { abort(&remote, &path, &id).await });
        }
    }
}

async fn abort(remote: &Remote, path: &Path, id: &MultipartId) {
    let _best_effort = remote.ask(|| remote.client.abort_multipart(path, id)).await;
}
