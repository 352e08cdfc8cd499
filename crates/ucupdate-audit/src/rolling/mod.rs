//! A log as a state machine. It takes rows, and returns actions on a store, the *effects*. The
//! caller performs them and reports their outcomes. The caller is the *driver*.
//!
//! ```text
//!  rows ──push──►  pending rows  ──poll──►  Create / Append / Put / ReadBack ──► the driver's store
//!                       ▲                                                             │
//!                       └────────────── done(outcome) ◄───────────────────────────────┘
//! ```
//!
//! The log creates a file with its first rows. At each flush it appends to the file if the store
//! can, and otherwise writes the whole file again. The roll size limits the size of a file. Except
//! for appends, the store must write each object atomically. Then three rules make the log safe:
//! - The log continues a file only if it knows that it created this file. Otherwise it begins a new
//!   file with the next number.
//! - After a write with an unclear outcome, the log closes the file as soon as the file has the
//!   right content. If the unclear write arrives later, it writes the same content.
//! - After an append that failed or had an unclear outcome, the whole file is written again. This
//!   removes a part of a row that the append may have left. If the append arrives later, it changes
//!   nothing, because the file then has another length than the append expects.

mod effect;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod law;
mod options;

pub use effect::{Effect, EffectOutcome};
pub use options::{RollOptionError, RollOptions};

use crate::access::format::AccessFormat;
use crate::audit::format::{AUDIT_HEADER, AuditFormat};
use crate::log_line::LogLine;
use crate::log_name::{LogDate, LogFile, LogKind, LogName, ServerName};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use ucupdate_core::value::UnixTime;
use ucupdate_core::value::Zone;

/// The audit log or the access log of one server, in files that roll by day and by size. The log itself uses no clock
/// and no store.
///
/// The caller performs one effect at a time and reports its outcome by [`done`](Self::done). It
/// calls [`poll`](Self::poll) after each [`push`](Self::push), after each `done`, and at
/// [`next_deadline`](Self::next_deadline). Rows keep their order. When
/// [`acknowledged`](Self::acknowledged) is greater than the number of a row, the store has this row
/// exactly once, durably. Rows that were not acknowledged may be lost when the program is killed.
///
/// ```
/// use ucupdate_audit::{AuditFormat, AuditRow, Effect, EffectOutcome, RollOptions, RollingLog};
/// use ucupdate_core::value::UnixTime;
/// let format = AuditFormat::new();
/// let mut log = RollingLog::audit("ocs".parse().unwrap(), &format, RollOptions::default());
/// let now = UnixTime::from_seconds(1_236_359_240);
/// let number = log.push(format.line(&AuditRow::device_log_upload("10.1.1.123", now)), now).unwrap();
/// assert_eq!(log.poll(now), None); // it waits a second for others
/// let later = log.next_deadline().unwrap();
/// let Some(Effect::Create { key, bytes }) = log.poll(later) else { panic!("a file to claim") };
/// assert_eq!(key, "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_ocs_2009-03-06.log");
/// assert!(bytes.starts_with(b"Logging DateTime,"));
/// log.done(EffectOutcome::Stored, later);
/// assert!(log.acknowledged() > number);
/// ```
#[derive(Debug)]
pub struct RollingLog {
    form: RowForm,
    /// The length of the header of a file in bytes. It is constant, because every date in a header
    /// has the same length.
    header_bytes: usize,
    server: ServerName,
    options: RollOptions,
    /// The rows that are not acknowledged yet. If an effect was returned and its outcome is not
    /// reported yet, the rows that it writes come first.
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    /// The number of acknowledged rows. It is also the number of the first row in `pending`,
    /// because rows are counted from 0.
    acknowledged: u64,
    /// Rows with a lower number than this must be written now, because of a flush.
    due: u64,
    dropped: u64,
    last_drop: Option<DropReason>,
    /// The day of the last row, and the total size of that day's rows in bytes.
    of_day: Option<(LogDate, u64)>,
    /// The file that may be continued. This log created the file, and every write to it had a clear
    /// outcome. `None` if the next rows need a new file.
    own: Option<OwnFile>,
    /// The day of the latest file, and the highest file number of that day that this log has tried
    /// or that [`mention`](Self::mention) has reported.
    taken: Option<(LogDate, u32)>,
    open_write: Option<OpenWrite>,
    latest: UnixTime,
}

/// The reason why a row was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum DropReason {
    /// The row does not fit into an empty file. See [`RollOptions::with_roll_bytes`].
    #[error("the row does not fit into a log file of {limit} bytes")]
    LongerThanFile { limit: usize },
    /// The rows of this day have reached the limit. See [`RollOptions::with_day_bytes`].
    #[error("the rows of this day have {limit} bytes, which is the limit")]
    DayIsFull { limit: u64 },
    /// Too many rows wait for the store. See [`RollOptions::with_pending`].
    #[error("{rows} rows of {bytes} bytes wait for the store already, which is the limit")]
    TooManyWait { rows: usize, bytes: usize },
}

#[derive(Debug)]
enum RowForm {
    Audit(Zone),
    Access(AccessFormat),
}

impl RowForm {
    fn header(&self, now: UnixTime) -> Cow<'static, str> {
        match self {
            Self::Audit(_) => AUDIT_HEADER.into(),
            Self::Access(format) => format.header(now).into(),
        }
    }
}

#[derive(Debug)]
struct Pending {
    line: LogLine,
    pushed_at: UnixTime,
}

#[derive(Debug)]
struct OwnFile {
    name: LogName,
    content: Arc<[u8]>,
}

/// The file and the rows that the open effect writes, and the progress of the write.
#[derive(Debug)]
struct OpenWrite {
    name: LogName,
    step: WriteStep,
    /// The content of the whole file, with the new rows at its end.
    bytes: Arc<[u8]>,
    /// The number of bytes before the new rows. In a new file they are the header. In a continued
    /// file they are in the store already.
    stored: usize,
    rows: usize,
    /// `true` if a write of these bytes had an unclear outcome and may still arrive.
    unclear: bool,
    /// `true` if an append of the new rows had an unclear outcome.
    is_maybe_appended: bool,
    /// The number of consecutive outcomes without progress. The wait until the next try depends on
    /// it.
    tries: u32,
    wait: Wait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteStep {
    Create,
    Append,
    Put,
    ReadBack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    No,
    Until(UnixTime),
    ForOutcome,
}

/// The number of file names that the log tries without a wait, if files with these names exist
/// already. The names differ only in the file number.
const NUMBERS_AT_ONCE: u32 = 64;

/// The highest file number that [`RollingLog::mention`] accepts. A log never reaches such a high
/// number itself, so a file with a higher number is ignored. Otherwise the log would continue after
/// this number, and could run out of numbers.
const MOST_MENTIONED: u32 = 1 << 31;

/// The largest step back of the clock in milliseconds that does not count as setting back the
/// clock. Times from several threads may differ by less.
const BACK_MILLIS: i64 = 1000;

impl RollingLog {
    /// Creates the audit log of a server, in the time zone of `format`.
    pub fn audit(server: ServerName, format: &AuditFormat, options: RollOptions) -> Self {
        Self::new(RowForm::Audit(format.zone().clone()), server, options)
    }

    /// Creates the access log of a server. `format` has the header of its files.
    pub fn access(server: ServerName, format: &AccessFormat, options: RollOptions) -> Self {
        Self::new(RowForm::Access(format.clone()), server, options)
    }

    fn new(form: RowForm, server: ServerName, options: RollOptions) -> Self {
        Self {
            header_bytes: form.header(UnixTime::default()).len(),
            form,
            server,
            options,
            pending: VecDeque::new(),
            pending_bytes: 0,
            acknowledged: 0,
            due: 0,
            dropped: 0,
            last_drop: None,
            of_day: None,
            own: None,
            taken: None,
            open_write: None,
            latest: UnixTime::from_millis(i64::MIN),
        }
    }

    /// Adds a row and returns its number, counted from 0.
    ///
    /// Returns `None` if the row is dropped. [`dropped`](Self::dropped) counts dropped rows, and
    /// [`last_drop`](Self::last_drop) returns the reason.
    pub fn push(&mut self, line: LogLine, now: UnixTime) -> Option<u64> {
        self.observe(now);
        let bytes = line.as_str().len();
        let day = self.day_of(&line);
        let of_day = self.of_day.filter(|(of, _)| *of == day).map_or(0, |(_, bytes)| bytes);
        let of_day = of_day.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if let Some(reason) = self.drop_reason(bytes, of_day) {
            self.dropped += 1;
            self.last_drop = Some(reason);
            return None;
        }
        self.of_day = Some((day, of_day));
        let number = self.end();
        self.pending_bytes += bytes;
        self.pending.push_back(Pending { line, pushed_at: now });
        Some(number)
    }

    /// Returns the next effect to perform. `None` if nothing must be written at the time `now`.
    /// Only one effect is open at a time, so the result is also `None` until [`done`](Self::done)
    /// is called for the last effect.
    pub fn poll(&mut self, now: UnixTime) -> Option<Effect> {
        self.observe(now);
        if self.open_write.is_none() {
            if !self.is_due(now) {
                return None;
            }
            self.open_write = self.begin_write(now);
        }
        let open_write = self.open_write.as_mut()?;
        let ready = match open_write.wait {
            Wait::No => true,
            Wait::Until(then) => now >= then,
            Wait::ForOutcome => false,
        };
        if !ready {
            return None;
        }
        open_write.wait = Wait::ForOutcome;
        let (key, bytes) = (open_write.name.to_string(), Arc::clone(&open_write.bytes));
        Some(match open_write.step {
            WriteStep::Create => Effect::Create { key, bytes },
            WriteStep::Append => {
                let at = u64::try_from(open_write.stored).unwrap_or(u64::MAX);
                Effect::Append { key, at, bytes: bytes[open_write.stored..].into() }
            }
            WriteStep::Put => Effect::Put { key, bytes },
            WriteStep::ReadBack => Effect::ReadBack { key, bytes },
        })
    }

    /// Takes the outcome of the last effect that [`poll`](Self::poll) returned. Does nothing if
    /// this outcome was reported already.
    ///
    /// Report [`EffectOutcome::Unclear`] for an abandoned effect, for example after a timeout or
    /// when its future was dropped.
    pub fn done(&mut self, outcome: EffectOutcome, now: UnixTime) {
        use EffectOutcome::{Absent, Exists, Failed, Stored, Unclear};
        self.observe(now);
        let Some(mut open_write) = self.open_write.take_if(|open_write| open_write.wait == Wait::ForOutcome)
        else {
            return;
        };
        match (open_write.step, outcome) {
            (WriteStep::Create | WriteStep::Append, Stored) => return self.end_write(open_write, true),
            // An equal file may come from another log with the same server name. No row is lost as
            // long as neither log overwrites this file, so the file is not continued.
            (WriteStep::ReadBack, Stored) => return self.end_write(open_write, false),
            (WriteStep::Put, Stored) => {
                let clear = !open_write.unclear;
                return self.end_write(open_write, clear);
            }
            (WriteStep::Create, Exists) if open_write.unclear => {
                open_write.step = WriteStep::ReadBack;
                open_write.wait = Wait::No;
            }
            (WriteStep::Create | WriteStep::ReadBack, Exists) => {
                open_write.step = WriteStep::Create;
                open_write.unclear = false;
                self.take(&open_write.name);
                open_write.name = self.next_name(open_write.name.date);
                open_write.tries += 1;
                open_write.wait = if open_write.tries % NUMBERS_AT_ONCE == 0 {
                    Wait::Until(after(now, self.options.flush_millis.into()))
                } else {
                    Wait::No
                };
            }
            // The file may be visible but not durable, so it is created again instead of read back. Only `Exists`
            // proves that the file is durable.
            (WriteStep::Create, Unclear) => {
                open_write.unclear = true;
                open_write.back_off(now);
            }
            (WriteStep::Append, Exists | Absent | Failed | Unclear) => {
                open_write.is_maybe_appended = outcome == Unclear;
                open_write.step = WriteStep::Put;
                open_write.wait = Wait::No;
            }
            (WriteStep::ReadBack, Absent) => {
                open_write.step = WriteStep::Create;
                open_write.back_off(now);
            }
            (WriteStep::Put, Unclear) => {
                open_write.unclear = true;
                open_write.back_off(now);
            }
            (WriteStep::ReadBack, Failed | Unclear)
            | (WriteStep::Create, Failed | Absent)
            | (WriteStep::Put, Failed | Absent) => open_write.back_off(now),
            // Another object has taken the name of the file. Acknowledged rows stay in the old
            // file, or are lost with it. Only the new rows are written to another file.
            (WriteStep::Put, Exists) => {
                let (header, rows) =
                    (&open_write.bytes[..self.header_bytes], &open_write.bytes[open_write.stored..]);
                open_write.bytes = [header, rows].concat().into();
                open_write.stored = self.header_bytes;
                open_write.step = WriteStep::Create;
                open_write.unclear = false;
                open_write.is_maybe_appended = false;
                self.take(&open_write.name);
                open_write.name = self.next_name(open_write.name.date);
                open_write.wait = Wait::No;
            }
        }
        self.open_write = Some(open_write);
    }

    /// Makes all waiting rows due now, and a waiting retry too. To shut down, call this and then
    /// perform effects until [`is_flushed`](Self::is_flushed) returns `true`, or until a timeout.
    pub fn flush_now(&mut self) {
        self.due = self.end();
        if let Some(open_write) = &mut self.open_write {
            open_write.hurry();
        }
    }

    /// Returns the time at which the caller must call [`poll`](Self::poll) next, if it adds no row
    /// before that time. A time in the past means now. `None` while the outcome of an effect is
    /// awaited, and when no row waits.
    pub fn next_deadline(&self) -> Option<UnixTime> {
        if let Some(open_write) = &self.open_write {
            return match open_write.wait {
                Wait::No => Some(self.latest),
                Wait::Until(then) => Some(then),
                Wait::ForOutcome => None,
            };
        }
        let first = self.pending.front()?;
        if self.is_hurried() {
            return Some(self.latest);
        }
        Some(after(first.pushed_at, self.options.flush_millis.into()))
    }

    /// Returns the number of the first row that is not yet acknowledged. All rows with lower numbers are stored durably.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Returns the number of rows that this log has dropped since it was created.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns the reason for the last dropped row. `None` if no row was dropped.
    pub fn last_drop(&self) -> Option<DropReason> {
        self.last_drop
    }

    /// Returns the number of rows that wait, including those of the open effect.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Returns the number of waiting rows that may be in the store already. These are the rows of
    /// the open write, if its outcome is unclear or not yet reported.
    pub fn maybe_stored(&self) -> usize {
        let open_write = self.open_write.as_ref().filter(|open_write| open_write.may_be_stored());
        open_write.map_or(0, |open_write| open_write.rows)
    }

    /// Returns whether the waiting rows have reached half of a limit of
    /// [`RollOptions::with_pending`].
    pub fn is_half_full(&self) -> bool {
        let RollOptions { pending_rows, pending_bytes, .. } = self.options;
        self.pending.len() >= pending_rows.div_ceil(2) || self.pending_bytes >= pending_bytes.div_ceil(2)
    }

    /// Returns the time at which the oldest waiting row was pushed. `None` if no row waits.
    pub fn oldest(&self) -> Option<UnixTime> {
        self.pending.front().map(|pending| pending.pushed_at)
    }

    /// Returns `true` if no row waits, so that every accepted row is stored durably.
    pub fn is_flushed(&self) -> bool {
        self.pending.is_empty()
    }

    /// Reports a key that exists in the store, so that the log uses only higher file numbers on
    /// that day. The key may be that of any [`LogFile`]: plain, compressed or zone. A key of
    /// another kind of log or of another server has no effect.
    ///
    /// This call is optional. It saves attempts if a server starts often in one day.
    pub fn mention(&mut self, key: &str) {
        let Some((name, _)) = LogFile::of(key) else { return };
        if name.number > MOST_MENTIONED {
            return;
        }
        let (is_ours, seen) =
            (name.kind == self.kind() && name.server == self.server, (name.date, name.number));
        if is_ours && self.taken.is_none_or(|taken| taken < seen) {
            self.taken = Some(seen);
        }
    }

    /// Returns the reason to drop a row of `bytes` bytes, or `None` to keep the row. `of_day` is
    /// the size of all rows of its day in bytes, including this row.
    fn drop_reason(&self, bytes: usize, of_day: u64) -> Option<DropReason> {
        let RollOptions { roll_bytes, pending_rows, pending_bytes, day_bytes, .. } = self.options;
        if self.header_bytes + bytes > roll_bytes {
            return Some(DropReason::LongerThanFile { limit: roll_bytes });
        }
        if of_day > day_bytes {
            return Some(DropReason::DayIsFull { limit: day_bytes });
        }
        let is_full =
            self.pending.len() >= pending_rows || self.pending_bytes.saturating_add(bytes) > pending_bytes;
        is_full.then_some(DropReason::TooManyWait { rows: self.pending.len(), bytes: self.pending_bytes })
    }

    fn kind(&self) -> LogKind {
        match self.form {
            RowForm::Audit(_) => LogKind::Audit,
            RowForm::Access(_) => LogKind::Access,
        }
    }

    fn day_of(&self, line: &LogLine) -> LogDate {
        LogDate::of(match &self.form {
            RowForm::Audit(zone) => zone.civil(line.at()),
            RowForm::Access(_) => line.at().civil_utc(),
        })
    }

    /// Returns the number that the next row will get.
    fn end(&self) -> u64 {
        self.acknowledged + self.pending.len() as u64
    }

    fn is_hurried(&self) -> bool {
        self.acknowledged < self.due || self.pending_bytes >= self.options.flush_bytes
    }

    /// Returns `true` if rows must be written now. In this case all waiting rows become due.
    fn is_due(&mut self, now: UnixTime) -> bool {
        let Some(first) = self.pending.front() else {
            return false;
        };
        let waited = now >= after(first.pushed_at, self.options.flush_millis.into());
        if waited || self.pending_bytes >= self.options.flush_bytes {
            self.due = self.end();
        }
        self.is_hurried()
    }

    /// Remembers the latest time. If the clock was set back, makes all rows due, because their
    /// deadlines would be far in the future.
    fn observe(&mut self, now: UnixTime) {
        let set_back = now.as_millis().saturating_add(BACK_MILLIS) < self.latest.as_millis();
        if set_back {
            self.flush_now();
        }
        if set_back || now > self.latest {
            self.latest = now;
        }
    }

    /// Returns the next write: the file, and the waiting rows that fit into it. `None` if no row
    /// waits.
    fn begin_write(&self, now: UnixTime) -> Option<OpenWrite> {
        let first = &self.pending.front()?.line;
        let (day, bytes) = (self.day_of(first), first.as_str().len());
        let own = self
            .own
            .as_ref()
            .filter(|own| takes(own.name.date, day) && own.content.len() + bytes <= self.options.roll_bytes);
        let (name, step, mut content) = match own {
            Some(own) => {
                let step = if self.options.append { WriteStep::Append } else { WriteStep::Put };
                (own.name.clone(), step, own.content.to_vec())
            }
            None => (self.next_name(day), WriteStep::Create, self.form.header(now).into_owned().into_bytes()),
        };
        let (mut rows, stored) = (0, content.len());
        for Pending { line, .. } in &self.pending {
            let fits = content.len() + line.as_str().len() <= self.options.roll_bytes;
            if !(fits && takes(name.date, self.day_of(line))) {
                break;
            }
            content.extend_from_slice(line.as_str().as_bytes());
            rows += 1;
        }
        let bytes = content.into();
        Some(OpenWrite {
            name,
            step,
            bytes,
            stored,
            rows,
            unclear: false,
            is_maybe_appended: false,
            tries: 0,
            wait: Wait::No,
        })
    }

    fn next_name(&self, date: LogDate) -> LogName {
        let number = match self.taken {
            Some((taken, number)) if taken == date => number.saturating_add(1),
            _ => 1,
        };
        LogName { kind: self.kind(), server: self.server.clone(), date, number }
    }

    /// Marks the number of this file and all lower numbers of its day as taken.
    fn take(&mut self, name: &LogName) {
        let mentioned = self.taken.filter(|(date, _)| *date == name.date).map_or(0, |(_, number)| number);
        self.taken = Some((name.date, name.number.max(mentioned)));
    }

    /// Removes the rows of `open_write` from the waiting rows, because they are in the store. The
    /// file is continued later only if `clear` is `true`: every write to it had a clear outcome.
    fn end_write(&mut self, open_write: OpenWrite, clear: bool) {
        for row in self.pending.drain(..open_write.rows) {
            self.pending_bytes -= row.line.as_str().len();
            self.acknowledged += 1;
        }
        self.take(&open_write.name);
        self.own = clear.then_some(OwnFile { name: open_write.name, content: open_write.bytes });
    }
}

impl OpenWrite {
    /// Sets the time of the next try. The wait is 0.1 s after the first failure, and doubles with
    /// each further failure, up to 30 s.
    fn back_off(&mut self, now: UnixTime) {
        let millis = (100_i64 << self.tries.min(10)).min(30_000);
        self.tries += 1;
        self.wait = Wait::Until(after(now, millis));
    }

    fn may_be_stored(&self) -> bool {
        self.unclear
            || self.is_maybe_appended
            || (self.wait == Wait::ForOutcome && self.step != WriteStep::ReadBack)
    }

    fn hurry(&mut self) {
        if let Wait::Until(_) = self.wait {
            self.wait = Wait::No;
        }
    }
}

/// Returns `true` if a file of day `file` accepts a row of day `row`: a row of the same day, or a late row of the day
/// before.
fn takes(file: LogDate, row: LogDate) -> bool {
    matches!(file.days_since(row), 0 | 1)
}

fn after(moment: UnixTime, millis: i64) -> UnixTime {
    UnixTime::from_millis(moment.as_millis().saturating_add(millis))
}

#[cfg(test)]
mod tests;
