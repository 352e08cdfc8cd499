use crate::fixtures::*;

#[tokio::test]
async fn a_test_phone_climbs_by_the_interim_image_and_the_answer_is_the_canonical_one() {
    let service = with_sample(MemoryStore::default()).await;
    let phone = sample::ip8540();
    assert_eq!(offered(&service, &phone, "0.0.0.0"), "-");
    service.admin("ann").add_test_device(lab_phone()).await.unwrap();
    let answer = service.codec().encode_response(&ask(&service, &phone, "0.0.0.0"));
    let canonical =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/canonical-offer.xml")).unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), String::from_utf8(canonical).unwrap());
    assert_eq!(offered(&service, &phone, "1.0.522.103"), "3.5.6907.0");
    assert_eq!(offered(&service, &phone, "3.5.6907.0"), "-");
}

#[tokio::test]
async fn what_is_rolled_back_reaches_phones_that_have_the_newer_one() {
    let service = with_sample(MemoryStore::default()).await;
    let phone = sample::cx700();
    service.admin("ann").approve(vec![phone.clone()]).await.unwrap();
    assert_eq!(offered(&service, &phone, "4.0.7577.0"), "3.5.6907.9");
    service.admin("bob").roll_back_to_nothing(phone.clone()).await.unwrap();
    assert_eq!(offered(&service, &phone, "1.0.522.103"), "-");
    let history = service.history(1, 10).await.unwrap();
    let report: Vec<String> = history
        .iter()
        .map(|revision| format!("{} {} {}", revision.number, revision.author, revision.notes.last().unwrap()))
        .collect();
    assert_eq!(
        report,
        [
            "1 ann interim image 1.0.522.103 for ENU is pending",
            "2 ann interim image 1.0.522.103 for ENU is approved too, because devices of UCPhone/Polycom/CX700/A/ENU/CPE must install it first",
            "3 bob UCPhone/Polycom/CX700/A/ENU/CPE: rolled back from 3.5.6907.9 to nothing: nothing is offered",
        ]
    );
}

#[tokio::test]
async fn a_removed_rule_offers_nothing_while_its_files_stay_served() {
    let service = with_sample(MemoryStore::default()).await;
    let phone = sample::cx700();
    service.admin("ann").approve(vec![phone.clone()]).await.unwrap();
    let path = "ucphone/polycom/cx700/a/enu/3.5.6907.9/cpe/cpe.nbt";
    let before = service.snapshot().files().find(path).unwrap();
    service.admin("ann").remove(phone.clone()).await.unwrap();
    assert_eq!(offered(&service, &phone, "1.0.522.103"), "-");
    assert_eq!(service.snapshot().files().find(path), Some(before.clone()));
    assert_eq!(&*before.path, "UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt");
}

#[tokio::test]
async fn a_service_without_urls_answers_nobody() {
    let store = std::sync::Arc::new(MemoryStore::default());
    let service = UpdateService::open(store, Options::default()).await.unwrap();
    let asker = Asker { side: Side::Internal, host: "10.1.1.123" };
    assert_eq!(service.answer(&request(&sample::cx700(), "1.0"), asker), Err(NoUrls::Any));
}

#[tokio::test]
async fn a_device_outside_is_never_answered_with_a_blank_url() {
    let inside = options().with_urls(ucupdate::BaseUrls::new("http://ocs.demo.local".parse().unwrap()));
    let service = UpdateService::open(std::sync::Arc::new(MemoryStore::default()), inside).await.unwrap();
    let asker = Asker { side: Side::External, host: "10.1.1.123" };
    assert_eq!(service.answer(&request(&sample::cx700(), "1.0"), asker), Err(NoUrls::External));
}
