//! Measures how long a simulation takes for each simulated request, with one thread and with two.
//!
//! It simulates 10,000 devices that ask daily for thirty days.
//! It asserts that both numbers of threads have the same result.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros; a bench that cannot set up has failed"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use ucupdate_benches::rules::{book, in_rollout};
use ucupdate_core::ReportedVersion;
use ucupdate_fleet::simulate::{Chances, FailureModel, Scenario, SimulatedFleet, Simulation, simulate};

const DEVICES: usize = 10_000;

fn playing(criterion: &mut Criterion) {
    // A tenth of the devices of each rule is offered 3.5.6907.1 after they have the approved
    // version.
    let book = in_rollout(&book(100));
    let fleet = SimulatedFleet::of_rules(&book, DEVICES, Some(&ReportedVersion::new("2.0.0.0")));
    let chances = Chances { fail: "2%".parse().unwrap(), brick: "0.1%".parse().unwrap() };
    let model = FailureModel::new(chances);
    let play = |threads| {
        let scenario = Scenario::default().with_threads(threads);
        simulate(black_box(&fleet), &book, &model, &scenario)
    };
    let played: Simulation = play(1);
    assert_eq!(played, play(2), "the same whatever the number of threads");
    let (first, last) = (&played.samples[0], &played.samples[30]);
    assert_eq!(first.devices.iter().sum::<u64>(), DEVICES as u64);
    assert_eq!(last.devices.iter().sum::<u64>() + last.lost, DEVICES as u64);
    let total = played.total();
    assert!(total.succeeded > 9_500 && total.bricked > 0 && total.failed > total.bricked, "{total:?}");

    let mut group = criterion.benchmark_group("simulate/10k_devices");
    group.sample_size(10).throughput(Throughput::Elements(total.asks));
    for threads in [1, 2] {
        group
            .bench_function(format!("{threads}_threads"), |bench| bench.iter(|| play(threads).samples.len()));
    }
    group.finish();
}

criterion_group!(benches, playing);
criterion_main!(benches);
