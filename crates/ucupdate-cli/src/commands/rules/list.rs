//! `ucupdate rules`: lists the versions for each kind of device.

use super::interim::pending_lines;
use super::pin::pin_line;
use crate::commands::rules::rollout::report::stop_line;
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
        let book = snapshot.book();
        let ban = |candidate: &Candidate| {
            let release = book.release(rule.key(), candidate)?;
            book.ban_of(rule.key(), rule.policy(), release)
        };
        let version = |candidate: Option<&Candidate>| match candidate {
            Some(candidate) if ban(candidate).is_some() => format!("{} (banned)", candidate.version),
            Some(candidate) => candidate.version.to_string(),
            None => "-".to_owned(),
        };
        let versions = [rule.pending(), rule.approved(), rule.rollback()].map(version);
        let [pending, approved, rollback] = &versions;
        let mut value = report::rule(rule, now);
        value["rejected"] = json!(rule.rejected());
        let banned = rule.candidates().filter(|candidate| ban(candidate).is_some());
        value["banned"] = banned.map(|candidate| json!(candidate.version)).collect();
        list.row(value, [rule.key(), pending, approved, rollback]);
        for rejected in rule.rejected() {
            list.line(format!("  {rejected} is rejected"));
        }
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
