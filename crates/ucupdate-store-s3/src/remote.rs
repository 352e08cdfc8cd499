//! Requests to one bucket, with retries. Converts failures into store errors.

use crate::backoff::Backoff;
use crate::body::ObjectBody;
use crate::cause::{Cause, Failure, classify};
use crate::options::RetryNotice;
use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, Attributes, GetOptions, GetRange, GetResult, ObjectStore, PutMode, PutOptions,
    PutPayload,
};
use std::time::Duration;
use ucupdate_store::{ObjectMeta, StoreError, StoreKey};

#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) client: AmazonS3,
    /// The text that comes before every key in the bucket: empty, or with a `/` at its end.
    pub(crate) prefix: String,
    pub(crate) attempt_timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) part_bytes: usize,
    pub(crate) max_parts: usize,
    pub(crate) retry_notice: RetryNotice,
}

/// A random text that a writer puts into the metadata of its object. If the answer to the write is
/// lost, the writer finds out by this mark whether the object is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnerMark(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    Now,
    Before,
}

impl OwnerMark {
    pub(crate) fn new() -> Result<Self, Cause> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)
            .map_err(|error| Cause::new(format!("the system returned no random bytes: {error}")))?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn attributes(&self) -> Attributes {
        Attributes::from_iter([(Self::attribute(), AttributeValue::from(self.0.clone()))])
    }

    /// Returns whether an object with these attributes was written with this mark.
    pub(crate) fn is_on(&self, attributes: &Attributes) -> bool {
        attributes.get(&Self::attribute()).is_some_and(|value| value.as_ref() == self.0)
    }

    fn attribute() -> Attribute {
        Attribute::Metadata("ucupdate-write".into())
    }
}

impl Remote {
    pub(crate) fn path(&self, key: &StoreKey) -> Path {
        Path::parse(format!("{}{key}", self.prefix))
            .expect("a key has no empty part, no `.` or `..` and no control character")
    }

    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.deadline)
    }

    /// Returns the backoff for a write. It ends early enough before the deadline that the store can
    /// check whether a try without an answer was done.
    pub(crate) fn backoff_before_look(&self) -> Backoff {
        Backoff::new(self.deadline.saturating_sub(self.look_timeout()))
    }

    /// Returns the time limit of one try of a write: at most half of the deadline.
    pub(crate) fn write_timeout(&self) -> Duration {
        self.share_of_deadline(2)
    }

    /// Returns the time limit of one request that reads the [`OwnerMark`] of an object: at most a
    /// quarter of the deadline.
    fn look_timeout(&self) -> Duration {
        self.share_of_deadline(4)
    }

    /// Returns the time limit of one try, but at most the deadline divided by `share`. With a
    /// deadline of zero there is a single try, and it has the whole time limit.
    fn share_of_deadline(&self, share: u32) -> Duration {
        if self.deadline.is_zero() {
            self.attempt_timeout
        } else {
            self.attempt_timeout.min(self.deadline / share)
        }
    }

    /// Sends a request once, without a retry.
    pub(crate) async fn once<T>(
        &self,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Failure> {
        self.once_within(self.attempt_timeout, request).await
    }

    /// Sends a request once, with this time limit.
    pub(crate) async fn once_within<T>(
        &self,
        limit: Duration,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Failure> {
        let end = match tokio::time::timeout(limit, request).await {
            Ok(end) => end.map_err(classify),
            Err(_) => Err(Failure::Later(Cause::silence(limit))),
        };
        if let Err(Failure::Later(cause)) = &end {
            self.retry_notice.call(&cause.to_string());
        }
        end
    }

    /// Sends an idempotent request, and retries it until the deadline. Status 409 is retried too, because without a
    /// condition it means that another request for the object is in progress.
    pub(crate) async fn ask<T, F: Future<Output = object_store::Result<T>>>(
        &self,
        mut request: impl FnMut() -> F,
    ) -> Result<T, Failure> {
        let mut backoff = self.backoff();
        let mut last = None;
        loop {
            let cause = match self.once(request()).await {
                Err(Failure::Refused(cause)) if cause.status() == Some(409) => cause,
                Err(Failure::Later(cause)) => cause,
                end => return end,
            };
            let cause = cause.after(last);
            if !backoff.wait().await {
                return Err(Failure::Later(cause));
            }
            last = Some(cause);
        }
    }

    /// Requests the bytes of the object at `path`, or only those in `range`.
    pub(crate) async fn open(&self, path: &Path, range: Option<GetRange>) -> Result<GetResult, Failure> {
        let options = GetOptions { range, ..object_bytes() };
        self.ask(|| self.client.get_opts(path, options.clone())).await
    }

    /// Returns the metadata of the object at `path`.
    pub(crate) async fn look(&self, path: &Path) -> Result<GetResult, Failure> {
        self.ask(|| self.client.get_opts(path, looking())).await
    }

    /// Returns whether the object at `path` was written with this mark, or `None` when there is no
    /// object. Does not retry.
    pub(crate) async fn is_marked(&self, path: &Path, mark: &OwnerMark) -> Result<Option<bool>, Failure> {
        match self.once_within(self.look_timeout(), self.client.get_opts(path, looking())).await {
            Ok(found) => Ok(Some(mark.is_on(&found.attributes))),
            Err(Failure::NotFound(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Creates an object if there is none at `path`. After an unclear response, the [`OwnerMark`]
    /// in the metadata of the object shows who created it. The mark is checked even if no time is
    /// left for a retry.
    pub(crate) async fn create(
        &self,
        path: &Path,
        bytes: &Bytes,
        mark: &OwnerMark,
    ) -> Result<Created, Failure> {
        let mut backoff = self.backoff_before_look();
        let mut last = None;
        loop {
            let options =
                PutOptions { mode: PutMode::Create, attributes: mark.attributes(), ..PutOptions::default() };
            let put = self.client.put_opts(path, PutPayload::from(bytes.clone()), options);
            let mut unclear = match self.once_within(self.write_timeout(), put).await {
                Ok(_) => return Ok(Created::Now),
                // The mark is checked after a refusal too, because a proxy may have sent our request twice.
                Err(Failure::Refused(cause)) => cause,
                Err(Failure::Later(cause)) => {
                    // The request may still be in progress. If no time is left, the mark is checked
                    // at once.
                    backoff.wait().await;
                    cause
                }
                Err(failure) => return Err(failure),
            }
            .after(last);
            match self.is_marked(path, mark).await {
                Ok(Some(true)) => return Ok(Created::Now),
                Ok(Some(false)) => return Ok(Created::Before),
                // Another writer's request was in progress and failed, or our request never arrived.
                Ok(None) => {}
                Err(Failure::Later(cause)) => unclear = cause.after(Some(unclear)),
                Err(failure) => return Err(failure),
            }
            if !backoff.wait().await {
                return Err(Failure::Later(unclear));
            }
            last = Some(unclear);
        }
    }

    /// Returns the metadata of an object of `size` bytes that was just written.
    pub(crate) async fn written(
        &self,
        key: &StoreKey,
        path: &Path,
        size: u64,
    ) -> Result<ObjectMeta, StoreError> {
        match self.look(path).await {
            Ok(found) => Ok(meta(key, &found.meta)),
            // The object was deleted in the meantime, so its metadata is made here.
            Err(Failure::NotFound(_)) => Ok(ObjectMeta::new(key.clone(), size, std::time::SystemTime::now())),
            Err(failure) => Err(failure.reading(key)),
        }
    }
}

/// Returns the options of a request for the bytes of an object. The size of the body is not
/// limited.
pub(crate) fn object_bytes() -> GetOptions {
    let mut options = GetOptions::default();
    options.extensions.insert(ObjectBody);
    options
}

fn looking() -> GetOptions {
    GetOptions { head: true, ..GetOptions::default() }
}

pub(crate) fn meta(key: &StoreKey, found: &object_store::ObjectMeta) -> ObjectMeta {
    let mark = found.e_tag.as_deref().map_or(0, write_mark);
    ObjectMeta::new(key.clone(), found.size, found.last_modified.into()).with_write_mark(mark)
}

/// Returns a number that differs if the `ETag` does: the 64-bit FNV-1a hash of its text without quotes and `W/`, and never
/// zero. Servers write the same `ETag` with and without quotes in listings. The version of an object is not part of the
/// number, because listings do not name it.
fn write_mark(tag: &str) -> u64 {
    let tag = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
    let hash = tag.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.max(1)
}

impl Failure {
    /// Converts the failure of reading `key` to a store error.
    pub(crate) fn reading(self, key: &StoreKey) -> StoreError {
        match self {
            Self::NotFound(_) => StoreError::NotFound { key: key.clone() },
            failure => failure.during(format!("reading `{key}`")),
        }
    }

    /// Converts the failure to a store error. `what` names the operation that failed. A missing
    /// object becomes [`StoreError::Backend`].
    pub(crate) fn during(self, what: String) -> StoreError {
        match self {
            Self::Later(cause) | Self::Refused(cause) => StoreError::unavailable(what, cause),
            Self::Never(cause) | Self::NotFound(cause) => StoreError::backend(what, cause),
            Self::Unsatisfiable => StoreError::backend(what, "server answered 416"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_mark_differs_with_the_etag_and_not_with_its_spelling() {
        // The test vectors of FNV-1a.
        assert_eq!(write_mark("\"a\""), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(write_mark("foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(write_mark("W/\"foobar\""), write_mark("foobar"));
        assert_ne!(write_mark(""), 0);
    }
}
