//! [`UpdateService`]: the service that a server embeds.

use crate::asker::{Answered, Asker, NoUrls};
use crate::captures::keeper::Keeper;
use crate::captures::shapes::Shapes;
use crate::error::StateError;
use crate::events::event::Event;
use crate::logs::writer::Logs;
use crate::options::Options;
use crate::packages::compared::ComparedFiles;
use crate::packages::files::ServedFile;
use crate::packages::image_cache::ImageCache;
use crate::packages::timed::get_in_time;
use crate::state::health::ReadTimes;
use crate::state::rule_history::RuleHistory;
use crate::state::snapshot::Snapshot;
use crate::urls::BaseUrls;
use crate::watch::observer::Watch;
use arc_swap::ArcSwap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};
use ucupdate_core::request::{OfferedModule, Side};
use ucupdate_core::value::{Reported, UnixTime};
use ucupdate_core::{Question, UpdateRequest, UpdateResponse, decide};
use ucupdate_store::{ByteStream, ImageStore, StoreError};
use ucupdate_upx::Codec;

/// The largest number of packages that are read at the same time. Further ones wait.
const PACKAGE_READERS: usize = 2;

/// A device update service on a store. Clones share one service.
///
/// Answering a request does no input or output. It reads an immutable snapshot of the rule book, which a background task
/// replaces when the rule book changes.
#[derive(Clone)]
pub struct UpdateService {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn ImageStore>,
    pub(crate) options: Options,
    pub(crate) history: Mutex<RuleHistory>,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) looks: ReadTimes,
    pub(crate) compared: ComparedFiles,
    pub(crate) images: ImageCache,
    /// The permits for reading packages, one for each package. A reader holds a blocking thread
    /// while the bytes of its package arrive. The limit leaves blocking threads for the store.
    pub(crate) package_readers: Arc<Semaphore>,
    pub(crate) logs: Option<Logs>,
    pub(crate) watch: Option<Watch>,
    pub(crate) captures: Option<Keeper>,
    pub(crate) shapes: Shapes,
}

impl UpdateService {
    /// Opens a service on a store: reads the rule book, and starts the background tasks that the options require.
    ///
    /// # Errors
    /// When the rule book cannot be read, or a newer program wrote it.
    ///
    /// # Panics
    /// Outside a tokio runtime, if the options ask for logs, captures, probing or watching.
    pub async fn open(store: Arc<dyn ImageStore>, options: Options) -> Result<Self, StateError> {
        let mut history = RuleHistory::open(Arc::clone(&store)).await?;
        history.keep_news(!options.events.is_empty() || cfg!(feature = "tracing"));
        let snapshot = ArcSwap::from_pointee(Snapshot::new(history.book().clone(), history.revision()));
        let logs = options.logs.clone().map(|logs| {
            Logs::start(Arc::clone(&store), logs, Arc::clone(&options.clock), options.events.clone())
        });
        let captures = options.captures.clone().map(|captures| {
            Keeper::start(Arc::clone(&store), captures, Arc::clone(&options.clock), options.events.clone())
        });
        let (probe, looks) = (options.probe, options.watch.and_then(|watch| watch.period));
        let watch = options.watch.map(Watch::new);
        let images = ImageCache::new(options.image_cache);
        let inner = Inner {
            store,
            options,
            history: Mutex::new(history),
            snapshot,
            looks: ReadTimes::default(),
            compared: ComparedFiles::default(),
            images,
            package_readers: Arc::new(Semaphore::new(PACKAGE_READERS)),
            logs,
            watch,
            captures,
            shapes: Shapes::default(),
        };
        let inner = Arc::new(inner);
        if let Some(period) = probe {
            every(period, &inner, |service| async move {
                // The failure is recorded and reported. Until the store answers again, the old snapshot is used.
                let _recorded = service.refresh().await;
            });
        }
        if let Some(period) = looks {
            every(period, &inner, |service| async move {
                if let Err(_error) = service.pause_failing_rollouts().await {
                    #[cfg(feature = "tracing")]
                    tracing::warn!(error = &_error as &dyn std::error::Error, "cannot watch rollouts");
                }
            });
        }
        Ok(Self { inner })
    }

    /// Returns the snapshot that currently answers requests.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.snapshot.load_full()
    }

    /// Returns the store that the service was opened with.
    pub fn store(&self) -> &Arc<dyn ImageStore> {
        &self.inner.store
    }

    /// Returns the codec of requests and responses.
    pub fn codec(&self) -> &Codec {
        &self.inner.options.codec
    }

    /// Returns the URLs from which devices download files. `None` if this service answers no devices.
    pub fn urls(&self) -> Option<&BaseUrls> {
        self.inner.options.urls.as_ref()
    }

    /// Returns the current time, by the clock of the service.
    pub fn now(&self) -> UnixTime {
        self.inner.options.clock.now()
    }

    /// Answers a request and adds an audit row. Does no input or output and never waits.
    ///
    /// The answer offers nothing while the state of the store forbids it. See
    /// [`Options::with_offers_after_replacement`] and [`Options::with_offers_while_unreachable`].
    ///
    /// # Errors
    /// When the service has no URL for the side of the device.
    pub fn answer(&self, request: &UpdateRequest, asker: Asker<'_>) -> Result<UpdateResponse, NoUrls> {
        self.answered(request, asker).map(|answered| answered.response)
    }

    /// Answers a request as [`answer`](Self::answer) does, and also returns the revision of the rule book that decided. The
    /// revision is needed to explain the answer later.
    ///
    /// # Errors
    /// Those of [`answer`](Self::answer).
    pub fn answered(&self, request: &UpdateRequest, asker: Asker<'_>) -> Result<Answered, NoUrls> {
        let urls = self.urls().ok_or(NoUrls::Any)?;
        if asker.side == Side::External && urls.external().is_none() {
            return Err(NoUrls::External);
        }
        let snapshot = self.inner.snapshot.load();
        let now = self.now();
        let events = &self.inner.options.events;
        let takes_answers = events.takes_answers();
        let (mut modules, mut decisions) = (Vec::new(), Vec::new());
        let stops_offers = self.inner.looks.stops_offers(&self.inner.options);
        for question in Question::all_of(request, asker.asked_from()).filter(|_| !stops_offers) {
            let decision = decide(snapshot.index(), &question, now);
            modules.extend(decision.offer().map(|offer| OfferedModule {
                file_name: offer.image.clone(),
                signature_file_name: offer.signature.clone(),
                version: offer.version.clone(),
                time_stamp: offer.time_stamp.map_or_else(Reported::default, Reported::from),
                base_url: urls.folder(Side::Internal, &offer.folder).into(),
                external_base_url: urls.folder(Side::External, &offer.folder).into(),
            }));
            if takes_answers {
                decisions.push(decision);
            }
        }
        let response = UpdateResponse { modules };
        if let Some(logs) = &self.inner.logs {
            logs.audit_answer(request, &response, asker, now);
        }
        let revision = snapshot.revision();
        if takes_answers {
            events.emit(&Event::RequestAnswered { request, asker, decisions: &decisions, revision });
        }
        Ok(Answered { response, revision })
    }

    /// Opens a served file, or the part of it in `range`. The bytes end in an error if the store
    /// sends none for 30 seconds.
    ///
    /// The first call for a file reads the whole file and compares it with the ingested one, before
    /// any byte is returned. So the first device that downloads the file waits for this. The
    /// comparison is repeated after the object of the file was written again in the store. With an
    /// empty range, nothing is read, and only the size is compared.
    ///
    /// # Errors
    /// When the store fails or does not answer within 30 seconds, or when the file has another size
    /// or other bytes than the ingested one.
    pub async fn open_file(
        &self,
        file: &ServedFile,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream, StoreError> {
        if let Some(image) = self.inner.images.find(&*self.inner.store, file).await {
            return image.stream(range);
        }
        let reads = range.as_ref().is_none_or(|range| !range.is_empty());
        // A range is always given, because a store may read ahead without one, and a device may be
        // slow.
        let bytes = range.clone().unwrap_or(0..file.size);
        let object = match get_in_time(&*self.inner.store, &file.key, Some(bytes)).await {
            Err(StoreError::InvalidRange { size, .. }) if size != file.size => {
                return Err(other_size(file, size));
            }
            object => object?,
        };
        if object.meta.size != file.size {
            return Err(other_size(file, object.meta.size));
        }
        if reads {
            self.inner.compared.compare(&*self.inner.store, file, &object.meta).await?;
            if let Some(order) = self.inner.images.count(file) {
                let (service, file) = (self.clone(), file.clone());
                tokio::spawn(async move {
                    service.inner.images.load(&*service.inner.store, &file, order).await;
                });
            }
            // The image may have been loaded during the comparison.
            if let Some(image) = self.inner.images.find_or_wait(&*self.inner.store, file).await {
                return image.stream(range);
            }
        }
        Ok(object.bytes)
    }

    /// Passes an event to the listeners of this service.
    ///
    /// The service reports its own events. An HTTP side, such as the crate `ucupdate-http`, must report refused and
    /// unreadable requests, exchanges and downloads.
    pub fn emit(&self, event: &Event<'_>) {
        self.inner.options.events.emit(event);
    }
}

fn other_size(file: &ServedFile, found: u64) -> StoreError {
    let found = format!("{found} bytes, expected {}", file.size);
    StoreError::Integrity { key: file.key.clone(), found: found.into() }
}

/// Runs `work` every `period` until the last handle of the service is dropped.
fn every<W: Future<Output = ()> + Send>(
    period: Duration,
    inner: &Arc<Inner>,
    work: impl Fn(UpdateService) -> W + Send + Sync + 'static,
) {
    let weak = Arc::downgrade(inner);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(period.max(Duration::from_millis(10)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(inner) = weak.upgrade() else { return };
            work(UpdateService { inner }).await;
        }
    });
}

impl fmt::Debug for UpdateService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateService")
            .field("store", &self.inner.store)
            .field("revision", &self.inner.snapshot.load().revision())
            .finish_non_exhaustive()
    }
}
