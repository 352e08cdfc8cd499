//! `ucupdate storm`: sends the requests of many simulated devices to a server, and measures the answers.

use crate::args::devices::kind::KindArgs;
use crate::args::dialect::DialectArgs;
use crate::args::number::number;
use crate::commands::server::ask::{handler_url, side};
use crate::commands::server::serve::Stopping;
use crate::context::Context;
use crate::failure::{Failure, chain};
use crate::files::{self, new};
use crate::remote;
use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use ucupdate::device::Device;
use ucupdate::request::{OfferedModule, Side, simulated_user};
use ucupdate::value::{FieldTime, Reported};
use ucupdate::{Clock as _, SystemClock};
use ucupdate_client::{
    Client, ClientError, ClientOptions, HandlerConnection, Retry, SimulatedDevice, UpdateFile,
};

/// The factor from the number of a device to its identity. It is odd, so that different devices
/// have different identities.
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
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = |text: &str| number::<u32>(text, 1..=10_000_000))]
    devices: u32,
    /// The number of requests that each device sends. All devices send one before a device sends its next one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = |text: &str| number::<u32>(text, 1..=1_000))]
    polls: u32,
    /// The number of devices that are active at the same time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = |text: &str| number::<u32>(text, 1..=10_000))]
    connections: u32,
    /// Open a connection for each request, as phones do. Otherwise the requests share the connections
    #[arg(long)]
    reconnect: bool,
    /// Also download the image of each offer. The bytes are counted and dropped
    #[arg(long)]
    download: bool,
    /// The time after which no further request is sent, in seconds or as 5m. The last answers have a minute more
    #[arg(
        long, value_name = "SECONDS", default_value_t = 60,
        value_parser = |text: &str| crate::args::moment::units::<u64>(text, 1, 1..=86_400)
    )]
    seconds: u64,
    /// The number from which the MAC addresses are computed. The same number gives the same devices
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = |text: &str| number::<u32>(text, 0..=4_294_967_295))]
    seed: u32,
    /// Write a row for each request and each download to this new file, in the order in which they end
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

#[derive(Debug, Serialize)]
struct StormReport {
    url: String,
    devices: u32,
    /// The time from the start to the last answer.
    seconds: f64,
    /// The number of requests that were not sent before the storm ended.
    unsent: u64,
    /// The number of requests and downloads that were under way when the storm ended. They are in no other figure.
    unfinished: u64,
    polls: Figures,
    /// The number of polls with an offer.
    offered: u64,
    /// `None` without `--download`.
    downloads: Option<Figures>,
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

#[derive(Clone, Copy, Debug)]
struct Row {
    is_download: bool,
    device: u32,
    /// Microseconds since the start of the storm.
    started: u64,
    /// Microseconds from the start of the request to its end.
    took: u64,
    outcome: Outcome,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The request was answered, and nothing was offered.
    Nothing,
    /// The request was answered with an offer.
    Offered,
    /// The whole image was received.
    Received,
    /// The server refused the request with this status.
    Status(u16),
    /// There was no usable answer.
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
    let url = handler_url(&args.url)?;
    check_target(&url, args.remote)?;
    if let Some(csv) = args.csv.clone() {
        files::blocking(move || new::check([&csv])).await?;
    }
    let (client, args) = files::blocking(move || Ok((client(&args)?, args))).await?;
    let connections: Vec<_> =
        (0..args.connections).map(|_| client.handler(&url)).collect::<Result<_, _>>()?;
    let mut stopping = Stopping::listen()?.with_hangup();
    let storm = Arc::new(Storm::new(&args, client, &url));
    let (rows, written) = mpsc::channel(WAITING_ROWS);
    let writer = args
        .csv
        .map(|csv| tokio::spawn(files::blocking(move || new::write_from(&csv, &mut CsvText::of(written)))));
    // Without `--csv` there is no receiver, and rows are not sent.
    let rows = writer.is_some().then_some(rows);
    let begin = Instant::now();
    let mut workers = JoinSet::new();
    for connection in connections {
        workers.spawn(Arc::clone(&storm).work(connection, begin, rows.clone()));
    }
    drop(rows);
    let progress = &context.output.progress;
    let watch = progress
        .is_shown()
        .then(|| tokio::spawn(watch(Arc::clone(&storm), progress.of_things("requests", storm.most))));
    let all_ended = async {
        while let Some(worker) = workers.join_next().await {
            worker?;
        }
        Ok::<_, Failure>(())
    };
    tokio::select! {
        ended = all_ended => ended?,
        () = sleep(storm.time + LAST_ANSWERS) => {}
        () = stopping.signal() => {}
    }
    workers.shutdown().await;
    if let Some(watch) = watch {
        watch.abort();
    }
    if let Some(writer) = writer {
        writer.await??;
    }
    let tally = storm.tally();
    let seconds = Duration::from_micros(tally.last_answer).as_secs_f64();
    let report = StormReport {
        url,
        devices: args.devices,
        seconds,
        unsent: storm.most.saturating_sub(storm.next.load(Ordering::Relaxed)),
        unfinished: storm.begun.load(Ordering::Relaxed) - tally.polls.ended - tally.downloads.ended,
        offered: tally.offered,
        bytes: tally.bytes,
        polls: tally.polls.figures(seconds),
        downloads: args.download.then(|| tally.downloads.figures(seconds)),
        errors: tally.errors.iter().cloned().collect(),
    };
    drop(tally);
    if report.polls.answered == 0 {
        let first = report.errors.first().map_or("none ended in this time", String::as_str);
        return Err(Failure::new(format_args!("no request was answered: {first}")));
    }
    context.output.result(&report)
}

/// The time in which the last answers may arrive, after the time for sending requests is over.
const LAST_ANSWERS: Duration = Duration::from_secs(60);

/// The time between two updates of the progress bar.
const TICK: Duration = Duration::from_millis(200);

/// Updates the progress bar with the number of requests that ended, until the task is aborted.
async fn watch(storm: Arc<Storm>, bar: ProgressBar) {
    loop {
        bar.set_position(storm.tally().polls.ended);
        sleep(TICK).await;
    }
}

/// The largest number of different errors that are reported.
const MAX_ERRORS: usize = 5;

/// The number of rows that may wait to be written to the file. If more wait, the workers wait too.
const WAITING_ROWS: usize = 4_096;

/// Fails if the URL is of a server on another machine, unless `is_allowed` (`--remote`) is set.
fn check_target(url: &str, is_allowed: bool) -> Result<(), Failure> {
    if is_allowed || is_local(url) {
        return Ok(());
    }
    Err(Failure::usage(format_args!(
        "--url is {url:?}, expected a server on this machine such as http://127.0.0.1:8080; --remote allows another one"
    )))
}

/// Returns whether a text is the URL of a server on this machine.
fn is_local(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| remote::is_local(&url))
}

fn client(args: &StormArgs) -> Result<Client, Failure> {
    let options = ClientOptions::default()
        .with_codec(args.dialect.codec()?)
        .with_retry(Retry::never())
        .with_kept_connections(!args.reconnect);
    let options = if args.remote { options } else { options.with_redirects(is_local) };
    let options = match &args.ca_cert {
        Some(path) => options.with_root_certificates(files::certificates(path)?),
        None => options,
    };
    Ok(Client::new(options)?)
}

/// The state that all workers share. A worker is a task that sends requests, one after another.
struct Storm {
    client: Client,
    side: Side,
    device: SimulatedDevice,
    devices: u32,
    seed: u32,
    /// The total number of requests of all devices.
    most: u64,
    next: AtomicU64,
    /// The number of requests and downloads that were started.
    begun: AtomicU64,
    time: Duration,
    downloads: bool,
    is_remote_allowed: bool,
    tally: Mutex<Tally>,
}

impl Storm {
    fn new(args: &StormArgs, client: Client, url: &str) -> Self {
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
            side: side(url),
            device,
            devices: args.devices,
            seed: args.seed,
            most: u64::from(args.devices) * u64::from(args.polls),
            next: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            time: Duration::from_secs(args.seconds),
            downloads: args.download,
            is_remote_allowed: args.remote,
            tally: Mutex::default(),
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends requests until all are sent, the time is over, or the CSV file cannot be written any
    /// more.
    async fn work(
        self: Arc<Self>,
        mut connection: HandlerConnection,
        begin: Instant,
        rows: Option<mpsc::Sender<Row>>,
    ) {
        while begin.elapsed() < self.time {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.most {
                break;
            }
            let device = u32::try_from(number % u64::from(self.devices)).unwrap_or_default();
            let identity = device.wrapping_mul(SPREAD).wrapping_add(self.seed);
            let phone = self.device.clone().numbered(identity);
            let now = SystemClock.now().civil_utc();
            self.begun.fetch_add(1, Ordering::Relaxed);
            let (started, sent) = (begin.elapsed(), Instant::now());
            let answer = connection.ask(&phone.next_request(now)).await;
            let took = sent.elapsed();
            let (outcome, modules) = match answer {
                Ok(answer) if answer.response.modules.is_empty() => (Outcome::Nothing, Vec::new()),
                Ok(answer) => (Outcome::Offered, answer.response.modules),
                Err(failed) => {
                    self.tally().fail(chain(&failed));
                    (Outcome::of(&failed), Vec::new())
                }
            };
            if !self.keep(row(false, device, (started, took), outcome, 0), rows.as_ref()).await {
                return;
            }
            if !self.downloads {
                continue;
            }
            for module in modules {
                self.begun.fetch_add(1, Ordering::Relaxed);
                let (started, sent) = (begin.elapsed(), Instant::now());
                let received = self.receive(&module).await;
                let took = sent.elapsed();
                let (outcome, bytes) = match received {
                    Ok(bytes) => (Outcome::Received, bytes),
                    Err((outcome, failed)) => {
                        self.tally().fail(failed);
                        (outcome, 0)
                    }
                };
                if !self.keep(row(true, device, (started, took), outcome, bytes), rows.as_ref()).await {
                    return;
                }
            }
        }
    }

    /// Counts a request or a download, and sends its row to the CSV file. Returns `false` if the
    /// file cannot be written.
    async fn keep(&self, row: Row, rows: Option<&mpsc::Sender<Row>>) -> bool {
        // A worker that is cancelled while it waits here neither writes nor counts the row.
        let is_kept = match rows {
            Some(rows) => rows.send(row).await.is_ok(),
            None => true,
        };
        self.tally().count(&row);
        is_kept
    }

    /// Downloads an image, and returns its size in bytes. The error has the outcome and the reason.
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

/// The counts of all requests and downloads so far. Its size does not grow with their number.
#[derive(Debug, Default)]
struct Tally {
    polls: Times,
    downloads: Times,
    offered: u64,
    bytes: u64,
    /// Microseconds from the start of the storm to the end of the last answer.
    last_answer: u64,
    /// Different messages of errors, at most [`MAX_ERRORS`].
    errors: BTreeSet<String>,
}

impl Tally {
    fn count(&mut self, row: &Row) {
        let times = if row.is_download { &mut self.downloads } else { &mut self.polls };
        times.count(row.took, row.outcome.is_answer());
        if row.outcome.is_answer() {
            self.last_answer = self.last_answer.max(row.started.saturating_add(row.took));
        }
        self.offered += u64::from(row.outcome == Outcome::Offered);
        self.bytes += row.bytes;
    }

    fn fail(&mut self, error: String) {
        self.errors.insert(error);
        if self.errors.len() > MAX_ERRORS {
            self.errors.pop_last();
        }
    }
}

/// The largest time in the histogram, in microseconds. It is a day, which is the longest storm.
const MAX_MICROS: u64 = 86_400_000_000;

/// The durations of polls or of downloads, in microseconds.
#[derive(Debug)]
struct Times {
    ended: u64,
    /// The times of successful answers, with a precision of three digits.
    answered: Histogram<u64>,
    longest: u64,
}

impl Default for Times {
    fn default() -> Self {
        let answered =
            Histogram::new_with_max(MAX_MICROS, 3).expect("the largest time and three digits are valid");
        Self { ended: 0, answered, longest: 0 }
    }
}

impl Times {
    fn count(&mut self, took: u64, is_answer: bool) {
        self.ended += 1;
        if is_answer {
            self.answered.saturating_record(took);
            self.longest = self.longest.max(took);
        }
    }

    fn figures(&self, seconds: f64) -> Figures {
        let answered = self.answered.len();
        let percentile = |quantile: f64| {
            let micros = if answered == 0 { 0 } else { self.answered.value_at_quantile(quantile) };
            // A value of the histogram may differ from the real time by less than a thousandth.
            micros.min(self.longest) as f64 / 1_000.0
        };
        Figures {
            sent: self.ended,
            answered,
            failed: self.ended - answered,
            per_second: answered as f64 / seconds.max(1e-6),
            p50: percentile(0.5),
            p90: percentile(0.9),
            p99: percentile(0.99),
            p999: percentile(0.999),
            max: self.longest as f64 / 1_000.0,
        }
    }
}

/// A reader of the rows as the bytes of a CSV file. It ends when all senders are dropped.
struct CsvText {
    rows: mpsc::Receiver<Row>,
    /// The current line. Its bytes from the offset `read` on have not been read yet.
    line: Vec<u8>,
    read: usize,
}

impl CsvText {
    fn of(rows: mpsc::Receiver<Row>) -> Self {
        Self { rows, line: b"kind,device,started_us,took_us,result,bytes\n".to_vec(), read: 0 }
    }
}

impl Read for CsvText {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.read == self.line.len()
            && let Some(row) = self.rows.blocking_recv()
        {
            let Row { is_download, device, started, took, outcome, bytes } = row;
            let kind = if is_download { "download" } else { "poll" };
            self.line.clear();
            self.read = 0;
            writeln!(self.line, "{kind},{device},{started},{took},{outcome},{bytes}")?;
        }
        let taken = self.line.get(self.read..).unwrap_or_default().read(to)?;
        self.read += taken;
        Ok(taken)
    }
}

impl fmt::Display for StormReport {
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
            write!(f, "\n{} requests were not sent before the storm ended; see --seconds", self.unsent)?;
        }
        if self.unfinished > 0 {
            write!(f, "\n{} requests were under way at the end, and are not counted", self.unfinished)?;
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
    fn percentiles_are_exact_to_three_digits_and_the_longest_time_is_exact() {
        let mut times = Times::default();
        for number in (1..=1_000).rev() {
            times.count(number * 1_000 + 7, true);
        }
        times.count(9_000_000, false);
        let figures = times.figures(2.0);
        assert_eq!((figures.sent, figures.answered, figures.failed), (1_001, 1_000, 1));
        for (found, exact) in [(figures.p50, 500.007), (figures.p90, 900.007), (figures.p999, 999.007)] {
            assert!((found - exact).abs() <= exact / 1_000.0, "{found}, expected {exact}");
        }
        assert_eq!((figures.max, figures.per_second), (1_000.007, 500.0));
        assert_eq!(Times::default().figures(1.0).p99, 0.0);
    }

    #[test]
    fn the_time_of_a_storm_ends_with_its_last_answer() {
        let mut tally = Tally::default();
        let times = |started, took| (Duration::from_micros(started), Duration::from_micros(took));
        for (times, outcome) in [
            (times(0, 500), Outcome::Nothing),
            (times(400, 300), Outcome::Offered),
            (times(450, 100), Outcome::Nothing),
            (times(600, 30_000_000), Outcome::Failed),
        ] {
            tally.count(&row(false, 0, times, outcome, 0));
        }
        assert_eq!((tally.last_answer, tally.polls.ended, tally.polls.answered.len()), (700, 4, 3));
    }

    #[test]
    fn a_tally_keeps_the_first_of_many_errors() {
        let mut tally = Tally::default();
        for number in (0..100).rev() {
            tally.fail(format!("error {number:02}"));
        }
        assert_eq!(tally.errors.len(), MAX_ERRORS);
        assert_eq!(tally.errors.first().map(String::as_str), Some("error 00"));
    }
}
