//! Kills a process that works on a store, like `kill -9`, at random moments, or cuts the power of
//! its file system.

use crate::prove::location::ProofStore;
use crate::prove::operations::operation::{has_no_orphan, is_complete};
use crate::prove::operations::work::{APPENDED, CLOCK, SERVER, WorkTask, fingerprint, open};
use crate::prove::operations::{files, rows};
use crate::prove::report::{Power, ProofRow, Scale};
use clap::ValueEnum as _;
use fastrand::Rng;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::ChildStdout;
use ucupdate::GarbageOptions;
use ucupdate_folder::Folder;
use ucupdate_store::error_chain;

/// The number of kills after which a new store is begun. Checking a store takes longer the more objects it has.
const KILLS_OF_A_STORE: usize = 20;
/// The longest time for which a process works before it is killed.
const LONGEST_LIFE: Duration = Duration::from_millis(150);

/// A line that a child process prints before or after an operation, such as `begin ingest 3 40 0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OperationLine {
    is_done: bool,
    what: String,
    revision: u64,
    rows: usize,
    fingerprint: u64,
}

impl OperationLine {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let is_done = match words.next()? {
            "begin" => false,
            "done" => true,
            _ => return None,
        };
        Some(Self {
            is_done,
            what: words.next()?.to_owned(),
            revision: words.next()?.parse().ok()?,
            rows: words.next()?.parse().ok()?,
            fingerprint: words.next()?.parse().ok()?,
        })
    }
}

/// Runs each task in child processes that are killed at random moments, on a folder and on a
/// bucket. With [`Scale::power`], cuts the power instead, on a folder only. Returns a row of the
/// table for each task.
pub async fn rows(scale: &Scale, endpoint: Option<&str>, program: &Path) -> Vec<ProofRow> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = since.as_secs();
    let place = if endpoint.is_some() { "S3 at an endpoint" } else { "S3 in this process" };
    let on_folder = |task, full, small| (task, None, if scale.full { full } else { small });
    let (all, at) = match &scale.power {
        Some(power) => {
            let all = vec![
                on_folder(WorkTask::Change, 120, 20),
                on_folder(WorkTask::AppendAudit, 60, 10),
                on_folder(WorkTask::AppendAccess, 60, 10),
                on_folder(WorkTask::Files, 60, 10),
            ];
            (all, power.folder.display().to_string())
        }
        None => {
            let all = vec![
                on_folder(WorkTask::Change, 400, 12),
                on_folder(WorkTask::AppendAudit, 100, 3),
                on_folder(WorkTask::AppendAccess, 100, 3),
                (WorkTask::Change, Some(endpoint), if scale.full { 200 } else { 6 }),
            ];
            (all, "folder".to_owned())
        }
    };
    let mut rows = Vec::new();
    for (task, bucket, number) in all {
        let work = match task {
            WorkTask::AppendAudit => "while audit rows are appended",
            WorkTask::AppendAccess => "while access rows are appended",
            WorkTask::Files => "while files are written without a store",
            WorkTask::Change | WorkTask::Rows => "at random moments",
        };
        let (kind, unit) = if scale.power.is_some() { ("power cuts", "cuts") } else { ("kill -9", "kills") };
        let at = if bucket.is_some() { place } else { &at };
        let killing = Killing { task, kills: number, seed, bucket, program, power: scale.power.as_ref() };
        let (found, holds) = match killing.run().await {
            Ok(tally) => {
                let each: Vec<_> = tally.iter().map(|(what, n)| format!("{what} {n}")).collect();
                let each = each.join(", ");
                (format!("{number} {unit}, seed {seed}, nothing acknowledged lost; in {each}"), true)
            }
            Err(found) => (format!("seed {seed}: {found}"), false),
        };
        rows.push(ProofRow { what: format!("{kind} {work}, {at}"), found, holds });
    }
    rows
}

/// The child processes of one task. They are killed, or the power is cut while they work.
struct Killing<'a> {
    task: WorkTask,
    kills: usize,
    seed: u64,
    /// The bucket: `Some(None)` is one in this process, and `Some(Some(url))` is one at an
    /// endpoint. `None` means a folder.
    bucket: Option<Option<&'a str>>,
    program: &'a Path,
    power: Option<&'a Power>,
}

/// The lines that a process printed before it was killed.
#[derive(Default)]
struct Printed {
    /// The last operation that was acknowledged.
    done: Option<OperationLine>,
    /// The operation that was in flight.
    begun: Option<OperationLine>,
    /// The number of acknowledged flushes that appended to a log file.
    appended: usize,
}

impl Killing<'_> {
    /// Kills processes. Returns the number of kills during each operation, and the number of
    /// acknowledged appends.
    async fn run(&self) -> Result<BTreeMap<String, usize>, String> {
        let mut rng = Rng::with_seed(self.seed);
        let mut tally = BTreeMap::new();
        let mut store = None;
        for kill in 0..self.kills {
            if kill % KILLS_OF_A_STORE == 0 {
                let kept = match (self.bucket, self.power) {
                    (None, Some(power)) => {
                        let name = self
                            .task
                            .to_possible_value()
                            .map_or_else(String::new, |it| it.get_name().to_owned());
                        ProofStore::folder_at(power.folder.join(format!("{name}-{kill}")))
                    }
                    (None, None) => ProofStore::folder().map_err(|error| error_chain(&*error))?,
                    (Some(endpoint), _) => ProofStore::bucket(endpoint).await,
                };
                store = Some((kept, 0, 0));
            }
            let Some((kept, revision, rows)) = &mut store else { continue };
            let at = |found: String| format!("kill {kill}: {found}");
            let printed = self.work_until_killed(kept, self.seed.wrapping_add(kill as u64), &mut rng).await;
            let printed = printed.map_err(at)?;
            let during = printed.begun.as_ref().map_or("nothing", |begun| begun.what.as_str());
            *tally.entry(during.to_owned()).or_default() += 1;
            if self.task.is_append() {
                *tally.entry("acknowledged appends".to_owned()).or_default() += printed.appended;
            }

            if let Some(done) = &printed.done {
                (*revision, *rows) = (done.revision, done.rows);
            }
            let sweep = rng.bool();
            let end = if self.task == WorkTask::Files {
                look_at_files(kept, *rows, &printed).map(|files| (0, files))
            } else {
                look(kept, self.task, (*revision, *rows), &printed, sweep).await
            };
            (*revision, *rows) = end.map_err(|found| at(format!("in {during}: {found}")))?;
        }
        Ok(tally)
    }

    /// Lets a process work for a random time, and kills it. Returns the lines that it printed.
    async fn work_until_killed(
        &self,
        kept: &ProofStore,
        seed: u64,
        rng: &mut Rng,
    ) -> Result<Printed, String> {
        let mut process = kept.process(self.program, "work");
        let task = self.task.to_possible_value().ok_or("the task has no name")?;
        process.args(["--task", task.get_name(), "--seed", &seed.to_string()]);
        let spawned = process.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| error_chain(&error))?;
        let out = child.stdout.take().ok_or("a child has no output")?;
        let mut lines = BufReader::new(out).lines();
        if next(&mut lines).await?.as_deref() != Some("ready") {
            let ended = child.wait().await.map_err(|error| error_chain(&error))?;
            return Err(format!("a child did not begin to work: {ended}"));
        }
        let life = tokio::time::sleep(LONGEST_LIFE.mul_f64(rng.f64()));
        tokio::pin!(life);
        let mut printed = Printed::default();
        let mut is_killed = false;
        loop {
            tokio::select! {
                () = &mut life, if !is_killed => {
                    if let Some(power) = self.power {
                        power.turn("cut").await?;
                    }
                    child.start_kill().map_err(|error| format!("a child ended before it was killed: {error}"))?;
                    is_killed = true;
                }
                line = next(&mut lines) => match line?.as_deref().map(OperationLine::parse) {
                    Some(Some(line)) if line.is_done => {
                        printed.appended += usize::from(line.what == APPENDED);
                        (printed.done, printed.begun) = (Some(line), None);
                    }
                    Some(line) => printed.begun = line,
                    None if is_killed => break,
                    None => return Err("a child gave up before it was killed".into()),
                }
            }
        }
        child.wait().await.map_err(|error| error_chain(&error))?;
        if let Some(power) = self.power {
            power.turn("restore").await?;
        }
        Ok(printed)
    }
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Option<String>, String> {
    lines.next_line().await.map_err(|error| error_chain(&error))
}

/// Opens the store after a kill and checks it. With `sweep`, also collects garbage and checks the
/// store again. Returns the number of the newest revision, and the number of rows in the log.
async fn look(
    kept: &ProofStore,
    task: WorkTask,
    (revision, rows): (u64, usize),
    printed: &Printed,
    sweep: bool,
) -> Result<(u64, usize), String> {
    let service = open(kept.open().await.map_err(|error| error_chain(&*error))?).await?;
    let found = service.snapshot().revision();
    let most = revision + u64::from(printed.begun.is_some());
    if !(revision..=most).contains(&found) {
        return Err(format!("the newest revision is {found}, expected {revision} to {most}"));
    }
    let is_other = |done: &OperationLine| done.revision == found && done.fingerprint != fingerprint(&service);
    if task == WorkTask::Change && printed.done.as_ref().is_some_and(is_other) {
        return Err(format!("the rule book of revision {found} is not the one that was acknowledged"));
    }
    is_complete(&service).await?;
    let found_rows = rows::in_order(&**service.store(), task.log(), SERVER, CLOCK).await?;
    printed.check_number("rows are in the log", rows, found_rows)?;
    if sweep {
        let swept = service.collect_garbage(&GarbageOptions::default().with_grace(Duration::ZERO)).await;
        swept.map_err(|error| format!("collecting garbage: {}", error_chain(&error)))?;
        // A store without a history keeps whole packages, because they may be all that is left.
        if found > 0 {
            has_no_orphan(&service, "after garbage collection").await?;
        }
        is_complete(&service).await?;
    }
    service.shutdown().await.map_err(|error| error_chain(&error))?;
    Ok((found, found_rows))
}

/// Checks the files that were written without a store. Returns the number of files.
fn look_at_files(kept: &ProofStore, acknowledged: usize, printed: &Printed) -> Result<usize, String> {
    let path = kept.location.folder.as_deref().ok_or("the files are in no folder")?;
    let found = match Folder::open(path) {
        Ok(folder) => files::in_order(&folder)?,
        Err(_) if acknowledged == 0 => 0,
        Err(error) => return Err(error_chain(&error)),
    };
    printed.check_number("files are there", acknowledged, found)?;
    Ok(found)
}

impl Printed {
    /// Checks the number of rows or files that were found. It must be at least the acknowledged
    /// number. It may be greater by what the operation in flight writes.
    fn check_number(&self, what: &str, acknowledged: usize, found: usize) -> Result<(), String> {
        let most = self.begun.as_ref().map_or(acknowledged, |begun| begun.rows.max(acknowledged));
        if (acknowledged..=most).contains(&found) {
            return Ok(());
        }
        Err(format!("{found} {what}, expected {acknowledged} to {most}"))
    }
}
