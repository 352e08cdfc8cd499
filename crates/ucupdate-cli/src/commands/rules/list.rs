//! `ucupdate rules`: what each kind of device gets.

use super::interim::{pending_json, pending_lines};
use super::pin::{pin_json, pin_line};
use super::rollout_report::RolloutReport;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use serde_json::{Value, json};
use ucupdate::book::{Candidate, Rule};

#[derive(Debug, clap::Args)]
pub(crate) struct RulesArgs {}

/// Returns a rule as a JSON object.
fn rule_json(rule: &Rule, rollouts: &[RolloutReport]) -> Value {
    json!({
        "rule": rule.key(),
        "pending": rule.pending(),
        "approved": rule.approved(),
        "rollback": rule.rollback(),
        "offer": rule.policy().offer,
        "unreadable": rule.policy().unreadable,
        "rollouts": rollouts,
        "pins": rule.pins().map(|pin| pin_json(rule, pin)).collect::<Vec<_>>(),
    })
}

pub(crate) async fn run(_args: RulesArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let (snapshot, now) = (service.snapshot(), service.now());
    let mut list = List::new("rules", "no rules", ["RULE", "PENDING", "APPROVED", "ROLLBACK"]);
    for rule in snapshot.book().rules() {
        let rollouts: Vec<_> = RolloutReport::all_of(rule, now).collect();
        let version = |candidate: Option<&Candidate>| {
            candidate.map_or_else(|| "-".to_owned(), |candidate| candidate.version.to_string())
        };
        let versions = [rule.pending(), rule.approved(), rule.rollback()].map(version);
        let [pending, approved, rollback] = &versions;
        list.row(rule_json(rule, &rollouts), [rule.key(), pending, approved, rollback]);
        rule.pins().for_each(|pin| list.line(pin_line(pin)));
        rollouts.iter().for_each(|rollout| list.line(rollout));
    }
    pending_lines(snapshot.book()).for_each(|line| list.line(line));
    let value = json!({
        "revision": snapshot.revision(),
        "rules": list.values(),
        "pending_interim": pending_json(snapshot.book()),
    });
    context.output.both(&value, &list)
}
