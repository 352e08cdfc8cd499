//! Hostile bytes to the listener of administrators, as they arrive on a socket: each is refused, and no log has a token.

use crate::place::Place;
use crate::serving::Serving;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// The time after which a connection that is kept is given up.
const QUIET: Duration = Duration::from_secs(5);

struct Site {
    place: Place,
    serving: Serving,
    address: String,
    token: String,
}

impl Site {
    fn new() -> Self {
        let place = Place::with_package();
        let added = place.run(&["token", "add", "ann", "--role", "approver", "--token-file", "tokens.json"]);
        let token = added.done().trim().to_owned();
        let mut serving = place.serve(&[
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--token-file",
            "tokens.json",
        ]);
        serving.wait_for_lines(2);
        let url = serving.lines[1].strip_prefix("administration on http://").unwrap();
        let address = url.trim_end_matches('/').to_owned();
        Self { place, serving, address, token }
    }

    /// Sends bytes and returns what comes back until the server closes or is quiet for this time.
    fn send(&self, bytes: &[u8], quiet: Duration) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(quiet)).unwrap();
        // The server may close before everything is sent.
        let _closed = stream.write_all(bytes);
        let (mut all, mut piece) = (Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = stream.read(&mut piece) {
            all.extend_from_slice(&piece[..read]);
        }
        String::from_utf8_lossy(&all).into_owned()
    }
}

fn statuses(answer: &str) -> Vec<u16> {
    let lines = answer.split("HTTP/1.1 ").skip(1).chain(answer.split("HTTP/1.0 ").skip(1));
    lines.map(|rest| rest[..3].parse().unwrap()).collect()
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn hostile_bytes_are_refused_and_change_nothing() {
    let site = Site::new();
    let auth = format!("Authorization: Bearer {}\r\n", site.token);
    let kill = r#"{"command":{"kill":{"scope":"all","reason":"x"}}}"#;
    let json = format!("Host: x\r\n{auth}Content-Type: application/json\r\n");
    let length = kill.len();
    let post = |fields: &str, body: &str| {
        format!("POST /api/v1/changes HTTP/1.1\r\n{json}{fields}\r\n{body}").into_bytes()
    };
    let chunked = format!("{length:x}\r\n{kill}\r\n0\r\n\r\n");
    let get = |line: &str, fields: &str| format!("{line}\r\n{fields}Connection: close\r\n\r\n").into_bytes();
    let many: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    let long = "a".repeat(1_000_000);
    let smuggled = "GET /api/v1/rules HTTP/1.1\r\nHost: x\r\n\r\n";
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("two lengths", post(&format!("Content-Length: 4\r\nContent-Length: {length}\r\n"), kill)),
        ("a list of lengths", post(&format!("Content-Length: {length}, {length}\r\n"), kill)),
        ("a signed length", post(&format!("Content-Length: +{length}\r\n"), kill)),
        ("a negative length", post("Content-Length: -1\r\n", kill)),
        ("an endless length", post("Content-Length: 99999999999999999999999\r\n", kill)),
        ("a large length", post("Content-Length: 9999999999\r\n", kill)),
        ("a shorter body", post("Content-Length: 9000\r\n", kill)),
        ("an unknown encoding", post("Transfer-Encoding: xchunked\r\n", &chunked)),
        ("chunked is not last", post("Transfer-Encoding: chunked, identity\r\n", &chunked)),
        ("two encodings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", &chunked)),
        ("a space before the colon", post("Transfer-Encoding : chunked\r\n", &chunked)),
        ("a chunk without a size", post("Transfer-Encoding: chunked\r\n", "zz\r\n")),
        ("a chunk that is too large", post("Transfer-Encoding: chunked\r\n", "fffffffffffffffffff\r\n")),
        ("a long chunk extension", post("Transfer-Encoding: chunked\r\n", &format!("1;{long}\r\n"))),
        (
            "both, smuggling",
            post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", &format!("0\r\n\r\n{smuggled}")),
        ),
        ("a folded field", get("GET /api/v1/rules HTTP/1.1", &format!("Host: x\r\nX: a\r\n b\r\n{auth}"))),
        ("a bare CR", get("GET /api/v1/rules HTTP/1.1", &format!("Host: x\rX: y\r\n{auth}"))),
        ("a NUL", get("GET /api/v1/rules HTTP/1.1", &format!("Host: x\r\nX: a\0b\r\n{auth}"))),
        ("HTTP/0.9", b"GET /\r\n".to_vec()),
        ("HTTP/0.9 of the API", b"GET /api/v1/rules\r\n\r\n".to_vec()),
        ("HTTP/1.2", get("GET /api/v1/rules HTTP/1.2", &auth)),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("TLS", [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[0; 200]].concat()),
        ("nonsense", (0..=255).cycle().take(4000).collect()),
        ("nothing", Vec::new()),
        ("no host", get("GET /api/v1/rules HTTP/1.1", &auth)),
        ("a host with a path", get("GET /api/v1/rules HTTP/1.1", &format!("Host: a/b\r\n{auth}"))),
        ("two hosts", get("GET /api/v1/rules HTTP/1.1", &format!("Host: a\r\nHost: b\r\n{auth}"))),
        (
            "a web socket",
            get(
                "GET /api/v1/events HTTP/1.1",
                &format!(
                    "Host: x\r\n{auth}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                ),
            ),
        ),
        ("a tunnel", get("CONNECT internal:80 HTTP/1.1", &format!("Host: internal:80\r\n{auth}"))),
        ("TRACE", get("TRACE /api/v1/rules HTTP/1.1", &format!("Host: x\r\n{auth}"))),
        ("OPTIONS *", get("OPTIONS * HTTP/1.1", &format!("Host: x\r\n{auth}"))),
        (
            "a preflight",
            get(
                "OPTIONS /api/v1/changes HTTP/1.1",
                "Host: x\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n",
            ),
        ),
        ("HEAD of a change", get("HEAD /api/v1/changes HTTP/1.1", &format!("Host: x\r\n{auth}"))),
        ("many fields", get("GET /api/v1/rules HTTP/1.1", &format!("Host: x\r\n{auth}{many}"))),
        ("a long field", get("GET /api/v1/rules HTTP/1.1", &format!("Host: x\r\nX: {long}\r\n{auth}"))),
        ("a long path", get(&format!("GET /{long} HTTP/1.1"), &format!("Host: x\r\n{auth}"))),
        ("a long method", get(&format!("{} / HTTP/1.1", "G".repeat(30_000)), "Host: x\r\n")),
        ("a space in the path", get("GET /api/v1/ru les HTTP/1.1", &format!("Host: x\r\n{auth}"))),
        ("backslashes", get("GET \\..\\..\\etc\\passwd HTTP/1.1", &format!("Host: x\r\n{auth}"))),
        ("the token in the path", get(&format!("GET /{} HTTP/1.1", site.token), "Host: x\r\n")),
        (
            "the token in the query",
            get(&format!("GET /api/v1/rules?token={} HTTP/1.1", site.token), "Host: x\r\n"),
        ),
    ];
    for (name, bytes) in &cases {
        let answer = site.send(bytes, QUIET);
        let found = statuses(&answer);
        // What is read as chunked is a whole request: the body is empty, and the rest is not read as a second request.
        assert!(found.len() <= 1, "{name}: {found:?}");
        assert!(!found.is_empty() || ["nothing", "a shorter body"].contains(name), "{name}");
        let is_refused = |status: &u16| (400..500).contains(status) || (*name == "HTTP/2" && *status == 505);
        assert!(found.iter().all(is_refused), "{name}: {answer}");
        let reason = answer.split_once("\r\n\r\n").map_or("", |(_, content)| content);
        assert!(found.is_empty() || name.starts_with("HEAD") || reason.len() > 20, "{name}: {answer}");
        assert!(
            !answer.contains(&site.token) && !answer.to_lowercase().contains("access-control-"),
            "{name}"
        );
    }
    let history = site.place.run(&["history", "--json"]).json();
    assert_eq!(history["revisions"].as_array().unwrap().len(), 1, "{history}");
    let ended = site.serving.terminated();
    assert!(!ended.stderr.contains(&site.token[4..]), "no token in a log");
    assert!(ended.stderr.lines().all(|line| line.len() < 1000), "no line of the log is long");
}

#[test]
fn connections_that_send_nothing_do_not_keep_administrators_out() {
    let site = Site::new();
    let idle: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(&site.address).unwrap();
            stream.write_all(b"GET /api/v1/rules HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
            stream
        })
        .collect();
    let fields = format!("Host: x\r\nAuthorization: Bearer {}\r\n", site.token);
    let request = format!("GET /api/v1/rules HTTP/1.1\r\n{fields}Connection: close\r\n\r\n");
    let answer = site.send(request.as_bytes(), Duration::from_secs(60));
    assert_eq!(statuses(&answer), [200], "{answer}");
    drop(idle);
}

#[test]
fn a_refusal_reaches_a_client_that_sends_a_whole_package_first_or_ends_its_sending_side() {
    let site = Site::new();
    let package = vec![b'x'; 3_000_000];
    for fields in ["Host: x\r\n", ""] {
        let head =
            format!("POST /api/v1/packages HTTP/1.1\r\n{fields}Content-Length: {}\r\n\r\n", package.len());
        let expected = if fields.is_empty() { 400 } else { 401 };
        for _ in 0..10 {
            let mut stream = TcpStream::connect(&site.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&package).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert_eq!(statuses(&answer), [expected], "{answer}");
        }
    }
    let mut stream = TcpStream::connect(&site.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(statuses(&answer), [200], "{answer}");
}
