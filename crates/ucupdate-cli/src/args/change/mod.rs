//! Changes of the rule book, which can be made as dry runs.

pub(crate) mod author;
pub(crate) mod confirm;
pub(crate) mod nothing_to_do;
pub(crate) mod reason;

use crate::args::change::author::AuthorArgs;
use crate::args::change::confirm::{confirm, reaches_everybody};
use crate::args::change::nothing_to_do::existing_result;
use crate::args::devices::{DevicesArgs, Differences, only_in_dry_run};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::change_notes::ChangeNotes;
use crate::output::shown::Shown;
use crate::suggest::refused;
use serde::Serialize;
use std::fmt;
use ucupdate::book::{BookCommand, Refusal, RuleBook};
use ucupdate::{ChangeError, Changed, DryRun, UpdateService};

/// The author of a change, and whether it is a dry run. Only a dry run reads devices.
#[derive(Debug, clap::Args)]
#[command(mut_args(only_in_dry_run))]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    pub(crate) author: AuthorArgs,
    /// Change nothing, and list the devices whose answer would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Agree in advance. Otherwise, a change that affects every device of a rule asks first on a terminal
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    #[command(flatten, next_help_heading = "Devices for --dry-run")]
    devices: DevicesArgs,
}

impl ChangeArgs {
    /// Sets `--yes`, because the caller has asked already.
    pub(crate) fn confirmed(mut self) -> Self {
        self.yes = true;
        self
    }

    /// Asks for confirmation if one of the commands affects every device of a rule. Fails when the
    /// answer is not yes. Does not ask with `--yes` or in a dry run.
    fn ask(&self, commands: &[BookCommand], book: &RuleBook, context: &mut Context) -> Result<(), Failure> {
        if self.yes || self.dry_run || !commands.iter().any(reaches_everybody) {
            return Ok(());
        }
        let author = self.author.name();
        let notes = commands.iter().filter_map(|command| book.command(command, &author).ok());
        let notes: Vec<String> = notes.flat_map(|change| change.notes).map(|note| note.to_string()).collect();
        // A refusal is reported by the change itself, without a question.
        if notes.is_empty() {
            return Ok(());
        }
        confirm(
            &format!("{}. This reaches every device of the rule. Go on?", Shown(notes.join("; "))),
            false,
            context,
        )
    }
}

#[derive(Debug, Serialize)]
struct DryRunReport {
    /// `true` in every report of a dry run, because nothing was changed.
    dry_run: bool,
    /// The revision for which the change was computed.
    revision: u64,
    #[serde(flatten)]
    notes: ChangeNotes,
    #[serde(flatten)]
    differences: Differences,
}

impl fmt::Display for DryRunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.notes.is_empty() {
            writeln!(f, "nothing to do")?;
        }
        self.notes.lines().try_for_each(|note| writeln!(f, "would be: {note}"))?;
        self.differences.fmt(f)
    }
}

/// Makes a change as [`make`] does, but only if the entry of the rule book that the command
/// replaces is the same as in `seen`. Returns `false` if the entry differs, so that nothing was
/// changed. A dry run does not compare the entries.
pub(crate) async fn make_if_unchanged(
    command: &BookCommand,
    args: &ChangeArgs,
    seen: &RuleBook,
    context: &mut Context,
) -> Result<bool, Failure> {
    if args.dry_run {
        return make(command, args, context).await.map(|()| true);
    }
    args.ask(std::slice::from_ref(command), seen, context)?;
    change_if_unchanged(command, &args.author, seen, context).await
}

/// Makes a change and reports its effects. In a dry run, only reports the effects that it would have.
pub(crate) async fn make(
    command: &BookCommand,
    args: &ChangeArgs,
    context: &mut Context,
) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    if !args.dry_run {
        args.ask(std::slice::from_ref(command), service.snapshot().book(), context)?;
        return change(command, &args.author, context).await;
    }
    match service.admin(&args.author.name()).dry_run(command).await {
        Ok(would) => report_dry_run(&service, &would, args, context).await,
        Err(error) => settle(error, command, service.snapshot().book(), true, context),
    }
}

/// Makes several changes, each with its own revision, and reports the effects of all. If one of
/// them would be refused now, none is made. In a dry run, only reports the effects that all of them
/// would have together.
pub(crate) async fn make_all(
    commands: &[BookCommand],
    args: &ChangeArgs,
    context: &mut Context,
) -> Result<(), Failure> {
    if let [command] = commands {
        return make(command, args, context).await;
    }
    let service = context.administer(IfMissing::Refuse).await?;
    let (author, snapshot) = (args.author.name(), service.snapshot());
    let mut needed = Vec::new();
    for command in commands {
        match snapshot.book().command(command, &author) {
            Ok(_) => needed.push(command.clone()),
            Err(refusal) if existing_result(command, &refusal, snapshot.book()).is_some() => {}
            Err(refusal) => return Err(refused(refusal.into(), snapshot.book())),
        }
    }
    if needed.is_empty() {
        return report_nothing("each of these rules is as wanted", args.dry_run, context);
    }
    if args.dry_run {
        let would = service.admin(&author).dry_run_all(&needed).await?;
        return report_dry_run(&service, &would, args, context).await;
    }
    args.ask(&needed, snapshot.book(), context)?;
    let (mut notes, mut revision, mut made) = (ChangeNotes::default(), None, Vec::new());
    for command in &needed {
        match service.admin(&author).command_if_unchanged(command, snapshot.book()).await {
            Ok(changed) => {
                changed.notes.iter().for_each(|note| notes.push(note.clone()));
                revision = changed.revision.or(revision);
                made.extend(changed.revision);
            }
            Err(error) => {
                let book = service.snapshot();
                context.output.lines(&ChangeReport::new(revision, notes))?;
                return Err(refused(error, book.book()));
            }
        }
    }
    if let [first, .., last] = made[..] {
        context.output.message(format_args!(
            "these are the revisions {first} to {last}; `ucupdate undo` takes back the last one, and `ucupdate rollback --to {}` \
             all of them with what came after",
            first - 1
        ));
    }
    context.output.lines(&ChangeReport::new(revision, notes))
}

/// Restores the rule book of an earlier revision. In a dry run, only reports what would change.
pub(crate) async fn make_roll_back_to(
    revision: u64,
    args: &ChangeArgs,
    context: &mut Context,
) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let author = args.author.name();
    if !args.dry_run {
        let question = format!("This restores the whole rule book of revision {revision}. Go on?");
        confirm(&question, args.yes, context)?;
        let changed = service.admin(&author).roll_back_to(revision).await?;
        return report_change(&changed, context);
    }
    let would = service.admin(&author).dry_run_roll_back_to(revision).await?;
    report_dry_run(&service, &would, args, context).await
}

async fn report_dry_run(
    service: &UpdateService,
    would: &DryRun,
    args: &ChangeArgs,
    context: &mut Context,
) -> Result<(), Failure> {
    let devices = args.devices.devices(context).await?;
    context.output.result(&DryRunReport {
        dry_run: true,
        revision: would.before.revision(),
        notes: would.change.notes.iter().cloned().collect(),
        differences: devices.differences(&would.before, &would.after, service.now()),
    })
}

#[derive(Debug, Serialize)]
pub(crate) struct ChangeReport {
    /// `true` if a change whose result exists already is a dry run. `None` for other changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<bool>,
    /// The revision that the change made. `None` if nothing changed.
    revision: Option<u64>,
    /// `true` if the change made a revision.
    changed: bool,
    #[serde(flatten)]
    notes: ChangeNotes,
}

impl ChangeReport {
    /// Returns the report of a change. `revision` is the one that the change made, or `None` if
    /// nothing changed.
    pub(crate) fn new(revision: Option<u64>, notes: ChangeNotes) -> Self {
        Self { dry_run: None, revision, changed: revision.is_some(), notes }
    }
}

impl fmt::Display for ChangeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.notes.lines();
        match (lines.next(), self.changed) {
            (Some(first), true) => write!(f, "{first}")?,
            (Some(first), false) => write!(f, "nothing to do: {first}")?,
            (None, true) => return f.write_str("done"),
            (None, false) => return f.write_str("nothing to do"),
        }
        lines.try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// Makes a change and reports its effects.
pub(crate) async fn change(
    command: &BookCommand,
    author: &AuthorArgs,
    context: &mut Context,
) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    match service.admin(&author.name()).command(command).await {
        Ok(changed) => report_change(&changed, context),
        Err(error) => settle(error, command, service.snapshot().book(), false, context),
    }
}

/// Handles an error of a command. If the command asks for a state that exists already, reports that
/// there is nothing to do. Otherwise returns the failure.
fn settle(
    error: ChangeError,
    command: &BookCommand,
    book: &RuleBook,
    dry_run: bool,
    context: &mut Context,
) -> Result<(), Failure> {
    let there = match &error {
        ChangeError::Refused(refusal) => existing_result(command, refusal, book),
        _ => None,
    };
    match there {
        Some(there) => report_nothing(there, dry_run, context),
        None => Err(refused(error, book)),
    }
}

/// Reports that there is nothing to do. `there` says what exists already.
pub(crate) fn report_nothing(
    there: impl fmt::Display,
    dry_run: bool,
    context: &mut Context,
) -> Result<(), Failure> {
    let notes = ChangeNotes::of_existing(there.to_string());
    context.output.lines(&ChangeReport { dry_run: Some(dry_run), ..ChangeReport::new(None, notes) })
}

fn report_change(changed: &Changed, context: &mut Context) -> Result<(), Failure> {
    let notes = changed.notes.iter().cloned().collect();
    context.output.lines(&ChangeReport::new(changed.revision, notes))
}

/// Makes a change if the entry of the rule book that the command replaces is the same as in `seen`.
/// Returns `false` if the entry differs, so that nothing was changed.
pub(crate) async fn change_if_unchanged(
    command: &BookCommand,
    author: &AuthorArgs,
    seen: &RuleBook,
    context: &mut Context,
) -> Result<bool, Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let changed = match service.admin(&author.name()).command_if_unchanged(command, seen).await {
        Err(ChangeError::Refused(Refusal::EntryConflict { .. })) => return Ok(false),
        Err(error) => {
            return settle(error, command, service.snapshot().book(), false, context).map(|()| true);
        }
        Ok(changed) => changed,
    };
    report_change(&changed, context).map(|()| true)
}
