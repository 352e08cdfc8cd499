//! A log as a state machine: rows go in, effects on a store come out, and their outcomes go in again.
//!
//! ```text
//!  rows ──push──►  pending rows  ──poll──►  Create / Put / ReadBack ──► the driver's store
//!                       ▲                                                    │
//!                       └────────────── done(outcome) ◄──────────────────────┘
//! ```
//!
//! A store has no append. So a file is claimed by creating it with its first rows, and put again whole, bounded by the
//! roll size, at each flush. Two rules make that safe with any store that is atomic in one object:
//! - A file that exists is not continued, unless this log knows that it made it: the next number is claimed.
//! - A file whose writing was ever unclear is closed once it holds what it should. An old write that lands late then
//!   changes nothing.

mod effect;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod law;
mod options;

pub use effect::{Effect, EffectOutcome};
pub use options::{RollOptionError, RollOptions};

use crate::{AUDIT_HEADER, AccessFormat, AuditFormat, LogDate, LogKind, LogLine, LogName, ServerName};
use std::collections::VecDeque;
use std::sync::Arc;
use ucupdate_core::value::UnixTime;
use ucupdate_core::value::Zone;

/// One server's audit or access log, in files that roll by day and by size. Holds no clock and no store.
///
/// Whoever drives it performs one effect at a time and says how it went, and calls [`poll`](Self::poll) after each
/// [`push`](Self::push), each [`done`](Self::done) and at [`next_deadline`](Self::next_deadline). Rows keep their order. A
/// row is kept for good once [`acknowledged`](Self::acknowledged) is above its number: it is then in the store exactly
/// once. Rows that were not acknowledged when the program ended abruptly may be missing.
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
    form: Form,
    server: ServerName,
    options: RollOptions,
    /// Rows that are not acknowledged, those in flight in front.
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    /// The number of the row in front of `pending`.
    acknowledged: u64,
    /// Rows with lower numbers are written without waiting.
    due: u64,
    dropped: u64,
    /// The file that may be continued: this log made it, and each write to it was clear.
    own: Option<OwnFile>,
    /// The last number of a day that was tried or seen.
    taken: Option<(LogDate, u32)>,
    flight: Option<Flight>,
    latest: UnixTime,
}

#[derive(Debug)]
enum Form {
    Audit(Zone),
    Access(AccessFormat),
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

/// Rows on their way.
#[derive(Debug)]
struct Flight {
    name: LogName,
    step: Step,
    bytes: Arc<[u8]>,
    rows: usize,
    /// Whether some write of these bytes may yet land.
    unclear: bool,
    /// Outcomes in a row that were no progress.
    tries: u32,
    wait: Wait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    Put,
    ReadBack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    No,
    Until(UnixTime),
    ForOutcome,
}

/// How many numbers are tried at once before the log waits a little.
const NUMBERS_AT_ONCE: u32 = 64;

/// A clock is set back when it goes back further than this; threads may be out of step by less.
const BACK_MILLIS: i64 = 1000;

impl RollingLog {
    /// The audit log of this server, in the format's zone.
    pub fn audit(server: ServerName, format: &AuditFormat, options: RollOptions) -> Self {
        Self::new(Form::Audit(format.zone().clone()), server, options)
    }

    /// The access log of this server.
    pub fn access(server: ServerName, format: &AccessFormat, options: RollOptions) -> Self {
        Self::new(Form::Access(format.clone()), server, options)
    }

    fn new(form: Form, server: ServerName, options: RollOptions) -> Self {
        Self {
            form,
            server,
            options,
            pending: VecDeque::new(),
            pending_bytes: 0,
            acknowledged: 0,
            due: 0,
            dropped: 0,
            own: None,
            taken: None,
            flight: None,
            latest: UnixTime::from_millis(i64::MIN),
        }
    }

    /// Takes a row to be written, and gives its number, from 0. `None` when it is dropped, which
    /// [`dropped`](Self::dropped) counts: too much is waiting, or the row is longer than a file.
    pub fn push(&mut self, line: LogLine, now: UnixTime) -> Option<u64> {
        self.observe(now);
        let bytes = line.as_str().len();
        let fits_file = self.header(now).len() + bytes <= self.options.roll_bytes;
        let fits_memory = self.pending.len() < self.options.pending_rows
            && self.pending_bytes.saturating_add(bytes) <= self.options.pending_bytes;
        if !(fits_file && fits_memory) {
            self.dropped += 1;
            return None;
        }
        let number = self.end();
        self.pending_bytes += bytes;
        self.pending.push_back(Pending { line, pushed_at: now });
        Some(number)
    }

    /// What to do now, if anything. One effect is out at a time; until [`done`](Self::done) there is no other.
    pub fn poll(&mut self, now: UnixTime) -> Option<Effect> {
        self.observe(now);
        if self.flight.is_none() {
            if !self.is_due(now) {
                return None;
            }
            self.flight = self.take_off(now);
        }
        let flight = self.flight.as_mut()?;
        let ready = match flight.wait {
            Wait::No => true,
            Wait::Until(then) => now >= then,
            Wait::ForOutcome => false,
        };
        if !ready {
            return None;
        }
        flight.wait = Wait::ForOutcome;
        let (key, bytes) = (flight.name.to_string(), Arc::clone(&flight.bytes));
        Some(match flight.step {
            Step::Create => Effect::Create { key, bytes },
            Step::Put => Effect::Put { key, bytes },
            Step::ReadBack => Effect::ReadBack { key, bytes },
        })
    }

    /// Says how the effect that was out went. Without one it does nothing.
    ///
    /// An effect that was given up half-way (a future dropped, a time-out) is [`EffectOutcome::Unclear`].
    pub fn done(&mut self, outcome: EffectOutcome, now: UnixTime) {
        use EffectOutcome::{Absent, Exists, Failed, Stored, Unclear};
        self.observe(now);
        let Some(mut flight) = self.flight.take_if(|flight| flight.wait == Wait::ForOutcome) else {
            return;
        };
        match (flight.step, outcome) {
            (Step::Create, Stored) => return self.land(flight, true),
            // Equal bytes may still be a twin's; that loses nothing as long as neither is overwritten.
            (Step::ReadBack, Stored) => return self.land(flight, false),
            (Step::Put, Stored) => {
                let clear = !flight.unclear;
                return self.land(flight, clear);
            }
            (Step::Create, Exists) if flight.unclear => {
                flight.step = Step::ReadBack;
                flight.wait = Wait::No;
            }
            (Step::Create | Step::ReadBack, Exists) => {
                flight.step = Step::Create;
                flight.unclear = false;
                self.take(&flight.name);
                flight.name = self.next_name(flight.name.date);
                flight.tries += 1;
                flight.wait = if flight.tries % NUMBERS_AT_ONCE == 0 {
                    Wait::Until(after(now, self.options.flush_millis.into()))
                } else {
                    Wait::No
                };
            }
            // The file may be visible and not durable, so it is not read back but created again: only `Exists` says that
            // what is there is durable.
            (Step::Create, Unclear) => {
                flight.unclear = true;
                flight.back_off(now);
            }
            (Step::ReadBack, Absent) => {
                flight.step = Step::Create;
                flight.back_off(now);
            }
            (Step::Put, Unclear) => {
                flight.unclear = true;
                flight.back_off(now);
            }
            (Step::ReadBack, Failed | Unclear)
            | (Step::Create, Failed | Absent)
            | (Step::Put, Failed | Absent | Exists) => flight.back_off(now),
        }
        self.flight = Some(flight);
    }

    /// Lets no row wait, nor a try that failed: for shutting down. Then poll until [`is_flushed`](Self::is_flushed), or
    /// until patience ends.
    pub fn flush_now(&mut self) {
        self.due = self.end();
        if let Some(flight) = &mut self.flight {
            flight.hurry();
        }
    }

    /// When to poll next, if nothing else happens; a time gone by means at once. `None` while an effect is out, and when
    /// nothing waits.
    pub fn next_deadline(&self) -> Option<UnixTime> {
        if let Some(flight) = &self.flight {
            return match flight.wait {
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

    /// How many rows are kept for good: those with lower numbers.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// How many rows were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many rows wait, those on their way included.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Whether every row taken is kept for good.
    pub fn is_flushed(&self) -> bool {
        self.pending.is_empty()
    }

    /// Mentions a key of the store, so that no number below it is tried; of another log or server it means nothing.
    ///
    /// A server that starts often in a day finds a free number sooner for it. It need not be called.
    pub fn mention(&mut self, key: &str) {
        let Ok(name) = key.parse::<LogName>() else {
            return;
        };
        let (is_ours, seen) =
            (name.kind == self.kind() && name.server == self.server, (name.date, name.number));
        if is_ours && self.taken.is_none_or(|taken| taken < seen) {
            self.taken = Some(seen);
        }
    }

    fn kind(&self) -> LogKind {
        match self.form {
            Form::Audit(_) => LogKind::Audit,
            Form::Access(_) => LogKind::Access,
        }
    }

    fn header(&self, now: UnixTime) -> String {
        match &self.form {
            Form::Audit(_) => AUDIT_HEADER.to_owned(),
            Form::Access(format) => format.header(now),
        }
    }

    fn day_of(&self, line: &LogLine) -> LogDate {
        LogDate::of(match &self.form {
            Form::Audit(zone) => zone.civil(line.at()),
            Form::Access(_) => line.at().civil_utc(),
        })
    }

    /// One more than the number of the last row taken.
    fn end(&self) -> u64 {
        self.acknowledged + self.pending.len() as u64
    }

    fn is_hurried(&self) -> bool {
        self.acknowledged < self.due || self.pending_bytes >= self.options.flush_bytes
    }

    /// Whether rows are to be written now; then all that wait are.
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

    /// Once a clock was set back, deadlines by the old one would lie far away: they are dropped.
    fn observe(&mut self, now: UnixTime) {
        let set_back = now.as_millis().saturating_add(BACK_MILLIS) < self.latest.as_millis();
        if set_back {
            self.flush_now();
        }
        if set_back || now > self.latest {
            self.latest = now;
        }
    }

    /// The rows to write next, and the file they go to; nothing when none waits.
    fn take_off(&self, now: UnixTime) -> Option<Flight> {
        let first = &self.pending.front()?.line;
        let (day, bytes) = (self.day_of(first), first.as_str().len());
        let own = self
            .own
            .as_ref()
            .filter(|own| takes(own.name.date, day) && own.content.len() + bytes <= self.options.roll_bytes);
        let (name, step, mut content) = match own {
            Some(own) => (own.name.clone(), Step::Put, own.content.to_vec()),
            None => (self.next_name(day), Step::Create, self.header(now).into_bytes()),
        };
        let mut rows = 0;
        for Pending { line, .. } in &self.pending {
            let fits = content.len() + line.as_str().len() <= self.options.roll_bytes;
            if !(fits && takes(name.date, self.day_of(line))) {
                break;
            }
            content.extend_from_slice(line.as_str().as_bytes());
            rows += 1;
        }
        let bytes = content.into();
        Some(Flight { name, step, bytes, rows, unclear: false, tries: 0, wait: Wait::No })
    }

    fn next_name(&self, date: LogDate) -> LogName {
        let number = match self.taken {
            Some((taken, number)) if taken == date => number.saturating_add(1),
            _ => 1,
        };
        LogName { kind: self.kind(), server: self.server.clone(), date, number }
    }

    /// This number of its day, and all below it, are not tried again.
    fn take(&mut self, name: &LogName) {
        let mentioned = self.taken.filter(|(date, _)| *date == name.date).map_or(0, |(_, number)| number);
        self.taken = Some((name.date, name.number.max(mentioned)));
    }

    /// The rows in flight are in the store. The file is continued only where every write was clear.
    fn land(&mut self, flight: Flight, clear: bool) {
        for row in self.pending.drain(..flight.rows) {
            self.pending_bytes -= row.line.as_str().len();
            self.acknowledged += 1;
        }
        self.take(&flight.name);
        self.own = clear.then_some(OwnFile { name: flight.name, content: flight.bytes });
    }
}

impl Flight {
    /// A tenth of a second, doubled each time, half a minute at most.
    fn back_off(&mut self, now: UnixTime) {
        let millis = (100_i64 << self.tries.min(10)).min(30_000);
        self.tries += 1;
        self.wait = Wait::Until(after(now, millis));
    }

    fn hurry(&mut self) {
        if let Wait::Until(_) = self.wait {
            self.wait = Wait::No;
        }
    }
}

/// Whether the file of a day takes a row of another: its own, and stragglers of the day before.
fn takes(file: LogDate, row: LogDate) -> bool {
    matches!(file.days_since(row), 0 | 1)
}

fn after(moment: UnixTime, millis: i64) -> UnixTime {
    UnixTime::from_millis(moment.as_millis().saturating_add(millis))
}

#[cfg(test)]
mod tests;
