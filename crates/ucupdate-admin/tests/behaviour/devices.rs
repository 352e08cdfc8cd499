//! Devices: their page, the inventory, what needs a person, captures, and comparisons.

use crate::fixtures::{IMAGE_BYTES, RULE, Site};
use serde_json::json;
use std::time::Duration;
use ucupdate::Asker;
use ucupdate::audit::{AUDIT_HEADER, AuditFormat, AuditRow, RequestedCell};
use ucupdate::cab::package::sample;
use ucupdate::request::Side;
use ucupdate::store::{ImageStoreExt as _, stream_of};
use ucupdate::value::{Reported, UnixTime};
use ucupdate::version::ReportedVersion;
use ucupdate_admin::{AdminLimits, AdminOptions};
use ucupdate_testkit::field;

#[tokio::test]
async fn a_device_that_never_asked_is_not_found() {
    let site = Site::with_sample().await;
    for path in ["devices/0021630F207B", "devices/nonsense", "explain?id=0021630F207B"] {
        assert_eq!(site.get(&site.vic, &format!("/api/v1/{path}")).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn an_empty_fleet_has_an_inventory_and_needs_nobody() {
    let site = Site::with_sample().await;
    let inventory = site.get(&site.vic, "/api/v1/inventory").await.json();
    assert_eq!((&inventory["known"], &inventory["states"]), (&json!(0), &json!([])));
    let attention = site.get(&site.vic, "/api/v1/attention").await.json();
    assert_eq!((&attention["silent_count"], &attention["stands_still"]), (&json!(0), &json!([])));
    assert_eq!(site.get(&site.olga, "/api/v1/captures/nonsense").await.status, 404);
    assert_eq!(site.get(&site.olga, "/api/v1/captures").await.json()["captures"], json!([]));
}

#[tokio::test]
async fn a_log_of_which_nothing_can_be_read_needs_a_person_and_is_named() {
    let site = Site::with_sample().await;
    ask(&site, 1);
    site.service().flush_logs().await.unwrap();
    let odd = "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_ocs09_2009-03-06.log";
    site.service().store().put_bytes(&odd.parse().unwrap(), "no log").await.unwrap();
    let attention = site.get(&site.vic, "/api/v1/attention").await.json();
    assert_eq!(
        (&attention["known"], &attention["unread_logs"], &attention["unread_log_count"]),
        (&json!(1), &json!([odd]), &json!(1))
    );
}

#[tokio::test]
async fn of_many_silent_devices_those_that_asked_last_need_a_person_first() {
    let site = Site::with_sample().await;
    let log = "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_ocs09_2009-03-06.log";
    let lines = (0..60_i64).map(|number| {
        let mut row = AuditRow {
            logged_at: UnixTime::from_seconds(1_236_300_000 + 60 * number),
            mac_address: Reported::new(&format!("0021630F20{number:02X}")),
            ..AuditRow::default()
        };
        row.requested.push(RequestedCell {
            file_name: "cpe.nbt".into(),
            version: ReportedVersion::new("1.0.522.103"),
            time_stamp: Reported::default(),
        });
        AuditFormat::new().line(&row).as_str().to_owned()
    });
    let text = AUDIT_HEADER.to_owned() + &lines.collect::<String>();
    site.service().store().put_bytes(&log.parse().unwrap(), text).await.unwrap();
    let attention = site.get(&site.vic, "/api/v1/attention").await.json();
    let silent = attention["silent"].as_array().unwrap();
    assert_eq!((silent.len(), &attention["silent_count"]), (50, &json!(60)));
    assert_eq!((&silent[0]["id"], &silent[49]["id"]), (&json!("0021630F203B"), &json!("0021630F200A")));
}

/// A phone of this number asks, from an address of its own.
fn ask(site: &Site, number: u8) {
    let mut request = field::request(&field::rule(), "1.0.522.103");
    request.device.mac_address = Reported::new(&format!("0021630F20{number:02X}"));
    request.device.serial_number = Reported::new(&format!("C185H0012{number:02}"));
    request.user_name = format!("user{number}@contoso.com").as_str().into();
    let asker = Asker { side: Side::Internal, host: &format!("10.1.0.{number}") };
    site.service().answer(&request, asker).unwrap();
}

#[tokio::test]
async fn devices_are_found_by_address_serial_number_user_and_kind() {
    let site = Site::with_sample().await;
    (1..=9).for_each(|number| ask(&site, number));
    site.service().flush_logs().await.unwrap();
    for (search, found) in [
        ("", 9),
        ("0021630F2007", 1),
        ("00-21-63-0f-20-07", 1),
        ("00:21:63:0F:20:07", 1),
        ("0f-20-07", 1),
        ("c185h001207", 1),
        ("USER7@", 1),
        ("contoso", 9),
        ("10.1.0.7", 1),
        ("10.1.0.", 9),
        ("ip8540", 9),
        (" user7 ", 1),
        ("user10", 0),
        ("%", 0),
    ] {
        let encoded = search.replace('%', "%25").replace(' ', "+");
        let page = site.get(&site.vic, &format!("/api/v1/devices?search={encoded}")).await.json();
        let devices = page["devices"].as_array().unwrap();
        assert_eq!((devices.len(), &page["known"]), (found, &json!(9)), "{search}");
        assert!(found != 1 || devices[0]["id"] == "0021630F2007", "{search}: {page}");
    }
    // The pages of a search go on with the search.
    let first = site.get(&site.vic, "/api/v1/devices?search=10.1.0.&limit=5").await.json();
    let next = first["next"].as_str().unwrap();
    let second =
        site.get(&site.vic, &format!("/api/v1/devices?search=10.1.0.&limit=5&after={next}")).await.json();
    assert_eq!((second["devices"].as_array().unwrap().len(), &second["next"]), (4, &serde_json::Value::Null));
}

#[tokio::test]
async fn two_revisions_are_compared_and_a_missing_one_is_not_found() {
    let site = Site::with_sample().await;
    let diff = site.get(&site.vic, "/api/v1/diff?from=0").await;
    assert_eq!((diff.status.as_u16(), &diff.json()["to"]), (200, &json!(1)), "{:?}", diff.bytes);
    assert_eq!(site.get(&site.vic, "/api/v1/diff?from=0&to=9").await.status, 404);
    assert_eq!(site.get(&site.vic, "/api/v1/diff").await.status, 400);
}

#[tokio::test]
async fn garbage_is_collected_by_an_approver_and_looked_at_by_everybody() {
    let site = Site::with_sample().await;
    let would = site.post(&site.vic, "/api/v1/gc?dry_run=true", &[], json!({})).await;
    assert_eq!((would.status.as_u16(), &would.json()["objects"]), (200, &json!([])), "{:?}", would.bytes);
    assert_eq!(site.post(&site.olga, "/api/v1/gc", &[], json!({})).await.status, 403);
    let unseen = site.post(&site.ann, "/api/v1/gc", &[], json!({})).await;
    assert_eq!((unseen.status.as_u16(), unseen.kind().as_str()), (428, "revision-required"));
    let stale = site.post(&site.ann, "/api/v1/gc", &[("if-match", "\"0\"")], json!({})).await;
    assert_eq!((stale.status.as_u16(), stale.kind().as_str()), (412, "book-moved"));
    assert_eq!(stale.json()["changed"].as_array().unwrap().len(), 1);
    let seen = [("if-match", &*would.etag())];
    assert_eq!(site.post(&site.ann, "/api/v1/gc", &seen, json!({})).await.json()["dry_run"], false);
    assert_eq!(site.post(&site.ann, "/api/v1/gc?grace_hours=0", &seen, json!({})).await.status, 400);
}

#[tokio::test]
async fn with_four_eyes_another_person_than_the_ingesting_one_approves() {
    let site = Site::with_options(AdminOptions::default().with_four_eyes(true)).await;
    let cabinet = ucupdate::cab::package::sample::uc_updates(crate::fixtures::IMAGE_BYTES);
    assert_eq!(site.upload(&site.ann, "", &[], cabinet).await.status, 200);
    let path = format!("/api/v1/rules/{RULE}/approve");
    let shown =
        site.get(&site.vic, &format!("/api/v1/rules/{RULE}")).await.json()["pending"]["version"].clone();
    let alone = site.post(&site.ann, &path, &[], json!({ "expected": shown })).await;
    assert_eq!((alone.status.as_u16(), alone.kind().as_str()), (403, "same-person"), "{:?}", alone.bytes);
    let seen = site.get(&site.vic, "/api/v1/rules").await.etag();
    let change = |token: &str, command: serde_json::Value| {
        let (site, token, seen) = (&site, token.to_owned(), seen.clone());
        async move {
            let fields = [("if-match", &*seen)];
            site.post(&token, "/api/v1/changes", &fields, json!({ "command": command })).await
        }
    };
    let rollout = json!({ "start-rollout": {
        "rule": RULE, "audience": "everybody", "version": shown, "rollout": { "name": "w1", "share": { "percent": "100%" } },
    } });
    let named = json!({ "approve-version": { "rule": RULE, "version": shown } });
    for command in [&rollout, &named, &json!({ "approve": [RULE] })] {
        let alone = change(&site.ann, command.clone()).await;
        assert_eq!((alone.status.as_u16(), alone.kind().as_str()), (403, "same-person"), "{command}");
    }
    let started = change(&site.bob, rollout).await;
    assert_eq!(started.status, 200, "{:?}", started.bytes);
    let wider = json!({ "command": { "set-share": [RULE, "w1", { "percent": "50%" }] } });
    let alone = site.post(&site.ann, "/api/v1/changes", &[], wider).await;
    assert_eq!((alone.status.as_u16(), alone.kind().as_str()), (403, "same-person"), "{:?}", alone.bytes);
    let made = site.post(&site.bob, &path, &[], json!({ "expected": shown })).await;
    assert_eq!(made.status, 200, "{:?}", made.bytes);
    // What another person approved for one rule says nothing about another rule of the same package.
    let rules = site.get(&site.vic, "/api/v1/rules").await.json()["rules"].clone();
    let pending = rules.as_array().unwrap().iter().find(|rule| !rule["pending"].is_null()).unwrap();
    let other = json!({ "approve": [pending["rule"]] });
    let fields = [("if-match", &*site.get(&site.vic, "/api/v1/rules").await.etag())];
    let alone = site.post(&site.ann, "/api/v1/changes", &fields, json!({ "command": other })).await;
    assert_eq!((alone.status.as_u16(), alone.kind().as_str()), (403, "same-person"), "{:?}", alone.bytes);
}

#[tokio::test]
async fn with_four_eyes_the_ingesting_person_does_not_restore_a_revision_that_gives_the_package_to_devices() {
    let site = Site::with_options(AdminOptions::default().with_four_eyes(true)).await;
    let cabinet = ucupdate::cab::package::sample::uc_updates(crate::fixtures::IMAGE_BYTES);
    assert_eq!(site.upload(&site.ann, "", &[], cabinet).await.status, 200);
    let rule: ucupdate::book::RuleKey = RULE.parse().unwrap();
    site.service().admin("bob").approve(vec![rule.clone()]).await.unwrap();
    let approved = site.service().snapshot().revision();
    site.service().admin("bob").roll_back_to(approved - 1).await.unwrap();
    let path = format!("/api/v1/history/{approved}/restore");
    for (person, status) in [(&site.ann, 403), (&site.bob, 200)] {
        let seen = site.get(&site.vic, "/api/v1/rules").await.etag();
        let answer = site.post(person, &path, &[("if-match", &*seen)], json!({})).await;
        assert_eq!(answer.status, status, "{:?}", answer.bytes);
    }
}

#[tokio::test]
async fn devices_are_not_read_from_more_log_rows_than_the_limit() {
    for (most_rows, status) in [(2, 503), (3, 200)] {
        let limits = AdminLimits::default().with_log_rows(most_rows, Duration::from_secs(10));
        let site = Site::with_limits(limits).await;
        (1..=3).for_each(|number| ask(&site, number));
        site.service().flush_logs().await.unwrap();
        let devices = site.get(&site.vic, "/api/v1/devices").await;
        assert_eq!(devices.status, status, "{:?}", devices.bytes);
    }
}

#[tokio::test]
async fn a_comparison_lists_the_first_answers_and_counts_all() {
    let site = Site::with_limits(AdminLimits::default().with_answers(2)).await;
    let cabinet = stream_of(sample::uc_updates(IMAGE_BYTES));
    site.service().admin("ann").ingest("UCUpdates.cab", cabinet, |_| {}).await.unwrap();
    (1..=3).for_each(|number| ask(&site, number));
    site.service().flush_logs().await.unwrap();
    let shown = site.get(&site.vic, "/api/v1/rules").await.etag();
    let command = json!({ "command": { "approve": [RULE] } });
    let would =
        site.post(&site.vic, "/api/v1/changes?dry_run=true", &[("if-match", &shown)], command).await.json();
    let macs: Vec<_> = would["answers"].as_array().unwrap().iter().map(|answer| &answer["mac"]).collect();
    assert_eq!(macs, ["0021630F2001", "0021630F2002"]);
    assert_eq!((&would["devices"], &would["changed_answers"]), (&json!(3), &json!(3)));
}
