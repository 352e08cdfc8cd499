use crate::fixtures::*;
use std::sync::Arc;
use std::time::Duration;
use ucupdate::audit::ServerName;
use ucupdate::book::{Audience, BookCommand, Guard, Rollout, RuleKey, StopScope};
use ucupdate::cab::package::sample;
use ucupdate::request::Side;
use ucupdate::store::MemoryStore;
use ucupdate::value::{Reported, UnixTime};
use ucupdate::version::ReportedVersion;
use ucupdate::{Asker, LogOptions, Options, SettableClock, UpdateService, WATCH_AUTHOR, WatchOptions};

const OLD: &str = "1.0.522.103";
const NEW: &str = "3.5.6907.9";
const HOUR: i64 = 3600;

fn phone() -> RuleKey {
    sample::cx700()
}

/// A server and its clock.
struct Server {
    service: UpdateService,
    clock: Arc<SettableClock>,
}

impl Server {
    async fn open(store: &MemoryStore, options: Options) -> Self {
        let clock = Arc::new(SettableClock::at(NOW));
        let options = options.with_clock(clock.clone());
        let service = UpdateService::open(Arc::new(store.clone()), options).await.unwrap();
        Self { service, clock }
    }

    /// Sets the clock to some seconds after the beginning.
    fn at(&self, seconds: i64) -> &Self {
        self.clock.set(UnixTime::from_seconds(NOW.as_seconds() + seconds));
        self
    }

    /// Returns a phone of this number asks; gives what it is offered, `-` for nothing.
    fn ask(&self, number: u32, version: &str) -> String {
        let mut request = request(&phone(), version);
        request.device.mac_address = Reported::new(&format!("0004F2{number:06X}"));
        request.device.serial_number = Reported::default();
        let asker = Asker { side: Side::Internal, host: "10.1.1.123" };
        let response = self.service.answer(&request, asker).unwrap();
        response.modules.first().map_or_else(|| "-".to_owned(), |module| module.version.to_string())
    }

    async fn look(&self) -> Vec<String> {
        let paused = self.service.pause_failing_rollouts().await.unwrap();
        paused.iter().map(|paused| paused.reason.to_string()).collect()
    }

    fn is_paused(&self) -> bool {
        let snapshot = self.service.snapshot();
        let (_, rollout) = snapshot.book().rule(&phone()).unwrap().rollout(&"wave".parse().unwrap()).unwrap();
        rollout.paused.is_some()
    }
}

fn watching() -> Options {
    options().with_watch(WatchOptions::default().with_period(None))
}

/// Returns a store in which the new version is rolled out to everybody, guarded by three failures.
async fn with_rollout() -> MemoryStore {
    let store = MemoryStore::default();
    let service = with_sample(store.clone()).await;
    let mut guard = Guard::default();
    guard.failures = Some(3);
    let rollout = Rollout::new("wave".parse().unwrap()).guarded(guard);
    let (rule, version) = (phone(), ReportedVersion::new(NEW));
    let start = BookCommand::StartRollout { rule, audience: Audience::Everybody, version, rollout };
    service.admin("ann").command(&start).await.unwrap();
    store
}

/// Waits until a condition is true, and fails after a time limit.
async fn until(most: Duration, holds: impl Fn() -> bool) {
    let holding = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(most, holding).await.expect("it comes to hold");
}

#[tokio::test]
async fn devices_that_come_back_as_they_were_pause_the_rollout_and_healthy_ones_do_not() {
    let store = with_rollout().await;
    let server = Server::open(&store, watching()).await;
    for number in 1..=20 {
        assert_eq!(server.ask(number, OLD), NEW);
    }
    server.at(HOUR);
    for number in 1..=18 {
        assert_eq!(server.ask(number, NEW), "-");
    }
    assert_eq!(server.look().await, [""; 0]);
    server.ask(19, OLD);
    server.ask(20, OLD);
    assert_eq!(server.look().await, ["2 of 20 devices failed, the guard allows less than 10%"]);
    assert!(server.is_paused());
    assert_eq!(server.ask(21, OLD), "-", "nobody is offered it any more");
    assert_eq!(server.ask(1, NEW), "-", "who has it keeps it");
    assert_eq!(server.look().await, [""; 0], "once is enough");
    let last = server.service.history(1, 100).await.unwrap().pop().unwrap();
    assert_eq!(last.author, WATCH_AUTHOR);
    let counts = server.service.tallies()[0].counts;
    assert_eq!((counts.succeeded, counts.failed, counts.in_flight), (18, 2, 0));
}

#[tokio::test]
async fn devices_that_never_return_pause_the_rollout_once_their_deadline_is_over() {
    let store = with_rollout().await;
    let server = Server::open(&store, watching()).await;
    for number in 1..=3 {
        server.ask(number, OLD);
    }
    server.at(48 * HOUR - 1);
    assert_eq!(server.look().await, [""; 0]);
    server.at(48 * HOUR);
    assert_eq!(server.look().await, ["3 devices failed, the guard allows fewer than 3"]);
}

#[tokio::test]
async fn what_a_server_knew_goes_on_after_a_new_start_when_it_is_kept() {
    let store = with_rollout().await;
    let first = Server::open(&store, watching()).await;
    for number in 1..=3 {
        first.ask(number, OLD);
    }
    let kept = first.service.outcomes().unwrap();
    let watch = WatchOptions::default().with_period(None).with_outcomes(kept);
    let second = Server::open(&store, options().with_watch(watch)).await;
    second.at(HOUR);
    for number in 1..=3 {
        second.ask(number, OLD);
    }
    assert_eq!(second.look().await.len(), 1);
    assert!(Server::open(&store, options()).await.service.outcomes().is_none());
}

#[tokio::test]
async fn a_device_that_came_back_to_another_server_is_found_in_its_audit_log() {
    let store = with_rollout().await;
    let logging = |name: &str| {
        let server: ServerName = name.parse().unwrap();
        watching().with_logs(LogOptions::new(server))
    };
    let (one, two) =
        (Server::open(&store, logging("ocs01")).await, Server::open(&store, logging("ocs02")).await);
    for number in 1..=4 {
        assert_eq!(one.ask(number, OLD), NEW);
    }
    two.at(24 * HOUR);
    for number in 1..=3 {
        two.ask(number, NEW);
    }
    two.service.flush_logs().await.unwrap();
    one.at(49 * HOUR);
    assert_eq!(one.look().await, [""; 0], "three of the four came back, elsewhere");
    let counts = one.service.tallies()[0].counts;
    assert_eq!((counts.succeeded, counts.failed), (3, 1));
}

#[tokio::test]
async fn what_happened_after_outcomes_were_kept_is_found_in_the_audit_log() {
    let store = with_rollout().await;
    let logs = || LogOptions::new("ocs01".parse().unwrap());
    let first = Server::open(&store, watching().with_logs(logs())).await;
    for number in 1..=3 {
        first.ask(number, OLD);
    }
    let kept = first.service.outcomes().unwrap();
    first.at(HOUR);
    for number in 1..=2 {
        first.ask(number, NEW);
    }
    first.service.shutdown().await.unwrap();
    let watch = WatchOptions::default().with_period(None).with_outcomes(kept);
    let second = Server::open(&store, options().with_logs(logs()).with_watch(watch)).await;
    second.at(49 * HOUR);
    assert_eq!(second.look().await, [""; 0]);
    let counts = second.service.tallies()[0].counts;
    assert_eq!((counts.succeeded, counts.failed, counts.in_flight), (2, 1, 0));
}

#[tokio::test]
async fn of_two_servers_that_see_it_one_pauses_and_both_stop_offering() {
    let store = with_rollout().await;
    let background = || {
        let period = Some(Duration::from_millis(50));
        let watch = WatchOptions::default().with_period(period);
        options().with_watch(watch).with_probe(Some(Duration::from_millis(100)))
    };
    let (one, two) = (Server::open(&store, background()).await, Server::open(&store, background()).await);
    for server in [&one, &two] {
        for number in 1..=3 {
            assert_eq!(server.ask(number, OLD), NEW);
        }
        server.at(HOUR);
    }
    for server in [&one, &two] {
        for number in 1..=3 {
            server.ask(number, OLD);
        }
    }
    until(Duration::from_secs(60), || one.is_paused() && two.is_paused()).await;
    assert_eq!((one.ask(9, OLD), two.ask(9, OLD)), ("-".to_owned(), "-".to_owned()));
    let history = one.service.history(1, 100).await.unwrap();
    assert_eq!(history.iter().filter(|revision| revision.author == WATCH_AUTHOR).count(), 1);
}

#[tokio::test]
async fn a_rollout_that_is_gone_or_offers_something_else_is_not_paused() {
    let store = with_rollout().await;
    let (one, two) = (Server::open(&store, watching()).await, Server::open(&store, watching()).await);
    for seconds in [0, HOUR] {
        one.at(seconds);
        for number in 1..=3 {
            one.ask(number, OLD);
        }
    }
    // This server has not heard yet of what the other does.
    let (rule, name) = (phone(), || "wave".parse().unwrap());
    two.service.admin("bob").command(&BookCommand::StopRollout(rule.clone(), name())).await.unwrap();
    let stopped = two.service.snapshot().revision();
    assert_eq!(one.look().await, [""; 0]);
    assert_eq!(one.service.snapshot().revision(), stopped, "it has heard now, and changed nothing");
    assert_eq!(one.look().await, [""; 0]);
    assert!(one.service.tallies().is_empty());
}

#[tokio::test]
async fn a_kill_switch_stops_another_server_within_two_seconds() {
    let store = with_rollout().await;
    let probing = options().with_probe(Some(Duration::from_secs(1)));
    let (one, two) = (Server::open(&store, probing.clone()).await, Server::open(&store, probing).await);
    // The first look comes at once; this is about the ones after it.
    one.service.admin("ann").add_test_device(lab_phone()).await.unwrap();
    let heard = one.service.snapshot().revision();
    until(Duration::from_secs(60), || two.service.snapshot().revision() == heard).await;
    assert_eq!(two.ask(1, OLD), NEW);
    let kill = BookCommand::Kill { scope: StopScope::All, reason: "phones ring".into() };
    one.service.admin("ann").command(&kill).await.unwrap();
    assert_eq!(one.ask(1, OLD), "-", "where it is thrown it holds at once");
    until(Duration::from_secs(2), || two.ask(1, OLD) == "-").await;
}
