//! What is approved is what was ingested: images are read back before devices are sent to them.

use crate::error::ChangeError;
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use ucupdate_core::{Delta, Release, RuleBook, Sha256Digest, StoredFile};
use ucupdate_store::{ImageStore, StoreError, StoreKey};

/// Reads back the files of every version that a delta gives to everybody anew.
pub(crate) async fn approved(
    store: &dyn ImageStore,
    book: &RuleBook,
    delta: &Delta,
) -> Result<(), ChangeError> {
    let mut read = HashSet::new();
    for rule in delta.rules.iter().filter_map(|entry| entry.now.as_ref()) {
        let Some(candidate) = rule.approved() else { continue };
        if book.rule(rule.key()).and_then(ucupdate_core::Rule::approved) == Some(candidate) {
            continue;
        }
        let Some(release) = book.release(rule.key(), candidate) else { continue };
        for file in release.files.iter() {
            if read.insert(file.key.clone()) {
                check(store, release, file).await?;
            }
        }
    }
    Ok(())
}

async fn check(store: &dyn ImageStore, release: &Release, file: &StoredFile) -> Result<(), ChangeError> {
    let image = |what| ChangeError::Image {
        file: file.name.to_string(),
        version: release.version.to_string(),
        rule: release.rule.to_string(),
        what,
    };
    let Ok(key) = StoreKey::parse(&file.key) else { return Err(image("has a key that is none")) };
    match digest(store, &key).await {
        Ok(found) if found == (file.size, file.sha256) => Ok(()),
        Ok(_) => Err(image("is not in the store as it was ingested")),
        Err(StoreError::NotFound { .. }) => Err(image("is gone from the store")),
        Err(StoreError::Integrity { .. }) => Err(image("is damaged in the store")),
        Err(error) => Err(error.into()),
    }
}

/// The size and SHA-256 of an object.
async fn digest(store: &dyn ImageStore, key: &StoreKey) -> Result<(u64, Sha256Digest), StoreError> {
    let mut object = store.get(key, None).await?;
    let mut hash = Sha256::new();
    let mut size = 0;
    while let Some(bytes) = object.bytes.next().await {
        let bytes = bytes.map_err(|error| StoreError::unavailable(format!("reading `{key}`"), error))?;
        size += bytes.len() as u64;
        hash.update(&bytes);
    }
    Ok((size, Sha256Digest::new(hash.finalize().into())))
}
