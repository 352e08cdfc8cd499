//! Errors of the client, by their origin.

use crate::device_code::DeviceCode;
use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};
use ucupdate_core::value::{Sha256Digest, is_unseen};
use ucupdate_upx::DecodeError;

/// The reason why a request or a download failed. The message is one line.
///
/// The URLs in an error have no password and no query, because a query may be a signature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum ClientError {
    /// The options cannot be used.
    #[error("{cause}")]
    Options { cause: Box<str> },
    /// A URL that is not usable: one from the caller, a base URL from an offer, or the target of a
    /// redirect.
    #[error("URL {url:?} {fault}")]
    Url { url: Box<str>, fault: UrlFault },
    /// Files of the offers cannot be in one folder, because they would overwrite one another.
    #[error("offered files `{first}` and `{second}` would overwrite one another")]
    Names {
        first: Box<str>,
        /// Name of the second file. It is the same name as `first`, or the `.part` or `.part.note` file of one of
        /// them would have the name of the other. Case is ignored.
        second: Box<str>,
    },
    /// The network failed: there was no response, or the response broke off.
    #[error("{fault} at {url}: {cause}")]
    Connection {
        url: Box<str>,
        /// The stage at which the connection failed.
        fault: ConnectionFault,
        cause: Box<str>,
    },
    /// The server responded with an error status.
    #[error("{url} answered {status}: {reason}")]
    Status {
        url: Box<str>,
        status: u16,
        /// First line of the body, or the target of the redirect, or the meaning of the status. It has at most
        /// [`MAX_REASON_CHARS`](Self::MAX_REASON_CHARS) characters and no control characters.
        reason: Box<str>,
        /// The waiting time in `Retry-After`. `None` if the server sent none.
        retry_after: Option<Duration>,
    },
    /// The response is longer than the limit.
    #[error("{url} sends more than {most} bytes")]
    TooLarge { url: Box<str>, most: u64 },
    /// The response to an update request cannot be read.
    #[error("{url} sent a response that cannot be read: {cause}")]
    Answer { url: Box<str>, cause: DecodeError },
    /// A file differs from what the server declared.
    #[error("{url} {fault}")]
    Content { url: Box<str>, fault: ContentFault },
    /// The download folder, or a file in it, cannot be used.
    #[error("cannot {doing} {}: {cause}", path.display())]
    Disk {
        /// The operation that failed, as a verb. Example: `write`.
        doing: &'static str,
        path: PathBuf,
        cause: io::Error,
    },
}

impl ClientError {
    /// The largest number of characters in [`Status::reason`](Self::Status).
    pub const MAX_REASON_CHARS: usize = 200;

    /// Returns whether a later try can succeed.
    ///
    /// A later try can succeed after a connection failure, unless TLS or a certificate failed, and after the
    /// statuses 429, 502, 503 and 504. No other error is temporary. The statuses 404 and 410 are final.
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

    /// Returns the code that a phone would show. Returns `None` if the fault is not in the network
    /// or in a response: in the options, a URL, file names, or the disk.
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

    /// Returns the waiting time in the server's `Retry-After`. `None` for errors without one.
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
        let fault = match error {
            _ if error.is_dns() => ConnectionFault::Name,
            _ if error.is_timeout() => ConnectionFault::Timeout,
            _ if error.is_connect() => ConnectionFault::Connect,
            _ => ConnectionFault::Broken,
        };
        Self::broken(url, fault, error)
    }

    /// Returns the error for a failure of the network. If `error` was caused by TLS, the fault is `Certificate` or
    /// `Tls`. Otherwise it is `fault`.
    pub(crate) fn broken(url: &str, fault: ConnectionFault, error: &(dyn StdError + 'static)) -> Self {
        let (tls, cause) = ConnectionFault::traced(error);
        Self::Connection { url: url.into(), fault: tls.unwrap_or(fault), cause }
    }

    pub(crate) fn timed_out(url: &str, after: Duration) -> Self {
        let cause = format!("no whole answer within {after:?}").into();
        Self::Connection { url: url.into(), fault: ConnectionFault::Timeout, cause }
    }
}

/// The reason why a URL cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum UrlFault {
    /// The URL is empty or blank. In an offer, a blank URL means that the server has no URL for this side (internal
    /// or external).
    #[error("is blank")]
    Blank,
    /// The text is not a URL.
    #[error("cannot be read: {cause}")]
    Unreadable { cause: Box<str> },
    /// The scheme is neither http nor https.
    #[error("has the scheme {found}, expected http or https")]
    Scheme { found: Box<str> },
    /// The URL contains a user name or password, which would be sent to the server.
    #[error("contains a user name or password, expected none")]
    Credentials,
    /// The base URL of an offer contains `?` or `#`. A file name cannot be appended to such a URL.
    #[error("contains `?` or `#`, expected the URL of a folder")]
    NotAFolder,
    /// The redirect leads from https to http.
    #[error("leads from https to http, which is not followed")]
    Downgrade,
    /// The redirect leads to a server that [`with_redirects`](crate::ClientOptions::with_redirects) excludes.
    #[error("leads to a server to which redirects are not followed")]
    NotFollowed,
    /// There are more redirects than the client follows.
    #[error("redirects too often, expected at most {most} redirects")]
    TooManyRedirects { most: usize },
}

/// The stage at which a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionFault {
    /// The name of the host has no address.
    Name,
    /// The connection could not be opened. For example, the server refused it.
    Connect,
    /// The certificate of the server is not trusted, or is for another host.
    Certificate,
    /// TLS failed for another reason.
    Tls,
    /// The connection was not opened, or the answer did not arrive, within a time limit.
    Timeout,
    /// The connection ended before the response did.
    Broken,
}

impl ConnectionFault {
    /// Returns the number that Microsoft's list of WinINet error messages has for this fault.
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

    /// Returns `Certificate` or `Tls` if `error` or one of its sources is a TLS error. Also returns the text of the
    /// innermost source of `error`.
    fn traced(error: &(dyn StdError + 'static)) -> (Option<Self>, Box<str>) {
        let mut tls = tls_error(error);
        let mut innermost = error;
        while let Some(source) = innermost.source() {
            innermost = source;
            tls = tls.or_else(|| tls_error(source));
        }
        let fault = tls.map(|tls| match tls {
            rustls::Error::InvalidCertificate(_) => Self::Certificate,
            _ => Self::Tls,
        });
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

/// Returns the TLS error if `error` is one, or is an `io::Error` around one. The sources of `error` are not enough to
/// find it, because `io::Error::source` skips the error inside the `io::Error`.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut error = error;
    while let Some(carried) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        error = carried;
    }
    error.downcast_ref()
}

/// The difference between a file and what the server declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum ContentFault {
    /// There are more or fewer bytes than declared.
    #[error("sent {found} bytes, expected {expected}")]
    Size { expected: u64, found: u64 },
    /// The SHA-256 differs from the one in the ETag.
    #[error("sent bytes with SHA-256 {found}, expected {expected}")]
    Hash { expected: Sha256Digest, found: Sha256Digest },
    /// The file has a content coding, which was not requested.
    #[error("sent the content coding {found:?}, expected none")]
    Encoding { found: Box<str> },
    /// The server sent only a part of the file, although the client requested the whole file.
    #[error("sent a part of the file, expected all of it")]
    UnaskedPart,
}

/// Returns the first non-blank line of a text, without control characters and with a bounded length.
pub(crate) fn one_line(text: &str) -> Box<str> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let bounded: String = line
        .chars()
        .map(|c| if is_unseen(c) { '\u{fffd}' } else { c })
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
