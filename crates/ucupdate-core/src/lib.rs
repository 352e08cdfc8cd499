#![doc = include_str!("../README.md")]

mod book;
mod command;
mod decide;
mod delta_to;
mod device;
mod digest;
mod explain;
mod file_name;
mod folded_table;
mod index;
mod label;
pub mod laws;
mod message;
mod package;
mod rebuild;
mod releases;
mod retire;
mod rule;
mod rule_key;
mod said;
mod stone;
#[cfg(feature = "serde")]
mod stored_text;
mod test_device;
mod time;
mod version;

pub use book::{Delta, Entry, RuleBook, Settings};
pub use command::{Command, Note, Outcome, Refusal};
pub use decide::{Decision, Via, decide};
pub use device::{Device, MAX_SERIAL_BYTES, MacAddress, MacAddressError, SerialNumber, SerialNumberError};
pub use digest::{Digest, DigestError, PackageId, PackageIdError, Sha1Digest, Sha256Digest};
pub use explain::{Difference, Explanation, Step, Trace, explain};
pub use file_name::{FileName, MAX_PATH_PART_BYTES, PathPartError, check_path_part};
pub use index::{EligibilityIndex, Offer};
pub use label::{
    DeviceType, HardwareRevision, LabelError, Locale, MAX_LABEL_BYTES, Model, UpdateType, Vendor,
};
pub use message::{InstalledModule, OfferedModule, Side, UpdateRequest, UpdateResponse};
pub use package::{
    INTERIM_FOLDER, IngestId, IngestedPackage, InterimImage, Release, ReleaseFiles, StoredFile,
};
pub use releases::ReleasesByRule;
pub use rule::{
    Approved, Assignment, Audience, Candidate, OfferPolicy, OfferRule, RolledBack, Rule, RuleError,
};
pub use rule_key::{RuleKey, RuleKeyError};
pub use said::Said;
pub use stone::SteppingStone;
pub use test_device::{
    MAX_TEST_DEVICE_NAME_BYTES, TestDevice, TestDeviceId, TestDeviceName, TestDeviceNameError,
};
pub use time::{FieldTime, FieldTimeError, UnixTime};
pub use version::{FirmwareVersion, ReportedVersion, VersionError};
