//! Writes to stderr that a command waits for its store, and ends the wait after a time limit.

use crate::output::message_line;
use crate::output::progress::Progress;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use std::fmt::Display;
use std::io::{self, Write as _};
use std::ops::Range;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use ucupdate::store::{ByteStream, ImageStore, Object, ObjectMeta, StoreError, StoreKey};

/// The time after which a message about a wait is written.
const PATIENCE: Duration = Duration::from_secs(2);

/// The shortest time between two messages about waits.
const PAUSE: Duration = Duration::from_secs(10);

/// Writes messages about waits for one store. Clones share the time of the last message.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    store: Arc<str>,
    /// The longest time that a command waits for one answer of the store.
    pub(crate) limit: Duration,
    reported_at: Arc<Mutex<Option<Instant>>>,
    progress: Progress,
}

impl Waiting {
    pub(crate) fn new(store: &impl Display, limit: Duration, progress: Progress) -> Self {
        Self { store: store.to_string().into(), limit, reported_at: Arc::default(), progress }
    }

    /// Writes a message that a try failed and is repeated.
    #[cfg(feature = "s3")]
    pub(crate) fn report_failed_try(&self, reason: &str) {
        self.report(format_args!(
            "{}: {reason}; trying again for up to {} s (--timeout)",
            self.store,
            self.limit.as_secs()
        ));
    }

    /// Waits for an answer without a time limit. Writes a message if the wait is long. `what` is
    /// the operation, such as `opening it`.
    pub(crate) async fn for_answer<T>(&self, what: &str, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => return answer,
                () = sleep(PATIENCE) => self.report(format_args!("waiting for {}: {what}", self.store)),
            }
        }
    }

    /// Waits for an answer like [`for_answer`](Self::for_answer). Returns an error after the time
    /// limit.
    async fn within_limit<T>(
        &self,
        what: String,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        // A bucket has its own, shorter limit, whose error is more exact.
        match timeout(self.limit + PATIENCE, self.for_answer(&what, answer)).await {
            Ok(end) => end,
            Err(_) => Err(StoreError::unavailable(what, self.silence())),
        }
    }

    fn silence(&self) -> String {
        format!("no answer within {} s (--timeout)", self.limit.as_secs())
    }

    fn report(&self, message: impl Display) {
        let mut reported_at = self.reported_at.lock().unwrap_or_else(PoisonError::into_inner);
        if reported_at.is_some_and(|then| then.elapsed() < PAUSE) {
            return;
        }
        *reported_at = Some(Instant::now());
        // If stderr is closed, the message cannot be shown anywhere.
        let _closed =
            self.progress.around(|| io::stderr().write_all(message_line(&message.to_string()).as_bytes()));
    }
}

/// A store that wraps another one. Its calls have a time limit, and bytes that are read from it
/// count as progress.
#[derive(Debug)]
pub(crate) struct Awaited {
    store: Arc<dyn ImageStore>,
    waiting: Waiting,
}

impl Awaited {
    pub(crate) fn new(store: Arc<dyn ImageStore>, waiting: Waiting) -> Self {
        Self { store, waiting }
    }
}

/// Returns the number of a revision from its store key, such as 7 for
/// `state/revisions/00000000000000000007.json`. `None` for other keys. Each change creates one such
/// object.
fn revision_number(key: &StoreKey) -> Option<u64> {
    key.as_str().strip_prefix("state/revisions/")?.strip_suffix(".json")?.parse().ok()
}

#[async_trait]
impl ImageStore for Awaited {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        self.waiting.within_limit(format!("creating `{key}`"), self.store.create(key, bytes)).await?;
        if let Some(number) = revision_number(key) {
            self.waiting.progress.note_revision(number);
        }
        Ok(())
    }

    /// Writes an object without a time limit, because the input may be slow.
    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        self.waiting.for_answer(&format!("writing `{key}`"), self.store.put(key, bytes)).await
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        let what = format!("reading `{key}`");
        let object = self.waiting.within_limit(what.clone(), self.store.get(key, range)).await?;
        let bytes = stream::unfold(Some((object.bytes, self.waiting.clone(), what)), |state| async {
            let (mut bytes, waiting, what) = state?;
            let next = timeout(waiting.limit + PATIENCE, waiting.for_answer(&what, bytes.next())).await;
            match next {
                Ok(Some(Ok(piece))) => {
                    waiting.progress.add_read(piece.len());
                    Some((Ok(piece), Some((bytes, waiting, what))))
                }
                Ok(Some(Err(error))) => Some((Err(error), None)),
                Ok(None) => None,
                Err(_) => Some((Err(io::Error::new(io::ErrorKind::TimedOut, waiting.silence())), None)),
            }
        });
        Ok(Object::new(object.meta, object.range, Box::pin(bytes)))
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        self.waiting.within_limit(format!("looking for `{key}`"), self.store.head(key)).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.waiting.within_limit(format!("deleting `{key}`"), self.store.delete(key)).await?;
        // The file with the time zone of a log counts as a part of the log.
        if !key.as_str().ends_with(".zone") {
            self.waiting.progress.add_removed();
        }
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        self.waiting.within_limit(format!("listing `{prefix}`"), self.store.list(prefix, after)).await
    }

    async fn strays(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.waiting.within_limit(format!("listing `{folder}`"), self.store.strays(folder)).await
    }

    fn can_append(&self) -> bool {
        self.store.can_append()
    }

    async fn append(&self, key: &StoreKey, at: u64, bytes: Bytes) -> Result<(), StoreError> {
        self.waiting.within_limit(format!("writing `{key}`"), self.store.append(key, at, bytes)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate::store::{ImageStoreExt as _, MemoryStore};
    use ucupdate_testkit::faulty::{Faulty, StoreCall, StoreFault};

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_is_given_up_after_the_limit_with_what_was_waited_for() {
        let store = Arc::new(Faulty::new(MemoryStore::default()));
        let waiting = Waiting::new(&"file:here", Duration::from_secs(20), Progress::new(true));
        let awaited = Awaited::new(store.clone(), waiting);
        let key = StoreKey::parse("a").unwrap();
        awaited.put_bytes(&key, "text").await.unwrap();
        assert_eq!(awaited.get_bytes(&key, 9).await.unwrap(), "text");
        for call in [StoreCall::Get, StoreCall::Head, StoreCall::List, StoreCall::Create, StoreCall::Delete] {
            store.on(call).always(StoreFault::Hangs);
        }
        let began = Instant::now();
        for (end, what) in [
            (awaited.get_bytes(&key, 9).await.map(drop), "reading `a`"),
            (awaited.head(&key).await.map(drop), "looking for `a`"),
            (awaited.list("im", None).await.map(drop), "listing `im`"),
            (awaited.create(&key, Bytes::new()).await, "creating `a`"),
            (awaited.delete(&key).await, "deleting `a`"),
        ] {
            let error = ucupdate::store::error_chain(&end.unwrap_err());
            assert_eq!(error, format!("store unavailable: {what}: no answer within 20 s (--timeout)"));
        }
        assert_eq!(began.elapsed(), 5 * Duration::from_secs(22));
    }
}
