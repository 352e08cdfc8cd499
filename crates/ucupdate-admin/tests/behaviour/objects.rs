//! The objects of the store, and revisions that a client computed.

use crate::fixtures::{Site, request};
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;
use ucupdate::store::{ImageStore as _, ImageStoreExt as _, MemoryStore, StoreKey, stream_of};
use ucupdate::{Options, UpdateService};

const FIRST: &str = "/api/v1/objects/state%2Frevisions%2F00000000000000000001.json";

#[tokio::test]
async fn a_viewer_reads_objects_and_parts_of_them() {
    let site = Site::with_sample().await;
    let page = site.get(&site.vic, "/api/v1/objects?prefix=state/revisions/").await.json();
    assert_eq!(page["objects"].as_array().unwrap().len(), 1, "{page}");
    let whole = site.get(&site.vic, FIRST).await;
    assert_eq!(whole.status, 200);
    assert_eq!(whole.head["ucupdate-size"], whole.bytes.len().to_string());
    let part = site.get(&site.vic, &format!("{FIRST}?from=1&to=9")).await;
    assert_eq!(part.bytes, whole.bytes.slice(1..9));
    let head = site.send(request("HEAD", FIRST, &site.vic, &[], Bytes::new())).await;
    assert_eq!((head.bytes.len(), &head.head["ucupdate-size"]), (0, &whole.head["ucupdate-size"]));
    let beyond = site.get(&site.vic, &format!("{FIRST}?from=99999999")).await;
    assert_eq!((beyond.status.as_u16(), beyond.kind().as_str()), (416, "invalid-range"));
    assert_eq!(site.get(&site.vic, "/api/v1/objects/images%2Fnothing").await.status, 404);
    assert_eq!(site.get(&site.vic, "/api/v1/objects/..%2Fx").await.status, 400);
}

#[tokio::test]
async fn captures_need_an_operator_and_objects_of_other_programs_an_approver() {
    let site = Site::with_sample().await;
    let capture = "Logs/Client/CELog/20260101-00000000000000000000000000000000.capture";
    for key in [capture, "secrets/other"] {
        let store = site.service().store();
        store.put(&key.parse().unwrap(), stream_of("a log of a device")).await.unwrap();
    }
    let object = |key: &str| format!("/api/v1/objects/{}", key.replace('/', "%2F"));
    let lower = capture.replace("Client", "client");
    for (token, path, status) in [
        (&site.vic, object(capture), 403),
        (&site.vic, object(capture) + "?from=0&to=4", 403),
        (&site.vic, object(&lower), 403),
        (&site.vic, "/api/v1/captures".to_owned(), 403),
        (&site.vic, "/api/v1/captures/x".to_owned(), 403),
        (&site.olga, object(capture), 200),
        (&site.olga, "/api/v1/captures".to_owned(), 200),
        (&site.olga, object("secrets/other"), 403),
        (&site.ann, object("secrets/other"), 200),
    ] {
        let answer = site.get(token, &path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(status == 200 || !String::from_utf8_lossy(&answer.bytes).contains("a log"), "{path}");
    }
    let head = site.send(request("HEAD", &object(capture), &site.vic, &[], Bytes::new())).await;
    assert_eq!(head.status, 403);
}

#[tokio::test]
async fn nothing_is_written_but_files_of_an_ingest_that_no_rule_book_names() {
    let site = Site::with_sample().await;
    let octets = [("content-type", "application/octet-stream")];
    let put = |token: &str, path: &str| request("PUT", path, token, &octets, "x".into());
    let file = format!("/api/v1/objects/images%2F{:032x}%2F0-cpe.nbt", 7);
    assert_eq!(site.send(put(&site.olga, &file)).await.status, 403);
    assert_eq!(site.send(put(&site.ann, &file)).await.status, 200);
    assert_eq!(site.send(request("DELETE", &file, &site.ann, &[], Bytes::new())).await.status, 200);
    let named = site.service().snapshot().files().iter().next().unwrap().key.to_string().replace('/', "%2F");
    for wrong in [FIRST, "/api/v1/objects/Logs%2Fx", &format!("/api/v1/objects/{named}")] {
        let refused = site.send(put(&site.ann, wrong)).await;
        assert_eq!((refused.status.as_u16(), refused.kind().as_str()), (403, "not-remote"), "{wrong}");
        let refused = site.send(request("DELETE", wrong, &site.ann, &[], Bytes::new())).await;
        assert_eq!(refused.status, 403, "{wrong}");
    }
}

#[tokio::test]
async fn a_revision_that_a_client_computed_needs_the_role_and_the_name_of_its_author() {
    let site = Site::with_limits(ucupdate_admin::AdminLimits::default()).await;
    let store = Arc::new(MemoryStore::default());
    let service = UpdateService::open(store.clone(), Options::default()).await.unwrap();
    service.admin("olga").deploy_at_ingest("UCPhone".parse().unwrap(), true).await.unwrap();
    let key: StoreKey = "state/revisions/00000000000000000001.json".parse().unwrap();
    let bytes = store.get_bytes(&key, 1 << 20).await.unwrap();
    let submit = |token: &str| {
        let fields = [("content-type", "application/json")];
        site.send(request("POST", "/api/v1/revisions", token, &fields, bytes.clone()))
    };
    let small = submit(&site.olga).await;
    assert_eq!((small.status.as_u16(), small.kind().as_str()), (403, "role-too-small"));
    let other = submit(&site.ann).await;
    assert_eq!((other.status.as_u16(), other.kind().as_str()), (403, "not-remote"));
    let nonsense = site.post(&site.ann, "/api/v1/revisions", &[], json!({})).await;
    assert_eq!((nonsense.status.as_u16(), nonsense.kind().as_str()), (422, "not-understood"));
    assert_eq!(site.service().snapshot().revision(), 0);
}
