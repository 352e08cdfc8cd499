//! Tests of [`HandlerConnection`](ucupdate_client::HandlerConnection): it answers as the client does, with connections of its own.

use crate::ask::{NOTHING, OFFER, request};
use crate::server::{nobody, options, serve, status, trickling};
use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use futures_util::stream;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use ucupdate_client::{Client, ClientOptions, Retry};

fn once() -> ClientOptions {
    options().with_retry(Retry::never()).with_idle_timeout(Duration::from_millis(300))
}

/// Asks through a connection of its own, and through those of the client. Returns the outcome, which is the same.
async fn outcome(url: &str, options: ClientOptions) -> Result<usize, String> {
    let client = Client::new(options).unwrap();
    let own = client.handler(url).unwrap().ask(&request()).await;
    let shared = client.ask(url, &request()).await;
    match (own, shared) {
        (Ok(own), Ok(shared)) => {
            assert_eq!((own.response, own.unknown_count), (shared.response.clone(), shared.unknown_count));
            assert_eq!((own.status, own.tries), (200, 1));
            Ok(shared.response.modules.len())
        }
        (Err(own), Err(shared)) => {
            assert_eq!(own.to_string(), shared.to_string());
            assert_eq!(own.device_code(), shared.device_code());
            Err(own.to_string())
        }
        (own, shared) => panic!("{own:?}, {shared:?}"),
    }
}

#[tokio::test]
async fn answers_and_refusals_are_those_of_the_client() {
    let mut redirect = status(302, "");
    redirect.headers_mut().insert("location", "/elsewhere?token=secret".parse().unwrap());
    let mut busy = status(503, "");
    busy.headers_mut().insert("retry-after", "3600".parse().unwrap());
    let answers = [
        (status(200, OFFER), "1"),
        (status(200, NOTHING), "0"),
        (status(200, "<html></html>"), "no item of the dialect"),
        (status(204, ""), "answered 204: No Content"),
        (status(400, "\r\n  MAC address\x1b[0m\r\n"), "answered 400: MAC address\u{fffd}[0m"),
        (status(401, "anonymous access is not supported"), "answered 401: anonymous access"),
        (status(404, "no such path\nsecond line"), "answered 404: no such path"),
        (status(500, ""), "answered 500: Internal Server Error"),
        (redirect, "answered 302: redirect to /elsewhere?..."),
        (busy, "answered 503: Service Unavailable"),
    ];
    for (answer, expected) in answers {
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        let url = serve(move |_| {
            let answer = Response::from_parts(head.clone(), Body::from(body.clone()));
            async move { answer }
        })
        .await;
        let found = outcome(&url, once()).await.map_or_else(|error| error, |modules| modules.to_string());
        assert!(found.contains(expected), "{found}, expected {expected}");
    }
}

#[tokio::test]
async fn an_answer_or_a_refusal_without_end_is_read_to_the_limit_only() {
    for (status, expected) in [(200, "more than 65536 bytes"), (403, "answered 403: xxx")] {
        let url = serve(move |_| async move {
            let pieces = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 1000])));
            Response::builder().status(status).body(Body::from_stream(pieces)).unwrap()
        })
        .await;
        let error = outcome(&url, once()).await.unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let url = serve(|_| async { status(200, OFFER) }).await;
    assert_eq!(outcome(&url, once().with_response_limit(OFFER.len())).await, Ok(1));
    assert!(outcome(&url, once().with_response_limit(OFFER.len() - 1)).await.is_err());
}

#[tokio::test]
async fn a_server_that_is_absent_silent_or_gone_gives_the_error_of_the_client() {
    let closing = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}/", closing.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            drop(closing.accept().await.unwrap());
        }
    });
    let client = |options| Client::new(options).unwrap();
    for (url, options, code) in [
        (nobody().await, once(), "0x2efd/0"),
        (closed, once(), "0x2efe/0"),
        (serve(|_| std::future::pending()).await, once(), "0x2ee2/0"),
        (trickling().await, once().with_ask_timeout(Duration::from_millis(300)), "0x2ee2/0"),
    ] {
        let own = client(options.clone()).handler(&url).unwrap().ask(&request()).await.unwrap_err();
        let shared = client(options).ask(&url, &request()).await.unwrap_err();
        assert_eq!(own.device_code(), shared.device_code(), "{own}, {shared}");
        assert_eq!(own.device_code().unwrap().to_string(), code, "{own}");
    }
}

/// Starts a server that notes the peer of each request. It says that it closes every connection if `closes`.
async fn peers(closes: bool) -> (String, Arc<Mutex<Vec<u16>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let noted = Arc::new(Mutex::new(Vec::new()));
    let peers = Arc::clone(&noted);
    let answer = move |request: Request<Body>| {
        let peers = Arc::clone(&peers);
        async move {
            let peer =
                request.extensions().get::<axum::extract::ConnectInfo<std::net::SocketAddr>>().unwrap();
            peers.lock().unwrap().push(peer.port());
            let mut answer = status(200, NOTHING);
            if closes {
                answer.headers_mut().insert("connection", "close".parse().unwrap());
            }
            answer
        }
    };
    let service =
        axum::Router::new().fallback(answer).into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    (url, noted)
}

#[tokio::test]
async fn requests_share_a_connection_unless_the_options_or_the_server_say_otherwise() {
    for (options, closes, expected) in
        [(once(), false, 1), (once().with_kept_connections(false), false, 3), (once(), true, 3)]
    {
        let (url, peers) = peers(closes).await;
        let mut connection = Client::new(options).unwrap().handler(&url).unwrap();
        for _ in 0..3 {
            connection.ask(&request()).await.unwrap();
        }
        let mut peers = peers.lock().unwrap().clone();
        assert_eq!(peers.len(), 3);
        peers.dedup();
        assert_eq!(peers.len(), expected);
    }
}

#[tokio::test]
async fn a_request_for_which_the_kept_connection_is_closed_goes_through_a_new_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (announce, closed) = tokio::sync::oneshot::channel();
    let server = tokio::spawn(async move {
        let mut announce = Some(announce);
        let mut heads = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut start = vec![0; 64 * 1024];
            let read = stream.read(&mut start).await.unwrap();
            heads.push(String::from_utf8_lossy(&start[..read]).into_owned());
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", NOTHING.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(NOTHING.as_bytes()).await.unwrap();
            drop(stream);
            if let Some(announce) = announce.take() {
                announce.send(()).unwrap();
            }
        }
        heads
    });
    let mut connection = Client::new(once()).unwrap().handler(&url).unwrap();
    connection.ask(&request()).await.unwrap();
    closed.await.unwrap();
    connection.ask(&request()).await.unwrap();
    let heads = server.await.unwrap();
    for head in heads {
        assert!(head.starts_with("POST / HTTP/1.1\r\nhost: 127.0.0.1:"), "{head}");
        assert!(head.contains("\r\nuser-agent: Microsoft UCPhone Device\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-type: text/xml; charset=utf-8\r\n"), "{head}");
    }
}

#[tokio::test]
async fn after_an_error_the_next_request_has_a_new_connection() {
    let url = serve(|request: Request<Body>| async move {
        let body = axum::body::to_bytes(request.into_body(), 10_000).await.unwrap();
        if body.windows(4).any(|word| word == b"slow") {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        status(200, NOTHING)
    })
    .await;
    let mut connection = Client::new(once()).unwrap().handler(&url).unwrap();
    let slow = ucupdate_core::UpdateRequest { user_name: "slow".into(), ..request() };
    assert!(connection.ask(&slow).await.is_err());
    assert!(connection.ask(&request()).await.is_ok());
}
