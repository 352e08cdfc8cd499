//! Why a store in a bucket was not opened.

use ucupdate_store::{BoxError, StoreError, StoreKeyError};

/// Options of which no store can be made. Mend them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum S3OptionsError {
    /// The address of a bucket is no `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    #[error("expected `s3://BUCKET` or `s3://BUCKET/PREFIX`, found `{found}`")]
    Address {
        /// What was found.
        found: Box<str>,
    },
    /// The prefix could not be the beginning of a key.
    #[error("prefix `{found}` is none that keys can be put after")]
    Prefix {
        /// What was found.
        found: Box<str>,
        /// What is wrong with it.
        source: StoreKeyError,
    },
    /// The prefix is longer than S3 leaves room for before a key.
    #[error("prefix has {found} bytes, expected at most {limit}")]
    PrefixTooLong {
        /// Its bytes.
        found: usize,
        /// The most it may have.
        limit: usize,
    },
    /// Of two variables that belong together one is set.
    #[error("`{set}` is set and `{missing}` is not")]
    Variable {
        /// The one that is set.
        set: &'static str,
        /// The one that is missing.
        missing: &'static str,
    },
    /// The endpoint is no `http://` or `https://` address.
    #[error("expected an endpoint that begins with `http://` or `https://`, found `{found}`")]
    Endpoint {
        /// What was found.
        found: Box<str>,
    },
    /// Parts of no bytes, or of more than S3 takes.
    #[error("expected parts of 1 to {limit} bytes, found {found}")]
    PartBytes {
        /// What was found.
        found: usize,
        /// The most S3 takes.
        limit: usize,
    },
    /// A root certificate cannot be read, or the like.
    #[error("no connection can be made with these options")]
    Connection {
        /// What was found.
        source: BoxError,
    },
}

/// Why a store in a bucket was not opened: by what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum S3OpenError {
    /// The options are at fault.
    #[error(transparent)]
    Options(#[from] S3OptionsError),
    /// The server writes over an object that it was told not to write over: two servers of ours would undo each other's
    /// changes unseen. Take a server that honours `If-None-Match: *`.
    #[error(
        "{endpoint} does not honour `If-None-Match: *` (it wrote over `{probe}`): no store can be kept safely there"
    )]
    IgnoresConditions {
        /// The server.
        endpoint: Box<str>,
        /// The object that was to be written once and was written twice.
        probe: Box<str>,
    },
    /// The server does not know conditional writes at all, and says so. Take one that does.
    #[error("{endpoint} refuses `If-None-Match: *`: no store can be kept there")]
    RefusesConditions {
        /// The server.
        endpoint: Box<str>,
        /// What it said.
        source: BoxError,
    },
    /// The server does not keep the metadata of an object, by which a lost answer is settled. Take one that does.
    #[error("{endpoint} did not keep the metadata of `{probe}`: a lost answer could not be settled there")]
    ForgetsMetadata {
        /// The server.
        endpoint: Box<str>,
        /// The object that was written with metadata.
        probe: Box<str>,
    },
    /// The bucket could not be written to, read or deleted from.
    #[error("bucket `{bucket}` at {endpoint} cannot be used")]
    Bucket {
        /// The server.
        endpoint: Box<str>,
        /// The bucket.
        bucket: Box<str>,
        /// What went wrong.
        source: StoreError,
    },
}
