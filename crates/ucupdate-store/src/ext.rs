//! Convenience methods for callers of a store. Stores do not implement these methods.

use crate::error::StoreError;
use crate::image_store::{ImageStore, ObjectMeta, stream_of};
use crate::key::StoreKey;
use bytes::Bytes;
use std::fmt;
use std::future::Future;

/// Convenience methods of every [`ImageStore`], including `Arc<dyn ImageStore>`.
///
/// ```
/// use ucupdate_store::{ImageStoreExt, MemoryStore, StoreKey};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
///
/// let store = MemoryStore::default();
/// let key = StoreKey::parse("state/a.json").unwrap();
/// store.put_bytes(&key, "{}").await?;
/// assert_eq!(store.get_bytes(&key, 1024).await?, "{}");
/// assert!(store.exists(&key).await?);
/// assert_eq!(store.list_all("state/", 10).await?.len(), 1);
/// # Ok::<_, ucupdate_store::StoreError>(()) }).unwrap();
/// ```
pub trait ImageStoreExt: ImageStore {
    /// Reads a whole object of at most `limit` bytes into memory.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when the object is larger than `limit`; otherwise the errors of [`ImageStore::get`] and
    /// [`Object::into_bytes`](crate::Object::into_bytes).
    fn get_bytes(
        &self,
        key: &StoreKey,
        limit: usize,
    ) -> impl Future<Output = Result<Bytes, StoreError>> + Send {
        async move { self.get(key, None).await?.into_bytes(limit).await }
    }

    /// Writes an object whose bytes are in memory, and replaces an object that is already at the
    /// key.
    ///
    /// # Errors
    /// The errors of [`ImageStore::put`].
    fn put_bytes(
        &self,
        key: &StoreKey,
        bytes: impl Into<Bytes> + Send,
    ) -> impl Future<Output = Result<ObjectMeta, StoreError>> + Send {
        let bytes = stream_of(bytes);
        async move { self.put(key, bytes).await }
    }

    /// Returns whether an object is at the key.
    ///
    /// # Errors
    /// The errors of [`ImageStore::head`], without [`StoreError::NotFound`].
    fn exists(&self, key: &StoreKey) -> impl Future<Output = Result<bool, StoreError>> + Send {
        async move {
            match self.head(key).await {
                Ok(_) => Ok(true),
                Err(StoreError::NotFound { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        }
    }

    /// Returns the pages of the listing of all objects whose key begins with `prefix`. A page is
    /// fetched only when [`Pages::next`] is called.
    fn pages<'a>(&'a self, prefix: &'a str) -> Pages<'a, Self> {
        Pages { store: self, prefix, after: None, ended: false }
    }

    /// Returns the first `limit` objects whose key begins with `prefix`, sorted by key. To learn
    /// whether there are more objects, pass one more than you need.
    ///
    /// # Errors
    /// The errors of [`ImageStore::list`].
    fn list_all(
        &self,
        prefix: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ObjectMeta>, StoreError>> + Send {
        async move {
            let mut found = Vec::new();
            let mut pages = self.pages(prefix);
            while found.len() < limit {
                let Some(page) = pages.next().await? else { break };
                found.extend(page);
            }
            found.truncate(limit);
            Ok(found)
        }
    }
}

impl<S: ImageStore + ?Sized> ImageStoreExt for S {}

/// The pages of a listing, returned by [`ImageStoreExt::pages`].
pub struct Pages<'a, S: ?Sized> {
    store: &'a S,
    prefix: &'a str,
    after: Option<StoreKey>,
    ended: bool,
}

impl<S: ImageStore + ?Sized> Pages<'_, S> {
    /// Returns the next page, which is never empty, or `None` at the end. After an error, or after the future was dropped, the
    /// next call fetches the same page again.
    ///
    /// # Errors
    /// The errors of [`ImageStore::list`].
    pub async fn next(&mut self) -> Result<Option<Vec<ObjectMeta>>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let page = self.store.list(self.prefix, self.after.as_ref()).await?;
        let Some(last) = page.last() else {
            self.ended = true;
            return Ok(None);
        };
        self.after = Some(last.key.clone());
        Ok(Some(page))
    }
}

impl<S: ?Sized> fmt::Debug for Pages<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("prefix", &self.prefix)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use std::sync::Arc;

    #[tokio::test]
    async fn the_comforts_work_through_a_trait_object() {
        let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
        let key = StoreKey::parse("a/b").unwrap();
        assert!(!store.exists(&key).await.unwrap());
        assert_eq!(store.put_bytes(&key, vec![1, 2, 3]).await.unwrap().size, 3);
        assert_eq!(store.get_bytes(&key, 3).await.unwrap(), [1, 2, 3].as_slice());
        assert!(matches!(store.get_bytes(&key, 2).await, Err(StoreError::TooLarge { .. })));
        assert!(store.exists(&key).await.unwrap());
    }

    #[tokio::test]
    async fn pages_join_without_gap_and_the_bound_of_a_listing_holds() {
        let store = MemoryStore::default();
        for n in 0..2_345 {
            store.create(&StoreKey::parse(&format!("n/{n:05}")).unwrap(), Bytes::new()).await.unwrap();
        }
        let mut pages = store.pages("n/");
        let (mut sizes, mut seen) = (Vec::new(), 0);
        while let Some(page) = pages.next().await.unwrap() {
            for meta in &page {
                assert_eq!(meta.key.as_str(), format!("n/{seen:05}"));
                seen += 1;
            }
            sizes.push(page.len());
        }
        assert_eq!((sizes, seen), (vec![1000, 1000, 345], 2_345));
        assert!(pages.next().await.unwrap().is_none());
        for limit in [0, 1, 1000, 1001, 2_345, 9_999] {
            assert_eq!(store.list_all("n/", limit).await.unwrap().len(), limit.min(2_345));
        }
    }
}
