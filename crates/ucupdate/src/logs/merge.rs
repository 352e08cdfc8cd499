//! Reads the logs of several servers in order of time. This module works for rows of any type.

use crate::logs::place::check_empty;
use crate::logs::read_ahead::{BLOCK_ROWS, ReadAhead, ReadingThread};
use crate::logs::reader::{LogReadError, LogSummary, Logged, MAX_STORED_LOG_BYTES};
use crate::logs::zone_file::{is_log, stem_of, stored_zone};
use bytes::Bytes;
use std::collections::{HashSet, VecDeque};
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use ucupdate_audit::{
    FileKind, GzipCopy, LineProblem, LogDate, LogFile, LogFinding, LogKind, LogName, ReadLimits, ServerName,
};
use ucupdate_core::value::{UnixTime, Zone};
use ucupdate_store::{ImageStore, ImageStoreExt as _, ObjectMeta, StoreError, StoreKey};

/// A reader of the bytes of a log.
pub(crate) type Input = Box<dyn Read + Send>;

/// A kind of log, with its reader and its rows.
pub(crate) trait LogFormat: 'static {
    type Row: Send + 'static;
    type Reader: Iterator<Item = Result<Self::Row, LogFinding>> + Send + 'static;
    const KIND: LogKind;

    /// Returns a reader. If the log `may_grow`, the reader skips a last line without a line end,
    /// because the server may be writing it.
    fn reader(&self, input: Input, limits: ReadLimits, zone: Zone, may_grow: bool) -> Self::Reader;
    /// Returns the time of a row, by which the rows are ordered.
    fn at(row: &Self::Row) -> UnixTime;
    /// Returns the number of decompressed bytes that a reader has read.
    fn bytes_read(reader: &Self::Reader) -> u64;
    /// Returns the summary of a log that was read to its end. `rows` and `unread` are the numbers
    /// of its lines that could be read as rows, and that could not.
    fn summary(reader: &Self::Reader, rows: u64, unread: u64) -> LogSummary;
}

/// The next item of the logs. A row comes with the server that wrote it, or `None` if the server is
/// not known.
type Next<F> = Logged<(Option<ServerName>, <F as LogFormat>::Row)>;

/// Several logs of one kind. Their rows are returned in order of time.
pub(crate) struct MergedLogs<F: LogFormat> {
    pub(crate) form: F,
    /// The time zone of logs without a `.zone` file.
    zone: Zone,
    since: Option<UnixTime>,
    store: Option<Arc<dyn ImageStore>>,
    sources: Vec<LogSource<F>>,
    /// The entries of the store that have the name of a log, but are not read: entries that are not
    /// files, and files that are too large. They are reported after `findings`.
    not_read: VecDeque<(Box<str>, FileKind)>,
    /// Findings about logs that are not read, each with the name of the log. They are reported
    /// first.
    findings: VecDeque<(Box<str>, LogFinding)>,
    thread: ReadingThread<F>,
    /// Rows that the caller gave back. The reading thread will free their memory.
    used: Vec<F::Row>,
}

/// Logs that are read one after another: those of one server, or one log of an unknown server.
struct LogSource<F: LogFormat> {
    server: Option<ServerName>,
    waiting: VecDeque<WaitingLog>,
    reading: Option<OpenLog<F>>,
    head: Option<SourceHead<F::Row>>,
}

/// The known next item of a source.
enum SourceHead<R> {
    Row(R),
    /// A log that is not open yet. Its first row has this time. The log is opened when this row is the next
    /// one, so few logs are open at once.
    Log(UnixTime),
}

struct OpenLog<F: LogFormat> {
    name: Box<str>,
    lines: ReadAhead<F>,
    rows: u64,
    unread: u64,
}

struct WaitingLog {
    /// The day and the number of the log among the logs of its server. `None` if its name does not have them.
    place: Option<(LogDate, u32)>,
    name: Box<str>,
    origin: LogOrigin,
}

enum LogOrigin {
    Stored { key: StoreKey, has_zone: bool },
    Given { open: Box<dyn Fn() -> io::Result<Input> + Send>, zone: Option<Zone> },
}

/// The maximum number of bytes that are read to find the first row of a log, compressed and decompressed.
const FIRST_ROW_BYTES: u64 = 1024 * 1024;

impl<F: LogFormat> MergedLogs<F> {
    pub(crate) fn new(form: F, zone: Zone, since: Option<UnixTime>) -> Self {
        Self {
            form,
            zone,
            since,
            store: None,
            sources: Vec::new(),
            not_read: VecDeque::new(),
            findings: VecDeque::new(),
            thread: ReadingThread::default(),
            used: Vec::new(),
        }
    }

    /// Takes a row that is no longer needed. The thread that reads the next rows frees it. If
    /// [`BLOCK_ROWS`] rows wait for this already, the row is freed at once.
    pub(crate) fn give_back(&mut self, row: F::Row) {
        if self.used.len() < BLOCK_ROWS {
            self.used.push(row);
        }
    }

    pub(crate) fn add<R: Read + Send + 'static>(
        &mut self,
        name: &str,
        zone: Option<Zone>,
        open: impl Fn() -> io::Result<R> + Send + 'static,
    ) -> bool {
        let file = Path::new(name).file_name().and_then(|file| file.to_str()).unwrap_or(name);
        let file = file.strip_suffix(".gz").unwrap_or(file);
        let known = format!("{}{file}", F::KIND.folder()).parse().ok();
        let open = Box::new(move || Ok(Box::new(open()?) as Input));
        self.take_in(name, known, LogOrigin::Given { open, zone })
    }

    pub(crate) async fn add_store(&mut self, store: Arc<dyn ImageStore>) -> Result<u64, StoreError> {
        let (mut logs, mut zones) = (Vec::new(), HashSet::new());
        let mut pages = store.pages(F::KIND.folder());
        while let Some(page) = pages.next().await? {
            for ObjectMeta { key, size, .. } in page {
                match key.as_str().strip_suffix(".zone") {
                    Some(stem) => drop(zones.insert(stem.to_owned())),
                    None if stem_of(key.as_str()).is_some() => logs.push((key, size)),
                    None => {}
                }
            }
        }
        drop(pages);
        logs.retain(|(key, size)| {
            let is_too_large = *size > MAX_STORED_LOG_BYTES as u64;
            let is_wanted = || LogFile::of(key.as_str()).is_none_or(|(name, _)| !self.is_too_old(name.date));
            if is_too_large && is_wanted() {
                self.not_read.push_back((key.as_str().into(), too_large(*size)));
            }
            !is_too_large
        });
        self.skip_copies(&*store, &mut logs).await?;
        if logs.is_empty() {
            check_empty(&*store, F::KIND.folder()).await?;
        }
        let strays = store.strays(F::KIND.folder()).await?.into_iter().filter(|path| is_log(path));
        self.not_read.extend(strays.map(|path| (path.into_boxed_str(), FileKind::NoFile)));
        let mut bytes = 0_u64;
        for (key, size) in logs {
            let has_zone = stem_of(key.as_str()).is_some_and(|stem| zones.contains(stem));
            let name = key.as_str().to_owned();
            let known = name.strip_suffix(".gz").unwrap_or(&name).parse().ok();
            if self.take_in(&name, known, LogOrigin::Stored { key, has_zone }) {
                bytes = bytes.saturating_add(size);
            }
        }
        self.store = Some(store);
        Ok(bytes)
    }

    /// Decides what is read if a log and its compressed copy both exist. If one of the two has all
    /// rows of the other, only this one is read. If each has rows that the other does not have,
    /// both are read. If this cannot be decided, only the log is read, and a finding says so. A
    /// file that is not read is removed from `logs`.
    async fn skip_copies(
        &mut self,
        store: &dyn ImageStore,
        logs: &mut Vec<(StoreKey, u64)>,
    ) -> Result<(), StoreError> {
        let names: HashSet<&str> = logs.iter().map(|(key, _)| key.as_str()).collect();
        let has_both =
            |key: &&StoreKey| key.as_str().strip_suffix(".gz").is_some_and(|log| names.contains(log));
        let copies: Vec<StoreKey> = logs.iter().map(|(key, _)| key).filter(has_both).cloned().collect();
        for copy in copies {
            let Some(log) = other_form(&copy) else { continue };
            if LogFile::of(log.as_str()).is_some_and(|(name, _)| self.is_too_old(name.date)) {
                continue;
            }
            let passed_over = match compare(store, &log, &copy).await? {
                Some(GzipCopy::InLog) => copy,
                Some(GzipCopy::InCopy) => log,
                Some(GzipCopy::Undecided { line, error }) => {
                    let beside = format!("{error}; what can be read of it is in `{log}`, which is read");
                    let problem = LineProblem::Unreadable(io::Error::new(error.kind(), beside));
                    self.findings.push_back((copy.as_str().into(), LogFinding { line, problem }));
                    copy
                }
                Some(GzipCopy::Different) | None => continue,
            };
            logs.retain(|(key, _)| *key != passed_over);
        }
        Ok(())
    }

    /// Adds a log. Returns `false` if the log is not read, because its day is before `since`.
    fn take_in(&mut self, name: &str, known: Option<LogName>, origin: LogOrigin) -> bool {
        if known.as_ref().is_some_and(|known| self.is_too_old(known.date)) {
            return false;
        }
        let place = known.as_ref().map(|known| (known.date, known.number));
        let log = WaitingLog { place, name: name.into(), origin };
        let server = known.map(|known| known.server);
        let same = |source: &&mut LogSource<F>| server.is_some() && source.server == server;
        match self.sources.iter_mut().find(same) {
            Some(source) => {
                let before = source.waiting.partition_point(|waiting| waiting.place <= log.place);
                source.waiting.insert(before, log);
            }
            None => self.sources.push(LogSource { server, waiting: [log].into(), reading: None, head: None }),
        }
        true
    }

    /// Returns whether all rows of a log of this day are before `since`. One more day is read,
    /// because the log may be in another zone.
    fn is_too_old(&self, date: LogDate) -> bool {
        self.since.is_some_and(|since| LogDate::of(self.zone.civil(since)).days_since(date) > 1)
    }

    /// Returns the next row, or a line that is not a row, or the end of a log. `None` at the end of all logs.
    pub(crate) async fn next(&mut self) -> Result<Option<Next<F>>, LogReadError> {
        if let Some((log, finding)) = self.findings.pop_front() {
            return Ok(Some(Logged::Unread { log, finding }));
        }
        loop {
            if let Some((log, kind)) = self.not_read.pop_front() {
                return Ok(Some(Logged::End { log, summary: LogSummary::of_unread(kind) }));
            }
            // The first row is known only when the next row of every source is known.
            if let Some(at) = self.unknown() {
                match self.advance(at).await? {
                    Some(logged) => return Ok(Some(logged)),
                    None => continue,
                }
            }
            let Some(at) = self.first() else { return Ok(None) };
            match self.sources[at].head.take() {
                Some(SourceHead::Row(row)) => {
                    let server = self.sources[at].server.clone();
                    return Ok(Some(Logged::Row(Box::new((server, row)))));
                }
                Some(SourceHead::Log(_)) => self.open(at).await?,
                None => {}
            }
        }
    }

    /// Returns the index of a source whose next item is not known yet. A source is the logs of one
    /// server, or one log of an unknown server.
    fn unknown(&self) -> Option<usize> {
        self.sources.iter().position(|source| source.head.is_none())
    }

    /// Returns the index of the source whose next row or next log is the earliest of all sources.
    /// `None` if no source is left.
    fn first(&self) -> Option<usize> {
        let time = |source: &LogSource<F>| match &source.head {
            Some(SourceHead::Row(row)) => Some(F::at(row)),
            Some(SourceHead::Log(at)) => Some(*at),
            None => None,
        };
        let first = self.sources.iter().enumerate().min_by_key(|(_, source)| time(source));
        first.map(|(at, _)| at)
    }

    /// Takes one step towards the next item of a source: reads a line of its log, opens its next
    /// log or finds the time of this log's first row, or removes the source if it has no more logs.
    /// Returns an item only for a line that cannot be read, or at the end of a log.
    async fn advance(&mut self, at: usize) -> Result<Option<Next<F>>, LogReadError> {
        let source = &mut self.sources[at];
        if let Some(reading) = &mut source.reading {
            match reading.lines.next(&mut self.thread, &mut self.used).await? {
                Some(Ok(row)) => {
                    reading.rows += 1;
                    if self.since.is_none_or(|since| F::at(&row) >= since) {
                        source.head = Some(SourceHead::Row(row));
                    }
                }
                Some(Err(finding)) => {
                    reading.unread += 1;
                    return Ok(Some(Logged::Unread { log: reading.name.clone(), finding }));
                }
                None => {
                    let ended = source.reading.take();
                    let summary = ended.as_ref().and_then(|log| log.lines.summary(log.rows, log.unread));
                    return Ok(ended
                        .zip(summary)
                        .map(|(log, summary)| Logged::End { log: log.name, summary }));
                }
            }
        } else if source.waiting.is_empty() {
            self.sources.remove(at);
        } else if source.server.is_some() {
            self.open(at).await?;
        } else {
            let first = self.first_row_at(at)?;
            self.sources[at].head = Some(SourceHead::Log(first));
        }
        Ok(None)
    }

    /// Opens the next log of a source. A log that was compressed in the meantime is read in its new
    /// form. A log that was deleted is skipped. A log that grew too large is skipped and added to
    /// `not_read`.
    async fn open(&mut self, at: usize) -> Result<(), LogReadError> {
        let Some(log) = self.sources[at].waiting.pop_front() else { return Ok(()) };
        let (input, limits, zone) = match log.origin {
            LogOrigin::Given { open, zone } => {
                let opened = open().map_err(|source| LogReadError::Open { log: log.name.clone(), source })?;
                (opened, ReadLimits::default(), zone)
            }
            LogOrigin::Stored { key, has_zone } => {
                let Some(store) = &self.store else { return Ok(()) };
                let other = other_form(&key)
                    .filter(|other| !self.sources[at].waiting.iter().any(|log| *log.name == *other.as_str()));
                let mut read = existing(&**store, &key).await;
                if let (Ok(None), Some(other)) = (&read, other) {
                    read = existing(&**store, &other).await;
                }
                let bytes = match read {
                    Ok(Some(bytes)) => bytes,
                    Ok(None) => return Ok(()),
                    Err(StoreError::TooLarge { found, .. }) => {
                        self.not_read.push_back((log.name, too_large(found)));
                        return Ok(());
                    }
                    Err(error) => return Err(error.into()),
                };
                let zone = if has_zone { stored_zone(&**store, &log.name).await? } else { None };
                let limits = ReadLimits::default().with_log_bytes(MAX_STORED_LOG_BYTES as u64);
                (Box::new(Cursor::new(bytes)) as Input, limits, zone)
            }
        };
        // A server that appends to its log may have written a part of its last row.
        let may_grow = log.place.is_some();
        let reader = self.form.reader(input, limits, zone.unwrap_or_else(|| self.zone.clone()), may_grow);
        self.sources[at].reading =
            Some(OpenLog { name: log.name, lines: ReadAhead::new(reader), rows: 0, unread: 0 });
        Ok(())
    }

    /// Returns the time of the first row of the next log of a source. A log without rows gets the
    /// earliest time, so it comes first.
    fn first_row_at(&mut self, at: usize) -> Result<UnixTime, LogReadError> {
        let (zone, source) = (&self.zone, &mut self.sources[at]);
        let Some(WaitingLog { origin: LogOrigin::Given { open, zone: own }, name, .. }) =
            source.waiting.front()
        else {
            return Ok(UnixTime::from_millis(i64::MIN));
        };
        let opened = open().map_err(|source| LogReadError::Open { log: name.clone(), source });
        let input = match opened {
            Ok(input) => Box::new(input.take(FIRST_ROW_BYTES)),
            Err(error) => {
                source.waiting.pop_front();
                return Err(error);
            }
        };
        let limits = ReadLimits::default().with_log_bytes(FIRST_ROW_BYTES);
        let mut reader = self.form.reader(input, limits, own.clone().unwrap_or_else(|| zone.clone()), false);
        let first = reader.find_map(Result::ok).map(|row| F::at(&row));
        Ok(first.unwrap_or(UnixTime::from_millis(i64::MIN)))
    }
}

/// Compares the rows of a log with those of its compressed copy. `None` if the log or the copy was
/// deleted in the meantime, or is too large.
pub(crate) async fn compare(
    store: &dyn ImageStore,
    log: &StoreKey,
    copy: &StoreKey,
) -> Result<Option<GzipCopy>, StoreError> {
    let both = match existing(store, log).await {
        Ok(log) => existing(store, copy).await.map(|copy| log.zip(copy)),
        Err(error) => Err(error),
    };
    match both {
        Ok(both) => Ok(both.map(|(log, copy)| GzipCopy::compare(&log, &*copy))),
        Err(StoreError::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns [`FileKind::TooLarge`] for a stored log of this size.
pub(crate) fn too_large(found: u64) -> FileKind {
    FileKind::TooLarge { found, limit: MAX_STORED_LOG_BYTES as u64 }
}

/// Returns the bytes of a log. `None` if it was deleted in the meantime.
async fn existing(store: &dyn ImageStore, key: &StoreKey) -> Result<Option<Bytes>, StoreError> {
    match store.get_bytes(key, MAX_STORED_LOG_BYTES).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the key of the other form of a log: without `.gz` for a compressed log, and with `.gz`
/// for another one.
pub(crate) fn other_form(log: &StoreKey) -> Option<StoreKey> {
    let name = log.as_str();
    StoreKey::parse(&name.strip_suffix(".gz").map_or_else(|| format!("{name}.gz"), str::to_owned)).ok()
}

impl<F: LogFormat> std::fmt::Debug for MergedLogs<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let servers: Vec<_> = self.sources.iter().map(|source| &source.server).collect();
        f.debug_struct("MergedLogs")
            .field("since", &self.since)
            .field("servers", &servers)
            .finish_non_exhaustive()
    }
}
