//! Assignments. An assignment has an audience, and the version for this audience.

use crate::book::devices::GroupName;
use crate::book::rollout::Rollout;
use crate::device::DeviceId;
use crate::value::PackageId;
use crate::version::ReportedVersion;
use std::fmt;

/// The devices of the rule that get the version of an assignment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Audience {
    /// The device that reports this MAC address or serial number.
    Device(DeviceId),
    /// The devices of a group.
    Group(GroupName),
    /// The test devices. Their version is the pending version.
    TestDevices,
    /// Every device of the rule.
    Everybody,
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(device) => write!(f, "the device with {device:#}"),
            Self::Group(group) => write!(f, "the group {group}"),
            Self::TestDevices => f.write_str("the test devices"),
            Self::Everybody => f.write_str("all devices of this rule"),
        }
    }
}

/// A version of a rule, and the package that contains its files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Candidate {
    /// The version in the spelling of the package.
    pub version: ReportedVersion,
    /// The package that contains the files.
    pub package: PackageId,
}

/// One entry in the ordered list of a rule: an audience, and the version for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Assignment {
    /// The devices that get the version.
    pub audience: Audience,
    /// The version that these devices get, and its package.
    pub candidate: Candidate,
    /// The rollout. `None` for an assignment that is not a rollout. It is boxed, because nearly no assignment has one.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub rollout: Option<Box<Rollout>>,
}

/// The role of an assignment in its rule. The assignments of a rule are tried in the order of these roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "every assignment is one of these")]
pub enum Role {
    /// Keeps a device or a group at a version.
    Pin,
    /// Gives a version to the test devices.
    Pending,
    /// Gives a version to some devices before all devices get it.
    Rollout,
    /// Gives a version to all devices.
    Approved,
}

impl Assignment {
    /// Returns the role of the assignment in its rule.
    pub fn role(&self) -> Role {
        match (&self.rollout, &self.audience) {
            (Some(_), _) => Role::Rollout,
            (None, Audience::Device(_) | Audience::Group(_)) => Role::Pin,
            (None, Audience::TestDevices) => Role::Pending,
            (None, Audience::Everybody) => Role::Approved,
        }
    }

    pub(super) fn plain(audience: Audience, candidate: Candidate) -> Self {
        Self { audience, candidate, rollout: None }
    }
}
