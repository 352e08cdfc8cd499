//! A store in memory that runs other code just before a call, as if another server was faster.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use ucupdate::store::{
    ByteStream, ImageStore, ImageStoreExt as _, MemoryStore, Object, ObjectMeta, StoreError, StoreKey,
};
use ucupdate::value::UnixTime;
use ucupdate_testkit::faulty::StoreCall;

type Other = Box<dyn FnOnce(Meanwhile) -> BoxFuture<'static, ()> + Send>;

struct Awaited {
    call: StoreCall,
    prefix: String,
    other: Other,
}

/// The store. Clones share the objects and the awaited call.
#[derive(Clone, Default)]
pub(crate) struct Meanwhile {
    pub(crate) store: MemoryStore,
    awaited: Arc<Mutex<Option<Awaited>>>,
    old: Arc<Mutex<HashSet<StoreKey>>>,
    /// The time by which the clock of the store is ahead of the clock of the machine.
    ahead: Arc<Mutex<Duration>>,
    /// The fixed time of the store, if there is one, and the times of the objects that were put since it was set.
    time: Arc<Mutex<Option<UnixTime>>>,
    times: Arc<Mutex<HashMap<StoreKey, UnixTime>>>,
}

impl Meanwhile {
    /// Runs `other` just before the next call of this kind for a key with this prefix.
    pub(crate) fn before<F>(
        &self,
        call: StoreCall,
        prefix: &str,
        other: impl FnOnce(Self) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let other: Other = Box::new(|store| Box::pin(other(store)));
        *self.awaited.lock().unwrap() = Some(Awaited { call, prefix: prefix.to_owned(), other });
    }

    pub(crate) fn has_happened(&self) -> bool {
        self.awaited.lock().unwrap().is_none()
    }

    pub(crate) async fn age(&self) {
        let there = self.store.list_all("", 10_000).await.unwrap();
        self.old.lock().unwrap().extend(there.into_iter().map(|meta| meta.key));
    }

    /// Makes all objects have their real age again.
    pub(crate) fn be_young(&self) {
        self.old.lock().unwrap().clear();
    }

    pub(crate) fn age_one(&self, key: &str) {
        self.old.lock().unwrap().insert(key.parse().unwrap());
    }

    /// Sets the clock of the store ahead. Existing objects keep their times.
    pub(crate) fn set_ahead(&self, time: Duration) {
        *self.ahead.lock().unwrap() = time;
    }

    /// Sets the time of the store. Objects that are put from now on get this time.
    pub(crate) fn set_time(&self, time: UnixTime) {
        *self.time.lock().unwrap() = Some(time);
    }

    async fn comes(&self, call: StoreCall, key: &str) {
        let is_it = |awaited: &mut Awaited| awaited.call == call && key.starts_with(&awaited.prefix);
        let awaited = self.awaited.lock().unwrap().take_if(is_it);
        if let Some(awaited) = awaited {
            (awaited.other)(self.clone()).await;
        }
    }
}

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}

#[async_trait]
impl ImageStore for Meanwhile {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        self.comes(StoreCall::Create, key.as_str()).await;
        self.store.create(key, bytes).await
    }

    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        self.comes(StoreCall::Put, key.as_str()).await;
        let mut written = self.store.put(key, bytes).await?;
        written.modified += *self.ahead.lock().unwrap();
        if let Some(time) = *self.time.lock().unwrap() {
            written.modified = SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_seconds().unsigned_abs());
            self.times.lock().unwrap().insert(key.clone(), time);
        }
        Ok(written)
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        self.comes(StoreCall::Get, key.as_str()).await;
        self.store.get(key, range).await
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        self.comes(StoreCall::Head, key.as_str()).await;
        self.store.head(key).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.comes(StoreCall::Delete, key.as_str()).await;
        self.store.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        self.comes(StoreCall::List, prefix).await;
        let mut page = self.store.list(prefix, after).await?;
        let old = self.old.lock().unwrap();
        let times = self.times.lock().unwrap();
        for meta in &mut page {
            if old.contains(&meta.key) {
                meta.modified -= Duration::from_secs(10 * 24 * 60 * 60);
            }
            if let Some(time) = times.get(&meta.key) {
                meta.modified =
                    SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_seconds().unsigned_abs());
            }
        }
        Ok(page)
    }
}
