//! Tests `captures` and `inspect`, from an unreadable body to a dialect that reads it.

use crate::place::{CX700, Place};
use crate::serving::{post, status};
use serde_json::json;

const HANDLER: &str = "/RequestHandler/ucdevice.upx";

/// A request with names that no dialect has.
const FOREIGN: &str = "<UpdateQuery><Family>UCPhone</Family><Maker>Polycom</Maker><Product>CX700</Product><HwRev>A</HwRev>\
                       <Lang>ENU</Lang><Ethernet>00-21-63-0F-20-7B</Ethernet><Files><File><Image>cpe.nbt</Image>\
                       <Build>1.0.522.34</Build></File></Files></UpdateQuery>";

#[test]
fn a_body_that_cannot_be_read_is_kept_and_gives_a_dialect_by_which_it_is_answered() {
    let place = Place::with_package();
    place.run(&["approve", CX700]).done();
    assert_eq!(place.run(&["captures"]).done(), "no captures\n");
    let serving = place.serve_here();
    for _ in 0..3 {
        assert_eq!(status(&post(&serving.address(), HANDLER, &[], FOREIGN.as_bytes())), 400);
    }
    let ended = serving.terminated();
    let warnings = ended.stderr.lines().filter(|line| line.contains("request cannot be read")).count();
    assert_eq!(warnings, 1, "one a shape: {ended:?}");
    let listed = place.run(&["captures", "--json"]).json();
    let capture = &listed["captures"][0];
    assert_eq!(
        (&capture["kind"], &capture["host"], &capture["server"]),
        (&json!("Unreadable"), &json!("127.0.0.1"), &json!("here"))
    );
    assert_eq!(capture["bytes"], FOREIGN.len());
    let id = capture["id"].as_str().unwrap();
    let ran = place.run(&["inspect", "--capture", id, "--suggest", "dialect.toml"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("request.vendor = \"Maker\": almost certain, "), "{ran:?}");
    assert_eq!(place.run(&["inspect", "--capture", id, "--dialect", "dialect.toml"]).code, Some(0));
    let refused = place.run(&["inspect", "--capture", id, "--suggest", "dialect.toml"]);
    assert_eq!(refused.code, Some(1), "a file is not overwritten: {refused:?}");
    let serving = place.serve(&["--listen", "127.0.0.1:0", "--dialect", "dialect.toml", "--no-captures"]);
    let answer = post(&serving.address(), HANDLER, &[], FOREIGN.as_bytes());
    assert_eq!(status(&answer), 200);
    assert_eq!(serving.terminated().code, Some(0));
    let absent = "here_20090306T171039Z_00000000";
    assert_eq!(place.run(&["inspect", "--capture", absent]).code, Some(3));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_captures() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let serving = place.serve_here();
    assert_eq!(status(&post(&serving.address(), HANDLER, &[], b"not xml")), 400);
    serving.terminated();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = place.path("ucupdate-data/Logs/Client");
    let kind = folder.join("Unreadable");
    assert_eq!((mode(&folder), mode(&kind)), (0o700, 0o700));
    let captures: Vec<_> = std::fs::read_dir(&kind).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(captures.iter().map(|path| mode(path)).collect::<Vec<_>>(), [0o600]);
}

#[test]
fn captures_can_be_turned_off_and_uploads_of_logs_on() {
    let place = Place::new();
    let serving = place.serve(&["--listen", "127.0.0.1:0", "--no-captures"]);
    assert_eq!(status(&post(&serving.address(), HANDLER, &[], b"not xml")), 400);
    assert_eq!(status(&post(&serving.address(), HANDLER, &[], b"--boundary")), 501);
    serving.terminated();
    assert_eq!(place.run(&["captures"]).done(), "no captures\n");
    let serving = place.serve(&["--listen", "127.0.0.1:0", "--keep-device-logs=1"]);
    let log = [b"--boundary\r\n".to_vec(), vec![b'x'; 500_000]].concat();
    assert_eq!(status(&post(&serving.address(), HANDLER, &[], &log)), 200);
    serving.terminated();
    let listed = place.run(&["captures", "--json"]).json();
    assert_eq!(
        (&listed["captures"][0]["kind"], &listed["captures"][0]["bytes"]),
        (&json!("Multipart"), &json!(log.len()))
    );
}

#[test]
fn a_followed_stream_is_inspected_message_by_message() {
    let place = Place::new();
    let request = include_str!("../../../../../vectors/canonical-request.xml");
    let offer = include_str!("../../../../../vectors/canonical-offer.xml");
    let stream = format!(
        "POST {HANDLER} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{request}HTTP/1.1 200 OK\r\nTransfer-Encoding: \
         chunked\r\n\r\n{:x}\r\n{offer}\r\n0\r\n\r\n",
        request.len(),
        offer.len()
    );
    place.file("stream.txt", stream.as_bytes());
    let found = place.run(&["inspect", "stream.txt", "--json"]).json();
    let messages = found["messages"].as_array().unwrap();
    let facts: Vec<_> = messages.iter().map(|one| (&one["kind"], &one["refused"], &one["undone"])).collect();
    let null = &json!(null);
    let expected = [(&json!("request"), null, &json!([])), (&json!("response"), null, &json!(["chunked"]))];
    assert_eq!(facts, expected);
    let text = place.run(&["inspect", "stream.txt"]).done();
    assert!(text.starts_with("message 1 of 2: POST /RequestHandler/ucdevice.upx HTTP/1.1\n"), "{text}");
}

#[test]
fn nothing_is_suggested_for_what_is_read_or_is_no_request() {
    let place = Place::new();
    place.file("request.xml", include_bytes!("../../../../../vectors/canonical-request.xml"));
    place.file("noise", b"not xml");
    assert_eq!(place.run(&["inspect", "request.xml", "--suggest", "a.toml"]).code, Some(1));
    assert_eq!(place.run(&["inspect", "noise", "--suggest", "a.toml"]).code, Some(1));
    assert!(!place.path("a.toml").exists());
}

#[test]
fn an_archive_and_a_compressed_export_are_inspected_and_other_files_are_named() {
    let place = Place::new();
    let body = include_str!("../../../../../vectors/canonical-request.xml");
    let request = serde_json::json!({
        "method": "POST", "url": "http://ocs/RequestHandler/ucdevice.upx", "httpVersion": "HTTP/1.1",
        "postData": { "mimeType": "text/xml", "text": body },
    });
    let archive = serde_json::json!({ "log": { "entries": [{ "request": request }] } }).to_string();
    place.file("phone.har", archive.as_bytes());
    let text = place.run(&["inspect", "phone.har"]).done();
    assert!(
        text.starts_with("message 1 of 1: POST http://ocs/RequestHandler/ucdevice.upx HTTP/1.1\n"),
        "{text}"
    );
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    place.file("phone.har.gz", &gzip(archive.as_bytes()));
    let found = place.run(&["inspect", "phone.har.gz", "--json"]).json();
    assert_eq!(found["undone"], serde_json::json!(["gzip of the file"]), "{found}");
    let stream = format!("POST /a HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    place.file("stream.gz", &gzip(stream.as_bytes()));
    place.run(&["inspect", "stream.gz"]).done();
    place.file("bomb.gz", &gzip(&vec![b'a'; 9 * 1024 * 1024]));
    assert!(
        place
            .run(&["inspect", "bomb.gz"])
            .refused()
            .contains("the unpacked file has more than 8388608 bytes")
    );
    place.file("cut.gz", &gzip(b"abc")[..10]);
    assert!(place.run(&["inspect", "cut.gz"]).refused().contains("damaged gzip"));
    place.file("archive.zip", b"PK\x03\x04rest");
    assert!(place.run(&["inspect", "archive.zip"]).refused().contains("the file looks like a zip archive"));
    place.file("empty.har", br#"{"log":{"entries":[]}}"#);
    assert!(place.run(&["inspect", "empty.har"]).refused().contains("an HTTP archive without a body"));
}
