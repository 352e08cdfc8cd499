//! The option `--server`: a store on another machine, which is reached through the administrators'
//! side of a server.
//!
//! [`RemoteStore`] is an [`ImageStore`], so every verb that works on a store works here too, with
//! the same output. Objects are read as they are stored.
//!
//! Writing is limited. A revision is submitted. The server stores it only if its own result is the
//! same and the role of the token allows the command. Files of an ingest are uploaded before the
//! revision that names them. All other writes are done by the server itself, or are refused.

mod answer;
pub(crate) mod tls;

use crate::failure::Failure;
use crate::files;
use answer::{AnswerLimits, RequestFailure};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use ucupdate::store::{ByteStream, ImageStore, Object, ObjectMeta, StoreError, StoreKey};

/// The largest size of a token in bytes.
const MAX_TOKEN_BYTES: usize = 4096;

/// The largest size of a file with a token in bytes.
const MAX_TOKEN_FILE_BYTES: usize = 64 * 1024;

/// The longest time for opening a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// The characters that are percent-encoded in a store key. An encoded key is one segment of a URL
/// path.
const ENCODED: &percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC;

/// A server and the token for it, from the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct RemoteArgs {
    /// Work on the store of this server, through its listener for administrators, such as `https://updates.contoso.com:8081/`
    #[arg(long, global = true, value_name = "URL", value_parser = server)]
    pub(crate) server: Option<Url>,
    /// The file with the token for --server, one line. The name of the token is the author of changes
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Trust the certificates in this PEM file for --server and for packages at https addresses, in addition to those of the
    /// system
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

fn server(text: &str) -> Result<Url, String> {
    text.parse().map_err(|_| "expected an address such as https://updates.contoso.com:8081/".to_owned())
}

pub(crate) struct RemoteStore {
    http: reqwest::Client,
    base: Url,
    bearer: String,
    limits: AnswerLimits,
    /// The number of objects that were listed so far.
    listed: AtomicU64,
    pub(crate) author: String,
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteStore").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl RemoteStore {
    /// Connects to a server, and asks for the name of the administrator whose token is used. Fails
    /// when the token cannot be read, when the token would cross a network without TLS, or when the
    /// server refuses it.
    pub(crate) async fn open(args: &RemoteArgs) -> Result<Self, Failure> {
        Self::open_with(args, AnswerLimits::default()).await
    }

    async fn open_with(args: &RemoteArgs, limits: AnswerLimits) -> Result<Self, Failure> {
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
            .tls_backend_preconfigured(tls::config(args.ca_file.as_deref())?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIME)
            .user_agent(concat!("ucupdate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::in_doing("setting up the client", &error))?;
        let listed = AtomicU64::new(0);
        let mut store = Self { http, base, bearer, limits, listed, author: String::new() };
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

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, RequestFailure> {
        let url = self.base.join(&format!("api/v1/{path}"));
        let url = url.map_err(|error| RequestFailure::Connection(error.to_string()))?;
        Ok(self.http.request(method, url).header("authorization", &self.bearer))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, RequestFailure> {
        let response = request.send().await.map_err(|error| self.connection(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        // If the body cannot be read, the status is the reason.
        let text = answer::read(response, self.limits.problem_bytes).await.unwrap_or_default();
        let problem: Value = serde_json::from_slice(&text).unwrap_or_default();
        let field = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        Err(RequestFailure::Answer { status, kind: field("kind"), detail: field("detail") })
    }

    async fn json(&self, method: Method, path: &str) -> Result<Value, RequestFailure> {
        let response = self.send(self.request(method, path)?).await?;
        self.value(response).await
    }

    async fn value(&self, response: Response) -> Result<Value, RequestFailure> {
        let text = answer::read(response, self.limits.json_bytes).await?;
        serde_json::from_slice(&text).map_err(|error| {
            RequestFailure::Connection(format!("the answer of the server is not JSON: {error}"))
        })
    }

    fn connection(&self, error: reqwest::Error) -> RequestFailure {
        RequestFailure::Connection(tls::reason(error, &self.base))
    }
}

#[async_trait]
impl ImageStore for RemoteStore {
    /// Submits a revision to the server. Commands create no other objects, so other keys are
    /// refused.
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
        let failed = |refused: RequestFailure| refused.into_store(Some(key), &doing);
        // A probe only asks for the time of the store, which is that of the server. The server
        // writes probes and checkpoints itself.
        if key.as_str().starts_with("state/probes/") {
            let page = self.json(Method::GET, "objects?prefix=state/probes/").await.map_err(failed)?;
            return Ok(ObjectMeta::new(key.clone(), 0, time(page["now"].as_str())));
        }
        if !key.as_str().starts_with("images/") {
            return Err(not_remote(key));
        }
        // An error of the input is returned as such. The connection ends only because of it.
        let broken: Arc<Mutex<Option<io::Error>>> = Arc::default();
        let keeper = Arc::clone(&broken);
        let bytes = bytes.map_err(move |error| {
            let kind = error.kind();
            *keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            io::Error::from(kind)
        });
        let sent = async {
            let request = self.request(Method::PUT, &object(key))?;
            let body = reqwest::Body::wrap_stream(bytes);
            let request = request.header("content-type", "application/octet-stream").body(body);
            self.value(self.send(request).await?).await
        };
        let sent = sent.await;
        if let Some(source) = broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(StoreError::Input { key: key.clone(), source });
        }
        let meta = sent.map_err(failed)?;
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
            Err(RequestFailure::Answer { status, .. }) if status == StatusCode::RANGE_NOT_SATISFIABLE => {
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
        let length = range.end.saturating_sub(range.start);
        Ok(Object::new(meta, range, answer::exactly(length, bytes.boxed())))
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
        let damaged = |what: String| StoreError::unavailable(doing.clone(), what);
        let mut metas: Vec<ObjectMeta> = Vec::with_capacity(objects.len());
        for object in objects {
            let key = object["key"].as_str().and_then(|key| StoreKey::parse(key).ok());
            let (Some(key), Some(size)) = (key, object["size"].as_u64()) else { continue };
            let last = metas.last().map(|meta| &meta.key).or(after);
            if !key.as_str().starts_with(prefix) || last.is_some_and(|last| *last >= key) {
                return Err(damaged(format!(
                    "the server listed `{key}` there, expected a later key below `{prefix}`"
                )));
            }
            metas.push(ObjectMeta::new(key, size, time(object["modified"].as_str())));
        }
        let listed = self.listed.fetch_add(metas.len() as u64, Ordering::Relaxed) + metas.len() as u64;
        if listed > self.limits.listed {
            let most = self.limits.listed;
            return Err(damaged(format!("the server has listed {listed} objects, expected at most {most}")));
        }
        Ok(metas)
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

/// Converts a text with the number of nanoseconds since 1970. A missing or wrong text gives 1970.
fn time(nanos: Option<&str>) -> SystemTime {
    let nanos: u64 = nanos.and_then(|nanos| nanos.parse().ok()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

/// Returns whether the host of a URL is this machine: a loopback address or `localhost`.
pub(crate) fn is_local(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        None => false,
    }
}

fn read_token(path: &Path) -> Result<String, Failure> {
    let text = String::from_utf8(files::read(path, MAX_TOKEN_FILE_BYTES)?).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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

    /// Starts a server that sends each of these answers to one connection, and returns a store at its address.
    async fn store_at(
        answers: Vec<String>,
        limits: AnswerLimits,
    ) -> (Result<RemoteStore, Failure>, tempfile::TempDir) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let overview = answer(r#"{"administrator":{"name":"ann"}}"#);
        tokio::spawn(async move {
            for answer in [vec![overview], answers].concat() {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 4096];
                let _read = stream.read(&mut head).await.unwrap();
                // The client may have gone already.
                let _gone = stream.write_all(answer.as_bytes()).await;
            }
        });
        let place = tempfile::tempdir().unwrap();
        let token_file = place.path().join("token");
        std::fs::write(&token_file, "ucu_1234").unwrap();
        let server = Some(format!("http://{address}/").parse().unwrap());
        let args = RemoteArgs { server, token_file: Some(token_file), ca_file: None };
        (RemoteStore::open_with(&args, limits).await, place)
    }

    fn answer(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    /// Returns an answer whose length is not announced.
    fn unannounced(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}")
    }

    fn page(keys: &[&str]) -> String {
        let objects: Vec<_> =
            keys.iter().map(|key| serde_json::json!({ "key": key, "size": 1, "modified": "0" })).collect();
        answer(&serde_json::json!({ "objects": objects }).to_string())
    }

    #[tokio::test]
    async fn an_answer_is_read_up_to_a_limit() {
        let limits = || AnswerLimits { json_bytes: 100, problem_bytes: 100, listed: 3 };
        let long = "x".repeat(101);
        let problem = format!("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n{{\"detail\":\"{long}\"}}");
        for (first, reason) in [
            (answer(&long), "too large, expected at most 100 bytes"),
            (unannounced(&long), "too large, expected at most 100 bytes"),
            (unannounced("hello"), "the answer of the server is not JSON"),
            (problem, "the server answered 403 Forbidden, expected the administrators' side"),
        ] {
            let (store, _place) = store_at(vec![first], limits()).await;
            let refused = store.unwrap().list("images/", None).await.unwrap_err();
            let text = ucupdate::store::error_chain(&refused);
            assert!(text.contains(reason), "{text}");
        }
    }

    #[tokio::test]
    async fn a_list_without_an_end_ends_at_a_limit() {
        let limits = || AnswerLimits { listed: 3, ..AnswerLimits::default() };
        for pages in [
            vec![page(&["images/a", "images/a"])],
            vec![page(&["images/b", "images/a"])],
            vec![page(&["state/a"])],
            vec![page(&["images/a", "images/b"]), page(&["images/a", "images/b"])],
            vec![page(&["images/a", "images/b"]), page(&["images/c", "images/d"])],
        ] {
            let (store, _place) = store_at(pages.clone(), limits()).await;
            let (store, mut after, mut end) = (store.unwrap(), None, Ok(()));
            for _ in &pages {
                match store.list("images/", after.as_ref()).await {
                    Ok(page) => after = page.last().map(|meta| meta.key.clone()),
                    Err(error) => end = Err(error),
                }
            }
            assert!(matches!(end, Err(StoreError::Unavailable { .. })), "{pages:?}: {end:?}");
        }
    }

    #[tokio::test]
    async fn an_object_with_more_bytes_than_its_size_is_refused() {
        let key = StoreKey::parse("images/a").unwrap();
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nUcupdate-Size: 3\r\n\r\n";
        for (body, is_whole) in [("abc", true), ("abcd", false), ("ab", false)] {
            let (store, _place) = store_at(vec![format!("{head}{body}")], AnswerLimits::default()).await;
            let object = store.unwrap().get(&key, None).await.unwrap();
            assert_eq!(ucupdate::store::collect(object.bytes).await.is_ok(), is_whole, "{body}");
        }
    }

    #[tokio::test]
    async fn an_input_that_fails_is_not_an_error_of_the_server() {
        let key = StoreKey::parse("images/a").unwrap();
        let (store, _place) = store_at(vec![answer("{}")], AnswerLimits::default()).await;
        let pieces = [Ok(Bytes::from_static(b"a")), Err(io::ErrorKind::InvalidData.into())];
        let refused = store.unwrap().put(&key, Box::pin(futures_util::stream::iter(pieces))).await;
        assert!(
            matches!(&refused, Err(StoreError::Input { source, .. }) if source.kind() == io::ErrorKind::InvalidData),
            "{refused:?}"
        );
    }
}
