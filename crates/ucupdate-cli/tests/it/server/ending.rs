//! Tests how a server ends, and what it leaves in the store.
#![cfg(unix)]

use crate::place::{IP8540, Place, package};
use crate::serving::{PHONE, Serving, phone_request, post, status};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// More bytes than the buffers of a connection on this machine.
const IMAGE_BYTES: usize = 12 * 1024 * 1024;

const IMAGE: &str = "/DeviceUpdateFiles_Int/UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt";

/// Returns a place with a large approved image, and the image.
fn place_with_large_image() -> (Place, Vec<u8>) {
    let place = Place::new();
    let image = vec![0xA5; IMAGE_BYTES];
    place.file("uc.cab", &package(IP8540, "3.5.6907.0", &image));
    place.run(&["ingest", "uc.cab"]).done();
    place.run(&["approve", IP8540]).done();
    (place, image)
}

/// Begins to download the image, and stops after the first bytes of the answer.
fn begin_download(serving: &Serving) -> (TcpStream, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        socket.connect(serving.address().parse().unwrap()).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(format!("GET {IMAGE} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    let mut begun = vec![0; 4096];
    stream.read_exact(&mut begun).unwrap();
    assert_eq!(status(&String::from_utf8_lossy(&begun)), 200);
    (stream, begun)
}

/// Waits until the server has received the signal to end.
fn wait_until_nothing_is_accepted(address: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < until, "it still accepts");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_download_that_has_begun_is_finished_and_its_row_is_kept() {
    let (place, image) = place_with_large_image();
    let serving = place.serve_here();
    let address = serving.address();
    let asked = place.call(&format!("ask --url {} {PHONE}", serving.url()));
    asked.done();
    let idle = TcpStream::connect(&address).unwrap();
    let (mut stream, mut answer) = begin_download(&serving);

    serving.signal("TERM");
    wait_until_nothing_is_accepted(&address);
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    assert!(answer[head..] == image, "{} bytes came", answer.len() - head);
    let ended = serving.ended();
    drop(idle);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("closed before"), "{ended:?}");

    let access = place.log("Access");
    let row = access.lines().find(|row| row.contains(IMAGE)).unwrap_or_else(|| panic!("no row: {access}"));
    assert!(row.contains(" 200 0 0 "), "{row}");
    let audit = place.log("Audit");
    assert!(audit.lines().any(|row| row.contains("\"0021630F207B\"")), "{audit}");
}

#[test]
fn a_second_signal_ends_it_at_once_and_it_says_what_it_closed() {
    let (place, _) = place_with_large_image();
    let serving = place.serve_here();
    let (stream, _) = begin_download(&serving);
    let address = serving.address();
    serving.signal("INT");
    wait_until_nothing_is_accepted(&address);
    // Two signals at the same time count as one, because `timeout` signals a program and its process group.
    serving.signal("INT");
    std::thread::sleep(Duration::from_millis(1000));
    let begin = Instant::now();
    serving.signal("INT");
    let ended = serving.ended();
    assert!(begin.elapsed() < Duration::from_secs(10));
    drop(stream);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("1 connection was closed before the end of an answer"), "{ended:?}");
    let access = place.log("Access");
    let row = access.lines().find(|row| row.contains(IMAGE)).unwrap_or_else(|| panic!("no row: {access}"));
    assert!(row.contains(" 200 0 64 "), "{row}");
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn rows_that_the_store_does_not_take_are_counted_at_the_end() {
    let place = Place::with_package();
    let serving = place.serve_here();
    let body = phone_request(&place);
    // There is a file in the place of the log folder.
    let logs = place.path("ucupdate-data/Logs");
    if logs.exists() {
        std::fs::remove_dir_all(&logs).unwrap();
    }
    std::fs::write(&logs, "in the way").unwrap();
    assert_eq!(status(&post(&serving.address(), "/RequestHandler/ucdevice.upx", &[], &body)), 200);
    let ended = serving.terminated();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stderr.matches("log rows wait: the store does not take them").count(), 2, "{ended:?}");
    let reason = ended.stderr.lines().last().unwrap().trim_start_matches("ucupdate: ");
    let counted = "not all log rows were written: 2 log rows are not written yet because the store fails: ";
    assert!(reason.starts_with(counted), "{reason}");
}

#[test]
fn killed_at_any_time_no_change_that_was_acknowledged_is_lost() {
    let place = Place::with_package();
    let mut serving = place.serve_here();
    let mut acknowledged = Vec::new();
    for round in 0..12_u64 {
        let name = format!("device {round}");
        let mac = format!("0021630F{round:04X}");
        let mut command = place.command(&["test-device", "add", &name, "--mac", &mac]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(round * 4));
        if round % 3 == 0 {
            serving.signal("KILL");
            serving = place.serve_here();
        }
        if round % 2 == 0 {
            child.kill().unwrap();
        }
        if child.wait().unwrap().success() {
            acknowledged.push(name);
        }
    }
    let kept = place.run(&["test-device", "list"]).done();
    for name in &acknowledged {
        assert!(kept.contains(name), "{name} is lost: {kept}");
    }
    assert!(acknowledged.len() >= 6, "{acknowledged:?}");
    place.run(&["approve", IP8540]).done();
    serving.signal("KILL");
    let serving = place.serve_here();
    let offered = place.call(&format!("ask --url {} {PHONE}", serving.url())).done();
    assert!(offered.starts_with("offered 1.0.522.103 "), "{offered}");
}

#[test]
fn at_two_signals_at_once_it_still_finishes_and_writes_its_rows() {
    let place = Place::with_package();
    let body = phone_request(&place);
    for _ in 0..5 {
        let serving = place.serve_here();
        assert_eq!(status(&post(&serving.address(), "/RequestHandler/ucdevice.upx", &[], &body)), 200);
        serving.signal("TERM");
        serving.signal("TERM");
        let ended = serving.ended();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let audit = place.log("Audit");
    assert_eq!(audit.lines().filter(|row| row.contains("\"0021630F207B\"")).count(), 5, "{audit}");
}
