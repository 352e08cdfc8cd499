//! Why a command is refused.

use crate::book::alias::{Alias, AliasKey};
use crate::book::ban::{Ban, BanScope};
use crate::book::group::GroupName;
use crate::book::hold::{HeldDevices, HoldName, StopScope};
use crate::book::rollout::ZoneName;
use crate::book::rule::RuleError;
use crate::book::rule_key::RuleKey;
use crate::book::stone::{MissingStone, SteppingStone, StoneName};
use crate::book::test_device::TestDeviceName;
use crate::device::{DeviceId, Locale};
use crate::value::PackageId;
use crate::version::{FirmwareVersion, ReportedVersion};

/// Why a command is refused. The book is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A window names a time zone that does not exist. The window would never open.
    #[error("no time zone `{zone}`, expected an IANA name such as `Europe/Lisbon` or `UTC`")]
    UnknownZone {
        /// The name in the window.
        zone: ZoneName,
    },
    /// No such rule.
    #[error("no rule {rule}")]
    NoRule {
        /// Which one was named.
        rule: RuleKey,
    },
    /// The rule is in the wrong state.
    #[error("{rule}: {cause}")]
    WrongState {
        /// Which rule.
        rule: RuleKey,
        /// What is wrong.
        cause: RuleError,
    },
    /// No such package.
    #[error("no package {package}")]
    NoPackage {
        /// Which one was named.
        package: PackageId,
    },
    /// Nothing of the package is pending.
    #[error("nothing of package {package} is pending")]
    NothingPendingOf {
        /// Which package.
        package: PackageId,
    },
    /// The same version is there with other bytes.
    #[error("{rule}: {version} is {state} already, with other bytes (from package {package})")]
    OtherBytes {
        /// In which rule.
        rule: RuleKey,
        /// Which version.
        version: ReportedVersion,
        /// `pending`, `pinned`, `rolled out`, `approved`, `kept for roll back` or `a stepping stone`.
        state: &'static str,
        /// The package that brought it.
        package: PackageId,
    },
    /// Another cabinet whose SHA-256 begins alike was ingested before: they are told apart by all of it.
    #[error("another package is called {package} already: their SHA-256 begin alike")]
    OtherPackage {
        /// The id both have.
        package: PackageId,
    },
    /// What is pending is not what was looked at: somebody else was quicker.
    #[error(
        "{rule}: {found} is what would be given to everybody now, not {expected} as it was when this was asked"
    )]
    Moved {
        /// In which rule.
        rule: RuleKey,
        /// What was looked at.
        expected: ReportedVersion,
        /// What it is now.
        found: ReportedVersion,
    },
    /// What a command changes is not what it was made for: somebody else was quicker.
    #[error("{what} was changed by somebody else meanwhile")]
    ChangedMeanwhile {
        /// What: a group, the policy of a rule.
        what: String,
    },
    /// The version is banned.
    #[error("{rule}: {version} is banned by {} ({}); lift the ban first", ban.scope, ban.reason)]
    Banned {
        /// The rule.
        rule: RuleKey,
        /// The version.
        version: ReportedVersion,
        /// The ban.
        ban: Box<Ban>,
    },
    /// There is such a ban already.
    #[error("{} is banned already ({})", ban.scope, ban.reason)]
    AlreadyBanned {
        /// The ban.
        ban: Box<Ban>,
    },
    /// An alias would put a word in place of itself.
    #[error("{alias}: a word does not stand for itself")]
    AliasOfItself {
        /// The alias.
        alias: Box<Alias>,
    },
    /// There is no such alias.
    #[error("there is no alias for {alias}")]
    NoAlias {
        /// What was named.
        alias: Box<AliasKey>,
    },
    /// There is no such ban.
    #[error("there is no ban of {scope}")]
    NotBanned {
        /// What was named.
        scope: Box<BanScope>,
    },
    /// The same interim image is in use with other bytes.
    #[error(
        "interim image {version} for {locale} is in use already, with other bytes (from package {package})"
    )]
    OtherInterimBytes {
        /// For which locale.
        locale: Locale,
        /// Its version.
        version: ReportedVersion,
        /// The package that brought it.
        package: PackageId,
    },
    /// The interim image would not lift a device over its threshold.
    #[error("interim image {version} for {locale} is below {below}, so devices would be offered it for ever")]
    InterimTooLow {
        /// For which locale.
        locale: Locale,
        /// Its version.
        version: ReportedVersion,
        /// The threshold of the stepping stone.
        below: ReportedVersion,
    },
    /// The name is taken.
    #[error("{name} is a test device already, known by its {id:#}")]
    TestDeviceNameTaken {
        /// The name.
        name: TestDeviceName,
        /// What the device with that name is known by.
        id: DeviceId,
    },
    /// The MAC address or serial number belongs to another.
    #[error("{id:#} belongs to the test device {name} already")]
    TestDeviceIdTaken {
        /// Whose it is.
        name: TestDeviceName,
        /// The address or number.
        id: DeviceId,
    },
    /// No such test device.
    #[error("no test device {name}")]
    NoTestDevice {
        /// Which one was named.
        name: TestDeviceName,
    },
    /// No rule was named.
    #[error("no rule is named")]
    NoneNamed,
    /// A rule or an interim image is of the package.
    #[error("package {package} is in use: a rule or an interim image is of it")]
    PackageInUse {
        /// Which package.
        package: PackageId,
    },
    /// The package has left the book, and its files the store.
    #[error("package {package} is kept no more; ingest it again")]
    PackageRetired {
        /// Which package.
        package: PackageId,
    },
    /// Somebody changed the rule book since it was looked at.
    #[error("the rule book is at revision {found} now, not at {expected} as it was when this was asked")]
    BookMoved {
        /// The revision that was looked at.
        expected: u64,
        /// The one it is at.
        found: u64,
    },
    /// A book alone cannot do it: it needs the history, or the store.
    #[error("this takes the history or the store beside the rule book")]
    NotOfTheBook,
    /// No release of this version was ever ingested for the rule.
    #[error("{rule}: no package brought {version}")]
    NoSuchVersion {
        /// Which rule.
        rule: RuleKey,
        /// Which version was named.
        version: ReportedVersion,
    },
    /// No such group.
    #[error("no group {name}")]
    NoGroup {
        /// Which one was named.
        name: GroupName,
    },
    /// The group is needed.
    #[error("group {name} is used by {by}")]
    GroupInUse {
        /// Its name.
        name: GroupName,
        /// By what: a rule's assignment, or a hold.
        by: String,
    },
    /// The group has a predicate, and so no list.
    #[error("group {name} is those of {predicate}, and has no list")]
    NotAList {
        /// Its name.
        name: GroupName,
        /// Its predicate.
        predicate: String,
    },
    /// The group has devices on its list, and so no predicate.
    #[error("group {name} is a list of {members} device(s), expected an empty one to make it a predicate")]
    IsAList {
        /// Its name.
        name: GroupName,
        /// How many are on it.
        members: usize,
    },
    /// The predicate has no part, and would hold every device.
    #[error("group {name} would hold every device, since nothing is said of them")]
    EmptyPredicate {
        /// The group's name.
        name: GroupName,
    },
    /// The name is taken.
    #[error("a hold {name} is there already, on {on}")]
    HoldNameTaken {
        /// The name.
        name: HoldName,
        /// Whom it holds.
        on: HeldDevices,
    },
    /// No such hold.
    #[error("no hold {name}")]
    NoHold {
        /// Which one was named.
        name: HoldName,
    },
    /// The name is taken.
    #[error("a stepping stone is there already: {stone}")]
    StoneNameTaken {
        /// The stone that has it.
        stone: Box<SteppingStone>,
    },
    /// No such stepping stone.
    #[error("no stepping stone {name}")]
    NoStone {
        /// Which one was named.
        name: StoneName,
    },
    /// A device that stepped would have to step again.
    #[error("{by} is below {below}, so devices would step to it for ever")]
    StoneCycle {
        /// The version they would step to.
        by: FirmwareVersion,
        /// The threshold.
        below: FirmwareVersion,
    },
    /// No device would ever come to the stone.
    #[error("no device would come to it: {stone} is for the same devices")]
    StoneUnreachable {
        /// The stone they take instead.
        stone: Box<SteppingStone>,
    },
    /// The stone's image is not there, and a rule leads over it.
    #[error(transparent)]
    StoneMissing(MissingStone),
    /// No rule that the stone is for has its version.
    #[error("no package brought {by} for any rule of {stone}")]
    StoneNowhere {
        /// The version.
        by: FirmwareVersion,
        /// The stone.
        stone: Box<SteppingStone>,
    },
    /// Nothing is stopped.
    #[error("{scope} is not stopped")]
    NotStopped {
        /// What was named.
        scope: StopScope,
    },
    /// It is stopped already.
    #[error("{scope} is stopped already, by {by}")]
    AlreadyStopped {
        /// What was named.
        scope: StopScope,
        /// Who stopped it.
        by: Box<str>,
    },
    /// Nobody asked for the restart.
    #[error("nobody asked for a restart of {scope}; one asks, and somebody else approves")]
    RestartNotAsked {
        /// What is stopped.
        scope: StopScope,
    },
    /// The same person asks and approves.
    #[error("{by} asked for the restart of {scope}, so somebody else has to approve it")]
    SamePerson {
        /// What is stopped.
        scope: StopScope,
        /// Who asked.
        by: Box<str>,
    },
}
