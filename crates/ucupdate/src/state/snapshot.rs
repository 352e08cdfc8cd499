//! [`Snapshot`]: one revision of the rule book, compiled for answering. It never changes.

use crate::packages::files::{FileIndex, FilePlaces};
use ucupdate_core::decide::{Explanation, explain};
use ucupdate_core::request::AskedFrom;
use ucupdate_core::value::UnixTime;
use ucupdate_core::{EligibilityIndex, RuleBook, UpdateRequest};

/// One revision of the rule book, compiled for answering requests. It never changes.
#[derive(Debug)]
pub struct Snapshot {
    book: RuleBook,
    index: EligibilityIndex,
    files: FilePlaces,
}

impl Snapshot {
    pub(crate) fn new(book: RuleBook, revision: u64) -> Self {
        // The index and the files are compiled at the same time, because a large book takes long.
        let (index, files) = std::thread::scope(|scope| {
            let files = std::thread::Builder::new().spawn_scoped(scope, || FilePlaces::of(&book));
            let index = EligibilityIndex::compile(&book, revision);
            (index, files.ok().and_then(|files| files.join().ok()))
        });
        Self { index, files: files.unwrap_or_else(|| FilePlaces::of(&book)), book }
    }

    /// Compiles a book on a thread for blocking work.
    pub(crate) async fn compile(book: RuleBook, revision: u64) -> Self {
        let compiling = {
            let book = book.clone();
            tokio::task::spawn_blocking(move || Self::new(book, revision))
        };
        // Compiling does not panic, so this fails only when the runtime shuts down.
        compiling.await.unwrap_or_else(|_| Self::new(book, revision))
    }

    /// Returns the number of the revision. It is 0 for the empty book of a new store.
    pub fn revision(&self) -> u64 {
        self.index.revision()
    }

    /// Returns the rule book as it is after this revision.
    pub fn book(&self) -> &RuleBook {
        &self.book
    }

    /// Returns the compiled rules, for [`decide`](ucupdate_core::decide()).
    pub fn index(&self) -> &EligibilityIndex {
        &self.index
    }

    /// Returns the files that are served.
    pub fn files(&self) -> FileIndex<'_> {
        FileIndex::new(&self.book, &self.files)
    }

    /// Explains the answer to a request.
    pub fn explain(&self, request: &UpdateRequest, from: AskedFrom, now: UnixTime) -> Explanation<'_> {
        explain(&self.index, request, from, now)
    }
}
