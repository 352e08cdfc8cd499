//! What a run of processes can have done wrong.

use crate::prove::moment::shown;
use crate::prove::processes::record::Change;
use std::fmt;

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.author())
    }
}

/// One promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("revision {expected} is missing, {found} comes after the one before")]
    Gap { expected: u64, found: u64 },
    #[error("revision {0} does not name the one before it")]
    Chain(u64),
    #[error("revision {0} was made by nobody here")]
    Stranger(u64),
    #[error("{change} is revision {first} and revision {second}")]
    Twice { change: Change, first: u64, second: u64 },
    #[error("{change} was told it is revision {told}, and {}", found.map_or("is none".into(), |found| format!("is {found}")))]
    Lost { change: Change, told: u64, found: Option<u64> },
    #[error("{change} was told it was not made, and is revision {revision}")]
    MadeAllTheSame { change: Change, revision: u64 },
    #[error("{change} asked for something else than revision {revision} did")]
    OtherCommand { change: Change, revision: u64 },
    #[error("revision {revision} is not what its command does on the one before: {why}")]
    Precondition { revision: u64, why: String },
    #[error("{change} never came to an end, though nobody killed its process")]
    Endless { change: Change },
    #[error("{change} failed: {why}")]
    Failed { change: Change, why: String },
    #[error("{change} is revision {revision} and began after a later revision had ended")]
    Order { change: Change, revision: u64 },
    #[error("{change} was told `{told}`, which holds at none of the revisions {first} to {last}")]
    Unjustified { change: Change, told: String, first: u64, last: u64 },
    #[error("process {process} answered by revision {revision}, which was not begun yet")]
    Future { process: u32, revision: u64 },
    #[error("process {process} answered by revision {revision}, {} after the next was made", shown(*late))]
    Stale { process: u32, revision: u64, late: u64 },
    #[error("process {process} answered by revision {revision} after it had made {own}")]
    Forgetful { process: u32, revision: u64, own: u64 },
    #[error("process {process} answered by revision {revision} after {before}")]
    WentBack { process: u32, revision: u64, before: u64 },
    #[error("process {process} answered `{told}` by revision {revision}, expected `{expected}`")]
    Wrong { process: u32, revision: u64, told: String, expected: String },
}
