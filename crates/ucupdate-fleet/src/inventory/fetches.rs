//! [`RecentFetches`]: the latest downloads of images at each address.

use crate::downloads::host_mark;
use crate::timeline::FetchedFile;
use std::collections::HashMap;
use ucupdate_audit::AccessRow;
use ucupdate_core::value::UnixTime;

/// The largest expected difference in milliseconds between the time of a request in the audit log
/// and the time of its download in the access log. Logs have only whole seconds.
const SLACK_MILLIS: i64 = 1000;

/// The times of the latest downloads of images, for each address and version. They come from rows
/// of access logs in any order.
///
/// They show which devices download the offered version
/// ([`StateOptions::with_fetches`](super::StateOptions::with_fetches)). Devices with the same
/// address and the same offered version cannot be distinguished. The number of pairs of an address
/// and a version is limited. Downloads of further pairs are left out.
#[derive(Clone, Debug)]
pub struct RecentFetches {
    most: usize,
    places: HashMap<FetchKey, LatestFetches>,
}

/// The hash of an address, and the version of an image in lower case. The version is `None` for the
/// interim image.
type FetchKey = (u64, Option<Box<str>>);

/// The times at which the latest downloads of one version at one address ended: the latest of a part, and the
/// latest of a whole image.
#[derive(Clone, Copy, Debug, Default)]
struct LatestFetches {
    part: Option<UnixTime>,
    whole: Option<UnixTime>,
}

/// How much of an image was downloaded since a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FetchedExtent {
    /// Only a part was downloaded. The latest of these downloads ended at this time.
    Part(UnixTime),
    Whole,
}

impl RecentFetches {
    /// Creates an empty collection for at most `most` pairs of an address and a version.
    pub fn new(most: usize) -> Self {
        Self { most, places: HashMap::new() }
    }

    /// Adds a row of an access log. A row that is not the download of an image is ignored.
    ///
    /// A redirect to the store counts as a download of a part, because only the access log of the bucket shows whether the device
    /// got the whole image.
    pub fn take_in(&mut self, row: &AccessRow) {
        let is_get = row.method.as_logged().eq_ignore_ascii_case("GET");
        let Some(200 | 206 | 301 | 302 | 303 | 307 | 308) = row.status.filter(|_| is_get) else { return };
        let Some(file) = FetchedFile::of_path(&row.uri_stem.decoded()).filter(|file| !file.is_signature)
        else {
            return;
        };
        let version = match file.version {
            Some(version) => Some(version.as_str().to_ascii_lowercase().into()),
            None if file.is_interim => None,
            None => return,
        };
        let place = (host_mark(&row.client_ip.decoded()), version);
        if self.places.len() >= self.most && !self.places.contains_key(&place) {
            return;
        }
        let latest = self.places.entry(place).or_default();
        let is_whole = row.status == Some(200) && row.win32_status.unwrap_or(0) == 0;
        let time = if is_whole { &mut latest.whole } else { &mut latest.part };
        *time = (*time).max(Some(row.finished_at));
    }

    /// Forgets the downloads that ended before a time.
    pub fn forget_before(&mut self, time: UnixTime) {
        self.places.retain(|_, latest| latest.part.max(latest.whole) >= Some(time));
    }

    /// Returns how much of an image was downloaded at the address `host` since `time`. `None` if nothing was
    /// downloaded. `version` is the version of the image, and `None` for the interim image.
    pub(super) fn since(&self, time: UnixTime, host: &str, version: Option<&str>) -> Option<FetchedExtent> {
        let place = (host_mark(host), version.map(|version| version.to_ascii_lowercase().into()));
        let latest = self.places.get(&place)?;
        let since = UnixTime::from_millis(time.as_millis().saturating_sub(SLACK_MILLIS));
        if latest.whole >= Some(since) {
            return Some(FetchedExtent::Whole);
        }
        latest.part.filter(|part| *part >= since).map(FetchedExtent::Part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const IMAGE: &str = "/DeviceUpdateFiles_Int/UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt";

    fn row(path: &str, status: u16, win32: u32, second: i64) -> AccessRow {
        AccessRow {
            client_ip: "10.1.1.9".into(),
            win32_status: Some(win32),
            ..AccessRow::finished("GET", path, status, Duration::ZERO, UnixTime::from_seconds(second))
        }
    }

    #[test]
    fn a_broken_download_is_a_part_until_a_whole_one_follows() {
        let mut fetches = RecentFetches::new(10);
        let since = |fetches: &RecentFetches, second: i64, version: Option<&str>| {
            fetches.since(UnixTime::from_seconds(second), "10.1.1.9", version)
        };
        fetches.take_in(&row(IMAGE, 200, 64, 100));
        fetches.take_in(&row(IMAGE, 206, 0, 120));
        fetches.take_in(&row(&IMAGE.replace(".nbt", ".cat"), 200, 0, 130));
        fetches.take_in(&row(IMAGE, 404, 2, 140));
        let part = FetchedExtent::Part(UnixTime::from_seconds(120));
        assert_eq!(since(&fetches, 121, Some("3.5.6907.0")), Some(part), "times are whole seconds");
        assert_eq!(since(&fetches, 122, Some("3.5.6907.0")), None);
        assert_eq!(since(&fetches, 90, Some("4.0.7577.0")), None);
        assert_eq!(since(&fetches, 90, None), None);
        fetches.take_in(&row(IMAGE, 200, 0, 150));
        assert_eq!(since(&fetches, 90, Some("3.5.6907.0")), Some(FetchedExtent::Whole));
        fetches.take_in(&row("/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt", 206, 0, 160));
        assert!(matches!(since(&fetches, 90, None), Some(FetchedExtent::Part(_))));
        fetches.forget_before(UnixTime::from_seconds(155));
        assert_eq!(since(&fetches, 90, Some("3.5.6907.0")), None);
    }

    #[test]
    fn downloads_without_room_are_left_out() {
        let mut fetches = RecentFetches::new(1);
        fetches.take_in(&row(IMAGE, 200, 0, 100));
        fetches.take_in(&row(&IMAGE.replace("3.5.6907.0", "9.0.0.0"), 200, 0, 100));
        let since = |version| fetches.since(UnixTime::default(), "10.1.1.9", Some(version));
        assert_eq!((since("3.5.6907.0"), since("9.0.0.0")), (Some(FetchedExtent::Whole), None));
    }
}
