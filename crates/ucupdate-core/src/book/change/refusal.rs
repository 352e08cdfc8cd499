//! The reasons why a command is refused.

use crate::book::alias::{Alias, AliasKey};
use crate::book::ban::{Ban, BanScope};
use crate::book::devices::{GroupName, HeldDevices, HoldName, StopScope, TestDeviceName};
use crate::book::interim::approve_command;
use crate::book::rollout::ZoneName;
use crate::book::rule::{RuleError, RuleKey, RulePattern, UpdateType};
use crate::book::stone::{MissingStone, SteppingStone, StoneName};
use crate::device::{DeviceId, Locale};
use crate::value::{Counted, PackageId, is_unseen, shell_word};
use crate::version::{FirmwareVersion, ReportedVersion, VersionScheme};

/// The reason why a command is refused. The rule book stays unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum Refusal {
    /// A window names a time zone that does not exist. The window would never open.
    #[error("no time zone `{zone}`, expected an IANA name such as `Europe/Lisbon` or `UTC`")]
    UnknownZone { zone: ZoneName },
    #[error("no rule {rule}")]
    NoRule { rule: RuleKey },
    #[error("{rule}: {cause}")]
    WrongState { rule: RuleKey, cause: RuleError },
    /// The package is not in the rule book.
    #[error("no package {package}")]
    NoPackage { package: PackageId },
    /// The package has no pending version.
    #[error("no version of package {package} is pending")]
    NothingPendingOf { package: PackageId },
    /// The rule already has this version with different bytes.
    #[error("{rule}: {version} is {state} already, with other bytes (from package {package})")]
    OtherBytes {
        rule: RuleKey,
        version: ReportedVersion,
        /// The state of the existing version: `pending`, `pinned`, `rolled out`, `approved`, `kept for roll
        /// back`, or `kept` if only a package contains it.
        state: &'static str,
        package: PackageId,
    },
    /// A different cabinet has the same package id, because both SHA-256 digests begin with the same 12 digits.
    #[error(
        "another package has the id {package} already, because both SHA-256 digests begin with the same digits; expected a \
         package with an id of its own, so build the package again"
    )]
    OtherPackage { package: PackageId },
    /// Conflict: the version that would be approved was replaced after the files of the expected version were read
    /// back.
    #[error(
        "{rule}: conflict: the version to approve changed from {expected} to {found} since it was verified; look at {found} and \
         try again"
    )]
    VersionConflict { rule: RuleKey, expected: ReportedVersion, found: ReportedVersion },
    /// Conflict: the entry that the command replaces was changed after the caller read it.
    #[error("conflict: {what} changed since it was read; look at it and try again")]
    EntryConflict { what: String },
    #[error("{rule}: {version} is banned by {} ({}); `{}` lifts the ban", ban.scope, ban.reason, ban.scope.lift_command())]
    Banned { rule: RuleKey, version: ReportedVersion, ban: Box<Ban> },
    /// The version was rejected, so no rollout and no pin gives it to devices.
    #[error(
        "{rule}: {version} was rejected, expected a version that is not; type `ucupdate unreject {} {version}` first if it is \
         good after all", shell_word(&rule.to_string())
    )]
    Rejected { rule: RuleKey, version: ReportedVersion },
    /// The version of a ban is empty or has blanks, so the ban could not be read back from the store.
    #[error(
        "`{scope}` cannot be banned: expected a version without blanks; ban its image by `--image SHA256` instead"
    )]
    BanUnwritable { scope: Box<BanScope> },
    #[error("{} is banned already ({})", ban.scope, ban.reason)]
    AlreadyBanned { ban: Box<Ban> },
    #[error("there is no ban of {scope}")]
    NotBanned { scope: Box<BanScope> },
    #[error("no version scheme is set for {rules}")]
    NoScheme { rules: Box<RulePattern> },
    /// Two different images of a rule would be one release in the scheme.
    #[error(
        "{rule}: {version} and {other} have different bytes, but would be one release in the version scheme `{scheme}`, so a \
         device with one of them would never be offered the other; first let no rule use the wrong one, and remove its \
         package with `ucupdate gc`"
    )]
    OneRelease {
        rule: RuleKey,
        version: Box<ReportedVersion>,
        other: Box<ReportedVersion>,
        scheme: Box<VersionScheme>,
    },
    /// The scheme cannot read the floor or the minimum of the policy.
    #[error(
        "{rule}: the version scheme `{scheme}` cannot read the {field} {version}; set another {field}, or `none`, together \
         with the scheme"
    )]
    LimitNotInScheme { rule: RuleKey, field: &'static str, version: FirmwareVersion, scheme: VersionScheme },
    /// An alias would replace a word by the same word.
    #[error("{alias}: a word does not stand for itself")]
    AliasOfItself { alias: Box<Alias> },
    /// The pattern of an alias matches no device that reports its word.
    #[error(
        "{alias}: the pattern does not match devices that report {}, so the alias would never be used; expected `*` or \
         {} as the {} of the pattern", alias.reported.word, alias.reported.word, alias.reported.field
    )]
    AliasOutside { alias: Box<Alias> },
    /// Two aliases would have to be applied one after the other, but a word is replaced only once.
    #[error("{}", chain(alias, other))]
    AliasChain { alias: Box<Alias>, other: Box<Alias> },
    /// A rule exists for the word that the alias would replace. Rules have priority over aliases, so the alias
    /// would never be used.
    #[error(
        "{alias}: the rule {rule} is for devices that report {}, so the alias would never be used; expected a word without \
         a rule; remove that rule first, or limit the alias to other devices with `--within`", alias.reported.word
    )]
    AliasOfRule { alias: Box<Alias>, rule: RuleKey },
    /// A pattern matches rules only by words that aliases replace. A version scheme or a stepping stone needs a
    /// pattern with the words that the rules have.
    #[error(
        "{pattern} matches no rule, but {word} stands for another word by an alias, and a {what} is for the words of rules; \
         type {meant} instead"
    )]
    PatternOfAlias {
        pattern: Box<str>,
        /// The words in the pattern that aliases replace.
        word: Box<str>,
        /// The setting with the pattern, such as `version scheme`.
        what: &'static str,
        /// The text to type instead: the pattern, or the options of the command, with the words that the rules have.
        meant: Box<str>,
    },
    #[error("there is no alias for {alias}")]
    NoAlias { alias: Box<AliasKey> },
    /// A kept package contains an interim image of this version with different bytes.
    #[error(
        "interim image {version} for {locale} is kept already, with other bytes (from package {package})"
    )]
    OtherInterimBytes { locale: Locale, version: ReportedVersion, package: PackageId },
    /// The interim image is below the threshold of a stepping stone, so devices that install it would be offered it
    /// again.
    #[error(
        "interim image {version} for {locale} is below {below}, so devices would be offered it again and again; expected \
         {below} or a later version"
    )]
    InterimTooLow { locale: Locale, version: ReportedVersion, below: ReportedVersion },
    /// The stepping stones that would send an interim image name another version than the version of the image.
    #[error("{}", other_version(locale, version, stones, others, advice))]
    InterimVersion {
        locale: Locale,
        version: ReportedVersion,
        stones: Box<[SteppingStone]>,
        /// Stepping stones for other devices. They name the interim image that this image would replace.
        others: Box<[SteppingStone]>,
        /// Advice for a person: the command lines after which the stones name the version of the image.
        advice: Box<str>,
    },
    /// Stepping stones for other devices name the interim image that this image would replace. There is only one
    /// interim image for a locale and update type.
    #[error(
        "interim image {version} for {locale} would replace the one that the stepping stone {} names for other devices, and there \
         is one interim image for {locale}; if those devices may install it, {advice}, and ingest the package again, or else build \
         the package without the image",
        names(stones)
    )]
    InterimTaken {
        locale: Locale,
        version: ReportedVersion,
        stones: Vec<SteppingStone>,
        /// Advice for a person: the command lines after which the stones name the version of the image.
        advice: Box<str>,
    },
    #[error("no interim image for {locale} and {update_type} is pending")]
    NoInterimPending { locale: Locale, update_type: UpdateType },
    /// No ingested package contains an interim image of this version.
    #[error("no package contains the interim image {version} for {locale}")]
    NoSuchInterim { locale: Locale, version: ReportedVersion },
    #[error("interim image {version} for {locale} is banned by {} ({}); `{}` lifts the ban", ban.scope, ban.reason, ban.scope.lift_command())]
    InterimIsBanned { locale: Locale, version: ReportedVersion, ban: Box<Ban> },
    #[error("{name} is a test device already, known by its {id:#}")]
    TestDeviceNameTaken { name: TestDeviceName, id: DeviceId },
    /// The MAC address or serial number belongs to another test device.
    #[error("{id:#} belongs to the test device {name} already")]
    TestDeviceIdTaken { name: TestDeviceName, id: DeviceId },
    #[error("no test device {name}")]
    NoTestDevice { name: TestDeviceName },
    /// The command names no rule or package.
    #[error("no rule is named")]
    NoneNamed,
    /// A rule, an interim image or a stepping stone uses the package.
    #[error("package {package} is in use by a rule, an interim image or a stepping stone, so it is kept")]
    PackageInUse { package: PackageId },
    /// The package was removed from the rule book.
    #[error("package {package} was removed from the rule book; ingest it again")]
    PackageRetired { package: PackageId },
    /// Conflict: the rule book changed since the caller read it.
    #[error(
        "conflict: the rule book is at revision {found}, expected {expected}; look at the changes and try again"
    )]
    RevisionConflict { expected: u64, found: u64 },
    /// No ingested package contains this version for the rule.
    #[error("{rule}: no package contains {version}")]
    NoSuchVersion { rule: RuleKey, version: ReportedVersion },
    #[error("no group {name}")]
    NoGroup { name: GroupName },
    #[error("group {name} is in use by {by}")]
    GroupInUse { name: GroupName, by: String },
    /// The group has a predicate, so it has no member list.
    #[error(
        "group {name} is defined by a predicate ({predicate}), so it has no list of devices; change the predicate instead"
    )]
    NotAList { name: GroupName, predicate: String },
    /// The group has a member list with devices, so it cannot get a predicate.
    #[error(
        "group {name} is a list of {}, expected an empty list to set a predicate; remove the devices first, or use another group",
        Counted::new(*members, "device")
    )]
    IsAList { name: GroupName, members: usize },
    /// The member list would be longer than [`MAX_LISTED`](crate::book::MAX_LISTED).
    #[error(
        "group {name} would list {found} devices, expected at most {limit}; give it a predicate, or make several groups"
    )]
    TooManyMembers { name: GroupName, found: usize, limit: usize },
    /// The predicate is empty and would match every device.
    #[error(
        "the predicate of group {name} is empty and would match every device; expected at least one condition, such as a model"
    )]
    EmptyPredicate { name: GroupName },
    #[error("a hold {name} exists already, on {on}")]
    HoldNameTaken { name: HoldName, on: HeldDevices },
    #[error("no hold {name}")]
    NoHold { name: HoldName },
    #[error("a stepping stone exists already: {stone}")]
    StoneNameTaken { stone: Box<SteppingStone> },
    #[error("no stepping stone {name}")]
    NoStone { name: StoneName },
    /// No replacement for the stone is given.
    #[error(
        "no stepping stone is given in place of {name}; expected one or more; to have none, remove {name}"
    )]
    NoStoneInPlace { name: StoneName },
    /// A new stone would send an interim image to devices of any vendor or model, although the image may not be for
    /// them.
    #[error("{}", too_wide(stone, narrow))]
    StoneTooWide {
        stone: Box<SteppingStone>,
        /// The command lines to type instead: each adds a stone for one kind of device. Empty if no such stone can
        /// be suggested.
        narrow: Vec<String>,
    },
    /// The version of the stone is below its own threshold, so devices would be offered it again and again.
    #[error(
        "{by} is below {below}, so devices would be offered it again and again; expected {below} or a later version"
    )]
    StoneCycle { by: FirmwareVersion, below: FirmwareVersion },
    /// Another stone applies to the same devices, so this one is never used.
    #[error(
        "the stepping stone would never be used, because {stone} is for the same devices; change or remove that one first"
    )]
    StoneUnreachable { stone: Box<SteppingStone> },
    /// A rule needs a stepping stone, but no package contains the image of that stepping stone.
    #[error(transparent)]
    StoneMissing(MissingStone),
    /// A rule needs the stone, and the interim image of the stone is not approved.
    #[error(
        "{rule}: devices below {} must install {version} first, which is not approved, so they would get nothing; type `{}` first",
        stone.below, approve_command(&rule.kind().locale, rule.update_type(), Some(version))
    )]
    StonePending { stone: Box<SteppingStone>, rule: RuleKey, version: ReportedVersion },
    /// No package contains the version that the stone names, for any rule to which the stone applies.
    #[error("no package contains {by} for any rule of {stone}; ingest a package with it first")]
    StoneNowhere { by: FirmwareVersion, stone: Box<SteppingStone> },
    /// A new name has a character that is invisible, or looks like another one.
    #[error(
        "the name of the {what}, `{}`, has the character U+{:04X}, which is invisible or looks like another one; type the name \
         again without it", shown(name), u32::from(*found)
    )]
    NameUnseen { what: &'static str, name: Box<str>, found: char },
    #[error("{}", not_stopped(scope))]
    NotStopped { scope: StopScope },
    #[error("{} are stopped already, by {by}", scope.offers())]
    AlreadyStopped { scope: StopScope, by: Box<str> },
    /// No author has requested the restart.
    #[error("no restart of {} was requested; one person must request it, and another person must approve it", scope.offers())]
    RestartNotAsked { scope: StopScope },
    /// The author who requested the restart tries to approve it.
    #[error("{by} requested the restart of {}, so another person must approve it", scope.offers())]
    SamePerson { scope: StopScope, by: Box<str> },
}

impl Refusal {
    /// Returns whether the reason is that something does not exist: a rule, a package, a version, a group.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::WrongState { cause, .. } => {
                matches!(
                    cause,
                    RuleError::NoRollout { .. } | RuleError::NoPin { .. } | RuleError::NotRejected { .. }
                )
            }
            refusal => matches!(
                refusal,
                Self::NoRule { .. }
                    | Self::NoPackage { .. }
                    | Self::NoTestDevice { .. }
                    | Self::NoSuchVersion { .. }
                    | Self::NoGroup { .. }
                    | Self::NoHold { .. }
                    | Self::NotBanned { .. }
                    | Self::NoAlias { .. }
                    | Self::NoScheme { .. }
                    | Self::NoStone { .. }
                    | Self::StoneNowhere { .. }
                    | Self::NoSuchInterim { .. }
            ),
        }
    }

    /// Returns the name of the reason in kebab case, such as `no-rule`. Programs can rely on it, because it never
    /// changes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownZone { .. } => "unknown-zone",
            Self::NameUnseen { .. } => "name-unseen",
            Self::NoRule { .. } => "no-rule",
            Self::WrongState { .. } => "wrong-state",
            Self::NoPackage { .. } => "no-package",
            Self::NothingPendingOf { .. } => "nothing-pending-of",
            Self::OtherBytes { .. } => "other-bytes",
            Self::OtherPackage { .. } => "other-package",
            Self::VersionConflict { .. } => "moved",
            Self::EntryConflict { .. } => "changed-meanwhile",
            Self::Banned { .. } => "banned",
            Self::Rejected { .. } => "rejected",
            Self::BanUnwritable { .. } => "ban-unwritable",
            Self::AlreadyBanned { .. } => "already-banned",
            Self::NotBanned { .. } => "not-banned",
            Self::NoScheme { .. } => "no-scheme",
            Self::OneRelease { .. } => "one-release",
            Self::LimitNotInScheme { .. } => "limit-not-in-scheme",
            Self::AliasOfItself { .. } => "alias-of-itself",
            Self::AliasOutside { .. } => "alias-outside",
            Self::AliasChain { .. } => "alias-chain",
            Self::AliasOfRule { .. } => "alias-of-rule",
            Self::PatternOfAlias { .. } => "pattern-of-alias",
            Self::NoAlias { .. } => "no-alias",
            Self::OtherInterimBytes { .. } => "other-interim-bytes",
            Self::InterimTooLow { .. } => "interim-too-low",
            Self::InterimVersion { .. } => "interim-version",
            Self::InterimTaken { .. } => "interim-taken",
            Self::NoInterimPending { .. } => "no-interim-pending",
            Self::NoSuchInterim { .. } => "no-such-interim",
            Self::InterimIsBanned { .. } => "interim-banned",
            Self::TestDeviceNameTaken { .. } => "test-device-name-taken",
            Self::TestDeviceIdTaken { .. } => "test-device-id-taken",
            Self::NoTestDevice { .. } => "no-test-device",
            Self::NoneNamed => "none-named",
            Self::PackageInUse { .. } => "package-in-use",
            Self::PackageRetired { .. } => "package-retired",
            Self::RevisionConflict { .. } => "book-moved",
            Self::NoSuchVersion { .. } => "no-such-version",
            Self::NoGroup { .. } => "no-group",
            Self::GroupInUse { .. } => "group-in-use",
            Self::NotAList { .. } => "not-a-list",
            Self::IsAList { .. } => "is-a-list",
            Self::TooManyMembers { .. } => "too-many-members",
            Self::EmptyPredicate { .. } => "empty-predicate",
            Self::HoldNameTaken { .. } => "hold-name-taken",
            Self::NoHold { .. } => "no-hold",
            Self::StoneNameTaken { .. } => "stone-name-taken",
            Self::NoStone { .. } => "no-stone",
            Self::NoStoneInPlace { .. } => "no-stone-in-place",
            Self::StoneTooWide { .. } => "stone-too-wide",
            Self::StoneCycle { .. } => "stone-cycle",
            Self::StoneUnreachable { .. } => "stone-unreachable",
            Self::StoneMissing(_) => "stone-missing",
            Self::StonePending { .. } => "stone-pending",
            Self::StoneNowhere { .. } => "stone-nowhere",
            Self::NotStopped { .. } => "not-stopped",
            Self::AlreadyStopped { .. } => "already-stopped",
            Self::RestartNotAsked { .. } => "restart-not-asked",
            Self::SamePerson { .. } => "same-person",
        }
    }
}

/// Returns a name in which characters that are invisible are escaped.
fn shown(name: &str) -> String {
    let escaped = |found: char| match is_unseen(found) {
        true => found.escape_unicode().to_string(),
        false => found.to_string(),
    };
    name.chars().map(escaped).collect()
}

/// Returns the message about two aliases that would have to be applied one after the other.
fn chain(alias: &Alias, other: &Alias) -> String {
    let is_first = alias.stands_for == other.reported.word;
    let (first, last) = if is_first { (alias, other) } else { (other, alias) };
    let begin = format!(
        "{alias}, but {other}: a word is replaced once, so the second alias would not be used after the first one"
    );
    let field = alias.reported.field;
    if first.reported.word == last.stands_for {
        return format!(
            "{begin}; expected only one of the two words to stand for the other; remove the other alias first"
        );
    }
    let word = &first.reported.word;
    format!(
        "{begin}; expected a {field} that rules have: let {word} stand for {}, or remove the other alias first",
        last.stands_for
    )
}

/// Returns the message of [`Refusal::InterimVersion`]: the version of the image, the version that each stone names,
/// and the command lines to type.
fn other_version(
    locale: &Locale,
    version: &ReportedVersion,
    stones: &[SteppingStone],
    others: &[SteppingStone],
    advice: &str,
) -> String {
    let names = |stone: &SteppingStone, whom: &str| format!("{} names {}{whom}", stone.name, stone.by);
    let own = stones.iter().map(|stone| names(stone, ""));
    let named: Vec<String> =
        own.chain(others.iter().map(|stone| names(stone, " for other devices"))).collect();
    format!(
        "interim image {version} for {locale} has another version than its stepping stones expect: {}; if the package is right, \
         {advice}, and ingest the package again",
        named.join(", "),
    )
}

fn not_stopped(scope: &StopScope) -> String {
    let nothing = "so there is nothing to restart";
    match scope {
        StopScope::All => format!("nothing is stopped, {nothing}"),
        StopScope::Rule(rule) => format!("{rule} is not stopped, {nothing}"),
    }
}

fn names(stones: &[SteppingStone]) -> String {
    let names: Vec<String> = stones.iter().map(|stone| stone.name.to_string()).collect();
    names.join(" and ")
}

/// Returns the message about a new stone that is for too many devices, with the command lines to type.
fn too_wide(stone: &SteppingStone, narrow: &[String]) -> String {
    let rest = match narrow.is_empty() {
        true => "give --vendor and --model, each as often as needed".to_owned(),
        false => format!("the image was made for single models: type {}", narrow.join(" and ")),
    };
    format!(
        "stepping stone {stone} would send an interim image to devices of any vendor or model, also to those that report 0.0.0.0; \
         {rest}"
    )
}
