//! Classifies error responses and broken connections by what the store can do next.

use crate::body::UnexpectedBody;
use object_store::client::HttpError;
use std::error::Error;
use std::fmt;
use std::time::Duration;
use ucupdate_store::error_chain;

/// The reason why a request failed. The variants differ in what the store does next.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The object or upload does not exist.
    NotFound(Cause),
    /// The condition of a write (`If-None-Match: *`) did not hold, or another request for the
    /// object is in progress.
    Refused(Cause),
    /// The range is outside the object.
    Unsatisfiable,
    /// A retry may succeed. The server may have executed the request, although it failed.
    Later(Cause),
    /// A retry will not succeed.
    Never(Cause),
}

/// The message of a failed request, from the server or from the connection.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    said: Box<str>,
    status: Option<u16>,
    /// `true` if no answer came within the time limit.
    is_silence: bool,
    /// The message of the latest earlier try that got an answer. `None` if the failed try itself
    /// got an answer, or if no earlier try got one.
    before: Option<Box<str>>,
}

impl Cause {
    pub(crate) fn new(said: impl Into<Box<str>>) -> Self {
        Self { said: said.into(), status: None, is_silence: false, before: None }
    }

    pub(crate) fn silence(time: Duration) -> Self {
        Self { is_silence: true, ..Self::new(format!("no answer within {time:?}")) }
    }

    /// If this try got no answer within the time limit, adds the message of the latest earlier try
    /// that got an answer. `last` is the cause of the failure of the try before this one.
    pub(crate) fn after(self, last: Option<Self>) -> Self {
        match last {
            Some(last) if self.is_silence => {
                let before = if last.is_silence { last.before } else { Some(last.said) };
                Self { before, ..self }
            }
            _ => self,
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    /// Returns whether the server has finished the request, so that the request has no effect
    /// later. This is not known after a gateway timeout, or without a response.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.status, Some(200 | 425 | 429 | 500 | 503 | 507))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)?;
        self.before.as_ref().map_or(Ok(()), |before| write!(f, "; before that, {before}"))
    }
}

impl Error for Cause {}

/// An error response of the server. `object_store` has no error variant for most error responses,
/// so the status and the message are taken from the HTTP response itself.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    status: u16,
    code: Box<str>,
    message: Box<str>,
}

impl ErrorResponse {
    /// Parses the code and the message from the body of an S3 error.
    pub(crate) fn new(status: u16, body: &str) -> Self {
        Self { status, code: element(body, "Code").into(), message: element(body, "Message").into() }
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    fn may_pass(&self) -> bool {
        // S3 may fail to complete an upload with status 200 and an error in the body.
        matches!(self.status, 200 | 408 | 425 | 429 | 500 | 502..=504 | 507)
            || matches!(&*self.code, "RequestTimeout" | "SlowDown" | "InternalError" | "OperationAborted")
    }
}

impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered with status {}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if (300..400).contains(&self.status) && self.status != 304 {
            write!(f, " (the bucket is in another region or at another endpoint)")?;
        }
        Ok(())
    }
}

impl Error for ErrorResponse {}

/// Returns the text of the first element with the name `name`, or an empty text. The elements of S3 errors are not
/// nested.
fn element<'a>(body: &'a str, name: &str) -> &'a str {
    let open = format!("<{name}>");
    let Some((_, rest)) = body.split_once(&open) else { return "" };
    rest.split_once("</").map_or("", |(text, _)| text)
}

pub(crate) fn classify(error: object_store::Error) -> Failure {
    use object_store::Error as E;
    match &error {
        E::NotFound { source, .. } => Failure::NotFound(answer(404, &source.to_string())),
        E::AlreadyExists { source, .. } => {
            // If the condition of a creation does not hold, the error of the condition is the source.
            let status = match source.downcast_ref() {
                Some(E::Precondition { .. }) => 412,
                Some(E::NotModified { .. }) => 304,
                _ => 409,
            };
            Failure::Refused(answer(status, &source.to_string()))
        }
        E::Precondition { source, .. } => Failure::Refused(answer(412, &source.to_string())),
        E::NotModified { source, .. } => Failure::Refused(answer(304, &source.to_string())),
        E::PermissionDenied { source, .. } => Failure::Never(answer(403, &source.to_string())),
        E::Unauthenticated { source, .. } => Failure::Never(answer(401, &source.to_string())),
        _ => in_chain(&error),
    }
}

fn answer(status: u16, text: &str) -> Cause {
    Cause { status: Some(status), ..Cause::new(ErrorResponse::new(status, text).to_string()) }
}

/// Classifies an error by the error response or the broken connection in its chain of sources.
fn in_chain(error: &(dyn Error + 'static)) -> Failure {
    let mut below = Some(error);
    while let Some(error) = below {
        if let Some(answer) = error.downcast_ref::<ErrorResponse>() {
            let cause = Cause { status: Some(answer.status), ..Cause::new(answer.to_string()) };
            return match answer.status {
                416 => Failure::Unsatisfiable,
                _ if answer.may_pass() => Failure::Later(cause),
                _ => Failure::Never(cause),
            };
        }
        if let Some(unexpected) = error.downcast_ref::<UnexpectedBody>() {
            return Failure::Never(Cause::new(unexpected.to_string()));
        }
        if let Some(broken) = error.downcast_ref::<HttpError>()
            && broken
                .source()
                .is_none_or(|source| !source.is::<ErrorResponse>() && !source.is::<UnexpectedBody>())
        {
            return Failure::Later(Cause::new(error_chain(broken.source().unwrap_or(broken))));
        }
        below = error.source();
    }
    Failure::Never(Cause::new(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::client::HttpErrorKind;

    fn answered(status: u16, body: &str) -> object_store::Error {
        let source = HttpError::new(HttpErrorKind::Unknown, ErrorResponse::new(status, body));
        object_store::Error::Generic { store: "S3", source: Box::new(source) }
    }

    #[test]
    fn an_answer_means_what_can_be_done_next() {
        for status in [408, 429, 500, 502, 503, 504, 507] {
            assert!(matches!(classify(answered(status, "")), Failure::Later(_)), "{status}");
        }
        for status in [301, 307, 400, 405, 411, 501, 505] {
            assert!(matches!(classify(answered(status, "")), Failure::Never(_)), "{status}");
        }
        assert!(matches!(classify(answered(416, "")), Failure::Unsatisfiable));
        let late = "<Error><Code>RequestTimeout</Code><Message>idle</Message></Error>";
        assert!(matches!(classify(answered(400, late)), Failure::Later(_)));
    }

    #[test]
    fn a_broken_connection_may_be_mended() {
        let source = HttpError::new(HttpErrorKind::Connect, std::io::Error::other("refused"));
        let error = object_store::Error::Generic { store: "S3", source: Box::new(source) };
        let Failure::Later(cause) = classify(error) else { panic!("expected another try") };
        assert_eq!(cause.to_string(), "refused");
    }

    #[test]
    fn what_nobody_can_name_is_not_tried_again() {
        let error = object_store::Error::Generic { store: "S3", source: "no XML".into() };
        assert!(matches!(classify(error), Failure::Never(_)));
    }

    #[test]
    fn the_message_is_short_and_says_what_the_server_said() {
        let body =
            "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Not you</Message></Error>";
        let source =
            format!("Error performing PUT - Server returned non-2xx status code: 403 Forbidden: {body}");
        let error = object_store::Error::PermissionDenied { path: "a".into(), source: source.into() };
        let Failure::Never(cause) = classify(error) else { panic!("expected no other try") };
        assert_eq!(
            (cause.to_string().as_str(), cause.status()),
            ("the server answered with status 403 AccessDenied: Not you", Some(403))
        );
        assert_eq!(
            ErrorResponse::new(301, "").to_string(),
            "the server answered with status 301 (the bucket is in another region or at another endpoint)"
        );
    }
}
