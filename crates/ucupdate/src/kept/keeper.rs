//! [`InventoryKeeper`]: keeps the inventory of a fleet in the store.

use crate::kept::document::{self, MAX_BYTES, MAX_DEVICES, Unusable};
use crate::kept::reading::{StoredInventory, read_all};
use crate::keys;
use crate::logs::reader::{AuditLogs, LogReadError, Logged};
use std::sync::Arc;
use ucupdate_audit::ServerName;
use ucupdate_core::value::{UnixTime, Zone};
use ucupdate_fleet::inventory::Inventory;
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError, StoreKey};

/// The number of rows after which the task yields to other tasks.
const ROWS_AT_A_TIME: u64 = 500;

/// Rows of other servers may reach the store late, by up to this time. So the rows of this time
/// before `read_to` are read again.
const LATE_MILLIS: i64 = 2 * 60 * 60 * 1000;

/// The age after which the inventory of another server is deleted. Its devices are in the inventory
/// of this server by then.
const STALE_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Keeps the devices of a fleet in the store, so that silent devices do not vanish with old logs.
///
/// Each server keeps an inventory of its own in the object `inventory/<server>.jsonl`, and replaces the whole object each time.
/// [`read_kept_inventory`](crate::read_kept_inventory) reads the inventories of all servers. After the first time, only new log
/// rows are read. An inventory that is lost or damaged is made again from the logs.
#[derive(Debug)]
#[must_use]
pub struct InventoryKeeper {
    server: ServerName,
    zone: Zone,
    devices: usize,
    bytes: usize,
    /// `true` if the devices in the inventories of other servers were added to the inventory of
    /// this server.
    has_merged: bool,
}

/// The result of keeping an inventory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptReport {
    /// The number of log rows that were read.
    pub rows: u64,
    /// The number of devices that are kept.
    pub devices: usize,
    /// The number of devices that were left out for lack of room: those that have been silent for
    /// the longest time.
    pub left_out: usize,
    /// The number of inventories of other servers that were deleted because they were more than a
    /// week old. Their devices are in the inventory of this server now.
    pub deleted: usize,
}

/// Error of keeping an inventory. The inventory in the store is as it was before, or is complete.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum KeptError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The logs cannot be read.
    #[error(transparent)]
    Logs(#[from] LogReadError),
    /// A newer program wrote the inventory of this server.
    #[error("a newer program wrote `{key}`: {what}; use the program that wrote it, or a newer one")]
    Newer { key: String, what: String },
    /// The name of the server cannot be part of a key.
    #[error("the inventory of the server `{server}` has no valid key; use another server name")]
    ServerName { server: ServerName },
}

impl InventoryKeeper {
    /// Returns a keeper for a server. `zone` is the time zone of audit logs without a `.zone` file
    /// (see [`AuditLogs`](crate::AuditLogs)). At most 200,000 devices and 64 MiB are kept.
    pub fn new(server: ServerName, zone: Zone) -> Self {
        Self { server, zone, devices: MAX_DEVICES, bytes: MAX_BYTES, has_merged: false }
    }

    /// Sets the largest number of devices that are kept. If there are more, the devices with the latest requests are kept.
    /// Default: 200,000.
    pub fn with_devices(self, devices: usize) -> Self {
        Self { devices, ..self }
    }

    /// Sets the largest size of the inventory in bytes, up to 64 MiB. Default: 64 MiB.
    pub fn with_bytes(self, bytes: usize) -> Self {
        Self { bytes: bytes.min(MAX_BYTES), ..self }
    }

    /// Reads the new rows of the audit logs of all servers, and writes the inventory of this server.
    ///
    /// # Errors
    /// When the store fails, when a log cannot be read, when a newer program wrote the inventory of
    /// this server, and when the name of the server cannot be part of a key.
    pub async fn refresh(
        &mut self,
        store: &Arc<dyn ImageStore>,
        now: UnixTime,
    ) -> Result<KeptReport, KeptError> {
        let key = self.key()?;
        let mut fleet = Inventory::default().with_room(self.devices.saturating_mul(2));
        let read_to = read_own(&**store, &key, &mut fleet).await?;
        let since =
            read_to.map(|read_to| UnixTime::from_millis(read_to.as_millis().saturating_sub(LATE_MILLIS)));
        let mut logs = AuditLogs::new(self.zone.clone(), since);
        logs.add_store(Arc::clone(store)).await?;
        let mut rows = 0_u64;
        while let Some(logged) = logs.next().await? {
            let Logged::Row(logged) = logged else { continue };
            rows += 1;
            if rows.is_multiple_of(ROWS_AT_A_TIME) {
                tokio::task::yield_now().await;
            }
            fleet.take_in(&logged);
            logs.give_back(logged);
        }
        if rows == 0 && read_to.is_some() && self.has_merged {
            return Ok(KeptReport { devices: fleet.len(), ..KeptReport::default() });
        }
        let others = if self.has_merged { Vec::new() } else { read_all(&**store, &mut fleet).await?.1 };
        let report = self.write(&**store, &fleet, now).await?;
        let deleted = delete_stale(&**store, &key, &others, now).await?;
        self.has_merged = true;
        Ok(KeptReport { rows, deleted, ..report })
    }

    /// Writes `fleet`, which the caller has read, as the inventory of this server.
    ///
    /// # Errors
    /// When the store fails, when a newer program wrote the inventory of this server, and when the
    /// name of the server cannot be part of a key.
    pub async fn write(
        &self,
        store: &dyn ImageStore,
        fleet: &Inventory,
        now: UnixTime,
    ) -> Result<KeptReport, KeptError> {
        let key = self.key()?;
        read_own(store, &key, &mut Inventory::default().with_room(0)).await?;
        let (document, left_out) = document::write(fleet, now, self.devices, self.bytes);
        store.put_bytes(&key, document).await?;
        Ok(KeptReport { devices: fleet.len() - left_out, left_out, ..KeptReport::default() })
    }

    fn key(&self) -> Result<StoreKey, KeptError> {
        let server = &self.server;
        keys::inventory(server.as_str()).ok_or_else(|| KeptError::ServerName { server: server.clone() })
    }
}

/// Adds the devices in the inventory of this server to `fleet`. Returns the time up to which the
/// logs were read for this inventory. `None` if the inventory is missing, damaged or too large.
async fn read_own(
    store: &dyn ImageStore,
    key: &StoreKey,
    fleet: &mut Inventory,
) -> Result<Option<UnixTime>, KeptError> {
    let bytes = match store.get_bytes(key, MAX_BYTES * 2).await {
        Ok(bytes) => bytes,
        Err(StoreError::NotFound { .. } | StoreError::TooLarge { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match document::read(&bytes, fleet) {
        Ok(head) => Ok(Some(head.read_to)),
        Err(newer @ Unusable::Newer(_)) => {
            Err(KeptError::Newer { key: key.to_string(), what: newer.to_string() })
        }
        Err(Unusable::Damaged(_)) => Ok(None),
    }
}

/// Deletes each inventory in `others` whose logs were read for the last time more than a week ago.
/// The devices of these inventories are in the inventory at `own`. Returns the number of deleted
/// inventories.
async fn delete_stale(
    store: &dyn ImageStore,
    own: &StoreKey,
    others: &[StoredInventory],
    now: UnixTime,
) -> Result<usize, StoreError> {
    let mut deleted = 0;
    for other in others.iter().filter(|other| other.key != *own) {
        if now.as_millis().saturating_sub(other.read_to.as_millis()) > STALE_MILLIS {
            match store.delete(&other.key).await {
                Ok(()) | Err(StoreError::NotFound { .. }) => deleted += 1,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(deleted)
}
