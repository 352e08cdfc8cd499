//! [`DownloadCounts`]: counts of the downloads of offered images, for each device.

use crate::downloads::{DownloadHash, OpenOffers, download_of};
use crate::timeline::url_path;
use std::collections::HashMap;
use ucupdate_audit::{AccessRow, AuditRow};
use ucupdate_core::device::DeviceId;
use ucupdate_core::request::is_simulated;
use ucupdate_core::value::UnixTime;

/// The longest time from an offer to the end of its download, in seconds.
const OFFER_SECONDS: u32 = 2 * 24 * 60 * 60;

/// Counts for each device how often it downloaded an image that it was offered. A download belongs
/// to an offer if both have the same address and image, and the download ends within two days after
/// the offer.
///
/// A device in a loop downloads its image repeatedly. Requests are not authenticated, so requests
/// alone do not prove a loop. Add the rows of both logs in order of time. Each download counts for
/// one device: the device that was offered the image last at the same address. A download of a part
/// counts once for each address and image.
#[derive(Clone, Debug)]
pub struct DownloadCounts {
    devices: usize,
    open: OpenOffers,
    counts: HashMap<DeviceId, (u32, UnixTime)>,
}

impl DownloadCounts {
    /// Creates empty counts for at most `devices` devices. Downloads of further devices are not
    /// counted.
    pub fn new(devices: usize) -> Self {
        Self { devices, open: OpenOffers::default(), counts: HashMap::new() }
    }

    /// Adds a row of an audit log, which may have offers.
    pub fn take_in_audit(&mut self, row: &AuditRow) {
        if row.offered.is_empty() || is_simulated(&row.user_name) {
            return;
        }
        let Some(device) = DeviceId::of(&row.mac_address, &row.serial_number) else { return };
        for (number, offer) in (0..).zip(&row.offered) {
            let place = DownloadHash::of(&row.user_host, url_path(&offer.url));
            self.open.add(place, device.clone(), number, row.logged_at, OFFER_SECONDS);
        }
        while self.open.len() > self.devices {
            let Some((oldest, number)) = self.open.first() else { break };
            self.open.remove(&oldest, number);
        }
    }

    /// Adds a row of an access log. A row that is not the download of an offered image has no
    /// effect.
    pub fn take_in_access(&mut self, row: &AccessRow) {
        let Some((place, is_part)) = download_of(row) else { return };
        let settled = self.open.settle(place, is_part, row.started_at(), row.finished_at);
        let Some((device, _)) = settled else { return };
        if self.counts.len() < self.devices || self.counts.contains_key(&device) {
            let (count, latest) = self.counts.entry(device).or_insert((0, row.finished_at));
            *count += 1;
            *latest = row.finished_at;
        }
    }

    /// Returns the number of downloads that were counted for a device.
    pub fn of(&self, device: &DeviceId) -> u32 {
        self.counts.get(device).map_or(0, |(count, _)| *count)
    }

    /// Sets the number of downloads of a device to zero.
    pub fn forget(&mut self, device: &DeviceId) {
        self.counts.remove(device);
    }

    /// Forgets the counts of devices that downloaded nothing since a time.
    pub fn forget_before(&mut self, time: UnixTime) {
        self.counts.retain(|_, (_, latest)| *latest >= time);
    }
}
