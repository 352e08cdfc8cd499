//! Checks a store: the chain of revisions, the checkpoints, and the files that kept revisions need.

use crate::captures::capture::{CAPTURES, CaptureKind, is_capture};
use crate::error::StateError;
use crate::kept::reading::read_all;
use crate::keys;
use crate::logs::merge::too_large;
use crate::logs::place::check_empty;
use crate::logs::reader::MAX_STORED_LOG_BYTES;
use crate::logs::zone_file::is_log;
use crate::maintenance::problem::StoreProblem;
use crate::maintenance::retention::{Retention, StoredAt};
use crate::maintenance::strays::look_at_strays;
use crate::packages::description::{self, Description};
use crate::packages::read_back::{self, FileState};
use crate::state::document::{self, Checkpoint, Continuation, DocumentError, RevisionDocument};
use crate::state::rule_history::{MAX_CHECKPOINT_BYTES, MAX_REVISION_BYTES};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::{BTreeMap, BTreeSet};
use ucupdate_audit::{FileKind, LogKind};
use ucupdate_core::RuleBook;
use ucupdate_core::book::{IngestedPackage, StoredFile};
use ucupdate_core::value::{PackageId, Sha256Digest, UnixTime};
use ucupdate_fleet::inventory::Inventory;
use ucupdate_store::{ImageStore, ImageStoreExt as _, ObjectMeta, StoreError, StoreKey, error_chain};

/// The number of files that are read concurrently.
const AT_ONCE: usize = 8;

/// The options of [`check_store`].
///
/// The default reads every image, and uses the default [`Retention`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct CheckOptions {
    quick: bool,
    retention: Retention,
}

impl CheckOptions {
    /// Sets whether the check only compares the sizes of images, instead of reading each image for its SHA-256.
    pub fn with_quick(self, quick: bool) -> Self {
        Self { quick, ..self }
    }

    /// Sets the retention: the revisions that must have all their packages. Default: the
    /// default [`Retention`].
    pub fn with_retention(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }
}

/// The result of [`check_store`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreCheck {
    /// The number of revisions that were read.
    pub revisions: u64,
    /// The number of checkpoints that were compared with the history.
    pub checkpoints: usize,
    /// The oldest revision whose images are kept. It is 0 if the store has no history.
    pub kept_from: u64,
    /// The number of package files that were checked.
    pub files: usize,
    /// The size of the checked files in bytes.
    pub bytes: u64,
    /// The problems: those of the history first, then those of the stepping stones and of the images.
    pub problems: Vec<StoreProblem>,
    /// The number of orphaned objects. These are files of ingests that no package in the rule book comes from. They are
    /// not a problem: some belong to a running ingest, and garbage collection removes the others.
    pub orphans: usize,
    /// The size of the orphaned objects in bytes.
    pub orphan_bytes: u64,
    /// The number of missing revisions whose loss is recorded. They are not a problem.
    pub lost_revisions: u64,
    /// The ranges of missing revisions whose loss is not recorded, each with its first and last revision.
    pub(crate) missing: Vec<(u64, u64)>,
    /// The revision of the newest checkpoint that has the rule book although earlier revisions are
    /// missing. `None` if there is no such checkpoint.
    pub(crate) continues_at: Option<u64>,
}

/// Checks a store without changing it.
///
/// It reads every revision from the first one, compares the checkpoints with them, and checks each file of the packages
/// in the rule book. `now` decides which revisions are kept. The store may be too damaged for
/// [`UpdateService::open`](crate::UpdateService::open).
///
/// # Errors
/// Only when the store does not answer. Problems in the store are part of the result.
pub async fn check_store(
    store: &dyn ImageStore,
    options: &CheckOptions,
    now: UnixTime,
) -> Result<StoreCheck, StoreError> {
    let mut checkpoints: BTreeMap<u64, StoreKey> = BTreeMap::new();
    let mut found = StoreCheck::default();
    for meta in list_folder(store, keys::CHECKPOINTS, &mut found).await?.unwrap_or_default() {
        let Some(number) = keys::checkpoint_number(&meta.key) else { continue };
        checkpoints.insert(number, meta.key);
    }
    let continued = match list_folder(store, keys::CONTINUED, &mut found).await? {
        Some(_) => read_losses(store).await?,
        None => Vec::new(),
    };
    let revisions = list_folder(store, keys::REVISIONS, &mut found).await?;
    if revisions.is_none() {
        // Neither revisions nor checkpoints can be compared with anything.
        checkpoints.clear();
    }
    let mut next = revisions.is_some().then_some(1_u64);
    let listed = StoredAt::of(&revisions.unwrap_or_default());
    let mut chain = CheckedHistory::default();
    // The problems that can be repaired if a later checkpoint has the rule book: the revision and the index in the list
    // of problems.
    let mut problems_at: Vec<(u64, usize)> = Vec::new();
    let mut newest = listed.numbers().last().unwrap_or(0);
    // A revision that is created during the check is read too.
    while let Some(number) = next {
        next = number.checked_add(1);
        let key = keys::revision(number);
        let bytes = match object_of(store, &key, MAX_REVISION_BYTES).await? {
            HistoryObject::Bytes(bytes) => bytes,
            HistoryObject::Missing => {
                // The first missing revision stands for all missing revisions up to the next existing one.
                let Some(later) = listed.next_after(number) else { break };
                chain.skip();
                next = Some(later);
                if continued.iter().any(|(_, loss)| loss.lost.contains(&(number, later - 1))) {
                    found.lost_revisions += later - number;
                    continue;
                }
                problems_at.push((number, found.problems.len()));
                found.missing.push((number, later - 1));
                let key = key.to_string();
                found.problems.push(StoreProblem::RevisionMissing { key, can_continue: false });
                continue;
            }
            HistoryObject::Unreadable(what) => {
                chain.skip();
                let key = key.to_string();
                found.problems.push(StoreProblem::Unreadable { key, what });
                // Without a listing the folder cannot be read, and every further number would be reported as
                // unreadable.
                next = listed.next_after(number);
                continue;
            }
        };
        newest = newest.max(number);
        found.revisions += 1;
        match chain.take(number, &key, &bytes, listed.time(number)) {
            Ok(()) => {}
            Err(newer @ DocumentError::Newer { .. }) => {
                found.problems.push(StoreProblem::Newer { key: key.to_string(), what: newer.to_string() });
                checkpoints.clear();
                break;
            }
            Err(error) => {
                let (key, what) = (key.to_string(), fault_of(&error));
                problems_at.push((number, found.problems.len()));
                found.problems.push(match error {
                    DocumentError::Chain { .. } => {
                        let before = keys::revision(number - 1).to_string();
                        StoreProblem::ChainBroken { key, before, what, can_continue: false }
                    }
                    _ => {
                        let is_newest = listed.next_after(number).is_none();
                        StoreProblem::RevisionDamaged { key, what, is_newest, can_continue: false }
                    }
                });
            }
        }
        if let Some(key) = checkpoints.remove(&number) {
            found.checkpoints += 1;
            if let Some(what) = chain.differs(store, &key, number).await? {
                found.problems.push(StoreProblem::CheckpointDamaged { key: key.to_string(), what });
            }
        }
        for (checkpoint, _) in continued.iter().filter(|(checkpoint, _)| checkpoint.revision == number) {
            chain.go_on_from(checkpoint);
        }
    }
    for (number, at) in problems_at {
        if chain.bridges.iter().any(|bridge| *bridge >= number)
            && let Some(problem) = found.problems.get_mut(at)
        {
            problem.set_can_continue();
        }
    }
    found.continues_at = chain.bridges.last().copied();
    for (number, key) in checkpoints {
        // The checkpoint of a missing revision cannot be compared. The missing revision is reported already.
        found.checkpoints += 1;
        if number > newest {
            found.problems.push(StoreProblem::CheckpointAhead { key: key.to_string() });
        }
    }
    let (kept_from, kept) = chain.kept(options.retention, now);
    found.kept_from = kept_from;
    let gone = kept.into_iter().filter(|package| chain.book.package(*package).is_none());
    found.problems.extend(gone.map(|package| StoreProblem::PackageGone { package }));
    if found.revisions > 0 && chain.is_whole {
        look_at_stones(&chain.book, &mut found);
        look_at_versions(&chain.book, &mut found);
    }
    look_at_files(store, &chain.book, options.quick, &mut found).await?;
    look_at_descriptions(store, &chain.book, options.quick, &mut found).await?;
    let descriptions = count_orphans(store, &chain.book, &mut found).await?;
    if list_folder(store, keys::INVENTORY, &mut found).await?.is_some() {
        look_at_inventories(store, &mut found).await?;
    }
    // Probes are deleted at once. Their folder is listed only to find an entry of another kind with
    // its name.
    list_folder(store, keys::PROBES, &mut found).await?;
    look_at_strays(store, &mut found.problems).await;
    let captures = CaptureKind::ALL.map(CaptureKind::folder);
    let folders = [LogKind::Audit.folder(), LogKind::Access.folder(), CAPTURES];
    for folder in folders.into_iter().chain(captures.iter().map(String::as_str)) {
        // This user may have no right to read the logs. So only certain problems are reported.
        let listed = look_at_log_sizes(store, folder, &mut found).await;
        let _closed = listed.or_else(|error| report_in_place_of(folder, error, &mut found));
        let strays = store.strays(folder).await.unwrap_or_default().into_iter();
        for key in strays.filter(|key| is_log(key) || is_capture(key)) {
            let what = format!("it is {}", FileKind::NoFile);
            found.problems.push(StoreProblem::Unreadable { key, what });
        }
    }
    if newest == 0 && found.problems.is_empty() && descriptions > 0 {
        found.problems.push(StoreProblem::HistoryGone { packages: descriptions });
    }
    Ok(found)
}

/// Reports the logs in a folder that are not read because they are too large. Fails when the folder
/// cannot be listed, or when an entry of another kind has its name.
async fn look_at_log_sizes(
    store: &dyn ImageStore,
    folder: &str,
    found: &mut StoreCheck,
) -> Result<(), StoreError> {
    let (mut pages, mut is_empty) = (store.pages(folder), true);
    while let Some(page) = pages.next().await? {
        is_empty = false;
        let logs = page.into_iter().filter(|meta| is_log(meta.key.as_str()));
        for ObjectMeta { key, size, .. } in logs.filter(|meta| meta.size > MAX_STORED_LOG_BYTES as u64) {
            let what = too_large(size).to_string();
            found.problems.push(StoreProblem::LogTooLarge { key: key.to_string(), what });
        }
    }
    if is_empty { check_empty(store, folder).await } else { Ok(()) }
}

/// Lists the objects below a folder. Returns `None` if the folder cannot be listed, and reports this as a problem.
async fn list_folder(
    store: &dyn ImageStore,
    folder: &str,
    found: &mut StoreCheck,
) -> Result<Option<Vec<ObjectMeta>>, StoreError> {
    let listed = match store.list_all(folder, usize::MAX).await {
        Ok(listed) if listed.is_empty() => check_empty(store, folder).await.map(|()| listed),
        listed => listed,
    };
    match listed {
        Ok(listed) => Ok(Some(listed)),
        Err(error) => report_in_place_of(folder, error, found).map(|()| None),
    }
}

/// Adds the problem that a folder cannot be listed, for example because a link or a file is in its place. Each place is reported
/// once. The error of a store that does not answer is returned.
fn report_in_place_of(folder: &str, error: StoreError, found: &mut StoreCheck) -> Result<(), StoreError> {
    let what = match error {
        StoreError::Integrity { found: what, .. } => what.to_string(),
        StoreError::Conflict { other, .. } => format!("`{other}` is a file, expected a folder"),
        error => why_unreadable(error)?,
    };
    let is_known = |problem: &StoreProblem| matches!(problem, StoreProblem::Unreadable { what: known, .. } if *known == what);
    if !found.problems.iter().any(is_known) {
        let key = folder.trim_end_matches('/').to_owned();
        found.problems.push(StoreProblem::Unreadable { key, what });
    }
    Ok(())
}

async fn look_at_inventories(store: &dyn ImageStore, found: &mut StoreCheck) -> Result<(), StoreError> {
    let mut nothing = Inventory::default().with_room(0);
    for unusable in read_all(store, &mut nothing).await?.0.unusable {
        let (key, what) = (unusable.key, unusable.what);
        found.problems.push(match unusable.is_newer {
            true => StoreProblem::Newer { what: format!("a newer program wrote `{key}`: {what}"), key },
            false => StoreProblem::InventoryDamaged { key, what },
        });
    }
    Ok(())
}

/// The history that was read so far.
struct CheckedHistory {
    book: RuleBook,
    /// The SHA-256 of the last revision. `None` if that revision is missing or damaged.
    sha256: Option<Sha256Digest>,
    /// The SHA-256 of the rule book that the last revision states. `None` if the revision states
    /// none.
    book_sha256: Option<Sha256Digest>,
    /// `true` if a revision so far is sealed: it states its own SHA-256. Later revisions must be
    /// sealed too.
    is_sealed: bool,
    /// `true` if all revisions so far are intact, so that the book is complete.
    is_whole: bool,
    /// The revisions of the checkpoints whose book was used because earlier revisions are missing or damaged.
    bridges: Vec<u64>,
    /// For each revision: its number, the time at which it was stored, and the packages it names.
    made: Vec<(u64, UnixTime, BTreeSet<PackageId>)>,
}

impl Default for CheckedHistory {
    fn default() -> Self {
        Self {
            book: RuleBook::default(),
            sha256: Some(Sha256Digest::of(b"")),
            book_sha256: None,
            is_sealed: false,
            is_whole: true,
            bridges: Vec::new(),
            made: Vec::new(),
        }
    }
}

impl CheckedHistory {
    /// Leaves out a revision that is missing or cannot be read.
    fn skip(&mut self) {
        self.sha256 = None;
        self.is_whole = false;
    }

    fn take(
        &mut self,
        number: u64,
        key: &StoreKey,
        bytes: &[u8],
        stored_at: UnixTime,
    ) -> Result<(), DocumentError> {
        let taken = self.try_take(number, key, bytes, stored_at);
        self.is_whole &= taken.is_ok();
        taken
    }

    fn try_take(
        &mut self,
        number: u64,
        key: &StoreKey,
        bytes: &[u8],
        stored_at: UnixTime,
    ) -> Result<(), DocumentError> {
        // The SHA-256 of a damaged revision is not compared with the next one, which has the SHA-256 of the original.
        let before = self.sha256.take();
        let document: RevisionDocument = document::read(key.as_str(), bytes)?;
        // The revision is counted even if it is wrong, because the packages that it names are needed.
        self.made.push((number, stored_at, document.delta.named_packages()));
        self.book.apply(&document.delta);
        document::check_seal(key.as_str(), bytes)?;
        if document.revision != number {
            return Err(DocumentError::Number { key: key.to_string(), stated: document.revision });
        }
        let followed = document.check_follows(before, self.is_sealed);
        self.book_sha256 = document.book_sha256;
        self.is_sealed |= document.is_sealed();
        // The next revision has the SHA-256 of the original, not of a revision whose seal was removed.
        let is_unsealed = matches!(followed, Err(DocumentError::SealMissing { .. }));
        self.sha256 = (!is_unsealed).then(|| Sha256Digest::of(bytes));
        followed
    }

    /// Continues with the book of a checkpoint if earlier revisions are missing or damaged. Does
    /// nothing if the checkpoint names another SHA-256 for its revision than the revision in the
    /// store has, or if that revision states the digest of another book.
    fn go_on_from(&mut self, checkpoint: &Checkpoint) {
        if self.is_whole || self.sha256 != Some(checkpoint.sha256) || !self.allows(checkpoint) {
            return;
        }
        self.book = checkpoint.book.clone();
        self.is_whole = true;
        self.bridges.push(checkpoint.revision);
    }

    /// Returns whether the rule book of a checkpoint has the digest that the last revision states.
    /// `true` if the revision states none.
    fn allows(&self, checkpoint: &Checkpoint) -> bool {
        self.book_sha256.is_none_or(|recorded| recorded == checkpoint.book_sha256)
    }

    /// Returns how a checkpoint differs from the history, or `None` if it does not. If earlier revisions are missing or
    /// damaged, the book of the checkpoint cannot be compared. In this case the check continues with that book, as a
    /// starting service does.
    async fn differs(
        &mut self,
        store: &dyn ImageStore,
        key: &StoreKey,
        number: u64,
    ) -> Result<Option<String>, StoreError> {
        let bytes = match object_of(store, key, MAX_CHECKPOINT_BYTES).await? {
            HistoryObject::Bytes(bytes) => bytes,
            HistoryObject::Missing => return Ok(None),
            HistoryObject::Unreadable(what) => return Ok(Some(format!("cannot be read: {what}"))),
        };
        let checkpoint = match Checkpoint::read(key.as_str(), &bytes) {
            Ok(Some(checkpoint)) => checkpoint,
            Ok(None) => return Ok(Some("holds a damaged rule book".to_owned())),
            Err(DocumentError::Unreadable { source, .. }) => {
                return Ok(Some(format!("cannot be read: {source}")));
            }
            Err(error) => return Ok(Some(format!("cannot be used: {error}"))),
        };
        let says = if checkpoint.revision != number {
            format!("says that it belongs to revision {}", checkpoint.revision)
        } else if self.sha256.is_none() {
            return Ok(None);
        } else if Some(checkpoint.sha256) != self.sha256 {
            "belongs to another revision than the one in the store".to_owned()
        } else if self.is_whole && checkpoint.book != self.book {
            "holds another rule book than the history".to_owned()
        } else if !self.allows(&checkpoint) {
            "holds another rule book than its revision says".to_owned()
        } else {
            self.go_on_from(&checkpoint);
            return Ok(None);
        };
        Ok(Some(says))
    }

    /// Returns the oldest kept revision, and the packages that kept revisions need.
    fn kept(&self, retention: Retention, now: UnixTime) -> (u64, BTreeSet<PackageId>) {
        let mut packages = self.book.named_packages();
        let mut kept_from = 0;
        let newest = self.made.last().map_or(0, |(number, ..)| *number);
        for (number, at, named) in self.made.iter().rev() {
            kept_from = *number;
            packages.extend(named);
            if retention.ends_at(*number, *at, newest, now) {
                break;
            }
        }
        (kept_from, packages)
    }
}

/// Reads the records of lost revisions. A record that cannot be used is left out, so its loss is reported as a problem
/// again.
pub(crate) async fn read_losses(
    store: &dyn ImageStore,
) -> Result<Vec<(Checkpoint, Continuation)>, StoreError> {
    let mut all = Vec::new();
    for meta in store.list_all(keys::CONTINUED, usize::MAX).await? {
        let HistoryObject::Bytes(bytes) = object_of(store, &meta.key, MAX_CHECKPOINT_BYTES).await? else {
            continue;
        };
        let Ok(Some((checkpoint, Some(loss)))) = Checkpoint::read_with(meta.key.as_str(), &bytes) else {
            continue;
        };
        if keys::continued_number(&meta.key) == Some(checkpoint.revision) {
            all.push((checkpoint, loss));
        }
    }
    Ok(all)
}

fn look_at_stones(book: &RuleBook, found: &mut StoreCheck) {
    let wide = book.wide_stones().into_iter().map(|wide| StoreProblem::StoneTooWide { wide: Box::new(wide) });
    found.problems.extend(wide);
    let others = book.other_interim_versions().into_iter();
    found.problems.extend(others.map(|other| StoreProblem::OtherInterimVersion { other: Box::new(other) }));
}

/// Adds a problem for each two images of a rule whose versions count as one release, and for each
/// ban without a version.
fn look_at_versions(book: &RuleBook, found: &mut StoreCheck) {
    let pairs = book.one_releases().into_iter();
    found.problems.extend(pairs.map(|pair| StoreProblem::OneRelease { pair: Box::new(pair) }));
    let bans = book.bans().filter(|ban| ban.scope.is_empty());
    found.problems.extend(bans.map(|ban| StoreProblem::BanEmpty { scope: Box::new(ban.scope.clone()) }));
}

async fn look_at_files(
    store: &dyn ImageStore,
    book: &RuleBook,
    quick: bool,
    found: &mut StoreCheck,
) -> Result<(), StoreError> {
    let mut seen = BTreeSet::new();
    let mut files: Vec<(&StoredFile, &IngestedPackage)> = Vec::new();
    for package in book.packages() {
        files.extend(package.files().filter(|file| seen.insert(&file.key)).map(|file| (file, package)));
    }
    found.files = files.len();
    found.bytes = files.iter().map(|(file, _)| file.size).fold(0, u64::saturating_add);
    // Collected first: with the closure inside the stream the future would not be `Send`.
    let states = files.into_iter().map(|(file, package)| async move {
        let state = if quick { quick_state(store, file).await } else { read_back::state(store, file).await };
        let state = state.map_or_else(|error| why_unreadable(error).map(Err), |state| Ok(Ok(state)))?;
        Ok::<_, StoreError>((file, package, state))
    });
    let states: Vec<_> = states.collect();
    let mut states = stream::iter(states).buffered(AT_ONCE);
    while let Some((stored, package, state)) = states.try_next().await? {
        let (key, file) = (stored.key.to_string(), stored.name.to_string());
        let (package, package_file) = (package.id(), package.file_name.to_string());
        match state {
            Ok(FileState::Whole) => {}
            Ok(FileState::Gone) => {
                found.problems.push(StoreProblem::FileGone { key, file, package, package_file });
            }
            Ok(FileState::Other) => {
                found.problems.push(StoreProblem::FileDamaged { key, file, package, package_file });
            }
            Err(what) => found.problems.push(StoreProblem::Unreadable { key, what }),
        }
    }
    Ok(())
}

async fn quick_state(store: &dyn ImageStore, file: &StoredFile) -> Result<FileState, StoreError> {
    let key = keys::object(&file.key);
    match store.head(&key).await {
        Ok(meta) if meta.size == file.size => Ok(FileState::Whole),
        Ok(_) | Err(StoreError::Integrity { .. }) => Ok(FileState::Other),
        Err(StoreError::NotFound { .. }) => Ok(FileState::Gone),
        Err(error) => Err(error),
    }
}

async fn look_at_descriptions(
    store: &dyn ImageStore,
    book: &RuleBook,
    quick: bool,
    found: &mut StoreCheck,
) -> Result<(), StoreError> {
    for package in book.packages() {
        let key = keys::package(package.ingest);
        let is_whole = match quick {
            true => store.exists(&key).await,
            false => {
                let looked = description::look_at(store, package).await;
                looked.map(|description| matches!(description, Description::Whole(_)))
            }
        };
        let key = key.to_string();
        let is_whole = match is_whole {
            Ok(is_whole) => is_whole,
            Err(error) => {
                let what = why_unreadable(error)?;
                found.problems.push(StoreProblem::Unreadable { key, what });
                continue;
            }
        };
        if !is_whole {
            let (package, package_file) = (package.id(), package.file_name.to_string());
            found.problems.push(StoreProblem::DescriptionDamaged { key, package, package_file });
        }
    }
    Ok(())
}

/// Counts the orphans. Returns how many of them are descriptions of packages.
async fn count_orphans(
    store: &dyn ImageStore,
    book: &RuleBook,
    found: &mut StoreCheck,
) -> Result<usize, StoreError> {
    let mut descriptions = 0;
    let named: BTreeSet<_> = book.packages().map(|package| package.ingest).collect();
    let mut pages = store.pages(keys::IMAGES);
    loop {
        let page = match pages.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break,
            Err(error) => {
                report_in_place_of(keys::IMAGES, error, found)?;
                break;
            }
        };
        for meta in page {
            let ingest = keys::ingest_of(&meta.key).filter(|ingest| !named.contains(ingest));
            let Some(ingest) = ingest else { continue };
            found.orphans += 1;
            found.orphan_bytes = found.orphan_bytes.saturating_add(meta.size);
            descriptions += usize::from(meta.key == keys::package(ingest));
        }
    }
    Ok(descriptions)
}

/// The result of reading an object of the history.
enum HistoryObject {
    Bytes(bytes::Bytes),
    Missing,
    /// The object exists but cannot be read. The text is the reason.
    Unreadable(String),
}

/// Reads an object. An object that exists but cannot be read is [`HistoryObject::Unreadable`].
///
/// # Errors
/// When the store does not answer, so that nothing is known about the object.
async fn object_of(
    store: &dyn ImageStore,
    key: &StoreKey,
    limit: usize,
) -> Result<HistoryObject, StoreError> {
    match store.get_bytes(key, limit).await {
        Ok(bytes) => Ok(HistoryObject::Bytes(bytes)),
        Err(StoreError::NotFound { .. }) => Ok(HistoryObject::Missing),
        Err(error) => why_unreadable(error).map(HistoryObject::Unreadable),
    }
}

/// Returns the reason why an object or a folder cannot be read.
///
/// # Errors
/// When the store does not answer, so that nothing is known about the object.
fn why_unreadable(error: StoreError) -> Result<String, StoreError> {
    match error {
        StoreError::Unavailable { .. } | StoreError::Replaced { .. } => Err(error),
        error => Ok(error_chain(&error)),
    }
}

fn fault_of(error: &DocumentError) -> String {
    match error {
        DocumentError::Unreadable { source, .. } => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}

impl crate::service::UpdateService {
    /// Checks the store of this service with its retention and its clock, as [`check_store`] does.
    ///
    /// A store with a broken history cannot be opened as a service. [`check_store`] can check it.
    ///
    /// # Errors
    /// Only when the store does not answer.
    pub async fn check(&self, quick: bool) -> Result<StoreCheck, StateError> {
        let options = CheckOptions { quick, retention: self.inner.options.retention };
        Ok(check_store(&**self.store(), &options, self.now()).await?)
    }
}
