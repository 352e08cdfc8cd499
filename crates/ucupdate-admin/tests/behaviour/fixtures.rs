//! A service with the sample package, three administrators, and a client.

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;
use tempfile::TempDir;
use tower::ServiceExt as _;
use ucupdate::cab::package::sample;
use ucupdate::store::{MemoryStore, stream_of};
use ucupdate::value::UnixTime;
use ucupdate::{BaseUrls, Event, Events, LogOptions, Options, UpdateService};
use ucupdate_admin::{
    AdminLimits, AdminOptions, AdminRole, Administration, LiveEvents, RemoteAddress, TokenFile,
};

/// Images in tests are small.
pub(crate) const IMAGE_BYTES: usize = 4096;

/// The first rule of the sample package.
pub(crate) const RULE: &str = "UCPhone/LG-Nortel/IP8540/A/ENU/CPE";

/// The refused logins, as texts of all their fields.
#[derive(Debug, Default)]
pub(crate) struct Refused(pub(crate) Mutex<Vec<String>>);

impl Events for Refused {
    fn on_event(&self, event: &Event<'_>) {
        if let Event::LoginRefused { .. } = event {
            self.0.lock().unwrap().push(format!("{event:?}"));
        }
    }
}

/// The side of administrators, and the tokens of its people.
pub(crate) struct Site {
    pub(crate) administration: Administration,
    pub(crate) refused: Arc<Refused>,
    pub(crate) live: LiveEvents,
    pub(crate) tokens: TokenFile,
    /// The tokens of `vic`, a viewer; `olga`, an operator; `ann` and `bob`, approvers.
    pub(crate) vic: String,
    pub(crate) olga: String,
    pub(crate) ann: String,
    pub(crate) bob: String,
    _folder: TempDir,
}

/// An answer that was read whole.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) status: StatusCode,
    pub(crate) head: http::HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Read {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {:?}", self.bytes))
    }

    /// The kind of a problem, which must be one.
    pub(crate) fn kind(&self) -> String {
        assert_eq!(self.head[header::CONTENT_TYPE], "application/problem+json", "{:?}", self.bytes);
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        problem["kind"].as_str().unwrap().to_owned()
    }

    pub(crate) fn etag(&self) -> String {
        self.head[header::ETAG].to_str().unwrap().to_owned()
    }
}

pub(crate) fn now() -> UnixTime {
    UnixTime::from(SystemTime::now())
}

impl Site {
    /// A side with the sample package pending.
    pub(crate) async fn with_sample() -> Self {
        let site = Self::with_limits(AdminLimits::default()).await;
        let cabinet = stream_of(sample::uc_updates(IMAGE_BYTES));
        site.service().admin("ann").ingest("UCUpdates.cab", cabinet, |_| {}).await.unwrap();
        site
    }

    pub(crate) async fn with_limits(limits: AdminLimits) -> Self {
        Self::with_options(AdminOptions::default().with_limits(limits)).await
    }

    pub(crate) async fn with_options(options: AdminOptions) -> Self {
        let (refused, live) = (Arc::new(Refused::default()), LiveEvents::new("ocs01"));
        let admin_options = options.with_live_events(live.clone());
        let logs = LogOptions::new("ocs01".parse().unwrap());
        let urls = BaseUrls::new("http://updates.contoso.com".parse().unwrap());
        let options = Options::serving(urls)
            .with_logs(logs)
            .with_events(refused.clone())
            .with_events(Arc::new(live.clone()));
        let service = UpdateService::open(Arc::new(MemoryStore::default()), options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tokens = TokenFile::open_or_new(folder.path().join("tokens.json")).unwrap();
        let add = |name, role| tokens.add(name, role, None, now()).unwrap().reveal().to_owned();
        let (vic, olga) = (add("vic", AdminRole::Viewer), add("olga", AdminRole::Operator));
        let (ann, bob) = (add("ann", AdminRole::Approver), add("bob", AdminRole::Approver));
        let hook = TokenFile::open(tokens.path()).unwrap();
        let administration = Administration::with_options(service, hook, admin_options);
        Self { administration, refused, live, tokens, vic, olga, ann, bob, _folder: folder }
    }

    pub(crate) fn service(&self) -> &UpdateService {
        self.administration.service()
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Read {
        let response = self.administration.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Read { status: head.status, head: head.headers, bytes }
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Read {
        self.send(request("GET", path, token, &[], Bytes::new())).await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, fields: &[(&str, &str)], body: Value) -> Read {
        let mut fields = fields.to_vec();
        fields.push(("content-type", "application/json"));
        self.send(request("POST", path, token, &fields, body.to_string().into())).await
    }

    pub(crate) async fn upload(
        &self,
        token: &str,
        query: &str,
        fields: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Read {
        let mut fields = fields.to_vec();
        fields.push(("content-type", "application/octet-stream"));
        let path = format!("/api/v1/packages?file_name=UCUpdates.cab{query}");
        self.send(request("POST", &path, token, &fields, body.into())).await
    }
}

pub(crate) fn request(
    method: &str,
    path: &str,
    token: &str,
    fields: &[(&str, &str)],
    body: Bytes,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Full::new(body)).unwrap();
    request.extensions_mut().insert(RemoteAddress(IpAddr::from([10, 0, 0, 1])));
    request
}
