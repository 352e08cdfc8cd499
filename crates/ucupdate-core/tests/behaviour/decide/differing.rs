//! Tests of changed answers between two books, and of records that replay.

use crate::fixtures::*;
use proptest::prelude::*;

/// The number of devices that ask. Under Miri, one of each version asks.
const DEVICES: u32 = if cfg!(miri) { 3 } else { 60 };

fn fleet() -> Vec<(Device, InstalledModule)> {
    let device = |number: u32| {
        let mut device = device(PHONE);
        device.mac_address = Reported::new(&format!("0021630{number:05X}"));
        (device, module(["1.9", "2.0", "3.0"][number as usize % 3]))
    };
    (0..DEVICES).map(device).collect()
}

fn books() -> Vec<RuleBook> {
    let mut book = RuleBook::default();
    let mut books = vec![book.clone()];
    for (id, version) in [(1, "2.0"), (2, "3.0")] {
        ingest(&mut book, &package(id, &[(PHONE, version, id)]));
        books.push(book.clone());
        make(&mut book, approve(PHONE));
        books.push(book.clone());
    }
    let share = Share::Percent("30".parse().unwrap());
    make(&mut book, start_rollout(PHONE, Audience::Everybody, "2.0", rollout("wave").to_share(share)));
    books.push(book.clone());
    make(&mut book, BookCommand::Kill { scope: StopScope::All, reason: "".into() });
    books.push(book);
    books
}

#[test]
fn the_difference_is_that_of_the_answers_one_by_one() {
    let fleet = fleet();
    let indices: Vec<_> = (0..).zip(books()).map(|(at, book)| EligibilityIndex::compile(&book, at)).collect();
    let questions = || fleet.iter().map(|(device, module)| Question::new(device, module));
    let mut all = 0;
    for old in &indices {
        for new in &indices {
            let listed: Vec<String> = diff(old, new, questions(), NOW)
                .map(|change| change.question.device.mac_address.to_string())
                .collect();
            let answer = |index, question: &Question<'_>| {
                decide(index, question, NOW).offer().map(|offer| offer.folder.to_string())
            };
            let expected: Vec<String> = questions()
                .filter(|question| answer(old, question) != answer(new, question))
                .map(|question| question.device.mac_address.to_string())
                .collect();
            assert_eq!(listed, expected);
            all += listed.len();
        }
    }
    assert!(all > DEVICES as usize * 500 / 60, "the books differ: {all}");
}

#[test]
fn a_record_is_kept_as_json_and_replays_to_the_same_bytes() {
    let books = books();
    let index = EligibilityIndex::compile(&books[5], 5);
    for (device, module) in fleet() {
        let from = AskedFrom { side: Some(Side::External), address: "10.1.1.123".parse().ok() };
        let question = Question::new(&device, &module).by_user("rui@demo.local").from(from);
        let kept = serde_json::to_string(&TraceRecord::of(&index, &question, NOW)).unwrap();
        let read: TraceRecord = serde_json::from_str(&kept).unwrap();
        assert_eq!(serde_json::to_string(&read.replay(&index)).unwrap(), kept);
        let other = EligibilityIndex::compile(&books[6], 6);
        assert_ne!(serde_json::to_string(&read.replay(&other)).unwrap(), kept);
    }
}

proptest! {
    #[test]
    fn a_plan_of_a_device_ends_with_nothing_to_offer(number in 0..DEVICES as usize, book in 0_usize..7) {
        let (fleet, books) = (fleet(), books());
        let index = EligibilityIndex::compile(&books[book], 1);
        let plan = plan(&index, &Question::new(&fleet[number].0, &fleet[number].1), NOW);
        prop_assert!(plan.end.offer().is_none());
        prop_assert!(plan.hops.len() <= 1);
    }
}
