//! `ucupdate history`: who changed what, and when.

use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use crate::output::time::iso;
use serde::Serialize;
use std::fmt;
use ucupdate::RecordedCommand;
use ucupdate::Revision;

#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    /// Show only the last N revisions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    last: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Report {
    /// Oldest first.
    revisions: Vec<RevisionReport>,
}

#[derive(Debug, Serialize)]
struct RevisionReport {
    revision: u64,
    /// In UTC: `2009-03-06T17:10:39Z`.
    at: String,
    author: String,
    /// The notes of the change, a sentence each.
    notes: Vec<String>,
    /// The command as the history stores it.
    command: RecordedCommand,
}

impl RevisionReport {
    fn of(revision: Revision) -> Self {
        Self {
            revision: revision.number,
            at: iso(revision.at),
            author: revision.author,
            notes: revision.notes,
            command: revision.command,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.revisions.is_empty() {
            return f.write_str("no changes");
        }
        for (index, revision) in self.revisions.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{}  {}  {}", revision.revision, revision.at, Shown(&revision.author))?;
            revision.notes.iter().try_for_each(|note| write!(f, "\n    {}", Shown(note)))?;
        }
        Ok(())
    }
}

pub(crate) async fn run(args: HistoryArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let first = args.last.map_or(1, |last| service.snapshot().revision().saturating_sub(last) + 1);
    let revisions = service.history(first, usize::MAX).await?;
    let revisions = revisions.into_iter().map(RevisionReport::of).collect();
    context.output.result(&Report { revisions })
}
