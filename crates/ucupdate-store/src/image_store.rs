//! The trait itself, with the contract that every store keeps, and what goes in and out of it.

use crate::error::StoreError;
use crate::key::StoreKey;
use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;
use std::{fmt, future, io};

/// Bytes that come in pieces of any size, also of none. After an error nothing more comes.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The most bytes [`ImageStore::create`] takes: 8 MiB.
pub const MAX_CREATE_BYTES: usize = 8 * 1024 * 1024;

/// The most objects one page of [`ImageStore::list`] holds.
pub const MAX_PAGE_OBJECTS: usize = 1000;

/// Keys and bytes that outlive the program.
///
/// # Contract
/// Whoever calls may rely on this, whatever the store; the conformance suite (feature `conformance`) makes a named test of
/// each sentence.
///
/// **Atomic.** A reader sees the object from before a write or the one from after it, whole, and never a part or a
/// mixture; this holds between tasks, between handles and, where a store can be opened more than once, between processes.
/// A read that has begun gives the bytes of one object or ends in an error. Of any number of `create`s of one key, from
/// anywhere, at most one succeeds.
///
/// **Durable.** When a writing call returns `Ok`, the effect survives the end of the program and, as far as the store's
/// medium promises, of the machine. (`MemoryStore` is the exception: it lasts as long as its last clone.) So does what
/// [`StoreError::AlreadyExists`] tells of.
///
/// **Read your writes.** What a writing call has acknowledged is seen by every `get`, `head` and `list` that begins
/// after it, through whatever handle.
///
/// **Safe to drop.** A future may be dropped at any point. If it was writing, the key holds the old object or the new one,
/// whole; work that was already under way may still turn it to the new one later. Nothing else is changed, and what was
/// staged is cleared away, at the latest when the store is next opened.
///
/// **Errors** are told apart by what the caller can do: see [`StoreError`], which says after which of them a write may
/// have happened all the same.
///
/// **Keys** are told apart by their bytes: objects whose keys differ in anything are different objects. A store that
/// cannot hold one key beside another (`a` beside `a/b`, or `a` beside `A`) refuses the later one with
/// [`StoreError::Conflict`] and leaves the earlier as it was.
///
/// **Bounded.** Memory in use does not grow with the size of an object in `put` and `get`, nor with the number of objects
/// in `list`. (Again `MemoryStore` is the exception.)
///
/// # Implementing it
/// The six methods are all there is; whatever else is comfortable is in [`ImageStoreExt`](crate::ImageStoreExt). Use
/// [`ObjectMeta::resolve`] for ranges. The crate's page shows a whole store.
#[async_trait]
pub trait ImageStore: fmt::Debug + Send + Sync + 'static {
    /// Writes a new object whole, or refuses an existing key and leaves its object as it was.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when an object is at the key; [`StoreError::TooLarge`] when there are more than
    /// [`MAX_CREATE_BYTES`]; otherwise see the contract.
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError>;

    /// Writes an object of any size whole, replacing what was there, and tells what [`head`](Self::head) would.
    ///
    /// The object begins to be seen after the last byte of the stream has been taken. A stream that is dropped with the
    /// future, or ends in an error, changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Input`] with the stream's error, when it has one; otherwise see the contract.
    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError>;

    /// Reads an object, or the part of it in `range`.
    ///
    /// The end of the range may lie beyond the end of the object: what there is comes. A range that begins at the end of
    /// the object, or ends where it begins, is empty and no error. [`Object::bytes`] gives exactly as many bytes as
    /// [`Object::range`] says or ends in an error: fewer bytes without an error do not happen.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when no object is at the key; [`StoreError::InvalidRange`] when the range begins after
    /// the end of the object or ends before it begins; otherwise see the contract.
    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError>;

    /// What is known of an object without reading it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when no object is at the key; otherwise see the contract.
    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError>;

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// Only those of the contract.
    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError>;

    /// One page of the objects whose key begins with `prefix`, sorted by key, those after `after`; empty at the end.
    ///
    /// The prefix is text, not a folder: `im` and `images/` both find `images/a`, and no key begins with `/`. The order
    /// is that of bytes. A page holds 1 to [`MAX_PAGE_OBJECTS`] objects, or none when there are no more; it may be
    /// shorter than the largest without being the last. `after` need not be the key of an object. An object written or
    /// deleted while pages are being fetched is listed or not; all others are listed exactly once.
    ///
    /// # Errors
    /// Only those of the contract; that nothing is found is none.
    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError>;
}

/// What is known of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMeta {
    /// Its key.
    pub key: StoreKey,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written, by the store's clock, to the second or better.
    pub modified: SystemTime,
}

impl ObjectMeta {
    /// What is known of the object at `key`.
    pub fn new(key: StoreKey, size: u64, modified: SystemTime) -> Self {
        Self { key, size, modified }
    }

    /// The bytes of this object that `range` stands for by the rules of [`ImageStore::get`]: all for `None`, and an end
    /// beyond the object drawn back to it.
    ///
    /// # Errors
    /// [`StoreError::InvalidRange`] when the range begins after the end of the object or ends before it begins.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use ucupdate_store::{ObjectMeta, StoreKey};
    ///
    /// let meta = ObjectMeta::new(StoreKey::parse("a").unwrap(), 10, SystemTime::now());
    /// assert_eq!(meta.resolve(None).unwrap(), 0..10);
    /// assert_eq!(meta.resolve(Some(4..u64::MAX)).unwrap(), 4..10);
    /// assert_eq!(meta.resolve(Some(10..12)).unwrap(), 10..10);
    /// assert!(meta.resolve(Some(11..12)).is_err());
    /// ```
    pub fn resolve(&self, range: Option<Range<u64>>) -> Result<Range<u64>, StoreError> {
        let range = range.unwrap_or(0..self.size);
        if range.start > range.end || range.start > self.size {
            return Err(StoreError::InvalidRange { key: self.key.clone(), range, size: self.size });
        }
        Ok(range.start..range.end.min(self.size))
    }
}

/// An object being read.
#[non_exhaustive]
pub struct Object {
    /// What is known of the whole object.
    pub meta: ObjectMeta,
    /// Which bytes follow: the range asked for, its end drawn back to the end of the object.
    pub range: Range<u64>,
    /// The bytes.
    pub bytes: ByteStream,
}

impl Object {
    /// An object of which the bytes of `range` follow, as [`ObjectMeta::resolve`] gave it.
    pub fn new(meta: ObjectMeta, range: Range<u64>, bytes: ByteStream) -> Self {
        Self { meta, range, bytes }
    }

    /// Reads all the bytes that follow, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when more than `limit` bytes follow; nothing is read then. [`StoreError::Unavailable`]
    /// with the stream's error when it breaks off, and when it ends early, which no store should do.
    pub async fn into_bytes(mut self, limit: usize) -> Result<Bytes, StoreError> {
        let size = self.range.end.saturating_sub(self.range.start);
        let key = self.meta.key;
        let Some(expected) = usize::try_from(size).ok().filter(|&size| size <= limit) else {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            return Err(StoreError::TooLarge { key, found: size, limit });
        };
        let broken = |error: io::Error| StoreError::unavailable(format!("reading `{key}`"), error);

        let mut pieces = Vec::new();
        let mut seen = 0_usize;
        while let Some(piece) = future::poll_fn(|cx| self.bytes.as_mut().poll_next(cx)).await {
            let piece = piece.map_err(broken)?;
            seen = seen.saturating_add(piece.len());
            if seen > expected {
                return Err(broken(io::Error::other(format!(
                    "more than the {expected} bytes announced came"
                ))));
            }
            pieces.push(piece);
        }
        if seen < expected {
            let kind = io::ErrorKind::UnexpectedEof;
            return Err(broken(io::Error::new(kind, format!("{seen} bytes came, expected {expected}"))));
        }
        Ok(joined(pieces))
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("meta", &self.meta).field("range", &self.range).finish_non_exhaustive()
    }
}

/// All the bytes of a stream, in memory: for stores of small objects. Bound what goes in before.
///
/// # Errors
/// The stream's own.
pub async fn collect(mut bytes: ByteStream) -> io::Result<Bytes> {
    let mut pieces = Vec::new();
    while let Some(piece) = future::poll_fn(|cx| bytes.as_mut().poll_next(cx)).await {
        pieces.push(piece?);
    }
    Ok(joined(pieces))
}

/// One piece is passed on as it is.
fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        1 => pieces.remove(0),
        _ => pieces.concat().into(),
    }
}

/// A stream of these bytes in one piece: what [`ImageStore::put`] takes when all is at hand.
pub fn stream_of(bytes: impl Into<Bytes>) -> ByteStream {
    struct Once(Option<Bytes>);

    impl Stream for Once {
        type Item = io::Result<Bytes>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(self.0.take().map(Ok))
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            let left = usize::from(self.0.is_some());
            (left, Some(left))
        }
    }

    Box::pin(Once(Some(bytes.into())))
}

macro_rules! stores_through {
    ($pointer:ident) => {
        #[async_trait]
        impl<S: ImageStore + ?Sized> ImageStore for $pointer<S> {
            async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
                (**self).create(key, bytes).await
            }

            async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
                (**self).put(key, bytes).await
            }

            async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
                (**self).get(key, range).await
            }

            async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
                (**self).head(key).await
            }

            async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
                (**self).delete(key).await
            }

            async fn list(
                &self,
                prefix: &str,
                after: Option<&StoreKey>,
            ) -> Result<Vec<ObjectMeta>, StoreError> {
                (**self).list(prefix, after).await
            }
        }
    };
}

stores_through!(Arc);
stores_through!(Box);

#[cfg(test)]
mod tests {
    use super::*;

    fn object(range: Range<u64>, bytes: ByteStream) -> Object {
        let key = StoreKey::parse("a").unwrap();
        Object::new(ObjectMeta::new(key, 10, SystemTime::UNIX_EPOCH), range, bytes)
    }

    #[tokio::test]
    async fn bytes_are_collected_up_to_the_limit() {
        assert_eq!(object(0..3, stream_of("abc")).into_bytes(3).await.unwrap(), "abc");
        assert_eq!(object(2..2, stream_of("")).into_bytes(0).await.unwrap(), "");
        let refused = object(0..3, stream_of("abc")).into_bytes(2).await;
        assert!(matches!(refused, Err(StoreError::TooLarge { found: 3, limit: 2, .. })));
    }

    #[tokio::test]
    async fn a_stream_that_is_not_as_long_as_it_said_is_an_error() {
        for (range, says) in
            [(0..4, "3 bytes came, expected 4"), (0..2, "more than the 2 bytes announced came")]
        {
            let Err(StoreError::Unavailable { source, .. }) =
                object(range, stream_of("abc")).into_bytes(9).await
            else {
                panic!("expected the store to be called unavailable");
            };
            assert_eq!(source.to_string(), says);
        }
    }

    #[test]
    fn a_range_is_drawn_back_to_the_object_and_may_be_empty() {
        let meta = ObjectMeta::new(StoreKey::parse("a").unwrap(), 10, SystemTime::UNIX_EPOCH);
        for (asked, given) in [
            (None, Some(0..10)),
            (Some(0..10), Some(0..10)),
            (Some(3..4), Some(3..4)),
            (Some(3..3), Some(3..3)),
            (Some(9..11), Some(9..10)),
            (Some(10..10), Some(10..10)),
            (Some(10..u64::MAX), Some(10..10)),
            (Some(11..11), None),
            (Some(11..20), None),
            (Some(Range { start: 5, end: 4 }), None),
        ] {
            assert_eq!(meta.resolve(asked.clone()).ok(), given, "{asked:?}");
        }
    }
}
