//! Version schemes. A scheme defines how the text of a version becomes numbers that can be ordered.

use crate::value::glob;
use crate::value::parse_error::{Expected, ParseError, ParseErrorKind};
use crate::version::firmware_version::{FirmwareVersion, ReportedVersion};
use crate::version::numbers::Numbers;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The largest size of the pattern of a [`VersionPrefix`] in bytes.
pub const MAX_PREFIX_BYTES: usize = 64;

/// The way in which a rule reads the versions of its devices and packages.
///
/// A version that the scheme of its rule cannot read has no order. It equals only the same text.
///
/// ```
/// use std::cmp::Ordering;
/// use ucupdate_core::version::VersionScheme;
///
/// let dotnet = VersionScheme::Dotnet;
/// assert_eq!(dotnet.compare("1.0.522.98", "1.0.522.103"), Some(Ordering::Less));
/// assert_eq!(dotnet.compare("3.0.0.459.1", "3.0.0.500.9"), None); // five parts
///
/// let numeric = VersionScheme::Numeric;
/// assert_eq!(numeric.compare("3.0.0.459.1", "3.0.0.500.9"), Some(Ordering::Less));
/// assert_eq!(numeric.compare("2.0.1.44.09", "2.0.1.44.9"), Some(Ordering::Equal));
///
/// let prefixed: VersionScheme = "prefixed:UC*HD_".parse().unwrap();
/// assert_eq!(prefixed.compare("UC440HD_3.1.3.144.18", "UC430HD_2.0.3.19"), Some(Ordering::Greater));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VersionScheme {
    /// Two to four numbers in the order of .NET's `System.Version`, in which a missing part is less than zero.
    ///
    /// The text form is `dotnet`. This is the default. Phones of Microsoft and Polycom report such versions.
    #[default]
    Dotnet,
    /// One to eight numbers. A missing part is zero, and leading zeros mean nothing.
    ///
    /// The text form is `numeric`. Phones of AudioCodes, EPOS and Mitel report such versions.
    Numeric,
    /// A prefix, then numbers as in [`Numeric`](Self::Numeric). A version without a prefix is read too.
    ///
    /// The text form is `prefixed:UC*HD_`. It is `prefixed-same:UC*HD_` if versions with different prefixes
    /// have no order.
    Prefixed(VersionPrefix),
}

impl VersionScheme {
    /// Returns whether this is [`Dotnet`](Self::Dotnet), the default scheme.
    #[inline]
    pub fn is_dotnet(&self) -> bool {
        *self == Self::Dotnet
    }

    /// Returns a scheme that can read a version, as a suggestion for a person: `dotnet`, `numeric`, or
    /// `prefixed` with the prefix of the version. `None` if none of them can read it.
    ///
    /// ```
    /// use ucupdate_core::version::{ReportedVersion, VersionScheme};
    ///
    /// let advice = |text: &str| VersionScheme::reading(&ReportedVersion::new(text)).map(|it| it.to_string());
    /// assert_eq!(advice("3.0.0.459.1").as_deref(), Some("numeric"));
    /// assert_eq!(advice("T48G-35.8.0.31").as_deref(), Some("prefixed:T48G-"));
    /// assert_eq!(advice("4.1.0.82b"), None);
    /// ```
    pub fn reading(version: &ReportedVersion) -> Option<Self> {
        let prefixed = || {
            let text = version.as_str();
            let prefix = VersionPrefix::new("*", false).ok()?.split(text)?.0;
            VersionPrefix::new(prefix, false).ok().map(Self::Prefixed)
        };
        let known = [Self::Dotnet, Self::Numeric].into_iter().chain(prefixed());
        known.into_iter().find(|scheme| scheme.numbers(version).is_some())
    }

    /// Reads a version that a person wrote in a setting, such as the [floor](crate::book::OfferPolicy::floor)
    /// of a rule or the threshold of a stepping stone.
    ///
    /// The result keeps the text without its prefix.
    ///
    /// # Errors
    /// Returns an error if this scheme cannot read the text. The error says what was found and what was expected.
    pub fn read(&self, text: &str) -> Result<FirmwareVersion, ParseError> {
        let (version, expected) = match self {
            Self::Dotnet => return text.parse(),
            Self::Numeric => (FirmwareVersion::numeric(text), "1 to 8 numbers"),
            Self::Prefixed(prefix) => {
                let rest = prefix.split(text).map(|(found, _)| &text[found.len()..]);
                let expected = "1 to 8 numbers, alone or behind a prefix of the scheme";
                (rest.and_then(FirmwareVersion::numeric), expected)
            }
        };
        version.ok_or_else(|| ParseError::quoting("version", ParseErrorKind::Malformed, text, expected))
    }

    /// Compares two versions as they were reported. Returns `None` if one of them cannot be read, or if the scheme
    /// compares prefixes and they differ.
    pub fn compare(&self, one: &str, two: &str) -> Option<Ordering> {
        let (one, two) = (ReportedVersion::new(one), ReportedVersion::new(two));
        let (one, two) = (self.read_reported(&one)?, self.read_reported(&two)?);
        one.is_comparable(Some(&two)).then(|| one.numbers.cmp(&two.numbers))
    }

    /// Returns the numbers of a reported version, with zero for missing ones, and its prefix. The prefix is empty if
    /// this scheme does not compare prefixes. Returns `None` if this scheme cannot read the version.
    ///
    /// Two versions are the same release exactly if their numbers are equal and their prefixes differ at most in ASCII case.
    ///
    /// ```
    /// use ucupdate_core::version::{ReportedVersion, VersionScheme};
    ///
    /// let version = ReportedVersion::new("UC440HD_3.1.3.144.18");
    /// let same: VersionScheme = "prefixed-same:UC*HD_".parse().unwrap();
    /// assert_eq!(same.release_of(&version), Some(([3, 1, 3, 144, 18, 0, 0, 0], "UC440HD_")));
    /// assert_eq!(VersionScheme::Numeric.release_of(&version), None);
    /// ```
    pub fn release_of<'v>(&self, version: &'v ReportedVersion) -> Option<([u32; 8], &'v str)> {
        let read = self.read_reported(version)?;
        Some((read.numbers.parts(), read.prefix.unwrap_or_default()))
    }

    /// Returns the numbers of a reported version. `None` if this scheme cannot read it.
    #[inline]
    pub(crate) fn numbers(&self, version: &ReportedVersion) -> Option<Numbers> {
        self.read_reported(version).map(|read| read.numbers)
    }

    /// Reads a reported version. `None` if this scheme cannot read it.
    #[inline]
    pub(crate) fn read_reported<'v>(&self, version: &'v ReportedVersion) -> Option<ReadVersion<'v>> {
        let (numbers, prefix) = match (self, version.readable()) {
            (Self::Dotnet, _) => return ReadVersion::of_dotnet(version),
            // A version that .NET can read has the same numbers in every scheme, and no prefix.
            (Self::Numeric | Self::Prefixed(_), Some(readable))
                if readable.as_str().len() <= Numbers::MAX_BYTES =>
            {
                (readable.numbers().padded(), self.compares_prefixes().then_some(""))
            }
            (Self::Numeric, _) => (Numbers::read(version.as_str())?, None),
            (Self::Prefixed(prefix), _) => {
                let (found, numbers) = prefix.split(version.as_str())?;
                (numbers, prefix.is_compared.then_some(found))
            }
        };
        Some(ReadVersion { numbers, prefix })
    }

    /// Returns whether versions with different prefixes have no order.
    fn compares_prefixes(&self) -> bool {
        matches!(self, Self::Prefixed(VersionPrefix { is_compared: true, .. }))
    }

    /// Returns whether two reported versions are the same release. Their numbers must be equal, where a
    /// missing part counts as zero. If the scheme compares prefixes, the prefixes must be equal too. If the
    /// scheme cannot read one of the versions, the texts must be equal.
    pub fn is_same_release(&self, one: &ReportedVersion, two: &ReportedVersion) -> bool {
        match (self.read_reported(one), self.read_reported(two)) {
            (Some(one), Some(two)) => one.is_same_release(&two),
            _ => one.as_str() == two.as_str(),
        }
    }
}

/// The numbers and the prefix of a reported version, as a scheme reads them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadVersion<'v> {
    pub(crate) numbers: Numbers,
    /// The prefix. `None` if the scheme does not compare prefixes.
    pub(crate) prefix: Option<&'v str>,
}

impl<'v> ReadVersion<'v> {
    /// Reads a reported version as [`VersionScheme::Dotnet`] does.
    #[inline]
    pub(crate) fn of_dotnet(version: &'v ReportedVersion) -> Option<Self> {
        version.readable().map(|readable| Self { numbers: readable.numbers(), prefix: None })
    }

    /// Returns whether prefixes allow a comparison with another version. `other` is `None` if the other
    /// version cannot be read. If the scheme does not compare prefixes, the result is `true`. Otherwise
    /// both versions must have the same prefix.
    #[inline]
    pub(crate) fn is_comparable(&self, other: Option<&ReadVersion<'_>>) -> bool {
        let Some(prefix) = self.prefix else { return true };
        other.is_some_and(|other| other.prefix.is_some_and(|other| other.eq_ignore_ascii_case(prefix)))
    }

    /// Returns whether both versions are the same release. A missing part counts as zero.
    #[inline]
    pub(crate) fn is_same_release(&self, other: &ReadVersion<'_>) -> bool {
        self.numbers.is_same_release(&other.numbers) && self.is_comparable(Some(other))
    }
}

impl FromStr for VersionScheme {
    type Err = ParseError;

    /// Reads `dotnet`, `numeric`, `prefixed:PATTERN` or `prefixed-same:PATTERN`.
    ///
    /// # Errors
    /// Returns an error if the text has another form, or if the pattern is empty, is too long or contains a control
    /// character.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.split_once(':') {
            None if text.eq_ignore_ascii_case("dotnet") => Ok(Self::Dotnet),
            None if text.eq_ignore_ascii_case("numeric") => Ok(Self::Numeric),
            Some((name, pattern)) if name.eq_ignore_ascii_case("prefixed") => {
                VersionPrefix::new(pattern, false).map(Self::Prefixed)
            }
            Some((name, pattern)) if name.eq_ignore_ascii_case("prefixed-same") => {
                VersionPrefix::new(pattern, true).map(Self::Prefixed)
            }
            _ => {
                let expected = "`dotnet`, `numeric`, `prefixed:PATTERN` or `prefixed-same:PATTERN`";
                Err(ParseError::quoting("version scheme", ParseErrorKind::Unknown, text, expected))
            }
        }
    }
}

impl fmt::Display for VersionScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dotnet => f.pad("dotnet"),
            Self::Numeric => f.pad("numeric"),
            Self::Prefixed(VersionPrefix { pattern, is_compared: false, .. }) => {
                write!(f, "prefixed:{pattern}")
            }
            Self::Prefixed(VersionPrefix { pattern, is_compared: true, .. }) => {
                write!(f, "prefixed-same:{pattern}")
            }
        }
    }
}

crate::value::stored_text::stored_as_text!(VersionScheme);

/// The pattern of the prefix that [`VersionScheme::Prefixed`] removes from a version.
///
/// `*` matches any number of any characters. ASCII case is ignored. The shortest prefix after which only
/// numbers remain is removed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VersionPrefix {
    pattern: Box<str>,
    /// The positions of the first and the last `*` in the pattern, in bytes. `None` if the pattern has no
    /// `*`.
    stars: Option<(usize, usize)>,
    is_compared: bool,
}

impl VersionPrefix {
    /// Creates a prefix from its pattern. `is_compared` tells whether a device must report the same prefix
    /// as the image.
    ///
    /// # Errors
    /// Returns an error if the pattern is empty, has more than [`MAX_PREFIX_BYTES`] bytes, or holds a control character.
    pub fn new(pattern: &str, is_compared: bool) -> Result<Self, ParseError> {
        const PATTERN: &str = "pattern of the version prefix";
        if pattern.is_empty() {
            return Err(ParseError::blank(PATTERN, Expected::Text("a pattern such as `UC*HD_`")));
        }
        if pattern.len() > MAX_PREFIX_BYTES {
            return Err(ParseError::too_long(PATTERN, pattern.len(), MAX_PREFIX_BYTES));
        }
        if let Some((at, found)) = pattern.char_indices().find(|(_, found)| found.is_control()) {
            return Err(ParseError::character(PATTERN, found, "no control characters").at_byte(at));
        }
        let stars = pattern.find('*').zip(pattern.rfind('*'));
        Ok(Self { pattern: pattern.into(), stars, is_compared })
    }

    /// Returns the pattern, for example `UC*HD_`.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Returns whether a device must report the same prefix as the image. A device that reports another
    /// prefix counts as a device whose version cannot be read.
    pub fn is_compared(&self) -> bool {
        self.is_compared
    }

    /// Splits a version into its prefix, which may be empty, and its numbers. `None` if the pattern does
    /// not match the prefix, or if the text does not end in numbers.
    fn split<'a>(&self, text: &'a str) -> Option<(&'a str, Numbers)> {
        if text.len() > Numbers::MAX_BYTES + MAX_PREFIX_BYTES {
            return None;
        }
        // The numbers are in the digits and full stops at the end of the text.
        let is_of_numbers = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        let tail = text.bytes().rposition(|byte| !is_of_numbers(byte)).map_or(0, |at| at + 1);
        (tail..text.len()).filter(|at| text.as_bytes()[*at] != b'.').find_map(|at| {
            let (prefix, rest) = text.split_at(at);
            let numbers = Numbers::read(rest)?;
            (prefix.is_empty() || self.holds(prefix)).then_some((prefix, numbers))
        })
    }

    /// Returns whether the pattern matches a prefix.
    fn holds(&self, prefix: &str) -> bool {
        let (pattern, text) = (self.pattern.as_bytes(), prefix.as_bytes());
        match self.stars {
            None => pattern.eq_ignore_ascii_case(text),
            Some((first, last)) if first == last => {
                let (begin, end) = (&pattern[..first], &pattern[last + 1..]);
                let rest = text.split_at_checked(begin.len());
                rest.is_some_and(|(found, rest)| {
                    let end_of_rest = rest.len().checked_sub(end.len()).map(|at| &rest[at..]);
                    found.eq_ignore_ascii_case(begin)
                        && end_of_rest.is_some_and(|found| found.eq_ignore_ascii_case(end))
                })
            }
            Some(_) => glob::is_match(&self.pattern, prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ucupdate_testkit::texts::pattern;

    fn scheme(text: &str) -> VersionScheme {
        text.parse().unwrap()
    }

    #[test]
    fn the_vendors_versions_are_read_by_the_scheme_that_fits_them() {
        for (wanted, version, numbers) in [
            ("dotnet", "4.0.7577.4463", Some("4.0.7577.4463")),
            ("dotnet", "3.0.0.459.1", None),
            ("dotnet", "UC440HD_2.0.3.21", None),
            ("numeric", "3.0.0.459.1", Some("3.0.0.459.1")),
            ("numeric", "1.2.0.21102.03", Some("1.2.0.21102.3")),
            ("numeric", "06.02.00.01", Some("6.2.0.1")),
            ("numeric", "268768615", Some("268768615")),
            ("numeric", "1.2.3.4.5.6.7.8", Some("1.2.3.4.5.6.7.8")),
            ("numeric", "1.2.3.4.5.6.7.8.9", None),
            ("numeric", "5.4.0A", None),
            ("numeric", ".0.522", None),
            ("numeric", "4.1.0. 84792", None),
            ("numeric", "1.0.0.202103160138", None),
            ("prefixed:UC*HD_", "UC420HD_2.0.1.44.9", Some("2.0.1.44.9")),
            ("prefixed:UC*HD_", "UCC450HD_3.2.0.1003.61", Some("3.2.0.1003.61")),
            ("prefixed:UC*HD_", "uc430hd_2.0.3.19", Some("2.0.3.19")),
            ("prefixed:UC*HD_", "3.0.0.459.1", Some("3.0.0.459.1")),
            ("prefixed:UC*HD_", "C450HD_TEAMS_1.14.500", None),
            ("prefixed:*_", "C450HD_TEAMS_1.14.500", Some("1.14.500")),
            ("prefixed:CD-*.", "CD-18781Y.200410.067", Some("200410.67")),
            ("prefixed:1449/", "1449/1.0.94.2022011305", Some("1.0.94.2022011305")),
            ("prefixed:PCS", "PCS13Eb", None),
            ("prefixed:x.", "x.8.1.62", Some("8.1.62")),
        ] {
            let read = scheme(wanted).read(version).ok();
            let text =
                read.map(|read| read.parts().map(|part| part.to_string()).collect::<Vec<_>>().join("."));
            assert_eq!(text.as_deref(), numbers, "{wanted} {version}");
        }
    }

    #[test]
    fn prefixes_are_compared_only_where_that_is_asked_for() {
        let (one, two) = ("UC440HD_3.1.3.144.18", "UC430HD_3.1.3.144.18");
        assert_eq!(scheme("prefixed:UC*HD_").compare(one, two), Some(Ordering::Equal));
        assert_eq!(scheme("prefixed-same:UC*HD_").compare(one, two), None);
        assert_eq!(scheme("prefixed-same:UC*HD_").compare(one, "uc440hd_3.1.4"), Some(Ordering::Less));
    }

    #[test]
    fn a_missing_part_is_less_than_zero_only_in_dotnet() {
        assert_eq!(scheme("dotnet").compare("1.0.522", "1.0.522.0"), Some(Ordering::Less));
        assert_eq!(scheme("numeric").compare("1.0.522", "1.0.522.0"), Some(Ordering::Equal));
    }

    #[test]
    fn a_scheme_that_is_none_says_what_was_expected() {
        let refused = |text: &str| text.parse::<VersionScheme>().unwrap_err().to_string();
        assert_eq!(
            refused("semver"),
            "version scheme \"semver\" is unknown, expected `dotnet`, `numeric`, `prefixed:PATTERN` or `prefixed-same:PATTERN`"
        );
        assert_eq!(
            refused("prefixed:"),
            "pattern of the version prefix is blank, expected a pattern such as `UC*HD_`"
        );
    }

    fn version() -> impl Strategy<Value = String> {
        prop::collection::vec(prop_oneof![0..3_u32, 0..=2_147_483_647_u32], 1..=8)
            .prop_map(|parts| parts.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
    }

    proptest! {
        #[test]
        fn the_numeric_order_is_that_of_padded_numbers(one in version(), two in version()) {
            let padded = |text: &str| {
                let mut parts: Vec<u64> = text.split('.').map(|part| part.parse().unwrap()).collect();
                parts.resize(8, 0);
                parts
            };
            prop_assert_eq!(VersionScheme::Numeric.compare(&one, &two), Some(padded(&one).cmp(&padded(&two))));
        }

        #[test]
        fn dotnet_reads_what_a_firmware_version_reads(text in "[0-9.]{0,12}") {
            let read = VersionScheme::Dotnet.read(&text).ok();
            prop_assert_eq!(read, text.parse().ok());
        }

        #[test]
        fn the_shortest_prefix_of_the_pattern_before_numbers_is_removed(
            pattern in "[a1*.]{1,4}", text in "[A1.]{0,8}",
        ) {
            let prefix = VersionPrefix::new(&pattern, true).unwrap();
            let expected = (0..text.len()).find_map(|at| {
                let (prefix, rest) = text.split_at(at);
                let is_prefix = prefix.is_empty() || glob::is_match(&pattern, prefix);
                Numbers::read(rest).filter(|_| is_prefix).map(|numbers| (prefix, numbers))
            });
            prop_assert_eq!(prefix.split(&text), expected);
            let reported = ReportedVersion::new(&text);
            let read = VersionScheme::Prefixed(prefix).read_reported(&reported);
            prop_assert_eq!(read.map(|read| (read.prefix.unwrap(), read.numbers)), expected);
        }

        #[test]
        fn any_text_is_read_or_left_unread(pattern in "[A-Za-z*_.]{1,8}", text in pattern("\\PC{0,200}")) {
            let scheme = VersionScheme::Prefixed(VersionPrefix::new(&pattern, true).unwrap());
            let reported = ReportedVersion::new(&text);
            prop_assert!(scheme.is_same_release(&reported, &reported));
            prop_assert_eq!(scheme.to_string().parse(), Ok(scheme));
        }
    }
}
