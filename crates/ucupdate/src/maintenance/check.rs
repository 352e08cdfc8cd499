//! Checks a store: the chain of revisions, the checkpoints, and the files that kept revisions need.

use crate::error::StateError;
use crate::keys;
use crate::maintenance::problem::StoreProblem;
use crate::maintenance::retention::Retention;
use crate::packages::description::{self, Description};
use crate::packages::read_back::{self, FileState};
use crate::state::document::{self, Checkpoint, DocumentError, RevisionDocument};
use crate::state::rule_history::{MAX_CHECKPOINT_BYTES, MAX_REVISION_BYTES};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use ucupdate_core::RuleBook;
use ucupdate_core::book::{IngestedPackage, StoredFile};
use ucupdate_core::value::{PackageId, Sha256Digest, UnixTime};
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError, StoreKey};

/// The number of files that are read at the same time.
const AT_ONCE: usize = 8;

/// How thorough a [`check_store`] is.
///
/// The default reads every image, and uses the default [`Retention`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckOptions {
    quick: bool,
    retention: Retention,
}

impl CheckOptions {
    /// Sets whether the check only compares the sizes of images, instead of reading each image for its SHA-256.
    #[must_use]
    pub fn with_quick(mut self, quick: bool) -> Self {
        self.quick = quick;
        self
    }

    /// Sets which revisions must have all their packages.
    #[must_use]
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
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
    /// The number of orphaned objects: files of ingests that no package in the rule book comes from. They are not a problem.
    /// A running ingest has some, and garbage collection removes the others.
    pub orphans: usize,
    /// The size of the orphaned objects in bytes.
    pub orphan_bytes: u64,
}

/// Checks a store without changing it.
///
/// It reads every revision from the first one, compares the checkpoints with them, and checks each file of the packages in
/// the rule book. `now` decides which revisions are kept. The store may be too broken for
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
    for meta in store.list_all(keys::CHECKPOINTS, usize::MAX).await? {
        let Some(number) = keys::checkpoint_number(&meta.key) else { continue };
        checkpoints.insert(number, meta.key);
    }
    let listed = store.list_all(keys::REVISIONS, usize::MAX).await?;
    let listed: BTreeSet<u64> = listed.iter().filter_map(|meta| keys::revision_number(&meta.key)).collect();
    let mut chain = Chain::default();
    let mut found = StoreCheck::default();
    let mut number = 0;
    // A revision may come while these are read; it is read too.
    loop {
        number += 1;
        let key = keys::revision(number);
        let Some(bytes) = bytes_of(store, &key, MAX_REVISION_BYTES).await? else {
            // The first of those that are missing stands for all up to the next that is there.
            let later = (Bound::Excluded(number), Bound::Unbounded);
            let Some(next) = listed.range(later).next() else { break };
            chain.sha256 = None;
            chain.is_whole = false;
            found.problems.push(StoreProblem::RevisionMissing { key: key.to_string() });
            number = next - 1;
            continue;
        };
        found.revisions += 1;
        match chain.take(number, &key, &bytes) {
            Ok(()) => {}
            Err(newer @ DocumentError::Newer { .. }) => {
                found.problems.push(StoreProblem::Newer { key: key.to_string(), what: newer.to_string() });
                checkpoints.clear();
                break;
            }
            Err(error) => {
                let (key, what) = (key.to_string(), told(&error));
                found.problems.push(match error {
                    DocumentError::Chain { .. } => {
                        let before = keys::revision(number - 1).to_string();
                        StoreProblem::ChainBroken { key, before, what }
                    }
                    _ => StoreProblem::RevisionDamaged { key, what },
                });
            }
        }
        if let Some(key) = checkpoints.remove(&number) {
            found.checkpoints += 1;
            if let Some(what) = chain.differs(store, &key, number).await? {
                found.problems.push(StoreProblem::CheckpointDamaged { key: key.to_string(), what });
            }
        }
    }
    let newest = listed.last().copied().unwrap_or(0).max(number - 1);
    for (number, key) in checkpoints {
        // Of one that is missing between others nothing can be said, and that it is missing is said.
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
    }
    look_at_files(store, &chain.book, options.quick, &mut found).await?;
    look_at_descriptions(store, &chain.book, options.quick, &mut found).await?;
    let descriptions = count_orphans(store, &chain.book, &mut found).await?;
    if listed.is_empty() && found.revisions == 0 && descriptions > 0 {
        found.problems.push(StoreProblem::HistoryGone { packages: descriptions });
    }
    Ok(found)
}

/// The history as far as it was read.
struct Chain {
    book: RuleBook,
    /// The SHA-256 of the last revision. `None` if that revision is missing or damaged.
    sha256: Option<Sha256Digest>,
    /// Whether all revisions so far are as they were written, so that the book is complete.
    is_whole: bool,
    /// For each revision: its number, its time, and the packages it names.
    made: Vec<(u64, UnixTime, BTreeSet<PackageId>)>,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            book: RuleBook::default(),
            sha256: Some(Sha256Digest::of(b"")),
            is_whole: true,
            made: Vec::new(),
        }
    }
}

impl Chain {
    fn take(&mut self, number: u64, key: &StoreKey, bytes: &[u8]) -> Result<(), DocumentError> {
        let taken = self.try_take(number, key, bytes);
        self.is_whole &= taken.is_ok();
        taken
    }

    fn try_take(&mut self, number: u64, key: &StoreKey, bytes: &[u8]) -> Result<(), DocumentError> {
        // One that is damaged says nothing of the next, which names what was written.
        let before = self.sha256.take();
        let document: RevisionDocument = document::read(key.as_str(), bytes)?;
        // What it says is counted in, right or wrong: what it names is needed.
        self.made.push((number, document.at, document.delta.named_packages()));
        self.book.apply(&document.delta);
        document::check_seal(key.as_str(), bytes)?;
        if document.revision != number {
            return Err(DocumentError::Number { key: key.to_string(), stated: document.revision });
        }
        self.sha256 = Some(Sha256Digest::of(bytes));
        match before {
            Some(found) if found != document.previous => {
                Err(DocumentError::Chain { key: key.to_string(), stated: document.previous, found })
            }
            _ => Ok(()),
        }
    }

    /// Returns how a checkpoint differs from the revision at which it was made. If earlier revisions are missing or damaged,
    /// only the checkpoint may know the book. Then it cannot be called wrong, and the check continues with its book, as a
    /// service does that starts from it.
    async fn differs(
        &mut self,
        store: &dyn ImageStore,
        key: &StoreKey,
        number: u64,
    ) -> Result<Option<String>, StoreError> {
        let Some(bytes) = bytes_of(store, key, MAX_CHECKPOINT_BYTES).await? else { return Ok(None) };
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
        } else if !self.is_whole {
            self.book = checkpoint.book;
            self.is_whole = true;
            return Ok(None);
        } else if checkpoint.book != self.book {
            "holds another rule book than the history".to_owned()
        } else {
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

fn look_at_stones(book: &RuleBook, found: &mut StoreCheck) {
    let wide = book.wide_stones().into_iter().map(|wide| StoreProblem::StoneTooWide { wide: Box::new(wide) });
    found.problems.extend(wide);
    let others = book.other_interim_versions().into_iter();
    found.problems.extend(others.map(|other| StoreProblem::OtherInterimVersion { other: Box::new(other) }));
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
    found.bytes = files.iter().map(|(file, _)| file.size).sum();
    let states = stream::iter(files).map(|(file, package)| async move {
        let state =
            if quick { quick_state(store, file).await? } else { read_back::state(store, file).await? };
        Ok::<_, StoreError>((file, package, state))
    });
    let mut states = states.buffered(AT_ONCE);
    while let Some((stored, package, state)) = states.try_next().await? {
        let (key, file) = (stored.key.to_string(), stored.name.to_string());
        let (package, package_file) = (package.id(), package.file_name.to_string());
        match state {
            FileState::Whole => {}
            FileState::Gone => {
                found.problems.push(StoreProblem::FileGone { key, file, package, package_file });
            }
            FileState::Other => {
                found.problems.push(StoreProblem::FileDamaged { key, file, package, package_file });
            }
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
            true => store.exists(&key).await?,
            false => matches!(description::look_at(store, package).await?, Description::Whole(_)),
        };
        if !is_whole {
            let (package, package_file) = (package.id(), package.file_name.to_string());
            let key = key.to_string();
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
    while let Some(page) = pages.next().await? {
        for meta in page {
            let ingest = keys::ingest_of(&meta.key).filter(|ingest| !named.contains(ingest));
            let Some(ingest) = ingest else { continue };
            found.orphans += 1;
            found.orphan_bytes += meta.size;
            descriptions += usize::from(meta.key == keys::package(ingest));
        }
    }
    Ok(descriptions)
}

/// Returns the bytes of an object, or `None` if it is missing. An object that is too large counts as damaged.
async fn bytes_of(
    store: &dyn ImageStore,
    key: &StoreKey,
    limit: usize,
) -> Result<Option<bytes::Bytes>, StoreError> {
    match store.get_bytes(key, limit).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(StoreError::TooLarge { .. } | StoreError::Integrity { .. }) => Ok(Some(bytes::Bytes::new())),
        Err(error) => Err(error),
    }
}

fn told(error: &DocumentError) -> String {
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
