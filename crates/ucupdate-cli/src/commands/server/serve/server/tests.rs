//! Tests of the limits of connections, with short times.

use super::*;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::ResolvesServerCertUsingSni;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use ucupdate::audit::RollOptions;
use ucupdate::store::{ImageStore, ImageStoreExt as _, MemoryStore, stream_of};
use ucupdate::version::ReportedVersion;
use ucupdate::{BaseUrls, FullLog, LogOptions, Options};
use ucupdate_cab::package::{NewInterim, PackageBuilder, sample};
use ucupdate_http::HttpOptions;
use ucupdate_testkit::faulty::{Faulty, StoreCall, StoreFault};

const IMAGE: &str = "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt";

/// Returns a server with one image of `image_bytes` bytes, and its address.
async fn server(limits: ConnectionLimits, image_bytes: usize) -> (Server, SocketAddr) {
    let service = service_with(image_bytes).await;
    start(&service, limits).await
}

async fn start(service: &UpdateService, limits: ConnectionLimits) -> (Server, SocketAddr) {
    let endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let address = endpoint.local();
    (Server::start(vec![endpoint], intake(service, limits)), address)
}

/// Returns a service with one image of `image_bytes` bytes, or without an image.
async fn service_with(image_bytes: usize) -> UpdateService {
    service_of(Arc::new(MemoryStore::default()), image_bytes).await
}

async fn service_of(store: Arc<dyn ImageStore>, image_bytes: usize) -> UpdateService {
    let url = "http://127.0.0.1".parse().unwrap();
    let options = Options::serving(BaseUrls::new(url)).with_logs(LogOptions::new("here".parse().unwrap()));
    let service = UpdateService::open(store, options).await.unwrap();
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
    service
}

fn intake(service: &UpdateService, limits: ConnectionLimits) -> Intake {
    let updates = DeviceUpdates::with_options(service.clone(), HttpOptions::default()).unwrap();
    Intake { updates, prefixes: Prefixes::default(), networks: LiveNetworks::default(), limits }
}

/// Returns the rows of all access logs in the store.
async fn access_rows(service: &UpdateService) -> Vec<String> {
    let mut rows = Vec::new();
    for meta in service.store().list_all("Logs/Server/Access/", usize::MAX).await.unwrap() {
        let log = service.store().get_bytes(&meta.key, usize::MAX).await.unwrap();
        rows.extend(String::from_utf8_lossy(&log).lines().map(str::to_owned));
    }
    rows
}

/// Returns a connection with a small receive buffer.
async fn slow_reader(address: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address).await.unwrap()
}

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n")
}

/// Reads until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut all)).await;
    // A reset counts as an end too.
    let _end = read.expect("the server closes in time");
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn who_says_nothing_is_let_go_and_who_sends_half_a_head_is_told_so() {
    let (_server, address) =
        server(ConnectionLimits { head: Duration::from_millis(200), ..ConnectionLimits::default() }, 0).await;
    let begun = get("/", "") + "GET / HTTP/1.1\r\nHost";
    for said in [String::new(), "GET / HT".to_owned(), get("/", "").repeat(2), begun] {
        let begin = Instant::now();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        let answers = said.matches("\r\n\r\n").count();
        assert_eq!(answer.matches("HTTP/1.1 404 ").count(), answers, "{said:?}: {answer}");
        let has_begun = !said.is_empty() && !said.ends_with("\r\n\r\n");
        assert_eq!(answer.matches("HTTP/1.1 408 ").count(), usize::from(has_begun), "{said:?}: {answer}");
        assert_eq!(
            answer.ends_with("the head of the request did not arrive in time\n"),
            has_begun,
            "{answer}"
        );
        assert!(begin.elapsed() >= Duration::from_millis(150), "{said:?}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let (_server, address) =
        server(ConnectionLimits { head_bytes: 1000, ..ConnectionLimits::default() }, 0).await;
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
async fn connections_with_tls_take_no_place_of_those_without_and_the_other_way_round() {
    let no_certificate = Arc::new(ResolvesServerCertUsingSni::new());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(no_certificate);
    let tls = TlsAcceptor::from(Arc::new(config));
    let any = || "127.0.0.1:0".parse().unwrap();
    let endpoints =
        vec![Endpoint::bind(any(), None).await.unwrap(), Endpoint::bind(any(), Some(tls)).await.unwrap()];
    let addresses: Vec<SocketAddr> = endpoints.iter().map(Endpoint::local).collect();
    let limits = ConnectionLimits { connections: 2, connections_of_one: 2, ..ConnectionLimits::default() };
    let service = service_with(0).await;
    let _server = Server::start(endpoints, intake(&service, limits));
    for (few, many) in [(addresses[0], addresses[1]), (addresses[1], addresses[0])] {
        let mut kept = Vec::new();
        for _ in 0..2 {
            kept.push(TcpStream::connect(few).await.unwrap());
        }
        let mut others = Vec::new();
        for _ in 0..20 {
            others.push(TcpStream::connect(many).await.unwrap());
        }
        // The first of them made room for the last ones, so all were accepted.
        for stream in others.iter_mut().take(18) {
            assert_eq!(rest(stream).await, "", "it was closed");
        }
        for stream in &kept {
            let error = stream.try_read(&mut [0]).expect_err("it is open");
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        }
    }
}

#[tokio::test]
async fn the_connection_that_waits_longest_makes_room_for_one_that_asks() {
    let limits = ConnectionLimits { connections: 2, connections_of_one: 2, ..ConnectionLimits::default() };
    let (_server, address) = server(limits, 0).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    for _ in 0..20 {
        let mut asks = TcpStream::connect(address).await.unwrap();
        asks.write_all(get("/", "Connection: close\r\n").as_bytes()).await.unwrap();
        assert!(rest(&mut asks).await.starts_with("HTTP/1.1 404 "));
    }
    for stream in idle.iter_mut().take(18) {
        assert_eq!(rest(stream).await, "", "it was closed");
    }
}

#[tokio::test]
async fn a_request_that_trickles_makes_room_too() {
    let limits = ConnectionLimits { connections: 1, connections_of_one: 1, ..ConnectionLimits::default() };
    let (_server, address) = server(limits, 0).await;
    let mut trickles = TcpStream::connect(address).await.unwrap();
    let head = "POST /RequestHandler/ucdevice.upx HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<Req";
    trickles.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut asks = TcpStream::connect(address).await.unwrap();
    asks.write_all(get("/", "Connection: close\r\n").as_bytes()).await.unwrap();
    assert!(rest(&mut asks).await.starts_with("HTTP/1.1 404 "));
    assert_eq!(rest(&mut trickles).await, "");
}

#[tokio::test]
async fn a_client_that_sends_many_requests_and_reads_nothing_makes_room() {
    let limits = ConnectionLimits { connections: 1, connections_of_one: 1, ..ConnectionLimits::default() };
    let (_server, address) = server(limits, 0).await;
    let mut greedy = slow_reader(address).await;
    let requests = get("/", "").repeat(1000);
    // The server stops reading when the answers find no room.
    let sending = async { while greedy.write_all(requests.as_bytes()).await.is_ok() {} };
    let _elapsed = tokio::time::timeout(Duration::from_secs(5), sending).await;
    let mut asks = TcpStream::connect(address).await.unwrap();
    asks.write_all(get("/", "Connection: close\r\n").as_bytes()).await.unwrap();
    assert!(rest(&mut asks).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn an_address_that_uses_all_of_its_connections_is_refused_another() {
    let limits = ConnectionLimits { connections: 4, connections_of_one: 1, ..ConnectionLimits::default() };
    // A store in a folder returns a file in pieces, so the download goes on while the client takes nothing.
    let folder = tempfile::tempdir().unwrap();
    let store = ucupdate::local::LocalStore::open(folder.path()).unwrap();
    let service = service_of(Arc::new(store), 8 * 1024 * 1024).await;
    let (_server, address) = start(&service, limits).await;
    let mut slow = slow_reader(address).await;
    slow.write_all(get(IMAGE, "").as_bytes()).await.unwrap();
    slow.readable().await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    let _sent = second.write_all(get("/", "").as_bytes()).await;
    assert_eq!(rest(&mut second).await, "");
    drop(slow);
}

#[tokio::test]
async fn a_client_that_closes_its_side_gets_its_whole_answer() {
    let (_server, address) = server(ConnectionLimits::default(), 8 * 1024 * 1024).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(get(IMAGE, "").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut all = Vec::new();
    tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut all)).await.unwrap().unwrap();
    assert!(all.len() > 8 * 1024 * 1024, "{} bytes came", all.len());
}

#[tokio::test]
#[ignore = "slow; .ci/run runs it"]
async fn a_slow_reader_that_takes_a_little_all_the_time_is_not_cut() {
    let stall = Duration::from_secs(2);
    let (_server, address) =
        server(ConnectionLimits { stall, ..ConnectionLimits::default() }, 8 * 1024 * 1024).await;
    let mut slow = slow_reader(address).await;
    slow.write_all(get(IMAGE, "").as_bytes()).await.unwrap();
    let mut taken = 0;
    let until = Instant::now() + stall * 3;
    while Instant::now() < until {
        // The client reads 160 KB in a second, so a third of the send buffer lasts for half a second.
        let mut piece = vec![0; 16 * 1024];
        let read = slow.read(&mut piece).await.expect("the download goes on");
        assert!(read > 0, "cut after {taken} bytes");
        taken += read;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn what_hyper_refuses_has_a_reason_and_an_access_row() {
    let service = service_with(0).await;
    let (_server, address) = start(&service, ConnectionLimits::default()).await;
    let length = |value: &str| get("/", &format!("Content-Length: {value}\r\n"));
    for (said, status, reason) in [
        ("nonsense\r\n\r\n".to_owned(), 400, "the request is not valid HTTP: "),
        (get("/", &"X: a\r\n".repeat(101)), 431, "the head of the request is too large"),
        (get(&format!("/{}", "a".repeat(40_000)), ""), 431, "the head of the request is too large"),
        (length("18446744073709551615"), 413, "Content-Length is 18446744073709551615, which is more than"),
        (length("123456789012345678901234"), 413, "Content-Length is 123456789012345678901234, which"),
        (length("+5"), 400, "Content-Length is \"+5\", expected one number"),
        (length("5,5"), 400, "Content-Length is \"5,5\", expected one number"),
        (length("5, 6"), 400, "Content-Length is \"5, 6\", expected one number"),
        (length("5\r\nContent-Length: 6"), 400, "several header fields Content-Length that differ"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 505, "expected HTTP/1.1"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // A valid request before the refused one gets its own answer.
        stream.write_all((get("/", "") + &said).as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        let refusal = answer.strip_prefix("HTTP/1.1 404 ").and_then(|rest| rest.split_once("HTTP/1.1 "));
        let (_, refusal) = refusal.unwrap_or_else(|| panic!("{said:?}: {answer}"));
        assert!(refusal.starts_with(&status.to_string()) && refusal.contains(reason), "{said:?}: {refusal}");
        let (head, content) = refusal.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", content.len())), "{refusal}");
        assert!(head.contains("connection: close"), "{refusal}");
        let (server, status) =
            (format!(" 127.0.0.1 - - - {} - 127.0.0.1 - ", address.port()), format!(" {status} "));
        let row = tokio::time::timeout(Duration::from_secs(30), async {
            loop {
                service.flush_logs().await.unwrap();
                let rows = access_rows(&service).await;
                if let Some(row) = rows.into_iter().find(|row| row.contains(&server) && row.contains(&status))
                {
                    return row;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        row.await.expect("a row is written");
    }
}

#[tokio::test]
async fn a_request_with_two_lengths_is_refused_however_its_bytes_arrive() {
    let service = service_with(0).await;
    let (_server, address) = start(&service, ConnectionLimits::default()).await;
    let smuggled = get("/smuggled", "");
    let post = |fields: &str, body: &str| {
        format!("POST /RequestHandler/ucdevice.upx HTTP/1.1\r\nHost: x\r\n{fields}\r\n{body}")
    };
    let (length, chunked) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
    for fields in [[length, chunked].concat(), [chunked, length].concat()] {
        let both = post(&fields, &format!("0\r\n\r\n{smuggled}"));
        for (before, pieces) in [(0, 1), (0, both.len()), (2, 1)] {
            let said = get("/", "").repeat(before) + &both;
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            for piece in said.as_bytes().chunks(said.len().div_ceil(pieces)) {
                // The server closes the connection before it has read everything.
                let _sent = stream.write_all(piece).await;
                tokio::task::yield_now().await;
            }
            let answer = rest(&mut stream).await;
            assert_eq!(answer.matches("HTTP/1.1 404 ").count(), before, "{answer}");
            assert_eq!(answer.matches("HTTP/1.1 400 ").count(), 1, "{answer}");
            assert!(answer.contains("Content-Length and Transfer-Encoding"), "{answer}");
        }
    }
    // A body with one length may contain the name of the other one.
    for (fields, body) in [(chunked, "14\r\n\nContent-Length: 5\r\n\r\n0\r\n\r\n"), (length, "\nTE: ")] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(post(&format!("Connection: close\r\n{fields}"), body).as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(!answer.contains("Transfer-Encoding"), "{answer}");
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("close"), "{answer}");
    }
    service.flush_logs().await.unwrap();
    let rows = access_rows(&service).await;
    assert!(!rows.iter().any(|row| row.contains("smuggled")), "{rows:?}");
}

#[tokio::test]
async fn an_external_listener_refuses_internal_paths_and_an_internal_one_does_not() {
    let service = service_with(100).await;
    let mut endpoints = Vec::new();
    for side in [None, Some(Side::Internal), Some(Side::External)] {
        let endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        endpoints.push(endpoint.with_side(side));
    }
    let addresses: Vec<SocketAddr> = endpoints.iter().map(Endpoint::local).collect();
    let _server = Server::start(endpoints, intake(&service, ConnectionLimits::default()));
    for (address, expected) in addresses.into_iter().zip(["200", "200", "403"]) {
        for path in [
            IMAGE,
            "/deviceupdatefiles_INT/OCInterim/ENU/CPE.nbt",
            "/DeviceUpdateFiles%5FInt/OCInterim/ENU/CPE.nbt",
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(get(path, "Connection: close\r\n").as_bytes()).await.unwrap();
            let answer = rest(&mut stream).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{path}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_reader_who_takes_nothing_does_not_hold_a_connection_for_ever() {
    let limits =
        ConnectionLimits { connections: 1, stall: Duration::from_millis(300), ..ConnectionLimits::default() };
    let (_server, address) = server(limits, 8 * 1024 * 1024).await;
    let mut idler = slow_reader(address).await;
    idler.write_all(get(IMAGE, "").as_bytes()).await.unwrap();
    let mut next = TcpStream::connect(address).await.unwrap();
    next.write_all(get("/", "Connection: close\r\n").as_bytes()).await.unwrap();
    assert!(rest(&mut next).await.starts_with("HTTP/1.1 404 "), "the idler's place is free");
    drop(idler);
}

#[tokio::test]
async fn what_is_not_finished_in_time_is_cut_and_counted() {
    let (server, address) = server(ConnectionLimits::default(), 8 * 1024 * 1024).await;
    let mut unused = TcpStream::connect(address).await.unwrap();
    let mut slow = slow_reader(address).await;
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
    let (server, address) = server(ConnectionLimits::default(), 0).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(get("/", "").as_bytes()).await.unwrap();
    idle.readable().await.unwrap();
    let begin = Instant::now();
    assert_eq!(server.shutdown(std::future::pending()).await, 0);
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_request_that_waits_for_log_room_is_answered_at_once_when_the_server_ends() {
    let store = Faulty::new(MemoryStore::default());
    let roll = RollOptions::default().with_pending(10, 1 << 20).unwrap();
    let logs = LogOptions::new("here".parse().unwrap())
        .with_roll(roll)
        .with_full(FullLog::Block { at_most: Duration::from_secs(3600) });
    let options = Options::serving(BaseUrls::new("http://127.0.0.1".parse().unwrap())).with_logs(logs);
    let service = UpdateService::open(Arc::new(store.clone()), options).await.unwrap();
    let (server, address) = start(&service, ConnectionLimits::default()).await;
    store.on(StoreCall::Create).below("Logs/").always(StoreFault::Unavailable);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(get("/a", "").repeat(6).as_bytes()).await.unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while service.waiting_log_rows() < 5 {
        assert!(Instant::now() < until, "half of the room is not taken");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (cut, answers) = tokio::join!(server.shutdown(std::future::pending()), rest(&mut stream));
    assert_eq!((cut, answers.matches("HTTP/1.1 404 ").count()), (0, 6), "{answers}");
    store.heal();
    service.shutdown().await.unwrap();
    let rows = access_rows(&service).await;
    assert_eq!(rows.iter().filter(|row| row.contains(" /a ")).count(), 6, "{rows:?}");
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_sends_far_more_than_is_read() {
    let (_server, address) = server(ConnectionLimits::default(), 0).await;
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

#[test]
fn the_task_of_a_connection_without_tls_is_small() {
    fn size_of_task<A, B, C, D, E, F, Task>(_: impl Fn(A, B, C, D, E, F) -> Task) -> usize {
        size_of::<Task>()
    }
    assert!(size_of_task(serve) <= 4096, "{} bytes", size_of_task(serve));
}
