//! Signed URLs from which clients can download objects directly, for stores that can create such URLs.

use crate::error::StoreError;
use crate::key::StoreKey;
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A store that can sign URLs. A client that has a signed URL downloads the object from the store
/// itself, so the bytes do not pass through the update server.
///
/// The trait is separate because only some stores can sign URLs, and because the holder of a signed
/// URL needs no other permission. A server signs URLs only if its operator turns this on.
#[async_trait]
pub trait Presign: fmt::Debug + Send + Sync + 'static {
    /// Returns an absolute URL from which a client can `GET` the object at `key`, whole or in
    /// ranges. The URL is valid for `lasting` from now. The method does not check that the object
    /// exists.
    ///
    /// # Errors
    /// When the URL cannot be signed. The method never returns [`StoreError::NotFound`].
    async fn presigned_get(&self, key: &StoreKey, lasting: Duration) -> Result<String, StoreError>;
}

#[async_trait]
impl<S: Presign + ?Sized> Presign for Arc<S> {
    async fn presigned_get(&self, key: &StoreKey, lasting: Duration) -> Result<String, StoreError> {
        (**self).presigned_get(key, lasting).await
    }
}
