//! [`Timeline`]: audit rows, each with its exchange and its downloads.

use super::keys::host_key;
use std::time::Duration;
use ucupdate_audit::{AccessRow, AuditRow};
use ucupdate_core::MacAddress;
use ucupdate_core::device::SerialNumber;
use ucupdate_core::value::UnixTime;

/// How far apart in time rows may be and still belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelineOptions {
    pub(super) slack_ms: i64,
    pub(super) window_ms: i64,
}

impl Default for TimelineOptions {
    /// 5 s between the clocks of servers, and 24 h to begin a download: devices ask again by then.
    fn default() -> Self {
        Self { slack_ms: 5000, window_ms: 24 * 3_600_000 }
    }
}

impl TimelineOptions {
    /// The same with clocks of different servers so far apart.
    #[must_use]
    pub fn with_slack(mut self, slack: Duration) -> Self {
        self.slack_ms = i64::try_from(slack.as_millis()).unwrap_or(i64::MAX);
        self
    }

    /// The same with so long between an offer and the beginning of its download.
    #[must_use]
    pub fn with_window(mut self, window: Duration) -> Self {
        self.window_ms = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        self
    }
}

/// Audit rows in order of time, each with its exchange and the downloads that followed.
///
/// All rows given are held in memory: give it those of a day or of a device.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_audit::{AccessRow, AuditReader, AuditRow};
/// use ucupdate_core::value::UnixTime;
/// use ucupdate_fleet::timeline::{Fetched, Timeline, TimelineOptions};
/// let audit = "Logging DateTime,User Host Address,Response\n\
///     03-06-2009 17:10:39,10.1.1.123,http://ocs/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt;1.0.522.103;\n";
/// let audit: Vec<AuditRow> = AuditReader::new(audit.as_bytes()).map(Result::unwrap).collect();
/// let (path, taken) = ("/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt", Duration::from_millis(137_810));
/// let finished = UnixTime::from_seconds(1_236_359_577);
/// let download = AccessRow {
///     client_ip: "10.1.1.123".into(),
///     ..AccessRow::finished("GET", path, 200, taken, finished)
/// };
/// let timeline = Timeline::join(audit, [download], &TimelineOptions::default());
/// assert_eq!(timeline.entries()[0].fetched(0), Fetched::Whole { at: finished, taken_ms: Some(137_810) });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    pub(super) entries: Vec<TimelineEntry>,
    pub(super) unjoined: Vec<AccessRow>,
}

/// One request that was answered, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// What was asked and answered.
    pub audit: AuditRow,
    /// The web server's row of the same exchange; `None` when its log does not hold it.
    pub asked: Option<AccessRow>,
    /// The downloads of what was offered, in order of their beginning.
    pub downloads: Vec<Download>,
}

/// One download of an offered file, or a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Which of [`AuditRow::offered`], from 0.
    pub offer: usize,
    /// Which of its two files.
    pub file: OfferedFile,
    /// The web server's row.
    pub access: AccessRow,
    /// Whether several devices at this address were offered this file, so that another may have fetched it.
    pub shared_host: bool,
}

/// The files of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "an image and its signature catalogue are what a device fetches")]
pub enum OfferedFile {
    /// The image.
    Image,
    /// The signature catalogue beside it.
    Signature,
}

/// Whether a device fetched a file it was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fetched {
    /// No download is in the log.
    NotSeen,
    /// It was sent to the end.
    Whole {
        /// When it was finished.
        at: UnixTime,
        /// How long it took in milliseconds, where the log says.
        taken_ms: Option<u64>,
    },
    /// Parts of it were sent; whether they make the whole, the log does not say.
    Partly {
        /// When the last part was finished.
        at: UnixTime,
    },
    /// It was refused, last with this status.
    Failed {
        /// The HTTP status; `None` where the log has none.
        status: Option<u16>,
        /// When.
        at: UnixTime,
    },
}

impl Timeline {
    /// The entries, in order of time.
    pub fn entries(&self) -> &[TimelineEntry] {
        &self.entries
    }

    /// The entries of the device with this MAC address.
    pub fn of_mac_address(&self, sought: MacAddress) -> impl Iterator<Item = &TimelineEntry> {
        self.entries.iter().filter(move |entry| entry.audit.mac_address.read() == Some(&sought))
    }

    /// The entries of the device with this serial number.
    pub fn of_serial_number(&self, sought: &SerialNumber) -> impl Iterator<Item = &TimelineEntry> {
        self.entries.iter().filter(move |entry| entry.audit.serial_number.read() == Some(sought))
    }

    /// The entries of requests from this address.
    pub fn of_host(&self, sought: &str) -> impl Iterator<Item = &TimelineEntry> {
        let sought = host_key(sought);
        self.entries.iter().filter(move |entry| host_key(&entry.audit.user_host) == sought)
    }

    /// Rows of the update service that no audit row accounts for, in order of time: requests that were refused or
    /// malformed, and downloads nobody was offered.
    pub fn unjoined(&self) -> &[AccessRow] {
        &self.unjoined
    }
}

impl TimelineEntry {
    /// Whether the image of this offer was fetched; the offers are [`AuditRow::offered`], from 0.
    pub fn fetched(&self, offer: usize) -> Fetched {
        self.outcome(offer, OfferedFile::Image)
    }

    /// Whether the signature catalogue of this offer was fetched.
    pub fn fetched_signature(&self, offer: usize) -> Fetched {
        self.outcome(offer, OfferedFile::Signature)
    }

    pub(super) fn outcome(&self, offer: usize, file: OfferedFile) -> Fetched {
        let mut best = Fetched::NotSeen;
        for download in
            self.downloads.iter().filter(|download| download.offer == offer && download.file == file)
        {
            best = match (best, download.fetched()) {
                (Fetched::Whole { .. }, _) => return best,
                (Fetched::Partly { .. }, Fetched::Failed { .. }) => best,
                (_, later) => later,
            };
        }
        best
    }
}

impl Download {
    /// What this one try came to: a connection that went away (a Windows error beside a 200) sent but a part.
    pub fn fetched(&self) -> Fetched {
        let (at, taken_ms) = (self.access.finished_at, self.access.time_taken_ms);
        match (self.access.status, self.access.win32_status.unwrap_or(0)) {
            (Some(200 | 304), 0) => Fetched::Whole { at, taken_ms },
            (Some(200 | 206 | 304), _) => Fetched::Partly { at },
            (status, _) => Fetched::Failed { status, at },
        }
    }
}
