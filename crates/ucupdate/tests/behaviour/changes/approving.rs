use crate::fixtures::*;
use crate::meanwhile::Meanwhile;

#[tokio::test]
async fn what_was_not_looked_at_is_not_approved() {
    let store = Meanwhile::default();
    let service = with_sample(store.clone()).await;
    store.before(StoreCall::Get, "images/", |store| async move {
        ingest(&open(store.store).await, newer_package()).await.unwrap();
    });
    let phone = sample::ip8540();
    let refused = service.admin("ann").approve(vec![phone.clone()]).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "{phone}: conflict: the version to approve changed from 3.5.6907.0 to 9.9.9.9 since it was verified; look at 9.9.9.9 and try \
             again"
        )
    );
    assert_eq!(service.snapshot().book().rule(&phone).unwrap().approved(), None);
    service.admin("ann").approve(vec![phone.clone()]).await.unwrap();
    assert_eq!(offered(&service, &phone, "1.0.522.103"), "9.9.9.9");
}

#[tokio::test]
async fn rolling_back_goes_to_the_version_before_and_never_to_one_whose_image_is_gone() {
    let service = with_sample(MemoryStore::default()).await;
    let phone = sample::ip8540();
    service.admin("ann").approve(vec![phone.clone()]).await.unwrap();
    ingest(&service, newer_package()).await.unwrap();
    service.admin("ann").approve(vec![phone.clone()]).await.unwrap();
    let path = "UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt";
    let old = service.snapshot().files().find(path).unwrap();
    let bytes = service.store().get_bytes(&old.key, IMAGE_BYTES).await.unwrap();
    service.store().delete(&old.key).await.unwrap();
    assert_eq!(
        service.admin("bob").roll_back(phone.clone()).await.unwrap_err().to_string(),
        format!("CPE.nbt of 3.5.6907.0 for {phone} is missing in the store; ingest its package again")
    );
    assert_eq!(offered(&service, &phone, "1.0.522.103"), "9.9.9.9");
    service.store().put_bytes(&old.key, bytes).await.unwrap();
    service.admin("bob").roll_back(phone.clone()).await.unwrap();
    assert_eq!(offered(&service, &phone, "9.9.9.9"), "3.5.6907.0", "older, and offered all the same");
}

#[tokio::test]
async fn an_image_that_is_not_what_was_ingested_is_never_approved() {
    let service = with_sample(MemoryStore::default()).await;
    let phone = sample::ip8540();
    let snapshot = service.snapshot();
    let file = snapshot.files().find("UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt").unwrap();
    let mut bytes = service.store().get_bytes(&file.key, IMAGE_BYTES).await.unwrap().to_vec();
    bytes[100] ^= 1;
    service.store().put_bytes(&file.key, bytes).await.unwrap();
    let refused = service.admin("ann").approve(vec![phone.clone()]).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("CPE.nbt of 3.5.6907.0 for {phone} differs from what was ingested; ingest its package again")
    );
    assert_eq!(service.snapshot().revision(), 1);
}

#[tokio::test]
async fn a_file_of_another_size_than_was_ingested_is_not_served() {
    let service = with_sample(MemoryStore::default()).await;
    let snapshot = service.snapshot();
    let file = snapshot.files().find("OCInterim/ENU/CPE.nbt").unwrap();
    service.store().put_bytes(&file.key, "short").await.unwrap();
    let Err(refused) = service.open_file(&file, None).await else { panic!("it was served") };
    assert!(refused.to_string().ends_with("is damaged: 5 bytes, expected 4096"), "{refused}");
}
