//! Uses each operation of a store once, with a scratch object that is removed.

use super::failed_operation;
use super::finding::{Finding, FindingSeverity};
use crate::keys;
use crate::state::rule_history::random_bytes;
use bytes::Bytes;
use ucupdate_core::value::UnixTime;
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError, StoreKey};

/// The bytes of the scratch object.
const SCRATCH: &[u8] = b"ucupdate examines its store";

#[derive(Debug, Default)]
pub(super) struct Used {
    pub(super) findings: Vec<Finding>,
    /// The time of the scratch object, by the clock of the store. `None` if the object could not be
    /// created.
    pub(super) store_time: Option<UnixTime>,
}

/// Creates, reads, lists, replaces and deletes a scratch object.
pub(super) async fn use_each_operation(store: &dyn ImageStore) -> Used {
    let mut used = Used::default();
    let key = match scratch_key() {
        Ok(key) => key,
        Err(error) => {
            used.findings.push(failed_operation("naming a scratch object", &error));
            return used;
        }
    };
    if let Err((operation, error)) = try_each(store, &key, &mut used).await {
        used.findings.push(failed_operation(operation, &error));
        // The object may exist. If it cannot be removed, the first failure already says enough.
        let _removed = store.delete(&key).await;
    }
    used
}

fn scratch_key() -> Result<StoreKey, StoreError> {
    let random = random_bytes().map_err(|error| StoreError::backend("drawing random bytes", error))?;
    StoreKey::parse(&format!("{}examine-{:032x}", keys::PROBES, u128::from_be_bytes(random)))
        .map_err(|error| StoreError::backend("naming a scratch object", error))
}

async fn try_each(
    store: &dyn ImageStore,
    key: &StoreKey,
    used: &mut Used,
) -> Result<(), (&'static str, StoreError)> {
    let failed = |operation: &'static str| move |error: StoreError| (operation, error);
    store.create(key, Bytes::from_static(SCRATCH)).await.map_err(failed("creating an object"))?;
    match store.create(key, Bytes::from_static(SCRATCH)).await {
        Err(StoreError::AlreadyExists { .. }) => {}
        Err(error) => return Err(("creating an object twice", error)),
        Ok(()) => used.findings.push(Finding::new(
            "store-overwrites",
            FindingSeverity::Problem,
            "store",
            "the store created an object that was there already".to_owned(),
            "a store that refuses to create an existing object".to_owned(),
            "do not share this store: two servers would overwrite each other's changes".to_owned(),
        )),
    }
    let meta = store.head(key).await.map_err(failed("looking at an object"))?;
    used.store_time = Some(UnixTime::from(meta.modified));
    let read = store.get_bytes(key, SCRATCH.len()).await.map_err(failed("reading an object"))?;
    if read != SCRATCH {
        used.findings.push(Finding::new(
            "store-alters",
            FindingSeverity::Problem,
            "store",
            format!("the store gave {} other bytes than it was given", read.len()),
            "the bytes that were written".to_owned(),
            "check the disk and what stands between this machine and the store".to_owned(),
        ));
    }
    store.get(key, Some(0..4)).await.map_err(failed("reading a part of an object"))?;
    let listed = store.list(keys::PROBES, None).await.map_err(failed("listing objects"))?;
    if !listed.iter().any(|meta| meta.key == *key) {
        used.findings.push(Finding::new(
            "store-lists-late",
            FindingSeverity::Problem,
            "store",
            "the store does not list an object that it holds".to_owned(),
            "a listing with every object".to_owned(),
            "use a store whose listings are consistent".to_owned(),
        ));
    }
    let replacing = store.put_bytes(key, Bytes::from_static(b"replaced")).await;
    replacing.map_err(failed("replacing an object"))?;
    store.delete(key).await.map_err(failed("deleting an object"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_store::{MemoryStore, ReadOnly};
    use ucupdate_testkit::faulty::{Faulty, StoreCall, StoreFault};

    #[tokio::test]
    async fn a_store_that_may_be_used_has_no_finding_and_keeps_nothing() {
        let store = MemoryStore::default();
        let used = use_each_operation(&store).await;
        assert_eq!(used.findings, []);
        assert!(used.store_time.is_some());
        assert!(store.list("", None).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_store_that_may_only_be_read_names_the_operation() {
        let used = use_each_operation(&ReadOnly::new(MemoryStore::default())).await;
        assert_eq!(used.findings[0].kind, "store-operation-failed");
        assert!(used.findings[0].found.starts_with("creating an object failed: "), "{used:?}");
    }

    #[tokio::test]
    async fn a_store_that_breaks_its_contract_is_found_by_what_it_does() {
        for (call, fault, kind) in [
            (StoreCall::Create, StoreFault::Overwrites, "store-overwrites"),
            (StoreCall::Create, StoreFault::FlipsBit, "store-alters"),
            (StoreCall::List, StoreFault::ListsNothing, "store-lists-late"),
        ] {
            let store = Faulty::new(MemoryStore::default());
            store.on(call).always(fault);
            let used = use_each_operation(&store).await;
            let kinds: Vec<_> = used.findings.iter().map(|finding| finding.kind).collect();
            assert_eq!(kinds, [kind]);
            assert!(store.inner().list("", None).await.unwrap().is_empty(), "{kind}");
        }
    }
}
