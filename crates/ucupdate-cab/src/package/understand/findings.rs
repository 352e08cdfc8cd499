//! Collects the problems of a package, up to a limit.

use crate::package::problem::{Problem, ProblemKind, Severity};

/// Collects at most `limit` refusals and at most `limit` warnings. If there are more of one
/// severity, one additional problem reports it. Refusals and warnings are counted separately, so
/// that many warnings cannot hide a refusal.
pub(super) struct Findings {
    problems: Vec<Problem>,
    refusals: usize,
    warnings: usize,
    limit: usize,
}

impl Findings {
    pub(super) fn new(limit: usize) -> Self {
        Self { problems: Vec::new(), refusals: 0, warnings: 0, limit }
    }

    pub(super) fn add(&mut self, problem: Problem) {
        let (count, overflow) = match problem.severity() {
            Severity::Refusal => (&mut self.refusals, ProblemKind::TooManyProblems),
            Severity::Warning => (&mut self.warnings, ProblemKind::TooManyWarnings),
        };
        if *count < self.limit {
            self.problems.push(problem);
        } else if *count == self.limit {
            let expected = format!("at most {}, which is the limit `problems`", self.limit);
            self.problems.push(Problem::new(overflow, expected));
        }
        *count = count.saturating_add(1);
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}
