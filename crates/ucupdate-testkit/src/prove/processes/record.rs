//! The record of a process in a proof: a file with a line of JSON for each event. A line is written
//! as a whole before the next one, so a kill loses no event.

use crate::prove::moment;
use crate::prove::report::ProofError;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use ucupdate::book::BookCommand;

/// One event of a process. The times of events are those of [`moment::now`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ProcessEvent {
    /// The process asks the service for a change. The change ends later.
    Begun { change: u64, at: u64, command: Box<BookCommand> },
    /// The change ended: the service answered or failed, or the process gave up.
    Ended { change: u64, at: u64, end: ChangeEnd },
    /// A device got an answer. `answer` is the text of the answer.
    Ask { begun: u64, ended: u64, revision: u64, request: usize, answer: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ChangeEnd {
    /// The change was acknowledged as this revision.
    Made(u64),
    /// Nothing changed, because the book had the state already.
    NothingToDo,
    /// The rule book refused the change, with this text.
    Refused(String),
    /// Other processes made their changes first in every try, so the change was given up.
    Contended,
    /// The store did not say whether the change was made.
    Unclear(String),
    /// An error that must not happen.
    Failed(String),
}

/// One change by a process. Its text, such as `process 2 change 7`, is the author of its revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ProcessChange {
    pub(crate) process: u32,
    pub(crate) number: u64,
}

impl ProcessChange {
    /// Returns the author of the change in the history, such as `process 2 change 7`.
    pub(crate) fn author(self) -> String {
        format!("process {} change {}", self.process, self.number)
    }

    /// Parses an author. Returns `None` if the author is not of the form `process 2 change 7`.
    pub(crate) fn of(author: &str) -> Option<Self> {
        let (process, number) = author.strip_prefix("process ")?.split_once(" change ")?;
        Some(Self { process: process.parse().ok()?, number: number.parse().ok()? })
    }
}

#[derive(Clone, Debug)]
pub(crate) struct ProcessRecord {
    pub(crate) process: u32,
    /// The time at which the process was killed, or `None` if it ended by itself. A change that had
    /// begun by then need not have ended.
    pub(crate) killed: Option<u64>,
    pub(crate) events: Vec<ProcessEvent>,
}

impl ProcessRecord {
    /// Reads a record. An incomplete last line, which a kill may leave, is ignored.
    pub(crate) fn read(process: u32, killed: Option<u64>, path: &Path) -> Result<Self, ProofError> {
        let text = std::fs::read_to_string(path)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let events: Result<Vec<ProcessEvent>, _> = whole.lines().map(serde_json::from_str).collect();
        Ok(Self { process, killed, events: events? })
    }

    /// Returns the number of changes that were acknowledged to the process.
    pub(crate) fn made(&self) -> usize {
        let made =
            |event: &&ProcessEvent| matches!(event, ProcessEvent::Ended { end: ChangeEnd::Made(_), .. });
        self.events.iter().filter(made).count()
    }

    /// Returns the number of requests of devices that the process answered.
    pub(crate) fn asks(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, ProcessEvent::Ask { .. })).count()
    }
}

/// A writer of the record of one process.
#[derive(Debug)]
pub(crate) struct ProcessRecorder(Mutex<File>);

impl ProcessRecorder {
    pub(crate) fn new(path: &Path) -> Result<Self, ProofError> {
        Ok(Self(Mutex::new(OpenOptions::new().create_new(true).append(true).open(path)?)))
    }

    /// Writes an event. When this returns, the operating system has the line, so a kill of the
    /// process cannot lose it.
    pub(crate) fn write(&self, event: &ProcessEvent) -> Result<(), ProofError> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)?;
        Ok(())
    }

    /// Writes that a change begins now.
    pub(crate) fn begin(&self, change: u64, command: &BookCommand) -> Result<(), ProofError> {
        self.write(&ProcessEvent::Begun { change, at: moment::now(), command: Box::new(command.clone()) })
    }
}
