//! [`TroubleWatch`]: finds devices in loops and silent devices in the audit logs, and reports them as events.

use crate::events::event::Event;
use crate::logs::reader::{AuditLogs, LogReadError, Logged};
use crate::service::UpdateService;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use ucupdate_core::device::DeviceId;
use ucupdate_core::value::{UnixTime, Zone};
use ucupdate_fleet::loops::{LoopGuard, LoopOptions, observations};

/// The number of rows after which other tasks get their turn.
const ROWS_AT_A_TIME: u64 = 500;

/// Finder of devices in trouble, in the audit logs of all servers of a store.
///
/// Each trouble is reported once, and again if it ended and came back. Every server with such a watch reports the
/// trouble. Memory is bounded by the number of devices.
#[derive(Debug)]
pub struct TroubleWatch {
    zone: Zone,
    period: Duration,
    silence: Duration,
    devices: usize,
    in_loops: HashSet<DeviceId>,
    silent: HashSet<DeviceId>,
}

/// The result of [`TroubleWatch::look`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TroublesFound {
    /// The number of rows that were read.
    pub rows: u64,
    /// The number of loops that were reported.
    pub loops: usize,
    /// The number of silent devices that were reported.
    pub silent: usize,
}

impl TroubleWatch {
    /// Returns a watch for audit logs in this time zone. The defaults are: the last four days, silence after 50 hours,
    /// 100,000 devices. A device sends a request once a day, so a silent device has missed two requests.
    pub fn new(zone: Zone) -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
        Self {
            zone,
            period: hours(4 * 24),
            silence: hours(50),
            devices: 100_000,
            in_loops: HashSet::new(),
            silent: HashSet::new(),
        }
    }

    /// Sets the length of the period before now for which logs are read. A device that has been silent for longer is
    /// not found.
    #[must_use]
    pub fn with_period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// Sets the time without a request after which a device counts as silent.
    #[must_use]
    pub fn with_silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Sets the largest number of devices that are remembered.
    #[must_use]
    pub fn with_devices(mut self, devices: usize) -> Self {
        self.devices = devices;
        self
    }

    /// Reads the logs, and reports new troubles as events.
    ///
    /// # Errors
    /// When the store fails. In this case nothing is reported.
    pub async fn look(&mut self, service: &UpdateService) -> Result<TroublesFound, LogReadError> {
        let now = service.now();
        let since = before(now, self.period);
        let mut logs = AuditLogs::new(self.zone.clone(), Some(since));
        logs.add_store(service.store().clone()).await?;
        let mut guard = LoopGuard::new(LoopOptions::default().with_devices(self.devices));
        let mut latest: HashMap<DeviceId, UnixTime> = HashMap::new();
        let mut found = TroublesFound::default();
        while let Some(logged) = logs.next().await? {
            let Logged::Row(logged) = logged else { continue };
            found.rows += 1;
            if found.rows.is_multiple_of(ROWS_AT_A_TIME) {
                tokio::task::yield_now().await;
            }
            observations(&logged).into_iter().for_each(|observation| guard.observe(observation));
            let row = &logged.row;
            let Some(device) = DeviceId::of(&row.mac_address, &row.serial_number) else { continue };
            if latest.len() < self.devices || latest.contains_key(&device) {
                let at = latest.entry(device).or_insert(row.logged_at);
                *at = row.logged_at.max(*at);
            }
        }
        found.loops = self.report_loops(service, &guard);
        found.silent = self.report_silent(service, &latest, now);
        Ok(found)
    }

    fn report_loops(&mut self, service: &UpdateService, guard: &LoopGuard) -> usize {
        let mut loops = guard.loops();
        loops.retain(|one| one.goes_on);
        let mut reported = 0;
        for one in &loops {
            if !self.in_loops.contains(&one.device) {
                service.emit(&Event::LoopFound { found: one });
                reported += 1;
            }
        }
        self.in_loops = loops.into_iter().map(|one| one.device).collect();
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

fn before(time: UnixTime, duration: Duration) -> UnixTime {
    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    UnixTime::from_millis(time.as_millis().saturating_sub(millis))
}
