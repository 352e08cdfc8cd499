//! The problems found so far, up to a limit.

use crate::package::problem::{Problem, ProblemKind};

/// Collects problems. Past the limit, one more says that there were others.
pub(super) struct Findings {
    problems: Vec<Problem>,
    limit: usize,
    overflowed: bool,
}

impl Findings {
    pub(super) fn new(limit: usize) -> Self {
        Self { problems: Vec::new(), limit, overflowed: false }
    }

    pub(super) fn add(&mut self, problem: Problem) {
        if self.problems.len() < self.limit {
            self.problems.push(problem);
        } else if !self.overflowed {
            self.overflowed = true;
            let expected = format!("at most {}", self.limit);
            self.problems.push(Problem::new(ProblemKind::TooManyProblems, expected));
        }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}
