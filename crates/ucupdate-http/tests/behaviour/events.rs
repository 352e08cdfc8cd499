//! The events that the HTTP side reports.

use crate::fixture::{INTERIM_IMAGE, Server, connection, interim_image, urls, vector};
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use std::sync::{Arc, Mutex};
use ucupdate::{Event, Events, Options};
use ucupdate_http::HttpOptions;
use ucupdate_testkit::faulty::StoreFault;

/// Keeps one line for each event of a request.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<String>>);

impl Events for Recorder {
    fn on_event(&self, event: &Event<'_>) {
        let detail = match event {
            Event::RequestAnswered { asker, revision, .. } => format!("{} {revision}", asker.host),
            Event::RequestRefused { host, method, path, status, reason } => {
                format!("{host} {method} {path} {status} {reason}")
            }
            Event::RequestUnreadable { host, error, body, .. } => format!("{host} {} {error}", body.len()),
            Event::ExchangeFinished { row, sent, .. } => {
                format!("{} {} {sent}", row.uri_stem.as_logged(), row.status.unwrap())
            }
            Event::FetchStarted { file, host } => format!("{host} {}", file.path),
            Event::FileFetched { file, outcome, bytes, .. } => {
                format!("{} {} {bytes}", file.path, outcome.name())
            }
            _ => return,
        };
        self.0.lock().unwrap().push(format!("{} {detail}", event.kind()));
    }
}

async fn server() -> (Server, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let options = Options::serving(urls()).with_events(recorder.clone());
    (Server::with_service(options, HttpOptions::default()).await, recorder)
}

impl Recorder {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

const HANDLER: &str = "/RequestHandler/ucdevice.upx";

fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post(HANDLER).extension(connection(80)).body(body.into()).unwrap()
}

#[tokio::test]
async fn an_answer_is_reported_and_then_its_exchange() {
    let (server, recorder) = server().await;
    let answer = server.answer(post(vector("canonical-request.xml"))).await;
    let length = answer.body.len();
    let expected =
        ["request-answered 10.1.1.123 1".to_owned(), format!("exchange-finished {HANDLER} 200 {length}")];
    assert_eq!(recorder.take(), expected);
}

#[tokio::test]
async fn a_body_that_is_not_a_request_is_unreadable_and_refused() {
    let (server, recorder) = server().await;
    let answer = server.answer(post("not xml")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let (reason, length) = (answer.text().trim_end(), answer.body.len());
    let expected = [
        format!("request-unreadable 10.1.1.123 7 {reason}"),
        format!("request-refused 10.1.1.123 POST {HANDLER} 400 {reason}"),
        format!("exchange-finished {HANDLER} 400 {length}"),
    ];
    assert_eq!(recorder.take(), expected);
}

#[tokio::test]
async fn a_body_with_a_content_coding_is_unreadable_and_the_refusal_says_what_to_do() {
    let (server, recorder) = server().await;
    let coded = |body: &'static [u8]| {
        let request = Request::post(HANDLER).extension(connection(80)).header("content-encoding", "gzip");
        request.body(Body::from(body)).unwrap()
    };
    let answer = server.answer(coded(b"\x1f\x8b\x08\0\0\0\0\0")).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let reason =
        "the body has the content coding \"gzip\", expected none; a proxy in front of the server can undo it";
    assert_eq!(answer.text().trim_end(), reason);
    let events = recorder.take();
    assert_eq!(events[0], format!("request-unreadable 10.1.1.123 8 {reason}"));
    assert_eq!(events[1], format!("request-refused 10.1.1.123 POST {HANDLER} 415 {reason}"));
}

#[tokio::test]
async fn a_download_beyond_the_limit_is_refused_with_its_wait_and_polls_are_answered() {
    let recorder = Arc::new(Recorder::default());
    let options = Options::serving(urls()).with_events(recorder.clone());
    let server = Server::with_service(options, HttpOptions::default().with_downloads(1, 1)).await;
    let get = || Request::get(INTERIM_IMAGE).extension(connection(80)).body(Body::empty()).unwrap();
    let first = server.send(get()).await;
    let mut waits = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let refused = server.answer(get()).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        waits.insert(refused.header("retry-after").parse::<u64>().unwrap());
        let poll = server.answer(post(vector("canonical-request.xml"))).await;
        assert_eq!(poll.status, StatusCode::OK);
    }
    assert!(waits.len() == 3 && waits.iter().all(|wait| (30..=90).contains(wait)), "{waits:?}");
    let reported = recorder.take();
    let reason = "too many files are being downloaded, try again later";
    assert!(
        reported.contains(&format!("request-refused 10.1.1.123 GET {INTERIM_IMAGE} 503 {reason}")),
        "{reported:?}"
    );
    assert!(reported.iter().any(|line| line.starts_with(&format!("exchange-finished {INTERIM_IMAGE} 503 "))));
    drop(first);
    assert_eq!(server.answer(get()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_path_that_is_not_served_is_refused() {
    let (server, recorder) = server().await;
    server.get("/nowhere%20").await;
    let refused = "request-refused  GET /nowhere%20 404 nothing is served at this path";
    assert_eq!(recorder.take()[0], refused);
}

#[tokio::test]
async fn a_fetch_of_a_whole_file_a_part_and_one_that_breaks_off_are_told_apart() {
    let (server, recorder) = server().await;
    let whole = interim_image().len();
    server.get_interim(&[]).await;
    server.get_interim(&[("range", "bytes=0-9")]).await;
    let started = "fetch-started  OCInterim/ENU/CPE.nbt".to_owned();
    let fetched = |outcome, bytes| format!("file-fetched OCInterim/ENU/CPE.nbt {outcome} {bytes}");
    let finished = |status, bytes| format!("exchange-finished {INTERIM_IMAGE} {status} {bytes}");
    let expected = [
        started.clone(),
        fetched("whole", whole),
        finished(200, whole),
        started.clone(),
        fetched("part", 10),
        finished(206, 10),
    ];
    assert_eq!(recorder.take(), expected);
    server.fail(StoreFault::BreaksOff(2000));
    let response = server.send(Request::get(INTERIM_IMAGE).body(Body::empty()).unwrap()).await;
    response.into_body().collect().await.unwrap_err();
    assert_eq!(recorder.take(), [started, fetched("failed", whole / 2), finished(200, whole / 2)]);
}

#[tokio::test]
async fn head_conditions_and_files_that_cannot_be_opened_are_not_fetches() {
    let (server, recorder) = server().await;
    server.answer(Request::head(INTERIM_IMAGE).body(Body::empty()).unwrap()).await;
    let etag = server.get_interim(&[]).await.header("etag").to_owned();
    recorder.take();
    server.get_interim(&[("if-none-match", &etag)]).await;
    server.fail(StoreFault::Unavailable);
    server.get_interim(&[]).await;
    assert!(recorder.take().iter().all(|line| !line.starts_with("fetch-started")));
}
