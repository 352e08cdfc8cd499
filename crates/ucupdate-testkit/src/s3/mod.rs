//! An S3 server inside the process. `s3s` provides the protocol and the signatures. The objects are
//! in a [`Bucket`] in memory, in a folder of `s3s-fs`, or on another server to which requests are
//! forwarded. [Faults](S3Fault) happen on the connection, as with real servers.
//!
//! ```
//! use ucupdate_testkit::s3::{Bucket, S3Call, S3Fault, S3Server};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//!
//! let server = S3Server::start(Bucket::default()).await;
//! server.on(S3Call::Put).once(S3Fault::LosesAnswer);
//! assert!(server.endpoint().starts_with("http://127.0.0.1:"));
//! assert_eq!(server.calls(S3Call::Put), 0);
//! # });
//! ```

mod bucket;
mod wire;

pub use bucket::Bucket;
pub use wire::{S3Call, S3Fault, S3FaultBuilder};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// Name of the only bucket.
pub const BUCKET: &str = "ucupdate-test";
/// Identifier of the only access key.
pub const KEY_ID: &str = "AKIATEST";
/// Secret of the only access key.
pub const SECRET: &str = "not-a-secret";

/// A server on a loopback port. Dropping this value stops the server.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    bucket: Bucket,
    script: Arc<wire::S3Script>,
    accepting: JoinHandle<()>,
    _folder: Option<TempDir>,
}

impl S3Server {
    /// Starts a server for this bucket.
    pub async fn start(bucket: Bucket) -> Self {
        Self::serve(S3ServiceBuilder::new(bucket.clone()), bucket, None).await
    }

    /// Starts a server for a folder of `s3s-fs`. `s3s-fs` cannot store every key, and does not serialise concurrent
    /// creations.
    pub async fn start_in_a_folder() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a folder can be made in it");
        let files = s3s_fs::FileSystem::new(folder.path()).expect("the folder is there");
        Self::serve(S3ServiceBuilder::new(files), Bucket::default(), Some(folder)).await
    }

    /// Starts a proxy for the server at `address` (host and port). It forwards every request that has no fault. The
    /// `Host` header becomes that of the other server, because the host is part of the signature.
    pub async fn before(address: &str) -> Self {
        Self::listen(wire::Behind::Server(address.into()), Bucket::default(), None).await
    }

    async fn serve(mut service: S3ServiceBuilder, bucket: Bucket, folder: Option<TempDir>) -> Self {
        service.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        Self::listen(wire::Behind::Service(service.build()), bucket, folder).await
    }

    async fn listen(behind: wire::Behind, bucket: Bucket, folder: Option<TempDir>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port can be had");
        let address = listener.local_addr().expect("a listener has an address");
        let script = Arc::default();
        let accepting = tokio::spawn(accept(listener, behind, Arc::clone(&script)));
        Self { address, bucket, script, accepting, _folder: folder }
    }

    /// Returns the URL of the server, such as `http://127.0.0.1:49152`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the bucket. It is empty for a server in front of a folder or another server.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Begins to configure a fault for one kind of request. If several faults match a request, the
    /// one that was set first applies.
    pub fn on(&self, call: S3Call) -> S3FaultBuilder<'_> {
        self.script.on(Some(call))
    }

    /// Begins to configure a fault for requests of any kind.
    pub fn on_any(&self) -> S3FaultBuilder<'_> {
        self.script.on(None)
    }

    /// Returns the kinds of all requests in the order of their arrival. Requests with faults are
    /// included.
    pub fn requests(&self) -> Vec<S3Call> {
        self.script.requests()
    }

    /// Returns the number of requests that had a fault.
    pub fn faults_done(&self) -> usize {
        self.script.faults_done()
    }

    /// Removes every fault.
    pub fn heal(&self) {
        self.script.heal();
    }

    /// Returns the number of requests of this kind. Requests with faults are included.
    pub fn calls(&self, call: S3Call) -> usize {
        self.script.calls(call)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts connections until the task is aborted. The open connections end with the task.
async fn accept(listener: TcpListener, behind: wire::Behind, script: Arc<wire::S3Script>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let _ = socket.set_nodelay(true);
        let (behind, script) = (behind.clone(), Arc::clone(&script));
        let answer = hyper::service::service_fn(move |request| {
            wire::answer(behind.clone(), Arc::clone(&script), request)
        });
        connections.spawn(async move {
            // A fault may end the connection with an error, so the error is ignored.
            let _ended = http1::Builder::new().serve_connection(TokioIo::new(socket), answer).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
