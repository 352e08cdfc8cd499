//! Times and durations as text.

use ucupdate::value::UnixTime;

/// Returns a time as text of ISO 8601, in UTC and in whole seconds. Example: `2009-03-06T17:10:39Z`.
pub fn iso(at: UnixTime) -> String {
    let at = at.civil_utc();
    // A list of a million devices has three times for each, so they are written without the formatting machinery.
    let mut text = String::with_capacity(20);
    let mut put = |before: &str, number: u16| {
        text.push_str(before);
        text.extend([number / 10 % 10, number % 10].map(|digit| char::from(b'0' + digit.to_le_bytes()[0])));
    };
    put("", at.year() / 100);
    put("", at.year() % 100);
    put("-", at.month().into());
    put("-", at.day().into());
    put("T", at.hour().into());
    put(":", at.minute().into());
    put(":", at.second().into());
    text.push('Z');
    text
}

/// Returns a duration as text with the largest unit that gives a whole number: `2d`, `12h`, `90m` or `30s`. Zero is `0d`.
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
