//! Tests new revisions that restore the rule book of an earlier one.

use crate::fixtures::*;
use crate::meanwhile::Meanwhile;

/// Makes a history in which revision 2 has the sample approved in one rule. Many changes follow.
async fn changed(store: impl ImageStore) -> UpdateService {
    let service = with_sample(store).await;
    let phone = sample::ip8540();
    service.admin("ann").approve(vec![phone.clone()]).await.unwrap();
    ingest(&service, newer_package()).await.unwrap();
    service.admin("ann").approve(vec![phone.clone()]).await.unwrap();
    service.admin("ann").add_test_device(lab_phone()).await.unwrap();
    let policy = OfferPolicy::offering(OfferRule::Newer);
    service.admin("ann").set_policy(phone, policy).await.unwrap();
    service.admin("ann").remove(sample::cx700()).await.unwrap();
    ingest(&service, sample::round_table(IMAGE_BYTES)).await.unwrap();
    service
}

#[tokio::test]
async fn all_is_as_it_was_and_what_was_ingested_since_is_still_there() {
    let store = MemoryStore::default();
    let service = changed(store.clone()).await;
    let phone = sample::ip8540();
    assert_eq!(offered(&service, &phone, "1.0.522.103"), "9.9.9.9");
    let files = service.snapshot().files().iter().len();

    let changed = service.admin("bob").roll_back_to(2).await.unwrap();
    assert_eq!(changed.revision, Some(9));
    assert_eq!(changed.notes[0].to_string(), "the rule book is as it was at revision 2");
    assert!(
        changed
            .notes
            .iter()
            .any(|note| note.to_string() == format!("{phone}: rolled back from 9.9.9.9 to 3.5.6907.0"))
    );
    assert_eq!(offered(&service, &phone, "1.0.522.103"), "3.5.6907.0");
    let book = service.snapshot().book().clone();
    assert_eq!((book.rules().len(), book.test_devices().len(), book.packages().len()), (2, 0, 3));
    assert_eq!(book.rule(&phone).unwrap().policy(), &OfferPolicy::default());
    assert_eq!(service.snapshot().files().iter().len(), files, "a phone may be fetching one of them");

    let last = service.history(9, 1).await.unwrap().remove(0);
    assert_eq!((last.author.as_str(), last.command), ("bob", RecordedCommand::RollBackTo(2)));
    assert_eq!(*open(store).await.snapshot().book(), book);
    assert_eq!(
        service.admin("bob").roll_back_to(2).await.unwrap().revision,
        None,
        "there is nothing more to do"
    );
    // The roll back is undone by another roll back.
    service.admin("bob").roll_back_to(8).await.unwrap();
    assert_eq!(offered(&service, &phone, "1.0.522.103"), "9.9.9.9");
}

#[tokio::test]
async fn the_command_of_the_history_does_the_same() {
    let service = changed(MemoryStore::default()).await;
    assert_eq!(service.admin("bob").roll_back_to(1).await.unwrap().revision, Some(9));
    assert_eq!(offered(&service, &sample::ip8540(), "1.0.522.103"), "-");
}

#[tokio::test]
async fn a_revision_that_there_is_not_is_refused() {
    let service = with_sample(MemoryStore::default()).await;
    for revision in [0, 2, u64::MAX] {
        let refused = service.admin("bob").roll_back_to(revision).await.unwrap_err();
        assert!(matches!(refused, ChangeError::NoRevision { newest: 1, .. }));
        assert_eq!(refused.to_string(), format!("no revision {revision}: the rule book is at revision 1"));
    }
    assert_eq!(service.admin("bob").roll_back_to(1).await.unwrap().revision, None);
}

#[tokio::test]
async fn images_that_are_gone_or_damaged_are_named_and_nothing_changes() {
    let service = changed(MemoryStore::default()).await;
    let snapshot = service.snapshot();
    let old = "UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE";
    let image = snapshot.files().find(&format!("{old}/CPE.nbt")).unwrap();
    let signature = snapshot.files().find(&format!("{old}/CPE.cat")).unwrap();
    service.store().delete(&image.key).await.unwrap();
    service.store().put_bytes(&signature.key, "rotten").await.unwrap();
    let phone = sample::ip8540();
    assert_eq!(
        service.admin("bob").roll_back_to(2).await.unwrap_err().to_string(),
        format!(
            "revision 2 cannot be restored: CPE.nbt of 3.5.6907.0 for {phone} is missing in the store, ingest its \
             package again; CPE.cat of 3.5.6907.0 for {phone} differs from what was ingested, ingest its package \
             again"
        )
    );
    assert_eq!(service.refresh().await.unwrap(), 8);
    ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
    service.admin("bob").roll_back_to(2).await.unwrap();
    assert_eq!(offered(&service, &phone, "1.0.522.103"), "3.5.6907.0");
}

#[tokio::test]
async fn what_was_changed_meanwhile_is_rolled_back_too() {
    let store = Meanwhile::default();
    let service = changed(store.clone()).await;
    store.before(StoreCall::Create, "state/revisions/", |store| async move {
        open(store).await.admin("eve").remove(sample::ip8540()).await.unwrap();
    });
    assert_eq!(service.admin("bob").roll_back_to(2).await.unwrap().revision, Some(10));
    assert!(store.has_happened());
    assert_eq!(offered(&service, &sample::ip8540(), "1.0.522.103"), "3.5.6907.0");
}

#[tokio::test]
async fn files_that_were_stored_anew_meanwhile_are_not_given_out_unread() {
    let store = Meanwhile::default();
    let service = changed(store.clone()).await;
    let image = "UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt";
    let key = service.snapshot().files().find(image).unwrap().key.clone();
    store.before(StoreCall::Create, "state/revisions/", move |store| async move {
        store.delete(&key).await.unwrap();
        ingest(&open(store).await, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
    });
    let refused = service.admin("bob").roll_back_to(2).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "conflict: the rule book is at revision 9, expected 8; look at the changes and try again"
    );
    service.admin("bob").roll_back_to(2).await.unwrap();
}

#[tokio::test]
async fn a_roll_back_whose_answer_is_lost_is_made_once() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let service = changed(Arc::clone(&store)).await;
    store.on(StoreCall::Create).once(StoreFault::LostAnswer);
    assert_eq!(service.admin("bob").roll_back_to(2).await.unwrap().revision, Some(9));
    assert_eq!(service.history(1, 100).await.unwrap().len(), 9);
}
