//! An answer before it becomes a response: what each outcome says, in one place.

use crate::request::authenticate::Verdict;
use crate::response::body::{Content, ResponseBody};
use crate::response::exchange::Exchange;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use ucupdate::store::StoreError;

/// How long a device is asked to wait when the store, or whoever authenticates, does not answer.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("30");

/// A status, header fields and content.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    content: Content,
}

impl Answer {
    /// With content of this type.
    pub(crate) fn new(status: StatusCode, content_type: &'static str, content: Content) -> Self {
        let content_type = HeaderValue::from_static(content_type);
        Self::without_content(status).with_content(content).with(header::CONTENT_TYPE, content_type)
    }

    /// Without content.
    pub(crate) fn without_content(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), content: Content::Bytes(Bytes::new()) }
    }

    /// With a reason, as one line of text.
    pub(crate) fn reason(status: StatusCode, reason: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", Content::Bytes(format!("{reason}\n").into()))
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    fn with_content(mut self, content: Content) -> Self {
        self.content = content;
        self
    }

    /// 404.
    pub(crate) fn nothing_here() -> Self {
        Self::reason(StatusCode::NOT_FOUND, "nothing is served at this path")
    }

    /// 405.
    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        Self::reason(
            StatusCode::METHOD_NOT_ALLOWED,
            &format!("method is not one of those allowed here: {allowed}"),
        )
        .with(header::ALLOW, HeaderValue::from_static(allowed))
    }

    /// 503, to come again.
    pub(crate) fn unavailable(reason: &str) -> Self {
        Self::reason(StatusCode::SERVICE_UNAVAILABLE, reason).with(header::RETRY_AFTER, RETRY_AFTER)
    }

    /// What is said to a request from outside that is not allowed; `challenges` stand in for none.
    pub(crate) fn refused(verdict: Verdict, challenges: &[HeaderValue]) -> Self {
        let challenged = match verdict {
            Verdict::Unavailable => return Self::unavailable("who you are cannot be found out now"),
            Verdict::Allow { .. } | Verdict::Forbid { .. } => {
                return Self::reason(StatusCode::FORBIDDEN, "this user may not ask for updates from outside");
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

    /// What is said when a file of the rule book cannot be given. Only what may succeed later asks to come again.
    pub(crate) fn not_opened(error: &StoreError) -> Self {
        #[cfg(feature = "tracing")]
        tracing::error!(error = error as &dyn std::error::Error, "a file of the rule book cannot be given");
        match error {
            StoreError::NotFound { .. } => Self::reason(
                StatusCode::NOT_FOUND,
                "the rule book names this file, but it is gone from the store; its package is to be ingested again",
            ),
            StoreError::Integrity { .. } => Self::reason(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the file is not in the store as it was ingested",
            ),
            _ => Self::unavailable("the store does not answer now"),
        }
    }

    /// The response to a request of this method: the answer to `HEAD` has the header fields of that to `GET`, and no
    /// content (RFC 9110, section 9.3.2).
    pub(crate) fn into_response(mut self, method: &Method, exchange: Exchange) -> Response<ResponseBody> {
        let length = self.content.length();
        self.headers.entry(header::CONTENT_LENGTH).or_insert_with(|| length.into());
        if *method == Method::HEAD {
            self.content = Content::Bytes(Bytes::new());
        }
        let mut response = Response::new(ResponseBody::new(self.content, self.status, exchange));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
