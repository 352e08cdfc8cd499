//! The `Range` field (RFC 9110, section 14).
//!
//! Only single ranges are served. A request for several ranges gets the whole file, as section 14.2
//! allows. Known devices request single ranges. So an answer never has more bytes than the file.

use http::{HeaderMap, HeaderValue, header};
use std::ops::Range;

/// The part of a file that a `Range` field requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestedRange {
    /// The whole file. The request has no `Range` field, or one that is not understood.
    Whole,
    /// These bytes. The range is never empty and never ends beyond the file.
    Part(Range<u64>),
    /// A range outside the file: 416 (section 15.5.17).
    Unsatisfiable,
}

impl RequestedRange {
    /// Parses the `Range` field of a request for a file of `size` bytes.
    pub(crate) fn of(headers: &HeaderMap, size: u64) -> Self {
        let mut fields = headers.get_all(header::RANGE).iter();
        let Some(field) = fields.next() else { return Self::Whole };
        if fields.next().is_some() {
            return Self::Whole; // two fields are one list, of several ranges (section 5.3)
        }
        match field.to_str().ok().and_then(RangeSpec::single) {
            Some(spec) => spec.within(size),
            None => Self::Whole,
        }
    }
}

/// Returns the value of `Content-Range` for a part (section 14.4).
pub(crate) fn content_range(part: &Range<u64>, size: u64) -> HeaderValue {
    header_value(format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1)))
}

/// Returns the value of `Content-Range` for a 416.
pub(crate) fn unsatisfied_range(size: u64) -> HeaderValue {
    header_value(format!("bytes */{size}"))
}

fn header_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("letters, digits and signs are visible ASCII")
}

/// One range, as a request writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RangeSpec {
    /// `bytes=0-499`: the numbers of the first and the last byte, counted from 0.
    FromTo(u64, u64),
    /// `bytes=500-`: from the byte with this number to the end of the file.
    From(u64),
    /// `bytes=-500`: the number of bytes at the end of the file.
    Last(u64),
}

impl RangeSpec {
    /// Parses a field with one range. Returns `None` for another unit, for an invalid value, and for several ranges.
    fn single(field: &str) -> Option<Self> {
        let (unit, set) = field.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let mut specs =
            set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty());
        let (spec, None) = (specs.next()?, specs.next()) else { return None };
        match spec.split_once('-')? {
            ("", length) => Some(Self::Last(number(length)?)),
            (first, "") => Some(Self::From(number(first)?)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::FromTo(first, last))
            }
        }
    }

    /// Returns the bytes of a file of `size` bytes that the range selects (section 14.1.2).
    fn within(self, size: u64) -> RequestedRange {
        match self {
            Self::Last(0) => RequestedRange::Unsatisfiable,
            // An empty file has no byte for a 206, but the range is satisfiable.
            Self::Last(_) if size == 0 => RequestedRange::Whole,
            Self::Last(length) => RequestedRange::Part(size.saturating_sub(length)..size),
            Self::From(first) | Self::FromTo(first, _) if first >= size => RequestedRange::Unsatisfiable,
            Self::From(first) => RequestedRange::Part(first..size),
            Self::FromTo(first, last) => RequestedRange::Part(first..last.saturating_add(1).min(size)),
        }
    }
}

/// Parses decimal digits, and returns `None` for another text. A number beyond 64 bits becomes
/// `u64::MAX`, which is larger than every file.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(field: &str, size: u64) -> RequestedRange {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(field).unwrap());
        RequestedRange::of(&headers, size)
    }

    #[test]
    fn a_range_is_the_part_of_the_file_it_names() {
        for (field, size, part) in [
            ("bytes=0-0", 10, 0..1),
            ("bytes=2-5", 10, 2..6),
            ("bytes=2-", 10, 2..10),
            ("bytes=9-99", 10, 9..10),
            ("bytes=0-9", 10, 0..10),
            ("bytes=-3", 10, 7..10),
            ("bytes=-99", 10, 0..10),
            ("BYTES=2-5", 10, 2..6),
            ("bytes= ,2-5 ,", 10, 2..6),
            ("bytes=002-0005", 10, 2..6),
            ("bytes=1-18446744073709551615", 10, 1..10),
            ("bytes=1-99999999999999999999999", 10, 1..10),
            ("bytes=-99999999999999999999999", 10, 0..10),
        ] {
            assert_eq!(asked(field, size), RequestedRange::Part(part), "{field}");
        }
    }

    #[test]
    fn a_range_outside_the_file_is_unsatisfiable() {
        for (field, size) in [
            ("bytes=10-", 10),
            ("bytes=10-20", 10),
            ("bytes=99999999999999999999-", 10),
            ("bytes=-0", 10),
            ("bytes=0-", 0),
            ("bytes=0-0", 0),
        ] {
            assert_eq!(asked(field, size), RequestedRange::Unsatisfiable, "{field}");
        }
        assert_eq!(unsatisfied_range(10), "bytes */10");
    }

    #[test]
    fn what_is_not_understood_and_what_asks_for_several_parts_gets_the_whole() {
        for field in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1-2-3",
            "bytes=0x1-2",
            "lines=0-1",
            "bytes 0-1",
            "bytes=0-1,3-4",
            "bytes=0-0,0-0",
            "bytes=--1",
            "bytes=1 -2",
        ] {
            assert_eq!(asked(field, 10), RequestedRange::Whole, "{field:?}");
        }
        assert_eq!(asked("bytes=-5", 0), RequestedRange::Whole);
        let mut headers = HeaderMap::new();
        assert_eq!(RequestedRange::of(&headers, 10), RequestedRange::Whole);
        headers.append(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.append(header::RANGE, HeaderValue::from_static("bytes=3-4"));
        assert_eq!(RequestedRange::of(&headers, 10), RequestedRange::Whole);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_never_beyond_the_file(
            field in "(bytes=)?[0-9]{0,21}-?[0-9]{0,21}", size in prop_oneof![0_u64..5, any::<u64>()],
        ) {
            if let RequestedRange::Part(part) = asked(&field, size) {
                prop_assert!(part.start < part.end && part.end <= size, "{:?} of {}", part, size);
                let expected = format!("bytes {}-{}/{size}", part.start, part.end - 1);
                prop_assert_eq!(content_range(&part, size), expected);
            }
        }

        #[test]
        fn any_two_numbers_in_order_are_those_bytes(first in 0_u64..100, more in 0_u64..100, size in 1_u64..150) {
            let last = first + more;
            let expected = if first < size { RequestedRange::Part(first..(last + 1).min(size)) } else { RequestedRange::Unsatisfiable };
            prop_assert_eq!(asked(&format!("bytes={first}-{last}"), size), expected);
        }
    }
}
