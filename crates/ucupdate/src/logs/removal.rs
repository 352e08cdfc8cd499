//! Removal of old log files.
//!
//! A day counts as past only if both the clock of this server and the clock of the store say so. So
//! one clock that is ahead removes nothing. If both clocks are ahead, most files look old at once,
//! and then nothing is removed.

use crate::clock::Clock;
use crate::logs::options::LogOptions;
use crate::logs::place::check_empty;
use crate::logs::writer::LogError;
use crate::maintenance::access::store_time;
use std::collections::BTreeMap;
use ucupdate_audit::{LogDate, LogFile, LogKind, LogName, RetentionDays, ServerName};
use ucupdate_core::value::{UnixTime, Zone};
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreKey};

#[derive(Clone)]
struct StoredLogFile {
    name: LogName,
    kind: LogFile,
    key: StoreKey,
    modified: UnixTime,
}

/// Removes the log files of this server that are older than [`LogOptions::with_days`] allows. Also
/// removes all log files of another server if each of them is older. Returns the number of removed
/// files.
pub(crate) async fn remove_old(
    store: &dyn ImageStore,
    options: &LogOptions,
    clock: &dyn Clock,
) -> Result<usize, LogError> {
    let mut all_old = Vec::new();
    let store_now = store_time(store, clock.now()).await?;
    for kind in [LogKind::Audit, LogKind::Access] {
        let files = files_of(store, kind).await?;
        let today = day(kind, &options.zone, clock.now()).min(day(kind, &options.zone, store_now));
        let is_old = |date| is_past(date, today, options.days);
        let mut newest: BTreeMap<&ServerName, (LogDate, UnixTime)> = BTreeMap::new();
        for file in &files {
            let seen = newest.entry(&file.name.server).or_insert((file.name.date, file.modified));
            *seen = (seen.0.max(file.name.date), seen.1.max(file.modified));
        }
        let is_gone = |server: &ServerName| {
            newest.get(server).is_some_and(|(date, written)| {
                is_old(*date) && is_past(day(kind, &options.zone, *written), today, options.days)
            })
        };
        let old: Vec<StoredLogFile> = files
            .iter()
            .filter(|file| file.name.server == options.server || is_gone(&file.name.server))
            .filter(|file| is_old(file.name.date))
            .cloned()
            .collect();
        check_share(count(&old), count(&files))?;
        all_old.extend(old);
    }
    delete(store, &all_old).await
}

/// Checks that at most half of the files of one kind are removed at once. All kinds are checked before a file is removed.
fn check_share(old: usize, of: usize) -> Result<(), LogError> {
    if old * 2 > of { Err(LogError::LargeShare { old, of }) } else { Ok(()) }
}

/// Removes the log files of all servers that are more than `days` days old by the clock of the
/// store. `now` is the time of this server. Returns the number of removed files.
pub(crate) async fn remove_all_old(
    store: &dyn ImageStore,
    zone: &Zone,
    days: RetentionDays,
    any_share: bool,
    now: UnixTime,
) -> Result<usize, LogError> {
    let all_old = find_all_old(store, zone, days, any_share, now).await?;
    delete(store, &all_old).await
}

/// Returns the number of files that [`remove_all_old`] would remove with `any_share`.
pub(crate) async fn count_all_old(
    store: &dyn ImageStore,
    zone: &Zone,
    days: RetentionDays,
    now: UnixTime,
) -> Result<usize, LogError> {
    Ok(count(&find_all_old(store, zone, days, true, now).await?))
}

async fn find_all_old(
    store: &dyn ImageStore,
    zone: &Zone,
    days: RetentionDays,
    any_share: bool,
    now: UnixTime,
) -> Result<Vec<StoredLogFile>, LogError> {
    let mut all_old = Vec::new();
    let now = store_time(store, now).await?;
    for kind in [LogKind::Audit, LogKind::Access] {
        let mut old = files_of(store, kind).await?;
        let (of, today) = (count(&old), day(kind, zone, now));
        old.retain(|file| is_past(file.name.date, today, days));
        if !any_share {
            check_share(count(&old), of)?;
        }
        all_old.extend(old);
    }
    Ok(all_old)
}

async fn files_of(store: &dyn ImageStore, kind: LogKind) -> Result<Vec<StoredLogFile>, LogError> {
    let mut files = Vec::new();
    let mut pages = store.pages(kind.folder());
    while let Some(page) = pages.next().await? {
        files.extend(page.into_iter().filter_map(|meta| {
            let (name, file) = LogFile::of(meta.key.as_str())?;
            Some(StoredLogFile { name, kind: file, modified: UnixTime::from(meta.modified), key: meta.key })
        }));
    }
    if files.is_empty() {
        check_empty(store, kind.folder()).await?;
    }
    Ok(files)
}

fn day(kind: LogKind, zone: &Zone, time: UnixTime) -> LogDate {
    LogDate::of(match kind {
        LogKind::Audit => zone.civil(time),
        LogKind::Access => time.civil_utc(),
    })
}

fn is_past(date: LogDate, today: LogDate, days: RetentionDays) -> bool {
    today.days_since(date) > i64::from(days.days())
}

/// Returns the number of logs among the files. The zone files beside the logs do not count.
fn count(files: &[StoredLogFile]) -> usize {
    files.iter().filter(|file| file.kind != LogFile::Zone).count()
}

async fn delete(store: &dyn ImageStore, files: &[StoredLogFile]) -> Result<usize, LogError> {
    // The zone files are removed last, so that no log is left without its zone. A zone file without
    // its log is removed the next time.
    let (zones, logs): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.kind == LogFile::Zone);
    for file in logs.iter().chain(&zones) {
        store.delete(&file.key).await?;
    }
    Ok(logs.len())
}
