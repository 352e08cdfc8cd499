//! Tests of asking: which responses are answers, and which are errors.

use crate::server::{client, nobody, options, serve, status, trickling};
use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use futures_util::stream;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use ucupdate_client::{Client, ClientError, ClientOptions, ConnectionFault, Retry};
use ucupdate_core::UpdateRequest;
use ucupdate_upx::Codec;

const REQUEST: &str = include_str!("../../../../vectors/canonical-request.xml");
pub(crate) const OFFER: &str = include_str!("../../../../vectors/canonical-offer.xml");
pub(crate) const NOTHING: &str = include_str!("../../../../vectors/canonical-nothing.xml");

pub(crate) fn request() -> UpdateRequest {
    Codec::default().decode_request(REQUEST.as_bytes()).unwrap().value
}

/// Returns the error for a server with this response, and the number of requests.
async fn refused(answer: fn() -> Response<Body>) -> (ClientError, u32) {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let url = serve(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { answer() }
    })
    .await;
    let error = client().ask(&url, &request()).await.unwrap_err();
    (error, asked.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_device_posts_its_request_under_the_name_of_the_fields_phones() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    let url = serve(move |request: Request<Body>| {
        let kept = Arc::clone(&kept);
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 10_000).await.unwrap();
            let agent = head.headers["user-agent"].to_str().unwrap().to_owned();
            kept.lock().unwrap().push((head.method.to_string(), head.uri.to_string(), agent, body));
            status(200, OFFER)
        }
    })
    .await;
    let asked = client().ask(&format!("{url}/RequestHandler/ucdevice.upx"), &request()).await.unwrap();
    assert_eq!(asked.response, Codec::default().decode_response(OFFER.as_bytes()).unwrap().value);
    assert_eq!((asked.status, asked.tries), (200, 1));
    assert_eq!(asked.unknown_count, 0);
    let (method, path, agent, body) = requests.lock().unwrap().remove(0);
    assert_eq!((&*method, &*path), ("POST", "/RequestHandler/ucdevice.upx"));
    assert_eq!(agent, "Microsoft UCPhone Device");
    assert_eq!(body, REQUEST);
}

#[test]
fn a_proxy_in_the_environment_is_not_used() {
    let own = std::env::current_exe().unwrap();
    let test = "ask::a_device_posts_its_request_under_the_name_of_the_fields_phones";
    let mut command = std::process::Command::new(own);
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:9");
    }
    command.env_remove("no_proxy").env_remove("NO_PROXY").env_remove("REQUEST_METHOD");
    let output = command.args(["--exact", test]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn nothing_to_do_is_an_answer_without_modules() {
    let url = serve(|_| async { status(200, NOTHING) }).await;
    let asked = client().ask(&url, &request()).await.unwrap();
    assert!(asked.response.modules.is_empty());
    assert_eq!(asked.device_code().to_string(), "0x0/200");
}

#[tokio::test]
async fn what_the_dialect_does_not_know_is_reported() {
    let body = "<Response><NumOfFiles>0</NumOfFiles><Modules></Modules><Hint>soon</Hint></Response>";
    let url = serve(move |_| async move { status(200, body) }).await;
    let asked = client().ask(&url, &request()).await.unwrap();
    assert_eq!((&*asked.unknown[0].path, asked.unknown_count), ("/Response/Hint", 1));
}

#[tokio::test]
async fn only_200_is_an_answer_and_a_refusal_is_final_and_gives_its_reason() {
    let (error, asked) = refused(|| status(404, "no such path\nsecond line")).await;
    assert!(matches!(&error, ClientError::Status { status: 404, reason, .. } if &**reason == "no such path"));
    assert_eq!(error.device_code().unwrap().to_string(), "0x0/404");
    assert_eq!(asked, 1);
    for (answer, code, expected) in [
        ((|| status(204, "")) as fn() -> _, 204, "No Content"),
        (|| status(201, OFFER), 201, "<?xml version=\"1.0\""),
        (|| status(400, "\r\n  MAC address\x1b[0m\r\n"), 400, "MAC address\u{fffd}[0m"),
        (|| status(401, "anonymous access is not supported"), 401, "anonymous access is not supported"),
        (|| status(410, ""), 410, "Gone"),
        (|| status(500, ""), 500, "Internal Server Error"),
    ] {
        let (error, asked) = refused(answer).await;
        let ClientError::Status { status, reason, .. } = &error else { panic!("{error}") };
        assert_eq!((*status, asked), (code, 1));
        assert!(reason.starts_with(expected), "{reason}");
    }
}

#[tokio::test]
async fn a_redirect_of_a_question_is_reported_and_not_followed() {
    let (error, asked) = refused(|| {
        let mut response = status(302, "");
        response.headers_mut().insert("location", "/RequestHandler/ucdevice.upx".parse().unwrap());
        response
    })
    .await;
    assert!(error.to_string().ends_with("answered 302: redirect to /RequestHandler/ucdevice.upx"), "{error}");
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn an_answer_without_end_is_read_to_the_limit_only() {
    let (error, _) = refused(|| {
        let pieces = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 1000])));
        Response::new(Body::from_stream(pieces))
    })
    .await;
    assert!(matches!(error, ClientError::TooLarge { most: 65_536, .. }), "{error}");
    assert_eq!(error.device_code().unwrap().to_string(), "0x0/200");

    let url = serve(|_| async { status(200, OFFER) }).await;
    let exactly = Client::new(options().with_response_limit(OFFER.len())).unwrap();
    assert!(exactly.ask(&url, &request()).await.is_ok());
    let one_less = Client::new(options().with_response_limit(OFFER.len() - 1)).unwrap();
    assert!(matches!(one_less.ask(&url, &request()).await, Err(ClientError::TooLarge { .. })));
}

#[tokio::test]
async fn a_refusal_without_end_is_read_to_the_limit_only() {
    let (error, _) = refused(|| {
        let pieces = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 1000])));
        let mut response = Response::new(Body::from_stream(pieces));
        *response.status_mut() = axum::http::StatusCode::FORBIDDEN;
        response
    })
    .await;
    let ClientError::Status { reason, .. } = error else { panic!("{error}") };
    assert_eq!(reason.len(), ClientError::MAX_REASON_CHARS);
}

#[tokio::test]
async fn a_server_that_is_silent_or_trickles_is_not_waited_for_for_ever() {
    let silent = serve(|_| std::future::pending()).await;
    let once = || options().with_retry(Retry::never());
    for (url, options) in [
        (silent, once().with_idle_timeout(Duration::from_millis(100))),
        (trickling().await, once().with_ask_timeout(Duration::from_millis(300))),
    ] {
        let client = Client::new(options).unwrap();
        let request = request();
        let asked = tokio::time::timeout(Duration::from_secs(4), client.ask(&url, &request));
        let error = asked.await.unwrap().unwrap_err();
        assert!(matches!(error, ClientError::Connection { fault: ConnectionFault::Timeout, .. }), "{error}");
        assert_eq!(error.device_code().unwrap().to_string(), "0x2ee2/0");
    }
}

#[tokio::test]
async fn a_200_that_is_no_response_is_an_error_with_the_codecs_reason() {
    let (error, asked) = refused(|| status(200, "<html></html>")).await;
    assert!(matches!(error, ClientError::Answer { .. }), "{error}");
    assert!(error.to_string().contains("no item of the dialect"), "{error}");
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says() {
    let asked = Arc::new(AtomicU32::new(0));
    let url = serve(move |_| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        async move {
            let mut response = status(if number < 2 { 503 } else { 200 }, NOTHING);
            response.headers_mut().insert("retry-after", "0".parse().unwrap());
            response
        }
    })
    .await;
    let answered = client().ask(&url, &request()).await.unwrap();
    assert_eq!(answered.tries, 3);
}

#[tokio::test]
async fn a_busy_server_is_not_asked_more_often_than_the_options_say() {
    let (error, asked) = refused(|| status(503, "store is down")).await;
    assert!(error.to_string().ends_with("answered 503: store is down"), "{error}");
    assert_eq!(asked, 3);
}

#[tokio::test]
async fn a_server_that_wants_an_hour_is_not_waited_for() {
    let (error, asked) = refused(|| {
        let mut response = status(503, "");
        response.headers_mut().insert("retry-after", "3600".parse().unwrap());
        response
    })
    .await;
    let ClientError::Status { retry_after, .. } = error else { panic!("{error}") };
    assert_eq!((retry_after, asked), (Some(Duration::from_secs(3600)), 1));
}

#[tokio::test]
async fn nobody_at_home_is_no_connection() {
    let error = client().ask(&nobody().await, &request()).await.unwrap_err();
    assert!(matches!(error, ClientError::Connection { fault: ConnectionFault::Connect, .. }), "{error}");
    assert_eq!(error.device_code().unwrap().to_string(), "0x2efd/0");
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let accepted = tokio::spawn(async move {
        for _ in 0..3 {
            drop(listener.accept().await.unwrap());
        }
    });
    let error = client().ask(&url, &request()).await.unwrap_err();
    assert!(matches!(error, ClientError::Connection { fault: ConnectionFault::Broken, .. }), "{error}");
    tokio::time::timeout(Duration::from_secs(5), accepted).await.unwrap().unwrap();
}

#[tokio::test]
async fn options_that_cannot_be_used_are_refused() {
    let error = Client::new(ClientOptions::default().with_user_agent("a\nb")).unwrap_err();
    assert_eq!(error.to_string(), "user agent \"a\\nb\" cannot be a header value");
    let error = client().ask("ftp://a/", &request()).await.unwrap_err();
    assert_eq!(error.to_string(), "URL \"ftp://a/\" has the scheme ftp, expected http or https");
}
