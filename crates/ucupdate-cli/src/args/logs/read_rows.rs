//! [`ReadRows`]: counts the lines of logs that could be read and those that could not.

use crate::context::Context;
use crate::failure::Failure;
use crate::files::logs::name;
use ucupdate::LogSummary;
use ucupdate::audit::{FileKind, LineProblem, LogFinding, LogKind};
use ucupdate::value::Counted;

/// The counts of lines that could be read and of those that could not.
#[derive(Debug)]
pub(crate) struct ReadRows {
    kind: LogKind,
    pub(crate) rows: u64,
    /// The number of lines that could not be read.
    pub(crate) unread: u64,
    /// One sentence for each log that could not be understood, or was too long to be read to its
    /// end. At most [`MAX_MESSAGES`].
    nothing: Vec<String>,
    more_nothing: u64,
}

/// The largest number of lines, and of logs, that are reported one by one.
const MAX_MESSAGES: u64 = 10;

/// Returns whether the finding says that a log is too long to be read to its end.
pub(crate) fn is_too_long(finding: &LogFinding) -> bool {
    matches!(finding.problem, LineProblem::LogTooLong { .. })
}

impl ReadRows {
    pub(crate) fn new(kind: LogKind) -> Self {
        Self { kind, rows: 0, unread: 0, nothing: Vec::new(), more_nothing: 0 }
    }

    /// Counts a line that could not be read. Reports the first few of them. A log that is too long
    /// is recorded as a failure for [`refuse_nothing_understood`](Self::refuse_nothing_understood).
    pub(crate) fn unread(&mut self, log: &str, finding: &LogFinding, context: &mut Context) {
        self.unread += 1;
        if is_too_long(finding) {
            self.refuse_later(|| format!("{log}: {finding}; what follows in it is not read"));
        } else if self.unread <= MAX_MESSAGES {
            context.output.message(format_args!("{log}: {finding}"));
        }
    }

    /// Takes note that a log was read to its end. If nothing in it could be understood,
    /// [`refuse_nothing_understood`](Self::refuse_nothing_understood) will fail and name the log.
    pub(crate) fn ended(&mut self, log: &str, summary: &LogSummary) {
        if summary.is_understood() {
            return;
        }
        let kind = name(self.kind);
        let hint = match (self.kind, summary.file_kind) {
            (LogKind::Audit, FileKind::AccessLog) => "; `timeline --access` reads it",
            (LogKind::Access, FileKind::AuditLog) => "; --audit reads it",
            _ => "",
        };
        let looks = match summary.file_kind {
            FileKind::AuditLog | FileKind::AccessLog if hint.is_empty() => {
                format!("{} cannot be read", Counted::new(summary.unread, "row"))
            }
            look => format!("it looks like {look}"),
        };
        self.refuse_later(|| format!("{log}: nothing is understood as an {kind}: {looks}{hint}"));
    }

    fn refuse_later(&mut self, sentence: impl FnOnce() -> String) {
        if (self.nothing.len() as u64) < MAX_MESSAGES {
            self.nothing.push(sentence());
        } else {
            self.more_nothing += 1;
        }
    }

    /// Reports the number of unreadable lines that were not reported one by one.
    pub(crate) fn finish(&self, context: &mut Context) {
        if let Some(more) = self.unread.checked_sub(MAX_MESSAGES).filter(|more| *more > 0) {
            context.output.message(format_args!("{} gave no row", Counted::new(more, "further line")));
        }
    }

    /// Returns whether something in every log could be read, and no log is too long.
    pub(crate) fn is_understood(&self) -> bool {
        self.nothing.is_empty()
    }

    /// Returns whether no row was read although a log has content. In this case "nothing found"
    /// would be a wrong result.
    pub(crate) fn is_nothing(&self) -> bool {
        self.rows == 0 && !self.is_understood()
    }

    /// Fails when nothing in one of the logs could be read, or when a log was too long.
    pub(crate) fn refuse_nothing_understood(self) -> Result<(), Failure> {
        if self.nothing.is_empty() {
            return Ok(());
        }
        let more = match self.more_nothing {
            0 => String::new(),
            more => format!("; and of {}", Counted::new(more, "further log")),
        };
        Err(Failure::not_understood(format_args!("{}{more}", self.nothing.join("; "))))
    }
}
