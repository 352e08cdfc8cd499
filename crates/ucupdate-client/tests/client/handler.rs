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
use ucupdate_client::{Client, ClientError, ClientOptions, ConnectionFault, Retry};

fn once() -> ClientOptions {
    options().with_retry(Retry::never())
}

/// Returns options for a server that does not go on.
fn impatient() -> ClientOptions {
    once().with_idle_timeout(Duration::from_millis(300))
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
            assert_eq!(own.device_code(), shared.device_code(), "{own}, {shared}");
            // The two have different causes for a timeout.
            if !matches!(shared, ClientError::Connection { fault: ConnectionFault::Timeout, .. }) {
                assert_eq!(own.to_string(), shared.to_string());
            }
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
        (serve(|_| std::future::pending()).await, impatient(), "0x2ee2/0"),
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
    let mut connection = Client::new(impatient()).unwrap().handler(&url).unwrap();
    let slow = ucupdate_core::UpdateRequest { user_name: "slow".into(), ..request() };
    assert!(connection.ask(&slow).await.is_err());
    assert!(connection.ask(&request()).await.is_ok());
}

/// Starts a server that sends these bytes on each connection, after the request or before it, and then closes it or stays silent.
async fn raw(bytes: Vec<u8>, after: After) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let mut start = vec![0; 64 * 1024];
                let _read = stream.read(&mut start).await;
                match after {
                    After::Close => drop(stream.write_all(&bytes).await),
                    After::Silence => {
                        let _written = stream.write_all(&bytes).await;
                        // Until the client gives up.
                        let _read = stream.read(&mut start).await;
                    }
                    After::Again => while stream.write_all(&bytes).await.is_ok() {},
                }
            });
        }
    });
    url
}

/// The behaviour of a raw server after its bytes.
#[derive(Clone, Copy, Debug)]
enum After {
    Close,
    Silence,
    /// The server sends the bytes again, without end.
    Again,
}

#[tokio::test]
async fn bytes_that_are_no_whole_answer_give_the_outcome_of_the_client() {
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    let offer = |fields: &str| format!("{}{OFFER}", head(fields));
    let length = format!("Content-Length: {}\r\n", OFFER.len());
    let chunk = format!("{:x}\r\n{OFFER}\r\n", OFFER.len());
    let chunked = head("Transfer-Encoding: chunked\r\n") + &chunk;
    let continues = "HTTP/1.1 100 Continue\r\n\r\n";
    let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nblocked";
    let redirect = "HTTP/1.1 301 Moved\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n";
    let answers = [
        (offer(&length), After::Silence, "1"),
        (offer(&length), After::Close, "1"),
        (offer(&(length.clone() + "Connection: close\r\n")), After::Silence, "1"),
        // The end of the connection is the end of the body.
        (offer(""), After::Close, "1"),
        (offer("").replace("HTTP/1.1", "HTTP/1.0"), After::Close, "1"),
        (offer(&format!("Content-Length: {}\r\n", OFFER.len() + 1)), After::Close, "connection broke off"),
        (offer(&format!("Content-Length: {}\r\n", 1_u64 << 40)), After::Again, "more than 65536 bytes"),
        (offer(&(length.clone() + "Content-Length: 1\r\n")), After::Close, "connection broke off"),
        (chunked.clone() + "0\r\n\r\n", After::Silence, "1"),
        (chunked.clone() + "0\r\nTrailer: 1\r\n\r\n", After::Silence, "1"),
        (chunked.clone() + "0\r\n" + &"Trailer: 1\r\n".repeat(5_000), After::Close, "connection broke off"),
        (chunked.clone() + "1;" + &"x".repeat(100_000), After::Close, "connection broke off"),
        (chunked.clone() + "no number\r\n", After::Silence, "connection broke off"),
        (continues.to_owned() + &offer(&length), After::Silence, "1"),
        (continues.repeat(1_000) + &offer(&length), After::Silence, "1"),
        // An answer that nobody asked for.
        (offer(&length) + &offer(&length), After::Silence, "1"),
        (offer(&length), After::Again, "1"),
        (String::new(), After::Close, "connection broke off"),
        ("HTTP/1.1 200 OK\r\nContent-Le".to_owned(), After::Close, "connection broke off"),
        (head(&"Field: 1\r\n".repeat(200)), After::Silence, "connection broke off"),
        (
            "HTTP/1.1 200 OK\r\nField: ".to_owned() + &"x".repeat(1_000_000),
            After::Silence,
            "connection broke off",
        ),
        ("x".repeat(1_000), After::Again, "connection broke off"),
        ("\0\r\n".to_owned(), After::Again, "connection broke off"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_owned(),
            After::Silence,
            "answered 101",
        ),
        (
            "HTTP/1.1 999 \r\nContent-Length: 0\r\n\r\n".to_owned(),
            After::Silence,
            "answered 999: no reason given",
        ),
        (redirect.to_owned(), After::Silence, "answered 301: redirect to http://192.0.2.1/"),
        (refusal.to_owned(), After::Close, "answered 403: blocked"),
    ];
    let unfinished = [
        (offer(&format!("Content-Length: {}\r\n", OFFER.len() + 1)), After::Silence, "timed out"),
        (chunked.clone() + "0\r\n", After::Silence, "timed out"),
        (continues.to_owned(), After::Again, "timed out"),
        ("HTTP/1.1 200 OK\r\nContent-Le".to_owned(), After::Silence, "timed out"),
        ("\r\n".to_owned(), After::Again, "timed out"),
        // The reason does not arrive as a whole, but the status did.
        (refusal.to_owned(), After::Silence, "answered 403: blocked"),
    ];
    let mut differences = Vec::new();
    let answers = answers.map(|answer| (answer, once())).into_iter();
    for ((bytes, after, expected), options) in answers.chain(unfinished.map(|answer| (answer, impatient()))) {
        let shown = format!("{:?} {after:?}", &bytes[..bytes.len().min(300)]);
        let url = raw(bytes.into_bytes(), after).await;
        let found = outcome(&url, options).await;
        let found = found.map_or_else(|error| error, |modules| modules.to_string());
        if !found.contains(expected) {
            differences.push(format!("{found}, expected {expected}: {shown}"));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
