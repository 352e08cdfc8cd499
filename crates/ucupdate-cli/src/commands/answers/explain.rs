//! `ucupdate explain`: what a request is answered from this store, and why.

use super::replay;
use crate::args::asked::AskedArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use clap::ArgGroup;
use serde_json::{Value, json};
use std::path::PathBuf;
use ucupdate::decide::{Decision, OfferKind, Trace, TraceRecord};
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

/// Returns the trace of a module as a JSON object. `folder` is below the root of a URL, and `first_cause` is the one thing
/// that prevents an offer.
fn module_json(trace: &Trace<'_>) -> Value {
    let decision = &trace.decision;
    let target = match decision {
        Decision::Offer { kind: OfferKind::SteppingStone { target, .. }, .. } => Some(target),
        _ => None,
    };
    let offer = decision.offer().map(|offer| {
        json!({
            "version": offer.version,
            "folder": offer.folder,
            "image": offer.image,
            "signature": offer.signature,
            "stepping_stone_to": target,
        })
    });
    json!({
        "file_name": trace.file_name,
        "installed": trace.installed,
        "decision": decision.word(),
        "because": decision.to_string(),
        "first_cause": trace.first_cause(),
        "offer": offer,
        "steps": trace.steps.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
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
    let modules: Vec<Value> = explanation.modules.iter().map(module_json).collect();
    let revision = explanation.revision;
    let value = json!({
        "revision": revision, "modules": modules, "skipped": asked.skipped, "unknown": asked.unknown,
    });
    context.output.both(&value, explanation)
}
