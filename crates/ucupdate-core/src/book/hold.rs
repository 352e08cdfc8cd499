//! What keeps devices from being offered anything: holds, and the kill switch.

use crate::book::change::Note;
use crate::book::group::GroupName;
use crate::book::rule_key::RuleKey;
use crate::device::DeviceId;
use crate::value::UnixTime;
use crate::value::label::label;
use std::fmt;
use std::str::FromStr;

label!(
    /// The name of a hold.
    book::HoldName, "boardroom"
);

/// Devices that are offered nothing, until the hold is removed or over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Hold {
    /// Its name.
    pub name: HoldName,
    /// Whom it holds.
    pub on: HeldDevices,
    /// When it is over; never, if that is not said.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub until: Option<UnixTime>,
    /// Why, for people.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "str::is_empty"))]
    pub reason: Box<str>,
}

impl Hold {
    pub(crate) fn note(&self) -> Note {
        let Self { name, on, until, reason } = self.clone();
        Note::Held { name, on, until, reason }
    }

    /// Whether it is not over yet.
    pub fn lasts(&self, now: UnixTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Whom a hold holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum HeldDevices {
    /// One device.
    Device(DeviceId),
    /// The devices of a group.
    Group(GroupName),
    /// The devices of a rule.
    Rule(RuleKey),
}

impl fmt::Display for HeldDevices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(device) => write!(f, "the device with {device:#}"),
            Self::Group(group) => write!(f, "the group {group}"),
            Self::Rule(rule) => write!(f, "the rule {rule}"),
        }
    }
}

/// What a kill switch stops.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StopScope {
    /// Every offer.
    All,
    /// The offers of a rule.
    Rule(RuleKey),
}

impl fmt::Display for StopScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Rule(rule) => rule.fmt(f),
        }
    }
}

impl FromStr for StopScope {
    type Err = crate::book::rule_key::RuleKeyError;

    /// Reads `all`, or a rule.
    ///
    /// # Errors
    /// When it is neither.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("all") { Ok(Self::All) } else { text.parse().map(Self::Rule) }
    }
}

/// A kill switch that was thrown. One call throws it; it takes two people to undo it: one asks, another approves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Stop {
    /// Who threw it.
    pub by: Box<str>,
    /// Why, for people.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "str::is_empty"))]
    pub reason: Box<str>,
    /// Who asked that it be undone, if anybody did.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub restart_asked_by: Option<Box<str>>,
}

impl Stop {
    /// A switch that was thrown just now.
    pub fn new(by: &str, reason: &str) -> Self {
        Self { by: by.into(), reason: reason.into(), restart_asked_by: None }
    }
}

#[cfg(feature = "serde")]
crate::value::label::stored_as_text!(StopScope);
