//! Tests requests that are a loop, and requests that are not.

use proptest::prelude::*;
use std::time::Duration;
use ucupdate_core::device::*;
use ucupdate_core::value::*;
use ucupdate_core::version::*;
use ucupdate_fleet::loops::*;

const DAY: i64 = 24 * 60;

fn phone() -> DeviceId {
    DeviceId::Mac("0021630F207B".parse().unwrap())
}

fn ask(device: &DeviceId, minute: i64, installed: &str, offered: &str, server: &str) -> Observation {
    let present = |text: &str| Some(text.to_owned()).filter(|text| text != "-");
    Observation {
        device: device.clone(),
        update_type: "CPE".parse().unwrap(),
        rule: None,
        at: UnixTime::from_seconds(minute * 60),
        installed: ReportedVersion::new(installed),
        offered: present(offered).map(|offered| ReportedVersion::new(&offered)),
        server: present(server).map(String::into_boxed_str),
    }
}

/// Parses requests such as `0 1.0 > 1.1 a`: minute, installed version, offered version, server.
fn asks(lines: &[&str]) -> Vec<Observation> {
    let read = |line: &&str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [minute, installed, ">", offered, server] = words[..] else { panic!("{line}") };
        ask(&phone(), minute.parse().unwrap(), installed, offered, server)
    };
    lines.iter().map(read).collect()
}

fn loops(observations: impl IntoIterator<Item = Observation>) -> Vec<Loop> {
    let mut guard = LoopGuard::new(LoopOptions::default());
    observations.into_iter().for_each(|observation| guard.observe(observation));
    guard.loops()
}

#[track_caller]
fn quiet(lines: &[&str]) {
    assert_eq!(loops(asks(lines)), [], "{lines:#?}");
}

/// Returns the only loop. The loop must be found by the last request and not earlier.
#[track_caller]
fn found(lines: &[&str]) -> Loop {
    quiet(&lines[..lines.len() - 1]);
    let mut found = loops(asks(lines));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn versions(found: &Loop) -> Vec<&str> {
    found.versions.iter().map(ReportedVersion::as_str).collect()
}

fn servers(found: &Loop) -> Vec<&str> {
    found.servers.iter().map(|server| &**server).collect()
}

#[test]
fn the_walk_of_the_fields_phone_is_no_loop() {
    quiet(&[
        "0 0.0.0.0 > - ocs",
        "3 0.0.0.0 > 1.0.522.103 ocs",
        "11 1.0.522.103 > 3.5.6907.0 ocs",
        "20 3.5.6907.0 > - ocs",
        "1460 3.5.6907.0 > - ocs",
    ]);
}

#[test]
fn two_servers_that_approve_different_versions_are_found_at_the_third_ask() {
    let flipped = found(&["0 1.0 > 1.1 a", "10 1.1 > 1.0 b", "20 1.0 > 1.1 a"]);
    assert_eq!(
        (flipped.kind, versions(&flipped), servers(&flipped), flipped.asks, flipped.goes_on),
        (LoopKind::Flipped, vec!["1.0", "1.1"], vec!["a", "b"], 3, true)
    );
    assert_eq!((flipped.first, flipped.last), (UnixTime::default(), UnixTime::from_seconds(20 * 60)));
}

#[test]
fn a_device_that_rests_at_each_server_before_the_other_moves_it_is_flipped_too() {
    let flipped =
        found(&["0 1.0 > 1.1 a", "9 1.1 > - a", "20 1.1 > 1.0 b", "29 1.0 > - b", "1440 1.0 > 1.1 a"]);
    assert_eq!(flipped.kind, LoopKind::Flipped);
    let also_later = found(&["0 1.0 > 1.1 a", "9 1.1 > 1.0 b", "19 1.0 > - b", "20 1.0.0 > 1.1.0 a"]);
    assert!(also_later.goes_on);
}

#[test]
fn one_server_that_flips_a_device_without_rest_is_found() {
    for server in ["-", "a"] {
        let lines = ["0 1.0 > 1.1 ", "10 1.1 > 1.0 ", "20 1.0 > 1.1 "].map(|line| line.to_owned() + server);
        let flipped = found(&lines.each_ref().map(String::as_str));
        assert_eq!(flipped.kind, LoopKind::Flipped, "{server}");
        assert_eq!(flipped.servers.is_empty(), server == "-");
    }
}

#[test]
fn a_longer_circle_is_found_when_its_first_step_comes_again() {
    let flipped = found(&[
        "0 1.0.522.34 > 1.0.522.103 a",
        "10 1.0.522.103 > 3.5.6907.0 a",
        "20 3.5.6907.0 > 1.0.522.34 b",
        "30 1.0.522.34 > 1.0.522.103 a",
    ]);
    assert_eq!(versions(&flipped), ["1.0.522.34", "1.0.522.103", "3.5.6907.0"]);
}

#[test]
fn rolling_back_once_is_no_loop() {
    quiet(&["0 1.0 > 1.1 a", "10 1.1 > 1.0 a", "20 1.0 > - a"]);
    quiet(&["0 1.0 > 1.1 a", "10 1.1 > - a", "1440 1.1 > 1.0 b", "1450 1.0 > - b", "2880 1.0 > - a"]);
    // The version was approved, rolled back, and approved again, so the server that wanted 1.0 changed its mind.
    quiet(&["0 1.0 > 1.1 a", "10 1.1 > 1.0 a", "20 1.0 > - a", "9000 1.0 > 1.1 a", "9010 1.1 > - a"]);
    quiet(&["0 1.0 > 1.1 -", "10 1.1 > 1.0 -", "20 1.0 > - -", "9000 1.0 > 1.1 -"]);
}

#[test]
fn a_flip_that_was_settled_is_reported_as_over() {
    let settled = loops(asks(&["0 1.0 > 1.1 a", "10 1.1 > 1.0 b", "20 1.0 > 1.1 a", "30 1.1 > - b"]));
    assert_eq!((settled.len(), settled[0].goes_on), (1, false));
    assert!(devices_in_loops(&settled).is_empty());
    // The other server still wants the same version.
    let open = loops(asks(&["0 1.0 > 1.1 a", "10 1.1 > 1.0 b", "20 1.0 > 1.1 a", "30 1.1 > - a"]));
    assert!(open[0].goes_on);
    assert_eq!(devices_in_loops(&open).into_iter().collect::<Vec<_>>(), [&phone()]);
}

#[test]
fn a_device_that_comes_back_unchanged_is_found_at_the_third_daily_ask() {
    let unchanged = found(&["0 1.0 > 1.1 a", "1440 1.0.0 > 1.1 b", "2880 1.0 > 1.1.0 a"]);
    assert_eq!(
        (unchanged.kind, versions(&unchanged), servers(&unchanged), unchanged.asks, unchanged.goes_on),
        (LoopKind::Unchanged, vec!["1.0", "1.1"], vec!["a", "b"], 3, true)
    );
}

#[test]
fn asking_again_within_the_hour_counts_once() {
    // The device starts, its user signs in twice, and then the image is installed.
    quiet(&["0 1.0 > 1.1 a", "1 1.0 > 1.1 a", "30 1.0 > 1.1 a", "59 1.0 > 1.1 a", "70 1.1 > - a"]);
    let rebooting: Vec<String> = (0..=24).map(|step| format!("{} 1.0 > 1.1 a", step * 5)).collect();
    let unchanged = found(&rebooting.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((unchanged.kind, unchanged.asks), (LoopKind::Unchanged, 25));

    let mut impatient = LoopGuard::new(LoopOptions::default().with_apart(Duration::ZERO));
    asks(&["0 1.0 > 1.1 a", "1 1.0 > 1.1 a", "2 1.0 > 1.1 a"])
        .into_iter()
        .for_each(|ask| impatient.observe(ask));
    assert_eq!(impatient.loops()[0].kind, LoopKind::Unchanged);
}

#[test]
fn a_device_that_was_seen_with_another_version_is_not_unchanged() {
    quiet(&["0 1.0 > 1.1 a", "1440 1.0 > 1.1 a", "2880 1.1 > - a", "4320 1.0 > 1.1 a", "5760 1.0 > 1.1 a"]);
    let over = loops(asks(&["0 1.0 > 1.1 a", "99 1.0 > 1.1 a", "999 1.0 > 1.1 a", "1440 1.1 > - a"]));
    assert_eq!((over[0].kind, over[0].goes_on), (LoopKind::Unchanged, false));
}

#[test]
fn being_offered_what_it_has_is_found_at_once() {
    for (installed, offered) in [
        ("1.0.522", "1.0.522.0"),
        ("3.5.6907.0", "3.5.6907.0"),
        ("01000334", "1000334"),
        ("4.1.0.82b", "4.01.0.82B"),
    ] {
        let line = format!("0 {installed} > {offered} a");
        let found = found(&[&line]);
        assert_eq!((found.kind, versions(&found)), (LoopKind::OfferedInstalled, vec![installed, offered]));
        assert!(found.goes_on);
    }
    for (installed, offered) in [("1000334", "100334"), ("1.0.10", "1.0.1"), ("10a", "1a"), ("0", "00a")] {
        quiet(&[&format!("0 {installed} > {offered} a")]);
    }
    let over = loops(asks(&["0 1.0 > 1.0.0 a", "9 1.0 > - a"]));
    assert!(!over[0].goes_on);
}

#[test]
fn the_asks_of_several_devices_and_update_types_are_not_mixed() {
    let other = DeviceId::Serial("C185H001209".parse().unwrap());
    let mut observations = asks(&["0 1.0 > 1.1 a", "10 1.1 > 1.0 b"]);
    observations.push(ask(&other, 20, "1.0", "1.1", "a"));
    let mut boot = ask(&phone(), 20, "1.0", "1.1", "a");
    boot.update_type = "Boot".parse().unwrap();
    observations.push(boot);
    assert_eq!(loops(observations.clone()), []);
    let mut last = ask(&phone(), 20, "1.0", "1.1", "a");
    last.update_type = "cpe".parse().unwrap();
    last.rule = Some("UCPhone/Polycom/CX700/A/ENU/CPE".parse().unwrap());
    observations.push(last);
    let found = loops(observations);
    assert_eq!(
        (found.len(), found[0].rule.as_ref().map(ToString::to_string).as_deref()),
        (1, Some("UCPhone/Polycom/CX700/A/ENU/CPE"))
    );
}

#[test]
fn beyond_the_limit_those_that_asked_longest_ago_are_forgotten_and_counted() {
    let device = |number: u8| DeviceId::Mac(MacAddress::new([0, 0, 0, 0, 0, number]));
    let mut guard = LoopGuard::new(LoopOptions::default().with_devices(3));
    for number in 0..5 {
        guard.observe(ask(&device(number), i64::from(number), "1.0", "1.0", "a"));
    }
    assert_eq!((guard.devices(), guard.forgotten()), (3, 2));
    guard.observe(ask(&device(2), 60, "1.0", "1.0", "a"));
    guard.observe(ask(&device(9), 61, "1.0", "1.0", "a"));
    assert_eq!(
        guard.loops().iter().map(|found| &found.device).collect::<Vec<_>>(),
        [&device(2), &device(4), &device(9)]
    );
    assert_eq!(guard.forgotten(), 3);
}

#[test]
fn a_device_that_asks_all_day_does_not_push_its_loop_out() {
    let mut guard = LoopGuard::new(LoopOptions::default().with_asks(4));
    for minute in 0..DAY {
        guard.observe(ask(&phone(), minute, "1.0", "1.1", "a"));
    }
    let found = guard.loops();
    assert_eq!((found.len(), found[0].first, found[0].asks), (1, UnixTime::default(), DAY.unsigned_abs()));
}

/// Returns the requests of a device that installs everything it is offered. Each server wants one version at a time.
fn obedient(turns: &[(usize, i64)], wants: impl Fn(usize, i64) -> String) -> Vec<Observation> {
    let mut installed = "1.0".to_owned();
    let mut minute = 0;
    let mut report = Vec::new();
    for (server, later) in turns {
        minute += later;
        let wanted = wants(*server, minute);
        let offered = if wanted == installed { "-" } else { &wanted };
        report.push(ask(&phone(), minute, &installed, offered, &format!("s{server}")));
        installed = wanted;
    }
    report
}

fn turns() -> impl Strategy<Value = Vec<(usize, i64)>> {
    prop::collection::vec((0..3_usize, 1..2 * DAY), 1..16)
}

/// Returns random requests. Their times are few, so that some are equal.
fn any_asks() -> impl Strategy<Value = Vec<Observation>> {
    let version = || prop::sample::select(vec!["1.0", "1.0.0", "1.1", "1.2", "01a", "1A"]);
    let offered = prop_oneof![version(), Just("-")];
    let server = prop::sample::select(vec!["a", "b", "-"]);
    let ask = (0..3 * DAY, version(), offered, server).prop_map(|(minute, installed, offered, server)| {
        ask(&phone(), minute / 9 * 9, installed, offered, server)
    });
    prop::collection::vec(ask, 0..16)
}

proptest! {
    /// Checks that a device that only moves to newer versions is in no loop, for any number of servers.
    #[test]
    fn servers_that_agree_never_raise_an_alarm(turns in turns(), every in 1..4 * DAY) {
        prop_assert_eq!(loops(obedient(&turns, |_, minute| format!("1.{}", minute / every))), []);
    }

    #[test]
    fn one_server_whose_mind_changes_after_it_saw_the_device_rest_raises_no_alarm(
        changes in prop::collection::vec((1..4_usize, 1..DAY), 1..5),
    ) {
        let mut report = Vec::new();
        let (mut minute, mut installed) = (0, 0);
        for (index, (rests, later)) in changes.iter().enumerate() {
            let wanted = (index + 1) % 2;
            let name = |version: usize| format!("1.{version}");
            minute += later;
            report.push(ask(&phone(), minute, &name(installed), &name(wanted), "a"));
            installed = wanted;
            for _ in 0..*rests {
                minute += later;
                report.push(ask(&phone(), minute, &name(installed), "-", "a"));
            }
        }
        prop_assert_eq!(loops(report.into_iter().take(16)), []);
    }

    /// Checks that two servers that disagree about the version are found by the third offer.
    #[test]
    fn servers_that_disagree_are_found_by_the_third_offer(turns in turns()) {
        let turns: Vec<_> = turns.into_iter().map(|(server, later)| (server % 2, later)).collect();
        let report = obedient(&turns, |server, _| format!("1.{server}"));
        let offers = report.iter().filter(|ask| ask.offered.is_some()).count();
        let found = loops(report);
        prop_assert_eq!(found.iter().any(|found| found.kind == LoopKind::Flipped && found.goes_on), offers >= 3);
        prop_assert_eq!(found.is_empty(), offers < 3);
    }

    #[test]
    fn the_order_of_feeding_and_feeding_twice_make_no_difference(
        (report, shuffled) in any_asks().prop_flat_map(|report| (Just(report.clone()), Just(report).prop_shuffle())),
    ) {
        let sorted = loops(report.iter().cloned());
        prop_assert_eq!(&loops(shuffled.iter().cloned()), &sorted);
        prop_assert_eq!(&loops(shuffled.into_iter().chain(report)), &sorted);
    }

    #[test]
    fn a_reported_loop_is_in_the_requests(asked in any_asks()) {
        let within = |found: &Loop| asked.iter().filter(|ask| (found.first..=found.last).contains(&ask.at)).count();
        for found in loops(asked.iter().cloned()) {
            prop_assert!(found.first <= found.last);
            prop_assert!(found.asks >= 1 && found.asks <= within(&found) as u64);
            prop_assert!(asked.iter().any(|ask| ask.at == found.first) && asked.iter().any(|ask| ask.at == found.last));
            let least = match found.kind {
                LoopKind::OfferedInstalled => 1,
                _ => 3,
            };
            prop_assert!(found.asks >= least);
            prop_assert!(found.kind == LoopKind::Flipped || found.versions.len() == 2);
        }
    }
}

#[test]
fn spellings_of_one_release_are_one_version_in_the_scheme_of_the_rule() {
    use ucupdate_core::book::{BookCommand, PatternScheme};
    let mut book = ucupdate_core::RuleBook::of_new_store();
    crate::fixtures::ingest(
        &mut book,
        &crate::fixtures::package(1, &[(crate::fixtures::PHONE, "3.0.0.459.1", 1)]),
    );
    let seen = |guard: &mut LoopGuard| {
        for (hour, installed) in [(0, "UC440HD_3.0.0.459.1"), (2, "UC430HD_3.0.0.459.1")] {
            guard.observe(Observation {
                device: DeviceId::Mac("0021630F207B".parse().unwrap()),
                update_type: "CPE".parse().unwrap(),
                rule: Some(crate::fixtures::PHONE.parse().unwrap()),
                at: UnixTime::from_seconds(hour * 3600),
                installed: ReportedVersion::new(installed),
                offered: Some(ReportedVersion::new("3.0.0.459.1")),
                server: None,
            });
        }
    };
    let mut guard = LoopGuard::new(LoopOptions::default());
    seen(&mut guard);
    let kinds = |loops: Vec<Loop>| loops.iter().map(|found| found.kind).collect::<Vec<_>>();
    assert_eq!(kinds(guard.loops()), []);
    let index = |book: &ucupdate_core::RuleBook| ucupdate_core::EligibilityIndex::compile(book, 1);
    assert_eq!(kinds(guard.loops_in(&index(&book))), []);
    let scheme = PatternScheme::new("*".parse().unwrap(), "prefixed:UC*HD_".parse().unwrap());
    crate::fixtures::make(&mut book, BookCommand::PutScheme(scheme));
    assert_eq!(kinds(guard.loops_in(&index(&book))), [LoopKind::OfferedInstalled]);
}
