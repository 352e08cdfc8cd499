//! `ucupdate rules`: what each kind of device gets.

use super::pin::PinReport;
use super::policy::offer;
use super::rollout_report::RolloutReport;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::table::Table;
use serde::Serialize;
use std::fmt;
use ucupdate::Snapshot;
use ucupdate::book::{Candidate, Rule};
use ucupdate::value::UnixTime;

#[derive(Debug, clap::Args)]
pub(crate) struct RulesArgs {}

#[derive(Debug, Serialize)]
struct Report {
    /// The revision of the rule book.
    revision: u64,
    rules: Vec<RuleReport>,
}

#[derive(Debug, Serialize)]
struct RuleReport {
    rule: String,
    pending: Option<CandidateReport>,
    approved: Option<CandidateReport>,
    rollback: Option<CandidateReport>,
    /// `different` or `newer`: which versions are offered.
    offer: &'static str,
    /// Whether devices whose version cannot be read are offered one.
    unreadable: bool,
    /// Versions for some, in the order in which they are looked at.
    rollouts: Vec<RolloutReport>,
    /// The pins.
    pins: Vec<PinReport>,
}

#[derive(Debug, Serialize)]
struct CandidateReport {
    version: String,
    package: String,
}

impl Report {
    fn of(snapshot: &Snapshot, now: UnixTime) -> Self {
        let rules = snapshot.book().rules().map(|rule| RuleReport::of(rule, now));
        Self { revision: snapshot.revision(), rules: rules.collect() }
    }
}

impl RuleReport {
    fn of(rule: &Rule, now: UnixTime) -> Self {
        let report = |candidate: &Candidate| CandidateReport {
            version: candidate.version.to_string(),
            package: candidate.package.to_string(),
        };
        Self {
            rule: rule.key().to_string(),
            pending: rule.pending().map(report),
            approved: rule.approved().map(report),
            rollback: rule.rollback().map(report),
            offer: offer(rule.policy().offer),
            unreadable: rule.policy().unreadable,
            rollouts: RolloutReport::all_of(rule, now).collect(),
            pins: PinReport::all_of(rule).collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rules.is_empty() {
            return f.write_str("no rules");
        }
        let mut table = Table::new(["RULE", "PENDING", "APPROVED", "ROLLBACK"]);
        for rule in &self.rules {
            let version =
                |of: &Option<CandidateReport>| of.as_ref().map_or("-".to_owned(), |of| of.version.clone());
            table.row([
                &rule.rule,
                &version(&rule.pending),
                &version(&rule.approved),
                &version(&rule.rollback),
            ]);
            rule.pins.iter().for_each(|pin| table.line(pin));
            rule.rollouts.iter().for_each(|rollout| table.line(rollout));
        }
        table.fmt(f)
    }
}

pub(crate) async fn run(_args: RulesArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    context.output.result(&Report::of(&service.snapshot(), service.now()))
}
