//! Server-sent events: who gets them, and when they end.

use crate::fixtures::{Site, request};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use std::time::Duration;
use tower::ServiceExt as _;
use ucupdate::Event;
use ucupdate_admin::{AdminBody, AdminLimits};

async fn open(site: &Site, path: &str) -> http::Response<AdminBody> {
    let request = request("GET", path, &site.vic, &[], Bytes::new());
    site.administration.clone().oneshot(request).await.unwrap()
}

/// Returns the next piece. `None` if the answer ended.
async fn next(body: &mut AdminBody) -> Option<String> {
    let frame = body.frame().await?.unwrap();
    Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn a_client_gets_the_events_of_its_kinds_with_a_number_and_their_fields() {
    let site = Site::with_sample().await;
    let response = open(&site, "/api/v1/events?kinds=change-made").await;
    assert_eq!(response.headers()[http::header::CONTENT_TYPE], "text/event-stream");
    let mut body = response.into_body();
    let opened = next(&mut body).await.unwrap();
    assert!(opened.contains("event: opened\n") && opened.contains(r#""revision":1"#), "{opened}");
    site.service().emit(&Event::StoreReachable { after: Duration::ZERO });
    site.service().admin("ann").kill(ucupdate::book::StopScope::All, "phones ring").await.unwrap();
    let event = next(&mut body).await.unwrap();
    assert!(event.starts_with("id: ") && event.contains("event: change-made\ndata: {"), "{event}");
    assert!(event.contains(r#""author":"ann""#) && event.ends_with("}\n\n"), "{event}");
    assert_eq!(open(&site, "/api/v1/events?kinds=nonsense").await.status(), 400);
}

#[tokio::test]
async fn a_slow_client_loses_the_oldest_events_and_learns_their_number() {
    let site = Site::with_sample().await;
    let mut body = open(&site, "/api/v1/events").await.into_body();
    next(&mut body).await.unwrap();
    for _ in 0..300 {
        site.service().emit(&Event::StoreReachable { after: Duration::ZERO });
    }
    let lost = next(&mut body).await.unwrap();
    assert!(lost.starts_with("event: events-lost\ndata: ") && lost.contains(r#""count":44"#), "{lost}");
    assert!(next(&mut body).await.unwrap().contains("event: store-reachable"));
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed_and_the_number_of_what_is_lost() {
    let site = Site::with_sample().await;
    let emit = |count| {
        (0..count).for_each(|_| site.service().emit(&Event::StoreReachable { after: Duration::ZERO }))
    };
    let back = |id: String| {
        let request = request("GET", "/api/v1/events", &site.vic, &[("last-event-id", &id)], Bytes::new());
        site.administration.clone().oneshot(request)
    };
    let mut body = open(&site, "/api/v1/events").await.into_body();
    next(&mut body).await.unwrap();
    emit(1);
    let seen = next(&mut body).await.unwrap();
    let id = seen.lines().next().unwrap().strip_prefix("id: ").unwrap().to_owned();
    drop(body);
    emit(2);
    let mut body = back(id.clone()).await.unwrap().into_body();
    assert!(next(&mut body).await.unwrap().contains("event: opened"));
    let (one, other) = (next(&mut body).await.unwrap(), next(&mut body).await.unwrap());
    assert!(
        one.contains("event: store-reachable") && other.contains("event: store-reachable") && one != other
    );
    emit(1);
    assert!(next(&mut body).await.unwrap().contains("event: store-reachable"), "and what happens now");
    emit(300);
    let mut body = back(id).await.unwrap().into_body();
    next(&mut body).await.unwrap();
    let lost = next(&mut body).await.unwrap();
    assert!(lost.contains("events-lost") && lost.contains(r#""count":47"#), "{lost}");
    // An id of another process, or none that this program wrote, repeats nothing.
    for wrong in ["1", "0-1", "x", ""] {
        let mut body = back(wrong.to_owned()).await.unwrap().into_body();
        assert!(next(&mut body).await.unwrap().contains("event: opened"));
        emit(1);
        assert!(next(&mut body).await.unwrap().contains("event: store-reachable"), "{wrong}");
    }
}

#[tokio::test]
async fn clients_are_bounded_and_their_answers_end_with_the_server() {
    let site = Site::with_limits(AdminLimits::default().with_event_clients(1)).await;
    let mut body = open(&site, "/api/v1/events").await.into_body();
    next(&mut body).await.unwrap();
    assert_eq!(open(&site, "/api/v1/events").await.status(), 503);
    site.live.close();
    assert_eq!(next(&mut body).await, None);
    drop(body);
    let mut later = open(&site, "/api/v1/events").await.into_body();
    next(&mut later).await.unwrap();
    assert_eq!(next(&mut later).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_client_gets_heartbeats_until_its_token_is_revoked() {
    let site = Site::with_limits(AdminLimits::default()).await;
    let mut body = open(&site, "/api/v1/events").await.into_body();
    next(&mut body).await.unwrap();
    assert_eq!(next(&mut body).await.unwrap(), ": alive\n\n");
    site.tokens.revoke("vic").unwrap();
    assert_eq!(next(&mut body).await, None);
    assert_eq!(site.get("", "/api/v1/events").await.status, 401);
}
