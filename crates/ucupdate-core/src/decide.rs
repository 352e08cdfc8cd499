//! Deciding what a device is offered: a pure function of the index, the device and the time.
//!
//! The order of the checks is fixed: the rule, the assignment whose audience holds the device, whether the device is up
//! to date, whether its version can be read, and only then the stepping stones. A device with nothing to be offered gets
//! no stone.

use crate::index::{CompiledAssignment, CompiledRule, EligibilityIndex, Offer};
use crate::rule::{Audience, OfferRule};
use crate::{Device, InstalledModule, ReportedVersion, SteppingStone, UnixTime};
use std::fmt;

/// What was decided for one module, and why. A reason, never a bare yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision<'a> {
    /// The device is to fetch this.
    Offer {
        /// What to fetch.
        offer: &'a Offer,
        /// Whether it is the target itself or a step on the way.
        via: Via<'a>,
        /// Whose assignment gave it the target.
        because: Audience,
    },
    /// It has the release it would be given.
    UpToDate {
        /// That release.
        version: &'a ReportedVersion,
    },
    /// No rule is for such a device and update type.
    NoRule,
    /// There is a rule, but nothing in it for this device.
    NothingApproved {
        /// Whether a version waits for approval.
        pending: bool,
    },
    /// The rule offers only what is newer, and the target is not.
    NotNewer {
        /// The target.
        target: &'a ReportedVersion,
    },
    /// The installed version cannot be read, and the rule offers nothing to such devices.
    VersionUnreadable {
        /// What it would be given.
        target: &'a ReportedVersion,
    },
    /// It has to go by a stepping stone whose image was never ingested for its locale.
    SteppingStoneMissing {
        /// The stone.
        stone: &'a SteppingStone,
    },
    /// The package that brought the version is gone.
    FilesMissing {
        /// The version.
        version: &'a ReportedVersion,
    },
}

/// Whether an offer is the target or a step on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Via<'a> {
    /// The target itself.
    Direct,
    /// A stepping stone; the target comes when the device asks again.
    SteppingStone {
        /// Which stone.
        stone: &'a SteppingStone,
        /// Where the way leads.
        target: &'a ReportedVersion,
    },
}

impl<'a> Decision<'a> {
    /// What to fetch, if anything.
    #[inline]
    pub fn offer(&self) -> Option<&'a Offer> {
        match self {
            Self::Offer { offer, .. } => Some(offer),
            Self::UpToDate { .. }
            | Self::NoRule
            | Self::NothingApproved { .. }
            | Self::NotNewer { .. }
            | Self::VersionUnreadable { .. }
            | Self::SteppingStoneMissing { .. }
            | Self::FilesMissing { .. } => None,
        }
    }

    /// The reason as one word, for machines: `offer`, `up-to-date`, `no-rule`, ...
    pub fn word(&self) -> &'static str {
        match self {
            Self::Offer { .. } => "offer",
            Self::UpToDate { .. } => "up-to-date",
            Self::NoRule => "no-rule",
            Self::NothingApproved { .. } => "nothing-approved",
            Self::NotNewer { .. } => "not-newer",
            Self::VersionUnreadable { .. } => "version-unreadable",
            Self::SteppingStoneMissing { .. } => "stepping-stone-missing",
            Self::FilesMissing { .. } => "files-missing",
        }
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offer { offer, via, because } => {
                write!(f, "offer {}", offer.version)?;
                if let Via::SteppingStone { target, .. } = via {
                    write!(f, " as a stepping stone to {target}")?;
                }
                match because {
                    Audience::TestDevices => f.write_str(", because it is a test device"),
                    Audience::Everybody => f.write_str(", because it is approved for everybody"),
                }
            }
            Self::UpToDate { version } => write!(f, "nothing: the device has {version}"),
            Self::NoRule => f.write_str("nothing: no rule is for such a device"),
            Self::NothingApproved { pending: true } => {
                f.write_str("nothing: a version is pending, and the device is no test device")
            }
            Self::NothingApproved { pending: false } => f.write_str("nothing: no version is approved"),
            Self::NotNewer { target } => write!(f, "nothing: {target} is not newer than what the device has"),
            Self::VersionUnreadable { target } => {
                write!(f, "nothing: the installed version cannot be read, so {target} is not offered")
            }
            Self::SteppingStoneMissing { stone } => write!(
                f,
                "nothing: devices below {} go by {} first, and no such image is there for this locale",
                stone.below, stone.by
            ),
            Self::FilesMissing { version } => write!(f, "nothing: the files of {version} are gone"),
        }
    }
}

/// Decides what a device is offered for one of its modules.
///
/// Total, deterministic, without side effect or allocation. `now` is the caller's clock; nothing here reads one.
///
/// ```
/// use ucupdate_core::{Decision, Device, EligibilityIndex, InstalledModule, ReportedVersion, RuleBook, Said, UnixTime, decide};
/// let index = EligibilityIndex::compile(&RuleBook::default(), 0);
/// let device = Device {
///     device_type: "UCPhone".parse()?,
///     vendor: "Polycom".parse()?,
///     model: "CX700".parse()?,
///     hardware_revision: "A".parse()?,
///     locale: "ENU".parse()?,
///     mac_address: Said::default(),
///     serial_number: Said::default(),
/// };
/// let module = InstalledModule {
///     file_name: "cpe.nbt".into(),
///     version: ReportedVersion::new("1.0.452.0"),
///     time_stamp: Said::default(),
/// };
/// assert_eq!(decide(&index, &device, &module, UnixTime::default()), Decision::NoRule);
/// # Ok::<(), ucupdate_core::LabelError>(())
/// ```
#[inline]
pub fn decide<'a>(
    index: &'a EligibilityIndex,
    device: &Device,
    module: &InstalledModule,
    now: UnixTime,
) -> Decision<'a> {
    let update_type = module.update_type_stem();
    let Some(rule) = index.rule(device, update_type) else {
        return Decision::NoRule;
    };
    let Some(assignment) = assigned(index, rule, device, now) else {
        let pending = rule.assignments.iter().any(|assignment| assignment.audience == Audience::TestDevices);
        return Decision::NothingApproved { pending };
    };
    let target = &assignment.version;
    if module.version.same_release(target) {
        return Decision::UpToDate { version: target };
    }
    let Some(offer) = &assignment.offer else {
        return Decision::FilesMissing { version: target };
    };
    let direct = Decision::Offer { offer, via: Via::Direct, because: assignment.audience };
    let Some(installed) = module.version.readable() else {
        return if rule.policy.unreadable { direct } else { Decision::VersionUnreadable { target } };
    };
    match rule.policy.offer {
        OfferRule::Different => {}
        OfferRule::Newer if target.readable().is_some_and(|target| target > installed) => {}
        OfferRule::Newer => return Decision::NotNewer { target },
    }
    let mut stones = index.stones.iter();
    let Some(stone) = stones.find(|stone| stone.applies(&device.device_type, installed, target)) else {
        return direct;
    };
    match index.interim(&device.locale, update_type) {
        Some(offer) => {
            Decision::Offer { offer, via: Via::SteppingStone { stone, target }, because: assignment.audience }
        }
        None => Decision::SteppingStoneMissing { stone },
    }
}

/// The first assignment whose audience holds the device.
#[inline]
fn assigned<'a>(
    index: &'a EligibilityIndex,
    rule: &'a CompiledRule,
    device: &Device,
    now: UnixTime,
) -> Option<&'a CompiledAssignment> {
    rule.assignments.iter().find(|assignment| holds(index, assignment.audience, device, now))
}

/// Whether an audience holds a device. `now` is for audiences that open and close.
#[inline]
pub(crate) fn holds(index: &EligibilityIndex, audience: Audience, device: &Device, _now: UnixTime) -> bool {
    match audience {
        Audience::TestDevices => index.test_device(device).is_some(),
        Audience::Everybody => true,
    }
}
