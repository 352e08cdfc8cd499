//! [`Trouble`]: a trouble of a device, with its name, meaning and remedy.

use super::event::Code;
use super::served_path::FetchedFile;
use super::span::Span;
use super::status;
use std::fmt;
use ucupdate_core::ReportedVersion;
use ucupdate_core::value::UnixTime;

/// A trouble of one device that the logs show.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trouble {
    /// The kind of trouble. Its values, such as a duration, are those of the last event that showed the trouble.
    pub kind: TroubleKind,
    /// The time of the first event that showed the trouble.
    pub first: UnixTime,
    /// The time of the last event that showed the trouble.
    pub last: UnixTime,
    /// The number of events that showed the trouble.
    pub count: u64,
    /// The time of the event that showed the end of the trouble. `None` if no event showed it.
    pub over: Option<UnixTime>,
}

/// The kind of a trouble. `Display` writes a description. [`meaning`](Self::meaning) explains the
/// trouble, and [`remedy`](Self::remedy) returns what an administrator should do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum TroubleKind {
    /// The device uses the path of early firmware, and the server does not have this path.
    OldPath,
    /// The server has the path, but no handler for it.
    NoHandler { path: Box<str> },
    /// The device tries to sign in repeatedly and is refused.
    SignInLoop { sub_status: u16 },
    /// The server cannot read the request.
    UnreadableRequest,
    /// The server refuses the request for another reason, or fails.
    RequestRefused { status: u16, sub_status: u16 },
    /// The server refuses a download, or fails.
    DownloadRefused { file: FetchedFile, status: u16, sub_status: u16 },
    /// The connection broke during a download.
    CutShort { file: FetchedFile },
    /// A download took much longer than the same download of other devices. `usual` is the median
    /// of all devices.
    Slow { file: FetchedFile, taken: Span, usual: Span },
    /// The device downloaded an image, but not its signature.
    NoSignature { file: FetchedFile },
    /// The device is offered the version that it reports as installed.
    OfferedInstalled { version: ReportedVersion },
    /// The device is offered the same version repeatedly, and keeps its installed version.
    OfferedAgain { version: ReportedVersion },
    /// The device was offered a version, and did not download it.
    NeverFetched { version: ReportedVersion },
    /// The device downloaded `version` and came back with its old version `old`.
    CameBackOld { version: ReportedVersion, old: ReportedVersion },
    /// The device downloaded a version and sent no request afterwards.
    NotBack { file: FetchedFile },
    /// The clock of the device differs from the clock of the server. `minutes` is negative if the
    /// device's clock is behind.
    ClockWrong { minutes: i64 },
    /// The device sent no request for a long time.
    Silent { since: Span },
}

impl TroubleKind {
    /// Returns a short name for programs, such as `old-path` or `no-signature`.
    pub fn name(&self) -> &'static str {
        self.texts().0
    }

    /// Returns an explanation of the trouble for an administrator, in one sentence.
    pub fn meaning(&self) -> &'static str {
        self.texts().1
    }

    /// Returns an instruction that may solve the trouble, in one sentence.
    pub fn remedy(&self) -> &'static str {
        self.texts().2
    }

    /// Returns the name, the meaning and the remedy.
    fn texts(&self) -> (&'static str, &'static str, &'static str) {
        let refused = |status, sub_status| {
            let meaning = status::meaning(status, sub_status);
            (meaning.unwrap_or("the web server refuses it, or failed"), status::remedy(status, sub_status))
        };
        match self {
            Self::OldPath => (
                "old-path",
                "firmware 1.0.452.0 and earlier asks at this path, and the server answers only at /RequestHandler/",
                "add a virtual folder UCDeviceUpdates that leads to the request handler",
            ),
            Self::NoHandler { .. } => (
                "no-handler",
                "the path exists as a folder, so the web server refuses a POST",
                status::remedy(405, 0),
            ),
            Self::SignInLoop { sub_status } => (
                "sign-in-loop",
                "outside, a device must sign in, and its attempts are refused",
                status::remedy(401, *sub_status),
            ),
            Self::UnreadableRequest => (
                "unreadable-request",
                "the body of the request does not have the expected form",
                status::remedy(400, 0),
            ),
            Self::RequestRefused { status, sub_status } => {
                let (meaning, remedy) = refused(*status, *sub_status);
                ("request-refused", meaning, remedy)
            }
            Self::DownloadRefused { status, sub_status, .. } => {
                let (meaning, remedy) = refused(*status, *sub_status);
                ("download-refused", meaning, remedy)
            }
            Self::CutShort { .. } => (
                "cut-short",
                "the device has a part of the file and must fetch it again",
                "check the timeouts of proxies and the cabling: an image takes minutes",
            ),
            Self::Slow { .. } => (
                "slow",
                "the network between this device and the server is slower than that of its peers",
                "check the link of the site, or update fewer devices of the site at once",
            ),
            Self::NoSignature { .. } => (
                "no-signature",
                "a device installs no image without its signature catalogue (.cat)",
                "check that the .cat file lies beside the image and is served (MIME type)",
            ),
            Self::OfferedInstalled { .. } => (
                "offered-installed",
                "the device reports the version that it is offered, so it installs it again and again",
                "compare the version in the package with the one the device reports: `ucupdate version`",
            ),
            Self::OfferedAgain { .. } => (
                "offered-again",
                "the device does not install what it is offered",
                "look for downloads that fail; hold the device with `ucupdate loops --hold`",
            ),
            Self::NeverFetched { .. } => (
                "never-fetched",
                "the device cannot reach the URL of the offer, or does not want the file",
                "fetch the URL of the offer from the network of the device: name, port, proxy",
            ),
            Self::CameBackOld { .. } => (
                "came-back-old",
                "the device fetched the image and did not install it, or fell back to its other partition",
                "check the signature and that the image is for this hardware revision; restart the device by hand once",
            ),
            Self::NotBack { .. } => (
                "not-back",
                "the device installs the image, waits until it is idle, or failed to start",
                "wait a day, then restart the device by hand and look at its screen",
            ),
            Self::ClockWrong { .. } => (
                "clock-wrong",
                "a device without the right time cannot check certificates and may not sign in",
                "check the time server that DHCP or DNS names to devices, or the --time-zone of the log",
            ),
            Self::Silent { .. } => (
                "silent",
                "a device asks at least every 24 hours, so it is off, unplugged or cannot reach the server",
                "ping the device, and look whether it is still in use",
            ),
        }
    }
}

impl fmt::Display for TroubleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldPath => f.write_str("asked at the old path and got 404"),
            Self::NoHandler { path } => write!(f, "asked at {path} and got 405"),
            Self::SignInLoop { sub_status } => {
                write!(
                    f,
                    "signs in again and again and gets {}",
                    Code { status: 401, sub_status: *sub_status }
                )
            }
            Self::UnreadableRequest => f.write_str("sent a request that cannot be read (400)"),
            Self::RequestRefused { status, sub_status } => {
                write!(f, "asked and got {}", Code { status: *status, sub_status: *sub_status })
            }
            Self::DownloadRefused { file, status, sub_status } => {
                write!(f, "could not fetch {file}: {}", Code { status: *status, sub_status: *sub_status })
            }
            Self::CutShort { file } => write!(f, "the download of {file} was cut short"),
            Self::Slow { file, taken, usual } => {
                write!(f, "the download of {file} took {taken}, usual are {usual}")
            }
            Self::NoSignature { file } => write!(f, "fetched {file} without its signature"),
            Self::OfferedInstalled { version } => write!(f, "is offered {version}, which it has"),
            Self::OfferedAgain { version } => write!(f, "is offered {version} again and again"),
            Self::NeverFetched { version } => write!(f, "was offered {version} and did not fetch it"),
            Self::CameBackOld { version, old } => write!(f, "fetched {version} and came back with {old}"),
            Self::NotBack { file } => write!(f, "fetched {file} and did not come back"),
            Self::ClockWrong { minutes } => {
                let side = if *minutes < 0 { "behind" } else { "ahead" };
                match minutes.unsigned_abs() {
                    minutes @ ..90 => write!(f, "its clock is {minutes} min {side}"),
                    minutes @ 90..2880 => write!(f, "its clock is {} h {side}", (minutes + 30) / 60),
                    minutes => write!(f, "its clock is {} days {side}", minutes / 1440),
                }
            }
            Self::Silent { since } => write!(f, "was not seen for {since}"),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        if self.count > 1 {
            write!(f, ", {} times", self.count)?;
        }
        if self.over.is_some() { f.write_str(" (over)") } else { Ok(()) }
    }
}
