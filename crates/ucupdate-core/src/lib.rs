#![doc = include_str!("../README.md")]

mod asked_from;
mod book;
mod bucket;
mod change;
mod client_filter;
mod command;
mod decide;
mod delta_to;
mod device;
mod device_id;
mod diff;
mod digest;
mod explain;
mod file_name;
mod folded_table;
mod group;
mod hold;
mod index;
mod known_devices;
mod label;
pub mod laws;
mod loops;
mod message;
mod note;
mod outcomes;
mod package;
mod parts;
mod plan;
mod policy;
mod rebuild;
mod refusal;
mod releases;
mod retire;
mod rollout;
mod rule;
mod rule_key;
mod said;
mod simulate;
mod stone;
#[cfg(feature = "serde")]
mod stored_text;
mod test_device;
mod time;
mod trace_record;
mod user_agent;
mod version;
mod version_range;
#[doc = include_str!("../VERSIONS.md")]
pub mod versions {}
mod window;

pub use asked_from::{AskedFrom, Question};
pub use book::{Delta, Entry, Member, RuleBook, Settings};
pub use bucket::{Percent, PercentError, Place, ReleaseKey};
pub use client_filter::{
    ClientAction, ClientFilter, ClientRule, ClientRuleError, ClientVerdict, ClientVersions,
};
pub use command::{Command, Outcome};
pub use decide::{Decision, HeldBy, Via, decide};
pub use device::{Device, MAX_SERIAL_BYTES, MacAddress, MacAddressError, SerialNumber, SerialNumberError};
pub use device_id::DeviceId;
pub use diff::{Change as AnswerChange, diff};
pub use digest::{Digest, DigestError, PackageId, PackageIdError, Sha1Digest, Sha256Digest};
pub use explain::{Difference, Explanation, Miss, Step, Trace, explain};
pub use file_name::{FileName, MAX_PATH_PART_BYTES, PathPartError, check_path_part};
pub use group::{Group, GroupName, Predicate};
pub use hold::{HeldDevices, Hold, HoldName, Stop, StopScope};
pub use index::{EligibilityIndex, Offer};
pub use label::{
    ClientType, DeviceType, HardwareRevision, LabelError, Locale, MAX_LABEL_BYTES, Model, UpdateType, Vendor,
};
pub use loops::{Loop, LoopGuard, LoopKind, LoopOptions, Observation, devices_in_loops};
pub use message::{InstalledModule, OfferedModule, Side, UpdateRequest, UpdateResponse};
pub use note::Note;
pub use outcomes::{OutcomeCounts, OutcomeOptions, Outcomes, Tally, Tripped};
pub use package::{
    INTERIM_FOLDER, IngestId, IngestedPackage, InterimImage, Release, ReleaseFiles, StoredFile,
};
pub use parts::{IpNetwork, IpNetworkError, MacPrefix, SerialRange, SerialRangeError, UserDomain};
pub use plan::{Hop, Plan, plan};
pub use policy::{OfferPolicy, OfferRule, SameRelease};
pub use refusal::Refusal;
pub use releases::ReleasesByRule;
pub use rollout::{Guard, MAX_STAGES, Ramp, Rollout, RolloutName, Share, Stages, StagesError};
pub use rule::{Approved, Assignment, Audience, Candidate, Role, RolledBack, Rule, RuleError};
pub use rule_key::{RuleKey, RuleKeyError};
pub use said::Said;
pub use simulate::{
    Chances, FailureModel, Happening, HappeningBy, MAX_SIMULATED_DAYS, MAX_SIMULATED_DEVICES, Sample,
    Scenario, SimulatedCounts, SimulatedFleet, Simulation, VersionChances, simulate,
};
pub use stone::{MissingStone, SteppingStone, StoneImage, StoneName};
pub use test_device::{MAX_TEST_DEVICE_NAME_BYTES, TestDevice, TestDeviceName, TestDeviceNameError};
pub use time::{FieldTime, FieldTimeError, UnixTime};
pub use trace_record::TraceRecord;
pub use user_agent::{ClientProduct, MAX_PRODUCTS, MAX_USER_AGENT_BYTES, UserAgent};
pub use version::{FirmwareVersion, ReportedVersion, VersionError};
pub use version_range::{MAX_COMPARATORS, VersionRange, VersionRangeError};
pub use window::{OnlyUtc, Window, WindowError, Zone, ZoneName, Zones};
