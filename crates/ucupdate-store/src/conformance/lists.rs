//! The cases of the conformance suite for `list`.

use super::reads::assert_near;
use super::support::*;
use crate::ext::ImageStoreExt;
use crate::image_store::{ImageStore, MAX_PAGE_OBJECTS};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

/// Keys with characters that sort before and after `/`, in the correct order. A store that sorts
/// each folder on its own may return another order.
const TRICKY: [&str; 14] = [
    "C", "a-b", "a-b.c", "a.b", "a/-", "a/b-c", "a/b/c", "a/b/c0", "a/b0", "a0", "aa/b", "ab", "b/a/a/a",
    "\u{e4}/a",
];

async fn write_tricky<S: ImageStore>(store: &S) {
    // The keys are not written in order.
    for n in 0..TRICKY.len() {
        let text = TRICKY[(n * 5 + 3) % TRICKY.len()];
        write(store, &key(text), text).await;
    }
}

/// Checks that a listing is sorted by the bytes of the whole key: `a-b` before `a/b` before `a0`.
pub async fn a_listing_is_sorted_by_bytes<S: ImageStore>(store: S) {
    assert!(keys(&store, "").await.is_empty(), "a new store lists nothing");
    write_tricky(&store).await;
    assert_eq!(keys(&store, "").await, TRICKY);
}

/// Checks that a prefix matches the text of keys, not whole parts: a listing has exactly the keys
/// that begin with the prefix. The prefixes end inside a part of a key, at the end of a part, or
/// after a `/`. One prefix is a whole key.
pub async fn a_prefix_is_text_and_not_a_folder<S: ImageStore>(store: S) {
    write_tricky(&store).await;
    for prefix in ["a", "a/", "a/b", "a/b/", "a/b/c", "aa", "aa/", "a-", "a-b.", "b/a/a", "b", "\u{e4}", "C"]
    {
        let expected: Vec<_> = TRICKY.into_iter().filter(|key| key.starts_with(prefix)).collect();
        assert!(!expected.is_empty());
        assert_eq!(keys(&store, prefix).await, expected, "prefix `{prefix}`");
    }
}

/// Checks that a prefix without any key gives an empty listing and no error.
pub async fn a_prefix_that_no_key_has_lists_nothing<S: ImageStore>(store: S) {
    write_tricky(&store).await;
    let long = "x".repeat(5000);
    for prefix in [
        "c", "a/b/c/", "a-b/", "/", "/a", "a//", "../", "a/../", "./a", ".", "a\\", "a:", "\0", "NUL/", "*",
        &long,
    ] {
        assert_eq!(keys(&store, prefix).await, [""; 0], "prefix {prefix:?}");
    }
}

/// Checks that a listing after any key continues with the next greater key, whether or not an object has that key.
pub async fn a_listing_goes_on_after_any_key<S: ImageStore>(store: S) {
    write_tricky(&store).await;
    let between = ["A", "a", "a/b", "a/b/b", "a/b/c/d", "a/z", "a-", "aa", "az", "b", "c", "\u{f6}"];
    for after in TRICKY.into_iter().chain(between) {
        for prefix in ["", "a", "a/", "a/b", "b/"] {
            let page = store.list(prefix, Some(&key(after))).await.expect("listing succeeds");
            let found: Vec<_> = page.iter().map(|meta| meta.key.as_str()).collect();
            let expected: Vec<_> =
                TRICKY.into_iter().filter(|key| key.starts_with(prefix) && *key > after).collect();
            assert!(expected.starts_with(&found), "prefix `{prefix}` after `{after}`: {found:?}");
            assert_eq!(found.is_empty(), expected.is_empty(), "a page is empty at the end only");
        }
    }
}

/// Checks that key, size and time in a listing equal those of `head`.
pub async fn a_listing_tells_what_head_tells<S: ImageStore>(store: S) {
    for (text, len) in [("a", 0), ("b/c", 1), ("b/d", 70_000)] {
        write(&store, &key(text), pattern(len)).await;
    }
    for listed in store.list_all("", 10).await.expect("listing succeeds") {
        let head = store.head(&listed.key).await.expect("what is listed is there");
        assert_eq!((&listed.key, listed.size), (&head.key, head.size));
        assert_near(listed.modified, head.modified);
    }
}

async fn write_a_page_and_more<S: ImageStore>(store: &S) -> Vec<String> {
    let mut texts: Vec<_> = (0..=MAX_PAGE_OBJECTS + 5).map(|n| format!("n/{}/{n:04}", n % 3)).collect();
    let writes = texts.iter().map(|text| async move {
        store.create(&key(text), Bytes::new()).await.expect("creating succeeds");
    });
    stream::iter(writes).buffer_unordered(16).collect::<()>().await;
    texts.sort();
    texts
}

/// Checks that a listing of more than [`MAX_PAGE_OBJECTS`] objects has each object once. Checks
/// also that no page has more than [`MAX_PAGE_OBJECTS`] objects.
pub async fn pages_join_without_gap_or_repetition<S: ImageStore>(store: S) {
    let written = write_a_page_and_more(&store).await;
    let mut pages = store.pages("n/");
    let mut found = Vec::new();
    while let Some(page) = pages.next().await.expect("listing succeeds") {
        assert!(page.len() <= MAX_PAGE_OBJECTS, "a page of {} objects", page.len());
        found.extend(page.into_iter().map(|meta| meta.key.to_string()));
        assert!(found.len() <= written.len(), "more was listed than is there");
    }
    assert!(found == written, "each object is listed once, in order");
}

/// Checks that deletions between two pages hide no other object.
pub async fn what_is_deleted_between_pages_disturbs_no_other<S: ImageStore>(store: S) {
    write_tricky(&store).await;
    let mut after = None;
    let mut found = Vec::new();
    loop {
        let page = store.list("", after.as_ref()).await.expect("listing succeeds");
        let Some(first) = page.into_iter().next() else { break };
        store.delete(&first.key).await.expect("deleting succeeds");
        found.push(first.key.to_string());
        after = Some(first.key);
    }
    assert_eq!(found, TRICKY);
    assert!(keys(&store, "").await.is_empty());
}
