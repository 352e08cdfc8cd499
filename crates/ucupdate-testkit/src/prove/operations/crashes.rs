//! Cuts the power after every change or sync that an operation of the service makes in its folder,
//! and checks each disk that this cut may leave. Mutants prove the proof itself. They skip one
//! sync, name files before their bytes are written, trust what they read after a failed sync, or do
//! not check the disk after a sync.

use crate::crash::{
    CrashDisk, CrashReport, FailingSyncs, NameFirst, NeverChecked, Recording, SkippedSync, SyncEvent,
    SyncFault, TrustsWhatItReads,
};
use crate::prove::operations::operation::{Operation, Promise, Trial};
use crate::prove::report::{ProofRow, Scale};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use ucupdate::store::ImageStore;
use ucupdate::value::UnixTime;
use ucupdate_store_local::{Disk, LocalStore};

/// The time of the service's clock. The clock of a crash disk begins at 1,300,000,000 and advances by a second with
/// each write.
const CLOCK: UnixTime = UnixTime::from_seconds(1_300_050_000);

/// Returns a row of the table for every operation, with the number of crash points (pairs of an
/// effect and a disk that a power cut after it may leave). The row says that the promise holds if
/// each such disk has the promised content.
pub async fn points(scale: &Scale) -> Vec<ProofRow> {
    let mut rows = Vec::new();
    let mut all = CrashReport::default();
    for operation in Operation::ALL {
        let what = format!("crash points of {operation}, folder");
        rows.push(match crash_points(operation, scale, |disk| Arc::new(disk), |store| store).await {
            Ok(report) => {
                all.crash_points += report.crash_points;
                all.disks += report.disks;
                ProofRow { what, found: format!("{report}; each old or new and complete"), holds: true }
            }
            Err(broken) => ProofRow { what, found: broken, holds: false },
        });
    }
    rows.push(ProofRow {
        what: "crash points of all operations, folder".into(),
        found: format!("{} distinct crash points, {} distinct disks", all.crash_points, all.disks),
        holds: rows.iter().all(|row| row.holds),
    });
    rows
}

/// Runs one operation of a service on a crash disk. Cuts the power after every effect (change or
/// sync of the disk), and checks each disk that this cut may leave.
///
/// `run_on` may wrap the disk, and `wrap` may wrap the store, while the operation runs. Both wrappers are left out when
/// the store is opened after a cut.
///
/// # Errors
/// The text of the broken promise, and the effect after which the power was cut.
pub async fn crash_points(
    operation: Operation,
    scale: &Scale,
    run_on: impl FnOnce(CrashDisk) -> Arc<dyn Disk>,
    wrap: impl FnOnce(Arc<dyn ImageStore>) -> Arc<dyn ImageStore>,
) -> Result<CrashReport, String> {
    let mut trial = Trial::new(operation, CLOCK, scale.full);
    let disk = prepared(&trial).await?;

    let store = wrap(local(run_on(disk.clone()))?);
    let service = trial.open(store).await?;
    trial.remember(&service).await?;
    let mut recording = Recording::of(&disk, Promise { acknowledged: 0, begun: 0 });
    for step in 0..trial.steps() {
        recording.promise(recording.effects() + 1, Promise { acknowledged: step, begun: step + 1 });
        let done = trial.perform(&service, step, trial.rows_after(step)).await;
        done.map_err(|error| format!("{operation} {error}, although the disk has no fault"))?;
        recording.promise(recording.effects(), Promise { acknowledged: step + 1, begun: step + 1 });
        trial.remember(&service).await?;
    }
    let trial = &trial;
    let report = recording
        .cut_everywhere(async |left, promise| {
            let store = local(Arc::new(left.clone()))?;
            if let Some(path) = staged(&left) {
                return Err(format!("`{path}` was left behind"));
            }
            trial.look(store, *promise, true).await
        })
        .await;
    // The shutdown comes last, because it has effects too.
    service.shutdown().await.map_err(|error| error.to_string())?;
    report.map_err(|broken| {
        format!("power cut after effect {} of {}: {}", broken.effect, broken.effects, broken.found)
    })
}

/// Runs operations while syncs fail: every operation at full size, two of them at the size of a
/// test. Returns rows of the table. The last rows are mutants: one trusts what it reads after a
/// failed sync, and the others do not check that the disk still works after a sync.
pub async fn failed_syncs(scale: &Scale) -> Vec<ProofRow> {
    // At the size of a test, log rows are tried only on a disk that stops.
    let operations: Vec<(Operation, &[SyncFault])> = match scale.full {
        true => Operation::ALL.map(|operation| (operation, &SyncFault::ALL[..])).to_vec(),
        false => vec![(Operation::Approve, &SyncFault::ALL), (Operation::FlushAudit, &[SyncFault::Stop])],
    };
    let scale = Scale::small();
    let mut rows = Vec::new();
    for (operation, faults) in operations {
        let what = format!("failed syncs in {operation}, folder");
        rows.push(match sync_points(operation, &scale, faults, |disk| disk, |store| store).await {
            Ok((syncs, report)) => {
                let found = format!("{syncs} syncs failed or stopped the disk, {report}");
                ProofRow { what, found, holds: syncs > 0 }
            }
            Err(found) => ProofRow { what, found, holds: false },
        });
    }
    let trusts = |store| -> Arc<dyn ImageStore> { Arc::new(TrustsWhatItReads::new(store)) };
    let end = sync_points(Operation::Approve, &scale, &SyncFault::ALL, |disk| disk, trusts).await;
    rows.push(mutant_of_syncs(Operation::Approve, "an error of create is settled by reading", end));
    for operation in [Operation::Approve, Operation::FlushAudit] {
        let never_checked = |disk| -> Arc<dyn Disk> { Arc::new(NeverChecked::new(disk)) };
        let end = sync_points(operation, &scale, &[SyncFault::Stop], never_checked, |store| store).await;
        rows.push(mutant_of_syncs(operation, "a sync counts without a check of the disk after it", end));
    }
    rows
}

fn mutant_of_syncs(
    operation: Operation,
    mutant: &str,
    end: Result<(usize, CrashReport), String>,
) -> ProofRow {
    let what = format!("mutant of {operation}: {mutant}");
    match end {
        Err(found) => ProofRow { what, found: format!("caught at {}", without_ids(&found)), holds: true },
        Ok((syncs, report)) => {
            ProofRow { what, found: format!("SURVIVED {syncs} failed syncs, {report}"), holds: false }
        }
    }
}

/// Runs an operation once for each of its syncs and each fault in `faults`. In each run this one
/// sync goes wrong, and the power is cut at every effect. Returns the number of runs, and the sum
/// of their reports.
///
/// # Errors
/// The loss that was found, with the sync that went wrong.
pub async fn sync_points(
    operation: Operation,
    scale: &Scale,
    faults: &[SyncFault],
    run_on: impl Fn(Arc<dyn Disk>) -> Arc<dyn Disk>,
    wrap: impl Fn(Arc<dyn ImageStore>) -> Arc<dyn ImageStore>,
) -> Result<(usize, CrashReport), String> {
    let mut trial = Trial::new(operation, CLOCK, scale.full);
    // The expected result is what the operation does when nothing fails.
    let calm = prepared(&trial).await?;
    let service = trial.open(local(Arc::new(calm))?).await?;
    trial.remember(&service).await?;
    for step in 0..trial.steps() {
        let done = trial.perform(&service, step, trial.rows_after(step)).await;
        done.map_err(|error| format!("{operation} {error}, although the disk has no fault"))?;
        trial.remember(&service).await?;
    }
    service.shutdown().await.map_err(|error| error.to_string())?;

    let mut all = CrashReport::default();
    let mut syncs = 0;
    for &fault in faults {
        for number in 0.. {
            let end = sync_point(&trial, (number, fault), &run_on, &wrap).await;
            let end = end.map_err(|found| format!("sync {number}, {fault:?}: {found}"))?;
            let Some(report) = end else { break };
            all.add(report);
            syncs += 1;
        }
    }
    Ok((syncs, all))
}

/// Runs an operation in which one sync goes wrong. Returns `None` if the operation has no sync of
/// this number.
async fn sync_point(
    trial: &Trial,
    (number, fault): (usize, SyncFault),
    run_on: impl Fn(Arc<dyn Disk>) -> Arc<dyn Disk>,
    wrap: impl Fn(Arc<dyn ImageStore>) -> Arc<dyn ImageStore>,
) -> Result<Option<CrashReport>, String> {
    let disk = prepared(trial).await?;
    let failing = FailingSyncs::new(disk.clone(), number, fault);
    let effects_before = failing.effects_before();
    let service = trial.open(wrap(local(run_on(Arc::new(failing)))?)).await?;
    let mut recording = Recording::of(&disk, Promise { acknowledged: 0, begun: 0 });
    for step in 0..trial.steps() {
        recording.promise(recording.effects() + 1, Promise { acknowledged: step, begun: step + 1 });
        if trial.perform(&service, step, trial.rows_after(step)).await.is_err() {
            break;
        }
        recording.promise(recording.effects(), Promise { acknowledged: step + 1, begun: step + 1 });
    }
    let effects_before = effects_before.load(Ordering::SeqCst);
    let report = recording
        .cut_from(effects_before, async |left, promise| {
            trial.look(local(Arc::new(left))?, *promise, false).await
        })
        .await;
    // The shutdown may fail too: it cannot write the waiting rows.
    let _failed = service.shutdown().await;
    let report = report.map_err(|broken| {
        format!("power cut after effect {} of {}: {}", broken.effect, broken.effects, broken.found)
    })?;
    Ok((effects_before < usize::MAX).then_some(report))
}

/// Returns a disk on which the operation can begin. All of its content is durable.
async fn prepared(trial: &Trial) -> Result<CrashDisk, String> {
    let disk = CrashDisk::default();
    let store = local(Arc::new(disk.clone()))?;
    let open = Arc::downgrade(&store);
    trial.prepare(store).await?;
    // A background task may keep the store open a little longer. Closing the store has an effect on
    // the disk.
    while open.strong_count() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    disk.settle();
    Ok(disk)
}

fn local(disk: Arc<dyn Disk>) -> Result<Arc<dyn ImageStore>, String> {
    let opened = LocalStore::with_disk(disk);
    Ok(Arc::new(opened.map_err(|error| format!("the store does not open: {error:?}"))?))
}

/// Returns the path of a staged file that an earlier store left and that opening the store did not
/// remove.
fn staged(disk: &CrashDisk) -> Option<String> {
    disk.files().into_keys().find(|path| path.starts_with(".staging/") && !path.ends_with(".lock"))
}

/// Returns a row of the table for every mutant: each operation with any one sync skipped, and with
/// files named before their bytes are written. At the size of a test, one operation of each kind is
/// tried.
pub async fn mutants(scale: &Scale) -> Vec<ProofRow> {
    let kinds = [
        Operation::FirstIngest,
        Operation::Approve,
        Operation::FlushAccess,
        Operation::CollectGarbage,
        Operation::Retire,
    ];
    let operations: &[Operation] = if scale.full { &Operation::ALL } else { &kinds };
    let mut rows = Vec::new();
    // A small package has every kind of sync. A mutant that is never found is tried to the end, which takes long.
    let scale = Scale::small();
    for &operation in operations {
        // An operation that fails without a mutant would fail with it for the wrong reason.
        if let Err(broken) = crash_points(operation, &scale, |disk| Arc::new(disk), |store| store).await {
            let found = format!("not tried, since it fails without one: {broken}");
            rows.push(ProofRow { what: format!("mutants of {operation}"), found, holds: false });
            continue;
        }
        rows.extend(skipped_syncs(operation, &scale).await);
        let first = crash_points(operation, &scale, |disk| Arc::new(NameFirst::new(disk)), |store| store);
        let what = format!("mutant of {operation}: name made before the bytes are written");
        rows.push(match first.await {
            Err(found) => ProofRow { what, found: format!("caught at {}", without_ids(&found)), holds: true },
            // An operation that only deletes has no bytes to write.
            Ok(_) if operation == Operation::CollectGarbage => {
                ProofRow { what, found: "no mutant: nothing is written".into(), holds: true }
            }
            Ok(report) => ProofRow { what, found: format!("SURVIVED {report}"), holds: false },
        });
    }
    rows
}

/// Runs the operation once for each of its syncs, with this sync left out. Returns rows of the
/// table.
///
/// Five kinds of left out syncs are not faults of an operation, and are counted apart:
///
/// - **Nothing to sync**: all entries of the folder were durable already. (The first write into a folder syncs every folder up to the
///   root, since another process may have made one of them.) The disk is the same with and without this sync, so the
///   mutant is not run.
/// - **Made up for**: a later sync of the same folder makes the entries durable before a revision or a log file names
///   them, and before the operation is acknowledged. An example are the members of a package, which are in one folder
///   and are promised together. The mutant is run to the end. The crash tests of the store, which cut single calls,
///   find it.
/// - **Of what is removed again**: the folder has the entry of files that the operation removes before a revision or a log file
///   could name them, such as the files of a package that is in the store already. Whether they outlive a power cut does not matter.
/// - **A checkpoint's**: the lost or torn file is a checkpoint. A checkpoint is a cache that is used only if its digest
///   matches. The mutant is run to the end, and the rule book is right after every power cut.
/// - **A probe's**: the file is a small object that is written to read the clock of the store. It is not read
///   afterwards.
async fn skipped_syncs(operation: Operation, scale: &Scale) -> Vec<ProofRow> {
    let mut rows = Vec::new();
    let (mut caught, mut idle, mut made_up_for, mut removed, mut cached, mut survived) = (0, 0, 0, 0, 0, 0);
    let (_, all) = without_sync(operation, scale, usize::MAX).await;
    let syncs = all.iter().filter(|asked| asked.is_sync()).count();
    for number in 0..syncs {
        if let Some((_, SyncEvent::SyncFolder(_, false), _)) = skipped(&all, number) {
            idle += 1;
            continue;
        }
        let (end, trace) = without_sync(operation, scale, number).await;
        let Some((before, skipped, after)) = skipped(&trace, number) else {
            rows.push(ProofRow {
                what: format!("mutant of {operation}"),
                found: "was not run".into(),
                holds: false,
            });
            survived += 1;
            continue;
        };
        let what = format!("mutant of {operation}: without the sync of {}", shown(skipped));
        match end {
            Err(found) => {
                caught += 1;
                rows.push(ProofRow {
                    what,
                    found: format!("caught at {}", without_ids(&found)),
                    holds: true,
                });
            }
            Ok(_) if is_made_up_for(skipped, after) => made_up_for += 1,
            Ok(_) if is_of_what_is_removed(before, skipped, after) => removed += 1,
            Ok(_) if is_of_a_cache(before, skipped, after) => cached += 1,
            Ok(report) => {
                survived += 1;
                rows.push(ProofRow { what, found: format!("SURVIVED {report}"), holds: false });
            }
        }
    }
    rows.push(ProofRow {
        what: format!("mutants of {operation}, one sync left out"),
        found: format!(
            "{syncs} syncs: {caught} caught, {survived} survived; no fault: {made_up_for} made up for by a later sync \
             of the same folder, {removed} of what is removed again, {cached} of a checkpoint or a probe, {idle} with nothing to sync"
        ),
        holds: survived == 0 && caught > 0,
    });
    rows
}

/// Runs the operation without the sync of this number. Returns the result and the calls to the
/// disk.
async fn without_sync(
    operation: Operation,
    scale: &Scale,
    number: usize,
) -> (Result<CrashReport, String>, Vec<SyncEvent>) {
    let mut trace = None;
    let run_on = |disk| -> Arc<dyn Disk> {
        let disk = SkippedSync::new(disk, number);
        trace = Some(disk.trace());
        Arc::new(disk)
    };
    let end = crash_points(operation, scale, run_on, |store| store).await;
    let trace = trace.map(|trace| trace.lock().unwrap_or_else(PoisonError::into_inner).clone());
    (end, trace.unwrap_or_default())
}

/// Splits the calls at the sync with this number: the calls before it, the sync, and the calls after it. Returns `None`
/// if there is no such sync.
fn skipped(trace: &[SyncEvent], number: usize) -> Option<(&[SyncEvent], &SyncEvent, &[SyncEvent])> {
    let at = trace.iter().enumerate().filter(|(_, asked)| asked.is_sync()).nth(number)?.0;
    Some((&trace[..at], &trace[at], &trace[at + 1..]))
}

fn is_made_up_for(skipped: &SyncEvent, after: &[SyncEvent]) -> bool {
    let SyncEvent::SyncFolder(skipped, _) = skipped else { return false };
    until_bound(after).any(|asked| matches!(asked, SyncEvent::SyncFolder(folder, _) if folder == skipped))
}

/// Returns the events up to the moment at which the rule book or a log depends on what was written.
/// This is when a file below `state/revisions/` or `Logs/` gets its name.
fn until_bound(after: &[SyncEvent]) -> impl Iterator<Item = &SyncEvent> {
    after.iter().take_while(|asked| match asked {
        SyncEvent::Named(path) => !path.starts_with("state/revisions/") && !path.starts_with("Logs/"),
        _ => true,
    })
}

/// Returns `true` if the skipped sync is of a folder whose newest file is removed again later. The
/// newest file is the last file below the folder that got its name before the sync.
fn is_of_what_is_removed(before: &[SyncEvent], skipped: &SyncEvent, after: &[SyncEvent]) -> bool {
    let SyncEvent::SyncFolder(folder, _) = skipped else { return false };
    let named = before.iter().rev().find_map(|asked| match asked {
        SyncEvent::Named(path) => Some(path),
        _ => None,
    });
    named.is_some_and(|named| {
        let is_below = named.strip_prefix(&**folder).is_some_and(|rest| rest.starts_with('/'));
        is_below && until_bound(after).any(|asked| *asked == SyncEvent::Removed(named.clone()))
    })
}

/// Returns `true` if the skipped sync belongs to a checkpoint or a probe, by the name of the synced
/// file. A staged file is synced before it gets its name, so the first name given after the sync
/// counts. A folder is synced after its file got a name, so the last name given before the sync
/// counts. A synced file outside the staging folder is a log, because only logs are appended to.
fn is_of_a_cache(before: &[SyncEvent], skipped: &SyncEvent, after: &[SyncEvent]) -> bool {
    let name = |asked: &SyncEvent| match asked {
        SyncEvent::Named(path) => {
            Some(path.starts_with("state/checkpoints/") || path.starts_with("state/probes/"))
        }
        _ => None,
    };
    match skipped {
        SyncEvent::SyncFile(path) if !path.starts_with(".staging/") => false,
        SyncEvent::SyncFile(_) => after.iter().find_map(name) == Some(true),
        _ => before.iter().rev().find_map(name) == Some(true),
    }
}

/// Returns a text for the synced file or folder. A file is shown without its path.
fn shown(trace: &SyncEvent) -> String {
    match trace {
        SyncEvent::SyncFile(_) => "a file".to_owned(),
        SyncEvent::SyncFolder(folder, _) | SyncEvent::Named(folder) | SyncEvent::Removed(folder) => {
            format!("folder `{}`", without_ids(folder))
        }
    }
}

/// Returns the text without the random names of ingests.
fn without_ids(text: &str) -> String {
    let is_id = |part: &str| part.len() == 32 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
    let mut parts = Vec::new();
    for part in text.split_inclusive(['/', '`']) {
        let plain = part.trim_end_matches(['/', '`']);
        parts.push(if is_id(plain) { part.replace(plain, "<ingest>") } else { part.to_owned() });
    }
    parts.concat()
}
