//! `ucupdate explain`: what a request is answered from this store, and why.

use super::replay;
use crate::args::asked::{Asked, AskedArgs};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use clap::ArgGroup;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use ucupdate::decide::{Decision, Explanation, Trace, TraceRecord, Via};
use ucupdate::request::Question;

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("asked").required(true).args(["request", "device", "replay"])))]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    asked: AskedArgs,
    /// By the rule book of this revision [default: the newest]
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
    /// Keep question and answer in this new file, to be replayed
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    save: Option<PathBuf>,
    /// Ask again what is kept in this file, by the rule book and at the time of then
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "side", "dialect"])]
    replay: Option<PathBuf>,
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
    /// For a no, the one thing that would have to be otherwise, with the near miss.
    first_cause: Option<String>,
    /// The offered release, or `None`.
    offer: Option<OfferReport>,
    /// The steps of the decision in order, a sentence each.
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
    fn of(explanation: &Explanation<'_>, asked: Asked) -> Self {
        Self {
            revision: explanation.revision,
            modules: explanation.modules.iter().map(ModuleReport::of).collect(),
            skipped: asked.skipped,
            unknown: asked.unknown,
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
            first_cause: trace.first_cause(),
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
    if let Some(path) = args.replay {
        return replay::run(path, args.revision, context).await;
    }
    let asked = args.asked.asked().await?;
    let service = context.administer(IfMissing::Refuse).await?;
    let snapshot = match args.revision {
        Some(revision) => service.snapshot_at(revision).await?,
        None => service.snapshot(),
    };
    let now = service.now();
    if let Some(path) = args.save {
        let questions = Question::all_of(&asked.request, asked.from);
        let records = questions.map(|question| TraceRecord::of(snapshot.index(), &question, now)).collect();
        replay::save(path, records).await?;
    }
    asked.tell(context);
    let explanation = snapshot.explain(&asked.request, asked.from, now);
    context.output.result(&Report::of(&explanation, asked))
}
