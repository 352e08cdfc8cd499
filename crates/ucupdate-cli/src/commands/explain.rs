//! `ucupdate explain`: what a request is answered from this store, and why.

use super::inspect::DialectArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::files;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use ucupdate::core::{AskedFrom, Decision, Explanation, Trace, UpdateRequest, Via};
use ucupdate::upx::Decoded;

/// How it is called.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// What a device asks, in a file
    #[arg(value_name = "REQUEST.xml")]
    request: PathBuf,
    #[command(flatten)]
    dialect: DialectArgs,
}

#[derive(Debug, Serialize)]
struct Report {
    /// The revision of the rule book.
    revision: u64,
    modules: Vec<ModuleReport>,
    /// Modules of the request that could not be read, and why.
    skipped: Vec<String>,
    /// Items of the request that the dialect does not know.
    unknown: Vec<String>,
    #[serde(skip)]
    text: String,
}

#[derive(Debug, Serialize)]
struct ModuleReport {
    /// As asked.
    file_name: String,
    /// The version installed, as said.
    installed: String,
    /// The reason as one word: `offer`, `up-to-date`, `no-rule`, ...
    decision: &'static str,
    /// The reason as a sentence.
    because: String,
    /// What is offered, if anything.
    offer: Option<OfferReport>,
    /// What was looked at, in order, a sentence each.
    steps: Vec<String>,
}

#[derive(Debug, Serialize)]
struct OfferReport {
    version: String,
    /// Below the root of a URL.
    folder: String,
    image: String,
    signature: String,
    /// The version this is a stepping stone to, if it is one.
    stepping_stone_to: Option<String>,
}

impl Report {
    fn of(explanation: &Explanation<'_>, decoded: &Decoded<UpdateRequest>) -> Self {
        Self {
            revision: explanation.revision,
            modules: explanation.modules.iter().map(ModuleReport::of).collect(),
            skipped: decoded.skipped.iter().map(ToString::to_string).collect(),
            unknown: decoded.unknown.iter().map(|item| item.path.to_string()).collect(),
            text: explanation.to_string(),
        }
    }
}

impl ModuleReport {
    fn of(trace: &Trace<'_>) -> Self {
        let target = match &trace.decision {
            Decision::Offer { via: Via::SteppingStone { target, .. }, .. } => Some(target.to_string()),
            _ => None,
        };
        let offer = trace.decision.offer().map(|offer| OfferReport {
            version: offer.version.to_string(),
            folder: offer.folder.to_string(),
            image: offer.image.to_string(),
            signature: offer.signature.to_string(),
            stepping_stone_to: target,
        });
        Self {
            file_name: trace.file_name.to_string(),
            installed: trace.installed.to_string(),
            decision: trace.decision.word(),
            because: trace.decision.to_string(),
            offer,
            steps: trace.steps.iter().map(ToString::to_string).collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(crate) async fn run(args: ExplainArgs, context: &mut Context) -> Result<(), Failure> {
    let ExplainArgs { request: path, dialect } = args;
    let decoded = files::blocking(move || {
        let codec = dialect.codec()?;
        let body = files::read(&path, codec.limits().bytes)?;
        codec.decode_request(&body).map_err(|error| Failure::in_doing(path.display(), &error))
    });
    let decoded = decoded.await?;
    let service = context.administer(IfMissing::Refuse).await?;
    let snapshot = service.snapshot();
    let report = Report::of(&snapshot.explain(&decoded.value, AskedFrom::default(), service.now()), &decoded);
    if !context.output.is_json() {
        report
            .skipped
            .iter()
            .for_each(|skipped| context.output.message(format_args!("passed over: {skipped}")));
        report.unknown.iter().for_each(|path| context.output.message(format_args!("not known: {path}")));
    }
    context.output.result(&report)
}
