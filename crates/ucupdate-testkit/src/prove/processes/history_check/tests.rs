use super::*;
use crate::prove::written;
use std::sync::Arc;
use ucupdate::UpdateService;
use ucupdate_store::{ImageStore, MemoryStore, stream_of};

const SECOND: u64 = 1_000_000_000;

/// Returns the history and the records of a run of two processes. They make changes in turn, one
/// change a second. A device gets an answer after each change. The second process is killed at the
/// end.
async fn run() -> (Vec<Written>, Vec<ProcessRecord>) {
    let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
    let options = fleet::options().with_probe(None);
    let service = UpdateService::open(Arc::clone(&store), options).await.unwrap();
    for cabinet in fleet::packages().unwrap() {
        service.admin("ann").ingest("UCUpdates.cab", stream_of(cabinet), |_| {}).await.unwrap();
    }
    let packages: Vec<_> =
        service.snapshot().book().packages().map(ucupdate::book::IngestedPackage::id).collect();
    let mut rng = fastrand::Rng::with_seed(7);
    let mut records = [1, 2].map(|process| ProcessRecord { process, killed: None, events: Vec::new() });
    for number in 0..60 {
        let at = (number + 1) * SECOND;
        let record = &mut records[usize::try_from(number % 2).unwrap()];
        let change = ProcessChange { process: record.process, number };
        let command = fleet::command(&mut rng, &packages);
        record.events.push(ProcessEvent::Begun { change: number, at, command: Box::new(command.clone()) });
        let end = match service.admin(&change.author()).command(&command).await {
            Ok(changed) => changed.revision.map_or(ChangeEnd::NothingToDo, ChangeEnd::Made),
            Err(refused) => ChangeEnd::Refused(refused.to_string()),
        };
        record.events.push(ProcessEvent::Ended { change: number, at: at + SECOND / 2, end });
        let (begun, request) = (at + SECOND * 6 / 10, rng.usize(..fleet::REQUESTS));
        let answer = fleet::expected(service.snapshot().index(), request);
        let revision = service.snapshot().revision();
        record.events.push(ProcessEvent::Ask { begun, ended: begun + 1000, revision, request, answer });
    }
    records[1].killed = Some(100 * SECOND);
    (written::history(&*store).await.unwrap(), records.into())
}

/// Returns the faults that the check finds after `forge` has changed a correct run.
async fn forged(forge: impl FnOnce(&mut Vec<Written>, &mut Vec<ProcessRecord>)) -> Vec<String> {
    let (mut history, mut records) = run().await;
    forge(&mut history, &mut records);
    let (_, faults) = check(&history, &records, SECOND);
    faults.iter().map(ToString::to_string).collect()
}

fn has(faults: &[String], words: &str) {
    assert!(faults.iter().any(|fault| fault.contains(words)), "no `{words}` in {faults:#?}");
}

/// Returns the first value that `forge` returns for an event of the record.
fn first<'a, T>(record: &'a mut ProcessRecord, forge: impl FnMut(&'a mut ProcessEvent) -> Option<T>) -> T {
    record.events.iter_mut().find_map(forge).unwrap()
}

fn made(event: &mut ProcessEvent) -> Option<(&u64, &mut u64, &mut ChangeEnd)> {
    match event {
        ProcessEvent::Ended { change, at, end } if matches!(end, ChangeEnd::Made(_)) => {
            Some((change, at, end))
        }
        _ => None,
    }
}

fn position(record: &ProcessRecord, wanted: impl FnMut(&ProcessEvent) -> bool) -> usize {
    record.events.iter().position(wanted).unwrap()
}

#[tokio::test]
async fn an_honest_run_has_no_fault_and_is_counted() {
    let (history, records) = run().await;
    let (tally, faults) = check(&history, &records, SECOND);
    assert_eq!(faults, []);
    assert_eq!(tally.made + 3, u64::try_from(history.len()).unwrap());
    assert_eq!(tally.made + tally.refused + tally.nothing_to_do, 60);
    assert!(tally.made > 20 && tally.refused > 5, "{tally:?}");
    assert_eq!((tally.asks, tally.oldest, tally.unacknowledged, tally.contended), (60, 0, 0, 0));
    assert_eq!(tally.took, vec![SECOND / 2; tally.took.len()]);
    assert_eq!(tally.span, 59 * SECOND + SECOND / 2);
}

#[tokio::test]
async fn a_change_that_was_acknowledged_and_is_not_there_is_named() {
    let faults = forged(|history, _| {
        history.pop();
    })
    .await;
    has(&faults, "and made no revision");
}

#[tokio::test]
async fn a_change_of_a_killed_process_that_was_acknowledged_must_be_there_too() {
    let faults = forged(|history, records| {
        let last = history.iter().rposition(|revision| revision.author.starts_with("process 2 ")).unwrap();
        history.truncate(last);
        records[1].killed = Some(0);
    })
    .await;
    has(&faults, "process 2 change");
    has(&faults, "and made no revision");
}

#[tokio::test]
async fn a_change_that_was_begun_when_its_process_was_killed_may_be_there_or_not() {
    let (history, mut records) = run().await;
    // The last event is the answer after the last change.
    let left = records[1].events.len() - 2;
    records[1].events.truncate(left);
    let (tally, faults) = check(&history, &records, SECOND);
    assert_eq!(faults, []);
    let is_there = history.last().unwrap().author == "process 2 change 59";
    assert_eq!(tally.unacknowledged, u64::from(is_there));

    records[1].killed = None;
    let (_, faults) = check(&history, &records, SECOND);
    assert_eq!(faults, [HistoryFault::Endless { change: ProcessChange { process: 2, number: 59 } }]);
}

#[tokio::test]
async fn a_change_in_two_revisions_is_named_and_so_is_that_it_had_nothing_to_do() {
    let faults = forged(|history, _| {
        let mut again = history.last().unwrap().clone();
        again.number += 1;
        again.previous = again.sha256;
        history.push(again);
    })
    .await;
    has(&faults, "made two revisions");
    has(&faults, "is not the result of its command on the revision before");
}

#[tokio::test]
async fn a_missing_revision_a_broken_chain_and_a_stranger_are_named() {
    let faults = forged(|history, _| drop(history.remove(10))).await;
    has(&faults, "revision 11 is missing, 12 follows");
    let faults = forged(|history, _| history[10].previous = Sha256Digest::of(b"another")).await;
    assert_eq!(faults, ["revision 11 does not have the digest of the revision before"]);
    let faults = forged(|history, _| history[10].author = "bob".into()).await;
    has(&faults, "no process of the run made revision 11");
}

#[tokio::test]
async fn a_delta_that_is_not_what_its_command_does_is_named() {
    let faults = forged(|history, _| {
        let index = history.iter().rposition(|revision| !revision.delta.rules.is_empty()).unwrap();
        history[index].delta.rules.clear();
    })
    .await;
    has(&faults, "it changes something else");
}

#[tokio::test]
async fn a_change_whose_process_got_another_number_is_named() {
    let faults = forged(|_, records| {
        let (_, _, end) = first(&mut records[0], made);
        *end = ChangeEnd::Made(50_000);
    })
    .await;
    has(&faults, "was acknowledged as revision 50000, and made");
}

#[tokio::test]
async fn a_change_that_was_made_though_its_process_got_a_failure_is_named() {
    for answer in [ChangeEnd::Contended, ChangeEnd::NothingToDo, ChangeEnd::Refused("no".into())] {
        let faults = forged(|_, records| {
            let (_, _, end) = first(&mut records[0], made);
            *end = answer;
        })
        .await;
        has(&faults, "was reported as not made, and made revision");
    }
}

#[tokio::test]
async fn changes_that_did_not_overlap_and_were_made_in_the_other_order_are_named() {
    let faults = forged(|_, records| {
        let index = position(&records[0], |event| {
            matches!(event, ProcessEvent::Ended { end: ChangeEnd::Made(_), .. })
        });
        // The change gets a time after all other changes.
        let ProcessEvent::Begun { at, .. } = &mut records[0].events[index - 1] else { panic!() };
        *at = 90 * SECOND;
        let ProcessEvent::Ended { at, .. } = &mut records[0].events[index] else { panic!() };
        *at = 91 * SECOND;
    })
    .await;
    has(&faults, "began after a later revision was acknowledged");
}

#[tokio::test]
async fn a_refusal_that_holds_at_no_revision_of_its_time_is_named() {
    let faults = forged(|_, records| {
        let end = first(&mut records[0], |event| match event {
            ProcessEvent::Ended { end: end @ ChangeEnd::Refused(_), .. } => Some(end),
            _ => None,
        });
        *end = ChangeEnd::Refused("no such reason".into());
    })
    .await;
    assert_eq!(faults.len(), 1);
    has(&faults, "was answered `no such reason`, which is wrong for each of the revisions");

    let faults = forged(|_, records| {
        let end = first(&mut records[0], |event| match event {
            ProcessEvent::Ended { end: end @ ChangeEnd::Refused(_), .. } => Some(end),
            _ => None,
        });
        *end = ChangeEnd::NothingToDo;
    })
    .await;
    has(&faults, "was answered `nothing to do`");
}

#[tokio::test]
async fn an_answer_of_a_revision_that_was_superseded_long_ago_is_named() {
    let faults = forged(|_, records| {
        let asked = first(&mut records[0], |event| match event {
            ProcessEvent::Ask { begun, ended, .. } => Some((begun, ended)),
            _ => None,
        });
        *asked.0 += 40 * SECOND;
        *asked.1 += 40 * SECOND;
    })
    .await;
    has(&faults, "s after the next revision was made");
}

#[tokio::test]
async fn an_answer_of_a_revision_that_nobody_had_begun_is_named() {
    let faults = forged(|_, records| {
        let last = records[0].events.len() - 1;
        let ProcessEvent::Ask { revision, .. } = &mut records[0].events[last] else { panic!() };
        *revision += 1000;
    })
    .await;
    has(&faults, "which was not begun at that time");
    let faults = forged(|_, records| {
        let last = records[0].events.len() - 1;
        let ProcessEvent::Ask { begun, ended, .. } = &mut records[0].events[last] else { panic!() };
        (*begun, *ended) = (1, 2);
    })
    .await;
    has(&faults, "which was not begun at that time");
}

#[tokio::test]
async fn answers_of_one_process_that_go_back_are_named() {
    let faults = forged(|_, records| {
        let mut asks = records[0].events.iter_mut().filter_map(|event| match event {
            ProcessEvent::Ask { revision, .. } => Some(revision),
            _ => None,
        });
        let (one, later) = (asks.next().unwrap(), asks.nth(20).unwrap());
        std::mem::swap(one, later);
    })
    .await;
    has(&faults, " after ");
    assert!(faults.iter().any(|fault| fault.contains("process 1 answered by revision")), "{faults:#?}");
    let (history, mut records) = run().await;
    let swapped = records[0].events.len() - 1;
    let ProcessEvent::Ask { revision, .. } = &mut records[0].events[swapped] else { panic!() };
    *revision -= 5;
    let before = *revision;
    let (_, faults) = check(&history, &records, 1000 * SECOND);
    assert!(
        faults
            .iter()
            .any(|fault| matches!(fault, HistoryFault::WentBack { revision, .. } if *revision == before))
    );
}

#[tokio::test]
async fn an_answer_that_does_not_know_of_the_processs_own_change_is_named() {
    let (history, mut records) = run().await;
    let made =
        position(&records[0], |event| matches!(event, ProcessEvent::Ended { end: ChangeEnd::Made(_), .. }));
    let ProcessEvent::Ask { revision, .. } = &mut records[0].events[made + 1] else { panic!() };
    *revision -= 1;
    let (_, faults) = check(&history, &records, 1000 * SECOND);
    assert!(
        faults.iter().any(|fault| matches!(fault, HistoryFault::Forgetful { process: 1, .. })),
        "{faults:?}"
    );
}

#[tokio::test]
async fn an_answer_that_deciding_does_not_give_is_named() {
    let faults = forged(|_, records| {
        let answer = first(&mut records[0], |event| match event {
            ProcessEvent::Ask { answer, .. } => Some(answer),
            _ => None,
        });
        *answer = "9.9.9.9 http://elsewhere".into();
    })
    .await;
    assert_eq!(faults.len(), 1);
    has(&faults, "process 1 answered `9.9.9.9 http://elsewhere` by revision");
}
