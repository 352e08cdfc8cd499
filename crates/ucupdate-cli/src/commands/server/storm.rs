//! `ucupdate storm`: sends the requests of many simulated devices to a server, and measures the answers.

use crate::args::dialect::DialectArgs;
use crate::args::kind::KindArgs;
use crate::commands::server::ask::{handler_url, side};
use crate::context::Context;
use crate::failure::{Failure, chain};
use crate::files::{self, new};
use crate::remote;
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use ucupdate::device::Device;
use ucupdate::request::{OfferedModule, Side, simulated_user};
use ucupdate::value::{FieldTime, Reported};
use ucupdate::{Clock as _, SystemClock};
use ucupdate_client::{Client, ClientError, ClientOptions, Retry, SimulatedDevice, UpdateFile};

/// An odd number, so that the products with different numbers of devices are different.
const SPREAD: u32 = 2_654_435_761;

#[derive(Debug, clap::Args)]
pub(crate) struct StormArgs {
    /// The URL of the request handler, such as http://127.0.0.1:8080. Without a path, the handler for internal devices
    #[arg(long)]
    url: String,
    #[command(flatten)]
    kind: KindArgs,
    /// The version that each device reports
    #[arg(long = "installed", value_name = "VERSION", default_value = "0.0.0.0")]
    version: String,
    /// The number of devices. Each has its own MAC address and serial number
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    devices: u32,
    /// The number of requests that each device sends. All devices send one before a device sends its next one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    polls: u32,
    /// The number of devices that are active at the same time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Open a connection for each request, as phones do. Otherwise the requests share the connections
    #[arg(long)]
    reconnect: bool,
    /// Also download the image of each offer. The bytes are counted and dropped
    #[arg(long)]
    download: bool,
    /// The time after which no further request is sent, in seconds or as 5m
    #[arg(
        long, value_name = "SECONDS", default_value_t = 60,
        value_parser = |text: &str| crate::args::moment::units::<u64>(text, 1, 1..=86_400)
    )]
    seconds: u64,
    /// The number from which the MAC addresses follow. The same number gives the same devices
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u32,
    /// Write a row for each request and each download to this new file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Allow a server on another machine. Its devices may wait while the storm lasts
    #[arg(long)]
    remote: bool,
    /// Also trust the certificates in this PEM file
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
    #[command(flatten)]
    dialect: DialectArgs,
}

/// The result of a storm.
#[derive(Debug, Serialize)]
struct Report {
    url: String,
    devices: u32,
    /// The time from the first request to the last answer.
    seconds: f64,
    /// The number of requests that the time did not allow.
    unsent: u64,
    polls: Figures,
    /// The number of polls with an offer.
    offered: u64,
    /// `None` without `--download`.
    downloads: Option<Figures>,
    /// The number of downloaded bytes.
    bytes: u64,
    /// The first error of each kind.
    errors: Vec<String>,
}

/// The figures of requests of one kind. The times are in milliseconds, from the first byte that is sent to the last that is
/// received, with the time of connecting.
#[derive(Debug, Serialize)]
struct Figures {
    sent: u64,
    answered: u64,
    failed: u64,
    per_second: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

/// One request that was sent.
#[derive(Clone, Copy, Debug)]
struct Row {
    is_download: bool,
    device: u32,
    /// Microseconds since the start of the storm.
    started: u64,
    /// Microseconds from the start to the end of the request.
    took: u64,
    outcome: Outcome,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Answered; nothing is offered.
    Nothing,
    /// Answered with an offer.
    Offered,
    /// The whole image was received.
    Received,
    /// The status of a refusal.
    Status(u16),
    /// No answer.
    Failed,
}

impl Outcome {
    fn is_answer(self) -> bool {
        matches!(self, Self::Nothing | Self::Offered | Self::Received)
    }

    fn of(error: &ClientError) -> Self {
        match error {
            ClientError::Status { status, .. } => Self::Status(*status),
            _ => Self::Failed,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Offered => f.write_str("offered"),
            Self::Received => f.write_str("received"),
            Self::Status(status) => write!(f, "{status}"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

pub(crate) async fn run(args: StormArgs, context: &mut Context) -> Result<(), Failure> {
    let url = handler_url(&args.url);
    check_target(&url, args.remote)?;
    if let Some(csv) = args.csv.clone() {
        files::blocking(move || new::check([&csv])).await?;
    }
    let (client, args) = files::blocking(move || Ok((client(&args)?, args))).await?;
    client.check_url(&url)?;
    let storm = Arc::new(Storm::new(&args, client, url.clone()));
    let begin = Instant::now();
    let workers: Vec<_> =
        (0..args.connections).map(|_| tokio::spawn(Arc::clone(&storm).work(begin))).collect();
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    for worker in workers {
        let (more, failed) = worker.await?;
        rows.extend(more);
        errors.extend(failed);
    }
    let seconds = begin.elapsed().as_secs_f64();
    errors.sort();
    errors.dedup();
    errors.truncate(MAX_ERRORS);
    rows.sort_by_key(|row| row.started);
    if let Some(csv) = args.csv {
        let text = csv_of(&rows);
        files::blocking(move || new::write_file(&csv, text.as_bytes())).await?;
    }
    let (downloads, polls): (Vec<Row>, Vec<Row>) = rows.iter().partition(|row| row.is_download);
    let report = Report {
        url,
        devices: args.devices,
        seconds,
        unsent: storm.most.saturating_sub(polls.len() as u64),
        offered: polls.iter().filter(|row| row.outcome == Outcome::Offered).count() as u64,
        bytes: downloads.iter().map(|row| row.bytes).sum(),
        polls: Figures::of(&polls, seconds),
        downloads: args.download.then(|| Figures::of(&downloads, seconds)),
        errors,
    };
    if report.polls.answered == 0 {
        let first = report.errors.first().map_or("no request was sent in this time", String::as_str);
        return Err(Failure::new(format_args!("no request was answered: {first}")));
    }
    context.output.result(&report)
}

/// The largest number of different errors that are reported.
const MAX_ERRORS: usize = 5;

/// Refuses a server on another machine unless it is allowed.
fn check_target(url: &str, is_allowed: bool) -> Result<(), Failure> {
    if is_allowed || is_local(url) {
        return Ok(());
    }
    Err(Failure::usage(format_args!(
        "--url is {url:?}, expected a server on this machine such as http://127.0.0.1:8080; --remote allows another one"
    )))
}

/// Returns whether a text is a URL of a server on this machine.
fn is_local(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| remote::is_local(&url))
}

fn client(args: &StormArgs) -> Result<Client, Failure> {
    let options = ClientOptions::default()
        .with_codec(args.dialect.codec()?)
        .with_retry(Retry::never())
        .with_kept_connections(!args.reconnect);
    let options = match &args.ca_cert {
        Some(path) => options.with_root_certificates(files::certificates(path)?),
        None => options,
    };
    Ok(Client::new(options)?)
}

/// The parts that all workers share.
struct Storm {
    client: Client,
    url: String,
    side: Side,
    device: SimulatedDevice,
    devices: u32,
    seed: u32,
    /// The number of requests of all devices.
    most: u64,
    next: AtomicU64,
    time: Duration,
    downloads: bool,
    is_remote_allowed: bool,
}

impl Storm {
    fn new(args: &StormArgs, client: Client, url: String) -> Self {
        let device = Device {
            kind: args.kind.kind(),
            mac_address: Reported::default(),
            serial_number: Reported::default(),
        };
        let device = SimulatedDevice::new(device)
            .with_user_name(&simulated_user("storm"))
            .with_installed(&args.version, FieldTime::FILETIME_ZERO);
        Self {
            client,
            side: side(&url),
            url,
            device,
            devices: args.devices,
            seed: args.seed,
            most: u64::from(args.devices) * u64::from(args.polls),
            next: AtomicU64::new(0),
            time: Duration::from_secs(args.seconds),
            downloads: args.download,
            is_remote_allowed: args.remote,
        }
    }

    /// Sends requests until there are no more, or the time has passed. Returns the rows, and the first error.
    async fn work(self: Arc<Self>, begin: Instant) -> (Vec<Row>, Option<String>) {
        let (mut rows, mut error) = (Vec::new(), None);
        while begin.elapsed() < self.time {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.most {
                break;
            }
            let device = u32::try_from(number % u64::from(self.devices)).unwrap_or_default();
            let identity = device.wrapping_mul(SPREAD).wrapping_add(self.seed);
            let phone = self.device.clone().numbered(identity);
            let now = SystemClock.now().civil_utc();
            let (started, sent) = (begin.elapsed(), Instant::now());
            let answer = phone.ask(&self.client, &self.url, now).await;
            let took = sent.elapsed();
            let (outcome, modules) = match answer {
                Ok(answer) if answer.response.modules.is_empty() => (Outcome::Nothing, Vec::new()),
                Ok(answer) => (Outcome::Offered, answer.response.modules),
                Err(failed) => {
                    error.get_or_insert_with(|| chain(&failed));
                    (Outcome::of(&failed), Vec::new())
                }
            };
            rows.push(row(false, device, (started, took), outcome, 0));
            if !self.downloads {
                continue;
            }
            for module in modules {
                let (started, sent) = (begin.elapsed(), Instant::now());
                let received = self.receive(&module).await;
                let took = sent.elapsed();
                let (outcome, bytes) = match received {
                    Ok(bytes) => (Outcome::Received, bytes),
                    Err((outcome, failed)) => {
                        error.get_or_insert(failed);
                        (outcome, 0)
                    }
                };
                rows.push(row(true, device, (started, took), outcome, bytes));
            }
        }
        (rows, error)
    }

    /// Downloads an image, and returns its size.
    async fn receive(&self, module: &OfferedModule) -> Result<u64, (Outcome, String)> {
        let folder = module.base_url_for(self.side);
        if !self.is_remote_allowed && !is_local(folder) {
            let reason =
                format!("the image is at {folder:?}, which is not on this machine; --remote allows it");
            return Err((Outcome::Failed, reason));
        }
        let received = self.client.receive(module, self.side, UpdateFile::Image).await;
        received.map_err(|error| (Outcome::of(&error), chain(&error)))
    }
}

fn row(
    is_download: bool,
    device: u32,
    (started, took): (Duration, Duration),
    outcome: Outcome,
    bytes: u64,
) -> Row {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Row { is_download, device, started: micros(started), took: micros(took), outcome, bytes }
}

fn csv_of(rows: &[Row]) -> String {
    let mut text = String::from("kind,device,started_us,took_us,result,bytes\n");
    for Row { is_download, device, started, took, outcome, bytes } in rows {
        let kind = if *is_download { "download" } else { "poll" };
        let _written = writeln!(text, "{kind},{device},{started},{took},{outcome},{bytes}");
    }
    text
}

impl Figures {
    fn of(rows: &[Row], seconds: f64) -> Self {
        let mut times: Vec<u64> =
            rows.iter().filter(|row| row.outcome.is_answer()).map(|row| row.took).collect();
        times.sort_unstable();
        let (sent, answered) = (rows.len() as u64, times.len() as u64);
        Self {
            sent,
            answered,
            failed: sent - answered,
            per_second: answered as f64 / seconds.max(1e-6),
            p50: percentile(&times, 500),
            p90: percentile(&times, 900),
            p99: percentile(&times, 990),
            p999: percentile(&times, 999),
            max: percentile(&times, 1_000),
        }
    }
}

/// Returns the time in milliseconds that this number of thousandths of the sorted times do not exceed, or 0 without times.
fn percentile(sorted: &[u64], thousandths: usize) -> f64 {
    let at = (sorted.len() * thousandths).div_ceil(1_000).saturating_sub(1);
    sorted.get(at).map_or(0.0, |micros| *micros as f64 / 1_000.0)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} devices, {:.1} seconds, {}", self.devices, self.seconds, self.url)?;
        write!(f, "\npolls      {}", self.polls)?;
        write!(f, "\n           {} with an offer", self.offered)?;
        if let Some(downloads) = &self.downloads {
            let megabytes = self.bytes as f64 / 1e6;
            write!(f, "\ndownloads  {downloads}")?;
            write!(
                f,
                "\n           {megabytes:.1} MB, {:.1} MB a second",
                megabytes / self.seconds.max(1e-6)
            )?;
        }
        if self.unsent > 0 {
            write!(f, "\n{} requests were not sent, because the time was over; see --seconds", self.unsent)?;
        }
        self.errors.iter().try_for_each(|error| write!(f, "\nfailed: {error}"))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answered, failed, per_second, p50, p90, p99, p999, max, .. } = self;
        write!(
            f,
            "{answered} answered, {failed} failed, {per_second:.0} a second\n           \
             p50 {p50:.1} ms, p90 {p90:.1} ms, p99 {p99:.1} ms, p99.9 {p999:.1} ms, longest {max:.1} ms"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_on_this_machine_are_local() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/a", true),
            ("https://[::1]/", true),
            ("http://[::ffff:127.0.0.1]/", false),
            ("http://localhost:1", true),
            ("http://localhost.example.com/", false),
            ("http://10.0.0.1/", false),
            ("http://127.0.0.1@example.com/", false),
            ("not a url", false),
        ] {
            assert_eq!(is_local(url), expected, "{url}");
        }
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<u64> = (1..=1_000).map(|number| number * 1_000).collect();
        assert_eq!(percentile(&times, 500), 500.0);
        assert_eq!(percentile(&times, 999), 999.0);
        assert_eq!(percentile(&times, 1_000), 1_000.0);
        assert_eq!(percentile(&times[..1], 500), 1.0);
        assert_eq!(percentile(&[], 990), 0.0);
    }
}
