//! Tokens, roles and refused logins.

use crate::fixtures::{RULE, Site, request};
use bytes::Bytes;
use http::header;
use serde_json::json;
use std::net::IpAddr;
use std::time::Duration;
use ucupdate_admin::{AdminLimits, AdminRole, RemoteAddress};

#[tokio::test]
async fn a_request_without_a_valid_token_is_refused_and_is_an_event_without_the_token() {
    let site = Site::with_sample().await;
    let secret = "ucu_0123456789abcdef";
    for token in ["", secret] {
        let refused = site.get(token, "/api/v1/rules").await;
        assert_eq!((refused.status.as_u16(), refused.kind().as_str()), (401, "no-token"));
        assert!(refused.head[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"));
    }
    let events = site.refused.0.lock().unwrap().clone();
    assert_eq!(events.len(), 2);
    assert!(events[0].contains("10.0.0.1") && events[0].contains("/api/v1/rules"), "{events:?}");
    assert!(!events.concat().contains(secret));
}

#[tokio::test]
async fn a_revoked_token_is_refused_from_the_next_request_on() {
    let site = Site::with_sample().await;
    assert_eq!(site.get(&site.vic, "/api/v1/rules").await.status, 200);
    site.tokens.revoke("vic").unwrap();
    assert_eq!(site.get(&site.vic, "/api/v1/rules").await.status, 401);
}

#[tokio::test]
async fn each_role_may_do_what_the_table_says() {
    let site = Site::with_sample().await;
    let approve = json!({ "command": { "approve": [RULE] } });
    let kill = json!({ "command": { "kill": { "scope": "all", "reason": "phones ring" } } });
    for (token, command, path, status) in [
        (&site.vic, &approve, "/api/v1/changes?dry_run=true", 200),
        (&site.vic, &kill, "/api/v1/changes", 403),
        (&site.olga, &kill, "/api/v1/changes", 200),
        (&site.olga, &approve, "/api/v1/changes", 403),
        (&site.ann, &approve, "/api/v1/changes", 200),
    ] {
        let seen = site.get(token, "/api/v1/rules").await.etag();
        let answer = site.post(token, path, &[("if-match", &seen)], command.clone()).await;
        assert_eq!(answer.status, status, "{:?}", answer.bytes);
    }
    let upload = site.upload(&site.olga, "", &[], vec![]).await;
    assert_eq!((upload.status.as_u16(), upload.kind().as_str()), (403, "role-too-small"));
    assert_eq!(AdminRole::Approver.to_string().parse(), Ok(AdminRole::Approver));
    assert_eq!(site.refused.0.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_address_with_too_many_refused_logins_waits() {
    let limits = AdminLimits::default().with_failures(3, Duration::from_secs(60));
    let site = Site::with_limits(limits).await;
    for _ in 0..3 {
        assert_eq!(site.get("ucu_00", "/api/v1/rules").await.status, 401);
    }
    let waits = site.get(&site.ann, "/api/v1/rules").await;
    assert_eq!((waits.status.as_u16(), waits.kind().as_str()), (429, "too-many-failures"));
    assert!(waits.head.contains_key(header::RETRY_AFTER));
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(site.get(&site.ann, "/api/v1/rules").await.status, 200);
}

#[tokio::test]
async fn the_refused_logins_of_the_oldest_address_are_forgotten_first() {
    let limits = AdminLimits::default().with_failures(1, Duration::from_secs(60)).with_addresses(1);
    let site = Site::with_limits(limits).await;
    assert_eq!(site.get("ucu_00", "/api/v1/rules").await.status, 401);
    assert_eq!(site.get(&site.vic, "/api/v1/rules").await.status, 429);
    let mut other = request("GET", "/api/v1/rules", "ucu_00", &[], Bytes::new());
    other.extensions_mut().insert(RemoteAddress(IpAddr::from([10, 0, 0, 2])));
    assert_eq!(site.send(other).await.status, 401);
    assert_eq!(site.get(&site.vic, "/api/v1/rules").await.status, 200, "one address is remembered");
}

#[tokio::test]
async fn every_answer_has_a_strict_policy_and_none_sets_a_cookie() {
    let site = Site::with_sample().await;
    for path in ["/api/v1/rules", "/api/v1/openapi.json", "/nothing", "/"] {
        let answer = site.get(&site.vic, path).await;
        let policy = answer.head[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.head[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(!answer.head.contains_key(header::SET_COOKIE));
    }
}

#[tokio::test]
async fn reading_requests_change_nothing_and_other_methods_name_what_is_allowed() {
    let site = Site::with_sample().await;
    let before = site.service().snapshot().revision();
    for path in ["/api/v1/changes", "/api/v1/rules/a/b/c/d/e/f/approve"] {
        let answer = site.get(&site.ann, path).await;
        assert_eq!((answer.status.as_u16(), answer.kind().as_str()), (405, "method-not-allowed"));
        assert_eq!(answer.head[header::ALLOW], "POST");
    }
    let head = site.send(request("HEAD", "/api/v1/rules", &site.vic, &[], Bytes::new())).await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    assert_eq!(site.service().snapshot().revision(), before);
}
