//! The result of `ucupdate doctor`: one line for each check, and its findings in lines of at most
//! 80 characters.

use crate::output::shown::Shown;
use crate::output::style::Style;
use crate::output::wrapped::wrapped;
use serde::Serialize;
use std::fmt;
use ucupdate::value::Counted;
use ucupdate::{Checked, Finding, FindingSeverity};

/// The number of characters before the text of a finding.
const INDENT: usize = 12;

/// The checks and the number of their findings.
#[derive(Debug, Serialize)]
pub(super) struct DoctorReport {
    checks: Vec<Checked>,
    pub(super) problems: usize,
    warnings: usize,
    notes: usize,
}

impl DoctorReport {
    pub(super) fn of(checks: Vec<Checked>) -> Self {
        let count = |severity: FindingSeverity| {
            let findings = checks.iter().flat_map(|check| &check.findings);
            findings.filter(|finding| finding.severity == severity).count()
        };
        Self {
            problems: count(FindingSeverity::Problem),
            warnings: count(FindingSeverity::Warning),
            notes: count(FindingSeverity::Note),
            checks,
        }
    }
}

impl fmt::Display for DoctorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            if check.findings.is_empty() {
                writeln!(f, "ok        {}", check.name)?;
            }
            for finding in &check.findings {
                let severity = format!("{:<8}", finding.severity);
                match finding.severity {
                    FindingSeverity::Problem => write!(f, "{}", Style::Problem.of(severity))?,
                    FindingSeverity::Warning => write!(f, "{}", Style::Warning.of(severity))?,
                    FindingSeverity::Note => write!(f, "{severity}")?,
                }
                writeln!(f, "  {}", check.name)?;
                let Finding { found, expected, remedy, .. } = finding;
                for (head, text) in [("found", found), ("expected", expected), ("to do", remedy)] {
                    writeln!(f, "  {head:<10}{}", wrapped(&Shown(text).to_string(), INDENT))?;
                }
            }
        }
        let Self { checks, problems, warnings, notes, .. } = self;
        let (checks, problems) = (Counted::new(checks.len(), "check"), Counted::new(*problems, "problem"));
        write!(
            f,
            "{checks}: {problems}, {}, {}",
            Counted::new(*warnings, "warning"),
            Counted::new(*notes, "note")
        )
    }
}
