//! Runs a store on a crash disk, cuts the power after every effect, and checks the objects of the
//! store afterwards.

use super::disk::CrashDisk;
use super::recording::{BrokenPromise, CrashReport, Recording};
use super::sabotage::NoDirSync;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use ucupdate_store::{ImageStore, ImageStoreExt, StoreError, StoreKey, stream_of};
use ucupdate_store_local::Disk;

const READ_LIMIT: usize = 1024 * 1024;

/// One writing call of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the writing calls of ImageStore")]
pub enum ScenarioStep {
    /// `create`. If the key is taken, the step succeeds and the existing object counts as acknowledged.
    Create(StoreKey, Vec<u8>),
    /// `put`, in pieces of 600 bytes.
    Put(StoreKey, Vec<u8>),
    /// `delete` of the object at the key.
    Delete(StoreKey),
    /// `append` of the second bytes to an object that has the first bytes. If the append is
    /// refused, `put` of the whole object, as a log writer does.
    Append(StoreKey, Vec<u8>, Vec<u8>),
}

/// The steps with which a store is tested, and the steps that came before.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[must_use]
pub struct CrashScenario {
    /// Steps that ended before the test and are durable.
    pub before: Vec<ScenarioStep>,
    /// Steps that the store under test itself did, after those of `before`. The store may remember
    /// their results. It must not rely on this memory if another process has changed the disk
    /// since.
    pub own_before: Vec<ScenarioStep>,
    /// Steps of another process that was killed before it synced a folder. Their results are
    /// visible and were not acknowledged. A power cut may lose them.
    pub unsynced: Vec<ScenarioStep>,
    /// Steps during which the power is cut, in order.
    pub steps: Vec<ScenarioStep>,
    /// Folders with internal files of the store. Files there may stay after a cut.
    pub own_folders: Vec<String>,
}

impl CrashScenario {
    /// Creates a scenario in which the power is cut during these steps.
    pub fn of(steps: impl Into<Vec<ScenarioStep>>) -> Self {
        Self { steps: steps.into(), ..Self::default() }
    }

    /// Sets the steps that ended before the test and are durable.
    pub fn after(self, before: impl Into<Vec<ScenarioStep>>) -> Self {
        Self { before: before.into(), ..self }
    }

    /// Sets the steps that the store under test itself does before the test.
    pub fn after_own(self, own_before: impl Into<Vec<ScenarioStep>>) -> Self {
        Self { own_before: own_before.into(), ..self }
    }

    /// Sets the steps that another process did before, without a sync of any folder.
    pub fn after_unsynced(self, unsynced: impl Into<Vec<ScenarioStep>>) -> Self {
        Self { unsynced: unsynced.into(), ..self }
    }

    /// Runs the steps of [`before`](Self::before) on a new disk, and makes them durable. Returns the disk and its objects.
    pub(super) async fn prepare<S: ImageStore>(
        &self,
        open: &impl AsyncFn(Arc<dyn Disk>) -> Result<S, StoreError>,
    ) -> (CrashDisk, Allowed) {
        let disk = CrashDisk::default();
        let mut allowed = Allowed::new();
        let store = open(Arc::new(disk.clone())).await.expect("an empty disk can be opened");
        for step in &self.before {
            step.run(&store).await.expect("the disk has no fault");
            step.acknowledge(&mut allowed);
        }
        drop(store);
        disk.settle();
        (disk, allowed)
    }
}

/// The contents that the object at each key may have after a power cut. `None` means that there may
/// be no object.
pub(super) type Allowed = BTreeMap<StoreKey, BTreeSet<Option<Vec<u8>>>>;

/// Runs a [`CrashScenario`] on a store. Cuts the power after every effect (change or sync of the
/// disk), and checks each disk that this cut may leave.
///
/// `open` opens the store on a disk. `run_on` may wrap the disk while the steps run (`|disk| Arc::new(disk)` adds
/// nothing). The wrapper is left out when the store is opened after a cut. After a cut:
/// - the store must open;
/// - each key must hold the acknowledged object or, for the step in flight, the whole old or new object;
/// - there must be no other object;
/// - the step in flight must succeed when it is repeated;
/// - no staged file may be left.
///
/// # Errors
/// [`BrokenPromise`] at the first cut after which one of these conditions does not hold.
pub async fn every_crash<S: ImageStore>(
    scenario: &CrashScenario,
    run_on: impl FnOnce(CrashDisk) -> Arc<dyn Disk>,
    open: impl AsyncFn(Arc<dyn Disk>) -> Result<S, StoreError>,
) -> Result<CrashReport, BrokenPromise> {
    let (disk, mut allowed) = scenario.prepare(&open).await;
    let tested = open(run_on(disk.clone())).await.expect("the disk has no fault");
    for step in &scenario.own_before {
        step.run(&tested).await.expect("the disk has no fault");
        step.acknowledge(&mut allowed);
    }
    {
        let store = open(Arc::new(NoDirSync::new(disk.clone()))).await.expect("the disk has no fault");
        for step in &scenario.unsynced {
            step.run(&store).await.expect("the disk has no fault");
            step.begin(&mut allowed);
        }
    }

    // The allowed objects, from each number of effects on.
    let mut recording = Recording::of(&disk, (None, allowed.clone()));
    for step in &scenario.steps {
        recording.promise(recording.effects(), (Some(step), allowed.clone()));
        let first_effect = recording.effects() + 1;
        let mut in_flight = allowed.clone();
        match step.run(&tested).await {
            Ok(()) => {
                step.begin(&mut in_flight);
                step.acknowledge(&mut allowed);
            }
            Err(StoreError::AlreadyExists { .. }) => step.acknowledge_what_is_there(&mut allowed),
            Err(error) => panic!("{step:?} failed although the disk has no fault: {error:?}"),
        }
        if recording.effects() >= first_effect {
            recording.promise(first_effect, (Some(step), in_flight));
        }
    }
    recording.promise(recording.effects(), (None, allowed));
    drop(tested);
    recording
        .cut_everywhere(async |left, (step, allowed)| {
            look(left, &open, *step, allowed, &scenario.own_folders).await
        })
        .await
}

pub(super) async fn look<S: ImageStore>(
    disk: CrashDisk,
    open: impl AsyncFn(Arc<dyn Disk>) -> Result<S, StoreError>,
    in_flight: Option<&ScenarioStep>,
    allowed: &Allowed,
    own_folders: &[String],
) -> Result<(), String> {
    let store =
        open(Arc::new(disk.clone())).await.map_err(|error| format!("the store does not open: {error:?}"))?;
    let mut found = holds(&store).await?;
    for (key, may_be) in allowed {
        let is = found.remove(key);
        let is_partial =
            in_flight.is_some_and(|step| step.key() == key && step.may_leave_partial(is.as_deref()));
        if !may_be.contains(&is) && !is_partial {
            return Err(match is {
                None => format!("the object at `{key}` is missing"),
                Some(bytes) => {
                    format!("the object at `{key}` has {} bytes that no step wrote", bytes.len())
                }
            });
        }
        let head = store.exists(key).await;
        if !matches!(head, Ok(there) if there == is.is_some()) {
            return Err(format!("`{key}` listing and head disagree: head returned {head:?}"));
        }
    }
    if let Some(key) = found.keys().next() {
        return Err(format!("there is an unexpected object at `{key}`"));
    }
    if let Some(step) = in_flight {
        let again = step.run(&store).await;
        if !matches!(again, Ok(()) | Err(StoreError::AlreadyExists { .. })) {
            return Err(format!("{step:?}, done again, gave {again:?}"));
        }
        if again.is_ok() && holds(&store).await?.remove(step.key()) != step.leaves() {
            return Err(format!("{step:?} was repeated, and its result is not visible"));
        }
    }
    let mut objects: Vec<Vec<u8>> = holds(&store).await?.into_values().collect();
    drop(store);
    for (path, bytes) in disk.files() {
        let is_own = own_folders.iter().any(|folder| path.starts_with(folder));
        match objects.iter().position(|object| *object == bytes) {
            Some(at) => drop(objects.swap_remove(at)),
            None if is_own => {}
            None => return Err(format!("`{path}` was left behind")),
        }
    }
    Ok(())
}

/// Returns every object of the store, by listing and then reading each key.
async fn holds(store: &impl ImageStore) -> Result<BTreeMap<StoreKey, Vec<u8>>, String> {
    let listed = store.list_all("", 1000).await.map_err(|error| format!("listing failed: {error:?}"))?;
    let mut found = BTreeMap::new();
    for meta in listed {
        let read = store.get_bytes(&meta.key, READ_LIMIT).await;
        let bytes = read.map_err(|error| format!("reading `{}` failed: {error:?}", meta.key))?;
        found.insert(meta.key, bytes.to_vec());
    }
    Ok(found)
}

impl ScenarioStep {
    pub(super) async fn run(&self, store: &impl ImageStore) -> Result<(), StoreError> {
        match self {
            Self::Create(key, bytes) => store.create(key, bytes.clone().into()).await,
            Self::Put(key, bytes) => {
                let pieces: Vec<_> = bytes.chunks(600).map(|piece| Ok(piece.to_vec().into())).collect();
                let bytes = if pieces.is_empty() {
                    stream_of("")
                } else {
                    Box::pin(futures_util::stream::iter(pieces))
                };
                store.put(key, bytes).await.map(drop)
            }
            Self::Delete(key) => store.delete(key).await,
            Self::Append(key, old, new) => {
                match store.append(key, old.len() as u64, new.clone().into()).await {
                    Err(error) if !error.may_have_written() => {
                        store.put(key, stream_of([&**old, new].concat())).await.map(drop)
                    }
                    end => end,
                }
            }
        }
    }

    /// Returns whether the key may have these bytes because an append is in flight: all old bytes,
    /// and up to as many other bytes as the append adds.
    fn may_leave_partial(&self, found: Option<&[u8]>) -> bool {
        match (self, found) {
            (Self::Append(_, old, new), Some(found)) => {
                found.starts_with(old) && found.len() <= old.len() + new.len()
            }
            _ => false,
        }
    }

    fn key(&self) -> &StoreKey {
        match self {
            Self::Create(key, _) | Self::Put(key, _) | Self::Delete(key) | Self::Append(key, ..) => key,
        }
    }

    fn leaves(&self) -> Option<Vec<u8>> {
        match self {
            Self::Create(_, bytes) | Self::Put(_, bytes) => Some(bytes.clone()),
            Self::Delete(_) => None,
            Self::Append(_, old, new) => Some([&**old, new].concat()),
        }
    }

    /// Allows the new object of this step too, beside the objects that were allowed before.
    pub(super) fn begin(&self, allowed: &mut Allowed) {
        let may_be = allowed.entry(self.key().clone()).or_insert_with(|| BTreeSet::from([None]));
        may_be.insert(self.leaves());
    }

    /// Allows only the new object of this step from now on.
    pub(super) fn acknowledge(&self, allowed: &mut Allowed) {
        allowed.insert(self.key().clone(), BTreeSet::from([self.leaves()]));
    }

    /// Acknowledges a `create` that found an object at its key. From now on the key must have an
    /// object: any that was allowed before.
    pub(super) fn acknowledge_what_is_there(&self, allowed: &mut Allowed) {
        if let Some(may_be) = allowed.get_mut(self.key()) {
            may_be.remove(&None);
        }
    }
}
