//! Hostile requests: all are refused, none changes anything, and no token is in any event.

use crate::fixtures::{IMAGE_BYTES, Site, now, request};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use std::io;
use std::time::Duration;
use tower::ServiceExt as _;
use ucupdate::cab::package::sample;
use ucupdate::value::UnixTime;
use ucupdate_admin::{AdminLimits, AdminRole};

#[tokio::test(start_paused = true)]
async fn a_hundred_hostile_requests_are_refused_and_no_event_has_a_token() {
    let limits = AdminLimits::default().with_failures(u32::MAX, Duration::from_secs(1)).with_json_bytes(1000);
    let site = Site::with_limits(limits).await;
    let soon = UnixTime::from_millis(now().as_millis() + 20);
    let expired = site.tokens.add("old", AdminRole::Approver, Some(soon), now()).unwrap().reveal().to_owned();
    std::thread::sleep(Duration::from_millis(40));
    let revoked = site.tokens.add("gone", AdminRole::Approver, None, now()).unwrap().reveal().to_owned();
    site.tokens.revoke("gone").unwrap();
    let json = ("content-type", "application/json");
    let kill = r#"{"command":{"kill":{"scope":"all"}}}"#;
    let mut requests = Vec::new();
    let half = &site.ann[..30];
    let long = "x".repeat(5000);
    for token in ["", "ucu_", half, &expired, &revoked, &long, "\u{e9}", " ", "null", "ucu_00"] {
        for path in ["/api/v1/changes", "/api/v1/packages", "/api/v1/history/1/restore", "/API/v1/changes"] {
            requests.push(request("POST", path, token, &[json], kill.into()));
        }
        requests.push(request("GET", "/api/v1/overview", token, &[], Bytes::new()));
        requests.push(request("GET", "/api/v1/devices?search=%00", token, &[], Bytes::new()));
        requests.push(request("GET", "/api/v1/events", token, &[], Bytes::new()));
        requests.push(request("GET", "/api/v1/objects?prefix=state/", token, &[], Bytes::new()));
    }
    for field in ["Basic YW5uOmFubg==", "Bearer", "bearer  ", "Token abc", "Bearer a, Bearer b"] {
        requests.push(request("POST", "/api/v1/changes", "", &[json, ("authorization", field)], kill.into()));
    }
    let twice = [json, ("authorization", "Bearer x")];
    requests.push(request("POST", "/api/v1/changes", &site.ann, &twice, kill.into()));
    for field in ["cookie", "x-forwarded-user", "proxy-authorization", "x-api-key"] {
        requests.push(request("POST", "/api/v1/changes", "", &[json, (field, &site.ann)], kill.into()));
    }
    let query = format!("/api/v1/changes?token={}", site.ann);
    requests.push(request("POST", &query, "", &[json], kill.into()));
    for path in [
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/v1/rules/..%2f..%2fetc",
        "/api/v1/groups/%ff",
        "/api/v1/groups/%00",
        "/api/v1/groups/a%0d%0aset-cookie:x",
        "/api/v1/packages/../changes",
        "//api/v1/changes/x",
        "/api/v1/objects/..%2f..%2fetc%2fpasswd",
        "/api/v1/objects/%2fetc%2fpasswd",
        "/api/v1/objects/state%2f..%2fx",
        "/api/v1/objects/state%00",
        "/api/v1/objects?after=..%2fx",
        "/api/v1/captures/..%2f..%2fx",
        "/api/v1/devices/..%2f..%2fx",
        "/api/v1/events?kinds=%3cscript%3e",
        "/api/v1/events?kinds=change-made&token=x",
        "/console/../../tokens.json",
    ] {
        requests.push(request("GET", path, &site.vic, &[], Bytes::new()));
    }
    // A token in the wrong place, and requests that other servers understand otherwise.
    let encoded = site.ann.replace('u', "%75").replace('_', "%5f");
    for secret in [&site.ann, &encoded, &encoded.replace('%', "%25"), &site.ann.to_ascii_uppercase()] {
        for token in ["", &site.vic] {
            for path in [
                format!("/{secret}"),
                format!("/api/v1/groups/{secret}"),
                format!("/api/v1/devices/{secret}"),
                format!("/api/v1/objects/{secret}"),
                format!("/api/v1/history?before={secret}"),
                format!("/api/v1/rules?after={secret}"),
                format!("/api/v1/rules?{secret}=x"),
                format!("/api/v1/explain?mac={secret}"),
            ] {
                requests.push(request("GET", &path, token, &[], Bytes::new()));
            }
        }
    }
    requests.push(request(&site.ann, "/api/v1/rules", "", &[], Bytes::new()));
    requests.push(request(&"G".repeat(60_000), "/api/v1/rules", "", &[], Bytes::new()));
    for fields in [
        [("host", "a"), ("host", "b")],
        [("content-length", "2"), ("transfer-encoding", "chunked")],
        [("upgrade", "websocket"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")],
    ] {
        requests.push(request("GET", "/api/v1/rules", &site.vic, &fields, Bytes::new()));
    }
    let octets = ("content-type", "application/octet-stream");
    let file = format!("/api/v1/objects/images%2F{:032x}%2F0-cpe.nbt", 7);
    for token in [&site.vic, &site.olga] {
        requests.push(request("PUT", &file, token, &[octets], "x".into()));
        requests.push(request("DELETE", &file, token, &[], Bytes::new()));
        requests.push(request("POST", "/api/v1/revisions", token, &[json], "{}".into()));
        requests.push(request("POST", "/api/v1/gc", token, &[json], "{}".into()));
    }
    for key in ["state%2Frevisions%2F1.json", "Logs%2Fx", "tokens.json", "state%2Fprobes%2Fx"] {
        let path = format!("/api/v1/objects/{key}");
        requests.push(request("PUT", &path, &site.ann, &[octets], "x".into()));
        requests.push(request("DELETE", &path, &site.ann, &[], Bytes::new()));
    }
    for method in ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "CONNECT", "HACK"] {
        requests.push(request(method, "/api/v1/changes", &site.ann, &[json], kill.into()));
    }
    let deep = format!(r#"{{"command":{}}}"#, "[".repeat(900));
    let large = format!(r#"{{"command":"{long}"}}"#);
    for body in
        ["", "{", "null", "[]", r#"{"command":null}"#, r#"{"command":{"kill":1}}"#, &deep, &large, "\u{0}"]
    {
        requests.push(request("POST", "/api/v1/changes", &site.ann, &[json], body.to_owned().into()));
    }
    // A form of a foreign page: no preflight is needed for these media types.
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let fields = [("content-type", media_type), ("origin", "https://evil.example")];
        requests.push(request("POST", "/api/v1/changes", &site.ann, &fields, kill.into()));
    }
    for token in [&site.vic, &site.olga] {
        for command in [r#"{"retire":["010101010101"]}"#, r#"{"approve-restart":{"scope":"all"}}"#] {
            let body = format!(r#"{{"command":{command}}}"#);
            requests.push(request("POST", "/api/v1/changes", token, &[json], body.into()));
        }
    }
    assert!(requests.len() >= 100, "{}", requests.len());
    let count = requests.len();
    for request in requests {
        let shown = format!("{} {}", request.method(), request.uri());
        let answer = site.send(request).await;
        assert!(answer.status.is_client_error(), "{shown}: {} {:?}", answer.status, answer.bytes);
        let text = String::from_utf8_lossy(&answer.bytes).to_ascii_lowercase();
        for secret in [&site.ann, &site.vic, &site.olga, &expired, &revoked] {
            assert!(!text.contains(&secret[4..]), "{shown}");
        }
    }
    let events = site.refused.0.lock().unwrap().concat();
    let lower = events.to_ascii_lowercase();
    for secret in [&site.ann[4..30], &site.vic[4..], &site.olga[4..], &expired, &revoked] {
        assert!(!lower.contains(secret), "an event has a token");
    }
    let longest = site.refused.0.lock().unwrap().iter().map(String::len).max();
    assert!(longest < Some(1000), "an event has {longest:?} bytes");
    assert_eq!(site.service().snapshot().revision(), 0, "after {count} requests");
}

// The clock is not paused: it would stand still while the reader of packages waits on its thread.
#[tokio::test]
async fn a_slow_body_ends_and_an_endless_upload_is_cut() {
    let limits =
        AdminLimits::default().with_package_bytes(1_000_000).with_body_time(Duration::from_millis(50));
    let site = Site::with_limits(limits).await;
    for (path, media_type) in
        [("/api/v1/changes", "application/json"), ("/api/v1/packages", "application/octet-stream")]
    {
        let head = request("POST", path, &site.ann, &[("content-type", media_type)], Bytes::new());
        let slow = head.map(|_| StreamBody::new(stream::pending::<io::Result<http_body::Frame<Bytes>>>()));
        let response = site.administration.clone().oneshot(slow).await.unwrap();
        assert_eq!(response.status(), 408, "{path}");
    }
    let head = request(
        "POST",
        "/api/v1/packages",
        &site.ann,
        &[("content-type", "application/x-cab")],
        Bytes::new(),
    );
    let endless = head.map(|_| {
        let piece = || Ok::<_, io::Error>(http_body::Frame::data(Bytes::from(vec![0; 65_536])));
        StreamBody::new(stream::repeat_with(piece))
    });
    let response = site.administration.clone().oneshot(endless).await.unwrap();
    assert!(response.status().is_client_error(), "{}", response.status());
    response.into_body().collect().await.unwrap();
    assert_eq!(site.service().snapshot().revision(), 0);
}

#[tokio::test]
async fn an_upload_that_trickles_ends_when_its_time_is_over() {
    let limits = AdminLimits::default().with_upload_time(Duration::from_millis(50));
    let site = Site::with_limits(limits).await;
    let media_type = [("content-type", "application/octet-stream")];
    let head = request("POST", "/api/v1/packages", &site.ann, &media_type, Bytes::new());
    let bytes = sample::uc_updates(IMAGE_BYTES).into_iter();
    let trickle = head.map(|_| {
        StreamBody::new(stream::unfold(bytes, |mut bytes| async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let piece = Bytes::from(vec![bytes.next()?]);
            Some((Ok::<_, io::Error>(http_body::Frame::data(piece)), bytes))
        }))
    });
    let response = site.administration.clone().oneshot(trickle).await.unwrap();
    assert_eq!(response.status(), 408);
    assert_eq!(site.service().snapshot().revision(), 0);
}
