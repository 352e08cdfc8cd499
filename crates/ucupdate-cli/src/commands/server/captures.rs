//! `ucupdate captures`: lists the request bodies that the store keeps.

use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use crate::output::time::iso;
use ucupdate::Capture;
use ucupdate_admin::report;

pub(crate) async fn run(context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let heading = ["ID", "KIND", "TIME", "HOST", "BYTES", "REASON"];
    let mut list = List::new("captures", "no captures", heading);
    for capture in service.captures().await? {
        let value = report::capture(&capture);
        let Capture { id, kind, host, reason, bytes, .. } = capture;
        let at = iso(id.at());
        let dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        list.row(value, [&id, &kind, &at, &dash(&host), &bytes, &dash(&reason)]);
    }
    context.output.result(&list)
}
