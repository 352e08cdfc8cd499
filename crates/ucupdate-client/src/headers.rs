//! Parses the header fields of responses by RFC 9110. A field that cannot be parsed counts as absent.

use reqwest::header::{
    CONTENT_ENCODING, CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderName, LOCATION, RETRY_AFTER,
};
use std::time::{Duration, SystemTime};
use ucupdate_core::value::Sha256Digest;

/// Returns the strong ETag with its quotes (section 8.8.3). `None` if there is no ETag, or a weak
/// one.
pub(crate) fn strong_etag(headers: &HeaderMap) -> Option<&str> {
    let etag = text(headers, &ETAG)?;
    let opaque = etag.strip_prefix('"')?.strip_suffix('"')?;
    (!opaque.contains('"')).then_some(etag)
}

/// Returns the SHA-256 in an ETag, or `None` if the ETag is no SHA-256. The servers of this project
/// use the SHA-256 of a file as its ETag.
pub(crate) fn etag_sha256(etag: &str) -> Option<Sha256Digest> {
    etag.trim_matches('"').parse().ok()
}

/// The value of `Content-Range` (section 14.4), such as `bytes 0-499/1234`: a range of bytes, and
/// the size of the whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentRange {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) total: Option<u64>,
}

pub(crate) fn content_range(headers: &HeaderMap) -> Option<ContentRange> {
    let (range, total) = text(headers, &CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let total = if total == "*" { None } else { Some(number(total)?) };
    let range = ContentRange { first: number(first)?, last: number(last)?, total };
    (range.first <= range.last && range.total.is_none_or(|total| range.last < total)).then_some(range)
}

/// Returns the waiting time in `Retry-After` (section 10.2.3), which is a number of seconds or a date. A date is
/// compared with the `Date` of the response if there is one, because the clock of a device may be hours off.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let said = text(headers, &RETRY_AFTER)?;
    if let Some(seconds) = number(said) {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(said).ok()?;
    let now = text(headers, &DATE).and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(now);
    Some(until.duration_since(now).unwrap_or_default())
}

/// Returns the value of `Content-Encoding`, or `None` if the field is absent or is `identity`.
pub(crate) fn encoding(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_ENCODING)?;
    let said = value.to_str().unwrap_or("?").trim();
    (!said.eq_ignore_ascii_case("identity")).then_some(said)
}

pub(crate) fn location(headers: &HeaderMap) -> Option<&str> {
    text(headers, &LOCATION)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Parses decimal digits. Unlike `parse`, it accepts no sign.
fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|digit| digit.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn only_a_strong_and_quoted_etag_counts() {
        assert_eq!(strong_etag(&with(ETAG, "\"abc\"")), Some("\"abc\""));
        for weak in ["W/\"abc\"", "abc", "\"", "\"a\"b\"", ""] {
            assert_eq!(strong_etag(&with(ETAG, weak)), None, "{weak}");
        }
        let digest = Sha256Digest::new([0xab; 32]);
        assert_eq!(etag_sha256(&format!("\"{digest}\"")), Some(digest));
        assert_eq!(etag_sha256("\"d41d8cd98f00b204e9800998ecf8427e\""), None);
    }

    #[test]
    fn a_content_range_must_lie_within_its_whole() {
        let read = |text: &str| content_range(&with(CONTENT_RANGE, text));
        assert_eq!(read("bytes 5-9/10"), Some(ContentRange { first: 5, last: 9, total: Some(10) }));
        assert_eq!(read("bytes 5-9/*"), Some(ContentRange { first: 5, last: 9, total: None }));
        for wrong in
            ["bytes 9-5/10", "bytes 5-10/10", "bytes */10", "items 5-9/10", "bytes +5-9/10", "bytes -9/10"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_date_to_retry_after_is_held_against_the_servers_own_clock() {
        let mut headers = with(RETRY_AFTER, "Fri, 06 Mar 2009 17:10:39 GMT");
        headers.insert(DATE, "Fri, 06 Mar 2009 17:10:30 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers, SystemTime::UNIX_EPOCH), Some(Duration::from_secs(9)));
        assert_eq!(
            retry_after(&with(RETRY_AFTER, "5"), SystemTime::UNIX_EPOCH),
            Some(Duration::from_secs(5))
        );
        headers.remove(DATE);
        let later = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
        assert_eq!(retry_after(&headers, later), Some(Duration::ZERO));
        assert_eq!(retry_after(&with(RETRY_AFTER, "soon"), later), None);
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_panic(value in "[ -~]{0,60}") {
            let _ = strong_etag(&with(ETAG, &value));
            let _ = content_range(&with(CONTENT_RANGE, &value));
            let _ = content_range(&with(CONTENT_RANGE, &format!("bytes {value}")));
            let _ = retry_after(&with(RETRY_AFTER, &value), SystemTime::UNIX_EPOCH);
        }
    }
}
