//! Tests which requests for files are redirected to the store.

use crate::fixture::{INTERIM_IMAGE, Server, connection, interim_image};
use async_trait::async_trait;
use axum::body::Body;
use http::{Request, StatusCode};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use ucupdate::store::{Presign, StoreError, StoreKey};
use ucupdate_http::{HttpOptions, ImageRedirects};
use ucupdate_testkit::faulty::StoreFault;

/// The path of the signature beside the image.
const SIGNATURE: &str = "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.cat";

/// A signer that can fail, and that records its calls.
#[derive(Debug)]
struct Signer {
    scheme: &'static str,
    fails: bool,
    hangs: bool,
    asked: Mutex<Vec<(StoreKey, Duration)>>,
}

impl Signer {
    fn new(scheme: &'static str) -> Self {
        Self { scheme, fails: false, hangs: false, asked: Mutex::default() }
    }

    fn asked(&self) -> Vec<(StoreKey, Duration)> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Presign for Signer {
    async fn presigned_get(&self, key: &StoreKey, lasting: Duration) -> Result<String, StoreError> {
        self.asked.lock().unwrap().push((key.clone(), lasting));
        if self.hangs {
            std::future::pending::<()>().await;
        }
        if self.fails {
            return Err(StoreError::unavailable("signing", "the clock stands still"));
        }
        Ok(format!("{}://bucket.example/{key}?signed={}", self.scheme, lasting.as_secs()))
    }
}

/// Starts a server that redirects files of a kilobyte or more. Returns the server and the signer.
async fn start(
    signer: Signer,
    change: impl FnOnce(ImageRedirects) -> ImageRedirects,
) -> (Server, Arc<Signer>) {
    let signer = Arc::new(signer);
    let redirects = change(ImageRedirects::new(signer.clone()).with_least_bytes(1000));
    let options = HttpOptions::default().with_image_redirects(redirects).with_external_anonymous(true);
    (Server::with_options(options).await, signer)
}

#[tokio::test]
async fn an_image_is_fetched_from_the_store_by_an_address_for_a_time() {
    let (server, signer) = start(Signer::new("http"), |redirects| redirects).await;
    let answered = server.get_interim(&[]).await;
    assert_eq!(answered.status, StatusCode::FOUND);
    let file = server.service.snapshot().files().find("OCInterim/ENU/CPE.nbt").unwrap();
    assert_eq!(answered.header("location"), format!("http://bucket.example/{}?signed=900", file.key));
    assert_eq!(answered.header("etag"), format!("\"{}\"", file.sha256));
    assert_eq!(answered.header("cache-control"), "no-store");
    assert_eq!(answered.text(), "the file is at the address in Location\n");
    assert_eq!(signer.asked(), [(file.key, Duration::from_secs(900))]);
    let row = server.access_row().await;
    assert_eq!((row.status, row.win32_status, row.uri_stem.as_logged()), (Some(302), Some(0), INTERIM_IMAGE));
    let rows = server.access_lines().await;
    assert!(rows.iter().all(|row| !row.contains("bucket.example")), "the address is in no log: {rows:?}");
}

#[tokio::test]
async fn a_range_travels_on_by_itself() {
    let (server, _) = start(Signer::new("https"), |redirects| redirects).await;
    for range in ["bytes=0-0", "bytes=3990-", "bytes=-5"] {
        assert_eq!(server.get_interim(&[("range", range)]).await.status, StatusCode::FOUND, "{range}");
    }
}

#[tokio::test]
async fn what_is_judged_by_our_tags_or_ranges_stays_ours() {
    let (server, signer) = start(Signer::new("https"), |redirects| redirects).await;
    let tag = server.get_interim(&[]).await.header("etag").to_owned();
    let before = signer.asked().len();
    for (fields, status) in [
        (&[("if-none-match", &*tag)][..], 304),
        (&[("if-none-match", "\"other\"")], 200),
        (&[("if-match", &*tag)], 200),
        (&[("if-match", "\"other\"")], 412),
        (&[("range", "bytes=3990-"), ("if-range", &*tag)], 206),
        (&[("range", "bytes=3990-"), ("if-range", "\"other\"")], 200),
        (&[("if-modified-since", "Fri, 06 Mar 2037 17:10:39 GMT")], 200),
        (&[("if-unmodified-since", "Fri, 06 Mar 1998 17:10:39 GMT")], 200),
        (&[("range", "bytes=4000-")], 416),
        (&[("range", "bytes=0-1,3-4")], 200),
        (&[("range", "lines=1-2")], 200),
    ] {
        assert_eq!(server.get_interim(fields).await.status, status, "{fields:?}");
    }
    let head = Request::head(INTERIM_IMAGE).body(Body::empty()).unwrap();
    let head = server.answer(head).await;
    assert_eq!((head.status, head.header("content-length")), (StatusCode::OK, "4000"));
    assert_eq!(signer.asked().len(), before, "none of them is signed for");
}

#[tokio::test]
async fn signatures_and_small_files_are_streamed_unless_asked_for() {
    let (server, _) = start(Signer::new("https"), |redirects| redirects.with_least_bytes(0)).await;
    assert_eq!(server.get_interim(&[]).await.status, StatusCode::FOUND);
    assert_eq!(server.get(SIGNATURE).await.status, StatusCode::OK);

    let (server, _) =
        start(Signer::new("https"), |redirects| redirects.with_least_bytes(0).with_signatures(true)).await;
    assert_eq!(server.get(SIGNATURE).await.status, StatusCode::FOUND);

    for (least, status) in [(4000, StatusCode::FOUND), (4001, StatusCode::OK)] {
        let (server, _) = start(Signer::new("https"), |redirects| redirects.with_least_bytes(least)).await;
        assert_eq!(server.get_interim(&[]).await.status, status, "{least}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_signed_for_is_streamed() {
    let well = || Signer::new("http");
    for signer in [Signer { fails: true, ..well() }, Signer { hangs: true, ..well() }, Signer::new("ftp")] {
        let (server, signer) = start(signer, |redirects| redirects).await;
        let answered = server.get_interim(&[]).await;
        assert_eq!(
            (answered.status, &answered.body[..]),
            (StatusCode::OK, &interim_image()[..]),
            "{signer:?}"
        );
        assert_eq!(signer.asked().len(), 1);
    }
}

#[tokio::test]
async fn nobody_is_led_from_https_to_http() {
    let (server, _) = start(Signer::new("http"), |redirects| redirects).await;
    let external = INTERIM_IMAGE.replace("_Int", "_Ext");
    assert_eq!(server.get(&external).await.status, StatusCode::OK, "the URL for the outside is https");
    let by_tls = Request::get(INTERIM_IMAGE).extension(connection(443).with_tls(true));
    assert_eq!(server.answer(by_tls.body(Body::empty()).unwrap()).await.status, StatusCode::OK);

    let (server, _) = start(Signer::new("https"), |redirects| redirects).await;
    assert_eq!(server.get(&external).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn nothing_is_signed_for_who_may_not_ask_nor_for_what_is_not_there() {
    let signer = Arc::new(Signer::new("https"));
    let redirects = ImageRedirects::new(signer.clone()).with_least_bytes(0);
    let server = Server::with_options(HttpOptions::default().with_image_redirects(redirects)).await;
    let external = INTERIM_IMAGE.replace("_Int", "_Ext");
    assert_eq!(server.get(&external).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.get("/DeviceUpdateFiles_Int/none").await.status, StatusCode::NOT_FOUND);
    server.fail(StoreFault::Unavailable);
    assert_eq!(server.get_interim(&[]).await.status, StatusCode::SERVICE_UNAVAILABLE);
    server.delete_images().await;
    let gone = server.get_interim(&[]).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(gone.text().contains("missing in the store"), "{}", gone.text());
    assert!(signer.asked().is_empty());
}

#[tokio::test]
async fn an_address_holds_for_a_second_at_least_and_a_week_at_most() {
    for (life, expected) in [(0, 1), (1, 1), (60, 60), (u64::MAX, 604_800)] {
        let change = |redirects: ImageRedirects| redirects.with_life(Duration::from_secs(life));
        let (server, _) = start(Signer::new("https"), change).await;

        let answered = server.get_interim(&[]).await;
        assert!(answered.header("location").ends_with(&format!("?signed={expected}")), "{life}");
    }
}
