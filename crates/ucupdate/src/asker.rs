//! The origin of a request, and the answer to it.

use std::net::{IpAddr, Ipv6Addr};
use ucupdate_core::UpdateResponse;
use ucupdate_core::request::{AskedFrom, Side};

/// The origin of a request. It is not part of the request itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a literal is how it is made")]
pub struct Asker<'a> {
    /// The side of the network from which the device asks.
    pub side: Side,
    /// The address of the device, as the audit row shows it.
    pub host: &'a str,
}

impl Asker<'_> {
    /// Returns the side and the address of the device, for comparison with the conditions of rules
    /// and groups. The address is `None` if `host` is not an IP address.
    pub fn asked_from(&self) -> AskedFrom {
        AskedFrom { side: Some(self.side), address: self.host.parse().ok() }
    }
}

/// Returns the address by which limits for each host are counted: an IPv4 address itself, or the first address of the /64 network
/// of an IPv6 address.
pub fn host_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

/// An answer, and the revision of the rule book that decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answered {
    /// The response for the device.
    pub response: UpdateResponse,
    /// The revision of the rule book that decided. It is 0 for the empty book of a new store.
    pub revision: u64,
}

/// Error of answering a request: the service has no URL from which the device could download files.
///
/// OCS answers with blank URLs in this case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(clippy::exhaustive_enums, reason = "the field knows these two sides")]
pub enum NoUrls {
    /// No base URL is configured.
    #[error("no base URL is configured, so devices cannot download files; set one with `Options::with_urls`")]
    Any,
    /// No base URL for external devices is configured, and the request is from an external device.
    #[error(
        "no external base URL is configured, so external devices cannot download files; set one with `BaseUrls::with_external`"
    )]
    External,
}
