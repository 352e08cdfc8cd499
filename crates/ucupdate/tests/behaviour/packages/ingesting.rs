use crate::fixtures::*;
use crate::meanwhile::Meanwhile;
use bytes::Bytes;
use futures_util::stream;
use std::io;
use ucupdate::cab::package::{CatalogueBuilder, sample};
use ucupdate::cab::{Cabinet, CabinetBuilder, CabinetLimits, Compression};

#[tokio::test]
async fn the_same_package_twice_changes_nothing_leaves_nothing_and_says_so() {
    let service = with_sample(MemoryStore::default()).await;
    let before = keys(&service, "").await;
    let again = ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
    assert_eq!(again.revision, None);
    assert!(
        again.notes.iter().all(|note| note.to_string().ends_with("nothing changes")),
        "{:?}",
        again.notes
    );
    assert_eq!(keys(&service, "").await, before);
}

#[tokio::test]
async fn a_package_has_the_same_id_from_a_cabinet_and_from_the_program_that_carries_it() {
    let service = with_sample(MemoryStore::default()).await;
    let from_program = ingest(&service, sample::uc_updates_exe(IMAGE_BYTES)).await.unwrap();
    let digest = Sha256Digest::of(sample::uc_updates(IMAGE_BYTES));
    assert_eq!(from_program.id(), PackageId::of(&digest));
    assert_eq!(from_program.revision, None);
}

#[tokio::test]
async fn every_image_in_the_store_is_what_went_in() {
    let service = with_sample(MemoryStore::default()).await;
    let snapshot = service.snapshot();
    for file in snapshot.files().iter() {
        let stored = service.store().get_bytes(&file.key, IMAGE_BYTES).await.unwrap();
        let digest = Sha256Digest::of(&stored);
        assert_eq!((file.size, file.sha256), (stored.len() as u64, digest), "{}", file.path);
    }
    let image = snapshot.files().find("OCInterim/ENU/CPE.nbt").unwrap();
    assert_eq!(image.sha256, Sha256Digest::of(interim_image()));
    assert_eq!(snapshot.files().iter().len(), 6 + described(&snapshot));
}

/// Returns the interim image of the sample, read from its cabinet.
fn interim_image() -> Vec<u8> {
    let package = sample::uc_updates(IMAGE_BYTES);
    let mut cabinet = Cabinet::open(package.as_slice(), CabinetLimits::default()).unwrap();
    while let Some(mut file) = cabinet.next_file().unwrap() {
        if file.entry().name_as_given().ends_with("OCInterim\\ENU\\CPE.nbt") {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
            return bytes;
        }
    }
    panic!("the sample has an interim image")
}

/// Returns the number of files in addition to the three images and their signatures.
fn described(snapshot: &ucupdate::Snapshot) -> usize {
    snapshot.files().iter().filter(|file| file.name.extension() == "xml").count()
}

#[tokio::test]
async fn a_package_with_one_bad_file_takes_nothing_and_says_which() {
    let service = open(MemoryStore::default()).await;
    let mut cabinet = CabinetBuilder::new(Compression::Mszip);
    let folder = "UCPhone\\Polycom\\CX700\\A\\ENU\\3.5.6907.9\\CPE";
    let time = sample::time_stamp();
    let catalogue = CatalogueBuilder::new().with_image("CPE.nbt", b"good").build().unwrap();
    cabinet.file(format!("{folder}\\CPE.nbt"), time, b"good".to_vec());
    cabinet.file(format!("{folder}\\CPE.cat"), time, catalogue);
    cabinet.file("UCPhone\\Polycom\\CX700\\B\\ENU\\3.5.6907.9\\CPE\\CPE.nbt", time, b"alone".to_vec());
    let refused = ingest(&service, cabinet.build().unwrap()).await.unwrap_err().to_string();
    assert!(refused.contains("CX700") && refused.contains("B"), "{refused}");
    assert_eq!(keys(&service, "").await, Vec::<String>::new());
    assert_eq!(service.snapshot().revision(), 0);
}

#[tokio::test]
async fn what_is_no_cabinet_is_refused_and_leaves_nothing() {
    let service = open(MemoryStore::default()).await;
    for bytes in [Vec::new(), b"not a cabinet".to_vec(), sample::uc_updates(IMAGE_BYTES)[..2000].to_vec()] {
        assert!(ingest(&service, bytes).await.is_err());
        assert_eq!(keys(&service, "").await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_input_that_breaks_off_is_refused_with_its_own_error() {
    let service = open(MemoryStore::default()).await;
    let cabinet = sample::uc_updates(IMAGE_BYTES);
    let input = stream::iter([
        Ok(Bytes::copy_from_slice(&cabinet[..cabinet.len() / 2])),
        Err(io::Error::new(io::ErrorKind::ConnectionReset, "the upload was cut")),
    ]);
    let refused = service.admin("ann").ingest("x.cab", Box::pin(input), |_| {}).await.unwrap_err();
    assert_eq!(refused.to_string(), "cannot read the package");
    assert_eq!(std::error::Error::source(&refused).unwrap().to_string(), "the upload was cut");
    assert_eq!(keys(&service, "").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_store_that_fails_half_way_leaves_the_rules_as_they_were_and_room_for_another_try() {
    let puts = (0..8).flat_map(|at| {
        [(StoreCall::Put, at, StoreFault::Unavailable), (StoreCall::Put, at, StoreFault::LostAnswer)]
    });
    let reads = (0..3).map(|at| (StoreCall::Get, at, StoreFault::Unavailable));
    for (call, at, fault) in puts.chain(reads) {
        let store = Faulty::new(MemoryStore::default());
        let service = open(store.clone()).await;
        store.on(call).below("images/").after(at).once(fault);
        let ingested = ingest(&service, sample::uc_updates(IMAGE_BYTES)).await;
        assert!(ingested.is_err(), "{call:?} {at}");
        assert_eq!(service.snapshot().revision(), 0);
        assert_eq!(
            keys(&service, "").await,
            [""; 0],
            "{call:?} {at}: on a full disk nothing else makes room"
        );
        let again = ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
        assert_eq!(again.revision, Some(1), "and the next ingest takes it");
    }
}

#[tokio::test]
async fn dropping_an_ingest_half_way_changes_no_rule() {
    let service = open(MemoryStore::default()).await;
    let cabinet = sample::uc_updates(IMAGE_BYTES);
    let head = stream::iter([Ok(Bytes::copy_from_slice(&cabinet[..cabinet.len() / 2]))]);
    let input = futures_util::StreamExt::chain(head, stream::pending());
    let ingest = service.admin("ann").ingest("x.cab", Box::pin(input), |_| {});
    assert!(tokio::time::timeout(std::time::Duration::from_millis(100), ingest).await.is_err());
    assert_eq!(service.refresh().await.unwrap(), 0);
}

#[tokio::test]
async fn ingesting_again_restores_images_that_were_deleted_by_hand() {
    let service = with_sample(MemoryStore::default()).await;
    let phone = sample::cx700();
    let path = "UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt";
    let lost = service.snapshot().files().find(path).unwrap();
    service.store().delete(&lost.key).await.unwrap();
    let refused = service.admin("ann").approve(vec![phone.clone()]).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("CPE.nbt of 3.5.6907.9 for {phone} is missing in the store; ingest its package again")
    );
    let again = ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
    assert_eq!(again.revision, Some(2));
    let found = service.snapshot().files().find(path).unwrap();
    assert_ne!(found.key, lost.key, "a key is never used twice");
    service.admin("ann").approve(vec![phone]).await.unwrap();
}

#[tokio::test]
async fn progress_is_reported_for_each_file() {
    let service = open(MemoryStore::default()).await;
    let mut report = Vec::new();
    let cabinet = stream::iter([Ok(Bytes::from(sample::uc_updates(IMAGE_BYTES)))]);
    let done = service
        .admin("ann")
        .ingest("x.cab", Box::pin(cabinet), |progress| report.push(progress))
        .await
        .unwrap();
    assert_eq!(report.len(), done.package.members.len());
    let all: u64 = done.package.members.iter().map(|member| member.size).sum();
    assert_eq!(report.last().unwrap().stored_bytes, all);
}

#[tokio::test]
async fn an_interim_image_that_names_no_version_has_the_stones() {
    let service = open(MemoryStore::default()).await;
    let mut cabinet = CabinetBuilder::new(Compression::Mszip);
    let catalogue = CatalogueBuilder::new().with_image("CPE.nbt", b"image").build().unwrap();
    cabinet.file("OCInterim\\ENU\\CPE.nbt", sample::time_stamp(), b"image".to_vec());
    cabinet.file("OCInterim\\ENU\\CPE.cat", sample::time_stamp(), catalogue);
    let ingested = ingest(&service, cabinet.build().unwrap()).await.unwrap();
    assert_eq!(ingested.notes[1].to_string(), "interim image 1.0.522.103 for ENU is pending");
}

#[tokio::test]
async fn a_package_is_described_beside_its_members() {
    let service = with_sample(MemoryStore::default()).await;
    let found = keys(&service, "images/").await;
    let described = found.iter().find(|key| key.ends_with("/package.json")).unwrap();
    let bytes = service.store().get_bytes(&StoreKey::parse(described).unwrap(), 1 << 20).await.unwrap();
    let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["format"], "1.2.0");
    assert_eq!(document["package"]["releases"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_a_dropped_ingest_left_is_swept_up_once_it_is_old() {
    let store = Meanwhile::default();
    let service = open(store.clone()).await;
    let options = ucupdate::GarbageOptions::default();
    ingest(&service, sample::round_table(IMAGE_BYTES)).await.unwrap();
    let kept = keys(&service, "images/").await;
    let left = format!("images/{:032x}/0-CPE.nbt", 7);
    service.store().put_bytes(&left.parse().unwrap(), "left").await.unwrap();
    service.store().put_bytes(&"images/mine/by-hand".parse().unwrap(), "not ours").await.unwrap();

    let young = service.collect_garbage(&options).await.unwrap();
    assert_eq!((young.objects.len(), young.young), (0, 1), "another server may be in the middle of it");
    store.set_ahead(std::time::Duration::from_secs(25 * 60 * 60));
    let found = service.collect_garbage(&options.with_dry_run(true)).await.unwrap();
    assert_eq!((found.objects.len(), found.bytes), (1, 4));
    assert!(keys(&service, "images/").await.contains(&left), "finding removes nothing");

    ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
    let after = keys(&service, "images/").await;
    assert!(!after.contains(&left), "the next ingest sweeps it up");
    assert!(kept.iter().all(|key| after.contains(key)), "and nothing a kept package has");
    assert!(after.contains(&"images/mine/by-hand".to_owned()));
}

#[tokio::test]
async fn what_the_store_did_not_keep_as_it_was_given_is_not_taken() {
    let store = Faulty::new(MemoryStore::default());
    store.on(StoreCall::Put).below("images/").always(StoreFault::FlipsBit);
    let service = open(store).await;
    let refused = ingest(&service, sample::round_table(IMAGE_BYTES)).await.unwrap_err().to_string();
    assert!(refused.ends_with("is damaged: other bytes than were written"), "{refused}");
    assert_eq!(service.snapshot().revision(), 0);
}

#[tokio::test]
async fn ingesting_again_restores_images_that_rotted() {
    let service = with_sample(MemoryStore::default()).await;
    let path = "UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt";
    let rotten = service.snapshot().files().find(path).unwrap();
    service.store().put_bytes(&rotten.key, vec![0; IMAGE_BYTES]).await.unwrap();
    assert!(service.admin("ann").approve(vec![sample::cx700()]).await.is_err());
    assert_eq!(ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap().revision, Some(2));
    service.admin("ann").approve(vec![sample::cx700()]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_package_twice_at_once_is_taken_once() {
    for _ in 0..10 {
        let store = MemoryStore::default();
        let (one, two) = (open(store.clone()).await, open(store.clone()).await);
        let (first, second) = tokio::join!(
            ingest(&one, sample::uc_updates(IMAGE_BYTES)),
            ingest(&two, sample::uc_updates(IMAGE_BYTES))
        );
        let revisions = [first.unwrap().revision, second.unwrap().revision];
        assert!(revisions.contains(&None) && revisions.contains(&Some(1)), "{revisions:?}");
        one.refresh().await.unwrap();
        let ingest = one.snapshot().book().packages().next().unwrap().ingest.to_string();
        let images = keys(&one, "images/").await;
        assert!(images.iter().all(|key| key.contains(&ingest)), "nothing else is left: {images:?}");
        for file in one.snapshot().files().iter() {
            assert!(store.exists(&file.key).await.unwrap());
        }
    }
}

#[tokio::test]
async fn of_several_cabinets_in_a_file_only_the_members_of_the_package_stay_in_the_store() {
    let (package, other) = (sample::uc_updates(IMAGE_BYTES), other_cabinet());
    for cabinets in [[&other[..], &package], [&package, &other]] {
        let service = open(MemoryStore::default()).await;
        let ingested = ingest(&service, cabinets.concat()).await.unwrap();
        assert_eq!(ingested.id(), PackageId::of(&Sha256Digest::of(&package)));
        let stored = keys(&service, "images/").await;
        assert_eq!(stored.len(), ingested.package.members.len() + 1, "{stored:?}");
    }
}

fn other_cabinet() -> Vec<u8> {
    let mut cabinet = CabinetBuilder::new(Compression::None);
    cabinet.file("setup.ini", sample::time_stamp(), "[setup]");
    cabinet.build().unwrap()
}
