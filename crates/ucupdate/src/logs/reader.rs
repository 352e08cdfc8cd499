//! The audit logs of any number of servers, read as one.

use std::collections::VecDeque;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use ucupdate_audit::{AuditReader, AuditRow, Finding, LogDate, LogKind, LogName, LoggedRow, ServerName};
use ucupdate_core::value::{UnixTime, Zone};
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError, StoreKey};

/// The most bytes of a log in a store. Those of this service roll long before.
pub const MAX_STORED_LOG_BYTES: usize = 64 * 1024 * 1024;

/// Gives the rows of many audit logs, by time.
///
/// The logs of one server are read one after another, those of different servers side by side, so what is held is one log
/// for each server. Rows come by time as far as each log is in order. A line that gives no row is told and passed over.
///
/// ```
/// use ucupdate::{AuditLogs, Logged};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let log = |time: &str| format!("Logging DateTime,Model\n03-06-2009 {time},CX700\n");
/// let mut logs = AuditLogs::default();
/// logs.add("RequestHandlerAuditLog_ocs01_2009-03-06.log", move || Ok(std::io::Cursor::new(log("17:07:20"))));
/// logs.add("RequestHandlerAuditLog_ocs02_2009-03-06.log", move || Ok(std::io::Cursor::new(log("09:00:00"))));
/// let Some(Logged::Row(first)) = logs.next().await.unwrap() else { panic!() };
/// assert_eq!(first.server.unwrap().as_str(), "ocs02");
/// # });
/// ```
#[derive(Default)]
pub struct AuditLogs {
    zone: Zone,
    since: Option<UnixTime>,
    store: Option<Arc<dyn ImageStore>>,
    sources: Vec<Source>,
}

/// What a log gives next.
#[derive(Debug)]
#[non_exhaustive]
pub enum Logged {
    /// A row.
    Row(Box<LoggedRow>),
    /// A line that gave none.
    Unread {
        /// In which log.
        log: Box<str>,
        /// Which line, and why.
        finding: Finding,
    },
}

/// Why logs could not be read further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditLogError {
    /// The store does not do what is asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A log could not be opened.
    #[error("opening `{log}`")]
    Open {
        /// Which.
        log: Box<str>,
        /// Why.
        source: io::Error,
    },
}

type Input = Box<dyn Read + Send>;

/// Logs that are read one after another.
struct Source {
    server: Option<ServerName>,
    waiting: VecDeque<Log>,
    reading: Option<(Box<str>, AuditReader<Input>)>,
    head: Option<AuditRow>,
}

struct Log {
    /// Its place among the logs of its server.
    place: Option<(LogDate, u32)>,
    name: Box<str>,
    origin: Origin,
}

enum Origin {
    Stored(StoreKey),
    Given(Box<dyn FnOnce() -> io::Result<Input> + Send>),
}

impl AuditLogs {
    /// No logs yet; their times are in `zone`, and rows before `since` are passed over.
    pub fn new(zone: Zone, since: Option<UnixTime>) -> Self {
        Self { zone, since, ..Self::default() }
    }

    /// Adds a log: called as a file is, with or without folders, and opened when it is its turn.
    ///
    /// The name tells the server and the day, where it is that of a log of this service or of the original.
    pub fn add<R: Read + Send + 'static>(
        &mut self,
        name: &str,
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
    ) {
        let file = Path::new(name).file_name().and_then(|file| file.to_str()).unwrap_or(name);
        let known = format!("{}{file}", LogKind::Audit.folder()).parse().ok();
        self.take_in(name, known, Origin::Given(Box::new(|| Ok(Box::new(open()?)))));
    }

    /// Adds all audit logs of a store, of whatever server.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub async fn add_store(&mut self, store: Arc<dyn ImageStore>) -> Result<(), StoreError> {
        let mut pages = store.pages(LogKind::Audit.folder());
        while let Some(page) = pages.next().await? {
            for key in page.into_iter().map(|meta| meta.key).filter(|key| key.as_str().ends_with(".log")) {
                self.take_in(key.as_str(), key.as_str().parse().ok(), Origin::Stored(key.clone()));
            }
        }
        drop(pages);
        self.store = Some(store);
        Ok(())
    }

    fn take_in(&mut self, name: &str, known: Option<LogName>, origin: Origin) {
        if known.as_ref().is_some_and(|known| self.is_too_old(known.date)) {
            return;
        }
        let place = known.as_ref().map(|known| (known.date, known.number));
        let log = Log { place, name: name.into(), origin };
        let server = known.map(|known| known.server);
        let same = |source: &&mut Source| server.is_some() && source.server == server;
        match self.sources.iter_mut().find(same) {
            Some(source) => {
                let before = source.waiting.partition_point(|waiting| waiting.place <= log.place);
                source.waiting.insert(before, log);
            }
            None => self.sources.push(Source { server, waiting: [log].into(), reading: None, head: None }),
        }
    }

    /// Whether all rows of a log of this day are before the time that is asked for. The log may be in another zone than is
    /// said, so a day more is read.
    fn is_too_old(&self, date: LogDate) -> bool {
        self.since.is_some_and(|since| LogDate::of(self.zone.civil(since)).days_since(date) > 1)
    }

    /// The next row, or a line that gave none; none at the end.
    ///
    /// # Errors
    /// When a log cannot be opened, or the store does not give it. One that was removed meanwhile is passed over.
    pub async fn next(&mut self) -> Result<Option<Logged>, AuditLogError> {
        // Only when each source shows its next row is it known which row is first.
        while let Some(source) = self.sources.iter_mut().find(|source| source.head.is_none()) {
            if let Some((name, reader)) = &mut source.reading {
                match reader.next() {
                    Some(Ok(row)) if self.since.is_some_and(|since| row.logged_at < since) => {}
                    Some(Ok(row)) => source.head = Some(row),
                    Some(Err(finding)) => return Ok(Some(Logged::Unread { log: name.clone(), finding })),
                    None => source.reading = None,
                }
            } else if let Some(log) = source.waiting.pop_front() {
                let input = log.origin.open(self.store.as_deref(), &log.name).await?;
                source.reading =
                    input.map(|input| (log.name, AuditReader::new(input).with_zone(self.zone.clone())));
            } else {
                self.sources.retain(|source| {
                    source.head.is_some() || source.reading.is_some() || !source.waiting.is_empty()
                });
            }
        }
        let at = |source: &&mut Source| source.head.as_ref().map(|row| row.logged_at);
        let first = self.sources.iter_mut().min_by_key(at);
        let row = first.and_then(|source| Some(LoggedRow::new(source.head.take()?, source.server.clone())));
        Ok(row.map(|row| Logged::Row(Box::new(row))))
    }
}

impl Origin {
    async fn open(self, store: Option<&dyn ImageStore>, name: &str) -> Result<Option<Input>, AuditLogError> {
        let key = match self {
            Self::Given(open) => {
                return match open() {
                    Ok(input) => Ok(Some(input)),
                    Err(source) => Err(AuditLogError::Open { log: name.into(), source }),
                };
            }
            Self::Stored(key) => key,
        };
        let Some(store) = store else { return Ok(None) };
        match store.get_bytes(&key, MAX_STORED_LOG_BYTES).await {
            Ok(bytes) => Ok(Some(Box::new(Cursor::new(bytes)))),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl std::fmt::Debug for AuditLogs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let servers: Vec<_> = self.sources.iter().map(|source| &source.server).collect();
        f.debug_struct("AuditLogs")
            .field("since", &self.since)
            .field("servers", &servers)
            .finish_non_exhaustive()
    }
}
