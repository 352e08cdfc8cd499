//! [`AuditLogs`] and [`AccessLogs`]: read the logs of several servers together.

use crate::logs::merge::{Input, LogFormat, MergedLogs};
use std::io::{self, Read};
use std::sync::Arc;
use ucupdate_audit::{
    AccessReader, AccessRow, AuditReader, AuditRow, FileKind, LogFinding, LogKind, LoggedRow, ReadLimits,
};
use ucupdate_core::value::{ParseError, UnixTime, Zone};
use ucupdate_store::{ImageStore, StoreError};

/// The maximum size of a log in a store, in bytes. Of a compressed log, the compressed and the
/// decompressed size are limited. The logs that this service writes have at most 8 MiB.
pub const MAX_STORED_LOG_BYTES: usize = 64 * 1024 * 1024;

/// Reads the rows of many audit logs in order of time.
///
/// The logs of one server are read one after another, and the logs of different servers side by side. Therefore one log
/// of each server is in memory. In a tokio runtime, the next rows of a log are read on another thread while its last ones are used. The
/// rows are in order if each log is in order. A line that is not a row is reported and skipped. The last line of a log whose name has a
/// server is skipped without a report while it has no line end, because the server may be writing it.
///
/// Times are read in the zone in which the log was written. A server in another zone than UTC stores a file beside each of
/// its logs that names the zone: the name of the log with `.zone` in place of `.log`.
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
#[derive(Debug)]
pub struct AuditLogs(MergedLogs<AuditForm>);

/// Reads the rows of many access logs in order of time. It works as [`AuditLogs`] does. Times are in UTC.
///
/// ```
/// use ucupdate::{AccessLogs, Logged};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut logs = AccessLogs::default();
/// logs.add("u_ex090306.log", || Ok("#Fields: date time sc-status\n2009-03-06 17:07:20 200\n".as_bytes()));
/// let Some(Logged::Row(row)) = logs.next().await.unwrap() else { panic!() };
/// assert_eq!(row.status, Some(200));
/// let Some(Logged::End { summary, .. }) = logs.next().await.unwrap() else { panic!() };
/// assert!(summary.is_understood());
/// # });
/// ```
#[derive(Debug)]
pub struct AccessLogs(MergedLogs<AccessForm>);

/// The next item of the logs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Logged<R = LoggedRow> {
    /// A row. If each log is in order of time, the row is not earlier than the rows that were
    /// returned before it.
    Row(Box<R>),
    /// A line that cannot be read as a row.
    Unread {
        /// The name that was passed to `add`, or the key of a log in the store.
        log: Box<str>,
        /// The number of the line, and the reason.
        finding: LogFinding,
    },
    /// The end of one log.
    End {
        /// The name that was passed to `add`, or the key of a log in the store.
        log: Box<str>,
        /// The summary of reading the log.
        summary: LogSummary,
    },
}

/// The summary of reading a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogSummary {
    /// The number of rows, including skipped rows before the time `since` of [`AuditLogs::new`] or
    /// [`AccessLogs::new`].
    pub rows: u64,
    /// The number of lines that could not be read as rows.
    pub unread: u64,
    /// `true` if the log has a header.
    pub has_header: bool,
    /// The kind of the log file, judged by its first bytes.
    pub file_kind: FileKind,
    /// `true` if the log has the field that [`AccessLogs::with_client_from`] names.
    pub has_client_field: bool,
    /// `true` if a server was stopped while it created the log file, so that the log is empty or has only a part of its header.
    pub is_unfinished: bool,
}

impl LogSummary {
    /// Returns the summary of a log that is not read, because it is a file of this kind.
    pub(crate) fn of_unread(file_kind: FileKind) -> Self {
        Self {
            rows: 0,
            unread: 0,
            has_header: false,
            file_kind,
            has_client_field: false,
            is_unfinished: false,
        }
    }

    /// Returns whether the log could be read as an audit log or an access log. This is so if it has rows, or nothing but a header
    /// or a part of a header.
    pub fn is_understood(&self) -> bool {
        self.rows > 0 || (self.unread == 0 && (self.has_header || self.is_unfinished))
    }
}

/// Error of reading logs. A line that cannot be read is no error, but a [`Logged::Unread`].
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum LogReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A log could not be opened.
    #[error("cannot open `{log}`")]
    Open { log: Box<str>, source: io::Error },
    /// The `.zone` file beside a log names no valid time zone.
    #[error("the time zone of `{log}` cannot be read from the file beside it")]
    Zone { log: Box<str>, source: Box<ParseError> },
}

impl AuditLogs {
    /// Returns an empty set of logs. `zone` is the time zone of logs without a `.zone` file. Rows
    /// before `since` are skipped.
    pub fn new(zone: Zone, since: Option<UnixTime>) -> Self {
        Self(MergedLogs::new(AuditForm, zone, since))
    }

    /// Adds a log. `open` is called when the log is read. If the server is not part of the name,
    /// `open` is also called once before, to find the time of the first row. Returns `false` if the
    /// log is not read, because its name has a day before the time `since` of [`new`](Self::new).
    ///
    /// `name` is the name of the log file, with or without folders. If it has the form of this service or of OCS, the
    /// server and the day are taken from it.
    pub fn add<R: Read + Send + 'static>(
        &mut self,
        name: &str,
        open: impl Fn() -> io::Result<R> + Send + 'static,
    ) -> bool {
        self.0.add(name, None, open)
    }

    /// Adds a log whose time zone is known. Otherwise it works as [`add`](Self::add) does.
    pub fn add_in_zone<R: Read + Send + 'static>(
        &mut self,
        name: &str,
        zone: Zone,
        open: impl Fn() -> io::Result<R> + Send + 'static,
    ) -> bool {
        self.0.add(name, Some(zone), open)
    }

    /// Adds the audit logs of all servers in a store, also those that were compressed to `.log.gz`.
    /// Returns the size in bytes of the logs that are read.
    ///
    /// A link, a pipe or a folder with the name of a log is not read, and neither is a log of more
    /// than [`MAX_STORED_LOG_BYTES`]. [`next`](Self::next) returns a [`Logged::End`] with
    /// [`FileKind::NoFile`] or [`FileKind::TooLarge`] for each of them. Of a compressed log, at
    /// most [`MAX_STORED_LOG_BYTES`] decompressed bytes are read. If the log has more, its last
    /// item is [`LineProblem::LogTooLong`](ucupdate_audit::LineProblem::LogTooLong).
    ///
    /// # Errors
    /// When the store cannot be listed, or when a log cannot be read that exists both compressed and
    /// uncompressed.
    pub async fn add_store(&mut self, store: Arc<dyn ImageStore>) -> Result<u64, StoreError> {
        self.0.add_store(store).await
    }

    /// Returns the next row, or a line that is not a row, or the end of a log. `None` at the end of all logs.
    ///
    /// # Errors
    /// When a log cannot be opened, or the store fails. A log that was deleted in the meantime is skipped.
    pub async fn next(&mut self) -> Result<Option<Logged>, LogReadError> {
        let next = self.0.next().await?;
        Ok(next.map(|logged| logged.map(|(server, row)| LoggedRow::new(row, server))))
    }

    /// Takes back a row that is no longer needed. This is optional. The thread that reads the next
    /// rows then frees the memory of the row.
    pub fn give_back(&mut self, row: Box<LoggedRow>) {
        self.0.give_back(row.row);
    }
}

impl Default for AuditLogs {
    /// Returns an empty set of logs with times in UTC.
    fn default() -> Self {
        Self::new(Zone::utc(), None)
    }
}

impl AccessLogs {
    /// Returns an empty set of logs. Rows before `since` are skipped.
    pub fn new(since: Option<UnixTime>) -> Self {
        Self(MergedLogs::new(AccessForm::default(), Zone::utc(), since))
    }

    /// Sets the header, such as `X-Forwarded-For`, in which a proxy sends the address of the
    /// client. The address is then read from the field of this header. See
    /// [`AccessReader::with_client_from`].
    #[must_use]
    pub fn with_client_from(mut self, header: &str) -> Self {
        self.0.form.client_from = Some(header.into());
        self
    }

    /// Adds a log. `open` is called when the log is read. If the server is not part of the name,
    /// `open` is also called once before, to find the time of the first row. Returns `false` if the
    /// log is not read, because its name has a day before the time `since` of [`new`](Self::new).
    pub fn add<R: Read + Send + 'static>(
        &mut self,
        name: &str,
        open: impl Fn() -> io::Result<R> + Send + 'static,
    ) -> bool {
        self.0.add(name, None, open)
    }

    /// Adds the access logs of all servers in a store, as [`AuditLogs::add_store`] does.
    ///
    /// # Errors
    /// When the store cannot be listed, or when a log cannot be read that exists both compressed and
    /// uncompressed.
    pub async fn add_store(&mut self, store: Arc<dyn ImageStore>) -> Result<u64, StoreError> {
        self.0.add_store(store).await
    }

    /// Returns the next row, or a line that is not a row, or the end of a log. `None` at the end of all logs.
    ///
    /// # Errors
    /// When a log cannot be opened, or the store fails. A log that was deleted in the meantime is skipped.
    pub async fn next(&mut self) -> Result<Option<Logged<AccessRow>>, LogReadError> {
        let next = self.0.next().await?;
        Ok(next.map(|logged| logged.map(|(_, row)| row)))
    }
}

impl Default for AccessLogs {
    fn default() -> Self {
        Self::new(None)
    }
}

impl<R> Logged<R> {
    fn map<T>(self, of: impl FnOnce(R) -> T) -> Logged<T> {
        match self {
            Self::Row(row) => Logged::Row(Box::new(of(*row))),
            Self::Unread { log, finding } => Logged::Unread { log, finding },
            Self::End { log, summary } => Logged::End { log, summary },
        }
    }
}

#[derive(Debug)]
struct AuditForm;

impl LogFormat for AuditForm {
    type Row = AuditRow;
    type Reader = AuditReader<Input>;
    const KIND: LogKind = LogKind::Audit;

    fn reader(&self, input: Input, limits: ReadLimits, zone: Zone, may_grow: bool) -> Self::Reader {
        let reader = AuditReader::new(input).with_limits(limits).with_zone(zone);
        if may_grow { reader.with_only_whole_lines() } else { reader }
    }

    fn at(row: &AuditRow) -> UnixTime {
        row.logged_at
    }

    fn bytes_read(reader: &Self::Reader) -> u64 {
        reader.bytes_read()
    }

    fn summary(reader: &Self::Reader, rows: u64, unread: u64) -> LogSummary {
        LogSummary {
            rows,
            unread,
            has_header: reader.has_header(),
            file_kind: reader.file_kind(),
            has_client_field: false,
            is_unfinished: reader.is_unfinished(),
        }
    }
}

#[derive(Debug, Default)]
struct AccessForm {
    client_from: Option<Box<str>>,
}

impl LogFormat for AccessForm {
    type Row = AccessRow;
    type Reader = AccessReader<Input>;
    const KIND: LogKind = LogKind::Access;

    fn reader(&self, input: Input, limits: ReadLimits, _zone: Zone, may_grow: bool) -> Self::Reader {
        let mut reader = AccessReader::new(input).with_limits(limits);
        if may_grow {
            reader = reader.with_only_whole_lines();
        }
        match &self.client_from {
            Some(header) => reader.with_client_from(header),
            None => reader,
        }
    }

    fn at(row: &AccessRow) -> UnixTime {
        row.finished_at
    }

    fn bytes_read(reader: &Self::Reader) -> u64 {
        reader.bytes_read()
    }

    fn summary(reader: &Self::Reader, rows: u64, unread: u64) -> LogSummary {
        LogSummary {
            rows,
            unread,
            has_header: reader.has_header(),
            file_kind: reader.file_kind(),
            has_client_field: reader.has_client_field(),
            is_unfinished: reader.is_unfinished(),
        }
    }
}
