//! [`OpenOffers`]: the offers whose image was not downloaded yet. Finds the offer that a download belongs to.

use crate::timeline::{host_key, path_key};
use siphasher::sip128::{Hasher128, SipHasher24};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hasher;
use std::net::IpAddr;
use ucupdate_audit::AccessRow;
use ucupdate_core::device::{DeviceId, MacAddress};
use ucupdate_core::value::UnixTime;

/// The largest expected difference in milliseconds between the time of an offer in the audit log
/// and the time of its download in the access log. Logs have only whole seconds.
const SLACK_MILLIS: i64 = 1000;

/// The maximum number of entries in [`OpenOffers::parts`]. If there are as many, downloads of parts of images are
/// not assigned to offers any more.
const MAX_PARTS: usize = 100_000;

/// The address of a device and the path of an image, both as hashes. They are what an offer and its download have
/// in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DownloadHash {
    pub(crate) host: u64,
    path: u64,
}

impl DownloadHash {
    pub(crate) fn of(host: &str, path: &str) -> Self {
        Self { host: host_mark(host), path: hash(path_key(path).as_bytes()) }
    }
}

/// Returns the address and the path of a download, and whether it is only a download of a part. `None` if
/// the row is not a successful download.
///
/// Status 206 counts as a part, and so does status 304, because no byte of the image is sent. A redirect to the
/// store counts as a whole download.
pub(crate) fn download_of(row: &AccessRow) -> Option<(DownloadHash, bool)> {
    if !row.method.as_logged().eq_ignore_ascii_case("GET") || row.win32_status.unwrap_or(0) != 0 {
        return None;
    }
    let is_part = match row.status {
        Some(200 | 301 | 302 | 303 | 307 | 308) => false,
        Some(206 | 304) => true,
        _ => return None,
    };
    Some((DownloadHash::of(&row.client_ip.decoded(), &row.uri_stem.decoded()), is_part))
}

/// Returns the hash of an address. Of an IPv6 address only the first 64 bits, its network, are
/// hashed.
pub(crate) fn host_mark(host: &str) -> u64 {
    let key = host_key(host);
    match key.parse() {
        Ok(IpAddr::V6(address)) => hash(&address.octets()[..8]),
        _ => hash(key.as_bytes()),
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(bytes);
    hasher.finish128().h1
}

/// The offers of devices that downloaded nothing yet. An offer is found by the address of the device and the path
/// of the image. Each download removes one offer. The key of an offer is its device and a number that the caller
/// chooses, such as the number of its rollout.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenOffers {
    offers: HashMap<(DeviceId, u32), OpenOffer>,
    by_time: BTreeSet<(UnixTime, DeviceId, u32)>,
    at_place: HashMap<DownloadHash, BTreeSet<(UnixTime, DeviceId, u32)>>,
    /// The addresses and image paths for which a download of a part has removed an offer. Further downloads of
    /// parts remove no offer with the same address and path.
    parts: HashSet<DownloadHash>,
}

#[derive(Clone, Copy, Debug)]
struct OpenOffer {
    place: DownloadHash,
    at: UnixTime,
    until: UnixTime,
}

impl OpenOffers {
    /// Adds an offer of an image to `device` at the time `now`. A download belongs to the offer only if it ends
    /// within `seconds` seconds. Nothing changes if the offer of `device` and `number` has the same address and
    /// path, and its deadline has not passed.
    pub(crate) fn add(
        &mut self,
        place: DownloadHash,
        device: DeviceId,
        number: u32,
        now: UnixTime,
        seconds: u32,
    ) {
        let known = self.offers.get(&(device.clone(), number));
        if known.is_some_and(|known| known.place == place && now <= known.until) {
            return;
        }
        self.remove(&device, number);
        let until = later(now, i64::from(seconds) * 1000);
        self.offers.insert((device.clone(), number), OpenOffer { place, at: now, until });
        self.by_time.insert((now, device.clone(), number));
        self.at_place.entry(place).or_default().insert((now, device, number));
    }

    /// Removes and returns the offer that a download belongs to: the latest offer with the same address and path
    /// before the download began. `None` if there is no such offer, or if its deadline has passed. Downloads of
    /// parts remove only one offer for each address and path, because anybody can request a single byte.
    pub(crate) fn settle(
        &mut self,
        place: DownloadHash,
        is_part: bool,
        started: UnixTime,
        finished: UnixTime,
    ) -> Option<(DeviceId, u32)> {
        if is_part && (self.parts.contains(&place) || self.parts.len() >= MAX_PARTS) {
            return None;
        }
        let at_place = self.at_place.get(&place)?;
        // Returns the sort key after all entries of a time. An offer that seems to be later may be
        // earlier, because rows have whole seconds.
        let after = |time: UnixTime| (later(time, 1), DeviceId::Mac(MacAddress::new([0; 6])), 0);
        let near = after(started)..after(later(started, SLACK_MILLIS));
        let before = at_place.range(..after(started)).next_back().or_else(|| at_place.range(near).next());
        let in_time = |device: &DeviceId, number: u32| {
            let known = self.offers.get(&(device.clone(), number));
            known.is_some_and(|known| finished <= later(known.until, SLACK_MILLIS))
        };
        // The latest offer has the latest deadline.
        let (_, device, number) = before.filter(|(_, device, number)| in_time(device, *number))?.clone();
        if is_part {
            self.parts.insert(place);
        }
        self.remove(&device, number);
        Some((device, number))
    }

    /// Returns the key of the oldest offer.
    pub(crate) fn first(&self) -> Option<(DeviceId, u32)> {
        self.by_time.first().map(|(_, device, number)| (device.clone(), *number))
    }

    pub(crate) fn len(&self) -> usize {
        self.offers.len()
    }

    pub(crate) fn remove(&mut self, device: &DeviceId, number: u32) {
        let Some(open) = self.offers.remove(&(device.clone(), number)) else { return };
        let entry = (open.at, device.clone(), number);
        self.by_time.remove(&entry);
        if let Some(at_place) = self.at_place.get_mut(&open.place) {
            at_place.remove(&entry);
            if at_place.is_empty() {
                self.at_place.remove(&open.place);
            }
        }
    }

    pub(crate) fn forget(&mut self, gone: &BTreeSet<u32>) {
        let lost: Vec<(DeviceId, u32)> =
            self.offers.keys().filter(|(_, number)| gone.contains(number)).cloned().collect();
        for (device, number) in lost {
            self.remove(&device, number);
        }
        if self.offers.is_empty() {
            self.parts.clear();
        }
    }
}

fn later(time: UnixTime, millis: i64) -> UnixTime {
    UnixTime::from_millis(time.as_millis().saturating_add(millis))
}
