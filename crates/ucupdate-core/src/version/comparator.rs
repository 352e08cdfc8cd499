//! One comparator of a version range: a sign and a version.

use crate::value::parse_error::{Expected, ParseError};
use crate::version::firmware_version::FirmwareVersion;
use crate::version::numbers::Numbers;
use std::cmp::Ordering;
use std::fmt;

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Comparator {
    pub(super) operator: Operator,
    pub(super) version: FirmwareVersion,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operator {
    Same,
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Comparator {
    /// Reads a comparator such as `>=1.0.0`. `number` is the position of the comparator in the range, counted
    /// from 1. Errors show it.
    pub(super) fn read(number: usize, text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            let expected = Expected::Text("a version behind =, >, >=, < or <=");
            return Err(ParseError::blank(RANGE, expected).in_part("comparator", number));
        }
        let found = OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)));
        let (operator, version) = match found {
            Some((operator, rest)) => (operator, rest.trim_start_matches(BLANKS)),
            None => match text.chars().next().filter(|first| !first.is_ascii_digit()) {
                Some(found) => {
                    let error =
                        ParseError::character(RANGE, found, "=, >, >=, <, <= or a digit at its beginning");
                    return Err(error.in_part("comparator", number));
                }
                None => (Operator::Same, text),
            },
        };
        let of_more_parts = || {
            let version = FirmwareVersion::numeric(version)?;
            version.numbers().place().is_none().then_some(version)
        };
        let version = version.parse().or_else(|error| {
            of_more_parts().ok_or_else(|| ParseError::of_part(RANGE, "comparator", number, error))
        })?;
        Ok(Self { operator, version })
    }

    /// Returns whether the comparator allows a version. The caller must pass numbers in which missing parts are
    /// zero.
    pub(super) fn holds(&self, version: Numbers) -> bool {
        let order = version.cmp(&self.version.numbers().padded());
        match self.operator {
            Operator::Same => order == Ordering::Equal,
            Operator::Above => order == Ordering::Greater,
            Operator::AtLeast => order != Ordering::Less,
            Operator::Below => order == Ordering::Less,
            Operator::AtMost => order != Ordering::Greater,
        }
    }

    /// Returns the first and the last version that the comparator allows, among versions of at most four parts.
    /// Both are given by their [`Numbers::place`]. If no such version is allowed, the result is `None`, or the
    /// first place is above the last one. Also `None` if the version of the comparator has more than four
    /// parts.
    pub(super) fn bounds(&self) -> Option<(u128, u128)> {
        let place = self.version.numbers().place()?;
        Some(match self.operator {
            Operator::Same => (place, place),
            Operator::Above => (place + 1, LAST_PLACE),
            Operator::AtLeast => (place, LAST_PLACE),
            Operator::Below => (0, place.checked_sub(1)?),
            Operator::AtMost => (0, place),
        })
    }
}

impl fmt::Display for Comparator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign =
            OPERATORS.iter().find(|(_, operator)| *operator == self.operator).map_or("", |(sign, _)| sign);
        write!(f, "{sign}{}", self.version)
    }
}

/// The [`Numbers::place`] of 2147483647.2147483647.2147483647.2147483647, the largest version of four
/// parts.
pub(super) const LAST_PLACE: u128 = (1 << 124) - 1;

pub(super) const BLANKS: [char; 2] = [' ', '\t'];

/// The name of a version range in error messages.
pub(super) const RANGE: &str = "version range";

/// The signs of comparators. `>=` comes before `>`, because the first sign that the text begins with is
/// taken.
const OPERATORS: [(&str, Operator); 5] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    (">", Operator::Above),
    ("<", Operator::Below),
    ("=", Operator::Same),
];
