//! `--server`: a store that is reached through the administrators' side of a server.
//!
//! [`RemoteStore`] is an [`ImageStore`], so every verb that works on a store works here too, with the same output. Objects are
//! read as they are. Writing is narrow: a revision is submitted, and the server makes it only if its own result is the same and
//! the role of the token allows the command. Files of an ingest are uploaded before the revision that names them. Everything else
//! that a store is asked to write is done by the server itself, or refused.

use crate::failure::{Failure, FailureKind};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use std::fmt::{self, Display};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use ucupdate::store::{ByteStream, ImageStore, Object, ObjectMeta, StoreError, StoreKey};

/// The largest file with a token.
const MAX_TOKEN_BYTES: usize = 4096;

/// The time for a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// The characters that are encoded in a key, which is one segment of a path.
const ENCODED: &percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC;

/// A server and the token for it, from the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct RemoteArgs {
    /// Work on the store of this server, through its listener for administrators, such as `https://updates.contoso.com:8081/`
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<Url>,
    /// The file with the token for --server, one line. The name of the token is the author of changes
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Trust the certificates in this PEM file for --server, in addition to those of the system
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// The store of a server.
pub(crate) struct RemoteStore {
    http: reqwest::Client,
    base: Url,
    bearer: String,
    /// The name of the token.
    pub(crate) author: String,
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteStore").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl RemoteStore {
    /// Connects to a server, and asks who the token is.
    ///
    /// # Errors
    /// When the token cannot be read, when it would cross a network without TLS, or when the server refuses it.
    pub(crate) async fn open(args: &RemoteArgs) -> Result<Self, Failure> {
        let (Some(url), Some(token_file)) = (&args.server, &args.token_file) else {
            return Err(Failure::usage("--server needs --token-file with the token of an administrator"));
        };
        let mut base = url.clone();
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", url.path()));
        }
        if base.scheme() != "https" && !is_local(&base) {
            return Err(Failure::usage(format_args!(
                "--server {base}: the token would cross the network without TLS, expected an https address"
            )));
        }
        let bearer = format!("Bearer {}", read_token(token_file)?);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(args.ca_file.as_deref())?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIME)
            .user_agent(concat!("ucupdate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::in_doing("setting up the client", &error))?;
        let mut store = Self { http, base, bearer, author: String::new() };
        let overview =
            store.json(Method::GET, "overview").await.map_err(|refused| refused.into_failure(&store.base))?;
        let author = overview["administrator"]["name"].as_str().unwrap_or_default().to_owned();
        if author.is_empty() {
            return Err(Failure::not_understood(format_args!(
                "{} is not the administrators' side of this program",
                store.base
            )));
        }
        store.author = author;
        Ok(store)
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Refused> {
        let url = self.base.join(&format!("api/v1/{path}"));
        let url = url.map_err(|error| Refused::Connection(Box::new(error)))?;
        Ok(self.http.request(method, url).header("authorization", &self.bearer))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Refused> {
        let response =
            request.send().await.map_err(|error| Refused::Connection(error.without_url().into()))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.unwrap_or_default();
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let field = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        Err(Refused::Answer { status, kind: field("kind"), detail: field("detail") })
    }

    async fn json(&self, method: Method, path: &str) -> Result<Value, Refused> {
        let response = self.send(self.request(method, path)?).await?;
        let text = response.text().await.map_err(|error| Refused::Connection(error.without_url().into()))?;
        serde_json::from_str(&text).map_err(|error| Refused::Connection(error.into()))
    }
}

/// A request that was not answered as it should be.
#[derive(Debug)]
enum Refused {
    Connection(Box<dyn std::error::Error + Send + Sync>),
    Answer { status: StatusCode, kind: String, detail: String },
}

impl Refused {
    fn reason(&self) -> String {
        match self {
            Self::Connection(error) => ucupdate::store::error_chain(&**error),
            Self::Answer { status, detail, .. } if detail.is_empty() => {
                format!("the server answered {status}, expected the administrators' side of this program")
            }
            Self::Answer { detail, .. } => detail.clone(),
        }
    }

    fn into_failure(self, server: &Url) -> Failure {
        Failure::Explained(FailureKind::Refused, format!("{server}: {}", self.reason()))
    }

    fn into_store(self, key: Option<&StoreKey>, doing: impl Display) -> StoreError {
        let reason = self.reason();
        match (self, key) {
            // An earlier program has no objects, which must not look like an empty store.
            (Self::Answer { status, kind, .. }, Some(key))
                if status == StatusCode::NOT_FOUND && kind != "nothing-here" =>
            {
                StoreError::NotFound { key: key.clone() }
            }
            (Self::Answer { kind, .. }, Some(key)) if kind == "revision-exists" => {
                StoreError::AlreadyExists { key: key.clone() }
            }
            (Self::Answer { status, .. }, _) if status != StatusCode::SERVICE_UNAVAILABLE => {
                StoreError::Refused { reason: reason.into() }
            }
            (_, _) => StoreError::unavailable(doing.to_string(), reason),
        }
    }
}

#[async_trait]
impl ImageStore for RemoteStore {
    /// Submits a revision. Nothing else is created in a store by a command.
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        if !key.as_str().starts_with("state/revisions/") {
            return Err(not_remote(key));
        }
        let doing = format!("submitting `{key}`");
        let sent = async {
            let request = self.request(Method::POST, "revisions")?;
            self.send(request.header("content-type", "application/json").body(bytes)).await
        };
        sent.await.map(drop).map_err(|refused| refused.into_store(Some(key), doing))
    }

    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        let doing = format!("writing `{key}`");
        let failed = |refused: Refused| refused.into_store(Some(key), &doing);
        // The time of the store is that of the server, which writes probes and checkpoints itself.
        if key.as_str().starts_with("state/probes/") {
            let page = self.json(Method::GET, "objects?prefix=state/probes/").await.map_err(failed)?;
            return Ok(ObjectMeta::new(key.clone(), 0, time(page["now"].as_str())));
        }
        if !key.as_str().starts_with("images/") {
            return Err(not_remote(key));
        }
        let sent = async {
            let request = self.request(Method::PUT, &object(key))?;
            let body = reqwest::Body::wrap_stream(bytes);
            self.send(request.header("content-type", "application/octet-stream").body(body)).await
        };
        let response = sent.await.map_err(failed)?;
        let text = response.text().await.map_err(|error| StoreError::unavailable(doing.clone(), error))?;
        let meta: Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(ObjectMeta::new(key.clone(), meta["size"].as_u64().unwrap_or(0), time(meta["modified"].as_str())))
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        let doing = format!("reading `{key}`");
        let path = match &range {
            None => object(key),
            Some(range) => format!("{}?from={}&to={}", object(key), range.start, range.end),
        };
        let sent = async { self.send(self.request(Method::GET, &path)?).await };
        let response = match sent.await {
            Ok(response) => response,
            Err(Refused::Answer { status, .. }) if status == StatusCode::RANGE_NOT_SATISFIABLE => {
                let size = self.head(key).await?.size;
                return Err(StoreError::InvalidRange {
                    key: key.clone(),
                    range: range.unwrap_or(0..0),
                    size,
                });
            }
            Err(refused) => return Err(refused.into_store(Some(key), doing)),
        };
        let meta = meta_of(key, &response)?;
        let range = meta.resolve(range)?;
        let bytes = response.bytes_stream().map_err(|error| io::Error::other(error.without_url()));
        Ok(Object::new(meta, range, Box::pin(bytes)))
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        let sent = async { self.send(self.request(Method::HEAD, &object(key))?).await };
        let response =
            sent.await.map_err(|refused| refused.into_store(Some(key), format!("looking for `{key}`")))?;
        meta_of(key, &response)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        if key.as_str().starts_with("state/probes/") || key.as_str().starts_with("state/checkpoints/") {
            return Ok(());
        }
        let sent = async { self.send(self.request(Method::DELETE, &object(key))?).await };
        match sent.await.map(drop) {
            Err(refused) => Err(refused.into_store(None, format!("deleting `{key}`"))),
            Ok(()) => Ok(()),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        let doing = format!("listing `{prefix}`");
        let mut path = format!("objects?prefix={}", encoded(prefix));
        if let Some(after) = after {
            path.push_str(&format!("&after={}", encoded(after.as_str())));
        }
        let page = self.json(Method::GET, &path).await.map_err(|refused| refused.into_store(None, &doing))?;
        let objects = page["objects"].as_array().map(Vec::as_slice).unwrap_or_default();
        let metas = objects.iter().filter_map(|object| {
            let key = StoreKey::parse(object["key"].as_str()?).ok()?;
            Some(ObjectMeta::new(key, object["size"].as_u64()?, time(object["modified"].as_str())))
        });
        Ok(metas.collect())
    }
}

fn not_remote(key: &StoreKey) -> StoreError {
    let reason = format!("`{key}` is not written from another machine; use the command on the server");
    StoreError::Refused { reason: reason.into() }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, ENCODED).to_string()
}

fn object(key: &StoreKey) -> String {
    format!("objects/{}", encoded(key.as_str()))
}

fn meta_of(key: &StoreKey, response: &Response) -> Result<ObjectMeta, StoreError> {
    let field = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let size = field("ucupdate-size").and_then(|size| size.parse().ok()).ok_or_else(|| {
        let found = "the answer of the server has no size, expected the field ucupdate-size".into();
        StoreError::Integrity { key: key.clone(), found }
    })?;
    Ok(ObjectMeta::new(key.clone(), size, time(field("ucupdate-modified"))))
}

/// Reads a time in nanoseconds since 1970.
fn time(nanos: Option<&str>) -> SystemTime {
    let nanos: u64 = nanos.and_then(|nanos| nanos.parse().ok()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn is_local(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        None => false,
    }
}

fn read_token(path: &Path) -> Result<String, Failure> {
    let in_file = |error: &io::Error| Failure::in_doing(path.display(), error);
    let bytes = std::fs::read(path).map_err(|error| in_file(&error))?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let token = text.trim();
    let is_token = token.len() <= MAX_TOKEN_BYTES && token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.is_empty() || !is_token || token.starts_with('{') {
        return Err(Failure::not_understood(format_args!(
            "{}: no token, expected the one line that `ucupdate token add` writes",
            path.display()
        )));
    }
    Ok(token.to_owned())
}

/// Returns TLS settings that trust the certificates of the system and those of a file.
fn tls(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, Failure> {
    let mut extra = Vec::new();
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|error| Failure::in_doing(path.display(), &error))?;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        extra = read.ok().filter(|read| !read.is_empty()).ok_or_else(|| {
            Failure::not_understood(format_args!("{}: no certificate in it, expected PEM", path.display()))
        })?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::in_doing("setting up TLS", &error))?;
    let roots = |extra: &[CertificateDer<'static>]| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(extra.iter().cloned());
        roots
    };
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra.clone(), provider);
    Ok(match verifier {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        // A minimal container has no certificates of its own.
        Err(_) => builder.with_root_certificates(roots(&extra)),
    }
    .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_crosses_a_network_only_with_tls() {
        for (url, local) in [
            ("http://127.0.0.1:8081/", true),
            ("http://[::1]:8081/", true),
            ("http://localhost/", true),
            ("http://127.0.0.1.contoso.com/", false),
            ("http://updates.contoso.com/", false),
        ] {
            assert_eq!(is_local(&url.parse().unwrap()), local, "{url}");
        }
    }

    #[test]
    fn a_key_is_one_segment() {
        let key = StoreKey::parse("state/revisions/1.json").unwrap();
        assert_eq!(object(&key), "objects/state%2Frevisions%2F1%2Ejson");
    }

    #[test]
    fn a_file_of_hashed_tokens_is_no_token() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("token");
        for (text, is_token) in [("ucu_1234\n", true), ("", false), ("{\n}", false), ("a b", false)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read_token(&path).is_ok(), is_token, "{text:?}");
        }
    }
}
