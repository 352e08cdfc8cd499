//! Processes that change one rule book and answer devices at the same time. Some are killed. The proof checks that no
//! acknowledged change is lost, and that one process could have made the same changes in some order.

mod fault;
mod history_check;
mod record;
pub(crate) mod worker;

use crate::prove::fleet;
use crate::prove::location::ProofStore;
use crate::prove::moment;
use crate::prove::moment::{nanoseconds, shown};
use crate::prove::processes::fault::HistoryFault;
use crate::prove::processes::history_check::ProcessTally;
use crate::prove::processes::record::ProcessRecord;
use crate::prove::report::{ProofError, ProofRow, Scale};
use crate::prove::written;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Child;
use ucupdate::UpdateService;
use ucupdate_store::stream_of;

/// The longest time after a change in which an answer may still come from the old rule book: the
/// probe period plus a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// The reciprocal of the share of changes that may fail because of contention: at most one of 100.
const CONTENDED_ONE_OF: u64 = 100;

struct Crowd {
    processes: usize,
    /// The number of changes of all processes together.
    changes: usize,
    asks: usize,
    kills: usize,
    at_most: Duration,
}

impl Crowd {
    fn of(scale: &Scale) -> Self {
        if scale.full {
            let at_most = Duration::from_secs(30 * 60);
            Self { processes: 8, changes: 5_000, asks: 100_000, kills: 24, at_most }
        } else {
            Self { processes: 3, changes: 60, asks: 2_000, kills: 2, at_most: Duration::from_secs(300) }
        }
    }
}

/// Runs the proof on a folder and on a bucket. Fails when a store cannot be created or a process
/// fails.
pub(crate) async fn prove(
    scale: &Scale,
    endpoint: Option<&str>,
    print: &mut dyn FnMut(Vec<ProofRow>),
) -> Result<(), ProofError> {
    for ground in ProofStore::both(endpoint).await? {
        let crowd = Crowd::of(scale);
        let records = run(&ground, &crowd, &scale.program()?).await?;
        let history = written::history(&*ground.open().await?).await?;
        let (tally, faults) = history_check::check(&history, &records, nanoseconds(PATIENCE));
        print(table(&ground, &crowd, &records, &tally, &faults));
        ground.clear().await?;
    }
    Ok(())
}

fn table(
    ground: &ProofStore,
    crowd: &Crowd,
    records: &[ProcessRecord],
    tally: &ProcessTally,
    faults: &[HistoryFault],
) -> Vec<ProofRow> {
    let name = format!("{} processes, {}", crowd.processes, ground.name);
    let row =
        |what: &str, found: String, holds: bool| ProofRow { what: format!("{name}: {what}"), found, holds };
    let took = |share: usize| {
        tally.took.get((tally.took.len() * share / 1000).min(tally.took.len().saturating_sub(1))).copied()
    };
    let took = |share| took(share).map_or_else(|| "-".into(), shown);
    let seconds = (tally.span / 1_000_000_000).max(1);
    let attempts = tally.made + tally.refused + tally.nothing_to_do + tally.contended;
    let killed: Vec<&ProcessRecord> = records.iter().filter(|record| record.killed.is_some()).collect();
    let acknowledged: usize = killed.iter().map(|record| record.made()).sum();
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let first: Vec<String> = faults.iter().take(3).map(ToString::to_string).collect();
    vec![
        row(
            "changes in the order of their revisions",
            format!(
                "{} accepted in {} ({} a second), {} refused, {} had nothing to do, {} unclear",
                tally.made,
                shown(tally.span),
                tally.made / seconds,
                tally.refused,
                tally.nothing_to_do,
                tally.unclear
            ),
            count(tally.made) >= crowd.changes,
        ),
        row(
            "duration of an accepted change",
            format!(
                "half within {}, 99 of 100 within {}, all within {}; {} of {attempts} given up as contended",
                took(500),
                took(990),
                took(1000),
                tally.contended
            ),
            tally.contended * CONTENDED_ONE_OF <= attempts,
        ),
        row(
            "answers by a revision that was current",
            format!(
                "{} asks, the oldest {} after the next revision was made",
                tally.asks,
                shown(tally.oldest)
            ),
            count(tally.asks) >= crowd.asks && tally.oldest <= nanoseconds(PATIENCE),
        ),
        row(
            "processes killed",
            format!(
                "{} killed and replaced; all {acknowledged} changes that were acknowledged to them were kept, and {} more",
                killed.len(),
                tally.unacknowledged
            ),
            killed.len() == crowd.kills,
        ),
        row(
            "one order explains all of it",
            match faults.len() {
                0 => "no fault".into(),
                more => format!("{more} faults: {}", first.join("; ")),
            },
            faults.is_empty(),
        ),
    ]
}

struct Worker {
    number: u32,
    record: PathBuf,
    /// The number of changes that the process still has to make.
    changes: usize,
    asks: usize,
    child: Child,
}

/// Runs the processes, kills some of them and starts others in their place. Returns the records of all processes.
async fn run(ground: &ProofStore, crowd: &Crowd, program: &Path) -> Result<Vec<ProcessRecord>, ProofError> {
    let service = UpdateService::open(ground.open().await?, fleet::options()).await?;
    for cabinet in fleet::packages()? {
        service.admin("ann").ingest("UCUpdates.cab", stream_of(cabinet), |_| {}).await?;
    }
    let before = service.refresh().await?;
    let folder = tempfile::tempdir()?;
    let (mut rng, mut next) = (fastrand::Rng::new(), 0);
    let mut start = |changes: usize, asks: usize| -> Result<Worker, ProofError> {
        let number = next;
        next += 1;
        let record = folder.path().join(format!("{number}"));
        let mut command = ground.process(program, "contend");
        command.arg("--record").arg(&record);
        command.args(["--process", &number.to_string()]);
        command.args(["--changes", &changes.to_string(), "--asks", &asks.to_string()]);
        Ok(Worker { number, record, changes, asks, child: command.spawn()? })
    };
    let share = |all: usize| all.div_ceil(crowd.processes);
    let mut workers = Vec::new();
    for _ in 0..crowd.processes {
        workers.push(start(share(crowd.changes), share(crowd.asks))?);
    }
    let mut records = Vec::new();
    let begun = tokio::time::Instant::now();
    let mut kills = 0;
    while !workers.is_empty() {
        tokio::time::sleep(Duration::from_millis(30)).await;
        if begun.elapsed() > crowd.at_most {
            return Err(format!("the processes did not end within {} s", crowd.at_most.as_secs()).into());
        }
        let made = usize::try_from(service.refresh().await? - before).unwrap_or(usize::MAX);
        // The kills are spread evenly over the changes. There is no kill near the end.
        if kills < crowd.kills && made * (crowd.kills + 2) >= crowd.changes * (kills + 1) {
            let mut victim = workers.swap_remove(rng.usize(..workers.len()));
            victim.child.start_kill()?;
            let was_at_work = !victim.child.wait().await?.success();
            let killed = was_at_work.then(moment::now);
            let record = ProcessRecord::read(victim.number, killed, &victim.record)?;
            let left = |all: usize, done: usize| all.saturating_sub(done);
            if was_at_work {
                kills += 1;
                let (changes, asks) = (left(victim.changes, record.made()), left(victim.asks, record.asks()));
                workers.push(start(changes, asks)?);
            }
            records.push(record);
        }
        for at in (0..workers.len()).rev() {
            let Some(status) = workers[at].child.try_wait()? else { continue };
            let worker = workers.swap_remove(at);
            if !status.success() {
                return Err(format!("process {} ended with {status}", worker.number).into());
            }
            records.push(ProcessRecord::read(worker.number, None, &worker.record)?);
        }
    }
    Ok(records)
}
