//! [`LocalStore`]: an image store in a folder. Its file system calls run on the blocking threads of
//! the runtime.

use crate::disk::{Disk, ReadFile};
use crate::folder::{StoreFolder, io_error, reading};
use crate::real_disk::RealDisk;
use crate::staging::StagedFile;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle, JoinSet, spawn_blocking};
use ucupdate_store::{
    ByteStream, ImageStore, MAX_CREATE_BYTES, MAX_PAGE_OBJECTS, Object, ObjectMeta, StoreError, StoreKey,
};

/// Largest number of bytes that one step of a read takes from the disk for a slow reader. A server
/// holds up to seven such pieces for each slow client, so this size decides how much memory a
/// download needs. In a measurement with 500 slow clients, a download needed 62 KiB with pieces of
/// 14 KiB, and 42 to 55 KiB with pieces of 6 KiB.
const SLOW_PIECE: u64 = 6 * 1024;

/// Largest number of bytes that one step of a read takes from the disk for a fast reader. Each step
/// runs on a blocking thread, so larger pieces need fewer switches between threads.
const FAST_PIECE: u64 = 64 * 1024;

/// Number of bytes that one step of a read without a range takes from the disk. The next piece is
/// read while the reader uses the current one.
const WHOLE_PIECE: u64 = 256 * 1024;

/// The number of bytes that a reader must take without a pause before it counts as fast. It is more
/// than the buffers between a server and a slow client hold.
const FAST_AFTER: u64 = 1024 * 1024;

/// The pause after a piece from which on a reader counts as slow.
const PAUSE: Duration = Duration::from_millis(5);

/// The largest number of requested bytes that are read at once when the object is opened. A larger
/// read uses a blocking thread again for each piece.
const SMALL_OBJECT: u64 = 32 * 1024;

const IMAGES: &str = "images/";

/// The largest number of blocking threads that read images at the same time. Other reads and all writes use the remaining
/// threads of the runtime, so they never wait behind downloads.
const IMAGE_READERS: usize = 4;

/// The largest number of blocking threads that write at the same time. A write on a disk that hangs
/// keeps its thread, although its caller may have given up. Further writes then wait without a
/// thread, so threads remain for reads.
const WRITERS: usize = 2;

/// The number of collected bytes after which a put writes its pieces to the disk.
const WRITE_BATCH_BYTES: usize = 256 * 1024;

/// The number of collected pieces after which a put writes them to the disk. Each piece needs
/// memory of its own, even a small one.
const WRITE_BATCH_PIECES: usize = 1024;

/// An [`ImageStore`] in a folder. Clones share the folder. Any number of stores and processes may have one folder open.
///
/// Its calls need a tokio runtime; blocking work runs on the blocking threads of the runtime. At
/// most four of these threads read objects below `images/` at the same time, and at most two write.
/// Therefore a runtime with more than six blocking threads always has threads to read the other
/// objects. This holds also during thousands of downloads, and while writes hang on the disk.
///
/// ```
/// use ucupdate_store::{ImageStoreExt, StoreKey};
/// use ucupdate_store_local::LocalStore;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
///
/// let store = LocalStore::open(folder)?;
/// let key = StoreKey::parse("images/7f3a/0-CPE.nbt").unwrap();
/// store.put_bytes(&key, "image").await?;
/// assert_eq!(std::fs::read(folder.join("images/7f3a/0-CPE.nbt")).unwrap(), b"image");
/// # Ok::<_, ucupdate_store::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct LocalStore {
    folder: Arc<StoreFolder>,
    /// One permit for each thread that reads images. Waiting reads get a permit in the order of
    /// their requests.
    image_readers: Arc<Semaphore>,
    /// One permit for each thread that writes.
    writers: Arc<Semaphore>,
}

impl LocalStore {
    /// Opens the folder at `path` and creates it if it does not exist. Removes staged files of
    /// processes that have ended, and leaves those of running processes alone.
    ///
    /// If this process may read the folder but not write to it, the store is read-only: every write
    /// returns [`StoreError::ReadOnly`]. If the disk is full, the store opens too, and writes fail
    /// until there is space.
    ///
    /// Opening tests that the file system has hard links, renames that replace a file, and syncs, and that it keeps the spelling
    /// of names.
    ///
    /// This call blocks for a few file system operations.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is no space for the folder. [`StoreError::Backend`] when the folder cannot be
    /// created or read, or when its file system lacks what the store needs. The message names the path and the file system.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let opened = RealDisk::open(path).and_then(|disk| StoreFolder::open(Arc::new(disk)));
        let folder =
            opened.map_err(|error| io_error(None, format!("opening folder `{}`", path.display()), error))?;
        folder.self_test().map_err(|error| {
            let system = file_system(path).map_or_else(String::new, |name| format!(" ({name})"));
            io_error(None, format!("testing the file system of `{}`{system}", path.display()), error)
        })?;
        Ok(Self::on(folder))
    }

    /// Opens a store on any implementation of [`Disk`]. Unlike [`open`](Self::open), this does not
    /// test the disk: see [`self_test`](Self::self_test).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the disk has no space; [`StoreError::Backend`] when its
    /// root cannot be read.
    pub fn with_disk(disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let opened = StoreFolder::open(disk);
        let folder = opened.map_err(|error| io_error(None, "opening a disk".into(), error))?;
        Ok(Self::on(folder))
    }

    /// Tests that the disk has what the store needs: hard links that refuse a taken name, renames
    /// that replace a file, syncs, and names that keep their spelling. [`open`](Self::open) runs
    /// this test. A store that cannot write at the moment passes without a test.
    ///
    /// # Errors
    /// [`StoreError::Backend`] with the operation that does not work.
    pub fn self_test(&self) -> Result<(), StoreError> {
        let tested = self.folder.self_test();
        tested.map_err(|error| io_error(None, "testing the disk".into(), error))
    }

    fn on(folder: StoreFolder) -> Self {
        let [image_readers, writers] = [IMAGE_READERS, WRITERS].map(|most| Arc::new(Semaphore::new(most)));
        Self { folder: Arc::new(folder), image_readers, writers }
    }

    /// Returns the semaphore of the threads that read images, if the object is an image. A read
    /// needs one permit of this semaphore. Returns `None` for other objects, whose reads need no
    /// permit.
    fn readers(&self, key: &StoreKey) -> Option<Arc<Semaphore>> {
        key.as_str().starts_with(IMAGES).then(|| Arc::clone(&self.image_readers))
    }

    async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce(&StoreFolder) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking_in_turn(None, work).await
    }

    async fn writing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&StoreFolder) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking_in_turn(Some(Arc::clone(&self.writers)), work).await
    }

    /// Does the work on a blocking thread, as soon as one of the permits is free. Work without
    /// `permits` needs none.
    async fn blocking_in_turn<T: Send + 'static>(
        &self,
        permits: Option<Arc<Semaphore>>,
        work: impl FnOnce(&StoreFolder) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let folder = Arc::clone(&self.folder);
        match in_turn(permits, move || work(&folder)).await {
            Ok(end) => end,
            Err(error) if error.is_panic() => Err(StoreError::backend("working on the folder", error)),
            Err(error) => Err(StoreError::unavailable("the runtime is shutting down", error)),
        }
    }
}

#[async_trait]
impl ImageStore for LocalStore {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        if bytes.len() > MAX_CREATE_BYTES {
            let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            return Err(StoreError::TooLarge { key: key.clone(), found, limit: MAX_CREATE_BYTES as u64 });
        }
        let key = key.clone();
        self.writing(move |folder| folder.create(&key, &bytes)).await
    }

    async fn put(&self, key: &StoreKey, mut bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        let key_there = key.clone();
        let staged = self.writing(move |folder| folder.stage(&key_there)).await?;
        let mut staged = ClearedAside::new(staged, &self.writers);
        let mut batch = Batch::default();
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(|source| StoreError::Input { key: key.clone(), source })?;
            batch.push(piece);
            if batch.is_full() {
                let (key, full, mut file) = (key.clone(), std::mem::take(&mut batch), staged.take()?);
                let file = self.writing(move |_| {
                    full.write_to(&mut file, &key)?;
                    Ok(file)
                });
                staged = ClearedAside::new(file.await?, &self.writers);
            }
        }
        let (key, mut file) = (key.clone(), staged.take()?);
        self.writing(move |folder| {
            batch.write_to(&mut file, &key)?;
            folder.replace(&key, file)
        })
        .await
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        let key = key.clone();
        let readers = self.readers(&key);
        let is_whole = range.is_none();
        self.blocking_in_turn(readers.clone(), move |folder| {
            let (meta, range, file) = folder.open_object(&key, range)?;
            let size = range.end - range.start;
            let bytes: ByteStream = match size {
                // A small object needs no second thread hop.
                1..=SMALL_OBJECT => {
                    let piece = read_piece(file, size, size).map(|(piece, ..)| piece);
                    Box::pin(stream::once(std::future::ready(piece)))
                }
                _ if is_whole => Box::pin(whole_pieces_of(file, size, readers)),
                _ => pieces_of(file, size, readers),
            };
            // The error contains a `StoreError`. So an error of the disk is not taken for a store
            // that does not answer: the other objects can be read.
            let bytes = Box::pin(bytes.map_err(move |error| io::Error::other(reading(&key, error))));
            Ok(Object::new(meta, range, bytes))
        })
        .await
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        let key = key.clone();
        self.blocking_in_turn(self.readers(&key), move |folder| folder.head(&key)).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.writing(move |folder| folder.delete(&key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        let (prefix, after) = (prefix.to_owned(), after.cloned());
        self.reading(move |folder| {
            folder.is_here()?;
            folder.page(&prefix, after.as_ref(), MAX_PAGE_OBJECTS)
        })
        .await
    }

    async fn strays(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let path = folder.to_owned();
        self.reading(move |folder| {
            folder.is_here()?;
            folder.strays(&path)
        })
        .await
    }

    fn can_append(&self) -> bool {
        true
    }

    async fn append(&self, key: &StoreKey, at: u64, bytes: Bytes) -> Result<(), StoreError> {
        let key = key.clone();
        self.writing(move |folder| folder.append(&key, at, &bytes)).await
    }
}

impl fmt::Debug for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalStore").field("disk", &self.folder.disk).finish()
    }
}

/// Returns the type of the file system at a path, such as `vfat`. Only Linux reports it; elsewhere
/// it is `None`.
fn file_system(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = |line: &str| {
        let (fields, system) = line.split_once(" - ")?;
        let point = Path::new(fields.split(' ').nth(4)?);
        path.starts_with(point)
            .then(|| (point.components().count(), system.split(' ').next().map(str::to_owned)))
    };
    mounts.lines().filter_map(mount).max_by_key(|(depth, _)| *depth)?.1
}

/// Pieces of a put that are collected and then written together.
#[derive(Default)]
struct Batch {
    pieces: Vec<Bytes>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.push(piece);
    }

    fn is_full(&self) -> bool {
        self.bytes >= WRITE_BATCH_BYTES || self.pieces.len() >= WRITE_BATCH_PIECES
    }

    fn write_to(&self, staged: &mut StagedFile, key: &StoreKey) -> Result<(), StoreError> {
        let written = self.pieces.iter().try_for_each(|piece| staged.write(piece));
        written.map_err(|error| io_error(Some(key), format!("writing `{key}`"), error))
    }
}

/// The staged object of a put. If the put is dropped, a blocking thread with a write permit removes
/// the staged file, because removing a large file takes time.
struct ClearedAside {
    staged: Option<StagedFile>,
    writers: Arc<Semaphore>,
}

impl ClearedAside {
    fn new(staged: StagedFile, writers: &Arc<Semaphore>) -> Self {
        Self { staged: Some(staged), writers: Arc::clone(writers) }
    }

    fn take(&mut self) -> Result<StagedFile, StoreError> {
        self.staged.take().ok_or_else(|| StoreError::backend("writing", "the staged file was taken before"))
    }
}

impl Drop for ClearedAside {
    fn drop(&mut self) {
        let Some(staged) = self.staged.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => {
                drop(runtime.spawn(in_turn(Some(Arc::clone(&self.writers)), move || drop(staged))))
            }
            Err(_) => drop(staged),
        }
    }
}

/// Returns the next `left` bytes of a file in pieces. Each piece is read on a blocking thread when
/// the stream is polled. If `readers` is given, the thread needs one of its permits.
fn pieces_of(file: Box<dyn ReadFile>, left: u64, readers: Option<Arc<Semaphore>>) -> ByteStream {
    Box::pin(stream::unfold(Some((file, left, readers, Pace::default())), |state| async {
        let (file, left, readers, mut pace) = state?;
        if left == 0 {
            return None;
        }
        let most = pace.next_piece();
        let read = in_turn(readers.clone(), move || read_piece(file, left, most));
        Some(match read.await {
            Ok(Ok((piece, file, left))) => {
                pace.note_piece(&piece);
                (Ok(piece), Some((file, left, readers, pace)))
            }
            Ok(Err(error)) => (Err(error), None),
            Err(error) => (Err(io::Error::other(error)), None),
        })
    }))
}

/// Returns the next `left` bytes of a file in large pieces. While the reader uses a piece, the next
/// one is read ahead, if one of the permits is free at that time. Dropping the stream also drops
/// the piece that was read ahead.
fn whole_pieces_of(
    file: Box<dyn ReadFile>,
    left: u64,
    readers: Option<Arc<Semaphore>>,
) -> impl Stream<Item = io::Result<Bytes>> {
    let first = WholeReading { next: NextPiece::Unread(file), left };
    stream::unfold(Some((first, readers)), |state| async {
        let (WholeReading { next, left }, readers) = state?;
        if left == 0 {
            return None;
        }
        let read = match next {
            NextPiece::Unread(file) => {
                in_turn(readers.clone(), move || read_piece(file, left, WHOLE_PIECE)).await
            }
            NextPiece::Reading(reading) => reading.await,
        };
        Some(match read {
            Ok(Ok((piece, file, left))) => {
                let next = NextPiece::begin(file, left, readers.as_ref());
                (Ok(piece), Some((WholeReading { next, left }, readers)))
            }
            Ok(Err(error)) => (Err(error), None),
            Err(error) => (Err(io::Error::other(error)), None),
        })
    })
}

/// The state of a read of a whole object. `left` is the number of bytes that the reader has not
/// taken yet.
struct WholeReading {
    next: NextPiece,
    left: u64,
}

enum NextPiece {
    Unread(Box<dyn ReadFile>),
    Reading(JoinHandle<io::Result<ReadSoFar>>),
}

impl NextPiece {
    /// Begins to read the next piece. Returns [`Unread`](Self::Unread) if no bytes are left, or if
    /// all permits are taken.
    fn begin(file: Box<dyn ReadFile>, left: u64, readers: Option<&Arc<Semaphore>>) -> Self {
        let permit = readers.map(|readers| Arc::clone(readers).try_acquire_owned());
        match permit.transpose() {
            Ok(permit) if left > 0 => {
                Self::Reading(spawn_blocking(holding(permit, move || read_piece(file, left, WHOLE_PIECE))))
            }
            _ => Self::Unread(file),
        }
    }
}

/// Does the work on a blocking thread, as soon as one of the permits is free. Work without
/// `permits` needs none.
///
/// Only a working thread holds a permit. If this future waited for the permit itself, it could get
/// one and then never be polled again: the body of a download is not polled while its client takes
/// nothing. Other reads would then have a permit less.
async fn in_turn<T: Send + 'static>(
    permits: Option<Arc<Semaphore>>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    let Some(permits) = permits else { return spawn_blocking(work).await };
    if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
        return spawn_blocking(holding(permit, work)).await;
    }
    // A task waits for the permit, because the runtime always polls it. Dropping the set aborts the
    // task.
    let mut waiting = JoinSet::new();
    waiting.spawn(async move {
        // The semaphore is never closed.
        let permit = permits.acquire_owned().await.ok();
        spawn_blocking(holding(permit, work)).await
    });
    match waiting.join_next().await {
        Some(done) => done.and_then(|done| done),
        None => std::future::pending().await,
    }
}

/// Returns a closure that does the work and then releases the permit.
fn holding<P, T>(permit: P, work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    move || {
        let _permit = permit;
        work()
    }
}

/// The pace at which a reader takes its pieces: slow or fast.
#[derive(Default)]
struct Pace {
    /// The number of bytes that the reader took since its last pause.
    bytes: u64,
    /// The time at which the last piece was given to the reader, or `None` before the first piece.
    last: Option<Instant>,
}

impl Pace {
    /// Returns the largest size of the next piece in bytes. It must be called when the reader asks
    /// for this piece, because it measures the pause since the last one.
    fn next_piece(&mut self) -> u64 {
        if self.last.is_some_and(|last| last.elapsed() > PAUSE) {
            self.bytes = 0;
        }
        if self.bytes < FAST_AFTER { SLOW_PIECE } else { FAST_PIECE }
    }

    fn note_piece(&mut self, piece: &Bytes) {
        self.bytes += piece.len() as u64;
        self.last = Some(Instant::now());
    }
}

type ReadSoFar = (Bytes, Box<dyn ReadFile>, u64);

fn read_piece(mut file: Box<dyn ReadFile>, left: u64, most: u64) -> io::Result<ReadSoFar> {
    let most = left.min(most);
    let mut piece = vec![0; usize::try_from(most).unwrap_or_default()];
    let mut filled = 0;
    // `read_to_end` would begin with reads of 8 KiB for each piece.
    while filled < piece.len() {
        match file.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let read = u64::try_from(filled).unwrap_or(u64::MAX);
    if read < most {
        let message = format!("file ended {} bytes early: it was truncated after it was opened", left - read);
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
    }
    Ok((piece.into(), file, left - read))
}
