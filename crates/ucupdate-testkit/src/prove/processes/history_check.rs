//! Checks whether one process could have made the recorded changes of several processes, one after
//! another.
//!
//! The numbers of the revisions give the order of the changes, so no search is needed. A revision
//! may exist from the time at which its change began. It exists for certain from the time at which
//! its change ended.

use crate::prove::fleet;
use crate::prove::processes::fault::HistoryFault;
use crate::prove::processes::record::{ChangeEnd, ProcessChange, ProcessEvent, ProcessRecord};
use crate::prove::written::Written;
use std::collections::HashMap;
use ucupdate::book::{BookChange, BookCommand, Refusal, Rule, RuleBook, RuleKey};
use ucupdate::decide::EligibilityIndex;
use ucupdate::value::Sha256Digest;
use ucupdate::version::ReportedVersion;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProcessTally {
    /// Number of changes that made a revision.
    pub(crate) made: u64,
    /// Number of changes that made a revision, but whose process was killed before it got the
    /// answer.
    pub(crate) unacknowledged: u64,
    pub(crate) refused: u64,
    pub(crate) nothing_to_do: u64,
    pub(crate) contended: u64,
    pub(crate) unclear: u64,
    pub(crate) asks: u64,
    /// The longest time, in nanoseconds, for which a process still answered devices by an old
    /// revision after a newer revision existed for certain.
    pub(crate) oldest: u64,
    /// The durations of the accepted changes in nanoseconds, sorted.
    pub(crate) took: Vec<u64>,
    /// The time from the beginning of the first change to the end of the last one, in nanoseconds.
    pub(crate) span: u64,
}

/// Checks the history and the records of a run. `patience` is the time in nanoseconds after a
/// change in which answers may still come from the old rule book.
pub(crate) fn check(
    history: &[Written],
    records: &[ProcessRecord],
    patience: u64,
) -> (ProcessTally, Vec<HistoryFault>) {
    let mut check = Check { faults: Vec::new(), tally: ProcessTally::default() };
    let books = check.books(history);
    let mut changes = changes(records);
    check.match_up(history, &mut changes);
    let times = RevisionTimes::of(history, &changes);
    check.ends(&changes, &books, &times);
    check.asks(records, &books, &times, patience);
    (check.tally, check.faults)
}

struct Check {
    faults: Vec<HistoryFault>,
    tally: ProcessTally,
}

/// The facts about one change, from the records of all processes.
struct KnownChange<'a> {
    begun: u64,
    command: &'a BookCommand,
    end: Option<(u64, &'a ChangeEnd)>,
    killed: bool,
    /// The number of the revision that the change made, if any.
    revision: Option<u64>,
}

fn changes(records: &[ProcessRecord]) -> HashMap<ProcessChange, KnownChange<'_>> {
    let mut changes = HashMap::new();
    for record in records {
        for event in &record.events {
            match event {
                ProcessEvent::Begun { change, at, command } => {
                    let change = ProcessChange { process: record.process, number: *change };
                    let killed = record.killed.is_some();
                    changes.insert(
                        change,
                        KnownChange { begun: *at, command, end: None, killed, revision: None },
                    );
                }
                ProcessEvent::Ended { change, at, end } => {
                    let change = ProcessChange { process: record.process, number: *change };
                    if let Some(known) = changes.get_mut(&change) {
                        known.end = Some((*at, end));
                    }
                }
                ProcessEvent::Ask { .. } => {}
            }
        }
    }
    changes
}

/// The earliest and the latest time at which each revision appeared.
struct RevisionTimes {
    /// The times at which the changes that made the revisions began. Revision 1 is at index 0.
    begun: Vec<u64>,
    /// The first time at which a revision later than number N existed for certain, at index N.
    superseded: Vec<u64>,
    /// The first time at which the change that made revision N or a later revision began, at index
    /// N - 1.
    possible: Vec<u64>,
}

impl RevisionTimes {
    fn of(history: &[Written], changes: &HashMap<ProcessChange, KnownChange<'_>>) -> Self {
        // The revisions that existed before the processes began count from time 0 on.
        let mut begun = vec![0; history.len()];
        let mut ended = vec![0; history.len()];
        for (index, revision) in history.iter().enumerate() {
            let Some(known) = ProcessChange::of(&revision.author).and_then(|change| changes.get(&change))
            else {
                continue;
            };
            begun[index] = known.begun;
            ended[index] = match known.end {
                Some((at, ChangeEnd::Made(_))) => at,
                _ => u64::MAX,
            };
        }
        let least_from = |times: &[u64]| {
            let mut least = u64::MAX;
            let mut from: Vec<u64> = times
                .iter()
                .rev()
                .map(|time| {
                    least = least.min(*time);
                    least
                })
                .collect();
            from.reverse();
            from
        };
        let mut superseded = least_from(&ended);
        superseded.push(u64::MAX);
        Self { possible: least_from(&begun), begun, superseded }
    }

    /// Returns the revisions that may have been the newest at some time between `first` and `last`.
    fn between(&self, first: u64, last: u64) -> std::ops::RangeInclusive<usize> {
        let known = self.superseded.partition_point(|at| *at < first);
        let begun = self.possible.partition_point(|at| *at < last);
        known..=begun.max(known)
    }
}

impl Check {
    /// Returns the rule book at each revision, beginning with the empty one. Checks that each
    /// revision is the result of its command on the rule book before.
    fn books(&mut self, history: &[Written]) -> Vec<RuleBook> {
        let mut books = vec![RuleBook::default()];
        let mut sha256 = Sha256Digest::of(b"");
        for (expected, revision) in (1..).zip(history) {
            if revision.number != expected {
                self.faults.push(HistoryFault::Gap { expected, found: revision.number });
                break;
            }
            if revision.previous != sha256 {
                self.faults.push(HistoryFault::Chain(revision.number));
            }
            sha256 = revision.sha256;
            let mut book = books.last().cloned().unwrap_or_default();
            if ProcessChange::of(&revision.author).is_some() {
                let why = match book.command(&revision.command, &revision.author) {
                    Ok(change) if change.delta.is_empty() => Some("it changes nothing".into()),
                    Ok(change) if change.delta == revision.delta => None,
                    Ok(_) => Some("it changes something else".into()),
                    Err(refusal) => Some(refusal.to_string()),
                };
                let number = revision.number;
                self.faults.extend(why.map(|why| HistoryFault::Precondition { revision: number, why }));
            }
            book.apply(&revision.delta);
            books.push(book);
        }
        books
    }

    /// Checks that each revision is one change, and that no change made two revisions.
    fn match_up(&mut self, history: &[Written], changes: &mut HashMap<ProcessChange, KnownChange<'_>>) {
        let mut begun = false;
        for revision in history {
            let second = revision.number;
            let Some(change) = ProcessChange::of(&revision.author) else {
                // The revisions before the first change were not made by the processes.
                if begun {
                    self.faults.push(HistoryFault::Stranger(second));
                }
                continue;
            };
            begun = true;
            let Some(known) = changes.get_mut(&change) else {
                self.faults.push(HistoryFault::Stranger(second));
                continue;
            };
            match known.revision.replace(second) {
                Some(first) => self.faults.push(HistoryFault::Twice { change, first, second }),
                None if *known.command != revision.command => {
                    self.faults.push(HistoryFault::OtherCommand { change, revision: second });
                }
                None => self.tally.made += 1,
            }
        }
    }

    /// Checks the answer that each change got. Checks also that the revision of a change has a
    /// higher number than each revision that existed for certain when the change began.
    fn ends(
        &mut self,
        changes: &HashMap<ProcessChange, KnownChange<'_>>,
        books: &[RuleBook],
        times: &RevisionTimes,
    ) {
        let (mut first, mut last) = (u64::MAX, 0);
        for (change, known) in changes {
            first = first.min(known.begun);
            last = last.max(known.end.map_or(0, |(at, _)| at));
            let late = known.revision.filter(|revision| {
                index(*revision)
                    .is_some_and(|at| times.superseded.get(at).is_some_and(|at| *at < known.begun))
            });
            if let Some(revision) = late {
                self.faults.push(HistoryFault::Order { change: *change, revision });
            }
            self.end(*change, known, books, times);
        }
        self.tally.span = last.saturating_sub(first);
        self.tally.took.sort_unstable();
    }

    fn end(
        &mut self,
        change: ProcessChange,
        known: &KnownChange<'_>,
        books: &[RuleBook],
        times: &RevisionTimes,
    ) {
        let Some((at, end)) = known.end else {
            self.tally.unacknowledged += u64::from(known.revision.is_some());
            if !known.killed {
                self.faults.push(HistoryFault::Endless { change });
            }
            return;
        };
        let answer = match end {
            ChangeEnd::Made(answer) => {
                self.tally.took.push(at.saturating_sub(known.begun));
                if known.revision != Some(*answer) {
                    self.faults.push(HistoryFault::Lost { change, answer: *answer, found: known.revision });
                }
                return;
            }
            ChangeEnd::Unclear(_) => {
                self.tally.unclear += 1;
                return;
            }
            ChangeEnd::Failed(why) => {
                self.faults.push(HistoryFault::Failed { change, why: why.clone() });
                return;
            }
            ChangeEnd::NothingToDo => {
                self.tally.nothing_to_do += 1;
                "nothing to do"
            }
            ChangeEnd::Refused(why) => {
                self.tally.refused += 1;
                why
            }
            ChangeEnd::Contended => {
                self.tally.contended += 1;
                "contended"
            }
        };
        if let Some(revision) = known.revision {
            self.faults.push(HistoryFault::MadeAllTheSame { change, revision });
            return;
        }
        let window = times.between(known.begun, at);
        let (from, to) = (*window.start(), (*window.end()).min(books.len() - 1));
        let books = books.get(from..=to).unwrap_or_default();
        let author = change.author();
        let justified = match end {
            ChangeEnd::NothingToDo => books
                .iter()
                .any(|book| book.command(known.command, &author).is_ok_and(|change| change.delta.is_empty())),
            ChangeEnd::Refused(why) => is_refused(books, known.command, &author, why),
            _ => true,
        };
        if !justified {
            let number = |index| u64::try_from(index).unwrap_or_default();
            let (first, last) = (number(from), number(to));
            self.faults.push(HistoryFault::Unjustified { change, answer: answer.to_owned(), first, last });
        }
    }

    /// Checks that each answer to a device comes from a revision that was recently current, and
    /// that no process goes back to an older revision.
    fn asks(&mut self, records: &[ProcessRecord], books: &[RuleBook], times: &RevisionTimes, patience: u64) {
        let mut answers = Vec::new();
        for record in records {
            let process = record.process;
            let mut before = 0;
            let mut own: Vec<(u64, u64)> = Vec::new();
            for event in &record.events {
                let (begun, ended, revision) = match event {
                    ProcessEvent::Ask { begun, ended, revision, request, answer } => {
                        answers.push((*revision, *request, answer, process));
                        (*begun, *ended, *revision)
                    }
                    ProcessEvent::Ended { at, end: ChangeEnd::Made(revision), .. } => {
                        own.push((*at, *revision));
                        continue;
                    }
                    _ => continue,
                };
                self.tally.asks += 1;
                if revision < before {
                    self.faults.push(HistoryFault::WentBack { process, revision, before });
                }
                before = revision;
                let known = index(revision).and_then(|at| times.superseded.get(at));
                let begun_at = revision.checked_sub(1).and_then(index).and_then(|at| times.begun.get(at));
                if known.is_none() || begun_at.is_some_and(|at| *at > ended) {
                    self.faults.push(HistoryFault::Future { process, revision });
                    continue;
                }
                let late = known.map_or(0, |superseded| begun.saturating_sub(*superseded));
                self.tally.oldest = self.tally.oldest.max(late);
                if late > patience {
                    self.faults.push(HistoryFault::Stale { process, revision, late });
                }
                let own = own.iter().rev().find(|(at, _)| *at < begun).map_or(0, |(_, own)| *own);
                if revision < own {
                    self.faults.push(HistoryFault::Forgetful { process, revision, own });
                }
            }
        }
        self.answers(answers, books);
    }

    /// Checks that each answer to a device is the decision of its revision. Each rule book is
    /// compiled only once.
    fn answers(&mut self, mut answers: Vec<(u64, usize, &String, u32)>, books: &[RuleBook]) {
        answers.sort_unstable();
        for answers in answers.chunk_by(|one, other| one.0 == other.0) {
            let revision = answers[0].0;
            let Some(book) = index(revision).and_then(|at| books.get(at)) else { continue };
            let compiled = EligibilityIndex::compile(book, revision);
            for (_, request, answer, process) in answers {
                let expected = fleet::expected(&compiled, *request);
                if expected != **answer {
                    let (process, answer) = (*process, (*answer).clone());
                    self.faults.push(HistoryFault::Wrong { process, revision, answer, expected });
                }
            }
        }
    }
}

fn index(revision: u64) -> Option<usize> {
    usize::try_from(revision).ok()
}

/// Returns `true` if one of the rule books refuses the command with the text `why`.
///
/// Returns `true` also if `why` is a version conflict (another approved version was found than
/// expected) that these rule books explain. The command must then approve the found version in one
/// of the rule books. It must approve the expected version in the same rule book or in an earlier
/// one.
fn is_refused(books: &[RuleBook], command: &BookCommand, author: &str, why: &str) -> bool {
    let outcomes: Vec<Result<BookChange, Refusal>> =
        books.iter().map(|book| book.command(command, author)).collect();
    if outcomes.iter().flat_map(|change| change.as_ref().err()).any(|refusal| refusal.to_string() == why) {
        return true;
    }
    let mut seen: Vec<(RuleKey, ReportedVersion)> = Vec::new();
    for change in outcomes.iter().flatten() {
        for entry in &change.delta.rules {
            let Some(found) = entry.now.as_ref().and_then(Rule::approved) else { continue };
            let (rule, found) = (entry.key.clone(), found.version.clone());
            let moved = |expected| {
                let (rule, found) = (rule.clone(), found.clone());
                Refusal::VersionConflict { rule, expected, found }.to_string() == why
            };
            let earlier = seen.iter().filter(|(key, _)| *key == rule).map(|(_, version)| version.clone());
            if earlier.chain([found.clone()]).any(moved) {
                return true;
            }
            seen.push((rule, found));
        }
    }
    false
}

#[cfg(test)]
mod tests;
