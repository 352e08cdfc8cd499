//! The law of rolling logs, tested against a store that fails in every way.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use super::{Effect, EffectOutcome, RollOptions, RollingLog};
use crate::audit::format::AuditFormat;
use crate::audit::reader::AuditReader;
use crate::audit::row::AuditRow;
use std::collections::BTreeMap;
use std::ops::Range;
use ucupdate_core::value::UnixTime;

/// Runs two logs with one server name in one store. Each byte of `script` is a step: a row is added, time passes, or an
/// effect is performed, possibly with a fault. The faults are refused writes, lost answers, writes that arrive much
/// later, and writes that are visible but not durable. The store of the second log can append, and an append may also be torn.
///
/// After every step, each acknowledged row is durable in the store, no row is there twice, and the rows are in order.
/// Each file has one writer, is complete, and is at most as long as the roll size. Once the store works again, all
/// accepted rows are acknowledged.
pub fn rolling_log(script: &[u8]) {
    let script = script.get(..MOVES).unwrap_or(script);
    let mut model = Model::new();
    for &byte in script {
        if model.step(byte) {
            model.check();
        }
    }
    model.recover();
    model.check();
}

const MOVES: usize = 400;
const ROLL_BYTES: usize = 4096;

struct Model {
    store: BTreeMap<String, File>,
    /// The number of rows that a power cut would leave in each file, by key.
    durable: BTreeMap<String, u64>,
    /// The key of each file and the number of the log that created it, in the order of creation.
    made: Vec<(String, usize)>,
    /// Writes that may still arrive.
    late: Vec<(usize, Effect)>,
    logs: [RollingLog; 2],
    taken: [u64; 2],
    now: UnixTime,
}

/// A file in the store. Its rows are read once, when it is written.
struct File {
    bytes: Vec<u8>,
    /// The numbers of its rows.
    rows: Range<u64>,
}

impl File {
    /// Reads the file of a log. Each of its rows is the successor of the row before, which finds missing and repeated rows. An append may
    /// have left a part of a row at the end.
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

/// The behaviour of the store for one effect.
#[derive(Clone, Copy)]
enum StoreBehaviour {
    Works,
    Refuses,
    LosesAnswer,
    /// The write is visible, its sync fails, and the store returns an error.
    LosesSync,
    LosesRequest,
    ActsLate,
    /// A part of an append is visible. Other effects are not done.
    Tears,
}

impl Model {
    fn new() -> Self {
        let options = RollOptions::default().with_roll_bytes(ROLL_BYTES).expect("4096 is in range");
        let log = |append| {
            let server = "ocs".parse().expect("letters are a server name");
            RollingLog::audit(server, &AuditFormat::new(), options.with_append(append))
        };
        let foreign = "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_ocs_2009-03-06_2.log";
        Self {
            store: BTreeMap::from([(foreign.to_owned(), File { bytes: FOREIGN.to_vec(), rows: 0..0 })]),
            durable: BTreeMap::new(),
            made: Vec::new(),
            late: Vec::new(),
            logs: [log(false), log(true)],
            taken: [0; 2],
            now: UnixTime::from_seconds(1_236_383_990),
        }
    }

    /// Executes one step. Returns `true` if the store may have changed.
    fn step(&mut self, byte: u8) -> bool {
        let (which, choice) = (usize::from(byte >> 7), byte & 0x7f);
        match choice {
            0..=39 => self.push(which, usize::from(choice % 4) * 400),
            40..=49 => self.pass(i64::from(choice - 39) * 150),
            50 => self.pass(6 * 3_600_000),
            51 => self.pass(-30 * 3_600_000),
            52..=53 => self.logs[which].flush_now(),
            54..=63 => self.end_write(usize::from(choice)),
            64..=99 => self.drive(which, StoreBehaviour::Works),
            100..=106 => self.drive(which, StoreBehaviour::Refuses),
            107..=110 => self.drive(which, StoreBehaviour::LosesAnswer),
            111..=116 => self.drive(which, StoreBehaviour::LosesSync),
            117..=118 => self.drive(which, StoreBehaviour::LosesRequest),
            119..=121 => self.drive(which, StoreBehaviour::Tears),
            _ => self.drive(which, StoreBehaviour::ActsLate),
        }
        choice >= 54
    }

    fn push(&mut self, which: usize, filling: usize) {
        let row = AuditRow {
            user_name: format!("{which}:{}", self.taken[which]).into(),
            user_host: "x".repeat(filling).into(),
            ..AuditRow::device_log_upload("h", self.now)
        };
        if self.logs[which].push(AuditFormat::new().line(&row), self.now) == Some(self.taken[which]) {
            self.taken[which] += 1;
        }
    }

    fn pass(&mut self, millis: i64) {
        self.now = UnixTime::from_millis(self.now.as_millis() + millis);
    }

    fn end_write(&mut self, choice: usize) {
        if !self.late.is_empty() {
            let (which, effect) = self.late.remove(choice % self.late.len());
            self.act(which, &effect);
            self.sync(&effect);
        }
    }

    fn drive(&mut self, which: usize, behaviour: StoreBehaviour) {
        let Some(effect) = self.logs[which].poll(self.now) else { return };
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

    /// Makes the object of a writing effect durable. Reading makes nothing durable.
    fn sync(&mut self, effect: &Effect) {
        if matches!(effect, Effect::ReadBack { .. }) {
            return;
        }
        if let Some(file) = self.store.get(effect.key()) {
            self.durable.insert(effect.key().to_owned(), file.rows.end - file.rows.start);
        }
    }

    /// Lets the store work without faults, and flushes everything.
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
        }
        assert_eq!(self.store.len(), self.made.len() + 1);
        assert!(self.store.values().any(|file| file.bytes == FOREIGN), "a foreign file is left alone");
    }
}

const FOREIGN: &[u8] = b"another's";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

        #[test]
        fn acknowledged_rows_are_kept_once_and_in_order_whatever_the_store_does(
            script in prop::collection::vec(any::<u8>(), 0..160),
        ) {
            rolling_log(&script);
        }

        /// Most steps are rows, time and effects, so that files are often continued and rolled.
        #[test]
        fn acknowledged_rows_are_kept_when_the_store_fails_seldom(
            script in prop::collection::vec(
                prop_oneof![4 => 0..40_u8, 4 => 45..50_u8, 8 => 64..70_u8, 1 => 50..128_u8, 1 => 128..=255_u8],
                0..160,
            ),
        ) {
            rolling_log(&script);
        }
    }
}
