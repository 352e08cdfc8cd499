//! [`S3Store`]: implements the six methods of `ImageStore` over one bucket.

use crate::cause::{Cause, Failure};
use crate::error::S3OpenError;
use crate::options::S3Options;
use crate::remote::{Created, OwnerMark, Remote, meta};
use crate::{connect, download, upload};
use async_trait::async_trait;
use bytes::Bytes;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path;
use object_store::signer::Signer as _;
use object_store::{GetRange, ObjectStoreExt as _};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use ucupdate_store::{
    ByteStream, ImageStore, MAX_CREATE_BYTES, MAX_PAGE_OBJECTS, Object, ObjectMeta, Presign, StoreError,
    StoreKey, stream_of,
};

/// Largest byte offset that a request contains. Many servers parse offsets as signed 64-bit
/// numbers.
const LAST_PLACE: u64 = i64::MAX.unsigned_abs();
const MAX_PARTS: usize = 10_000;
/// Number of tries to read a range of an object whose size changes between the requests.
const RANGE_TRIES: usize = 8;

/// A store in a bucket, or below a prefix of a bucket. Clones share their connections.
#[derive(Clone)]
pub struct S3Store {
    remote: Arc<Remote>,
    shown: Arc<str>,
}

impl S3Store {
    /// Opens the store. Checks that the server honours `If-None-Match: *`, unless
    /// [`S3Options::with_self_test`] is `false`. For this check it creates an object twice and
    /// deletes it. The key of this object is not a valid [`StoreKey`], so it cannot be the key of
    /// another object.
    ///
    /// # Errors
    /// [`S3OpenError::IgnoresConditions`], [`S3OpenError::RefusesConditions`] and [`S3OpenError::ForgetsMetadata`] when the
    /// server is not suitable; [`S3OpenError::Bucket`] when the server denies access or does not respond;
    /// [`S3OpenError::Options`] when the options are wrong.
    pub async fn open(options: S3Options) -> Result<Self, S3OpenError> {
        Self::with_object_store(connect::builder(&options), options).await
    }

    /// Opens the store like [`open`](Self::open), with a builder of `object_store` for settings
    /// that the options do not have: other sources of credentials, encryption, another storage
    /// class. Server, bucket, region and credentials come from the builder. The prefix, the
    /// timeouts, the part size, the root certificates and the self-test come from the options. The
    /// retries, the HTTP connector and the conditional writes of the builder are replaced, because
    /// the contract depends on them.
    ///
    /// # Errors
    /// The errors of [`open`](Self::open).
    pub async fn with_object_store(
        builder: AmazonS3Builder,
        options: S3Options,
    ) -> Result<Self, S3OpenError> {
        let prefix = options.checked_prefix()?;
        let value = |key| builder.get_config_value(&key);
        let bucket = value(AmazonS3ConfigKey::Bucket).unwrap_or_default();
        let endpoint = value(AmazonS3ConfigKey::S3Endpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint));
        let client = connect::client(builder, &options)?;
        let remote = Remote {
            client,
            prefix,
            attempt_timeout: options.attempt_timeout,
            deadline: options.deadline,
            part_bytes: options.part_bytes,
            max_parts: MAX_PARTS,
            retry_notice: options.retry_notice.clone(),
        };
        let shown = format!("s3://{bucket}/{}", remote.prefix).into();
        let store = Self { remote: Arc::new(remote), shown };
        if options.self_test {
            let endpoint = endpoint.unwrap_or_else(|| format!("S3 in {}", options.region));
            store.prove(&endpoint, &bucket).await?;
        }
        Ok(store)
    }

    /// Creates an object twice. Checks that the server refuses the second creation and keeps the
    /// metadata of the object.
    async fn prove(&self, endpoint: &str, bucket: &str) -> Result<(), S3OpenError> {
        let remote = &self.remote;
        let unusable = |failure: Failure| {
            let source = failure.during(format!("trying {self:?}"));
            S3OpenError::Bucket { endpoint: endpoint.into(), bucket: bucket.into(), source }
        };
        let mark = || OwnerMark::new().map_err(|cause| unusable(Failure::Never(cause)));
        let (first, second) = (mark()?, mark()?);
        // No key begins with a full stop, so callers cannot see the object.
        let path = Path::parse(format!("{}.ucupdate-probe-{}", remote.prefix, first.as_str()))
            .expect("a prefix is a key and the rest is plain");
        let bytes = Bytes::from_static(b"ucupdate was here, to see whether If-None-Match is honoured\n");

        let refuses = |failure: Failure| match failure {
            Failure::Never(cause) if cause.status() == Some(501) => {
                S3OpenError::RefusesConditions { endpoint: endpoint.into(), source: cause.into() }
            }
            failure => unusable(failure),
        };
        let mut probe = Probe { remote: Arc::clone(remote), path: path.clone(), may_be_there: true };
        remote.create(&path, &bytes, &first).await.map_err(refuses)?;
        let again = remote.create(&path, &bytes, &second).await;
        let kept = remote.look(&path).await;
        // The object is deleted whatever the result of the check was.
        let deleted = remote.ask(|| remote.client.delete(&path)).await;
        probe.may_be_there = deleted.is_err();

        let named = || path.as_ref().into();
        if again.map_err(refuses)? == Created::Now {
            return Err(S3OpenError::IgnoresConditions { endpoint: endpoint.into(), probe: named() });
        }
        if !first.is_on(&kept.map_err(unusable)?.attributes) {
            return Err(S3OpenError::ForgetsMetadata { endpoint: endpoint.into(), probe: named() });
        }
        deleted.map_err(unusable)
    }
}

/// The object that is created twice when a store is opened. If it may still exist, dropping this
/// value tries to delete it: opening was cancelled, or the first deletion failed. This needs a
/// running runtime.
struct Probe {
    remote: Arc<Remote>,
    path: Path,
    may_be_there: bool,
}

impl Drop for Probe {
    fn drop(&mut self) {
        if self.may_be_there
            && let Ok(runtime) = Handle::try_current()
        {
            let (remote, path) = (Arc::clone(&self.remote), self.path.clone());
            runtime.spawn(async move {
                let _best_effort = remote.once(remote.client.delete(&path)).await;
            });
        }
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Store({})", self.shown)
    }
}

#[async_trait]
impl ImageStore for S3Store {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        if bytes.len() > MAX_CREATE_BYTES {
            let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            return Err(StoreError::TooLarge { key: key.clone(), found, limit: MAX_CREATE_BYTES as u64 });
        }
        let failed = |failure: Failure| failure.during(format!("creating `{key}`"));
        let mark = OwnerMark::new().map_err(|cause| failed(Failure::Never(cause)))?;
        match self.remote.create(&self.remote.path(key), &bytes, &mark).await.map_err(failed)? {
            Created::Now => Ok(()),
            Created::Before => Err(StoreError::AlreadyExists { key: key.clone() }),
        }
    }

    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        let path = self.remote.path(key);
        let size = upload::put(&self.remote, key, &path, bytes).await?;
        self.remote.written(key, &path, size).await
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        let path = self.remote.path(key);
        for _ in 0..RANGE_TRIES {
            let asked = match &range {
                None => None,
                // HTTP cannot request an empty range.
                Some(range) if range.start >= range.end || range.start >= LAST_PLACE => {
                    return empty(self.head(key).await?, Some(range.clone()));
                }
                Some(range) if range.end >= LAST_PLACE => Some(GetRange::Offset(range.start)),
                Some(range) => Some(GetRange::Bounded(range.clone())),
            };
            match self.remote.open(&path, asked).await {
                Ok(found) => {
                    let (meta, range) = (meta(key, &found.meta), found.range.clone());
                    let bytes = download::bytes(Arc::clone(&self.remote), path, found);
                    return Ok(Object::new(meta, range, bytes));
                }
                // Either the range begins at or after the end of the object, or the size of the
                // object has changed in the meantime.
                Err(Failure::Unsatisfiable) => {
                    let meta = self.head(key).await?;
                    if meta.resolve(range.clone())?.is_empty() {
                        return empty(meta, range);
                    }
                }
                Err(failure) => return Err(failure.reading(key)),
            }
        }
        let cause = Cause::new("the size of the object changed between all tries; try again later");
        Err(Failure::Later(cause).reading(key))
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        match self.remote.look(&self.remote.path(key)).await {
            Ok(found) => Ok(meta(key, &found.meta)),
            Err(failure) => Err(failure.reading(key)),
        }
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let path = self.remote.path(key);
        match self.remote.ask(|| self.remote.client.delete(&path)).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(failure.during(format!("deleting `{key}`"))),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        if !begins_a_key(prefix) {
            return Ok(Vec::new());
        }
        let remote = &self.remote;
        let failed = |failure: Failure| failure.during(format!("listing `{prefix}`"));
        let never = |said: &str| failed(Failure::Never(Cause::new(said)));
        let whole = format!("{}{prefix}", remote.prefix);
        let mut options = PaginatedListOptions {
            offset: after.map(|after| format!("{}{after}", remote.prefix)),
            max_keys: Some(MAX_PAGE_OBJECTS),
            ..PaginatedListOptions::default()
        };
        loop {
            let page = remote
                .ask(|| remote.client.list_paginated(Some(&whole), options.clone()))
                .await
                .map_err(failed)?;
            let mut found: Vec<ObjectMeta> = Vec::new();
            for object in &page.result.objects {
                // Names that are not keys of this store are skipped: probes, and objects of other
                // programs.
                let Some(key) = object.location.as_ref().strip_prefix(&remote.prefix) else { continue };
                let Ok(key) = StoreKey::parse(key) else { continue };
                if after.is_some_and(|after| key <= *after) || !key.as_str().starts_with(prefix) {
                    continue;
                }
                if found.last().is_some_and(|last| last.key >= key) {
                    return Err(never("the server does not list keys in the order of their bytes"));
                }
                found.push(meta(&key, object));
            }
            found.truncate(MAX_PAGE_OBJECTS);
            if !found.is_empty() || page.page_token.is_none() {
                return Ok(found);
            }
            if page.page_token == options.page_token {
                return Err(never("the server returned the same page of a listing twice"));
            }
            options.page_token = page.page_token;
        }
    }
}

#[async_trait]
impl Presign for S3Store {
    async fn presigned_get(&self, key: &StoreKey, lasting: Duration) -> Result<String, StoreError> {
        let path = self.remote.path(key);
        let signed = self.remote.client.signed_url(http::Method::GET, &path, lasting);
        match self.remote.once(signed).await {
            Ok(url) => Ok(url.into()),
            Err(failure) => Err(failure.during(format!("signing a URL for `{key}`"))),
        }
    }
}

fn empty(meta: ObjectMeta, range: Option<Range<u64>>) -> Result<Object, StoreError> {
    let range = meta.resolve(range)?;
    Ok(Object::new(meta, range, stream_of(Bytes::new())))
}

/// Returns whether a key can begin with this text. For any other text a listing is empty, and no
/// request is sent: most servers fail on some of these texts.
fn begins_a_key(prefix: &str) -> bool {
    prefix.is_empty() || StoreKey::parse(prefix).is_ok() || StoreKey::parse(&format!("{prefix}x")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Credentials;
    use ucupdate_store::ImageStoreExt as _;
    use ucupdate_testkit::s3::{BUCKET, Bucket, KEY_ID, S3Call, S3Server, SECRET};

    #[tokio::test]
    async fn more_than_the_most_parts_is_too_large() {
        let server = S3Server::start(Bucket::default().taking_small_parts()).await;
        let options = S3Options::new(BUCKET)
            .with_endpoint(server.endpoint())
            .with_credentials(Credentials::keys(KEY_ID, SECRET))
            .with_part_bytes(100);
        let mut store = S3Store::open(options).await.unwrap();
        Arc::get_mut(&mut store.remote).unwrap().max_parts = 5;
        let key = StoreKey::parse("a").unwrap();
        let end = store.put_bytes(&key, vec![b'x'; 501]).await;
        assert!(matches!(end, Err(StoreError::TooLarge { found: 501, limit: 500, .. })), "{end:?}");
        assert_eq!((server.calls(S3Call::Part), server.bucket().unfinished_uploads()), (5, 0));
        assert_eq!(store.put_bytes(&key, vec![b'x'; 500]).await.unwrap().size, 500);
    }

    #[test]
    fn only_what_a_key_can_begin_with_is_asked_for() {
        for prefix in ["", "a", "a/", "a.", "a b", "con", "a/com1", "\u{e4}"] {
            assert!(begins_a_key(prefix), "{prefix:?}");
        }
        let long = "x".repeat(5000);
        for prefix in ["/", ".", "a//", "a/.", "a./b", "NUL/", "com1.", "a\0", "a:", &long] {
            assert!(!begins_a_key(prefix), "{prefix:?}");
        }
    }
}
