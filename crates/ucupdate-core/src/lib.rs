//! The middle of ucupdate: firmware versions and their order, what devices say of themselves, update rules, and the pure
//! function that decides what a device is offered.
//!
//! # What this crate does not do
//! No input or output, no XML, no clock and no randomness: bytes become these values in `ucupdate-upx` and
//! `ucupdate-cab`, and whoever calls says what time it is.

mod device;
mod file_name;
mod label;
mod message;
mod rule_key;
mod said;
mod time;
mod version;

pub use device::{Device, MAX_SERIAL_BYTES, MacAddress, MacAddressError, SerialNumber, SerialNumberError};
pub use file_name::{FileName, MAX_PATH_PART_BYTES, PathPartError, check_path_part};
pub use label::{
    DeviceType, HardwareRevision, LabelError, Locale, MAX_LABEL_BYTES, Model, UpdateType, Vendor,
};
pub use message::{InstalledModule, OfferedModule, Side, UpdateRequest, UpdateResponse};
pub use rule_key::{RuleKey, RuleKeyError};
pub use said::Said;
pub use time::{FieldTime, FieldTimeError, UnixTime};
pub use version::{FirmwareVersion, ReportedVersion, VersionError};
