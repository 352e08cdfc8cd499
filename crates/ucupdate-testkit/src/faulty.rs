//! A wrapper of a store that makes chosen calls fail, as a script says.
//!
//! ```
//! use ucupdate_store::{ImageStoreExt, MemoryStore, StoreError, StoreKey};
//! use ucupdate_testkit::faulty::{StoreCall, StoreFault, Faulty};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//!
//! let store = Faulty::new(MemoryStore::default());
//! let key = StoreKey::parse("state/1").unwrap();
//! store.on(StoreCall::Put).below("state/").once(StoreFault::LostAnswer);
//!
//! let end = store.put_bytes(&key, "done all the same").await;
//! assert!(matches!(end, Err(StoreError::Unavailable { .. })));
//! assert_eq!(store.get_bytes(&key, 100).await.unwrap(), "done all the same");
//! assert_eq!(store.calls(StoreCall::Put), 1);
//! # });
//! ```

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, future, stream};
use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use ucupdate_store::{ByteStream, ImageStore, Object, ObjectMeta, StoreError, StoreKey, collect, stream_of};

/// The methods of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the methods of ImageStore")]
#[allow(missing_docs, reason = "the methods of ImageStore")]
pub enum StoreCall {
    Create,
    Put,
    Get,
    Head,
    Delete,
    List,
    Append,
}

/// A fault of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFault {
    /// The call has no effect and returns [`StoreError::Unavailable`].
    Unavailable,
    /// The call has no effect and returns [`StoreError::Backend`].
    Backend,
    /// The call has its effect, but returns [`StoreError::Unavailable`]. If the wrapped store
    /// fails, its own error is returned.
    LostAnswer,
    /// The call begins after this time, and then has no fault.
    Slow(Duration),
    /// The call has no effect and never returns.
    Hangs,
    /// The stream of a `get` returns an error after this number of bytes. A `put` reads this number
    /// of bytes, writes nothing and returns [`StoreError::Unavailable`]. An `append` adds only this
    /// number of bytes and returns the same error. Other calls are not affected.
    BreaksOff(u64),
    /// The stream of a `get` returns [`StoreError::Backend`] after this number of bytes, as on a bad sector of a disk. Other calls are not
    /// affected.
    BadSector(u64),
    /// The stream of a `get` ends after this number of bytes without an error, which breaks the contract of stores.
    /// Other calls are not affected.
    EndsEarly(u64),
    /// The stream of a `get` yields this number of bytes and then all bytes, which breaks the contract of stores. Other
    /// calls are not affected.
    IsTooLong(u64),
    /// A `put`, `create` or `append` writes the bytes with one bit changed, which breaks the contract of stores. Other calls are not
    /// affected.
    FlipsBit,
    /// A `create` replaces an existing object, which breaks the contract of stores. Other calls are not affected.
    Overwrites,
    /// A `list` returns no objects, which breaks the contract of stores. Other calls are not affected.
    ListsNothing,
}

/// A wrapper of a store that applies faults from a script and counts the calls. Clones share the script and the counts.
#[derive(Clone, Debug, Default)]
pub struct Faulty<S> {
    store: S,
    script: Arc<Mutex<StoreFaultScript>>,
}

#[derive(Debug, Default)]
struct StoreFaultScript {
    rules: Vec<StoreFaultRule>,
    calls: HashMap<StoreCall, usize>,
}

#[derive(Debug)]
struct StoreFaultRule {
    call: StoreCall,
    prefix: String,
    skipped: usize,
    times: Option<usize>,
    fault: StoreFault,
}

/// A fault that is being configured. [`Faulty::on`] returns it.
#[derive(Debug)]
#[must_use = "nothing goes wrong before `once`, `times` or `always`"]
pub struct StoreFaultBuilder<'a> {
    script: &'a Mutex<StoreFaultScript>,
    call: StoreCall,
    prefix: String,
    skipped: usize,
}

impl<S> Faulty<S> {
    /// Wraps a store. The script is empty at first, so every call succeeds.
    pub fn new(store: S) -> Self {
        Self { store, script: Arc::default() }
    }

    /// Begins to configure a fault for one kind of call. If several faults match a call, the one that was set first
    /// applies.
    pub fn on(&self, call: StoreCall) -> StoreFaultBuilder<'_> {
        StoreFaultBuilder { script: &self.script, call, prefix: String::new(), skipped: 0 }
    }

    /// Removes every fault.
    pub fn heal(&self) {
        script_of(&self.script).rules.clear();
    }

    /// Returns the number of calls of this kind so far. Calls with faults are included.
    pub fn calls(&self, call: StoreCall) -> usize {
        script_of(&self.script).calls.get(&call).copied().unwrap_or(0)
    }

    /// Returns the wrapped store.
    pub fn inner(&self) -> &S {
        &self.store
    }

    fn fault(&self, call: StoreCall, key: &str) -> Option<StoreFault> {
        let mut script = script_of(&self.script);
        *script.calls.entry(call).or_default() += 1;
        for rule in &mut script.rules {
            if rule.call != call || !key.starts_with(&rule.prefix) || rule.times == Some(0) {
                continue;
            }
            if rule.skipped > 0 {
                rule.skipped -= 1;
                continue;
            }
            rule.times = rule.times.map(|times| times - 1);
            return Some(rule.fault);
        }
        None
    }
}

fn script_of(script: &Mutex<StoreFaultScript>) -> MutexGuard<'_, StoreFaultScript> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StoreFaultBuilder<'_> {
    /// Restricts the fault to keys (for `list`: prefixes) that begin with `prefix`.
    pub fn below(self, prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..self }
    }

    /// Sets the number of matching calls that have no fault before the first one with the fault.
    /// Default: 0.
    pub fn after(self, calls: usize) -> Self {
        Self { skipped: calls, ..self }
    }

    /// Applies the fault to the next matching call.
    pub fn once(self, fault: StoreFault) {
        self.times(1, fault);
    }

    /// Applies the fault to the next `times` matching calls.
    pub fn times(self, times: usize, fault: StoreFault) {
        self.set(Some(times), fault);
    }

    /// Applies the fault to every matching call until [`Faulty::heal`].
    pub fn always(self, fault: StoreFault) {
        self.set(None, fault);
    }

    fn set(self, times: Option<usize>, fault: StoreFault) {
        let rule =
            StoreFaultRule { call: self.call, prefix: self.prefix, skipped: self.skipped, times, fault };
        script_of(self.script).rules.push(rule);
    }
}

/// Makes a call, with the fault that the script has for it.
async fn with<T>(
    fault: Option<StoreFault>,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match fault {
        None
        | Some(
            StoreFault::BreaksOff(_)
            | StoreFault::BadSector(_)
            | StoreFault::EndsEarly(_)
            | StoreFault::IsTooLong(_)
            | StoreFault::FlipsBit
            | StoreFault::Overwrites
            | StoreFault::ListsNothing,
        ) => call.await,
        Some(StoreFault::Unavailable) => Err(unavailable()),
        Some(StoreFault::Backend) => Err(backend()),
        Some(StoreFault::LostAnswer) => {
            call.await?;
            Err(unavailable())
        }
        Some(StoreFault::Slow(time)) => {
            tokio::time::sleep(time).await;
            call.await
        }
        Some(StoreFault::Hangs) => future::pending().await,
    }
}

fn unavailable() -> StoreError {
    StoreError::unavailable("being faulty", "the script said so")
}

#[async_trait]
impl<S: ImageStore> ImageStore for Faulty<S> {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        let fault = self.fault(StoreCall::Create, key.as_str());
        match fault {
            Some(StoreFault::FlipsBit) => self.store.create(key, with_bit_flipped(bytes)).await,
            Some(StoreFault::Overwrites) => self.store.put(key, stream_of(bytes)).await.map(drop),
            _ => with(fault, self.store.create(key, bytes)).await,
        }
    }

    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        let fault = self.fault(StoreCall::Put, key.as_str());
        if let Some(StoreFault::BreaksOff(after)) = fault {
            let mut taken = first(bytes, after);
            while let Some(piece) = taken.next().await {
                piece.map_err(|source| StoreError::Input { key: key.clone(), source })?;
            }
            return Err(unavailable());
        }
        if fault == Some(StoreFault::FlipsBit) {
            let bytes =
                collect(bytes).await.map_err(|source| StoreError::Input { key: key.clone(), source })?;
            return self.store.put(key, stream_of(with_bit_flipped(bytes))).await;
        }
        with(fault, self.store.put(key, bytes)).await
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        let fault = self.fault(StoreCall::Get, key.as_str());
        let mut object = with(fault, self.store.get(key, range)).await?;
        object.bytes = match fault {
            Some(StoreFault::BreaksOff(after)) => broken(object.bytes, after, "the script said so"),
            Some(StoreFault::BadSector(after)) => broken(object.bytes, after, backend()),
            Some(StoreFault::EndsEarly(after)) => first(object.bytes, after),
            Some(StoreFault::IsTooLong(after)) => {
                let all = collect(object.bytes)
                    .await
                    .map_err(|error| StoreError::backend("being faulty", error))?;
                Box::pin(first(stream_of(all.clone()), after).chain(stream_of(all)))
            }
            _ => object.bytes,
        };
        Ok(object)
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        with(self.fault(StoreCall::Head, key.as_str()), self.store.head(key)).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        with(self.fault(StoreCall::Delete, key.as_str()), self.store.delete(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        let fault = self.fault(StoreCall::List, prefix);
        let mut listed = with(fault, self.store.list(prefix, after)).await?;
        if fault == Some(StoreFault::ListsNothing) {
            listed.clear();
        }
        Ok(listed)
    }

    fn can_append(&self) -> bool {
        self.store.can_append()
    }

    async fn append(&self, key: &StoreKey, at: u64, bytes: Bytes) -> Result<(), StoreError> {
        let fault = self.fault(StoreCall::Append, key.as_str());
        match fault {
            Some(StoreFault::BreaksOff(after)) => {
                let part = bytes.slice(..bytes.len().min(usize::try_from(after).unwrap_or(usize::MAX)));
                self.store.append(key, at, part).await?;
                Err(unavailable())
            }
            Some(StoreFault::FlipsBit) => self.store.append(key, at, with_bit_flipped(bytes)).await,
            _ => with(fault, self.store.append(key, at, bytes)).await,
        }
    }

    /// This call never has a fault from the script. Faults of listings apply only to `list`.
    async fn strays(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.store.strays(folder).await
    }
}

fn with_bit_flipped(bytes: Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    if let Some(first) = bytes.first_mut() {
        *first ^= 1;
    }
    bytes.into()
}

fn backend() -> StoreError {
    StoreError::backend("being faulty", "the script said so")
}

/// Returns a stream of the first `after` bytes, followed by the error.
fn broken(
    bytes: ByteStream,
    after: u64,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> ByteStream {
    let error = Err(io::Error::other(error));
    Box::pin(first(bytes, after).chain(stream::once(future::ready(error))))
}

fn first(bytes: ByteStream, most: u64) -> ByteStream {
    Box::pin(stream::unfold((bytes, most), |(mut bytes, left)| async move {
        if left == 0 {
            // A disk pauses here too, so a server sends the bytes before it finds that there are no
            // more.
            tokio::task::yield_now().await;
            return None;
        }
        let piece = bytes.next().await?.map(|mut piece| {
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            piece
        });
        let taken = piece.as_ref().map_or(0, |piece| u64::try_from(piece.len()).unwrap_or(u64::MAX));
        Some((piece, (bytes, left - taken.min(left))))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_store::{ImageStoreExt, MemoryStore};

    mod without_a_fault_it_keeps_the_contract {
        ucupdate_store::conformance_suite!(
            crate::faulty::Faulty::new(ucupdate_store::MemoryStore::default())
        );
    }

    mod without_a_fault_it_keeps_the_contract_as_a_trait_object {
        use ucupdate_store::{ImageStore, MemoryStore};
        ucupdate_store::conformance_suite!({
            let around: std::sync::Arc<dyn ImageStore> = std::sync::Arc::new(MemoryStore::default());
            std::sync::Arc::new(crate::faulty::Faulty::new(around)) as std::sync::Arc<dyn ImageStore>
        });
    }

    fn key(text: &str) -> StoreKey {
        StoreKey::parse(text).unwrap()
    }

    #[tokio::test]
    async fn faults_come_when_and_where_the_script_says() {
        let store = Faulty::new(MemoryStore::default());
        store.on(StoreCall::Create).below("a/").after(1).times(2, StoreFault::Backend);
        let mut ends = Vec::new();
        for text in ["a/1", "b/1", "a/2", "b/2", "a/3", "a/4"] {
            ends.push(store.create(&key(text), Bytes::new()).await.is_ok());
        }
        assert_eq!(ends, [true, true, false, true, false, true]);
        assert_eq!(store.calls(StoreCall::Create), 6);

        store.on(StoreCall::Head).always(StoreFault::Unavailable);
        for _ in 0..3 {
            assert!(matches!(store.head(&key("a/1")).await, Err(StoreError::Unavailable { .. })));
        }
        store.heal();
        assert!(store.exists(&key("a/1")).await.unwrap());
    }

    #[tokio::test]
    async fn a_lost_answer_is_an_error_and_the_work_is_done() {
        let store = Faulty::new(MemoryStore::default());
        store.on(StoreCall::Create).once(StoreFault::LostAnswer);
        assert!(store.create(&key("a"), "x".into()).await.unwrap_err().may_have_written());
        assert_eq!(store.inner().get_bytes(&key("a"), 9).await.unwrap(), "x");
    }

    #[tokio::test]
    async fn bytes_break_off_or_end_early() {
        let store = Faulty::new(MemoryStore::default());
        store.put_bytes(&key("a"), "0123456789").await.unwrap();

        store.on(StoreCall::Get).once(StoreFault::BreaksOff(4));
        let pieces: Vec<_> = store.get(&key("a"), None).await.unwrap().bytes.collect().await;
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0].as_ref().unwrap(), "0123");
        assert!(pieces[1].is_err());

        store.on(StoreCall::Get).once(StoreFault::EndsEarly(4));
        let pieces: Vec<_> = store.get(&key("a"), None).await.unwrap().bytes.collect().await;
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].as_ref().unwrap(), "0123");

        store.on(StoreCall::Put).once(StoreFault::BreaksOff(4));
        assert!(matches!(store.put_bytes(&key("a"), "new").await, Err(StoreError::Unavailable { .. })));
        assert_eq!(store.get_bytes(&key("a"), 10).await.unwrap(), "0123456789");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_store_answers_late_and_a_hanging_one_never() {
        let store = Faulty::new(MemoryStore::default());
        let hour = Duration::from_secs(3600);
        store.on(StoreCall::Delete).once(StoreFault::Slow(hour));
        let began = tokio::time::Instant::now();
        store.delete(&key("a")).await.unwrap();
        assert_eq!(began.elapsed(), hour);
        store.on(StoreCall::Delete).once(StoreFault::Hangs);
        assert!(tokio::time::timeout(hour, store.delete(&key("a"))).await.is_err());
    }
}
