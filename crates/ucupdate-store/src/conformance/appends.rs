//! The cases of the conformance suite for `append`. If `can_append` of a store returns `false`,
//! they check only that an append is refused.

use super::support::*;
use crate::error::StoreError;
use crate::image_store::ImageStore;
use bytes::Bytes;
use futures_util::future::join;

/// Returns whether the store can append. If not, checks that an append is refused and changes
/// nothing.
async fn can_append(store: &impl ImageStore) -> bool {
    let key = key("cannot");
    write(store, &key, "old").await;
    if !store.can_append() {
        let refused = store.append(&key, 3, "new".into()).await;
        assert!(
            matches!(refused, Err(StoreError::Refused { .. })),
            "the store cannot append, but gave {refused:?}"
        );
        assert_eq!(read(store, &key).await, "old");
    }
    store.can_append()
}

/// Checks that appended bytes follow those of `create`, of `put` and of other appends.
pub async fn an_append_adds_its_bytes_at_the_end<S: ImageStore>(store: S) {
    if !can_append(&store).await {
        return;
    }
    let all = pattern(100_000);
    for (name, first) in [("empty", 0), ("created", 513), ("put", 70_000)] {
        let key = key(&format!("of/{name}"));
        match name {
            "put" => write(&store, &key, all.slice(..first)).await,
            _ => store.create(&key, all.slice(..first)).await.expect("the key is free"),
        }
        let mut at = first;
        for end in [first + 1, first + 512, first + 512, 80_000, 100_000] {
            store.append(&key, at as u64, all.slice(at..end)).await.expect("the object has this size");
            at = end;
            assert_eq!(read(&store, &key).await, all.slice(..at), "{at} bytes");
        }
    }
}

/// Checks that an append is refused and changes nothing if its `at` is not the size of the object.
pub async fn an_append_at_another_size_is_refused<S: ImageStore>(store: S) {
    if !can_append(&store).await {
        return;
    }
    let key = key("logs/a");
    write(&store, &key, "12345").await;
    for at in [0, 4, 6, u64::MAX] {
        let refused = store.append(&key, at, "new".into()).await;
        assert!(
            matches!(refused, Err(StoreError::Refused { .. })),
            "an append at {at} of 5 gave {refused:?}"
        );
        assert_eq!(read(&store, &key).await, "12345");
    }
}

/// Checks that an append to a missing object returns [`StoreError::NotFound`] and creates no object.
pub async fn an_append_to_what_is_not_there_is_not_found<S: ImageStore>(store: S) {
    if !can_append(&store).await {
        return;
    }
    let (key, below) = (key("logs/a"), key("cannot/a"));
    for key in [&key, &below] {
        let end = store.append(key, 0, "new".into()).await;
        assert!(matches!(end, Err(StoreError::NotFound { .. })), "an append to nothing gave {end:?}");
        assert_nothing_at(&store, key).await;
    }
}

/// Checks that `get`, `head` and `list` see an append as soon as it is acknowledged.
pub async fn an_append_is_seen_by_every_call_after<S: ImageStore>(store: S) {
    if !can_append(&store).await {
        return;
    }
    let key = key("logs/a");
    store.create(&key, "0".into()).await.expect("the key is free");
    for size in 1..9_u64 {
        assert_eq!(store.head(&key).await.expect("head sees the object").size, size);
        store.append(&key, size, "+".into()).await.expect("the object has this size");
        let listed = store.list("logs/", None).await.expect("listing succeeds");
        assert_eq!(listed.iter().map(|meta| meta.size).collect::<Vec<_>>(), [size + 1]);
        let part = store.get(&key, Some(size..size + 1)).await.expect("the new byte is there");
        assert_eq!(part.into_bytes(1).await.expect("one byte is read"), "+");
    }
}

/// Checks that the object keeps its earlier bytes if the future of an append is dropped, and that a later `put` replaces the
/// object as a whole.
pub async fn an_append_dropped_anywhere_keeps_the_bytes_before<S: ImageStore>(store: S) {
    if !can_append(&store).await {
        return;
    }
    let (old, new) = (letters(b'o', 70_000), letters(b'n', 300_000));
    let whole: Bytes = [&*old, &*new].concat().into();
    for turns in 0..12 {
        let key = key(&format!("dropped/{turns}"));
        write(&store, &key, old.clone()).await;
        let ended = for_turns(turns, store.append(&key, 70_000, new.clone())).await.is_some();
        let left = read(&store, &key).await;
        assert!(whole.starts_with(&left) && left.len() >= old.len(), "{} bytes are left", left.len());
        assert!(!ended || left == whole, "an acknowledged append is incomplete");
        write(&store, &key, whole.clone()).await;
        for_turns(50, std::future::pending::<()>()).await;
        assert!(read(&store, &key).await == whole, "a late append changed the object of the put");
    }
}

/// Reads an object again and again while a writer appends to it. Checks that each read returns the
/// first bytes of the final object, and never fewer bytes than an earlier read.
pub async fn readers_beside_an_append_see_a_beginning<S: ImageStore>(store: S) {
    if !can_append(&store).await {
        return;
    }
    const PIECE: usize = 30_000;
    const PIECES: usize = 20;
    let (key, all) = (key("logs/a"), pattern(PIECE * PIECES));
    store.create(&key, all.slice(..PIECE)).await.expect("the key is free");
    let writer = async {
        for at in (PIECE..all.len()).step_by(PIECE) {
            store.append(&key, at as u64, all.slice(at..at + PIECE)).await.expect("it has this size");
        }
    };
    let reader = async {
        let mut seen = PIECE;
        while seen < all.len() {
            let found = read(&store, &key).await;
            assert!(all.starts_with(&found) && found.len() >= seen, "{} bytes after {seen}", found.len());
            seen = found.len();
            for_turns(3, std::future::pending::<()>()).await;
        }
    };
    join(writer, reader).await;
}
