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
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
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

/// Listener that sends the events of a service to the clients of `GET /api/v1/events`. Clones share the clients.
///
/// Add it to the service with [`Options::with_events`](ucupdate::Options::with_events) and to the administrators' side with
/// [`AdminOptions::with_live_events`](crate::AdminOptions::with_live_events). An event is put into a bounded queue, so no answer
/// waits for a client. Without clients, an event costs the read of a counter. [`EventKind::ExchangeFinished`] is not sent,
/// because the access log has it.
#[derive(Clone)]
pub struct LiveEvents(Arc<Live>);

struct Live {
    server: Box<str>,
    number: AtomicU64,
    frames: broadcast::Sender<Frame>,
    closed: watch::Sender<bool>,
}

#[derive(Clone)]
struct Frame {
    kind: EventKind,
    bytes: Bytes,
}

impl LiveEvents {
    /// Creates a listener. `server` is the name in each event.
    pub fn new(server: &str) -> Self {
        let live = Live {
            server: server.into(),
            number: AtomicU64::new(0),
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
        let Live { server, number, frames, .. } = &*self.0;
        let kind = event.kind();
        if kind == EventKind::ExchangeFinished || frames.receiver_count() == 0 {
            return;
        }
        let number = number.fetch_add(1, Ordering::Relaxed) + 1;
        let value = report::event(event, server, SystemClock.now());
        let bytes = format!("id: {number}\nevent: {kind}\ndata: {value}\n\n").into();
        // Sending fails only if there is no client.
        let _clients = frames.send(Frame { kind, bytes });
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
    let client = Client {
        frames: live.0.frames.subscribe(),
        closed: live.0.closed.subscribe(),
        first: Some(format!("retry: {RETRY_MS}\nevent: opened\ndata: {opened}\n\n").into()),
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

/// One client that listens.
struct Client {
    frames: broadcast::Receiver<Frame>,
    closed: watch::Receiver<bool>,
    first: Option<Bytes>,
    kinds: Option<Vec<EventKind>>,
    heartbeats: Interval,
    side: Arc<Inner>,
    request: request::Parts,
    _place: OwnedSemaphorePermit,
}

impl Client {
    /// Waits for the next piece. `None` ends the answer.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
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
                    Err(RecvError::Lagged(count)) => {
                        let lost = json!({ "format": 1, "event": "events-lost", "count": count });
                        return Some(format!("event: events-lost\ndata: {lost}\n\n").into());
                    }
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }
}
