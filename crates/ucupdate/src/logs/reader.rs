//! [`AuditLogs`]: the audit logs of any number of servers, read as one.

use std::collections::VecDeque;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use ucupdate_audit::{AuditReader, AuditRow, Finding, LogDate, LogKind, LogName, LoggedRow, ServerName};
use ucupdate_core::value::{UnixTime, Zone};
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError, StoreKey};

/// The maximum size of a log in a store, in bytes. The logs of this service are much smaller.
pub const MAX_STORED_LOG_BYTES: usize = 64 * 1024 * 1024;

/// Reads the rows of many audit logs in order of time.
///
/// The logs of one server are read one after another, and the logs of different servers side by side. So one log of each
/// server is in memory. The rows are in order as far as each log is in order. A line that is not a row is reported and
/// skipped.
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

/// The next item of the logs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Logged {
    /// A row.
    Row(Box<LoggedRow>),
    /// A line that is not a row.
    Unread {
        /// The name of the log.
        log: Box<str>,
        /// The number of the line, and the reason.
        finding: Finding,
    },
}

/// Error of reading the audit logs.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum AuditLogError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A log could not be opened.
    #[error("cannot open `{log}`")]
    Open { log: Box<str>, source: io::Error },
}

type Input = Box<dyn Read + Send>;

/// The logs of one server, which are read one after another.
struct Source {
    server: Option<ServerName>,
    waiting: VecDeque<Log>,
    reading: Option<(Box<str>, AuditReader<Input>)>,
    head: Option<AuditRow>,
}

struct Log {
    /// The place of the log among the logs of its server.
    place: Option<(LogDate, u32)>,
    name: Box<str>,
    origin: Origin,
}

enum Origin {
    Stored(StoreKey),
    Given(Box<dyn FnOnce() -> io::Result<Input> + Send>),
}

impl AuditLogs {
    /// Returns an empty set of logs. `zone` is the time zone of their rows. Rows before `since` are skipped.
    pub fn new(zone: Zone, since: Option<UnixTime>) -> Self {
        Self { zone, since, ..Self::default() }
    }

    /// Adds a log. `open` is called when its turn comes.
    ///
    /// `name` is the name of the file, with or without folders. If it has the form of this service or of the original, it
    /// tells the server and the day.
    pub fn add<R: Read + Send + 'static>(
        &mut self,
        name: &str,
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
    ) {
        let file = Path::new(name).file_name().and_then(|file| file.to_str()).unwrap_or(name);
        let known = format!("{}{file}", LogKind::Audit.folder()).parse().ok();
        self.take_in(name, known, Origin::Given(Box::new(|| Ok(Box::new(open()?)))));
    }

    /// Adds the audit logs of all servers in a store.
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

    /// Whether all rows of a log of this day are before the time asked for. The log may be in another zone, so one more day
    /// is read.
    fn is_too_old(&self, date: LogDate) -> bool {
        self.since.is_some_and(|since| LogDate::of(self.zone.civil(since)).days_since(date) > 1)
    }

    /// Returns the next row, or a line that is not a row. `None` at the end.
    ///
    /// # Errors
    /// When a log cannot be opened, or the store fails. A log that was deleted in the meantime is skipped.
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
