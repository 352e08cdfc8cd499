//! Firmware versions: their syntax, and the order that they have by default.
//!
//! The original service is a .NET program, so the order is that of `System.Version`. Parts are compared as numbers from
//! the left, and a missing part is *less* than zero (`1.0.522 < 1.0.522.0`). This is inferred, because the documents of
//! OCS do not describe an order.
//!
//! Most offers do not depend on the order. A device is offered a version that *differs* from its own. This is decided
//! by [`FirmwareVersion::is_same_release`], in which a missing part is zero.

use crate::value::parse_error::{Expected, ParseError, ParseErrorKind};
use crate::version::numbers::Numbers;
use smol_str::SmolStr;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

/// A version that was read: two to four numbers from 0 to 2147483647, and the text from which they were
/// read. A version that another [scheme](crate::version::VersionScheme) than .NET's has read may have one
/// to eight numbers.
///
/// Equality, order and hash use the numbers and ignore the text, so `1.0.0522` equals `1.0.522`.
///
/// # Syntax
/// Two to four parts of ASCII digits with full stops between them. Signs, blanks and letters are not allowed.
///
/// # Total ordering
/// ```
/// use ucupdate_core::FirmwareVersion;
/// let v = |text: &str| text.parse::<FirmwareVersion>().unwrap();
/// assert!(v("1.0.522.98") < v("1.0.522.103")); // numbers, not text
/// assert!(v("1.0.522") < v("1.0.522.0")); // a missing part is less than zero
/// assert!(v("1.0.522").is_same_release(&v("1.0.522.0"))); // but the same release
/// assert_eq!(v("1.0.0522"), v("1.0.522")); // leading zeros mean nothing
/// ```
#[derive(Clone)]
pub struct FirmwareVersion(Arc<Parsed>);

/// The value of a version. Clones of a version share this value, because a rule book has the same version
/// in many places.
struct Parsed {
    /// The numbers. Those after the fourth are present only if another
    /// [scheme](crate::version::VersionScheme) than .NET's read them.
    numbers: Numbers,
    raw: SmolStr,
}

impl FirmwareVersion {
    /// Creates a version from four numbers.
    pub fn from_parts(parts: [u16; 4]) -> Self {
        let [a, b, c, d] = parts;
        Self::read_from(parts.map(i32::from), &format!("{a}.{b}.{c}.{d}"))
    }

    /// Returns the text that the version was read from, without blanks around it.
    pub fn as_str(&self) -> &str {
        &self.0.raw
    }

    fn read_from([a, b, c, d]: [i32; 4], text: &str) -> Self {
        Self::with_numbers(Numbers::new([a, b, c, d, -1, -1, -1, -1]), text)
    }

    fn with_numbers(numbers: Numbers, text: &str) -> Self {
        Self(Arc::new(Parsed { numbers, raw: SmolStr::new(text) }))
    }

    /// Reads one to eight numbers, as [`VersionScheme::Numeric`](crate::version::VersionScheme::Numeric)
    /// does. `None` if the text has another form.
    pub(crate) fn numeric(text: &str) -> Option<Self> {
        let mut parts = Numbers::read(text)?.raw();
        let given = text.split('.').count();
        parts.iter_mut().skip(given).for_each(|part| *part = -1);
        Some(Self::with_numbers(Numbers::new(parts), text))
    }

    /// Returns the numbers from left to right: two to four, or one to eight if another scheme than .NET's
    /// read them.
    pub fn parts(&self) -> impl Iterator<Item = u32> + '_ {
        self.numbers().raw().into_iter().take_while(|part| *part >= 0).map(i32::unsigned_abs)
    }

    /// Returns all eight numbers. -1 means that the number is missing.
    #[inline]
    pub(crate) fn numbers(&self) -> Numbers {
        self.0.numbers
    }

    /// Returns whether two versions are the same release. A missing part counts as zero.
    ///
    /// Otherwise, a phone that reports `1.0.522` would be offered `1.0.522.0` again and again.
    #[inline]
    pub fn is_same_release(&self, other: &Self) -> bool {
        self.0.numbers.is_same_release(&other.0.numbers)
    }

    /// Returns the first four numbers. A missing number is zero.
    #[inline]
    pub fn padded(&self) -> [u32; 4] {
        let [a, b, c, d, ..] = self.numbers().parts();
        [a, b, c, d]
    }

    /// Compares two releases. A missing part counts as zero. The result is `Equal` exactly if
    /// [`is_same_release`](Self::is_same_release) returns `true`.
    ///
    /// ```
    /// use std::cmp::Ordering;
    /// use ucupdate_core::FirmwareVersion;
    /// let v = |text: &str| text.parse::<FirmwareVersion>().unwrap();
    /// assert_eq!(v("1.0.522").release_order(&v("1.0.522.0")), Ordering::Equal);
    /// assert_eq!(v("1.0.522").cmp(&v("1.0.522.0")), Ordering::Less);
    /// ```
    #[inline]
    pub fn release_order(&self, other: &Self) -> Ordering {
        self.numbers().padded().cmp(&other.numbers().padded())
    }

    /// Returns whether this release is before another in the order of [`release_order`](Self::release_order).
    #[inline]
    pub(crate) fn is_release_before(&self, other: &Self) -> bool {
        self.numbers().padded() < other.numbers().padded()
    }
}

/// The name of a [`FirmwareVersion`] in error messages.
const VERSION: &str = "version";

impl FromStr for FirmwareVersion {
    type Err = ParseError;

    /// Reads a version such as `1.0.522.98`.
    ///
    /// # Errors
    /// Returns an error if the text is not two to four numbers in range. The error names the wrong part.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Err(ParseError::blank(VERSION, Expected::Text("2 to 4 numbers")));
        }
        let found = text.split('.').count();
        if !(2..=4).contains(&found) {
            return Err(ParseError::count(VERSION, found, "part", Expected::Text("2 to 4")));
        }
        let mut parts = [-1; 4];
        for (index, (slot, part)) in parts.iter_mut().zip(text.split('.')).enumerate() {
            let number = index + 1;
            if part.is_empty() {
                return Err(ParseError::blank(VERSION, Expected::Text("digits")).in_part("part", number));
            }
            if let Some(found) = part.chars().find(|character| !character.is_ascii_digit()) {
                return Err(ParseError::character(VERSION, found, "digits").in_part("part", number));
            }
            *slot = part.parse().map_err(|_| {
                let error = ParseError::of_kind(VERSION, ParseErrorKind::OutOfRange, "at most 2147483647");
                error.in_part("part", number)
            })?;
        }
        Ok(Self::read_from(parts, text))
    }
}

impl PartialEq for FirmwareVersion {
    fn eq(&self, other: &Self) -> bool {
        self.0.numbers == other.0.numbers
    }
}

impl Eq for FirmwareVersion {}

impl PartialOrd for FirmwareVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FirmwareVersion {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.numbers.cmp(&other.0.numbers)
    }
}

impl Hash for FirmwareVersion {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.numbers.hash(state);
    }
}

impl fmt::Display for FirmwareVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for FirmwareVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FirmwareVersion({})", self.as_str())
    }
}

/// A version as a device or a package reports it. It is either a parsed version, or a text that cannot be read as a
/// version.
///
/// Some vendors send versions of other forms. A version that cannot be read has no order, and is never treated as `0.0.0.0`.
/// It equals only the same text, byte for byte.
///
/// ```
/// use ucupdate_core::ReportedVersion;
/// let odd = ReportedVersion::new("4.1.0.82b");
/// assert!(odd.readable().is_none());
/// assert!(odd.is_same_release(&ReportedVersion::new("4.1.0.82b")));
/// assert_eq!(odd.why_unreadable().unwrap().to_string(), "part 4 of the version contains 'b', expected digits");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a text can be read or it cannot")]
pub enum ReportedVersion {
    /// A version that can be read.
    Readable(FirmwareVersion),
    /// A version that cannot be read: the reported text without the blanks around it.
    Unreadable(Box<str>),
}

impl ReportedVersion {
    /// Parses a version if possible. Blanks, tabs and line ends around the text are ignored.
    pub fn new(said: &str) -> Self {
        let text = said.trim_matches([' ', '\t', '\r', '\n']);
        match text.parse() {
            Ok(version) => Self::Readable(version),
            Err(_) => Self::Unreadable(text.into()),
        }
    }

    /// Returns the reported text, without blanks around it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Readable(version) => version.as_str(),
            Self::Unreadable(raw) => raw,
        }
    }

    /// Returns the version, or `None` if the reported text cannot be read.
    #[inline]
    pub fn readable(&self) -> Option<&FirmwareVersion> {
        match self {
            Self::Readable(version) => Some(version),
            Self::Unreadable(_) => None,
        }
    }

    /// Returns the reason why the version cannot be read, or `None` if it can.
    pub fn why_unreadable(&self) -> Option<ParseError> {
        match self {
            Self::Readable(_) => None,
            Self::Unreadable(raw) => raw.parse::<FirmwareVersion>().err(),
        }
    }

    /// Returns whether both are the same release. Two parsed versions are compared by
    /// [`FirmwareVersion::is_same_release`], and two unreadable ones byte for byte. A parsed version never equals an
    /// unreadable one.
    #[inline]
    pub fn is_same_release(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Readable(one), Self::Readable(two)) => one.is_same_release(two),
            (Self::Unreadable(one), Self::Unreadable(two)) => one == two,
            _ => false,
        }
    }
}

impl From<FirmwareVersion> for ReportedVersion {
    fn from(version: FirmwareVersion) -> Self {
        Self::Readable(version)
    }
}

impl fmt::Display for ReportedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ReportedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Readable(version) => fmt::Debug::fmt(version, f),
            Self::Unreadable(raw) => write!(f, "Unreadable({raw:?})"),
        }
    }
}

#[cfg(feature = "serde")]
mod stored {
    use super::{FirmwareVersion, ReportedVersion};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::convert::Infallible;

    impl Serialize for ReportedVersion {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(self.as_str())
        }
    }

    impl<'de> Deserialize<'de> for ReportedVersion {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            crate::value::stored_text::read(deserializer, |text| Ok::<_, Infallible>(Self::new(text)))
        }
    }

    impl Serialize for FirmwareVersion {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(self.as_str())
        }
    }

    impl<'de> Deserialize<'de> for FirmwareVersion {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            // A version of another scheme may have one to eight numbers.
            crate::value::stored_text::read(deserializer, |text| {
                text.parse().or_else(|error| Self::numeric(text).ok_or(error))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ucupdate_testkit::texts::pattern;

    #[track_caller]
    fn read(text: &str) -> FirmwareVersion {
        text.parse().unwrap()
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        assert_eq!(text.parse::<FirmwareVersion>().unwrap_err().to_string(), message);
    }

    #[test]
    fn a_version_is_two_to_four_numbers() {
        assert_eq!(read("1.0").parts().collect::<Vec<_>>(), [1, 0]);
        assert_eq!(read("1.0.522.103").parts().collect::<Vec<_>>(), [1, 0, 522, 103]);
        assert_eq!(read("0.0.0.2147483647").parts().last(), Some(i32::MAX as u32));
        refused("", "version is blank, expected 2 to 4 numbers");
        refused("7", "version has 1 part, expected 2 to 4");
        refused("1.2.3.4.5", "version has 5 parts, expected 2 to 4");
        refused("1..2", "part 2 of the version is blank, expected digits");
        refused("1.+2", "part 2 of the version contains '+', expected digits");
        refused("1.2.3b", "part 3 of the version contains 'b', expected digits");
        refused(" 1.2", "part 1 of the version contains ' ', expected digits");
        refused("1.\u{0661}", "part 2 of the version contains '\u{0661}', expected digits");
        refused("1.2147483648", "part 2 of the version is out of range, expected at most 2147483647");
    }

    #[test]
    fn a_missing_part_is_less_than_zero_yet_the_same_release() {
        assert!(read("1.0") < read("1.0.0"));
        assert!(read("1.0.522") < read("1.0.522.0"));
        assert!(read("1.0.522").is_same_release(&read("1.0.522.0")));
        assert!(read("1.0").is_same_release(&read("1.0.0.0")));
        assert!(!read("1.0.522").is_same_release(&read("1.0.522.1")));
        assert_ne!(read("1.0.522"), read("1.0.522.0"));
    }

    /// The documentation of `System.Version` gives these results for `Parse` and `CompareTo`. .NET also
    /// accepts blanks and a plus sign around a number. This crate refuses them.
    #[test]
    fn versions_are_read_and_ordered_as_by_dotnet() {
        for (less, greater) in [
            ("1.0", "1.0.0"),
            ("1.0.0", "1.0.0.0"),
            ("1.0", "1.1"),
            ("1.9", "1.10"),
            ("1.0.0.65535", "1.0.1.0"),
            ("1.2147483647", "2.0"),
            ("1.0.2147483646", "1.0.2147483647"),
            ("2.4.1128.2", "2.4.1129"),
            ("2.4.1128", "2.4.1128.0"),
        ] {
            assert!(read(less) < read(greater), "{less} {greater}");
            assert!(read(greater) > read(less), "{greater} {less}");
        }
        for (one, same) in [("1.0", "01.00"), ("1.2.3.4", "1.2.3.4"), ("0.0", "0.0")] {
            assert_eq!(read(one), read(same));
        }
        for text in [
            "",
            "1",
            "1.",
            ".1",
            "1..2",
            "1.2.3.4.5",
            "1.2147483648",
            "-1.0",
            "1.-2",
            "1.0x10",
            "a.b",
            "1,0",
            "1.0.",
            "\u{661}.0",
        ] {
            assert!(text.parse::<FirmwareVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn leading_zeros_do_not_make_another_release() {
        assert_eq!(read("1.01000334"), read("1.1000334"));
        assert_eq!(read("1.01000334").as_str(), "1.01000334");
    }

    #[test]
    fn what_cannot_be_read_is_never_taken_for_none_known() {
        for said in ["", "none", "0", "0.0.0.0.0", "v0.0.0.0"] {
            let version = ReportedVersion::new(said);
            assert!(version.readable().is_none(), "{said}");
            assert!(!version.is_same_release(&ReportedVersion::new("0.0.0.0")));
        }
    }

    /// Returns the first three parts as a `semver` version. The crate `semver` is independent, and orders
    /// them in the same way.
    fn semver_of(version: &FirmwareVersion) -> semver::Version {
        let parts: Vec<u64> = version.parts().map(u64::from).collect();
        semver::Version::new(parts[0], parts[1], parts[2])
    }

    fn parts() -> impl Strategy<Value = String> {
        prop::collection::vec(prop_oneof![0..3_u32, 0..=2_147_483_647_u32], 2..=4).prop_map(|parts| {
            let parts: Vec<String> = parts.iter().map(u32::to_string).collect();
            parts.join(".")
        })
    }

    proptest! {
        #[test]
        fn order_is_total(a in parts(), b in parts(), c in parts()) {
            let (a, b, c) = (read(&a), read(&b), read(&c));
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
            if a == b {
                prop_assert!(a.is_same_release(&b));
            }
            prop_assert_eq!(a.release_order(&b) == Ordering::Equal, a.is_same_release(&b));
            prop_assert!(a.release_order(&b) == Ordering::Equal || a.release_order(&b) == a.cmp(&b));
        }

        #[test]
        fn order_agrees_with_semver_on_three_parts(
            a in prop::collection::vec(0..4_u32, 3), b in prop::collection::vec(0..4_u32, 3),
        ) {
            let text = |parts: &[u32]| parts.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            let (a, b) = (read(&text(&a)), read(&text(&b)));
            prop_assert_eq!(a.cmp(&b), semver_of(&a).cmp(&semver_of(&b)));
        }

        #[test]
        fn any_text_is_kept_as_said(text in pattern("\\PC{0,40}")) {
            let version = ReportedVersion::new(&text);
            prop_assert_eq!(version.as_str(), text.trim_matches(' '));
            prop_assert!(version.is_same_release(&version));
        }
    }
}
