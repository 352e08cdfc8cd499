//! [`LiveEvents`]: the newest events of a service, and the clients that listen to them.

use crate::report;
use bytes::Bytes;
use http::request;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{broadcast, watch};
use ucupdate::{Clock as _, Event, EventKind, Events, SystemClock};

/// The largest number of events that wait for one client, and of events that are kept for clients that connect again.
/// If more happen, the oldest ones are dropped. The client gets the number of the events that it missed.
const QUEUE: usize = 256;

/// The time for which events are kept after the last client has left, in milliseconds.
const KEPT_MS: u64 = 60_000;

/// Listener that sends the events of a service to the clients of `GET /api/v1/events`. Clones share the clients.
///
/// A client that connects again sends the id of its last event in the field `Last-Event-ID`. It then gets the events after that
/// one, as far as they are among the newest 256 events of this process.
///
/// Add the listener to the service with [`Options::with_events`](ucupdate::Options::with_events) and to the administrators' side
/// with [`AdminOptions::with_live_events`](crate::AdminOptions::with_live_events).
///
/// An event is put into a bounded queue, so no answer to a device waits for a client. If no client is connected, and the last one
/// left more than a minute ago, an event is only counted. [`EventKind::ExchangeFinished`] is not sent, because the access log has
/// a row for each exchange.
#[derive(Clone)]
pub struct LiveEvents(pub(crate) Arc<Live>);

pub(crate) struct Live {
    server: Box<str>,
    /// The start of each event id: the start time of this process in hexadecimal milliseconds. It
    /// shows whether an id is from another process.
    run: String,
    number: AtomicU64,
    /// The newest events, while there are clients or the last one left a short time ago. The lock is
    /// held while an event gets its number and is sent, and while a client begins to listen.
    recent: Mutex<VecDeque<Frame>>,
    frames: broadcast::Sender<Frame>,
    pub(crate) closed: watch::Sender<bool>,
    started: Instant,
    /// The time until which events are kept although no client is connected, in milliseconds since `started`.
    kept_until: AtomicU64,
}

#[derive(Clone)]
pub(crate) struct Frame {
    number: u64,
    pub(crate) kind: EventKind,
    pub(crate) bytes: Bytes,
}

impl LiveEvents {
    /// Creates a listener. `server` is the name of the server, which each event contains.
    pub fn new(server: &str) -> Self {
        let begun = SystemClock.now().as_millis();
        let live = Live {
            server: server.into(),
            run: format!("{begun:x}"),
            number: AtomicU64::new(0),
            recent: Mutex::default(),
            started: Instant::now(),
            kept_until: AtomicU64::new(0),
            frames: broadcast::Sender::new(QUEUE),
            closed: watch::Sender::new(false),
        };
        Self(Arc::new(live))
    }

    /// Ends the streams of all clients. A client that connects later gets a stream that ends at once. A server calls this when it
    /// shuts down.
    pub fn close(&self) {
        self.0.closed.send_replace(true);
    }
}

impl Events for LiveEvents {
    fn on_event(&self, event: &Event<'_>) {
        let Live { server, run, number, frames, .. } = &*self.0;
        let kind = event.kind();
        if kind == EventKind::ExchangeFinished {
            return;
        }
        if frames.receiver_count() == 0 && !self.0.is_kept() {
            number.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let value = report::event(event, server, SystemClock.now());
        let mut recent = self.0.recent();
        let number = number.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = format!("id: {run}-{number}\nevent: {kind}\ndata: {value}\n\n").into();
        let frame = Frame { number, kind, bytes };
        if recent.len() >= QUEUE {
            recent.pop_front();
        }
        recent.push_back(frame.clone());
        // Sending fails only if there is no client.
        let _clients = frames.send(frame);
    }
}

impl Live {
    fn recent(&self) -> MutexGuard<'_, VecDeque<Frame>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Keeps events for the next [`KEPT_MS`], for a client that has left and may connect again.
    pub(crate) fn keep(&self) {
        self.kept_until.store(self.elapsed() + KEPT_MS, Ordering::Relaxed);
    }

    /// Returns whether events are kept for a client that may come back.
    fn is_kept(&self) -> bool {
        self.elapsed() < self.kept_until.load(Ordering::Relaxed)
    }

    /// Begins to listen to new events. Also returns the kept events after the event with the number `last`, and the
    /// number of the events after `last` that are no longer kept. Without `last`, no earlier event is returned.
    pub(crate) fn listen(&self, last: Option<u64>) -> (broadcast::Receiver<Frame>, VecDeque<Frame>, u64) {
        let recent = self.recent();
        let receiver = self.frames.subscribe();
        let newest = self.number.load(Ordering::Relaxed);
        let Some(last) = last.filter(|last| *last <= newest) else { return (receiver, VecDeque::new(), 0) };
        let missed: VecDeque<Frame> = recent.iter().filter(|frame| frame.number > last).cloned().collect();
        let lost = (newest - last).saturating_sub(missed.len() as u64);
        (receiver, missed, lost)
    }

    /// Reads the number in the field `Last-Event-ID`. `None` if it is missing, or if another process wrote it.
    pub(crate) fn last_number(&self, request: &request::Parts) -> Option<u64> {
        let id = request.headers.get("last-event-id")?.to_str().ok()?;
        id.strip_prefix(&*self.run)?.strip_prefix('-')?.parse().ok()
    }
}

impl fmt::Debug for LiveEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients = self.0.frames.receiver_count();
        f.debug_struct("LiveEvents").field("clients", &clients).finish_non_exhaustive()
    }
}
