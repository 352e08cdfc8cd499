//! Reads the body of a request, with limits on its bytes, on its frames (the pieces in which the
//! body arrives) and on the time.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// The body is larger than the limit. `start` has the first bytes of the body, which show
    /// whether the body is a device log. `start` is empty if no byte was read.
    TooLarge { start: Bytes },
    /// The body did not arrive in time.
    TooSlow,
    /// The body ended in an error, or has more than `MAX_EMPTY_PIECES` empty frames.
    Broken,
}

/// The longest wait for the first bytes of a body whose declared size is too large. These bytes
/// show whether the body is a device log, which gets another refusal.
const LOOK: Duration = Duration::from_secs(1);

/// The largest number of frames of a body that are read and dropped before a refusal is sent.
const MAX_DRAINED_PIECES: usize = 65_536;

/// The largest number of empty frames in a body that is read. HTTP/1 has no empty frames; HTTP/2
/// may have them.
const MAX_EMPTY_PIECES: usize = 1024;

/// Largest number of unread bytes of a body that are read and dropped before a refusal is sent.
const DRAIN_BYTES: u64 = 1024 * 1024;

/// Time limit for reading and dropping the rest of a body.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// The body of a request, which remembers how far it was read.
pub(crate) struct RequestBody<'a, B> {
    body: Pin<&'a mut B>,
    state: BodyState,
    /// `true` if the client waits for `100 Continue`. The server sends it when the body is first polled.
    expects_continue: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyState {
    Untouched,
    Open,
    Ended,
    Broken,
}

impl<'a, B: Body<Data = Bytes>> RequestBody<'a, B> {
    pub(crate) fn new(body: Pin<&'a mut B>, headers: &HeaderMap) -> Self {
        let expects_continue = headers
            .get(header::EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        Self { body, state: BodyState::Untouched, expects_continue }
    }

    /// Returns whether the client waits for `100 Continue` before it sends the body. The server has
    /// not sent `100 Continue` yet.
    pub(crate) fn is_awaited(&self) -> bool {
        self.expects_continue && self.state == BodyState::Untouched
    }

    /// Reads and drops the rest of the body, up to [`DRAIN_BYTES`] and [`DRAIN_TIME`]. Without
    /// this, a client that is still sending would get a closed connection instead of the answer.
    /// Returns whether the body was read to its end, so that the connection can be used again.
    pub(crate) async fn drain(mut self) -> bool {
        if self.is_end_stream() {
            return true;
        }
        if self.state == BodyState::Broken || self.is_awaited() || self.size_hint().lower() > DRAIN_BYTES {
            return false;
        }
        let dropped = async {
            let (mut bytes, mut pieces) = (0, 0);
            while bytes <= DRAIN_BYTES && pieces <= MAX_DRAINED_PIECES {
                match self.frame().await {
                    None => return true,
                    Some(Err(_)) => return false,
                    Some(Ok(frame)) => {
                        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                        pieces += 1;
                    }
                }
            }
            false
        };
        tokio::time::timeout(DRAIN_TIME, dropped).await.unwrap_or(false)
    }
}

impl<B: Body<Data = Bytes>> Body for RequestBody<'_, B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if matches!(self.state, BodyState::Ended | BodyState::Broken) {
            return Poll::Ready(None);
        }
        self.state = BodyState::Open;
        let polled = ready!(self.body.as_mut().poll_frame(cx));
        match &polled {
            None => self.state = BodyState::Ended,
            Some(Err(_)) => self.state = BodyState::Broken,
            Some(Ok(_)) => {}
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.state == BodyState::Ended || (self.state != BodyState::Broken && self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Reads a body of at most `limit` bytes. If `may_be_larger` returns `true` for its first bytes,
/// the limit is `larger`. Memory grows with the bytes that arrive, never with the `declared`
/// length.
///
/// A client that waits for `100 Continue` is refused at once if it declares a length beyond both
/// limits.
pub(crate) async fn read<B>(
    body: &mut RequestBody<'_, B>,
    declared: Option<u64>,
    limit: usize,
    (larger, may_be_larger): (usize, impl Fn(&[u8]) -> bool),
    time: Duration,
) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
{
    let declared = declared.unwrap_or(0).max(body.size_hint().lower());
    if usize::try_from(declared).map_or(true, |declared| declared > limit.max(larger)) {
        if body.is_awaited() {
            return Err(BodyError::TooLarge { start: Bytes::new() });
        }
        // Only the first piece is read: the upload of a device log is recognised by its first bytes.
        let start = tokio::time::timeout(LOOK.min(time), first_piece(&mut *body, limit)).await;
        return Err(BodyError::TooLarge { start: start.unwrap_or_default() });
    }
    match tokio::time::timeout(time, read_pieces(&mut *body, limit, larger, may_be_larger)).await {
        Ok(read) => read,
        Err(_elapsed) => {
            // The time limit of the client has passed.
            body.state = BodyState::Broken;
            Err(BodyError::TooSlow)
        }
    }
}

async fn first_piece<B: Body<Data = Bytes>>(body: B, limit: usize) -> Bytes {
    let mut body = pin!(body);
    match body.frame().await {
        Some(Ok(frame)) => {
            frame.into_data().map(|data| data.slice(..data.len().min(limit))).unwrap_or_default()
        }
        Some(Err(_)) | None => Bytes::new(),
    }
}

async fn read_pieces<B: Body<Data = Bytes>>(
    body: B,
    mut limit: usize,
    larger: usize,
    may_be_larger: impl Fn(&[u8]) -> bool,
) -> Result<Bytes, BodyError> {
    let mut body = pin!(body);
    let (mut first, mut all, mut empty_pieces) = (Bytes::new(), BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(|_| BodyError::Broken)?.into_data().unwrap_or_default();
        let so_far = first.len() + all.len();
        if larger > limit && data.len() > limit - so_far {
            let start = [&first, &all[..], &data].into_iter().find(|piece| !piece.is_empty());
            if start.is_some_and(|start| may_be_larger(&start[..start.len().min(limit)])) {
                limit = larger;
            }
        }
        if data.is_empty() {
            empty_pieces += 1;
            if empty_pieces > MAX_EMPTY_PIECES {
                return Err(BodyError::Broken);
            }
        } else if data.len() > limit - so_far {
            let start = if so_far == 0 { data.slice(..limit) } else { joined(first, all) };
            return Err(BodyError::TooLarge { start });
        } else if so_far == 0 {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
    Ok(joined(first, all))
}

/// Returns the whole body. If it came in one frame, this is `first`, which is not copied. Otherwise
/// it is `all`, which has the bytes of every frame.
fn joined(first: Bytes, all: BytesMut) -> Bytes {
    if all.is_empty() { first } else { all.freeze() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt as _, stream};
    use http_body::Frame;
    use http_body_util::{Empty, Full, StreamBody};
    use std::io;

    type Piece = io::Result<Frame<Bytes>>;

    fn pieces(pieces: &[&'static str]) -> impl Body<Data = Bytes> + use<> {
        let pieces: Vec<Piece> =
            pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))).collect();
        StreamBody::new(stream::iter(pieces))
    }

    async fn read_all(body: impl Body<Data = Bytes>, limit: usize) -> Result<Bytes, BodyError> {
        let mut body = pin!(body);
        let mut body = RequestBody::new(body.as_mut(), &HeaderMap::new());
        read(&mut body, None, limit, (0, |_: &[u8]| true), Duration::from_secs(30)).await
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read_whole() {
        assert_eq!(read_all(Empty::new(), 0).await.unwrap(), "");
        assert_eq!(read_all(Full::from("abc"), 3).await.unwrap(), "abc");
        assert_eq!(read_all(pieces(&["a", "", "bc", "d"]), 4).await.unwrap(), "abcd");
    }

    #[tokio::test]
    async fn one_byte_more_is_refused_and_the_start_is_given() {
        let too_large = |start: &'static str| Err(BodyError::TooLarge { start: start.into() });
        assert_eq!(read_all(Full::from("abcd"), 3).await, too_large("abc"));
        assert_eq!(read_all(pieces(&["abcd"]), 3).await, too_large("abc"));
        assert_eq!(read_all(pieces(&["a", "b", "cd"]), 3).await, too_large("ab"));
        assert_eq!(read_all(pieces(&["", "a"]), 0).await, too_large(""));
    }

    #[tokio::test]
    async fn a_body_whose_start_passes_the_test_may_be_larger() {
        let read = async |body: Vec<&'static str>, larger| {
            let mut body = pin!(pieces(&body));
            let mut body = RequestBody::new(body.as_mut(), &HeaderMap::new());
            let is_log = |start: &[u8]| start.starts_with(b"--");
            read(&mut body, None, 3, (larger, is_log), Duration::from_secs(30)).await
        };
        assert_eq!(read(vec!["--", "log"], 5).await.unwrap(), "--log");
        assert_eq!(read(vec!["--log"], 5).await.unwrap(), "--log");
        let too_large = |start: &'static str| Err(BodyError::TooLarge { start: start.into() });
        assert_eq!(read(vec!["--", "logs"], 5).await, too_large("--"));
        assert_eq!(read(vec!["other"], 5).await, too_large("oth"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_declared_size_beyond_the_limit_is_refused_after_one_look_at_most() {
        let begin = tokio::time::Instant::now();
        let never = StreamBody::new(stream::pending::<Piece>());
        let mut never = pin!(never);
        let mut never = RequestBody::new(never.as_mut(), &HeaderMap::new());
        let refused =
            read(&mut never, Some(u64::MAX), 3, (0, |_: &[u8]| true), Duration::from_secs(30)).await;
        assert_eq!(refused, Err(BodyError::TooLarge { start: Bytes::new() }));
        assert!(begin.elapsed() <= LOOK + Duration::from_millis(1));
        let mut some = pin!(pieces(&["--", "boundary"]));
        let mut some = RequestBody::new(some.as_mut(), &HeaderMap::new());
        let refused = read(&mut some, Some(4), 3, (0, |_: &[u8]| true), Duration::from_secs(30)).await;
        assert_eq!(refused, Err(BodyError::TooLarge { start: "--".into() }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up() {
        let drip =
            stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(b"a")))).then(|piece: Piece| async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                piece
            });
        let begin = tokio::time::Instant::now();
        assert_eq!(read_all(StreamBody::new(drip), 100).await, Err(BodyError::TooSlow));
        assert_eq!(begin.elapsed().as_secs(), 30);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_or_never_says_anything_is_refused() {
        let broken: Vec<Piece> =
            vec![Ok(Frame::data("a".into())), Err(io::ErrorKind::ConnectionReset.into())];
        assert_eq!(read_all(StreamBody::new(stream::iter(broken)), 9).await, Err(BodyError::Broken));
        let nothing = stream::repeat_with(|| Piece::Ok(Frame::data(Bytes::new())));
        assert_eq!(read_all(StreamBody::new(nothing), 9).await, Err(BodyError::Broken));
    }
}
