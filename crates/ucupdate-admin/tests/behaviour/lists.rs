//! Lists and their pages, explanations and the check of the store.

use crate::fixtures::{RULE, Site};
use serde_json::{Value, json};
use ucupdate::book::TestDevice;
use ucupdate::device::DeviceId;
use ucupdate_admin::AdminLimits;

#[tokio::test]
async fn a_list_is_read_page_by_page_and_a_removed_cursor_does_not_end_it() {
    let site = Site::with_sample().await;
    let admin = site.service().admin("ann");
    for number in 0..7 {
        let id = DeviceId::Mac(format!("00216300000{number}").parse().unwrap());
        admin
            .add_test_device(TestDevice { name: format!("phone-{number}").parse().unwrap(), id })
            .await
            .unwrap();
    }
    let (mut names, mut path) = (Vec::new(), "/api/v1/test-devices?limit=2".to_owned());
    loop {
        let page = site.get(&site.vic, &path).await.json();
        let found = page["test_devices"].as_array().unwrap().clone();
        assert!(found.len() <= 2);
        names.extend(found.iter().map(|device| device["name"].as_str().unwrap().to_owned()));
        if names.len() == 4 {
            admin.remove_test_device("phone-3".parse().unwrap()).await.unwrap();
        }
        match &page["next"] {
            Value::String(next) => path = format!("/api/v1/test-devices?limit=2&after={next}"),
            _ => break,
        }
    }
    assert_eq!(names[..4], ["phone-0", "phone-1", "phone-2", "phone-3"]);
    assert!(names.len() >= 6, "{names:?}");
    for wrong in ["limit=0", "limit=-1", "limit=x", "after=x"] {
        let refused = site.get(&site.vic, &format!("/api/v1/test-devices?{wrong}")).await;
        assert_eq!((refused.status.as_u16(), refused.kind().as_str()), (400, "bad-request"), "{wrong}");
    }
}

#[tokio::test]
async fn a_page_has_no_more_entries_than_the_limit_however_many_are_asked_for() {
    let site = Site::with_limits(AdminLimits::default().with_page(2)).await;
    for number in 0..3 {
        let id = DeviceId::Mac(format!("00216300000{number}").parse().unwrap());
        let device = TestDevice { name: format!("phone-{number}").parse().unwrap(), id };
        site.service().admin("ann").add_test_device(device).await.unwrap();
    }
    for path in ["/api/v1/test-devices", "/api/v1/test-devices?limit=500"] {
        let page = site.get(&site.vic, path).await.json();
        assert_eq!(page["test_devices"].as_array().unwrap().len(), 2, "{path}");
        assert!(page["next"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn the_history_is_read_from_its_end() {
    let site = Site::with_sample().await;
    for reason in ["one", "two"] {
        let scope = ucupdate::book::StopScope::Rule(RULE.parse().unwrap());
        let _made = site.service().admin(reason).kill(scope, reason).await;
    }
    let page = site.get(&site.vic, "/api/v1/history?limit=1").await.json();
    assert_eq!((&page["revisions"][0]["revision"], &page["next"]), (&json!(2), &json!("2")));
    let page = site.get(&site.vic, "/api/v1/history?limit=1&before=2").await.json();
    assert_eq!((&page["revisions"][0]["revision"], &page["next"]), (&json!(1), &Value::Null));
    assert_eq!(site.get(&site.vic, "/api/v1/history?before=1").await.json()["revisions"], json!([]));
}

#[tokio::test]
async fn every_list_is_there_and_names_its_revision() {
    let site = Site::with_sample().await;
    for (list, field) in [
        ("rules", "rules"),
        ("packages", "packages"),
        ("test-devices", "test_devices"),
        ("groups", "groups"),
        ("rollouts", "rollouts"),
        ("pins", "pins"),
        ("holds", "holds"),
        ("bans", "bans"),
        ("aliases", "aliases"),
        ("schemes", "schemes"),
        ("stones", "stones"),
        ("rollouts/status", "rollouts"),
        ("interim", "interim"),
        ("stopped", "stopped"),
    ] {
        let answer = site.get(&site.vic, &format!("/api/v1/{list}")).await;
        let json = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &json["revision"], json[field].is_array()),
            (200, &json!(1), true)
        );
        assert_eq!(answer.etag(), "\"1\"");
    }
    for missing in ["groups/lab", "rules/UCPhone/a/b/c/d/e", "nothing", "rules/../rules", "history/1"] {
        assert_eq!(site.get(&site.vic, &format!("/api/v1/{missing}")).await.status, 404, "{missing}");
    }
}

#[tokio::test]
async fn an_answer_is_explained_by_the_words_of_a_request() {
    let site = Site::with_sample().await;
    let path = "/api/v1/explain?device=UCPhone/LG-Nortel/IP8540/A/ENU&installed=1.0.522.34";
    let explained = site.get(&site.vic, path).await.json();
    assert_eq!(explained["modules"][0]["installed"], "1.0.522.34");
    assert!(explained["modules"][0]["because"].is_string(), "{explained}");
    for wrong in ["", "?device=phone", "?device=UCPhone/a/b/c/d&installed=1&side=left"] {
        assert_eq!(site.get(&site.vic, &format!("/api/v1/explain{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_store_is_checked_and_the_devices_are_those_of_the_logs() {
    let site = Site::with_sample().await;
    let checked = site.get(&site.vic, "/api/v1/verify").await.json();
    assert_eq!((&checked["quick"], &checked["findings"]), (&json!(true), &json!([])));
    assert_eq!(site.get(&site.vic, "/api/v1/verify?quick=false").await.status, 403);
    assert_eq!(site.get(&site.olga, "/api/v1/verify?quick=false").await.json()["quick"], false);
    let devices = site.get(&site.vic, "/api/v1/devices?search=0021").await.json();
    assert_eq!((&devices["devices"], &devices["known"]), (&json!([]), &json!(0)));
}
