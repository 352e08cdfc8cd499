//! [`StoreMetrics`]: the time and the errors of the calls of a store.

use crate::metrics::histogram::Histogram;
use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use ucupdate_store::{ByteStream, ImageStore, Object, ObjectMeta, StoreError, StoreKey};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreOperation {
    Create,
    Put,
    Get,
    Head,
    Delete,
    List,
    Append,
}

impl StoreOperation {
    const ALL: [Self; 7] =
        [Self::Create, Self::Put, Self::Get, Self::Head, Self::Delete, Self::List, Self::Append];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Put => "put",
            Self::Get => "get",
            Self::Head => "head",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Append => "append",
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct StoreMetrics {
    times: [Histogram; StoreOperation::ALL.len()],
    errors: [AtomicU64; StoreOperation::ALL.len()],
}

impl StoreMetrics {
    pub(crate) fn watch(metrics: &Arc<Self>, store: Arc<dyn ImageStore>) -> Arc<dyn ImageStore> {
        Arc::new(WatchedStore { store, metrics: Arc::clone(metrics) })
    }

    pub(crate) fn read(&self) -> impl Iterator<Item = (StoreOperation, &Histogram, u64)> {
        StoreOperation::ALL.into_iter().map(|operation| {
            let at = operation as usize;
            (operation, &self.times[at], self.errors[at].load(Ordering::Relaxed))
        })
    }

    /// Waits for the result of a call of the store. Adds the duration of the call to the histogram
    /// of the operation. Counts an error, except one that only says that the object exists or does
    /// not exist.
    async fn timed<T>(
        &self,
        operation: StoreOperation,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let result = call.await;
        self.times[operation as usize].add(began.elapsed());
        // Errors that an object exists or does not exist are normal answers.
        let is_answer =
            matches!(result, Ok(_) | Err(StoreError::NotFound { .. } | StoreError::AlreadyExists { .. }));
        if !is_answer {
            self.errors[operation as usize].fetch_add(1, Ordering::Relaxed);
        }
        result
    }
}

/// A store whose calls are counted. The time of `get` ends when the object is open.
#[derive(Debug)]
struct WatchedStore {
    store: Arc<dyn ImageStore>,
    metrics: Arc<StoreMetrics>,
}

#[async_trait]
impl ImageStore for WatchedStore {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        self.metrics.timed(StoreOperation::Create, self.store.create(key, bytes)).await
    }

    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        self.metrics.timed(StoreOperation::Put, self.store.put(key, bytes)).await
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        self.metrics.timed(StoreOperation::Get, self.store.get(key, range)).await
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        self.metrics.timed(StoreOperation::Head, self.store.head(key)).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.metrics.timed(StoreOperation::Delete, self.store.delete(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        self.metrics.timed(StoreOperation::List, self.store.list(prefix, after)).await
    }

    async fn strays(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.store.strays(folder).await
    }

    fn can_append(&self) -> bool {
        self.store.can_append()
    }

    async fn append(&self, key: &StoreKey, at: u64, bytes: Bytes) -> Result<(), StoreError> {
        self.metrics.timed(StoreOperation::Append, self.store.append(key, at, bytes)).await
    }
}
