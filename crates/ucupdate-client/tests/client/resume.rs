//! Tests downloads that continue an earlier try. Two images must never be mixed.

use crate::server::{Etags, Files, Reply, client, image, offer, options};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::tempdir;
use ucupdate_client::{Client, ClientError, ConnectionFault, DownloadedFile, Retry};
use ucupdate_core::request::Side;
use ucupdate_core::value::Sha256Digest;

async fn fetch(client: &Client, url: &str, into: &Path) -> Result<DownloadedFile, ClientError> {
    client.download(&offer(url), Side::Internal, into, |_| ()).await.map(|fetched| fetched.image)
}

fn once() -> Client {
    Client::new(options().with_retry(Retry::never())).unwrap()
}

fn range(first: usize) -> Option<String> {
    Some(format!("bytes={first}-"))
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    let bytes = image(5000, 1);
    let (files, url) = Files::new(&bytes).then(Reply::Cut(2000)).then(Reply::Cut(1000)).start().await;
    let folder = tempdir().unwrap();
    let fetched = fetch(&client(), &url, folder.path()).await.unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), bytes);
    assert_eq!((fetched.tries, fetched.resumed_from), (3, Some(3000)));
    assert_eq!(fetched.sha256, Sha256Digest::of(&bytes));
    assert_eq!(files.image_ranges(), [None, range(2000), range(3000)]);
    let if_range = files.requests.lock().unwrap()[1].if_range.clone();
    assert_eq!(if_range, Some(format!("\"{}\"", Sha256Digest::of(&bytes))));
}

#[tokio::test]
async fn a_download_that_falls_silent_is_broken_off_and_goes_on() {
    let bytes = image(5000, 1);
    let (_, url) = Files::new(&bytes).then(Reply::Stall(2000)).start().await;
    let folder = tempdir().unwrap();
    let impatient = Client::new(options().with_idle_timeout(Duration::from_millis(200))).unwrap();
    let fetched = tokio::time::timeout(Duration::from_secs(4), fetch(&impatient, &url, folder.path()));
    let fetched = fetched.await.unwrap().unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), bytes);
    assert_eq!((fetched.tries, fetched.resumed_from), (2, Some(2000)));
}

#[tokio::test]
async fn a_download_cut_short_each_time_gets_no_name_and_another_program_goes_on() {
    let bytes = image(5000, 1);
    let (files, url) = Files::new(&bytes).then(Reply::Cut(2000)).start().await;
    let folder = tempdir().unwrap();
    let error = fetch(&once(), &url, folder.path()).await.unwrap_err();
    assert!(matches!(error, ClientError::Connection { fault: ConnectionFault::Broken, .. }), "{error}");
    assert!(!folder.path().join("CPE.nbt").exists());

    let fetched = fetch(&once(), &url, folder.path()).await.unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), bytes);
    assert_eq!(fetched.resumed_from, Some(2000));
    assert_eq!(files.image_ranges(), [None, range(2000)]);
}

/// The image changes while a device has a part of the earlier one. The wrong result would be half of each image under
/// the name of the new one.
#[tokio::test]
async fn an_image_that_changes_on_the_way_is_never_mixed_with_the_one_before() {
    let (old, new) = (image(5000, 1), image(5000, 2));
    for heeds_if_range in [true, false] {
        for etags in [Etags::Sha256, Etags::Other, Etags::Weak, Etags::OnlyOnWhole, Etags::Absent] {
            let mut files = Files::new(&old).then(Reply::Cut(2000)).then(Reply::Change(new.clone()));
            files.heeds_if_range = heeds_if_range;
            files.etags = etags;
            let (_, url) = files.start().await;
            let folder = tempdir().unwrap();
            let fetched = fetch(&client(), &url, folder.path()).await.unwrap();
            assert!(
                fs::read(&fetched.path).unwrap() == new,
                "mixed: heeds If-Range: {heeds_if_range}, {etags:?}"
            );
            assert_eq!((fetched.sha256, fetched.resumed_from), (Sha256Digest::of(&new), None));
        }
    }
}

#[tokio::test]
async fn an_image_that_shrinks_below_what_is_there_is_started_over() {
    for heeds_if_range in [true, false] {
        let new = image(1000, 2);
        let mut files = Files::new(&image(5000, 1)).then(Reply::Cut(2000)).then(Reply::Change(new.clone()));
        files.heeds_if_range = heeds_if_range;
        let (_, url) = files.start().await;
        let folder = tempdir().unwrap();
        let fetched = fetch(&client(), &url, folder.path()).await.unwrap();
        assert_eq!(fs::read(&fetched.path).unwrap(), new);
    }
}

#[tokio::test]
async fn without_a_strong_etag_there_is_no_going_on() {
    for etags in [Etags::Weak, Etags::Absent] {
        let mut files = Files::new(&image(5000, 1)).then(Reply::Cut(2000));
        files.etags = etags;
        let (files, url) = files.start().await;
        let folder = tempdir().unwrap();
        fetch(&client(), &url, folder.path()).await.unwrap();
        assert_eq!(files.image_ranges(), [None, None], "{etags:?}");
    }
}

#[tokio::test]
async fn a_part_that_was_damaged_on_the_disk_is_started_over() {
    let bytes = image(5000, 1);
    let (files, url) = Files::new(&bytes).then(Reply::Cut(2000)).start().await;
    let folder = tempdir().unwrap();
    fetch(&once(), &url, folder.path()).await.unwrap_err();
    let part = folder.path().join("CPE.nbt.part");
    let mut damaged = fs::read(&part).unwrap();
    damaged[1000] ^= 1;
    fs::write(&part, damaged).unwrap();
    let fetched = fetch(&once(), &url, folder.path()).await.unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), bytes);
    assert_eq!(files.image_ranges(), [None, None]);
}

#[tokio::test]
async fn a_part_of_another_offer_is_started_over() {
    let (files, url) = Files::new(&image(5000, 1)).then(Reply::Cut(2000)).start().await;
    let folder = tempdir().unwrap();
    fetch(&once(), &format!("{url}/1.0.522.103"), folder.path()).await.unwrap_err();
    fetch(&once(), &format!("{url}/3.5.6907.0"), folder.path()).await.unwrap();
    assert_eq!(files.image_ranges(), [None, None]);
}

#[tokio::test]
async fn a_dropped_download_goes_on_from_the_last_mebibyte() {
    const MEBIBYTE: usize = 1024 * 1024;
    let bytes = image(3 * MEBIBYTE, 1);
    let (_, url) = Files::new(&bytes).then(Reply::Stall(2 * MEBIBYTE + 1000)).start().await;
    let folder = tempdir().unwrap();
    let (came, mut wait) = tokio::sync::mpsc::unbounded_channel();
    let (client, offered) = (once(), offer(&url));
    let stalled =
        client.download(&offered, Side::Internal, folder.path(), |step| came.send(step.bytes).unwrap());
    let until_stalled = async { while wait.recv().await.unwrap() < (2 * MEBIBYTE + 1000) as u64 {} };
    tokio::select! {
        _ = stalled => panic!("a stalled download came to an end"),
        () = until_stalled => (),
        () = tokio::time::sleep(Duration::from_secs(5)) => panic!("the bytes did not come"),
    }
    let fetched = fetch(&client, &url, folder.path()).await.unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), bytes);
    let resumed = fetched.resumed_from.unwrap();
    assert!((MEBIBYTE as u64..=2 * MEBIBYTE as u64 + 1000).contains(&resumed), "{resumed}");
}
