//! Writes events of `tracing` to stderr. The number of events of one kind is limited, so that many
//! requests cannot fill a journal.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, Targets};
use tracing_subscriber::layer::{Context, Filter, Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, reload};

/// The largest number of events of one kind in the time [`WINDOW`]. Debug and trace events have no
/// limit.
const EVENTS: u32 = 20;

const WINDOW: Duration = Duration::from_secs(10);

/// The time between two reports of the number of events that were left out.
const REPORT_TIME: Duration = Duration::from_secs(60);

/// A handle to the filter of the lines on stderr. It can replace the filter while a server runs.
pub(crate) type Lines = reload::Handle<Targets, Registry>;

/// The filter of the lines on stderr: a level such as `info`, or a filter such as
/// `warn,ucupdate=debug`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogFilter(Targets);

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            "no filter of levels, expected a level such as info, or a filter such as warn,ucupdate=debug"
                .to_owned()
        };
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() || text.contains('[') {
            return Err(refused());
        }
        parts.join(",").parse().map(Self).map_err(|_| refused())
    }
}

/// Returns the filter of the lines on stderr: the given one, that of `RUST_LOG`, or else warnings
/// and errors.
pub(crate) fn filter(given: Option<LogFilter>) -> Targets {
    let of_variable = || std::env::var("RUST_LOG").ok()?.parse().ok();
    let LogFilter(targets) =
        given.or_else(of_variable).unwrap_or_else(|| LogFilter(Targets::new().with_default(Level::WARN)));
    targets
}

/// Installs a subscriber of `tracing` that writes to stderr. Returns the limit, whose
/// [`report`](EventBound::report) must be run, and the handle to the filter.
pub(crate) fn trace_to_stderr(given: Option<LogFilter>, is_terminal: bool) -> (Arc<EventBound>, Lines) {
    let bound = Arc::new(EventBound::default());
    let (filter, handle) = reload::Layer::new(filter(given));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(is_terminal);
    let subscriber =
        tracing_subscriber::registry().with(lines.with_filter(filter.and(Bounded(Arc::clone(&bound)))));
    // If another subscriber is installed already, that one receives the events.
    let _other_subscriber = subscriber.try_init();
    (bound, handle)
}

/// The limit of events, for each place in the program that emits an event.
#[derive(Debug, Default)]
pub(crate) struct EventBound {
    windows: Mutex<HashMap<Identifier, (Instant, u32)>>,
    left_out: AtomicU64,
}

impl EventBound {
    /// Logs once a minute the number of events that were left out, if there were any.
    pub(crate) async fn report(&self) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(REPORT_TIME).await;
            let left_out = self.left_out.swap(0, Ordering::Relaxed);
            if left_out > 0 {
                tracing::warn!(left_out, "messages were left out, because there were too many of their kind");
            }
        }
    }

    fn allows(&self, metadata: &Metadata<'_>, now: Instant) -> bool {
        if *metadata.level() > Level::INFO {
            return true;
        }
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, count) = windows.entry(metadata.callsite()).or_insert((now, 0));
        if now.saturating_duration_since(*begun) >= WINDOW {
            (*begun, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        let is_allowed = *count <= EVENTS;
        if !is_allowed {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        is_allowed
    }
}

/// The filter that applies the limit of events.
struct Bounded(Arc<EventBound>);

impl<S: Subscriber> Filter<S> for Bounded {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.0.allows(event.metadata(), Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Lines that a subscriber wrote.
    #[derive(Clone, Debug, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_filter_has_levels_for_targets_and_nothing_else() {
        let filter: LogFilter = " warn, ucupdate=debug,".parse().unwrap();
        let LogFilter(targets) = filter;
        assert!(targets.would_enable("ucupdate::state", &Level::DEBUG));
        assert!(targets.would_enable("hyper", &Level::WARN) && !targets.would_enable("hyper", &Level::INFO));
        for text in ["", "[span]=debug", "ucupdate=loud"] {
            let refused = text.parse::<LogFilter>().unwrap_err();
            assert!(refused.starts_with("no filter of levels, expected a level"), "{text}: {refused}");
        }
    }

    #[test]
    fn a_flood_of_one_kind_is_bounded_and_leaves_the_other_kinds_alone() {
        let (bound, lines) = (Arc::new(EventBound::default()), Lines::default());
        let written = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || written.clone());
        let filter = Targets::new().with_default(Level::DEBUG).and(Bounded(Arc::clone(&bound)));
        let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..1000 {
                tracing::warn!("flood");
            }
            tracing::warn!("alone");
            for _ in 0..30 {
                tracing::debug!("detail");
            }
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let count = |what: &str| text.lines().filter(|line| line.ends_with(what)).count();
        assert_eq!((count("flood"), count("alone"), count("detail")), (20, 1, 30));
        assert_eq!(bound.left_out.load(Ordering::Relaxed), 980);
    }
}
