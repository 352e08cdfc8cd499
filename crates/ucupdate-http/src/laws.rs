//! Laws: properties that hold for any bytes on a connection. Fuzz targets and tests call these
//! functions; programs do not need them.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use crate::options::HttpOptions;
use crate::request::authenticate::{Authenticate, Verdict};
use crate::request::connection::Connection;
use crate::service::DeviceUpdates;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header, request};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Runtime;
use tower_service::Service as _;
use ucupdate::audit::{AccessReader, AccessRow, AuditReader};
use ucupdate::book::BookCommand;
use ucupdate::cab::package::sample;
use ucupdate::store::{ImageStore, ImageStoreExt as _, MemoryStore, StoreKey, stream_of};
use ucupdate::value::UnixTime;
use ucupdate::{BaseUrls, LogOptions, Options, SettableClock, UpdateService};

/// The largest number of bytes of one fuzz input that the check sends to the server. The rest of
/// the input is ignored.
const MAX_BYTES: usize = 128 * 1024;

/// Size of each image of the sample package, in bytes.
const IMAGE_BYTES: usize = 400;

/// The statuses with which a server may answer while its store works.
const STATUSES: [u16; 13] = [200, 206, 304, 400, 401, 403, 404, 405, 412, 413, 415, 416, 501];

/// The number of fuzz inputs that one server answers. For the next input a new server is made.
const INPUTS: i64 = 500;

const MILLIS_OF_A_DAY: i64 = 24 * 60 * 60 * 1000;

/// Sends `bytes` to a server on one connection, and checks the answers and the rows of the logs.
///
/// Each request gets a documented status and writes one access row with the same status. The audit log has at most one row for
/// each `POST`. No part of a request can add a row or a cell to a log.
///
/// The calls of one thread share a server. Each call sets the clock of the server to the next day,
/// so that the rows of the call get their own log files.
pub fn connection(bytes: &[u8]) {
    thread_local!(static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) });
    // The server is put back only if the check passes. After a failure the next call starts another
    // server.
    let server = SERVER.take().filter(|server| server.inputs < INPUTS);
    let mut server = server.unwrap_or_else(Server::start);
    let bytes = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    server.answer(bytes);
    SERVER.set(Some(server));
}

struct Server {
    runtime: Runtime,
    store: MemoryStore,
    clock: Arc<SettableClock>,
    service: UpdateService,
    updates: DeviceUpdates,
    inputs: i64,
}

impl Server {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime of one thread can be made");
        let store = MemoryStore::default();
        let clock = Arc::new(SettableClock::at(UnixTime::from_seconds(1_236_355_251)));
        let (service, updates) = runtime.block_on(async {
            let service = open(&store, Arc::clone(&clock)).await;
            let admin = service.admin("ann");
            let package = stream_of(sample::uc_updates(IMAGE_BYTES));
            admin.ingest("UCUpdates.cab", package, |_| {}).await.expect("the sample can be ingested");
            let rules: Vec<_> = service.snapshot().book().rules().map(|rule| rule.key().clone()).collect();
            admin.command(&BookCommand::Approve(rules)).await.expect("the sample can be approved");
            let options = HttpOptions::default().with_authenticate(AnyCredentials);
            let updates = DeviceUpdates::with_options(service.clone(), options);
            (service, updates.expect("the service has URLs"))
        });
        Self { runtime, store, clock, service, updates, inputs: 0 }
    }

    fn answer(&mut self, sent: &[u8]) {
        self.inputs += 1;
        self.clock.set(UnixTime::from_millis(self.service.now().as_millis() + MILLIS_OF_A_DAY));
        self.runtime.block_on(async {
            let answered = converse(sent, &self.updates).await;
            check(&answered, &self.service, &self.store).await;
        });
    }
}

async fn open(store: &MemoryStore, clock: Arc<SettableClock>) -> UpdateService {
    let origin = |text: &str| text.parse().expect("an origin");
    let urls = BaseUrls::new(origin("http://ocs.demo.local")).with_external(origin("https://ocs.demo.local"));
    let options = Options::serving(urls)
        .with_probe(None)
        .with_clock(clock)
        .with_logs(LogOptions::new("OCS".parse().expect("a name")));
    UpdateService::open(Arc::new(store.clone()), options).await.expect("the store can be opened")
}

async fn objects(store: &MemoryStore, prefix: &str) -> Vec<(StoreKey, Bytes)> {
    let mut objects = Vec::new();
    for meta in store.list(prefix, None).await.expect("a store in memory does not fail") {
        let bytes = store.get_bytes(&meta.key, 1 << 24).await.expect("a store in memory does not fail");
        objects.push((meta.key, bytes));
    }
    objects
}

/// Allows any credentials as the user `phone`, except the credentials `no`, which are forbidden.
struct AnyCredentials;

#[async_trait]
impl Authenticate for AnyCredentials {
    async fn authenticate(&self, request: &request::Parts) -> Verdict {
        match request.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes) {
            None => Verdict::Challenge { challenges: Vec::new() },
            Some(b"no") => Verdict::forbid("phone"),
            Some(_) => Verdict::allow("phone"),
        }
    }
}

/// The method and the path of a request, and the status of its answer.
struct AnsweredRequest {
    method: Method,
    path: String,
    status: u16,
}

/// Sends the bytes on one connection, and returns the requests that were answered.
async fn converse(sent: &[u8], updates: &DeviceUpdates) -> Vec<AnsweredRequest> {
    let answered = RefCell::new(Vec::new());
    let answer = service_fn(|mut request: Request<Incoming>| {
        let connection = Connection::from_remote([10, 1, 1, 123].into());
        request.extensions_mut().insert(connection.with_local(([10, 1, 1, 90], 80).into()));
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let mut updates = updates.clone();
        let answered = &answered;
        async move {
            let response = updates.call(request).await?;
            let status = response.status().as_u16();
            answered.borrow_mut().push(AnsweredRequest { method, path, status });
            // The whole body is taken here. So its row is written in full, whatever the client
            // does.
            let (head, body) = response.into_parts();
            let body = body.collect().await.expect("a healthy store delivers").to_bytes();
            Ok::<_, Infallible>(http::Response::from_parts(head, http_body_util::Full::new(body)))
        }
    });
    let (client, server) = tokio::io::duplex(64 * 1024);
    let (mut hear, mut say) = tokio::io::split(client);
    let serving = http1::Builder::new().half_close(true).serve_connection(TokioIo::new(server), answer);
    let mut heard = Vec::new();
    let speaking = async {
        // The server may end the connection before it has read everything.
        let _sent = say.write_all(sent).await;
        let _closed = say.shutdown().await;
    };
    let hearing = async {
        let _read = hear.read_to_end(&mut heard).await;
    };
    let (_ended, (), ()) = tokio::join!(serving, speaking, hearing);
    assert!(heard.is_empty() || heard.starts_with(b"HTTP/1."), "an answer begins with a status line");
    answered.into_inner()
}

async fn check(answered: &[AnsweredRequest], service: &UpdateService, store: &MemoryStore) {
    service.flush_logs().await.expect("a store in memory does not fail");
    for AnsweredRequest { method, path, status } in answered {
        assert!(STATUSES.contains(status), "{status} for {method} {path}");
    }
    let mut access = Vec::new();
    let mut audit = 0;
    for (key, log) in objects(store, "Logs/").await {
        store.delete(&key).await.expect("a store in memory does not fail");
        if key.starts_with("Logs/Server/Access") {
            let rows: Result<Vec<AccessRow>, _> = AccessReader::new(&log[..]).collect();
            access.extend(rows.expect("every access row can be read"));
        } else {
            let rows: Result<Vec<_>, _> = AuditReader::new(&log[..]).collect();
            audit += rows.expect("every audit row can be read").len();
        }
    }
    assert_eq!(access.len(), answered.len(), "an access row for each answer");
    for (row, answered) in access.iter().zip(answered) {
        assert_eq!(row.status, Some(answered.status));
        assert_eq!((&*row.client_ip.decoded(), &*row.server_ip.decoded()), ("10.1.1.123", "10.1.1.90"));
        assert!(matches!(&*row.user_name.decoded(), "" | "phone"));
    }
    let posts = answered.iter().filter(|one| one.method == Method::POST).count();
    assert!(audit <= posts, "{audit} audit rows for {posts} requests");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just("POST /RequestHandler/ucdevice.upx HTTP/1.1\r\n".to_owned()),
            Just("POST /RequestHandlerExt/ucdevice.upx HTTP/1.1\r\n".to_owned()),
            Just("GET /DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt HTTP/1.1\r\n".to_owned()),
            Just("Host: ocs\r\n".to_owned()),
            Just("Authorization: x\r\n".to_owned()),
            Just("Transfer-Encoding: chunked\r\n".to_owned()),
            "Content-Length: [0-9]{1,2}\r\n",
            "Range: bytes=[0-9]{0,3}-[0-9]{0,3}\r\n",
            Just("\r\n".to_owned()),
            "[0-9a-f]{1,2}\r\n",
            "<(Request|Model)>\\PC{0,8}",
            "\\PC{0,8}",
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_on_a_connection_keep_the_law(bytes in pieces()) {
            connection(&bytes);
        }
    }
}
