//! `ucupdate captures`: lists the request bodies that the store keeps.

use crate::args::logs::time_range::TimeRange;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use crate::output::time::iso;
use ucupdate::Capture;
use ucupdate::value::Zone;
use ucupdate_admin::report;

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
    let captures = service.captures().await?;
    for capture in captures.into_iter().filter(|capture| args.range.contains(capture.id.at())) {
        let value = report::capture(&capture);
        let Capture { id, kind, host, reason, bytes, .. } = capture;
        let at = iso(id.at());
        let dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        list.row(value, [&id, &kind, &at, &dash(&host), &bytes, &dash(&reason)]);
    }
    context.output.result(&list)
}
