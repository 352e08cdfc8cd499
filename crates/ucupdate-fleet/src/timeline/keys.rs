//! Normalises hosts and paths, so that rows of the audit log and the access log can be compared.

use percent_encoding::percent_decode_str;
use std::net::IpAddr;

/// Returns the key of a host: an IP address in its canonical form, or a host name in lower case.
/// Two texts mean the same host if their keys are equal.
///
/// ```
/// use ucupdate_fleet::timeline::host_key;
/// assert_eq!(host_key("::ffff:10.1.1.9"), host_key("10.1.1.9"));
/// ```
pub fn host_key(host: &str) -> String {
    let host = host.trim();
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => host.to_ascii_lowercase(),
    }
}

pub(super) fn url_path_key(url: &str) -> String {
    path_key(url_path(url))
}

pub(crate) fn url_path(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    behind.find('/').map_or("", |at| &behind[at..])
}

/// Returns a path in lower case and without escapes. A plus becomes a blank, because web servers log a blank as a plus.
pub(crate) fn path_key(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().replace('+', " ").to_ascii_lowercase()
}
