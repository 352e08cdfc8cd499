//! What a command would do, without doing it.

use crate::admin::Admin;
use crate::error::ChangeError;
use crate::packages::read_back::ReadBack;
use crate::state::roll_back::Restorable;
use crate::state::snapshot::Snapshot;
use std::sync::Arc;
use ucupdate_core::book::{BookCommand, Outcome};

/// What a command would do: see [`Admin::dry_run`].
#[derive(Debug)]
#[non_exhaustive]
pub struct DryRun {
    /// What would change in the rule book, and what would be told of it.
    pub outcome: Outcome,
    /// What is answered from now.
    pub before: Arc<Snapshot>,
    /// What would be answered from then. Where nothing changes it is `before`, else its revision is the next one.
    pub after: Arc<Snapshot>,
}

impl Admin<'_> {
    /// Gives what [`command`](Self::command) would do now, and changes nothing.
    ///
    /// Whose answer changes is for [`diff`](ucupdate_core::decide::diff) to say, by the two snapshots' indices.
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
    /// assert_eq!(would.outcome.notes[0].to_string(), "lobby is a test device, known by its MAC address 0021630F207B");
    /// assert_eq!(would.after.book().test_devices().len(), 1);
    /// assert_eq!(service.snapshot().book().test_devices().len(), 0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`command`](Self::command): what it would refuse is refused.
    pub async fn dry_run(self, command: &BookCommand) -> Result<DryRun, ChangeError> {
        let service = self.service;
        service.refresh().await?;
        let before = service.snapshot();
        let outcome = before.book().command(command, self.author)?;
        ReadBack::read(&**service.store(), before.book(), &outcome.delta).await?;
        Ok(DryRun::compile(before, outcome).await)
    }

    /// Returns what [`roll_back_to`](Self::roll_back_to) would do now, and changes nothing.
    ///
    /// # Errors
    /// Those of [`roll_back_to`](Self::roll_back_to).
    pub async fn dry_run_roll_back_to(self, revision: u64) -> Result<DryRun, ChangeError> {
        let service = self.service;
        service.refresh().await?;
        let before = service.snapshot();
        let outcome = Restorable::read(service.store(), &before, revision).await?.restore(before.book())?;
        Ok(DryRun::compile(before, outcome).await)
    }
}

impl DryRun {
    async fn compile(before: Arc<Snapshot>, outcome: Outcome) -> Self {
        if outcome.delta.is_empty() {
            return Self { outcome, after: Arc::clone(&before), before };
        }
        let mut book = before.book().clone();
        book.apply(&outcome.delta);
        let after = Arc::new(Snapshot::compile(book, before.revision() + 1).await);
        Self { outcome, before, after }
    }
}
