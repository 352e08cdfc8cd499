//! Proofs about a running server whose history is replaced, whose clock is wrong, or whose store hangs.
//!
//! Each proof takes a function that wraps the store of the server. A mutant wraps it by a store
//! that hides the fault from the server, and the proof must then fail.

use crate::faulty::{Faulty, StoreCall, StoreFault};
use crate::field;
use crate::prove::operations::operation::package;
use crate::prove::report::{ProofError, ProofRow, Scale};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use ucupdate::book::{StopScope, TestDevice};
use ucupdate::cab::package::sample;
use ucupdate::device::DeviceId;
use ucupdate::request::Side;
use ucupdate::store::{ImageStore, ImageStoreExt as _, MemoryStore, StoreKey, stream_of};
use ucupdate::value::UnixTime;
use ucupdate::{
    Asker, BaseUrls, GarbageOptions, LogOptions, Options, Retention, SettableClock, UpdateService,
};
use ucupdate_store::error_chain;

/// A function that may wrap the store of a server.
pub type Wrap<'a> = &'a dyn Fn(Arc<dyn ImageStore>) -> Arc<dyn ImageStore>;

/// An old firmware version. Every image of the proof is newer.
const OLD_VERSION: &str = "1.0.522.103";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the rows of all three proofs.
pub async fn rows(scale: &Scale) -> Vec<ProofRow> {
    let plain: Wrap<'_> = &|store| store;
    vec![
        row("swapped histories", swapped_histories(scale, plain).await),
        row("wrong clocks", wrong_clocks(scale, plain).await),
        row("hung stores", hung_stores(plain).await),
    ]
}

fn row(what: &str, found: Result<String, ProofError>) -> ProofRow {
    let holds = found.is_ok();
    ProofRow { what: what.to_owned(), found: found.unwrap_or_else(|error| error_chain(&*error)), holds }
}

/// Replaces the history of the rule book under a running server. The replacements are each earlier
/// copy, another history of each length, and a copy without the newest revision. The server must
/// report the replacement, offer nothing and write nothing. It must continue when the history is
/// restored.
///
/// # Errors
/// The first fault that is found, or a failure of the proof itself.
pub async fn swapped_histories(scale: &Scale, wrap: Wrap<'_>) -> Result<String, ProofError> {
    let length = if scale.full { 70 } else { 6 };
    let (store, other) = (history(length, "ann").await?, history(length, "bob").await?);
    let (whole, foreign) = (state(&store).await?, state(&other).await?);
    let mut swaps = 0;
    for kept in 0..length {
        // The replacements are an older copy, another history of any length, and a history without some of the newest
        // revisions.
        for swapped in
            [first(&whole, kept), first(&foreign, length), first(&foreign, kept + 1), without(&whole, length)]
        {
            let server = open(wrap(Arc::new(store.clone())), options()).await?;
            expect(offers(&server)?, "offers before the swap")?;
            put_state(&store, &swapped).await?;
            let case = format!("{} of {length} revisions after a swap", swapped.len());
            expect(server.refresh().await.is_err(), &format!("notices {case}"))?;
            let health = server.health();
            expect(!health.is_ready() && health.history_replaced, &format!("is unready with {case}"))?;
            expect(!offers(&server)?, &format!("offers nothing with {case}"))?;
            let change = server.admin("ann").kill(StopScope::All, "calls drop").await;
            expect(change.is_err(), &format!("refuses a change with {case}"))?;
            expect(state(&store).await? == swapped, &format!("writes nothing with {case}"))?;
            put_state(&store, &whole).await?;
            expect(server.refresh().await.is_ok() && offers(&server)?, &format!("goes on after {case}"))?;
            swaps += 1;
        }
    }
    Ok(format!("{swaps} swaps, each reported, without an offer or a write"))
}

/// Lets servers with wrong clocks change the rule book, collect garbage and remove old logs. No package and no log row
/// may be lost.
///
/// # Errors
/// The first fault that is found, or a failure of the proof itself.
pub async fn wrong_clocks(scale: &Scale, wrap: Wrap<'_>) -> Result<String, ProofError> {
    let all = [-4000, -400, -31, -1, 1, 11, 31, 400, 4000];
    let wrong: &[i64] = if scale.full { &all } else { &[-31, 31] };
    let mut tried = 0;
    for days in wrong {
        let store = MemoryStore::default();
        let now = UnixTime::from(SystemTime::now()).as_millis();
        let clock = Arc::new(SettableClock::at(UnixTime::from_millis(now + days * 24 * 60 * 60 * 1000)));
        let right = open(Arc::new(store.clone()), options()).await?;
        for number in 0..3 {
            ingest_and_approve(&right, number).await?;
        }
        right.flush_logs().await?;
        let before = keys(&store).await?;
        let options = options()
            .with_clock(clock)
            .with_retention(Retention::default().with_revisions(1).with_time(30 * DAY));
        let server = open(wrap(Arc::new(store.clone())), options).await?;
        server.admin("ann").add_test_device(tester(0)).await?;
        let garbage = GarbageOptions::default().with_any_share(true);
        let collected = server.admin("gc").collect_unkept(&garbage).await?;
        expect(collected.packages.is_empty(), &format!("keeps packages with a clock {days} days off"))?;
        // The server may refuse to remove logs. Then it removes nothing, which is correct too.
        let _removed = server.remove_old_logs().await;
        let after = keys(&store).await?;
        let lost: Vec<_> = before.iter().filter(|key| !after.contains(key)).collect();
        expect(lost.is_empty(), &format!("loses nothing with a clock {days} days off, but lost {lost:?}"))?;
        tried += 1;
    }
    Ok(format!("{tried} clocks, nothing lost"))
}

/// Lets the store hang while a server probes the store. The server must go on answering, become
/// unready, and stop its offers after the time set by `with_offers_while_unreachable`. When the
/// store answers again, the kill switch is turned on. A new server on the store must apply it at
/// once.
///
/// # Errors
/// The first fault that is found, or a failure of the proof itself.
pub async fn hung_stores(wrap: Wrap<'_>) -> Result<String, ProofError> {
    let inner = MemoryStore::default();
    ingest_and_approve(&open(Arc::new(inner.clone()), options()).await?, 0).await?;
    let store = Arc::new(Faulty::new(inner.clone()));
    let probing = options()
        .with_probe(Some(Duration::from_millis(50)))
        .with_offers_while_unreachable(Some(Duration::from_secs(3)));
    let server = open(wrap(store.clone()), probing).await?;
    for call in [StoreCall::Get, StoreCall::Head, StoreCall::List] {
        store.on(call).always(StoreFault::Hangs);
    }
    expect(offers(&server)?, "offers when the store begins to hang")?;
    tokio::time::sleep(Duration::from_secs(7)).await;
    expect(!offers(&server)?, "stops offers after the time of its option")?;
    expect(!server.health().is_ready(), "is unready while the store hangs")?;
    store.heal();
    // The server gives up the hanging probe only after a minute. A new server on the same store
    // must see the kill switch at once.
    open(Arc::new(inner), options()).await?.admin("ann").kill(StopScope::All, "calls drop").await?;
    let fresh = open(wrap(store), options()).await?;
    expect(!offers(&fresh)?, "sees the kill switch when the store answers again")?;
    Ok("answers go on, offers stop, and the kill switch is seen afterwards".to_owned())
}

/// Returns an error if a promise does not hold.
fn expect(holds: bool, promise: &str) -> Result<(), ProofError> {
    if holds { Ok(()) } else { Err(format!("the server does not keep this: {promise}").into()) }
}

fn options() -> Options {
    let urls = BaseUrls::new("http://ocs.demo.local".parse().expect("an origin"));
    let logs = LogOptions::new("ocs".parse().expect("a server name"));
    Options::serving(urls).with_probe(None).with_logs(logs)
}

async fn open(store: Arc<dyn ImageStore>, options: Options) -> Result<UpdateService, ProofError> {
    Ok(UpdateService::open(store, options).await?)
}

fn tester(number: usize) -> TestDevice {
    TestDevice {
        name: format!("phone {number}").parse().expect("a name"),
        id: DeviceId::Serial(format!("S{number}").parse().expect("a serial number")),
    }
}

async fn ingest_and_approve(service: &UpdateService, number: u64) -> Result<(), ProofError> {
    let cabinet = stream_of(package(number, 512));
    service.admin("ann").ingest("UCUpdates.cab", cabinet, |_| {}).await?;
    service.admin("ann").approve(vec![sample::ip8540()]).await?;
    Ok(())
}

/// Returns a store with this number of revisions. The first two ingest and approve a package.
async fn history(length: usize, author: &str) -> Result<MemoryStore, ProofError> {
    let store = MemoryStore::default();
    let service = open(Arc::new(store.clone()), options()).await?;
    ingest_and_approve(&service, 0).await?;
    for number in 2..length {
        service.admin(author).add_test_device(tester(number)).await?;
    }
    Ok(store)
}

/// Returns `true` if the service offers something to a device.
fn offers(service: &UpdateService) -> Result<bool, ProofError> {
    let asker = Asker { side: Side::Internal, host: "10.1.1.123" };
    let response = service.answer(&field::request(&sample::ip8540(), OLD_VERSION), asker)?;
    Ok(!response.modules.is_empty())
}

async fn keys(store: &MemoryStore) -> Result<Vec<StoreKey>, ProofError> {
    Ok(store.list_all("", usize::MAX).await?.into_iter().map(|meta| meta.key).collect())
}

type Revisions = Vec<(StoreKey, bytes::Bytes)>;

/// Returns the key and the bytes of each revision in a store, in order.
async fn state(store: &MemoryStore) -> Result<Revisions, ProofError> {
    let mut state = Vec::new();
    for meta in store.list_all("state/revisions/", usize::MAX).await? {
        let bytes = store.get_bytes(&meta.key, 1 << 20).await?;
        state.push((meta.key, bytes));
    }
    Ok(state)
}

fn first(state: &Revisions, number: usize) -> Revisions {
    state.iter().take(number).cloned().collect()
}

fn without(state: &Revisions, number: usize) -> Revisions {
    state
        .iter()
        .enumerate()
        .filter(|(index, _)| index + 1 != number)
        .map(|(_, entry)| entry.clone())
        .collect()
}

async fn put_state(store: &MemoryStore, state: &Revisions) -> Result<(), ProofError> {
    for meta in store.list_all("state/revisions/", usize::MAX).await? {
        store.delete(&meta.key).await?;
    }
    for (key, bytes) in state {
        store.put_bytes(key, bytes.clone()).await?;
    }
    Ok(())
}
