//! Tests downloads. A file gets its name only if it is whole and verified.

use crate::server::{Etags, Files, Reply, SIGNATURE, client, image, offer, options, serve, status};
use axum::body::Body;
use axum::http::Request;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::tempdir;
use ucupdate_client::{Client, ClientError, ContentFault, Download, UpdateFile, UrlFault, Verification};
use ucupdate_core::request::Side;
use ucupdate_core::value::Sha256Digest;

async fn fetch(url: &str, into: &Path) -> Result<Download, ClientError> {
    client().download(&offer(url), Side::Internal, into, |_| ()).await
}

/// Returns the names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn image_and_signature_come_under_their_names_and_nothing_else_stays() {
    let bytes = image(300_000, 1);
    let (_, url) = Files::new(&bytes).start().await;
    let folder = tempdir().unwrap();
    let into = folder.path().join("made/on/the/way");
    let mut progress = Vec::new();
    let base = format!("{url}/DeviceUpdateFiles_Int/OCInterim/ENU");
    let fetched =
        client().download(&offer(&base), Side::Internal, &into, |step| progress.push(step)).await.unwrap();
    assert_eq!(names(&into), ["CPE.cat", "CPE.nbt"]);
    assert_eq!(fs::read(&fetched.image.path).unwrap(), bytes);
    assert_eq!(fs::read(&fetched.signature.path).unwrap(), SIGNATURE);
    assert_eq!(fetched.image.sha256, Sha256Digest::of(&bytes));
    assert_eq!(&*fetched.image.url, format!("{base}/CPE.nbt"));
    assert_eq!(fetched.image.etag.as_deref(), Some(&*format!("\"{}\"", Sha256Digest::of(&bytes))));
    assert_eq!((fetched.image.bytes, fetched.image.tries, fetched.image.resumed_from), (300_000, 1, None));
    assert_eq!(fetched.verified(), Verification::Sha256);
    let images: Vec<_> = progress.iter().filter(|step| step.file == UpdateFile::Image).collect();
    assert!(images.is_sorted_by_key(|step| step.bytes));
    assert_eq!((images[0].bytes, images[0].total), (0, Some(300_000)));
    assert_eq!(images.last().unwrap().bytes, 300_000);
    assert_eq!(progress.last().unwrap().file, UpdateFile::Signature);
}

#[tokio::test]
async fn how_well_a_file_is_verified_is_what_the_server_says_of_it() {
    for (etags, declares_size, expected) in [
        (Etags::Sha256, false, Verification::Sha256),
        (Etags::Other, true, Verification::SizeOnly),
        (Etags::Weak, true, Verification::SizeOnly),
        (Etags::Absent, true, Verification::SizeOnly),
        (Etags::Absent, false, Verification::Nothing),
    ] {
        let mut files = Files::new(b"an image");
        files.etags = etags;
        files.declares_size = declares_size;
        let (_, url) = files.start().await;
        let folder = tempdir().unwrap();
        let fetched = fetch(&url, folder.path()).await.unwrap();
        assert_eq!(fetched.verified(), expected, "{etags:?}, size declared: {declares_size}");
    }
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let (_, url) = Files::new(b"").start().await;
    let folder = tempdir().unwrap();
    let fetched = fetch(&url, folder.path()).await.unwrap();
    assert_eq!((fetched.image.bytes, fetched.image.verified), (0, Verification::Sha256));
    assert_eq!(names(folder.path()), ["CPE.cat", "CPE.nbt"]);
}

#[tokio::test]
async fn bytes_that_are_not_what_the_server_says_leave_nothing_behind() {
    let mut files = Files::new(b"an image");
    files.etags = Etags::Wrong;
    let (files, url) = files.start().await;
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("CPE.nbt"), "an older one").unwrap();
    let error = fetch(&url, folder.path()).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Content { fault: ContentFault::Hash { found, .. }, .. }
            if *found == Sha256Digest::of(b"an image")),
        "{error}"
    );
    assert_eq!(names(folder.path()), ["CPE.nbt"]);
    assert_eq!(fs::read(folder.path().join("CPE.nbt")).unwrap(), b"an older one");
    assert_eq!(files.image_ranges().len(), 1, "fetching the same again helps nobody");
}

#[tokio::test]
async fn a_file_that_is_gone_is_final() {
    for code in [404, 410] {
        let (files, url) = Files::new(b"an image").then(Reply::Refuse(code, None)).start().await;
        let folder = tempdir().unwrap();
        let error = fetch(&url, folder.path()).await.unwrap_err();
        assert!(matches!(error, ClientError::Status { status, .. } if status == code), "{error}");
        assert_eq!(files.requests.lock().unwrap().len(), 1);
        assert!(names(folder.path()).is_empty());
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_again_but_not_for_ever() {
    let (_, url) = Files::new(b"an image")
        .then(Reply::Refuse(503, Some("0")))
        .then(Reply::Refuse(503, None))
        .start()
        .await;
    let folder = tempdir().unwrap();
    assert_eq!(fetch(&url, folder.path()).await.unwrap().image.tries, 3);

    let mut files = Files::new(b"an image");
    for _ in 0..9 {
        files = files.then(Reply::Refuse(503, Some("0")));
    }
    let (files, url) = files.start().await;
    assert!(matches!(fetch(&url, folder.path()).await, Err(ClientError::Status { status: 503, .. })));
    assert_eq!(files.requests.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn without_its_signature_an_image_gets_no_name_but_need_not_come_again() {
    let bytes = image(1000, 1);
    let (files, url) = Files::new(&bytes).start().await;
    files.signature_replies.lock().unwrap().push_back(Reply::Refuse(404, None));
    let folder = tempdir().unwrap();
    let error = fetch(&url, folder.path()).await.unwrap_err();
    assert!(matches!(error, ClientError::Status { status: 404, .. }), "{error}");
    assert_eq!(names(folder.path()), ["CPE.nbt.part", "CPE.nbt.part.note"]);

    let fetched = fetch(&url, folder.path()).await.unwrap();
    assert_eq!(fetched.image.resumed_from, Some(999), "its last byte asks whether it is still the same");
    assert_eq!(fs::read(&fetched.image.path).unwrap(), bytes);
    assert_eq!(names(folder.path()), ["CPE.cat", "CPE.nbt"]);
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_whether_its_size_is_declared_or_not() {
    for declares_size in [true, false] {
        let mut files = Files::new(&image(1000, 1));
        files.declares_size = declares_size;
        let (_, url) = files.start().await;
        let folder = tempdir().unwrap();
        let of = |limit| Client::new(options().with_file_limit(limit)).unwrap();
        let error = of(999).download(&offer(&url), Side::Internal, folder.path(), |_| ()).await.unwrap_err();
        assert!(matches!(error, ClientError::TooLarge { most: 999, .. }), "{error}");
        assert!(names(folder.path()).is_empty());
        assert!(of(1000).download(&offer(&url), Side::Internal, folder.path(), |_| ()).await.is_ok());
    }
}

#[tokio::test]
async fn a_compressed_file_is_refused() {
    let url = serve(|_| async {
        let mut response = status(200, "packed");
        response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        response
    })
    .await;
    let folder = tempdir().unwrap();
    let error = fetch(&url, folder.path()).await.unwrap_err();
    assert!(error.to_string().ends_with("sent the content coding \"gzip\", expected none"), "{error}");
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn a_part_that_nobody_asked_for_is_refused() {
    let url = serve(|_| async {
        let mut response = status(206, "part");
        response.headers_mut().insert("content-range", "bytes 0-3/9".parse().unwrap());
        response
    })
    .await;
    let folder = tempdir().unwrap();
    let error = fetch(&url, folder.path()).await.unwrap_err();
    assert!(matches!(error, ClientError::Content { fault: ContentFault::UnaskedPart, .. }), "{error}");
}

#[tokio::test]
async fn redirects_of_files_are_followed_but_only_so_many() {
    let (_, files) = Files::new(b"an image").start().await;
    let to_files = serve(move |request: Request<Body>| {
        let to = format!("{files}{}?signed=yes", request.uri().path());
        async move {
            let mut response = status(307, "");
            response.headers_mut().insert("location", to.parse().unwrap());
            response
        }
    })
    .await;
    let folder = tempdir().unwrap();
    let fetched = fetch(&to_files, folder.path()).await.unwrap();
    assert_eq!(fetched.verified(), Verification::Sha256);
    assert_eq!(&*fetched.image.url, format!("{to_files}/CPE.nbt"));

    let round_and_round = serve(|_| async {
        let mut response = status(302, "");
        response.headers_mut().insert("location", "/again.nbt".parse().unwrap());
        response
    })
    .await;
    let error = fetch(&round_and_round, folder.path()).await.unwrap_err();
    let most = 5;
    assert!(
        matches!(&error, ClientError::Url { fault, .. } if *fault == UrlFault::TooManyRedirects { most }),
        "{error}"
    );
}

#[tokio::test]
async fn a_side_without_a_base_url_has_nothing_to_fetch() {
    let folder = tempdir().unwrap();
    let offer = offer("http://127.0.0.1:9/");
    let error = client().download(&offer, Side::External, folder.path(), |_| ()).await.unwrap_err();
    assert_eq!(error.to_string(), "URL \"\" is blank");
    assert_eq!(error.device_code(), None);
}

#[tokio::test]
async fn files_that_would_overwrite_one_another_are_refused() {
    let folder = tempdir().unwrap();
    let mut offer = offer("http://127.0.0.1:9/");
    offer.signature_file_name = "cpe.NBT".parse().unwrap();
    let error = client().download(&offer, Side::Internal, folder.path(), |_| ()).await.unwrap_err();
    assert_eq!(error.to_string(), "offered files `CPE.nbt` and `cpe.NBT` would overwrite one another");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempdir().unwrap();
    let into = folder.path().join("a file");
    fs::write(&into, "").unwrap();
    let (_, url) = Files::new(b"an image").start().await;
    let error = fetch(&url, &into).await.unwrap_err();
    assert!(matches!(&error, ClientError::Disk { path, .. } if *path == into), "{error}");
    assert!(error.to_string().starts_with("cannot make the folder "), "{error}");
}

#[tokio::test]
async fn a_name_with_signs_of_urls_in_it_is_asked_for_as_a_name() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    let url = serve(move |request: Request<Body>| {
        kept.lock().unwrap().push(request.uri().to_string());
        async { status(200, "bytes") }
    })
    .await;
    let folder = tempdir().unwrap();
    let mut offer = offer(&format!("{url}/a b/"));
    offer.file_name = "100% #1;x.nbt".parse().unwrap();
    client().download(&offer, Side::Internal, folder.path(), |_| ()).await.unwrap();
    assert_eq!(*requests.lock().unwrap(), ["/a%20b/100%25%20%231;x.nbt", "/a%20b/CPE.cat"]);
    assert_eq!(names(folder.path()), ["100% #1;x.nbt", "CPE.cat"]);
}
