#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod book;
pub mod decide;
pub mod device;
#[cfg(any(test, feature = "fuzzing"))]
pub mod laws;
pub mod request;
pub mod value;
pub mod version;
#[doc = include_str!("../VERSIONS.md")]
pub mod versions {}

pub use book::{RuleBook, RuleKey};
pub use decide::{Decision, EligibilityIndex, decide};
pub use device::{Device, DeviceKind, MacAddress};
pub use request::{Question, UpdateRequest, UpdateResponse};
pub use version::{FirmwareVersion, ReportedVersion};
