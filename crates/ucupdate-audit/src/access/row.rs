//! One row of the access log, as values.

use super::text::AccessText;
use std::time::Duration;
use ucupdate_core::value::UnixTime;

/// One exchange with the web server, as a W3C extended log holds it.
///
/// The fields are those of the field's own log. A number is `None` where the log says `-`, or has no such field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRow {
    /// When the answer was finished, in whole seconds of UTC (`date` and `time`).
    pub finished_at: UnixTime,
    /// The server's address (`s-ip`).
    pub server_ip: AccessText,
    /// The method (`cs-method`).
    pub method: AccessText,
    /// The path asked for, percent-decoded (`cs-uri-stem`).
    pub uri_stem: AccessText,
    /// The query, without `?` (`cs-uri-query`).
    pub uri_query: AccessText,
    /// The server's port (`s-port`).
    pub server_port: Option<u16>,
    /// The user, where one was authenticated (`cs-username`).
    pub user_name: AccessText,
    /// The device's address (`c-ip`).
    pub client_ip: AccessText,
    /// The user agent (`cs(User-Agent)`).
    pub user_agent: AccessText,
    /// The HTTP status (`sc-status`).
    pub status: Option<u16>,
    /// IIS's finer status (`sc-substatus`).
    pub sub_status: Option<u16>,
    /// The Windows error (`sc-win32-status`): 2 for a file not found, 64 for a connection that went away.
    pub win32_status: Option<u32>,
    /// From the first byte asked to the last answered, in milliseconds (`time-taken`).
    pub time_taken_ms: Option<u64>,
    /// Further fields, as name and value: kept when read, never written.
    pub others: Vec<(Box<str>, AccessText)>,
}

/// Where the service's paths begin; see [`AccessRow::is_of_update_service`].
const PATHS: [&str; 5] = [
    "/RequestHandler/",
    "/RequestHandlerExt/",
    "/UCDeviceUpdates/",
    "/DeviceUpdateFiles_Int/",
    "/DeviceUpdateFiles_Ext/",
];

impl AccessRow {
    /// The row of an answer finished `now`; the other fields are set by hand.
    ///
    /// The finer status is 0 and the Windows error 2 for a 404, else 0, as the field's server has them.
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

    /// Whether the path is one of the update service's, compared without case. Web servers log other services beside it.
    pub fn is_of_update_service(&self) -> bool {
        let stem = self.uri_stem.as_logged();
        PATHS.iter().any(|path| stem.get(..path.len()).is_some_and(|start| start.eq_ignore_ascii_case(path)))
    }

    /// When the request came: the time taken before the finish, where it is known.
    pub fn started_at(&self) -> UnixTime {
        let taken = i64::try_from(self.time_taken_ms.unwrap_or(0)).unwrap_or(i64::MAX);
        UnixTime::from_millis(self.finished_at.as_millis().saturating_sub(taken))
    }
}
