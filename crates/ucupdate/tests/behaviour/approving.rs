use crate::fixtures::*;
use ucupdate::cab::package::sample;
use ucupdate::store::{ImageStoreExt as _, MemoryStore};

#[tokio::test]
async fn an_image_that_is_not_what_was_ingested_is_never_approved() {
    let service = with_sample(MemoryStore::default()).await;
    let phone = sample::ip8540();
    let snapshot = service.snapshot();
    let file = snapshot.files().find("UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt").unwrap();
    let mut bytes = service.store().get_bytes(&file.key, IMAGE_BYTES).await.unwrap().to_vec();
    bytes[100] ^= 1;
    service.store().put_bytes(&file.key, bytes).await.unwrap();
    let refused = service.approve(vec![phone.clone()], "ann").await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "CPE.nbt of 3.5.6907.0 for {phone} is not in the store as it was ingested; ingest its package again"
        )
    );
    assert_eq!(service.snapshot().revision(), 1);
}

#[tokio::test]
async fn all_of_a_package_is_approved_at_once() {
    let service = open(MemoryStore::default()).await;
    let ingested = ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
    let changed = service.approve_all_of(ingested.id(), "ann").await.unwrap();
    assert_eq!(changed.notes.len(), 2);
    assert_eq!(offered(&service, &sample::cx700(), "1.0.522.103"), "3.5.6907.9");
    assert_eq!(offered(&service, &sample::ip8540(), "1.0.522.103"), "3.5.6907.0");
}

#[tokio::test]
async fn a_file_of_another_size_than_was_ingested_is_not_served() {
    let service = with_sample(MemoryStore::default()).await;
    let snapshot = service.snapshot();
    let file = snapshot.files().find("OCInterim/ENU/CPE.nbt").unwrap();
    service.store().put_bytes(&file.key, "short").await.unwrap();
    let Err(refused) = service.open_file(file, None).await else { panic!("it was served") };
    assert!(refused.to_string().ends_with("is damaged: 5 bytes, expected 4096"), "{refused}");
}
