//! [`explanation`]: the answer to a request with the reasons for it, as JSON.

use serde_json::{Value, json};
use ucupdate::decide::{Decision, Explanation, OfferKind, Trace};

/// Returns an explanation as a JSON object. `skipped` has the modules of the request that could not be read, and
/// `unknown` the items of the request that the dialect does not know.
pub fn explanation(explanation: &Explanation<'_>, skipped: &[String], unknown: &[String]) -> Value {
    let modules: Vec<Value> = explanation.modules.iter().map(module).collect();
    json!({
        "revision": explanation.revision,
        "modules": modules,
        "skipped": skipped,
        "unknown": unknown,
    })
}

/// Returns the decision about one module of the request, with its steps, as a JSON object. `folder` is the folder
/// of the offered files below the root of the download URL, such as `OCInterim/ENU`. `first_cause` is the main
/// reason why nothing is offered, or `null` for an offer.
fn module(trace: &Trace<'_>) -> Value {
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
