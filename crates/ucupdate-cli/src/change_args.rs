//! Changes that can be looked at before they are made.

use crate::args::AuthorArgs;
use crate::commands::changes::{change, change_as_seen};
use crate::context::{Context, IfMissing};
use crate::devices_args::{DevicesArgs, Differences};
use crate::failure::Failure;
use crate::shown::Shown;
use serde::Serialize;
use std::fmt;
use ucupdate::book::{Command, RuleBook};

/// In whose name a change is made, or that it is only to be looked at.
#[derive(Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    pub(crate) author: AuthorArgs,
    /// Change nothing, and list whose answer would change
    #[arg(long)]
    dry_run: bool,
    #[command(flatten, next_help_heading = "The devices --dry-run looks at")]
    devices: DevicesArgs,
}

#[derive(Debug, Serialize)]
struct Report {
    /// Always: nothing was changed.
    dry_run: bool,
    /// The revision on which the change was tried.
    revision: u64,
    /// What would happen, a sentence each.
    notes: Vec<String>,
    #[serde(flatten)]
    differences: Differences,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.notes.is_empty() {
            writeln!(f, "nothing changes")?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "would be: {}", Shown(note)))?;
        self.differences.fmt(f)
    }
}

/// Makes a change where what it replaces is still as it was seen, as [`make`] does; gives whether it was made.
pub(crate) async fn make_as_seen(
    command: &Command,
    args: &ChangeArgs,
    seen: &RuleBook,
    context: &mut Context,
) -> Result<bool, Failure> {
    if args.dry_run {
        return make(command, args, context).await.map(|()| true);
    }
    change_as_seen(command, &args.author, seen, context).await
}

/// Makes a change and tells what it did, or tells what it would do.
pub(crate) async fn make(command: &Command, args: &ChangeArgs, context: &mut Context) -> Result<(), Failure> {
    if !args.dry_run {
        return change(command, &args.author, context).await;
    }
    let service = context.administer(IfMissing::Refuse).await?;
    let would = service.dry_run(command).await?;
    let devices = args.devices.devices(context).await?;
    context.output.result(&Report {
        dry_run: true,
        revision: would.before.revision(),
        notes: would.outcome.notes.iter().map(ToString::to_string).collect(),
        differences: devices.differences(&would.before, &would.after, service.now()),
    })
}
