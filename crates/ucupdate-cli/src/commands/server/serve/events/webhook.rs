//! [`Webhook`]: sends events to a URL in the background.

use super::json::object;
use super::signature::Secret;
use crate::failure::{Failure, chain};
use serde_json::{Value, json};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use ucupdate::{Clock as _, Event, EventKind, Events, SystemClock};
use ucupdate_client::{Client, ClientError, ClientOptions, Retry};

/// The largest number of events that wait to be sent.
const MAX_WAITING: usize = 1024;

/// The largest number of events in one message.
const MAX_EVENTS: usize = 100;

/// The schedule of retries of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// The pause after the first failure. Each further pause is twice as long, up to `longest`.
    pub(super) first: Duration,
    pub(super) longest: Duration,
    /// The number of tries. If the last one fails, the events of the message are lost.
    pub(super) tries: u32,
    /// The time limit of one try.
    pub(super) time: Duration,
}

impl Default for Schedule {
    /// Returns a schedule with ten tries. Their pauses are about four minutes together.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            tries: 10,
            time: Duration::from_secs(15),
        }
    }
}

/// A listener that sends events to a URL. If the queue is full, an event is dropped and counted.
/// The next message contains the number of dropped events.
#[derive(Debug)]
pub(super) struct Webhook {
    queue: mpsc::Sender<Item>,
    lost: Arc<AtomicU64>,
    kinds: Vec<EventKind>,
    server: String,
}

#[derive(Debug)]
enum Item {
    Event(Value),
    /// A request for a notification after all earlier events are sent or lost.
    Flush(oneshot::Sender<()>),
}

impl Webhook {
    /// Starts the background task that sends messages. Fails when the URL cannot be used.
    pub(super) fn start(
        url: &str,
        secret: Secret,
        kinds: Vec<EventKind>,
        server: &str,
        schedule: Schedule,
    ) -> Result<Self, Failure> {
        let options = ClientOptions::default()
            .with_user_agent(concat!("ucupdate/", env!("CARGO_PKG_VERSION")))
            .with_ask_timeout(schedule.time)
            .with_retry(Retry::never());
        let client = Client::new(options)?;
        client.check_url(url)?;
        let (queue, items) = mpsc::channel(MAX_WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        // A random number makes the ids of messages of two processes different.
        let process = RandomState::new().build_hasher().finish();
        let (url, sent) = (url.to_owned(), 0);
        let sender = Sender { client, url, secret, schedule, process, sent, lost: Arc::clone(&lost) };
        tokio::spawn(sender.run(items));
        Ok(Self { queue, lost, kinds, server: server.to_owned() })
    }

    /// Waits until the events in the queue are sent or lost, but at most for `time`.
    pub(super) async fn flush(&self, time: Duration) {
        let (done, is_done) = oneshot::channel();
        let flushed = async {
            if self.queue.send(Item::Flush(done)).await.is_ok() {
                let _task_has_ended = is_done.await;
            }
        };
        let _late = tokio::time::timeout(time, flushed).await;
    }
}

impl Events for Webhook {
    fn on_event(&self, event: &Event<'_>) {
        if !self.kinds.contains(&event.kind()) {
            return;
        }
        // The JSON object is made only if the queue has room.
        match self.queue.try_reserve() {
            Ok(place) => place.send(Item::Event(object(event, &self.server, SystemClock.now()))),
            Err(_full) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// The state of the task that sends messages, one after another.
struct Sender {
    client: Client,
    url: String,
    secret: Secret,
    schedule: Schedule,
    process: u64,
    sent: u64,
    lost: Arc<AtomicU64>,
}

impl Sender {
    async fn run(mut self, mut items: mpsc::Receiver<Item>) {
        while let Some(first) = items.recv().await {
            let (mut events, mut flush, mut next) = (Vec::new(), None, Some(first));
            while let Some(item) = next {
                match item {
                    Item::Event(event) => events.push(event),
                    Item::Flush(done) => flush = Some(done),
                }
                let is_full = events.len() == MAX_EVENTS || flush.is_some();
                next = if is_full { None } else { items.try_recv().ok() };
            }
            if !events.is_empty() {
                self.deliver(&events).await;
            }
            if let Some(done) = flush {
                let _late = done.send(());
            }
        }
    }

    /// Sends a message, and repeats it after temporary failures. After a permanent failure or the
    /// last try, the events of the message are lost.
    async fn deliver(&mut self, events: &[Value]) {
        self.sent += 1;
        let id = format!("msg_{:016x}_{}", self.process, self.sent);
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let body = json!({ "format": 1, "lost": lost, "events": events }).to_string().into_bytes();
        let mut pause = self.schedule.first;
        let mut tries = 1;
        while let Err(error) = self.send(&id, &body).await {
            if !is_worth_another_try(&error) || tries >= self.schedule.tries {
                self.lost.fetch_add(lost + events.len() as u64, Ordering::Relaxed);
                tracing::warn!(
                    events = events.len(),
                    tries,
                    error = chain(&error),
                    "webhook: events are lost"
                );
                return;
            }
            tracing::debug!(tries, error = chain(&error), "webhook: sending again later");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(self.schedule.longest);
            tries += 1;
        }
    }

    async fn send(&self, id: &str, body: &[u8]) -> Result<(), ClientError> {
        let timestamp = SystemClock.now().as_seconds();
        let signature = self.secret.sign(id, timestamp, body);
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", &timestamp.to_string()),
            ("webhook-signature", &signature),
        ];
        self.client.post(&self.url, &headers, body.to_vec()).await
    }
}

/// Returns whether the receiver may accept the message later. A receiver that refuses the message
/// would refuse it again.
fn is_worth_another_try(error: &ClientError) -> bool {
    error.may_pass() || matches!(error, ClientError::Status { status: 408 | 425 | 500.., .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    fn secret() -> Secret {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "a secret of enough bytes").unwrap();
        Secret::read(&file).unwrap()
    }

    const SCHEDULE: Schedule = Schedule {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(2),
        tries: 3,
        time: Duration::from_secs(60),
    };

    fn refused(status: u16) -> Event<'static> {
        Event::RequestRefused { host: "10.1.1.9", method: "GET", path: "/", status, reason: "no" }
    }

    /// Answers one request with this status, and returns the request.
    async fn answer(listener: &TcpListener, status: u16) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let body_of = |text: &str| {
            let (head, body) = text.split_once("\r\n\r\n")?;
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
            (body.len() == length.parse::<usize>().ok()?).then_some(())
        };
        while body_of(&String::from_utf8_lossy(&request)).is_none() {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    }

    async fn webhook() -> (Webhook, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let kinds = vec![EventKind::RequestRefused];
        (Webhook::start(&url, secret(), kinds, "here", SCHEDULE).unwrap(), listener)
    }

    fn body(request: &str) -> Value {
        serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    #[tokio::test]
    async fn a_message_is_sent_again_until_it_is_taken_with_the_same_id_and_a_signature() {
        let (webhook, listener) = webhook().await;
        webhook.on_event(&refused(404));
        let first = answer(&listener, 503).await;
        let second = answer(&listener, 200).await;
        webhook.flush(Duration::from_secs(60)).await;
        let field = |request: &str, name: &str| {
            let line = request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap().to_owned()
        };
        assert_eq!(field(&first, "webhook-id"), field(&second, "webhook-id"));
        let (id, time) = (field(&second, "webhook-id"), field(&second, "webhook-timestamp"));
        let signed = second.split_once("\r\n\r\n").unwrap().1;
        let expected = secret().sign(&id, time.parse().unwrap(), signed.as_bytes());
        assert_eq!(field(&second, "webhook-signature"), expected);
        let event = &body(&second)["events"][0];
        assert_eq!((&event["event"], &event["status"]), (&json!("request-refused"), &json!(404)));
        assert_eq!(event["server"], "here");
    }

    #[tokio::test]
    async fn events_that_cannot_be_delivered_are_counted_in_the_next_message() {
        let (webhook, listener) = webhook().await;
        webhook.on_event(&refused(404));
        // A permanent error is not retried.
        answer(&listener, 401).await;
        webhook.flush(Duration::from_secs(60)).await;
        webhook.on_event(&refused(403));
        let next = body(&answer(&listener, 204).await);
        assert_eq!((&next["lost"], &next["events"][0]["status"]), (&json!(1), &json!(403)));
    }

    #[tokio::test]
    async fn a_receiver_that_hangs_fills_the_queue_and_nothing_waits() {
        let (webhook, listener) = webhook().await;
        webhook.on_event(&refused(404));
        let hanging = listener.accept().await.unwrap();
        for _ in 0..MAX_WAITING + 7 {
            webhook.on_event(&refused(404));
        }
        assert_eq!(webhook.lost.load(Ordering::Relaxed), 7);
        drop(hanging);
    }

    #[tokio::test]
    async fn events_that_are_not_chosen_are_not_sent() {
        let (webhook, _listener) = webhook().await;
        webhook.on_event(&Event::StoreReachable { after: Duration::ZERO });
        webhook.flush(Duration::from_secs(60)).await;
    }
}
