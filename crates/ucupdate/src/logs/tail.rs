//! [`LogTail`]: the new rows of both logs of all servers, in order of time.

use crate::logs::merge::{compare, other_form};
use crate::logs::place::check_empty;
use crate::logs::reader::{LogReadError, MAX_STORED_LOG_BYTES};
use crate::logs::zone_file::stored_zone;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io::{Cursor, Read as _};
use ucupdate_audit::{
    AccessReader, AccessRow, AuditReader, GzipCopy, LogDate, LogFile, LogFinding, LogKind, LoggedRow,
    ReadLimits, ServerName,
};
use ucupdate_core::value::{UnixTime, Zone};
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError, StoreKey};

/// The largest number of bytes of a log that are read at once.
const PIECE_BYTES: u64 = 1024 * 1024;

/// The largest number of log files of one kind whose positions are remembered. If there are more,
/// only the newest ones are read.
const MAX_FILES: usize = 100_000;

/// A row whose time is this far ahead of the clock, in milliseconds, was written by a server with a wrong clock.
const AHEAD_MILLIS: i64 = 60_000;

/// Reads the rows that were added to the logs in a store since the last look.
///
/// The position in each log is remembered, so a look reads only new rows. Logs only grow: a server
/// writes only files that it made itself, and does not change whole rows. A row is read when its
/// line end is there.
///
/// At most one piece of each log is in memory, or all new rows of a compressed log. When a log is
/// compressed, reading goes on in the compressed log at the position where it ended before.
#[derive(Debug)]
pub(crate) struct LogTail {
    /// The time zone of audit logs without a `.zone` file.
    zone: Zone,
    since: UnixTime,
    sources: BTreeMap<(ServerName, bool), TailSource>,
}

#[derive(Debug)]
pub(crate) enum TailRow {
    Audit(Box<LoggedRow>),
    Access(Box<AccessRow>),
}

impl TailRow {
    pub(crate) fn at(&self) -> UnixTime {
        match self {
            Self::Audit(logged) => logged.row.logged_at,
            Self::Access(row) => row.finished_at,
        }
    }
}

/// The logs of one kind of one server, and the rows of them that were read but not returned.
#[derive(Debug, Default)]
struct TailSource {
    files: BTreeMap<(LogDate, u32, LogFile), TailFile>,
    rows: VecDeque<TailRow>,
}

#[derive(Debug)]
struct TailFile {
    key: StoreKey,
    has_zone: bool,
    zone: Option<Zone>,
    size: u64,
    position: u64,
    /// The lines before the first row.
    header: Vec<u8>,
    /// Of a compressed log: the number of decompressed bytes at its beginning whose rows are not
    /// returned again.
    taken: u64,
    /// Of a compressed log: `true` if the uncompressed log exists beside it.
    has_log: bool,
}

impl LogTail {
    /// Returns a tail that skips rows before `since`.
    pub(crate) fn new(zone: Zone, since: UnixTime) -> Self {
        Self { zone, since, sources: BTreeMap::new() }
    }

    /// Finds logs that are new or longer than before.
    pub(crate) async fn look(&mut self, store: &dyn ImageStore) -> Result<(), StoreError> {
        for kind in [LogKind::Audit, LogKind::Access] {
            let (mut found, mut zones) = (Vec::new(), HashSet::new());
            let mut pages = store.pages(kind.folder());
            while let Some(page) = pages.next().await? {
                for meta in page {
                    match LogFile::of(meta.key.as_str()) {
                        Some((name, LogFile::Zone)) => drop(zones.insert(name)),
                        // `AuditLogs` and `AccessLogs` report a log that is too large.
                        Some(_) if meta.size > MAX_STORED_LOG_BYTES as u64 => {}
                        Some((name, file)) if !self.is_too_old(name.date) => found.push((name, file, meta)),
                        _ => {}
                    }
                }
            }
            if found.is_empty() {
                check_empty(store, kind.folder()).await?;
            }
            found.sort_by_key(|(name, file, _)| (name.date, name.number, *file));
            let too_many = found.len().saturating_sub(MAX_FILES);
            let is_access = kind == LogKind::Access;
            let mut known = std::mem::take(&mut self.sources);
            for (name, file, meta) in found.into_iter().skip(too_many) {
                let has_zone = zones.contains(&name);
                let source = (name.server, is_access);
                let place = (name.date, name.number, file);
                let log = (name.date, name.number, LogFile::Plain);
                let before = known.get_mut(&source).and_then(|source| source.files.remove(&place));
                // The position in the log that was compressed since the last look.
                let gone = known
                    .get(&source)
                    .and_then(|source| source.files.get(&log))
                    .map_or(0, |log| log.position);
                let has_log = self.sources.get(&source).is_some_and(|source| source.files.contains_key(&log));
                let new = TailFile {
                    key: meta.key,
                    has_zone,
                    zone: None,
                    size: meta.size,
                    position: 0,
                    header: Vec::new(),
                    taken: gone,
                    has_log,
                };
                let file = match before {
                    // A compressed log is read again as a whole.
                    Some(before) if file == LogFile::Gzip => {
                        let is_same = before.size == new.size && before.has_log == has_log;
                        let position = if is_same { before.position } else { 0 };
                        TailFile { position, taken: gone.max(before.taken), zone: before.zone, ..new }
                    }
                    Some(before) if before.position <= meta.size => TailFile { size: meta.size, ..before },
                    _ => new,
                };
                self.sources.entry(source).or_default().files.insert(place, file);
            }
            // Rows that wait stay, also those of a log that was deleted. Sources of the other kind stay as they are.
            for (source, before) in known {
                if source.1 != is_access {
                    self.sources.insert(source, before);
                } else if !before.rows.is_empty() {
                    self.sources.entry(source).or_default().rows = before.rows;
                }
            }
        }
        Ok(())
    }

    /// Returns the earliest row whose time is not after `until`, or `None` if there is no such row.
    /// A row whose time is more than [`AHEAD_MILLIS`] after `until` is returned too, because the
    /// clock of its server is wrong.
    pub(crate) async fn next(
        &mut self,
        store: &dyn ImageStore,
        until: UnixTime,
    ) -> Result<Option<TailRow>, LogReadError> {
        for ((server, is_access), source) in &mut self.sources {
            while source.rows.is_empty() {
                if !source.read_piece(store, server, *is_access, &self.zone, self.since).await? {
                    break;
                }
            }
        }
        let far = UnixTime::from_millis(until.as_millis().saturating_add(AHEAD_MILLIS));
        let ready = |at: UnixTime| at <= until || at > far;
        let heads =
            self.sources.iter().filter_map(|(key, source)| Some((source.rows.front()?.at(), key.1, key)));
        let first = heads.filter(|(at, ..)| ready(*at)).min();
        let Some(key) = first.map(|(.., key)| key.clone()) else { return Ok(None) };
        Ok(self.sources.get_mut(&key).and_then(|source| source.rows.pop_front()))
    }

    /// Returns whether all rows of a log of this day are before `since`. The log may be in another
    /// zone, so one more day is read.
    fn is_too_old(&self, date: LogDate) -> bool {
        LogDate::of(self.zone.civil(self.since)).days_since(date) > 1
    }
}

impl TailSource {
    /// Reads the next piece of the first file that has unread bytes. Returns `false` if no file has
    /// unread bytes.
    async fn read_piece(
        &mut self,
        store: &dyn ImageStore,
        server: &ServerName,
        is_access: bool,
        zone: &Zone,
        since: UnixTime,
    ) -> Result<bool, LogReadError> {
        let unread = self.files.iter_mut().find(|(_, file)| file.position < file.size);
        let Some(((.., form), file)) = unread else { return Ok(false) };
        if *form == LogFile::Gzip {
            let rows = file.read_compressed(store, server, is_access, zone).await?;
            self.rows.extend(rows.into_iter().filter(|row| row.at() >= since));
            return Ok(true);
        }
        let end = file.size.min(file.position.saturating_add(PIECE_BYTES));
        let piece = match store.get(&file.key, Some(file.position..end)).await {
            Ok(object) => object.into_bytes(usize::try_from(PIECE_BYTES).unwrap_or(usize::MAX)).await?,
            Err(StoreError::NotFound { .. } | StoreError::InvalidRange { .. }) => {
                file.position = file.size;
                return Ok(true);
            }
            Err(error) => return Err(error.into()),
        };
        let Some(lines) = piece.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1) else {
            if end - file.position == PIECE_BYTES {
                // A line that is longer than a piece is not a row.
                file.position = end;
            } else {
                // A part of a row. It is read again when the log is longer.
                file.size = file.position;
            }
            return Ok(true);
        };
        let lines = &piece[..lines];
        if file.position == 0 {
            file.header = header(lines, is_access);
        }
        if file.has_zone && file.zone.is_none() && !is_access {
            file.zone = stored_zone(store, file.key.as_str()).await?;
        }
        let head = if file.position == 0 { &[][..] } else { &file.header };
        let input = Cursor::new(head).chain(Cursor::new(lines));
        let before = self.rows.len();
        if is_access {
            let rows = AccessReader::new(input).filter_map(Result::ok);
            self.rows.extend(rows.map(|row| TailRow::Access(Box::new(row))));
        } else {
            let zone = file.zone.clone().unwrap_or_else(|| zone.clone());
            let rows = AuditReader::new(input).with_zone(zone).filter_map(Result::ok);
            self.rows
                .extend(rows.map(|row| TailRow::Audit(Box::new(LoggedRow::new(row, Some(server.clone()))))));
        }
        debug_assert_eq!(before, 0, "a piece is read when no row waits");
        self.rows.retain(|row| row.at() >= since);
        file.position += u64::try_from(lines.len()).unwrap_or(u64::MAX);
        Ok(true)
    }
}

impl TailFile {
    /// Returns the new rows of a compressed log.
    async fn read_compressed(
        &mut self,
        store: &dyn ImageStore,
        server: &ServerName,
        is_access: bool,
        zone: &Zone,
    ) -> Result<Vec<TailRow>, LogReadError> {
        self.position = self.size;
        if let Some(log) = other_form(&self.key).filter(|_| self.has_log) {
            match compare(store, &log, &self.key).await? {
                Some(GzipCopy::InCopy) => self.taken = self.taken.max(store.head(&log).await?.size),
                Some(GzipCopy::Different) => {}
                // If the log is removed, the next look reads the copy.
                Some(GzipCopy::InLog | GzipCopy::Undecided { .. }) | None => return Ok(Vec::new()),
            }
        }
        let bytes = match store.get_bytes(&self.key, MAX_STORED_LOG_BYTES).await {
            Ok(bytes) => Cursor::new(bytes),
            // `AuditLogs` and `AccessLogs` report a log that is too large.
            Err(StoreError::NotFound { .. } | StoreError::TooLarge { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let limits = ReadLimits::default().with_log_bytes(MAX_STORED_LOG_BYTES as u64);
        if is_access {
            let reader = AccessReader::new(bytes).with_limits(limits).with_only_whole_lines();
            return Ok(self.new_rows(reader, AccessReader::bytes_read, |row| TailRow::Access(Box::new(row))));
        }
        if self.has_zone && self.zone.is_none() {
            self.zone = stored_zone(store, self.key.as_str()).await?;
        }
        let zone = self.zone.clone().unwrap_or_else(|| zone.clone());
        let reader = AuditReader::new(bytes).with_limits(limits).with_zone(zone).with_only_whole_lines();
        let logged = |row| TailRow::Audit(Box::new(LoggedRow::new(row, Some(server.clone()))));
        Ok(self.new_rows(reader, AuditReader::bytes_read, logged))
    }

    /// Reads a compressed log to its end. Returns the rows that end behind the first `taken`
    /// decompressed bytes, and sets `taken` to the end of the last of these rows.
    fn new_rows<R, I: Iterator<Item = Result<R, LogFinding>>>(
        &mut self,
        mut reader: I,
        bytes_read: impl Fn(&I) -> u64,
        row: impl Fn(R) -> TailRow,
    ) -> Vec<TailRow> {
        let mut rows = Vec::new();
        while let Some(read) = reader.next() {
            let at = bytes_read(&reader);
            if let Some(read) = read.ok().filter(|_| at > self.taken) {
                rows.push((at, row(read)));
            }
        }
        self.taken = rows.last().map_or(self.taken, |(at, _)| *at);
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

/// Returns the lines of a log before its first row: the titles of an audit log, the directives of an access log.
fn header(lines: &[u8], is_access: bool) -> Vec<u8> {
    let mut each = lines.split_inclusive(|byte| *byte == b'\n');
    if is_access {
        return each.take_while(|line| line.starts_with(b"#")).flatten().copied().collect();
    }
    each.next().unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::time::Duration;
    use ucupdate_audit::{AUDIT_HEADER, AccessFormat, AuditFormat, AuditRow, LogName};
    use ucupdate_store::MemoryStore;

    const NOW: UnixTime = UnixTime::from_seconds(1_236_359_439);

    /// Returns a header and two rows of a log.
    fn log(kind: LogKind) -> (String, [String; 2]) {
        match kind {
            LogKind::Audit => {
                let line = |host| AuditFormat::new().line(&AuditRow::device_log_upload(host, NOW));
                (AUDIT_HEADER.to_owned(), ["first", "second"].map(|host| line(host).as_str().to_owned()))
            }
            LogKind::Access => {
                let format = AccessFormat::new("test");
                let row = |path: &str| AccessRow::finished("GET", path, 200, Duration::ZERO, NOW);
                let line = |path| format.line(&row(path)).as_str().to_owned();
                (format.header(NOW), ["/first", "/second"].map(line))
            }
        }
    }

    async fn rows(tail: &mut LogTail, store: &MemoryStore) -> Vec<String> {
        tail.look(store).await.unwrap();
        let mut rows = Vec::new();
        while let Some(row) = tail.next(store, NOW).await.unwrap() {
            rows.push(match row {
                TailRow::Audit(logged) => logged.row.user_host.to_string(),
                TailRow::Access(row) => row.uri_stem.as_logged().to_string(),
            });
        }
        rows
    }

    #[tokio::test]
    async fn each_row_is_read_once_when_its_log_is_compressed() {
        let gzip = |text: &str| {
            let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            coder.write_all(text.as_bytes()).unwrap();
            coder.finish().unwrap()
        };
        for kind in [LogKind::Audit, LogKind::Access] {
            let (header, [first, second]) = log(kind);
            let date = LogDate::of(NOW.civil_utc());
            let name = LogName { kind, server: "ocs".parse().unwrap(), date, number: 1 };
            let key = StoreKey::parse(&name.to_string()).unwrap();
            let copy = other_form(&key).unwrap();
            let (one, both) = (format!("{header}{first}"), format!("{header}{first}{second}"));
            let new = || LogTail::new(Zone::utc(), UnixTime::default());
            let store = MemoryStore::default();
            let mut tail = new();
            store.put_bytes(&key, one.clone()).await.unwrap();
            assert_eq!(rows(&mut tail, &store).await.len(), 1);
            // The copy is being written, then is whole, and then the log is removed.
            for bytes in [gzip(&both)[..20].to_vec(), gzip(&both)] {
                store.put_bytes(&copy, bytes).await.unwrap();
                store.put_bytes(&key, both.clone()).await.unwrap();
                rows(&mut tail, &store).await;
            }
            assert_eq!(rows(&mut new(), &store).await.len(), 2, "{kind:?}");
            store.delete(&key).await.unwrap();
            assert!(rows(&mut tail, &store).await.is_empty(), "{kind:?}");
            assert_eq!(rows(&mut new(), &store).await.len(), 2, "{kind:?}");
            // Rows that were not read before the log was compressed are read from its copy.
            let mut tail = new();
            let store = MemoryStore::default();
            store.put_bytes(&key, one.clone()).await.unwrap();
            assert_eq!(rows(&mut tail, &store).await.len(), 1);
            store.put_bytes(&copy, gzip(&both)).await.unwrap();
            store.delete(&key).await.unwrap();
            assert_eq!(rows(&mut tail, &store).await.len(), 1, "{kind:?}");
            assert!(rows(&mut tail, &store).await.is_empty(), "{kind:?}");
            // A log with other rows than the copy.
            store.put_bytes(&key, format!("{header}{second}")).await.unwrap();
            assert_eq!(rows(&mut new(), &store).await.len(), 3, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn a_log_that_is_too_large_is_passed_over_and_the_others_are_followed() {
        for kind in [LogKind::Audit, LogKind::Access] {
            let (header, [first, _]) = log(kind);
            let date = LogDate::of(NOW.civil_utc());
            let name = |number| LogName { kind, server: "ocs".parse().unwrap(), date, number };
            let key = |number| StoreKey::parse(&name(number).to_string()).unwrap();
            let (store, mut large) = (MemoryStore::default(), format!("{header}{first}").into_bytes());
            store.put_bytes(&key(2), large.clone()).await.unwrap();
            large.resize(MAX_STORED_LOG_BYTES + 1, b'\n');
            store.put_bytes(&key(1), large.clone()).await.unwrap();
            store.put_bytes(&other_form(&key(3)).unwrap(), large).await.unwrap();
            let mut tail = LogTail::new(Zone::utc(), UnixTime::default());
            assert_eq!(rows(&mut tail, &store).await.len(), 1, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn a_row_that_is_being_appended_is_read_once_when_it_is_whole() {
        for kind in [LogKind::Audit, LogKind::Access] {
            let (header, [first, second]) = log(kind);
            let date = LogDate::of(NOW.civil_utc());
            let name = LogName { kind, server: "ocs".parse().unwrap(), date, number: 1 };
            let key = StoreKey::parse(&name.to_string()).unwrap();
            for cut in 0..second.len() {
                let store = MemoryStore::default();
                let mut tail = LogTail::new(Zone::utc(), UnixTime::default());
                store.put_bytes(&key, format!("{header}{first}{}", &second[..cut])).await.unwrap();
                let seen = rows(&mut tail, &store).await;
                assert_eq!(seen.len(), 1, "{kind:?} {cut}: {seen:?}");
                assert!(rows(&mut tail, &store).await.is_empty());
                // Another part of the row, and then the rest of it with the next row.
                let half = cut + (second.len() - cut) / 2;
                store.put_bytes(&key, format!("{header}{first}{}", &second[..half])).await.unwrap();
                assert!(rows(&mut tail, &store).await.is_empty(), "{kind:?} {cut}");
                store.put_bytes(&key, format!("{header}{first}{second}{first}")).await.unwrap();
                let seen: Vec<_> =
                    rows(&mut tail, &store).await.iter().map(|row| row.replace('/', "")).collect();
                assert_eq!(seen, ["second", "first"], "{kind:?} {cut}");
            }
        }
    }
}
