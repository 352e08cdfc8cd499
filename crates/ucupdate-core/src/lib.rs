#![doc = include_str!("../README.md")]

mod book;
mod client_filter;
mod command;
mod decide;
mod device;
mod device_identity;
mod digest;
mod explain;
mod file_name;
mod folded_table;
mod index;
mod label;
pub mod laws;
mod loops;
mod message;
mod package;
mod rule;
mod rule_key;
mod said;
mod stone;
mod test_device;
mod time;
mod user_agent;
mod version;
mod version_range;
#[doc = include_str!("../VERSIONS.md")]
pub mod versions {}

pub use book::{Delta, Entry, RuleBook, Settings};
pub use client_filter::{
    ClientAction, ClientFilter, ClientRule, ClientRuleError, ClientVerdict, ClientVersions,
};
pub use command::{Command, Note, Outcome, Refusal};
pub use decide::{Decision, Via, decide};
pub use device::{Device, MAX_SERIAL_BYTES, MacAddress, MacAddressError, SerialNumber, SerialNumberError};
pub use device_identity::DeviceIdentity;
pub use digest::{Digest, DigestError, PackageId, PackageIdError, Sha1Digest, Sha256Digest};
pub use explain::{Difference, Explanation, Step, Trace, explain};
pub use file_name::{FileName, MAX_PATH_PART_BYTES, PathPartError, check_path_part};
pub use index::{EligibilityIndex, Offer};
pub use label::{
    ClientType, DeviceType, HardwareRevision, LabelError, Locale, MAX_LABEL_BYTES, Model, UpdateType, Vendor,
};
pub use loops::{Loop, LoopGuard, LoopKind, LoopOptions, Observation, devices_in_loops};
pub use message::{InstalledModule, OfferedModule, Side, UpdateRequest, UpdateResponse};
pub use package::{
    INTERIM_FOLDER, IngestId, IngestedPackage, InterimImage, Release, ReleaseFiles, StoredFile,
};
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
pub use user_agent::{ClientProduct, MAX_PRODUCTS, MAX_USER_AGENT_BYTES, UserAgent};
pub use version::{FirmwareVersion, ReportedVersion, VersionError};
pub use version_range::{MAX_COMPARATORS, VersionRange, VersionRangeError};
