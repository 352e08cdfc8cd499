//! Checks the message framing and `Host`, before anything else of a request is used.

use http::{StatusCode, Version, header, request};

/// Largest number of characters of a header field that an error message quotes.
const MAX_SHOWN_CHARS: usize = 60;

/// Checks the rules of RFC 9112 about `Host` and transfer codings, which a server of HTTP/1.1 has to enforce.
/// [`DeviceUpdates`](crate::DeviceUpdates) calls this function by itself; it is public for other services of the same server.
///
/// # Errors
/// The status and the reason of the refusal:
///
/// - 400 for a `Host` that is missing, repeated or invalid (section 3.2);
/// - 400 for an invalid host in the target (section 3.2.2);
/// - 501 for transfer codings other than one `chunked` (section 6.1);
/// - 400 for `Content-Length` together with `Transfer-Encoding` (section 6.3).
pub fn check_framing(request: &request::Parts) -> Result<(), (StatusCode, String)> {
    if request.version > Version::HTTP_11 {
        return Ok(());
    }
    check_host(request).map_err(|reason| (StatusCode::BAD_REQUEST, reason))?;
    let codings = request.headers.get_all(header::TRANSFER_ENCODING);
    let unknown =
        codings.iter().find(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"));
    if let Some(coding) = unknown {
        let found = shown(&String::from_utf8_lossy(coding.as_bytes()));
        let reason = format!("transfer coding {found} is not supported, expected chunked");
        return Err((StatusCode::NOT_IMPLEMENTED, reason));
    }
    // Several fields are one list, and chunked must not be applied twice.
    if codings.iter().nth(1).is_some() {
        let reason = "there are several header fields Transfer-Encoding, expected one".to_owned();
        return Err((StatusCode::NOT_IMPLEMENTED, reason));
    }
    // A proxy in front may have used the other length. Servers that remove one field themselves, as
    // hyper does, hide it from this check.
    if codings.iter().next().is_some() && request.headers.contains_key(header::CONTENT_LENGTH) {
        let reason = "there are the header fields Content-Length and Transfer-Encoding, expected one of them"
            .to_owned();
        return Err((StatusCode::BAD_REQUEST, reason));
    }
    Ok(())
}

fn check_host(request: &request::Parts) -> Result<(), String> {
    // A target such as `http://ocs/path` names a host too.
    if let Some(authority) = request.uri.authority().filter(|authority| !is_host(authority.as_str())) {
        let found = shown(authority.as_str());
        return Err(format!(
            "the target of the request names the host {found}, expected a host name or an address"
        ));
    }
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let Some(host) = hosts.next() else {
        // HTTP/1.0 has no Host.
        return match request.version {
            Version::HTTP_11 => Err("the header field Host is missing, expected one".to_owned()),
            _ => Ok(()),
        };
    };
    if hosts.next().is_some() {
        return Err("there are several header fields Host, expected one".to_owned());
    }
    match host.to_str() {
        Ok(text) if is_host(text.trim()) => Ok(()),
        _ => {
            let found = shown(&String::from_utf8_lossy(host.as_bytes()));
            Err(format!("the header field Host is {found}, expected a host name or an address"))
        }
    }
}

/// Returns whether a text is a host name or an address, with or without a port.
fn is_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<http::uri::Authority>() else { return false };
    let host = authority.host();
    let port = text.strip_prefix(host).and_then(|rest| rest.strip_prefix(':'));
    let is_name = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|it| it.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !host.is_empty() && !host.contains(':'),
    };
    // `parse` alone accepts a sign.
    let is_port = |port: &str| {
        port.bytes().all(|digit| digit.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok())
    };
    is_name && (text == host || port.is_some_and(is_port))
}

/// Returns the text in quotes and escaped. A text of more than [`MAX_SHOWN_CHARS`] characters is
/// cut, and `...` follows.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, Request};

    fn checked(version: Version, fields: &[(&str, &str)]) -> Option<(u16, String)> {
        let mut request = Request::new(());
        *request.version_mut() = version;
        for (name, value) in fields {
            let name = http::HeaderName::try_from(*name).unwrap();
            request.headers_mut().append(name, HeaderValue::try_from(*value).unwrap());
        }
        let (parts, ()) = request.into_parts();
        check_framing(&parts).err().map(|(status, reason)| (status.as_u16(), reason))
    }

    #[test]
    fn a_request_has_one_valid_host() {
        for host in ["ocs", "ocs.contoso.com:443", "10.0.0.1", "[::1]:80", " ocs "] {
            assert_eq!(checked(Version::HTTP_11, &[("host", host)]), None, "{host}");
        }
        for host in ["", "a b", "me@ocs", "http://ocs/", "ocs/path", "ocs:99999999", "ocs:+80", "[::1"] {
            let (status, reason) = checked(Version::HTTP_11, &[("host", host)]).unwrap();
            assert_eq!(status, 400, "{host}");
            assert!(reason.contains("expected a host name"), "{reason}");
        }
        assert_eq!(checked(Version::HTTP_11, &[]).unwrap().0, 400);
        assert_eq!(checked(Version::HTTP_11, &[("host", "a"), ("host", "a")]).unwrap().0, 400);
        assert_eq!(checked(Version::HTTP_10, &[("host", "a"), ("host", "b")]).unwrap().0, 400);
        assert_eq!(checked(Version::HTTP_10, &[]), None);
        assert_eq!(checked(Version::HTTP_2, &[]), None);
    }

    #[test]
    fn a_target_that_names_a_host_names_a_valid_one() {
        let checked = |target: &str| {
            let request = Request::builder().uri(target).header("host", "ocs").body(()).unwrap();
            check_framing(&request.into_parts().0).err().map(|(status, reason)| (status.as_u16(), reason))
        };
        for target in
            ["http://ocs/path", "http://ocs:80/path", "https://[::1]:443/path", "/path", "*", "ocs:443"]
        {
            assert_eq!(checked(target), None, "{target}");
        }
        for target in ["http://me@ocs/path", "http://ocs:99999/path", "http://[::1]x/path", "me@ocs:443"] {
            let Some((status, reason)) = checked(target) else { panic!("{target} is accepted") };
            assert_eq!(status, 400, "{target}");
            assert!(reason.contains("expected a host name"), "{reason}");
        }
    }

    #[test]
    fn only_the_chunked_transfer_coding_is_known_and_a_reason_is_bounded() {
        let long = "x".repeat(5000);
        for coding in ["cow, chunked", "gzip, chunked", "identity", "", &long] {
            let (status, reason) =
                checked(Version::HTTP_11, &[("host", "a"), ("transfer-encoding", coding)]).unwrap();
            assert_eq!(status, 501, "{coding}");
            assert!(reason.len() < 200, "{reason}");
        }
        assert_eq!(checked(Version::HTTP_11, &[("host", "a"), ("transfer-encoding", "Chunked")]), None);
        let twice = [("host", "a"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
        assert_eq!(checked(Version::HTTP_11, &twice).unwrap().0, 501);
    }

    #[test]
    fn a_request_has_one_length() {
        let fields = [("host", "a"), ("content-length", "3"), ("transfer-encoding", "chunked")];
        let (status, reason) = checked(Version::HTTP_11, &fields).unwrap();
        assert_eq!(status, 400);
        assert!(reason.ends_with("expected one of them"), "{reason}");
        assert_eq!(checked(Version::HTTP_11, &fields[..2]), None);
    }
}
