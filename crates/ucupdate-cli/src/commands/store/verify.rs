//! `ucupdate verify`: whether a store holds together.

use crate::args::retention::RetentionArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use serde_json::{Value, json};
use std::time::SystemTime;
use ucupdate::value::UnixTime;
use ucupdate::{CheckOptions, StoreCheck, check_store};

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Look only whether images are there with their size, without reading them
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    keep: RetentionArgs,
}

/// Returns the findings and what was checked as a JSON object. An orphan is an object of an ingest that no package of the
/// rule book came from: no fault.
fn check_json(found: &StoreCheck, quick: bool) -> Value {
    let findings = found.problems.iter().map(|problem| {
        json!({
            "kind": problem.kind(), "key": problem.key(), "text": problem.to_string(), "repair": problem.repair(),
        })
    });
    json!({
        "quick": quick,
        "revisions": found.revisions,
        "checkpoints": found.checkpoints,
        "kept_from": found.kept_from,
        "files": found.files,
        "bytes": found.bytes,
        "findings": findings.collect::<Vec<_>>(),
        "orphans": found.orphans,
        "orphan_bytes": found.orphan_bytes,
    })
}

/// Returns the findings and what was checked as text.
fn check_text(found: &StoreCheck, quick: bool) -> String {
    let problems = found.problems.iter();
    let mut lines: Vec<String> = problems
        .map(|problem| format!("{}\n    {}", Shown(problem.to_string()), Shown(problem.repair())))
        .collect();
    let StoreCheck { revisions, checkpoints, files, bytes, orphans, orphan_bytes, .. } = found;
    let looked = if quick { "looked at" } else { "read" };
    let wrong = match found.problems.len() {
        0 => "nothing is wrong".to_owned(),
        wrong => format!("{wrong} thing(s) wrong"),
    };
    lines.push(format!(
        "{revisions} revision(s), {checkpoints} checkpoint(s), {files} file(s) of {bytes} bytes {looked}: {wrong}"
    ));
    if *orphans > 0 {
        lines.push(format!(
            "{orphans} orphaned object(s) of {orphan_bytes} bytes: `ucupdate gc` removes them"
        ));
    }
    lines.join("\n")
}

pub(crate) async fn run(args: VerifyArgs, context: &mut Context) -> Result<(), Failure> {
    let store = context.open_store(IfMissing::Refuse).await?;
    let options = CheckOptions::default().with_quick(args.quick).with_retention(args.keep.retention());
    let found = check_store(&*store, &options, UnixTime::from(SystemTime::now())).await?;
    context.output.both(&check_json(&found, args.quick), check_text(&found, args.quick))?;
    match found.problems.len() {
        0 => Ok(()),
        wrong => Err(Failure::new(format_args!("{wrong} thing(s) in the store are wrong"))),
    }
}
