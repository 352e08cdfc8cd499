//! A wrapper that allows reads and refuses writes.

use crate::error::StoreError;
use crate::image_store::{ByteStream, ImageStore, Object, ObjectMeta};
use crate::key::StoreKey;
use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;

/// A store that allows reads only: every writing call returns [`StoreError::ReadOnly`] and changes nothing.
///
/// ```
/// use ucupdate_store::{ImageStore, ImageStoreExt, MemoryStore, ReadOnly, StoreError, StoreKey};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
///
/// let store = MemoryStore::default();
/// let key = StoreKey::parse("images/a").unwrap();
/// store.put_bytes(&key, "image").await.unwrap();
///
/// let shown = ReadOnly::new(store);
/// assert_eq!(shown.get_bytes(&key, 100).await.unwrap(), "image");
/// assert!(matches!(shown.delete(&key).await, Err(StoreError::ReadOnly { .. })));
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct ReadOnly<S> {
    store: S,
}

impl<S> ReadOnly<S> {
    /// Wraps `store`.
    pub fn new(store: S) -> Self {
        Self { store }
    }

    /// Returns the wrapped store.
    pub fn into_inner(self) -> S {
        self.store
    }
}

#[async_trait]
impl<S: ImageStore> ImageStore for ReadOnly<S> {
    async fn create(&self, key: &StoreKey, _bytes: Bytes) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly { key: key.clone() })
    }

    async fn put(&self, key: &StoreKey, _bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        Err(StoreError::ReadOnly { key: key.clone() })
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        self.store.get(key, range).await
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        self.store.head(key).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly { key: key.clone() })
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        self.store.list(prefix, after).await
    }

    async fn strays(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.store.strays(folder).await
    }

    async fn append(&self, key: &StoreKey, _at: u64, _bytes: Bytes) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly { key: key.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ext::ImageStoreExt;
    use crate::image_store::stream_of;
    use crate::memory::MemoryStore;

    #[tokio::test]
    async fn writing_is_refused_and_touches_nothing() {
        let behind = MemoryStore::default();
        let (old, new) = (StoreKey::parse("old").unwrap(), StoreKey::parse("new").unwrap());
        behind.put_bytes(&old, "old").await.unwrap();
        let store = ReadOnly::new(behind.clone());

        assert!(
            matches!(store.create(&new, "x".into()).await, Err(StoreError::ReadOnly { key }) if key == new)
        );
        assert!(matches!(store.put(&old, stream_of("x")).await, Err(StoreError::ReadOnly { .. })));
        assert!(matches!(store.delete(&old).await, Err(StoreError::ReadOnly { .. })));
        assert!(matches!(store.append(&old, 3, "x".into()).await, Err(StoreError::ReadOnly { .. })));
        assert!(!store.can_append());

        assert_eq!(behind.list_all("", 9).await.unwrap(), store.list_all("", 9).await.unwrap());
        assert_eq!(store.get_bytes(&old, 9).await.unwrap(), "old");
        assert!(!store.exists(&new).await.unwrap());
        assert!(store.into_inner().exists(&old).await.unwrap());
    }
}
