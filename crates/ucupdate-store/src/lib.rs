#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod ext;
mod image_store;
mod key;
#[cfg(any(test, feature = "fuzzing"))]
pub mod laws;
mod memory;
mod presign;
mod read_only;

/// The attribute that every `impl ImageStore` needs.
pub use async_trait::async_trait;
/// The bytes of an object, in a buffer that is cheap to clone.
pub use bytes::Bytes;
pub use error::{BoxError, StoreError, error_chain};
pub use ext::{ImageStoreExt, Pages};
pub use image_store::{
    ByteStream, ImageStore, MAX_CREATE_BYTES, MAX_PAGE_OBJECTS, Object, ObjectMeta, collect, stream_of,
};
pub use key::{MAX_KEY_BYTES, MAX_KEY_PART_BYTES, StoreKey, StoreKeyError};
pub use memory::MemoryStore;
pub use presign::Presign;
pub use read_only::ReadOnly;
