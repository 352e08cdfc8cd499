//! Moments as results show them.

use ucupdate::value::UnixTime;

/// A moment as ISO 8601 has it, in UTC and to the second.
pub(crate) fn iso(at: UnixTime) -> String {
    let at = at.civil_utc();
    let (date, time) = ((at.year(), at.month(), at.day()), (at.hour(), at.minute(), at.second()));
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", date.0, date.1, date.2, time.0, time.1, time.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_of_iso_8601_in_utc() {
        assert_eq!(iso(UnixTime::from_seconds(1_236_359_439)), "2009-03-06T17:10:39Z");
        assert_eq!(iso(UnixTime::from_millis(999)), "1970-01-01T00:00:00Z");
    }
}
