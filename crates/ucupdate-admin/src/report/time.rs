//! Moments and spans of time as text.

use ucupdate::value::UnixTime;

/// Returns a moment as ISO 8601 has it, in UTC and to the second.
pub fn iso(at: UnixTime) -> String {
    let at = at.civil_utc();
    let (date, time) = ((at.year(), at.month(), at.day()), (at.hour(), at.minute(), at.second()));
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", date.0, date.1, date.2, time.0, time.1, time.2)
}

/// Returns a span as it is written: `2d`, `12h`, `90m`, or `30s` where it is no whole number of minutes.
pub fn span(seconds: u32) -> String {
    match seconds {
        days if days % (24 * 60 * 60) == 0 => format!("{}d", days / (24 * 60 * 60)),
        hours if hours % (60 * 60) == 0 => format!("{}h", hours / (60 * 60)),
        minutes if minutes % 60 == 0 => format!("{}m", minutes / 60),
        seconds => format!("{seconds}s"),
    }
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
