//! [`Options`]: how a service is to work.

use crate::clock::{Clock, SystemClock};
use crate::logs::writer::LogOptions;
use crate::maintenance::retention::Retention;
use crate::packages::options::IngestOptions;
use crate::urls::BaseUrls;
use crate::watch::observer::WatchOptions;
use std::sync::Arc;
use std::time::Duration;
use ucupdate_upx::Codec;

/// How a service is to work. The default administers a store and answers nobody: it has no URLs and writes no logs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Where devices fetch files. Without it no request is answered.
    pub urls: Option<BaseUrls>,
    /// The logs to write, if any.
    pub logs: Option<LogOptions>,
    /// How often to look for changes other servers made; none looks only when asked. An embedding server wants the
    /// second that [`Options::serving`] gives.
    pub probe: Option<Duration>,
    /// The wire's codec.
    pub codec: Codec,
    /// How packages are read.
    pub ingest: IngestOptions,
    /// How far back images are kept.
    pub retention: Retention,
    /// How rollouts are watched, so that guards pause those that fail; without it nobody does.
    pub watch: Option<WatchOptions>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
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
        }
    }
}

impl Options {
    /// For a server that answers devices: with these URLs, looking for changes of others each second. Logs are still
    /// to be asked for, since they need the server's name.
    pub fn serving(urls: BaseUrls) -> Self {
        Self { urls: Some(urls), probe: Some(Duration::from_secs(1)), ..Self::default() }
    }

    /// With logs.
    #[must_use]
    pub fn with_logs(mut self, logs: LogOptions) -> Self {
        self.logs = Some(logs);
        self
    }

    /// Watching rollouts.
    #[must_use]
    pub fn with_watch(mut self, watch: WatchOptions) -> Self {
        self.watch = Some(watch);
        self
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With another codec: another dialect, or other limits.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }
}
