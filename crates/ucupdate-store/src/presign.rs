//! Addresses that can be fetched without us: for stores that can hand out such.

use crate::error::StoreError;
use crate::key::StoreKey;
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A store of which an object can be fetched by a signed address, past the server that stands before it.
///
/// It is a trait of its own since only some stores can, and since whoever holds such an address needs no other right:
/// nothing here is asked for unless the embedder says so.
#[async_trait]
pub trait Presign: fmt::Debug + Send + Sync + 'static {
    /// An absolute URL from which the object at `key` can be fetched by GET, also in ranges, for as long as `lasting`
    /// from now. Whether an object is there is not looked at.
    ///
    /// # Errors
    /// When no address can be signed; never [`StoreError::NotFound`].
    async fn presigned_get(&self, key: &StoreKey, lasting: Duration) -> Result<String, StoreError>;
}

#[async_trait]
impl<S: Presign + ?Sized> Presign for Arc<S> {
    async fn presigned_get(&self, key: &StoreKey, lasting: Duration) -> Result<String, StoreError> {
        (**self).presigned_get(key, lasting).await
    }
}
