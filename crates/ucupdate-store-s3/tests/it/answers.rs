//! Tests of what the store makes of answers: the metadata of objects, listings that are none, and bodies without an end.

use crate::{hasty, key};
use std::collections::HashSet;
use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use ucupdate_store::{ImageStore as _, ImageStoreExt as _, StoreError};
use ucupdate_store_s3::{Credentials, S3Options, S3Store};
use ucupdate_testkit::s3::{BUCKET, Bucket, KEY_ID, S3Server, SECRET};

const MIB: usize = 1024 * 1024;

/// A server that answers each request as a function says. Dropping this value does not stop it.
struct Actor {
    endpoint: String,
    /// Number of bytes of bodies without an end that were sent.
    sent: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

enum Answer {
    /// The header lines and the body of an answer with this status.
    Plain(u16, String, String),
    /// An answer with success whose body is this text again and again.
    Endless(&'static str),
    /// No answer. The connection stays open.
    Silence,
}

impl Actor {
    /// Starts a server. The argument of the function is the head of the request.
    async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sent, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (counter, asked) = (Arc::clone(&sent), Arc::clone(&requests));
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (answer, counter, asked) =
                    (Arc::clone(&answer), Arc::clone(&counter), Arc::clone(&asked));
                tokio::spawn(async move {
                    let Some(head) = request_head(&mut socket).await else { return };
                    asked.fetch_add(1, Ordering::SeqCst);
                    // The client closes the connection early, so an error is expected.
                    let _closed = act(&mut socket, answer(&head), &counter).await;
                });
            }
        });
        Self { endpoint, sent, requests }
    }

    fn options(&self) -> S3Options {
        S3Options::new(BUCKET)
            .with_endpoint(&self.endpoint)
            .with_credentials(Credentials::keys(KEY_ID, SECRET))
            .with_system_roots(false)
            .with_self_test(false)
            .with_attempt_timeout(Duration::from_secs(20))
            .with_deadline(Duration::from_secs(60))
    }

    async fn store(&self) -> S3Store {
        S3Store::open(self.options().with_part_bytes(1000)).await.unwrap()
    }
}

/// Reads a request to the end of its body. Returns its head.
async fn request_head(socket: &mut TcpStream) -> Option<String> {
    let mut seen = Vec::new();
    loop {
        if let Some(end) = seen.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if seen.len() >= end + 4 + length {
                return Some(String::from_utf8_lossy(&seen[..end]).into_owned());
            }
        }
        if socket.read_buf(&mut seen).await.ok()? == 0 {
            return None;
        }
    }
}

async fn act(socket: &mut TcpStream, answer: Answer, sent: &AtomicUsize) -> std::io::Result<()> {
    match answer {
        Answer::Plain(status, lines, body) => {
            let length = if lines.contains("Content-Length") {
                String::new()
            } else {
                format!("Content-Length: {}\r\n", body.len())
            };
            let head = format!("HTTP/1.1 {status} Said\r\nConnection: close\r\n{length}{lines}\r\n");
            socket.write_all(format!("{head}{body}").as_bytes()).await
        }
        Answer::Endless(text) => {
            socket.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            let block = text.repeat(64 * 1024 / text.len());
            while sent.load(Ordering::SeqCst) < 100 * MIB {
                socket.write_all(format!("{:x}\r\n{block}\r\n", block.len()).as_bytes()).await?;
                sent.fetch_add(block.len(), Ordering::SeqCst);
            }
            Ok(())
        }
        Answer::Silence => std::future::pending().await,
    }
}

fn page(content_type: &str, body: &str) -> Answer {
    Answer::Plain(200, format!("Content-Type: {content_type}\r\n"), body.to_owned())
}

fn said(error: &StoreError) -> String {
    assert!(matches!(error, StoreError::Backend { .. }), "{error:?}");
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn an_object_has_one_write_mark_in_every_answer_and_another_one_after_a_write_of_the_same_size() {
    let server = S3Server::start(Bucket::default().taking_small_parts()).await;
    let store = S3Store::open(hasty(&server).with_part_bytes(1000)).await.unwrap();
    let mut marks = HashSet::new();
    // The larger object is uploaded in parts.
    for length in [10, 2500] {
        for letter in [b'o', b'n'] {
            let put = store.put_bytes(&key("a"), vec![letter; length]).await.unwrap();
            // HTTP gives the time of a write in whole seconds, so the mark is what tells the two objects apart.
            assert!(put.write_mark != 0 && marks.insert(put.write_mark), "{put:?}");
            let head = store.head(&key("a")).await.unwrap();
            let whole = store.get(&key("a"), None).await.unwrap().meta;
            let part = store.get(&key("a"), Some(2..4)).await.unwrap().meta;
            let nothing = store.get(&key("a"), Some(4..4)).await.unwrap().meta;
            let listed = store.list("", None).await.unwrap().remove(0);
            for meta in [head, whole, part, nothing, listed] {
                assert_eq!(meta.write_mark, put.write_mark, "{meta:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_in_place_of_a_listing_is_an_error_and_no_empty_listing() {
    let cut =
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>a</NextMarker></ListBucketResult>";
    let unclosed = "<ListBucketResult><IsTruncated>false</IsTruncated>";
    for (content_type, body, expected) in [
        (
            "text/html",
            "<!DOCTYPE html>\n<html><body>sign in</body></html>",
            "is `<html>` (text/html), expected `<ListBucketResult>`",
        ),
        (
            "application/xml",
            "<?xml version=\"1.0\"?><ListAllMyBucketsResult/>",
            "is `<ListAllMyBucketsResult>` (application/xml)",
        ),
        ("text/html", "", "is an empty body (text/html)"),
        ("application/json", "{}", "is a text without XML elements (application/json)"),
        ("application/xml", cut, "`IsTruncated` and no `NextContinuationToken`"),
        ("application/xml", unclosed, ""),
    ] {
        let actor = Actor::start(move |_| page(content_type, body)).await;
        let store = actor.store().await;
        for prefix in ["", "state/"] {
            let error = store.list(prefix, None).await.expect_err(body);
            assert!(said(&error).contains(expected), "{}", said(&error));
        }
        assert_eq!(actor.requests.load(Ordering::SeqCst), 2, "a page is not asked for again");
    }
    let empty = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    let actor = Actor::start(move |_| page("application/xml", empty)).await;
    assert!(actor.store().await.list("", None).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_error_in_the_body_of_a_successful_listing_is_tried_again() {
    let asked = AtomicUsize::new(0);
    let actor = Actor::start(move |_| {
        let body = match asked.fetch_add(1, Ordering::SeqCst) {
            0 => "<Error><Code>SlowDown</Code></Error>",
            _ => "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
        };
        page("application/xml", body)
    })
    .await;
    assert!(actor.store().await.list("", None).await.unwrap().is_empty());
    assert_eq!(actor.requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_to_an_upload_is_an_error() {
    let actor = Actor::start(|head| {
        let begins = head.starts_with("POST") && head.lines().next().unwrap().contains("?uploads");
        if begins {
            let started =
                "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
            return page("application/xml", started);
        }
        let lines = "ETag: \"a\"\r\nContent-Type: text/html\r\n".to_owned();
        Answer::Plain(200, lines, "<html><ETag>a</ETag></html>".to_owned())
    })
    .await;
    let error = actor.store().await.put_bytes(&key("a"), vec![b'x'; 2500]).await.unwrap_err();
    assert!(said(&error).contains("expected `<CompleteMultipartUploadResult>`"), "{}", said(&error));

    let actor = Actor::start(|_| page("text/html", "<html><UploadId>u</UploadId></html>")).await;
    let error = actor.store().await.put_bytes(&key("a"), vec![b'x'; 2500]).await.unwrap_err();
    assert!(said(&error).contains("expected `<InitiateMultipartUploadResult>`"), "{}", said(&error));
}

#[tokio::test]
async fn a_body_without_an_end_is_read_up_to_a_limit() {
    // The server also sends what fits into the buffers of both sockets.
    let buffers = 24 * MIB;
    let listing = "<ListBucketResult><Contents><Key>a</Key><Size>3</Size></Contents>";
    let actor = Actor::start(move |_| Answer::Endless(listing)).await;
    let error = actor.store().await.list("", None).await.unwrap_err();
    assert!(said(&error).contains("more than 8388608 bytes"), "{}", said(&error));
    assert!(actor.sent.load(Ordering::SeqCst) < 8 * MIB + buffers);

    let actor = Actor::start(|_| Answer::Endless("<InitiateMultipartUploadResult>")).await;
    let error = actor.store().await.put_bytes(&key("a"), vec![b'x'; 2500]).await.unwrap_err();
    assert!(said(&error).contains("more than 65536 bytes"), "{}", said(&error));
    assert!(actor.sent.load(Ordering::SeqCst) < buffers);

    // The server of the credentials is not the bucket, and its answers are read as a whole too.
    let actor = Actor::start(|_| Answer::Endless("{\"AccessKeyId\": \"a\",")).await;
    let token_file = std::env::current_exe().unwrap().with_file_name("store-s3-test.token");
    std::fs::write(&token_file, "token").unwrap();
    let credentials = Credentials::Pod {
        full_uri: format!("{}/credentials", actor.endpoint),
        token_file: token_file.to_str().unwrap().to_owned(),
    };
    let options = actor.options().with_credentials(credentials);
    let error = S3Store::open(options).await.unwrap().list("", None).await.unwrap_err();
    assert!(said(&error).contains("more than 65536 bytes"), "{}", said(&error));
    assert!(actor.sent.load(Ordering::SeqCst) < buffers);
    std::fs::remove_file(&token_file).unwrap();
}

#[tokio::test]
async fn a_write_that_was_done_is_settled_if_its_answer_stays_away_for_the_whole_time_limit() {
    let mark = Mutex::new(String::new());
    let actor = Actor::start(move |head| {
        let mut mark = mark.lock().unwrap();
        if let Some(found) = head.lines().find(|line| line.starts_with("x-amz-meta-ucupdate-write")) {
            *mark = format!("{found}\r\n");
        }
        let is_part = head.contains("partNumber");
        match head.split(' ').next().unwrap() {
            "HEAD" => {
                let lines =
                    "Content-Length: 1\r\nETag: \"a\"\r\nLast-Modified: Mon, 30 Nov 2026 17:40:00 GMT\r\n";
                Answer::Plain(200, format!("{lines}{mark}"), String::new())
            }
            "POST" if head.contains("?uploads") => page(
                "application/xml",
                "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
            ),
            "PUT" if is_part => Answer::Plain(200, "ETag: \"p\"\r\n".to_owned(), String::new()),
            _ => Answer::Silence,
        }
    })
    .await;
    // The command sets both limits to the same time.
    let limit = Duration::from_secs(2);
    let options = actor.options().with_attempt_timeout(limit).with_deadline(limit).with_part_bytes(1000);
    let store = S3Store::open(options).await.unwrap();
    store.create(&key("a"), "x".into()).await.unwrap();
    store.put_bytes(&key("a"), "x").await.unwrap();
    store.put_bytes(&key("a"), vec![b'x'; 2500]).await.unwrap();
}

#[tokio::test]
async fn a_name_that_no_path_can_have_breaks_listings() {
    for (name, breaks) in [
        ("a//b", true),
        ("a/../b", true),
        ("./a", true),
        ("a&#10;b", true),
        ("a&#27;b", true),
        ("a&#127;b", true),
        ("a..b", false),
        ("a&#x202e;b", false),
    ] {
        let body = format!(
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>{name}</Key><Size>3</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"
        );
        let actor = Actor::start(move |_| page("application/xml", &body)).await;
        let listing = actor.store().await.list("", None).await;
        assert_eq!(listing.is_err(), breaks, "{name}: {listing:?}");
        if let Err(error) = listing {
            said(&error);
        }
    }
}
