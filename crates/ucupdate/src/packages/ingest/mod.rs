//! Ingests a package. The cabinet arrives as a stream, and its members are stored while they are decompressed. The rule
//! book is changed only when all members are stored completely.
//!
//! ```text
//! bytes ──► bounded channel ──► reader thread: cabinet, digests ──► bounded channel ──► put, a member at a time
//!                                                                └─► what the package is ──► package.json ──► revision
//! ```
//!
//! No member is held in memory as a whole. When the caller drops the future, the channels close and the reader ends.

pub(crate) mod dry_ingest;
pub(crate) mod ingested;
pub(crate) mod reading;

use crate::admin::Admin;
use crate::error::ChangeError;
use crate::events::event::Event;
use crate::keys;
use crate::packages::channels::{ChannelSink, NewMember, ReaderEvent};
use crate::packages::description::{self, Description};
use crate::packages::ingest::ingested::Ingested;
use crate::packages::ingest::reading::{PackageReading, ended, feed_all};
use crate::packages::read_back::{self, FileState};
use crate::packages::record::{notes_of, record};
use crate::service::UpdateService;
use crate::state::rule_history::{Changed, random_bytes};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;
use ucupdate_cab::CabError;
use ucupdate_cab::package::{Member, MemberRole, Package, PackageError};
use ucupdate_core::RuleBook;
use ucupdate_core::book::{BookCommand, IngestId, IngestedPackage};
use ucupdate_core::value::{ObjectKey, Sha256Digest};
use ucupdate_store::{ByteStream, ImageStore, ImageStoreExt as _, StoreError, StoreKey};

/// The work that an ingest has done since its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IngestProgress {
    /// The number of bytes of the input that were read.
    pub input_bytes: u64,
    /// The number of members that were stored.
    pub files: u64,
    /// The size of the stored members in bytes.
    pub stored_bytes: u64,
}

/// Error of an ingest. The files that were stored are deleted. They stay if the store failed or other servers were faster while
/// the revision was made ([`ChangeError::State`], [`ChangeError::Unclear`], [`ChangeError::Contended`]), because a revision may
/// name them. Garbage collection deletes them later if no revision does.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The input ended with an error.
    #[error("cannot read the package")]
    Input(#[source] io::Error),
    /// The cabinet cannot be read.
    #[error(transparent)]
    Cabinet(CabError),
    /// The package cannot be read.
    #[error(transparent)]
    Package(PackageError),
    /// The package was read, but it has a problem that forbids its use. [`Package::refusals`] returns these problems.
    #[error("{}", first_refusal(.0))]
    Refused(Box<Package>),
    /// The rule book refuses the package, or the store failed.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

fn first_refusal(package: &Package) -> String {
    let mut refusals = package.refusals();
    let first = refusals.next().map_or_else(|| "the package is refused".to_owned(), ToString::to_string);
    match refusals.count() {
        0 => first,
        more => format!("{first} (and {more} more)"),
    }
}

impl From<StoreError> for IngestError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Admin<'_> {
    /// Ingests a package: a cabinet, or a self-extracting program that contains one. Its versions become pending.
    ///
    /// The history shows `file_name`. `progress` is called after each member.
    ///
    /// If the future is dropped, no rule changes, and the files stored so far become orphans. Every ingest first removes
    /// orphans that are older than a day; [`collect_garbage`](UpdateService::collect_garbage) does the same at any time.
    ///
    /// # Errors
    /// When the package cannot be read, or is refused. The error names the file that caused it. Also when the store fails, or
    /// other servers change the rule book during every attempt. [`IngestError`] says which files stay.
    pub async fn ingest(
        self,
        file_name: &str,
        bytes: ByteStream,
        progress: impl FnMut(IngestProgress) + Send,
    ) -> Result<Ingested, IngestError> {
        self.ingest_parts(file_name, vec![bytes], progress).await
    }

    /// Ingests a package whose cabinet is a set of several parts, given in any order.
    ///
    /// # Errors
    /// Those of [`ingest`](Self::ingest). Also when a part is missing or belongs to another set.
    pub async fn ingest_parts(
        self,
        file_name: &str,
        parts: Vec<ByteStream>,
        progress: impl FnMut(IngestProgress) + Send,
    ) -> Result<Ingested, IngestError> {
        let Self { service, author } = self;
        service.sweep_up().await;
        let ingest = IngestId::from_bits(u128::from_be_bytes(random_bytes().map_err(ChangeError::from)?));
        let so_far = IngestProgress::default();
        let mut intake = RunningIngest {
            service,
            ingest,
            progress,
            so_far,
            stored: Vec::new(),
            found: HashMap::new(),
            may_be_named: false,
        };
        let taken = match intake.read(parts).await {
            Ok(package) => intake.take(package, file_name, author).await,
            Err(error) => Err(error),
        };
        // If the rule book does not name the stored files now, it never will.
        if !matches!(taken, Ok((_, true))) && (!intake.may_be_named || may_delete(&taken)) {
            intake.delete_stored().await;
        }
        let (ingested, _) = taken?;
        service.emit(&Event::PackageIngested { ingested: &ingested, file_name, author });
        Ok(ingested)
    }
}

/// Returns whether the stored files may be deleted after this result. After a revision with an
/// unclear outcome they stay, and are collected later if no revision names them.
fn may_delete(taken: &Result<(Ingested, bool), IngestError>) -> bool {
    use ChangeError::{Contended, State, Unclear};
    !matches!(taken, Err(IngestError::Change(State(_) | Unclear { .. } | Contended { .. })))
}

struct RunningIngest<'a, P> {
    service: &'a UpdateService,
    ingest: IngestId,
    progress: P,
    so_far: IngestProgress,
    /// The index and the key of each stored member, in the order of the cabinet.
    stored: Vec<(usize, StoreKey)>,
    /// The size and the SHA-256 of the stored images that were read back while later members were stored.
    found: HashMap<StoreKey, (u64, Sha256Digest)>,
    /// `true` if a revision that names the files may have been written.
    may_be_named: bool,
}

impl<P: FnMut(IngestProgress) + Send> RunningIngest<'_, P> {
    fn store(&self) -> &dyn ImageStore {
        &*self.service.inner.store
    }

    /// Reads the cabinet on a separate thread, and stores each member as it is read.
    async fn read(&mut self, parts: Vec<ByteStream>) -> Result<Package, IngestError> {
        let options = self.service.inner.options.ingest.clone();
        let (sink, mut events) = mpsc::channel(4);
        let readers = &self.service.inner.package_readers;
        let reading = PackageReading::begin(readers, options, parts, ChannelSink::new(sink));
        let PackageReading { reader, inputs } = reading.await;
        let fed = AtomicU64::new(0);
        let feeding = feed_all(inputs, &fed);
        let service = self.service;
        let (images, mut to_read) = mpsc::unbounded_channel::<StoreKey>();
        let storing = async {
            // The channel of the images closes when the last member is stored.
            let images = images;
            while let Some(event) = events.recv().await {
                self.so_far.input_bytes = fed.load(Ordering::Relaxed);
                match event {
                    ReaderEvent::Member(member) => {
                        let is_image = member.role == MemberRole::Image;
                        if let Some(key) = self.store_member(member).await?.filter(|_| is_image) {
                            // The receiver lives as long as this future.
                            let _sent = images.send(key);
                        }
                    }
                    ReaderEvent::StartOver => {
                        self.delete_stored().await;
                        (self.so_far.files, self.so_far.stored_bytes) = (0, 0);
                    }
                }
            }
            Ok::<_, IngestError>(())
        };
        let reading_back = async {
            let mut found = HashMap::new();
            while let Some(key) = to_read.recv().await {
                match read_back::digest(&*service.inner.store, &key).await {
                    Ok(digest) => found.insert(key, digest),
                    // Members that belong to no package were deleted. Other objects are read again at the end.
                    Err(StoreError::NotFound { .. } | StoreError::Integrity { .. }) => found.remove(&key),
                    Err(error) => return Err(error.into()),
                };
            }
            Ok(found)
        };
        // When a put fails, both channels are dropped here, and the reader ends at its next chunk.
        let stored = tokio::try_join!(feeding, storing, reading_back).map(|(.., found)| found);
        drop(events);
        let package = ended(reader).await?;
        self.found = stored?;
        package
    }

    /// Stores a member. Returns its key, or `None` if the thread that reads the cabinet failed
    /// within the member.
    async fn store_member(&mut self, member: NewMember) -> Result<Option<StoreKey>, IngestError> {
        let key = keys::object(&keys::member(self.ingest, member.index, &member.name));
        // The key is recorded before the put, so that the object of an unclear put is deleted too.
        self.stored.push((member.index, key.clone()));
        let meta = match self.store().put(&key, member.bytes()).await {
            Ok(meta) => meta,
            // The reader failed within a member, and its error has the reason.
            Err(StoreError::Input { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        self.so_far.files += 1;
        self.so_far.stored_bytes += meta.size;
        (self.progress)(self.so_far);
        Ok(Some(key))
    }

    /// Checks the stored package, and makes the revision that adds it to the rule book. Returns
    /// whether the rule book names the files that this ingest stored.
    async fn take(
        &mut self,
        package: Package,
        file_name: &str,
        author: &str,
    ) -> Result<(Ingested, bool), IngestError> {
        if package.is_refused() {
            return Err(IngestError::Refused(Box::new(package)));
        }
        self.service.refresh().await.map_err(ChangeError::from)?;
        let record = record(self.service, self.ingest, &package, file_name);
        self.check_stored(&package, &record).await?;
        let known = self.service.snapshot().book().package(record.id()).cloned();
        // If the same cabinet was ingested before and all its files are intact, the old files are used. If a file is
        // damaged, the new files replace the old ones. The same happens if an interim image was left out before and its
        // version is known now.
        let damaged = match known.filter(|known| known.sha256 == record.sha256) {
            Some(known) if known.interim.len() < record.interim.len() => Some(known.ingest),
            Some(known) if !self.all_there(&known).await? => Some(known.ingest),
            _ => None,
        };
        self.describe(&record).await?;
        self.may_be_named = true;
        let notes = notes_of(&package, &record);
        let make = |book: &RuleBook, _| {
            let there = book.package(record.id()).filter(|there| there.sha256 == record.sha256);
            let mut change = match there.filter(|there| Some(there.ingest) != damaged) {
                Some(there) => book.ingest(there),
                None => book.ingest(&record),
            }?;
            change.notes.extend(notes.iter().cloned());
            Ok(change)
        };
        let Changed { revision, notes } =
            self.service.change(author, &BookCommand::Ingest(record.id()).into(), make).await?;
        let snapshot = self.service.snapshot();
        let named = snapshot.book().package(record.id()).is_some_and(|there| there.ingest == self.ingest);
        Ok((Ingested { package, revision, notes }, named))
    }

    /// Checks that every member is in the store with its size, and that every file of `record` has
    /// the right bytes.
    async fn check_stored(&self, package: &Package, record: &IngestedPackage) -> Result<(), IngestError> {
        for member in &package.members {
            let key = keys::object(&self.key_of(member));
            let meta = self.store().head(&key).await?;
            if meta.size != member.size {
                let found = format!("{} bytes, expected {}", meta.size, member.size).into();
                return Err(StoreError::Integrity { key, found }.into());
            }
        }
        for file in record.files() {
            let key = keys::object(&file.key);
            let is_whole = match self.found.get(&key) {
                Some(found) => *found == (file.size, file.sha256),
                None => read_back::state(self.store(), file).await? == FileState::Whole,
            };
            if !is_whole {
                let found = "other bytes than were written".into();
                return Err(StoreError::Integrity { key, found }.into());
            }
        }
        Ok(())
    }

    async fn all_there(&self, known: &IngestedPackage) -> Result<bool, IngestError> {
        for file in known.files() {
            if read_back::state(self.store(), file).await? != FileState::Whole {
                return Ok(false);
            }
        }
        let description = description::look_at(self.store(), known).await?;
        Ok(matches!(description, Description::Whole(_)))
    }

    async fn describe(&self, record: &IngestedPackage) -> Result<(), IngestError> {
        self.store().put_bytes(&keys::package(self.ingest), description::write(record)).await?;
        Ok(())
    }

    fn key_of(&self, member: &Member) -> ObjectKey {
        keys::member(self.ingest, member.index, &member.name)
    }

    async fn delete_stored(&mut self) {
        let keys = self.stored.drain(..).map(|(_, key)| key).chain([keys::package(self.ingest)]);
        let store = &*self.service.inner.store;
        for key in keys {
            // An object that cannot be deleted now is garbage, and is collected later.
            let _left = store.delete(&key).await;
        }
    }
}
