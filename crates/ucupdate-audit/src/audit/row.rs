//! [`AuditRow`]: one row of the audit log.

use super::bounded::{MAX_MODULES, MAX_TEXT_BYTES, MAX_URL_BYTES, bounded, bounded_report, more_modules};
use ucupdate_core::device::{ReportedKind, SerialNumber};
use ucupdate_core::request::{OfferedModule, Side};
use ucupdate_core::value::{FieldTime, Reported, UnixTime};
use ucupdate_core::{MacAddress, ReportedVersion, UpdateRequest, UpdateResponse};

/// One request of a device and its answer, as a row of the audit log.
///
/// The fields are the columns of OCS's audit log. Each text of the device is kept as reported, with
/// the parsed value if the text is valid. Therefore every logged row can be represented.
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
    /// The time at which the server answered, by the clock of the server. A log has whole seconds.
    pub logged_at: UnixTime,
    /// The user who signed in last. Empty if no user was signed in.
    pub user_name: Box<str>,
    /// The address of the device as the server saw it, usually an IP address.
    pub user_host: Box<str>,
    /// The device kind as reported. A part of the kind, such as the vendor, is empty if the device
    /// did not report it.
    pub kind: ReportedKind,
    /// The time of the request, by the clock of the device. This clock can be wrong by hours until
    /// the device has synchronised it.
    pub request_date_time: Reported<FieldTime>,
    /// The MAC address: the text as reported, and the parsed address if the text is valid.
    pub mac_address: Reported<MacAddress>,
    /// The serial number: the text as reported, and the parsed serial number if the text is valid.
    pub serial_number: Reported<SerialNumber>,
    /// The modules that the device asked about.
    pub requested: Vec<RequestedCell>,
    /// The images that the server offered to the device. Empty if it offered none.
    pub offered: Vec<OfferedCell>,
    /// The unknown columns, each as title and text. [`AuditReader`](crate::AuditReader) fills this
    /// list. [`AuditFormat`](crate::AuditFormat) does not write it.
    pub others: Vec<(Box<str>, Box<str>)>,
}

/// One module that a device asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedCell {
    /// The file name as reported, such as `cpe.nbt`.
    pub file_name: Box<str>,
    /// The installed version. `0.0.0.0` means that the version is not known.
    pub version: ReportedVersion,
    /// The time stamp of the installed image. `01-01-1601 00:00:00` means that the time is not known.
    pub time_stamp: Reported<FieldTime>,
}

/// One image that the server offered to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedCell {
    /// The URL of the image. It is the internal URL for an internal device, and the external URL
    /// for an external device.
    pub url: Box<str>,
    /// The version of the image.
    pub version: ReportedVersion,
    /// The time stamp of the image.
    pub time_stamp: Reported<FieldTime>,
}

impl AuditRow {
    /// Returns the row for an answered request. The server answered at the time `now`.
    ///
    /// `host` is the address of the device as the server saw it. The URL of an offered file is the
    /// base URL for the [`Side`] of the device, `/` and the file name. This is confirmed for
    /// internal devices by OCS's log, and inferred for external devices.
    ///
    /// A text of the request with more than 160 bytes is cut, and its length and the start of its
    /// SHA-256 are appended. If there are more than 16 modules, one additional module replaces the
    /// others. Its name has the number of the replaced modules.
    pub fn answered(
        request: &UpdateRequest,
        response: &UpdateResponse,
        side: Side,
        host: &str,
        now: UnixTime,
    ) -> Self {
        let device = &request.device;
        let requested = request.modules.iter().take(MAX_MODULES).map(|module| RequestedCell {
            file_name: bounded(&module.file_name, MAX_TEXT_BYTES),
            version: bounded_version(&module.version),
            time_stamp: bounded_report(&module.time_stamp),
        });
        let more = more_modules(request.modules.iter().skip(MAX_MODULES).map(|module| &*module.file_name));
        let requested = requested.chain(more.map(|file_name| RequestedCell {
            file_name,
            version: ReportedVersion::new(""),
            time_stamp: Reported::default(),
        }));
        let offered = response.modules.iter().take(MAX_MODULES).map(|module| OfferedCell {
            url: bounded(&offered_url(module, side), MAX_URL_BYTES),
            version: bounded_version(&module.version),
            time_stamp: bounded_report(&module.time_stamp),
        });
        let more =
            more_modules(response.modules.iter().skip(MAX_MODULES).map(|module| module.file_name.as_str()));
        let offered = offered.chain(more.map(|url| OfferedCell {
            url,
            version: ReportedVersion::new(""),
            time_stamp: Reported::default(),
        }));
        Self {
            logged_at: now,
            user_name: bounded(&request.user_name, MAX_TEXT_BYTES),
            user_host: bounded(host, MAX_TEXT_BYTES),
            kind: device.kind.words().map(|word| bounded(word, MAX_TEXT_BYTES)).into(),
            request_date_time: bounded_report(&request.request_date_time),
            mac_address: bounded_report(&device.mac_address),
            serial_number: bounded_report(&device.serial_number),
            requested: requested.collect(),
            offered: offered.collect(),
            others: Vec::new(),
        }
    }

    /// Returns the row for an upload of device logs. The row has only the time and the host,
    /// because an upload names no device.
    pub fn device_log_upload(host: &str, now: UnixTime) -> Self {
        Self { logged_at: now, user_host: host.into(), ..Self::default() }
    }
}

/// Returns the URL of an offered file for internal or external devices.
pub(super) fn offered_url(module: &OfferedModule, side: Side) -> String {
    [module.base_url_for(side), "/", module.file_name.as_str()].concat()
}

fn bounded_version(version: &ReportedVersion) -> ReportedVersion {
    match version.as_str() {
        text if text.len() <= MAX_TEXT_BYTES => version.clone(),
        text => ReportedVersion::new(&bounded(text, MAX_TEXT_BYTES)),
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

    #[test]
    #[cfg_attr(miri, ignore = "hashes 3000 modules, too many for Miri")]
    fn the_longest_request_makes_a_short_row_that_reads_back() {
        let mut request = fixture::request();
        let long = "=\u{1},".repeat(20_000);
        request.user_name = long.as_str().into();
        request.device.mac_address = Reported::new(&long);
        request.device.serial_number = Reported::new(&long);
        request.request_date_time = Reported::new(&long);
        let mut module = request.modules[0].clone();
        module.file_name = long.as_str().into();
        module.version = ReportedVersion::new(&long);
        module.time_stamp = Reported::new(&long);
        request.modules = vec![module; 3000];
        let mut offer = fixture::offer();
        offer.modules = vec![offer.modules[0].clone(); 3000];
        let now = UnixTime::from_seconds(1_236_359_439);
        let row = AuditRow::answered(&request, &offer, Side::Internal, &long, now);
        assert_eq!((row.requested.len(), row.offered.len()), (MAX_MODULES + 1, MAX_MODULES + 1));
        let line = crate::AuditFormat::new().line(&row);
        assert!(line.as_str().len() < 40_000, "{} bytes", line.as_str().len());
        let log = [crate::AUDIT_HEADER, line.as_str()].concat();
        let read = crate::AuditReader::new(log.as_bytes()).next().unwrap().unwrap();
        assert_eq!(read, row);
        assert!(read.mac_address.raw().contains("...[60000 bytes SHA-256 "), "{}", read.mac_address.raw());
        assert!(read.requested[MAX_MODULES].file_name.starts_with("[2984 more modules SHA-256 "));
        request.modules[5].file_name = "other".into();
        let other = AuditRow::answered(&request, &offer, Side::Internal, &long, now);
        assert_ne!(other, row);
    }
}
