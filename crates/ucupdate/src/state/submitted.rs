//! [`SubmittedRevision`]: a revision that another program computed and asks this service to make.
//!
//! A program that works on a store through the administrators' side computes the next revision
//! itself, as it does on a local store. The revision contains the change of the rule book and the
//! command that made the change. The service does not trust the computed change. It executes the
//! command on its own rule book, and accepts the revision only if the change is the same.

use crate::admin::Admin;
use crate::error::ChangeError;
use crate::keys;
use crate::packages::read_back::{self, FileState, ReadBack};
use crate::state::document::{self, DocumentError, RevisionDocument};
use crate::state::recorded_command::RecordedCommand;
use crate::state::roll_back::Restorable;
use bytes::Bytes;
use std::time::Duration;
use ucupdate_core::RuleBook;
use ucupdate_core::book::{BookChange, BookCommand, IngestedPackage, Refusal};
use ucupdate_core::value::PackageId;
use ucupdate_store::{ByteStream, ImageStore as _, ObjectMeta, StoreError, StoreKey};

/// The largest accepted difference between the clock of the program that submits a revision and the
/// clock of this service.
const MAX_SKEW: Duration = Duration::from_secs(5 * 60);

/// A revision that another program computed. It is not part of a history yet.
#[derive(Clone, Debug)]
pub struct SubmittedRevision {
    document: RevisionDocument,
    bytes: Bytes,
}

/// Error of making a submitted revision. Nothing has changed, unless [`ChangeError::Unclear`] says otherwise.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum SubmitError {
    /// The history already has a revision with this number. The program must read that revision, compute its change again, and
    /// submit the result.
    #[error("revision {revision} exists already")]
    Exists { revision: u64 },
    /// The author is not the one of this handle.
    #[error("the author of the revision is {found}, expected {expected}")]
    Author { found: String, expected: String },
    /// The command cannot be made from another machine.
    #[error("{what} is not made from another machine; use the command on the server")]
    NotRemote { what: &'static str },
    /// The revision is not the result of its command.
    #[error("the revision is not the result of its command on revision {base}: {what}")]
    OtherResult { base: u64, what: &'static str },
    /// The clock of the program is too far from that of this service.
    #[error("the clock of the program and that of the server differ by {seconds} s, expected at most {}", MAX_SKEW.as_secs())]
    Clock { seconds: u64 },
    /// The change was refused or failed.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for SubmitError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl SubmittedRevision {
    /// Reads a revision in its stored form.
    ///
    /// # Errors
    /// When the bytes are not a whole revision, or a newer program wrote them.
    pub fn read(bytes: Bytes) -> Result<Self, DocumentError> {
        let document: RevisionDocument = document::read_sealed("the submitted revision", &bytes)?;
        Ok(Self { document, bytes })
    }

    /// Returns the number that the revision would have.
    pub fn number(&self) -> u64 {
        self.document.revision
    }

    /// Returns the command that the other program executed on its copy of the rule book.
    pub fn command(&self) -> &RecordedCommand {
        &self.document.command
    }
}

impl Admin<'_> {
    /// Makes a revision that another program computed, byte for byte.
    ///
    /// The recorded command is executed on the rule book of this service. The revision is made only if it has the same content
    /// and the author of this handle, and if it is the next revision of the history. The files of an ingest must be in the store.
    ///
    /// # Errors
    /// [`SubmitError::Exists`] when the history has this revision already. Otherwise as the variants say.
    pub async fn submit(self, submitted: SubmittedRevision) -> Result<(), SubmitError> {
        let Self { service, author } = self;
        let SubmittedRevision { document, bytes } = submitted;
        if document.author != author {
            let (found, expected) = (document.author, author.to_owned());
            return Err(SubmitError::Author { found, expected });
        }
        let (now, at) = (service.now().as_millis(), document.at.as_millis());
        let seconds = now.abs_diff(at) / 1000;
        if seconds > MAX_SKEW.as_secs() {
            return Err(SubmitError::Clock { seconds });
        }
        service.refresh().await.map_err(ChangeError::from)?;
        let snapshot = service.snapshot();
        let base = document.revision.saturating_sub(1);
        match snapshot.revision() {
            found if found == base => {}
            found if found > base => return Err(SubmitError::Exists { revision: document.revision }),
            found => {
                let gap = Refusal::RevisionConflict { expected: base, found };
                return Err(ChangeError::from(gap).into());
            }
        }
        let remade = Remade::prepare(self, &document, snapshot.book(), base).await?;
        service.adopt(&document, bytes, |book| remade.check(&document, book, author)).await
    }
}

/// The changes that a program on another machine submits.
impl Admin<'_> {
    /// Writes a file of an ingest that the rule book does not name yet, for a program that will submit the ingest.
    ///
    /// # Errors
    /// [`SubmitError::NotRemote`] when the key is not one of an ingest, or the rule book names the ingest. Also when the store
    /// fails.
    pub async fn put_file(self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, SubmitError> {
        self.require_unnamed(key).await?;
        Ok(self.service.store().put(key, bytes).await?)
    }

    /// Deletes a file of an ingest that the rule book does not name.
    ///
    /// # Errors
    /// Those of [`put_file`](Self::put_file).
    pub async fn delete_file(self, key: &StoreKey) -> Result<(), SubmitError> {
        self.require_unnamed(key).await?;
        Ok(self.service.store().delete(key).await?)
    }

    async fn require_unnamed(self, key: &StoreKey) -> Result<(), SubmitError> {
        let other =
            SubmitError::NotRemote { what: "a change of an object that is not the file of an ingest" };
        let ingest = keys::ingest_of(key).ok_or(other)?;
        self.service.refresh().await.map_err(ChangeError::from)?;
        let snapshot = self.service.snapshot();
        match snapshot.book().packages().any(|package| package.ingest == ingest) {
            true => Err(SubmitError::NotRemote { what: "a change of a file that the rule book names" }),
            false => Ok(()),
        }
    }
}

/// A change that another program submitted, with the data that the check of this change needs. The
/// data is read from the store before the history is locked.
enum Remade {
    Command(BookCommand, ReadBack),
    RollBack(Restorable),
    Ingest(Option<Box<IngestedPackage>>, PackageId),
}

impl Remade {
    async fn prepare(
        admin: Admin<'_>,
        document: &RevisionDocument,
        book: &RuleBook,
        base: u64,
    ) -> Result<Self, SubmitError> {
        let Admin { service, author } = admin;
        let store = service.store();
        match &document.command {
            RecordedCommand::Rebuild(_) => Err(SubmitError::NotRemote { what: "a rebuild" }),
            RecordedCommand::RollBackTo(revision) => {
                let restorable = Restorable::read(store, &service.snapshot(), *revision).await?;
                Ok(Self::RollBack(restorable))
            }
            RecordedCommand::Book(BookCommand::Ingest(id)) => {
                let stored = document.delta.packages.iter().find(|entry| entry.key == *id);
                let stored = stored.and_then(|entry| entry.now.clone());
                if let Some(package) = &stored {
                    if package.id() != *id {
                        return Err(SubmitError::OtherResult { base, what: "it has another package" });
                    }
                    for file in package.files() {
                        let state = read_back::state(&**store, file).await?;
                        if state != FileState::Whole {
                            return Err(SubmitError::OtherResult {
                                base,
                                what: "a file is not in the store",
                            });
                        }
                    }
                }
                Ok(Self::Ingest(stored.map(Box::new), *id))
            }
            RecordedCommand::Book(command) => {
                let change = book.command(command, author).map_err(ChangeError::from)?;
                let read_back = ReadBack::read(&**store, book, &change.delta).await?;
                Ok(Self::Command(command.clone(), read_back))
            }
        }
    }

    fn change(&self, book: &RuleBook, author: &str) -> Result<BookChange, Refusal> {
        match self {
            Self::Command(command, read_back) => {
                let change = book.command(command, author)?;
                read_back.covers(book, &change.delta)?;
                Ok(change)
            }
            Self::RollBack(restorable) => restorable.restore(book),
            Self::Ingest(Some(package), _) => book.ingest(package),
            Self::Ingest(None, id) => book.command(&BookCommand::Ingest(*id), author),
        }
    }

    fn check(&self, document: &RevisionDocument, book: &RuleBook, author: &str) -> Result<(), SubmitError> {
        let base = document.revision.saturating_sub(1);
        let other = |what| SubmitError::OtherResult { base, what };
        let mut change = self.change(book, author).map_err(ChangeError::from)?;
        if base == 0 {
            change.delta.settings.get_or_insert(book.settings().clone());
        }
        if change.delta != document.delta || document.delta.is_empty() {
            return Err(other("it changes other entries"));
        }
        if document.format != document::oldest_format(&document.command, &document.delta) {
            return Err(other("it has another format"));
        }
        let notes: Vec<String> = change.notes.iter().map(ToString::to_string).collect();
        // An ingest also notes what the program found in the cabinet, which is not stored.
        let is_same = match self {
            Self::Ingest(..) => document.notes.starts_with(&notes),
            _ => document.notes == notes,
        };
        is_same.then_some(()).ok_or_else(|| other("it has other notes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, UpdateService};
    use std::sync::Arc;
    use ucupdate_store::{ImageStore, ImageStoreExt as _, MemoryStore};

    async fn service(store: &Arc<dyn ImageStore>) -> UpdateService {
        UpdateService::open(Arc::clone(store), Options::default()).await.unwrap()
    }

    /// Returns the stored form of the first revision that `author` makes on an empty store.
    async fn computed(author: &str) -> Bytes {
        let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
        let service = service(&store).await;
        service.admin(author).kill(ucupdate_core::book::StopScope::All, "phones ring").await.unwrap();
        store.get_bytes(&keys::revision(1), 1 << 20).await.unwrap()
    }

    #[tokio::test]
    async fn a_submitted_revision_is_made_byte_for_byte_and_once() {
        let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
        let there = service(&store).await;
        let bytes = computed("ann").await;
        let submitted = SubmittedRevision::read(bytes.clone()).unwrap();
        there.admin("ann").submit(submitted.clone()).await.unwrap();
        let key: StoreKey = keys::revision(1);
        assert_eq!(store.get_bytes(&key, 1 << 20).await.unwrap(), bytes);
        assert_eq!(there.snapshot().book().stops().count(), 1);
        let again = there.admin("ann").submit(submitted).await.unwrap_err();
        assert_eq!(again.to_string(), "revision 1 exists already");
    }

    #[tokio::test]
    async fn a_revision_of_another_author_and_one_with_another_result_are_refused() {
        let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
        let there = service(&store).await;
        let bytes = computed("ann").await;
        let refused = there.admin("bob").submit(SubmittedRevision::read(bytes.clone()).unwrap()).await;
        assert_eq!(refused.unwrap_err().to_string(), "the author of the revision is ann, expected bob");
        let mut forged = SubmittedRevision::read(bytes).unwrap();
        forged.document.delta.stops.clear();
        let refused = there.admin("ann").submit(forged.clone()).await.unwrap_err();
        assert!(matches!(refused, SubmitError::OtherResult { base: 0, .. }), "{refused}");
        forged.document.at = ucupdate_core::value::UnixTime::from_seconds(1);
        let refused = there.admin("ann").submit(forged).await.unwrap_err();
        assert!(matches!(refused, SubmitError::Clock { .. }), "{refused}");
        assert!(SubmittedRevision::read(Bytes::from_static(b"{}")).is_err());
        assert_eq!(there.snapshot().revision(), 0);
    }

    #[tokio::test]
    async fn a_revision_that_gets_a_checkpoint_is_made_only_with_the_digest_of_the_rule_book() {
        let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
        let there = service(&store).await;
        let phone = |number: u64| ucupdate_core::book::TestDevice {
            name: format!("phone {number}").parse().unwrap(),
            id: ucupdate_core::device::DeviceId::Serial(format!("S{number}").parse().unwrap()),
        };
        for number in 1..64 {
            there.admin("ann").add_test_device(phone(number)).await.unwrap();
        }
        let other: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
        for meta in store.list_all("state/", usize::MAX).await.unwrap() {
            other.put_bytes(&meta.key, store.get_bytes(&meta.key, 1 << 20).await.unwrap()).await.unwrap();
        }
        service(&other).await.admin("ann").add_test_device(phone(64)).await.unwrap();
        let bytes = other.get_bytes(&keys::revision(64), 1 << 20).await.unwrap();
        let submitted = SubmittedRevision::read(bytes).unwrap();
        let mut forged = submitted.clone();
        forged.document.book_sha256 = Some(ucupdate_core::value::Sha256Digest::of(b"another book"));
        let refused = there.admin("ann").submit(forged).await.unwrap_err();
        assert!(matches!(refused, SubmitError::OtherResult { base: 63, .. }), "{refused}");
        there.admin("ann").submit(submitted).await.unwrap();
        let checkpoint = keys::checkpoint(64);
        let [here, elsewhere] =
            [store.get_bytes(&checkpoint, 1 << 20).await, other.get_bytes(&checkpoint, 1 << 20).await];
        assert_eq!(here.unwrap(), elsewhere.unwrap());
    }

    #[tokio::test]
    async fn only_files_of_ingests_that_no_rule_book_names_are_written() {
        let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
        let there = service(&store).await;
        let file: StoreKey = format!("images/{:032x}/0-cpe.nbt", 7).parse().unwrap();
        there.admin("ann").put_file(&file, ucupdate_store::stream_of("bytes")).await.unwrap();
        there.admin("ann").delete_file(&file).await.unwrap();
        for wrong in ["state/revisions/00000000000000000001.json", "Logs/x", "images/mine/x"] {
            let key: StoreKey = wrong.parse().unwrap();
            let refused = there.admin("ann").put_file(&key, ucupdate_store::stream_of("x")).await;
            assert!(matches!(refused, Err(SubmitError::NotRemote { .. })), "{wrong}");
        }
    }

    #[tokio::test]
    async fn an_earlier_revision_is_restored_only_from_the_revision_that_was_seen() {
        let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
        let there = service(&store).await;
        let id = |mac: &str| ucupdate_core::device::DeviceId::Mac(mac.parse().unwrap());
        for (name, mac) in [("lobby", "0021630F207B"), ("lab", "0021630F207C")] {
            let device = ucupdate_core::book::TestDevice { name: name.parse().unwrap(), id: id(mac) };
            there.admin("ann").add_test_device(device).await.unwrap();
        }
        let newest = there.snapshot().revision();
        let refused = there.admin("ann").roll_back_to_at(1, newest + 1).await.unwrap_err();
        assert!(matches!(refused, ChangeError::Refused(Refusal::RevisionConflict { .. })), "{refused}");
        there.admin("ann").roll_back_to_at(1, newest).await.unwrap();
    }
}
