//! What goes wrong, by whose fault it is.

use crate::device_code::DeviceCode;
use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};
use ucupdate_core::value::Sha256Digest;
use ucupdate_upx::DecodeError;

/// Why there is no answer, or no file. The text is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The options cannot be used.
    #[error("{cause}")]
    Options {
        /// Which, and why.
        cause: Box<str>,
    },
    /// A URL that is not asked: the caller's, or a base URL of the server's.
    #[error("URL {url:?} {fault}")]
    Url {
        /// The URL as given.
        url: Box<str>,
        /// What is wrong with it.
        fault: UrlFault,
    },
    /// An offer whose files cannot lie in one folder.
    #[error("offered files `{first}` and `{second}` would overwrite one another")]
    Names {
        /// One name.
        first: Box<str>,
        /// The other.
        second: Box<str>,
    },
    /// The network: no answer, or one that broke off.
    #[error("{fault} at {url}: {cause}")]
    Connection {
        /// What was asked for.
        url: Box<str>,
        /// How far it came.
        fault: ConnectionFault,
        /// What the network said.
        cause: Box<str>,
    },
    /// The server answered something else than what was asked for.
    #[error("{url} answered {status}: {reason}")]
    Status {
        /// What was asked for.
        url: Box<str>,
        /// The HTTP status.
        status: u16,
        /// The first line of the answer's body, or where it points to, or what the status means; at most
        /// [`MAX_REASON_CHARS`](Self::MAX_REASON_CHARS) characters, none of which controls.
        reason: Box<str>,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The server's answer is longer than the device takes.
    #[error("{url} sends more than {most} bytes")]
    TooLarge {
        /// What was asked for.
        url: Box<str>,
        /// The limit.
        most: u64,
    },
    /// The server's answer to an update request cannot be read.
    #[error("{url} sent no response that can be read: {cause}")]
    Answer {
        /// What was asked.
        url: Box<str>,
        /// Why not.
        cause: DecodeError,
    },
    /// The server's file is not what the server says it is.
    #[error("{url} {fault}")]
    Content {
        /// The file's URL.
        url: Box<str>,
        /// What does not fit.
        fault: ContentFault,
    },
    /// The folder for downloads does not take them.
    #[error("cannot {doing} {}: {cause}", path.display())]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

impl ClientError {
    /// The most characters of [`Status::reason`](Self::Status).
    pub const MAX_REASON_CHARS: usize = 200;

    /// Whether trying again later can help.
    ///
    /// So it is for connections (but not for certificates) and for the statuses 429, 502, 503 and 504. A 404 or 410 is final:
    /// asking for a file that is gone again and again helps nobody.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Connection { fault, .. } => match fault {
                ConnectionFault::Name
                | ConnectionFault::Connect
                | ConnectionFault::Timeout
                | ConnectionFault::Broken => true,
                ConnectionFault::Certificate | ConnectionFault::Tls => false,
            },
            Self::Status { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            Self::Options { .. }
            | Self::Url { .. }
            | Self::Names { .. }
            | Self::TooLarge { .. }
            | Self::Answer { .. }
            | Self::Content { .. }
            | Self::Disk { .. } => false,
        }
    }

    /// What a phone would show, where a server was asked at all.
    pub fn device_code(&self) -> Option<DeviceCode> {
        match self {
            Self::Connection { fault, .. } => Some(DeviceCode { wininet: fault.wininet(), status: 0 }),
            Self::Status { status, .. } => Some(DeviceCode::answered(*status)),
            Self::TooLarge { .. } | Self::Answer { .. } | Self::Content { .. } => {
                Some(DeviceCode::answered(200))
            }
            Self::Options { .. } | Self::Url { .. } | Self::Names { .. } | Self::Disk { .. } => None,
        }
    }

    /// How long the server asks to wait before the next try.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    pub(crate) fn options(cause: impl fmt::Display) -> Self {
        Self::Options { cause: cause.to_string().into() }
    }

    pub(crate) fn content(url: &str, fault: ContentFault) -> Self {
        Self::Content { url: url.into(), fault }
    }

    pub(crate) fn disk<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |cause| Self::Disk { doing, path: path.to_owned(), cause }
    }

    pub(crate) fn connection(url: &str, error: &reqwest::Error) -> Self {
        let (fault, cause) = ConnectionFault::of(error);
        Self::Connection { url: url.into(), fault, cause }
    }

    pub(crate) fn timed_out(url: &str, after: Duration) -> Self {
        let cause = format!("no whole answer within {after:?}").into();
        Self::Connection { url: url.into(), fault: ConnectionFault::Timeout, cause }
    }
}

/// What is wrong with a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlFault {
    /// Nothing there: the server was never told this side's URL.
    #[error("is blank")]
    Blank,
    /// Not a URL.
    #[error("cannot be read: {cause}")]
    Unreadable {
        /// Why.
        cause: Box<str>,
    },
    /// Neither http nor https.
    #[error("has the scheme {found}, expected http or https")]
    Scheme {
        /// The scheme.
        found: Box<str>,
    },
    /// A user name or password inside, which would be sent along.
    #[error("holds a user name or password, expected none")]
    Credentials,
    /// A folder's URL with `?` or `#` in it.
    #[error("holds `?` or `#`, expected the URL of a folder")]
    NotAFolder,
    /// A redirect from https to http.
    #[error("leads from https to http, which is not followed")]
    Downgrade,
    /// One redirect after another.
    #[error("is one redirect too many, expected at most {most}")]
    TooManyRedirects {
        /// How many are followed.
        most: usize,
    },
}

/// How far a connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionFault {
    /// The host's name has no address.
    Name,
    /// Nobody takes the connection.
    Connect,
    /// The server's certificate is not trusted, or not for this host.
    Certificate,
    /// TLS fails otherwise.
    Tls,
    /// Nothing came for too long.
    Timeout,
    /// The connection ended before the answer did.
    Broken,
}

impl ConnectionFault {
    /// WinINet's number for it, from Microsoft's list of its error messages.
    const fn wininet(self) -> u32 {
        match self {
            Self::Name => 12_007,        // ERROR_INTERNET_NAME_NOT_RESOLVED
            Self::Connect => 12_029,     // ERROR_INTERNET_CANNOT_CONNECT
            Self::Certificate => 12_045, // ERROR_INTERNET_INVALID_CA
            Self::Tls => 12_157,         // ERROR_INTERNET_SECURITY_CHANNEL_ERROR
            Self::Timeout => 12_002,     // ERROR_INTERNET_TIMEOUT
            Self::Broken => 12_030,      // ERROR_INTERNET_CONNECTION_ABORTED
        }
    }

    /// Which one `error` is, and the innermost thing it says.
    fn of(error: &reqwest::Error) -> (Self, Box<str>) {
        let mut tls = None;
        let mut innermost: &(dyn StdError + 'static) = error;
        while let Some(source) = innermost.source() {
            innermost = source;
            tls = tls.or_else(|| tls_error(source));
        }
        let fault = match tls {
            Some(rustls::Error::InvalidCertificate(_)) => Self::Certificate,
            Some(_) => Self::Tls,
            None if error.is_dns() => Self::Name,
            None if error.is_timeout() => Self::Timeout,
            None if error.is_connect() => Self::Connect,
            None => Self::Broken,
        };
        (fault, one_line(&innermost.to_string()))
    }
}

impl fmt::Display for ConnectionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Name => "host unknown",
            Self::Connect => "no connection",
            Self::Certificate => "certificate not trusted",
            Self::Tls => "TLS failed",
            Self::Timeout => "timed out",
            Self::Broken => "connection broke off",
        })
    }
}

/// The TLS error that `error` is or, as an `io::Error` around another, carries: such a one does not name what it carries as
/// its source.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut error = error;
    while let Some(carried) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        error = carried;
    }
    error.downcast_ref()
}

/// What does not fit in a file from the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentFault {
    /// More or fewer bytes than declared.
    #[error("sent {found} bytes, expected {expected}")]
    Size {
        /// The size declared.
        expected: u64,
        /// The bytes that came.
        found: u64,
    },
    /// Other bytes than the server's own hash of them says.
    #[error("sent bytes with SHA-256 {found}, expected {expected}")]
    Hash {
        /// The hash in the ETag.
        expected: Sha256Digest,
        /// The hash of what came.
        found: Sha256Digest,
    },
    /// Compressed or otherwise encoded, which was not asked for.
    #[error("sent the content encoding {found:?}, expected none")]
    Encoding {
        /// The encoding.
        found: Box<str>,
    },
    /// A part, where all of it was asked for.
    #[error("sent a part of the file, expected all of it")]
    UnaskedPart,
}

/// The first line of a text that holds something, without control characters, and bounded.
pub(crate) fn one_line(text: &str) -> Box<str> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let bounded: String = line
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .take(ClientError::MAX_REASON_CHARS)
        .collect();
    bounded.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_bounded_line() {
        assert_eq!(&*one_line("\r\n  no rule\x07 here \r\nmore"), "no rule\u{fffd} here");
        assert_eq!(one_line(&"x".repeat(5000)).chars().count(), ClientError::MAX_REASON_CHARS);
        assert_eq!(&*one_line("\n \n"), "");
    }

    #[test]
    fn a_phone_shows_the_status_or_the_error_of_the_network() {
        let gone = ClientError::Status {
            url: "http://a/".into(),
            status: 404,
            reason: "not found".into(),
            retry_after: None,
        };
        assert_eq!(gone.device_code().unwrap().to_string(), "0x0/404");
        assert_eq!(gone.to_string(), "http://a/ answered 404: not found");
        assert!(!gone.may_pass());
        let late = ClientError::timed_out("http://a/", Duration::from_secs(60));
        assert_eq!(late.device_code().unwrap().to_string(), "0x2ee2/0");
        assert_eq!(late.to_string(), "timed out at http://a/: no whole answer within 60s");
        assert!(late.may_pass());
        assert_eq!(ClientError::options("x").device_code(), None);
    }
}
