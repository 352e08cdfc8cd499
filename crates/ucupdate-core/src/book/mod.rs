#![doc = include_str!("guide.md")]

mod alias;
mod ban;
mod change;
#[cfg(feature = "serde")]
mod compact_entries;
mod delta;
mod group;
mod hold;
mod interim;
#[cfg(feature = "serde")]
mod known_texts;
mod one_release;
mod package;
mod pattern_scheme;
mod policy;
mod predicate;
mod releases;
mod rollout;
mod rule;
mod rule_book;
mod rule_key;
mod rule_pattern;
mod stone;
mod table;
mod test_device;
mod wide_stone;

pub use alias::{Alias, AliasField, AliasKey, AliasWord};
pub use ban::{Ban, BanScope};
pub use change::{BookChange, BookCommand, MAX_LISTED, Note, Refusal};
#[cfg(feature = "serde")]
pub use compact_entries::{PackageEntries, RuleEntries};
pub use delta::{Delta, GroupMember};
pub use group::{Group, GroupName, Predicate};
pub use hold::{HeldDevices, Hold, HoldName, Stop, StopScope};
pub use interim::InterimRule;
pub use one_release::OneRelease;
pub use package::{
    INTERIM_FOLDER, IngestId, IngestedPackage, InterimImage, Release, ReleaseFiles, StoredFile,
};
pub use pattern_scheme::PatternScheme;
pub use policy::{OfferPolicy, OfferRule, SameRelease};
pub use predicate::{IpNetwork, MacPrefix, SerialRange, UserDomain};
pub use releases::ReleasesByRule;
pub use rollout::{
    Guard, MAX_STAGES, Percent, Ramp, ReleaseKey, Rollout, RolloutName, RolloutPosition, Share, Stages,
    Window, ZoneName,
};
pub use rule::{Approved, Assignment, Audience, Candidate, Role, RolledBack, Rule, RuleError};
pub use rule_book::{RuleBook, Settings};
pub(crate) use rule_key::with_last;
pub use rule_key::{RuleKey, UpdateType};
pub use rule_pattern::RulePattern;
pub use stone::{MissingStone, SteppingStone, StoneImage, StoneName, StoneRemedy};
pub use table::Entry;
pub use test_device::{TestDevice, TestDeviceName};
pub use wide_stone::{OtherInterimVersion, WideStone};
