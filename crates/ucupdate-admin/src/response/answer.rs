//! [`Answer`]: a response before it has the fields that every response has.

use super::body::{AdminBody, ResponsePieces};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

/// The version of the format of every JSON answer. It is the same as in the `--json` output of the
/// command.
const FORMAT: u32 = 1;

/// The `Content-Security-Policy`: a page loads files of this service only, sends requests to this service only, sends no form, and
/// is shown in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// A response without the header fields that are the same for every response.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    content_type: &'static str,
    fields: Vec<(HeaderName, HeaderValue)>,
    body: AnswerContent,
}

enum AnswerContent {
    Whole(Bytes),
    /// A body that is sent in pieces, and its number of bytes if that is known.
    Pieces(ResponsePieces, Option<u64>),
}

#[derive(Serialize)]
struct Versioned<T> {
    format: u32,
    #[serde(flatten)]
    result: T,
}

impl Answer {
    /// Creates an answer with a JSON object, to which the version of the format is added.
    pub(crate) fn json(result: impl Serialize) -> Self {
        // Our values have text keys and finite numbers only, so each has a JSON form.
        let body = serde_json::to_vec(&Versioned { format: FORMAT, result }).unwrap_or_default();
        Self::of(StatusCode::OK, "application/json", body)
    }

    /// Creates an answer with these bytes as its body.
    pub(crate) fn document(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::of(StatusCode::OK, content_type, body)
    }

    pub(crate) fn problem(status: StatusCode, document: &Value) -> Self {
        Self::of(status, "application/problem+json", document.to_string())
    }

    fn of(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, content_type, fields: Vec::new(), body: AnswerContent::Whole(body.into()) }
    }

    /// Creates an answer whose bytes are sent while they are made. `length` is their number, if it is known.
    pub(crate) fn stream(content_type: &'static str, pieces: ResponsePieces, length: Option<u64>) -> Self {
        let body = AnswerContent::Pieces(pieces, length);
        Self { status: StatusCode::OK, content_type, fields: Vec::new(), body }
    }

    /// Returns a copy. `None` if the body is a stream.
    pub(crate) fn copy(&self) -> Option<Self> {
        let AnswerContent::Whole(body) = &self.body else { return None };
        Some(Self {
            status: self.status,
            content_type: self.content_type,
            fields: self.fields.clone(),
            body: AnswerContent::Whole(body.clone()),
        })
    }

    /// Adds a header field.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// Adds the revision of the rule book as the entity tag.
    pub(crate) fn at_revision(self, revision: u64) -> Self {
        match HeaderValue::from_str(&format!("\"{revision}\"")) {
            Ok(tag) => self.with(header::ETAG, tag),
            Err(_) => self,
        }
    }

    /// Returns the response. `HEAD` gets no body.
    pub(crate) fn into_response(self, method: &Method) -> Response<AdminBody> {
        let (length, body) = match self.body {
            AnswerContent::Whole(body) => (Some(body.len() as u64), AdminBody::new(body)),
            AnswerContent::Pieces(pieces, length) => (length, AdminBody::stream(pieces, length)),
        };
        let body = if method == Method::HEAD { AdminBody::new(Bytes::new()) } else { body };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let head = response.headers_mut();
        let fixed = [
            (header::CONTENT_TYPE, self.content_type),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        ];
        for (name, value) in fixed {
            head.insert(name, HeaderValue::from_static(value));
        }
        if let Some(length) = length {
            head.insert(header::CONTENT_LENGTH, length.into());
        }
        head.extend(self.fields);
        response
    }
}
