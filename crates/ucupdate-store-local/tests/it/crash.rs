//! Tests `LocalStore` after a power cut at each effect of each writing call, and checks that mutants are found.

use crate::key;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use ucupdate_store_local::{Disk, LocalStore};
use ucupdate_testkit::crash::{
    BrokenPromise, CrashDisk, CrashReport, CrashScenario, NameFirst, NeverChecked, SameFolders, ScenarioStep,
    SkippedSync, SyncFault, SyncsOnce, TrustsWhatItReads, every_crash, every_failed_sync, every_sync_with,
};

fn create(at: &str) -> ScenarioStep {
    ScenarioStep::Create(key(at), vec![b'c'; 1300])
}

fn put(at: &str) -> ScenarioStep {
    ScenarioStep::Put(key(at), vec![b'p'; 2100])
}

fn old(at: &str) -> ScenarioStep {
    ScenarioStep::Put(key(at), vec![b'o'; 700])
}

fn append(at: &str) -> ScenarioStep {
    ScenarioStep::Append(key(at), vec![b'o'; 700], vec![b'a'; 1300])
}

fn delete(at: &str) -> ScenarioStep {
    ScenarioStep::Delete(key(at))
}

/// Returns a scenario for each writing call: in an empty store, among other objects, over durable objects, and over
/// objects that a killed process had not synced.
fn scenarios() -> Vec<(&'static str, CrashScenario)> {
    let neighbour = || vec![old("a/neighbour")];
    vec![
        ("create, new folders", CrashScenario::of([create("a/b/new")])),
        ("create, known folder", CrashScenario::of([create("a/new")]).after(neighbour())),
        (
            "create, folders not synced",
            CrashScenario::of([create("a/b/new")]).after_unsynced([old("a/b/neighbour")]),
        ),
        ("create of what is there", CrashScenario::of([create("a/b/old")]).after([old("a/b/old")])),
        (
            "create of what is not synced",
            CrashScenario::of([create("a/b/old")]).after_unsynced([old("a/b/old")]),
        ),
        ("put, new folders", CrashScenario::of([put("a/b/new")])),
        ("put, at the root", CrashScenario::of([put("new")])),
        ("put, replacing", CrashScenario::of([put("a/old")]).after([old("a/old"), old("a/neighbour")])),
        (
            "put, replacing what is not synced",
            CrashScenario::of([put("a/b/old")]).after_unsynced([old("a/b/old")]),
        ),
        ("append", CrashScenario::of([append("a/old")]).after([old("a/old"), old("a/neighbour")])),
        ("append to what is not there", CrashScenario::of([append("a/b/old")])),
        ("delete, last in its folders", CrashScenario::of([delete("a/b/old")]).after([old("a/b/old")])),
        (
            "delete, beside a neighbour",
            CrashScenario::of([delete("a/old")]).after([old("a/old"), old("a/neighbour")]),
        ),
        (
            "delete of what is gone and not synced",
            CrashScenario::of([delete("a/b/old")])
                .after([old("a/b/old")])
                .after_unsynced([delete("a/b/old")]),
        ),
        (
            "one after the other",
            CrashScenario::of([
                create("a/b"),
                put("a/b"),
                delete("a/b"),
                put("a"),
                delete("a"),
                create("a/b/c"),
            ]),
        ),
    ]
}

async fn run(
    scenario: &CrashScenario,
    run_on: impl FnOnce(CrashDisk) -> Arc<dyn Disk>,
) -> Result<CrashReport, BrokenPromise> {
    every_crash(scenario, run_on, async |disk| LocalStore::with_disk(disk)).await
}

#[tokio::test]
#[ignore = "slow; .ci/run runs it"]
async fn after_a_power_cut_anywhere_each_object_is_old_or_new_and_what_was_acknowledged_is_there() {
    let mut crash_points = 0;
    for (name, scenario) in scenarios() {
        let report = run(&scenario, |disk| Arc::new(disk)).await;
        let report = report.unwrap_or_else(|broken| panic!("{name}: {broken}"));
        println!("{name}: {report}");
        crash_points += report.crash_points;
    }
    println!("{crash_points} distinct crash points in all");
    assert!(crash_points > 500, "only {crash_points} distinct crash points");
}

/// Runs the scenario with each sync left out in turn. Returns the number of syncs, and the numbers of those whose
/// absence was not detected.
async fn syncs_nobody_misses(scenario: &CrashScenario) -> (usize, Vec<usize>) {
    let mut not_missed = Vec::new();
    for number in 0.. {
        let mut counter = None;
        let report = run(scenario, |disk| {
            let disk = SkippedSync::new(disk, number);
            counter = Some(disk.counter());
            Arc::new(disk)
        });
        let is_missed = report.await.is_err();
        let syncs = counter.unwrap().load(Ordering::SeqCst);
        if number >= syncs {
            assert!(!is_missed, "nothing was left out");
            return (syncs, not_missed);
        }
        if !is_missed {
            not_missed.push(number);
        }
    }
    unreachable!("the loop ends at the number of syncs");
}

#[tokio::test]
async fn with_any_one_sync_left_out_the_kit_fails() {
    let create = |at| ScenarioStep::Create(key(at), vec![b'c'; 500]);
    let put = |at| ScenarioStep::Put(key(at), vec![b'p'; 500]);
    let old = |at| ScenarioStep::Put(key(at), vec![b'o'; 100]);
    let append = |at| ScenarioStep::Append(key(at), vec![b'o'; 100], vec![b'a'; 500]);
    for (name, syncs, scenario) in [
        ("create", 4, CrashScenario::of([create("a/b/new")])),
        (
            "create of what is not synced",
            3,
            CrashScenario::of([create("a/b/old")]).after_unsynced([old("a/b/old")]),
        ),
        ("put, new", 4, CrashScenario::of([put("a/b/new")])),
        ("put, replacing", 3, CrashScenario::of([put("a/old")]).after_unsynced([old("a/old")])),
        ("put, replacing what is synced", 2, CrashScenario::of([put("old")]).after([old("old")])),
        (
            "put, the second one in its folder",
            6,
            CrashScenario::of([put("a/b/new")]).after_own([old("a/b/old")]),
        ),
        ("append", 1, CrashScenario::of([append("a/old")]).after([old("a/old"), old("a/neighbour")])),
        ("delete", 1, CrashScenario::of([delete("a/old")]).after([old("a/old"), old("a/neighbour")])),
    ] {
        assert_eq!(syncs_nobody_misses(&scenario).await, (syncs, vec![]), "{name}");
    }
    // If the folder itself was removed, only the folder above it must be synced.
    let gone = CrashScenario::of([delete("a/old")]).after([old("a/old")]).after_unsynced([delete("a/old")]);
    assert_eq!(syncs_nobody_misses(&gone).await, (2, vec![0]));
}

/// Returns scenarios in which another process removes a folder that the store has synced, and makes it again without a sync.
fn made_again() -> [CrashScenario; 2] {
    let made_again = [delete("a/b/old"), old("a/b/other")];
    let scenario = CrashScenario::of([put("a/b/new")]).after_own([old("a/b/old")]).after_unsynced(made_again);
    [scenario.clone().after([old("a/neighbour")]), scenario]
}

#[tokio::test]
async fn a_folder_that_another_process_made_again_is_synced_up_to_the_root() {
    for scenario in made_again() {
        run(&scenario, |disk| Arc::new(disk)).await.unwrap();
        let broken = run(&scenario, |disk| Arc::new(SameFolders::new(disk))).await.unwrap_err();
        assert!(broken.found.contains("the object at `a/b/new` is missing"), "{broken}");
    }
}

#[tokio::test]
async fn a_failed_sync_of_an_upper_folder_is_not_relied_on() {
    let put = |at| ScenarioStep::Put(key(at), vec![b'p'; 500]);
    let scenario = CrashScenario::of([put("a/b/new"), put("a/b/newer")]);
    let report = every_failed_sync(&scenario, |store| store, async |disk| LocalStore::with_disk(disk)).await;
    assert!(report.unwrap().crash_points > 100);
    let mutant = async |disk| LocalStore::with_disk(Arc::new(SyncsOnce::new(disk)));
    let broken = every_failed_sync(&scenario, |store| store, mutant).await.unwrap_err();
    assert!(broken.found.contains("the object at `a/b/new` is missing"), "{broken}");
}

#[tokio::test]
async fn with_a_name_made_before_the_bytes_are_written_the_kit_fails() {
    for step in [create("a/b"), put("a/b")] {
        for scenario in
            [CrashScenario::of([step.clone()]), CrashScenario::of([step.clone()]).after([old("a/neighbour")])]
        {
            let broken = run(&scenario, |disk| Arc::new(NameFirst::new(disk))).await.unwrap_err();
            assert!(broken.found.contains("bytes that no step wrote"), "{broken}");
        }
    }
    let replacing = CrashScenario::of([put("a/b")]).after([old("a/b")]);
    assert!(run(&replacing, |disk| Arc::new(NameFirst::new(disk))).await.is_err());
}

#[tokio::test]
#[ignore = "slow; .ci/run runs it"]
async fn what_is_acknowledged_after_a_failed_sync_survives_a_power_cut() {
    let mut all = CrashReport::default();
    // The steps of the last scenario depend on one another, so a failed step would change the next one.
    for (name, scenario) in scenarios().into_iter().filter(|(_, scenario)| scenario.unsynced.is_empty()) {
        if scenario.steps.len() > 1 {
            continue;
        }
        let end = every_failed_sync(&scenario, |store| store, async |disk| LocalStore::with_disk(disk)).await;
        let report = end.unwrap_or_else(|broken| panic!("{name}: {broken}"));
        println!("{name}: {report}");
        all.add(report);
    }
    println!("{all} in all");
    assert!(all.crash_points > 500, "{all}");
}

#[tokio::test]
async fn a_store_that_trusts_what_it_reads_after_a_failed_sync_is_found() {
    for scenario in [
        CrashScenario::of([create("a/b/new")]),
        CrashScenario::of([create("a/new")]).after([old("a/neighbour")]),
        CrashScenario::of([append("a/old")]).after([old("a/old")]),
    ] {
        let end =
            every_failed_sync(&scenario, TrustsWhatItReads::new, async |disk| LocalStore::with_disk(disk))
                .await;
        let broken = end.unwrap_err();
        let lost = ["is missing", "bytes that no step wrote"];
        assert!(lost.iter().any(|lost| broken.found.contains(lost)), "{broken}");
    }
}

#[tokio::test]
async fn no_write_is_acknowledged_on_a_disk_that_stopped_and_reported_no_error() {
    let create = |at| ScenarioStep::Create(key(at), vec![b'c'; 500]);
    let put = |at| ScenarioStep::Put(key(at), vec![b'p'; 500]);
    let old = |at| ScenarioStep::Put(key(at), vec![b'o'; 100]);
    let append = |at| ScenarioStep::Append(key(at), vec![b'o'; 100], vec![b'a'; 500]);
    let delete = |at| ScenarioStep::Delete(key(at));
    for (name, scenario) in [
        ("create, new folders", CrashScenario::of([create("a/b/new")])),
        ("create, known folders", CrashScenario::of([create("a/new")]).after([old("a/neighbour")])),
        ("put, new folders", CrashScenario::of([put("a/b/new")])),
        ("put, replacing", CrashScenario::of([put("a/old")]).after([old("a/old")])),
        ("append", CrashScenario::of([append("a/old")]).after([old("a/old")])),
        (
            "delete, beside a neighbour",
            CrashScenario::of([delete("a/old")]).after([old("a/old"), old("a/neighbour")]),
        ),
        ("delete, last in its folders", CrashScenario::of([delete("a/b/old")]).after([old("a/b/old")])),
    ] {
        let found = async |run_on: &dyn Fn(Arc<dyn Disk>) -> Arc<dyn Disk>| {
            let open = async |disk| LocalStore::with_disk(run_on(disk));
            every_sync_with(&scenario, SyncFault::Stop, &|store| store, &open).await
        };
        found(&|disk| disk).await.unwrap_or_else(|broken| panic!("{name}: {broken}"));
        assert!(
            found(&|disk| Arc::new(NeverChecked::new(disk))).await.is_err(),
            "{name}: the mutant survived"
        );
    }
}
