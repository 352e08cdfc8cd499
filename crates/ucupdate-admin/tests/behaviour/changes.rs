//! Changes: their author, their base, and dry runs.

use crate::fixtures::{RULE, Site};
use serde_json::{Value, json};
use ucupdate::cab::package::sample;

fn path(action: &str) -> String {
    format!("/api/v1/rules/{RULE}/{action}")
}

async fn pending(site: &Site) -> Value {
    site.get(&site.vic, &format!("/api/v1/rules/{RULE}")).await.json()["pending"]["version"].clone()
}

#[tokio::test]
async fn a_version_that_the_page_showed_is_approved_in_the_name_of_the_token() {
    let site = Site::with_sample().await;
    let shown = pending(&site).await;
    let made = site.post(&site.ann, &path("approve"), &[], json!({ "expected": shown })).await;
    assert_eq!(made.status, 200, "{:?}", made.bytes);
    let json = made.json();
    assert_eq!((&json["format"], &json["dry_run"]), (&json!(1), &json!(false)));
    assert_eq!(json["changes"][0]["kind"], "approved");
    assert_eq!(made.etag(), format!("\"{}\"", json["revision"]));
    let history = site.get(&site.vic, "/api/v1/history?limit=1").await.json();
    assert_eq!(history["revisions"][0]["author"], "ann");
    assert_eq!(history["revisions"][0]["command"], json!({ "approve": [RULE] }));
}

#[tokio::test]
async fn two_administrators_approve_from_stale_pages_and_one_learns_what_changed() {
    let site = Site::with_sample().await;
    let seen = site.get(&site.vic, "/api/v1/rules").await.etag();
    let approve = json!({ "command": { "approve": [RULE] } });
    let fields = [("if-match", seen.as_str())];
    let (one, other) = tokio::join!(
        site.post(&site.ann, "/api/v1/changes", &fields, approve.clone()),
        site.post(&site.bob, "/api/v1/changes", &fields, approve.clone()),
    );
    let mut answers = [one, other];
    answers.sort_by_key(|answer| answer.status);
    let [made, refused] = answers;
    assert_eq!((made.status.as_u16(), refused.status.as_u16()), (200, 412));
    assert_eq!(refused.kind(), "book-moved");
    let changed = &refused.json()["changed"];
    assert_eq!(changed.as_array().unwrap().len(), 1);
    assert!(changed[0]["notes"][0].as_str().unwrap().contains(RULE), "{changed}");
}

#[tokio::test]
async fn a_stale_page_decides_nothing_that_it_did_not_show() {
    let site = Site::with_sample().await;
    let rule = sample::ip8540();
    for (action, expected) in [
        ("approve", json!("9.9.9.9")),
        ("reject", json!(null)),
        ("rollback", json!("1.0.0.0")),
        ("remove", json!("9.9.9.9")),
    ] {
        let before = site.service().snapshot().revision();
        let refused = site.post(&site.ann, &path(action), &[], json!({ "expected": expected })).await;
        assert_eq!(refused.status, 409, "{action}: {:?}", refused.bytes);
        assert_eq!(refused.kind(), "changed-meanwhile");
        assert_eq!(refused.json()["rule"]["rule"], rule.to_string(), "the rule as it is now");
        assert_eq!(site.service().snapshot().revision(), before);
    }
    let missing = site.post(&site.ann, &path("approve"), &[], json!({})).await;
    assert_eq!((missing.status.as_u16(), missing.kind().as_str()), (422, "not-understood"));
}

#[tokio::test]
async fn a_command_that_names_no_version_needs_the_revision_that_was_seen() {
    let site = Site::with_sample().await;
    for command in [
        json!({ "approve": [RULE] }),
        json!({ "remove": RULE }),
        json!({ "resume-rollout": [RULE, "w1"] }),
        json!({ "approve-restart": { "scope": "all" } }),
    ] {
        let refused = site.post(&site.ann, "/api/v1/changes", &[], json!({ "command": command })).await;
        assert_eq!((refused.status.as_u16(), refused.kind().as_str()), (428, "revision-required"));
    }
    let lobby =
        json!({ "command": { "add-test-device": { "name": "lobby", "id": { "mac": "0021630F207B" } } } });
    assert_eq!(site.post(&site.ann, "/api/v1/changes", &[], lobby).await.status, 200);
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_a_mistyped_one_is_refused() {
    let site = Site::with_sample().await;
    let before = site.service().snapshot().revision();
    let shown = json!({ "expected": pending(&site).await });
    let would = site.post(&site.vic, &(path("approve") + "?dry_run=true"), &[], shown.clone()).await;
    assert_eq!(would.status, 200, "{:?}", would.bytes);
    let json = would.json();
    assert_eq!(
        (&json["dry_run"], &json["devices"], &json["changed_answers"]),
        (&json!(true), &json!(0), &json!(0))
    );
    let mistyped = site.post(&site.ann, &(path("approve") + "?dryrun=true"), &[], shown).await;
    assert_eq!((mistyped.status.as_u16(), mistyped.kind().as_str()), (400, "bad-request"));
    assert_eq!(site.service().snapshot().revision(), before);
}

#[tokio::test]
async fn a_restart_needs_two_people() {
    let site = Site::with_sample().await;
    let change = |token: &str, command: Value| {
        let (token, body) = (token.to_owned(), json!({ "command": command }));
        let site = &site;
        async move {
            let seen = site.get(&token, "/api/v1/rules").await.etag();
            site.post(&token, "/api/v1/changes", &[("if-match", &seen)], body).await
        }
    };
    let scope = json!({ "scope": "all" });
    assert_eq!(
        change(&site.olga, json!({ "kill": { "scope": "all", "reason": "phones ring" } })).await.status,
        200
    );
    let overview = site.get(&site.vic, "/api/v1/overview").await.json();
    assert_eq!(overview["stopped"][0]["reason"], "phones ring");
    assert_eq!(change(&site.ann, json!({ "ask-restart": scope })).await.status, 200);
    let alone = change(&site.ann, json!({ "approve-restart": scope })).await;
    assert_eq!((alone.status.as_u16(), alone.kind().as_str()), (409, "same-person"));
    assert_eq!(change(&site.bob, json!({ "approve-restart": scope })).await.status, 200);
    assert_eq!(site.get(&site.vic, "/api/v1/stopped").await.json()["stopped"], json!([]));
}

#[tokio::test]
async fn an_earlier_revision_is_restored_unless_the_book_has_moved() {
    let site = Site::with_sample().await;
    let lobby =
        json!({ "command": { "add-test-device": { "name": "lobby", "id": { "mac": "0021630F207B" } } } });
    let made = site.post(&site.ann, "/api/v1/changes", &[], lobby).await;
    let stale = site.post(&site.ann, "/api/v1/history/1/restore", &[("if-match", "\"1\"")], json!({})).await;
    assert_eq!((stale.status.as_u16(), stale.kind().as_str()), (412, "book-moved"));
    let would = site.post(&site.ann, "/api/v1/history/1/restore?dry_run=true", &[], json!({})).await;
    assert_eq!((would.status.as_u16(), &would.json()["dry_run"]), (200, &json!(true)));
    let etag = made.etag();
    let restored = site.post(&site.ann, "/api/v1/history/1/restore", &[("if-match", &etag)], json!({})).await;
    assert_eq!(restored.status, 200, "{:?}", restored.bytes);
    assert_eq!(site.get(&site.vic, "/api/v1/test-devices").await.json()["test_devices"], json!([]));
    let unseen = site.post(&site.ann, "/api/v1/history/1/restore", &[], json!({})).await;
    assert_eq!((unseen.status.as_u16(), unseen.kind().as_str()), (428, "revision-required"));
    let newest = [("if-match", &*restored.etag())];
    let missing = site.post(&site.ann, "/api/v1/history/99/restore", &newest, json!({})).await;
    assert_eq!((missing.status.as_u16(), missing.kind().as_str()), (404, "not-found"));
}

#[tokio::test]
async fn a_refusal_has_the_kind_of_the_rule_book() {
    let site = Site::with_sample().await;
    for (command, status, kind) in [
        (json!({ "remove-hold": "boardroom" }), 404, "no-hold"),
        (json!({ "approve-restart": { "scope": "all" } }), 409, "not-stopped"),
        (
            json!({ "pin": { "rule": RULE, "audience": { "group": "lab" }, "version": "9.9.9.9" } }),
            404,
            "no-group",
        ),
        (json!({ "fly": {} }), 422, "not-understood"),
    ] {
        let fields = [("if-match", "\"1\"")];
        let refused = site.post(&site.ann, "/api/v1/changes", &fields, json!({ "command": command })).await;
        assert_eq!((refused.status.as_u16(), refused.kind().as_str()), (status, kind), "{:?}", refused.bytes);
    }
}
