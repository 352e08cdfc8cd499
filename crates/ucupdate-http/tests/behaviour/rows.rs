//! Tests the access row of each answer.

use crate::fixture::{INTERIM_IMAGE, Server, connection, moment, urls, vector};
use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::FutureExt as _;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use ucupdate::audit::RollOptions;
use ucupdate::{FullLog, LogOptions, Options};
use ucupdate_http::HttpOptions;
use ucupdate_testkit::faulty::{StoreCall, StoreFault};

#[tokio::test]
async fn a_row_says_all_that_is_known_of_an_exchange() {
    let server = Server::start().await;
    let request = Request::post("/requestHandler/ucdevice.upx?a=%20b&c")
        .header("user-agent", "Microsoft UCPhone Device")
        .extension(connection(443).with_user("DEMO\\OCPhone"))
        .body(Body::from(vector("canonical-request.xml")))
        .unwrap();
    server.answer(request).await;
    let rows = server.access_lines().await;
    let expected = "2009-03-06 16:00:51 10.1.1.90 POST /requestHandler/ucdevice.upx a=%20b&c 443 DEMO\\OCPhone \
                    10.1.1.123 Microsoft+UCPhone+Device 200 0 0";
    assert_eq!(rows.iter().map(|row| row.rsplit_once(' ').unwrap().0).collect::<Vec<_>>(), [expected]);
}

#[tokio::test]
async fn what_is_not_known_is_a_dash_and_what_is_not_found_has_the_error_of_windows() {
    let server = Server::start().await;
    server.get("/a%20b+c").await;
    let row = &server.access_lines().await[0];
    assert!(row.starts_with("2009-03-06 16:00:51 - GET /a+b%2Bc - - - - - 404 0 2 "), "{row}");
}

#[tokio::test(start_paused = true)]
async fn a_row_is_stamped_when_the_answer_is_over() {
    let server = Server::start().await;
    let response = server.send(Request::get(INTERIM_IMAGE).body(Body::empty()).unwrap()).await;
    server.clock.set(moment("2009-03-06 17:12:57"));
    tokio::time::advance(Duration::from_millis(137_810)).await;
    response.into_body().collect().await.unwrap();
    let row = server.access_row().await;
    assert_eq!(row.finished_at, moment("2009-03-06 17:12:57"));
    assert_eq!(row.time_taken_ms, Some(137_810));
    assert_eq!((row.status, row.sub_status, row.win32_status), (Some(200), Some(0), Some(0)));
}

#[tokio::test]
async fn a_row_is_left_once_and_by_the_last_byte() {
    let server = Server::start().await;
    let response = server.send(Request::get(INTERIM_IMAGE).body(Body::empty()).unwrap()).await;
    let mut body = response.into_body();
    while body.frame().await.is_some() {}
    assert_eq!(server.access_lines().await.len(), 1, "before it is dropped");
    drop(body);
    assert_eq!(server.access_lines().await.len(), 1);
}

#[tokio::test]
async fn answers_without_a_body_leave_their_rows() {
    let server = Server::start().await;
    let head = Request::head(INTERIM_IMAGE).body(Body::empty()).unwrap();
    let unchanged = Request::get(INTERIM_IMAGE).header("if-none-match", "*").body(Body::empty()).unwrap();
    for request in [head, unchanged] {
        server.answer(request).await;
    }
    let rows = server.access_lines().await;
    assert_eq!(rows.len(), 2);
    assert!(rows[0].contains(" HEAD ") && rows[0].contains(" 200 0 0 "), "{}", rows[0]);
    assert!(rows[1].contains(" GET ") && rows[1].contains(" 304 0 0 "), "{}", rows[1]);
}

#[tokio::test]
async fn an_answer_that_was_not_taken_whole_is_a_connection_gone() {
    let server = Server::start().await;
    let whole = |fault: Option<StoreFault>| {
        if let Some(fault) = fault {
            server.fail(fault);
        }
        server.send(Request::get(INTERIM_IMAGE).body(Body::empty()).unwrap())
    };
    drop(whole(None).await);
    let broken = whole(Some(StoreFault::BreaksOff(2000))).await;
    assert_eq!(broken.status(), StatusCode::OK);
    assert!(broken.into_body().collect().await.is_err());
    for row in server.access_lines().await {
        assert!(row.contains(" 200 0 64 "), "{row}");
    }
    assert_eq!(server.access_lines().await.len(), 2);
}

#[tokio::test]
async fn no_request_forges_or_bloats_a_row() {
    let server = Server::start().await;
    let agent = http::HeaderValue::from_bytes(b"x 200 0 0 1\t\xff#").unwrap();
    let path = format!("/%0A2009-03-06%20forged?{}", "q".repeat(60_000));
    let request = Request::get(path).header("user-agent", agent).body(Body::empty()).unwrap();
    server.answer(request).await;
    let rows = server.access_lines().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].split(' ').count(), 14, "{}", rows[0]);
    assert!(rows[0].len() < 5000, "{}", rows[0].len());
}

#[tokio::test]
async fn a_connection_comes_from_axum_unless_a_layer_in_front_has_put_one() {
    let server = Server::start().await;
    let peer: SocketAddr = "[::ffff:10.1.1.7]:49152".parse().unwrap();
    for connection in [None, Some(connection(80))] {
        let mut request = Request::get("/nothing").extension(ConnectInfo(peer)).body(Body::empty()).unwrap();
        if let Some(connection) = connection {
            request.extensions_mut().insert(connection);
        }
        server.answer(request).await;
    }
    let clients: Vec<String> =
        server.access_lines().await.iter().map(|row| row.split(' ').nth(8).unwrap().to_owned()).collect();
    assert_eq!(clients, ["10.1.1.7", "10.1.1.123"]);
}

/// A server whose store takes no log rows, and which has room for ten rows of each log.
async fn without_room(full: FullLog) -> Server {
    let roll = RollOptions::default().with_pending(10, 1 << 20).unwrap();
    let logs = LogOptions::new("OCS".parse().unwrap()).with_roll(roll).with_full(full);
    let server = Server::with_logs(Options::serving(urls()), logs, HttpOptions::default()).await;
    server.store.on(StoreCall::Create).below("Logs/").always(StoreFault::Unavailable);
    server
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_room_for_its_row_if_the_options_say_so() {
    let server = without_room(FullLog::Block { at_most: Duration::from_secs(3600) }).await;
    for _ in 0..5 {
        assert_eq!(server.get("/a").now_or_never().unwrap().status, StatusCode::NOT_FOUND);
    }
    let mut waiting = pin!(server.get("/a"));
    assert!((&mut waiting).now_or_never().is_none(), "half of the room is taken");
    server.store.heal();
    let (answered, _) = tokio::join!(waiting, server.access_lines());
    assert_eq!(answered.status, StatusCode::NOT_FOUND);
    assert_eq!(server.access_lines().await.len(), 6);
    assert_eq!(server.service.dropped_log_rows(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_finds_no_room_in_time_is_answered() {
    let at_most = Duration::from_secs(3);
    for (full, longest) in [(FullLog::DropCounted, Duration::ZERO), (FullLog::Block { at_most }, 7 * at_most)]
    {
        let server = without_room(full).await;
        let begun = tokio::time::Instant::now();
        for _ in 0..12 {
            assert_eq!(server.get("/a").await.status, StatusCode::NOT_FOUND);
        }
        // The clock of the test is paused, so this is the time that the requests slept.
        assert_eq!(begun.elapsed().as_secs(), longest.as_secs());
        assert_eq!(server.service.dropped_log_rows(), 2);
    }
}
