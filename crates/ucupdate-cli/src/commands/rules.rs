//! `ucupdate rules`: what each kind of device gets.

use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::table::Table;
use serde::Serialize;
use std::fmt;
use ucupdate::Snapshot;
use ucupdate::core::{Candidate, OfferRule, Rule};

/// How it is called.
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
}

#[derive(Debug, Serialize)]
struct CandidateReport {
    version: String,
    package: String,
}

impl Report {
    fn of(snapshot: &Snapshot) -> Self {
        Self { revision: snapshot.revision(), rules: snapshot.book().rules().map(RuleReport::of).collect() }
    }
}

impl RuleReport {
    fn of(rule: &Rule) -> Self {
        let report = |candidate: &Candidate| CandidateReport {
            version: candidate.version.to_string(),
            package: candidate.package.to_string(),
        };
        Self {
            rule: rule.key().to_string(),
            pending: rule.pending().map(report),
            approved: rule.approved().map(report),
            rollback: rule.rollback().map(report),
            offer: match rule.policy().offer {
                OfferRule::Newer => "newer",
                _ => "different",
            },
            unreadable: rule.policy().unreadable,
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
        }
        table.fmt(f)
    }
}

pub(crate) async fn run(_args: RulesArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    context.output.result(&Report::of(&service.snapshot()))
}
