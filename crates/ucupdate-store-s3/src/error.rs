//! Errors of opening a store in a bucket.

use ucupdate_store::{BoxError, StoreError, StoreKeyError};

/// The reason why options cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum S3OptionsError {
    /// The address is not of the form `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    #[error("expected `s3://BUCKET` or `s3://BUCKET/PREFIX`, found `{found}`")]
    Address { found: Box<str> },
    /// The prefix is not a valid start of a key.
    #[error("the prefix `{found}` is not a valid start of a key")]
    Prefix { found: Box<str>, source: StoreKeyError },
    /// The prefix is longer than 255 bytes.
    #[error("the prefix has {found} bytes, expected at most {limit}")]
    PrefixTooLong { found: usize, limit: usize },
    /// Two environment variables belong together, and only one of them is set.
    #[error("the variable `{set}` is set and `{missing}` is not, expected both or neither")]
    Variable { set: &'static str, missing: &'static str },
    /// The endpoint is not an `http://` or `https://` URL.
    #[error("the endpoint is `{found}`, expected a URL that begins with `http://` or `https://`")]
    Endpoint { found: Box<str> },
    /// The part size is zero or too large.
    #[error("the part size is {found} bytes, expected 1 to {limit}")]
    PartBytes { found: usize, limit: usize },
    /// An HTTP client cannot be made with the options, for example because a root certificate
    /// cannot be read.
    #[error("no connection can be made with these options of the bucket")]
    Connection { source: BoxError },
}

/// The reason why a store in a bucket was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum S3OpenError {
    /// The options cannot be used.
    #[error(transparent)]
    Options(#[from] S3OptionsError),
    /// The server overwrites an object although the request forbids it. Two servers would undo each other's changes without
    /// notice. Use a server that honours `If-None-Match: *`.
    #[error(
        "{endpoint} does not honour `If-None-Match: *` (it overwrote `{probe}`), so it cannot hold a store; use a server that supports conditional writes"
    )]
    IgnoresConditions { endpoint: Box<str>, probe: Box<str> },
    /// The server refuses conditional writes. Use a server that supports them.
    #[error(
        "{endpoint} refuses `If-None-Match: *`, so it cannot hold a store; use a server that supports conditional writes"
    )]
    RefusesConditions { endpoint: Box<str>, source: BoxError },
    /// The server does not keep the metadata of objects. The store needs it to find out whether a
    /// write without an answer was done. Use a server that keeps it.
    #[error("{endpoint} did not keep the metadata of `{probe}`, which is needed after a lost answer")]
    ForgetsMetadata { endpoint: Box<str>, probe: Box<str> },
    /// The server does not respond, or refuses to write, read or delete an object in the bucket.
    /// The source says why.
    #[error("bucket `{bucket}` at {endpoint} cannot be used")]
    Bucket { endpoint: Box<str>, bucket: Box<str>, source: StoreError },
}
