//! [`PeerDownloads`]: the durations of the downloads of each file, by all devices.

use super::keys::path_key;
use super::span::Span;
use std::collections::HashMap;
use ucupdate_audit::AccessRow;

/// The durations of the downloads of each file, by all devices in access logs. They show which
/// duration is usual.
///
/// The memory is bounded: 1000 files, and 512 downloads of each file. Further files and downloads
/// are ignored.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_audit::AccessRow;
/// use ucupdate_core::value::UnixTime;
/// use ucupdate_fleet::timeline::{PeerDownloads, Span};
/// let mut peers = PeerDownloads::default();
/// let path = "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt";
/// for seconds in [100, 120, 140] {
///     let now = UnixTime::from_seconds(1_236_359_577);
///     peers.observe(&AccessRow::finished("GET", path, 200, Duration::from_secs(seconds), now));
/// }
/// assert_eq!(peers.usual(path), Some(Span(120)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct PeerDownloads {
    seconds: HashMap<String, Vec<u32>>,
}

const MAX_FILES: usize = 1000;
const MAX_DOWNLOADS: usize = 512;

/// The smallest number of downloads of a file for which a median is returned.
const MIN_DOWNLOADS: usize = 3;

impl PeerDownloads {
    /// Adds a row of an access log. A row that is not a complete download has no effect.
    pub fn observe(&mut self, row: &AccessRow) {
        let is_whole = row.status == Some(200) && row.win32_status.unwrap_or(0) == 0;
        let Some(taken) = row.time_taken_ms.filter(|_| is_whole && row.method.as_logged() == "GET") else {
            return;
        };
        let key = path_key(&row.uri_stem.decoded());
        if self.seconds.len() >= MAX_FILES && !self.seconds.contains_key(&key) {
            return;
        }
        let downloads = self.seconds.entry(key).or_default();
        if downloads.len() < MAX_DOWNLOADS {
            downloads.push(u32::try_from(taken / 1000).unwrap_or(u32::MAX));
        }
    }

    /// Returns the median duration of the downloads of a file. `path` is the path of its URL.
    /// `None` if there are fewer than three downloads.
    pub fn usual(&self, path: &str) -> Option<Span> {
        let mut seconds = self.seconds.get(&path_key(path))?.clone();
        if seconds.len() < MIN_DOWNLOADS {
            return None;
        }
        let middle = seconds.len() / 2;
        let (_, median, _) = seconds.select_nth_unstable(middle);
        Some(Span((*median).into()))
    }
}
