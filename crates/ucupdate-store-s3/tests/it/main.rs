//! Tests the store with three kinds of servers: one in this process, `s3s-fs` in a folder, and the real one that the
//! environment names.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod answers;
mod conformance;
mod faults;
mod peers;
mod tls;

use std::time::Duration;
use ucupdate_store::StoreKey;
use ucupdate_store_s3::{Credentials, S3Options, S3Store};
use ucupdate_testkit::s3::{BUCKET, Bucket, KEY_ID, S3Server, SECRET};

fn options(server: &S3Server) -> S3Options {
    S3Options::new(BUCKET)
        .with_prefix("fleet/a")
        .with_endpoint(server.endpoint())
        .with_credentials(Credentials::keys(KEY_ID, SECRET))
        .with_system_roots(false)
}

/// Returns options with short timeouts, so that a request without a response fails soon.
fn hasty(server: &S3Server) -> S3Options {
    options(server)
        .with_attempt_timeout(Duration::from_millis(300))
        .with_deadline(Duration::from_secs(2))
        .with_self_test(false)
}

async fn fresh(bucket: Bucket, change: impl Fn(S3Options) -> S3Options) -> (S3Store, S3Server) {
    let server = S3Server::start(bucket).await;
    let store = S3Store::open(change(options(&server))).await.expect("the store opens");
    (store, server)
}

fn key(text: &str) -> StoreKey {
    StoreKey::parse(text).unwrap()
}
