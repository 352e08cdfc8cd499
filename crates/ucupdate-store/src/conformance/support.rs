//! Helpers of the cases: bytes that reveal a mixture of objects, and streams that pause at a given point.

use crate::error::StoreError;
use crate::ext::ImageStoreExt;
use crate::image_store::{ByteStream, ImageStore};
use crate::key::StoreKey;
use bytes::Bytes;
use futures_util::future::{self, Either};
use futures_util::stream::{self, StreamExt};
use futures_util::task::AtomicWaker;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

/// Size in bytes of an object that is larger than any piece that a store returns.
pub(super) const LARGE: usize = 1024 * 1024 + 17;

const READ_LIMIT: usize = 16 * 1024 * 1024;

pub(super) fn key(text: &str) -> StoreKey {
    StoreKey::parse(text).expect("the cases use valid keys")
}

/// Returns bytes that depend on their position, so that a missing, moved or repeated byte is detected.
pub(super) fn pattern(len: usize) -> Bytes {
    (0..len).map(|at| u8::try_from((at / 251 + at) % 256).unwrap_or(0)).collect()
}

/// Returns one letter `len` times, so that a mixture of two objects is detected.
pub(super) fn letters(letter: u8, len: usize) -> Bytes {
    vec![letter; len].into()
}

pub(super) async fn read(store: &impl ImageStore, key: &StoreKey) -> Bytes {
    match store.get_bytes(key, READ_LIMIT).await {
        Ok(bytes) => bytes,
        Err(error) => panic!("reading `{key}` should give its object, but gave {error:?}"),
    }
}

/// Returns the bytes of the object, or `None` when no object is at the key. Panics on any other
/// error.
pub(super) async fn read_if_there(store: &impl ImageStore, key: &StoreKey) -> Option<Bytes> {
    match store.get_bytes(key, READ_LIMIT).await {
        Ok(bytes) => Some(bytes),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => panic!("reading `{key}` should give its object or nothing, but gave {error:?}"),
    }
}

pub(super) async fn write(store: &impl ImageStore, key: &StoreKey, bytes: impl Into<Bytes> + Send) {
    if let Err(error) = store.put_bytes(key, bytes).await {
        panic!("writing `{key}` should succeed, but gave {error:?}");
    }
}

pub(super) async fn keys(store: &impl ImageStore, prefix: &str) -> Vec<String> {
    match store.list_all(prefix, 10_000).await {
        Ok(found) => found.into_iter().map(|meta| meta.key.to_string()).collect(),
        Err(error) => panic!("listing `{prefix}` should succeed, but gave {error:?}"),
    }
}

pub(super) async fn assert_nothing_at(store: &impl ImageStore, key: &StoreKey) {
    let head = store.head(key).await;
    assert!(
        matches!(&head, Err(StoreError::NotFound { key: named }) if named == key),
        "head of `{key}`: {head:?}"
    );
    let get = store.get(key, None).await;
    assert!(
        matches!(&get, Err(StoreError::NotFound { key: named }) if named == key),
        "get of `{key}`: {get:?}"
    );
    let listed = keys(store, key.as_str()).await;
    assert!(!listed.contains(&key.to_string()), "`{key}` is listed and cannot be read");
}

pub(super) fn pieces(pieces: impl IntoIterator<Item = Bytes>) -> ByteStream {
    let pieces: Vec<_> = pieces.into_iter().map(Ok).collect();
    Box::pin(stream::iter(pieces))
}

/// Returns a stream of these bytes in pieces of uneven length, some of them empty.
pub(super) fn uneven(bytes: &Bytes) -> ByteStream {
    let mut rest = bytes.clone();
    let mut lengths = [1, 0, 511, 70_000, 3, 300_000, 4096].into_iter().cycle();
    pieces(std::iter::from_fn(move || {
        let length = lengths.next()?.min(rest.len());
        (!rest.is_empty()).then(|| rest.split_to(length))
    }))
}

/// Returns a stream that yields these bytes and then an error.
pub(super) fn broken_after(bytes: Bytes) -> ByteStream {
    let broken = stream::once(future::ready(Err(io::Error::other("the cable was pulled"))));
    Box::pin(pieces([bytes]).chain(broken))
}

/// The control of a stream that pauses between two pieces until [`open`](Self::open) is called.
#[derive(Default)]
pub(super) struct Gate {
    reached: AtomicBool,
    open: AtomicBool,
    caller: AtomicWaker,
    stream: AtomicWaker,
}

impl Gate {
    /// Returns a stream that yields `before`, waits until the gate is open, and then yields
    /// `after`.
    pub(super) fn stream(self: &Arc<Self>, before: Bytes, after: Bytes) -> ByteStream {
        let gate = Arc::clone(self);
        let wait = stream::poll_fn(move |cx| {
            gate.stream.register(cx.waker());
            gate.reached.store(true, Ordering::SeqCst);
            gate.caller.wake();
            if gate.open.load(Ordering::SeqCst) { Poll::Ready(None) } else { Poll::Pending }
        });
        Box::pin(pieces([before]).chain(wait).chain(pieces([after])))
    }

    /// Polls `work`, a call that reads the stream, until the stream waits at the gate.
    pub(super) async fn reached_by<F: Future + Unpin>(&self, work: &mut F)
    where
        F::Output: std::fmt::Debug,
    {
        let at_the_gate = pin!(future::poll_fn(|cx| {
            self.caller.register(cx.waker());
            if self.reached.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        }));
        if let Either::Left((ended, _)) = future::select(work, at_the_gate).await {
            panic!("the call ended before its bytes did: {ended:?}");
        }
    }

    pub(super) fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
        self.stream.wake();
    }
}

/// Polls `work` once, and then up to `turns` times more. Other tasks may run in between. Returns
/// the output of `work`. If `work` did not finish, drops it and returns `None`.
pub(super) async fn for_turns<F: Future>(turns: usize, work: F) -> Option<F::Output> {
    let mut left = turns;
    let out_of_turns = pin!(future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    match future::select(pin!(work), out_of_turns).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Polls `work` again and again for at most 20 seconds. Returns the output of `work`. If `work` did
/// not finish, drops it and returns `None`.
pub(super) async fn in_time<F: Future>(work: F) -> Option<F::Output> {
    let begin = Instant::now();
    let too_late = pin!(future::poll_fn(|cx| {
        if begin.elapsed() > Duration::from_secs(20) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    match future::select(pin!(work), too_late).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// A store that writes through one handle and reads through another one.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct Split<W, R> {
    pub(super) writes: W,
    pub(super) reads: R,
}

#[cfg(test)]
mod split {
    use super::Split;
    use crate::error::StoreError;
    use crate::image_store::{ByteStream, ImageStore, Object, ObjectMeta};
    use crate::key::StoreKey;
    use async_trait::async_trait;
    use bytes::Bytes;
    use std::ops::Range;

    #[async_trait]
    impl<W: ImageStore, R: ImageStore> ImageStore for Split<W, R> {
        async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
            self.writes.create(key, bytes).await
        }

        async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
            self.writes.put(key, bytes).await
        }

        async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
            self.reads.get(key, range).await
        }

        async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
            self.reads.head(key).await
        }

        async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
            self.writes.delete(key).await
        }

        async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
            self.reads.list(prefix, after).await
        }

        fn can_append(&self) -> bool {
            self.writes.can_append()
        }

        async fn append(&self, key: &StoreKey, at: u64, bytes: Bytes) -> Result<(), StoreError> {
            self.writes.append(key, at, bytes).await
        }
    }
}
