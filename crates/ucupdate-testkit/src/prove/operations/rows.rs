//! Writes numbered log rows, and checks that the rows in a store are whole, in order and not repeated.

use std::time::Duration;
use ucupdate::audit::{
    AUDIT_HEADER, AccessFormat, AccessRow, AuditFormat, AuditRow, LogKind, LogName, RollOptions,
};
use ucupdate::store::{ImageStore, ImageStoreExt as _, StoreKey};
use ucupdate::value::UnixTime;
use ucupdate::{LogOptions, UpdateService};
use ucupdate_store::error_chain;

/// The largest size of a log file in bytes.
const READ_LIMIT: usize = 8 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    Audit,
    Access,
}

/// One log file that was read: its name and the numbers of its rows, in order.
#[derive(Clone, Debug)]
pub(crate) struct RowFile {
    pub(crate) name: LogName,
    pub(crate) rows: Vec<usize>,
}

/// The software that the header of the access log names.
const SOFTWARE: &str = "ucupdate-testkit";

/// The size of a log file in bytes after which a new one begins. A few flushes reach it.
pub(crate) const SMALL_FILE: usize = 4096;
/// The size of a log file in bytes after which a new one begins, if many flushes must append to one
/// file.
pub(crate) const LARGE_FILE: usize = 1024 * 1024;

/// Returns the options of logs that are written only when they are flushed.
pub(crate) fn options(server: &str, roll_bytes: usize) -> LogOptions {
    let roll = RollOptions::default().with_roll_bytes(roll_bytes);
    let roll = roll.and_then(|roll| roll.with_flush_interval(Duration::from_secs(3600)));
    LogOptions::new(server.parse().expect("a plain name is a server's"))
        .with_software(SOFTWARE)
        .with_flush_time(Duration::from_secs(3))
        .with_roll(roll.expect("the sizes are in their ranges"))
}

impl Log {
    /// Writes row number `row` to this log of the service.
    pub(crate) fn write(self, service: &UpdateService, row: usize) {
        match self {
            Self::Audit => service.audit_device_log_upload(&host(row)),
            Self::Access => service.log_access(&access_row(row, service.now())),
        }
    }

    fn kind(self) -> LogKind {
        match self {
            Self::Audit => LogKind::Audit,
            Self::Access => LogKind::Access,
        }
    }

    /// Returns the line of row number `row` in the log.
    fn line(self, row: usize, now: UnixTime) -> String {
        match self {
            Self::Audit => {
                AuditFormat::new().line(&AuditRow::device_log_upload(&host(row), now)).as_str().to_owned()
            }
            Self::Access => access_format().line(&access_row(row, now)).as_str().to_owned(),
        }
    }

    fn header(self, now: UnixTime) -> String {
        match self {
            Self::Audit => AUDIT_HEADER.to_owned(),
            Self::Access => access_format().header(now),
        }
    }
}

fn access_format() -> AccessFormat {
    AccessFormat::new(SOFTWARE)
}

fn host(row: usize) -> String {
    format!("row-{row:06}")
}

fn access_row(row: usize, now: UnixTime) -> AccessRow {
    AccessRow::finished("GET", &format!("/row-{row:06}"), 200, Duration::from_millis(7), now)
}

/// Returns the number of rows that this server wrote. Fails with a description of the first row
/// that is out of order: the rows must be numbered from 0 without a gap or a repetition, file after
/// file.
pub(crate) async fn in_order(
    store: &dyn ImageStore,
    log: Log,
    server: &str,
    now: UnixTime,
) -> Result<usize, String> {
    let mut next = 0;
    for RowFile { name, rows } in files(store, log, server, now).await? {
        for row in rows {
            if row != next {
                return Err(format!("found row {row} in `{name}`, expected row {next}"));
            }
            next += 1;
        }
    }
    Ok(next)
}

/// Returns the files of a log of this server, oldest first. Fails with a description of the first
/// line that is not a whole row. In a store that can append, other bytes may follow the whole rows
/// of a file: an append that did not end left them.
pub(crate) async fn files(
    store: &dyn ImageStore,
    log: Log,
    server: &str,
    now: UnixTime,
) -> Result<Vec<RowFile>, String> {
    let listed =
        store.list_all(log.kind().folder(), usize::MAX).await.map_err(|error| error_chain(&error))?;
    let mut names: Vec<LogName> = Vec::new();
    for meta in &listed {
        let name: LogName =
            meta.key.as_str().parse().map_err(|_| format!("`{}` is not the name of a log file", meta.key))?;
        if name.server.as_str() == server {
            names.push(name);
        }
    }
    names.sort_by_key(|name| (name.date, name.number));
    let mut files = Vec::new();
    for name in names {
        let key = StoreKey::parse(&name.to_string()).expect("it was a key");
        let read = store.get_bytes(&key, READ_LIMIT).await;
        let bytes = read.map_err(|error| format!("reading `{key}`: {}", error_chain(&error)))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| format!("`{key}` is not UTF-8"))?;
        files.push(RowFile {
            rows: numbers(log, text, now, store.can_append()).map_err(|said| format!("`{key}`: {said}"))?,
            name,
        });
    }
    Ok(files)
}

/// Returns the numbers of the rows in one log file. If a line is not a row, returns the rows before
/// this line if `may_be_torn` is `true`. Else fails.
fn numbers(log: Log, text: &str, now: UnixTime, may_be_torn: bool) -> Result<Vec<usize>, String> {
    let rows = text.strip_prefix(&log.header(now)).ok_or("does not begin with a whole header")?;
    let mut numbers = Vec::new();
    for line in rows.split_inclusive('\n') {
        let number = line.split_once("row-").and_then(|(_, after)| after.get(..6)?.parse().ok());
        match number {
            Some(number) if log.line(number, now) == line => numbers.push(number),
            _ if may_be_torn => break,
            _ => return Err(format!("{line:?} is not a row")),
        }
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate::store::{MemoryStore, ReadOnly};

    const NOW: UnixTime = UnixTime::from_seconds(1_236_359_439);

    #[tokio::test]
    async fn rows_that_are_torn_doubled_or_out_of_order_are_found() {
        for log in [Log::Audit, Log::Access] {
            let good = |rows: &[usize]| -> String {
                let lines = rows.iter().map(|row| log.line(*row, NOW));
                log.header(NOW) + &lines.collect::<String>()
            };
            let torn = good(&[0, 1]);
            for (first, second, end) in [
                (good(&[0, 1]), good(&[2]), Ok(3)),
                (good(&[0, 1]), good(&[]), Ok(2)),
                (good(&[0, 1]), good(&[1]), Err("expected row 2")),
                (good(&[1, 0]), good(&[2]), Err("expected row 0")),
                (good(&[0]), good(&[2]), Err("expected row 1")),
                (good(&[0]), torn[..torn.len() - 1].to_owned(), Err("is not a row")),
                (good(&[0]), torn[..10].to_owned(), Err("does not begin with a whole header")),
                (good(&[0]), String::new(), Err("does not begin with a whole header")),
            ] {
                let store = MemoryStore::default();
                let name = LogName {
                    kind: log.kind(),
                    server: "ocs".parse().unwrap(),
                    date: ucupdate::audit::LogDate::of(NOW.civil_utc()),
                    number: 1,
                };
                let second_name = LogName { number: 2, ..name.clone() };
                for (name, text) in [(name, first), (second_name, second)] {
                    store.put_bytes(&StoreKey::parse(&name.to_string()).unwrap(), text).await.unwrap();
                }
                // A read-only store cannot append.
                let found = in_order(&ReadOnly::new(store.clone()), log, "ocs", NOW).await;
                match end {
                    Ok(rows) => assert_eq!(found, Ok(rows)),
                    Err(said) => assert!(found.clone().unwrap_err().contains(said), "{found:?}"),
                }
                assert_eq!(in_order(&store, log, "other", NOW).await, Ok(0));
            }
            assert_eq!(numbers(log, &torn[..torn.len() - 1], NOW, true), Ok(vec![0]));
            assert_eq!(numbers(log, &torn.replace("row-000000", "row-\0\0\0\0\0\0"), NOW, true), Ok(vec![]));
            assert!(numbers(log, &torn[..10], NOW, true).is_err());
        }
    }
}
