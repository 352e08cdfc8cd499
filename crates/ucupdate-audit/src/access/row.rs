//! [`AccessRow`]: one row of the access log.

use super::text::AccessText;
use std::time::Duration;
use ucupdate_core::value::UnixTime;

/// One exchange with the web server, as a W3C extended log holds it.
///
/// The fields are those of the field's own log. A number is `None` if the log has `-` or no such field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRow {
    /// The end of the exchange, in whole seconds of UTC (`date` and `time`).
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
    /// The authenticated user (`cs-username`). Empty if nobody was authenticated.
    pub user_name: AccessText,
    /// The address of the device (`c-ip`).
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
    /// Other fields, as name and value. They are kept when a log is read, and are not written.
    pub others: Vec<(Box<str>, AccessText)>,
}

/// The beginnings of the paths of the update service.
const PATHS: [&str; 5] = [
    "/RequestHandler/",
    "/RequestHandlerExt/",
    "/UCDeviceUpdates/",
    "/DeviceUpdateFiles_Int/",
    "/DeviceUpdateFiles_Ext/",
];

impl AccessRow {
    /// Returns the row of an exchange that ended `now`. The caller sets the other fields.
    ///
    /// The substatus is 0. The Windows error is 2 for a status of 404, and 0 otherwise, as on the field's server.
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

    /// Whether the path belongs to the update service. ASCII case does not matter.
    pub fn is_of_update_service(&self) -> bool {
        let stem = self.uri_stem.as_logged();
        PATHS.iter().any(|path| stem.get(..path.len()).is_some_and(|start| start.eq_ignore_ascii_case(path)))
    }

    /// The start of the exchange: its end minus the time taken, if that is known.
    pub fn started_at(&self) -> UnixTime {
        let taken = i64::try_from(self.time_taken_ms.unwrap_or(0)).unwrap_or(i64::MAX);
        UnixTime::from_millis(self.finished_at.as_millis().saturating_sub(taken))
    }
}
