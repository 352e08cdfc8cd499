//! The public URLs of files. They are configured, and never depend on the `Host` of a request.

use std::fmt;
use std::str::FromStr;
use ucupdate_core::request::Side;

/// The beginning of a URL: a scheme, a host, and optionally a port and a path. An example is
/// `https://updates.contoso.com`.
///
/// ```
/// use ucupdate::Origin;
/// let origin: Origin = "http://ocs.demo.local".parse().unwrap();
/// assert_eq!(origin.as_str(), "http://ocs.demo.local");
/// assert!("ocs.demo.local".parse::<Origin>().is_err());
/// assert!("http://ocs.demo.local/".parse::<Origin>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Box<str>);

impl Origin {
    /// Returns the origin as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the host: a name, an IPv4 address, or an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        self.host_and_port().0
    }

    /// Returns the port. If the text has no port, this is the port of the scheme: 80 or 443.
    pub fn port(&self) -> u16 {
        let default = if self.is_https() { 443 } else { 80 };
        self.host_and_port().1.and_then(|port| port.parse().ok()).unwrap_or(default)
    }

    fn host_and_port(&self) -> (&str, Option<&str>) {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let host = rest.split('/').next().unwrap_or(rest);
        match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            Some((name, port)) => (name, port.strip_prefix(':')),
            None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
        }
    }

    /// Returns whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.0.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    /// Reads an absolute `http` or `https` URL with a host, and optionally a port and a path.
    ///
    /// # Errors
    /// When the text has another form, or ends with a slash.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let rest = ["http://", "https://"].into_iter().find_map(|scheme| {
            let (head, rest) = text.split_at_checked(scheme.len())?;
            head.eq_ignore_ascii_case(scheme).then_some(rest)
        });
        let rest = rest.ok_or(OriginError::Scheme)?;
        if let Some(found) = rest.chars().find(|c| !c.is_ascii_graphic() || "?#\"<>\\^`{}|@".contains(*c)) {
            return Err(OriginError::Character { found });
        }
        if text.ends_with('/') {
            return Err(OriginError::Slash);
        }
        let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
        if !is_host(host) {
            return Err(OriginError::Host);
        }
        if path.is_some_and(|path| path.split('/').any(|part| matches!(part, "" | "." | ".."))) {
            return Err(OriginError::Path);
        }
        Ok(Self(text.into()))
    }
}

/// Returns whether a text is a host name, an IPv4 address, or an IPv6 address in brackets, each with an optional port.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(bracketed) => {
            let Some((address, rest)) = bracketed.split_once(']') else { return false };
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            ("v6", rest.strip_prefix(':').or((!rest.is_empty()).then_some("no port")))
        }
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let name_fits = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    name_fits && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Error of reading an [`Origin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum OriginError {
    /// The text begins neither with `http://` nor with `https://`.
    #[error("the origin does not begin with http:// or https://")]
    Scheme,
    /// The text has a character that is not allowed in an origin.
    #[error("the origin contains {found:?}, which no origin may contain")]
    Character { found: char },
    /// The text ends with a slash.
    #[error("the origin ends with a slash, expected none")]
    Slash,
    /// The path has an empty part, `.` or `..`. Devices would request another path.
    #[error("the path of the origin has an empty part, `.` or `..`")]
    Path,
    /// The text has no host, or a wrong port.
    #[error("the origin has no valid host and port")]
    Host,
}

/// The style of the paths of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlStyle {
    /// Paths of Office Communications Server 2007 R2: `/DeviceUpdateFiles_Int` and `/DeviceUpdateFiles_Ext`.
    #[default]
    Ocs,
    /// Paths of Lync: `/RequestHandler/Files` and `/RequestHandlerExt/Files`.
    Lync,
}

impl UrlStyle {
    /// Both styles. A server serves the paths of both styles.
    pub const ALL: [Self; 2] = [Self::Ocs, Self::Lync];

    /// Returns the prefix of the paths of files for a side, without a slash at the end.
    pub fn files_root(self, side: Side) -> &'static str {
        match (self, side) {
            (Self::Ocs, Side::Internal) => "/DeviceUpdateFiles_Int",
            (Self::Ocs, Side::External) => "/DeviceUpdateFiles_Ext",
            (Self::Lync, Side::Internal) => "/RequestHandler/Files",
            (Self::Lync, Side::External) => "/RequestHandlerExt/Files",
        }
    }
}

/// The public URLs from which devices download files.
///
/// ```
/// use ucupdate::BaseUrls;
/// use ucupdate_core::request::Side;
/// let urls = BaseUrls::new("http://ocs.demo.local".parse().unwrap())
///     .with_external("https://ocs.demo.local".parse().unwrap());
/// assert_eq!(urls.folder(Side::Internal, "OCInterim/ENU"), "http://ocs.demo.local/DeviceUpdateFiles_Int/OCInterim/ENU");
/// assert_eq!(urls.folder(Side::External, "OCInterim/ENU"), "https://ocs.demo.local/DeviceUpdateFiles_Ext/OCInterim/ENU");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct BaseUrls {
    internal: Origin,
    external: Option<Origin>,
    layout: UrlStyle,
}

impl BaseUrls {
    /// Returns URLs for internal devices. External devices get no answer until [`with_external`](Self::with_external) is
    /// called.
    pub fn new(internal: Origin) -> Self {
        Self { internal, external: None, layout: UrlStyle::default() }
    }

    /// Sets the URL for external devices.
    pub fn with_external(self, external: Origin) -> Self {
        Self { external: Some(external), ..self }
    }

    /// Sets the style of the paths in the URLs. Default: [`UrlStyle::Ocs`].
    pub fn with_url_style(self, layout: UrlStyle) -> Self {
        Self { layout, ..self }
    }

    /// Returns the origin for internal devices.
    pub fn internal(&self) -> &Origin {
        &self.internal
    }

    /// Returns the origin for external devices. `None` if external devices are not served.
    pub fn external(&self) -> Option<&Origin> {
        self.external.as_ref()
    }

    /// Returns the URL of a folder for a side, without a slash at the end. It is blank if the side is not served.
    ///
    /// Characters that a URL cannot hold are written as `%XX`.
    pub fn folder(&self, side: Side, folder: &str) -> String {
        let origin = match side {
            Side::Internal => Some(&self.internal),
            Side::External => self.external.as_ref(),
        };
        let Some(origin) = origin else { return String::new() };
        let root = self.layout.files_root(side);
        let mut url = String::with_capacity(origin.0.len() + root.len() + 1 + folder.len());
        url.push_str(&origin.0);
        url.push_str(root);
        url.push('/');
        if folder.bytes().all(is_url_byte) {
            url.push_str(folder);
            return url;
        }
        for byte in folder.bytes() {
            if is_url_byte(byte) {
                url.push(char::from(byte));
            } else {
                url.push_str(&format!("%{byte:02X}"));
            }
        }
        url
    }
}

/// Returns whether a byte of a folder's path stands in a URL as it is. Other bytes are written as
/// `%XX`.
fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~/!$'()+,;=@".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_host_and_a_port() {
        for (origin, host, port) in [
            ("http://a.b", "a.b", 80),
            ("https://a.b/prefix", "a.b", 443),
            ("https://a.b:8443/p", "a.b", 8443),
            ("http://[::1]:8080", "::1", 8080),
        ] {
            let origin: Origin = origin.parse().unwrap();
            assert_eq!((origin.host(), origin.port()), (host, port));
        }
    }

    #[test]
    fn an_origin_is_absolute_and_ends_without_a_slash() {
        for text in
            ["http://a", "https://a.b:8443", "HTTP://a/prefix/more", "http://[::1]:80", "http://127.0.0.1:1"]
        {
            assert_eq!(text.parse::<Origin>().map(|origin| origin.to_string()), Ok(text.to_owned()));
        }
        let refused = |text: &str| text.parse::<Origin>().unwrap_err().to_string();
        assert_eq!(refused("a.b"), "the origin does not begin with http:// or https://");
        assert_eq!(refused("ftp://a"), "the origin does not begin with http:// or https://");
        assert_eq!(refused("http://a/"), "the origin ends with a slash, expected none");
        assert_eq!(refused("http://"), "the origin ends with a slash, expected none");
        assert_eq!(refused("http://a?b"), "the origin contains '?', which no origin may contain");
        assert_eq!(refused("http://u@a"), "the origin contains '@', which no origin may contain");
        for text in [
            "http://:80",
            "http://a:",
            "http://a:0",
            "http://a:99999",
            "http://[::1",
            "http://[x]",
            "http://[::1]80",
            "http:///p",
        ] {
            assert_eq!(refused(text), "the origin has no valid host and port", "{text}");
        }
    }

    #[test]
    fn what_a_url_cannot_hold_is_written_in_hexadecimal() {
        let urls = BaseUrls::new("http://a/p".parse().unwrap()).with_url_style(UrlStyle::Lync);
        assert_eq!(
            urls.folder(Side::Internal, "UCPhone/A & B/M#1/\u{e4}"),
            "http://a/p/RequestHandler/Files/UCPhone/A%20%26%20B/M%231/%C3%A4"
        );
        assert_eq!(urls.folder(Side::External, "x"), "", "blank where the outside is not served");
    }
}
