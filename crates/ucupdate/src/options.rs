//! [`Options`]: the options of a service.

use crate::captures::options::CaptureOptions;
use crate::clock::{Clock, SystemClock};
use crate::events::event::Events;
use crate::events::listeners::Listeners;
use crate::logs::options::LogOptions;
use crate::maintenance::retention::Retention;
use crate::packages::options::IngestOptions;
use crate::urls::BaseUrls;
use crate::watch::options::WatchOptions;
use std::sync::Arc;
use std::time::Duration;
use ucupdate_core::value::Zone;
use ucupdate_upx::Codec;

/// The options of a service.
///
/// The default is for administering a store. It has no URLs, so no device is answered. It writes no logs and starts no
/// background task. A server that answers devices begins with [`Options::serving`].
///
/// ```
/// use ucupdate::{BaseUrls, LogOptions, Options};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let urls = BaseUrls::new("http://updates.contoso.com".parse()?);
/// let options = Options::serving(urls).with_logs(LogOptions::new("ocs01".parse()?));
/// # drop(options);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    pub(crate) urls: Option<BaseUrls>,
    pub(crate) logs: Option<LogOptions>,
    pub(crate) probe: Option<Duration>,
    pub(crate) codec: Codec,
    pub(crate) ingest: IngestOptions,
    pub(crate) retention: Retention,
    pub(crate) watch: Option<WatchOptions>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: Listeners,
    pub(crate) captures: Option<CaptureOptions>,
    pub(crate) offers_after_replacement: bool,
    pub(crate) offers_while_unreachable: Option<Duration>,
    pub(crate) image_cache: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            urls: None,
            logs: None,
            probe: None,
            codec: Codec::default(),
            ingest: IngestOptions::default(),
            retention: Retention::default(),
            watch: None,
            clock: Arc::new(SystemClock),
            events: Listeners::default(),
            captures: None,
            offers_after_replacement: false,
            offers_while_unreachable: None,
            image_cache: 0,
        }
    }
}

impl Options {
    /// Returns options for a server that answers devices. Devices download files from `urls`. The server looks for
    /// changes of other servers once a second.
    ///
    /// Logs need the name of the server, so [`with_logs`](Self::with_logs) turns them on.
    pub fn serving(urls: BaseUrls) -> Self {
        Self { urls: Some(urls), probe: Some(Duration::from_secs(1)), ..Self::default() }
    }

    /// Sets the URLs from which devices download files. Default: no URLs, so no request is answered.
    pub fn with_urls(self, urls: BaseUrls) -> Self {
        Self { urls: Some(urls), ..self }
    }

    /// Sets the options of the audit log and the access log, which turns on both logs. Default: no
    /// logs.
    pub fn with_logs(self, logs: LogOptions) -> Self {
        Self { logs: Some(logs), ..self }
    }

    /// Sets the period of the background task that looks for changes of other servers. Default: `None`, or one second after
    /// [`Options::serving`]. With `None`, changes are found only when [`UpdateService::refresh`](crate::UpdateService::refresh)
    /// is called.
    pub fn with_probe(self, period: Option<Duration>) -> Self {
        Self { probe: period, ..self }
    }

    /// Sets the codec of requests and responses. Default: the canonical dialect with the default limits.
    pub fn with_codec(self, codec: Codec) -> Self {
        Self { codec, ..self }
    }

    /// Sets the options of reading packages. Default: the default [`IngestOptions`].
    pub fn with_ingest(self, ingest: IngestOptions) -> Self {
        Self { ingest, ..self }
    }

    /// Sets the retention: the revisions whose images are kept. Default: the default [`Retention`].
    pub fn with_retention(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// Sets the options of watching guarded rollouts. The service then pauses rollouts that fail.
    /// Default: none, so no rollout pauses by itself.
    pub fn with_watch(self, watch: WatchOptions) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Sets the options of captures: bodies of requests that are kept in the store, because they
    /// cannot be read or are device logs. Default: none, so no body is kept.
    pub fn with_captures(self, captures: CaptureOptions) -> Self {
        Self { captures: Some(captures), ..self }
    }

    /// Adds a listener for the events of the service. Default: no listener.
    pub fn with_events(mut self, listener: Arc<dyn Events>) -> Self {
        self.events.add(listener);
        self
    }

    /// Sets whether devices are still offered updates after the history in the store was replaced, for example by an
    /// older copy. Default: `false`, because such a service does not see the kill switch.
    pub fn with_offers_after_replacement(self, offers: bool) -> Self {
        Self { offers_after_replacement: offers, ..self }
    }

    /// Sets the time for which devices are still offered updates while the store cannot be read. `None`, the default,
    /// means no limit. The option needs [`with_probe`](Self::with_probe), because only probing shows that the store can
    /// be read.
    pub fn with_offers_while_unreachable(self, time: Option<Duration>) -> Self {
        Self { offers_while_unreachable: time, ..self }
    }

    /// Sets the number of bytes of images that are held in memory. Default: 0, so that every download reads the store.
    ///
    /// An image that several devices download within some seconds is read into memory once, if
    /// there is room for it. When an image is read into memory, its SHA-256 is compared with that
    /// of the ingested one. While an image in memory is used, its object in the store is checked
    /// once a second, by its size and the time of its last write. So a changed or removed image may
    /// be served for one more second, with the bytes that were ingested.
    pub fn with_image_cache(self, bytes: u64) -> Self {
        Self { image_cache: bytes, ..self }
    }

    pub(crate) fn log_zone(&self) -> Zone {
        self.logs.as_ref().map_or_else(Zone::utc, |logs| logs.zone.clone())
    }

    /// Sets the clock. The default is the clock of the machine.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }
}
