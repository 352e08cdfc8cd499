//! The phone of the audit log in `vectors/`, and its requests.

use ucupdate_core::request::{InstalledModule, OfferedModule};
use ucupdate_core::value::Reported;
use ucupdate_core::{Device, ReportedVersion, RuleKey, UpdateRequest, UpdateResponse};

/// The rule for the phone, as text.
pub const RULE: &str = "UCPhone/LG-Nortel/IP8540/A/ENU/CPE";

/// Returns [`RULE`] as a parsed key of a rule.
pub fn rule() -> RuleKey {
    RULE.parse().expect("the words make a rule")
}

/// Returns the phone, but with the device kind of `rule`. The MAC address and the serial number are
/// always those in `vectors/RequestHandlerAuditLog_2009-03-06.log`.
pub fn phone(rule: &RuleKey) -> Device {
    Device {
        kind: rule.kind().clone(),
        mac_address: Reported::new("0021630F207B"),
        serial_number: Reported::new("C185H001209"),
    }
}

/// Returns the module of the phone as a request reports it, with this installed version.
pub fn module(version: &str) -> InstalledModule {
    InstalledModule {
        file_name: "cpe.nbt".into(),
        version: ReportedVersion::new(version),
        time_stamp: Reported::new("01-01-1601 00:00:00"),
    }
}

/// Returns the request of a phone with a version installed. With [`rule()`] and `0.0.0.0`, this is the second request in
/// `vectors/RequestHandlerAuditLog_2009-03-06.log`.
pub fn request(rule: &RuleKey, version: &str) -> UpdateRequest {
    UpdateRequest {
        device: phone(rule),
        user_name: "ruisilva@demo.local".into(),
        request_date_time: Reported::new("06-03-2009 17:10:39"),
        modules: vec![module(version)],
    }
}

/// Returns the offer in the second row of `vectors/RequestHandlerAuditLog_2009-03-06.log`. It
/// offers the interim image.
pub fn offer() -> UpdateResponse {
    UpdateResponse {
        modules: vec![OfferedModule {
            file_name: "CPE.nbt".parse().expect("a file name"),
            signature_file_name: "CPE.cat".parse().expect("a file name"),
            version: ReportedVersion::new("1.0.522.103"),
            time_stamp: Reported::new("16-12-2008 04:43:58"),
            base_url: "http://ocs.demo.local/DeviceUpdateFiles_Int/OCInterim/ENU".into(),
            external_base_url: "https://ocs.demo.local/DeviceUpdateFiles_Ext/OCInterim/ENU".into(),
        }],
    }
}

/// Returns the bytes of a file in `vectors/`.
pub fn vector(name: &str) -> Vec<u8> {
    let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/{}"), name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
