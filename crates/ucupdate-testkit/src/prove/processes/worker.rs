//! One of the processes that contend for a store. It changes the rule book, answers devices, and records the outcomes.

use crate::prove::fleet;
use crate::prove::location::ProofLocation;
use crate::prove::moment;
use crate::prove::processes::record::{ChangeEnd, ProcessChange, ProcessEvent, ProcessRecorder};
use crate::prove::report::ProofError;
use clap::Args;
use fastrand::Rng;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use ucupdate::request::Side;
use ucupdate::{Asker, ChangeError, Changed, UpdateService};

/// The arguments of a process.
#[derive(Clone, Debug, Args)]
#[allow(clippy::exhaustive_structs, reason = "it is what the command line says")]
pub struct WorkerArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a sentence here would be in the command's help")]
    pub location: ProofLocation,
    /// File for the record of events
    #[arg(long, value_name = "FILE")]
    pub record: PathBuf,
    /// Number of the process
    #[arg(long, value_name = "NUMBER")]
    pub process: u32,
    /// Number of changes to make
    #[arg(long, value_name = "COUNT")]
    pub changes: usize,
    /// Smallest number of devices to answer
    #[arg(long, value_name = "COUNT")]
    pub asks: usize,
}

/// The time between two bursts of requests.
const BETWEEN_ASKS: Duration = Duration::from_millis(10);
/// The number of requests in a burst.
const BURST: usize = 5;
/// The average number of changes between two pauses. In a pause, the process learns of changes only
/// by its regular probe.
const PAUSE_ONE_OF: usize = 300;
/// The longest pause, in milliseconds.
const LONGEST_PAUSE: u64 = 2500;

/// Does the work of one process: makes changes and answers devices, and records both.
///
/// # Errors
/// When the store or the record cannot be opened or written.
pub async fn work(args: &WorkerArgs) -> Result<(), ProofError> {
    let recorder = Arc::new(ProcessRecorder::new(&args.record)?);
    let service = UpdateService::open(args.location.open().await?, fleet::options()).await?;
    let changed = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn({
        let (service, recorder, changed) = (service.clone(), Arc::clone(&recorder), Arc::clone(&changed));
        let (seed, asks) = (u64::from(args.process) + 1_000_000, args.asks);
        async move { ask(&service, &recorder, Rng::with_seed(seed), asks, &changed).await }
    });
    let done = change(&service, &recorder, args).await;
    changed.store(true, Ordering::Relaxed);
    done.and(asking.await?)
}

/// Makes changes, one after another, until the number in `args` is reached.
async fn change(
    service: &UpdateService,
    recorder: &ProcessRecorder,
    args: &WorkerArgs,
) -> Result<(), ProofError> {
    let mut rng = Rng::with_seed(u64::from(args.process));
    let packages: Vec<_> =
        service.snapshot().book().packages().map(ucupdate::book::IngestedPackage::id).collect();
    let (mut made, mut number) = (0, 0);
    while made < args.changes {
        let change = ProcessChange { process: args.process, number };
        let command = fleet::command(&mut rng, &packages);
        recorder.begin(number, &command)?;
        let end = end_of(service.admin(&change.author()).command(&command).await);
        made += usize::from(matches!(end, ChangeEnd::Made(_)));
        recorder.write(&ProcessEvent::Ended { change: number, at: moment::now(), end })?;
        number += 1;
        if rng.usize(..PAUSE_ONE_OF) == 0 {
            tokio::time::sleep(Duration::from_millis(rng.u64(..LONGEST_PAUSE))).await;
        }
    }
    Ok(())
}

fn end_of(changed: Result<Changed, ChangeError>) -> ChangeEnd {
    match changed {
        Ok(Changed { revision: Some(revision), .. }) => ChangeEnd::Made(revision),
        Ok(_) => ChangeEnd::NothingToDo,
        Err(ChangeError::Refused(refusal)) => ChangeEnd::Refused(refusal.to_string()),
        Err(ChangeError::Contended { .. }) => ChangeEnd::Contended,
        Err(error @ (ChangeError::Unclear { .. } | ChangeError::State(_))) => {
            ChangeEnd::Unclear(error.to_string())
        }
        Err(error) => ChangeEnd::Failed(error.to_string()),
    }
}

/// Answers devices until all changes are made and the number of requests in `args` is reached.
async fn ask(
    service: &UpdateService,
    recorder: &ProcessRecorder,
    mut rng: Rng,
    asks: usize,
    changed: &AtomicBool,
) -> Result<(), ProofError> {
    let mut asked = 0;
    while asked < asks || !changed.load(Ordering::Relaxed) {
        for _ in 0..BURST {
            let request = rng.usize(..fleet::REQUESTS);
            let said = fleet::request(request);
            let begun = moment::now();
            let answered = service.answered(&said, Asker { side: Side::Internal, host: "10.1.1.123" })?;
            let ended = moment::now();
            let answer = fleet::answer(&answered.response);
            recorder.write(&ProcessEvent::Ask {
                begun,
                ended,
                revision: answered.revision,
                request,
                answer,
            })?;
            asked += 1;
        }
        tokio::time::sleep(BETWEEN_ASKS).await;
    }
    Ok(())
}
