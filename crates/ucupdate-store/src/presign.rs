//! Signed addresses from which clients fetch objects directly, for stores that can create them.

use crate::error::StoreError;
use crate::key::StoreKey;
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A store that can sign addresses, so that clients fetch objects from the store itself and not through this server.
///
/// It is a separate trait because only some stores can sign addresses, and because the holder of a signed address needs no
/// other permission. Nothing signs an address unless the embedder enables it.
#[async_trait]
pub trait Presign: fmt::Debug + Send + Sync + 'static {
    /// Returns an absolute URL from which a client can `GET` the object at `key`, also in ranges. The URL is valid for
    /// `lasting` from now. The method does not check that the object exists.
    ///
    /// # Errors
    /// When the address cannot be signed. The method never returns [`StoreError::NotFound`].
    async fn presigned_get(&self, key: &StoreKey, lasting: Duration) -> Result<String, StoreError>;
}

#[async_trait]
impl<S: Presign + ?Sized> Presign for Arc<S> {
    async fn presigned_get(&self, key: &StoreKey, lasting: Duration) -> Result<String, StoreError> {
        (**self).presigned_get(key, lasting).await
    }
}
