//! The outputs of events: JSON lines, lines of the access log, and webhooks.

mod json;
mod lines;
mod signature;
mod sink;
mod webhook;

use crate::failure::Failure;
use crate::files;
use clap::ValueEnum;
use json::EventLines;
use lines::{AccessLines, LineWriter};
use signature::Secret;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ucupdate::{EventKind, Options};
use webhook::{Schedule, Webhook};

/// The time limit for writing and sending the last events when the server ends.
const FLUSH_TIME: Duration = Duration::from_secs(5);

/// The value of `--events-json` that means stdout.
const STDOUT: &str = "-";

#[derive(Debug, clap::Args)]
pub(crate) struct EventArgs {
    /// Print a line for each finished exchange, in the form of the access log
    #[arg(long, value_name = "STREAM", value_enum)]
    access_log: Option<Stream>,
    /// Append events to a file as JSON, one object per line. Without FILE, write them to stdout
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = STDOUT)]
    events_json: Option<PathBuf>,
    /// Send events to this URL, signed with the secret
    #[arg(long, value_name = "URL", requires = "webhook_secret_file")]
    webhook: Option<String>,
    /// The file with the secret of the webhook: 16 bytes or more, or `whsec_` and base64
    #[arg(long, value_name = "FILE", requires = "webhook")]
    webhook_secret_file: Option<PathBuf>,
    /// The names of the events to write and send, separated by commas [default: all events for --events-json, and
    /// those that need attention for --webhook]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    events: Vec<EventKind>,
}

/// A stream of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stream {
    Stderr,
    Stdout,
}

/// Returns whether a webhook gets events of this kind by default. These are the events on which an
/// administrator may want to act.
fn needs_attention(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::RequestAnswered
            | EventKind::RequestRefused
            | EventKind::RequestUnreadable
            | EventKind::ExchangeFinished
            | EventKind::FetchStarted
            | EventKind::FileFetched
            | EventKind::FleetCounted
    )
}

#[derive(Debug, Default)]
pub(crate) struct EventOutputs {
    lines: Vec<Arc<LineWriter>>,
    webhook: Option<Arc<Webhook>>,
}

impl EventArgs {
    /// Returns the file with the secret of the webhook. `None` if it is not given.
    pub(crate) fn secret_file(&self) -> Option<&Path> {
        self.webhook_secret_file.as_deref()
    }

    /// Reads the secret of the webhook. Returns `None` if there is no webhook.
    pub(crate) async fn secret(&self) -> Result<Option<Secret>, Failure> {
        match &self.webhook_secret_file {
            Some(file) if self.webhook.is_some() => {
                let file = file.clone();
                files::on_own_thread(move || Secret::read(&file)).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Adds listeners for events to `options`, as the arguments say. Also returns the outputs,
    /// which must be flushed at the end. Fails when a file cannot be opened, or when the webhook
    /// cannot be used.
    pub(crate) fn listen(
        &self,
        mut options: Options,
        server: &str,
        secret: Option<Secret>,
    ) -> Result<(Options, EventOutputs), Failure> {
        let mut outputs = EventOutputs::default();
        if let Some(stream) = self.access_log {
            let writer = Arc::new(LineWriter::start(stream.sink(), stream.to_string(), lines::lost_rows));
            outputs.lines.push(Arc::clone(&writer));
            options = options.with_events(Arc::new(AccessLines::new(writer)));
        }
        if let Some(file) = &self.events_json {
            let sink = match file.as_os_str() == STDOUT {
                true => Stream::Stdout.sink(),
                false => sink::open(file).map_err(|error| Failure::in_doing(file.display(), &error))?,
            };
            let name = file.display().to_string();
            let writer = Arc::new(LineWriter::start(sink, name, json::lost_events));
            outputs.lines.push(Arc::clone(&writer));
            options = options.with_events(Arc::new(EventLines::new(writer, self.kinds(|_| true), server)));
        }
        if let (Some(url), Some(secret)) = (&self.webhook, secret) {
            let kinds = self.kinds(needs_attention);
            let webhook = Arc::new(Webhook::start(url, secret, kinds, server, Schedule::default())?);
            outputs.webhook = Some(Arc::clone(&webhook));
            options = options.with_events(webhook);
        }
        Ok((options, outputs))
    }

    fn kinds(&self, by_default: impl Fn(EventKind) -> bool) -> Vec<EventKind> {
        if self.events.is_empty() {
            EventKind::ALL.iter().copied().filter(|kind| by_default(*kind)).collect()
        } else {
            self.events.clone()
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stderr => "stderr",
            Self::Stdout => "stdout",
        })
    }
}

impl Stream {
    fn sink(self) -> Box<dyn Write + Send> {
        match self {
            Self::Stderr => sink::of_stream(io::stderr()),
            Self::Stdout => sink::of_stream(io::stdout()),
        }
    }
}

impl EventOutputs {
    /// Writes and sends the waiting events, within a time limit.
    pub(crate) async fn flush(self) {
        let lines = tokio::task::spawn_blocking(move || {
            let ends = Instant::now() + FLUSH_TIME;
            self.lines.iter().for_each(|writer| writer.flush(ends.saturating_duration_since(Instant::now())));
        });
        let webhook = async {
            if let Some(webhook) = &self.webhook {
                webhook.flush(FLUSH_TIME).await;
            }
        };
        let (_lines, ()) = tokio::join!(lines, webhook);
    }
}
