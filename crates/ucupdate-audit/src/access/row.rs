//! [`AccessRow`]: one row of the access log.

use super::text::AccessText;
use std::time::Duration;
use ucupdate_core::value::UnixTime;

/// One HTTP exchange, as a row of a W3C extended log.
///
/// The fields are the fields of OCS's access log. A number is `None` if the log has `-`, has a
/// number that is too large for the type, or does not have the field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRow {
    /// The end of the exchange in UTC. A log has whole seconds (`date` and `time`).
    pub finished_at: UnixTime,
    /// The address of the server (`s-ip`).
    pub server_ip: AccessText,
    /// The HTTP method (`cs-method`).
    pub method: AccessText,
    /// The path of the URL, percent-decoded (`cs-uri-stem`).
    pub uri_stem: AccessText,
    /// The query of the URL, without `?` (`cs-uri-query`).
    pub uri_query: AccessText,
    /// The port of the server (`s-port`).
    pub server_port: Option<u16>,
    /// The authenticated user (`cs-username`). Empty if no user was authenticated.
    pub user_name: AccessText,
    /// The address of the device (`c-ip`). See also
    /// [`AccessReader::with_client_from`](crate::AccessReader::with_client_from).
    pub client_ip: AccessText,
    /// The user agent (`cs(User-Agent)`).
    pub user_agent: AccessText,
    /// The HTTP status (`sc-status`).
    pub status: Option<u16>,
    /// The IIS substatus (`sc-substatus`).
    pub sub_status: Option<u16>,
    /// The Windows error code (`sc-win32-status`). 2 means that a file was not found, 64 that the connection broke.
    pub win32_status: Option<u32>,
    /// The time from the first byte of the request to the last byte of the answer, in milliseconds (`time-taken`).
    pub time_taken_ms: Option<u64>,
    /// Further fields, each as name and value. [`AccessReader`](crate::AccessReader) fills this
    /// list. [`AccessFormat`](crate::AccessFormat) does not write it.
    pub others: Vec<(Box<str>, AccessText)>,
}

/// The prefixes of the paths of the update service. They are compared without ASCII case.
const PATHS: [&str; 5] = [
    "/RequestHandler/",
    "/RequestHandlerExt/",
    "/UCDeviceUpdates/",
    "/DeviceUpdateFiles_Int/",
    "/DeviceUpdateFiles_Ext/",
];

impl AccessRow {
    /// Returns the row for an exchange that ended at the time `now`. The caller sets the other
    /// fields.
    ///
    /// The substatus is 0. The Windows error code is 2 if the status is 404, and otherwise 0, as in OCS's log.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ucupdate_audit::{AccessFormat, AccessRow};
    /// use ucupdate_core::value::UnixTime;
    /// let now = UnixTime::from_seconds(1_239_817_657);
    /// let row = AccessRow {
    ///     client_ip: "192.168.20.103".into(),
    ///     user_agent: "Microsoft UCPhone Device".into(),
    ///     ..AccessRow::finished("POST", "/UCDeviceUpdates/ucdevice.upx", 404, Duration::ZERO, now)
    /// };
    /// assert_eq!(
    ///     AccessFormat::default().line(&row).as_str(),
    ///     "2009-04-15 17:47:37 - POST /UCDeviceUpdates/ucdevice.upx - - - 192.168.20.103 Microsoft+UCPhone+Device 404 0 2 0\n",
    /// );
    /// ```
    pub fn finished(method: &str, path: &str, status: u16, taken: Duration, now: UnixTime) -> Self {
        Self {
            finished_at: now,
            method: method.into(),
            uri_stem: path.into(),
            status: Some(status),
            sub_status: Some(0),
            win32_status: Some(if status == 404 { 2 } else { 0 }),
            time_taken_ms: Some(u64::try_from(taken.as_millis()).unwrap_or(u64::MAX)),
            ..Self::default()
        }
    }

    /// Returns `true` if the path belongs to the update service. ASCII case is ignored.
    pub fn is_of_update_service(&self) -> bool {
        let stem = self.uri_stem.as_logged();
        PATHS.iter().any(|path| stem.get(..path.len()).is_some_and(|start| start.eq_ignore_ascii_case(path)))
    }

    /// Returns the start of the exchange: its end minus its duration. If the duration was not
    /// logged, returns the end.
    pub fn started_at(&self) -> UnixTime {
        let taken = i64::try_from(self.time_taken_ms.unwrap_or(0)).unwrap_or(i64::MAX);
        UnixTime::from_millis(self.finished_at.as_millis().saturating_sub(taken))
    }
}
