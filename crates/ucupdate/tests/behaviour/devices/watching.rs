use crate::fixtures::*;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};

const OLD: &str = "1.0.522.103";
const NEW: &str = "3.5.6907.9";
const HOUR: i64 = 3600;

fn phone() -> RuleKey {
    sample::cx700()
}

struct Server {
    service: UpdateService,
    clock: Arc<SettableClock>,
    log: Arc<Paused>,
}

/// Counts the rollouts that were found paused.
#[derive(Debug, Default)]
struct Paused(AtomicU32);

impl Events for Paused {
    fn on_event(&self, event: &Event<'_>) {
        if let Event::RolloutAlreadyPaused { .. } = event {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Server {
    async fn open(store: &MemoryStore, name: &str) -> Self {
        Self::open_with(store, watching(name)).await
    }

    async fn open_with(store: &MemoryStore, options: Options) -> Self {
        let (clock, log) = (Arc::new(SettableClock::at(NOW)), Arc::new(Paused::default()));
        let options = options.with_clock(clock.clone()).with_events(log.clone());
        let service = UpdateService::open(Arc::new(store.clone()), options).await.unwrap();
        Self { service, clock, log }
    }

    /// Sets the clock to some seconds after the beginning.
    fn at(&self, seconds: i64) -> &Self {
        self.clock.set(UnixTime::from_seconds(NOW.as_seconds() + seconds));
        self
    }

    /// Sends a request of phone number `number` with this version. Returns the offered version, or `-` if nothing is
    /// offered.
    fn ask(&self, number: u32, version: &str) -> String {
        self.ask_from(&host(number), number, version)
    }

    fn ask_from(&self, host: &str, number: u32, version: &str) -> String {
        let mut request = request(&phone(), version);
        request.device.mac_address = Reported::new(&format!("0004F2{number:06X}"));
        request.device.serial_number = Reported::default();
        let response = self.service.answer(&request, Asker { side: Side::Internal, host }).unwrap();
        response.modules.first().map_or_else(|| "-".to_owned(), |module| module.version.to_string())
    }

    fn ask_each(&self, numbers: RangeInclusive<u32>, version: &str) {
        numbers.for_each(|number| drop(self.ask(number, version)));
    }

    fn ask_each_from(&self, host: &str, numbers: RangeInclusive<u32>, version: &str) {
        numbers.for_each(|number| drop(self.ask_from(host, number, version)));
    }

    /// A phone downloads the new image.
    fn fetch(&self, number: u32) {
        self.fetch_from(&host(number), 200);
    }

    fn fetch_from(&self, host: &str, status: u16) {
        let path = format!("/DeviceUpdateFiles_Int/UCPhone/Polycom/CX700/A/ENU/{NEW}/CPE/CPE.nbt");
        let row = AccessRow {
            client_ip: host.into(),
            ..AccessRow::finished("GET", &path, status, Duration::ZERO, self.service.now())
        };
        self.service.log_access(&row);
    }

    /// Phones are offered the new version and download it.
    fn take(&self, numbers: RangeInclusive<u32>) {
        for number in numbers {
            assert_eq!(self.ask(number, OLD), NEW);
            self.fetch(number);
        }
    }

    async fn look(&self) -> Vec<String> {
        self.service.flush_logs().await.unwrap();
        let paused = self.service.pause_failing_rollouts().await.unwrap();
        paused.iter().map(|paused| paused.reason.to_string()).collect()
    }

    /// Succeeded, failed, in flight; and the number of those that do not count.
    fn counts(&self) -> ([u64; 3], u64) {
        let Some(tally) = self.service.tallies().pop() else { return ([0; 3], 0) };
        let counts = tally.counts;
        ([counts.succeeded, counts.failures(), counts.in_flight], tally.not_fetched.offered())
    }

    fn is_paused(&self) -> bool {
        let snapshot = self.service.snapshot();
        let (_, rollout) = snapshot.book().rule(&phone()).unwrap().rollout(&"wave".parse().unwrap()).unwrap();
        rollout.paused.is_some()
    }
}

fn host(number: u32) -> String {
    format!("10.1.{}.{}", number >> 8, number & 0xff)
}

fn watching(name: &str) -> Options {
    let watch = WatchOptions::default().with_period(None).with_wait(Duration::ZERO);
    options().with_watch(watch).with_logs(LogOptions::new(name.parse().unwrap()))
}

/// Makes a store in which the new version is rolled out to all devices, with a guard of three failures.
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
    let server = Server::open(&with_rollout().await, "ocs").await;
    server.take(1..=20);
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
    assert_eq!(server.counts(), ([18, 2, 0], 0));
    assert_eq!(server.log.0.load(Ordering::Relaxed), 0, "it paused the rollout itself");
}

#[tokio::test]
async fn devices_that_never_return_pause_the_rollout_once_their_deadline_is_over() {
    let server = Server::open(&with_rollout().await, "ocs").await;
    server.take(1..=3);
    server.at(48 * HOUR - 1);
    assert_eq!(server.look().await, [""; 0]);
    server.at(48 * HOUR);
    assert_eq!(server.look().await, ["3 devices failed, the guard allows fewer than 3"]);
}

#[tokio::test]
async fn failures_of_the_fleet_count_whatever_server_saw_them_and_whatever_server_restarts() {
    let store = with_rollout().await;
    let (one, two) = (Server::open(&store, "ocs01").await, Server::open(&store, "ocs02").await);
    one.take(1..=2);
    two.take(3..=3);
    assert_eq!(one.look().await, [""; 0]);
    one.service.shutdown().await.unwrap();
    two.at(HOUR).ask(1, OLD);
    assert_eq!(two.look().await, [""; 0], "one failure of three");
    two.ask(3, OLD);
    two.service.shutdown().await.unwrap();
    let three = Server::open(&store, "ocs03").await;
    three.at(HOUR).ask(2, OLD);
    assert_eq!(three.look().await, ["3 devices failed, the guard allows fewer than 3"]);
    assert_eq!(three.counts(), ([0, 3, 0], 0));
}

#[tokio::test]
async fn a_device_that_came_back_to_another_server_is_found_in_its_audit_log() {
    let store = with_rollout().await;
    let (one, two) = (Server::open(&store, "ocs01").await, Server::open(&store, "ocs02").await);
    one.take(1..=4);
    two.at(24 * HOUR);
    two.ask_each(1..=3, NEW);
    two.service.flush_logs().await.unwrap();
    one.at(49 * HOUR);
    assert_eq!(one.look().await, [""; 0], "three of the four came back, elsewhere");
    assert_eq!(one.counts(), ([3, 1, 0], 0));
}

#[tokio::test]
async fn of_two_servers_that_see_it_one_pauses_and_the_other_says_so_once() {
    let store = with_rollout().await;
    let (one, two) = (Server::open(&store, "ocs01").await, Server::open(&store, "ocs02").await);
    one.take(1..=3);
    for server in [&one, &two] {
        server.at(HOUR);
        assert_eq!(server.look().await, [""; 0]);
    }
    two.ask_each(1..=3, OLD);
    two.service.flush_logs().await.unwrap();
    assert_eq!(one.look().await.len(), 1);
    for _ in 0..2 {
        assert_eq!(two.look().await, [""; 0]);
        two.service.refresh().await.unwrap();
    }
    assert!(one.is_paused() && two.is_paused());
    let report = |server: &Server| server.log.0.load(Ordering::Relaxed);
    assert_eq!((report(&one), report(&two)), (0, 1));
    let history = one.service.history(1, 100).await.unwrap();
    assert_eq!(history.iter().filter(|revision| revision.author == WATCH_AUTHOR).count(), 1);
}

#[tokio::test]
async fn servers_that_look_at_the_same_time_pause_a_rollout_once() {
    let store = with_rollout().await;
    let (one, two) = (Server::open(&store, "ocs01").await, Server::open(&store, "ocs02").await);
    one.take(1..=3);
    one.at(HOUR).ask_each(1..=3, OLD);
    one.service.flush_logs().await.unwrap();
    two.at(HOUR);
    let (first, second) = tokio::join!(one.look(), two.look());
    assert_eq!(first.len() + second.len(), 1);
    let history = one.service.history(1, 100).await.unwrap();
    assert_eq!(history.iter().filter(|revision| revision.author == WATCH_AUTHOR).count(), 1);
}

#[tokio::test]
async fn a_resumed_rollout_begins_a_new_count_also_for_a_server_that_starts_later() {
    let store = with_rollout().await;
    let one = Server::open(&store, "ocs01").await;
    one.take(1..=3);
    one.at(HOUR);
    one.ask_each(1..=3, OLD);
    assert_eq!(one.look().await.len(), 1);
    one.at(2 * HOUR);
    let resume = BookCommand::ResumeRollout(phone(), "wave".parse().unwrap());
    one.service.admin("ann").command(&resume).await.unwrap();
    assert_eq!(one.look().await, [""; 0]);
    assert_eq!(one.counts(), ([0; 3], 0));
    one.at(3 * HOUR).take(4..=4);
    one.service.flush_logs().await.unwrap();
    let two = Server::open(&store, "ocs02").await;
    two.at(4 * HOUR);
    assert_eq!(two.look().await, [""; 0]);
    assert_eq!(two.counts(), ([0, 0, 1], 0));
    let read = two.service.read_outcomes().await.unwrap();
    let started = read.starts.values().next().unwrap();
    assert_eq!(started.as_seconds(), NOW.as_seconds() + 2 * HOUR);
}

#[tokio::test]
async fn a_server_that_starts_after_a_change_of_the_rule_counts_an_old_rollout_like_the_others() {
    const DAY: i64 = 24 * HOUR;
    let store = with_rollout().await;
    let one = Server::open(&store, "ocs01").await;
    one.at(10 * DAY).take(1..=3);
    let (rule, version) = (phone(), ReportedVersion::new(NEW));
    let device = DeviceId::Mac("00-04-F2-00-00-09".parse().unwrap());
    let pin = BookCommand::Pin { rule, audience: Audience::Device(device), version };
    one.at(25 * DAY).service.admin("ann").command(&pin).await.unwrap();
    one.service.flush_logs().await.unwrap();
    let two = Server::open(&store, "ocs02").await;
    assert_eq!(two.at(31 * DAY).look().await, ["3 devices failed, the guard allows fewer than 3"]);
    let started = two.service.read_outcomes().await.unwrap().starts;
    let after_the_reach = |start: &UnixTime| start.as_seconds() == NOW.as_seconds() + DAY;
    assert!(started.values().all(after_the_reach), "30 days back, not the pin: {started:?}");
}

#[tokio::test]
async fn invented_devices_that_download_nothing_count_neither_as_failed_nor_as_installed() {
    let server = Server::open(&with_rollout().await, "ocs").await;
    server.ask_each_from("203.0.113.9", 1..=50, OLD);
    server.at(HOUR);
    for number in 1..=50 {
        server.ask_from("203.0.113.9", number, if number > 25 { NEW } else { OLD });
    }
    server.at(72 * HOUR);
    assert_eq!(server.look().await, [""; 0]);
    assert_eq!(server.counts(), ([0; 3], 50));
    assert!(!server.is_paused());
}

#[tokio::test]
async fn one_download_counts_for_one_of_many_devices_at_an_address() {
    let server = Server::open(&with_rollout().await, "ocs").await;
    server.ask_each_from("203.0.113.9", 1..=50, OLD);
    server.fetch_from("203.0.113.9", 200);
    for _ in 0..50 {
        server.fetch_from("203.0.113.9", 206);
        server.fetch_from("203.0.113.9", 404);
    }
    server.at(HOUR);
    server.ask_each_from("203.0.113.9", 1..=50, OLD);
    assert_eq!(server.look().await, [""; 0]);
    assert_eq!(server.counts(), ([0, 2, 0], 48), "the whole download, and one of the parts");
}

#[tokio::test]
async fn devices_behind_one_address_count_as_often_as_they_download() {
    let server = Server::open(&with_rollout().await, "ocs").await;
    for number in 1..=5 {
        server.ask_from("198.51.100.1", number, OLD);
        server.fetch_from("198.51.100.1", 200);
    }
    server.at(HOUR);
    for number in 1..=5 {
        server.ask_from("198.51.100.1", number, if number == 5 { NEW } else { OLD });
    }
    assert_eq!(server.look().await, ["4 devices failed, the guard allows fewer than 3"]);
    assert_eq!(server.counts(), ([1, 4, 0], 0));
}

#[tokio::test]
async fn behind_a_cache_that_downloads_once_only_one_device_counts() {
    let server = Server::open(&with_rollout().await, "ocs").await;
    server.ask_each(1..=5, OLD);
    server.fetch_from(&host(3), 200);
    server.at(HOUR);
    server.ask_each(1..=5, OLD);
    assert_eq!(server.look().await, [""; 0]);
    assert_eq!(server.counts(), ([0, 1, 0], 4));
}

#[tokio::test]
async fn the_old_version_from_another_address_is_no_failure_until_the_deadline() {
    let server = Server::open(&with_rollout().await, "ocs").await;
    server.take(1..=4);
    server.at(HOUR);
    server.ask_each_from("203.0.113.9", 1..=4, OLD);
    assert_eq!(server.look().await, [""; 0]);
    assert_eq!(server.counts(), ([0, 0, 4], 0));
    server.at(24 * HOUR).ask(1, NEW);
    server.at(49 * HOUR);
    assert_eq!(server.look().await.len(), 1);
    assert_eq!(server.counts(), ([1, 3, 0], 0));
}

#[tokio::test]
async fn a_rollout_that_is_gone_or_offers_something_else_is_not_paused() {
    let store = with_rollout().await;
    let (one, two) = (Server::open(&store, "ocs01").await, Server::open(&store, "ocs02").await);
    one.take(1..=3);
    one.at(HOUR).ask_each(1..=3, OLD);
    // This server has not read the other server's changes yet.
    let (rule, name) = (phone(), || "wave".parse().unwrap());
    two.service.admin("bob").command(&BookCommand::EndRollout(rule.clone(), name())).await.unwrap();
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
    let (one, two) =
        (Server::open_with(&store, probing.clone()).await, Server::open_with(&store, probing).await);
    // The first check is immediate. This test is about the later ones.
    one.service.admin("ann").add_test_device(lab_phone()).await.unwrap();
    let heard = one.service.snapshot().revision();
    until(Duration::from_secs(60), || two.service.snapshot().revision() == heard).await;
    assert_eq!(two.ask(1, OLD), NEW);
    let kill = BookCommand::Kill { scope: StopScope::All, reason: "phones ring".into() };
    one.service.admin("ann").command(&kill).await.unwrap();
    assert_eq!(one.ask(1, OLD), "-", "where it is thrown it holds at once");
    until(Duration::from_secs(2), || two.ask(1, OLD) == "-").await;
}
