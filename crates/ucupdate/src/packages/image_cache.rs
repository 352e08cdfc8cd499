//! [`ImageCache`]: the images that many devices download at the same time, in memory.
//!
//! ```text
//! Counting ──► Loading: the third download within 10 seconds, if there is room ──► Loaded ──► evicted or changed
//! ```

use crate::packages::files::ServedFile;
use crate::packages::timed::{get_in_time, head_in_time};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::Instant;
use ucupdate_core::value::{Sha256Digest, Sha256Hasher};
use ucupdate_store::{ByteStream, ImageStore, ObjectMeta, StoreError, StoreKey};

/// Number of downloads within [`WINDOW`] that make the cache load an image.
const HOT_DOWNLOADS: u32 = 3;

/// Time after which the downloads are counted anew. An image that was not used for this time may be evicted.
const WINDOW: Duration = Duration::from_secs(10);

/// Time after which the size and the last write of a cached image are compared with those in the store.
const CHECK_PERIOD: Duration = Duration::from_secs(1);

/// The longest time for which a download waits for its image to be read into memory.
const LOAD_TIME: Duration = Duration::from_secs(5);

/// Number of bytes in one piece of a download. The pieces share the memory of the image.
const PIECE: usize = 128 * 1024;

/// Largest number of images whose downloads are counted. If there are more, the images that are not
/// loaded or loading are forgotten.
const MAX_ENTRIES: usize = 1_000;

/// A bounded cache of images. It holds whole images whose SHA-256 was compared with the ingested one.
///
/// The bytes of an image count towards the capacity until the last download that uses them has
/// ended, even if the image was evicted before.
#[derive(Debug)]
pub(crate) struct ImageCache {
    capacity: u64,
    used: Arc<AtomicU64>,
    entries: Mutex<HashMap<StoreKey, CacheEntry>>,
}

#[derive(Debug)]
struct CacheEntry {
    counted_since: Instant,
    downloads: u32,
    last_used: Instant,
    state: CacheState,
}

#[derive(Debug)]
enum CacheState {
    Counting,
    /// The image is being read into memory. The channel closes at the end, whether or not the image
    /// could be read.
    Loading(watch::Receiver<()>),
    Loaded(Arc<CachedImage>),
}

#[derive(Debug)]
pub(crate) struct CachedImage {
    key: StoreKey,
    sha256: Sha256Digest,
    modified: SystemTime,
    write_mark: u64,
    bytes: Bytes,
    loaded: Instant,
    /// The time of the last comparison with the store, in milliseconds since `loaded`.
    checked_after: AtomicU64,
    /// The lock is held while the metadata is read from the store, so that only one task reads it.
    checking: tokio::sync::Mutex<()>,
}

impl ImageCache {
    /// Creates a cache for this number of bytes. With 0 nothing is cached.
    pub(crate) fn new(capacity: u64) -> Self {
        Self { capacity, used: Arc::default(), entries: Mutex::default() }
    }

    /// Returns a cached image if it still is the one in the store. An image that is not current is
    /// removed from the cache.
    pub(crate) async fn find(&self, store: &dyn ImageStore, file: &ServedFile) -> Option<Arc<CachedImage>> {
        let image = self.loaded(file)?;
        if image.is_current(store).await {
            return Some(image);
        }
        self.forget(&image);
        None
    }

    fn loaded(&self, file: &ServedFile) -> Option<Arc<CachedImage>> {
        if self.capacity == 0 {
            return None;
        }
        let mut entries = self.entries();
        let entry = entries.get_mut(&file.key)?;
        let CacheState::Loaded(image) = &entry.state else { return None };
        entry.last_used = Instant::now();
        (image.sha256 == file.sha256).then(|| Arc::clone(image))
    }

    fn forget(&self, image: &Arc<CachedImage>) {
        let mut entries = self.entries();
        let is_this =
            |entry: &CacheEntry| matches!(&entry.state, CacheState::Loaded(now) if Arc::ptr_eq(now, image));
        if entries.get(&image.key).is_some_and(is_this) {
            entries.remove(&image.key);
        }
    }

    /// Returns an image that is cached. If it is being read into memory now, waits for it, at most
    /// [`LOAD_TIME`]. Many devices that ask at the same time then share the memory of the image,
    /// instead of one reader of the store each.
    pub(crate) async fn find_or_wait(
        &self,
        store: &dyn ImageStore,
        file: &ServedFile,
    ) -> Option<Arc<CachedImage>> {
        let loading = match &self.entries().get(&file.key)?.state {
            CacheState::Counting => return None,
            CacheState::Loading(loading) => Some(loading.clone()),
            CacheState::Loaded(_) => None,
        };
        if let Some(mut loading) = loading {
            let _loaded_or_late = tokio::time::timeout(LOAD_TIME, loading.changed()).await;
        }
        self.find(store, file).await
    }

    /// Counts a download of a file that is not cached. Returns an order if the caller has to load
    /// the file into the cache now.
    pub(crate) fn count(&self, file: &ServedFile) -> Option<LoadOrder> {
        if file.size == 0 || file.size > self.capacity {
            return None;
        }
        let now = Instant::now();
        let mut entries = self.entries();
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(&file.key) {
            entries.retain(|_, entry| !matches!(entry.state, CacheState::Counting));
        }
        let entry = entries.entry(file.key.clone()).or_insert_with(|| CacheEntry {
            counted_since: now,
            downloads: 0,
            last_used: now,
            state: CacheState::Counting,
        });
        if now - entry.counted_since > WINDOW {
            (entry.counted_since, entry.downloads) = (now, 0);
        }
        entry.last_used = now;
        entry.downloads = entry.downloads.saturating_add(1);
        if !matches!(entry.state, CacheState::Counting) || entry.downloads < HOT_DOWNLOADS {
            return None;
        }
        let room = self.make_room(&mut entries, file.size, now)?;
        let (done, loading) = watch::channel(());
        if let Some(entry) = entries.get_mut(&file.key) {
            entry.state = CacheState::Loading(loading);
        }
        Some(LoadOrder { room, done })
    }

    /// Reserves room for `size` bytes, and evicts images for it if necessary. Images that are in
    /// use, or were used within [`WINDOW`], are not evicted. `None` if there is not enough room.
    fn make_room(
        &self,
        entries: &mut HashMap<StoreKey, CacheEntry>,
        size: u64,
        now: Instant,
    ) -> Option<Room> {
        while self.used.load(Ordering::Relaxed).saturating_add(size) > self.capacity {
            let is_idle = |entry: &CacheEntry| {
                let is_unused =
                    matches!(&entry.state, CacheState::Loaded(image) if Arc::strong_count(image) == 1);
                is_unused && now - entry.last_used > WINDOW
            };
            let idle = entries.iter().filter(|(_, entry)| is_idle(entry));
            let oldest = idle.min_by_key(|(_, entry)| entry.last_used).map(|(key, _)| key.clone())?;
            entries.remove(&oldest);
        }
        self.used.fetch_add(size, Ordering::Relaxed);
        Some(Room { used: Arc::clone(&self.used), bytes: size })
    }

    /// Reads an image into the room that `order` has reserved. An image that cannot be read, or has
    /// other bytes, is not cached.
    pub(crate) async fn load(&self, store: &dyn ImageStore, file: &ServedFile, order: LoadOrder) {
        let LoadOrder { room, done } = order;
        let image = read(store, file, room).await;
        let mut entries = self.entries();
        match (image, entries.get_mut(&file.key)) {
            (Some(image), Some(entry)) => entry.state = CacheState::Loaded(Arc::new(image)),
            _ => drop(entries.remove(&file.key)),
        }
        drop(entries);
        drop(done);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<StoreKey, CacheEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CachedImage {
    /// Returns whether the store still has this image. The store is asked at most once each [`CHECK_PERIOD`].
    async fn is_current(&self, store: &dyn ImageStore) -> bool {
        if self.is_checked() {
            return true;
        }
        let _asking = self.checking.lock().await;
        if self.is_checked() {
            return true;
        }
        let begin = Instant::now();
        let is_same = head_in_time(store, &self.key).await.is_ok_and(|meta| meta == self.meta());
        if is_same {
            let after = u64::try_from((begin - self.loaded).as_millis()).unwrap_or(u64::MAX);
            self.checked_after.store(after, Ordering::Relaxed);
        }
        is_same
    }

    /// Returns the metadata of the object from which the image was read.
    fn meta(&self) -> ObjectMeta {
        ObjectMeta::new(self.key.clone(), self.bytes.len() as u64, self.modified)
            .with_write_mark(self.write_mark)
    }

    /// Returns whether the last comparison was less than [`CHECK_PERIOD`] ago.
    fn is_checked(&self) -> bool {
        let checked_after = Duration::from_millis(self.checked_after.load(Ordering::Relaxed));
        self.loaded.elapsed().saturating_sub(checked_after) < CHECK_PERIOD
    }

    /// Returns the bytes in `range`, or all bytes.
    ///
    /// # Errors
    /// [`StoreError::InvalidRange`] when the range begins after the end or ends before it begins.
    pub(crate) fn stream(self: Arc<Self>, range: Option<Range<u64>>) -> Result<ByteStream, StoreError> {
        let range = self.meta().resolve(range)?;
        let at = |offset: u64| usize::try_from(offset).unwrap_or(self.bytes.len());
        let rest = self.bytes.slice(at(range.start)..at(range.end));
        Ok(Box::pin(CachedPieces { _image: self, rest }))
    }
}

/// The bytes of a download from the cache, as a stream of pieces. While this value exists, the
/// image is not evicted.
struct CachedPieces {
    _image: Arc<CachedImage>,
    rest: Bytes,
}

impl Stream for CachedPieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(self.rest.split_to(size))))
    }
}

/// The task of reading one image into the cache, with the room that is reserved for the image.
/// Dropping the value wakes the downloads that wait for the image.
#[derive(Debug)]
pub(crate) struct LoadOrder {
    room: Room,
    done: watch::Sender<()>,
}

/// Room in the cache that is reserved for an image. Dropping the value frees the room.
#[derive(Debug)]
struct Room {
    used: Arc<AtomicU64>,
    bytes: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The memory of an image. Its room is freed together with the memory.
struct Owned {
    bytes: Vec<u8>,
    _room: Room,
}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

async fn read(store: &dyn ImageStore, file: &ServedFile, room: Room) -> Option<CachedImage> {
    let begin = Instant::now();
    let object = get_in_time(store, &file.key, None).await.ok()?;
    if object.meta.size != file.size {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(file.size).ok()?);
    let mut hasher = Sha256Hasher::default();
    let mut pieces = object.bytes;
    while let Some(piece) = pieces.next().await {
        let piece = piece.ok()?;
        if piece.len() > bytes.capacity() - bytes.len() {
            return None;
        }
        hasher.update(&piece);
        bytes.extend_from_slice(&piece);
    }
    let is_whole = hasher.size() == file.size && hasher.digest() == file.sha256;
    is_whole.then(|| CachedImage {
        key: file.key.clone(),
        sha256: file.sha256,
        modified: object.meta.modified,
        write_mark: object.meta.write_mark,
        bytes: Bytes::from_owner(Owned { bytes, _room: room }),
        loaded: begin,
        checked_after: AtomicU64::new(0),
        checking: tokio::sync::Mutex::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_core::value::PackageId;
    use ucupdate_store::{ImageStoreExt as _, MemoryStore, collect};

    const SIZE: usize = 300_000;

    async fn file(store: &MemoryStore, name: &str) -> ServedFile {
        let bytes = vec![b'a'; SIZE];
        let mut hasher = Sha256Hasher::default();
        hasher.update(&bytes);
        let sha256 = hasher.digest();
        let key = StoreKey::parse(&format!("images/{name}")).unwrap();
        store.put_bytes(&key, bytes).await.unwrap();
        ServedFile {
            path: name.into(),
            name: name.parse().unwrap(),
            key,
            size: SIZE as u64,
            sha256,
            package: PackageId::of(&sha256),
        }
    }

    /// Counts a download, and loads the image if the cache wants it.
    async fn download(cache: &ImageCache, store: &MemoryStore, file: &ServedFile) {
        if let Some(order) = cache.count(file) {
            cache.load(store, file, order).await;
        }
    }

    async fn download_often(cache: &ImageCache, store: &MemoryStore, file: &ServedFile) {
        for _ in 0..HOT_DOWNLOADS {
            assert!(cache.find(store, file).await.is_none());
            download(cache, store, file).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_image_that_many_download_is_served_from_memory() {
        let (store, cache) = (MemoryStore::default(), ImageCache::new(1_000_000));
        let file = file(&store, "a.nbt").await;
        download_often(&cache, &store, &file).await;
        let image = cache.find(&store, &file).await.unwrap();
        let part = Arc::clone(&image).stream(Some(10..14)).unwrap();
        assert_eq!(collect(part).await.unwrap(), "aaaa");
        assert_eq!(collect(image.stream(None).unwrap()).await.unwrap(), vec![b'a'; SIZE]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_download_waits_for_the_image_that_is_being_loaded_but_not_for_long() {
        let (store, cache) = (MemoryStore::default(), ImageCache::new(1_000_000));
        let file = file(&store, "a.nbt").await;
        assert!(cache.find_or_wait(&store, &file).await.is_none(), "nothing is loaded");
        assert!(cache.count(&file).is_none() && cache.count(&file).is_none());
        let order = cache.count(&file).unwrap();
        let begin = Instant::now();
        assert!(cache.find_or_wait(&store, &file).await.is_none(), "it takes too long");
        assert_eq!(begin.elapsed(), LOAD_TIME);
        let (found, ()) = tokio::join!(cache.find_or_wait(&store, &file), cache.load(&store, &file, order));
        assert_eq!(collect(found.unwrap().stream(None).unwrap()).await.unwrap(), vec![b'a'; SIZE]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_image_that_is_downloaded_now_and_then_is_not_loaded() {
        let (store, cache) = (MemoryStore::default(), ImageCache::new(1_000_000));
        let file = file(&store, "a.nbt").await;
        for _ in 0..9 {
            download(&cache, &store, &file).await;
            tokio::time::advance(WINDOW).await;
        }
        assert!(cache.find(&store, &file).await.is_none());
        assert_eq!(cache.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_image_that_changed_in_the_store_is_forgotten_within_a_second() {
        let (store, cache) = (MemoryStore::default(), ImageCache::new(1_000_000));
        let file = file(&store, "a.nbt").await;
        download_often(&cache, &store, &file).await;
        std::thread::sleep(Duration::from_millis(5));
        store.put_bytes(&file.key, vec![b'b'; SIZE]).await.unwrap();
        tokio::time::advance(CHECK_PERIOD).await;
        assert!(cache.find(&store, &file).await.is_none());
        download_often(&cache, &store, &file).await;
        assert!(cache.find(&store, &file).await.is_none(), "the bytes in the store are wrong");
        assert_eq!(cache.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_bytes_of_all_images_stay_below_the_capacity_also_while_they_are_in_use() {
        let (store, cache) = (MemoryStore::default(), ImageCache::new(SIZE as u64 + 1));
        let (one, other) = (file(&store, "a.nbt").await, file(&store, "b.nbt").await);
        download_often(&cache, &store, &one).await;
        let image = cache.find(&store, &one).await.unwrap();
        download_often(&cache, &store, &other).await;
        assert!(cache.find(&store, &other).await.is_none(), "the first one was used a short time ago");
        tokio::time::advance(WINDOW * 2).await;
        let slow = image.stream(None).unwrap();
        download_often(&cache, &store, &other).await;
        assert!(cache.find(&store, &other).await.is_none(), "the first one is being downloaded");
        drop(slow);
        download(&cache, &store, &other).await;
        assert!(cache.find(&store, &other).await.is_some());
        assert!(cache.find(&store, &one).await.is_none());
        assert_eq!(cache.used.load(Ordering::Relaxed), SIZE as u64);
    }

    #[tokio::test]
    async fn nothing_is_cached_without_capacity() {
        let (store, cache) = (MemoryStore::default(), ImageCache::new(0));
        let file = file(&store, "a.nbt").await;
        download_often(&cache, &store, &file).await;
        assert!(cache.find(&store, &file).await.is_none());
    }
}
