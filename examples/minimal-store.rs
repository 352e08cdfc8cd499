//! A store of one's own: a map behind a lock, held to the contract by the conformance suite.
//!
//! A real one would speak to a database or a bucket; what it must keep is written once, on [`ImageStore`].
//!
//! ```console
//! $ cargo test --example minimal-store
//! ```

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use ucupdate_store::{
    ByteStream, ImageStore, ImageStoreExt as _, MAX_CREATE_BYTES, Object, ObjectMeta, StoreError, StoreKey,
    stream_of,
};

/// Objects by key.
#[derive(Debug, Default)]
struct MinimalStore(Mutex<BTreeMap<StoreKey, (Bytes, SystemTime)>>);

impl MinimalStore {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<StoreKey, (Bytes, SystemTime)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &StoreKey) -> Result<(ObjectMeta, Bytes), StoreError> {
        let objects = self.objects();
        let (bytes, modified) = objects.get(key).ok_or_else(|| StoreError::NotFound { key: key.clone() })?;
        Ok((ObjectMeta::new(key.clone(), bytes.len() as u64, *modified), bytes.clone()))
    }
}

#[async_trait]
impl ImageStore for MinimalStore {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        if bytes.len() > MAX_CREATE_BYTES {
            let (found, limit) = (bytes.len() as u64, MAX_CREATE_BYTES as u64);
            return Err(StoreError::TooLarge { key: key.clone(), found, limit });
        }
        let mut objects = self.objects();
        if objects.contains_key(key) {
            return Err(StoreError::AlreadyExists { key: key.clone() });
        }
        objects.insert(key.clone(), (bytes, SystemTime::now()));
        Ok(())
    }

    async fn put(&self, key: &StoreKey, mut bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = bytes.next().await {
            whole.extend_from_slice(&chunk.map_err(|source| StoreError::Input { key: key.clone(), source })?);
        }
        self.objects().insert(key.clone(), (whole.freeze(), SystemTime::now()));
        Ok(self.find(key)?.0)
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        let (meta, bytes) = self.find(key)?;
        let range = meta.resolve(range)?;
        let at = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
        let part = bytes.slice(at(range.start)..at(range.end));
        Ok(Object::new(meta, range, stream_of(part)))
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        Ok(self.find(key)?.0)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.objects().remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        let objects = self.objects();
        let found = objects.iter().filter(|(key, _)| key.as_str().starts_with(prefix));
        let found = found.filter(|(key, _)| after.is_none_or(|after| *key > after)).take(1000);
        Ok(found.map(|(key, (bytes, at))| ObjectMeta::new(key.clone(), bytes.len() as u64, *at)).collect())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = MinimalStore::default();
    let key = StoreKey::parse("images/hello.txt")?;
    store.put_bytes(&key, "hello").await?;
    assert_eq!(store.get_bytes(&key, 100).await?, "hello");
    Ok(())
}

#[cfg(test)]
mod tests {
    ucupdate_store::conformance_suite!(super::MinimalStore::default());
}
