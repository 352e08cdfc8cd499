//! Dry runs: show the effects of a command without executing it.

use crate::admin::Admin;
use crate::error::ChangeError;
use crate::packages::read_back::ReadBack;
use crate::state::document;
use crate::state::roll_back::Restorable;
use crate::state::rule_history::check_size;
use crate::state::snapshot::Snapshot;
use std::sync::Arc;
use ucupdate_core::book::{BookChange, BookCommand, Refusal};

/// The result of [`Admin::dry_run`].
#[derive(Debug)]
#[non_exhaustive]
pub struct DryRun {
    /// The changes of the rule book, and the notes about them.
    pub change: BookChange,
    /// The snapshot that currently answers requests.
    pub before: Arc<Snapshot>,
    /// The snapshot that would answer requests after the command, with the next revision number. If nothing would change, it
    /// is `before`.
    pub after: Arc<Snapshot>,
}

impl Admin<'_> {
    /// Returns the effects that [`command`](Self::command) would have now. Nothing changes.
    ///
    /// [`diff`](ucupdate_core::decide::diff()) compares the indices of the two snapshots, and finds the devices whose answer
    /// would change.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ucupdate::book::{BookCommand, TestDevice};
    /// use ucupdate::device::DeviceId;
    /// use ucupdate::{Options, UpdateService, store::MemoryStore};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let service = UpdateService::open(Arc::new(MemoryStore::default()), Options::default()).await?;
    /// let id = DeviceId::Mac("0021630F207B".parse()?);
    /// let command = BookCommand::AddTestDevice(TestDevice { name: "lobby".parse()?, id });
    /// let would = service.admin("ann").dry_run(&command).await?;
    /// assert_eq!(would.change.notes[0].to_string(), "lobby is a test device, known by its MAC address 0021630F207B");
    /// assert_eq!(would.after.book().test_devices().len(), 1);
    /// assert_eq!(service.snapshot().book().test_devices().len(), 0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`command`](Self::command): a command that would be refused is refused here too.
    pub async fn dry_run(self, command: &BookCommand) -> Result<DryRun, ChangeError> {
        let service = self.service;
        service.refresh().await?;
        let before = service.snapshot();
        let change = before.book().command(command, self.author)?;
        ReadBack::read(&**service.store(), before.book(), &change.delta).await?;
        DryRun::compile(before, change).await
    }

    /// Returns the effects that these commands would have now, one after another. Nothing changes.
    ///
    /// # Errors
    /// Those of [`dry_run`](Self::dry_run), and [`Refusal::NoneNamed`] when there is no command.
    pub async fn dry_run_all(self, commands: &[BookCommand]) -> Result<DryRun, ChangeError> {
        let service = self.service;
        service.refresh().await?;
        let before = service.snapshot();
        let mut book = before.book().clone();
        let mut all: Option<BookChange> = None;
        for command in commands {
            let mut change = book.command(command, self.author)?;
            ReadBack::read(&**service.store(), &book, &change.delta).await?;
            book.apply(&change.delta);
            if let Some(earlier) = all.take() {
                change.notes.splice(0..0, earlier.notes);
            }
            all = Some(change);
        }
        let mut change = all.ok_or(Refusal::NoneNamed)?;
        change.delta = before.book().delta_to(&book);
        DryRun::compile(before, change).await
    }

    /// Returns the effects that [`roll_back_to`](Self::roll_back_to) would have now. Nothing changes.
    ///
    /// # Errors
    /// Those of [`roll_back_to`](Self::roll_back_to).
    pub async fn dry_run_roll_back_to(self, revision: u64) -> Result<DryRun, ChangeError> {
        let service = self.service;
        service.refresh().await?;
        let before = service.snapshot();
        let change = Restorable::read(service.store(), &before, revision).await?.restore(before.book())?;
        DryRun::compile(before, change).await
    }
}

impl DryRun {
    /// Compiles the snapshot after a change. Fails when the change does not fit into a revision.
    pub(crate) async fn compile(before: Arc<Snapshot>, change: BookChange) -> Result<Self, ChangeError> {
        if change.delta.is_empty() {
            return Ok(Self { change, after: Arc::clone(&before), before });
        }
        check_size(document::size_of(&change))?;
        let mut book = before.book().clone();
        book.apply(&change.delta);
        let after = Arc::new(Snapshot::compile(book, before.revision() + 1).await);
        Ok(Self { change, before, after })
    }
}
