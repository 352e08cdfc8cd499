//! Tests unsuitable servers, objects of other programs, and signed URLs that clients use without the store.

use crate::{fresh, hasty, key, options};
use std::error::Error as _;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use ucupdate_store::{ImageStore as _, ImageStoreExt as _, Presign as _, StoreError};
use ucupdate_store_s3::{Credentials, S3OpenError, S3Options, S3Store};
use ucupdate_testkit::s3::{Bucket, KEY_ID, S3Call, S3Fault, S3Server, SECRET};

#[tokio::test]
async fn a_server_that_ignores_if_none_match_is_refused_at_start() {
    let server = S3Server::start(Bucket::default().ignoring_if_none_match()).await;
    let error = S3Store::open(options(&server)).await.unwrap_err();
    let S3OpenError::IgnoresConditions { probe, .. } = &error else {
        panic!("expected a refusal, got {error:?}")
    };
    assert_eq!(
        error.to_string(),
        format!(
            "{} does not honour `If-None-Match: *` (it overwrote `{probe}`), so it cannot hold a store; use a server that supports conditional writes",
            server.endpoint()
        )
    );
    assert!(server.bucket().keys().is_empty(), "the probe is deleted all the same");
}

/// Shows the damage that the self-test prevents: this server ignores the header.
#[tokio::test]
async fn on_a_server_that_ignores_if_none_match_two_writers_undo_each_other() {
    let server = S3Server::start(Bucket::default().ignoring_if_none_match()).await;
    let store = S3Store::open(options(&server).with_self_test(false)).await.unwrap();
    let revision = key("state/revisions/1.json");
    store.create(&revision, "one".into()).await.unwrap();
    store.create(&revision, "other".into()).await.unwrap();
    assert_eq!(store.get_bytes(&revision, 9).await.unwrap(), "other");
}

#[tokio::test]
async fn a_server_that_refuses_conditions_or_forgets_metadata_is_refused_at_start() {
    let server = S3Server::start(Bucket::default()).await;
    server.on(S3Call::Put).once(S3Fault::Status(501));
    let error = S3Store::open(options(&server)).await.unwrap_err();
    assert!(matches!(error, S3OpenError::RefusesConditions { .. }), "{error:?}");

    let server = S3Server::start(Bucket::default().forgetting_metadata()).await;
    let error = S3Store::open(options(&server)).await.unwrap_err();
    assert!(matches!(error, S3OpenError::ForgetsMetadata { .. }), "{error:?}");
}

#[tokio::test]
async fn opening_says_what_is_wrong_with_the_bucket_or_the_key() {
    let server = S3Server::start(Bucket::default()).await;
    let source = async |options: S3Options| match S3Store::open(options).await.unwrap_err() {
        S3OpenError::Bucket { source, .. } => source,
        error => panic!("expected the bucket to be at fault, got {error:?}"),
    };
    let said = |error: &StoreError| error.source().unwrap().to_string();

    let error = source(options(&server).with_credentials(Credentials::keys(KEY_ID, "guessed"))).await;
    assert!(said(&error).contains("403 SignatureDoesNotMatch"), "{error:?}");

    let mut elsewhere = options(&server);
    elsewhere = elsewhere.with_bucket("no-such-bucket");
    let error = source(elsewhere).await;
    assert!(said(&error).contains("404 NoSuchBucket"), "{error:?}");

    let mut nobody = hasty(&server).with_deadline(Duration::from_millis(300));
    nobody = nobody.with_self_test(true);
    drop(server);
    let error = source(nobody).await;
    assert!(error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn opening_leaves_nothing_behind() {
    let (_store, server) = fresh(Bucket::default(), |options| options).await;
    assert!(server.bucket().keys().is_empty());
    assert_eq!(server.calls(S3Call::Put), 2);
}

#[tokio::test]
async fn any_number_may_open_at_once() {
    let server = S3Server::start(Bucket::default()).await;
    let all = (0..16).map(|_| S3Store::open(options(&server)));
    for opened in futures_util::future::join_all(all).await {
        opened.unwrap();
    }
    assert_eq!((server.calls(S3Call::Put), server.bucket().keys().len()), (32, 0));
}

fn proving(mut options: S3Options) -> S3Options {
    options = options.with_self_test(true);
    options
}

#[tokio::test]
async fn an_opening_that_ends_early_takes_its_probe_away() {
    let given_up = async |server: &S3Server| {
        let opening = S3Store::open(proving(hasty(server)));
        assert!(tokio::time::timeout(Duration::from_millis(500), opening).await.is_err());
    };
    let failed = async |server: &S3Server| {
        let quick = hasty(server).with_attempt_timeout(Duration::from_millis(50));
        let error = S3Store::open(proving(quick.with_deadline(Duration::ZERO))).await.unwrap_err();
        assert!(matches!(error, S3OpenError::Bucket { .. }), "{error:?}");
    };
    for is_dropped in [true, false] {
        let server = S3Server::start(Bucket::default()).await;
        server.on(S3Call::Put).once(S3Fault::LosesAnswer);
        server.on(S3Call::Head).always(S3Fault::Hangs);
        if is_dropped {
            given_up(&server).await
        } else {
            failed(&server).await
        }
        assert!(server.calls(S3Call::Put) > 0);
        for _ in 0..100 {
            if server.bucket().keys().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(server.bucket().keys().is_empty(), "dropped: {is_dropped}");
        assert!(server.calls(S3Call::Delete) > 0, "dropped: {is_dropped}");
    }
}

#[tokio::test]
async fn a_trusted_server_is_not_asked_when_opening() {
    let server = S3Server::start(Bucket::default().ignoring_if_none_match()).await;
    S3Store::open(options(&server).with_self_test(false)).await.unwrap();
    assert_eq!(server.calls(S3Call::Put), 0);
}

#[tokio::test]
async fn what_others_put_there_is_neither_listed_nor_in_the_way() {
    let (store, server) = fresh(Bucket::default(), |options| options).await;
    for n in 0..1500 {
        server.bucket().insert(&format!("fleet/a/.ucupdate-probe-{n:04}"), "probe");
    }
    for foreign in ["fleet/a/b:c", "fleet/b/x", "fleet/ab", "other"] {
        server.bucket().insert(foreign, "foreign");
    }
    assert!(store.list("", None).await.unwrap().is_empty());
    store.create(&key("b"), "ours".into()).await.unwrap();
    let found: Vec<_> = store.list_all("", 9).await.unwrap().into_iter().map(|meta| meta.key).collect();
    assert_eq!(found, [key("b")]);
}

#[tokio::test]
async fn keys_lie_in_the_bucket_as_they_are() {
    let (store, server) = fresh(Bucket::default(), |options| options).await;
    let texts = ["%41/%2F", "a b/+c", "~#!$'()[]{}@^`", "Ger\u{e4}t/\u{1f4de}", "x&y=z,;"];
    for text in texts {
        store.create(&key(text), text.into()).await.unwrap();
    }
    let mut expected = texts.map(|text| format!("fleet/a/{text}"));
    expected.sort();
    assert_eq!(server.bucket().keys(), expected);
}

/// Fetches a URL as a phone would, without credentials.
pub(crate) async fn fetch(url: &str, more: &str) -> (String, String) {
    let rest = url.strip_prefix("http://").expect("the server is asked without TLS");
    let (host, path) = rest.split_once('/').expect("an address has a path");
    let mut socket = TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
}

#[tokio::test]
async fn the_bucket_is_in_the_host_name_of_an_address_if_this_is_wanted() {
    let options = S3Options::new("firmware").with_credentials(Credentials::keys(KEY_ID, SECRET));
    let options = options.with_region("eu-west-1").with_system_roots(false).with_self_test(false);
    for (virtual_hosts, begin) in [
        (false, "https://s3.eu-west-1.amazonaws.com/firmware/images/CPE.nbt?"),
        (true, "https://firmware.s3.eu-west-1.amazonaws.com/images/CPE.nbt?"),
    ] {
        let store = S3Store::open(options.clone().with_virtual_hosts(virtual_hosts)).await.unwrap();
        let url = store.presigned_get(&key("images/CPE.nbt"), Duration::from_secs(60)).await.unwrap();
        assert!(url.starts_with(begin), "{url}");
    }
}

#[tokio::test]
async fn a_signed_address_gives_its_object_and_no_other() {
    let (store, _server) = fresh(Bucket::default(), |options| options).await;
    let image = key("images/a b/CPE.nbt");
    store.put_bytes(&image, "0123456789").await.unwrap();
    store.put_bytes(&key("images/other"), "secret").await.unwrap();

    let url = store.presigned_get(&image, Duration::from_secs(60)).await.unwrap();
    assert!(!url.contains(SECRET));
    assert_eq!(fetch(&url, "").await, ("200".into(), "0123456789".into()));
    assert_eq!(fetch(&url, "Range: bytes=4-\r\n").await, ("206".into(), "456789".into()));
    let (status, _) = fetch(&url.replace("images/a%20b/CPE.nbt", "images/other"), "").await;
    assert_eq!(status, "403");
    let nothing = store.presigned_get(&key("never"), Duration::from_secs(60)).await.unwrap();
    assert_eq!(fetch(&nothing, "").await.0, "404");
    let ended = store.presigned_get(&image, Duration::from_secs(1)).await.unwrap();
    let longer = ended.replace("X-Amz-Expires=1&", "X-Amz-Expires=100&");
    assert_ne!(ended, longer);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(fetch(&ended, "").await.0, "403", "its time is over");
    assert_eq!(fetch(&longer, "").await.0, "403", "its time is signed too");
}

#[tokio::test]
async fn a_builder_of_ones_own_says_where_and_who() {
    let server = S3Server::start(Bucket::default()).await;
    let builder = ucupdate_store_s3::object_store::aws::AmazonS3Builder::new()
        .with_bucket_name(ucupdate_testkit::s3::BUCKET)
        .with_endpoint(server.endpoint())
        .with_access_key_id(KEY_ID)
        .with_secret_access_key(SECRET);
    let options = S3Options::new("not looked at").with_prefix("own");
    let store = S3Store::with_object_store(builder, options).await.unwrap();
    store.create(&key("a"), "x".into()).await.unwrap();
    assert_eq!(server.bucket().keys(), ["own/a"]);
    assert_eq!(format!("{store:?}"), "S3Store(s3://ucupdate-test/own/)");
}
