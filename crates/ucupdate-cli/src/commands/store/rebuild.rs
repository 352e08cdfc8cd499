//! `ucupdate rebuild`: creates a history for a store that has only images.

use crate::args::change::author::AuthorArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use serde_json::json;
use ucupdate::value::Counted;

#[derive(Debug, clap::Args)]
pub(crate) struct RebuildArgs {
    #[command(flatten)]
    author: AuthorArgs,
}

pub(crate) async fn run(args: RebuildArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let progress = &context.output.progress;
    progress.reads("reading packages", progress.size_of(&**service.store(), &["images/"]).await);
    let rebuilt = service.admin(&args.author.name()).rebuild().await?;
    let mut text: Vec<String> = rebuilt.notes.iter().map(|note| Shown(note).to_string()).collect();
    let left_out = rebuilt.skipped.iter();
    text.extend(left_out.map(|left| format!("images/{} is left out: {}", left.ingest, Shown(&left.reason))));
    let packages = Counted::new(rebuilt.packages.len(), "package").with_verb("is", "are");
    text.push(format!("{packages} known again, nothing is approved"));
    let left_out = rebuilt.skipped.iter().map(|left| json!({ "ingest": left.ingest, "why": left.reason }));
    let value = json!({
        "revision": rebuilt.revision,
        "packages": rebuilt.packages,
        "notes": rebuilt.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "changes": rebuilt.notes,
        "left_out": left_out.collect::<Vec<_>>(),
    });
    context.output.both(&value, text.join("\n"))
}
