//! The cabinets of a set, which arrive one after the other in one body.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use std::io;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::sync::mpsc;
use ucupdate::store::ByteStream;

/// The body, which all parts read. `rest` has the bytes that were received but that no part has taken yet.
struct SharedBody {
    bytes: ByteStream,
    rest: Bytes,
}

/// Returns a stream for each part. Without sizes the body is one part.
///
/// The reader of a set asks for bytes of all parts at the same time. Each part waits until the parts before it were read
/// completely, so the body must hold the parts in the order of the set.
pub(crate) fn parts_of(bytes: ByteStream, sizes: &[u64]) -> Vec<ByteStream> {
    if sizes.is_empty() {
        return vec![bytes];
    }
    let source = Arc::new(Mutex::new(SharedBody { bytes, rest: Bytes::new() }));
    let mut before: Option<mpsc::Receiver<()>> = None;
    let mut parts: Vec<ByteStream> = Vec::with_capacity(sizes.len());
    for (index, size) in sizes.iter().enumerate() {
        let is_last = index + 1 == sizes.len();
        // The sender is dropped when the part is whole.
        let (whole, after) = mpsc::channel::<()>(1);
        let part =
            BodyPart { source: Arc::clone(&source), left: *size, before: before.take(), whole, is_last };
        before = Some(after);
        parts.push(Box::pin(stream::try_unfold(part, BodyPart::next)));
    }
    parts
}

struct BodyPart {
    source: Arc<Mutex<SharedBody>>,
    left: u64,
    before: Option<mpsc::Receiver<()>>,
    /// The sender that is dropped at the end of this part. The next part waits for that.
    whole: mpsc::Sender<()>,
    is_last: bool,
}

impl BodyPart {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        if let Some(mut before) = self.before.take() {
            let _whole = before.recv().await;
        }
        let mut source = self.source.lock().await;
        if self.left == 0 {
            if self.is_last {
                let more =
                    if source.rest.is_empty() { source.bytes.next().await } else { Some(Ok(Bytes::new())) };
                if more.transpose()?.is_some() {
                    return Err(io::Error::other("the body has more bytes than the sizes of its parts"));
                }
            }
            drop(source);
            drop(self.whole);
            return Ok(None);
        }
        if source.rest.is_empty() {
            source.rest = match source.bytes.next().await {
                Some(piece) => piece?,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
        let size = usize::try_from(self.left).unwrap_or(usize::MAX).min(source.rest.len());
        let piece = source.rest.split_to(size);
        self.left -= piece.len() as u64;
        drop(source);
        Ok(Some((piece, self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate::store::{collect, stream_of};

    async fn read(sizes: &[u64]) -> Vec<Result<Bytes, String>> {
        let parts = parts_of(stream_of("abcdef"), sizes);
        let read =
            parts.into_iter().map(|part| async { collect(part).await.map_err(|error| error.to_string()) });
        futures_util::future::join_all(read).await
    }

    #[tokio::test]
    async fn a_body_is_split_by_the_sizes_of_its_parts() {
        assert_eq!(read(&[]).await, [Ok("abcdef".into())]);
        assert_eq!(read(&[1, 3, 2]).await, [Ok("a".into()), Ok("bcd".into()), Ok("ef".into())]);
    }

    #[tokio::test]
    async fn a_body_with_too_few_or_too_many_bytes_is_refused() {
        assert!(read(&[4, 3]).await[1].is_err());
        assert!(read(&[4, 1]).await[1].is_err());
    }
}
