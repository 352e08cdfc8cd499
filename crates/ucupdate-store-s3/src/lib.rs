#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backoff;
mod body;
mod cause;
mod connect;
mod download;
mod error;
mod options;
mod remote;
mod s3_store;
mod upload;

pub use error::{S3OpenError, S3OptionsError};
pub use options::{Credentials, S3Options};
pub use s3_store::S3Store;

// Callers of `S3Store::with_object_store` need the builder of the same version.
pub use object_store;
