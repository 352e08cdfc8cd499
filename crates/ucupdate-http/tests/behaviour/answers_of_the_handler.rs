//! Tests of the answers to a `POST` to the request handler, and to other methods there.

use crate::fixture::{Server, connection, phone, urls, vector};
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use ucupdate::cab::package::sample;
use ucupdate::request::Side;
use ucupdate::store::MemoryStore;
use ucupdate::{NoUrls, Options, UpdateService};
use ucupdate_http::{DeviceUpdates, HttpOptions};

const HANDLER: &str = "/RequestHandler/ucdevice.upx";

#[tokio::test]
async fn a_request_is_answered_in_the_canonical_dialect_under_every_path_of_the_handler() {
    let server = Server::start().await;
    server.service.admin("admin").approve(vec![sample::ip8540()]).await.unwrap();
    for path in [HANDLER, "/requestHandler/UCDEVICE.upx", "/UCDeviceUpdates/ucdevice.upx"] {
        let answered = server.post(path, vector("canonical-request.xml")).await;
        assert_eq!(answered.status, StatusCode::OK);
        assert_eq!(answered.text(), vector("canonical-offer.xml"), "{path}");
        assert_eq!(answered.header("content-type"), "text/xml; charset=utf-8");
        assert_eq!(answered.header("content-length"), answered.body.len().to_string());
    }
}

#[tokio::test]
async fn nothing_to_do_is_200_with_a_count_of_none() {
    let server = Server::start().await;
    let answered = server.post(HANDLER, vector("canonical-request.xml")).await;
    assert_eq!((answered.status, answered.text()), (StatusCode::OK, &*vector("canonical-nothing.xml")));
}

#[tokio::test]
async fn the_type_a_request_says_it_has_decides_nothing() {
    let server = Server::start().await;
    for content_type in ["application/octet-stream", "text/plain; charset=utf-16", "multipart/form-data", "x"]
    {
        let request = Request::post(HANDLER).header("content-type", content_type);
        let answered = server.answer(request.body(vector("canonical-request.xml").into()).unwrap()).await;
        assert_eq!(answered.status, StatusCode::OK, "{content_type}");
    }
}

#[tokio::test]
async fn a_malformed_request_is_400_with_its_reason_in_one_line_and_has_no_audit_row() {
    let server = Server::start().await;
    for (body, says) in [
        ("", "body is empty"),
        ("hello", "expected `<`"),
        ("<Request><DeviceType>UCPhone</DeviceType></Request>", "Vendor"),
        ("<Anfrage><Geraet>UCPhone</Geraet></Anfrage>", "no item of the dialect"),
    ] {
        let answered = server.post(HANDLER, body).await;
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answered.header("content-type"), "text/plain; charset=utf-8");
        assert!(answered.text().contains(says), "{body}: {}", answered.text());
        assert_eq!(answered.text().find('\n'), Some(answered.text().len() - 1), "{}", answered.text());
    }
    assert!(server.audit_lines().await.is_empty());
    assert_eq!(server.access_lines().await.len(), 4);
}

#[tokio::test]
async fn answers_name_the_configured_urls_whatever_the_request_says_its_host_is() {
    let server = Server::start().await;
    server.service.admin("admin").approve(vec![sample::ip8540()]).await.unwrap();
    let request = Request::post("http://evil.example/RequestHandler/ucdevice.upx")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example");
    let answered = server.answer(request.body(vector("canonical-request.xml").into()).unwrap()).await;
    assert_eq!(answered.text(), vector("canonical-offer.xml"));
}

#[tokio::test]
async fn a_service_without_urls_has_no_http_face() {
    let service = UpdateService::open(Arc::new(MemoryStore::default()), Options::default()).await.unwrap();
    assert_eq!(DeviceUpdates::new(service).map(drop), Err(NoUrls::Any));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413_whether_it_says_so_or_not() {
    let server = Server::start().await;
    let large = Bytes::from(vec![b' '; 64 * 1024 + 1]);
    assert_eq!(server.post(HANDLER, large.clone()).await.status, StatusCode::PAYLOAD_TOO_LARGE);

    let assumed = stream::iter([io::Result::Ok(large.slice(..40_000)), Ok(large.slice(..40_000))]);
    let answered = server.post(HANDLER, Body::from_stream(assumed)).await;
    assert_eq!(answered.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        answered.text(),
        "the body has more than 65536 bytes, which is the limit `body_limit` of the server\n"
    );

    let request = Request::post(HANDLER).header("content-length", "65537");
    let answered = server.answer(request.body(Body::from("<")).unwrap()).await;
    assert_eq!(answered.status, StatusCode::PAYLOAD_TOO_LARGE);

    let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
    let answered = server.post(HANDLER, deep).await;
    assert_eq!(
        answered.status,
        StatusCode::BAD_REQUEST,
        "a limit that is not about size: {}",
        answered.text()
    );

    let smaller = Server::with_options(HttpOptions::default().with_body_limit(10)).await;
    let answered = smaller.post(HANDLER, vector("canonical-request.xml")).await;
    assert_eq!(answered.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_body_limit_above_that_of_the_codec_does_not_raise_it() {
    let server = Server::with_options(HttpOptions::default().with_body_limit(1024 * 1024)).await;
    let answered = server.post(HANDLER, Bytes::from(vec![b' '; 64 * 1024 + 1])).await;
    assert_eq!(answered.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        answered.text(),
        "the body has more than 65536 bytes, which is the limit `body_limit` of the server\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_408_after_the_time_it_has() {
    let server = Server::with_options(HttpOptions::default().with_body_time(Duration::from_secs(5))).await;
    let begin = tokio::time::Instant::now();
    let answered = server.post(HANDLER, Body::from_stream(stream::pending::<io::Result<Bytes>>())).await;
    assert_eq!(answered.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(begin.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let server = Server::start().await;
    let broken = stream::iter([Ok(Bytes::from("<Request>")), Err(io::Error::other("gone"))]);
    let answered = server.post(HANDLER, Body::from_stream(broken)).await;
    let reason = "the body broke off, or its chunks are not valid\n";
    assert_eq!((answered.status, answered.text()), (StatusCode::BAD_REQUEST, reason));
}

#[tokio::test]
async fn content_in_an_encoding_is_415_and_identity_is_none() {
    let server = Server::start().await;
    for (encodings, expected) in [
        (&["gzip"][..], StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (&["identity, deflate"], StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (&["identity", "br"], StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (&["Identity"], StatusCode::OK),
        (&[" identity , identity"], StatusCode::OK),
        (&[""], StatusCode::OK),
    ] {
        let fields: Vec<_> = encodings.iter().map(|encoding| ("content-encoding", *encoding)).collect();
        let request = crate::fixture::with_fields(Request::post(HANDLER), &fields);
        let answered = server.answer(request.body(vector("canonical-request.xml").into()).unwrap()).await;
        assert_eq!(answered.status, expected, "{encodings:?}");
        if expected != StatusCode::OK {
            assert_eq!(answered.header("accept-encoding"), "identity");
        }
    }
    let other = "<?xml version='1.0' encoding='klingon'?><Request/>";
    assert_eq!(server.post(HANDLER, other).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn an_upload_of_device_logs_is_kept_where_that_is_asked_for() {
    let captures = ucupdate::CaptureOptions::new("OCS".parse().unwrap()).with_device_log_bytes(200_000);
    let options = ucupdate::Options::serving(urls()).with_captures(captures);
    let server = Server::with_service(options, HttpOptions::default()).await;
    let log = format!("------boundary\r\n\r\n{}", "x".repeat(100_000));
    for body in [log.clone(), log.replace('x', "xxx"), "y".repeat(100_000), "not xml".to_owned()] {
        let streamed = Body::from_stream(stream::iter(
            body.into_bytes()
                .chunks(10_000)
                .map(|piece| Ok::<_, io::Error>(piece.to_vec()))
                .collect::<Vec<_>>(),
        ));
        server.answer(Request::post(HANDLER).body(streamed).unwrap()).await;
    }
    server.service.flush_captures().await;
    let captures = server.service.captures().await.unwrap();
    let mut kept: Vec<_> = captures.iter().map(|capture| (capture.kind.name(), capture.bytes)).collect();
    kept.sort_unstable();
    assert_eq!(kept, [("Multipart", log.len() as u64), ("Unreadable", 7)]);
    assert_eq!(server.audit_lines().await.len(), 2, "both uploads are audited");
    let statuses: Vec<_> =
        server.access_lines().await.iter().map(|row| row.rsplit(' ').nth(3).unwrap().to_owned()).collect();
    assert_eq!(statuses, ["200", "501", "413", "400"]);
}

#[tokio::test]
async fn an_upload_of_device_logs_is_501_and_audited_however_large_it_is() {
    let server = Server::start().await;
    let multipart = "------boundary\r\nContent-Disposition: form-data\r\n\r\n";
    let large = format!("{multipart}{}", "x".repeat(100_000));
    let streamed = Body::from_stream(stream::iter([io::Result::Ok(Bytes::from(large.clone()))]));
    for body in [Body::from(multipart), Body::from(large), streamed] {
        let answered =
            server.answer(Request::post(HANDLER).extension(connection(443)).body(body).unwrap()).await;
        assert_eq!(answered.status, StatusCode::NOT_IMPLEMENTED);
        assert!(answered.text().contains("log"), "{}", answered.text());
    }
    let rows = server.audit_lines().await;
    assert_eq!(rows, ["03-06-2009 16:00:51,,10.1.1.123,,,\"\",\"\",\"\",\"\",\"\",\"\",,"; 3]);
}

#[tokio::test]
async fn other_methods_are_405_with_those_that_are_allowed_and_other_paths_404() {
    let server = Server::start().await;
    for (method, path, status, allow) in [
        ("GET", HANDLER, 405, Some("POST")),
        ("OPTIONS", "/UCDeviceUpdates/ucdevice.upx", 405, Some("POST")),
        ("PROPFIND", HANDLER, 405, Some("POST")),
        ("POST", crate::fixture::INTERIM_IMAGE, 405, Some("GET, HEAD")),
        ("PUT", "/RequestHandler/Files/x", 405, Some("GET, HEAD")),
        ("OPTIONS", "/RequestHandler/Files/x", 405, Some("GET, HEAD")),
        ("POST", "/", 404, None),
        ("OPTIONS", "*", 404, None),
        ("POST", "/RequestHandler", 404, None),
        ("GET", "/Abs/Int/Handler/F-0bd2.dabs", 404, None),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answered = server.answer(request).await;
        assert_eq!(answered.status, status, "{method} {path}");
        let found = answered.headers.get("allow").map(|allow| allow.to_str().unwrap());
        assert_eq!(found, allow, "{method} {path}");
    }
}

#[tokio::test]
async fn a_path_can_be_added_and_is_sorted_like_those_of_the_field() {
    let server =
        Server::with_options(HttpOptions::default().with_handler_path("/old/path.upx", Side::Internal)).await;
    let request = server.service.codec().encode_request(&phone("1.0.522.34", ""));
    assert_eq!(server.post("/OLD/path.UPX", request).await.status, StatusCode::OK);

    let updates = DeviceUpdates::new(server.service.clone()).unwrap();
    assert!(updates.serves("/requesthandler/ucdevice.upx") && updates.serves("/DeviceUpdateFiles_Int/none"));
    assert!(!updates.serves("/old/path.upx") && !updates.serves("/"));
    assert_eq!(updates.service().urls(), Some(&urls()));
}

#[tokio::test]
async fn the_router_merges_into_another_and_nests_under_a_prefix() {
    let server = Server::start().await;
    let ours = ucupdate_http::router(DeviceUpdates::new(server.service.clone()).unwrap());
    let merged = axum::Router::new()
        .route("/healthz", axum::routing::get(|| async { "well" }))
        .merge(ours.clone())
        .nest_service("/prefix", DeviceUpdates::new(server.service.clone()).unwrap());
    for (path, status) in [
        ("/healthz", StatusCode::OK),
        (crate::fixture::INTERIM_IMAGE, StatusCode::OK),
        (&format!("/prefix{}", crate::fixture::INTERIM_IMAGE), StatusCode::OK),
        ("/nothing", StatusCode::NOT_FOUND),
    ] {
        let request = Request::get(path).header("host", "ocs").body(Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(merged.clone(), request).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
}

#[tokio::test]
async fn the_service_itself_takes_any_body_and_its_answer_knows_its_length() {
    let server = Server::start().await;
    let updates = DeviceUpdates::new(server.service.clone()).unwrap();
    let request = Request::post(HANDLER)
        .header("host", "ocs")
        .body(Full::from(vector("canonical-request.xml")))
        .unwrap();
    let body = tower::ServiceExt::oneshot(updates, request).await.unwrap().into_body();
    let expected = vector("canonical-nothing.xml");
    assert_eq!(http_body::Body::size_hint(&body).exact(), Some(expected.len() as u64));
    assert_eq!(body.collect().await.unwrap().to_bytes(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_limit_of_a_body_holds_under_64_requests_at_once() {
    let server = std::sync::Arc::new(Server::start().await);
    let asking: Vec<_> = (0..64)
        .map(|number| {
            let server = std::sync::Arc::clone(&server);
            let body = if number % 2 == 0 { vector("canonical-request.xml") } else { " ".repeat(80 * 1024) };
            tokio::spawn(async move { (number, server.post(HANDLER, body).await.status) })
        })
        .collect();
    for asked in asking {
        let (number, status) = asked.await.unwrap();
        let expected = if number % 2 == 0 { StatusCode::OK } else { StatusCode::PAYLOAD_TOO_LARGE };
        assert_eq!(status, expected, "{number}");
    }
}
