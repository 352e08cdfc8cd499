//! Kills a process that works on a store, like `kill -9`, at random moments.

use crate::prove::location::ProofStore;
use crate::prove::operations::operation::{has_no_orphan, is_complete};
use crate::prove::operations::rows::{self, Log};
use crate::prove::operations::work::{CLOCK, SERVER, fingerprint, open};
use crate::prove::report::{Power, Row, Scale};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::ChildStdout;
use ucupdate::GarbageOptions;
use ucupdate_store::error_chain;

/// The number of kills after which a new store is begun. Checking a store takes longer the more objects it has.
const KILLS_OF_A_STORE: usize = 20;
/// A process is killed within this time after it began to work.
const LONGEST_LIFE: Duration = Duration::from_millis(150);

/// A line that a child process prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    is_done: bool,
    what: String,
    revision: u64,
    rows: usize,
    fingerprint: u64,
}

impl Line {
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

/// Returns the rows of kills on a folder and on a bucket.
pub async fn rows(scale: &Scale, endpoint: Option<&str>, program: &Path) -> Vec<Row> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = since.as_secs();
    let (on_folder, on_bucket) = if scale.full { (400, 200) } else { (12, 6) };
    let place = if endpoint.is_some() { "S3 at an endpoint" } else { "S3 in this process" };
    let mut rows = Vec::new();
    if let Some(power) = &scale.power {
        let cuts = if scale.full { 120 } else { 20 };
        let what = format!("power cuts at random moments, {}", power.folder.display());
        rows.push(row(
            what,
            "cuts",
            cuts,
            seed,
            kill_repeatedly(cuts, seed, None, program, Some(power)).await,
        ));
        return rows;
    }
    for (place, kills, is_folder) in [("folder", on_folder, true), (place, on_bucket, false)] {
        let what = format!("kill -9 at random moments, {place}");
        let endpoint = if is_folder { None } else { Some(endpoint) };
        rows.push(row(
            what,
            "kills",
            kills,
            seed,
            kill_repeatedly(kills, seed, endpoint, program, None).await,
        ));
    }
    rows
}

fn row(
    what: String,
    name: &str,
    number: usize,
    seed: u64,
    end: Result<BTreeMap<String, usize>, String>,
) -> Row {
    match end {
        Ok(tally) => {
            let each: Vec<_> = tally.iter().map(|(what, n)| format!("{what} {n}")).collect();
            let found =
                format!("{number} {name}, seed {seed}, nothing acknowledged lost; in {}", each.join(", "));
            Row { what, found, holds: true }
        }
        Err(found) => Row { what, found: format!("seed {seed}: {found}"), holds: false },
    }
}

/// Kills processes. Returns how many were killed during each operation. `bucket` is `None` for a folder.
async fn kill_repeatedly(
    kills: usize,
    seed: u64,
    bucket: Option<Option<&str>>,
    program: &Path,
    power: Option<&Power>,
) -> Result<BTreeMap<String, usize>, String> {
    let mut rng = Rng::with_seed(seed);
    let mut tally = BTreeMap::new();
    let mut store = None;
    for kill in 0..kills {
        if kill % KILLS_OF_A_STORE == 0 {
            let kept = match (bucket, power) {
                (None, Some(power)) => ProofStore::folder_at(power.folder.join(format!("store-{kill}"))),
                (None, None) => ProofStore::folder().map_err(|error| error_chain(&*error))?,
                (Some(endpoint), _) => ProofStore::bucket(endpoint).await,
            };
            store = Some((kept, 0, 0));
        }
        let Some((kept, revision, rows)) = &mut store else { continue };
        let at = |found: String| format!("kill {kill}: {found}");
        let (done, begun) = work_until_killed(kept, seed.wrapping_add(kill as u64), program, &mut rng, power)
            .await
            .map_err(at)?;
        let during = if begun.is_some() { begun.as_ref() } else { None };
        let during = during.map_or("nothing", |begun| begun.what.as_str());
        *tally.entry(during.to_owned()).or_default() += 1;

        if let Some(done) = &done {
            (*revision, *rows) = (done.revision, done.rows);
        }
        let sweep = rng.bool();
        let end = look(kept, (*revision, *rows), done.as_ref(), begun.as_ref(), sweep).await;
        let end = end.map_err(|found| at(format!("in {during}: {found}")))?;
        (*revision, *rows) = end;
    }
    Ok(tally)
}

/// Lets a process work until it is killed. Returns its last acknowledged line, and the operation that was in flight.
async fn work_until_killed(
    kept: &ProofStore,
    seed: u64,
    program: &Path,
    rng: &mut Rng,
    power: Option<&Power>,
) -> Result<(Option<Line>, Option<Line>), String> {
    let mut process = kept.process(program, "work");
    process.args(["--task", "change", "--seed", &seed.to_string()]);
    let mut child =
        process.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| error_chain(&error))?;
    let out = child.stdout.take().ok_or("a child has no output")?;
    let mut lines = BufReader::new(out).lines();
    if next(&mut lines).await?.as_deref() != Some("ready") {
        let ended = child.wait().await.map_err(|error| error_chain(&error))?;
        return Err(format!("a child did not begin to work: {ended}"));
    }
    let life = tokio::time::sleep(LONGEST_LIFE.mul_f64(rng.f64()));
    tokio::pin!(life);
    let (mut done, mut begun) = (None, None);
    let mut is_killed = false;
    loop {
        tokio::select! {
            () = &mut life, if !is_killed => {
                if let Some(power) = power {
                    power.turn("cut").await?;
                }
                child.start_kill().map_err(|error| format!("a child ended before it was killed: {error}"))?;
                is_killed = true;
            }
            line = next(&mut lines) => match line?.as_deref().map(Line::parse) {
                Some(Some(said)) if said.is_done => (done, begun) = (Some(said), None),
                Some(said) => begun = said,
                None if is_killed => break,
                None => return Err("a child gave up before it was killed".into()),
            }
        }
    }
    child.wait().await.map_err(|error| error_chain(&error))?;
    if let Some(power) = power {
        power.turn("restore").await?;
    }
    Ok((done, begun))
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Option<String>, String> {
    lines.next_line().await.map_err(|error| error_chain(&error))
}

/// Opens the store after a kill and checks it. Returns its revision and its number of rows.
async fn look(
    kept: &ProofStore,
    (revision, rows): (u64, usize),
    done: Option<&Line>,
    begun: Option<&Line>,
    sweep: bool,
) -> Result<(u64, usize), String> {
    let service = open(kept.open().await.map_err(|error| error_chain(&*error))?).await?;
    let found = service.snapshot().revision();
    let most = revision + u64::from(begun.is_some());
    if !(revision..=most).contains(&found) {
        return Err(format!("the newest revision is {found}, expected {revision} to {most}"));
    }
    if done.is_some_and(|done| done.revision == found && done.fingerprint != fingerprint(&service)) {
        return Err(format!("the rule book of revision {found} is not the one that was acknowledged"));
    }
    is_complete(&service).await?;
    let store = &**service.store();
    let found_rows = rows::in_order(store, Log::Audit, SERVER, CLOCK).await?;
    let most = begun.map_or(rows, |begun| begun.rows.max(rows));
    if !(rows..=most).contains(&found_rows) {
        return Err(format!("{found_rows} rows are in the log, expected {rows} to {most}"));
    }
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
