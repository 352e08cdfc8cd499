//! The reasons why a command fails.

use serde::Serialize;
use std::error::Error;
use std::fmt::Display;
use std::io;
use std::string::FromUtf8Error as Utf8Error;
use ucupdate::book::Refusal;
use ucupdate::{ChangeError, IngestError, StateError};
use ucupdate_cab::package::PackageLimits;
use ucupdate_cab::{CabError, CabinetLimits};

pub(crate) use ucupdate::store::error_chain as chain;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The command ended for this reason.
    Explained(FailureKind, String),
    /// The reader of stdout has closed it, so the command ends quietly.
    OutputClosed,
}

/// The kinds of failures. With `--json` each kind has a name of its own.
///
/// The kinds and codes are part of what scripts may rely on: see `SCRIPTS.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FailureKind {
    /// The rule book, a store or a package does not allow the command, or the system failed.
    Refused,
    /// The command line is wrong.
    Usage,
    /// A named thing does not exist: a file, a store, a rule or a group.
    NotFound,
    /// The input does not have the expected form.
    NotUnderstood,
    /// The store gave no clear answer, so the change may have been made.
    Unclear,
}

impl FailureKind {
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Refused | Self::NotUnderstood | Self::Unclear => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
        }
    }

    /// Returns the kind of failure for an error. If the error has no kind, its causes are tried in
    /// order. If none of them has a kind, returns `Refused`.
    fn of(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if is_unclear(error) {
                return Self::Unclear;
            }
            if is_not_found(error) {
                return Self::NotFound;
            }
            if error.is::<CabError>() || error.is::<serde_json::Error>() || error.is::<Utf8Error>() {
                return Self::NotUnderstood;
            }
            cause = error.source();
        }
        Self::Refused
    }
}

fn is_unclear(error: &(dyn Error + 'static)) -> bool {
    let of_ingest = match error.downcast_ref() {
        Some(IngestError::Change(error)) => Some(error),
        Some(_) | None => None,
    };
    matches!(of_ingest.or(error.downcast_ref()), Some(ChangeError::Unclear { .. }))
}

fn is_not_found(error: &(dyn Error + 'static)) -> bool {
    let refusal = match error.downcast_ref() {
        Some(ChangeError::Refused(refusal)) => Some(refusal),
        Some(ChangeError::NoRevision { .. }) => return true,
        Some(_) | None => error.downcast_ref::<Refusal>(),
    };
    match refusal {
        Some(refusal) => refusal.is_not_found(),
        None => {
            matches!(error.downcast_ref(), Some(StateError::NoRevision { .. }))
                || error
                    .downcast_ref::<io::Error>()
                    .is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
        }
    }
}

/// Adds advice to a reason. If the reason ends with `; did you mean ...`, the advice stands before that.
pub(crate) fn with_advice(reason: &str, advice: impl Display) -> String {
    match reason.split_once("; did you mean ") {
        Some((fact, meant)) => format!("{fact}; {advice}; did you mean {meant}"),
        None => format!("{reason}; {advice}"),
    }
}

impl Failure {
    pub(crate) fn new(reason: impl Display) -> Self {
        Self::Explained(FailureKind::Refused, reason.to_string())
    }

    /// Returns a failure for a wrong command line.
    pub(crate) fn usage(reason: impl Display) -> Self {
        Self::Explained(FailureKind::Usage, reason.to_string())
    }

    /// Returns a failure for a named thing that does not exist.
    pub(crate) fn not_found(reason: impl Display) -> Self {
        Self::Explained(FailureKind::NotFound, reason.to_string())
    }

    /// Returns this failure with the kind `NotUnderstood`, which means that the input cannot be
    /// read.
    pub(crate) fn into_not_understood(self) -> Self {
        match self {
            Self::Explained(_, reason) => Self::Explained(FailureKind::NotUnderstood, reason),
            failure => failure,
        }
    }

    /// Returns a failure for an input that cannot be read.
    pub(crate) fn not_understood(reason: impl Display) -> Self {
        Self::Explained(FailureKind::NotUnderstood, reason.to_string())
    }

    /// Returns a failure for an error. `what` is a path, or an action such as `starting the runtime`.
    pub(crate) fn in_doing(what: impl Display, error: &(dyn Error + 'static)) -> Self {
        Self::Explained(FailureKind::of(error), with_limit_option(format!("{what}: {}", chain(error))))
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Explained(FailureKind::of(&error), with_limit_option(chain(&error)))
    }
}

/// Adds advice to a message that says that a limit of cabinets or packages was reached. The advice
/// is the option that raises the limit, such as `--limit file_bytes=NUMBER`. Returns every other
/// message unchanged.
pub(crate) fn with_limit_option(message: String) -> String {
    let reached = |name: &&&str| message.contains(&format!("the limit `{name}`"));
    match [CabinetLimits::NAMES, PackageLimits::NAMES].concat().iter().find(|name| reached(name)) {
        Some(name) => format!("{message}; `--limit {name}=NUMBER` raises it"),
        None => message,
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
    fn causes_are_joined_and_none_is_written_twice() {
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

    #[test]
    fn a_change_of_which_nobody_knows_whether_it_was_made_has_a_kind_of_its_own() {
        let unclear = || ChangeError::Unclear {
            revision: 4,
            source: ucupdate::store::StoreError::unavailable("creating", "no answer").into(),
        };
        let text = "it is not known whether revision 4 was made; look at the history before you repeat the change: \
                    store unavailable: creating: no answer";
        for failure in [Failure::from(unclear()), Failure::from(IngestError::Change(unclear()))] {
            assert_eq!(failure, Failure::Explained(FailureKind::Unclear, text.to_owned()));
        }
        assert_eq!((FailureKind::Unclear.exit_code(), FailureKind::Refused.exit_code()), (1, 1));
    }

    #[test]
    fn the_message_of_a_reached_limit_names_the_option_that_raises_it() {
        for name in [CabinetLimits::NAMES, PackageLimits::NAMES].concat() {
            let text = with_limit_option(format!("it has 3, and the limit `{name}` is 2"));
            assert_eq!(
                text,
                format!("it has 3, and the limit `{name}` is 2; `--limit {name}=NUMBER` raises it")
            );
        }
        assert_eq!(with_limit_option("no limit".to_owned()), "no limit");
    }
}
