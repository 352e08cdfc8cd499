//! The proofs of contention, throughput and cold start at the size of a test.
#![cfg(feature = "prove")]

use ucupdate_testkit::prove::{self, Scale};

/// Checks that the proofs whose name begins with `only` print `rows` rows, and that all of them hold.
async fn hold(only: &str, rows: usize) {
    let scale = Scale::small().with_program(env!("CARGO_BIN_EXE_ucupdate-testkit"));
    let mut printed = Vec::new();
    let held = prove::run(&scale, None, Some(only), &mut |row| printed.push(row.to_string())).await;
    assert!(held && printed.len() == rows, "{printed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow; .ci/run runs it"]
async fn processes_that_contend_lose_nothing_and_agree_on_one_order() {
    hold("processes", 10).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow; .ci/run runs it"]
async fn a_package_is_ingested_within_little_memory() {
    hold("throughput", 4).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow; .ci/run runs it"]
async fn revisions_of_a_large_rule_book_are_small() {
    hold("cold-start", 6).await;
}
