//! The public URLs of the files: configuration, never what a request says of its host.

use std::fmt;
use std::str::FromStr;
use ucupdate_core::request::Side;

/// Scheme, host, and a path before everything, if there is one: `https://updates.contoso.com`.
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
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its scheme is `https`.
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

    /// Reads an absolute URL of `http` or `https` with a host, optionally a port and a path, and nothing after it.
    ///
    /// # Errors
    /// When it is something else, or ends in a slash.
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

/// A name, an IPv4 address or an IPv6 address in brackets, and optionally a port.
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

/// Why a text is no [`Origin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// Not `http://` or `https://`.
    #[error("origin does not begin with http:// or https://")]
    Scheme,
    /// A character no origin has.
    #[error("origin holds {found:?}")]
    Character {
        /// The first such character.
        found: char,
    },
    /// A slash at the end.
    #[error("origin ends in a slash")]
    Slash,
    /// An empty part of the path, `.` or `..`: devices would ask for something else.
    #[error("path of the origin holds an empty part, `.` or `..`")]
    Path,
    /// No host, or a port that is none.
    #[error("origin has no usable host and port")]
    Host,
}

/// How the paths of the files begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlStyle {
    /// As in Office Communications Server 2007 R2: `/DeviceUpdateFiles_Int` and `/DeviceUpdateFiles_Ext`.
    #[default]
    Ocs,
    /// As in Lync: `/RequestHandler/Files` and `/RequestHandlerExt/Files`.
    Lync,
}

impl UrlStyle {
    /// Both layouts; a server serves both roots whichever its answers name.
    pub const ALL: [Self; 2] = [Self::Ocs, Self::Lync];

    /// The path the files of a side begin with, without a slash at the end.
    pub fn files_root(self, side: Side) -> &'static str {
        match (self, side) {
            (Self::Ocs, Side::Internal) => "/DeviceUpdateFiles_Int",
            (Self::Ocs, Side::External) => "/DeviceUpdateFiles_Ext",
            (Self::Lync, Side::Internal) => "/RequestHandler/Files",
            (Self::Lync, Side::External) => "/RequestHandlerExt/Files",
        }
    }
}

/// Where devices fetch files: the public URLs that answers carry.
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
pub struct BaseUrls {
    internal: Origin,
    external: Option<Origin>,
    layout: UrlStyle,
}

impl BaseUrls {
    /// URLs for devices inside. Devices outside are not served until [`with_external`](Self::with_external).
    pub fn new(internal: Origin) -> Self {
        Self { internal, external: None, layout: UrlStyle::default() }
    }

    /// With URLs for devices outside.
    #[must_use]
    pub fn with_external(mut self, external: Origin) -> Self {
        self.external = Some(external);
        self
    }

    /// With another layout of paths.
    #[must_use]
    pub fn with_url_style(mut self, layout: UrlStyle) -> Self {
        self.layout = layout;
        self
    }

    /// Where the URLs for devices inside begin.
    pub fn internal(&self) -> &Origin {
        &self.internal
    }

    /// Where the URLs for devices outside begin, if there is an outside.
    pub fn external(&self) -> Option<&Origin> {
        self.external.as_ref()
    }

    /// The URL of a folder for a side, without a slash at the end; blank where the side is not served.
    ///
    /// Characters of the folder that a URL cannot hold are written `%XX`.
    pub fn folder(&self, side: Side, folder: &str) -> String {
        let origin = match side {
            Side::Internal => Some(&self.internal),
            Side::External => self.external.as_ref(),
        };
        let Some(origin) = origin else { return String::new() };
        let mut url = format!("{origin}{}/", self.layout.files_root(side));
        for byte in folder.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~/!$'()+,;=@".contains(&byte) {
                url.push(char::from(byte));
            } else {
                url.push_str(&format!("%{byte:02X}"));
            }
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_absolute_and_ends_without_a_slash() {
        for text in
            ["http://a", "https://a.b:8443", "HTTP://a/prefix/more", "http://[::1]:80", "http://127.0.0.1:1"]
        {
            assert_eq!(text.parse::<Origin>().map(|origin| origin.to_string()), Ok(text.to_owned()));
        }
        let refused = |text: &str| text.parse::<Origin>().unwrap_err().to_string();
        assert_eq!(refused("a.b"), "origin does not begin with http:// or https://");
        assert_eq!(refused("ftp://a"), "origin does not begin with http:// or https://");
        assert_eq!(refused("http://a/"), "origin ends in a slash");
        assert_eq!(refused("http://"), "origin ends in a slash");
        assert_eq!(refused("http://a?b"), "origin holds '?'");
        assert_eq!(refused("http://u@a"), "origin holds '@'");
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
            assert_eq!(refused(text), "origin has no usable host and port", "{text}");
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
