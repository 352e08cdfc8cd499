//! [`DeviceEvent`]: an event of a device, from the logs.

use super::served_path::FetchedFile;
use super::span::Span;
use super::status;
use std::fmt;
use ucupdate_core::ReportedVersion;
use ucupdate_core::value::UnixTime;

/// One event of a device: a line of its [`DeviceStory`](super::DeviceStory).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceEvent {
    /// The time of the event. A download has the time at which it ended.
    pub at: UnixTime,
    /// The kind of event, with its details.
    pub kind: DeviceEventKind,
    /// `true` if several devices at this address were offered the downloaded file. In this case
    /// another device may have downloaded it.
    pub shared_host: bool,
}

/// The kind of an event, with the facts from the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceEventKind {
    /// The device sent a request and got an answer. The event is from a row of the audit log.
    Asked {
        /// The modules in the request.
        modules: Vec<AskedModule>,
        /// The status and the duration of the exchange. `None` if the access log does not have the
        /// exchange.
        answered: Option<AnsweredIn>,
    },
    /// The device sent a request that has a row in the access log, but none in the audit log.
    Requested(RequestRow),
    /// The device downloaded a file, or tried to.
    Fetched(Fetch),
    /// The device probably restarted after a download. This is inferred, because the device sent a
    /// request after the download and did not report its old version.
    Restarted {
        /// The time from the end of the download to the request from which the restart is inferred.
        after: Span,
        /// The probable cause of the restart.
        by: RestartedBy,
    },
    /// The device uploaded a log of its own, as the audit log shows. The content is not in the timeline.
    UploadedLogs,
    /// The logs have no event of the device after the previous event, up to their end.
    Silent {
        /// The time from the last event to the end of the logs.
        since: Span,
    },
}

/// One module of a request, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AskedModule {
    /// The file name as the device reported it, such as `cpe.nbt`.
    pub file_name: Box<str>,
    /// The version that the device reported as installed.
    pub installed: ReportedVersion,
    /// The offered version. `None` if nothing was offered.
    pub offered: Option<ReportedVersion>,
    /// `true` if the offered file is the interim image.
    pub is_interim: bool,
    /// The reason for the answer. The logs do not contain it. A caller with a rule book may set it.
    pub because: Option<Box<str>>,
    /// The relation of the installed version to the previous offer. `None` if there was no previous
    /// offer, or if the relation is not clear.
    pub came_back: Option<CameBack>,
}

/// The relation of the installed version to the version that was offered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CameBack {
    /// The device now has the offered version.
    WithOffered,
    /// The device downloaded the offered version, and still has its old version.
    WithOld,
}

/// The status and the duration of an exchange, from the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnsweredIn {
    /// The HTTP status. `None` if it was not logged.
    pub status: Option<u16>,
    /// The duration in milliseconds. `None` if it was not logged.
    pub taken_ms: Option<u64>,
}

/// A request that has a row in the access log, but none in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestRow {
    /// The HTTP method.
    pub method: Box<str>,
    /// The path of the URL.
    pub path: Box<str>,
    /// The HTTP status. `None` if it was not logged.
    pub status: Option<u16>,
    /// The substatus of IIS, which explains the status further. 0 if it was not logged.
    pub sub_status: u16,
    /// The Windows error code. 5 means that access was denied. 0 if it was not logged.
    pub win32_status: u32,
}

/// One attempt to download a file. It may be complete, incomplete or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetch {
    /// The downloaded file: an image or a signature catalogue.
    pub file: FetchedFile,
    /// The path of the URL.
    pub path: Box<str>,
    /// The result: the file was sent completely, in part, or not at all.
    pub outcome: FetchResult,
    /// The number of bytes that the server sent. `None` if it was not logged.
    pub bytes: Option<u64>,
    /// The size of the file in bytes, from
    /// [`StoryOptions::with_sizes`](super::StoryOptions::with_sizes). `None` if it is not known.
    pub size: Option<u64>,
    /// The duration in milliseconds. `None` if it was not logged.
    pub taken_ms: Option<u64>,
    /// `true` if the device had the file already, so that nothing was sent (status 304).
    pub is_unchanged: bool,
}

/// The result of an attempt to download a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchResult {
    /// The file was sent completely, or the device had the file already.
    Whole,
    /// A part of the file was sent, because the device requested a part.
    Part,
    /// The connection ended before the file, or the requested part, was sent.
    CutShort,
    /// The server refused the download, or failed.
    Failed {
        /// The HTTP status. `None` if it was not logged.
        status: Option<u16>,
        /// The substatus of IIS. 0 if it was not logged.
        sub_status: u16,
        /// The Windows error code. 0 if it was not logged.
        win32_status: u32,
    },
}

/// The probable cause of a restart.
///
/// A device that has installed an image waits until it is idle, and then restarts. The logs do not
/// show the cause of a restart. This crate looks at the time from the end of the download to the
/// request after the restart. If this time is less than five minutes, it assumes that the device
/// was not idle yet, so a person restarted it. The restarts in the logs of 2009 agree with this
/// assumption, but do not prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RestartedBy {
    /// The device restarted by itself.
    Itself,
    /// A person restarted the device.
    Hand,
}

/// The shortest time in seconds from a download to a request after which this crate assumes that
/// the device restarted by itself.
const IDLE_SECONDS: u64 = 300;

impl RestartedBy {
    /// Returns the probable cause of a restart. `span` is the time from the end of the download to
    /// the request after the restart.
    pub(super) fn after(span: Span) -> Self {
        if span.0 < IDLE_SECONDS { Self::Hand } else { Self::Itself }
    }
}

impl DeviceEventKind {
    /// Returns a short name for programs: `asked`, `requested`, `fetched`, `restarted`, `uploaded-logs` or `silent`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Asked { .. } => "asked",
            Self::Requested(_) => "requested",
            Self::Fetched(_) => "fetched",
            Self::Restarted { .. } => "restarted",
            Self::UploadedLogs => "uploaded-logs",
            Self::Silent { .. } => "silent",
        }
    }
}

impl RequestRow {
    /// Returns whether the path is the old path of the request handler. Only early firmware uses this path.
    pub fn is_old_path(&self) -> bool {
        self.path.to_ascii_lowercase().starts_with("/ucdeviceupdates/")
    }

    /// Returns whether the server accepted the request: the status is 200 to 399.
    pub fn is_answered(&self) -> bool {
        self.status.is_some_and(|status| (200..400).contains(&status))
    }
}

impl Fetch {
    /// Returns the average number of bytes a second. `None` if the bytes or the time are not known.
    pub fn bytes_per_second(&self) -> Option<u64> {
        self.sent()?.checked_mul(1000)?.checked_div(self.taken_ms?)
    }

    /// Returns the number of bytes that were sent. If it was not logged, and the file was sent
    /// completely, returns the size of the file.
    fn sent(&self) -> Option<u64> {
        self.bytes.or(self.size.filter(|_| self.outcome == FetchResult::Whole))
    }
}

impl fmt::Display for DeviceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        if self.shared_host {
            f.write_str(" (or another device at this address)")?;
        }
        Ok(())
    }
}

impl fmt::Display for DeviceEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { modules, .. } if modules.is_empty() => f.write_str("asked about no module"),
            Self::Asked { modules, .. } => {
                for (index, module) in modules.iter().enumerate() {
                    write!(f, "{}{module}", if index > 0 { "; " } else { "" })?;
                }
                Ok(())
            }
            Self::Requested(row) => row.fmt(f),
            Self::Fetched(fetch) => fetch.fmt(f),
            Self::Restarted { after, by: RestartedBy::Itself } => {
                write!(f, "restarted, probably by itself, within {after} of the download")
            }
            Self::Restarted { after, by: RestartedBy::Hand } => {
                write!(f, "restarted, probably by hand, within {after} of the download")
            }
            Self::UploadedLogs => f.write_str("uploaded its logs"),
            Self::Silent { since } => write!(f, "silent for {since}"),
        }
    }
}

impl fmt::Display for AskedModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.came_back {
            Some(CameBack::WithOffered) => "came back with ",
            Some(CameBack::WithOld) => "came back with the old version ",
            None => "asked with ",
        })?;
        if self.installed.as_str().is_empty() {
            f.write_str("no version")?;
        } else {
            self.installed.fmt(f)?;
        }
        if !self.file_name.eq_ignore_ascii_case("cpe.nbt") {
            write!(f, " of {}", self.file_name)?;
        }
        match &self.offered {
            Some(offered) if self.is_interim => write!(f, ", offered {offered}, the interim image")?,
            Some(offered) => write!(f, ", offered {offered}")?,
            None => f.write_str(", offered nothing")?,
        }
        match &self.because {
            Some(because) => write!(f, ", because {because}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for RequestRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.method.eq_ignore_ascii_case("POST") { "asked" } else { &*self.method };
        let path = if self.is_old_path() { "the old path " } else { "" };
        write!(f, "{verb} at {path}{}: ", self.path)?;
        match self.status {
            Some(status) if self.is_answered() => write!(f, "answered ({status})"),
            Some(405) if verb != "asked" => f.write_str("405, the path takes only POST"),
            status => f.write_str(&refused(status, self.sub_status, self.win32_status)),
        }
    }
}

impl fmt::Display for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome {
            FetchResult::Whole => write!(f, "fetched {}", self.file)?,
            FetchResult::Part => write!(f, "fetched a part of {}", self.file)?,
            FetchResult::CutShort => write!(f, "began to fetch {}, but the connection broke", self.file)?,
            FetchResult::Failed { status, sub_status, win32_status } => {
                write!(f, "could not fetch {}: {}", self.file, refused(status, sub_status, win32_status))?;
            }
        }
        if let Some(bytes) = self.sent() {
            write!(f, ", {}", Bytes(bytes))?;
        }
        let is_failed = matches!(self.outcome, FetchResult::Failed { .. });
        if let Some(taken_ms) = self.taken_ms.filter(|taken_ms| *taken_ms >= 1000 && !is_failed) {
            write!(f, " in {}", Span::of_millis(taken_ms))?;
            if let Some(rate) = self.bytes_per_second() {
                write!(f, ", {}/s", Bytes(rate))?;
            }
        }
        Ok(())
    }
}

/// Returns a status in words, such as `500.19, the configuration of the folder cannot be read (access denied)`.
fn refused(status: Option<u16>, sub_status: u16, win32_status: u32) -> String {
    let Some(status) = status else { return "the log has no status".to_owned() };
    let code = Code { status, sub_status };
    let meaning = status::meaning(status, sub_status).map_or(String::new(), |meaning| format!(", {meaning}"));
    let denied = if win32_status == 5 { " (access denied)" } else { "" };
    format!("{code}{meaning}{denied}")
}

/// A status of IIS in the form that administrators know, such as `404` or `500.19`.
pub(super) struct Code {
    pub(super) status: u16,
    pub(super) sub_status: u16,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sub_status {
            0 => write!(f, "{}", self.status),
            sub_status => write!(f, "{}.{sub_status}", self.status),
        }
    }
}

/// A number of bytes in words, such as `512 B` or `27.4 MB`.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = |unit: u64, name: &str, f: &mut fmt::Formatter<'_>| {
            let tenths = self.0.saturating_mul(10) / unit;
            write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
        };
        match self.0 {
            bytes @ ..1000 => write!(f, "{bytes} B"),
            1000..1_000_000 => tenths(1000, "kB", f),
            1_000_000..1_000_000_000 => tenths(1_000_000, "MB", f),
            _ => tenths(1_000_000_000, "GB", f),
        }
    }
}
