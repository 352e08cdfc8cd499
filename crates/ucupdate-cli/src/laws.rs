//! Laws that hold for any bytes. Fuzz targets and tests call these functions.
//!
//! Each function returns nothing, and panics if its law does not hold.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use crate::commands::devices::member_list;
use crate::commands::server::serve::network::forwarded::{ClientOrigin, Proxies, ProxyHeader, is_in, origin};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeSet;
use std::net::IpAddr;

pub use crate::commands::answers::inspect::laws::{capture, suggestion};

/// The address of the client that the trusted proxy sees, in the law of forwarded addresses.
const SEEN: &str = "192.0.2.9";

/// Reads `bytes` as header lines of a request. Checks that they cannot choose the address of a device.
///
/// For an untrusted peer, the device has the address of the peer. Behind a trusted proxy, the device has the address
/// that the proxy appends. Header fields to the left of an untrusted address do not matter.
pub fn forwarded(bytes: &[u8]) {
    let headers = head_of(bytes);
    let trusted = vec!["10.0.0.0/8".parse().expect("a network")];
    for (header, name, value) in [
        (ProxyHeader::XForwardedFor, "x-forwarded-for", SEEN.to_owned()),
        (ProxyHeader::Forwarded, "forwarded", format!("for={SEEN}")),
    ] {
        let proxies = Proxies { trusted: trusted.clone(), header };
        let stranger = ClientOrigin::direct([203, 0, 113, 1].into(), false);
        assert_eq!(origin(stranger, &headers, &proxies), stranger, "a stranger is believed");

        let proxy = ClientOrigin::direct([10, 0, 0, 1].into(), true);
        let found = origin(proxy, &headers, &proxies);
        let value = HeaderValue::try_from(value).expect("a value");
        let mut appended = headers.clone();
        appended.append(name, value.clone());
        let seen: IpAddr = SEEN.parse().expect("an address");
        assert_eq!(origin(proxy, &appended, &proxies).remote, seen, "a field of its own");

        // A proxy may continue the last field. If that field is damaged, no address in it is used.
        if let Some(joined) = continued(&headers, name, &value) {
            let found = origin(proxy, &joined, &proxies);
            let is_right = found.remote == seen || (found.remote == proxy.remote && !found.is_known);
            assert!(is_right, "{found:?} in {joined:?}");
        }
        if !is_in(found.remote, &trusted) {
            let mut forged = HeaderMap::new();
            forged.append(
                name,
                HeaderValue::from_static(if name == "forwarded" { "for=6.6.6.6" } else { "6.6.6.6" }),
            );
            for (name, value) in &headers {
                forged.append(name, value.clone());
            }
            assert_eq!(origin(proxy, &forged, &proxies), found, "a field to the left");
        }
    }
}

/// Reads each line as a header field. A line that is not a header field becomes a value of all
/// three fields that proxies write.
fn head_of(bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(64) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().and_then(|name| HeaderName::from_bytes(name).ok());
        match (name, parts.next()) {
            (Some(name), Some(value)) => {
                if let Ok(value) = HeaderValue::from_bytes(value.trim_ascii()) {
                    headers.append(name, value);
                }
            }
            _ => {
                if let Ok(value) = HeaderValue::from_bytes(line) {
                    for name in ["forwarded", "x-forwarded-for", "x-forwarded-proto"] {
                        headers.append(name, value.clone());
                    }
                }
            }
        }
    }
    headers
}

/// Returns the header fields with a comma and `value` added to the last field of this name. `None`
/// if there is no such field, or if the result is not a header value.
fn continued(headers: &HeaderMap, name: &str, value: &HeaderValue) -> Option<HeaderMap> {
    let mut values: Vec<HeaderValue> = headers.get_all(name).iter().cloned().collect();
    let last = values.last_mut()?;
    *last = HeaderValue::from_bytes(&[last.as_bytes(), b", ", value.as_bytes()].concat()).ok()?;
    let mut joined = headers.clone();
    joined.remove(name);
    let key: HeaderName = name.parse().ok()?;
    values.into_iter().for_each(|value| {
        joined.append(key.clone(), value);
    });
    Some(joined)
}

/// Reads bytes as a list of devices. If the list is refused, checks that the message begins with the number of a line. Otherwise
/// writes the devices as text, and checks that reading this text returns the same devices.
pub fn member_list(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let devices = match member_list::devices(text) {
        Ok(devices) => devices,
        Err(reason) => return assert!(reason.starts_with("line ") && !reason.contains('\n'), "{reason:?}"),
    };
    assert!(devices.len() <= text.lines().count());
    // Each device is written with its kind, as the message of a refusal recommends.
    let mut written = String::new();
    for device in &devices {
        let kind = match device {
            ucupdate::device::DeviceId::Mac(mac) => format!("mac:{mac}\n"),
            ucupdate::device::DeviceId::Serial(serial) => format!("serial:{serial}\n"),
        };
        written.push_str(&kind);
    }
    let again = member_list::devices(&written).expect("what was written is read");
    assert_eq!(again, devices);
    assert!(again.iter().collect::<BTreeSet<_>>().len() <= again.len());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nobody_chooses_an_address(text in "((Forwarded|X-Forwarded-For): )?[for=\";,\\\\ 0-9.\\[\\]:\n]{0,40}") {
            forwarded(text.as_bytes());
        }

        #[test]
        fn lists_of_devices_keep_the_law(text in "(serial:|mac:|#)?[0-9A-F:. #-]{0,20}\n\\PC{0,10}") {
            member_list(text.as_bytes());
        }

        #[test]
        fn captures_keep_their_laws(text in "(POST /a HTTP/1.1|HTTP/1.1 200 OK|0000  50 4f|<a>|</a>|[\\r\n 0-9]|\\PC){0,12}") {
            capture(text.as_bytes());
            suggestion(text.as_bytes());
        }

        #[test]
        fn suggestions_are_dialects(
            name in "[A-Za-z_\u{300}\u{e9}\u{b7}.-]{1,8}",
            value in "[0-9a-zA-Z.:\" -]{0,20}",
        ) {
            suggestion(format!("<{name}><{name}1 {name}='{value}'>{value}</{name}1><Mac>00-21-63-0F-20-7B</Mac></{name}>").as_bytes());
        }
    }
}
