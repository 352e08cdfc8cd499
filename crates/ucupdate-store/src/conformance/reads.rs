//! The cases of the conformance suite for `get` and `head`.

use super::support::*;
use crate::error::StoreError;
use crate::image_store::ImageStore;
use crate::key::StoreKey;
use futures_util::{FutureExt, StreamExt};
use std::ops::Range;
use std::time::Duration;

async fn assert_range<S: ImageStore>(
    store: &S,
    key: &StoreKey,
    len: usize,
    asked: Range<u64>,
    given: Range<usize>,
) {
    let object = match store.get(key, Some(asked.clone())).await {
        Ok(object) => object,
        Err(error) => panic!("range {asked:?} of {len} bytes should be given, but gave {error:?}"),
    };
    assert_eq!(
        object.range,
        given.start as u64..given.end as u64,
        "which bytes follow for {asked:?} of {len}"
    );
    assert_eq!(
        (&object.meta.key, object.meta.size),
        (key, len as u64),
        "the size is that of the whole object"
    );
    let bytes = object.into_bytes(LARGE).await.expect("the range is read");
    assert!(bytes == pattern(len).slice(given), "the bytes of {asked:?} of {len}");
}

async fn assert_refused<S: ImageStore>(store: &S, key: &StoreKey, asked: Range<u64>) {
    let end = store.get(key, Some(asked.clone())).await;
    assert!(
        matches!(&end, Err(StoreError::InvalidRange { range, .. }) if *range == asked),
        "range {asked:?} should be refused, but gave {end:?}"
    );
}

/// Checks that `get` and `head` of a missing key return [`StoreError::NotFound`], with any range and in any folder.
pub async fn what_is_not_there_is_not_found<S: ImageStore>(store: S) {
    write(&store, &key("a/b"), "x").await;
    for text in ["never", "a", "a/c", "a/b/c", "a/bc", "b/a"] {
        let key = key(text);
        assert_nothing_at(&store, &key).await;
        for range in [0..1, 0..0, 5..9] {
            let end = store.get(&key, Some(range)).await;
            assert!(matches!(end, Err(StoreError::NotFound { .. })), "a range of nothing gave {end:?}");
        }
    }
}

/// Checks that `put`, `head` and `get` report the same key, size and time.
pub async fn head_tells_what_get_and_put_tell<S: ImageStore>(store: S) {
    let key = key("a/b");
    let put = store.put(&key, uneven(&pattern(5000))).await.expect("putting succeeds");
    let head = store.head(&key).await.expect("it is there");
    let got = store.get(&key, Some(10..20)).await.expect("it is there").meta;
    for (meta, from) in [(put, "put"), (head, "head"), (got, "get")] {
        assert_eq!((&meta.key, meta.size), (&key, 5000), "{from}");
        assert_near(meta.modified, store.head(&key).await.expect("it is there").modified);
    }
}

pub(super) fn assert_near(a: std::time::SystemTime, b: std::time::SystemTime) {
    let apart = a.duration_since(b).unwrap_or_else(|error| error.duration());
    assert!(apart <= Duration::from_secs(1), "two times of one object are {apart:?} apart");
}

/// Checks that `get` with a range returns exactly the bytes in this range. The ranges are anywhere
/// in a small and in a large object.
pub async fn a_range_gives_just_its_bytes<S: ImageStore>(store: S) {
    let (small, large) = (key("small"), key("large"));
    write(&store, &small, pattern(10)).await;
    write(&store, &large, pattern(LARGE)).await;
    for range in [0..1, 0..10, 3..4, 3..9, 9..10] {
        let asked = range.start as u64..range.end as u64;
        assert_range(&store, &small, 10, asked, range).await;
    }
    for range in [0..LARGE, 1..LARGE - 1, 65_535..65_537, 262_000..800_000, LARGE - 1..LARGE] {
        let asked = range.start as u64..range.end as u64;
        assert_range(&store, &large, LARGE, asked, range).await;
    }
}

/// Checks that the end of a range is reduced to the size of the object.
pub async fn a_range_that_ends_beyond_the_object_gives_what_there_is<S: ImageStore>(store: S) {
    let key = key("a");
    write(&store, &key, pattern(10)).await;
    for end in [11, 1000, u64::MAX] {
        assert_range(&store, &key, 10, 0..end, 0..10).await;
        assert_range(&store, &key, 10, 9..end, 9..10).await;
    }
}

/// Checks that an empty range yields no bytes and no error.
pub async fn an_empty_range_is_no_error<S: ImageStore>(store: S) {
    let (some, none) = (key("some"), key("none"));
    write(&store, &some, pattern(10)).await;
    write(&store, &none, "").await;
    for asked in [0..0, 4..4, 10..10, 10..11, 10..u64::MAX] {
        let at = usize::try_from(asked.start).expect("it is small");
        assert_range(&store, &some, 10, asked, at..at).await;
    }
    for asked in [0..0, 0..5, 0..u64::MAX] {
        assert_range(&store, &none, 0, asked, 0..0).await;
    }
}

/// Checks that a range that begins after the end of the object is [`StoreError::InvalidRange`].
pub async fn a_range_that_begins_beyond_the_object_is_refused<S: ImageStore>(store: S) {
    let (some, none) = (key("some"), key("none"));
    write(&store, &some, pattern(10)).await;
    write(&store, &none, "").await;
    for asked in [11..11, 11..12, 11..u64::MAX, u64::MAX..u64::MAX] {
        assert_refused(&store, &some, asked.clone()).await;
        assert_refused(&store, &none, asked).await;
    }
}

/// Checks that a range that ends before it begins is [`StoreError::InvalidRange`].
pub async fn a_range_that_ends_before_it_begins_is_refused<S: ImageStore>(store: S) {
    let key = key("a");
    write(&store, &key, pattern(10)).await;
    for (start, end) in [(1, 0), (10, 9), (u64::MAX, 0)] {
        assert_refused(&store, &key, Range { start, end }).await;
    }
}

/// Checks that a read that has begun returns the old object or an error, and never a byte of the new object.
pub async fn a_read_begun_before_a_replacement_never_mixes<S: ImageStore>(store: S) {
    let key = key("a/b");
    for (round, replace) in ["put", "delete and create", "delete"].into_iter().enumerate() {
        write(&store, &key, letters(b'o', LARGE)).await;
        let mut object = store.get(&key, None).await.expect("it is there");
        let mut seen = 0;
        if round > 0 {
            let first = object.bytes.next().await.expect("there are bytes").expect("the first come");
            assert!(first.iter().all(|&letter| letter == b'o'));
            seen += first.len();
        }
        match replace {
            "put" => write(&store, &key, letters(b'n', LARGE)).await,
            "delete" => store.delete(&key).await.expect("deleting succeeds"),
            _ => {
                store.delete(&key).await.expect("deleting succeeds");
                store.create(&key, letters(b'n', LARGE)).await.expect("the key is free");
            }
        }
        let mut broke_off = false;
        while let Some(piece) = object.bytes.next().await {
            let Ok(piece) = piece else {
                broke_off = true;
                break;
            };
            assert!(piece.iter().all(|&letter| letter == b'o'), "bytes of two objects after {replace}");
            seen += piece.len();
        }
        assert!(broke_off || seen == LARGE, "{seen} of {LARGE} bytes came without an error after {replace}");
    }
}

/// Starts reads and takes no bytes from their streams, like a server whose clients are slow. Checks
/// that other reads still end.
pub async fn reads_that_nobody_takes_hold_up_no_other<S: ImageStore>(store: S) {
    let key = key("images/a");
    let image = pattern(LARGE);
    write(&store, &key, image.clone()).await;
    let mut left = Vec::new();
    for _ in 0..20 {
        left.push(store.get(&key, None).await.expect("it is there").bytes);
    }
    // Some streams have read a piece now, and others wait for their turn.
    for bytes in &mut left {
        let _left = bytes.next().now_or_never();
    }
    for read_of in 1..=5 {
        let ended = in_time(read(&store, &key)).await;
        assert_eq!(ended, Some(image.clone()), "read {read_of} beside 20 that nobody takes");
    }
}
