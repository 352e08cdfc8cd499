//! Reads the history of a store without the library that wrote it.

use crate::prove::report::ProofError;
use serde::Deserialize;
use ucupdate::book::{BookCommand, Delta};
use ucupdate::value::Sha256Digest;
use ucupdate_store::{ImageStore, ImageStoreExt as _};

const REVISIONS: &str = "state/revisions/";

const MAX_REVISION_BYTES: usize = ucupdate_store::MAX_CREATE_BYTES;

#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The number of the revision, from its key.
    pub(crate) number: u64,
    pub(crate) author: String,
    pub(crate) command: BookCommand,
    pub(crate) delta: Delta,
    /// The SHA-256 of the document of the revision before. It is the value that the document of
    /// this revision contains, not a computed one.
    pub(crate) previous: Sha256Digest,
    pub(crate) sha256: Sha256Digest,
}

/// The fields of the document of a revision that the proofs check.
#[derive(Deserialize)]
struct RevisionFields {
    previous: Sha256Digest,
    author: String,
    command: BookCommand,
    delta: Delta,
}

/// Returns every revision in a store, sorted by number.
pub(crate) async fn history(store: &dyn ImageStore) -> Result<Vec<Written>, ProofError> {
    let mut revisions = Vec::new();
    for meta in store.list_all(REVISIONS, usize::MAX).await? {
        let number = meta.key.as_str().strip_prefix(REVISIONS).and_then(|name| name.strip_suffix(".json"));
        let number = number.and_then(|number| number.parse().ok());
        let number = number.ok_or_else(|| format!("`{}` is not the key of a revision", meta.key))?;
        let bytes = store.get_bytes(&meta.key, MAX_REVISION_BYTES).await?;
        let RevisionFields { previous, author, command, delta } = serde_json::from_slice(&bytes)?;
        let sha256 = Sha256Digest::of(&bytes);
        revisions.push(Written { number, author, command, delta, previous, sha256 });
    }
    Ok(revisions)
}

/// Returns the size of the largest revision in bytes, and the number of revisions.
pub(crate) async fn largest(store: &dyn ImageStore) -> Result<(u64, usize), ProofError> {
    let found = store.list_all(REVISIONS, usize::MAX).await?;
    Ok((found.iter().map(|meta| meta.size).max().unwrap_or_default(), found.len()))
}
