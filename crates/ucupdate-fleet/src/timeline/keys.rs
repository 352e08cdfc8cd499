//! Hosts and paths as both logs are compared by.

use percent_encoding::percent_decode_str;
use std::net::IpAddr;

/// A host without case; an address in its one form.
pub(super) fn host_key(host: &str) -> String {
    let host = host.trim();
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => host.to_ascii_lowercase(),
    }
}

pub(super) fn url_path_key(url: &str) -> String {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    path_key(behind.find('/').map_or("", |at| &behind[at..]))
}

/// A path without case and escapes; a blank and a plus are one, as web servers log them.
pub(super) fn path_key(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().replace('+', " ").to_ascii_lowercase()
}
