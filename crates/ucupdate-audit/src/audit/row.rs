//! One row of the audit log, as values.

use ucupdate_core::device::{ReportedKind, SerialNumber};
use ucupdate_core::request::Side;
use ucupdate_core::value::{FieldTime, Reported, UnixTime};
use ucupdate_core::{MacAddress, ReportedVersion, UpdateRequest, UpdateResponse};

/// What one device asked, and what it was answered.
///
/// The items are the columns of the original's audit log. What the device said is kept as said, beside what was read in
/// it, so a row can be made of anything that was ever logged.
///
/// ```
/// use ucupdate_audit::{AuditFormat, AuditRow};
/// use ucupdate_core::value::UnixTime;
/// let row = AuditRow::device_log_upload("10.1.1.123", UnixTime::from_seconds(1_236_359_240));
/// let line = AuditFormat::default().line(&row);
/// assert_eq!(line.as_str(), "03-06-2009 17:07:20,,10.1.1.123,,,\"\",\"\",\"\",\"\",\"\",\"\",,\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditRow {
    /// The server's clock when it answered; a log holds whole seconds of it.
    pub logged_at: UnixTime,
    /// The user who signed in last; empty when nobody did.
    pub user_name: Box<str>,
    /// The device's address as the server saw it; usually an IP address.
    pub user_host: Box<str>,
    /// The kind of the device; each word is empty where the device reported none.
    pub kind: ReportedKind,
    /// The device's own clock; hours off as long as it has no time.
    pub request_date_time: Reported<FieldTime>,
    /// The device's MAC address.
    pub mac_address: Reported<MacAddress>,
    /// The device's serial number.
    pub serial_number: Reported<SerialNumber>,
    /// What it has, a module each.
    pub requested: Vec<RequestedCell>,
    /// What it was told to fetch; empty for "nothing to do".
    pub offered: Vec<OfferedCell>,
    /// Columns of other editions, as title and text: kept when read, never written.
    pub others: Vec<(Box<str>, Box<str>)>,
}

/// One module a device asked about, as it stands in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedCell {
    /// The file name as said (`cpe.nbt`).
    pub file_name: Box<str>,
    /// The version installed; `0.0.0.0` for "none known".
    pub version: ReportedVersion,
    /// The installed image's time stamp; `01-01-1601 00:00:00` for "none known".
    pub time_stamp: Reported<FieldTime>,
}

/// One image a device was told to fetch, as it stands in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedCell {
    /// The image's URL for the side that asked.
    pub url: Box<str>,
    /// The image's version.
    pub version: ReportedVersion,
    /// The image's own time stamp.
    pub time_stamp: Reported<FieldTime>,
}

impl AuditRow {
    /// The row of a request that was answered, offers or none.
    ///
    /// `host` is the device's address as the server saw it. An offered file is the base URL of the side that asked, `/`
    /// and the file name, as the original's log has it for devices inside (for those outside it is inferred).
    pub fn answered(
        request: &UpdateRequest,
        response: &UpdateResponse,
        side: Side,
        host: &str,
        now: UnixTime,
    ) -> Self {
        let device = &request.device;
        let requested = request.modules.iter().map(|module| RequestedCell {
            file_name: module.file_name.clone(),
            version: module.version.clone(),
            time_stamp: module.time_stamp.clone(),
        });
        let offered = response.modules.iter().map(|module| OfferedCell {
            url: format!("{}/{}", module.base_url_for(side), module.file_name).into(),
            version: module.version.clone(),
            time_stamp: module.time_stamp.clone(),
        });
        Self {
            logged_at: now,
            user_name: request.user_name.clone(),
            user_host: host.into(),
            kind: (&device.kind).into(),
            request_date_time: request.request_date_time.clone(),
            mac_address: device.mac_address.clone(),
            serial_number: device.serial_number.clone(),
            requested: requested.collect(),
            offered: offered.collect(),
            others: Vec::new(),
        }
    }

    /// The row of an upload of device logs, which names no device: only the time and the host are known.
    pub fn device_log_upload(host: &str, now: UnixTime) -> Self {
        Self { logged_at: now, user_host: host.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn an_offered_file_is_under_the_base_url_of_the_side_that_asked() {
        let now = UnixTime::from_seconds(1_236_359_439);
        let url = |side| {
            let row = AuditRow::answered(&fixture::request(), &fixture::offer(), side, "10.1.1.123", now);
            row.offered[0].url.to_string()
        };
        assert_eq!(url(Side::Internal), "http://ocs.demo.local/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt");
        assert_eq!(url(Side::External), "https://ocs.demo.local/DeviceUpdateFiles_Ext/OCInterim/ENU/CPE.nbt");
    }

    #[test]
    fn what_the_device_said_is_kept_as_said() {
        let mut request = fixture::request();
        request.device.mac_address = Reported::new("00-21-63-0f-20-7b");
        let now = UnixTime::default();
        let row = AuditRow::answered(&request, &UpdateResponse::default(), Side::Internal, "h", now);
        assert_eq!(row.mac_address.raw(), "00-21-63-0f-20-7b");
        assert_eq!(row.requested[0].file_name.as_ref(), "cpe.nbt");
        assert!(row.offered.is_empty());
    }
}
