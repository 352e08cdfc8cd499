//! Measures how long a decision takes, in comparison with floors: programs that do the least that
//! is necessary.
//!
//! `floor` does what any table of rules must do: fold the case of the six words, hash them, probe
//! once and compare once, in a table with the same number of slots and the same hasher. The slot,
//! the key and the bytes of the key are at three places in memory. It reads the words of the same
//! devices, so the memory of the devices counts in both results. `floor_line` does the same with
//! all three in one cache line, which a table for keys of any length cannot do. `std` is a
//! `HashMap` with owned keys, for orientation.
//!
//! A rule with a version scheme parses the text of the installed version during the decision,
//! because the scheme is not known before the rule is found. The floor of such a row also reads
//! this text once, but only its digits and full stops.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "criterion's macros; a bench that cannot set up has failed"
)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::time::{Duration, Instant};
use ucupdate_benches::rules::{
    book, device, in_rollout, in_scheme, module, rule_words, with_aliases, with_bans,
};
use ucupdate_core::decide::explain;
use ucupdate_core::request::{AskedFrom, InstalledModule};
use ucupdate_core::value::UnixTime;
use ucupdate_core::{Decision, Device, EligibilityIndex, Question, RuleBook, UpdateRequest, decide};

const NOW: UnixTime = UnixTime::from_seconds(1_236_359_439);

/// The floor `floor`: a table of folded keys with open addressing. On average half of its slots are
/// taken.
struct Floor {
    slots: Vec<u32>,
    keys: Vec<Box<[u8]>>,
}

fn fold<'a>(words: [&str; 6], buffer: &'a mut [u8; 128]) -> &'a [u8] {
    let mut end = 0;
    for word in words {
        buffer[end..end + word.len()].copy_from_slice(word.as_bytes());
        end += word.len() + 1;
    }
    buffer[..end].make_ascii_lowercase();
    &buffer[..end]
}

fn hash(key: &[u8]) -> usize {
    usize::try_from(FixedState::with_seed(1).hash_one(key) & 0xffff_ffff).unwrap()
}

impl Floor {
    fn new(rules: u32) -> Self {
        let mut floor =
            Self { slots: vec![u32::MAX; (rules as usize * 2).next_power_of_two()], keys: Vec::new() };
        for number in 0..rules {
            let words = rule_words(number);
            let mut buffer = [0; 128];
            let key = fold(words.each_ref().map(String::as_str), &mut buffer);
            let mut at = hash(key) & (floor.slots.len() - 1);
            while floor.slots[at] != u32::MAX {
                at = (at + 1) & (floor.slots.len() - 1);
            }
            floor.slots[at] = number;
            floor.keys.push(key.into());
        }
        floor
    }

    #[inline]
    fn find(&self, words: [&str; 6]) -> Option<u32> {
        let mut buffer = [0; 128];
        let key = fold(words, &mut buffer);
        let mut at = hash(key) & (self.slots.len() - 1);
        while self.slots[at] != u32::MAX {
            if *self.keys[self.slots[at] as usize] == *key {
                return Some(self.slots[at]);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        None
    }
}

/// A slot of the floor `floor_line`, which is one cache line: the key and the number of its rule.
#[repr(align(64))]
#[derive(Clone, Copy)]
struct Line {
    length: u8,
    key: [u8; 59],
    number: u32,
}

struct LineFloor(Vec<Line>);

impl LineFloor {
    fn new(rules: u32) -> Self {
        let empty = Line { length: 0, key: [0; 59], number: 0 };
        let mut lines = vec![empty; (rules as usize * 2).next_power_of_two()];
        for number in 0..rules {
            let words = rule_words(number);
            let mut buffer = [0; 128];
            let folded = fold(words.each_ref().map(String::as_str), &mut buffer);
            let mut at = hash(folded) & (lines.len() - 1);
            while lines[at].length > 0 {
                at = (at + 1) & (lines.len() - 1);
            }
            lines[at] = Line { length: u8::try_from(folded.len()).unwrap(), number, ..empty };
            lines[at].key[..folded.len()].copy_from_slice(folded);
        }
        Self(lines)
    }

    #[inline]
    fn find(&self, words: [&str; 6]) -> Option<u32> {
        let Self(lines) = self;
        let mut buffer = [0; 128];
        let key = fold(words, &mut buffer);
        let mut at = hash(key) & (lines.len() - 1);
        while lines[at].length > 0 {
            if lines[at].key[..usize::from(lines[at].length)] == *key {
                return Some(lines[at].number);
            }
            at = (at + 1) & (lines.len() - 1);
        }
        None
    }
}

/// Reads the numbers at the end of a version, which is the least that a version scheme must do.
/// Returns them and the index at which they begin.
#[inline]
fn numbers_of(version: &str) -> ([u32; 8], usize) {
    let is_of_numbers = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let begin = version.bytes().rposition(|byte| !is_of_numbers(byte)).map_or(0, |at| at + 1);
    let (mut numbers, mut at) = ([0_u32; 8], 0);
    for byte in version.as_bytes()[begin..].iter() {
        match byte {
            b'.' => at += 1,
            digit => numbers[at & 7] = numbers[at & 7].wrapping_mul(10).wrapping_add(u32::from(digit - b'0')),
        }
    }
    (numbers, begin)
}

/// Returns the six words of the rule for which a device asks.
#[inline]
fn words_of(device: &Device) -> [&str; 6] {
    let [kind, vendor, model, revision, locale] = device.kind.words();
    [kind, vendor, model, revision, locale, "CPE"]
}

/// Returns the number of devices that ask in turn. Each device is of another rule, far from the
/// rule of the device before. So an answer is never in the nearest cache, and the data of many
/// rules does not fit into any cache.
fn asked(rules: u32) -> u32 {
    rules.clamp(4096, 65_536)
}

fn deciding(criterion: &mut Criterion) {
    for (rules, name) in [(100, "100"), (10_000, "10k"), (100_000, "100k"), (1_000_000, "1M")] {
        let book = book(rules);
        let index = EligibilityIndex::compile(&book, 1);
        let floor = Floor::new(rules);
        let std: HashMap<[String; 6], u32> = (0..rules)
            .map(|number| (rule_words(number).map(|word| word.to_ascii_lowercase()), number))
            .collect();
        let line_floor = LineFloor::new(rules);
        let numbers = rules_in_turn(rules);
        let mut group = criterion.benchmark_group(format!("decide/{name}_rules"));
        let phones = |mac: &dyn Fn(u32) -> String, shift: u32| {
            let phones = numbers.iter().map(|number| device(*number + shift, &mac(*number)));
            phones.collect::<Vec<_>>()
        };
        let own = |number: u32| format!("002163{number:06X}");
        let tester = |_| "000000000001".to_owned();
        let (owned, tested, strange) = (phones(&own, 0), phones(&tester, 0), phones(&own, rules));

        group.bench_function("floor", |bench| {
            let mut turn = Turn::over(&owned);
            for (phone, number) in owned.iter().zip(&numbers) {
                assert_eq!(floor.find(words_of(phone)), Some(*number));
            }
            bench.iter(|| floor.find(words_of(black_box(&owned[turn.next()]))));
        });
        group.bench_function("floor_line", |bench| {
            let mut turn = Turn::over(&owned);
            for (phone, number) in owned.iter().zip(&numbers) {
                assert_eq!(line_floor.find(words_of(phone)), Some(*number));
            }
            bench.iter(|| line_floor.find(words_of(black_box(&owned[turn.next()]))));
        });
        group.bench_function("std_map", |bench| {
            let mut turn = Turn::over(&owned);
            let find = |phone: &Device| std.get(&words_of(phone).map(str::to_ascii_lowercase)).copied();
            assert_eq!(find(&owned[1]), Some(numbers[1]));
            bench.iter(|| find(black_box(&owned[turn.next()])));
        });

        for (case, phones, version, expected) in [
            ("hit", &owned, "2.0.0.0", None),
            ("up_to_date", &owned, "3.5.6907.0", None),
            ("stone", &owned, "1.0.522.34", None),
            ("test_device", &tested, "2.0.0.0", None),
            ("miss", &strange, "2.0.0.0", Some("no-rule")),
        ] {
            let module = module(version);
            group.bench_function(case, |bench| measure(bench, &index, phones, &module, expected));
        }
        // The same rules, each with a rollout of another version to a tenth of the devices.
        let shared = EligibilityIndex::compile(&in_rollout(&book), 2);
        let module = module("2.0.0.0");
        group.bench_function("percentage", |bench| measure(bench, &shared, &owned, &module, None));

        let requests: Vec<UpdateRequest> = owned
            .iter()
            .map(|device| UpdateRequest {
                device: device.clone(),
                user_name: "".into(),
                request_date_time: ucupdate_core::value::Reported::default(),
                modules: vec![module.clone()],
            })
            .collect();
        group.bench_function("explain", |bench| {
            let mut turn = Turn::over(&requests);
            bench.iter(|| {
                let explained = explain(&index, black_box(&requests[turn.next()]), AskedFrom::default(), NOW);
                explained.modules.len()
            });
        });
        group.finish();
    }
}

/// Returns rule numbers that are far apart. Each occurs once, unless there are fewer rules than
/// devices. 7919 is a prime number that divides none of the numbers of rules.
fn rules_in_turn(rules: u32) -> Vec<u32> {
    (0..asked(rules)).map(|at| u32::try_from(u64::from(at) * 7919 % u64::from(rules)).unwrap()).collect()
}

/// The index of the device that asks next.
struct Turn {
    at: usize,
    count: usize,
}

impl Turn {
    fn over<T>(devices: &[T]) -> Self {
        Self { at: 0, count: devices.len() }
    }

    fn next(&mut self) -> usize {
        self.at += 1;
        if self.at == self.count {
            self.at = 0;
        }
        self.at
    }
}

fn measure(
    bench: &mut criterion::Bencher<'_>,
    index: &EligibilityIndex,
    phones: &[Device],
    module: &InstalledModule,
    expected: Option<&str>,
) {
    let (mut turn, mut offers) = (Turn::over(phones), 0);
    for phone in phones {
        let question = Question::new(phone, module);
        let measured = allocation_counter::measure(|| {
            black_box(decide(index, &question, NOW).offer());
        });
        assert_eq!(measured.count_total, 0, "deciding allocates nothing");
        let decision = decide(index, &question, NOW);
        offers += usize::from(decision.offer().is_some());
        match expected {
            Some(word) => assert_eq!(decision.word(), word),
            None => assert!(!matches!(decision, Decision::NoRule), "there is a rule for each of these"),
        }
    }
    let up_to_date = module.version.as_str() == "3.5.6907.0";
    assert_eq!(offers, if expected.is_some() || up_to_date { 0 } else { phones.len() });
    bench.iter(|| {
        let question = Question::new(black_box(&phones[turn.next()]), black_box(module));
        decide(index, &question, NOW).offer().is_some()
    });
}

/// The highest cost of a decision, as a multiple of the floor.
const LIMIT: f64 = 2.0;

/// The highest cost of a decision in a rule book with aliases and bans that do not apply, as a
/// multiple of the same decision without them. The part above 1 allows for the error of the
/// measurement.
const UNUSED_LIMIT: f64 = 1.15;

/// Prints the cost of decisions in rule books with version schemes, aliases and bans, as multiples
/// of the floor, and asserts the limits. Asserts also that aliases and bans cost nothing where they
/// do not apply. The rounds of compared functions alternate, and the fastest round of each counts.
fn ratios(_: &mut Criterion) {
    for (rules, name) in [(100, "100"), (10_000, "10k"), (100_000, "100k")] {
        let plain = book(rules);
        let floor = Floor::new(rules);
        let numbers = rules_in_turn(rules);
        let own: Vec<Device> =
            numbers.iter().map(|number| device(*number, &format!("002163{number:06X}"))).collect();
        let mut other = own.clone();
        for device in &mut other {
            device.kind.hardware_revision = "B".parse().unwrap();
        }
        let index = |book: &RuleBook| EligibilityIndex::compile(book, 1);
        let (alone, aliases) = (index(&plain), index(&with_aliases(&plain)));
        let (numeric, prefixed) =
            (index(&in_scheme(&plain, "numeric")), index(&in_scheme(&plain, "prefixed:UC*HD_")));
        let (banned, unused) =
            (index(&with_bans(&plain, "3.5.6907.0")), index(&with_bans(&plain, "1.2.3.4")));
        let find_all = || {
            for phone in &own {
                black_box(floor.find(words_of(black_box(phone))));
            }
        };
        let mut over = Vec::new();
        for (case, index, devices, version, word) in [
            ("hit", &alone, &own, "2.0.0.0", "offer"),
            ("scheme", &numeric, &own, "2.0.0.0.44.09", "offer"),
            ("scheme_up_to_date", &numeric, &own, "3.5.06907", "up-to-date"),
            ("prefixed_scheme", &prefixed, &own, "UC440HD_2.0.3.21", "offer"),
            ("alias", &aliases, &other, "2.0.0.0", "offer"),
            ("ban", &banned, &own, "2.0.0.0", "banned"),
        ] {
            let module = module(version);
            let ours = || ask_all(index, devices, &module, word);
            let mut cost = ratio(find_all, ours);
            print!("decide/{name}_rules/{case}: {cost:.2} of the floor");
            // A version in the form of .NET is parsed with the request, other versions during the
            // decision.
            if module.version.readable().is_none() {
                let find_and_read_all = || {
                    for phone in &own {
                        black_box(floor.find(words_of(black_box(phone))));
                        black_box(numbers_of(black_box(version)));
                    }
                };
                cost = ratio(find_and_read_all, ours);
                print!(", {cost:.2} of the floor that reads the version");
            }
            println!(", limit {LIMIT:.2}");
            if cost > LIMIT {
                over.push(case);
            }
        }
        assert!(over.is_empty(), "{over:?} with {name} rules");
        let module = module("2.0.0.0");
        let without = || ask_all(&alone, &own, &module, "offer");
        for (case, index) in [("alias_unused", &aliases), ("ban_unused", &unused)] {
            let ratio = ratio(without, || ask_all(index, &own, &module, "offer"));
            println!("decide/{name}_rules/{case}: {ratio:.2} of the book without, limit {UNUSED_LIMIT:.2}");
            assert!(ratio <= UNUSED_LIMIT, "{case} with {name} rules");
        }
    }
}

/// Makes the decision for each device once. Asserts the first one.
fn ask_all(index: &EligibilityIndex, devices: &[Device], module: &InstalledModule, word: &str) {
    assert_eq!(decide(index, &Question::new(&devices[0], module), NOW).word(), word);
    for device in devices {
        let question = Question::new(black_box(device), black_box(module));
        black_box(decide(index, &question, NOW).offer().is_some());
    }
}

/// Returns the time of the fastest round of `ours`, divided by the time of the fastest round of
/// `peer`.
fn ratio(peer: impl Fn(), ours: impl Fn()) -> f64 {
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..100 {
        for (fastest, round) in fastest.iter_mut().zip([&peer as &dyn Fn(), &ours]) {
            let begin = Instant::now();
            round();
            *fastest = begin.elapsed().min(*fastest);
        }
    }
    fastest[1].as_secs_f64() / fastest[0].as_secs_f64()
}

fn compiling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    for rules in [10_000, 100_000] {
        let book = book(rules);
        group.bench_with_input(BenchmarkId::from_parameter(rules), &book, |bench, book| {
            assert_eq!(EligibilityIndex::compile(book, 1).rule_count(), rules as usize);
            bench.iter(|| EligibilityIndex::compile(black_box(book), 1));
        });
    }
    group.finish();
}

criterion_group!(benches, ratios, deciding, compiling);
criterion_main!(benches);
