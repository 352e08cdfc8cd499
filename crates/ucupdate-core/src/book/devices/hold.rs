//! Holds and the kill switch. Both stop offers to devices.

use crate::book::devices::group::GroupName;
use crate::book::rule::RuleKey;
use crate::device::DeviceId;
use crate::value::UnixTime;
use crate::value::label::label;
use std::fmt;
use std::str::FromStr;

label!(
    /// The name of a hold, which is unique among the holds of a rule book.
    book::HoldName, "hold name", "boardroom"
);

/// A hold: its devices are offered nothing until the hold ends or is removed. It does not apply to a device
/// below the [minimum](crate::book::OfferPolicy::minimum) of its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Hold {
    /// The name, which is unique in the rule book.
    pub name: HoldName,
    /// The devices to which the hold applies: a device, a group, or the devices of a rule.
    pub on: HeldDevices,
    /// The end of the hold. `None` means that the hold lasts until it is removed.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub until: Option<UnixTime>,
    /// The reason, as text for people.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "str::is_empty"))]
    pub reason: Box<str>,
}

impl Hold {
    /// Returns whether the hold is still in force at `now`.
    pub fn lasts(&self, now: UnixTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// The devices that a hold applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum HeldDevices {
    /// The device that reports this MAC address or serial number, under every rule.
    Device(DeviceId),
    /// The devices of a group, also those that become members later.
    Group(GroupName),
    /// All devices whose rule this is.
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

/// The offers that a kill switch stops.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StopScope {
    /// All offers of all rules.
    All,
    /// The offers of a rule.
    Rule(RuleKey),
}

impl StopScope {
    /// Returns the stopped offers as words of a sentence: `all offers`, or `the offers of` and the rule.
    pub(crate) fn offers(&self) -> String {
        match self {
            Self::All => "all offers".to_owned(),
            Self::Rule(rule) => format!("the offers of {rule}"),
        }
    }
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
    type Err = crate::value::ParseError;

    /// Reads `all`, or the key of a rule.
    ///
    /// # Errors
    /// Returns an error if the text is neither.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("all") { Ok(Self::All) } else { text.parse().map(Self::Rule) }
    }
}

/// A kill switch that is on. One author can turn it on. Two authors are needed to turn it off: one requests
/// the restart, and another one approves it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Stop {
    /// The author who turned the switch on.
    pub by: Box<str>,
    /// The reason, as text for people.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "str::is_empty"))]
    pub reason: Box<str>,
    /// The author who requested the restart. `None` if nobody has requested it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub restart_asked_by: Option<Box<str>>,
}

impl Stop {
    /// Creates a kill switch that was just turned on by the author `by`.
    pub fn new(by: &str, reason: &str) -> Self {
        Self { by: by.into(), reason: reason.into(), restart_asked_by: None }
    }
}

crate::value::stored_text::stored_as_text!(StopScope);
