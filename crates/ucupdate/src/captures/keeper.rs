//! [`Keeper`]: writes captures in the background, and removes old ones.

use crate::captures::capture::{self, CaptureId, CaptureKind};
use crate::captures::options::CaptureOptions;
use crate::clock::Clock;
use crate::events::event::Event;
use crate::events::listeners::Listeners;
use crate::logs::losses::{Loss, Losses};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use ucupdate_core::value::{Sha256Digest, UnixTime};
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError, StoreKey, error_chain};

/// The largest number of captures that wait to be written.
const MAX_WAITING: usize = 64;

/// The largest total size in bytes of the captures that wait to be written.
const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;

/// The time limit for writing a capture.
const STORE_TIME: Duration = Duration::from_secs(60);

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Writes captures in the background.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) options: CaptureOptions,
    queue: mpsc::Sender<KeeperItem>,
    /// The total size in bytes of the captures that wait.
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum KeeperItem {
    /// A capture: its kind, its key, the size of its body in bytes, and its object.
    Capture(CaptureKind, StoreKey, usize, Bytes),
    /// A request for notification when all earlier captures are written or lost.
    Flush(oneshot::Sender<()>),
}

impl Keeper {
    pub(crate) fn start(
        store: Arc<dyn ImageStore>,
        options: CaptureOptions,
        clock: Arc<dyn Clock>,
        events: Listeners,
    ) -> Self {
        let (queue, items) = mpsc::channel(MAX_WAITING);
        let waiting = Arc::new(AtomicUsize::new(0));
        let lost = Lost { events, losses: Losses::default(), captures: 0, cause: String::new() };
        let task = KeeperTask { store, options: options.clone(), clock, waiting: Arc::clone(&waiting), lost };
        tokio::spawn(task.run(items));
        Self { options, queue, waiting }
    }

    /// Adds a body to the waiting captures. Returns its id, or `None` if too many bodies wait.
    pub(crate) fn keep(
        &self,
        kind: CaptureKind,
        now: UnixTime,
        (host, reason): (&str, &str),
        body: &[u8],
    ) -> Option<CaptureId> {
        let place = self.queue.try_reserve().ok()?;
        let id = CaptureId::new(&self.options.server, now, &Sha256Digest::of(body));
        let key = id.key(kind)?;
        let most = if kind == CaptureKind::Unreadable { self.options.bytes } else { usize::MAX };
        let size = body.len().min(most);
        if self.waiting.fetch_add(size, Ordering::Relaxed) + size > MAX_WAITING_BYTES.max(size) {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
            return None;
        }
        place.send(KeeperItem::Capture(kind, key, size, capture::write(now, host, reason, body, most)));
        Some(id)
    }

    /// Waits until the captures that wait now are written or lost.
    pub(crate) async fn flush(&self) {
        let (done, is_done) = oneshot::channel();
        if self.queue.send(KeeperItem::Flush(done)).await.is_ok() {
            let _task_has_ended = is_done.await;
        }
    }
}

/// The background task that writes captures and removes old ones.
struct KeeperTask {
    store: Arc<dyn ImageStore>,
    options: CaptureOptions,
    clock: Arc<dyn Clock>,
    waiting: Arc<AtomicUsize>,
    lost: Lost,
}

/// The captures that could not be written.
struct Lost {
    events: Listeners,
    losses: Losses,
    captures: u64,
    /// The failure of the last lost capture.
    cause: String,
}

impl Lost {
    fn add(&mut self, cause: String, now: UnixTime) {
        self.captures += 1;
        self.cause = cause;
        if self.losses.add(now) == Loss::Report {
            self.report();
        }
    }

    fn report(&self) {
        self.events.emit(&Event::CapturesLost { captures: self.captures, cause: &self.cause });
    }
}

impl KeeperTask {
    async fn run(mut self, mut items: mpsc::Receiver<KeeperItem>) {
        // The number of captures of each kind. `None` until they are counted.
        let mut counts = [None; CaptureKind::ALL.len()];
        while let Some(item) = self.next(&mut items).await {
            match item {
                KeeperItem::Capture(kind, key, size, bytes) => {
                    let written = tokio::time::timeout(STORE_TIME, self.store.create(&key, bytes)).await;
                    self.waiting.fetch_sub(size, Ordering::Relaxed);
                    match written {
                        Ok(Ok(())) => {}
                        // The same body was kept in the same second.
                        Ok(Err(StoreError::AlreadyExists { .. })) => continue,
                        Ok(Err(error)) => {
                            self.lost.add(error_chain(&error), self.clock.now());
                            continue;
                        }
                        Err(late) => {
                            self.lost.add(format!("no answer from the store: {late}"), self.clock.now());
                            continue;
                        }
                    }
                    let count = &mut counts[kind as usize];
                    match count {
                        Some(count) if *count < self.options.captures => *count += 1,
                        _ => *count = self.prune(kind).await.ok(),
                    }
                }
                KeeperItem::Flush(done) => {
                    let _late = done.send(());
                }
            }
        }
        if self.lost.losses.next_report(self.clock.now()).is_some() {
            self.lost.report();
        }
    }

    /// Returns the next item that the task has to process: a capture or a request to flush. `None`
    /// at the end of the service. While this waits, it emits [`Event::CapturesLost`] for lost
    /// captures that were not reported yet, at most once a minute.
    async fn next(&self, items: &mut mpsc::Receiver<KeeperItem>) -> Option<KeeperItem> {
        loop {
            let now = self.clock.now();
            if self.lost.losses.is_due(now) {
                self.lost.report();
            }
            let Some(due) = self.lost.losses.next_report(now) else { return items.recv().await };
            let left = due.as_millis().saturating_sub(now.as_millis());
            let left = Duration::from_millis(u64::try_from(left).unwrap_or(0).max(1));
            if let Ok(item) = tokio::time::timeout(left, items.recv()).await {
                return item;
            }
        }
    }

    /// Removes the captures of one kind of this server that are too old. If there are more captures
    /// than the largest number, also removes the oldest ones: the surplus and a tenth of the
    /// largest number, so that the store is listed less often. Returns the number of captures that
    /// stay.
    async fn prune(&self, kind: CaptureKind) -> Result<usize, StoreError> {
        prune(&*self.store, &self.options, kind, self.clock.now()).await.map(|(kept, _)| kept)
    }
}

/// Removes the captures of one kind of this server that are too old or too many. Returns how many
/// stay and how many were removed.
pub(crate) async fn prune(
    store: &dyn ImageStore,
    options: &CaptureOptions,
    kind: CaptureKind,
    now: UnixTime,
) -> Result<(usize, usize), StoreError> {
    let mut found = Vec::new();
    let folder = kind.folder();
    let mut pages = store.pages(&folder);
    while let Some(page) = pages.next().await? {
        let ids = page.into_iter().filter_map(|meta| Some((CaptureId::of_key(&meta.key)?, meta.key)));
        found.extend(ids.filter(|(id, _)| *id.server() == options.server));
    }
    found.sort_by_key(|(id, _)| id.at());
    let oldest = now.as_millis().saturating_sub(i64::from(options.days.days()) * DAY_MILLIS);
    let too_old = found.partition_point(|(id, _)| id.at().as_millis() < oldest);
    let too_many = match found.len().checked_sub(options.captures) {
        Some(beyond @ 1..) => beyond + options.captures / 10,
        _ => 0,
    };
    let removed = too_old.max(too_many);
    for (_, key) in &found[..removed] {
        store.delete(key).await?;
    }
    Ok((found.len() - removed, removed))
}
