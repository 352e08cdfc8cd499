//! The code that a phone writes to its log and shows on its screen.

use std::fmt;

/// The result of an update check as a phone shows it: the WinINet error and the HTTP status, such as `0x0/200`.
///
/// A number that does not apply is zero. Known logs show `(0x0/200)` when there was nothing to do, and `(0x0/404)` for
/// an unknown path. The WinINet numbers are from Microsoft's list of error messages. The assignment of these numbers to
/// failures is inferred.
///
/// ```
/// use ucupdate_client::DeviceCode;
/// assert_eq!(DeviceCode::answered(404).to_string(), "0x0/404");
/// assert_eq!(DeviceCode { wininet: 12_029, status: 0 }.to_string(), "0x2efd/0");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "the field knows these two numbers")]
pub struct DeviceCode {
    /// WinINet error number; zero when there was an HTTP response.
    pub wininet: u32,
    /// HTTP status; zero when there was no response.
    pub status: u16,
}

impl DeviceCode {
    /// Creates the code for a response with this status.
    pub const fn answered(status: u16) -> Self {
        Self { wininet: 0, status }
    }
}

impl fmt::Display for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}/{}", self.wininet, self.status)
    }
}
