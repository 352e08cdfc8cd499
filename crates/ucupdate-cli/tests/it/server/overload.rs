//! Tests `serve` under clients that use all resources. The kill switch must still take effect.

use crate::place::{IP8540, Place};
use crate::serving::{Serving, exchange, phone_request, post, status};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const HANDLER: &str = "/RequestHandler/ucdevice.upx";

const IMAGE: &str = "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt";

/// The largest number of polls until the offer must be gone. One poll is sent each tenth of a second.
const MAX_POLLS: usize = 150;

const POLL_TIME: Duration = Duration::from_secs(5);

/// Returns a store whose phone is offered an image of some megabytes.
fn place_with_large_image() -> Place {
    let place = Place::new();
    place.file("uc.cab", &ucupdate_cab::package::sample::uc_updates(4 * 1024 * 1024));
    place.run(&["ingest", "uc.cab"]).done();
    place.run(&["approve", IP8540]).done();
    place
}

/// Starts `serve` with this number of open files at most, soft and hard.
fn serve_with_open_files(place: &Place, soft: usize, hard: usize) -> Serving {
    let program = env!("CARGO_BIN_EXE_ucupdate");
    let line = format!(
        "ulimit -Sn {soft} && ulimit -Hn {hard} && exec {program} serve --create --server-name here \
         --listen 127.0.0.1:0 --health 127.0.0.1:0"
    );
    place.start_program("sh", &["-c", &line], 2)
}

/// Opens this number of connections, sends `said` on each, and reads nothing.
fn hold(address: &str, count: usize, said: &str) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..count {
        let Ok(mut stream) = TcpStream::connect(address) else { continue };
        let _sent = stream.write_all(said.as_bytes());
        held.push(stream);
    }
    held
}

/// Polls until the kill switch takes effect. Returns the time it took, and the number of polls without an answer.
#[track_caller]
fn kill_and_poll(place: &Place, address: &str) -> (Duration, usize) {
    let body = phone_request(place);
    let is_offered = || -> Option<bool> {
        let head = format!(
            "POST {HANDLER} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(POLL_TIME)).ok()?;
        stream.write_all(&[head.as_bytes(), &body].concat()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.starts_with("HTTP/1.1 200 ").then(|| answer.contains("<BaseURL>"))
    };
    assert_eq!(is_offered(), Some(true), "something is offered before");
    place.run(&["rollout", "kill", "--reason", "calls drop"]).done();
    let begin = Instant::now();
    let mut unanswered = 0;
    for _ in 0..MAX_POLLS {
        match is_offered() {
            Some(false) => return (begin.elapsed(), unanswered),
            Some(true) => {}
            None => unanswered += 1,
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("still offered after {MAX_POLLS} polls and {:?}, {unanswered} without an answer", begin.elapsed());
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

fn health(serving: &Serving) -> String {
    serving.lines[1].strip_prefix("health on http://").unwrap().to_owned()
}

/// Raises the limit of open files of this test, which holds thousands of connections.
fn raise_open_files(wanted: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    assert!(maximum.is_none_or(|most| most >= wanted), "the hard limit of open files is below {wanted}");
}

#[test]
#[ignore = "holds thousands of connections; .ci/run runs it"]
fn the_kill_switch_holds_under_stalled_downloads_and_idle_connections() {
    raise_open_files(6000);
    let place = place_with_large_image();
    // Each row has a number of descriptors, and the numbers of downloads and of idle connections of one host.
    for (soft, hard, stalled, idle) in [
        (128, 128, 0, 0),
        (128, 128, 530, 1300),
        (1024, 1024, 530, 0),
        (1024, 4096, 530, 1300),
        (1024, 20_000, 0, 4200),
    ] {
        let serving = serve_with_open_files(&place, soft, hard);
        let address = serving.address();
        let downloads = hold(&address, stalled, &get(IMAGE));
        let idlers = hold(&address, idle, "");
        let (took, unanswered) = kill_and_poll(&place, &address);
        println!(
            "{soft}/{hard} open files, {stalled} stalled downloads, {idle} idle: killed after {took:?}, \
             {unanswered} polls unanswered"
        );
        assert_eq!(status(&exchange(&health(&serving), get("/readyz").as_bytes())), 200);
        drop((downloads, idlers));
        assert_eq!(serving.terminated().code, Some(0));
        restart(&place);
    }
}

#[test]
#[ignore = "holds thousands of connections; .ci/run runs it"]
fn one_host_with_idle_connections_does_not_lock_out_the_others() {
    raise_open_files(6000);
    let place = place_with_large_image();
    let serving = place.serve_here();
    let address = serving.address();
    let ended = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            // A connection that is closed is opened again.
            let mut held = hold(&address, 4200, "");
            while !ended.load(Ordering::Relaxed) {
                held.retain(|stream| {
                    stream.set_nonblocking(true).unwrap();
                    matches!((&*stream).read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
                });
                held.extend(hold(&address, 4200 - held.len(), ""));
            }
        });
        let _ends_with_this = Ends(&ended);
        std::thread::sleep(Duration::from_secs(2));
        let body = phone_request(&place);
        for poll in 0..90 {
            assert_eq!(status(&post(&address, HANDLER, &[], &body)), 200, "poll {poll}");
        }
        let (took, unanswered) = kill_and_poll(&place, &address);
        println!("4200 idle connections, taken again: killed after {took:?}, {unanswered} polls unanswered");
    });
    assert_eq!(serving.terminated().code, Some(0));
}

/// A guard that sets the flag when it is dropped, even by a panic.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Undoes the kill switch, which needs two authors.
fn restart(place: &Place) {
    place.run(&["rollout", "restart", "--author", "ann"]).done();
    place.run(&["rollout", "restart", "--approve", "--author", "bob"]).done();
}

/// One main thread, nine threads for blocking work, one that writes stderr and one that writes events. For each processor the
/// runtime has one thread in addition, and the test allows one more.
#[cfg(target_os = "linux")]
const THREADS: usize = 12;

#[cfg(target_os = "linux")]
#[test]
#[ignore = "slow; .ci/run runs it"]
fn slow_downloads_hold_few_threads_and_polls_see_the_kill_switch() {
    raise_open_files(2000);
    let place = place_with_large_image();
    for cache in ["0", "64"] {
        let options = [
            "serve",
            "--server-name",
            "here",
            "--listen",
            "127.0.0.1:0",
            "--connections-per-address",
            "1100",
        ];
        let serving =
            place.start(&[&options[..], &["--max-downloads", "520", "--image-cache", cache]].concat(), 1);
        let address = serving.address();
        let mut downloads = hold(&address, 500, &get(IMAGE));
        // Each download takes some pieces, so that the server reads again and again.
        for stream in &mut downloads {
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let mut taken = vec![0; 256 * 1024];
            stream.read_exact(&mut taken).unwrap();
        }
        let (processors, threads) = (std::thread::available_parallelism().unwrap().get(), serving.threads());
        assert!(threads <= THREADS + 2 * processors, "{threads} threads with {processors} processors");
        let (_took, unanswered) = kill_and_poll(&place, &address);
        assert_eq!(unanswered, 0);
        drop(downloads);
        assert_eq!(serving.terminated().code, Some(0));
        restart(&place);
    }
}

#[test]
fn health_is_on_its_own_listener_and_a_lost_store_is_not_ready() {
    let place = Place::with_package();
    let serving = place.start(
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--health",
            "127.0.0.1:0",
            "--fail-closed",
            "1",
            "--server-name",
            "here",
        ],
        2,
    );
    let health = health(&serving);
    let asked = |path: &str| status(&exchange(&health, get(path).as_bytes()));
    assert_eq!((asked("/healthz"), asked("/readyz"), asked("/")), (200, 200, 404));
    assert_eq!(asked(HANDLER), 404, "devices are not served there");
    assert_eq!(status(&exchange(&serving.address(), get("/readyz").as_bytes())), 404);
    std::fs::rename(place.path("ucupdate-data"), place.path("elsewhere")).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let answer = loop {
        let answer = exchange(&health, get("/readyz").as_bytes());
        if status(&answer) == 503 {
            break answer;
        }
        assert!(Instant::now() < until, "{answer}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(answer.contains("nothing is offered"), "{answer}");
    assert_eq!(asked("/healthz"), 200);
    let body = phone_request(&place);
    let answer = post(&serving.address(), HANDLER, &[], &body);
    assert!(status(&answer) == 200 && !answer.contains("<BaseURL>"), "{answer}");
    std::fs::rename(place.path("elsewhere"), place.path("ucupdate-data")).unwrap();
    while asked("/readyz") != 200 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_server_says_what_is_in_the_way_of_later_changes_at_its_start_and_when_it_is_asked() {
    let place = Place::with_package();
    let next = "ucupdate-data/state/revisions/00000000000000000002.json";
    std::fs::create_dir_all(place.path(next).join("sub")).unwrap();
    place.file(&format!("{next}/sub/x"), b"x");
    let serving = place
        .start(&["serve", "--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--server-name", "here"], 2);
    let answer = exchange(&health(&serving), get("/readyz").as_bytes());
    assert_eq!(status(&answer), 200, "{answer}");
    let expected =
        "0002.json` is a folder, expected a plain file or nothing: changes fail when they come to it; move `";
    assert!(answer.contains("but later changes fail: ") && answer.contains(expected), "{answer}");
    let ended = serving.terminated();
    assert!(ended.stderr.contains(expected), "{ended:?}");
}

#[test]
fn idle_connections_do_not_keep_a_load_balancer_from_the_health_listener() {
    raise_open_files(1000);
    let place = Place::with_package();
    let serving = place
        .start(&["serve", "--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--server-name", "here"], 2);
    let health = health(&serving);
    // If each of them held a place for its time limit, this would take longer than the test waits.
    let idlers = hold(&health, 400, "");
    assert_eq!(status(&exchange(&health, get("/readyz").as_bytes())), 200);
    drop(idlers);
    assert_eq!(serving.terminated().code, Some(0));
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn a_server_that_cannot_write_its_logs_is_not_ready() {
    for (extra, lost) in [(None, 503), (Some("--ready-without-log"), 200)] {
        let place = Place::with_package();
        // A file in the place of the folder refuses rows of the superuser, too.
        let (logs, aside) = (place.path("ucupdate-data/Logs"), place.path("logs"));
        let _none_yet = std::fs::rename(&logs, &aside);
        std::fs::write(&logs, "").unwrap();
        let mut args =
            vec!["serve", "--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--server-name", "here"];
        args.extend(extra);
        let serving = place.start(&args, 2);
        let health = health(&serving);
        let asked = || exchange(&health, get("/readyz").as_bytes());
        let answer = asked();
        assert_eq!(status(&answer), lost, "{answer}");
        assert!(answer.contains("log rows cannot be written: `Logs/Server/"), "{answer}");
        // The same with a row that waits.
        assert_eq!(status(&post(&serving.address(), HANDLER, &[], &phone_request(&place))), 200);
        let until = Instant::now() + Duration::from_secs(60);
        while !asked().contains("that cannot be written: ") {
            assert!(Instant::now() < until, "{}", asked());
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(status(&asked()), lost);
        std::fs::remove_file(&logs).unwrap();
        while asked().contains("log rows cannot be written") {
            assert!(Instant::now() < until, "{}", asked());
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(status(&asked()), 200);
        assert_eq!(serving.terminated().code, Some(0));
    }
}

#[test]
fn hangup_and_user_signals_do_not_end_a_server() {
    let place = Place::with_package();
    let serving = place.serve_here();
    for signal in ["HUP", "USR1", "USR2"] {
        serving.signal(signal);
    }
    let answer = exchange(&serving.address(), get("/").as_bytes());
    assert_eq!(status(&answer), 404);
    assert_eq!(serving.terminated().code, Some(0));
}
