//! Measures a server with a large rule book: the time until a new server answers, the size of the
//! revisions, and how long devices wait for an answer while the rule book changes.

use crate::prove::fleet;
use crate::prove::location::ProofStore;
use crate::prove::measurement::Measurement;
use crate::prove::measures::CHANGES;
use crate::prove::measures::scribe::{self, Scribe};
use crate::prove::moment::shown;
use crate::prove::report::{ProofError, ProofRow, Scale};
use crate::prove::written;
use std::sync::Arc;
use ucupdate::UpdateService;
use ucupdate::book::BookCommand;
use ucupdate_store::{ImageStore, ImageStoreExt as _, MemoryStore, StoreKey};

/// The longest time in nanoseconds that a server may take to start.
const SOON: u64 = 1_000_000_000;

/// The largest size of a revision in bytes.
const MOST_REVISION_BYTES: u64 = 1024 * 1024;

/// The library writes a checkpoint at each revision whose number is a multiple of this.
const CHECKPOINT_EVERY: u64 = 64;

/// The number of revisions that follow the last checkpoint.
const AFTER_CHECKPOINT: u64 = 20;

/// The largest size of an object below `state/` in bytes.
const MAX_STATE_BYTES: usize = 1 << 30;

/// The number of starts that are measured. The quickest one counts.
const STARTS: usize = 3;

/// Measures how long a server with a large rule book takes to start, and how long devices wait
/// while the rule book changes. Does this on a folder and on a bucket. Fails when the rule book
/// cannot be made, or a process fails.
pub(crate) async fn prove(
    scale: &Scale,
    endpoint: Option<&str>,
    print: &mut dyn FnMut(Vec<ProofRow>),
) -> Result<(), ProofError> {
    let rules = if scale.full { 100_000 } else { 1_000 };
    let state = state(rules).await?;
    for ground in ProofStore::both(endpoint).await? {
        let store = ground.open().await?;
        for (key, bytes) in &state {
            store.put_bytes(key, bytes.clone()).await?;
        }
        print(table(scale, &ground, &*store, rules).await?);
        ground.clear().await?;
    }
    Ok(())
}

async fn table(
    scale: &Scale,
    ground: &ProofStore,
    store: &dyn ImageStore,
    rules: usize,
) -> Result<Vec<ProofRow>, ProofError> {
    let name = format!("book of {rules} rules, {}", ground.name);
    let checkpoints = store.list_all("state/checkpoints/", usize::MAX).await?;
    let checkpoint = checkpoints.last().ok_or("there is no checkpoint")?;
    let at: u64 =
        checkpoint.key.as_str().trim_start_matches("state/checkpoints/").trim_end_matches(".json").parse()?;
    let (largest, revisions) = written::largest(store).await?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(ground.measure(scale, Measurement::Open, None).await?);
    }
    let start = starts.into_iter().min_by_key(|start| start.took).ok_or("nothing was started")?;
    let publish = ground.measure(scale, Measurement::Publish, None).await?;
    Ok(vec![
        ProofRow {
            what: format!("{name}: start"),
            found: format!(
                "{}, from a checkpoint of {} MiB and {} revisions after it; at most {} MiB of memory",
                shown(start.took),
                checkpoint.size >> 20,
                u64::try_from(revisions)?.saturating_sub(at),
                start.peak.map_or(0, |bytes| bytes >> 20)
            ),
            holds: !scale.full || start.took <= SOON,
        },
        ProofRow {
            what: format!("{name}: largest revision"),
            found: format!("{} KiB, of {revisions} revisions", largest >> 10),
            holds: largest <= MOST_REVISION_BYTES,
        },
        ProofRow {
            what: format!("{name}: asking while it changes"),
            found: format!(
                "the longest pause between two answers on the only thread was {}, of {} with a start and {CHANGES} changes",
                shown(publish.longest),
                shown(publish.took)
            ),
            holds: true,
        },
    ])
}

/// Returns the objects below `state/` of a store whose book has `rules` rules. All rules are in the checkpoint, and a
/// few revisions follow it.
async fn state(rules: usize) -> Result<Vec<(StoreKey, bytes::Bytes)>, ProofError> {
    let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
    let mut scribe = Scribe::new(&*store);
    scribe.rules(rules).await?;
    scribe.test_devices(CHECKPOINT_EVERY - 1 - scribe.revision() % CHECKPOINT_EVERY).await?;
    // The next change makes the library write a checkpoint.
    let options = fleet::options().with_probe(None);
    let service = UpdateService::open(Arc::clone(&store), options).await?;
    let changed =
        service.admin("ann").command(&BookCommand::DeployAtIngest("UCPhone".parse()?, true)).await?;
    let revision = changed.revision.ok_or("the setting was set already")?;
    scribe.continue_after(revision, &store.get_bytes(&scribe::key(revision)?, MAX_STATE_BYTES).await?);
    scribe.test_devices(AFTER_CHECKPOINT).await?;
    let mut state = Vec::new();
    for meta in store.list_all("state/", usize::MAX).await? {
        let bytes = store.get_bytes(&meta.key, MAX_STATE_BYTES).await?;
        state.push((meta.key, bytes));
    }
    Ok(state)
}
