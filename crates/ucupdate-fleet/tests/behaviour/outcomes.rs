//! Tests what later requests show about a rollout, and when its guard pauses it.

use crate::fixtures::*;
use proptest::prelude::*;
use ucupdate_fleet::outcomes::{OutcomeOptions, Outcomes};

const OLD: &str = "3.5.6907.0";
const NEW: &str = "4.0.7577.0";
const THIRD: &str = "3.5.6907.9";
const HOUR: i64 = 3600;

/// Returns a guard: three failures or a quarter of four devices, an hour to install, two days to come back.
fn guard() -> Guard {
    let mut guard = Guard::default();
    guard.failures = Some(3);
    guard.share = Percent::from_hundredths(2500);
    guard.sample = 4;
    guard
}

/// Returns a book in which the rollout `wave` offers the new version to all devices.
fn book_with(guard: Option<Guard>) -> RuleBook {
    let mut book = RuleBook::default();
    let package = package(1, &[(PHONE, OLD, 1)]);
    ingest(&mut book, &package);
    make(&mut book, approve(PHONE));
    ingest(&mut book, &with_interim(crate::fixtures::package(2, &[(PHONE, NEW, 2)]), "ENU", "1.0.522.103"));
    make(&mut book, approve_interim("ENU"));
    start(&mut book, guard);
    book
}

fn start(book: &mut RuleBook, guard: Option<Guard>) {
    let mut rollout = Rollout::new("wave".parse().unwrap());
    rollout.guard = guard;
    let (rule, audience) = (key(PHONE), Audience::Everybody);
    make(book, BookCommand::StartRollout { rule, audience, version: version(NEW), rollout });
}

fn version(text: &str) -> ucupdate_core::ReportedVersion {
    ucupdate_core::ReportedVersion::new(text)
}

fn phone(number: u64) -> Device {
    Device { mac_address: Reported::new(&format!("{number:012X}")), ..device(PHONE) }
}

/// A server that reports its requests and decisions to outcomes.
struct Server {
    book: RuleBook,
    index: EligibilityIndex,
    outcomes: Outcomes,
}

impl Server {
    fn new(book: RuleBook, devices: usize) -> Self {
        let index = EligibilityIndex::compile(&book, 1);
        Self { book, index, outcomes: Outcomes::new(OutcomeOptions::default().with_devices(devices)) }
    }

    /// Sends a request of a phone with this version at this second. Returns the offered version.
    fn ask(&mut self, number: u64, installed: &str, second: i64) -> String {
        let (device, module): (Device, InstalledModule) = (phone(number), module(installed));
        let question = Question::new(&device, &module);
        let now = UnixTime::from_seconds(second);
        let decision = decide(&self.index, &question, now);
        self.outcomes.asked(&self.index, &question, now);
        self.outcomes.offered(&self.index, &question, &decision, now);
        decision.offer().map_or_else(|| "-".to_owned(), |offer| offer.version.to_string())
    }

    fn expire(&mut self, second: i64) {
        self.outcomes.expire(UnixTime::from_seconds(second));
    }

    /// Returns the numbers of devices: in flight, succeeded, failed, elsewhere.
    fn counts(&self) -> [u64; 4] {
        let Some(tally) = self.outcomes.tallies().next() else { return [0; 4] };
        let counts = tally.counts;
        [counts.in_flight, counts.succeeded, counts.failures(), counts.elsewhere]
    }

    fn why(&self) -> Option<String> {
        self.outcomes.tripped(&self.book).first().map(|tripped| tripped.reason.to_string())
    }

    fn make(&mut self, command: BookCommand) {
        make(&mut self.book, command);
        self.index = EligibilityIndex::compile(&self.book, 2);
        self.outcomes.follow(&self.book);
    }
}

#[test]
fn a_device_succeeds_fails_or_is_in_flight_by_what_it_comes_back_with() {
    let mut server = Server::new(book_with(Some(guard())), 100);
    for phone in 1..=5 {
        assert_eq!(server.ask(phone, OLD, 0), NEW);
    }
    assert_eq!(server.counts(), [5, 0, 0, 0]);
    server.ask(1, NEW, HOUR / 2);
    server.ask(2, OLD, HOUR / 2);
    assert_eq!(server.counts(), [4, 1, 0, 0], "it may still be installing");
    server.ask(3, OLD, HOUR);
    server.ask(4, THIRD, HOUR);
    assert_eq!(
        server.counts(),
        [3, 1, 1, 0],
        "one of a third version is offered it again, and so is in flight again"
    );
    server.expire(2 * 24 * HOUR - 1);
    assert_eq!(server.counts(), [3, 1, 1, 0]);
    server.expire(2 * 24 * HOUR);
    assert_eq!(server.counts(), [1, 1, 3, 0], "two did not come back within the deadline");
    assert_eq!(server.why().unwrap(), "3 devices failed, the guard allows fewer than 3");
}

#[test]
fn a_device_with_a_third_version_is_neither_a_success_nor_a_failure() {
    let mut server = Server::new(book_with(Some(guard())), 100);
    server.ask(1, OLD, 0);
    let (device, module) = (phone(1), module(THIRD));
    server.outcomes.asked(&server.index, &Question::new(&device, &module), UnixTime::from_seconds(HOUR));
    assert_eq!(server.counts(), [0, 0, 0, 1]);
    server.expire(100 * 24 * HOUR);
    assert_eq!(server.counts(), [0, 0, 0, 1]);
}

#[test]
fn a_late_success_takes_a_counted_failure_back_and_no_device_counts_twice() {
    let mut server = Server::new(book_with(Some(guard())), 100);
    for day in 0..10 {
        server.ask(1, OLD, day * 24 * HOUR);
    }
    assert_eq!(server.counts(), [0, 0, 1, 0], "offered and failed ten times, it is one device");
    server.ask(1, NEW, 11 * 24 * HOUR);
    assert_eq!(server.counts(), [0, 1, 0, 0]);
    server.ask(1, OLD, 12 * 24 * HOUR);
    server.expire(100 * 24 * HOUR);
    assert_eq!(server.counts(), [0, 1, 0, 0], "what happens afterwards is not this rollout's");
}

#[test]
fn a_stepping_stone_on_the_way_is_progress() {
    let mut server = Server::new(book_with(Some(guard())), 100);
    assert_eq!(server.ask(1, "1.0.522.34", 0), "1.0.522.103");
    assert_eq!(server.ask(1, "1.0.522.103", 47 * HOUR), NEW);
    server.expire(49 * HOUR);
    assert_eq!(server.counts(), [1, 0, 0, 0], "its time began anew at the stone");
    server.ask(1, "1.0.522.103", 48 * HOUR);
    assert_eq!(server.counts(), [0, 0, 1, 0], "it is stuck there");
    server.ask(1, NEW, 50 * HOUR);
    assert_eq!(server.counts(), [0, 1, 0, 0]);
}

#[test]
fn a_clock_that_goes_back_counts_no_failure() {
    let mut server = Server::new(book_with(Some(guard())), 100);
    let late = 1_000 * 24 * HOUR;
    assert_eq!(server.ask(1, "1.0.522.34", late), "1.0.522.103");
    server.ask(2, OLD, late);
    for second in [0, HOUR, late - 24 * HOUR, late] {
        server.ask(1, "1.0.522.103", second);
        server.ask(2, OLD, second);
        server.expire(second);
    }
    assert_eq!(server.counts(), [2, 0, 0, 0]);
    server.ask(2, OLD, late + HOUR);
    assert_eq!(server.counts(), [1, 0, 1, 0]);
}

#[test]
fn only_guarded_rollouts_are_watched_and_only_devices_that_can_be_known_again() {
    let mut server = Server::new(book_with(None), 100);
    assert_eq!(server.ask(1, OLD, 0), NEW);
    assert_eq!(server.outcomes.devices(), 0);
    let mut server = Server::new(book_with(Some(guard())), 100);
    let (mut nameless, module) = (device(PHONE), module(OLD));
    (nameless.mac_address, nameless.serial_number) = (Reported::default(), Reported::default());
    let question = Question::new(&nameless, &module);
    let decision = decide(&server.index, &question, UnixTime::default());
    assert!(decision.offer().is_some());
    server.outcomes.offered(&server.index, &question, &decision, UnixTime::default());
    assert_eq!(server.outcomes.tallies().count(), 0);
}

#[test]
fn beyond_the_bound_those_that_succeeded_are_forgotten_and_then_offers_are_counted_as_unwatched() {
    let mut server = Server::new(book_with(Some(guard())), 3);
    for phone in 1..=2 {
        server.ask(phone, OLD, 0);
        server.ask(phone, NEW, 1);
    }
    for phone in 3..=7 {
        server.ask(phone, OLD, 2);
    }
    let tally = server.outcomes.tallies().next().unwrap();
    assert_eq!((server.outcomes.devices(), tally.unwatched), (3, 2));
    assert_eq!(server.counts(), [3, 2, 0, 0], "what is forgotten stays counted");
    server.ask(6, OLD, 10 * 24 * HOUR);
    assert_eq!(server.counts(), [3, 2, 0, 0]);
    assert_eq!(server.outcomes.tallies().next().unwrap().unwatched, 3);
}

#[test]
fn a_rollout_that_is_resumed_or_gets_another_version_begins_a_new_tally() {
    let mut server = Server::new(book_with(Some(guard())), 100);
    let fail = |server: &mut Server| {
        for phone in 1..=3 {
            server.ask(phone, OLD, 0);
            server.ask(phone, OLD, HOUR);
        }
    };
    fail(&mut server);
    let tripped = server.outcomes.tripped(&server.book).remove(0);
    server.make(tripped.pause());
    assert_eq!(server.why(), None, "it is paused already");
    assert_eq!(server.counts(), [0, 0, 3, 0]);
    server.make(BookCommand::ResumeRollout(key(PHONE), "wave".parse().unwrap()));
    assert_eq!((server.counts(), server.outcomes.devices()), ([0; 4], 0));
    fail(&mut server);
    assert!(server.why().is_some());
    server.make(BookCommand::EndRollout(key(PHONE), "wave".parse().unwrap()));
    assert_eq!((server.why(), server.outcomes.tallies().count()), (None, 0));
    let mut rollout = Rollout::new("wave".parse().unwrap());
    rollout.guard = Some(guard());
    let version = version(OLD);
    server.make(BookCommand::StartRollout {
        rule: key(PHONE),
        audience: Audience::Everybody,
        version,
        rollout,
    });
    server.ask(1, NEW, 2 * HOUR);
    assert_eq!(server.counts(), [1, 0, 0, 0]);
}

/// An event of one device: a request with a version, or the passing of time. Each has its minutes after the event before.
#[derive(Clone, Copy, Debug)]
enum Event {
    Asks(&'static str),
    Expire,
}

/// Computes the state of one device from its whole history, as documented on `Outcomes`. It succeeded if it came back
/// with the version after an offer. Otherwise it failed if it came back with its old version after the time for
/// installing, or was not back by the deadline.
fn model(history: &[(i64, Event)]) -> Option<&'static str> {
    let offered = history.iter().position(|(_, event)| matches!(event, Event::Asks(OLD)))?;
    let (at, _) = history[offered];
    let later = &history[offered + 1..];
    if later.iter().any(|(_, event)| matches!(event, Event::Asks(NEW))) {
        return Some("succeeded");
    }
    let failed = later.iter().any(|(now, event)| match event {
        Event::Asks(_) => now - at >= HOUR,
        Event::Expire => now - at >= 2 * 24 * HOUR,
    });
    Some(if failed { "failed" } else { "in flight" })
}

fn events() -> impl Strategy<Value = Vec<(u64, i64, Event)>> {
    let event =
        prop_oneof![3 => Just(Event::Asks(OLD)), 2 => Just(Event::Asks(NEW)), 1 => Just(Event::Expire)];
    prop::collection::vec((1_u64..5, 1_i64..3000, event), 0..40)
}

proptest! {
    #[test]
    fn tallies_are_what_the_histories_of_the_devices_say(events in events()) {
        let mut server = Server::new(book_with(Some(guard())), 100);
        let mut histories = vec![Vec::new(); 5];
        let mut now = 0;
        for (phone, minutes, event) in events {
            now += minutes * 60;
            match event {
                Event::Asks(installed) => {
                    server.ask(phone, installed, now);
                    histories[usize::try_from(phone).unwrap()].push((now, event));
                }
                Event::Expire => {
                    server.expire(now);
                    histories.iter_mut().for_each(|history| history.push((now, event)));
                }
            }
        }
        let ends: Vec<_> = histories.iter().filter_map(|history| model(history)).collect();
        let count = |what: &str| ends.iter().filter(|end| **end == what).count() as u64;
        prop_assert_eq!(server.counts(), [count("in flight"), count("succeeded"), count("failed"), 0]);
    }

    #[test]
    fn how_devices_are_interleaved_does_not_matter(events in events(), order in any::<u64>()) {
        // The events of each device keep their order and times. The events of different devices are in any order.
        let mut timed = Vec::new();
        let mut now = 0;
        for (phone, minutes, event) in events {
            now += minutes * 60;
            if let Event::Asks(installed) = event {
                timed.push((phone, now, installed));
            }
        }
        let mut server = Server::new(book_with(Some(guard())), 100);
        let mut other = Server::new(book_with(Some(guard())), 100);
        for (phone, now, installed) in &timed {
            server.ask(*phone, installed, *now);
        }
        let shuffle = |phone: u64| order.rotate_left(u32::try_from(phone * 13).unwrap());
        timed.sort_by_key(|(phone, ..)| shuffle(*phone));
        for (phone, now, installed) in &timed {
            other.ask(*phone, installed, *now);
        }
        prop_assert_eq!(server.counts(), other.counts());
        prop_assert_eq!(server.why(), other.why());
    }
}

/// Returns a rule whose versions .NET cannot read, with a guarded rollout of the second version.
fn book_of_five_parts(scheme: &str) -> RuleBook {
    let mut book = RuleBook::of_new_store();
    let scheme = PatternScheme::new("*".parse().unwrap(), scheme.parse().unwrap());
    make(&mut book, BookCommand::PutScheme(scheme));
    ingest(&mut book, &package(1, &[(PHONE, "2.0.1.44.9", 1)]));
    make(&mut book, approve(PHONE));
    ingest(&mut book, &package(2, &[(PHONE, "3.0.0.459.1", 2)]));
    let mut rollout = Rollout::new("wave".parse().unwrap());
    rollout.guard = Some(guard());
    let (rule, audience) = (key(PHONE), Audience::Everybody);
    let version = version("3.0.0.459.1");
    make(&mut book, BookCommand::StartRollout { rule, audience, version, rollout });
    book
}

#[test]
fn success_and_failure_are_read_in_the_version_scheme_of_the_rule() {
    let mut server = Server::new(book_of_five_parts("numeric"), 100);
    for phone in 1..=4 {
        assert_eq!(server.ask(phone, "2.0.1.44.9", 0), "3.0.0.459.1");
    }
    server.ask(1, "3.0.0.459.01", 2 * HOUR);
    server.ask(2, "3.0.0.459.1.0", 2 * HOUR);
    server.ask(3, "2.0.1.44.09", 2 * HOUR);
    assert_eq!(server.counts(), [1, 2, 1, 0], "the old version in other digits is a failure");
    server.ask(4, "3.000.0.459.1", 2 * HOUR);
    assert_eq!(server.counts(), [0, 3, 1, 0]);
}

#[test]
fn prefixes_count_for_outcomes_only_where_the_scheme_compares_them() {
    for (scheme, counts) in [("prefixed:UC*HD_", [0, 1, 0, 0]), ("prefixed-same:UC*HD_", [1, 0, 0, 0])] {
        let mut server = Server::new(book_of_five_parts(scheme), 100);
        server.ask(1, "2.0.1.44.9", 0);
        server.ask(1, "UC440HD_3.0.0.459.1", HOUR / 2);
        let [in_flight, succeeded, failed, elsewhere] = server.counts();
        assert_eq!([in_flight + elsewhere, succeeded, failed, 0], counts, "{scheme}");
    }
}

#[test]
fn a_rule_that_gets_another_scheme_begins_a_new_tally() {
    let mut server = Server::new(book_of_five_parts("numeric"), 100);
    server.ask(1, "2.0.1.44.9", 0);
    server.make(BookCommand::RemoveScheme("*".parse().unwrap()));
    assert_eq!(server.outcomes.tallies().count(), 0);
}

#[test]
fn devices_that_find_their_rule_by_an_alias_or_a_file_name_are_watched_too() {
    let mut book = book_with(Some(guard()));
    let alias = Alias::new(AliasField::Model, "IP 8540".parse().unwrap(), "IP8540".parse().unwrap());
    make(&mut book, BookCommand::PutAlias(alias));
    let index = EligibilityIndex::compile(&book, 1);
    let mut outcomes = Outcomes::new(OutcomeOptions::default());
    let (mut spelled, mut other_file) = (phone(1), module(OLD));
    spelled.kind.model = "IP 8540".parse().unwrap();
    let plain = phone(2);
    other_file.file_name = "420HD.img".into();
    let ask = |outcomes: &mut Outcomes, question: &Question<'_>, hour: i64| {
        let now = UnixTime::from_seconds(hour * HOUR);
        outcomes.asked(&index, question, now);
        outcomes.offered(&index, question, &decide(&index, question, now), now);
    };
    let module = module(OLD);
    for hour in [0, 2] {
        ask(&mut outcomes, &Question::new(&spelled, &module), hour);
        ask(&mut outcomes, &Question::new(&plain, &other_file), hour);
    }
    let tallies: Vec<_> = outcomes.tallies().collect();
    assert_eq!((tallies.len(), &tallies[0].rule, tallies[0].counts.failed), (1, &key(PHONE), 2));
    outcomes.follow(&book);
    assert_eq!(outcomes.devices(), 2, "the rollout is still that of the rule");
}
