//! Tests of what the store makes of answers: the metadata of objects.

use crate::{hasty, key};
use std::collections::HashSet;
use ucupdate_store::{ImageStore as _, ImageStoreExt as _};
use ucupdate_store_s3::S3Store;
use ucupdate_testkit::s3::{Bucket, S3Server};

#[tokio::test]
async fn an_object_has_one_write_mark_in_every_answer_and_another_one_after_a_write_of_the_same_size() {
    let server = S3Server::start(Bucket::default().taking_small_parts()).await;
    let store = S3Store::open(hasty(&server).with_part_bytes(1000)).await.unwrap();
    let mut marks = HashSet::new();
    // The larger object is uploaded in parts.
    for length in [10, 2500] {
        for letter in [b'o', b'n'] {
            let put = store.put_bytes(&key("a"), vec![letter; length]).await.unwrap();
            // HTTP gives the time of a write in whole seconds, so the mark is what tells the two objects apart.
            assert!(put.write_mark != 0 && marks.insert(put.write_mark), "{put:?}");
            let head = store.head(&key("a")).await.unwrap();
            let whole = store.get(&key("a"), None).await.unwrap().meta;
            let part = store.get(&key("a"), Some(2..4)).await.unwrap().meta;
            let nothing = store.get(&key("a"), Some(4..4)).await.unwrap().meta;
            let listed = store.list("", None).await.unwrap().remove(0);
            for meta in [head, whole, part, nothing, listed] {
                assert_eq!(meta.write_mark, put.write_mark, "{meta:?}");
            }
        }
    }
}
