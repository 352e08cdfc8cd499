//! `ImageStore`: keys and bytes that outlive the program.

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use std::fmt;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::time::SystemTime;

/// Bytes that come in pieces.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The most bytes [`ImageStore::create`] takes.
pub const MAX_CREATE_BYTES: usize = 8 * 1024 * 1024;

/// Keys and bytes that outlive the program.
#[async_trait]
pub trait ImageStore: fmt::Debug + Send + Sync + 'static {
    /// Writes a new object whole, or refuses an existing key.
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError>;
    /// Writes an object of any size whole, replacing what was there.
    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError>;
    /// Reads an object, or the part of it in `range`.
    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError>;
    /// What is known of an object without reading it.
    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError>;
    /// Removes an object; one that is not there is no error.
    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError>;
    /// One page of the objects whose key begins with `prefix`, sorted by key, those after `after`; empty at the end.
    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError>;
}

/// A key, parsed once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey(Box<str>);

/// What is known of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMeta {
    /// Its key.
    pub key: StoreKey,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: SystemTime,
}

/// An object being read.
#[non_exhaustive]
pub struct Object {
    /// What is known of the whole object.
    pub meta: ObjectMeta,
    /// Which bytes follow.
    pub range: Range<u64>,
    /// The bytes.
    pub bytes: ByteStream,
}

/// Why a store did not do what was asked: by what the caller can do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No object at the key.
    #[error("no object at `{key}`")]
    NotFound {
        /// The key.
        key: StoreKey,
    },
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
