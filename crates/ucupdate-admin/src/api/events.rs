//! The operation that sends the events of a service as server-sent events.

use super::call::{Call, Shared};
use crate::live_events::{Frame, Live};
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use bytes::Bytes;
use futures_util::stream;
use http::request;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};
use ucupdate::EventKind;

/// The time between two heartbeats. The token is checked again at each of them.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The time after which a client connects again if the connection is lost, in milliseconds. The first event of an
/// answer tells it to the client.
const RETRY_MS: u32 = 3000;

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
    let client = EventClient {
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

/// Reads the kinds of events that a client wants. `None` stands for all kinds.
fn kinds(call: &Call<'_>) -> Result<Option<Vec<EventKind>>, Problem> {
    let Some(text) = call.query.text("kinds") else { return Ok(None) };
    let kinds: Result<Vec<EventKind>, _> = text.split(',').map(|name| name.trim().parse()).collect();
    let wrong = |error| Problem::bad_request(format!("the parameter `kinds` is `{text}`: {error}"));
    kinds.map(Some).map_err(wrong)
}

async fn closed(closed: &mut watch::Receiver<bool>) {
    let _closed = closed.wait_for(|closed| *closed).await.is_ok();
}

fn events_lost(count: u64) -> Bytes {
    let lost = json!({ "format": 1, "event": "events-lost", "count": count });
    format!("event: events-lost\ndata: {lost}\n\n").into()
}

struct EventClient {
    live: Arc<Live>,
    frames: broadcast::Receiver<Frame>,
    closed: watch::Receiver<bool>,
    /// Events that the client gets before the new ones: the first event of an answer, and the events that the client
    /// missed.
    first: VecDeque<Bytes>,
    kinds: Option<Vec<EventKind>>,
    heartbeats: Interval,
    side: Arc<Shared>,
    request: request::Parts,
    _place: OwnedSemaphorePermit,
}

impl Drop for EventClient {
    fn drop(&mut self) {
        self.live.keep();
    }
}

impl EventClient {
    /// Waits for the next piece of the answer: an event, a heartbeat, or the number of events that were lost. `None`
    /// ends the answer.
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
