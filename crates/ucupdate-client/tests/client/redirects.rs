//! Tests downloads that are redirected to another server.

use crate::server::{Etags, Files, Reply, client, image, offer, options, serve, status};
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::tempdir;
use ucupdate_client::{Client, ClientError, ContentFault, Download, UrlFault, Verification};
use ucupdate_core::request::Side;
use ucupdate_core::value::Sha256Digest;

async fn fetch(url: &str, into: &Path) -> Result<Download, ClientError> {
    client().download(&offer(url), Side::Internal, into, |_| ()).await
}

/// Returns a redirect to `to`, with the ETag `etag` if there is one.
fn sent_on(to: &str, etag: Option<String>) -> Response<Body> {
    let mut response = status(302, "elsewhere");
    response.headers_mut().insert("location", to.parse().unwrap());
    response.headers_mut().insert("set-cookie", "session=secret; Path=/".parse().unwrap());
    if let Some(etag) = etag {
        response.headers_mut().insert("etag", etag.parse().unwrap());
    }
    response
}

/// Starts a server that redirects unconditional requests for images to `mirror`. Other requests are answered by `own`.
async fn front(mirror: String, own: Arc<Files>, tagged: Option<Vec<u8>>) -> String {
    serve(move |request: Request<Body>| {
        let to = format!("{mirror}{}?signed=secret", request.uri().path());
        let is_image = request.uri().path().ends_with(".nbt");
        let etag = tagged.as_ref().map(|bytes| format!("\"{}\"", Sha256Digest::of(bytes)));
        let answer = if is_image && !request.headers().contains_key("if-range") {
            sent_on(&to, etag)
        } else {
            own.answer(&request)
        };
        async move { answer }
    })
    .await
}

/// Starts a file server whose ETags differ from those of the server in front.
async fn mirror(files: Files) -> (Arc<Files>, String) {
    Files { etags: Etags::Other, ..files }.start().await
}

#[tokio::test]
async fn what_the_one_who_was_asked_says_of_a_file_is_what_counts() {
    let bytes = image(5000, 1);
    let own = Arc::new(Files::new(&bytes));
    let (_, right) = mirror(Files::new(&bytes)).await;
    let (_, wrong) = mirror(Files::new(&image(5000, 2))).await;
    let folder = tempdir().unwrap();

    let fetched = fetch(&front(right.clone(), Arc::clone(&own), None).await, folder.path()).await.unwrap();
    assert_eq!(fetched.image.verified, Verification::SizeOnly, "the other server's tag is no hash");

    let tagged = front(right, Arc::clone(&own), Some(bytes.clone())).await;
    let fetched = fetch(&tagged, folder.path()).await.unwrap();
    assert_eq!(fetched.image.verified, Verification::Sha256);
    assert_eq!(fetched.image.etag.as_deref(), Some(&*format!("\"{}\"", Sha256Digest::of(&bytes))));
    assert_eq!(&*fetched.image.url, format!("{tagged}/CPE.nbt"));

    let error = fetch(&front(wrong, own, Some(bytes)).await, folder.path()).await.unwrap_err();
    assert!(matches!(&error, ClientError::Content { fault: ContentFault::Hash { .. }, .. }), "{error}");
}

#[tokio::test]
async fn what_breaks_off_at_the_other_server_goes_on_by_the_tag_of_the_first() {
    let bytes = image(5000, 1);
    let own = Arc::new(Files::new(&bytes));
    let (mirror, url) = mirror(Files::new(&bytes).then(Reply::Cut(2000))).await;
    let folder = tempdir().unwrap();
    let fetched =
        fetch(&front(url, Arc::clone(&own), Some(bytes.clone())).await, folder.path()).await.unwrap();
    assert_eq!(fs::read(&fetched.image.path).unwrap(), bytes);
    assert_eq!((fetched.image.tries, fetched.image.resumed_from), (2, Some(2000)));
    assert_eq!((mirror.image_ranges(), own.image_ranges()), (vec![None], vec![Some("bytes=2000-".into())]));
    let if_range = own.requests.lock().unwrap()[0].if_range.clone();
    assert_eq!(if_range, Some(format!("\"{}\"", Sha256Digest::of(&bytes))));
}

#[tokio::test]
async fn a_server_that_sends_on_the_rest_too_never_makes_two_images_one() {
    let (old, new) = (image(5000, 1), image(5000, 2));
    let of_the_redirect = Some("\"redirect\"".to_owned());
    for (heeds_if_range, etag) in
        [(true, None), (false, None), (true, of_the_redirect.clone()), (false, of_the_redirect)]
    {
        let files = Files::new(&old).then(Reply::Cut(2000)).then(Reply::Change(new.clone()));
        let (_, url) = mirror(Files { heeds_if_range, ..files }).await;
        // The redirect has no ETag, so the ETags of the other server are used.
        let to_all = serve(move |request: Request<Body>| {
            let to = format!("{url}{}", request.uri().path());
            let etag = etag.clone();
            async move { sent_on(&to, etag) }
        })
        .await;
        let folder = tempdir().unwrap();
        let fetched = fetch(&to_all, folder.path()).await.unwrap();
        assert!(fs::read(&fetched.image.path).unwrap() == new, "heeds If-Range: {heeds_if_range}");
    }
}

#[tokio::test]
async fn the_other_server_learns_nothing_of_the_first() {
    let requests: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
    let kept = Arc::clone(&requests);
    let other = serve(move |request: Request<Body>| {
        kept.lock().unwrap().push(request.headers().clone());
        async { status(200, "bytes") }
    })
    .await;
    let folder = tempdir().unwrap();
    fetch(&front(other, Arc::new(Files::new(b"")), None).await, folder.path()).await.unwrap();
    let requests = requests.lock().unwrap();
    let mut names: Vec<&str> = requests[0].keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);
}

#[tokio::test]
async fn an_address_that_opens_a_file_is_not_shown_in_errors() {
    let refuses = serve(|_| async { status(403, "expired") }).await;
    let folder = tempdir().unwrap();
    let url = front(refuses.clone(), Arc::new(Files::new(b"")), None).await;
    let error = fetch(&url, folder.path()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{refuses}/CPE.nbt?... answered 403: expired"));

    let nobody = crate::server::nobody().await;
    let error =
        fetch(&front(nobody, Arc::new(Files::new(b"")), None).await, folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("/CPE.nbt?...: "), "{error}");

    let elsewhere = serve(|_| async { sent_on("ftp://a/b?signed=secret", None) }).await;
    let error = fetch(&elsewhere, folder.path()).await.unwrap_err();
    assert!(matches!(&error, ClientError::Url { fault: UrlFault::Scheme { .. }, .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_redirect_that_the_options_exclude_is_not_followed() {
    let (_, elsewhere) = mirror(Files::new(b"image")).await;
    let url = front(elsewhere, Arc::new(Files::new(b"")), None).await;
    let folder = tempdir().unwrap();
    let stays = Client::new(options().with_redirects(|_| false)).unwrap();
    let error = stays.download(&offer(&url), Side::Internal, folder.path(), |_| ()).await.unwrap_err();
    assert!(matches!(&error, ClientError::Url { fault: UrlFault::NotFollowed, .. }), "{error}");
    assert!(!folder.path().join("CPE.nbt").exists());
}
