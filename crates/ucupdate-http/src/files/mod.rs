//! Answers a `GET` or `HEAD` of a file.
//!
//! The path of a request is never used as a key of the store. The file is looked up among the files
//! of the rule book. A device is redirected to the store only after the file was found there. So if
//! the file is missing or the store does not respond, the device gets an error from this server and
//! no redirect.

mod conditions;
pub(crate) mod downloads;
mod etag;
mod ranges;
pub(crate) mod redirects;

use crate::response::answer::Answer;
use crate::response::body::BodyContent;
use bytes::Bytes;
use conditions::Selection;
use downloads::Downloads;
use etag::ETag;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use redirects::ImageRedirects;
use std::net::IpAddr;
use std::ops::Range;
use ucupdate::store::ByteStream;
use ucupdate::{ServedFile, UpdateService};

/// Value of `Allow` for files.
pub(crate) const ALLOWED: &str = "GET, HEAD";

/// Media type of images and signatures, as OCS sends it.
const CONTENT_TYPE: &str = "binary/octet-stream";

/// Answers a `GET` or `HEAD` of a file. `path` is the path below the root of the files. Also
/// returns the file if the answer sends bytes of the file or redirects to it. `by_tls` says whether
/// the device uses TLS. If too many downloads run in all or from the address `remote`, a file that
/// is not redirected gets 503 and is not opened.
pub(crate) async fn answer(
    service: &UpdateService,
    redirects: Option<&ImageRedirects>,
    path: &str,
    (method, headers): (&Method, &HeaderMap),
    by_tls: bool,
    (downloads, remote): (&Downloads, Option<IpAddr>),
) -> (Answer, Option<ServedFile>) {
    let Some(file) = service.snapshot().files().find(path) else {
        return (Answer::nothing_here(), None);
    };
    let etag = ETag::of(&file.sha256);
    let selection = Selection::of(method, headers, &etag, file.size);
    if let Some(redirects) = redirects
        && redirects.cover(&file, method, headers, &selection)
    {
        if let Err(error) = service.open_file(&file, Some(0..0)).await {
            return (Answer::not_opened(&error), None);
        }
        if let Some(location) = redirects.location(&file.key, by_tls).await {
            return (sent_on(location).with(header::ETAG, etag.header_value()), Some(file));
        }
    }
    let Some(place) = downloads.begin(remote) else {
        let refusal = Answer::unavailable("too many files are being downloaded, try again later");
        return (refusal.with(header::RETRY_AFTER, downloads.wait().into()), None);
    };
    // The file is opened even if no byte is sent. Conditions are evaluated only if the answer without them would be a
    // success (RFC 9110, section 13.2.1), and the answer to HEAD equals the answer to GET.
    let range = match &selection {
        Selection::Whole if *method == Method::GET => None,
        Selection::Part(part) => Some(part.clone()),
        _ => Some(0..0),
    };
    match service.open_file(&file, range).await {
        Ok(bytes) => {
            let fetches =
                *method == Method::GET && matches!(selection, Selection::Whole | Selection::Part(_));
            let answer = sent(&file, selection, method, bytes)
                .with(header::ETAG, etag.header_value())
                .with(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"))
                .holding(place);
            (answer, fetches.then_some(file))
        }
        Err(error) => (Answer::not_opened(&error), None),
    }
}

/// Creates the redirect (302) to a signed URL. It must not be cached, because the URL expires and
/// is meant for one device.
fn sent_on(location: HeaderValue) -> Answer {
    Answer::reason(StatusCode::FOUND, "the file is at the address in Location")
        .with(header::LOCATION, location)
        .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

fn sent(file: &ServedFile, selection: Selection, method: &Method, bytes: ByteStream) -> Answer {
    let size = file.size;
    match selection {
        Selection::Whole if *method == Method::HEAD => {
            let nothing = BodyContent::Bytes(Bytes::new());
            Answer::new(StatusCode::OK, CONTENT_TYPE, nothing).with(header::CONTENT_LENGTH, size.into())
        }
        Selection::Whole => Answer::new(StatusCode::OK, CONTENT_TYPE, BodyContent::Stream(bytes, size)),
        Selection::Part(part) => {
            let Range { start, end } = part;
            Answer::new(StatusCode::PARTIAL_CONTENT, CONTENT_TYPE, BodyContent::Stream(bytes, end - start))
                .with(header::CONTENT_RANGE, ranges::content_range(&part, size))
        }
        // The length is that of the 200 response (section 8.6). Without the field a server might send 0.
        Selection::NotModified => {
            Answer::without_content(StatusCode::NOT_MODIFIED).with(header::CONTENT_LENGTH, size.into())
        }
        Selection::ConditionFailed => {
            Answer::reason(StatusCode::PRECONDITION_FAILED, "the file does not match If-Match")
        }
        Selection::Unsatisfiable => {
            let reason = format!("the range is outside the {size} bytes of the file");
            Answer::reason(StatusCode::RANGE_NOT_SATISFIABLE, &reason)
                .with(header::CONTENT_RANGE, ranges::unsatisfied_range(size))
        }
    }
}
