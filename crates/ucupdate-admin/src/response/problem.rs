//! [`Problem`]: a refusal as `application/problem+json` (RFC 9457).

use super::answer::Answer;
use super::redacted::redacted;
use crate::report::ProblemReport;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use std::time::Duration;
use ucupdate::book::Refusal;
use ucupdate::store::{StoreError, error_chain};
use ucupdate::{ChangeError, IngestError, StateError};

/// The kinds of problems and their HTTP statuses, in the order of the statuses. Refusals of the rule book have
/// kinds of their own, which are not in this table.
pub(crate) const KINDS: &[(u16, &str)] = &[
    (400, "bad-request"),
    (401, "no-token"),
    (403, "not-remote"),
    (403, "role-too-small"),
    (403, "same-person"),
    (404, "nothing-here"),
    (404, "not-found"),
    (405, "method-not-allowed"),
    (408, "too-slow"),
    (409, "conflict"),
    (409, "key-in-use"),
    (409, "revision-exists"),
    (412, "book-moved"),
    (413, "too-large"),
    (414, "address-too-long"),
    (415, "media-type"),
    (416, "invalid-range"),
    (422, "not-understood"),
    (422, "package-refused"),
    (428, "revision-required"),
    (429, "too-many-failures"),
    (503, "unavailable"),
    (503, UNCLEAR),
];

/// The kind of the problem if an error leaves it unclear whether a change was made.
pub(crate) const UNCLEAR: &str = "unclear";

#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    kind: Box<str>,
    detail: String,
    more: Box<Map<String, Value>>,
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        Self { status, kind: kind.into(), detail: detail.into(), more: Box::default(), fields: Vec::new() }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    pub(crate) fn not_understood(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not-understood", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    }

    pub(crate) fn too_slow(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
    }

    /// Creates a problem for something that is temporarily not possible.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.retry_after(Duration::from_secs(5))
    }

    /// Adds the time after which a client may try again.
    pub(crate) fn retry_after(self, time: Duration) -> Self {
        self.with_field(header::RETRY_AFTER, HeaderValue::from(time.as_secs().max(1)))
    }

    /// Adds a header field.
    pub(crate) fn with_field(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// Adds a field to the JSON document.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns whether this problem is a conflict: the rule book changed since the client read it.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(&*self.kind, "book-moved" | "changed-meanwhile" | "moved" | "conflict")
    }

    pub(crate) fn into_answer(self) -> Answer {
        let mut document = json!({
            "type": format!("urn:ucupdate:problem:{}", self.kind),
            "title": self.status.canonical_reason().unwrap_or("refused"),
            "status": self.status.as_u16(),
            "kind": self.kind,
            "detail": redacted(&self.detail),
        });
        if let Value::Object(document) = &mut document {
            document.extend(*self.more);
        }
        let answer = Answer::problem(self.status, &document);
        self.fields.into_iter().fold(answer, |answer, (name, value)| answer.with(name, value))
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let status = match refusal {
            Refusal::RevisionConflict { .. } => StatusCode::PRECONDITION_FAILED,
            refusal if refusal.is_not_found() => StatusCode::NOT_FOUND,
            _ => StatusCode::CONFLICT,
        };
        Self::new(status, refusal.kind(), refusal.to_string())
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        let detail = error_chain(&error);
        match error {
            ChangeError::Refused(refusal) => Self::from(&refusal),
            ChangeError::Image { .. } => Self::new(StatusCode::CONFLICT, "image-damaged", detail),
            ChangeError::NoRevision { .. } => Self::not_found(detail),
            ChangeError::NotRestorable { .. } => Self::new(StatusCode::CONFLICT, "not-restorable", detail),
            ChangeError::TooLarge { .. } => Self::too_large(detail),
            ChangeError::State(error) => error.into(),
            ChangeError::Unclear { .. } => Self::new(StatusCode::SERVICE_UNAVAILABLE, UNCLEAR, detail),
            ChangeError::Contended { .. } => Self::unavailable(detail),
            _ => Self::new(StatusCode::CONFLICT, "conflict", detail),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::unavailable(error_chain(&error))
    }
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        match &error {
            StateError::NoRevision { .. } => Self::not_found(error_chain(&error)),
            error => Self::unavailable(error_chain(error)),
        }
    }
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        let detail = error_chain(&error);
        match error {
            IngestError::Refused(package) => {
                let problems: Vec<_> = package.problems.iter().map(ProblemReport::of).collect();
                let refused = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "package-refused", detail);
                refused.with("problems", json!(problems))
            }
            IngestError::Change(error) => error.into(),
            IngestError::Input(_) => Self::bad_request(detail),
            _ => Self::not_understood(detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_may_have_been_made_is_no_invitation_to_repeat_it() {
        let unclear = |revision| ChangeError::Unclear {
            revision,
            source: StoreError::unavailable("creating", "no answer").into(),
        };
        for problem in [Problem::from(unclear(4)), Problem::from(IngestError::Change(unclear(4)))] {
            assert_eq!((problem.status.as_u16(), &*problem.kind), (503, "unclear"));
            assert!(
                problem.detail.starts_with("it is not known whether revision 4 was made"),
                "{}",
                problem.detail
            );
            assert!(problem.fields.is_empty(), "no time after which to try again: {:?}", problem.fields);
        }
    }
}
