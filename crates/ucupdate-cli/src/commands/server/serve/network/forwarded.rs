//! Finds the address of the device that a reverse proxy forwards, in `X-Forwarded-For` and
//! `X-Forwarded-Proto`, or in `Forwarded` (RFC 7239).
//!
//! Any client can send these headers. Therefore they are used only if the connection comes from a
//! trusted proxy. A header is read from the right, where trusted proxies add their entries, up to
//! the first address that is not trusted.

use http::header::FORWARDED;
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The largest number of entries of proxies that are read.
const MAX_HOPS: usize = 16;

/// A network such as `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network(IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(Self)
            .map_err(|_| "expected an address or a network such as 10.0.0.0/8 or fd00::/8".to_owned())
    }
}

/// The address of a client, and whether it uses TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientOrigin {
    pub(crate) remote: IpAddr,
    pub(crate) tls: bool,
    /// `false` if the entry of a trusted proxy has no address that can be read. `remote` is the
    /// address of that proxy then, and says nothing about the client.
    pub(crate) is_known: bool,
}

impl ClientOrigin {
    /// Creates the origin of a client that has opened the connection itself. `remote` is its
    /// address.
    pub(crate) fn direct(remote: IpAddr, tls: bool) -> Self {
        Self { remote: remote.to_canonical(), tls, is_known: true }
    }
}

/// The header that trusted proxies write. The other header is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProxyHeader {
    /// X-Forwarded-For, with X-Forwarded-Proto
    #[default]
    XForwardedFor,
    /// Forwarded, as in RFC 7239
    Forwarded,
}

/// The trusted networks, and the header that their proxies write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    pub(crate) trusted: Vec<Network>,
    pub(crate) header: ProxyHeader,
}

/// Returns the origin of a request. `peer` is the client of the connection. If it is a trusted
/// proxy, the origin is read from the header.
pub(crate) fn origin(peer: ClientOrigin, headers: &HeaderMap, proxies: &Proxies) -> ClientOrigin {
    let remote = peer.remote.to_canonical();
    let peer = ClientOrigin { remote, ..peer };
    if !is_in(remote, &proxies.trusted) {
        return peer;
    }
    match proxies.header {
        ProxyHeader::XForwardedFor => {
            let hops = items(headers, FORWARDED_FOR).map(|hop| Hop { from: address(hop), tls: None });
            let tls = items(headers, FORWARDED_PROTO).next().and_then(is_tls);
            walk(ClientOrigin { tls: tls.unwrap_or(peer.tls), ..peer }, hops, &proxies.trusted)
        }
        ProxyHeader::Forwarded => walk(peer, elements(headers), &proxies.trusted),
    }
}

/// An entry that a proxy added: the address of its client (`None` if it cannot be read), and
/// whether this client used TLS (`None` if the entry does not say it).
struct Hop {
    from: Option<IpAddr>,
    tls: Option<bool>,
}

/// Returns the elements of `Forwarded` from the right. Example of an element:
/// `for="[2001:db8::1]:4711";proto=https`. An element that does not follow RFC 7239, or that has a
/// parameter twice, gives an entry without an address.
///
/// The header is also split from the right, where trusted proxies add their elements. Therefore a
/// quote that the client opens and does not close does not change these elements.
fn elements(headers: &HeaderMap) -> impl Iterator<Item = Hop> {
    let values: Vec<&HeaderValue> = headers.get_all(FORWARDED).iter().collect();
    values.into_iter().rev().flat_map(|value| from_right(value.as_bytes())).map(|element| {
        let element = String::from_utf8_lossy(element);
        hop(&element).unwrap_or(Hop { from: None, tls: None })
    })
}

/// Splits a list at its commas, from the right. A comma inside a quoted string is not a separator.
fn from_right(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut left = Some(list);
    std::iter::from_fn(move || {
        let list = left?;
        let mut is_quoted = false;
        let comma = (0..list.len()).rev().find(|&at| {
            if list[at] == b'"' {
                let escapes = list[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
                is_quoted ^= escapes % 2 == 0;
            }
            list[at] == b',' && !is_quoted
        });
        left = comma.map(|at| &list[..at]);
        Some(&list[comma.map_or(0, |at| at + 1)..])
    })
}

/// Parses one element. Returns `None` if it is not valid. Empty pairs (`;;`) are allowed.
fn hop(element: &str) -> Option<Hop> {
    let (mut from, mut tls, mut seen) = (None, None, Vec::new());
    let mut rest = element.trim();
    while !rest.is_empty() {
        if !rest.starts_with(';') {
            let (name, after) = rest.split_once('=')?;
            let name = name.trim().to_ascii_lowercase();
            let (value, after) = value(after)?;
            if name.is_empty() || name.contains([',', ';', '"', ' ']) || seen.contains(&name) {
                return None;
            }
            match &*name {
                "for" => from = address(&value),
                "proto" => tls = is_tls(&value),
                _ => {}
            }
            seen.push(name);
            rest = after.trim_start();
        }
        rest = match rest.strip_prefix(';') {
            Some(more) => more.trim_start(),
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    Some(Hop { from, tls })
}

/// Parses a token or a quoted string with escapes. Returns its value and the text after it. `None`
/// if a quote is not closed.
fn value(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',', ' ', '\t']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, found)) = chars.next() {
        match found {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            found => value.push(found),
        }
    }
    None
}

/// Follows the entries from right to left, as long as their addresses are trusted proxies. Returns
/// the origin of the first client that is not trusted.
///
/// If all entries are trusted, returns the origin of the leftmost one. The client is not known if
/// the walk reaches an entry without an address, or needs more than [`MAX_HOPS`] entries. Without
/// this rule, a client could add such entries and be taken for a proxy.
fn walk(mut at: ClientOrigin, hops: impl Iterator<Item = Hop>, trusted: &[Network]) -> ClientOrigin {
    for (number, hop) in hops.enumerate() {
        let Some(from) = hop.from.filter(|_| number < MAX_HOPS) else {
            return ClientOrigin { is_known: false, ..at };
        };
        at = ClientOrigin { remote: from, tls: hop.tls.unwrap_or(at.tls), ..at };
        if !is_in(from, trusted) {
            break;
        }
    }
    at
}

/// Returns the items of a comma-separated list from the right. The list may be in several header
/// fields. An item that is not UTF-8 is returned as an empty text.
fn items<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let values: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
    let items = values.into_iter().rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    items.map(|item| str::from_utf8(item).unwrap_or_default().trim())
}

/// Returns whether an address is in one of the networks.
pub(crate) fn is_in(address: IpAddr, networks: &[Network]) -> bool {
    networks.iter().any(|net| net.0.contains(&address))
}

fn is_tls(scheme: &str) -> Option<bool> {
    [("https", true), ("http", false)]
        .into_iter()
        .find_map(|(name, tls)| scheme.eq_ignore_ascii_case(name).then_some(tls))
}

/// Parses an IP address with or without a port, such as `10.1.1.1`, `10.1.1.1:4711`, `2001:db8::1`,
/// `[2001:db8::1]`, `[2001:db8::1]:4711` or `10.1.1.1:_hidden`.
fn address(text: &str) -> Option<IpAddr> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None if text.matches(':').count() == 1 => text.split_at(text.find(':')?),
        None => (text, ""),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_node_port);
    let address = host.parse::<IpAddr>().ok().filter(|_| is_port)?;
    Some(address.to_canonical())
}

/// Returns whether a text is a port number, or a name that hides the port, such as `_hidden` (RFC
/// 7239, section 6.2).
fn is_node_port(text: &str) -> bool {
    let is_name =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    match text.strip_prefix('_') {
        Some(name) => !name.is_empty() && is_name(name),
        None => matches!(text.len(), 1..=5) && text.bytes().all(|digit| digit.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn nets(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[track_caller]
    fn origin_of(peer: &str, trusted: &[&str], headers: &[(&str, &str)]) -> ClientOrigin {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        let header = match headers.first() {
            Some(("forwarded", _)) => ProxyHeader::Forwarded,
            _ => ProxyHeader::XForwardedFor,
        };
        let peer = ClientOrigin::direct(peer.parse().unwrap(), false);
        origin(peer, &map, &Proxies { trusted: nets(trusted), header })
    }

    #[track_caller]
    fn believed(peer: &str, trusted: &[&str], headers: &[(&str, &str)]) -> (String, bool) {
        let origin = origin_of(peer, trusted, headers);
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
    fn the_standard_header_is_read_with_quotes_and_escapes_and_a_second_for_ends_the_walk() {
        let trusted = &["10.0.0.0/8"];
        let standard = |element: &str| believed("10.0.0.1", trusted, &[("forwarded", element)]);
        assert_eq!(standard("for=192.0.2.7"), ("192.0.2.7".to_owned(), false));
        assert_eq!(
            standard("for=6.6.6.6, For=\"[2001:db8::1]:47\" ; Proto=HTTPS;by=x, for=10.0.0.4;proto=http"),
            ("2001:db8::1".to_owned(), true)
        );
        assert_eq!(standard("by=10.0.0.9"), ("10.0.0.1".to_owned(), false));
        for (element, from) in [
            (r#"for="\1\9\2.0.2.7""#, "192.0.2.7"),
            ("for=192.0.2.7;", "192.0.2.7"),
            (";;for=192.0.2.7;;proto=https", "192.0.2.7"),
            ("for=\"192.0.2.7:_port\"", "192.0.2.7"),
            ("for=\"[2001:db8::1]:_port\"", "2001:db8::1"),
            ("for=\"192.0.2.7:+80\"", "10.0.0.1"),
            ("for=\"[2001:db8::1]x\"", "10.0.0.1"),
            (r#"for=6.6.6.6, for="192.0.2.7";by="a,for=6.6.6.6""#, "192.0.2.7"),
            ("for=6.6.6.6, for=10.0.0.4;for=6.6.6.6", "10.0.0.1"),
            ("for=6.6.6.6, for=\"192.0.2.7", "10.0.0.1"),
            ("for=6.6.6.6, for=192.0.2.7 x", "10.0.0.1"),
            ("for=6.6.6.6, ", "10.0.0.1"),
        ] {
            assert_eq!(standard(element).0, from, "{element}");
        }
    }

    #[test]
    fn one_header_is_believed_and_the_other_is_ignored() {
        let trusted = &["10.0.0.0/8"];
        let both = [("forwarded", "for=192.0.2.7"), ("x-forwarded-for", "6.6.6.6")];
        assert_eq!(remote(trusted, &both), "192.0.2.7");
        let both = [("x-forwarded-for", "192.0.2.7"), ("forwarded", "for=6.6.6.6;proto=https")];
        assert_eq!(believed("10.0.0.1", trusted, &both), ("192.0.2.7".to_owned(), false));
    }

    #[test]
    fn a_client_does_not_pass_for_the_proxy_by_an_entry_that_cannot_be_read() {
        let known =
            |header: &str, value: &str| origin_of("10.0.0.1", &["10.0.0.0/8"], &[(header, value)]).is_known;
        for value in ["by=10.0.0.9", "for=unknown", "for=_x", ""] {
            assert!(!known("forwarded", value), "{value}");
        }
        let long = vec!["10.0.0.3"; 1000].join(",");
        for value in ["unknown", "192.0.2.7, unknown", "", "unknown, 10.0.0.7", "fe80::1%eth0", &long] {
            assert!(!known("x-forwarded-for", value), "{value}");
        }
        assert!(known("forwarded", "x=\"\\, for=192.0.2.7\", for=192.0.2.7"));
        assert!(known("x-forwarded-for", "unknown, 192.0.2.7"), "entries before the client mean nothing");
        // The client sends the first entry. The proxy adds the second one, which counts.
        for value in [
            "",
            "x",
            ",,",
            "for=\"10.1.1.1",
            "x=\"\\",
            "for=10.1.1.1;x",
            "\"",
            "\\\"",
            "\u{e9}",
            "for=10.1.1.1;for=\"10.1.1.2",
        ] {
            let value = format!("{value}, for=192.0.2.7;by=\"[2001:db8::1],\\\",\"");
            let origin = origin_of("10.0.0.1", &["10.0.0.0/8"], &[("forwarded", &value)]);
            assert_eq!((origin.remote.to_string().as_str(), origin.is_known), ("192.0.2.7", true), "{value}");
        }
        let origin = origin_of("10.0.0.1", &["10.0.0.0/8"], &[("x-forwarded-for", "\u{e9}\", 192.0.2.7")]);
        assert_eq!((origin.remote.to_string().as_str(), origin.is_known), ("192.0.2.7", true));
        assert!(origin_of("10.0.0.1", &["10.0.0.0/8"], &[]).is_known, "the proxy asks for itself");
        assert!(origin_of("192.0.2.1", &["10.0.0.0/8"], &[("forwarded", "x")]).is_known, "it is not trusted");
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
            assert!(wrong.parse::<Network>().is_err(), "{wrong:?}");
        }
    }
}
