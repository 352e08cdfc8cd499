//! Tests of the answers to a `GET` or `HEAD` of a file.

use crate::fixture::{IMAGE_BYTES, INTERIM_IMAGE, Server, interim_image};
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use ucupdate::store::ImageStoreExt as _;
use ucupdate_testkit::faulty::StoreFault;

#[tokio::test]
async fn a_file_is_what_the_package_brought() {
    let server = Server::start().await;
    let answered = server.get(INTERIM_IMAGE).await;
    assert_eq!((answered.status, &answered.body[..]), (StatusCode::OK, &interim_image()[..]));
    assert_eq!(answered.header("content-type"), "binary/octet-stream");
    assert_eq!(answered.header("content-length"), IMAGE_BYTES.to_string());
    assert_eq!(answered.header("accept-ranges"), "bytes");
    let snapshot = server.service.snapshot();
    let sha256 = snapshot.files().find("OCInterim/ENU/CPE.nbt").unwrap().sha256;
    assert_eq!(answered.header("etag"), format!("\"{sha256}\""));
    assert!(!answered.headers.contains_key("last-modified"));
}

#[tokio::test]
async fn a_file_is_found_under_both_layouts_in_any_case_by_its_path_decoded_once() {
    let server = Server::start().await;
    for path in [
        INTERIM_IMAGE,
        "/RequestHandler/Files/OCInterim/ENU/CPE.nbt",
        "/requesthandler/files/ocinterim/enu/cpe.NBT",
        "/DeviceUpdateFiles%5FInt/OCInterim/ENU/CPE%2Enbt?x=1",
        "/DeviceUpdateFiles_Int/UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt",
    ] {
        assert_eq!(server.get(path).await.status, StatusCode::OK, "{path}");
    }
    for path in [
        "/DeviceUpdateFiles_Int/",
        "/DeviceUpdateFiles_Int/OCInterim/ENU",
        "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE%252Enbt",
        "/DeviceUpdateFiles_Int//OCInterim/ENU/CPE.nbt",
        "/DeviceUpdateFiles_Int/./OCInterim/ENU/CPE.nbt",
        "/DeviceUpdateFiles_Int/x/../OCInterim/ENU/CPE.nbt",
        "/DeviceUpdateFiles_Int/..%2f..%2fstate/revisions/00000000000000000001.json",
        "/DeviceUpdateFiles_Int/state/revisions/00000000000000000001.json",
        "/DeviceUpdateFiles_Int/%00",
        "/DeviceUpdateFiles_Int/%ff",
    ] {
        assert_eq!(server.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn no_key_of_the_store_is_a_path() {
    let server = Server::start().await;
    let key = server.service.snapshot().files().find("OCInterim/ENU/CPE.nbt").unwrap().key.clone();
    for root in ["/DeviceUpdateFiles_Int/", "/RequestHandler/Files/", "/"] {
        assert_eq!(server.get(&format!("{root}{key}")).await.status, StatusCode::NOT_FOUND, "{root}");
    }
}

#[tokio::test]
async fn head_says_what_get_would_and_sends_nothing() {
    let server = Server::start().await;
    for (path, fields) in [
        (INTERIM_IMAGE, &[][..]),
        (INTERIM_IMAGE, &[("if-none-match", "*")]),
        (INTERIM_IMAGE, &[("if-match", "\"other\"")]),
        ("/DeviceUpdateFiles_Int/none", &[]),
        ("/nothing", &[]),
    ] {
        let request = |method| {
            let builder = Request::builder().method(method).uri(path);
            crate::fixture::with_fields(builder, fields).body(Body::empty()).unwrap()
        };
        let (get, head) = (server.answer(request("GET")).await, server.answer(request("HEAD")).await);
        assert_eq!((head.status, &head.headers), (get.status, &get.headers), "{path} {fields:?}");
        assert!(head.body.is_empty());
    }
}

#[tokio::test]
async fn a_part_is_sent_by_itself() {
    let server = Server::start().await;
    let image = interim_image();
    for (range, part) in [
        ("bytes=0-0", 0..1),
        ("bytes=1000-1999", 1000..2000),
        ("bytes=3990-", 3990..4000),
        ("bytes=-5", 3995..4000),
    ] {
        let answered = server.get_interim(&[("range", range)]).await;
        assert_eq!(answered.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(answered.body, &image[part.clone()]);
        assert_eq!(answered.header("content-range"), format!("bytes {}-{}/4000", part.start, part.end - 1));
        assert_eq!(answered.header("content-length"), part.len().to_string());
        assert_eq!(answered.header("content-type"), "binary/octet-stream");
        assert!(answered.headers.contains_key("etag"));
    }
    let beyond = server.get_interim(&[("range", "bytes=4000-")]).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header("content-range"), "bytes */4000");
    let several = server.get_interim(&[("range", "bytes=0-1,3-4")]).await;
    assert_eq!((several.status, several.body.len()), (StatusCode::OK, IMAGE_BYTES));
}

#[tokio::test]
async fn entity_tags_are_quoted_and_strong_and_guard_a_resumed_download() {
    let server = Server::start().await;
    let tag = server.get(INTERIM_IMAGE).await.header("etag").to_owned();
    assert_eq!(tag.len(), 66);
    let (weak, listed) = (format!("W/{tag}"), format!("\"other\", {tag}"));
    for (name, value, status) in [
        ("if-none-match", &*tag, 304),
        ("if-none-match", &weak, 304),
        ("if-none-match", &listed, 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"other\"", 200),
        ("if-none-match", tag.trim_matches('"'), 200),
        ("if-match", &listed, 200),
        ("if-match", "*", 200),
        ("if-match", &weak, 412),
        ("if-match", "\"other\"", 412),
    ] {
        let answered = server.get_interim(&[(name, value)]).await;
        assert_eq!(answered.status, status, "{name}: {value}");
        assert_eq!(answered.header("etag"), tag, "{name}: {value}");
        if status == 304 {
            assert_eq!((answered.body.len(), answered.header("content-length")), (0, "4000"));
        }
    }
    for (value, status, length) in [(&*tag, 206, 10), (&weak, 200, 4000), ("\"other\"", 200, 4000)] {
        let answered = server.get_interim(&[("range", "bytes=3990-"), ("if-range", value)]).await;
        assert_eq!((answered.status.as_u16(), answered.body.len()), (status, length), "{value}");
    }
}

#[tokio::test]
async fn an_image_gone_from_the_store_is_404_and_final() {
    let server = Server::start().await;
    server.delete_images().await;
    let tag = "*";
    for fields in [&[][..], &[("if-none-match", tag)], &[("range", "bytes=0-9")], &[("range", "bytes=9999-")]]
    {
        let answered = server.get_interim(fields).await;
        assert_eq!(answered.status, StatusCode::NOT_FOUND, "{fields:?}");
        assert!(!answered.headers.contains_key("retry-after"));
        assert!(answered.text().contains("missing in the store"), "{}", answered.text());
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_or_fails_is_503_to_come_again() {
    let server = Server::start().await;
    for (fault, method) in [
        (StoreFault::Unavailable, "GET"),
        (StoreFault::Unavailable, "HEAD"),
        (StoreFault::Backend, "GET"),
        (StoreFault::Backend, "HEAD"),
    ] {
        server.fail(fault);
        let request = Request::builder().method(method).uri(INTERIM_IMAGE).body(Body::empty()).unwrap();
        let answered = server.answer(request).await;
        assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answered.header("retry-after"), "30");
        assert!(!answered.text().contains("script"), "what the store says is not for devices");
    }
}

#[tokio::test]
async fn a_file_that_is_not_as_long_as_promised_ends_in_an_error() {
    let server = Server::start().await;
    for fault in [StoreFault::EndsEarly(2000), StoreFault::IsTooLong(2000), StoreFault::BreaksOff(2000)] {
        server.fail(fault);
        let response = server.send(Request::get(INTERIM_IMAGE).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = response.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), &interim_image()[..2000]);
        assert!(body.frame().await.unwrap().is_err(), "{fault:?}");
        assert!(body.frame().await.is_none(), "after an error nothing more comes");
    }
}

#[tokio::test]
async fn an_image_with_other_bytes_of_the_same_size_is_not_served_with_the_old_tag() {
    let server = Server::start().await;
    assert_eq!(server.get_interim(&[]).await.status, StatusCode::OK);
    let key = server.service.snapshot().files().find("OCInterim/ENU/CPE.nbt").unwrap().key.clone();
    let mut damaged = interim_image();
    damaged[IMAGE_BYTES / 2] ^= 1;
    server.store.put_bytes(&key, damaged).await.unwrap();
    for fields in [&[][..], &[("range", "bytes=0-1")]] {
        let answered = server.get_interim(fields).await;
        assert_eq!(answered.status, StatusCode::INTERNAL_SERVER_ERROR, "{fields:?}");
        assert!(answered.headers.get("etag").is_none());
        assert!(answered.text().contains("differs from the ingested file"), "{}", answered.text());
    }
    server.store.put_bytes(&key, interim_image()).await.unwrap();
    assert_eq!(server.get_interim(&[]).await.status, StatusCode::OK, "it was put right");
}
