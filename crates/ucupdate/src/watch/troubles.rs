//! [`TroubleWatch`]: finds devices in loops and silent devices in the logs, and counts devices by
//! state. It reports the results as events.

use crate::error::ChangeError;
use crate::events::event::Event;
use crate::kept::reading::read_kept_inventory;
use crate::logs::reader::LogReadError;
use crate::logs::tail::{LogTail, TailRow};
use crate::service::UpdateService;
use crate::state::rule_history::read_revision;
use crate::watch::follower::before;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use ucupdate_core::EligibilityIndex;
use ucupdate_core::book::{BookCommand, HeldDevices, Hold, HoldName};
use ucupdate_core::device::DeviceId;
use ucupdate_core::value::{UnixTime, Zone};
use ucupdate_fleet::inventory::{DeviceStanding, DeviceState, Inventory, RecentFetches, StateOptions};
use ucupdate_fleet::loops::{DownloadCounts, Loop, LoopGuard, LoopOptions, devices_in_loops, observations};
use ucupdate_store::StoreError;

/// The number of rows after which the task yields to other tasks.
const ROWS_AT_A_TIME: u64 = 500;

/// The period after which the kept inventories are read again. Servers write them each hour.
const KEPT_PERIOD: Duration = Duration::from_secs(60 * 60);

/// Finds devices in loops and silent devices in the logs of all servers of a store, and reports them as events.
///
/// [`look`](Self::look) does the work, and must be called repeatedly. Each loop and each silent device is reported once, and
/// again if the trouble ended and came back. Every server with such a watch reports the troubles of all servers. Each look also
/// counts the devices by their state, including the devices of the kept inventories ([`Event::FleetCounted`]). The memory is
/// bounded by [`with_devices`](Self::with_devices).
#[derive(Debug)]
#[must_use]
pub struct TroubleWatch {
    zone: Zone,
    period: Duration,
    silence: Duration,
    devices: usize,
    hold_after: Option<u32>,
    holds_an_hour: usize,
    known: Option<TroubleState>,
    in_loops: HashSet<DeviceId>,
    silent: HashSet<DeviceId>,
}

/// The state that was computed from the log rows read so far, and the position in the logs.
#[derive(Debug)]
struct TroubleState {
    tail: LogTail,
    guard: LoopGuard,
    downloads: DownloadCounts,
    latest: HashMap<DeviceId, UnixTime>,
    fleet: Inventory,
    fetches: RecentFetches,
    /// The time at which the kept inventories were added last.
    kept_at: Option<UnixTime>,
}

/// The author of the holds that [`TroubleWatch::with_holds`] makes.
pub const HOLD_AUTHOR: &str = "serve";

/// The result of [`TroubleWatch::look`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TroublesFound {
    /// The number of audit rows that were read. A look reads only rows that were added since the previous look.
    pub rows: u64,
    /// The number of loops that were reported.
    pub loops: usize,
    /// The number of silent devices that were reported.
    pub silent: usize,
    /// The devices to which this look added a hold.
    pub held: Vec<DeviceId>,
    /// The number of devices in each state. A state without devices is missing.
    pub states: BTreeMap<DeviceState, u64>,
}

/// Error of looking for devices in trouble.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TroubleError {
    /// A log cannot be read. Nothing is reported then.
    #[error(transparent)]
    Logs(#[from] LogReadError),
    /// A kept inventory cannot be read. Nothing is reported then.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A hold cannot be added. The events of this look were already emitted.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl TroubleWatch {
    /// Returns a watch with the defaults: it reads the logs of the last four days, reports a device
    /// that is silent for 50 hours, remembers 100,000 devices, and adds no holds. A device sends a
    /// request once a day, so a silent device has missed two requests. `zone` is the time zone of
    /// audit logs without a `.zone` file (see [`AuditLogs`](crate::AuditLogs)).
    pub fn new(zone: Zone) -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
        Self {
            zone,
            period: hours(4 * 24),
            silence: hours(50),
            devices: 100_000,
            hold_after: None,
            holds_an_hour: 10,
            known: None,
            in_loops: HashSet::new(),
            silent: HashSet::new(),
        }
    }

    /// Sets that a device in a loop gets a hold, after the device downloaded an offered image this
    /// number of times from the servers (at least once). The hold is an ordinary change by
    /// [`HOLD_AUTHOR`]. It has the name that `ucupdate loops --hold` gives to such a hold. Default:
    /// no holds.
    ///
    /// Requests in the name of an invented device lead to no hold, because the device must also
    /// download images. After a restart, a server also counts the downloads from before the removal
    /// of a hold.
    pub fn with_holds(self, downloads: u32) -> Self {
        Self { hold_after: Some(downloads.max(1)), ..self }
    }

    /// Sets the largest number of holds that all servers together add within an hour. Default: 10.
    pub fn with_holds_an_hour(self, holds: usize) -> Self {
        Self { holds_an_hour: holds, ..self }
    }

    /// Sets the time before now from which the logs are read. A device that has been silent for longer is not found. Default:
    /// four days.
    pub fn with_period(self, period: Duration) -> Self {
        Self { period, ..self }
    }

    /// Sets the time without a request after which a device counts as silent. Default: 50 hours.
    pub fn with_silence(self, silence: Duration) -> Self {
        Self { silence, ..self }
    }

    /// Sets the largest number of devices that are remembered. Default: 100,000.
    pub fn with_devices(self, devices: usize) -> Self {
        Self { devices, ..self }
    }

    /// Reads the rows that were added to the logs of all servers, and reports new troubles as events of `service`. If
    /// [`with_holds`](Self::with_holds) is set, also adds a hold for each device that is in a loop and downloaded often enough.
    ///
    /// The rows are judged on a thread for blocking work, so answers do not wait for it.
    ///
    /// # Errors
    /// When the store fails, a log cannot be read, or a hold cannot be added. The next look tries again.
    pub async fn look(&mut self, service: &UpdateService) -> Result<TroublesFound, TroubleError> {
        let now = service.now();
        let since = before(now, self.period);
        let mut known = self.known.take().unwrap_or_else(|| TroubleState {
            tail: LogTail::new(self.zone.clone(), since),
            guard: LoopGuard::new(LoopOptions::default().with_devices(self.devices)),
            downloads: DownloadCounts::new(self.devices),
            latest: HashMap::new(),
            fleet: Inventory::default().with_room(self.devices),
            fetches: RecentFetches::new(self.devices),
            kept_at: None,
        });
        let rows = self.read(&mut known, service, now).await?;
        if known.kept_at.is_none_or(|at| at <= before(now, KEPT_PERIOD)) {
            read_kept_inventory(&**service.store(), &mut known.fleet).await?;
            known.kept_at = Some(now);
        }
        let (snapshot, silence) = (service.snapshot(), self.silence);
        let judged = tokio::task::spawn_blocking(move || {
            known.forget_before(since);
            let mut loops = known.guard.loops_in(snapshot.index());
            loops.retain(|found| found.goes_on && found.last >= since);
            let states = known.states(snapshot.index(), now, silence);
            (known, loops, states)
        });
        // Judging does not panic, so this fails only when the runtime shuts down.
        let Ok((known, loops, states)) = judged.await else { return Ok(TroublesFound::default()) };
        let reported = self.report_loops(service, &loops);
        let silent = self.report_silent(service, &known.latest, now);
        service.emit(&Event::FleetCounted { states: &states, at: now });
        let known = self.known.insert(known);
        let held = match self.hold_after {
            Some(downloads) => {
                hold(service, &loops, &mut known.downloads, downloads, self.holds_an_hour).await?
            }
            None => Vec::new(),
        };
        Ok(TroublesFound { rows, loops: reported, silent, held, states })
    }

    /// Reads the new rows of the audit logs and access logs, and adds them to the state. Returns
    /// the number of audit rows.
    async fn read(
        &self,
        known: &mut TroubleState,
        service: &UpdateService,
        now: UnixTime,
    ) -> Result<u64, LogReadError> {
        let TroubleState { tail, guard, downloads, latest, fleet, fetches, .. } = known;
        let store = &**service.store();
        tail.look(store).await?;
        let (mut read, mut rows): (u64, u64) = (0, 0);
        while let Some(row) = tail.next(store, now).await? {
            read += 1;
            if read.is_multiple_of(ROWS_AT_A_TIME) {
                tokio::task::yield_now().await;
            }
            let logged = match row {
                TailRow::Access(row) => {
                    downloads.take_in_access(&row);
                    fetches.take_in(&row);
                    continue;
                }
                TailRow::Audit(logged) => logged,
            };
            rows += 1;
            observations(&logged).into_iter().for_each(|observation| guard.observe(observation));
            let row = &logged.row;
            downloads.take_in_audit(row);
            fleet.take_in(&logged);
            let Some(device) = DeviceId::of(&row.mac_address, &row.serial_number) else { continue };
            if latest.len() < self.devices || latest.contains_key(&device) {
                let at = latest.entry(device).or_insert(row.logged_at);
                *at = row.logged_at.max(*at);
            }
        }
        Ok(rows)
    }

    fn report_loops(&mut self, service: &UpdateService, loops: &[Loop]) -> usize {
        let mut reported = 0;
        for one in loops {
            if !self.in_loops.contains(&one.device) {
                service.emit(&Event::LoopFound { found: one });
                reported += 1;
            }
        }
        self.in_loops = loops.iter().map(|one| one.device.clone()).collect();
        reported
    }

    fn report_silent(
        &mut self,
        service: &UpdateService,
        latest: &HashMap<DeviceId, UnixTime>,
        now: UnixTime,
    ) -> usize {
        let limit = before(now, self.silence);
        let mut silent: Vec<_> = latest.iter().filter(|(_, at)| **at < limit).collect();
        silent.sort_by_key(|(_, at)| **at);
        let mut reported = 0;
        for (device, last_seen) in &silent {
            if !self.silent.contains(*device) {
                service.emit(&Event::DeviceSilent { device, last_seen: **last_seen });
                reported += 1;
            }
        }
        self.silent = silent.into_iter().map(|(device, _)| device.clone()).collect();
        reported
    }
}

impl TroubleState {
    fn forget_before(&mut self, since: UnixTime) {
        self.latest.retain(|_, at| *at >= since);
        self.downloads.forget_before(since);
        self.fetches.forget_before(since);
    }

    fn states(
        &self,
        index: &EligibilityIndex,
        now: UnixTime,
        silence: Duration,
    ) -> BTreeMap<DeviceState, u64> {
        let options = StateOptions::new(now).with_silence(silence).with_fetches(&self.fetches);
        let mut states = BTreeMap::new();
        for number in self.fleet.numbers() {
            let (device, histories) = (self.fleet.device(number), self.fleet.histories(number));
            let standing = DeviceStanding::of(&device, &histories, Some(index), &options);
            *states.entry(standing.state).or_default() += 1;
        }
        states
    }
}

/// Adds a hold for each device of `loops` that downloaded at least `least` times, as long as fewer
/// than `holds_an_hour` holds were added in the last hour. Returns the devices to which this call
/// added a hold.
async fn hold(
    service: &UpdateService,
    loops: &[Loop],
    downloads: &mut DownloadCounts,
    least: u32,
    holds_an_hour: usize,
) -> Result<Vec<DeviceId>, ChangeError> {
    let mut held = Vec::new();
    for device in devices_in_loops(loops) {
        let count = downloads.of(device);
        let Ok(name) = format!("loop {device}").parse::<HoldName>() else { continue };
        if count < least || service.snapshot().book().hold(&name).is_some() {
            continue;
        }
        let (holds, revision) = holds_in_last_hour(service).await?;
        if holds >= holds_an_hour {
            break;
        }
        let hold = Hold {
            name,
            on: HeldDevices::Device(device.clone()),
            until: None,
            reason: format!("it is offered updates in a circle and downloaded {count} times").into(),
        };
        match service.admin(HOLD_AUTHOR).command_at(&BookCommand::AddHold(hold), revision).await {
            Ok(changed) if changed.revision.is_some() => held.push(device.clone()),
            Ok(_) => {}
            // Another server was first. If its change was not this hold, the next look tries again.
            Err(ChangeError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    // After the hold is removed, the device gets as many tries again.
    held.iter().for_each(|device| downloads.forget(device));
    Ok(held)
}

/// Returns the number of revisions that servers made within the last hour to add holds, and the newest
/// revision.
async fn holds_in_last_hour(service: &UpdateService) -> Result<(usize, u64), ChangeError> {
    let since = before(service.now(), Duration::from_secs(60 * 60));
    let newest = service.refresh().await?;
    let mut number = newest;
    let mut holds = 0;
    while let Some((document, _)) = read_revision(&**service.store(), number).await? {
        if document.at < since {
            break;
        }
        holds += usize::from(document.author == HOLD_AUTHOR);
        let Some(before) = number.checked_sub(1).filter(|number| *number > 0) else { break };
        number = before;
    }
    Ok((holds, newest))
}
