//! The law of rolling logs. It is tested with a model of a store that fails in every known way.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use super::RollingLog;
use super::effect::{Effect, EffectOutcome};
use super::options::RollOptions;
use crate::audit::format::AuditFormat;
use crate::audit::reader::AuditReader;
use crate::audit::row::AuditRow;
use arbitrary::{Arbitrary, Result, Unstructured};
use std::collections::BTreeMap;
use std::ops::Range;
use ucupdate_core::value::UnixTime;

/// Runs two logs with the same server name in one store. The bytes choose the limits of the logs,
/// and then the steps: a row is added, time passes, or an effect is performed, possibly with a
/// fault. The faults are refused writes, lost answers, writes that arrive much later, and writes
/// that are visible but not durable. The second log uses appends, of which possibly only a part is
/// written.
///
/// Checks after every step: Each acknowledged row is durable in the store. No row is in the store
/// twice, and the rows are in order. Each file has one writer, is complete, and is at most as long
/// as the roll size.
///
/// Checks at the end: The store works again without faults. Then each row was either accepted and
/// is now acknowledged, or was refused and counted as dropped.
///
/// Checks of deadlines: At a deadline, [`RollingLog::poll`] returns an effect. The next deadline is
/// then in the future. While rows wait, the next deadline is near.
pub fn rolling_log(bytes: &[u8]) {
    let mut choices = Unstructured::new(bytes);
    let limits = Limits::arbitrary(&mut choices).expect("a number can be chosen without bytes");
    let steps = std::iter::from_fn(|| {
        (!choices.is_empty())
            .then(|| Step::arbitrary(&mut choices).expect("a number can be chosen without bytes"))
    });
    take_steps(limits, steps);
}

fn take_steps(limits: Limits, steps: impl IntoIterator<Item = Step>) {
    let mut model = Model::new(limits);
    for step in steps.into_iter().take(MOVES) {
        model.take(step);
        if !step.leaves_store() {
            model.check();
        }
    }
    model.recover();
    model.check();
}

const MOVES: usize = 400;
const ROLL_BYTES: usize = 4096;

/// The longest allowed time until the next deadline while rows wait, in milliseconds. It is the
/// longest wait for a retry, plus a small step back of the clock.
const LONGEST_WAIT_MILLIS: i64 = 30_000 + super::BACK_MILLIS;

/// The limits at which both logs drop rows.
#[derive(Clone, Copy, Debug)]
struct Limits {
    pending_rows: usize,
    day_bytes: u64,
}

impl Limits {
    const WIDE: Self = Self { pending_rows: 1000, day_bytes: u64::MAX };
}

impl<'a> Arbitrary<'a> for Limits {
    fn arbitrary(choices: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match choices.int_in_range(0..=3_u8)? {
            0 => Self { pending_rows: choices.int_in_range(1..=20)?, ..Self::WIDE },
            1 => Self { day_bytes: choices.int_in_range(0..=20_000)?, ..Self::WIDE },
            _ => Self::WIDE,
        })
    }
}

/// One step of the model: an action of one of the two logs, of the clock or of the store.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Adds a row with a host name of this length.
    Push {
        log: usize,
        host_bytes: usize,
    },
    /// Moves the clock forward, or back if `millis` is negative.
    Pass {
        millis: i64,
    },
    Flush {
        log: usize,
    },
    /// Tells the log, by [`RollingLog::mention`], that the store has the file with this number.
    Mention {
        log: usize,
        number: u32,
    },
    /// A write that is late arrives at the store. `choice` chooses one of the late writes.
    Arrive {
        choice: usize,
    },
    /// The log requests its next action on the store, if one is due. The store performs this
    /// action, or fails as `behaviour` says.
    Perform {
        log: usize,
        behaviour: StoreBehaviour,
    },
}

impl Step {
    fn leaves_store(self) -> bool {
        !matches!(self, Self::Arrive { .. } | Self::Perform { .. })
    }
}

impl<'a> Arbitrary<'a> for Step {
    /// Chooses a step. About half of the steps perform effects, because each row needs an effect.
    fn arbitrary(choices: &mut Unstructured<'a>) -> Result<Self> {
        let log = choices.int_in_range(0..=1)?;
        Ok(match choices.int_in_range(0..=31_u8)? {
            0..=8 => Self::Push { log, host_bytes: choices.int_in_range(0..=1200)? },
            9 => Self::Push { log, host_bytes: choices.int_in_range(0..=ROLL_BYTES)? },
            10..=11 => Self::Pass { millis: choices.int_in_range(0..=2000)? },
            12 => Self::Pass { millis: choices.int_in_range(-30..=6)? * 3_600_000 },
            13 => Self::Flush { log },
            14 => Self::Mention { log, number: choices.int_in_range(1..=9)? },
            15..=16 => Self::Arrive { choice: choices.int_in_range(0..=9)? },
            _ => Self::Perform { log, behaviour: StoreBehaviour::arbitrary(choices)? },
        })
    }
}

struct Model {
    store: BTreeMap<String, File>,
    /// The number of rows that a power cut would leave in each file, by key.
    durable: BTreeMap<String, u64>,
    /// The key of each file, in the order of creation. Each has the index in `logs` of the log that
    /// created it.
    made: Vec<(String, usize)>,
    /// The writes that were answered with [`EffectOutcome::Unclear`] and have not reached the store
    /// yet. Each has the index in `logs` of the log that requested it.
    late: Vec<(usize, Effect)>,
    logs: [RollingLog; 2],
    taken: [u64; 2],
    dropped: [u64; 2],
    now: UnixTime,
}

/// A file in the store. The user name of each row contains the index of the log and the number of
/// the row.
struct File {
    bytes: Vec<u8>,
    /// The numbers of the rows in the file, as read from `bytes`.
    rows: Range<u64>,
}

impl File {
    /// Reads a file of the log with index `which`. Checks that the rows have consecutive numbers,
    /// so that no row is missing or repeated. A part of a row at the end, which an append may have
    /// left, is ignored.
    fn of_log(which: usize, key: &str, bytes: &[u8]) -> Self {
        assert!(bytes.len() <= ROLL_BYTES, "{key} is too long");
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut rows: Option<Range<u64>> = None;
        for row in AuditReader::new(&bytes[..whole]) {
            let row = row.expect("a row that was written is read");
            let (writer, number) = row.user_name.split_once(':').expect("the name has two numbers");
            assert_eq!(writer.parse(), Ok(which), "in {key}");
            let number = number.parse().expect("a number");
            let rows = rows.get_or_insert(number..number);
            assert_eq!(number, rows.end, "in {key}");
            rows.end += 1;
        }
        Self { bytes: bytes.to_vec(), rows: rows.unwrap_or_default() }
    }
}

/// The behaviour of the simulated store when it performs one action.
#[derive(Clone, Copy, Debug)]
enum StoreBehaviour {
    Works,
    Refuses,
    LosesAnswer,
    /// The write is visible, its sync fails, and the store returns an error.
    LosesSync,
    LosesRequest,
    ActsLate,
    /// A part of an append is visible. Other effects are not performed. The outcome is unclear.
    Tears,
}

impl<'a> Arbitrary<'a> for StoreBehaviour {
    fn arbitrary(choices: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match choices.int_in_range(0..=15_u8)? {
            0..=8 => Self::Works,
            9..=10 => Self::Refuses,
            11 => Self::LosesAnswer,
            12 => Self::LosesSync,
            13 => Self::LosesRequest,
            14 => Self::Tears,
            _ => Self::ActsLate,
        })
    }
}

impl Model {
    fn new(limits: Limits) -> Self {
        let options = RollOptions::default()
            .with_roll_bytes(ROLL_BYTES)
            .and_then(|options| options.with_pending(limits.pending_rows, usize::MAX))
            .expect("the limits are in range")
            .with_day_bytes(limits.day_bytes);
        let log = |append| {
            let server = "ocs".parse().expect("letters are a server name");
            RollingLog::audit(server, &AuditFormat::new(), options.with_append(append))
        };
        Self {
            store: BTreeMap::from([(key(2), File { bytes: FOREIGN.to_vec(), rows: 0..0 })]),
            durable: BTreeMap::new(),
            made: Vec::new(),
            late: Vec::new(),
            logs: [log(false), log(true)],
            taken: [0; 2],
            dropped: [0; 2],
            now: UnixTime::from_seconds(1_236_383_990),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Push { log, host_bytes } => self.push(log, host_bytes),
            Step::Pass { millis } => self.now = UnixTime::from_millis(self.now.as_millis() + millis),
            Step::Flush { log } => self.logs[log].flush_now(),
            Step::Mention { log, number } => self.logs[log].mention(&key(number)),
            Step::Arrive { choice } => self.end_write(choice),
            Step::Perform { log, behaviour } => self.drive(log, behaviour),
        }
    }

    fn push(&mut self, which: usize, host_bytes: usize) {
        let row = AuditRow {
            user_name: format!("{which}:{}", self.taken[which]).into(),
            user_host: "x".repeat(host_bytes).into(),
            ..AuditRow::device_log_upload("h", self.now)
        };
        match self.logs[which].push(AuditFormat::new().line(&row), self.now) {
            Some(number) => {
                assert_eq!(number, self.taken[which], "rows are counted");
                self.taken[which] += 1;
            }
            None => self.dropped[which] += 1,
        }
        self.check_deadline(which);
    }

    /// Checks that the next deadline of a log is near. If the log has no deadline, checks that no
    /// row waits. Call this only after a call that told the log the current time.
    fn check_deadline(&self, which: usize) {
        match self.logs[which].next_deadline() {
            None => assert!(self.logs[which].is_flushed(), "rows wait without a deadline"),
            Some(deadline) => {
                let wait = deadline.as_millis() - self.now.as_millis();
                assert!(wait <= LONGEST_WAIT_MILLIS, "the next deadline comes after {wait} ms");
            }
        }
    }

    fn end_write(&mut self, choice: usize) {
        if !self.late.is_empty() {
            let (which, effect) = self.late.remove(choice % self.late.len());
            self.act(which, &effect);
            self.sync(&effect);
        }
    }

    fn drive(&mut self, which: usize, behaviour: StoreBehaviour) {
        let log = &mut self.logs[which];
        let is_due = log.next_deadline().is_some_and(|deadline| deadline <= self.now);
        let effect = log.poll(self.now);
        assert!(effect.is_some() || !is_due, "nothing is done at the deadline");
        let is_soon = log.next_deadline().is_some_and(|deadline| deadline <= self.now);
        assert!(!is_soon, "the next deadline is in the future, or waits for the effect");
        let Some(effect) = effect else { return self.check_deadline(which) };
        let outcome = match behaviour {
            StoreBehaviour::Works => {
                let outcome = self.act(which, &effect);
                self.sync(&effect);
                outcome
            }
            StoreBehaviour::Refuses => EffectOutcome::Failed,
            StoreBehaviour::LosesAnswer => {
                self.act(which, &effect);
                self.sync(&effect);
                EffectOutcome::Unclear
            }
            StoreBehaviour::LosesSync => {
                self.act(which, &effect);
                EffectOutcome::Unclear
            }
            StoreBehaviour::LosesRequest => EffectOutcome::Unclear,
            StoreBehaviour::Tears => {
                if let Effect::Append { key, at, bytes } = effect {
                    let part = bytes[..bytes.len() * 2 / 3].into();
                    self.act(which, &Effect::Append { key, at, bytes: part });
                }
                EffectOutcome::Unclear
            }
            StoreBehaviour::ActsLate => {
                self.late.push((which, effect));
                EffectOutcome::Unclear
            }
        };
        self.logs[which].done(outcome, self.now);
        self.check_deadline(which);
    }

    fn act(&mut self, which: usize, effect: &Effect) -> EffectOutcome {
        match effect {
            Effect::Create { key, .. } if self.store.contains_key(key) => EffectOutcome::Exists,
            Effect::Create { key, bytes } => {
                assert!(bytes.ends_with(b"\n"), "{key} is whole");
                self.made.push((key.clone(), which));
                self.store.insert(key.clone(), File::of_log(which, key, bytes));
                EffectOutcome::Stored
            }
            Effect::Put { key, bytes } => {
                assert!(
                    self.made.contains(&(key.clone(), which)),
                    "{key} is written only by the log that created it"
                );
                assert!(bytes.ends_with(b"\n"), "{key} is whole");
                self.store.insert(key.clone(), File::of_log(which, key, bytes));
                EffectOutcome::Stored
            }
            Effect::Append { key, at, bytes } => {
                assert!(
                    self.made.contains(&(key.clone(), which)),
                    "{key} is continued only by the log that created it"
                );
                let Some(file) = self.store.get(key) else { return EffectOutcome::Absent };
                if file.bytes.len() as u64 != *at {
                    return EffectOutcome::Failed;
                }
                let whole = [&*file.bytes, bytes].concat();
                self.store.insert(key.clone(), File::of_log(which, key, &whole));
                EffectOutcome::Stored
            }
            Effect::ReadBack { key, .. } => effect.compare(self.store.get(key).map(|file| &*file.bytes)),
        }
    }

    /// Makes the object of an effect durable. Does nothing for an effect that only reads.
    fn sync(&mut self, effect: &Effect) {
        if matches!(effect, Effect::ReadBack { .. }) {
            return;
        }
        if let Some(file) = self.store.get(effect.key()) {
            self.durable.insert(effect.key().to_owned(), file.rows.end - file.rows.start);
        }
    }

    /// Lets the store work without faults, and flushes both logs. Checks that all rows are
    /// acknowledged.
    fn recover(&mut self) {
        for which in 0..self.logs.len() {
            // A row needs a few effects at most, such as finding an existing file, reading it back, and creating
            // another one.
            let mut left = MOVES * 4;
            while !self.logs[which].is_flushed() && left > 0 {
                self.logs[which].flush_now();
                self.drive(which, StoreBehaviour::Works);
                left -= 1;
            }
            assert!(self.logs[which].is_flushed());
            assert_eq!(self.logs[which].acknowledged(), self.taken[which]);
            assert_eq!(self.logs[which].dropped(), self.dropped[which]);
        }
        while !self.late.is_empty() {
            self.end_write(0);
        }
        let torn = self.made.iter().find(|(key, _)| !self.store[key].bytes.ends_with(b"\n"));
        assert_eq!(torn, None, "a torn file is repaired");
    }

    fn check(&self) {
        let mut found = [0_u64; 2];
        let mut durable = [0_u64; 2];
        for (key, which) in &self.made {
            let rows = &self.store[key].rows;
            assert!(rows.is_empty() || rows.start == found[*which], "{key} begins at {}", rows.start);
            found[*which] += rows.end - rows.start;
            durable[*which] += self.durable.get(key).copied().unwrap_or_default();
        }
        for (log, durable) in self.logs.iter().zip(durable) {
            assert!(
                durable >= log.acknowledged(),
                "{durable} of {} acknowledged rows are durable",
                log.acknowledged()
            );
        }
        for (log, found) in self.logs.iter().zip(found) {
            assert!(found >= log.acknowledged(), "{found} of {} acknowledged", log.acknowledged());
            let waiting = found - log.acknowledged();
            assert!(
                waiting <= log.maybe_stored() as u64,
                "the store has {waiting} rows that the log does not count as maybe stored"
            );
            assert!(log.maybe_stored() <= log.pending());
            assert_eq!(log.oldest().is_some(), log.pending() > 0);
        }
        assert_eq!(self.store.len(), self.made.len() + 1);
        assert!(self.store.values().any(|file| file.bytes == FOREIGN), "a foreign file is left alone");
    }
}

const FOREIGN: &[u8] = b"another's";

/// Returns the key of the audit log file with this number, of the day on which the model begins.
fn key(number: u32) -> String {
    let number = if number == 1 { String::new() } else { format!("_{number}") };
    format!("Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_ocs_2009-03-06{number}.log")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The divisor of the number of steps. Under Miri there are fewer steps.
    const PART: usize = if cfg!(miri) { 5 } else { 1 };

    /// Generates steps without faults: rows, time and effects. In a run of such steps, files are
    /// often continued and rolled.
    fn usual_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (0..2_usize, 0..1200_usize).prop_map(|(log, host_bytes)| Step::Push { log, host_bytes }),
            2 => (900..1500_i64).prop_map(|millis| Step::Pass { millis }),
            4 => (0..2_usize).prop_map(|log| Step::Perform { log, behaviour: StoreBehaviour::Works }),
        ]
    }

    fn any_step() -> impl Strategy<Value = Step> {
        any::<[u8; 8]>().prop_map(|bytes| Step::arbitrary(&mut Unstructured::new(&bytes)).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 192 }))]

        #[test]
        fn acknowledged_rows_are_kept_once_and_in_order_whatever_the_store_does(
            bytes in prop::collection::vec(any::<u8>(), 0..500 / PART),
        ) {
            rolling_log(&bytes);
        }

        #[test]
        fn acknowledged_rows_are_kept_when_the_store_fails_seldom(
            steps in prop::collection::vec(prop_oneof![8 => usual_step(), 1 => any_step()], 0..160 / PART),
        ) {
            take_steps(Limits::WIDE, steps);
        }
    }
}
