//! Checks the rows of logs while they are written, by one process and by several processes with one
//! server name.

use crate::prove::location::ProofStore;
use crate::prove::operations::rows::{self, Log};
use crate::prove::operations::work::{CLOCK, ROWS_OF_A_PROCESS, SERVER, open};
use crate::prove::report::{ProofError, ProofRow, Scale};
use fastrand::Rng;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::AsyncReadExt as _;
use ucupdate_store::error_chain;

/// Runs the proof on a folder and on a bucket. Returns rows of the table.
pub async fn rows(scale: &Scale, endpoint: Option<&str>, program: &Path) -> Vec<ProofRow> {
    let place = if endpoint.is_some() { "S3 at an endpoint" } else { "S3 in this process" };
    let (flushes, processes, each) = if scale.full { (1500, 4, 3000) } else { (40, 2, 100) };
    let mut all = Vec::new();
    for (place, is_folder) in [("folder", true), (place, false)] {
        let kept = async || match is_folder {
            true => ProofStore::folder(),
            false => Ok(ProofStore::bucket(endpoint).await),
        };
        let read = async { read_while_written(&kept().await?, flushes).await };
        let found = read.await;
        all.push(row(format!("log rows read while they are written, {place}"), found));
        let shared = async { share_a_name(&kept().await?, program, processes, each).await };
        let found = shared.await;
        all.push(row(format!("log rows of {processes} processes of one name, {place}"), found));
    }
    all
}

fn row(what: String, found: Result<String, ProofError>) -> ProofRow {
    let holds = found.is_ok();
    ProofRow { what, found: found.unwrap_or_else(|error| error_chain(&*error)), holds }
}

/// Runs one task that writes and flushes rows, and another one that reads them. Checks that each
/// read finds all acknowledged rows, whole and in order.
async fn read_while_written(kept: &ProofStore, flushes: usize) -> Result<String, ProofError> {
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let service = open(kept.open().await?).await?;
    let writer = tokio::spawn({
        let acknowledged = Arc::clone(&acknowledged);
        async move {
            let mut rng = Rng::with_seed(7);
            let mut next = 0;
            for _ in 0..flushes {
                let more = rng.usize(1..=12);
                (next..next + more).for_each(|row| Log::Audit.write(&service, row));
                service.flush_logs().await.map_err(|error| error_chain(&error))?;
                next += more;
                acknowledged.store(next, Ordering::SeqCst);
            }
            service.shutdown().await.map_err(|error| error_chain(&error))?;
            Ok::<_, String>(next)
        }
    });
    let store = kept.open().await?;
    let (mut looks, mut seen) = (0_usize, 0);
    loop {
        let is_over = writer.is_finished();
        let least = acknowledged.load(Ordering::SeqCst).max(seen);
        seen = rows::in_order(&*store, Log::Audit, SERVER, CLOCK).await?;
        looks += 1;
        if seen < least {
            return Err(format!("read {looks} found {seen} rows, expected at least {least}").into());
        }
        if is_over {
            break;
        }
    }
    let written = writer.await??;
    if seen != written {
        return Err(format!("{seen} rows were found at the end, expected {written}").into());
    }
    let files = rows::files(&*store, Log::Audit, SERVER, CLOCK).await?.len();
    Ok(format!(
        "{written} rows in {files} files, {looks} looks: whole, in order, and each acknowledged one there"
    ))
}

/// Lets several processes with one server name write rows at the same time. Checks that no file has
/// rows of two processes, and that no row is lost.
async fn share_a_name(
    kept: &ProofStore,
    program: &Path,
    processes: usize,
    each: usize,
) -> Result<String, ProofError> {
    // The folder is created once, before the processes open it.
    drop(kept.open().await?);
    let mut children = Vec::new();
    for number in 0..processes {
        let mut process = kept.process(program, "work");
        process.args(["--task", "rows", "--rows", &each.to_string(), "--process", &number.to_string()]);
        let mut child = process.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or("a child has no output")?;
        children.push((child, out));
    }
    for (mut child, mut out) in children {
        let mut said = String::new();
        out.read_to_string(&mut said).await?;
        let ended = child.wait().await?;
        if !ended.success() {
            return Err(format!("a process ended with {ended}").into());
        }
    }
    let store = kept.open().await?;
    let files = rows::files(&*store, Log::Audit, SERVER, CLOCK).await?;
    let mut next: Vec<_> = (0..processes).map(|number| number * ROWS_OF_A_PROCESS).collect();
    for file in &files {
        let writer = file.rows.first().map_or(0, |row| row / ROWS_OF_A_PROCESS);
        for row in &file.rows {
            let next = next.get_mut(writer).ok_or_else(|| format!("no process wrote row {row}"))?;
            if row != next {
                return Err(
                    format!("row {row} stands in `{}` where row {next} is expected", file.name).into()
                );
            }
            *next += 1;
        }
    }
    for (number, next) in next.iter().enumerate() {
        if *next != number * ROWS_OF_A_PROCESS + each {
            return Err(format!("process {number} has rows to {next} of {each}").into());
        }
    }
    Ok(format!("{} rows in {} files, none shared, none lost or doubled", processes * each, files.len()))
}
