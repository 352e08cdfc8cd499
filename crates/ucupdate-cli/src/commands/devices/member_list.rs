//! The list of devices of a group, as a file: one MAC address or serial number on each line.

use ucupdate::device::DeviceId;
use ucupdate::value::ParseError;

/// Returns the devices in a list. `#` begins a comment.
///
/// # Errors
/// The number of the first line that is not a device, and the reason.
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

/// Parses the device of a line. Twelve hexadecimal digits are a MAC address, and a text of pairs of hexadecimal digits
/// must be one. A mistyped address or a row of a table must not be taken as a serial number. `serial:` or `mac:` before
/// the text says which it is.
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
    if line.chars().all(|c| c.is_ascii_hexdigit() || "-:.".contains(c)) && (divided || digits == 12) {
        return mac(line).map_err(|error| format!("{error}; write serial:{line} if it is a serial number"));
    }
    serial(line)
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
        ] {
            assert!(device(line).is_err(), "{line}");
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
