//! Whom a reverse proxy says it speaks for: `X-Forwarded-For`, `X-Forwarded-Proto`, and `Forwarded` (RFC 7239).
//!
//! Anybody can send these headers, so they are read only when the connection comes from a trusted address, and only from
//! the right, where trusted proxies have written, up to the first address that is not trusted.

use http::HeaderMap;
use http::header::FORWARDED;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// How many proxies in a row are believed.
const MAX_HOPS: usize = 16;

/// Addresses whose word is taken: `10.0.0.0/8`, or a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrustedNet(IpNet);

impl FromStr for TrustedNet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(Self)
            .map_err(|_| "expected an address or a network such as 10.0.0.0/8 or fd00::/8".to_owned())
    }
}

/// Who asks, and whether by TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) remote: IpAddr,
    pub(crate) tls: bool,
}

/// What is to be believed of a request that came from `peer`.
///
/// `X-Forwarded-For` goes before `Forwarded`; a proxy that sets one of them should take away what came of the other.
pub(crate) fn origin(peer: Origin, headers: &HeaderMap, trusted: &[TrustedNet]) -> Origin {
    let remote = peer.remote.to_canonical();
    let peer = Origin { remote, ..peer };
    if !is_trusted(remote, trusted) {
        return peer;
    }
    if headers.contains_key(FORWARDED_FOR) {
        let hops = items(headers, FORWARDED_FOR).map(|hop| Hop { from: address(hop), tls: None });
        let tls = items(headers, FORWARDED_PROTO).next().and_then(is_tls);
        return walk(Origin { tls: tls.unwrap_or(peer.tls), ..peer }, hops, trusted);
    }
    if headers.contains_key(FORWARDED) {
        return walk(peer, items(headers, FORWARDED.as_str()).map(Hop::read), trusted);
    }
    let tls = items(headers, FORWARDED_PROTO).next().and_then(is_tls);
    Origin { tls: tls.unwrap_or(peer.tls), ..peer }
}

/// What one proxy said of the connection that came to it.
struct Hop {
    from: Option<IpAddr>,
    tls: Option<bool>,
}

impl Hop {
    /// Reads an element of `Forwarded`: `for="[2001:db8::1]:4711";proto=https`.
    fn read(element: &str) -> Self {
        let mut hop = Self { from: None, tls: None };
        for pair in element.split(';') {
            let Some((name, value)) = pair.trim().split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            if name.trim_end().eq_ignore_ascii_case("for") {
                hop.from = address(value);
            } else if name.trim_end().eq_ignore_ascii_case("proto") {
                hop.tls = is_tls(value);
            }
        }
        hop
    }
}

/// Goes from proxy to proxy, right to left, as long as they are trusted and name an address.
fn walk(mut at: Origin, hops: impl Iterator<Item = Hop>, trusted: &[TrustedNet]) -> Origin {
    for hop in hops.take(MAX_HOPS) {
        let Some(from) = hop.from else { break };
        at = Origin { remote: from, tls: hop.tls.unwrap_or(at.tls) };
        if !is_trusted(from, trusted) {
            break;
        }
    }
    at
}

/// The items of a list that may be spread over several headers, from the right. One that is no ASCII text ends it.
fn items<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let values: Vec<&str> =
        headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    values.into_iter().rev().flat_map(|value| value.rsplit(',')).map(str::trim)
}

fn is_trusted(address: IpAddr, trusted: &[TrustedNet]) -> bool {
    trusted.iter().any(|net| net.0.contains(&address))
}

fn is_tls(scheme: &str) -> Option<bool> {
    [("https", true), ("http", false)]
        .into_iter()
        .find_map(|(name, tls)| scheme.eq_ignore_ascii_case(name).then_some(tls))
}

/// An address, maybe with a port: `10.1.1.1`, `10.1.1.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn nets(texts: &[&str]) -> Vec<TrustedNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[track_caller]
    fn believed(peer: &str, trusted: &[&str], headers: &[(&str, &str)]) -> (String, bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let peer = Origin { remote: peer.parse().unwrap(), tls: false };
        let origin = origin(peer, &map, &nets(trusted));
        (origin.remote.to_string(), origin.tls)
    }

    #[track_caller]
    fn remote(trusted: &[&str], headers: &[(&str, &str)]) -> String {
        believed("10.0.0.1", trusted, headers).0
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        let lies = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=1.2.3.4;proto=https"),
        ];
        assert_eq!(believed("10.0.0.1", &[], &lies), ("10.0.0.1".to_owned(), false));
        assert_eq!(believed("10.0.0.1", &["10.0.0.2"], &lies), ("10.0.0.1".to_owned(), false));
        assert_eq!(believed("10.0.0.1", &["10.0.0.0/24"], &lies), ("1.2.3.4".to_owned(), true));
    }

    #[test]
    fn the_right_most_address_that_is_not_trusted_is_the_device() {
        let trusted = &["10.0.0.0/8"];
        for (list, device) in [
            ("192.0.2.7", "192.0.2.7"),
            ("6.6.6.6, 192.0.2.7", "192.0.2.7"),
            ("6.6.6.6, 192.0.2.7, 10.0.0.9,10.0.0.8", "192.0.2.7"),
            ("10.9.9.9, 10.0.0.8", "10.9.9.9"),
            ("192.0.2.7:4711", "192.0.2.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            assert_eq!(remote(trusted, &[("x-forwarded-for", list)]), device, "{list}");
        }
        let lines = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-for", "10.0.0.2"),
        ];
        assert_eq!(remote(trusted, &lines), "192.0.2.7", "several headers are one list");
    }

    #[test]
    fn what_is_no_address_ends_the_walk_at_the_proxy_that_wrote_it() {
        for list in
            ["", "unknown", "_hidden", "6.6.6.6, unknown", "999.1.1.1", "6.6.6.6,", "6.6.6.6, 1.2.3.4:x"]
        {
            assert_eq!(remote(&["10.0.0.0/8"], &[("x-forwarded-for", list)]), "10.0.0.1", "{list:?}");
        }
        assert_eq!(remote(&["10.0.0.0/8"], &[("x-forwarded-for", "6.6.6.6, unknown, 10.0.0.7")]), "10.0.0.7");
        let long = vec!["10.0.0.3"; 1000].join(",");
        assert_eq!(remote(&["10.0.0.0/8"], &[("x-forwarded-for", &format!("6.6.6.6,{long}"))]), "10.0.0.3");
    }

    #[test]
    fn the_standard_header_is_read_where_the_customary_one_is_not_there() {
        let trusted = &["10.0.0.0/8"];
        let standard = |element: &str| believed("10.0.0.1", trusted, &[("forwarded", element)]);
        assert_eq!(standard("for=192.0.2.7"), ("192.0.2.7".to_owned(), false));
        assert_eq!(
            standard("for=6.6.6.6, For=\"[2001:db8::1]:47\" ; Proto=HTTPS;by=x, for=10.0.0.4;proto=http"),
            ("2001:db8::1".to_owned(), true)
        );
        assert_eq!(standard("by=10.0.0.9"), ("10.0.0.1".to_owned(), false));
        let both = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(remote(trusted, &both), "192.0.2.7");
    }

    #[test]
    fn the_scheme_is_what_the_nearest_proxy_says() {
        let trusted = &["10.0.0.1"];
        let scheme = |value: &str| believed("10.0.0.1", trusted, &[("x-forwarded-proto", value)]).1;
        assert!(scheme("https") && scheme("HTTPS") && scheme("http, https"));
        assert!(!scheme("http") && !scheme("https, http") && !scheme("gopher") && !scheme(""));
    }

    #[test]
    fn a_network_or_an_address_is_trusted_and_nothing_else() {
        assert_eq!(nets(&["10.0.0.1"]), nets(&["10.0.0.1/32"]));
        for wrong in ["", "10.0.0.0/33", "10.0.0", "proxy", "*"] {
            assert!(wrong.parse::<TrustedNet>().is_err(), "{wrong:?}");
        }
    }
}
