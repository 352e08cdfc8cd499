//! The faults that the records of the processes can show.

use crate::prove::moment::shown;
use crate::prove::processes::record::ProcessChange;
use std::fmt;

impl fmt::Display for ProcessChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.author())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HistoryFault {
    #[error("revision {expected} is missing, {found} follows the revision before")]
    Gap { expected: u64, found: u64 },
    #[error("revision {0} does not have the digest of the revision before")]
    Chain(u64),
    #[error("no process of the run made revision {0}")]
    Stranger(u64),
    #[error("{change} made two revisions, {first} and {second}")]
    Twice { change: ProcessChange, first: u64, second: u64 },
    #[error("{change} was acknowledged as revision {answer}, and {}", found.map_or("made no revision".into(), |found| format!("made revision {found}")))]
    Lost { change: ProcessChange, answer: u64, found: Option<u64> },
    #[error("{change} was reported as not made, and made revision {revision}")]
    MadeAllTheSame { change: ProcessChange, revision: u64 },
    #[error("the command of {change} differs from the command of revision {revision}")]
    OtherCommand { change: ProcessChange, revision: u64 },
    #[error("revision {revision} is not the result of its command on the revision before: {why}")]
    Precondition { revision: u64, why: String },
    #[error("{change} did not end, although its process was not killed")]
    Endless { change: ProcessChange },
    #[error("{change} failed: {why}")]
    Failed { change: ProcessChange, why: String },
    #[error("{change} made revision {revision} and began after a later revision was acknowledged")]
    Order { change: ProcessChange, revision: u64 },
    #[error("{change} was answered `{answer}`, which is wrong for each of the revisions {first} to {last}")]
    Unjustified { change: ProcessChange, answer: String, first: u64, last: u64 },
    #[error("process {process} answered by revision {revision}, which was not begun at that time")]
    Future { process: u32, revision: u64 },
    #[error("process {process} answered by revision {revision}, {} after the next revision was made", shown(*late))]
    Stale { process: u32, revision: u64, late: u64 },
    #[error("process {process} answered by revision {revision} after it had made {own}")]
    Forgetful { process: u32, revision: u64, own: u64 },
    #[error("process {process} answered by revision {revision} after {before}")]
    WentBack { process: u32, revision: u64, before: u64 },
    #[error("process {process} answered `{answer}` by revision {revision}, expected `{expected}`")]
    Wrong { process: u32, revision: u64, answer: String, expected: String },
}
