//! `ucupdate history`: lists the changes with their authors and times.

use crate::args::logs::time_range::TimeRange;
use crate::args::number::number;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::time::iso;
use crate::output::wrapped::push_wrapped;
use serde_json::json;
use ucupdate::Revision;
use ucupdate::value::Zone;
use ucupdate_admin::report;

#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    range: TimeRange,
    /// Show only the last N revisions
    #[arg(long, value_name = "N", value_parser = |text: &str| number::<u64>(text, 1..=u64::MAX))]
    last: Option<u64>,
}

pub(crate) async fn run(args: HistoryArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    args.range.check(&Zone::utc())?;
    let is_all = args.range.is_all();
    let first =
        args.last.filter(|_| is_all).map_or(1, |last| service.snapshot().revision().saturating_sub(last) + 1);
    let mut revisions = service.history(first, usize::MAX).await?;
    revisions.retain(|revision| args.range.contains(revision.at));
    if let Some(last) = args.last {
        revisions.drain(..revisions.len().saturating_sub(usize::try_from(last)?));
    }
    let width = context.output.width();
    let (mut text, mut values) = (String::new(), Vec::new());
    for revision in &revisions {
        let Revision { number, at, author, notes, .. } = revision;
        push_wrapped(&format!("{number}  {}  {author}", iso(*at)), 4, width, &mut text);
        notes.iter().for_each(|note| push_wrapped(&format!("    {note}"), 6, width, &mut text));
        values.push(report::revision(revision));
    }
    if revisions.is_empty() {
        text.push_str(if is_all { "no changes" } else { "no changes in this time" });
    }
    context.output.both(&json!({ "revisions": values }), text.trim_end())
}
