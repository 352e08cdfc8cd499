//! The store in the documentation of the crate. It is complete and keeps the contract.

use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use ucupdate_store::{
    ByteStream, ImageStore, MAX_CREATE_BYTES, MAX_PAGE_OBJECTS, Object, ObjectMeta, StoreError, StoreKey,
    async_trait, collect, stream_of,
};

#[derive(Debug, Default)]
struct MinimalStore {
    objects: Mutex<BTreeMap<StoreKey, (Bytes, SystemTime)>>,
}

impl MinimalStore {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<StoreKey, (Bytes, SystemTime)>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn meta(key: &StoreKey, (bytes, modified): &(Bytes, SystemTime)) -> ObjectMeta {
    ObjectMeta::new(key.clone(), bytes.len() as u64, *modified)
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

    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        // All bytes are collected before the object becomes visible.
        let whole = collect(bytes).await.map_err(|source| StoreError::Input { key: key.clone(), source })?;
        let object = (whole, SystemTime::now());
        let meta = meta(key, &object);
        self.objects().insert(key.clone(), object);
        Ok(meta)
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        let object = self.objects().get(key).cloned();
        let object = object.ok_or_else(|| StoreError::NotFound { key: key.clone() })?;
        let meta = meta(key, &object);
        let range = meta.resolve(range)?;
        let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
        let part = object.0.slice(at(range.start)..at(range.end));
        Ok(Object::new(meta, range, stream_of(part)))
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        let found = self.objects().get(key).map(|object| meta(key, object));
        found.ok_or_else(|| StoreError::NotFound { key: key.clone() })
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.objects().remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        let objects = self.objects();
        let asked = objects.iter().filter(|(key, _)| key.as_str().starts_with(prefix) && Some(*key) > after);
        Ok(asked.take(MAX_PAGE_OBJECTS).map(|(key, object)| meta(key, object)).collect())
    }
}

#[cfg(test)]
mod minimal_store_keeps_the_contract {
    ucupdate_store::conformance_suite!(super::MinimalStore::default());
}
