//! Ranges of versions, and their text form.

use crate::value::parse_error::{Expected, ParseError, ParseErrorKind};
use crate::version::comparator::{BLANKS, Comparator, LAST_PLACE, Operator, RANGE};
use crate::version::firmware_version::FirmwareVersion;
use crate::version::numbers::Numbers;
use crate::version::scheme::VersionScheme;
use std::fmt;
use std::str::FromStr;

/// The largest number of comparators in a [`VersionRange`].
pub const MAX_COMPARATORS: usize = 8;

/// A range of releases, such as `>=1.0.0, <1.0.522.98`.
///
/// # Syntax
/// One to eight comparators with commas between them. A version must satisfy all of them. A comparator is
/// `=`, `>`, `>=`, `<` or `<=` and a version of two to eight numbers. A version alone means `=`. Blanks
/// around comparators and after a sign are ignored. There is no "or". There is no text for "any", but
/// `>=0.0` contains every version that can be read.
///
/// # Meaning
/// A range contains *releases*, so a missing part is zero on both sides. Versions are compared by
/// [`FirmwareVersion::release_order`], and not in the order of .NET, in which `1.0.522` is less than `1.0.522.0`. A
/// text that cannot be read as a version is in no range.
///
/// A range that contains no version is refused when it is parsed.
///
/// ```
/// use ucupdate_core::ReportedVersion;
/// use ucupdate_core::version::VersionRange;
/// let old: VersionRange = ">=1.0.0, <1.0.522.98".parse().unwrap();
/// assert!(old.holds(&"1.0.522.34".parse().unwrap()));
/// assert!(!old.holds(&"1.0.522.98".parse().unwrap()));
///
/// let from: VersionRange = ">=1.0.522".parse().unwrap();
/// assert!(from.holds(&"1.0.522".parse().unwrap()) && from.holds(&"1.0.522.0".parse().unwrap()));
/// let below: VersionRange = "<1.0.522.0".parse().unwrap();
/// assert!(!below.holds(&"1.0.522".parse().unwrap()));
///
/// assert_eq!(">2.0, <1.0".parse::<VersionRange>().unwrap_err().to_string(), "version range \">2.0, <1.0\" contradicts itself, expected a range with at least one version");
/// ```
///
/// Two ranges are equal if their comparators are equal and in the same order. Ranges that contain the same versions may
/// differ.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VersionRange {
    comparators: Box<[Comparator]>,
    /// The first and the last release of at most four parts in the range, each given by its [`Numbers::place`].
    /// `None` if the version of a comparator has more than four parts.
    bounds: Option<(u128, u128)>,
}

impl VersionRange {
    /// Reads a range whose versions are written in a scheme, such as `<T48G-35.8.0.31`. The result has the
    /// versions without their prefixes.
    ///
    /// # Errors
    /// Returns an error if the text is not a range of versions of this scheme.
    ///
    /// ```
    /// use ucupdate_core::version::VersionRange;
    /// let scheme = "prefixed:T48G-".parse().unwrap();
    /// let range = VersionRange::read(">=T48G-35.8, <35.8.0.31", &scheme).unwrap();
    /// assert_eq!(range.to_string(), ">=35.8, <35.8.0.31");
    /// ```
    pub fn read(text: &str, scheme: &VersionScheme) -> Result<Self, ParseError> {
        let without_prefix = |comparator: &str| {
            let comparator = comparator.trim_matches(BLANKS);
            let version = comparator.trim_start_matches(['=', '<', '>']);
            let sign = comparator.strip_suffix(version)?;
            let version = scheme.read(version.trim_start_matches(BLANKS)).ok()?;
            let rest = if version.as_str().contains('.') { "" } else { ".0" };
            Some(format!("{sign}{version}{rest}"))
        };
        text.parse().or_else(|error| {
            let comparators: Option<Vec<String>> = text.split(',').map(without_prefix).collect();
            comparators.ok_or(error)?.join(",").parse()
        })
    }

    /// Returns whether the range contains a version.
    #[inline]
    pub fn holds(&self, version: &FirmwareVersion) -> bool {
        self.holds_numbers(version.numbers())
    }

    /// Returns whether .NET can read every version in the text of the range: each version has two to four
    /// numbers.
    pub fn is_dotnet(&self) -> bool {
        let mut versions = self.comparators.iter().map(|comparator| &comparator.version);
        versions.all(|version| version.as_str().parse::<FirmwareVersion>().is_ok())
    }

    /// Returns whether the range contains the release with these numbers.
    #[inline]
    pub(crate) fn holds_numbers(&self, version: Numbers) -> bool {
        match (self.bounds, version.place()) {
            (Some((first, last)), Some(place)) => (first..=last).contains(&place),
            _ => self.comparators.iter().all(|comparator| comparator.holds(version.padded())),
        }
    }
}

impl FromStr for VersionRange {
    type Err = ParseError;

    /// Reads a range such as `>=1.0.0, <1.0.522.98`.
    ///
    /// # Errors
    /// Returns an error if the text is blank, a comparator cannot be read, there are more than
    /// [`MAX_COMPARATORS`], or no version can be in the range. The error names the comparator and what was
    /// expected.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.trim_matches(BLANKS).is_empty() {
            let expected = Expected::Text("comparators as in `>=1.0.0, <1.0.522.98`");
            return Err(ParseError::blank(RANGE, expected));
        }
        let found = text.split(',').count();
        if found > MAX_COMPARATORS {
            return Err(ParseError::count(RANGE, found, "comparator", Expected::AtMost(MAX_COMPARATORS)));
        }
        let read = |(index, text): (usize, &str)| Comparator::read(index + 1, text.trim_matches(BLANKS));
        let comparators: Box<[Comparator]> =
            text.split(',').enumerate().map(read).collect::<Result<_, _>>()?;
        let nothing = || {
            let expected = "a range with at least one version";
            ParseError::quoting(RANGE, ParseErrorKind::Contradiction, &written(&comparators), expected)
        };
        if comparators.iter().any(|comparator| comparator.version.numbers().place().is_none()) {
            if !is_wide_range_possible(&comparators) {
                return Err(nothing());
            }
            return Ok(Self { comparators, bounds: None });
        }
        let bounds = comparators.iter().try_fold((0, LAST_PLACE), |(first, last), comparator| {
            let (least, most) = comparator.bounds()?;
            Some((least.max(first), most.min(last))).filter(|(first, last)| first <= last)
        });
        let bounds = Some(bounds.ok_or_else(nothing)?);
        Ok(Self { comparators, bounds })
    }
}

/// Returns whether some version can satisfy all comparators. This is for ranges in which the version of a
/// comparator has more than four parts. The result is also `true` if the range is between two versions with no
/// version between them, such as `>1.0.0.0.0.0.0.1, <1.0.0.0.0.0.0.2`.
fn is_wide_range_possible(comparators: &[Comparator]) -> bool {
    let (mut first, mut is_first_held) = (Numbers::FIRST, true);
    let (mut last, mut is_last_held) = (Numbers::LAST, true);
    for comparator in comparators {
        let bound = comparator.version.numbers().padded();
        if matches!(comparator.operator, Operator::Same | Operator::Above | Operator::AtLeast) {
            let is_held = comparator.operator != Operator::Above;
            is_first_held = if bound == first {
                is_held && is_first_held
            } else if bound > first {
                is_held
            } else {
                is_first_held
            };
            first = first.max(bound);
        }
        if matches!(comparator.operator, Operator::Same | Operator::Below | Operator::AtMost) {
            let is_held = comparator.operator != Operator::Below;
            is_last_held = if bound == last {
                is_held && is_last_held
            } else if bound < last {
                is_held
            } else {
                is_last_held
            };
            last = last.min(bound);
        }
    }
    first < last || first == last && is_first_held && is_last_held
}

fn written(comparators: &[Comparator]) -> String {
    comparators.iter().map(Comparator::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for VersionRange {
    /// Writes a text that is read back as an equal range: each comparator with its sign, separated by `, `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&written(&self.comparators))
    }
}

impl fmt::Debug for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionRange({self})")
    }
}

crate::value::stored_text::stored_as_text!(VersionRange);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Ordering;
    use ucupdate_testkit::texts::pattern;

    #[track_caller]
    fn range(text: &str) -> VersionRange {
        text.parse().unwrap()
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        assert_eq!(format!("{:#}", text.parse::<VersionRange>().unwrap_err()), message);
    }

    #[test]
    fn each_comparator_holds_what_it_says_and_a_missing_part_is_zero() {
        // Each row has a range, and whether it contains each of these versions.
        let versions = ["1.0.521.9", "1.0.522", "1.0.522.0", "1.0.522.1", "1.1"];
        for (text, expected) in [
            ("1.0.522", [false, true, true, false, false]),
            ("=1.0.522.0", [false, true, true, false, false]),
            (">1.0.522", [false, false, false, true, true]),
            (">1.0.522.0", [false, false, false, true, true]),
            (">=1.0.522", [false, true, true, true, true]),
            (">=1.0.522.0", [false, true, true, true, true]),
            ("<1.0.522", [true, false, false, false, false]),
            ("<1.0.522.0", [true, false, false, false, false]),
            ("<=1.0.522", [true, true, true, false, false]),
            (" >= 1.0.522 ,\t<1.1.0 ", [false, true, true, true, false]),
            (">=0.0", [true; 5]),
        ] {
            let held = versions.map(|version| range(text).holds(&version.parse().unwrap()));
            assert_eq!(held, expected, "{text}");
        }
    }

    #[test]
    fn a_refusal_says_which_comparator_and_what_was_expected() {
        refused(" ", "version range is blank, expected comparators as in `>=1.0.0, <1.0.522.98`");
        refused(
            ">1.0,",
            "comparator 2 of the version range is blank, expected a version behind =, >, >=, < or <=",
        );
        refused(
            "~1.0",
            "comparator 1 of the version range contains '~', expected =, >, >=, <, <= or a digit at its beginning",
        );
        refused(
            ">1.0, <2",
            "comparator 2 of the version range cannot be read: version has 1 part, expected 2 to 4",
        );
        refused(
            "1.0, >=",
            "comparator 2 of the version range cannot be read: version is blank, expected 2 to 4 numbers",
        );
        refused(
            "==1.0",
            "comparator 1 of the version range cannot be read: part 1 of the version contains '=', expected digits",
        );
        refused(
            "1.0 2.0",
            "comparator 1 of the version range cannot be read: part 2 of the version contains ' ', expected digits",
        );
    }

    #[test]
    fn a_range_that_could_hold_nothing_is_refused() {
        refused(
            ">2.0 ,<1.0",
            "version range \">2.0, <1.0\" contradicts itself, expected a range with at least one version",
        );
        refused(
            "1.0, 1.1",
            "version range \"=1.0, =1.1\" contradicts itself, expected a range with at least one version",
        );
        refused(
            ">1.0.0.5, <1.0.0.6",
            "version range \">1.0.0.5, <1.0.0.6\" contradicts itself, expected a range with at least one version",
        );
        refused(
            "<0.0",
            "version range \"<0.0\" contradicts itself, expected a range with at least one version",
        );
        let last = "2147483647.2147483647.2147483647.2147483647";
        refused(
            &format!(">{last}"),
            &format!(
                "version range \">{last}\" contradicts itself, expected a range with at least one version"
            ),
        );
        assert!(range(&format!(">={last}")).holds(&last.parse().unwrap()));
        assert!(range(">=1.0, <=1.0.0.0").holds(&"1.0".parse().unwrap()));
    }

    #[test]
    fn a_range_may_name_versions_of_more_than_four_parts() {
        let wide = |text: &str| FirmwareVersion::numeric(text).unwrap();
        let old = range("<3.0.0.459.1");
        assert!(old.holds(&wide("3.0.0.459")) && old.holds(&wide("3.0.0.459.0.9")));
        assert!(!old.holds(&wide("3.0.0.459.1")) && !old.holds(&wide("3.0.0.459.1.0")));
        assert!(
            range(">=3.0.0.459").holds(&wide("3.0.0.459.1")),
            "a range of four parts holds longer versions"
        );
        assert!(!range("=3.0.0.459").holds(&wide("3.0.0.459.1")));
        refused(
            ">=3.0.0.459.2, <3.0.0.459.1",
            "version range \">=3.0.0.459.2, <3.0.0.459.1\" contradicts itself, expected a range with at least one version",
        );
        assert_eq!(old.to_string().parse(), Ok(old));
    }

    #[test]
    fn a_range_has_at_most_eight_comparators() {
        let text = |count: usize| vec![">=1.0"; count].join(",");
        assert!(range(&text(MAX_COMPARATORS)).holds(&"1.0".parse().unwrap()));
        refused(&text(MAX_COMPARATORS + 1), "version range has 9 comparators, expected at most 8");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_range_is_stored_as_its_text() {
        let stored = serde_json::to_string(&range("1.0.522,<2.0")).unwrap();
        assert_eq!(stored, "\"=1.0.522, <2.0\"");
        assert_eq!(serde_json::from_str::<VersionRange>(&stored).unwrap(), range("=1.0.522, <2.0"));
        assert!(serde_json::from_str::<VersionRange>("\">2.0, <1.0\"").is_err());
    }

    /// Returns versions whose parts are mostly 0 to 2, so that equal versions are frequent. The other parts are the two
    /// largest numbers.
    fn version() -> impl Strategy<Value = String> {
        let part = prop_oneof![4 => 0..3_u32, 1 => Just(2_147_483_646), 1 => Just(2_147_483_647)];
        prop::collection::vec(part, 2..=4)
            .prop_map(|parts| parts.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
    }

    fn comparators() -> impl Strategy<Value = Vec<(&'static str, String)>> {
        let sign = prop::sample::select(vec!["", "=", ">", ">=", "<", "<="]);
        prop::collection::vec((sign, version()), 1..=MAX_COMPARATORS)
    }

    fn text(comparators: &[(&str, String)]) -> String {
        comparators.iter().map(|(sign, version)| format!("{sign}{version}")).collect::<Vec<_>>().join(",")
    }

    /// Computes whether a range contains a version, by comparing padded parts one by one.
    fn holds(comparators: &[(&str, String)], version: &str) -> bool {
        let padded = |text: &str| {
            let mut parts: Vec<u64> = text.split('.').map(|part| part.parse().unwrap()).collect();
            parts.resize(4, 0);
            parts
        };
        comparators.iter().all(|(sign, bound)| {
            let order = padded(version).cmp(&padded(bound));
            match *sign {
                ">" => order == Ordering::Greater,
                ">=" => order != Ordering::Less,
                "<" => order == Ordering::Less,
                "<=" => order != Ordering::Greater,
                _ => order == Ordering::Equal,
            }
        })
    }

    proptest! {
        #[test]
        fn a_range_holds_what_brute_force_says(
            comparators in comparators(), versions in prop::collection::vec(version(), 20),
        ) {
            match text(&comparators).parse::<VersionRange>() {
                Ok(range) => for version in &versions {
                    prop_assert_eq!(range.holds(&version.parse().unwrap()), holds(&comparators, version), "{}", version);
                },
                Err(error) if error.kind() == ParseErrorKind::Contradiction => for version in &versions {
                    prop_assert!(!holds(&comparators, version), "{}", version);
                },
                Err(error) => prop_assert!(false, "{}", error),
            }
        }

        /// Checks that a range that was parsed is not empty. Compares its first and its last release with all
        /// comparators, part by part.
        #[test]
        fn a_range_that_is_read_holds_its_first_and_last_release(comparators in comparators()) {
            if let Ok(range) = text(&comparators).parse::<VersionRange>() {
                let (first, last) = range.bounds.unwrap();
                for place in [first, last] {
                    let parts = [93, 62, 31, 0].map(|shift| (place >> shift & 0x7FFF_FFFF).to_string());
                    prop_assert!(holds(&comparators, &parts.join(".")), "{:?}", parts);
                }
            }
        }

        #[test]
        fn what_is_written_reads_back(comparators in comparators()) {
            if let Ok(range) = text(&comparators).parse::<VersionRange>() {
                prop_assert_eq!(range.to_string().parse(), Ok(range));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in pattern("[<>=0-9., ]{0,30}|\\PC{0,40}")) {
            let _ = text.parse::<VersionRange>();
        }
    }
}
