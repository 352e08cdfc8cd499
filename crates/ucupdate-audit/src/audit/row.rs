//! [`AuditRow`]: one row of the audit log.

use ucupdate_core::device::{ReportedKind, SerialNumber};
use ucupdate_core::request::Side;
use ucupdate_core::value::{FieldTime, Reported, UnixTime};
use ucupdate_core::{MacAddress, ReportedVersion, UpdateRequest, UpdateResponse};

/// One request of a device, and its answer.
///
/// The fields are the columns of the original's audit log. Texts of the device are kept as reported, beside what they mean,
/// so every row that was ever logged can be represented.
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
    /// The clock of the server when it answered. A log holds whole seconds.
    pub logged_at: UnixTime,
    /// The user who signed in last. Empty if nobody was signed in.
    pub user_name: Box<str>,
    /// The address of the device as the server saw it, usually an IP address.
    pub user_host: Box<str>,
    /// Each of its words is empty if the device did not report it.
    pub kind: ReportedKind,
    /// The clock of the device. It can be hours off until the device gets the time.
    pub request_date_time: Reported<FieldTime>,
    /// The text as reported, and the address if the text is one.
    pub mac_address: Reported<MacAddress>,
    /// The text as reported, and the serial number if the text is one.
    pub serial_number: Reported<SerialNumber>,
    /// The modules that the device asked about.
    pub requested: Vec<RequestedCell>,
    /// The images that the device was offered. Empty if it was offered nothing.
    pub offered: Vec<OfferedCell>,
    /// Columns of other editions, as title and text. They are kept when a log is read, and are not written.
    pub others: Vec<(Box<str>, Box<str>)>,
}

/// One module that a device asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedCell {
    /// The file name as reported, such as `cpe.nbt`.
    pub file_name: Box<str>,
    /// The installed version. `0.0.0.0` means that none is known.
    pub version: ReportedVersion,
    /// The time stamp of the installed image. `01-01-1601 00:00:00` means that none is known.
    pub time_stamp: Reported<FieldTime>,
}

/// One image that a device was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedCell {
    /// The URL of the image for the side that asked.
    pub url: Box<str>,
    /// The version of the image.
    pub version: ReportedVersion,
    /// The time stamp of the image.
    pub time_stamp: Reported<FieldTime>,
}

impl AuditRow {
    /// Returns the row of a request that was answered.
    ///
    /// `host` is the address of the device as the server saw it. The URL of an offered file is the base URL of the side that
    /// asked, `/` and the file name. This is what the original's log has for devices inside; for devices outside it is
    /// inferred.
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

    /// Returns the row of an upload of device logs. It names no device; only the time and the host are known.
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
