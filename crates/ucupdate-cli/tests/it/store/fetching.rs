//! `ingest` of packages at https addresses.

use crate::place::Place;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use ucupdate::value::Sha256Digest;

/// Starts an https server that sends these answers by the path of the request. Returns its port. Its certificate is in `ca.pem`.
fn https(place: &Place, answers: Vec<(&'static str, Vec<u8>)>) -> u16 {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    place.file("ca.pem", made.cert.pem().as_bytes());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(made.cert.der().to_vec())], key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            let mut head = [0; 4096];
            // A client that does not trust the certificate ends here.
            let Ok(length) = stream.read(&mut head) else { continue };
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
            let answer = answers.iter().find(|(known, _)| *known == path).map(|(_, answer)| answer.clone());
            let none = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
            let _gone = stream.write_all(&answer.unwrap_or(none));
            stream.conn.send_close_notify();
            let _gone = stream.flush();
        }
    });
    port
}

fn file(bytes: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
    [head.as_bytes(), bytes].concat()
}

fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .into_bytes()
}

#[test]
fn a_package_at_an_https_address_is_ingested_if_it_has_the_digest() {
    let place = Place::new();
    let cabinet = ucupdate_cab::package::sample::uc_updates(500);
    let digest = Sha256Digest::of(&cabinet).to_string();
    let cut = file(&cabinet)[..2000].to_vec();
    let endless = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec(), vec![7; 200_000]].concat();
    let port = https(
        &place,
        vec![
            ("/UC%20Updates.cab", file(&cabinet)),
            ("/there", redirect("/UC%20Updates.cab")),
            ("/plain", redirect("http://127.0.0.1:1/uc.cab")),
            ("/circle", redirect("/circle")),
            ("/cut", cut),
            ("/endless", endless),
        ],
    );
    let ingest = |path: &str, more: &[&str]| {
        let url = format!("https://localhost:{port}{path}");
        place.run(&[&["ingest", &url, "--ca-file", "ca.pem"], more].concat())
    };
    for (path, more, reason) in [
        ("/UC%20Updates.cab", &["--sha256", &"0".repeat(64)][..], "nothing was stored"),
        ("/plain", &["--sha256", &digest], "redirects to an address without TLS"),
        ("/circle", &["--sha256", &digest], "again and again"),
        ("/cut", &["--sha256", &digest], "ended early"),
        ("/gone", &["--sha256", &digest], "no such file"),
        (
            "/endless",
            &["--sha256", &digest, "--limit", "cabinet_bytes=100000"],
            "`--limit cabinet_bytes=NUMBER` raises it",
        ),
    ] {
        let refused = ingest(path, more).refused();
        assert!(refused.contains(reason), "{path}: {refused}");
        assert!(!place.path("ucupdate-data").exists(), "{path}: nothing is stored");
    }
    let url = format!("https://localhost:{port}/UC%20Updates.cab");
    let untrusted = place.run(&["ingest", &url, "--sha256", &digest]).refused();
    assert!(untrusted.contains("--ca-file"), "{untrusted}");
    let report = ingest("/there?token=secret", &["--sha256", &digest]).done();
    assert!(report.contains("/there") && !report.contains("secret"), "{report}");
    let report = ingest("/UC%20Updates.cab", &["--sha256", &digest, "--dry-run"]).done();
    assert!(report.contains("UC%20Updates.cab"), "{report}");
    let history = place.run(&["history"]).done();
    assert!(history.contains("there") && !history.contains("secret"), "{history}");
}

#[test]
fn an_address_needs_tls_and_a_digest() {
    let place = Place::new();
    for (args, reason) in [
        (&["https://localhost:1/uc.cab"][..], "--sha256 is given 0 times for 1 https:// addresses"),
        (&["uc.cab", "--sha256", &"0".repeat(64)], "--sha256 is given 1 times for 0"),
        (&["http://localhost:1/uc.cab", "--sha256", &"0".repeat(64)], "expected an https address"),
    ] {
        let ran = place.run(&[&["ingest"], args].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(reason), "{ran:?}");
    }
}
