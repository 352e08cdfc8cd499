//! Tests simulated days with rollouts, guards, windows and random failures.

use crate::fixtures::*;
use std::sync::atomic::{AtomicU64, Ordering};
use ucupdate_fleet::simulate::{
    Chances, CommandSource, FailureModel, Scenario, SimulatedCommand, SimulatedFleet, Simulation, simulate,
    simulate_with_progress,
};

const OLD: &str = "3.5.6907.0";
const NEW: &str = "4.0.7577.0";
const DAY: u32 = 24 * 60 * 60;

fn version(text: &str) -> ReportedVersion {
    ReportedVersion::new(text)
}

fn percent(text: &str) -> Percent {
    text.parse().unwrap()
}

/// Returns a book in which the old version is approved and the new one is pending.
fn book() -> RuleBook {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, OLD, 1)]));
    make(&mut book, approve(PHONE));
    ingest(&mut book, &with_interim(package(2, &[(PHONE, NEW, 2)]), "ENU", "1.0.522.103"));
    book
}

fn rollout() -> Rollout {
    Rollout::new("wave".parse().unwrap())
}

fn start(rollout: Rollout) -> BookCommand {
    BookCommand::StartRollout {
        rule: key(PHONE),
        audience: Audience::Everybody,
        version: version(NEW),
        rollout,
    }
}

fn failing(fail: &str, brick: &str) -> FailureModel {
    FailureModel::new(Chances { fail: percent(fail), brick: percent(brick) })
}

fn days(days: u32) -> Scenario {
    Scenario::default().with_days(days).with_threads(2)
}

fn play(devices: usize, book: &RuleBook, model: &FailureModel, scenario: &Scenario) -> Simulation {
    simulate(&SimulatedFleet::of_rules(book, devices, None), book, model, scenario)
}

/// Returns the number of devices with this version at a sample.
fn have(played: &Simulation, at: usize, version: &str) -> u64 {
    let column = played.versions.iter().position(|known| known.as_str() == version);
    column.map_or(0, |column| played.samples[at].devices[column])
}

#[test]
fn what_is_approved_reaches_every_device_within_a_day_and_each_asks_once_more_after_it() {
    let mut book = book();
    make(&mut book, approve(PHONE));
    let fleet = SimulatedFleet::of_rules(&book, 1000, Some(&version(OLD)));
    let scenario = days(2).with_restarts(Percent::NONE);
    let played = simulate(&fleet, &book, &FailureModel::default(), &scenario);
    assert_eq!((have(&played, 0, OLD), have(&played, 0, NEW)), (1000, 0));
    assert_eq!(have(&played, 2, NEW), 1000);
    assert!(have(&played, 1, NEW) > 950, "the last of the first day are still installing");
    let total = played.total();
    assert_eq!((total.asks, total.offers, total.succeeded), (3000, 1000, 1000));
    assert_eq!((total.failed, total.bricked, total.held, total.loops), (0, 0, 0, 0));
}

#[test]
fn the_progress_adds_up_to_each_day_of_each_device_and_changes_nothing() {
    let mut book = book();
    make(&mut book, approve(PHONE));
    let (fleet, model) = (SimulatedFleet::of_rules(&book, 1001, Some(&version(OLD))), failing("5%", "2%"));
    let scenario = days(7).with_sample_seconds(5 * 60 * 60).with_threads(3);
    let device_days = AtomicU64::new(0);
    let count = |days| {
        device_days.fetch_add(days, Ordering::Relaxed);
    };
    let played = simulate_with_progress(&fleet, &book, &model, &scenario, &count);
    assert_eq!(device_days.into_inner(), 7 * 1001);
    assert_eq!(played, simulate(&fleet, &book, &model, &scenario));
}

#[test]
fn a_fleet_goes_by_the_stepping_stone_and_no_device_is_lost_from_the_count() {
    let mut book = book();
    make(&mut book, approve(PHONE));
    let fleet = SimulatedFleet::of_rules(&book, 500, Some(&version("1.0.522.34")));
    let played = simulate(&fleet, &book, &failing("5%", "2%"), &days(5));
    assert_eq!(
        played.versions,
        [version("1.0.522.34"), version("1.0.522.103"), version(NEW)],
        "in their order, and none that nobody had"
    );
    for sample in &played.samples {
        assert_eq!(sample.devices.iter().sum::<u64>() + sample.lost, 500);
    }
    assert!(have(&played, 5, NEW) > 400);
    assert!(have(&played, 5, "1.0.522.103") > 0, "some fail at the second step only");
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn the_same_seed_gives_the_same_simulation_whatever_the_number_of_threads() {
    let mut book = book();
    make(&mut book, start(rollout().to_share(Share::Percent(percent("30"))).guarded(Guard::default())));
    let with = |seed, threads| {
        let to_all = BookCommand::SetShare(key(PHONE), "wave".parse().unwrap(), Share::All);
        let scenario = days(10).with_seed(seed).with_threads(threads).with_timetable(vec![(3 * DAY, to_all)]);
        play(2000, &book, &failing("3%", "1%"), &scenario)
    };
    let one = with(7, 1);
    assert_eq!(one, with(7, 2));
    assert_eq!(one, with(7, 5));
    assert_ne!(one, with(8, 2));
}

#[test]
fn a_guard_pauses_a_bad_rollout_and_lets_a_good_one_go_on() {
    let mut book = book();
    make(&mut book, start(rollout().guarded(Guard::default())));
    let bad = play(2000, &book, &failing("40%", "0"), &days(5));
    let [SimulatedCommand { by: CommandSource::Guard, result: Ok(report), .. }] = &bad.commands[..] else {
        panic!("{:?}", bad.commands)
    };
    let BookCommand::PauseRollout(_, _, why) = &bad.commands[0].command else { panic!("a pause") };
    assert_eq!(report, &[format!("{PHONE}: rollout wave is paused (reason: {why})")]);
    assert!(why.ends_with("devices failed, the guard allows less than 10%"), "{why}");
    assert!(have(&bad, 5, OLD) > 600, "those who failed, and those whom the pause kept");
    assert_eq!(bad.samples[5].counts.offers, 0, "nobody is offered it any more");
    let good = play(2000, &book, &failing("2%", "1%"), &days(5));
    assert_eq!(good.commands, []);
    let tally = &good.tallies[0];
    assert_eq!(tally.counts.offered(), 2000);
    assert_eq!(tally.counts.succeeded, have(&good, 5, NEW));
    let lost = good.samples[5].lost;
    assert_eq!(
        tally.counts.failures(),
        have(&good, 5, OLD) + lost,
        "each of them is known to have failed by now"
    );
}

#[test]
fn devices_that_fail_try_again_each_day_and_are_counted_as_loops() {
    let mut book = book();
    make(&mut book, approve(PHONE));
    let fleet = SimulatedFleet::of_rules(&book, 300, Some(&version(OLD)));
    let scenario = days(4).with_restarts(Percent::NONE);
    let played = simulate(&fleet, &book, &failing("100%", "0"), &scenario);
    let total = played.total();
    assert_eq!((total.succeeded, have(&played, 4, OLD)), (0, 300));
    assert_eq!(total.loops, 300, "each once");
    assert!(
        (1150..=1200).contains(&total.failed),
        "one try a day, the last of which may not be over: {total:?}"
    );
    assert_eq!(total.offers, total.asks);
}

#[test]
fn a_ramp_and_a_window_go_with_the_time_of_the_simulation() {
    let mut book = book();
    let start_of_ramp = UnixTime::from_seconds(1_236_384_000);
    let ramp = Ramp::new(start_of_ramp, "10%@1d,50%@3d".parse().unwrap());
    let window = "daily 00:00-12:00".parse().unwrap();
    make(&mut book, start(rollout().to_share(Share::Ramp(ramp)).within(window)));
    let scenario = days(8).with_start(start_of_ramp).with_restarts(Percent::NONE);
    let played = play(4000, &book, &FailureModel::default(), &scenario);
    assert_eq!(have(&played, 1, NEW), 0, "before its first stage");
    // Half of a tenth of the devices send requests while the window is open. The standard deviations are below 20 and
    // 35.
    assert!((150..250).contains(&have(&played, 3, NEW)), "{}", have(&played, 3, NEW));
    assert!((850..1150).contains(&have(&played, 8, NEW)), "{}", have(&played, 8, NEW));
    assert!(played.total().held > 0, "whoever asks in the afternoon is held back");
}

#[test]
fn the_timetable_starts_raises_and_kills_and_tells_what_was_refused() {
    let book = book();
    let name = || "wave".parse().unwrap();
    let kill = BookCommand::Kill { scope: StopScope::All, reason: "phones ring".into() };
    let scenario = days(9).with_timetable(vec![
        (6 * DAY, kill),
        (3 * DAY, BookCommand::SetShare(key(PHONE), name(), Share::Percent(percent("60")))),
        (4 * DAY, BookCommand::ResumeRollout(key(PHONE), name())),
        (DAY, start(rollout().to_share(Share::Percent(percent("20"))))),
    ]);
    let played = play(1000, &book, &FailureModel::default(), &scenario);
    assert_eq!(have(&played, 1, NEW), 0);
    assert!((150..250).contains(&have(&played, 3, NEW)), "{}", have(&played, 3, NEW));
    assert!((540..660).contains(&have(&played, 6, NEW)), "{}", have(&played, 6, NEW));
    assert_eq!(have(&played, 7, NEW), have(&played, 9, NEW), "nobody is offered anything after the kill");
    let days: Vec<_> =
        played.commands.iter().map(|done| (done.at.as_seconds() / i64::from(DAY), &done.result)).collect();
    assert!(days.iter().map(|(day, _)| *day).eq([1, 3, 4, 6]));
    assert_eq!(days[2].1.as_ref().unwrap_err(), &format!("{PHONE}: rollout wave is not paused"));
    assert!(days.iter().enumerate().all(|(at, (_, report))| report.is_ok() || at == 2), "{days:?}");
}

#[test]
fn a_version_may_fail_on_one_model_only() {
    let other = "UCPhone/Polycom/CX700/A/ENU/CPE";
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, NEW, 1), (other, NEW, 2)]));
    make(&mut book, BookCommand::Approve(vec![key(PHONE), key(other)]));
    let fleet = SimulatedFleet::of_rules(&book, 400, Some(&version(OLD)));
    let chances = Chances { fail: Percent::ALL, brick: Percent::NONE };
    let model = FailureModel::default().with_version(version(NEW), Some("cx700".parse().unwrap()), chances);
    let played = simulate(&fleet, &book, &model, &days(3));
    assert_eq!((have(&played, 3, OLD), have(&played, 3, NEW)), (200, 200));
}

#[test]
fn devices_are_added_as_they_ask_and_keep_what_tells_them_apart() {
    let mut book = book();
    let pinned = device(PHONE);
    let id = ucupdate_core::device::DeviceId::Serial("C185H001209".parse().unwrap());
    make(
        &mut book,
        BookCommand::Pin { rule: key(PHONE), audience: Audience::Device(id), version: version(NEW) },
    );
    let mut fleet = SimulatedFleet::default();
    let old = module(OLD);
    assert!(fleet.add(&Question::new(&pinned, &old)));
    let (mut plain, mut odd) = (pinned.clone(), pinned.clone());
    plain.serial_number = ucupdate_core::value::Reported::default();
    odd.serial_number = ucupdate_core::value::Reported::new("other");
    odd.mac_address = ucupdate_core::value::Reported::default();
    assert!(fleet.add(&Question::new(&plain, &old)) && fleet.add(&Question::new(&odd, &old)));
    let played = simulate(&fleet, &book, &FailureModel::default(), &days(3));
    assert_eq!((have(&played, 3, NEW), have(&played, 3, OLD)), (1, 2));
}

#[test]
fn a_simulation_of_nothing_ends() {
    let empty = RuleBook::default();
    let scenario = days(0).with_threads(0);
    assert_eq!(play(10, &empty, &FailureModel::default(), &scenario).samples.len(), 1);
    let scenario = scenario.with_days(1).with_sample_seconds(0).with_look_seconds(0).with_poll_seconds(0);
    let model = failing("100%", "100%").with_install_seconds(u32::MAX, 0);
    let mut book = book();
    make(&mut book, approve(PHONE));
    let fleet = SimulatedFleet::of_rules(&book, 10, Some(&version(OLD)));
    let played = simulate(&fleet, &book, &model, &scenario);
    assert_eq!(played.samples.len(), 289, "the start, and each five minutes");
    assert_eq!(played.samples[288].lost, 10);
}

#[test]
fn a_roll_back_to_nothing_is_refused_in_a_simulation_unless_it_is_asked_for_as_such() {
    let mut book = RuleBook::of_new_store();
    ingest(&mut book, &package(1, &[(PHONE, "1.0.600", 1)]));
    make(&mut book, approve(PHONE));
    let fleet = SimulatedFleet::of_rules(&book, 10, None);
    let timetable =
        vec![(60, BookCommand::RollBack(key(PHONE))), (120, BookCommand::RollBackToNothing(key(PHONE)))];
    let scenario = Scenario::default().with_days(1).with_timetable(timetable);
    let played = simulate(&fleet, &book, &FailureModel::default(), &scenario);
    let results: Vec<_> = played.commands.iter().map(|command| command.result.clone()).collect();
    assert!(
        results[0].as_ref().unwrap_err().contains("no version earlier than 1.0.600 is kept"),
        "{results:?}"
    );
    assert_eq!(
        results[1].as_ref().unwrap()[..1],
        [format!("{PHONE}: rolled back from 1.0.600 to nothing: nothing is offered")]
    );
}
