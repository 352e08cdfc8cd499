//! Tests the events of `serve`: JSON lines, lines of the access log, and webhooks.

use crate::place::{IP8540, Place};
use crate::serving::{phone_request, post, status};
use serde_json::{Value, json};
use std::net::TcpListener;

const HANDLER: &str = "/RequestHandler/ucdevice.upx";

fn events(place: &Place, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn events_are_written_as_json_lines_and_exchanges_as_rows() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let body = phone_request(&place);
    let outputs = ["--events-json", "events.log", "--access-log", "stderr"];
    let serving = place.serve(&[&["--listen", "127.0.0.1:0", "--no-trouble-watch"], &outputs[..]].concat());
    let address = serving.address();
    assert_eq!(status(&post(&address, HANDLER, &[], &body)), 200);
    assert_eq!(status(&post(&address, HANDLER, &[], b"not xml")), 400);
    let ended = serving.terminated();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let events = events(&place, "events.log");
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let expected = [
        "request-answered",
        "exchange-finished",
        "request-unreadable",
        "request-refused",
        "exchange-finished",
    ];
    assert_eq!(names, expected);
    assert!(events.iter().all(|event| event["format"] == 1 && event["server"] == "here"), "{events:?}");
    let device =
        json!({ "kind": "UCPhone/LG-Nortel/IP8540/A/ENU", "mac": "0021630F207B", "serial": "C185H001209" });
    assert_eq!((&events[0]["host"], &events[0]["device"]), (&json!("127.0.0.1"), &device));
    assert_eq!(events[0]["modules"][0]["decision"], "offer");
    assert_eq!((&events[2]["bytes"], &events[2]["start"]), (&json!(7), &json!("not xml")));
    assert_eq!((&events[4]["status"], &events[4]["path"]), (&json!(400), &json!(HANDLER)));
    let rows: Vec<&str> = ended.stderr.lines().filter(|line| line.contains(HANDLER)).collect();
    assert_eq!(rows.len(), 2, "{ended:?}");
    assert!(
        rows[1].contains(" POST /RequestHandler/ucdevice.upx - ") && rows[1].contains(" 400 "),
        "{rows:?}"
    );
}

#[test]
fn a_change_by_another_process_is_reported_and_only_chosen_events_are() {
    let place = Place::with_package();
    let mut serving = place.serve(&["--listen", "127.0.0.1:0", "--events-json", "--events", "change-made"]);
    place.run(&["approve", IP8540, "--author", "ann"]).done();
    serving.wait_for_lines(4);
    let event: Value = serde_json::from_str(&serving.lines[3]).unwrap();
    assert_eq!(
        (&event["event"], &event["revision"], &event["author"]),
        (&json!("change-made"), &json!(2), &json!("ann"))
    );
    assert_eq!(serving.terminated().code, Some(0));
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn an_answer_does_not_wait_for_a_webhook_that_hangs() {
    let place = Place::with_package();
    place.file("secret", b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let body = phone_request(&place);
    // The system accepts the connections, but nothing reads from them.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", hanging.local_addr().unwrap());
    let serving = place.serve(&[
        "--listen",
        "127.0.0.1:0",
        "--webhook",
        &url,
        "--webhook-secret-file",
        "secret",
        "--events",
        "request-answered,exchange-finished",
    ]);
    for _ in 0..20 {
        assert_eq!(status(&post(&serving.address(), HANDLER, &[], &body)), 200);
    }
    assert_eq!(serving.terminated().code, Some(0));
}

#[cfg(unix)]
#[test]
fn secrets_that_others_can_read_or_write_are_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::with_package();
    place.secret_file("secret", b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    place.run(&["token", "add", "ann", "--role", "viewer", "--token-file", "tokens.json"]).done();
    let listen = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--token-file", "tokens.json"];
    let webhook = ["--webhook", "http://127.0.0.1:1/", "--webhook-secret-file", "secret"];
    let warnings = || {
        let ran = place.serve(&[&listen[..], &webhook].concat()).terminated();
        ran.stderr.lines().filter(|line| line.contains("has mode")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(warnings(), [""; 0]);
    for (file, mode) in [("secret", 0o644), ("tokens.json", 0o660)] {
        std::fs::set_permissions(place.path(file), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let expected = [
        "ucupdate: warning: tokens.json: the list of tokens has mode 660, so others can use it; expected 600 or 640",
        "ucupdate: warning: secret: the secret of the webhook has mode 644, so others can use it; expected 600 or 640",
    ];
    assert_eq!(warnings(), expected);
}

#[test]
fn a_webhook_that_cannot_be_used_and_an_unknown_event_are_wrong_calls() {
    let place = Place::new();
    place.file("secret", b"short");
    let secret = ["--webhook-secret-file", "secret"];
    for (args, reason) in [
        (&["--webhook", "http://127.0.0.1:1/"][..], "--webhook-secret-file"),
        (&[&["--webhook", "http://127.0.0.1:1/"][..], &secret].concat(), "secret: the secret has 5 bytes"),
        (&["--events", "change"], "no event is named `change`, expected one of request-answered, "),
    ] {
        let ran = place.run(&[&["serve", "--create", "--listen", "127.0.0.1:0"], args].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(reason), "{ran:?}");
    }
}

/// The reader of stdout takes the line with the address, and then nothing.
#[cfg(target_os = "linux")]
#[test]
fn a_server_ends_although_the_reader_of_its_stdout_stands_still() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let body = phone_request(&place);
    let script = format!(
        "mkfifo out; {} serve --server-name here --listen 127.0.0.1:0 --no-trouble-watch --access-log stdout --events-json >out & \
         {{ read -r line; echo $!; echo \"$line\"; exec sleep 100 >/dev/null 2>&1; }} <out",
        env!("CARGO_BIN_EXE_ucupdate")
    );
    let reader = place.start_program("sh", &["-c", &script], 2);
    let (server, address) = (&reader.lines[0], reader.address());
    // A pipe holds 64 KiB, and a request is more than 500 bytes of rows and events.
    for _ in 0..150 {
        assert_eq!(status(&post(&address, HANDLER, &[], &body)), 200);
    }
    let sent = std::process::Command::new("kill").args(["-s", "TERM", server]).status().unwrap();
    assert!(sent.success());
    let runs = || {
        let stat = std::fs::read_to_string(format!("/proc/{server}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.starts_with(" Z"))
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while runs() {
        assert!(std::time::Instant::now() < until, "the server still runs");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
