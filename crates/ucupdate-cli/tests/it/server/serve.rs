//! Tests `serve`: listeners, URLs, allowed clients, proxies.

use crate::place::{CX700, IP8540, Place};
use crate::serving::{PHONE, exchange, phone_request, post, status};
use rcgen::{CertifiedKey, generate_simple_self_signed};

const HANDLER: &str = "/RequestHandler/ucdevice.upx";
const EXTERNAL_HANDLER: &str = "/RequestHandlerExt/ucdevice.upx";

/// Writes a certificate for this machine and its key.
fn certificate(place: &Place) {
    let made = generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let CertifiedKey { cert, signing_key } = made;
    place.file("cert.pem", cert.pem().as_bytes());
    place.file("key.pem", signing_key.serialize_pem().as_bytes());
}

#[test]
fn several_listeners_are_one_server() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    certificate(&place);
    let serving = place.serve(&[
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "127.0.0.1:0",
        "--listen-tls",
        "127.0.0.1:0",
        "--tls-cert",
        "cert.pem",
        "--tls-key",
        "key.pem",
    ]);
    let urls = serving.urls();
    let schemes: Vec<_> = urls.iter().map(|url| url.split_once("://127.0.0.1:").unwrap().0).collect();
    assert_eq!(schemes, ["http", "http", "https"]);
    assert!(urls.iter().all(|url| !url.ends_with(":0")), "{urls:?}");
    let first = format!("{}/DeviceUpdateFiles_Int/OCInterim/ENU", urls[0]);
    for url in &urls {
        // A phone posts by https and gets by http in one session.
        let asked = place.call(&format!("ask --json --ca-cert cert.pem --url {url} {PHONE}"));
        assert_eq!(asked.code, Some(0), "{asked:?}");
        assert_eq!(asked.json()["offered"][0]["base_url"], first, "{url}");
    }
    let external = format!("{}{EXTERNAL_HANDLER}", urls[2]);
    let refused = place.call(&format!("ask --ca-cert cert.pem --url {external} {PHONE}")).refused();
    assert!(refused.ends_with(" (0x0/401)"), "{refused}");
    let untrusted = place.call(&format!("ask --url {} {PHONE}", urls[2])).refused();
    assert!(untrusted.contains("certificate not trusted"), "{untrusted}");
    let ended = serving.terminated();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("warning: --internal-url not given"), "{ended:?}");
    assert_eq!(place.log("Audit").lines().count(), 1 + urls.len());
}

#[test]
fn a_server_says_at_the_start_what_it_serves_and_where() {
    let place = Place::with_package();
    let mut serving = place.serve_here();
    serving.wait_for_lines(3);
    let url = serving.lines[0].strip_prefix("listening on ").unwrap().to_owned();
    assert_eq!(serving.lines[1], format!("files at {url} inside; devices outside are refused"));
    assert_eq!(serving.lines[2], "store file:ucupdate-data, revision 1, 2 rules");
    assert!(!serving.terminated().stderr.contains("no rules"));
}

#[test]
fn as_json_the_listeners_are_one_object() {
    let place = Place::new();
    let serving =
        place.start(&["serve", "--create", "--json", "--listen", "127.0.0.1:0", "--listen", "[::1]:0"], 1);
    let ended = serving.terminated();
    let urls = ended.json()["listening"].clone();
    assert!(urls[0].as_str().unwrap().starts_with("http://127.0.0.1:"), "{urls}");
    assert!(urls[1].as_str().unwrap().starts_with("http://[::1]:"), "{urls}");
    let json = ended.json();
    assert_eq!((&json["store"], &json["revision"]), (&"file:ucupdate-data".into(), &0.into()));
    assert_eq!((&json["rules"], &json["internal_url"]), (&0.into(), &urls[0]));
    assert!(ended.stderr.contains("the store has no rules"), "{ended:?}");
}

#[test]
fn without_urls_nobody_but_this_machine_is_served() {
    let place = Place::new();
    let wrong = place.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert_eq!(
        wrong.stderr.trim_end(),
        "ucupdate: --internal-url must be given to listen on 0.0.0.0:0: answers tell devices to fetch files there, as \
         http://updates.contoso.com"
    );
    let half = ["serve", "--listen", "0.0.0.0:0", "--internal-url", "http://a", "--external-anonymous"];
    assert!(
        place.run(&half).stderr.starts_with("ucupdate: --external-url must be given to listen on 0.0.0.0:0")
    );
    assert!(!place.path("ucupdate-data").exists(), "a server that does not start leaves nothing");
}

#[test]
fn a_listener_that_cannot_be_is_named_and_nothing_is_started() {
    let place = Place::new();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    let ran = place.run(&["serve", "--listen", "127.0.0.1:0", "--listen", &taken]);
    assert_eq!(ran.stdout, "");
    assert!(ran.refused().starts_with(&format!("cannot listen on {taken}: ")));
    assert!(!place.path("ucupdate-data").exists());
    drop(held);
    certificate(&place);
    let wrong = ["serve", "--listen-tls", "127.0.0.1:0", "--tls-cert", "key.pem", "--tls-key", "key.pem"];
    assert_eq!(place.run(&wrong).refused(), "key.pem: no certificate in it, expected PEM");
}

#[test]
fn outside_nobody_is_served_unless_it_is_said_aloud() {
    let place = Place::with_package();
    place.run(&["approve", CX700]).done();
    let (body, image) =
        (phone_request(&place), "/DeviceUpdateFiles_Ext/UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt");
    let get = format!("GET {image} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    for (options, expected) in [(&[][..], 401), (&["--external-anonymous"], 200)] {
        let serving = place.serve(&[&["--listen", "127.0.0.1:0"], options].concat());
        let address = serving.address();
        assert_eq!(status(&post(&address, EXTERNAL_HANDLER, &[], &body)), expected);
        assert_eq!(status(&exchange(&address, get.as_bytes())), expected);
        assert_eq!(status(&post(&address, HANDLER, &[], &body)), 200);
    }
}

#[test]
fn a_prefix_is_served_whether_a_proxy_takes_it_off_or_not() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let body = phone_request(&place);
    let urls =
        ["--internal-url", "http://updates.contoso.com/phones", "--external-url", "https://contoso.com/p"];
    let serving = place.serve(&[&["--listen", "127.0.0.1:0", "--layout", "lync"], &urls[..]].concat());
    let address = serving.address();
    for path in [
        "/phones/RequestHandler/ucdevice.upx",
        "/p/RequestHandler/ucdevice.upx",
        HANDLER,
        "/UCDeviceUpdates/ucdevice.upx",
    ] {
        let answer = post(&address, path, &[], &body);
        assert_eq!(status(&answer), 200, "{path}");
        let base = "<BaseURL>http://updates.contoso.com/phones/RequestHandler/Files/OCInterim/ENU</BaseURL>\
                    <ExternalBaseURL>https://contoso.com/p/RequestHandlerExt/Files/OCInterim/ENU</ExternalBaseURL>";
        assert!(answer.contains(base), "{answer}");
    }
    for (path, expected) in [
        ("/phones/RequestHandler/Files/OCInterim/ENU/CPE.nbt", 200),
        ("/RequestHandler/Files/OCInterim/ENU/CPE.nbt", 200),
        ("/phones/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt", 200),
        ("/p/RequestHandlerExt/Files/OCInterim/ENU/CPE.nbt", 401),
        ("/other/RequestHandler/Files/OCInterim/ENU/CPE.nbt", 404),
        ("/phones/phones/RequestHandler/Files/OCInterim/ENU/CPE.nbt", 404),
    ] {
        let get = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&exchange(&address, get.as_bytes())), expected, "{path}");
    }
}

#[test]
fn only_a_trusted_proxy_is_believed() {
    let place = Place::with_package();
    let body = phone_request(&place);
    let said = [("X-Forwarded-For", "6.6.6.6, 10.1.1.123"), ("X-Forwarded-Proto", "https")];
    let mut hosts = Vec::new();
    for options in [&[][..], &["--trust-proxy", "127.0.0.0/8"], &["--trust-proxy", "10.0.0.0/8"]] {
        let serving = place.serve(&[&["--listen", "127.0.0.1:0"], options].concat());
        assert_eq!(status(&post(&serving.address(), HANDLER, &said, &body)), 200);
        assert_eq!(serving.terminated().code, Some(0));
    }
    for row in place.log("Audit").lines().filter(|line| line.contains(",\"IP8540\",")) {
        hosts.push(row.split(',').nth(2).unwrap().to_owned());
    }
    hosts.sort();
    assert_eq!(hosts, ["10.1.1.123", "127.0.0.1", "127.0.0.1"]);
    assert_eq!(place.log("Access").matches(" 10.1.1.123 ").count(), 1);
}

#[test]
fn internal_paths_are_served_only_to_the_internal_networks_also_behind_a_trusted_proxy() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let body = phone_request(&place);
    let outside = [("X-Forwarded-For", "203.0.113.7")];
    let inside = [("X-Forwarded-For", "6.6.6.6, 10.1.1.123")];
    let asked = |options: &[&str], said: &[(&str, &str)]| {
        let serving = place.serve(&[&["--listen", "127.0.0.1:0"], options].concat());
        let code = status(&post(&serving.address(), HANDLER, said, &body));
        assert_eq!(serving.terminated().code, Some(0));
        code
    };
    assert_eq!(asked(&["--internal-network", "10.0.0.0/8"], &[]), 403);
    assert_eq!(asked(&["--internal-network", "10.0.0.0/8"], &inside), 403, "nobody is trusted");
    assert_eq!(asked(&["--internal-network", "127.0.0.1"], &[]), 200);
    let behind = ["--internal-network", "10.0.0.0/8", "--trust-proxy", "127.0.0.1"];
    assert_eq!(asked(&behind, &inside), 200);
    assert_eq!(asked(&behind, &outside), 403);
    let other = [&behind[..], &["--proxy-header", "forwarded"]].concat();
    assert_eq!(asked(&other, &inside), 403, "the other header is ignored");
    assert_eq!(asked(&other, &[("Forwarded", "for=10.1.1.123"), ("X-Forwarded-For", "203.0.113.7")]), 200);
}

#[test]
fn logs_that_are_older_than_they_may_be_are_removed_at_the_start() {
    let place = Place::with_package();
    let folder = place.path("ucupdate-data/Logs/Server/Audit/imageUpdates");
    std::fs::create_dir_all(&folder).unwrap();
    let log = |server: &str, date: &str| folder.join(format!("RequestHandlerAuditLog_{server}_{date}.log"));
    let (old, other) = (log("here", "2009-03-06"), log("there", "2009-03-06"));
    for path in [&old, &other] {
        std::fs::write(path, "Logging DateTime\n").unwrap();
    }
    let serving = place.serve(&["--listen", "127.0.0.1:0", "--log-days", "3"]);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while old.exists() {
        assert!(std::time::Instant::now() < until, "{old:?} is still there");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(other.exists(), "that of another server is the other's");
    drop(serving);
}

#[test]
fn times_of_the_audit_log_are_those_of_the_zone() {
    let place = Place::with_package();
    let body = phone_request(&place);
    let serving = place.serve(&["--listen", "127.0.0.1:0", "--time-zone", "Pacific/Kiritimati"]);
    assert_eq!(status(&post(&serving.address(), HANDLER, &[], &body)), 200);
    assert_eq!(serving.terminated().code, Some(0));
    let row = place.log("Audit").lines().nth(1).unwrap().to_owned();
    // The time zone is fourteen hours ahead of UTC. The clock of the phone of `ask` is in UTC.
    let cells: Vec<&str> = row.split(',').collect();
    let hour = |time: &str| time.split([' ', ':']).nth(1).unwrap().parse::<u32>().unwrap();
    let ahead = (hour(cells[0]) + 24 - hour(cells[4])) % 24;
    assert!(ahead == 14 || ahead == 15, "{row}");
    // The command reads the zone that is stored with the log.
    let report = place.run(&["fleet", "--json"]).json();
    let last_asked = report["devices"][0]["last_asked"].as_str().unwrap().to_owned();
    let in_utc = hour(&last_asked.replace('T', " "));
    assert_eq!(in_utc, (hour(cells[0]) + 24 - 14) % 24, "{row} {last_asked}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_whose_output_is_on_a_full_disk_serves_all_the_same() {
    use std::io::{Read as _, Write as _};

    let place = Place::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let address = format!("127.0.0.1:{port}");
    let mut command = place.command(&["serve", "--create", "--listen", &address]);
    let mut child = command.stdout(full).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut answer = String::new();
    for _ in 0..600 {
        if let Ok(mut stream) = std::net::TcpStream::connect(&address) {
            let asked = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            let _answered = stream.write_all(asked).and_then(|()| stream.read_to_string(&mut answer));
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let _killed = child.kill().and_then(|()| child.wait());
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer:?}");
}
