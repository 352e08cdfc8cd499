//! Reads answers and refusals of a server, within limits.

use crate::failure::{Failure, FailureKind};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use reqwest::{Response, StatusCode, Url};
use std::fmt::Display;
use std::io;
use ucupdate::store::{ByteStream, StoreError, StoreKey};

/// The limits of the answers of a server.
#[derive(Clone, Debug)]
pub(super) struct AnswerLimits {
    /// The largest JSON answer in bytes. A page of listed objects has about 200 KB.
    pub(super) json_bytes: usize,
    /// The largest body of a refusal (an answer with an error status) in bytes.
    pub(super) problem_bytes: usize,
    /// The largest number of objects that one command lists.
    pub(super) listed: u64,
}

impl Default for AnswerLimits {
    fn default() -> Self {
        Self { json_bytes: 16 * 1024 * 1024, problem_bytes: 1024 * 1024, listed: 10_000_000 }
    }
}

/// The failure of a request: no usable answer arrived, or the server refused it.
#[derive(Debug)]
pub(super) enum RequestFailure {
    /// No usable answer arrived, for this reason.
    Connection(String),
    Answer {
        status: StatusCode,
        kind: String,
        detail: String,
    },
}

impl RequestFailure {
    fn reason(&self) -> String {
        match self {
            Self::Connection(reason) => reason.clone(),
            Self::Answer { status, detail, .. } if detail.is_empty() => {
                format!(
                    "the server answered {status}, expected the administrators' side of this program; use the address that \
                     `serve --admin` prints"
                )
            }
            Self::Answer { detail, .. } => detail.clone(),
        }
    }

    pub(super) fn into_failure(self, server: &Url) -> Failure {
        Failure::Explained(FailureKind::Refused, format!("{server}: {}", self.reason()))
    }

    pub(super) fn into_store(self, key: Option<&StoreKey>, doing: impl Display) -> StoreError {
        let reason = self.reason();
        match (self, key) {
            // An earlier program has no objects, which must not look like an empty store.
            (Self::Answer { status, kind, .. }, Some(key))
                if status == StatusCode::NOT_FOUND && kind != "nothing-here" =>
            {
                StoreError::NotFound { key: key.clone() }
            }
            (Self::Answer { kind, .. }, Some(key)) if kind == "revision-exists" => {
                StoreError::AlreadyExists { key: key.clone() }
            }
            (Self::Answer { status, .. }, _) if status != StatusCode::SERVICE_UNAVAILABLE => {
                StoreError::Refused { reason: reason.into() }
            }
            (_, _) => StoreError::unavailable(doing.to_string(), reason),
        }
    }
}

/// Reads the whole body of an answer. Fails when it has more than `limit` bytes.
pub(super) async fn read(response: Response, limit: usize) -> Result<Bytes, RequestFailure> {
    let too_large = || {
        RequestFailure::Connection(format!(
            "the answer of the server is too large, expected at most {limit} bytes; check that the address is that of this program"
        ))
    };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let (mut pieces, mut all) = (response.bytes_stream(), BytesMut::new());
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            let error = error.without_url();
            RequestFailure::Connection(format!(
                "the answer of the server ended early: {}",
                crate::failure::chain(&error)
            ))
        })?;
        if piece.len() > limit - all.len() {
            return Err(too_large());
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}

/// Returns a stream that fails unless it has exactly `length` bytes.
pub(super) fn exactly(length: u64, bytes: ByteStream) -> ByteStream {
    Box::pin(stream::try_unfold((bytes, length), move |(mut bytes, left)| async move {
        let wrong = |kind, what: &str| {
            Err(io::Error::new(kind, format!("the server sent {what} than the {length} bytes of the object")))
        };
        match bytes.next().await.transpose()? {
            Some(piece) => match left.checked_sub(piece.len() as u64) {
                Some(left) => Ok(Some((piece, (bytes, left)))),
                None => wrong(io::ErrorKind::InvalidData, "more"),
            },
            None if left > 0 => wrong(io::ErrorKind::UnexpectedEof, "less"),
            None => Ok(None),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate::store::{collect, stream_of};

    #[tokio::test]
    async fn an_object_has_the_bytes_that_were_announced() {
        for (length, end) in [
            (5, Ok("bytes".into())),
            (4, Err(io::ErrorKind::InvalidData)),
            (6, Err(io::ErrorKind::UnexpectedEof)),
        ] {
            let read = collect(exactly(length, stream_of("bytes"))).await;
            assert_eq!(read.map_err(|error| error.kind()), end, "{length}");
        }
    }
}
