//! How long deciding takes, beside the least it could take, in one run.
//!
//! `floor` is what any table of rules must do: fold the case of the six words, hash them, probe once, compare once, in a
//! table of the same number of slots with the same hasher. `std` is a `HashMap` from an owned key, for orientation.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros; a bench that cannot set up has failed"
)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::hint::black_box;
use ucupdate_benches::rules::{book, device, module, rule_words};
use ucupdate_core::{Decision, EligibilityIndex, UnixTime, UpdateRequest, decide, explain};

const NOW: UnixTime = UnixTime::from_seconds(1_236_359_439);

/// The floor: a table of folded keys, open addressing, one key a slot on average half of them taken.
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

fn deciding(criterion: &mut Criterion) {
    for (rules, name) in [(100, "100"), (10_000, "10k"), (100_000, "100k")] {
        let book = book(rules);
        let index = EligibilityIndex::compile(&book, 1);
        let floor = Floor::new(rules);
        let std: HashMap<[String; 6], u32> = (0..rules)
            .map(|number| (rule_words(number).map(|word| word.to_ascii_lowercase()), number))
            .collect();
        let number = rules / 2;
        let words = rule_words(number);
        let said = words.each_ref().map(String::as_str);
        let mut group = criterion.benchmark_group(format!("decide/{name}_rules"));

        group.bench_function("floor", |bench| {
            assert_eq!(floor.find(said), Some(number));
            bench.iter(|| floor.find(black_box(said)));
        });
        group.bench_function("std_map", |bench| {
            let find = || std.get(&said.map(str::to_ascii_lowercase)).copied();
            assert_eq!(find(), Some(number));
            bench.iter(find);
        });
        let phone = device(number, "00-21-63-0F-20-7B");
        for (case, version, expected) in [
            ("hit", "2.0.0.0", "offer"),
            ("up_to_date", "3.5.6907.0", "up-to-date"),
            ("stone", "1.0.522.34", "offer"),
        ] {
            let module = module(version);
            group.bench_function(case, |bench| {
                assert_eq!(decide(&index, &phone, &module, NOW).word(), expected);
                let measured = allocation_counter::measure(|| {
                    black_box(decide(&index, &phone, &module, NOW).offer());
                });
                assert_eq!(measured.count_total, 0, "deciding allocates nothing");
                bench.iter(|| decide(&index, black_box(&phone), black_box(&module), NOW).offer().is_some());
            });
        }
        // Every tenth rule has a version pending besides, and this is the test device.
        let tester = device(number, "00-00-00-00-00-01");
        let has = module("2.0.0.0");
        group.bench_function("test_device", |bench| {
            let offered = decide(&index, &tester, &has, NOW).offer().unwrap().version.clone();
            assert_eq!(offered.as_str(), "4.0.7577.0");
            bench.iter(|| decide(&index, black_box(&tester), black_box(&has), NOW).offer().is_some());
        });
        let stranger = device(rules, "00-00-00-00-00-01");
        group.bench_function("no_match", |bench| {
            assert_eq!(decide(&index, &stranger, &has, NOW), Decision::NoRule);
            bench.iter(|| decide(&index, black_box(&stranger), black_box(&has), NOW).offer().is_some());
        });
        let request = UpdateRequest {
            device: phone,
            user_name: "".into(),
            request_date_time: ucupdate_core::Said::default(),
            modules: vec![module("2.0.0.0")],
        };
        group.bench_function("explain", |bench| {
            assert_eq!(explain(&index, &request, NOW).modules[0].decision.word(), "offer");
            bench.iter(|| explain(&index, black_box(&request), NOW).modules.len());
        });
        group.finish();
    }
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

criterion_group!(benches, deciding, compiling);
criterion_main!(benches);
