//! Why a command ends before its time.

use std::error::Error;
use std::fmt::Display;

pub(crate) use ucupdate::store::error_chain as chain;

/// Why a command was not done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Refused or failed, for this reason: exit code 1.
    Reason(String),
    /// Called in a way that cannot be meant, for this reason: exit code 2.
    Usage(String),
    /// Whoever read stdout has gone, so there is nobody to tell anything: a quiet end.
    OutputClosed,
}

impl Failure {
    /// One with a reason.
    pub(crate) fn new(reason: impl Display) -> Self {
        Self::Reason(reason.to_string())
    }

    /// One that is the caller's mistake.
    pub(crate) fn usage(reason: impl Display) -> Self {
        Self::Usage(reason.to_string())
    }

    /// One with an error for its reason, and before it what was being done or looked at: a path, `starting the runtime`.
    pub(crate) fn in_doing(what: impl Display, error: &dyn Error) -> Self {
        Self::Reason(format!("{what}: {}", chain(error)))
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Reason(chain(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Step {
        text: &'static str,
        source: Option<Box<Step>>,
    }

    fn steps(texts: &[&'static str]) -> Step {
        let (text, rest) = texts.split_first().unwrap();
        Step { text, source: (!rest.is_empty()).then(|| Box::new(steps(rest))) }
    }

    #[test]
    fn causes_are_joined_and_none_is_told_twice() {
        for (texts, line) in [
            (&["opening `a`", "no space left"][..], "opening `a`: no space left"),
            (&["opening `a`", "opening `a`", "no space left"], "opening `a`: no space left"),
            (&["opening `a`: no space left", "no space left"], "opening `a`: no space left"),
            (&["refused"], "refused"),
        ] {
            assert_eq!(Failure::from(steps(texts)), Failure::new(line));
        }
        let failure = Failure::in_doing("starting", &steps(&["no thread", "no memory"]));
        assert_eq!(failure, Failure::new("starting: no thread: no memory"));
    }
}
