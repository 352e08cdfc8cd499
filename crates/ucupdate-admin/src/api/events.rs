//! [`LiveEvents`]: what happens in a service, as server-sent events.

use super::Call;
use crate::report;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use crate::service::Inner;
use bytes::Bytes;
use futures_util::stream;
use http::request;
use serde_json::json;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};
use ucupdate::{Clock as _, Event, EventKind, Events, SystemClock};

/// The number of events that wait for one client. If more happen, the oldest are left out and counted.
const QUEUE: usize = 256;

/// The time between two heartbeats. The token is checked again at each of them.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The time after which a client connects again, in milliseconds.
const RETRY_MS: u32 = 3000;

/// The time for which events are kept after the last client has left, in milliseconds.
const KEPT_MS: u64 = 60_000;

/// Listener that sends the events of a service to the clients of `GET /api/v1/events`. Clones share the clients.
///
/// A client that comes back with the `Last-Event-ID` of the last event that it saw gets those that it missed, as long as they are
/// among the newest of this process. Add it to the service with [`Options::with_events`](ucupdate::Options::with_events) and
/// to the administrators' side with [`AdminOptions::with_live_events`](crate::AdminOptions::with_live_events). An event is
/// put into a bounded queue, so no answer waits for a client. Without clients, and a minute after the last one, an event
/// costs the change of a counter. [`EventKind::ExchangeFinished`] is not sent, because the access log has it.
#[derive(Clone)]
pub struct LiveEvents(Arc<Live>);

struct Live {
    server: Box<str>,
    /// The text that tells the numbers of this process from those of another one.
    run: String,
    /// The number of events so far.
    number: AtomicU64,
    /// The newest events, while there are clients or the last one left a short time ago. The lock orders numbers and clients.
    recent: Mutex<VecDeque<Frame>>,
    frames: broadcast::Sender<Frame>,
    closed: watch::Sender<bool>,
    started: Instant,
    /// The time since `started`, in milliseconds, up to which events are kept without a client.
    kept_until: AtomicU64,
}

#[derive(Clone)]
struct Frame {
    number: u64,
    kind: EventKind,
    bytes: Bytes,
}

impl LiveEvents {
    /// Creates a listener. `server` is the name in each event.
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

    /// Ends the answers to all clients, and those to later clients at once. A server that shuts down calls it.
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

    /// Returns whether events are kept for a client that may come back.
    fn is_kept(&self) -> bool {
        self.elapsed() < self.kept_until.load(Ordering::Relaxed)
    }

    /// Begins to listen. Also returns the events after `last`, and the number of those that are not known any more.
    fn listen(&self, last: Option<u64>) -> (broadcast::Receiver<Frame>, VecDeque<Frame>, u64) {
        let recent = self.recent();
        let receiver = self.frames.subscribe();
        let newest = self.number.load(Ordering::Relaxed);
        let Some(last) = last.filter(|last| *last <= newest) else { return (receiver, VecDeque::new(), 0) };
        let missed: VecDeque<Frame> = recent.iter().filter(|frame| frame.number > last).cloned().collect();
        let lost = (newest - last).saturating_sub(missed.len() as u64);
        (receiver, missed, lost)
    }

    /// Reads the number in the field `Last-Event-ID`. `None` if it is missing, or if another process wrote it.
    fn last_number(&self, request: &request::Parts) -> Option<u64> {
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

/// Answers with events until the client leaves, its token is not valid any more, or the server shuts down.
pub(crate) fn events(call: &Call<'_>) -> Result<Answer, Problem> {
    let Some(live) = &call.side.options.live_events else {
        return Err(Problem::not_found("this server sends no events"));
    };
    let kinds = kinds(call)?;
    let Ok(place) = Arc::clone(&call.side.listeners).try_acquire_owned() else {
        return Err(Problem::unavailable("too many clients listen to events; try again"));
    };
    let opened =
        json!({ "format": 1, "event": "opened", "revision": call.side.service.snapshot().revision() });
    let mut heartbeats = interval(HEARTBEAT);
    heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeats.reset();
    let (frames, missed, lost) = live.0.listen(live.0.last_number(call.request));
    let mut first: VecDeque<Bytes> = VecDeque::new();
    first.push_back(format!("retry: {RETRY_MS}\nevent: opened\ndata: {opened}\n\n").into());
    if lost > 0 {
        first.push_back(events_lost(lost));
    }
    let is_wanted = |frame: &Frame| kinds.as_ref().is_none_or(|kinds| kinds.contains(&frame.kind));
    first.extend(missed.into_iter().filter(is_wanted).map(|frame| frame.bytes));
    let client = Client {
        live: Arc::clone(&live.0),
        frames,
        closed: live.0.closed.subscribe(),
        first,
        kinds,
        heartbeats,
        side: Arc::clone(call.side),
        request: call.request.clone(),
        _place: place,
    };
    let pieces = stream::unfold(client, |mut client| async move {
        let bytes = client.next().await?;
        Some((Ok(bytes), client))
    });
    Ok(Answer::stream("text/event-stream", Box::pin(pieces), None))
}

/// Reads the kinds that a client wants. `None` stands for all of them.
fn kinds(call: &Call<'_>) -> Result<Option<Vec<EventKind>>, Problem> {
    let Some(text) = call.query.text("kinds") else { return Ok(None) };
    let kinds: Result<Vec<EventKind>, _> = text.split(',').map(|name| name.trim().parse()).collect();
    let wrong = |error| Problem::bad_request(format!("the parameter `kinds` is `{text}`: {error}"));
    kinds.map(Some).map_err(wrong)
}

/// Waits until the events end.
async fn closed(closed: &mut watch::Receiver<bool>) {
    let _closed = closed.wait_for(|closed| *closed).await.is_ok();
}

fn events_lost(count: u64) -> Bytes {
    let lost = json!({ "format": 1, "event": "events-lost", "count": count });
    format!("event: events-lost\ndata: {lost}\n\n").into()
}

/// One client that listens.
struct Client {
    live: Arc<Live>,
    frames: broadcast::Receiver<Frame>,
    closed: watch::Receiver<bool>,
    /// Pieces that are sent before new events.
    first: VecDeque<Bytes>,
    kinds: Option<Vec<EventKind>>,
    heartbeats: Interval,
    side: Arc<Inner>,
    request: request::Parts,
    _place: OwnedSemaphorePermit,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.live.kept_until.store(self.live.elapsed() + KEPT_MS, Ordering::Relaxed);
    }
}

impl Client {
    /// Waits for the next piece. `None` ends the answer.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.pop_front() {
            return Some(first);
        }
        loop {
            tokio::select! {
                biased;
                () = closed(&mut self.closed) => return None,
                _ = self.heartbeats.tick() => {
                    return self.side.is_admitted(&self.request).await.then(|| Bytes::from_static(b": alive\n\n"));
                }
                frame = self.frames.recv() => match frame {
                    Ok(frame) if self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&frame.kind)) => {
                        return Some(frame.bytes);
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(count)) => return Some(events_lost(count)),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }
}
