//! Reads all inventories that are kept in a store.

use crate::kept::document::{self, MAX_BYTES, Unusable};
use crate::keys;
use ucupdate_audit::FileKind;
use ucupdate_core::value::UnixTime;
use ucupdate_fleet::inventory::Inventory;
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError, StoreKey, error_chain};

/// The maximum number of kept inventories that are read. Further ones are ignored.
const MAX_INVENTORIES: usize = 256;

/// The result of reading the kept inventories of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptInventory {
    /// The number of inventories that were read.
    pub inventories: usize,
    /// The latest time up to which the logs were read for one of the inventories. `None` if there
    /// is no inventory.
    pub read_to: Option<UnixTime>,
    /// The number of devices that were left out of the inventories for lack of room. It is the sum
    /// over all inventories, so a device may count more than once.
    pub left_out: usize,
    /// The inventories that cannot be used. They are skipped.
    pub unusable: Vec<UnusableInventory>,
}

/// A kept inventory that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnusableInventory {
    /// The key of the inventory in the store, such as `inventory/ocs.jsonl`.
    pub key: String,
    /// The reason as a clause, such as `it has format 9, expected at most 1` or `the end is missing`.
    pub what: String,
    /// `true` if a newer program wrote the inventory. Otherwise the inventory is damaged or too
    /// large, or it cannot be read.
    pub is_newer: bool,
}

pub(crate) struct StoredInventory {
    pub(crate) key: StoreKey,
    pub(crate) read_to: UnixTime,
}

/// Adds the devices of all inventories that are kept in a store to `fleet`, in the order of their
/// keys. An inventory that cannot be used is skipped, and is in [`KeptInventory::unusable`].
///
/// # Errors
/// When the store fails.
pub async fn read_kept_inventory(
    store: &dyn ImageStore,
    fleet: &mut Inventory,
) -> Result<KeptInventory, StoreError> {
    read_all(store, fleet).await.map(|(kept, _)| kept)
}

pub(crate) async fn read_all(
    store: &dyn ImageStore,
    fleet: &mut Inventory,
) -> Result<(KeptInventory, Vec<StoredInventory>), StoreError> {
    let (mut kept, mut stored) = (KeptInventory::default(), Vec::new());
    for key in store.strays(keys::INVENTORY).await? {
        let what = format!("it is {}", FileKind::NoFile);
        kept.unusable.push(UnusableInventory { key, what, is_newer: false });
    }
    for meta in store.list_all(keys::INVENTORY, MAX_INVENTORIES).await? {
        let bytes = match store.get_bytes(&meta.key, MAX_BYTES * 2).await {
            Ok(bytes) => bytes,
            Err(StoreError::NotFound { .. }) => continue,
            Err(StoreError::TooLarge { .. }) => {
                let (key, what) = (meta.key.to_string(), "it is too large".to_owned());
                kept.unusable.push(UnusableInventory { key, what, is_newer: false });
                continue;
            }
            // Another user may have written it, or the disk is bad. The other inventories can be read.
            Err(error @ (StoreError::Backend { .. } | StoreError::Integrity { .. })) => {
                let (key, what) =
                    (meta.key.to_string(), format!("it cannot be read: {}", error_chain(&error)));
                kept.unusable.push(UnusableInventory { key, what, is_newer: false });
                continue;
            }
            Err(error) => return Err(error),
        };
        match document::read(&bytes, fleet) {
            Ok(head) => {
                kept.inventories += 1;
                kept.left_out += head.left_out;
                kept.read_to = kept.read_to.max(Some(head.read_to));
                stored.push(StoredInventory { key: meta.key, read_to: head.read_to });
            }
            Err(unusable) => {
                let (key, what) = (meta.key.to_string(), unusable.to_string());
                let is_newer = matches!(unusable, Unusable::Newer(_));
                kept.unusable.push(UnusableInventory { key, what, is_newer });
            }
        }
    }
    Ok((kept, stored))
}
