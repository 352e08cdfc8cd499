//! An S3 server inside the process: the protocol and its signatures by `s3s`, with a [`Bucket`] in memory behind it, or a
//! folder of `s3s-fs`. Its [faults](Fault) happen on the wire, where those of real servers happen.
//!
//! ```
//! use ucupdate_testkit::s3::{Bucket, Call, Fault, S3Server};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//!
//! let server = S3Server::start(Bucket::default()).await;
//! server.on(Call::Put).once(Fault::LosesAnswer);
//! assert!(server.endpoint().starts_with("http://127.0.0.1:"));
//! assert_eq!(server.calls(Call::Put), 0);
//! # });
//! ```

mod bucket;
mod wire;

pub use bucket::Bucket;
pub use wire::{Call, Fault, On};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// The name of the one bucket.
pub const BUCKET: &str = "ucupdate-test";
/// The key id that is let in.
pub const KEY_ID: &str = "AKIATEST";
/// The secret that belongs to it.
pub const SECRET: &str = "not-a-secret";

/// A server on a port of this machine, from [`start`](Self::start) until it is dropped.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    bucket: Bucket,
    script: Arc<wire::Script>,
    accepting: JoinHandle<()>,
    _folder: Option<TempDir>,
}

impl S3Server {
    /// Serves this bucket.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(bucket: Bucket) -> Self {
        Self::serve(S3ServiceBuilder::new(bucket.clone()), bucket, None).await
    }

    /// Serves a folder by `s3s-fs`, which others wrote. It cannot hold every key, and does not keep creations apart that
    /// come at the same time.
    ///
    /// # Panics
    /// When no folder or no port can be had.
    pub async fn start_in_a_folder() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a folder can be made in it");
        let files = s3s_fs::FileSystem::new(folder.path()).expect("the folder is there");
        Self::serve(S3ServiceBuilder::new(files), Bucket::default(), Some(folder)).await
    }

    /// Stands before another server, whose host and port this is, and passes on what the script does not disturb. What is
    /// passed on names this server as its host, as it was signed.
    ///
    /// # Panics
    /// When no port can be had.
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

    /// Where it answers, as `http://127.0.0.1:49152`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What lies in the bucket; empty where a folder or another server stands behind.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Sets a fault for a call. Of several that fit, the one set first is used up first.
    pub fn on(&self, call: Call) -> On<'_> {
        self.script.on(Some(call))
    }

    /// Sets a fault for whatever call comes.
    pub fn on_any(&self) -> On<'_> {
        self.script.on(None)
    }

    /// The requests that came, in order, those that went wrong among them.
    pub fn requests(&self) -> Vec<Call> {
        self.script.requests()
    }

    /// How many requests went wrong as the script said.
    pub fn faults_done(&self) -> usize {
        self.script.faults_done()
    }

    /// Forgets every fault.
    pub fn heal(&self) {
        self.script.heal();
    }

    /// How many requests of this kind came, those that went wrong among them.
    pub fn calls(&self, call: Call) -> usize {
        self.script.calls(call)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves until it is aborted, and every connection with it.
async fn accept(listener: TcpListener, behind: wire::Behind, script: Arc<wire::Script>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let _ = socket.set_nodelay(true);
        let (behind, script) = (behind.clone(), Arc::clone(&script));
        let answer = hyper::service::service_fn(move |request| {
            wire::answer(behind.clone(), Arc::clone(&script), request)
        });
        connections.spawn(async move {
            // A connection that ends in an error is what a fault is for.
            let _ended = http1::Builder::new().serve_connection(TokioIo::new(socket), answer).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
