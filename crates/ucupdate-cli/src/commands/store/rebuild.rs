//! `ucupdate rebuild`: a first history for a store that has only images.

use crate::args::author::AuthorArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use crate::output::told::Told;
use serde::Serialize;
use std::fmt;

#[derive(Debug, clap::Args)]
pub(crate) struct RebuildArgs {
    #[command(flatten)]
    author: AuthorArgs,
}

#[derive(Debug, Serialize)]
struct Report {
    /// The revision of the rule book.
    revision: u64,
    /// The packages that are known again.
    packages: Vec<String>,
    #[serde(flatten)]
    told: Told,
    /// The ingests that were not taken.
    left_out: Vec<LeftOutReport>,
}

#[derive(Debug, Serialize)]
struct LeftOutReport {
    /// The folder it has below `images/`.
    ingest: String,
    why: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.told.lines().try_for_each(|note| writeln!(f, "{note}"))?;
        for left in &self.left_out {
            writeln!(f, "images/{} is left out: {}", left.ingest, Shown(&left.why))?;
        }
        write!(f, "{} package(s) known again, nothing is approved", self.packages.len())
    }
}

pub(crate) async fn run(args: RebuildArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let rebuilt = service.admin(&args.author.name()).rebuild().await?;
    let left_out = rebuilt.skipped.into_iter();
    context.output.result(&Report {
        revision: rebuilt.revision,
        packages: rebuilt.packages.iter().map(ToString::to_string).collect(),
        told: rebuilt.notes.into_iter().collect(),
        left_out: left_out
            .map(|left| LeftOutReport { ingest: left.ingest.to_string(), why: left.reason })
            .collect(),
    })
}
