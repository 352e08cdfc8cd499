//! [`CaptureOptions`]: the bodies that are kept, and their limits.

use ucupdate_audit::{RetentionDays, ServerName};

/// Options of captures: the kinds and the number of request bodies that a server keeps below `Logs/Client/` in its
/// store.
///
/// Bodies name devices, and may name users. On a folder store only the owner of the folder can read them.
///
/// ```
/// use ucupdate::{CaptureOptions, Options};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let options = Options::default().with_captures(CaptureOptions::new("ocs01".parse()?));
/// # drop(options);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct CaptureOptions {
    pub(crate) server: ServerName,
    pub(crate) days: RetentionDays,
    pub(crate) captures: usize,
    pub(crate) bytes: usize,
    pub(crate) of_one_shape: u32,
    pub(crate) device_log_bytes: usize,
}

impl CaptureOptions {
    /// Returns options that keep unreadable requests for ten days. At most 1,000 are kept, at most 64 KiB of each, and
    /// at most 20 with the same error. Uploads of device logs are not kept.
    pub fn new(server: ServerName) -> Self {
        Self {
            server,
            days: RetentionDays::default(),
            captures: 1000,
            bytes: 64 * 1024,
            of_one_shape: 20,
            device_log_bytes: 0,
        }
    }

    /// Sets the number of days for which captures are kept. Default: ten.
    pub fn with_days(self, days: RetentionDays) -> Self {
        Self { days, ..self }
    }

    /// Sets the largest number of captures of each kind, at least 1. The oldest ones are removed first. Default: 1,000.
    pub fn with_captures(self, captures: usize) -> Self {
        Self { captures: captures.max(1), ..self }
    }

    /// Sets the number of bytes that are kept of each unreadable body. Default: 65,536.
    pub fn with_bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Sets the largest number of unreadable bodies with the same error that a service keeps from its start to its end. Default:
    /// 20. Without this limit, the captures of one kind of device would displace those of all other devices.
    pub fn with_of_one_shape(self, bodies: u32) -> Self {
        Self { of_one_shape: bodies, ..self }
    }

    /// Sets the largest size in bytes of an uploaded device log. Logs up to this size are accepted
    /// and kept. Default: 0, so that uploads are refused.
    pub fn with_device_log_bytes(self, bytes: usize) -> Self {
        Self { device_log_bytes: bytes, ..self }
    }
}
