//! The code a phone shows in its log and on its screen.

use std::fmt;

/// How a phone says what came of an update check: the WinINet error and the HTTP status, `0x0/200`.
///
/// Both numbers are zero where there is nothing to say. The form is the field's: phones showed `(0x0/200)` for "asked,
/// nothing to do" and `(0x0/404)` for a path the server did not know. WinINet's numbers are those of Microsoft's list of its
/// error messages; which of them a phone showed for which failure is inferred.
///
/// ```
/// use ucupdate_client::DeviceCode;
/// assert_eq!(DeviceCode::answered(404).to_string(), "0x0/404");
/// assert_eq!(DeviceCode { wininet: 12_029, status: 0 }.to_string(), "0x2efd/0");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "the field knows these two numbers")]
pub struct DeviceCode {
    /// WinINet's error number; zero when an answer came.
    pub wininet: u32,
    /// The answer's HTTP status; zero when none came.
    pub status: u16,
}

impl DeviceCode {
    /// The code for an answer with this status.
    pub const fn answered(status: u16) -> Self {
        Self { wininet: 0, status }
    }
}

impl fmt::Display for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}/{}", self.wininet, self.status)
    }
}
