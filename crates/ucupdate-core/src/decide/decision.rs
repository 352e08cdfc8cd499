//! The decision for one module, and its reason.

use crate::book::{
    Assignment, Ban, Hold, Role, RolloutName, RuleKey, SteppingStone, Stop, StopScope, Window,
};
use crate::decide::index::Offer;
use crate::version::{FirmwareVersion, ReportedVersion};
use std::fmt;

/// The decision for one module, with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum Decision<'a> {
    /// The device is offered an update.
    Offer {
        /// The files that the device fetches.
        offer: &'a Offer,
        /// The kind of the offer: the target version or a stepping stone.
        kind: OfferKind<'a>,
        /// The assignment that gives the device its target version.
        because: &'a Assignment,
    },
    /// The device already has the version that it would be offered.
    UpToDate { version: &'a ReportedVersion },
    /// No rule matches the device and the update type.
    NoRule,
    /// The file name of the module is not the name of an update type, and it is unclear which rule the module
    /// belongs to: several rules match the module, or several modules of the device match one rule.
    AmbiguousModule {
        /// One of the rules that match.
        rule: &'a RuleKey,
        /// Another rule that matches. `None` if several modules match one rule.
        other: Option<&'a RuleKey>,
    },
    /// The rule has no version for this device.
    NothingApproved {
        /// `true` if a version is pending. The device does not get it, because it is not a test device.
        pending: bool,
    },
    /// The rule has a version for the device, but something prevents the offer now.
    HeldBack {
        /// The version that the device would be offered.
        target: &'a ReportedVersion,
        /// The cause that prevents the offer.
        reason: HeldBackReason<'a>,
    },
    /// The rule offers only newer versions, and the target is not newer.
    NotNewer { target: &'a ReportedVersion },
    /// The target is older than the installed version, and below the
    /// [floor](crate::book::OfferPolicy::floor) of the rule.
    BelowFloor { target: &'a ReportedVersion, floor: &'a FirmwareVersion },
    /// The installed version cannot be read, and the rule offers nothing to such devices.
    VersionUnreadable {
        /// The version that the device would be offered.
        target: &'a ReportedVersion,
    },
    /// The device needs a stepping stone whose image no package contains.
    SteppingStoneMissing { stone: &'a SteppingStone },
    /// The device needs a stepping stone whose interim image is pending, and the device is not a test device.
    SteppingStonePending { stone: &'a SteppingStone, image: &'a ReportedVersion },
    /// The version that the rule assigns to the device is banned.
    Banned {
        /// The version that the rule assigns to the device.
        version: &'a ReportedVersion,
        ban: &'a Ban,
    },
    /// The device must install a stepping stone first, and the image of the stone is banned.
    SteppingStoneBanned { stone: &'a SteppingStone, ban: &'a Ban },
    /// The rule book no longer has the package that contains the version.
    FilesMissing { version: &'a ReportedVersion },
}

/// The kind of an offer: the target version or a stepping stone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum OfferKind<'a> {
    /// The target itself, without a stepping stone before it.
    Direct,
    /// A stepping stone. The device is offered the target in a later request.
    SteppingStone {
        /// The stone that the device installs now.
        stone: &'a SteppingStone,
        /// The version that the device is offered after the last stone.
        target: &'a ReportedVersion,
    },
}

/// The cause that prevents an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum HeldBackReason<'a> {
    /// The kill switch is on.
    Stop {
        /// The rule whose offers are stopped, or all rules.
        scope: &'a StopScope,
        /// The switch, with its author and its reason.
        stop: &'a Stop,
    },
    /// The device, its group or its rule is held.
    Hold(&'a Hold),
    /// The window of the rollout or of the rule is closed.
    Window(&'a Window),
    /// The rollout is paused. `why` is empty where no reason was given.
    Paused { rollout: &'a RolloutName, why: &'a str },
}

impl<'a> Decision<'a> {
    /// Returns the offer. `None` if nothing is offered.
    #[inline]
    pub fn offer(&self) -> Option<&'a Offer> {
        match self {
            Self::Offer { offer, .. } => Some(offer),
            Self::UpToDate { .. }
            | Self::NoRule
            | Self::AmbiguousModule { .. }
            | Self::NothingApproved { .. }
            | Self::HeldBack { .. }
            | Self::NotNewer { .. }
            | Self::BelowFloor { .. }
            | Self::VersionUnreadable { .. }
            | Self::SteppingStoneMissing { .. }
            | Self::SteppingStonePending { .. }
            | Self::Banned { .. }
            | Self::SteppingStoneBanned { .. }
            | Self::FilesMissing { .. } => None,
        }
    }

    /// Returns the version that the device should have, whether it is offered now or not. `None` if no rule
    /// gives the device a version, or if this version is banned. Also `None` if the device needs a stepping
    /// stone first and the image of the stone is missing, pending or banned.
    pub fn target(&self) -> Option<&'a ReportedVersion> {
        match *self {
            Self::Offer { kind: OfferKind::SteppingStone { target, .. }, .. }
            | Self::HeldBack { target, .. }
            | Self::NotNewer { target }
            | Self::BelowFloor { target, .. }
            | Self::VersionUnreadable { target } => Some(target),
            Self::Offer { offer, kind: OfferKind::Direct, .. } => Some(&offer.version),
            Self::UpToDate { version } | Self::FilesMissing { version } => Some(version),
            Self::NoRule
            | Self::AmbiguousModule { .. }
            | Self::NothingApproved { .. }
            | Self::SteppingStoneMissing { .. }
            | Self::SteppingStonePending { .. }
            | Self::Banned { .. }
            | Self::SteppingStoneBanned { .. } => None,
        }
    }

    /// Returns the reason as one word for programs, such as `offer`, `up-to-date` or `no-rule`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Offer { .. } => "offer",
            Self::UpToDate { .. } => "up-to-date",
            Self::NoRule => "no-rule",
            Self::AmbiguousModule { .. } => "ambiguous-module",
            Self::NothingApproved { .. } => "nothing-approved",
            Self::HeldBack { reason: HeldBackReason::Stop { .. }, .. } => "stopped",
            Self::HeldBack { reason: HeldBackReason::Hold(_), .. } => "held",
            Self::HeldBack { reason: HeldBackReason::Window(_), .. } => "window-closed",
            Self::HeldBack { reason: HeldBackReason::Paused { .. }, .. } => "rollout-paused",
            Self::NotNewer { .. } => "not-newer",
            Self::BelowFloor { .. } => "below-floor",
            Self::VersionUnreadable { .. } => "version-unreadable",
            Self::SteppingStoneMissing { .. } => "stepping-stone-missing",
            Self::SteppingStonePending { .. } => "stepping-stone-pending",
            Self::Banned { .. } => "banned",
            Self::SteppingStoneBanned { .. } => "stepping-stone-banned",
            Self::FilesMissing { .. } => "files-missing",
        }
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offer { offer, kind, because } => {
                write!(f, "offer {}", offer.version)?;
                if let OfferKind::SteppingStone { target, .. } = kind {
                    write!(f, " as a stepping stone to {target}")?;
                }
                match (because.role(), &because.rollout) {
                    (Role::Pending, _) => f.write_str(", because it is a test device"),
                    (Role::Approved, _) => {
                        f.write_str(", because it is approved for all devices of this rule")
                    }
                    (Role::Pin, _) => write!(f, ", because {} is pinned to it", because.audience),
                    (Role::Rollout, rollout) => match rollout {
                        Some(rollout) => write!(f, ", because the device is in rollout {}", rollout.name),
                        None => Ok(()),
                    },
                }
            }
            Self::UpToDate { version } => write!(f, "nothing: the device has {version}"),
            Self::NoRule => f.write_str("nothing: no rule matches the device"),
            Self::AmbiguousModule { rule, other: Some(other) } => write!(
                f,
                "nothing: the file name of the module is not the name of an update type, and both {rule} and {other} could be meant"
            ),
            Self::AmbiguousModule { rule, other: None } => write!(
                f,
                "nothing: the file names of several modules are not names of update types, and only {rule} is left for them"
            ),
            Self::NothingApproved { pending: true } => {
                f.write_str("nothing: a version is pending, but the device is not a test device")
            }
            Self::NothingApproved { pending: false } => f.write_str("nothing: no version is approved"),
            Self::HeldBack { target, reason } => write!(f, "nothing: {target} is held back, {reason}"),
            Self::NotNewer { target } => write!(f, "nothing: {target} is not newer than what the device has"),
            Self::BelowFloor { target, floor } => {
                write!(f, "nothing: {target} is older than what the device has, and below the floor {floor}")
            }
            Self::VersionUnreadable { target } => {
                write!(f, "nothing: the installed version cannot be read, so {target} is not offered")
            }
            Self::SteppingStoneMissing { stone } => write!(
                f,
                "nothing: devices below {} must install {} first, but no such image exists for this locale",
                stone.below, stone.by
            ),
            Self::SteppingStonePending { stone, image } => write!(
                f,
                "nothing: devices below {} must install {} first, but the interim image {image} is pending, and the device is \
                 not a test device",
                stone.below, stone.by
            ),
            Self::Banned { version, ban } => {
                write!(f, "nothing: {version} is banned by {}: {}", ban.scope, ban.reason)
            }
            Self::SteppingStoneBanned { stone, ban } => write!(
                f,
                "nothing: devices below {} must install {} first, but that image is banned by {}: {}",
                stone.below, stone.by, ban.scope, ban.reason
            ),
            Self::FilesMissing { version } => {
                write!(f, "nothing: the rule book no longer has the package of {version}; ingest it again")
            }
        }
    }
}

impl fmt::Display for HeldBackReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why): (&dyn fmt::Display, &str) = match self {
            Self::Stop { scope: StopScope::All, stop } => {
                write!(f, "everything is stopped by ")?;
                (&stop.by, &stop.reason)
            }
            Self::Stop { stop, .. } => {
                write!(f, "the rule is stopped by ")?;
                (&stop.by, &stop.reason)
            }
            Self::Hold(hold) => {
                write!(f, "by the hold ")?;
                (&hold.name, &hold.reason)
            }
            Self::Window(window) => {
                write!(f, "outside the window ")?;
                (window, "")
            }
            Self::Paused { rollout, why } => {
                write!(f, "by a pause of the rollout ")?;
                (rollout, why)
            }
        };
        what.fmt(f)?;
        if why.is_empty() { Ok(()) } else { write!(f, ": {why}") }
    }
}
