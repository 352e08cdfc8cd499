//! [`Timeline`]: audit rows in order of time. Each has the row of the same exchange (request and response) in the
//! access log, and the rows of the downloads of its offered files.

use ucupdate_audit::{AccessRow, AuditRow};
use ucupdate_core::value::UnixTime;

/// Audit rows in order of time. Each one is joined with the row of the same exchange (request and response) in the
/// access log, and with the downloads of its offered files.
///
/// All rows are held in memory. Pass the rows of one day or of one device.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_audit::{AccessRow, AuditReader, AuditRow};
/// use ucupdate_core::value::UnixTime;
/// use ucupdate_fleet::timeline::{Fetched, Timeline};
/// let audit = "Logging DateTime,User Host Address,Response\n\
///     03-06-2009 17:10:39,10.1.1.123,http://ocs/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt;1.0.522.103;\n";
/// let audit: Vec<AuditRow> = AuditReader::new(audit.as_bytes()).map(Result::unwrap).collect();
/// let (path, taken) = ("/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt", Duration::from_millis(137_810));
/// let finished = UnixTime::from_seconds(1_236_359_577);
/// let download = AccessRow {
///     client_ip: "10.1.1.123".into(),
///     ..AccessRow::finished("GET", path, 200, taken, finished)
/// };
/// let timeline = Timeline::join(audit, [download]);
/// assert_eq!(timeline.entries()[0].fetched(0), Fetched::Whole { at: finished, taken_ms: Some(137_810) });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    pub(super) entries: Vec<TimelineEntry>,
    pub(super) unjoined: Vec<AccessRow>,
}

/// One request, its answer, and the downloads of the offered files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// The request and the answer.
    pub audit: AuditRow,
    /// The row of the same exchange in the access log. `None` if the access log has no such row.
    pub asked: Option<AccessRow>,
    /// The downloads of the offered files, in order of their start.
    pub downloads: Vec<LoggedDownload>,
}

/// One attempt to download an offered file. It may be complete, incomplete or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedDownload {
    /// The index of the offer in [`AuditRow::offered`].
    pub offer: usize,
    /// The kind of file: the image or its signature.
    pub file: OfferedFile,
    /// The row of the download in the access log.
    pub access: AccessRow,
    /// `true` if several devices at this address were offered the file. In this case another device
    /// may have downloaded it.
    pub shared_host: bool,
}

/// One of the two files of an offer that a device downloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "an image and its signature catalogue are what a device fetches")]
pub enum OfferedFile {
    /// The image (`.nbt`).
    Image,
    /// The signature catalogue (`.cat`) beside the image.
    Signature,
}

/// The result of the attempts to download an offered file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fetched {
    /// The logs have no download of the file.
    NotSeen,
    /// The file was sent as a whole, or the device had it already (status 304).
    Whole {
        /// The time at which the download ended.
        at: UnixTime,
        /// The duration in milliseconds. `None` if it was not logged.
        taken_ms: Option<u64>,
    },
    /// Only parts of the file were sent, or the connection broke. The logs do not show whether the
    /// parts make the whole file.
    Partly {
        /// The end of the last attempt that sent a part of the file.
        at: UnixTime,
    },
    /// The last attempt failed, and no attempt sent a part of the file.
    Failed {
        /// The HTTP status of the last attempt. `None` if it was not logged.
        status: Option<u16>,
        /// The time at which the last attempt ended.
        at: UnixTime,
    },
}

impl Timeline {
    /// Returns the entries, in order of time.
    pub fn entries(&self) -> &[TimelineEntry] {
        &self.entries
    }

    /// Returns the access rows of the update service that belong to no audit row, in order of time.
    /// These are refused or malformed requests, and downloads without an offer.
    pub fn unjoined(&self) -> &[AccessRow] {
        &self.unjoined
    }
}

impl TimelineEntry {
    /// Returns the result of downloading the image of an offer. `offer` is an index in
    /// [`AuditRow::offered`]. The best of several attempts counts.
    pub fn fetched(&self, offer: usize) -> Fetched {
        self.outcome(offer, OfferedFile::Image)
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

impl LoggedDownload {
    /// Returns the result of this attempt. Status 200 with a Windows error means that the connection broke, so only a
    /// part was sent.
    pub fn fetched(&self) -> Fetched {
        let (at, taken_ms) = (self.access.finished_at, self.access.time_taken_ms);
        match (self.access.status, self.access.win32_status.unwrap_or(0)) {
            (Some(200 | 304), 0) => Fetched::Whole { at, taken_ms },
            (Some(200 | 206 | 304), _) => Fetched::Partly { at },
            (status, _) => Fetched::Failed { status, at },
        }
    }
}
