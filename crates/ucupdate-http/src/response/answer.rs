//! The answer to a request, before it becomes an HTTP response.

use crate::files::downloads::DownloadPlace;
use crate::request::authenticate::Verdict;
use crate::response::body::{BodyContent, ResponseBody};
use crate::response::exchange::Exchange;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use ucupdate::store::StoreError;

/// Value of `Retry-After` when the store or the authentication is temporarily unavailable.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("30");

/// A status with header fields and content.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    content: BodyContent,
    place: Option<DownloadPlace>,
}

impl Answer {
    /// Creates an answer with content of this media type.
    pub(crate) fn new(status: StatusCode, content_type: &'static str, content: BodyContent) -> Self {
        let content_type = HeaderValue::from_static(content_type);
        Self::without_content(status).with_content(content).with(header::CONTENT_TYPE, content_type)
    }

    pub(crate) fn without_content(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), content: BodyContent::Bytes(Bytes::new()), place: None }
    }

    /// Creates an answer with a reason as one line of text.
    pub(crate) fn reason(status: StatusCode, reason: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", BodyContent::Bytes(format!("{reason}\n").into()))
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    fn with_content(mut self, content: BodyContent) -> Self {
        self.content = content;
        self
    }

    /// Returns the status and the reason if the answer is an error (4xx or 5xx), or `None` for
    /// another answer.
    pub(crate) fn refusal(&self) -> Option<(StatusCode, &str)> {
        let BodyContent::Bytes(reason) = &self.content else { return None };
        let is_refusal = self.status.is_client_error() || self.status.is_server_error();
        is_refusal.then(|| (self.status, std::str::from_utf8(reason).unwrap_or_default().trim_end()))
    }

    /// Makes the answer count as a running download until its body is dropped. `place` is the count
    /// of this download.
    pub(crate) fn holding(self, place: DownloadPlace) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Adds `Connection: close`, because the body of the request was not read to its end.
    pub(crate) fn closing(self) -> Self {
        self.with(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// Creates the 404 for a path that is not served.
    pub(crate) fn nothing_here() -> Self {
        Self::reason(StatusCode::NOT_FOUND, "nothing is served at this path")
    }

    /// Creates the answer 405. `allowed` is the value of its `Allow` header.
    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        Self::reason(
            StatusCode::METHOD_NOT_ALLOWED,
            &format!("the method is not allowed here, expected {allowed}"),
        )
        .with(header::ALLOW, HeaderValue::from_static(allowed))
    }

    /// Creates a 503 with `Retry-After`.
    pub(crate) fn unavailable(reason: &str) -> Self {
        Self::reason(StatusCode::SERVICE_UNAVAILABLE, reason).with(header::RETRY_AFTER, RETRY_AFTER)
    }

    /// Creates the answer to an external request that was not admitted. `challenges` are used if
    /// the verdict is [`Verdict::Challenge`] without challenges of its own.
    pub(crate) fn refused(verdict: Verdict, challenges: &[HeaderValue]) -> Self {
        let challenged = match verdict {
            Verdict::Unavailable => {
                return Self::unavailable("authentication is temporarily unavailable, try again later");
            }
            Verdict::Allow { .. } | Verdict::Forbid { .. } => {
                return Self::reason(
                    StatusCode::FORBIDDEN,
                    "the user is not allowed to ask for updates from outside",
                );
            }
            Verdict::Challenge { challenges } => challenges,
        };
        let challenges = if challenged.is_empty() { challenges } else { &challenged };
        let mut answer = Self::reason(StatusCode::UNAUTHORIZED, "anonymous access is not supported");
        for challenge in challenges {
            answer.headers.append(header::WWW_AUTHENTICATE, challenge.clone());
        }
        answer
    }

    /// Creates the answer for a file of the rule book that cannot be opened. Only a temporary failure has `Retry-After`.
    pub(crate) fn not_opened(error: &StoreError) -> Self {
        #[cfg(feature = "tracing")]
        tracing::error!(error = error as &dyn std::error::Error, "a file of the rule book cannot be opened");
        match error {
            StoreError::NotFound { .. } => Self::reason(
                StatusCode::NOT_FOUND,
                "the file is missing in the store; ingest its package again",
            ),
            StoreError::Integrity { .. } => Self::reason(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the file in the store differs from the ingested file; ingest its package again",
            ),
            _ => Self::unavailable("the store is temporarily unavailable, try again later"),
        }
    }

    /// Converts the answer to the response for this method. The response to `HEAD` has the header fields of the response to
    /// `GET` and no content (RFC 9110, section 9.3.2).
    pub(crate) fn into_response(mut self, method: &Method, exchange: Exchange) -> Response<ResponseBody> {
        let length = self.content.length();
        self.headers.entry(header::CONTENT_LENGTH).or_insert_with(|| length.into());
        if *method == Method::HEAD {
            self.content = BodyContent::Bytes(Bytes::new());
        }
        let mut response = Response::new(ResponseBody::new(self.content, self.status, exchange, self.place));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
