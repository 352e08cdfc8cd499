//! Uploads: dry runs, repeated requests, and what is refused.

use crate::fixtures::{IMAGE_BYTES, Site};
use serde_json::json;
use ucupdate::cab::package::sample;
use ucupdate_admin::AdminLimits;

#[tokio::test]
async fn a_package_is_looked_at_then_stored_and_then_listed() {
    let site = Site::with_limits(AdminLimits::default()).await;
    let cabinet = sample::uc_updates(IMAGE_BYTES);
    let would = site.upload(&site.olga, "&dry_run=true", &[], cabinet.clone()).await;
    assert_eq!((would.status.as_u16(), &would.json()["dry_run"]), (200, &json!(true)), "{:?}", would.bytes);
    assert_eq!(site.get(&site.vic, "/api/v1/packages").await.json()["packages"], json!([]));
    let made = site.upload(&site.ann, "", &[], cabinet).await;
    assert_eq!((made.status.as_u16(), &made.json()["revision"]), (200, &json!(1)), "{:?}", made.bytes);
    let package = site.get(&site.vic, "/api/v1/packages").await.json()["packages"][0].clone();
    assert_eq!(package["package"], made.json()["package"]);
    assert_eq!(
        (&package["file_name"], &package["releases"][0]["state"]),
        (&json!("UCUpdates.cab"), &json!("pending"))
    );
}

#[tokio::test]
async fn a_repeated_upload_gets_the_first_answer_and_its_key_serves_no_other_file() {
    let site = Site::with_limits(AdminLimits::default()).await;
    let cabinet = sample::uc_updates(IMAGE_BYTES);
    let key = [("idempotency-key", "7")];
    let first = site.upload(&site.ann, "", &key, cabinet.clone()).await;
    let again = site.upload(&site.ann, "", &key, cabinet.clone()).await;
    assert_eq!((first.json()["revision"].clone(), &first.bytes), (json!(1), &again.bytes));
    let other = site.upload(&site.ann, "&dry_run=true", &key, cabinet.clone()).await;
    assert_eq!((other.status.as_u16(), other.kind().as_str()), (422, "not-understood"));
    let of_bob = site.upload(&site.bob, "", &key, cabinet).await;
    assert_eq!(of_bob.json()["revision"], json!(null), "the package exists already");
}

#[tokio::test]
async fn only_the_newest_keys_of_uploads_are_remembered() {
    let site = Site::with_limits(AdminLimits::default().with_idempotency_keys(1)).await;
    let cabinet = sample::uc_updates(IMAGE_BYTES);
    for (key, revision) in [("1", json!(1)), ("1", json!(1)), ("2", json!(null)), ("1", json!(null))] {
        let made = site.upload(&site.ann, "", &[("idempotency-key", key)], cabinet.clone()).await;
        assert_eq!(made.json()["revision"], revision, "a repeated answer has the revision of the first one");
    }
}

#[tokio::test]
async fn uploads_and_checks_share_a_limited_number_of_places() {
    for (places, status) in [(0, 503), (1, 200)] {
        let site = Site::with_limits(AdminLimits::default().with_uploads(places)).await;
        let upload = site.upload(&site.ann, "", &[], sample::uc_updates(IMAGE_BYTES)).await;
        let check = site.get(&site.vic, "/api/v1/verify").await;
        assert_eq!((upload.status.as_u16(), check.status.as_u16()), (status, status), "{places} places");
    }
}

#[tokio::test]
async fn what_is_no_package_is_refused_with_its_problems() {
    let site = Site::with_limits(AdminLimits::default().with_package_bytes(100_000)).await;
    let nonsense = site.upload(&site.ann, "", &[], b"hello".to_vec()).await;
    assert_eq!((nonsense.status.as_u16(), nonsense.kind().as_str()), (422, "not-understood"));
    let large = site.upload(&site.ann, "", &[], vec![0; 200_000]).await;
    assert_eq!((large.status.as_u16(), large.kind().as_str()), (413, "too-large"));
    let text = site.post(&site.ann, "/api/v1/packages", &[], json!({})).await;
    assert_eq!((text.status.as_u16(), text.kind().as_str()), (415, "media-type"));
    assert_eq!(site.service().snapshot().revision(), 0);
}

#[tokio::test]
async fn a_set_of_cabinets_is_stored_from_one_body() {
    let site = Site::with_limits(AdminLimits::default()).await;
    let cabinet = sample::uc_updates(IMAGE_BYTES);
    let sizes = format!("&part_sizes={}", cabinet.len());
    let made = site.upload(&site.ann, &sizes, &[], cabinet.clone()).await;
    assert_eq!((made.status.as_u16(), &made.json()["revision"]), (200, &json!(1)), "{:?}", made.bytes);
    for wrong in ["&part_sizes=0", "&part_sizes=x", "&part_sizes=1,,2", "&part_sizes="] {
        assert_eq!(site.upload(&site.ann, wrong, &[], cabinet.clone()).await.status, 400, "{wrong}");
    }
    let short = format!("&part_sizes={}", cabinet.len() - 1);
    assert!(site.upload(&site.ann, &short, &[], cabinet).await.status.is_client_error());
}
