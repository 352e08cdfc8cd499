//! Reads the list of devices of a group from text: one MAC address or serial number on each line.

use ucupdate::device::DeviceId;
use ucupdate::value::ParseError;

/// Returns the devices in the text of a list. `#` begins a comment.
///
/// # Errors
/// When a line is not a device. The error has the number of the first such line, and the reason.
pub(crate) fn devices(text: &str) -> Result<Vec<DeviceId>, String> {
    let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    let named =
        lines.map(|(number, line)| (number, without_remark(line))).filter(|(_, line)| !line.is_empty());
    let devices =
        named.map(|(number, line)| device(line).map_err(|reason| format!("line {number}: {reason}")));
    devices.collect()
}

/// Returns a line without its comment. A comment begins with `#` at the start of the line or after a blank.
fn without_remark(line: &str) -> &str {
    let remark = line
        .match_indices('#')
        .find(|(at, _)| line[..*at].chars().next_back().is_none_or(char::is_whitespace));
    remark.map_or(line, |(at, _)| &line[..at]).trim()
}

/// Parses the device in a line. Twelve hexadecimal digits are a MAC address, and so are hexadecimal
/// digits with `-`, `:` or `.` between them. A mistyped MAC address or a row of a table is an
/// error, because it must not become a serial number. A text after `serial:` is always read as a
/// serial number, and a text after `mac:` as a MAC address.
fn device(line: &str) -> Result<DeviceId, String> {
    let serial =
        |text: &str| text.parse().map(DeviceId::Serial).map_err(|error: ParseError| error.to_string());
    let mac = |text: &str| text.trim().parse().map(DeviceId::Mac);
    if let Some(text) = line.strip_prefix("serial:") {
        return serial(text);
    }
    if let Some(text) = line.strip_prefix("mac:") {
        return mac(text).map_err(|error| error.to_string());
    }
    if line.contains([',', ';', '"', ' ', '\t']) {
        return Err(format!("expected a MAC address or a serial number; write serial:{line} if it is one"));
    }
    let digits = line.chars().filter(char::is_ascii_hexdigit).count();
    let divided = line.contains(['-', ':', '.']);
    let is_mac =
        line.chars().all(|c| c.is_ascii_hexdigit() || "-:.".contains(c)) && (divided || digits == 12);
    if is_mac || is_almost_mac(line) {
        return mac(line).map_err(|error| format!("{error}; write serial:{line} if it is a serial number"));
    }
    serial(line)
}

/// Returns whether a text looks like a MAC address with a mistake: a letter that looks like a
/// digit, a digit of another script, another kind of dash, or one digit too few or too many. Serial
/// numbers seldom begin with `00`.
fn is_almost_mac(text: &str) -> bool {
    let read = |found: char| match found {
        'O' | 'o' => '0',
        'I' | 'i' | 'L' | 'l' => '1',
        _ if found.is_numeric() => found.to_digit(10).map_or('0', |_| found),
        _ => found,
    };
    let text: String = text.chars().map(read).collect();
    let digits = text.chars().filter(char::is_ascii_hexdigit).count();
    let groups: Vec<usize> =
        text.split(|c: char| !c.is_alphanumeric()).map(|group| group.chars().count()).collect();
    match *groups {
        [length] if length == digits => {
            length == 12 || (text.starts_with("00") && (10..=14).contains(&length))
        }
        [_] => false,
        [4, 4, 4] => digits >= 8,
        _ => groups.len() >= 5 && groups.iter().all(|length| *length == 2) && digits >= 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_mac_address_or_a_serial_number_and_a_mistyped_address_is_neither() {
        for (line, expected) in [
            ("00-21-63-0F-20-7B", "MAC address 0021630F207B"),
            ("0021630f207b", "MAC address 0021630F207B"),
            ("mac: 0021630F207B", "MAC address 0021630F207B"),
            ("C185H001209", "serial number C185H001209"),
            ("1234567", "serial number 1234567"),
            ("serial:0021630F207B", "serial number 0021630F207B"),
            ("serial:12-34", "serial number 12-34"),
            ("P-12.34", "serial number P-12.34"),
            ("1234567890", "serial number 1234567890"),
            ("64167F0A1B2", "serial number 64167F0A1B2"),
        ] {
            assert_eq!(format!("{:#}", device(line).unwrap()), expected, "{line}");
        }
        for line in [
            "00-21-63-0F-20",
            "00:21:63:0F:20:7B:01",
            "mac:C185H001209",
            "serial: ",
            "0021630F207B,hall",
            "A B",
            "00-04-13-00-02-0O",
            "00-04-13-00-02-0G",
            "00\u{2013}04\u{2013}13\u{2013}00\u{2013}02\u{2013}01",
            "00-04-13-00-02-0\u{661}",
            "0004.1300.0O01",
            "0004130002",
            "00041300020O",
            "0004130002011",
        ] {
            let refused = device(line).unwrap_err();
            let is_explained =
                refused.contains("serial:") || line.contains("serial:") || line.starts_with("mac:");
            assert!(is_explained, "{line}: {refused}");
        }
        assert!(device("00-21-63").unwrap_err().ends_with("write serial:00-21-63 if it is a serial number"));
    }

    #[test]
    fn a_remark_begins_a_line_or_stands_after_a_blank() {
        for (line, left) in
            [("# x", ""), ("  #x", ""), ("A1 # x # y", "A1"), (" A#1 ", "A#1"), ("A#1\t#é", "A#1"), ("", "")]
        {
            assert_eq!(without_remark(line), left, "{line}");
        }
    }
}
