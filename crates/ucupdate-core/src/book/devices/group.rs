//! Groups of devices. A group is a list, or a predicate over properties of devices.

use crate::book::devices::predicate::{IpNetwork, MacPrefix, SerialRange, UserDomain};
use crate::device::{KindPattern, KindWord, KindWords};
use crate::request::{Question, Side};
use crate::value::label::label;
use crate::version::{FirmwareVersion, Numbers, VersionRange};
use std::fmt;

label!(
    /// The name of a group of devices.
    book::GroupName, "group name", "Lisbon"
);

/// A group of devices: the devices of a list, or the devices that a predicate matches.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Group {
    /// The name, which is unique in the rule book.
    pub name: GroupName,
    /// The properties that the devices have in common. `None` for a list, whose members are in the rule book.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub predicate: Option<Predicate>,
}

/// The properties that the devices of a group have in common.
///
/// A device must match each part that is not empty. It matches a part with several values if it matches one of them. A
/// value that the device does not report, or that cannot be read, matches nothing. A predicate without parts would match
/// every device, and is refused.
///
/// ```
/// use ucupdate_core::{Device, Question, ReportedVersion};
/// use ucupdate_core::book::Predicate;
/// use ucupdate_core::request::InstalledModule;
/// use ucupdate_core::value::Reported;
/// let phone = |mac: &str| Device {
///     kind: "UCPhone/Polycom/CX700/A/ENU".parse().unwrap(),
///     mac_address: Reported::new(mac), serial_number: Reported::default(),
/// };
/// let module = InstalledModule {
///     file_name: "cpe.nbt".into(), version: ReportedVersion::new("1.0.522.34"), time_stamp: Reported::default(),
/// };
/// let mut predicate = Predicate::default();
/// predicate.mac_prefixes.push("00-21-63".parse().unwrap());
/// assert!(predicate.holds(&Question::new(&phone("0021630F207B"), &module)));
/// assert!(!predicate.holds(&Question::new(&phone("0004F2000001"), &module)));
/// assert!(!predicate.holds(&Question::new(&phone(""), &module)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
#[non_exhaustive]
pub struct Predicate {
    /// The pattern of device kinds. The default matches every kind.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub kind: KindPattern,
    /// The prefixes of MAC addresses.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub mac_prefixes: Vec<MacPrefix>,
    /// The ranges of serial numbers.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub serials: Vec<SerialRange>,
    /// The domains of users. The user who signed in to the device last must be in one of them.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub user_domains: Vec<UserDomain>,
    /// The networks. The address from which the device asks must be in one of them.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub networks: Vec<IpNetwork>,
    /// The side from which a device asks. `None` allows both sides.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub side: Option<Side>,
    /// The range that the installed version must be in, in the version scheme of the rule. `None` allows
    /// every version. A device is also in the group if it has the version that the group gets, or a
    /// stepping stone on the way to this version.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub installed: Option<VersionRange>,
}

impl Group {
    /// Returns a summary for people: the predicate in its text form, or `a list of devices`.
    pub fn summary(&self) -> String {
        self.predicate.as_ref().map_or_else(|| "a list of devices".to_owned(), ToString::to_string)
    }
}

impl Predicate {
    /// Returns whether the predicate has no part. An empty predicate would match every device.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether the predicate matches the device that asks. The words of the device kind are compared as the
    /// device reports them. The installed version is read as a .NET version, that is two to four numbers.
    /// [`EligibilityIndex::is_in`](crate::decide::EligibilityIndex::is_in) also applies the aliases and the version
    /// schemes of a rule book.
    pub fn holds(&self, question: &Question<'_>) -> bool {
        let installed = question.module.version.readable().map(FirmwareVersion::numbers);
        self.first_mismatch(question, None, installed, &mut || false).is_none()
    }

    /// Returns the name of the first part that does not match. `None` if all parts match.
    ///
    /// `meant` has the words of the device after aliases were applied. It is `None` if its rule was found
    /// without aliases. A word matches as it was reported or as it is in `meant`.
    ///
    /// `installed` is the installed version in the scheme of the rule, or `None` if the scheme cannot read
    /// it. A version outside the range counts as inside if `is_given` returns `true`, which means that the
    /// group itself gets this version. Otherwise a device would leave the group when it installs the
    /// version of the group.
    pub(crate) fn first_mismatch(
        &self,
        question: &Question<'_>,
        meant: Option<&KindWords<&str>>,
        installed: Option<Numbers>,
        is_given: &mut dyn FnMut() -> bool,
    ) -> Option<&'static str> {
        fn any<T>(wanted: &[T], holds: impl Fn(&T) -> bool) -> bool {
            wanted.is_empty() || wanted.iter().any(holds)
        }
        let Question { device, user_name, from, .. } = question;
        let (mac, serial) = (device.mac_address.read(), device.serial_number.read());
        let is_in_range = |range: &VersionRange| {
            installed.is_some_and(|installed| range.holds_numbers(installed)) || is_given()
        };
        let parts = [
            ("MAC address", any(&self.mac_prefixes, |wanted| mac.is_some_and(|mac| wanted.holds(*mac)))),
            ("serial number", any(&self.serials, |wanted| serial.is_some_and(|serial| wanted.holds(serial)))),
            ("user domain", any(&self.user_domains, |wanted| wanted.holds(user_name))),
            (
                "network",
                any(&self.networks, |wanted| from.address.is_some_and(|address| wanted.holds(address))),
            ),
            ("side", self.side.is_none() || self.side == from.side),
            ("installed version", self.installed.as_ref().is_none_or(is_in_range)),
        ];
        let other = || parts.into_iter().find(|(_, holds)| !holds).map(|(part, _)| part);
        self.kind.first_mismatch_of(&device.kind, meant).map(KindWord::name).or_else(other)
    }
}

impl fmt::Display for Predicate {
    /// Writes the predicate, as in `vendor Polycom; network 10.1.0.0/16 or 10.2.0.0/16`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn texts<T: ToString>(values: &[T]) -> Vec<String> {
            values.iter().map(ToString::to_string).collect()
        }
        let kind = self.kind.texts().into_array();
        let kind = KindWord::ALL.map(KindWord::name).into_iter().zip(kind.map(|words| texts(&words)));
        let others = [
            ("MAC address", texts(&self.mac_prefixes)),
            ("serial number", texts(&self.serials)),
            ("user domain", texts(&self.user_domains)),
            ("network", texts(&self.networks)),
            ("side", self.side.iter().map(|side| side.word().to_owned()).collect()),
            ("installed version", self.installed.iter().map(ToString::to_string).collect()),
        ];
        let mut comma = "";
        for (part, values) in kind.chain(others).filter(|(_, values)| !values.is_empty()) {
            write!(f, "{comma}{part} {}", values.join(" or "))?;
            comma = "; ";
        }
        Ok(())
    }
}
