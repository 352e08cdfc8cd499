//! `ucupdate captures`: lists the captures that the store keeps: bodies of requests that could not
//! be read, and uploaded device logs.

use crate::args::logs::time_range::TimeRange;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use crate::output::time::iso;
use ucupdate::value::{Counted, Zone};
use ucupdate::{Capture, UnreadableCapture};
use ucupdate_admin::report;

/// The largest number of unreadable captures that one message names.
const MAX_NAMED: usize = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct CapturesArgs {
    #[command(flatten)]
    range: TimeRange,
}

pub(crate) async fn run(args: CapturesArgs, context: &mut Context) -> Result<(), Failure> {
    args.range.check(&Zone::utc())?;
    let service = context.administer(IfMissing::Refuse).await?;
    let heading = ["ID", "KIND", "TIME", "HOST", "BYTES", "REASON"];
    let mut list = List::new("captures", "no captures", heading);
    let (captures, unreadable) = service.captures_with_unreadable().await?;
    for capture in captures.into_iter().filter(|capture| args.range.contains(capture.id.at())) {
        let value = report::capture(&capture);
        let Capture { id, kind, host, reason, bytes, .. } = capture;
        let at = iso(id.at());
        let dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        list.row(value, [&id, &kind, &at, &dash(&host), &bytes, &dash(&reason)]);
    }
    let is_asked_for = |capture: &&UnreadableCapture| capture.at.is_none_or(|at| args.range.contains(at));
    let unreadable: Vec<_> = unreadable.iter().filter(is_asked_for).collect();
    if unreadable.is_empty() {
        return context.output.result(&list);
    }
    // Without a capture that can be read, "no captures" would be a wrong result.
    if !list.values().is_empty() {
        context.output.result(&list)?;
    }
    let named = unreadable.iter().take(MAX_NAMED);
    let named: Vec<_> = named.map(|capture| format!("{} {}", capture.key, capture.what)).collect();
    let more = match unreadable.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let captures = Counted::new(unreadable.len(), "capture").with_verb("was", "were");
    Err(Failure::not_understood(format_args!("{captures} skipped: {}{more}", named.join("; "))))
}
