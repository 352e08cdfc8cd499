//! `ucupdate verify`: checks whether a store is complete and consistent.

use crate::args::change::author::AuthorArgs;
use crate::args::retention::RetentionArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use std::time::SystemTime;
use ucupdate::value::{Counted, UnixTime};
use ucupdate::{CheckOptions, Continued, StoreCheck, StoreProblem, check_store, continue_after_loss};
use ucupdate_admin::report;

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Check only that images exist with the right size, without reading them
    #[arg(long)]
    quick: bool,
    /// Record that missing revisions are lost, and continue the history from the checkpoint after them. Use it only
    /// if no copy of the store has these revisions
    #[arg(long = "continue")]
    go_on: bool,
    #[command(flatten)]
    keep: RetentionArgs,
    #[command(flatten)]
    author: AuthorArgs,
}

/// Returns the problems and the counts of the check as text.
fn check_text(found: &StoreCheck, quick: bool) -> String {
    let problems = found.problems.iter();
    let mut lines: Vec<String> = problems
        .map(|problem| format!("{}\n    {}", Shown(problem.to_string()), Shown(problem.repair())))
        .collect();
    let StoreCheck { revisions, checkpoints, files, bytes, orphans, orphan_bytes, .. } = found;
    let looked = match (quick, found.problems.is_empty()) {
        (true, _) => "looked at",
        (false, true) => "read",
        (false, false) => "checked",
    };
    let wrong = match found.problems.len() {
        0 => "nothing is wrong".to_owned(),
        some => Counted::new(some, "problem").to_string(),
    };
    lines.push(format!(
        "{}, {}, {} of {bytes} bytes {looked}: {wrong}",
        Counted::new(*revisions, "revision"),
        Counted::new(*checkpoints, "checkpoint"),
        Counted::new(*files, "file")
    ));
    if found.lost_revisions > 0 {
        let lost = Counted::new(found.lost_revisions, "revision").with_verb("is", "are");
        lines.push(format!("{lost} recorded as lost"));
    }
    let can_continue = |problem: &StoreProblem| {
        matches!(
            problem,
            StoreProblem::RevisionMissing { can_continue: true, .. }
                | StoreProblem::ChainBroken { can_continue: true, .. }
        )
    };
    if found.problems.iter().any(can_continue) {
        lines.push("`ucupdate verify --continue` continues after the loss of missing revisions".to_owned());
    }
    if *orphans > 0 {
        lines.push(format!(
            "{} of {orphan_bytes} bytes: `ucupdate gc` removes them",
            Counted::new(*orphans, "orphaned object")
        ));
    }
    lines.join("\n")
}

pub(crate) async fn run(args: VerifyArgs, context: &mut Context) -> Result<(), Failure> {
    let store = context.open_store(IfMissing::Refuse).await?;
    let options = CheckOptions::default().with_quick(args.quick).with_retention(args.keep.retention());
    let now = UnixTime::from(SystemTime::now());
    if args.go_on {
        match continue_after_loss(&*store, &args.author.name(), now).await? {
            Some(Continued { lost, at, .. }) => {
                let ranges: Vec<String> =
                    lost.iter().map(|(first, last)| format!("{first} to {last}")).collect();
                context.output.message(format_args!(
                    "lost revisions, which are recorded: {}; the history continues from the checkpoint at revision {at}",
                    ranges.join(", ")
                ));
            }
            None => context.output.message("no revision is missing, so there is nothing to continue"),
        }
    }
    if !args.quick {
        let progress = &context.output.progress;
        progress.reads("verifying", progress.size_of(&*store, &["images/", "state/"]).await);
    }
    let found = check_store(&*store, &options, now).await?;
    context.output.both(&report::check(&found, args.quick), check_text(&found, args.quick))?;
    match found.problems.len() {
        0 => Ok(()),
        some => Err(Failure::new(format_args!("the store has {}", Counted::new(some, "problem")))),
    }
}
