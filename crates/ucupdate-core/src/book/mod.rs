#![doc = include_str!("guide.md")]

mod alias;
mod ban;
mod change;
mod delta;
mod devices;
mod interim;
mod package;
mod rollout;
mod rule;
mod rule_book;
mod stone;
mod table;

pub use alias::{Alias, AliasField, AliasKey, AliasWord};
pub use ban::{Ban, BanScope};
pub use change::{BookChange, BookCommand, MAX_LISTED, Note, Refusal};
pub use delta::{Delta, GroupMember};
#[cfg(feature = "serde")]
pub use delta::{PackageEntries, RuleEntries};
pub use devices::{
    Group, GroupName, HeldDevices, Hold, HoldName, IpNetwork, MacPrefix, Predicate, SerialRange, Stop,
    StopScope, TestDevice, TestDeviceName, UserDomain,
};
pub use interim::InterimRule;
pub use package::{
    INTERIM_FOLDER, IngestId, IngestedPackage, InterimImage, OneRelease, Release, ReleaseFiles,
    ReleasesByRule, StoredFile,
};
pub use rollout::{
    Guard, MAX_STAGES, Percent, Ramp, ReleaseKey, Rollout, RolloutName, RolloutPosition, Share, Stages,
    Window, ZoneName,
};
pub(crate) use rule::with_last;
pub use rule::{
    Approved, Assignment, Audience, Candidate, OfferPolicy, OfferRule, PatternScheme, Role, RolledBack, Rule,
    RuleError, RuleKey, RulePattern, SameRelease, UpdateType,
};
pub use rule_book::{RuleBook, Settings};
pub use stone::{
    MissingStone, OtherInterimVersion, SteppingStone, StoneImage, StoneName, StoneRemedy, WideStone,
};
pub use table::Entry;
