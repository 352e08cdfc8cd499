//! `ucupdate rules`: lists the versions for each kind of device.

use super::interim::pending_lines;
use super::pin::pin_line;
use super::rollout_report::stop_line;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use serde_json::json;
use ucupdate::book::Candidate;
use ucupdate_admin::report::{self, RolloutReport};

#[derive(Debug, clap::Args)]
pub(crate) struct RulesArgs {}

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
        list.row(report::rule(rule, now), [rule.key(), pending, approved, rollback]);
        rule.pins().for_each(|pin| list.line(pin_line(pin)));
        rollouts.iter().for_each(|rollout| list.line(rollout));
    }
    pending_lines(snapshot.book()).for_each(|line| list.line(line));
    let stops = || snapshot.book().stops();
    let stopped: Vec<_> = stops().map(|(scope, stop)| report::stop(scope, stop)).collect();
    let value = json!({
        "revision": snapshot.revision(),
        "stopped": stopped,
        "rules": list.values(),
        "pending_interim": report::pending_interim(snapshot.book()),
    });
    let mut lines: Vec<String> = stops().map(|(scope, stop)| stop_line(scope, stop)).collect();
    lines.push(list.to_string());
    context.output.both(&value, lines.join("\n"))
}
