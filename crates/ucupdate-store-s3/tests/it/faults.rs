//! Tests of network faults and of the errors that the store returns for them.

use crate::{hasty, key, options};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use ucupdate_store::{ByteStream, ImageStore as _, ImageStoreExt as _, StoreError};
use ucupdate_store_s3::S3Store;
use ucupdate_testkit::s3::{Bucket, S3Call, S3Fault, S3Server};

const MIB: usize = 1024 * 1024;

async fn start() -> (S3Store, S3Server) {
    let server = S3Server::start(Bucket::default().taking_small_parts()).await;
    let store = S3Store::open(hasty(&server).with_part_bytes(MIB)).await.unwrap();
    (store, server)
}

fn letters(letter: u8, length: usize) -> Bytes {
    vec![letter; length].into()
}

fn said(error: &StoreError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for fault in
        [S3Fault::Status(500), S3Fault::Status(503), S3Fault::Status(429), S3Fault::Drops, S3Fault::Hangs]
    {
        let (store, server) = start().await;
        for call in [S3Call::Put, S3Call::Head, S3Call::Get, S3Call::List, S3Call::Delete] {
            server.on(call).once(fault);
        }
        store.create(&key("a"), "x".into()).await.unwrap();
        assert_eq!(store.put_bytes(&key("b"), "y").await.unwrap().size, 1, "{fault:?}");
        assert_eq!(store.get_bytes(&key("a"), 9).await.unwrap(), "x", "{fault:?}");
        assert_eq!(store.list_all("", 9).await.unwrap().len(), 2, "{fault:?}");
        store.delete(&key("a")).await.unwrap();
        assert!(!store.exists(&key("a")).await.unwrap(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_rival_request_under_way_is_waited_for_where_nothing_was_to_be_refused() {
    let (store, server) = start().await;
    for call in [S3Call::Put, S3Call::Begin, S3Call::Part, S3Call::Delete] {
        server.on(call).once(S3Fault::Status(409));
    }
    assert_eq!(store.put_bytes(&key("a"), "x").await.unwrap().size, 1);
    assert_eq!(store.put_bytes(&key("b"), letters(b'n', 3 * MIB)).await.unwrap().size, 3 * MIB as u64);
    store.delete(&key("a")).await.unwrap();
    assert!(!store.exists(&key("a")).await.unwrap());

    server.on(S3Call::Put).always(S3Fault::Status(409));
    let error = store.put_bytes(&key("a"), "x").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_put_that_lands_late_undoes_no_later_one_that_was_reported_as_done() {
    let late = Duration::from_millis(300);
    for (fault, is_clear) in [
        (S3Fault::Late(late), false),
        (S3Fault::Drops, false),
        (S3Fault::LosesAnswer, true),
        (S3Fault::Status(500), true),
        (S3Fault::Status(503), true),
        (S3Fault::Status(504), false),
    ] {
        let (store, server) = start().await;
        store.put_bytes(&key("a"), "old").await.unwrap();
        server.on(S3Call::Put).once(fault);
        let end = store.put_bytes(&key("a"), "new").await;
        assert_eq!(end.is_ok(), is_clear, "{fault:?}: {end:?}");
        if let Err(error) = end {
            assert!(error.is_retryable() && error.may_have_written(), "{fault:?}: {error:?}");
        }
        assert_eq!(
            server.calls(S3Call::Put),
            if matches!(fault, S3Fault::Status(500 | 503)) { 3 } else { 2 }
        );
    }
    // If there was no object before, a late arrival writes the same object again.
    let (store, server) = start().await;
    server.on(S3Call::Put).once(S3Fault::Late(late));
    store.put_bytes(&key("a"), "new").await.unwrap();
    tokio::time::sleep(late * 2).await;
    assert_eq!(store.get_bytes(&key("a"), 9).await.unwrap(), "new");
}

#[tokio::test]
async fn what_does_not_pass_is_reported_at_once() {
    let (store, server) = start().await;
    for status in [301, 400, 403, 405] {
        server.on(S3Call::Put).once(S3Fault::Status(status));
        let before = server.calls(S3Call::Put);
        let error = store.create(&key("a"), "x".into()).await.unwrap_err();
        assert!(matches!(error, StoreError::Backend { .. }), "{status}: {error:?}");
        assert!(said(&error).contains(&status.to_string()), "{status}: {}", said(&error));
        assert_eq!(server.calls(S3Call::Put), before + 1);
    }
    assert!(!store.exists(&key("a")).await.unwrap());
}

#[tokio::test]
#[ignore = "slow; .ci/run runs it"]
async fn a_store_that_does_not_answer_is_unavailable_at_the_deadline() {
    let (store, server) = start().await;
    for call in [S3Call::Put, S3Call::Head, S3Call::Get, S3Call::List, S3Call::Delete] {
        server.on(call).always(S3Fault::Status(503));
    }
    let list = store.list("", None).await.map(drop);
    let head = store.head(&key("a")).await.map(drop);
    let ends = [list, head, store.create(&key("a"), "x".into()).await, store.delete(&key("a")).await];
    for end in ends {
        let error = end.unwrap_err();
        assert!(error.is_retryable() && error.may_have_written(), "{error:?}");
        assert!(said(&error).starts_with("the server answered with status 503"), "{}", said(&error));
    }
    assert!(server.calls(S3Call::List) > 3, "{} tries", server.calls(S3Call::List));
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_known_again() {
    let (store, server) = start().await;
    server.on(S3Call::Put).once(S3Fault::LosesAnswer);
    store.create(&key("a"), "mine".into()).await.unwrap();
    assert_eq!(server.calls(S3Call::Put), 1, "it is read back and not written again");
    assert_eq!(store.get_bytes(&key("a"), 9).await.unwrap(), "mine");
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_known_again_when_no_time_is_left_for_a_retry() {
    let server = S3Server::start(Bucket::default()).await;
    let store = S3Store::open(hasty(&server).with_deadline(Duration::ZERO)).await.unwrap();
    server.on(S3Call::Put).once(S3Fault::LosesAnswer);
    store.create(&key("a"), "mine".into()).await.unwrap();
    server.on(S3Call::Put).once(S3Fault::LosesAnswer);
    let end = store.create(&key("a"), "second".into()).await;
    assert!(matches!(end, Err(StoreError::AlreadyExists { .. })), "{end:?}");
}

#[tokio::test]
async fn a_missing_answer_does_not_hide_the_last_answer() {
    for call in [S3Call::List, S3Call::Delete, S3Call::Put, S3Call::Begin] {
        let (store, server) = start().await;
        server.on(call).times(2, S3Fault::Status(503));
        server.on(call).always(S3Fault::Hangs);
        server.on(S3Call::Head).always(S3Fault::Hangs);
        let end = match call {
            S3Call::List => store.list("", None).await.map(drop),
            S3Call::Delete => store.delete(&key("a")).await,
            S3Call::Put => store.create(&key("a"), "x".into()).await,
            _ => store.put_bytes(&key("a"), letters(b'x', 3 * MIB)).await.map(drop),
        };
        let error = end.unwrap_err();
        assert!(error.is_retryable(), "{call:?}: {error:?}");
        assert_eq!(
            said(&error),
            "no answer within 300ms; before that, the server answered with status 503 SlowDown: the script said so",
            "{call:?}"
        );
    }
}

#[tokio::test]
async fn a_refused_condition_is_named_by_the_status_that_came() {
    let (store, server) = start().await;
    server.on(S3Call::Put).always(S3Fault::Status(412));
    let error = store.create(&key("a"), "x".into()).await.unwrap_err();
    assert!(said(&error).contains("status 412 "), "{}", said(&error));
    server.heal();
    server.on(S3Call::Put).always(S3Fault::Status(409));
    let error = store.create(&key("a"), "x".into()).await.unwrap_err();
    assert!(said(&error).contains("status 409 "), "{}", said(&error));
}

#[tokio::test]
async fn a_creation_of_the_same_bytes_by_a_twin_is_told_from_ours() {
    let (store, server) = start().await;
    let twin = S3Store::open(hasty(&server)).await.unwrap();
    twin.create(&key("a"), "the same".into()).await.unwrap();
    server.on(S3Call::Put).once(S3Fault::LosesAnswer);
    let end = store.create(&key("a"), "the same".into()).await;
    assert!(matches!(end, Err(StoreError::AlreadyExists { .. })), "{end:?}");
}

#[tokio::test]
async fn a_refusal_of_our_own_second_try_is_no_refusal() {
    let (store, server) = start().await;
    // The first request is done, its response is lost, and the object cannot be read back. The second request is
    // refused because of the first.
    server.on(S3Call::Put).once(S3Fault::LosesAnswer);
    server.on(S3Call::Head).once(S3Fault::Status(404));
    store.create(&key("a"), "mine".into()).await.unwrap();
    assert_eq!(server.calls(S3Call::Put), 2);
}

#[tokio::test]
async fn a_race_that_is_still_open_is_waited_for() {
    let (store, server) = start().await;
    server.on(S3Call::Put).times(2, S3Fault::Status(409));
    store.create(&key("a"), "mine".into()).await.unwrap();
    server.on(S3Call::Put).once(S3Fault::Status(409));
    let end = store.create(&key("a"), "second".into()).await;
    assert!(matches!(end, Err(StoreError::AlreadyExists { .. })), "{end:?}");
    assert_eq!(store.get_bytes(&key("a"), 9).await.unwrap(), "mine");
}

#[tokio::test]
async fn a_creation_that_nobody_can_settle_is_reported_as_unclear() {
    let (store, server) = start().await;
    server.on(S3Call::Put).always(S3Fault::LosesAnswer);
    server.on(S3Call::Head).always(S3Fault::Drops);
    let error = store.create(&key("a"), "mine".into()).await.unwrap_err();
    assert!(error.may_have_written() && error.is_retryable(), "{error:?}");
    server.heal();
    assert_eq!(store.get_bytes(&key("a"), 9).await.unwrap(), "mine");
}

#[tokio::test]
async fn bytes_that_break_off_are_taken_up_where_they_broke() {
    let (store, server) = start().await;
    let bytes: Bytes = (0..MIB).map(|at| u8::try_from((at / 251 + at) % 256).unwrap()).collect();
    store.put_bytes(&key("a"), bytes.clone()).await.unwrap();
    for fault in [S3Fault::Truncates(0), S3Fault::Truncates(300_000), S3Fault::Stalls(300_000)] {
        let before = server.calls(S3Call::Get);
        server.on(S3Call::Get).times(2, fault);
        assert!(store.get_bytes(&key("a"), MIB).await.unwrap() == bytes, "{fault:?}");
        assert_eq!(server.calls(S3Call::Get), before + 3, "{fault:?}");
        server.on(S3Call::Get).once(fault);
        let part = store.get(&key("a"), Some(1000..900_000)).await.unwrap().into_bytes(MIB).await.unwrap();
        assert!(part == bytes.slice(1000..900_000), "{fault:?}");
        server.heal();
    }
}

#[tokio::test]
async fn a_reader_who_dawdles_past_the_deadline_loses_nothing() {
    let server = S3Server::start(Bucket::default()).await;
    let store = S3Store::open(hasty(&server).with_deadline(Duration::from_millis(600))).await.unwrap();
    store.put_bytes(&key("a"), letters(b'x', MIB)).await.unwrap();
    server.on(S3Call::Get).once(S3Fault::Truncates(300_000));
    let mut object = store.get(&key("a"), None).await.unwrap();
    let mut seen = object.bytes.next().await.unwrap().unwrap().len();
    tokio::time::sleep(Duration::from_millis(1000)).await;
    while let Some(piece) = object.bytes.next().await {
        seen += piece.unwrap().len();
    }
    assert_eq!(seen, MIB);
}

#[tokio::test]
async fn bytes_of_another_object_are_never_joined_to_the_first() {
    let (store, server) = start().await;
    store.put_bytes(&key("a"), letters(b'o', MIB)).await.unwrap();
    server.on(S3Call::Get).once(S3Fault::Truncates(300_000));
    let mut object = store.get(&key("a"), None).await.unwrap();
    store.put_bytes(&key("a"), letters(b'n', MIB)).await.unwrap();
    let mut seen = 0;
    let error = loop {
        match object.bytes.next().await.expect("the bytes end in an error") {
            Ok(piece) => {
                assert!(piece.iter().all(|&letter| letter == b'o'));
                seen += piece.len();
            }
            Err(error) => break error,
        }
    };
    assert!(seen <= 300_000, "{seen} bytes of the first object came");
    assert_eq!(error.to_string(), "the object was replaced while it was read; read it again");
    assert!(object.bytes.next().await.is_none(), "nothing comes after an error");
}

#[tokio::test]
async fn bytes_that_never_come_end_in_an_error() {
    let (store, server) = start().await;
    store.put_bytes(&key("a"), letters(b'x', MIB)).await.unwrap();
    server.on(S3Call::Get).always(S3Fault::Truncates(0));
    let error = store.get_bytes(&key("a"), MIB).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn bodies_that_each_break_off_after_a_few_bytes_end_in_an_error() {
    let (store, server) = start().await;
    store.put_bytes(&key("a"), letters(b'x', MIB)).await.unwrap();
    server.on(S3Call::Get).always(S3Fault::Truncates(9));
    let error = store.get_bytes(&key("a"), MIB).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    let requests = server.calls(S3Call::Get);
    assert!(requests < 100, "{requests} requests brought nine bytes each");
}

#[tokio::test]
async fn a_part_is_tried_again_and_an_upload_of_which_one_fails_is_aborted() {
    let (store, server) = start().await;
    server.on(S3Call::Begin).once(S3Fault::Status(500));
    server.on(S3Call::Part).after(1).times(2, S3Fault::Status(503));
    store.put_bytes(&key("a"), letters(b'o', 3 * MIB)).await.unwrap();
    assert!(store.get_bytes(&key("a"), 9 * MIB).await.unwrap() == letters(b'o', 3 * MIB));

    server.on(S3Call::Part).after(1).once(S3Fault::Status(403));
    let error = store.put_bytes(&key("a"), letters(b'n', 3 * MIB)).await.unwrap_err();
    assert!(matches!(error, StoreError::Backend { .. }), "{error:?}");
    assert_eq!(server.bucket().unfinished_uploads(), 0);
    assert!(store.get_bytes(&key("a"), 9 * MIB).await.unwrap() == letters(b'o', 3 * MIB));
}

#[tokio::test]
async fn an_upload_whose_bytes_break_off_or_are_dropped_is_aborted() {
    let (store, server) = start().await;
    let broken = stream::iter([Ok(letters(b'n', 2 * MIB)), Err(std::io::Error::other("pulled"))]);
    let end = store.put(&key("a"), Box::pin(broken)).await;
    assert!(matches!(end, Err(StoreError::Input { .. })), "{end:?}");
    assert_eq!((server.calls(S3Call::Part), server.bucket().unfinished_uploads()), (2, 0));

    let endless = stream::iter([Ok(letters(b'n', 2 * MIB))]).chain(stream::pending());
    let a = key("a");
    let put = store.put(&a, Box::pin(endless));
    assert!(tokio::time::timeout(Duration::from_millis(500), put).await.is_err());
    for _ in 0..100 {
        if server.bucket().unfinished_uploads() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(server.calls(S3Call::Part) > 2, "the upload had begun");
    assert_eq!(server.bucket().unfinished_uploads(), 0, "it is aborted behind the dropped future");
    assert!(server.bucket().keys().is_empty());
}

#[tokio::test]
async fn a_completion_whose_answer_was_lost_is_known_again() {
    let (store, server) = start().await;
    server.on(S3Call::Complete).once(S3Fault::LosesAnswer);
    assert_eq!(store.put_bytes(&key("a"), letters(b'n', 3 * MIB)).await.unwrap().size, 3 * MIB as u64);
    assert_eq!(server.calls(S3Call::Complete), 2);
}

#[tokio::test]
async fn a_completion_that_fails_in_the_body_of_a_success_is_tried_again() {
    let (store, server) = start().await;
    server.on(S3Call::Complete).times(2, S3Fault::Status(200));
    store.put_bytes(&key("a"), letters(b'n', 3 * MIB)).await.unwrap();
    assert_eq!(server.calls(S3Call::Complete), 3);
}

#[tokio::test]
async fn an_upload_that_a_lifecycle_rule_took_away_is_not_reported_as_done() {
    let (store, server) = start().await;
    let bucket = server.bucket().clone();
    let last = stream::once(async move {
        bucket.abort_uploads();
        Ok(letters(b'n', 1))
    });
    let bytes = stream::iter([Ok(letters(b'n', 2 * MIB))]).chain(last);
    let error = store.put(&key("a"), Box::pin(bytes)).await.unwrap_err();
    assert!(error.may_have_written(), "{error:?}");
    assert!(server.bucket().keys().is_empty());

    // The upload is completed, the response is lost, and another writer replaces the object before the mark is checked.
    let rival = server.bucket().clone();
    server.on(S3Call::Complete).once(S3Fault::LosesAnswer);
    server.on(S3Call::Head).once(S3Fault::Slow(Duration::from_millis(200)));
    let b = key("b");
    let put = store.put_bytes(&b, letters(b'n', 2 * MIB));
    let replace = async {
        while server.calls(S3Call::Head) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        rival.insert("fleet/a/b", "rival");
    };
    let (end, ()) = futures_util::future::join(put, replace).await;
    assert!(matches!(end, Err(StoreError::Unavailable { .. })), "{end:?}");
}

#[tokio::test]
async fn bytes_are_not_asked_for_after_their_end() {
    let (store, _server) = start().await;
    for length in [0, 10, MIB, MIB + 1, 2 * MIB] {
        // An `unfold` stream panics when it is polled after its end.
        let strict = stream::unfold(Some(letters(b'x', length)), |left| async move {
            let mut left = left.filter(|left| !left.is_empty())?;
            let piece = left.split_to(left.len().min(300_000));
            Some((Ok(piece), Some(left)))
        });
        assert_eq!(store.put(&key("a"), Box::pin(strict)).await.unwrap().size, length as u64);
    }
}

#[tokio::test]
async fn no_more_than_a_part_is_taken_before_it_is_sent() {
    let (store, server) = start().await;
    server.on(S3Call::Part).always(S3Fault::Hangs);
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let bytes: ByteStream = Box::pin(stream::iter(0..1000).map(move |_| {
        counter.fetch_add(64 * 1024, Ordering::SeqCst);
        Ok(letters(b'x', 64 * 1024))
    }));
    let end = store.put(&key("a"), bytes).await;
    assert!(matches!(end, Err(StoreError::Unavailable { .. })), "{end:?}");
    assert!(
        taken.load(Ordering::SeqCst) <= MIB + 2 * 64 * 1024,
        "{} bytes were taken",
        taken.load(Ordering::SeqCst)
    );
}

#[tokio::test]
async fn parts_smaller_than_the_server_takes_are_its_refusal() {
    let server = S3Server::start(Bucket::default()).await;
    let store = S3Store::open(options(&server).with_part_bytes(MIB)).await.unwrap();
    let error = store.put_bytes(&key("a"), letters(b'x', 3 * MIB)).await.unwrap_err();
    assert!(said(&error).contains("EntityTooSmall"), "{error:?}");
    assert_eq!(server.bucket().unfinished_uploads(), 0);
}

#[tokio::test]
async fn a_failed_try_is_reported_at_once_and_not_only_after_the_deadline() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let (tell, mut report) = tokio::sync::mpsc::unbounded_channel();
    let server = S3Server::start(Bucket::default()).await;
    let options = options(&server)
        .with_endpoint(format!("http://{closed}"))
        .with_deadline(Duration::from_secs(600))
        .with_retry_notice(move |reason| tell.send(reason.to_owned()).unwrap());
    let opening = tokio::spawn(S3Store::open(options));
    let first = report.recv().await.unwrap();
    assert!(first.to_lowercase().contains("connection refused"), "{first}");
    assert!(!opening.is_finished(), "it goes on trying");
    opening.abort();
}
