//! Runs the proofs at the size of a test, and checks that mutants make them fail.

#![cfg(feature = "prove")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;
use ucupdate::s3::Credentials;
use ucupdate_store::{
    ByteStream, ImageStore, ImageStoreExt as _, Object, ObjectMeta, StoreError, StoreKey, collect, stream_of,
};
use ucupdate_testkit::prove::operations::{crashes, faults, kills, log_rows};
use ucupdate_testkit::prove::outages;
use ucupdate_testkit::prove::{Operation, ProofRow, Scale};
use ucupdate_testkit::s3::{BUCKET, Bucket, KEY_ID, S3Server, SECRET};

/// Returns the program that runs as a child process of the proofs.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ucupdate-testkit"))
}

#[track_caller]
fn hold(rows: &[ProofRow]) {
    let failed: Vec<_> = rows.iter().filter(|row| !row.holds).map(ToString::to_string).collect();
    assert!(!rows.is_empty() && failed.is_empty(), "{failed:#?}");
}

#[tokio::test]
#[ignore = "slow; .ci/run runs it"]
async fn a_power_cut_anywhere_leaves_an_operation_done_or_not_done() {
    hold(&crashes::points(&Scale::small()).await);
}

#[tokio::test]
#[ignore = "takes minutes; .ci/run runs it"]
async fn with_a_sync_left_out_or_a_name_made_too_soon_an_operation_is_found_half_done() {
    hold(&crashes::mutants(&Scale::small()).await);
}

#[tokio::test]
#[ignore = "slow; .ci/run runs it"]
async fn a_sync_that_fails_loses_nothing_that_was_acknowledged() {
    hold(&crashes::failed_syncs(&Scale::small()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; .ci/run runs it"]
async fn a_request_that_goes_wrong_leaves_an_operation_done_or_not_done() {
    hold(&faults::rows(&Scale::small(), None).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow; .ci/run runs it"]
async fn faults_are_put_on_the_way_to_another_server() {
    let server = S3Server::start(Bucket::default()).await;
    let buckets = faults::Buckets::At {
        address: server.endpoint().replace("http://", ""),
        bucket: BUCKET.into(),
        credentials: Credentials::keys(KEY_ID, SECRET),
        region: "us-east-1".into(),
    };
    let tried =
        faults::fault_points(Operation::Approve, &Scale::small(), &buckets, |store| store).await.unwrap();
    assert!(tried.points > 40 && tried.acknowledged < tried.points, "{tried:?}");
    assert_eq!(server.bucket().keys(), Vec::<String>::new(), "nothing is left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_loses_nothing_that_it_acknowledged() {
    hold(&kills::rows(&Scale::small(), None, program()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_rows_are_whole_and_in_order_at_any_moment() {
    hold(&log_rows::rows(&Scale::small(), None, program()).await);
}

#[tokio::test]
async fn a_revision_that_is_there_before_its_images_is_found() {
    let scale = Scale::small();
    for operation in [Operation::FirstIngest, Operation::NextIngest] {
        let run_on = |disk| -> Arc<dyn ucupdate_store_local::Disk> { Arc::new(disk) };
        let found = crashes::crash_points(operation, &scale, run_on, images_last).await.unwrap_err();
        assert!(found.ends_with(", which is missing"), "{found}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow; .ci/run runs it"]
async fn a_revision_that_is_there_before_its_images_is_found_on_the_wire_too() {
    let buckets = faults::Buckets::InProcess;
    let found = faults::fault_points(Operation::FirstIngest, &Scale::small(), &buckets, images_last).await;
    let found = found.unwrap_err();
    assert!(found.contains(", which is missing"), "{found}");
}

#[tokio::test]
async fn rows_that_are_acknowledged_before_they_are_written_are_missed() {
    let run_on = |disk| -> Arc<dyn ucupdate_store_local::Disk> { Arc::new(disk) };
    let rows_late = |store| -> Arc<dyn ImageStore> { Arc::new(Behind::new("Logs/", store)) };
    let found = crashes::crash_points(Operation::FlushAudit, &Scale::small(), run_on, rows_late).await;
    let found = found.unwrap_err();
    assert!(found.contains("rows are in the log, expected"), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow; .ci/run runs it"]
async fn a_swapped_history_a_wrong_clock_and_a_hung_store_cost_nothing() {
    hold(&outages::rows(&Scale::small()).await);
}

#[tokio::test]
async fn a_server_that_does_not_see_a_swapped_history_is_found() {
    let mutant = |store| -> Arc<dyn ImageStore> { Arc::new(Remembering::new(store)) };
    let found = outages::swapped_histories(&Scale::small(), &mutant).await.unwrap_err().to_string();
    assert!(found.contains("notices"), "{found}");
}

#[tokio::test]
async fn a_server_that_reckons_by_its_own_clock_is_found() {
    let mutant = |store| -> Arc<dyn ImageStore> { Arc::new(Ahead(store)) };
    let found = outages::wrong_clocks(&Scale::small(), &mutant).await.unwrap_err().to_string();
    assert!(found.contains("keeps packages"), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow; .ci/run runs it"]
async fn a_server_that_does_not_see_that_its_store_hangs_is_found() {
    let mutant = |store| -> Arc<dyn ImageStore> { Arc::new(Remembering::new(store)) };
    let found = outages::hung_stores(&mutant).await.unwrap_err().to_string();
    assert!(found.contains("stops offers"), "{found}");
}

/// A store that repeats its first answer to each read below `state/`.
#[derive(Debug)]
struct Remembering {
    store: Arc<dyn ImageStore>,
    seen: Mutex<BTreeMap<StoreKey, Option<Bytes>>>,
}

impl Remembering {
    fn new(store: Arc<dyn ImageStore>) -> Self {
        Self { store, seen: Mutex::default() }
    }
}

#[async_trait]
impl ImageStore for Remembering {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        self.store.create(key, bytes).await
    }

    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        self.store.put(key, bytes).await
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        if !key.as_str().starts_with("state/") {
            return self.store.get(key, range).await;
        }
        let seen = self.seen.lock().unwrap().get(key).cloned();
        let seen = match seen {
            Some(seen) => seen,
            None => {
                let read = self.store.get_bytes(key, 1 << 20).await.ok();
                self.seen.lock().unwrap().insert(key.clone(), read.clone());
                read
            }
        };
        let bytes = seen.ok_or_else(|| StoreError::NotFound { key: key.clone() })?;
        let meta = ObjectMeta::new(key.clone(), bytes.len() as u64, SystemTime::UNIX_EPOCH);
        Ok(Object::new(meta, 0..bytes.len() as u64, stream_of(bytes)))
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        self.get(key, None).await.map(|object| object.meta)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        self.store.list(prefix, after).await
    }
}

/// A store that reports the times of new objects by a clock that is 400 days ahead.
#[derive(Debug)]
struct Ahead(Arc<dyn ImageStore>);

#[async_trait]
impl ImageStore for Ahead {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        self.0.create(key, bytes).await
    }

    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        let mut written = self.0.put(key, bytes).await?;
        written.modified += std::time::Duration::from_secs(400 * 24 * 60 * 60);
        Ok(written)
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        self.0.get(key, range).await
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        self.0.head(key).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.0.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        self.0.list(prefix, after).await
    }
}

fn images_last(store: Arc<dyn ImageStore>) -> Arc<dyn ImageStore> {
    Arc::new(Behind::new("images/", store))
}

/// A store that acknowledges each `put` below a prefix, but writes the object only after the next object was created.
#[derive(Debug)]
struct Behind {
    prefix: &'static str,
    store: Arc<dyn ImageStore>,
    held: Mutex<BTreeMap<StoreKey, Bytes>>,
}

impl Behind {
    fn new(prefix: &'static str, store: Arc<dyn ImageStore>) -> Self {
        Self { prefix, store, held: Mutex::default() }
    }

    fn held(&self, key: &StoreKey) -> Option<(ObjectMeta, Bytes)> {
        let bytes = self.held.lock().unwrap().get(key).cloned()?;
        Some((ObjectMeta::new(key.clone(), bytes.len() as u64, SystemTime::now()), bytes))
    }
}

#[async_trait]
impl ImageStore for Behind {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        self.store.create(key, bytes).await?;
        let held = std::mem::take(&mut *self.held.lock().unwrap());
        for (key, bytes) in held {
            self.store.put_bytes(&key, bytes).await?;
        }
        Ok(())
    }

    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        if !key.as_str().starts_with(self.prefix) {
            return self.store.put(key, bytes).await;
        }
        let bytes = collect(bytes).await.unwrap();
        let size = bytes.len() as u64;
        self.held.lock().unwrap().insert(key.clone(), bytes);
        Ok(ObjectMeta::new(key.clone(), size, SystemTime::now()))
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        match self.held(key) {
            Some((meta, bytes)) => {
                let range = 0..meta.size;
                Ok(Object::new(meta, range, stream_of(bytes)))
            }
            None => self.store.get(key, range).await,
        }
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        match self.held(key) {
            Some((meta, _)) => Ok(meta),
            None => self.store.head(key).await,
        }
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.held.lock().unwrap().remove(key);
        self.store.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        self.store.list(prefix, after).await
    }
}
