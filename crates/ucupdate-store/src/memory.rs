//! A store in memory, for tests and for programs that keep nothing on disk.

use crate::error::StoreError;
use crate::image_store::{
    ByteStream, ImageStore, MAX_CREATE_BYTES, MAX_PAGE_OBJECTS, Object, ObjectMeta, collect, stream_of,
};
use crate::key::StoreKey;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Bound, Range};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::SystemTime;

/// An [`ImageStore`] in memory. Clones share their objects. The objects last as long as the last clone.
///
/// Like a folder, the store refuses a key together with a key below it (`a` and `a/b`). It accepts
/// keys that differ only in case (`a` and `A`), which some file systems cannot hold together. The
/// store does not limit its memory use.
///
/// ```
/// use ucupdate_store::{ImageStore, ImageStoreExt, MemoryStore, StoreError, StoreKey};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
///
/// let store = MemoryStore::default();
/// let key = StoreKey::parse("state/revisions/1.json").unwrap();
/// store.create(&key, "first".into()).await.unwrap();
/// let second = store.create(&key, "second".into()).await;
/// assert!(matches!(second, Err(StoreError::AlreadyExists { .. })));
/// assert_eq!(store.clone().get_bytes(&key, 100).await.unwrap(), "first");
/// # });
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    objects: Arc<RwLock<BTreeMap<StoreKey, MemoryObject>>>,
}

#[derive(Clone)]
struct MemoryObject {
    bytes: Bytes,
    modified: SystemTime,
}

impl MemoryStore {
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<StoreKey, MemoryObject>> {
        // A change is one insertion or one removal, so the map is valid even after a panic.
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<StoreKey, MemoryObject>> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &StoreKey) -> Result<(ObjectMeta, Bytes), StoreError> {
        match self.read().get(key) {
            Some(kept) => Ok((meta(key, kept), kept.bytes.clone())),
            None => Err(StoreError::NotFound { key: key.clone() }),
        }
    }
}

#[async_trait]
impl ImageStore for MemoryStore {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        if bytes.len() > MAX_CREATE_BYTES {
            return Err(StoreError::TooLarge {
                key: key.clone(),
                found: size_of(&bytes),
                limit: MAX_CREATE_BYTES as u64,
            });
        }
        let mut objects = self.write();
        if objects.contains_key(key) {
            return Err(StoreError::AlreadyExists { key: key.clone() });
        }
        refuse_conflict(&objects, key)?;
        objects.insert(key.clone(), MemoryObject { bytes, modified: SystemTime::now() });
        Ok(())
    }

    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        let whole = collect(bytes).await.map_err(|source| StoreError::Input { key: key.clone(), source })?;
        let kept = MemoryObject { bytes: whole, modified: SystemTime::now() };
        let meta = meta(key, &kept);
        let mut objects = self.write();
        refuse_conflict(&objects, key)?;
        objects.insert(key.clone(), kept);
        Ok(meta)
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        let (meta, bytes) = self.find(key)?;
        let range = meta.resolve(range)?;
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let part = bytes.slice(place(range.start)..place(range.end));
        Ok(Object::new(meta, range, stream_of(part)))
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        self.find(key).map(|(meta, _)| meta)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.write().remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        let first = match after {
            Some(after) if after.as_str() >= prefix => Bound::Excluded(after.as_str()),
            _ => Bound::Included(prefix),
        };
        let objects = self.read();
        let page = objects
            .range::<str, _>((first, Bound::Unbounded))
            .take_while(|(key, _)| key.as_str().starts_with(prefix))
            .take(MAX_PAGE_OBJECTS);
        Ok(page.map(|(key, kept)| meta(key, kept)).collect())
    }

    fn can_append(&self) -> bool {
        true
    }

    async fn append(&self, key: &StoreKey, at: u64, bytes: Bytes) -> Result<(), StoreError> {
        let mut objects = self.write();
        let Some(kept) = objects.get_mut(key) else { return Err(StoreError::NotFound { key: key.clone() }) };
        let size = size_of(&kept.bytes);
        if size != at {
            return Err(StoreError::other_size(key, size, at));
        }
        *kept = MemoryObject { bytes: [&*kept.bytes, &*bytes].concat().into(), modified: SystemTime::now() };
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("objects", &self.read().len()).finish()
    }
}

fn meta(key: &StoreKey, kept: &MemoryObject) -> ObjectMeta {
    ObjectMeta::new(key.clone(), size_of(&kept.bytes), kept.modified)
}

fn size_of(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Refuses `a` together with `a/b`, because a folder cannot contain a file and a folder of the same name.
fn refuse_conflict(objects: &BTreeMap<StoreKey, MemoryObject>, key: &StoreKey) -> Result<(), StoreError> {
    let conflict = |other: &str| Err(StoreError::Conflict { key: key.clone(), other: other.into() });
    for folder in key.folders() {
        if objects.contains_key(folder) {
            return conflict(folder);
        }
    }
    let below = format!("{key}/");
    let next = objects.range::<str, _>((Bound::Included(below.as_str()), Bound::Unbounded)).next();
    match next {
        Some((other, _)) if other.as_str().starts_with(&below) => conflict(other.as_str()),
        _ => Ok(()),
    }
}
