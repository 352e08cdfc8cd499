//! `ucupdate plan`: shows all updates of a device, from its installed version to the last one that
//! it is offered.

use crate::args::devices::question::{DeviceQuestion, QuestionArgs};
use crate::args::number::any_number;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use clap::ArgGroup;
use serde_json::{Value, json};
use ucupdate::decide::{Decision, Hop, OfferKind, Plan, Trace, plan};
use ucupdate::request::Question;

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("asked").required(true).multiple(true).args(["request", "device", "mac", "serial"])))]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    asked: QuestionArgs,
    /// Use the rule book of this revision [default: the newest]
    #[arg(long, value_name = "N", value_parser = any_number::<u64>)]
    revision: Option<u64>,
}

/// Returns a plan as a JSON object. In it, `folder` is relative to the base URL, and `end` is the
/// reason why there is no further offer.
fn plan_json(question: &Question<'_>, plan: &Plan<'_>) -> Value {
    let hop = |hop: &Hop<'_>| {
        let stepping_stone = matches!(hop.kind, OfferKind::SteppingStone { .. });
        json!({ "version": hop.offer.version, "folder": hop.offer.folder, "stepping_stone": stepping_stone })
    };
    json!({
        "file_name": question.module.file_name,
        "installed": plan.installed,
        "hops": plan.hops.iter().map(hop).collect::<Vec<_>>(),
        "end": plan.end.word(),
        "because": plan.end.to_string(),
    })
}

pub(crate) async fn run(args: PlanArgs, context: &mut Context) -> Result<(), Failure> {
    let asked = args.asked.asked(None, context).await?;
    let service = context.administer(IfMissing::Refuse).await?;
    let snapshot = match args.revision {
        Some(revision) => service.snapshot_at(revision).await?,
        None => service.snapshot(),
    };
    asked.report_skipped(context);
    let DeviceQuestion { request, from, skipped, unknown } = asked;
    let now = service.now();
    let revision = snapshot.revision();
    let mut text = format!("rule book revision {revision}");
    let mut modules = Vec::new();
    for question in Question::all_of(&request, from) {
        let plan = plan(snapshot.index(), &question, now);
        text.push_str(&format!("\n{}: {}", Shown(&question.module.file_name), Shown(plan.to_string())));
        if matches!(plan.end, Decision::NoRule)
            && let Some(cause) = Trace::of(snapshot.index(), &question, now).first_cause()
        {
            text.push_str(&format!("\n  {}", Shown(cause)));
        }
        modules.push(plan_json(&question, &plan));
    }
    if modules.is_empty() {
        text.push_str("\nthe request names no module, so there is nothing to offer");
    }
    let value = json!({ "revision": revision, "modules": modules, "skipped": skipped, "unknown": unknown });
    context.output.both(&value, text)
}
