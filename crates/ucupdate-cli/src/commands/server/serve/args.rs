//! How `serve` is called, and which URLs come of it.

use super::endpoint::Endpoint;
use super::forwarded::{Network, ProxyHeader};
use crate::args::dialect::DialectArgs;
use crate::args::zone::zone;
use crate::failure::Failure;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use ucupdate::audit::{RetentionDays, ServerName};
use ucupdate::value::Zone;
use ucupdate::{Origin, UrlStyle};

/// Where it listens when nothing is said.
const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 8080));

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Address and port to listen on by http, as often as wanted; port 0 is one the system chooses
    /// [default: 127.0.0.1:8080, where no listener is given]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Address and port to listen on by https (TLS 1.2 or later; phones that speak older ones need a proxy in front), as
    /// often as wanted
    #[arg(long, value_name = "ADDR", requires = "tls_cert", requires = "tls_key")]
    pub(crate) listen_tls: Vec<SocketAddr>,
    /// Certificate chain in PEM, the server's own first: one for all --listen-tls, or one for each in order
    #[arg(long, value_name = "FILE", requires = "listen_tls")]
    pub(crate) tls_cert: Vec<PathBuf>,
    /// Private key in PEM, for the certificate in the same place
    #[arg(long, value_name = "FILE", requires = "listen_tls")]
    pub(crate) tls_key: Vec<PathBuf>,
    /// The origin at which internal devices reach this server: http or https, host, and a path prefix if there is one, without a slash
    /// at the end [default: the first listener, where all of them are of this machine only]
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) internal_url: Option<Origin>,
    /// The origin at which external devices reach it; external paths ask for credentials
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) external_url: Option<Origin>,
    /// The name of this server in the names of its logs [default: the machine's host name]
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<ServerName>,
    /// How the URLs of files look in answers: /DeviceUpdateFiles_Int or /RequestHandler/Files. Both are served
    #[arg(long, value_enum, default_value_t = LayoutName::Ocs)]
    pub(crate) layout: LayoutName,
    /// Serve everybody outside, without credentials
    #[arg(long)]
    pub(crate) external_anonymous: bool,
    /// Send devices on to fetch images from the bucket itself, by addresses that hold for this many seconds, 1 to 604800
    /// [default: 900, where it is given without a number]. They must reach the bucket's server, speak its TLS and trust it
    #[arg(
        long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "900",
        value_parser = clap::value_parser!(u64).range(1..=604_800)
    )]
    pub(crate) redirect_images: Option<u64>,
    /// Serve the internal paths only to devices in this network, as 10.0.0.0/8; as often as wanted [default: to everybody]
    #[arg(long, value_name = "CIDR")]
    pub(crate) internal_network: Vec<Network>,
    /// Take the address of the device from a header that proxies in this network write; as often as wanted
    #[arg(long, value_name = "CIDR")]
    pub(crate) trust_proxy: Vec<Network>,
    /// The header that these proxies write; the other one is ignored
    #[arg(long, value_name = "HEADER", value_enum, default_value_t, requires = "trust_proxy")]
    pub(crate) proxy_header: ProxyHeader,
    /// Make the store where there is none
    #[arg(long)]
    pub(crate) create: bool,
    /// Serve from a store that this user may only read. Log rows are lost then [default: end with an error]
    #[arg(long)]
    pub(crate) read_only_store: bool,
    /// The time zone of the audit log, such as Europe/Lisbon
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    pub(crate) time_zone: Zone,
    /// How many days logs are kept, 1 to 365
    #[arg(long, value_name = "DAYS", default_value = "10", value_parser = days)]
    pub(crate) log_days: RetentionDays,
    #[command(flatten)]
    pub(crate) dialect: DialectArgs,
}

/// How the URLs of files look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LayoutName {
    /// As in OCS 2007 R2
    Ocs,
    /// As in Lync
    Lync,
}

impl From<LayoutName> for UrlStyle {
    fn from(name: LayoutName) -> Self {
        match name {
            LayoutName::Ocs => Self::Ocs,
            LayoutName::Lync => Self::Lync,
        }
    }
}

fn days(text: &str) -> Result<RetentionDays, String> {
    text.parse().ok().and_then(RetentionDays::new).ok_or_else(|| "expected 1 to 365".to_owned())
}

/// A listener that is asked for: where, and with which certificate and key.
pub(crate) type Wanted<'a> = (SocketAddr, Option<(&'a Path, &'a Path)>);

impl ServeArgs {
    /// The listeners asked for, http ones first.
    ///
    /// # Errors
    /// When there are neither one nor as many certificates and keys as listeners by TLS.
    pub(crate) fn listeners(&self) -> Result<Vec<Wanted<'_>>, Failure> {
        let wanted = self.listen_tls.len();
        for (option, files) in [("--tls-cert", &self.tls_cert), ("--tls-key", &self.tls_key)] {
            if wanted > 0 && files.len() != wanted && files.len() != 1 {
                let found = files.len();
                return Err(Failure::usage(format_args!(
                    "{option} is given {found} times, expected once or {wanted} times"
                )));
            }
        }
        let pairs = self.tls_cert.iter().cycle().zip(self.tls_key.iter().cycle());
        let pairs = pairs.map(|(cert, key)| Some((cert.as_path(), key.as_path())));
        let plain = self.listen.iter().map(|address| (*address, None));
        let mut all: Vec<Wanted<'_>> = plain.chain(self.listen_tls.iter().copied().zip(pairs)).collect();
        if all.is_empty() {
            all.push((DEFAULT_LISTEN, None));
        }
        Ok(all)
    }

    /// Refuses when a URL is missing that cannot be made up: devices would be sent nowhere.
    ///
    /// # Errors
    /// Names the options.
    pub(crate) fn check_urls(&self, listeners: &[Wanted<'_>]) -> Result<(), Failure> {
        let missing = self.missing_urls().join(" and ");
        let Some((reached_by_others, _)) = listeners.iter().find(|(address, _)| !address.ip().is_loopback())
        else {
            return Ok(());
        };
        if missing.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format_args!(
            "{missing} must be given to listen on {reached_by_others}: answers tell devices to fetch files there, as \
             http://updates.contoso.com"
        )))
    }

    /// Returns a warning where everybody who reaches the server is served the internal paths.
    pub(crate) fn open_warning(&self, listeners: &[Wanted<'_>]) -> Option<String> {
        let (address, _) = listeners.iter().find(|(address, _)| !address.ip().is_loopback())?;
        self.internal_network.is_empty().then(|| {
            format!(
                "warning: --internal-network not given, so everybody who reaches {address} is served the internal paths \
                 without credentials"
            )
        })
    }

    fn missing_urls(&self) -> Vec<&'static str> {
        let options = [("--internal-url", &self.internal_url), ("--external-url", &self.external_url)];
        options.into_iter().filter(|(_, url)| url.is_none()).map(|(option, _)| option).collect()
    }

    /// The URLs for inside and outside, and a warning where they are made up from the endpoints: by http inside and by
    /// https outside, where there is the choice.
    pub(crate) fn urls(&self, endpoints: &[Endpoint]) -> Result<((Origin, Origin), Option<String>), Failure> {
        let made_up = |tls: bool| {
            let preferred = endpoints.iter().find(|endpoint| endpoint.tls.is_some() == tls);
            let endpoint =
                preferred.or(endpoints.first()).ok_or_else(|| Failure::new("there is no listener"))?;
            Ok::<Origin, Failure>(endpoint.url().parse()?)
        };
        let url = |given: &Option<Origin>, tls| given.clone().map_or_else(|| made_up(tls), Ok);
        let (internal, external) = (url(&self.internal_url, false)?, url(&self.external_url, true)?);
        let missing = self.missing_urls();
        let warning = (!missing.is_empty()).then(|| {
            let which: Vec<String> =
                [("inside", &self.internal_url, &internal), ("outside", &self.external_url, &external)]
                    .into_iter()
                    .filter(|(_, given, _)| given.is_none())
                    .map(|(side, _, url)| format!("{url} ({side})"))
                    .collect();
            format!(
                "warning: {} not given, so devices are sent to {}: only those on this machine get there",
                missing.join(" and "),
                which.join(" and ")
            )
        });
        Ok(((internal, external), warning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args as _, FromArgMatches as _};

    fn args(line: &str) -> Result<ServeArgs, clap::Error> {
        let command = ServeArgs::augment_args(clap::Command::new("serve"));
        let matches = command.try_get_matches_from(["serve"].into_iter().chain(line.split_whitespace()))?;
        ServeArgs::from_arg_matches(&matches)
    }

    fn reason<T>(result: Result<T, Failure>) -> String {
        match result {
            Err(Failure::Told(_, reason)) => reason,
            Err(other) => format!("{other:?}"),
            Ok(_) => "done".to_owned(),
        }
    }

    #[test]
    fn certificates_are_shared_or_one_for_each_listener() {
        let shared =
            args("--listen-tls [::1]:1 --listen-tls [::1]:2 --tls-cert c --tls-key k --listen 127.0.0.1:3")
                .unwrap();
        let pair = |cert, key| Some((Path::new(cert), Path::new(key)));
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(
            shared.listeners().unwrap(),
            [
                (address("127.0.0.1:3"), None),
                (address("[::1]:1"), pair("c", "k")),
                (address("[::1]:2"), pair("c", "k"))
            ]
        );
        let own =
            "--listen-tls [::1]:1 --tls-cert c1 --tls-key k1 --listen-tls [::1]:2 --tls-cert c2 --tls-key k2";
        let own = args(own).unwrap();
        assert_eq!(
            own.listeners().unwrap(),
            [(address("[::1]:1"), pair("c1", "k1")), (address("[::1]:2"), pair("c2", "k2"))]
        );
        let odd = "--listen-tls [::1]:1 --listen-tls [::1]:2 --listen-tls [::1]:3 --tls-cert a --tls-cert b --tls-key k";
        assert_eq!(
            reason(args(odd).unwrap().listeners()),
            "--tls-cert is given 2 times, expected once or 3 times"
        );
        assert!(
            matches!(
                args(odd).unwrap().listeners(),
                Err(Failure::Told(crate::failure::FailureKind::Usage, _))
            ),
            "it is the caller's mistake"
        );
        assert_eq!(args("").unwrap().listeners().unwrap(), [(DEFAULT_LISTEN, None)]);
    }

    #[test]
    fn a_listener_by_tls_goes_with_certificate_and_key() {
        for wrong in [
            "--listen-tls [::1]:1",
            "--listen-tls [::1]:1 --tls-cert c",
            "--tls-cert c --tls-key k",
            "--listen 8080",
            "--listen localhost",
            "--log-days 0",
            "--log-days 366",
            "--time-zone Europe/Atlantis",
            "--internal-url updates.contoso.com",
            "--internal-url http://a/",
            "--layout skype",
            "--server-name a/b",
            "--trust-proxy everybody",
            "--redirect-images=0",
            "--redirect-images=604801",
            "--redirect-images 60",
        ] {
            assert!(args(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn images_are_sent_on_only_when_it_is_said_and_for_a_quarter_of_an_hour_unless_said_otherwise() {
        for (line, life) in [("", None), ("--redirect-images", Some(900)), ("--redirect-images=60", Some(60))]
        {
            assert_eq!(args(line).unwrap().redirect_images, life, "{line}");
        }
    }

    #[test]
    fn a_url_is_missed_only_where_others_get_to_the_server() {
        let refused = |line: &str| {
            let args = args(line).unwrap();
            reason(args.check_urls(&args.listeners().unwrap()))
        };
        assert_eq!(refused(""), "done");
        assert_eq!(refused("--listen 127.0.0.7:1 --listen [::1]:1"), "done");
        assert_eq!(refused("--listen 0.0.0.0:1 --internal-url http://a --external-url https://a"), "done");
        let why = ": answers tell devices to fetch files there, as http://updates.contoso.com";
        assert_eq!(
            refused("--listen [::1]:1 --listen 0.0.0.0:1"),
            format!("--internal-url and --external-url must be given to listen on 0.0.0.0:1{why}")
        );
        assert_eq!(
            refused("--listen [::]:1 --internal-url http://a"),
            format!("--external-url must be given to listen on [::]:1{why}")
        );
    }

    #[test]
    fn a_warning_says_that_internal_paths_are_open_to_everybody() {
        let warning = |line: &str| {
            let args = args(line).unwrap();
            args.open_warning(&args.listeners().unwrap())
        };
        assert_eq!(warning(""), None);
        assert!(warning("--listen 0.0.0.0:80").unwrap().contains("everybody who reaches 0.0.0.0:80"));
        assert_eq!(warning("--listen 0.0.0.0:80 --internal-network 10.0.0.0/8"), None);
    }

    #[tokio::test]
    async fn urls_that_are_not_given_are_the_listeners_and_a_warning_says_so() {
        let endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let here = endpoint.url();
        let endpoints = [endpoint];
        let ((internal, external), warning) = args("").unwrap().urls(&endpoints).unwrap();
        assert_eq!((internal.as_str(), external.as_str()), (here.as_str(), here.as_str()));
        assert_eq!(
            warning.unwrap(),
            format!(
                "warning: --internal-url and --external-url not given, so devices are sent to {here} (inside) and {here} \
                 (outside): only those on this machine get there"
            )
        );
        let given = args("--internal-url http://a/p --external-url https://b").unwrap();
        let ((internal, external), warning) = given.urls(&endpoints).unwrap();
        assert_eq!((internal.as_str(), external.as_str(), warning), ("http://a/p", "https://b", None));
    }
}
