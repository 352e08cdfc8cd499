//! How long a server takes to start from a checkpoint of so many rules (100,000 where none is said), up to the compiled
//! snapshot it answers from: `cargo run --release -p ucupdate-benches --example cold_start [RULES]`.
//!
//! The floor beside it is what no reading of a checkpoint goes without: hashing its bytes once.

#![allow(clippy::print_stdout, reason = "it is for a terminal")]

use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ucupdate::book::{Delta, RuleBook};
use ucupdate::decide::{EligibilityIndex, decide};
use ucupdate::request::Question;
use ucupdate::store::{ImageStoreExt as _, MemoryStore, StoreKey};
use ucupdate::value::Sha256Digest;
use ucupdate::version::ReportedVersion;
use ucupdate::{Options, UpdateService};
use ucupdate_benches::rules;

const ROUNDS: usize = 5;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let count = std::env::args().nth(1).map_or(Ok(100_000), |count| count.parse())?;
    let book = rules::book(count);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(&book, count))
}

async fn measure(book: &RuleBook, count: u32) -> Result<()> {
    let store = MemoryStore::default();
    let bytes = write(&store, book).await?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let service = UpdateService::open(Arc::new(store.clone()), Options::default()).await?;
        times.push(began.elapsed());
        let snapshot = service.snapshot();
        assert_eq!((snapshot.revision(), snapshot.index().rule_count()), (64, count as usize));
        assert_eq!(snapshot.book(), book);
        let (phone, has) = (rules::device(count / 2, ""), rules::module("2.0.0.0"));
        let offered = decide(snapshot.index(), &Question::new(&phone, &has), service.now());
        assert_eq!(offered.offer().map(|offer| &offer.version), Some(&ReportedVersion::new("3.5.6907.0")));
    }
    let began = Instant::now();
    let _digest = std::hint::black_box(Sha256Digest::of(&bytes));
    let floor = began.elapsed();
    times.sort();
    let text = serde_json::to_vec(&book.to_delta())?;
    let began = Instant::now();
    let delta: Delta = serde_json::from_slice(&text)?;
    let parsing = began.elapsed();
    let began = Instant::now();
    let parsed = RuleBook::of(delta);
    let making = began.elapsed();
    let began = Instant::now();
    let index = EligibilityIndex::compile(&parsed, 64);
    let compiling = began.elapsed();
    assert_eq!(index.rule_count(), count as usize);
    println!("{count} rules, checkpoint of {} bytes", bytes.len());
    println!("floor, hashing it:  {}", shown(floor));
    println!("reading its JSON:   {}", shown(parsing));
    println!("making the book:    {}", shown(making));
    println!("compiling rules:    {}", shown(compiling));
    println!("start, the median:  {}", shown(times[ROUNDS / 2]));
    println!("start, the slowest: {}", shown(times[ROUNDS - 1]));
    Ok(())
}

/// Writes revision 64 and the checkpoint made at it, as a service would have.
async fn write(store: &MemoryStore, book: &RuleBook) -> Result<Vec<u8>> {
    let revision = b"{}";
    let text = serde_json::to_string(&book.to_delta())?;
    let head: Value = json!({ "format": "1.0.0", "revision": 64, "sha256": Sha256Digest::of(revision), "book_sha256": Sha256Digest::of(&text) });
    let head = head.to_string();
    let head = head.strip_suffix('}').ok_or("an object ends so")?;
    let bytes = format!("{head},\"book\":{text}}}").into_bytes();
    store.put_bytes(&StoreKey::parse(&format!("state/revisions/{:020}.json", 64))?, &revision[..]).await?;
    store.put_bytes(&StoreKey::parse(&format!("state/checkpoints/{:020}.json", 64))?, bytes.clone()).await?;
    Ok(bytes)
}

fn shown(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}
