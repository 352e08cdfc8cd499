//! The arguments of `serve`, and the URLs that are derived from them.

use super::admin::AdminArgs;
use super::events::EventArgs;
use super::network::endpoint::Endpoint;
use super::network::forwarded::{Network, Proxies, ProxyHeader};
use super::network::networks::Networks;
use super::process::stderr::LogFilter;
use crate::args::dialect::DialectArgs;
use crate::args::logs::zone::zone;
use crate::args::moment::{DAY, units};
use crate::args::number::{listener, number};
use crate::failure::Failure;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use ucupdate::audit::{RetentionDays, ServerName};
use ucupdate::request::Side;
use ucupdate::value::Zone;
use ucupdate::{Origin, UrlStyle};

const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 8080));

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Address and port to listen on by http; can be repeated. Port 0 lets the system choose one [default:
    /// 127.0.0.1:8080, if no listener is given]
    #[arg(long, value_name = "ADDR", value_parser = listener)]
    pub(crate) listen: Vec<SocketAddr>,
    /// Address and port to listen on by https; can be repeated. TLS 1.2 or later: phones with an older TLS need a
    /// proxy
    #[arg(long, value_name = "ADDR", requires = "tls_cert", requires = "tls_key", value_parser = listener)]
    pub(crate) listen_tls: Vec<SocketAddr>,
    /// Like --listen, for external devices: internal paths are refused, and every device counts as external. If such
    /// a listener is given, the devices of all other listeners count as internal
    #[arg(long, value_name = "ADDR", value_parser = listener)]
    pub(crate) external_listen: Vec<SocketAddr>,
    /// Like --external-listen, by https
    #[arg(long, value_name = "ADDR", requires = "tls_cert", requires = "tls_key", value_parser = listener)]
    pub(crate) external_listen_tls: Vec<SocketAddr>,
    /// Certificate chain in PEM, the server's certificate first. Give one for all https listeners, or one for each:
    /// first those of --listen-tls in order, then those of --external-listen-tls
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Vec<PathBuf>,
    /// Private key in PEM. The first key belongs to the first --tls-cert, and so on
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Vec<PathBuf>,
    /// The filter of the lines on stderr: a level such as info, or directives such as warn,ucupdate=debug. SIGHUP reads it
    /// again [default: RUST_LOG, or warn]
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<LogFilter>,
    /// Address and port of /healthz and /readyz, for load balancers and monitoring. Devices are not served there
    #[arg(long, value_name = "ADDR", value_parser = listener)]
    pub(crate) health: Option<SocketAddr>,
    /// Address and port of /metrics, for Prometheus; /healthz and /readyz are answered there too
    #[arg(long, value_name = "ADDR", value_parser = listener)]
    pub(crate) metrics: Option<SocketAddr>,
    /// Let /readyz answer 200 while log rows cannot be written, for example because the disk is full [default: 503]
    #[arg(long)]
    pub(crate) ready_without_log: bool,
    /// The number of simultaneous connections by https, and the same number by http. Beyond it, the connection that
    /// has been idle longest is closed [default: 4096, or what the limit of open files allows]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) connections: Option<usize>,
    /// The number of simultaneous connections of one address (of one /64 network with IPv6). Half of them can
    /// download files. Trusted proxies have no such limit [default: a quarter of --connections]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) connections_per_address: Option<usize>,
    /// The number of simultaneous downloads. Further ones get 503 and are asked to try again after 30 to 90 seconds; requests
    /// for updates are still answered [default: half of --connections, or what the limit of open files allows]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) max_downloads: Option<usize>,
    /// The MiB of memory for images that many devices download at the same time; 0 to read the store for each download
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = |text: &str| number::<u64>(text, 0..=1_048_576))]
    pub(crate) image_cache: u64,
    /// The seconds between two looks at the logs of all servers, for guarded rollouts that fail
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = |text: &str| units::<u64>(text, 1, 1..=86_400))]
    pub(crate) watch_seconds: u64,
    /// The seconds between two looks at the logs of all servers, for devices in loops and silent devices. Each look also
    /// counts the devices by state
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = |text: &str| units::<u64>(text, 1, 1..=86_400))]
    pub(crate) trouble_seconds: u64,
    /// Do not look for devices in loops and silent devices, and do not count devices
    #[arg(long, conflicts_with_all = ["hold_loops", "trouble_seconds"])]
    pub(crate) no_trouble_watch: bool,
    /// Hold a device that is offered the same updates again and again, after it downloaded this number of images. At
    /// most ten devices an hour are held
    #[arg(long, value_name = "N", value_parser = |text: &str| number::<u32>(text, 1..=4_294_967_295))]
    pub(crate) hold_loops: Option<u32>,
    /// Offer nothing if the store could not be read for this number of seconds, because the kill switch could have
    /// been used [default: offer what the last known revision says]
    #[arg(long, value_name = "SECONDS", value_parser = |text: &str| units::<u64>(text, 1, 1..=31_536_000))]
    pub(crate) fail_closed: Option<u64>,
    /// The origin at which internal devices reach this server: scheme, host, and a path prefix if there is one,
    /// without a slash at the end [default: the first listener, if only this machine reaches the listeners]
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) internal_url: Option<Origin>,
    /// The origin at which external devices reach this server. External paths require credentials. It is needed only with
    /// --external-anonymous or an external listener
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) external_url: Option<Origin>,
    /// The name of this server in the file names of its logs [default: the host name of the machine]
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<ServerName>,
    /// The style of file URLs in answers: /DeviceUpdateFiles_Int or /RequestHandler/Files. Both are served
    #[arg(long, value_enum, default_value_t = LayoutName::Ocs)]
    pub(crate) layout: LayoutName,
    /// Serve external devices without credentials
    #[arg(long)]
    pub(crate) external_anonymous: bool,
    /// Redirect downloads of images to the bucket, by signed addresses that are valid for this number of seconds, 1
    /// to 604800 [default: 900, if it is given without a number]. Devices must reach the bucket's server, support its
    /// TLS and trust its certificate
    #[arg(
        long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "900",
        value_parser = |text: &str| units::<u64>(text, 1, 1..=604_800)
    )]
    pub(crate) redirect_images: Option<u64>,
    /// Serve internal paths only to devices in this network, such as 10.0.0.0/8; can be repeated [default: to all
    /// devices]
    #[arg(long, value_name = "CIDR")]
    pub(crate) internal_network: Vec<Network>,
    /// Trust proxies in this network: the address of the device, and of an administrator, is read from their header; can be
    /// repeated
    #[arg(long, value_name = "CIDR")]
    pub(crate) trust_proxy: Vec<Network>,
    /// The header that trusted proxies write; the other one is ignored
    #[arg(
        long,
        value_name = "HEADER",
        value_enum,
        ignore_case = true,
        default_value_t,
        requires = "trust_proxy"
    )]
    pub(crate) proxy_header: ProxyHeader,
    /// Create the store if it does not exist
    #[arg(long)]
    pub(crate) create: bool,
    /// Continue to offer versions after the history in the store was replaced, for example by an older copy [default:
    /// offer nothing]
    #[arg(long)]
    pub(crate) offers_after_replacement: bool,
    /// Serve from a store that this user can only read. Log rows are lost [default: end with an error]
    #[arg(long)]
    pub(crate) read_only_store: bool,
    /// The time zone of the audit log, such as Europe/Lisbon
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    pub(crate) time_zone: Zone,
    /// The number of days that logs are kept, 1 to 365
    #[arg(long, value_name = "DAYS", default_value = "10", value_parser = days)]
    pub(crate) log_days: RetentionDays,
    /// Keep no bodies of requests that cannot be read
    #[arg(long)]
    pub(crate) no_captures: bool,
    /// Keep no inventory of the devices in the store. Devices that no longer ask disappear with the old logs
    #[arg(long)]
    pub(crate) no_inventory: bool,
    /// Accept uploads of device logs up to this number of MiB, 1 to 64, and keep them [default: refuse uploads; 4, if
    /// it is given without a number]
    #[arg(
        long, value_name = "MIB", num_args = 0..=1, require_equals = true, default_missing_value = "4",
        value_parser = |text: &str| number::<u16>(text, 1..=64), conflicts_with = "no_captures"
    )]
    pub(crate) keep_device_logs: Option<u16>,
    /// The seconds after which waiting log rows are written, or a time such as 1m. In a bucket, the newest file of each log is written
    /// as a whole each time. A killed server loses the rows that wait
    #[arg(
        long, value_name = "SECONDS", default_value_t = 1,
        value_parser = |text: &str| units::<u64>(text, 1, 1..=3_600)
    )]
    pub(crate) log_seconds: u64,
    /// While log rows cannot be written fast enough and half of the room for waiting rows is taken, let requests wait for at most
    /// this time before they are answered, in seconds. A log has room for 16 MiB or 100,000 rows, those of about a
    /// second at 50,000 requests a second. Rows that find no room are dropped, with a warning [default: answer at once]
    #[arg(long, value_name = "SECONDS", value_parser = |text: &str| units::<u64>(text, 1, 1..=60))]
    pub(crate) wait_for_log: Option<u64>,
    /// The largest size of each log for one day, in MiB. Further rows of the day are dropped, with a warning
    #[arg(long, value_name = "N", default_value = "4096", value_parser = |text: &str| number::<u64>(text, 1..=u64::MAX))]
    pub(crate) log_mebibytes_per_day: u64,
    #[command(flatten)]
    pub(crate) dialect: DialectArgs,
    #[command(flatten, next_help_heading = "Events")]
    pub(crate) events: EventArgs,
    #[command(flatten, next_help_heading = "Administrators")]
    pub(crate) admin: AdminArgs,
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
    RetentionDays::new(units(text, DAY, 1..=365)?).ok_or_else(|| "expected 1 to 365 days".to_owned())
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "expected a number from 1".to_owned())
}

/// A listener that the command line describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listener<'a> {
    pub(crate) address: SocketAddr,
    /// The files with the certificate and with its key. `None` for a listener without TLS.
    pub(crate) tls: Option<(&'a Path, &'a Path)>,
    /// The side of the devices that connect to this listener. `None` if the network of a device or
    /// the path of a request decides.
    pub(crate) side: Option<Side>,
}

impl ServeArgs {
    /// Returns the listeners on the command line, first those without TLS. Without any, returns the
    /// default listener. Fails when the number of certificates or keys is neither one nor the
    /// number of TLS listeners.
    pub(crate) fn listeners(&self) -> Result<Vec<Listener<'_>>, Failure> {
        let inside = self.has_external_listener().then_some(Side::Internal);
        let with_side = |addresses: &[SocketAddr], side: Option<Side>| {
            addresses.iter().map(|address| (*address, side)).collect::<Vec<_>>()
        };
        let outside = Some(Side::External);
        let by_tls =
            [with_side(&self.listen_tls, inside), with_side(&self.external_listen_tls, outside)].concat();
        for (option, files) in [("--tls-cert", &self.tls_cert), ("--tls-key", &self.tls_key)] {
            let (found, wanted) = (files.len(), by_tls.len());
            if wanted == 0 && found > 0 {
                return Err(Failure::usage(format_args!(
                    "{option} is given without a listener by https, expected --listen-tls or --external-listen-tls"
                )));
            }
            if wanted > 0 && found != wanted && found != 1 {
                return Err(Failure::usage(format_args!(
                    "{option} is given {found} times, expected once or {wanted} times"
                )));
            }
        }
        let pairs = self.tls_cert.iter().cycle().zip(self.tls_key.iter().cycle());
        let by_tls = by_tls.into_iter().zip(pairs).map(|((address, side), (cert, key))| Listener {
            address,
            tls: Some((cert, key)),
            side,
        });
        let plain = [with_side(&self.listen, inside), with_side(&self.external_listen, outside)].concat();
        let plain = plain.into_iter().map(|(address, side)| Listener { address, tls: None, side });
        let mut all: Vec<_> = plain.chain(by_tls).collect();
        if all.is_empty() {
            all.push(Listener { address: DEFAULT_LISTEN, tls: None, side: None });
        }
        Ok(all)
    }

    /// Returns the networks of proxies and of internal devices.
    pub(crate) fn networks(&self) -> Networks {
        let proxies = Proxies { trusted: self.trust_proxy.clone(), header: self.proxy_header };
        Networks { proxies, inside: self.internal_network.clone() }
    }

    /// Fails if `--wait-for-log` is given for a store that is only read. No log rows are written to
    /// it, so requests would wait for nothing.
    pub(crate) fn check_log(&self) -> Result<(), Failure> {
        match self.wait_for_log.is_some() && self.read_only_store {
            true => Err(Failure::usage(
                "--wait-for-log and --read-only-store are both given, expected one of them: no log row is written to a store that \
                 is only read, so requests would wait until they fail",
            )),
            false => Ok(()),
        }
    }

    pub(crate) fn has_listener(&self) -> bool {
        let all = [&self.listen, &self.listen_tls, &self.external_listen, &self.external_listen_tls];
        all.iter().any(|addresses| !addresses.is_empty())
    }

    fn has_external_listener(&self) -> bool {
        !(self.external_listen.is_empty() && self.external_listen_tls.is_empty())
    }

    /// Fails if a URL is missing and other machines reach a listener, because their devices could
    /// not download files. The failure names the missing options.
    pub(crate) fn check_urls(&self, listeners: &[Listener<'_>]) -> Result<(), Failure> {
        let missing = self.missing_urls().join(" and ");
        let reached_by_others = listeners.iter().find(|listener| !listener.address.ip().is_loopback());
        let Some(Listener { address, .. }) = reached_by_others.filter(|_| !missing.is_empty()) else {
            return Ok(());
        };
        Err(Failure::usage(format_args!(
            "{missing} must be given to listen on {address}: answers tell devices to fetch files there, as \
             http://updates.contoso.com"
        )))
    }

    /// Returns a warning if a listener serves the internal paths to every client that reaches it.
    /// `None` if there is no such listener.
    pub(crate) fn open_warning(&self, listeners: &[Listener<'_>]) -> Option<String> {
        if !self.internal_network.is_empty() {
            return None;
        }
        let is_proxied = !self.trust_proxy.is_empty();
        let is_open = |listener: &&Listener<'_>| match listener.side {
            Some(Side::External) => false,
            // The administrator separated the sides. A private address cannot be reached from the
            // internet.
            Some(Side::Internal) => !is_private(listener.address.ip()),
            None => is_proxied || !listener.address.ip().is_loopback(),
        };
        let Listener { address, .. } = listeners.iter().find(is_open)?;
        let through = if is_proxied { " or a trusted proxy" } else { "" };
        Some(format!(
            "warning: --internal-network not given, so everybody who reaches {address}{through} is served the internal paths \
             without credentials; give the networks of your devices, or serve those outside at --external-listen"
        ))
    }

    /// Returns whether external devices are served: without credentials, or at an external
    /// listener. Otherwise each external request is refused.
    fn serves_external(&self) -> bool {
        self.external_anonymous || self.has_external_listener()
    }

    fn missing_urls(&self) -> Vec<&'static str> {
        let internal = self.internal_url.is_none().then_some("--internal-url");
        let external = (self.external_url.is_none() && self.serves_external()).then_some("--external-url");
        internal.into_iter().chain(external).collect()
    }

    /// Returns the URLs for internal and for external devices. The second one is `None` if external
    /// devices are not served. A URL that is not given is derived from a listener: http is
    /// preferred for internal devices, and https for external ones. Also returns a warning if a URL
    /// was derived.
    pub(crate) fn urls(
        &self,
        endpoints: &[Endpoint],
    ) -> Result<(Origin, Option<Origin>, Option<String>), Failure> {
        let made_up = |tls: bool| {
            let preferred = endpoints.iter().find(|endpoint| endpoint.tls.is_some() == tls);
            let endpoint =
                preferred.or(endpoints.first()).ok_or_else(|| Failure::new("there is no listener"))?;
            Ok::<Origin, Failure>(endpoint.url().parse()?)
        };
        let url = |given: &Option<Origin>, tls| given.clone().map_or_else(|| made_up(tls), Ok);
        let internal = url(&self.internal_url, false)?;
        let has_external = self.external_url.is_some() || self.serves_external();
        let external = has_external.then(|| url(&self.external_url, true)).transpose()?;
        let missing = self.missing_urls();
        let warning = (!missing.is_empty()).then(|| {
            let sides = [
                ("inside", &self.internal_url, Some(&internal)),
                ("outside", &self.external_url, external.as_ref()),
            ];
            let which: Vec<String> = sides
                .into_iter()
                .filter(|(_, given, _)| given.is_none())
                .filter_map(|(side, _, url)| url.map(|url| format!("{url} ({side})")))
                .collect();
            format!(
                "warning: {} not given, so devices are sent to {}: only those on this machine get there",
                missing.join(" and "),
                which.join(" and ")
            )
        });
        Ok((internal, external, warning))
    }
}

/// Returns whether an address belongs to this machine or to a private network.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
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
            Err(Failure::Explained(_, reason)) => reason,
            Err(other) => format!("{other:?}"),
            Ok(_) => "done".to_owned(),
        }
    }

    #[test]
    fn certificates_are_shared_or_one_for_each_listener() {
        let shared =
            args("--listen-tls [::1]:1 --listen-tls [::1]:2 --tls-cert c --tls-key k --listen 127.0.0.1:3")
                .unwrap();
        let listener = |address: &str, tls: Option<(&'static str, &'static str)>| Listener {
            address: address.parse().unwrap(),
            tls: tls.map(|(cert, key)| (Path::new(cert), Path::new(key))),
            side: None,
        };
        assert_eq!(
            shared.listeners().unwrap(),
            [
                listener("127.0.0.1:3", None),
                listener("[::1]:1", Some(("c", "k"))),
                listener("[::1]:2", Some(("c", "k")))
            ]
        );
        let own =
            "--listen-tls [::1]:1 --tls-cert c1 --tls-key k1 --listen-tls [::1]:2 --tls-cert c2 --tls-key k2";
        let own = args(own).unwrap();
        assert_eq!(
            own.listeners().unwrap(),
            [listener("[::1]:1", Some(("c1", "k1"))), listener("[::1]:2", Some(("c2", "k2")))]
        );
        let odd = "--listen-tls [::1]:1 --listen-tls [::1]:2 --listen-tls [::1]:3 --tls-cert a --tls-cert b --tls-key k";
        assert_eq!(
            reason(args(odd).unwrap().listeners()),
            "--tls-cert is given 2 times, expected once or 3 times"
        );
        assert!(
            matches!(
                args(odd).unwrap().listeners(),
                Err(Failure::Explained(crate::failure::FailureKind::Usage, _))
            ),
            "it is the caller's mistake"
        );
        assert_eq!(
            args("").unwrap().listeners().unwrap(),
            [Listener { address: DEFAULT_LISTEN, tls: None, side: None }]
        );
        assert!(
            reason(args("--tls-cert c --tls-key k").unwrap().listeners())
                .contains("without a listener by https")
        );
    }

    #[test]
    fn with_an_external_listener_every_listener_has_a_side() {
        let sides = |line: &str| {
            let args = args(line).unwrap();
            args.listeners().unwrap().iter().map(|listener| listener.side).collect::<Vec<_>>()
        };
        assert_eq!(sides("--listen 10.0.0.1:80"), [None]);
        let both = "--listen 10.0.0.1:80 --listen-tls 10.0.0.1:443 --external-listen 10.0.0.1:81 \
                    --external-listen-tls 10.0.0.1:444 --tls-cert c --tls-key k";
        let (inside, outside) = (Some(Side::Internal), Some(Side::External));
        assert_eq!(sides(both), [inside, outside, inside, outside], "http ones first");
    }

    #[test]
    fn a_listener_by_tls_goes_with_certificate_and_key() {
        for wrong in [
            "--listen-tls [::1]:1",
            "--listen-tls [::1]:1 --tls-cert c",
            "--external-listen-tls [::1]:1",
            "--connections 0",
            "--fail-closed 0",
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
            refused("--listen [::1]:1 --listen 0.0.0.0:1 --external-anonymous"),
            format!("--internal-url and --external-url must be given to listen on 0.0.0.0:1{why}")
        );
        assert_eq!(
            refused("--external-listen [::]:1 --internal-url http://a"),
            format!("--external-url must be given to listen on [::]:1{why}")
        );
        assert_eq!(refused("--listen [::]:1 --internal-url http://a"), "done", "nothing is served outside");
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
        assert!(warning("--listen 10.0.0.1:80").is_some(), "a proxy may stand in front of it");
        assert_eq!(warning("--listen 10.0.0.1:80 --external-listen 0.0.0.0:81"), None);
        assert_eq!(warning("--listen 127.0.0.1:80"), None);
        let proxied = warning("--listen 127.0.0.1:80 --trust-proxy 127.0.0.1").unwrap();
        assert!(proxied.contains("who reaches 127.0.0.1:80 or a trusted proxy"), "{proxied}");
        assert!(warning("--listen 198.51.100.1:80 --external-listen 198.51.100.1:81").is_some());
    }

    #[tokio::test]
    async fn urls_that_are_not_given_are_the_listeners_and_a_warning_says_so() {
        let endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let here = endpoint.url();
        let endpoints = [endpoint];
        let (internal, external, warning) = args("").unwrap().urls(&endpoints).unwrap();
        assert_eq!((internal.as_str(), external), (here.as_str(), None), "nothing is served outside");
        assert!(warning.unwrap().starts_with("warning: --internal-url not given, so devices are sent to"));
        let (internal, external, warning) = args("--external-anonymous").unwrap().urls(&endpoints).unwrap();
        assert_eq!((internal.as_str(), external.unwrap().as_str()), (here.as_str(), here.as_str()));
        assert_eq!(
            warning.unwrap(),
            format!(
                "warning: --internal-url and --external-url not given, so devices are sent to {here} (inside) and {here} \
                 (outside): only those on this machine get there"
            )
        );
        let given = args("--internal-url http://a/p --external-url https://b").unwrap();
        let (internal, external, warning) = given.urls(&endpoints).unwrap();
        assert_eq!((internal.as_str(), external.unwrap().as_str()), ("http://a/p", "https://b"));
        assert_eq!(warning, None);
    }
}
