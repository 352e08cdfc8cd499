//! The cases of the conformance suite for `create`, `put` and `delete`.

use super::support::*;
use crate::error::StoreError;
use crate::ext::ImageStoreExt;
use crate::image_store::{ImageStore, MAX_CREATE_BYTES, stream_of};
use crate::key::{MAX_KEY_PART_BYTES, StoreKey};
use bytes::Bytes;
use futures_util::future::{join, join_all};
use std::pin::pin;
use std::sync::Arc;

/// Checks that `get` returns what `create` and `put` wrote, for several sizes from zero.
pub async fn an_object_is_read_back_as_it_was_written<S: ImageStore>(store: S) {
    for (n, len) in [0, 1, 511, 512, 513, 70_000].into_iter().enumerate() {
        let (created, put) = (key(&format!("created/{n}")), key(&format!("put/{n}")));
        store.create(&created, pattern(len)).await.expect("creating succeeds");
        assert_eq!(read(&store, &created).await, pattern(len), "{len} bytes created");
        let meta = store.put(&put, uneven(&pattern(len))).await.expect("putting succeeds");
        assert_eq!(meta.size, len as u64);
        assert_eq!(read(&store, &put).await, pattern(len), "{len} bytes put");
    }
}

/// Checks that an object written in many pieces comes back whole.
pub async fn a_large_object_is_read_back_whole<S: ImageStore>(store: S) {
    let (whole, cut) = (key("whole"), key("cut"));
    write(&store, &whole, pattern(LARGE)).await;
    store.put(&cut, uneven(&pattern(LARGE))).await.expect("putting succeeds");
    assert!(read(&store, &whole).await == pattern(LARGE), "written in one piece");
    assert!(read(&store, &cut).await == pattern(LARGE), "written in many pieces");
}

/// Checks that `get`, `head` and `list` see a write as soon as it is acknowledged.
pub async fn what_is_written_is_seen_by_every_call_after<S: ImageStore>(store: S) {
    for n in 0..5_u64 {
        let key = key(&format!("seen/{n}"));
        store.create(&key, Bytes::new()).await.expect("creating succeeds");
        assert_eq!(store.head(&key).await.expect("head sees the new object").size, 0);
        assert!(keys(&store, "seen/").await.contains(&key.to_string()), "list sees the new object");
        write(&store, &key, "replaced").await;
        assert_eq!(read(&store, &key).await, "replaced");
        assert_eq!(store.head(&key).await.expect("head sees the replacement").size, 8);
        let listed = store.list(key.as_str(), None).await.expect("listing succeeds");
        assert_eq!(listed.iter().map(|meta| meta.size).collect::<Vec<_>>(), [8], "list sees the replacement");
        store.delete(&key).await.expect("deleting succeeds");
        assert_nothing_at(&store, &key).await;
    }
}

/// Checks that a second `create` of a key returns [`StoreError::AlreadyExists`], also if `put`
/// wrote the first object.
pub async fn create_refuses_an_existing_key_and_leaves_its_object<S: ImageStore>(store: S) {
    let (created, put) = (key("a/created"), key("a/put"));
    store.create(&created, "first".into()).await.expect("the first create succeeds");
    write(&store, &put, "first").await;
    for key in [created, put] {
        let again = store.create(&key, "second".into()).await;
        assert!(
            matches!(&again, Err(StoreError::AlreadyExists { key: named }) if *named == key),
            "a second create gave {again:?}"
        );
        assert_eq!(read(&store, &key).await, "first");
    }
}

/// Checks that exactly one of many `create`s of one key succeeds, and that its object stays.
pub async fn of_many_creates_of_one_key_exactly_one_wins<S: ImageStore>(store: S) {
    for round in 0..8 {
        let key = key(&format!("race/{round}"));
        let rivals = (0..16_u8).map(|rival| store.create(&key, letters(rival, 600)));
        let ends = join_all(rivals).await;
        let winners: Vec<usize> = (0..16).filter(|&rival| ends[rival].is_ok()).collect();
        assert_eq!(winners.len(), 1, "exactly one of 16 creates wins: {ends:?}");
        for end in ends {
            assert!(matches!(end, Ok(()) | Err(StoreError::AlreadyExists { .. })), "a loser is told {end:?}");
        }
        let winner = u8::try_from(winners[0]).expect("there are 16");
        assert_eq!(read(&store, &key).await, letters(winner, 600), "the winner's object stays");
    }
}

/// Checks that `create` accepts [`MAX_CREATE_BYTES`] and refuses one byte more without writing.
pub async fn create_takes_eight_mebibytes_and_not_one_byte_more<S: ImageStore>(store: S) {
    let (fits, too_large) = (key("fits"), key("too-large"));
    let bytes = letters(b'x', MAX_CREATE_BYTES + 1);
    let refused = store.create(&too_large, bytes.clone()).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "one byte too many gave {refused:?}");
    assert_nothing_at(&store, &too_large).await;
    store.create(&fits, bytes.slice(1..)).await.expect("the most that create takes is taken");
    assert_eq!(store.head(&fits).await.expect("it is there").size, MAX_CREATE_BYTES as u64);
}

/// Replaces an object by shorter and longer ones. Checks that nothing of the old object is left.
pub async fn put_replaces_an_object_whole<S: ImageStore>(store: S) {
    let key = key("a/b");
    for (letter, len) in [(b'a', 5000), (b'b', 10), (b'c', 0), (b'd', 70_000)] {
        let meta = store.put_bytes(&key, letters(letter, len)).await.expect("putting succeeds");
        assert_eq!((&meta.key, meta.size), (&key, len as u64));
        assert_eq!(read(&store, &key).await, letters(letter, len));
    }
    assert_eq!(keys(&store, "").await, ["a/b"]);
}

/// Checks that a `put` whose stream fails returns [`StoreError::Input`] and keeps the old object.
pub async fn an_error_in_the_bytes_leaves_the_old_object<S: ImageStore>(store: S) {
    let key = key("a/b");
    write(&store, &key, "old").await;
    for len in [0, 1, LARGE] {
        let broken = store.put(&key, broken_after(letters(b'n', len))).await;
        let Err(StoreError::Input { source, .. }) = broken else { panic!("broken bytes gave {broken:?}") };
        assert_eq!(source.to_string(), "the cable was pulled", "the stream's own error is passed on");
        assert_eq!(read(&store, &key).await, "old");
    }
}

/// Checks that a `put` whose stream fails creates no object at a free key, and no object elsewhere.
pub async fn an_error_in_the_bytes_leaves_no_object_where_none_was<S: ImageStore>(store: S) {
    let key = key("a/b");
    for len in [0, 1, LARGE] {
        let broken = store.put(&key, broken_after(letters(b'n', len))).await;
        assert!(matches!(broken, Err(StoreError::Input { .. })), "broken bytes gave {broken:?}");
        assert_nothing_at(&store, &key).await;
        assert!(keys(&store, "").await.is_empty(), "nothing else appeared");
    }
}

/// Checks that readers see the old state while the bytes of a `put` are still arriving.
pub async fn an_unfinished_put_is_not_seen<S: ImageStore>(store: S) {
    let (fresh, old) = (key("a/fresh"), key("a/old"));
    write(&store, &old, "old").await;
    for key in [&fresh, &old] {
        let gate = Arc::new(Gate::default());
        let bytes = gate.stream(letters(b'n', LARGE), letters(b'n', 3));
        let mut put = pin!(store.put(key, bytes));
        gate.reached_by(&mut put).await;
        if *key == fresh {
            assert_nothing_at(&store, key).await;
        } else {
            assert_eq!(read(&store, key).await, "old");
        }
        let listed = if *key == fresh { vec!["a/old"] } else { vec!["a/fresh", "a/old"] };
        assert_eq!(keys(&store, "").await, listed, "what is staged is never listed");
        gate.open();
        put.await.expect("the put goes on");
        assert!(read(&store, key).await == letters(b'n', LARGE + 3), "the new object is whole");
    }
}

/// Drops the future of a `put` before the last byte of its stream. Checks that the `put` changed
/// nothing.
pub async fn a_put_dropped_between_two_pieces_leaves_the_old_object<S: ImageStore>(store: S) {
    let (fresh, old) = (key("a/fresh"), key("a/old"));
    write(&store, &old, "old").await;
    for key in [&fresh, &old] {
        for len in [1, LARGE] {
            let gate = Arc::new(Gate::default());
            let mut put = Box::pin(store.put(key, gate.stream(letters(b'n', len), letters(b'n', 1))));
            gate.reached_by(&mut put).await;
            drop(put);
            assert_eq!(read(&store, &old).await, "old");
            assert_nothing_at(&store, &fresh).await;
            assert_eq!(keys(&store, "").await, ["a/old"]);
        }
    }
    write(&store, &fresh, "written later").await;
    assert_eq!(read(&store, &fresh).await, "written later");
}

/// Drops the future of a `create` after some polls. Checks that the key has no object or the whole
/// object.
pub async fn a_create_dropped_anywhere_leaves_nothing_or_all<S: ImageStore>(store: S) {
    for turns in [0, 1, 2, 3, 5, 10, 30, 100, 1000, 10_000] {
        let key = key(&format!("dropped/{turns}"));
        let ended = for_turns(turns, store.create(&key, letters(b'n', 70_000))).await;
        for _ in 0..5 {
            let found = read_if_there(&store, &key).await;
            assert!(
                found.is_none_or(|bytes| bytes == letters(b'n', 70_000)),
                "half an object after {turns} turns"
            );
        }
        if let Some(ended) = ended {
            ended.expect("a create that ended succeeded");
            assert_eq!(read(&store, &key).await, letters(b'n', 70_000));
        }
    }
    let listed = keys(&store, "").await;
    assert!(listed.iter().all(|key| key.starts_with("dropped/")), "nothing else appeared: {listed:?}");
}

/// Drops the future of a `put` after some polls. Checks that the key has the whole old object or
/// the whole new object.
pub async fn a_put_dropped_anywhere_leaves_old_or_new<S: ImageStore>(store: S) {
    for turns in [0, 1, 2, 3, 5, 10, 30, 100, 1000, 10_000] {
        let key = key(&format!("dropped/{turns}"));
        write(&store, &key, letters(b'o', 5000)).await;
        let bytes = pieces([letters(b'n', 30_000), letters(b'n', 40_000)]);
        let ended = for_turns(turns, store.put(&key, bytes)).await;
        for _ in 0..5 {
            let found = read(&store, &key).await;
            let whole = found == letters(b'o', 5000) || found == letters(b'n', 70_000);
            assert!(whole, "neither the old object nor the new one after {turns} turns");
        }
        if let Some(ended) = ended {
            ended.expect("a put that ended succeeded");
            assert_eq!(read(&store, &key).await, letters(b'n', 70_000));
        }
    }
    let listed = keys(&store, "").await;
    assert!(listed.iter().all(|key| key.starts_with("dropped/")), "nothing else appeared: {listed:?}");
}

/// Checks that two concurrent `put`s of one key both succeed and that one whole object is kept.
pub async fn of_two_puts_at_once_one_is_kept_whole<S: ImageStore>(store: S) {
    for round in 0..8 {
        let key = key(&format!("both/{round}"));
        let (a, b) = (letters(b'a', 70_000), letters(b'b', 300_000));
        let (first, second) = join(store.put(&key, uneven(&a)), store.put(&key, uneven(&b))).await;
        first.expect("the first put succeeds");
        second.expect("the second put succeeds");
        let kept = read(&store, &key).await;
        assert!(kept == a || kept == b, "a mixture of two objects was kept");
    }
}

/// Reads an object again and again while a writer replaces it. Checks that the reader gets only
/// whole objects, and never an older one after a newer one.
pub async fn readers_see_whole_objects_while_writers_replace_them<S: ImageStore>(store: S) {
    let key = key("a/b");
    let len = |letter: u8| 1000 * usize::from(letter - b'a' + 1);
    write(&store, &key, letters(b'a', len(b'a'))).await;
    let writer = async {
        for letter in b'b'..=b'z' {
            store.put(&key, uneven(&letters(letter, len(letter)))).await.expect("putting succeeds");
        }
    };
    let reader = async {
        let mut last = b'a';
        while last < b'z' {
            let object = store.get(&key, None).await.expect("the object is always there");
            let size = object.meta.size;
            let bytes = object.into_bytes(LARGE).await.expect("an object that was opened is read");
            let letter = bytes[0];
            assert_eq!(size, bytes.len() as u64, "what was announced came");
            assert!(bytes == letters(letter, len(letter)), "a mixture was read");
            assert!(letter >= last, "an older object came back");
            last = letter;
            for_turns(3, std::future::pending::<()>()).await;
        }
    };
    join(writer, reader).await;
}

/// Checks that a deleted object is not found and that its key can be created again.
pub async fn a_deleted_object_is_gone_and_its_key_can_be_taken_again<S: ImageStore>(store: S) {
    let key = key("a/b/c");
    for round in ["one", "two"] {
        store.create(&key, round.into()).await.expect("the key is free");
        assert_eq!(read(&store, &key).await, round);
        store.delete(&key).await.expect("deleting succeeds");
        assert_nothing_at(&store, &key).await;
        assert!(keys(&store, "").await.is_empty());
    }
}

/// Checks that `delete` is idempotent.
pub async fn deleting_what_is_not_there_is_no_error<S: ImageStore>(store: S) {
    store.delete(&key("never")).await.expect("deleting what never was is no error");
    store.delete(&key("a/b/c")).await.expect("nor in a folder that never was");
    write(&store, &key("a/b"), "x").await;
    store.delete(&key("a/b/c")).await.expect("nor below an object");
    store.delete(&key("a")).await.expect("nor where only a folder is");
    assert_eq!(read(&store, &key("a/b")).await, "x");
    store.delete(&key("a/b")).await.expect("deleting succeeds");
    store.delete(&key("a/b")).await.expect("and again");
}

/// Checks that a deletion removes only the object at its key.
pub async fn deleting_leaves_the_neighbours<S: ImageStore>(store: S) {
    let neighbours = ["a", "b/a", "b/ab", "b/b", "b/c/d", "bb"];
    for neighbour in neighbours {
        write(&store, &key(neighbour), neighbour).await;
    }
    store.delete(&key("b/a")).await.expect("deleting succeeds");
    assert_eq!(keys(&store, "").await, ["a", "b/ab", "b/b", "b/c/d", "bb"]);
    for left in ["a", "b/ab", "b/b", "b/c/d", "bb"] {
        assert_eq!(read(&store, &key(left)).await, left);
    }
}

/// Creates an object while the only other object of its folder is being deleted. Checks that the
/// new object exists.
pub async fn creating_beside_a_deletion_loses_nothing<S: ImageStore>(store: S) {
    for round in 0..16 {
        let old = key(&format!("f/{round}/g/old"));
        let new = key(&format!("f/{round}/g/new"));
        write(&store, &old, "old").await;
        let (deleted, created) = join(store.delete(&old), store.create(&new, "new".into())).await;
        deleted.expect("deleting succeeds");
        created.expect("creating succeeds");
        assert_eq!(read(&store, &new).await, "new");
        assert_nothing_at(&store, &old).await;
    }
}

/// Checks that a store accepts valid keys with long parts, of the largest length, with many parts,
/// with blanks, and with characters that are special in URLs and globs.
pub async fn keys_at_every_limit_are_held<S: ImageStore>(store: S) {
    let part = "p".repeat(MAX_KEY_PART_BYTES);
    let mut texts: Vec<String> =
        vec![part.clone(), format!("q{0}/{part}/{part}", &part[1..]), vec!["d"; 384].join("/")];
    texts.extend(
        [
            "b c/d e",
            "%41/%2F",
            "a+b&c=d,e;f",
            "~#!$'()[]{}@^`",
            "Ger\u{e4}t/\u{4e2d}\u{6587}/\u{1f4de}",
            "x..y",
            "-",
        ]
        .map(str::to_owned),
    );
    for text in &texts {
        store.create(&key(text), text.clone().into()).await.expect("a valid key is held");
    }
    for text in &texts {
        assert_eq!(read(&store, &key(text)).await, *text);
    }
    texts.sort();
    assert_eq!(keys(&store, "").await, texts, "each key is listed as it is");
    for text in &texts {
        store.delete(&key(text)).await.expect("and deleted");
    }
    assert!(keys(&store, "").await.is_empty());
}

/// Writes an object at `A` while an object is at `a`. Checks that the store keeps both objects, or
/// returns [`StoreError::Conflict`] and does not change the object at `a`.
pub async fn keys_that_differ_in_case_are_never_mixed<S: ImageStore>(store: S) {
    for (first, second) in [("images/a.nbt", "images/A.nbt"), ("Logs/a", "logs/b"), ("\u{e4}", "\u{c4}")] {
        one_beside_the_other(&store, &key(first), &key(second)).await;
    }
}

/// Writes objects at `a` and `a/b`, in both orders. Checks that the store keeps both objects, or
/// returns [`StoreError::Conflict`] for the second one and does not change the first one.
pub async fn a_key_and_one_below_it_are_never_mixed<S: ImageStore>(store: S) {
    for (first, second) in [("a", "a/b"), ("b/c", "b"), ("d/e", "d/e/f/g"), ("h/i/j/k", "h/i")] {
        one_beside_the_other(&store, &key(first), &key(second)).await;
    }
}

async fn one_beside_the_other<S: ImageStore>(store: &S, first: &StoreKey, second: &StoreKey) {
    write(store, first, "first").await;
    assert_nothing_at(store, second).await;
    let created = store.create(second, "second".into()).await;
    let put = store.put(second, stream_of("second")).await.map(drop);
    assert_eq!(read(store, first).await, "first", "`{second}` changed `{first}`");
    match (created, put) {
        (Ok(()), Ok(())) => assert_eq!(read(store, second).await, "second"),
        (Err(StoreError::Conflict { .. }), Err(StoreError::Conflict { .. })) => {
            assert_nothing_at(store, second).await;
            store.delete(second).await.expect("deleting what could not be held is no error");
        }
        ends => panic!("`{second}` beside `{first}` should be held or be a conflict, but gave {ends:?}"),
    }
    assert_eq!(read(store, first).await, "first", "`{second}` changed `{first}`");
}
