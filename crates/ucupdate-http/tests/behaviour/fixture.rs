//! A server on a store in memory with the sample packages, whose reads of images fail on request.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use std::ops::Range;
use std::sync::Arc;
use tower::ServiceExt as _;
use ucupdate::audit::AccessRow;
use ucupdate::cab::package::sample;
use ucupdate::request::{UpdateRequest, UpdateResponse};
use ucupdate::store::{ImageStore as _, ImageStoreExt as _, MemoryStore, StoreKey, stream_of};
use ucupdate::value::{FieldTime, Reported, UnixTime};
use ucupdate::{BaseUrls, LogOptions, Options, SettableClock, UpdateService};
use ucupdate_http::{Connection, DeviceUpdates, HttpOptions, router};
use ucupdate_testkit::faulty::{Faulty, StoreCall, StoreFault};
use ucupdate_testkit::field;

/// The path of the interim image of the sample package.
pub(crate) const INTERIM_IMAGE: &str = "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt";

/// The size of the sample's images in bytes.
pub(crate) const IMAGE_BYTES: usize = 4000;

/// Returns the interim image of the sample package.
pub(crate) fn interim_image() -> Vec<u8> {
    sample::image("OCInterim", IMAGE_BYTES)
}

/// A service with its store and clock, and its router.
pub(crate) struct Server {
    pub(crate) service: UpdateService,
    pub(crate) store: Faulty<MemoryStore>,
    pub(crate) clock: Arc<SettableClock>,
    pub(crate) app: axum::Router,
}

/// Returns the URLs of the original's audit log, with external URLs added.
pub(crate) fn urls() -> BaseUrls {
    BaseUrls::new("http://ocs.demo.local".parse().unwrap())
        .with_external("https://ocs.demo.local".parse().unwrap())
}

impl Server {
    /// Starts a server with the sample package ingested. Nothing is approved, and there are no test devices.
    pub(crate) async fn start() -> Self {
        Self::with_options(HttpOptions::default()).await
    }

    pub(crate) async fn with_options(options: HttpOptions) -> Self {
        Self::with(urls(), options).await
    }

    pub(crate) async fn with(urls: BaseUrls, options: HttpOptions) -> Self {
        Self::with_service(Options::serving(urls), options).await
    }

    /// Starts a server with these options. Logs and a clock are added to the options of the service.
    pub(crate) async fn with_service(service: Options, options: HttpOptions) -> Self {
        Self::with_logs(service, LogOptions::new("OCS".parse().unwrap()), options).await
    }

    pub(crate) async fn with_logs(service: Options, logs: LogOptions, options: HttpOptions) -> Self {
        let store = Faulty::new(MemoryStore::default());
        let clock = Arc::new(SettableClock::at(moment("2009-03-06 16:00:51")));
        let service =
            UpdateService::open(Arc::new(store.clone()), service.with_logs(logs).with_clock(clock.clone()))
                .await
                .unwrap();
        let package = stream_of(sample::uc_updates(IMAGE_BYTES));
        service.admin("admin").ingest("UCUpdates.cab", package, |_| {}).await.unwrap();
        let app = router(DeviceUpdates::with_options(service.clone(), options).unwrap());
        Self { service, store, clock, app }
    }

    /// Gives this fault to all reads of images.
    pub(crate) fn fail(&self, fault: StoreFault) {
        self.store.heal();
        self.store.on(StoreCall::Get).below("images/").always(fault);
    }

    pub(crate) async fn delete_images(&self) {
        self.store.heal();
        for meta in self.store.list_all("images/", 1000).await.unwrap() {
            self.store.delete(&meta.key).await.unwrap();
        }
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Response<Body> {
        let host = http::HeaderValue::from_static("ocs.demo.local");
        request.headers_mut().entry(http::header::HOST).or_insert(host);
        self.app.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request, and reads the whole response.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Answered {
        let (parts, body) = self.send(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answered { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.answer(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a `GET` of the interim image with these header fields.
    pub(crate) async fn get_interim(&self, fields: &[(&str, &str)]) -> Answered {
        self.answer(with_fields(Request::get(INTERIM_IMAGE), fields).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answered {
        self.answer(Request::post(path).body(body.into()).unwrap()).await
    }

    pub(crate) fn read(&self, answered: &Answered) -> UpdateResponse {
        self.service.codec().decode_response(&answered.body).unwrap().value
    }

    /// Flushes the logs, and returns a log file from the store.
    pub(crate) async fn log(&self, key: &str) -> String {
        self.service.flush_logs().await.unwrap();
        let bytes = self.store.get_bytes(&StoreKey::parse(key).unwrap(), 1 << 20).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// Returns the rows of the access log as text.
    pub(crate) async fn access_lines(&self) -> Vec<String> {
        let log = self.log("Logs/Server/Access/OCS_2009-03-06.log").await;
        log.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    pub(crate) async fn access_row(&self) -> AccessRow {
        let log = self.log("Logs/Server/Access/OCS_2009-03-06.log").await;
        let rows: Result<Vec<_>, _> = ucupdate::audit::AccessReader::new(log.as_bytes()).collect();
        let [row] = <[AccessRow; 1]>::try_from(rows.unwrap()).expect("one row");
        row
    }

    /// Returns the lines of the audit log without its header. Empty if there is no log.
    pub(crate) async fn audit_lines(&self) -> Vec<String> {
        self.service.flush_logs().await.unwrap();
        let key = "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_OCS_2009-03-06.log";
        if !self.store.exists(&StoreKey::parse(key).unwrap()).await.unwrap() {
            return Vec::new();
        }
        self.log(key).await.lines().skip(1).map(str::to_owned).collect()
    }
}

/// A response that was read to its end.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answered {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Returns a header field. Panics if it is missing.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }
}

/// Returns the phone of the field's audit log, with a version installed.
pub(crate) fn phone(version: &str, time_stamp: &str) -> UpdateRequest {
    let mut request = field::request(&field::rule(), version);
    request.modules[0].time_stamp = Reported::new(time_stamp);
    request
}

/// Returns a connection of the phone in `vectors/` to a port of its server.
pub(crate) fn connection(port: u16) -> Connection {
    Connection::from_remote("10.1.1.123".parse().unwrap()).with_local(([10, 1, 1, 90], port).into())
}

/// Returns the time `yyyy-MM-dd HH:mm:ss` in UTC.
pub(crate) fn moment(text: &str) -> UnixTime {
    let number = |range: Range<usize>| text[range].parse::<u8>().unwrap();
    let date = (text[..4].parse().unwrap(), number(5..7), number(8..10));
    FieldTime::new(date, (number(11..13), number(14..16), number(17..19))).unwrap().as_utc()
}

pub(crate) fn with_fields(
    builder: http::request::Builder,
    fields: &[(&str, &str)],
) -> http::request::Builder {
    fields.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value))
}

/// Returns the text of a file in `vectors/`.
pub(crate) fn vector(name: &str) -> String {
    String::from_utf8(ucupdate_testkit::field::vector(name)).unwrap()
}
