//! The devices of the audit logs and of the kept inventories, as of their last request.

use crate::options::AdminLimits;
use crate::report;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use ucupdate::audit::{LineProblem, LogFinding};
use ucupdate::device::DeviceId;
use ucupdate::inventory::{
    DeviceNumber, DeviceStanding, DeviceState, Inventory, InventoryDevice, StateOptions,
};
use ucupdate::request::{AskedFrom, UpdateRequest};
use ucupdate::store::error_chain;
use ucupdate::value::{UnixTime, Zone};
use ucupdate::{AuditLogs, Logged, Snapshot, UpdateService, read_kept_inventory};

/// The devices of the audit logs and of the kept inventories of the store.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) inventory: Inventory,
    /// The number of devices whose last request cannot be repeated, plus the number of audit rows of devices that had
    /// no room in the inventory.
    pub(crate) left_out: u64,
    /// The names of the first [`MAX_UNREAD_LOGS`] logs that could not be read, or not to their end.
    pub(crate) unread_logs: Vec<Box<str>>,
    pub(crate) unread_log_count: u64,
    pub(crate) read_at: UnixTime,
}

/// The largest number of unread logs whose names are kept.
const MAX_UNREAD_LOGS: usize = 20;

/// The last reading of the devices. One caller reads, and the others wait for it.
#[derive(Debug, Default)]
pub(crate) struct Fleets(Mutex<Option<FleetReading>>);

#[derive(Debug)]
struct FleetReading {
    ended: Instant,
    took: Duration,
    fleet: Arc<Fleet>,
}

/// The devices are read again only after this multiple of the duration of the last reading. So reading takes at
/// most a twentieth of the time.
const PARTS: u32 = 20;

impl Fleets {
    /// Returns the devices. They are read again if the last result is too old.
    pub(crate) async fn read(
        &self,
        service: &UpdateService,
        limits: &AdminLimits,
    ) -> Result<Arc<Fleet>, String> {
        let mut last = self.0.lock().await;
        if let Some(last) = last.as_ref()
            && last.ended.elapsed() < limits.log_age.max(last.took.saturating_mul(PARTS))
        {
            return Ok(Arc::clone(&last.fleet));
        }
        let begun = Instant::now();
        let fleet = Arc::new(Fleet::read(service, limits.log_rows).await?);
        *last =
            Some(FleetReading { ended: Instant::now(), took: begun.elapsed(), fleet: Arc::clone(&fleet) });
        Ok(fleet)
    }
}

impl Fleet {
    async fn read(service: &UpdateService, most_rows: u64) -> Result<Self, String> {
        let mut logs = AuditLogs::new(Zone::utc(), None);
        logs.add_store(Arc::clone(service.store())).await.map_err(|error| error_chain(&error))?;
        let (mut inventory, mut rows) = (Inventory::default(), 0);
        let (mut unread_logs, mut unread_log_count) = (Vec::new(), 0);
        let mut take_unread = |log: Box<str>| {
            if unread_logs.last() == Some(&log) {
                return;
            }
            unread_log_count += 1;
            if unread_logs.len() < MAX_UNREAD_LOGS {
                unread_logs.push(log);
            }
        };
        while let Some(logged) = logs.next().await.map_err(|error| error_chain(&error))? {
            match logged {
                Logged::Row(row) => {
                    rows += 1;
                    if rows > most_rows {
                        return Err(format!(
                            "the audit logs have more than {most_rows} rows, so the devices are not read"
                        ));
                    }
                    inventory.take_in(&row);
                    logs.give_back(row);
                }
                // The end of a log that is too long is not read.
                Logged::Unread {
                    log,
                    finding: LogFinding { problem: LineProblem::LogTooLong { .. }, .. },
                } => take_unread(log),
                Logged::End { log, summary } if !summary.is_understood() => take_unread(log),
                _ => {}
            }
        }
        // An inventory that cannot be used is skipped, as the command does. The check of the store names it.
        read_kept_inventory(&**service.store(), &mut inventory).await.map_err(|error| error_chain(&error))?;
        let without_request = inventory.devices().filter(|(_, device)| device.request().is_none()).count();
        let left_out = inventory.skipped_rows() + without_request as u64;
        let read_at = service.now();
        Ok(Self { inventory, left_out, unread_logs, unread_log_count, read_at })
    }
}

#[derive(Debug, Default)]
pub(crate) struct States {
    counts: BTreeMap<DeviceState, u64>,
    pub(crate) silent: Vec<DeviceNumber>,
    pub(crate) troubled: Vec<DeviceNumber>,
}

impl States {
    pub(crate) fn json(&self) -> Value {
        let states = self.counts.iter().map(|(state, devices)| {
            json!({ "state": state.name(), "meaning": state.meaning(), "devices": devices })
        });
        states.collect()
    }
}

impl Fleet {
    /// Returns the last request of each device, as the device would send it again now. Skips devices whose last
    /// request cannot be repeated. The iterator creates one request at a time, because a request takes more memory
    /// than a device in the inventory.
    pub(crate) fn requests(&self) -> impl Iterator<Item = (UpdateRequest, AskedFrom)> {
        self.inventory.numbers().into_iter().filter_map(|number| {
            let device = self.inventory.device(number);
            let from = AskedFrom { side: None, address: device.user_host.parse().ok() };
            Some((device.request()?, from))
        })
    }

    /// Returns the number under which the inventory has a device. `None` if the inventory does not have the device.
    pub(crate) fn number(&self, id: &DeviceId) -> Option<DeviceNumber> {
        let is_it = |number: &DeviceNumber| self.inventory.device(*number).identity().as_ref() == Some(id);
        self.inventory.numbers().into_iter().find(is_it)
    }

    /// Counts the devices of each state. Also lists the silent devices, and in another list the devices that loop
    /// or are stuck. In both lists, devices with a MAC address come first, and then the devices that are known only
    /// by a serial number.
    pub(crate) fn states(&self, snapshot: &Snapshot, now: UnixTime) -> States {
        let (mut states, options) = (States::default(), StateOptions::new(now));
        for number in self.inventory.numbers() {
            let device = self.inventory.device(number);
            let histories = self.inventory.histories(number);
            let state = DeviceStanding::of(&device, &histories, Some(snapshot.index()), &options).state;
            *states.counts.entry(state).or_default() += 1;
            if state == DeviceState::Silent {
                states.silent.push(number);
            } else if is_trouble(state) {
                states.troubled.push(number);
            }
        }
        states
    }
}

pub(crate) fn id_of(device: &InventoryDevice) -> String {
    device.identity().map(|id| id.to_string()).unwrap_or_default()
}

pub(crate) fn device_json(device: &InventoryDevice) -> Value {
    let modules = device.modules.iter().map(
        |module| json!({ "file_name": module.installed.file_name, "installed": module.installed.version }),
    );
    json!({
        "id": id_of(device),
        "mac": device.mac_address.read().map(ToString::to_string),
        "serial": device.serial_number.raw(),
        "kind": device.kind.to_string(),
        "user": device.user_name,
        "host": device.user_host,
        "last_asked": report::iso(device.last_asked),
        "modules": modules.collect::<Vec<_>>(),
    })
}

/// Returns whether a device in this state needs the help of a person, because the device loops or is stuck.
pub(crate) fn is_trouble(state: DeviceState) -> bool {
    matches!(state, DeviceState::Looping | DeviceState::Stuck)
}
