//! The policy of a rule: when a version is offered, and which versions are the same release.

use crate::book::rollout::Window;
use crate::version::{FirmwareVersion, ReadVersion, ReportedVersion, VersionScheme};

/// The condition under which a version is offered to a device that has another version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum OfferRule {
    /// The version differs from the installed one, even if it is older. This is the condition of OCS. Without this
    /// condition, a roll back does not reach devices that have the newer version.
    #[default]
    Different,
    /// The version is newer than the installed one.
    Newer,
}

/// The condition under which two versions are the same release. A device with one of them is not offered the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum SameRelease {
    /// The numbers are equal if missing ones count as zero: `1.0.522` and `1.0.522.0` are one release.
    #[default]
    Padded,
    /// The versions are equal in .NET's order, so `1.0.522` and `1.0.522.0` are two releases. A device that shortens
    /// its version is offered the same image repeatedly.
    Exact,
    /// The first three numbers are equal. A fourth number never causes an update.
    FirstThree,
}

impl OfferRule {
    /// Returns the name of the condition: `different` or `newer`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Different => "different",
            Self::Newer => "newer",
        }
    }
}

impl SameRelease {
    /// Returns the name of the condition: `padded`, `exact` or `first-three`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Padded => "padded",
            Self::Exact => "exact",
            Self::FirstThree => "first-three",
        }
    }

    /// Returns whether two versions are the same release. A version that cannot be read is the same release only as
    /// a version with the same text.
    #[inline]
    pub fn holds(self, one: &ReportedVersion, two: &ReportedVersion) -> bool {
        match (one, two) {
            (ReportedVersion::Readable(one), ReportedVersion::Readable(two)) => match self {
                Self::Padded => one.is_same_release(two),
                Self::Exact => one == two,
                Self::FirstThree => one.padded()[..3] == two.padded()[..3],
            },
            _ => one.is_same_release(two),
        }
    }
}

/// The conditions under which a rule offers a version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
#[non_exhaustive]
pub struct OfferPolicy {
    /// The condition under which a version is offered.
    pub offer: OfferRule,
    /// `true` if devices whose version cannot be read are offered a version.
    pub unreadable: bool,
    /// The condition under which two versions are the same release.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_default"))]
    pub same_release: SameRelease,
    /// The scheme in which versions are read. In every scheme except that of .NET, the values `Exact` and `Padded`
    /// of `same_release` have the same effect.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_default"))]
    pub scheme: VersionScheme,
    /// The minimum version. Windows and holds do not apply to devices below it. `None` means no minimum.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub minimum: Option<FirmwareVersion>,
    /// The floor. No device is offered a version that is below the floor and older than its installed
    /// version. `None` means no floor.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub floor: Option<FirmwareVersion>,
    /// The window in which versions are offered. It does not apply to the pending version of test devices.
    /// `None` means always.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub window: Option<Window>,
}

impl Default for OfferPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl OfferPolicy {
    /// The default policy as a constant, so that [`Rule::policy`](crate::book::Rule::policy) can return a reference
    /// to it.
    pub(in crate::book) const DEFAULT: Self = Self {
        offer: OfferRule::Different,
        unreadable: false,
        same_release: SameRelease::Padded,
        scheme: VersionScheme::Dotnet,
        minimum: None,
        floor: None,
        window: None,
    };

    /// Creates the default policy, but with this condition for offers.
    pub fn offering(offer: OfferRule) -> Self {
        Self { offer, ..Self::default() }
    }

    /// Returns the name and the value of each field, as text. The value is `none` if the field is not set.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        fn or_none(value: &Option<impl ToString>) -> String {
            value.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)
        }
        // The fields are destructured, so that the compiler reports a new field that is missing here.
        let Self { offer, unreadable, same_release, minimum, floor, window, scheme } = self;
        vec![
            ("offer", offer.word().to_owned()),
            ("unreadable", if *unreadable { "yes" } else { "no" }.to_owned()),
            ("same-release", same_release.word().to_owned()),
            ("minimum", or_none(minimum)),
            ("floor", or_none(floor)),
            ("window", or_none(window)),
            ("scheme", scheme.to_string()),
        ]
    }

    /// Returns whether two versions are the same release for this rule.
    ///
    /// Versions that the rule's scheme cannot read are the same release only if their texts are equal.
    #[inline]
    pub fn is_same_release(&self, one: &ReportedVersion, two: &ReportedVersion) -> bool {
        if self.scheme.is_dotnet() {
            return self.same_release.holds(one, two);
        }
        match (self.scheme.read_reported(one), self.scheme.read_reported(two)) {
            (Some(one), Some(two)) => self.is_same_when_read(&one, &two),
            _ => one.as_str() == two.as_str(),
        }
    }

    /// Returns whether two versions are the same release for this rule. The scheme of the rule has read both of them.
    #[inline]
    pub(crate) fn is_same_when_read(&self, one: &ReadVersion<'_>, two: &ReadVersion<'_>) -> bool {
        match self.same_release {
            SameRelease::Exact if self.scheme.is_dotnet() => one.numbers == two.numbers,
            SameRelease::FirstThree => {
                one.numbers.same_first_three(two.numbers) && one.is_comparable(Some(two))
            }
            SameRelease::Exact | SameRelease::Padded => one.is_same_release(two),
        }
    }

    /// Returns whether everything but the scheme is as in the default policy.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self { scheme: self.scheme.clone(), ..Self::default() }
    }

    /// Returns whether `version` is an earlier release than `than` for this rule. `false` if the scheme of the rule
    /// cannot read one of them, or cannot compare them because their prefixes differ.
    pub fn is_older(&self, version: &ReportedVersion, than: &ReportedVersion) -> bool {
        let read = self.scheme.read_reported(version).zip(self.scheme.read_reported(than));
        read.is_some_and(|(version, than)| {
            version.is_comparable(Some(&than)) && version.numbers.padded() < than.numbers.padded()
        })
    }
}

#[cfg(feature = "serde")]
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version() -> impl Strategy<Value = ReportedVersion> {
        "(UC4[0-1]HD_)?[0-2](\\.0?[0-2]){0,8}|[a-c0-9.]{0,6}".prop_map(|text| ReportedVersion::new(&text))
    }

    fn policy() -> impl Strategy<Value = OfferPolicy> {
        let schemes = ["dotnet", "numeric", "prefixed:UC*HD_", "prefixed-same:UC*HD_"];
        let same = [SameRelease::Padded, SameRelease::Exact, SameRelease::FirstThree];
        (prop::sample::select(schemes.to_vec()), prop::sample::select(same.to_vec())).prop_map(
            |(scheme, same_release)| OfferPolicy {
                scheme: scheme.parse().unwrap(),
                same_release,
                ..OfferPolicy::default()
            },
        )
    }

    proptest! {
        #[test]
        fn versions_of_each_scheme_have_a_total_order_that_agrees_with_what_is_one_release(
            policy in policy(), one in version(), two in version(), three in version(),
        ) {
            let scheme = &policy.scheme;
            let compare = |one: &ReportedVersion, two: &ReportedVersion| scheme.compare(one.as_str(), two.as_str());
            prop_assert_eq!(compare(&one, &two), compare(&two, &one).map(std::cmp::Ordering::reverse));
            if let (Some(first), Some(second)) = (compare(&one, &two), compare(&two, &three)) {
                prop_assert!(first.is_gt() || second.is_gt() || compare(&one, &three).is_some_and(|it| it.is_le()));
            }
            if scheme.is_same_release(&one, &two) {
                prop_assert!(!policy.is_older(&one, &two) && !policy.is_older(&two, &one));
                prop_assert!(scheme.is_same_release(&two, &one));
                prop_assert!(!scheme.is_same_release(&two, &three) || scheme.is_same_release(&one, &three));
            }
            if policy.is_older(&one, &two) {
                prop_assert_eq!(compare(&one, &two), Some(std::cmp::Ordering::Less));
                prop_assert!(!policy.is_older(&two, &three) || policy.is_older(&one, &three));
            }
        }
    }

    #[test]
    fn what_is_one_release_is_the_policys_to_say() {
        let same = |policy: SameRelease, one: &str, two: &str| {
            policy.holds(&ReportedVersion::new(one), &ReportedVersion::new(two))
        };
        for (one, two, padded, exact, three) in [
            ("1.0.522", "1.0.522.0", true, false, true),
            ("1.0.522.1", "1.0.522.2", false, false, true),
            ("1.0.522", "1.0.523", false, false, false),
            ("1.0.0522", "1.0.522", true, true, true),
            ("4.1b", "4.1b", true, true, true),
            ("4.1b", "4.1", false, false, false),
        ] {
            let found = [SameRelease::Padded, SameRelease::Exact, SameRelease::FirstThree]
                .map(|policy| same(policy, one, two));
            assert_eq!(found, [padded, exact, three], "{one} {two}");
        }
    }
}
