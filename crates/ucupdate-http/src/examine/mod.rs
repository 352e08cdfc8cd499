//! Examines the URLs of a server as devices see them: names, certificates, answers, and internal
//! paths that must not be answered outside.

mod tls;

use crate::request::paths::HANDLER_PATHS;
use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::time::timeout;
use ucupdate::device::{Device, DeviceKind};
use ucupdate::request::{InstalledModule, OfferedModule, Side, UpdateRequest, simulated_user};
use ucupdate::store::error_chain;
use ucupdate::value::Reported;
use ucupdate::version::ReportedVersion;
use ucupdate::{
    Asker, BaseUrls, Checked, Finding, FindingSeverity, NoUrls, Options, Origin, StateError, UpdateService,
    UrlStyle,
};
use ucupdate_client::{Client, ClientError, ClientOptions, ConnectionFault, Retry};

/// The time limit for looking up a host name, for connecting, and for receiving an answer.
const LIMIT: Duration = Duration::from_secs(10);

/// The largest number of rules for which a simulated request is sent. The answer to the request is
/// compared with the expected answer.
const MAX_COMPARED: usize = 5;

/// An examination of the URLs of a server. It connects to the server as devices do. Set at least one origin, and call
/// [`run`](Self::run).
///
/// ```
/// use ucupdate::{Options, UpdateService, store::MemoryStore};
/// use ucupdate_http::UrlExamination;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let service = UpdateService::open(std::sync::Arc::new(MemoryStore::default()), Options::default()).await?;
/// // No server listens at this port.
/// let examination = UrlExamination::default().with_internal("http://127.0.0.1:9".parse()?);
/// let checks = examination.run(&service).await?;
/// let kinds: Vec<_> = checks.iter().flat_map(|check| &check.findings).map(|finding| finding.kind).collect();
/// assert_eq!(kinds, ["url-unreachable"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct UrlExamination {
    internal: Option<Origin>,
    external: Option<Origin>,
    root_certificates: Option<Vec<u8>>,
    notice: StepNotice,
}

/// A function that is called before each step of an examination. Its argument is a text that names
/// what the step waits for. See [`UrlExamination::with_step_notice`].
#[derive(Clone, Default)]
struct StepNotice(Option<Arc<Notice>>);

type Notice = dyn Fn(&str) + Send + Sync;

impl StepNotice {
    fn call(&self, step: &str) {
        if let Some(notice) = &self.0 {
            notice(step);
        }
    }
}

impl fmt::Debug for StepNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "StepNotice" } else { "None" })
    }
}

/// Error of an examination that could not run. A fault of the examined server is not an error but a
/// [`Finding`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExamineError {
    /// The client cannot be set up, because a root certificate cannot be read.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The rule book cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The service has no URL from which the devices of a side could download files.
    #[error(transparent)]
    NoUrls(#[from] NoUrls),
}

impl UrlExamination {
    /// Sets the origin at which internal devices reach the server, so that it is examined. Default: none.
    pub fn with_internal(self, origin: Origin) -> Self {
        Self { internal: Some(origin), ..self }
    }

    /// Sets the origin at which external devices reach the server, so that it is examined. Default: none.
    pub fn with_external(self, origin: Origin) -> Self {
        Self { external: Some(origin), ..self }
    }

    /// Sets root certificates in PEM that are trusted in addition to those of the system. Default: none.
    pub fn with_root_certificates(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { root_certificates: Some(pem.into()), ..self }
    }

    /// Sets a function that is called before each step. Its argument names the thing that the step waits for, such as
    /// `the address of updates.contoso.com`. Default: none.
    pub fn with_step_notice(self, notice: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { notice: StepNotice(Some(Arc::new(notice))), ..self }
    }

    /// Examines each origin:
    ///
    /// - whether its name has an address;
    /// - which names its certificate is for, and until when it is valid;
    /// - which versions of TLS the server speaks;
    /// - whether the server answers simulated requests of some devices as the rules of `service`
    ///   say.
    ///
    /// At the external origin the internal paths must not be answered.
    ///
    /// Each step ends after ten seconds at the latest. The requests leave rows in the logs of the server.
    ///
    /// # Errors
    /// When a root certificate or the rule book cannot be read. A server that does not answer is a finding.
    pub async fn run(&self, service: &UpdateService) -> Result<Vec<Checked>, ExamineError> {
        let mut options = ClientOptions::default()
            .with_ask_timeout(LIMIT)
            .with_connect_timeout(LIMIT)
            .with_retry(Retry::never());
        if let Some(roots) = &self.root_certificates {
            options = options.with_root_certificates(roots.clone());
        }
        let client = Client::new(options)?;
        let urls = self.internal.clone().or(self.external.clone()).map(|internal| {
            let urls = BaseUrls::new(internal);
            self.external.clone().into_iter().fold(urls, BaseUrls::with_external)
        });
        let mut checks = Vec::new();
        for (side, origin) in [(Side::Internal, &self.internal), (Side::External, &self.external)] {
            let (Some(origin), Some(urls)) = (origin, &urls) else { continue };
            checks.extend(
                Web { side, origin, urls, service, client: &client, notice: &self.notice }.checks().await?,
            );
        }
        if let (Some(internal), Some(external)) = (&self.internal, &self.external)
            && internal.host() == external.host()
        {
            checks.push(Checked::new("split DNS", vec![same_name(internal.host())]));
        }
        Ok(checks)
    }
}

fn same_name(name: &str) -> Finding {
    Finding::new(
        "same-name-on-both-sides",
        FindingSeverity::Note,
        name,
        format!("both URLs have the name {name}; this machine sees one address of it"),
        "an address inside and another one outside (split DNS), or two names".to_owned(),
        "run this once inside and once outside".to_owned(),
    )
}

struct Web<'a> {
    side: Side,
    origin: &'a Origin,
    urls: &'a BaseUrls,
    service: &'a UpdateService,
    client: &'a Client,
    notice: &'a StepNotice,
}

impl Web<'_> {
    async fn checks(&self) -> Result<Vec<Checked>, ExamineError> {
        let [name, certificate, answers] = match self.side {
            Side::Internal => {
                ["name of the internal URL", "TLS of the internal URL", "answers at the internal URL"]
            }
            Side::External => {
                ["name of the external URL", "TLS of the external URL", "answers at the external URL"]
            }
        };
        self.notice.call(&format!("the address of {}", self.origin.host()));
        let address = match resolved(self.origin).await {
            Ok(address) => address,
            Err(finding) => return Ok(vec![Checked::new(name, vec![finding])]),
        };
        let mut checks = vec![Checked::new(name, Vec::new())];
        if self.origin.is_https() {
            self.notice.call(&format!("the certificate of {}", self.origin));
            checks.push(Checked::new(certificate, tls::findings(self.origin.host(), address).await));
        } else if self.side == Side::External {
            checks.push(Checked::new(certificate, vec![self.plain_outside()]));
        }
        checks.push(Checked::new(answers, self.answers(address).await?));
        if self.side == Side::External {
            let published = self.published(address).await;
            checks.extend(published.map(|findings| Checked::new("internal paths outside", findings)));
        }
        Ok(checks)
    }

    fn plain_outside(&self) -> Finding {
        Finding::new(
            "external-url-is-http",
            FindingSeverity::Warning,
            self.origin.to_string(),
            format!("{} is http, so credentials of phones cross the internet readable", self.origin),
            "https, as the original served devices outside".to_owned(),
            "serve the outside by TLS: `--external-listen-tls`, or the proxies in deploy/".to_owned(),
        )
    }

    /// Sends simulated requests for devices of some rules to the examined server. Returns a finding
    /// for each answer that differs from the expected one. The expected answers come from a service
    /// on the same store, with the examined URLs.
    async fn answers(&self, address: SocketAddr) -> Result<Vec<Finding>, ExamineError> {
        let url = format!("{}{}", self.origin, handler(self.side));
        let host = local_address(address);
        let mut ours = Vec::new();
        for style in UrlStyle::ALL {
            let options = Options::default().with_urls(self.urls.clone().with_url_style(style));
            ours.push(UpdateService::open(self.service.store().clone(), options).await?);
        }
        let mut findings = Vec::new();
        for request in requests(self.service) {
            self.notice.call(&format!("the answer of {url}"));
            let asked = match self.client.ask(&url, &request).await {
                Ok(asked) => asked,
                Err(error) => {
                    findings.push(self.refused(&url, &error));
                    break;
                }
            };
            let found = offers(&asked.response.modules, self.side);
            let mut expected = Vec::new();
            for service in &ours {
                let answer = service.answer(&request, Asker { side: self.side, host: &host })?;
                expected.push(offers(&answer.modules, self.side));
            }
            if !expected.contains(&found) {
                let kind = request.device.kind.to_string();
                findings.push(self.differs(&kind, &found, expected.first().map_or("", String::as_str)));
            }
        }
        Ok(findings)
    }

    fn differs(&self, kind: &str, found: &str, expected: &str) -> Finding {
        Finding::new(
            "answers-differ",
            FindingSeverity::Problem,
            kind,
            format!("a device {kind} without a known version is offered {found} at {}", self.origin),
            format!("{expected}, by the rules of this store and the URLs given here"),
            "check that the server uses this store, and that its --internal-url and --external-url are those given here; \
             rules for networks depend on the address that asks"
                .to_owned(),
        )
    }

    fn refused(&self, url: &str, error: &ClientError) -> Finding {
        let shows = error.device_code().map_or_else(String::new, |code| format!("; a phone shows ({code})"));
        let found = format!("{}{shows}", error_chain(error));
        let expected = "an answer of the update service".to_owned();
        let (severity, kind, expected, remedy) = match error {
            ClientError::Status { status: 401 | 403, .. } if self.side == Side::External => (
                FindingSeverity::Note,
                "outside-needs-credentials",
                "a refusal of devices without credentials, unless --external-anonymous is given".to_owned(),
                "nothing, if your own authentication lets phones in; this command has no credentials",
            ),
            ClientError::Status { status: 403, .. } => (
                FindingSeverity::Warning,
                "not-inside",
                expected,
                "run this from a network of devices, or let this network count as internal (`serve --internal-network`)",
            ),
            ClientError::Status { status: 404, .. } => (
                FindingSeverity::Problem,
                "handler-not-found",
                expected,
                "check the path prefix of the URL, and which paths the proxy sends on (deploy/ has tried configurations)",
            ),
            ClientError::Connection { fault: ConnectionFault::Certificate, .. } => (
                FindingSeverity::Problem,
                "certificate-not-trusted",
                "a certificate of an authority that this machine trusts".to_owned(),
                "let this machine trust your authority (`doctor --ca-cert`), and see the findings on TLS; the phones must trust it too",
            ),
            ClientError::Connection { .. } => (
                FindingSeverity::Problem,
                "url-unreachable",
                expected,
                "check that the server runs, that it listens at this port, and what stands between: a firewall, a proxy",
            ),
            _ => (
                FindingSeverity::Problem,
                "url-not-ours",
                expected,
                "check that the URL leads to `ucupdate serve` or to its proxy, and to no other web server",
            ),
        };
        Finding::new(kind, severity, url, found, expected, remedy.to_owned())
    }

    /// Returns findings for internal paths that are answered at the external URL. Returns `None` if
    /// the server cannot be reached, because then nothing is known of these paths.
    async fn published(&self, address: SocketAddr) -> Option<Vec<Finding>> {
        let request = requests(self.service).into_iter().next()?;
        let mut findings = Vec::new();
        for (path, _) in HANDLER_PATHS.into_iter().filter(|(_, side)| *side == Side::Internal) {
            let url = format!("{}{path}", self.origin);
            self.notice.call(&format!("the answer of {url}"));
            match self.client.ask(&url, &request).await {
                Ok(_) => {}
                Err(ClientError::Connection { .. }) => return None,
                Err(_) => continue,
            }
            // From inside, the external name may lead to the internal address.
            findings.push(internal_path_outside(url, is_private(&local_address(address))));
        }
        Some(findings)
    }
}

fn internal_path_outside(url: String, may_be_inside: bool) -> Finding {
    let (severity, remedy) = match may_be_inside {
        true => (
            FindingSeverity::Warning,
            "run this from outside too; if it is answered there, serve the outside at --external-listen, or let the proxy send \
             on only /RequestHandlerExt/ and /DeviceUpdateFiles_Ext/",
        ),
        false => (
            FindingSeverity::Problem,
            "serve the outside at --external-listen, or let the proxy send on only /RequestHandlerExt/ and \
             /DeviceUpdateFiles_Ext/; give --internal-network",
        ),
    };
    let found = format!("{url} is answered without credentials");
    let expected = "403 or 404 for internal paths outside".to_owned();
    Finding::new("internal-path-outside", severity, url, found, expected, remedy.to_owned())
}

/// Returns the versions and URLs that an answer offers as one text, such as `3.5.6907.0 at URL`, or
/// `nothing`. The texts of two answers are compared, and a finding shows both.
fn offers(modules: &[OfferedModule], side: Side) -> String {
    if modules.is_empty() {
        return "nothing".to_owned();
    }
    let offers = modules
        .iter()
        .map(|module| format!("{} at {}/{}", module.version, module.base_url_for(side), module.file_name));
    offers.collect::<Vec<_>>().join(" and ")
}

fn handler(side: Side) -> &'static str {
    HANDLER_PATHS.iter().find(|(_, of)| *of == side).map_or("", |(path, _)| path)
}

/// Returns a simulated request for a device of each rule, for at most [`MAX_COMPARED`] rules. The
/// devices report the version `0.0.0.0`. If there are no rules, the only request is of an invented
/// device.
fn requests(service: &UpdateService) -> Vec<UpdateRequest> {
    let snapshot = service.snapshot();
    let rules = snapshot.book().rules().filter(|rule| !rule.assignments().is_empty());
    let mut asked: Vec<(DeviceKind, String)> = rules
        .take(MAX_COMPARED)
        .map(|rule| (rule.key().kind().clone(), format!("{}.nbt", rule.key().update_type())))
        .collect();
    if asked.is_empty() {
        asked.extend("UCPhone/none/none/A/ENU".parse().ok().map(|kind| (kind, "cpe.nbt".to_owned())));
    }
    let now = service.now().civil_utc();
    let request = |(kind, file): (DeviceKind, String)| UpdateRequest {
        device: Device { kind, mac_address: Reported::new(""), serial_number: Reported::new("") },
        user_name: simulated_user("").into(),
        request_date_time: Reported::from(now),
        modules: vec![InstalledModule {
            file_name: file.as_str().into(),
            version: ReportedVersion::new("0.0.0.0"),
            time_stamp: Reported::new("01-01-1601 00:00:00"),
        }],
    };
    asked.into_iter().map(request).collect()
}

async fn resolved(origin: &Origin) -> Result<SocketAddr, Finding> {
    let (host, port) = (origin.host(), origin.port());
    let why = match timeout(LIMIT, lookup_host((host, port))).await {
        Ok(Ok(mut found)) => match found.next() {
            Some(address) => return Ok(address),
            None => "the answer has no address".to_owned(),
        },
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", LIMIT.as_secs()),
    };
    Err(Finding::new(
        "name-unknown",
        FindingSeverity::Problem,
        host,
        format!("the name {host} has no address here: {why}; a phone shows (0x2ee7/0)"),
        "an address of the server or of its proxy".to_owned(),
        "make the A record that `ucupdate provisioning` prints, or correct the URL".to_owned(),
    ))
}

/// Returns the local address from which this machine connects to `address`, or an empty text if it
/// is not known. Without NAT, this is the address that the server sees.
fn local_address(address: SocketAddr) -> String {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let local = UdpSocket::bind(any).and_then(|socket| {
        // Nothing is sent: the system only chooses the route.
        socket.connect(address)?;
        socket.local_addr()
    });
    local.map(|local| local.ip().to_string()).unwrap_or_default()
}

fn is_private(address: &str) -> bool {
    match address.parse() {
        Ok(std::net::IpAddr::V4(address)) => {
            address.is_private() || address.is_loopback() || address.is_link_local()
        }
        Ok(std::net::IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_may_be_inside_so_an_internal_path_is_a_problem_only_from_others() {
        let severity =
            |address| internal_path_outside("https://a/b".to_owned(), is_private(address)).severity;
        assert_eq!(
            (severity("10.1.2.3"), severity("203.0.113.7")),
            (FindingSeverity::Warning, FindingSeverity::Problem)
        );
        assert!(is_private("10.1.2.3") && is_private("127.0.0.1") && is_private("::1") && is_private(""));
        assert!(!is_private("203.0.113.7"));
    }
}
