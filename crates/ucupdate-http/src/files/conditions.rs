//! Evaluates preconditions and ranges in the order of RFC 9110, section 13.2.2.
//!
//! Files have no `Last-Modified`. After a roll back, a path has other bytes with an older time, so a date proves
//! nothing. Conditions on dates are ignored, as sections 13.1.3 and 13.1.4 require.

use crate::files::etag::ETag;
use crate::files::ranges::RequestedRange;
use http::{HeaderMap, Method, header};
use std::ops::Range;

/// The part of a file that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// The whole file: 200.
    Whole,
    /// These bytes: 206.
    Part(Range<u64>),
    /// No bytes, because the client has the file: 304.
    NotModified,
    /// No bytes, because `If-Match` does not hold: 412.
    ConditionFailed,
    /// No bytes, because the range is outside the file: 416.
    Unsatisfiable,
}

impl Selection {
    /// Returns the part that a `GET` or `HEAD` with these header fields selects from a file of
    /// `size` bytes.
    pub(crate) fn of(method: &Method, headers: &HeaderMap, etag: &ETag, size: u64) -> Self {
        // Section 13.1.1. A list that cannot be parsed has no tag, so the condition is false.
        let mut if_match = headers.get_all(header::IF_MATCH).iter().peekable();
        if if_match.peek().is_some() && !if_match.any(|list| etag.is_among_strongly(list)) {
            return Self::ConditionFailed;
        }
        // Section 13.1.2.
        if headers.get_all(header::IF_NONE_MATCH).iter().any(|list| etag.is_among_weakly(list)) {
            return Self::NotModified;
        }
        // Section 14.2: only GET has ranges. Section 13.1.5: `Range` is ignored unless `If-Range` matches.
        if *method != Method::GET || !if_range_holds(headers, etag) {
            return Self::Whole;
        }
        match RequestedRange::of(headers, size) {
            RequestedRange::Whole => Self::Whole,
            RequestedRange::Part(part) => Self::Part(part),
            RequestedRange::Unsatisfiable => Self::Unsatisfiable,
        }
    }
}

/// Returns whether `If-Range` matches or is absent.
fn if_range_holds(headers: &HeaderMap, etag: &ETag) -> bool {
    let mut fields = headers.get_all(header::IF_RANGE).iter();
    match (fields.next(), fields.next()) {
        (None, _) => true,
        (Some(field), None) => etag.is_exactly(field),
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::etag::tests::zeros;
    use http::{HeaderName, HeaderValue};

    fn selected(method: &Method, fields: &[(HeaderName, &str)]) -> Selection {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let value = value.replace("OURS", &zeros().to_string());
            headers.append(name, HeaderValue::try_from(value).unwrap());
        }
        Selection::of(method, &headers, &zeros(), 10)
    }

    #[test]
    fn conditions_are_evaluated_in_the_order_of_rfc_9110() {
        use Selection::{ConditionFailed, NotModified, Part, Unsatisfiable, Whole};
        use http::header::{
            IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
        };
        const DATE: &str = "Sat, 29 Oct 1994 19:43:31 GMT";
        let table: [(&[(HeaderName, &str)], Selection); 24] = [
            (&[], Whole),
            (&[(IF_MATCH, "OURS")], Whole),
            (&[(IF_MATCH, "*")], Whole),
            (&[(IF_MATCH, "\"a\""), (IF_MATCH, "OURS")], Whole),
            (&[(IF_MATCH, "W/OURS")], ConditionFailed),
            (&[(IF_MATCH, "\"a\", \"b\"")], ConditionFailed),
            (&[(IF_MATCH, "nonsense")], ConditionFailed),
            (&[(IF_MATCH, "\"a\""), (IF_NONE_MATCH, "OURS")], ConditionFailed),
            (&[(IF_MATCH, "OURS"), (IF_NONE_MATCH, "OURS")], NotModified),
            (&[(IF_NONE_MATCH, "OURS")], NotModified),
            (&[(IF_NONE_MATCH, "W/OURS")], NotModified),
            (&[(IF_NONE_MATCH, "*")], NotModified),
            (&[(IF_NONE_MATCH, "\"a\", OURS")], NotModified),
            (&[(IF_NONE_MATCH, "\"a\""), (IF_NONE_MATCH, "OURS")], NotModified),
            (&[(IF_NONE_MATCH, "\"a\"")], Whole),
            (&[(IF_NONE_MATCH, "OURS"), (RANGE, "bytes=99-")], NotModified),
            (&[(IF_MODIFIED_SINCE, DATE), (IF_UNMODIFIED_SINCE, DATE)], Whole),
            (&[(RANGE, "bytes=2-5")], Part(2..6)),
            (&[(RANGE, "bytes=99-")], Unsatisfiable),
            (&[(RANGE, "bytes=2-5"), (IF_RANGE, "OURS")], Part(2..6)),
            (&[(RANGE, "bytes=99-"), (IF_RANGE, "\"a\"")], Whole),
            (&[(RANGE, "bytes=2-5"), (IF_RANGE, "W/OURS")], Whole),
            (&[(RANGE, "bytes=2-5"), (IF_RANGE, DATE)], Whole),
            (&[(RANGE, "bytes=2-5"), (IF_RANGE, "OURS"), (IF_RANGE, "OURS")], Whole),
        ];
        for (fields, expected) in table {
            assert_eq!(selected(&Method::GET, fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn head_has_conditions_but_no_ranges() {
        let range = (header::RANGE, "bytes=99-");
        assert_eq!(selected(&Method::HEAD, std::slice::from_ref(&range)), Selection::Whole);
        assert_eq!(selected(&Method::HEAD, &[range, (header::IF_NONE_MATCH, "*")]), Selection::NotModified);
        assert_eq!(selected(&Method::HEAD, &[(header::IF_MATCH, "\"a\"")]), Selection::ConditionFailed);
    }
}
