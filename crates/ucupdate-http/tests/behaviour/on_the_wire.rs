//! Tests with real sockets, for behaviour that needs a server around the service.

use crate::fixture::{IMAGE_BYTES, INTERIM_IMAGE, Server, interim_image, vector};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use ucupdate_http::Connection;
use ucupdate_testkit::faulty::StoreFault;

/// Serves on a free port until the test ends.
async fn listen(server: &Server) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = server.app.clone().into_make_service_with_connect_info::<Connection>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Sends this text, and returns everything that is received until the connection ends.
async fn converse(address: SocketAddr, said: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(said.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    // A broken connection may end with a reset. The bytes before it count.
    let _ended = stream.read_to_end(&mut heard).await;
    heard
}

fn count(heard: &[u8], what: &str) -> usize {
    String::from_utf8_lossy(heard).matches(what).count()
}

#[tokio::test]
async fn answers_follow_one_another_on_one_connection() {
    let server = Server::start().await;
    let address = listen(&server).await;
    let body = vector("canonical-request.xml");
    let said = format!(
        "POST /RequestHandler/ucdevice.upx HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}\
         HEAD {INTERIM_IMAGE} HTTP/1.1\r\nHost: x\r\n\r\n\
         GET {INTERIM_IMAGE} HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n\
         GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n\
         GET {INTERIM_IMAGE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let heard = converse(address, &said).await;
    let statuses: Vec<_> = String::from_utf8_lossy(&heard)
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| answer[..3].to_owned())
        .collect();
    assert_eq!(statuses, ["200", "200", "304", "404", "200"]);
    assert_eq!(count(&heard, &format!("content-length: {IMAGE_BYTES}\r\n")), 2, "of HEAD and the image");
    assert!(heard.ends_with(&interim_image()));
    assert_eq!(server.access_lines().await.len(), 5);
}

#[tokio::test]
async fn the_addresses_of_a_row_are_those_of_the_socket() {
    let server = Server::start().await;
    let address = listen(&server).await;
    converse(
        address,
        "GET /nothing HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n",
    )
    .await;
    let row = server.access_row().await;
    assert_eq!((row.client_ip.as_logged(), row.server_ip.as_logged()), ("127.0.0.1", "127.0.0.1"));
    assert_eq!(row.server_port, Some(address.port()));
}

#[tokio::test]
async fn a_download_that_breaks_off_in_the_store_breaks_the_connection() {
    let server = Server::start().await;
    let address = listen(&server).await;
    for fault in [StoreFault::EndsEarly(2000), StoreFault::BreaksOff(2000)] {
        server.fail(fault);
        // The connection is kept alive, so only closing it can end the response early.
        let heard = converse(address, &format!("GET {INTERIM_IMAGE} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(count(&heard, &format!("content-length: {IMAGE_BYTES}\r\n")), 1);
        assert!(heard.len() < IMAGE_BYTES, "{fault:?}: {} bytes came", heard.len());
    }
}

#[tokio::test]
async fn a_body_too_large_is_refused_before_it_is_sent() {
    let server = Server::start().await;
    let address = listen(&server).await;
    let said =
        "POST /RequestHandler/ucdevice.upx HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n<Req";
    let heard = converse(address, said).await;
    assert!(heard.starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&heard));
}

/// Sends all bytes before anything is read. Returns everything that is received until the connection ends.
async fn send_all_then_hear(address: SocketAddr, said: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(said).await.unwrap();
    stream.flush().await.unwrap();
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.expect("the answer is not lost in a reset");
    heard
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_sends_its_whole_body_first() {
    let server = Server::start().await;
    let address = listen(&server).await;
    let body = "x".repeat(500_000);
    for (line, status) in [
        ("POST /RequestHandlerExt/ucdevice.upx", "401"),
        ("POST /nothing", "404"),
        ("PUT /RequestHandler/ucdevice.upx", "405"),
        ("POST /RequestHandler/ucdevice.upx", "413"),
        ("POST /RequestHandler/ucdevice.upx HTTP/1.1\r\nContent-Encoding: gzip", "415"),
    ] {
        let head = line.replace(" HTTP/1.1\r\n", "");
        let (line, field) = match line.split_once(" HTTP/1.1\r\n") {
            Some((line, field)) => (line, format!("{field}\r\n")),
            None => (line, String::new()),
        };
        for _ in 0..10 {
            let said = format!(
                "{line} HTTP/1.1\r\nHost: x\r\n{field}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let heard = send_all_then_hear(address, said.as_bytes()).await;
            assert!(
                heard.starts_with(format!("HTTP/1.1 {status} ").as_bytes()),
                "{head}: {}",
                String::from_utf8_lossy(&heard)
            );
        }
    }
}

#[tokio::test]
async fn a_device_that_is_refused_can_authenticate_on_the_same_connection() {
    let server = Server::start().await;
    let address = listen(&server).await;
    let body = vector("canonical-request.xml");
    let ask = |last: &str| {
        let length = body.len();
        format!(
            "POST /RequestHandlerExt/ucdevice.upx HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{last}\r\n{body}"
        )
    };
    let heard = converse(address, &format!("{}{}", ask(""), ask("Connection: close\r\n"))).await;
    assert_eq!(count(&heard, "HTTP/1.1 401 "), 2, "{}", String::from_utf8_lossy(&heard));
}

#[tokio::test]
async fn a_length_that_is_impossible_is_refused_without_asking_for_the_body() {
    let server = Server::start().await;
    let address = listen(&server).await;
    let said = "POST /RequestHandler/ucdevice.upx HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\
                Content-Length: 99999999999\r\n\r\n";
    let heard = converse(address, said).await;
    assert!(heard.starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&heard));
    assert_eq!(count(&heard, "connection: close"), 1);
    assert_eq!(count(&heard, "100 Continue"), 0);
}

#[tokio::test]
async fn hosts_and_transfer_codings_are_checked() {
    let server = Server::start().await;
    let address = listen(&server).await;
    for (fields, status) in [
        ("", "400"),
        ("Host: a\r\nHost: a\r\n", "400"),
        ("Host: a b\r\n", "400"),
        ("Host: a\r\nTransfer-Encoding: cow, chunked\r\n", "501"),
        ("Host: a\r\nTransfer-Encoding: chunked\r\n", "400"),
    ] {
        let said = format!(
            "POST /RequestHandler/ucdevice.upx HTTP/1.1\r\n{fields}Connection: close\r\n\r\n0\r\n\r\n"
        );
        let heard = converse(address, &said).await;
        assert!(
            heard.starts_with(format!("HTTP/1.1 {status} ").as_bytes()),
            "{fields}: {}",
            String::from_utf8_lossy(&heard)
        );
    }
}
