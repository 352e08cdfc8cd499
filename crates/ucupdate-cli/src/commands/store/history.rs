//! `ucupdate history`: lists the changes with their authors and times.

use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::time::iso;
use crate::output::wrapped::push_wrapped;
use serde_json::json;
use ucupdate::Revision;
use ucupdate_admin::report;

#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    /// Show only the last N revisions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    last: Option<u64>,
}

pub(crate) async fn run(args: HistoryArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let first = args.last.map_or(1, |last| service.snapshot().revision().saturating_sub(last) + 1);
    let revisions = service.history(first, usize::MAX).await?;
    let width = context.output.width();
    let (mut text, mut values) = (String::new(), Vec::new());
    for revision in &revisions {
        let Revision { number, at, author, notes, .. } = revision;
        push_wrapped(&format!("{number}  {}  {author}", iso(*at)), 4, width, &mut text);
        notes.iter().for_each(|note| push_wrapped(&format!("    {note}"), 6, width, &mut text));
        values.push(report::revision(revision));
    }
    if revisions.is_empty() {
        text.push_str("no changes");
    }
    context.output.both(&json!({ "revisions": values }), text.trim_end())
}
