//! The trait [`ImageStore`] with its contract, and the types of its arguments and results.

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

/// A stream of bytes in pieces. A piece may have any size, including zero. The stream ends after
/// its first error. This error may contain a [`StoreError`]: see [`StoreError::of_bytes`].
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The largest object that [`ImageStore::create`] accepts: 8 MiB.
pub const MAX_CREATE_BYTES: usize = 8 * 1024 * 1024;

/// The largest number of objects in one page of [`ImageStore::list`].
pub const MAX_PAGE_OBJECTS: usize = 1000;

/// A store of objects. Each object is a sequence of bytes at a [`StoreKey`], and outlives the
/// program.
///
/// # Contract
/// Callers may rely on this contract with every store. The conformance suite (feature `conformance`) has a named test for
/// each sentence.
///
/// **Atomic.** A reader sees either the whole old object or the whole new object. It never sees a
/// part or a mixture. This holds between tasks, between handles and, where a store can be opened
/// more than once, between processes. A read that has begun returns the bytes of one object or ends
/// in an error. When several callers `create` the same key at the same time, at most one succeeds.
///
/// **Durable.** When a writing call returns `Ok`, its effect survives the end of the program. It also survives the end of
/// the machine, as far as the medium of the store promises that. An object that [`StoreError::AlreadyExists`] reports is
/// durable too. (`MemoryStore` is the exception: it lasts as long as its last clone.)
///
/// **Read your writes.** Every `get`, `head` and `list` that begins after a write was acknowledged sees that write, through
/// any handle.
///
/// **Safe to drop.** A future may be dropped at any point. After a dropped write the key holds the
/// whole old object or the whole new object. Work that was in flight may still replace the old
/// object later. Nothing else changes. Staged bytes are removed at the latest when the store is
/// opened the next time.
///
/// **Errors** differ by what the caller can do. [`StoreError`] documents the errors after which a write may have
/// happened.
///
/// **Keys** are compared by their bytes. Objects with different keys are different objects. A store that cannot contain
/// two keys together (`a` and `a/b`, or `a` and `A`) refuses the later key with [`StoreError::Conflict`] and does not
/// change the earlier object.
///
/// **Bounded.** The memory in use does not grow with the size of an object in `put` and `get`, nor with the number of
/// objects in `list`. (`MemoryStore` is again the exception.)
///
/// # Implementing a store
/// A store implements the six required methods. [`append`](Self::append) is optional: it is a cheap
/// way to let a log grow. Convenience methods are in [`ImageStoreExt`](crate::ImageStoreExt). Use
/// [`ObjectMeta::resolve`] for ranges. The page of this crate shows a complete store.
#[async_trait]
pub trait ImageStore: fmt::Debug + Send + Sync + 'static {
    /// Writes a new object with all of `bytes`. If an object is already at the key, returns an
    /// error and does not change that object.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when an object is at the key; [`StoreError::TooLarge`] when
    /// `bytes` is longer than [`MAX_CREATE_BYTES`]; any other failure: see [`StoreError`].
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError>;

    /// Writes a whole object of any size, and replaces an object that is already at the key.
    /// Returns the metadata that [`head`](Self::head) would return.
    ///
    /// The new object becomes visible after the last byte of the stream was read. If the stream
    /// ends in an error, or if the future is dropped before the end of the stream, nothing changes.
    ///
    /// # Errors
    /// [`StoreError::Input`] when the stream ends in an error, which is then the source; any other
    /// failure: see [`StoreError`].
    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError>;

    /// Reads an object, or the part of it in `range`.
    ///
    /// The range may end beyond the end of the object; the read then stops at the end of the object. A range is empty, and not
    /// an error, when it begins at the end of the object or ends where it begins. [`Object::bytes`] yields exactly as many bytes
    /// as [`Object::range`] says or ends in an error. It never ends early without an error.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when no object is at the key; [`StoreError::InvalidRange`] when the
    /// range begins after the end of the object or ends before it begins; any other failure: see
    /// [`StoreError`].
    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError>;

    /// Returns the metadata of an object without reading it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when no object is at the key; any other failure: see
    /// [`StoreError`].
    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError>;

    /// Removes an object. Succeeds also if no object is at the key.
    ///
    /// # Errors
    /// A missing object is not an error. Any other failure: see [`StoreError`].
    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError>;

    /// Returns one page of the objects whose key begins with `prefix` and comes after `after`, sorted by key.
    ///
    /// The prefix is text, not a folder: `im` and `images/` both match `images/a`. Keys sort by their bytes. A page holds 1 to
    /// [`MAX_PAGE_OBJECTS`] objects. An empty page means that there are no more. A page may be shorter than the maximum without
    /// being the last one. `after` does not have to be the key of an object. An object that is written or deleted while pages
    /// are being fetched may be listed or not; every other object is listed exactly once.
    ///
    /// # Errors
    /// An empty listing is not an error. A store in a folder fails with [`StoreError::Integrity`]
    /// if a link or a pipe is in place of the folder that `prefix` names: the objects below that
    /// folder cannot be known. Any other failure: see [`StoreError`].
    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError>;

    /// Returns the sorted paths of the entries in `folder` that are not objects: folders, links and
    /// pipes. [`list`](Self::list) does not return these entries. `folder` ends with `/`; an empty
    /// text is the root.
    ///
    /// Many stores write an object into a staging folder before it gets its name. The staging
    /// folder is not returned, but a file or a link with its name is. A store may bound the number
    /// of paths. A store that does not keep its objects in a file system returns none, as the
    /// default implementation does.
    ///
    /// # Errors
    /// The errors of [`list`](Self::list).
    async fn strays(&self, _folder: &str) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// Returns whether [`append`](Self::append) works. The default implementation returns `false`.
    fn can_append(&self) -> bool {
        false
    }

    /// Adds bytes to the end of an object that has exactly `at` bytes.
    ///
    /// Only the writer that wrote the object as a whole may append to it. When the call returns
    /// `Ok`, the object with the new bytes is durable.
    ///
    /// An append is not atomic: a reader may see the object with a part of the new bytes. After an
    /// error, a dropped future or the end of the program, the first `at` bytes are unchanged, and a
    /// part of the new bytes may follow. After a crash of the machine, other bytes may follow
    /// instead.
    ///
    /// A later [`put`](Self::put) replaces the whole object. If the new object is longer than `at`
    /// bytes, an append that is still in flight does not change the new object.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when no object is at the key; [`StoreError::Refused`] when the
    /// object does not have `at` bytes, or when the store cannot append at all or to this object;
    /// any other failure: see [`StoreError`].
    async fn append(&self, key: &StoreKey, _at: u64, _bytes: Bytes) -> Result<(), StoreError> {
        Err(StoreError::Refused { reason: format!("`{key}` is not written: the store cannot append").into() })
    }
}

/// The key, the size and the time of the last write of an object, as `put`, `head` and `list`
/// return them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMeta {
    /// The key of the object, as it was passed when the object was written.
    pub key: StoreKey,
    /// The size of the object in bytes.
    pub size: u64,
    /// The time of the last write by the store's clock, with a resolution of one second or better.
    pub modified: SystemTime,
    /// A number that changes with each write to the object, even if the time of the last write is set back. It may also change
    /// without a write of bytes, for example with the permissions of a file. It is 0 if the store knows no such number.
    pub write_mark: u64,
}

impl ObjectMeta {
    /// Creates the metadata of the object at `key`. The [`write_mark`](Self::write_mark) is 0.
    pub fn new(key: StoreKey, size: u64, modified: SystemTime) -> Self {
        Self { key, size, modified, write_mark: 0 }
    }

    /// Sets [`write_mark`](Self::write_mark), a number that changes with each write to the object.
    #[must_use]
    pub fn with_write_mark(self, write_mark: u64) -> Self {
        Self { write_mark, ..self }
    }

    /// Returns the part of this object that `range` selects by the rules of [`ImageStore::get`].
    /// `None` selects the whole object. An end beyond the object is reduced to the size of the
    /// object.
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

/// An object that is being read.
#[non_exhaustive]
pub struct Object {
    /// The metadata of the whole object, also when only a part is read.
    pub meta: ObjectMeta,
    /// The positions of the bytes that [`bytes`](Self::bytes) yields: the requested range, with its
    /// end reduced to the size of the object.
    pub range: Range<u64>,
    /// The stream of exactly the bytes in [`range`](Self::range).
    pub bytes: ByteStream,
}

impl Object {
    /// Creates the result of a [`get`](ImageStore::get). Writes nothing to a store. `bytes` yields
    /// exactly the bytes of `range`, which is a result of [`ObjectMeta::resolve`].
    pub fn new(meta: ObjectMeta, range: Range<u64>, bytes: ByteStream) -> Self {
        Self { meta, range, bytes }
    }

    /// Reads the whole stream into memory, if it has at most `limit` bytes.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when [`range`](Self::range) has more than `limit` bytes; nothing is
    /// read then. When the stream fails, the error that [`StoreError::of_bytes`] returns.
    /// [`StoreError::Unavailable`] when the stream yields fewer or more bytes than the range has.
    pub async fn into_bytes(mut self, limit: usize) -> Result<Bytes, StoreError> {
        let size = self.range.end.saturating_sub(self.range.start);
        let key = self.meta.key;
        let Some(expected) = usize::try_from(size).ok().filter(|&size| size <= limit) else {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            return Err(StoreError::TooLarge { key, found: size, limit });
        };
        let broken = |error: io::Error| StoreError::of_bytes(&key, error);

        // One piece is not copied. Several pieces are copied when they come, so that their memory is used again.
        let (mut only, mut joined) = (Bytes::new(), Vec::new());
        let mut seen = 0_usize;
        while let Some(piece) = future::poll_fn(|cx| self.bytes.as_mut().poll_next(cx)).await {
            let piece = piece.map_err(broken)?;
            seen = seen.saturating_add(piece.len());
            if seen > expected {
                return Err(broken(io::Error::other(format!(
                    "more than the {expected} bytes announced came"
                ))));
            }
            if piece.len() == expected {
                only = piece;
            } else {
                // A store may announce a wrong size. A large reservation needs no memory before
                // bytes are written to it. If it fails, the vector grows with the pieces.
                let _reserved = joined.try_reserve_exact(expected - joined.len());
                joined.extend_from_slice(&piece);
            }
        }
        if seen < expected {
            let kind = io::ErrorKind::UnexpectedEof;
            return Err(broken(io::Error::new(kind, format!("{seen} bytes came, expected {expected}"))));
        }
        Ok(if joined.is_empty() { only } else { joined.into() })
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("meta", &self.meta).field("range", &self.range).finish_non_exhaustive()
    }
}

/// Reads all bytes of a stream into memory. There is no limit: the caller bounds the size of the
/// stream.
///
/// # Errors
/// The error of the stream.
pub async fn collect(mut bytes: ByteStream) -> io::Result<Bytes> {
    let mut pieces = Vec::new();
    while let Some(piece) = future::poll_fn(|cx| bytes.as_mut().poll_next(cx)).await {
        pieces.push(piece?);
    }
    Ok(joined(pieces))
}

/// Joins the pieces; a single piece is not copied.
fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        1 => pieces.remove(0),
        _ => pieces.concat().into(),
    }
}

/// Returns a stream that yields `bytes` in one piece, for use with [`ImageStore::put`].
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

            async fn strays(&self, folder: &str) -> Result<Vec<String>, StoreError> {
                (**self).strays(folder).await
            }

            fn can_append(&self) -> bool {
                (**self).can_append()
            }

            async fn append(&self, key: &StoreKey, at: u64, bytes: Bytes) -> Result<(), StoreError> {
                (**self).append(key, at, bytes).await
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
