//! Checks the bodies of successful answers: their size, and whether they are the requested
//! document.

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use object_store::client::{HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody};
use std::error::Error;
use std::fmt;

/// Largest number of bytes of a listing that are read. A listing has at most 1000 keys of 1 KiB.
/// Escaped as XML, a key may need six times its size.
const MAX_LISTING_BYTES: usize = 8 * 1024 * 1024;
/// Largest number of bytes that are read of a body that is neither an object nor a listing: an
/// error response, the start or the completion of an upload in parts, or credentials.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// Largest number of characters of an answer that a message shows.
const MAX_SHOWN_CHARS: usize = 60;

/// Marks an HTTP request as a request for the bytes of an object. The body of its answer has no
/// size limit, because it is read piece by piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectBody;

/// The XML document that a request asks for. It is read as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpectedDocument {
    Listing,
    StartedUpload,
    CompletedUpload,
}

impl ExpectedDocument {
    /// Returns the document that this request asks for. `None` if the request asks for something
    /// else, such as the bytes of an object.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        let query = request.uri().query().unwrap_or_default();
        let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        match request.method().as_str() {
            "GET" if query.split('&').any(|pair| pair == "list-type=2") => Some(Self::Listing),
            "POST" if has("uploads") => Some(Self::StartedUpload),
            "POST" if has("uploadId") => Some(Self::CompletedUpload),
            _ => None,
        }
    }

    const fn root(self) -> &'static str {
        match self {
            Self::Listing => "ListBucketResult",
            Self::StartedUpload => "InitiateMultipartUploadResult",
            Self::CompletedUpload => "CompleteMultipartUploadResult",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Listing => "a listing",
            Self::StartedUpload => "the start of an upload",
            Self::CompletedUpload => "the completion of an upload",
        }
    }

    const fn limit(self) -> usize {
        match self {
            Self::Listing => MAX_LISTING_BYTES,
            Self::StartedUpload | Self::CompletedUpload => MAX_BODY_BYTES,
        }
    }

    /// Reads the body of the answer. Fails if the body is larger than the size limit of this
    /// document.
    pub(crate) async fn read(self, body: HttpResponseBody) -> Result<bytes::Bytes, HttpError> {
        match Limited::new(body, self.limit()).collect().await {
            Ok(bytes) => Ok(bytes.to_bytes()),
            Err(error) => Err(broken(error, self.limit())),
        }
    }

    /// Checks that the text is this document, and that a listing has either all keys or a token for the next page.
    /// Without this check, a sign-in page would count as an empty listing.
    pub(crate) fn check(self, content_type: Option<&str>, text: &str) -> Result<(), UnexpectedBody> {
        let root = root(text);
        if root.map(without_namespace) != Some(self.root()) {
            let mut found = match root {
                Some(root) => format!("`<{}>`", shown(root)),
                None if text.trim().is_empty() => "an empty body".to_owned(),
                None => "a text without XML elements".to_owned(),
            };
            if let Some(content_type) = content_type {
                found += &format!(" ({})", shown(content_type));
            }
            return Err(UnexpectedBody(format!(
                "the answer to {} is {found}, expected `<{}>`; check the URL of the server, and whether a proxy or a sign-in page answers in place of the bucket",
                self.name(),
                self.root()
            )));
        }
        let is_true = |name| matches!(value(text, name), Some("true" | "1"));
        if self == Self::Listing
            && is_true("IsTruncated")
            && value(text, "NextContinuationToken").is_none_or(str::is_empty)
        {
            return Err(UnexpectedBody(
                "the answer to a listing has `IsTruncated` and no `NextContinuationToken`, expected a token for the rest; use a server that supports ListObjectsV2"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

/// Limits the body of an answer to [`MAX_BODY_BYTES`]. `object_store` may read such a body as a
/// whole, for example credentials.
pub(crate) fn limited(answer: HttpResponse) -> HttpResponse {
    answer.map(|body| {
        let limited = Limited::new(body, MAX_BODY_BYTES);
        HttpResponseBody::new(limited.map_err(|error| broken(error, MAX_BODY_BYTES)))
    })
}

fn broken(error: Box<dyn Error + Send + Sync>, limit: usize) -> HttpError {
    if error.is::<LengthLimitError>() {
        let found =
            format!("the body of the answer has more than {limit} bytes; check whether the bucket answers");
        return HttpError::new(HttpErrorKind::Unknown, UnexpectedBody(found));
    }
    match error.downcast::<HttpError>() {
        Ok(error) => *error,
        Err(error) => HttpError::new_boxed(HttpErrorKind::Interrupted, error),
    }
}

/// Error of a body that is too large, or that is not the requested document. A retry would return
/// the same body.
#[derive(Debug)]
pub(crate) struct UnexpectedBody(String);

impl fmt::Display for UnexpectedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for UnexpectedBody {}

/// Returns the name of the first element of an XML or HTML text.
pub(crate) fn root(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches('\u{feff}');
    loop {
        rest = rest.trim_start();
        let end = if rest.starts_with("<!--") {
            "-->"
        } else if rest.starts_with("<?") {
            "?>"
        } else if rest.starts_with("<!") {
            ">"
        } else {
            return rest.strip_prefix('<').map(tag_name).filter(|name| !name.is_empty());
        };
        rest = rest.split_once(end)?.1;
    }
}

/// Returns the text of the first element with this name, without spaces around it.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split('<').skip(1).find_map(|element| {
        let (tag, text) = element.split_once('>')?;
        (without_namespace(tag_name(tag)) == name).then_some(text.trim())
    })
}

fn tag_name(tag: &str) -> &str {
    tag.split(|character: char| character.is_whitespace() || matches!(character, '>' | '/'))
        .next()
        .unwrap_or_default()
}

fn without_namespace(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, name)| name)
}

fn shown(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_root_element_decides_what_a_document_is() {
        for text in [
            "<ListBucketResult/>",
            "\u{feff}<?xml version=\"1.0\"?>\n<!-- <html> -->\n<ListBucketResult xmlns=\"a\"></ListBucketResult>",
            "<s3:ListBucketResult xmlns:s3=\"a\"><s3:IsTruncated>false</s3:IsTruncated></s3:ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken></ListBucketResult>",
        ] {
            assert!(ExpectedDocument::Listing.check(None, text).is_ok(), "{text}");
        }
        for (text, found) in [
            ("", "an empty body"),
            ("sign in first", "a text without XML elements"),
            ("<!DOCTYPE html>\n<HTML lang=en><ListBucketResult/>", "`<HTML>`"),
            ("<!-- never closed <ListBucketResult/>", "a text without XML elements"),
            ("<ListBucketResults/>", "`<ListBucketResults>`"),
            ("</ListBucketResult>", "a text without XML elements"),
        ] {
            let refused = ExpectedDocument::Listing.check(None, text).unwrap_err().to_string();
            assert_eq!(
                refused,
                format!(
                    "the answer to a listing is {found}, expected `<ListBucketResult>`; check the URL of the server, and whether a proxy or a sign-in page answers in place of the bucket"
                )
            );
        }
        let long = format!("<{}>", "x".repeat(5000));
        assert!(ExpectedDocument::Listing.check(None, &long).unwrap_err().to_string().len() < 400);
    }

    #[test]
    fn a_part_of_a_listing_without_a_token_is_refused() {
        for rest in [
            "<IsTruncated>true</IsTruncated>",
            "<s3:IsTruncated> true\n</s3:IsTruncated><s3:NextContinuationToken/>",
            "<NextContinuationToken></NextContinuationToken><IsTruncated>1</IsTruncated>",
            "<NextMarker>a</NextMarker><IsTruncated>true</IsTruncated>",
        ] {
            let text = format!("<ListBucketResult>{rest}</ListBucketResult>");
            let refused = ExpectedDocument::Listing.check(None, &text).unwrap_err().to_string();
            assert!(refused.contains("`NextContinuationToken`"), "{rest}: {refused}");
        }
    }
}
