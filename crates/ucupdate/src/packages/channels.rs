//! The channels between an ingest and the thread that reads its cabinet.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use std::io::{self, Read};
use std::pin::Pin;
use tokio::sync::mpsc;
use ucupdate_cab::package::{Member, MemberRole, MemberSink, MemberStart};
use ucupdate_store::ByteStream;

/// Passes the input to the reader until the input ends or the reader needs no more. `fed` counts
/// the bytes that were passed.
pub(crate) async fn feed(
    mut bytes: ByteStream,
    input: mpsc::Sender<io::Result<Bytes>>,
    fed: &std::sync::atomic::AtomicU64,
) {
    while let Some(chunk) = bytes.next().await {
        let ended = chunk.is_err();
        let length = chunk.as_ref().map_or(0, Bytes::len);
        if input.send(chunk).await.is_err() || ended {
            return;
        }
        fed.fetch_add(length as u64, std::sync::atomic::Ordering::Relaxed);
    }
}

/// The receiving end of the input channel. The thread that reads the cabinet holds it.
pub(crate) struct ChannelReader {
    pub(crate) chunks: mpsc::Receiver<io::Result<Bytes>>,
    pub(crate) now: Bytes,
}

impl Read for ChannelReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.now = chunk?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.now.len());
        buffer[..length].copy_from_slice(&self.now.split_to(length));
        Ok(length)
    }
}

/// A message from the thread that reads the cabinet to the task that stores its members.
pub(crate) enum ReaderEvent {
    Member(NewMember),
    /// The cabinet that was read has no package, and the next cabinet of the input is read. All
    /// members that were sent so far must be discarded.
    StartOver,
}

/// A member whose bytes follow.
pub(crate) struct NewMember {
    pub(crate) index: usize,
    pub(crate) name: String,
    /// The purpose of the member, judged by its name.
    pub(crate) role: MemberRole,
    chunks: mpsc::Receiver<MemberChunk>,
}

enum MemberChunk {
    Bytes(Bytes),
    /// The member is complete. If the channel closes without this message, the member was abandoned.
    Whole,
}

impl NewMember {
    pub(crate) fn bytes(self) -> ByteStream {
        let chunks = stream::unfold(Some(self.chunks), |chunks| async {
            let mut chunks = chunks?;
            match chunks.recv().await {
                Some(MemberChunk::Bytes(bytes)) => Some((Ok(bytes), Some(chunks))),
                Some(MemberChunk::Whole) => None,
                None => Some((Err(io::ErrorKind::UnexpectedEof.into()), None)),
            }
        });
        // The stream is fused, because a store may poll it after its end.
        let chunks: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>> = Box::pin(chunks.fuse());
        chunks
    }
}

/// The number of bytes of a member that are sent together. Each message wakes the task that stores the member.
const SENT_BYTES: usize = 256 * 1024;

/// The capacity of the buffer. The last chunk, of at most 32 KiB, may go beyond [`SENT_BYTES`].
const ROOM_BYTES: usize = SENT_BYTES + 32 * 1024;

/// The sending end of the output channel. The thread that reads the cabinet holds it.
pub(crate) struct ChannelSink {
    events: mpsc::Sender<ReaderEvent>,
    bytes: Option<mpsc::Sender<MemberChunk>>,
    /// The bytes of the current member that were not sent yet.
    unsent: Vec<u8>,
}

impl ChannelSink {
    pub(crate) fn new(events: mpsc::Sender<ReaderEvent>) -> Self {
        Self { events, bytes: None, unsent: Vec::new() }
    }

    fn send_event(&self, event: ReaderEvent) -> io::Result<()> {
        self.events.blocking_send(event).map_err(|_| given_up())
    }

    fn send(&self, chunk: MemberChunk) -> io::Result<()> {
        let bytes = self.bytes.as_ref().ok_or_else(given_up)?;
        bytes.blocking_send(chunk).map_err(|_| given_up())
    }
}

fn given_up() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the ingest was cancelled")
}

impl MemberSink for ChannelSink {
    fn begin(&mut self, member: &MemberStart) -> io::Result<()> {
        let (bytes, chunks) = mpsc::channel(4);
        self.bytes = Some(bytes);
        self.unsent =
            Vec::with_capacity(usize::try_from(member.size).map_or(ROOM_BYTES, |size| size.min(ROOM_BYTES)));
        let member = NewMember { index: member.index, name: member.name.clone(), role: member.role, chunks };
        self.send_event(ReaderEvent::Member(member))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unsent.extend_from_slice(bytes);
        if self.unsent.len() < SENT_BYTES {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.unsent, Vec::with_capacity(ROOM_BYTES));
        self.send(MemberChunk::Bytes(full.into()))
    }

    fn end(&mut self, _member: &Member) -> io::Result<()> {
        if !self.unsent.is_empty() {
            let rest = std::mem::take(&mut self.unsent);
            self.send(MemberChunk::Bytes(rest.into()))?;
        }
        self.send(MemberChunk::Whole)?;
        self.bytes = None;
        Ok(())
    }

    fn start_over(&mut self) -> io::Result<()> {
        self.send_event(ReaderEvent::StartOver)
    }
}
