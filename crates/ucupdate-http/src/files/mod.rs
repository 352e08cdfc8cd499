//! Files: what a `GET` or `HEAD` of one is answered.
//!
//! A path never becomes a key of the store by its text: it is looked up among the files the rule book names. A device is
//! sent on, instead of streamed to, only when the file is known to lie in the store: it shall hear of what is gone, or of a
//! store that does not answer, from us.

mod conditions;
mod etag;
mod ranges;
pub(crate) mod redirects;

use crate::response::answer::Answer;
use crate::response::body::Content;
use bytes::Bytes;
use conditions::Selection;
use etag::ETag;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use redirects::ImageRedirects;
use std::ops::Range;
use ucupdate::store::ByteStream;
use ucupdate::{ServedFile, UpdateService};

/// The methods of a file.
pub(crate) const ALLOWED: &str = "GET, HEAD";

/// How the field's server serves images and signatures.
const CONTENT_TYPE: &str = "binary/octet-stream";

/// Answers a `GET` or `HEAD` of the file with this path below a root, for a device that came by TLS or not.
pub(crate) async fn answer(
    service: &UpdateService,
    redirects: Option<&ImageRedirects>,
    path: &str,
    (method, headers): (&Method, &HeaderMap),
    by_tls: bool,
) -> Answer {
    let Some(file) = service.snapshot().files().find(path).cloned() else {
        return Answer::nothing_here();
    };
    let etag = ETag::of(&file.sha256);
    let selection = Selection::of(method, headers, &etag, file.size);
    if let Some(redirects) = redirects
        && redirects.cover(&file, method, headers, &selection)
    {
        if let Err(error) = service.open_file(&file, Some(0..0)).await {
            return Answer::not_opened(&error);
        }
        if let Some(location) = redirects.location(&file.key, by_tls).await {
            return sent_on(location).with(header::ETAG, etag.header_value());
        }
    }
    // Also where no byte is sent the file is opened: conditions count only for what would be sent without them
    // (RFC 9110, section 13.2.1), and HEAD says what GET would.
    let range = match &selection {
        Selection::Whole if *method == Method::GET => None,
        Selection::Part(part) => Some(part.clone()),
        _ => Some(0..0),
    };
    match service.open_file(&file, range).await {
        Ok(bytes) => sent(&file, selection, method, bytes)
            .with(header::ETAG, etag.header_value())
            .with(header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        Err(error) => Answer::not_opened(&error),
    }
}

/// 302. Nobody keeps it: the address ends, and is for the one who asked.
fn sent_on(location: HeaderValue) -> Answer {
    Answer::reason(StatusCode::FOUND, "the file is fetched where Location says")
        .with(header::LOCATION, location)
        .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

fn sent(file: &ServedFile, selection: Selection, method: &Method, bytes: ByteStream) -> Answer {
    let size = file.size;
    match selection {
        Selection::Whole if *method == Method::HEAD => {
            let nothing = Content::Bytes(Bytes::new());
            Answer::new(StatusCode::OK, CONTENT_TYPE, nothing).with(header::CONTENT_LENGTH, size.into())
        }
        Selection::Whole => Answer::new(StatusCode::OK, CONTENT_TYPE, Content::Stream(bytes, size)),
        Selection::Part(part) => {
            let Range { start, end } = part;
            Answer::new(StatusCode::PARTIAL_CONTENT, CONTENT_TYPE, Content::Stream(bytes, end - start))
                .with(header::CONTENT_RANGE, ranges::content_range(&part, size))
        }
        // The length is that of the 200 it stands for (section 8.6); said here, nothing in between puts a 0.
        Selection::NotModified => {
            Answer::without_content(StatusCode::NOT_MODIFIED).with(header::CONTENT_LENGTH, size.into())
        }
        Selection::ConditionFailed => {
            Answer::reason(StatusCode::PRECONDITION_FAILED, "the file is not one that If-Match names")
        }
        Selection::Unsatisfiable => {
            let reason = format!("the range lies outside the {size} bytes of the file");
            Answer::reason(StatusCode::RANGE_NOT_SATISFIABLE, &reason)
                .with(header::CONTENT_RANGE, ranges::unsatisfied_range(size))
        }
    }
}
