//! [`Metrics`]: a listener that counts.

use crate::events::event::{Event, Events, FetchOutcome};
use crate::metrics::histogram::Histogram;
use crate::metrics::store::{StoreMetrics, StoreOperation};
use crate::state::rule_history::Revision;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use ucupdate_audit::AccessRow;
use ucupdate_core::Decision;
use ucupdate_core::decide::OfferKind;
use ucupdate_fleet::inventory::DeviceState;

/// The values of the label `path`: the request handler, a file, or another path.
pub(crate) const PATHS: [&str; 3] = ["handler", "file", "other"];

/// The reasons of decisions, the most frequent ones first. A reason that is not in the list counts as the last one,
/// `other`.
pub(crate) const REASONS: [&str; 18] = [
    "up-to-date",
    "offer",
    "no-rule",
    "nothing-approved",
    "held",
    "window-closed",
    "rollout-paused",
    "stopped",
    "not-newer",
    "below-floor",
    "version-unreadable",
    "ambiguous-module",
    "stepping-stone-missing",
    "stepping-stone-pending",
    "stepping-stone-banned",
    "banned",
    "files-missing",
    "other",
];

pub(crate) const OUTCOMES: [FetchOutcome; 4] =
    [FetchOutcome::Whole, FetchOutcome::Part, FetchOutcome::Redirected, FetchOutcome::Failed];

/// The number of HTTP statuses that are counted: 100 to 599. A smaller status counts as 100. A
/// larger one, or none, counts as 599.
const STATUSES: usize = 500;

/// Counters of the events of one service, for Prometheus. Add them to the service as a listener. They can count the calls of a
/// store as well ([`watch_store`](Self::watch_store)).
///
/// The labels of all metrics come from fixed lists: paths, statuses, reasons, outcomes, operations. Nothing that a device sends
/// becomes a label, so the number of time series has a bound.
///
/// ```
/// use std::sync::Arc;
/// use ucupdate::{Metrics, Options, UpdateService, store::MemoryStore};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let metrics = Arc::new(Metrics::default());
/// let store = metrics.watch_store(Arc::new(MemoryStore::default()));
/// let service = UpdateService::open(store, Options::default().with_events(metrics.clone())).await?;
/// let text = metrics.prometheus_text(&service);
/// assert!(text.contains("\nucupdate_revision 0\n"));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Metrics {
    pub(crate) requests: [Box<[AtomicU64]>; PATHS.len()],
    pub(crate) request_time: [Histogram; PATHS.len()],
    pub(crate) response_bytes: [AtomicU64; PATHS.len()],
    pub(crate) decisions: [AtomicU64; REASONS.len()],
    pub(crate) direct_offers: AtomicU64,
    pub(crate) stone_offers: AtomicU64,
    pub(crate) unreadable: AtomicU64,
    pub(crate) in_flight: AtomicI64,
    pub(crate) downloads: [AtomicU64; OUTCOMES.len()],
    pub(crate) download_bytes: AtomicU64,
    pub(crate) changes: AtomicU64,
    /// The time of the newest revision in milliseconds since 1970. `i64::MIN` while it is not known.
    pub(crate) changed_at: AtomicI64,
    pub(crate) ingests: AtomicU64,
    pub(crate) pauses: AtomicU64,
    pub(crate) loops: AtomicU64,
    pub(crate) silences: AtomicU64,
    /// The devices by state, in the order of `DeviceState::ALL`.
    pub(crate) devices: [AtomicU64; DeviceState::ALL.len()],
    /// The time of the last count of devices in milliseconds since 1970. `i64::MIN` before the first count.
    pub(crate) counted_at: AtomicI64,
    pub(crate) store: Arc<StoreMetrics>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: std::array::from_fn(|_| (0..STATUSES).map(|_| AtomicU64::new(0)).collect()),
            request_time: Default::default(),
            response_bytes: Default::default(),
            decisions: Default::default(),
            direct_offers: AtomicU64::new(0),
            stone_offers: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
            in_flight: AtomicI64::new(0),
            downloads: Default::default(),
            download_bytes: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            changed_at: AtomicI64::new(i64::MIN),
            ingests: AtomicU64::new(0),
            pauses: AtomicU64::new(0),
            loops: AtomicU64::new(0),
            silences: AtomicU64::new(0),
            devices: Default::default(),
            counted_at: AtomicI64::new(i64::MIN),
            store: Arc::default(),
        }
    }
}

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

/// Returns the index in [`PATHS`] for the path of a request.
fn path_of(row: &AccessRow) -> usize {
    let is_post = row.method.as_logged() == "POST";
    match row.status {
        // A `GET` of a missing file counts as a file. Other requests with a wrong path or method
        // reached neither the handler nor a file.
        Some(404 | 405) => {
            if is_post || !row.is_of_update_service() {
                2
            } else {
                1
            }
        }
        _ if is_post => 0,
        _ if row.is_of_update_service() => 1,
        _ => 2,
    }
}

impl Metrics {
    /// Sets the time of the newest revision, which the metrics show. Call it once after the service
    /// was opened. The service reports later revisions by events.
    pub fn note_revision(&self, revision: &Revision) {
        self.changed_at.store(revision.at.as_millis(), Ordering::Relaxed);
    }

    fn note_decision(&self, decision: &Decision<'_>) {
        let word = decision.word();
        let reason = REASONS.iter().position(|reason| *reason == word).unwrap_or(REASONS.len() - 1);
        add(&self.decisions[reason], 1);
        match decision {
            Decision::Offer { kind: OfferKind::SteppingStone { .. }, .. } => add(&self.stone_offers, 1),
            Decision::Offer { .. } => add(&self.direct_offers, 1),
            _ => {}
        }
    }

    fn note_exchange(&self, row: &AccessRow, sent: u64, taken: Duration) {
        let path = path_of(row);
        let status = usize::from(row.status.unwrap_or(599)).clamp(100, 599) - 100;
        add(&self.requests[path][status], 1);
        add(&self.response_bytes[path], sent);
        self.request_time[path].add(taken);
    }
}

impl Events for Metrics {
    fn on_event(&self, event: &Event<'_>) {
        match event {
            Event::RequestAnswered { decisions, .. } => {
                decisions.iter().for_each(|decision| self.note_decision(decision));
            }
            Event::RequestUnreadable { .. } => add(&self.unreadable, 1),
            Event::ExchangeFinished { row, sent, taken } => self.note_exchange(row, *sent, *taken),
            Event::FetchStarted { .. } => {
                self.in_flight.fetch_add(1, Ordering::Relaxed);
            }
            Event::FileFetched { outcome, bytes, .. } => {
                self.in_flight.fetch_sub(1, Ordering::Relaxed);
                let outcome = OUTCOMES.iter().position(|known| known == outcome);
                add(&self.downloads[outcome.unwrap_or(OUTCOMES.len() - 1)], 1);
                add(&self.download_bytes, *bytes);
            }
            Event::ChangeMade { revision } => {
                add(&self.changes, 1);
                self.note_revision(revision);
            }
            Event::RolloutPaused { .. } => add(&self.pauses, 1),
            Event::PackageIngested { .. } => add(&self.ingests, 1),
            Event::LoopFound { .. } => add(&self.loops, 1),
            Event::DeviceSilent { .. } => add(&self.silences, 1),
            Event::FleetCounted { states, at } => {
                for (count, state) in self.devices.iter().zip(&DeviceState::ALL) {
                    count.store(states.get(state).copied().unwrap_or(0), Ordering::Relaxed);
                }
                self.counted_at.store(at.as_millis(), Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

impl Metrics {
    /// Returns a wrapper of the store that counts its calls, their duration and their errors.
    pub fn watch_store(
        &self,
        store: Arc<dyn ucupdate_store::ImageStore>,
    ) -> Arc<dyn ucupdate_store::ImageStore> {
        StoreMetrics::watch(&self.store, store)
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = (StoreOperation, &Histogram, u64)> {
        self.store.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_the_kind_of_their_path() {
        let row = |method, path, status| {
            AccessRow::finished(
                method,
                path,
                status,
                Duration::ZERO,
                ucupdate_core::value::UnixTime::from_seconds(0),
            )
        };
        for (method, path, status, kind) in [
            ("POST", "/RequestHandler/ucdevice.upx", 200, "handler"),
            ("POST", "/own/path.upx", 400, "handler"),
            ("GET", "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt", 206, "file"),
            ("GET", "/DeviceUpdateFiles_Int/x", 404, "file"),
            ("POST", "/nowhere", 404, "other"),
            ("GET", "/favicon.ico", 404, "other"),
        ] {
            assert_eq!(PATHS[path_of(&row(method, path, status))], kind, "{method} {path} {status}");
        }
    }
}
