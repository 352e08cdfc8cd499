//! The limits of connections, with short times.

use super::*;
use std::time::Instant;
use ucupdate::store::{MemoryStore, stream_of};
use ucupdate::version::ReportedVersion;
use ucupdate::{BaseUrls, Options, UpdateService};
use ucupdate_cab::package::{NewInterim, PackageBuilder, sample};
use ucupdate_http::HttpOptions;

const IMAGE: &str = "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt";

/// A server with one image of `image_bytes` bytes, and its address.
async fn server(limits: Limits, image_bytes: usize) -> (Server, SocketAddr) {
    let url = "http://127.0.0.1".parse().unwrap();
    let service = UpdateService::open(Arc::new(MemoryStore::default()), Options::serving(BaseUrls::new(url)));
    let service = service.await.unwrap();
    if image_bytes > 0 {
        let image = vec![0xA5; image_bytes];
        let interim = NewInterim::new(
            "ENU".parse().unwrap(),
            sample::ip8540().update_type(),
            ReportedVersion::new(sample::INTERIM_VERSION),
            image,
            sample::time_stamp(),
        );
        let cabinet = PackageBuilder::new().with_interim(interim).build().unwrap();
        service.admin("test").ingest("uc.cab", stream_of(cabinet), |_| {}).await.unwrap();
    }
    let endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let address = endpoint.local();
    let updates = DeviceUpdates::with_options(service, HttpOptions::default()).unwrap();
    let intake = Intake {
        updates,
        prefixes: Prefixes::default(),
        proxies: Proxies::default(),
        inside: Vec::new(),
        limits,
    };
    (Server::start(vec![endpoint], intake), address)
}

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n")
}

/// Reads until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut all)).await;
    // A reset is an end too.
    let _end = read.expect("the server closes in time");
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn who_says_nothing_or_not_all_of_a_head_is_let_go() {
    let (_server, address) =
        server(Limits { head: Duration::from_millis(200), ..Limits::default() }, 0).await;
    for said in [String::new(), "GET / HT".to_owned(), get("/", "").repeat(2)] {
        let begin = Instant::now();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        let answers = if said.ends_with("\r\n\r\n") { 2 } else { 0 };
        assert_eq!(answer.matches("HTTP/1.1 404 ").count(), answers, "{said:?}: {answer}");
        assert!(begin.elapsed() >= Duration::from_millis(150), "{said:?}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let (_server, address) = server(Limits { head_bytes: 1000, ..Limits::default() }, 0).await;
    for (more, code) in [
        (format!("X: {}\r\n", "a".repeat(500)), "404"),
        (format!("X: {}\r\n", "a".repeat(1000)), "431"),
        ("X: a\r\n".repeat(101), "431"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(get("/", &format!("Connection: close\r\n{more}")).as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{} bytes: {answer}", more.len());
    }
}

#[tokio::test]
async fn no_more_connections_than_may_be_are_served_at_a_time() {
    let (_server, address) = server(Limits { connections: 1, ..Limits::default() }, 0).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(get("/", "").as_bytes()).await.unwrap();
    first.readable().await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(get("/", "Connection: close\r\n").as_bytes()).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(300), second.readable()).await;
    assert!(waited.is_err(), "the second is answered while the first is there");
    drop(first);
    assert!(rest(&mut second).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_reader_who_takes_nothing_does_not_hold_a_connection_for_ever() {
    let limits = Limits { connections: 1, stall: Duration::from_millis(300), ..Limits::default() };
    let (_server, address) = server(limits, 8 * 1024 * 1024).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut idler = socket.connect(address).await.unwrap();
    idler.write_all(get(IMAGE, "").as_bytes()).await.unwrap();
    let mut next = TcpStream::connect(address).await.unwrap();
    next.write_all(get("/", "Connection: close\r\n").as_bytes()).await.unwrap();
    assert!(rest(&mut next).await.starts_with("HTTP/1.1 404 "), "the idler's place is free");
    drop(idler);
}

#[tokio::test]
async fn what_is_not_finished_in_time_is_cut_and_counted() {
    let (server, address) = server(Limits::default(), 8 * 1024 * 1024).await;
    let mut unused = TcpStream::connect(address).await.unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut slow = socket.connect(address).await.unwrap();
    slow.write_all(get(IMAGE, "").as_bytes()).await.unwrap();
    slow.readable().await.unwrap();
    let cut = server.shutdown(tokio::time::sleep(Duration::from_millis(200))).await;
    assert_eq!(cut, 1, "one that is not used is closed, not cut");
    assert_eq!(rest(&mut unused).await, "");
    assert!(TcpStream::connect(address).await.is_err());
    drop(slow);
}

#[tokio::test]
async fn with_nothing_to_finish_a_server_ends_at_once() {
    let (server, address) = server(Limits::default(), 0).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(get("/", "").as_bytes()).await.unwrap();
    idle.readable().await.unwrap();
    let begin = Instant::now();
    assert_eq!(server.shutdown(std::future::pending()).await, 0);
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_sends_far_more_than_is_read() {
    let (_server, address) = server(Limits::default(), 0).await;
    let body = vec![b'x'; 3 * 1024 * 1024];
    for path in ["/nothing", "/RequestHandlerExt/ucdevice.upx", "/RequestHandler/ucdevice.upx"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.expect("the server reads while it refuses");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("the answer is not lost in a reset");
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 4") && answer.contains("connection: close"), "{path}: {answer}");
    }
}
