//! The captures of an open service.

use crate::captures::capture::{self, Capture, CaptureId, CaptureKind, MAX_HEAD_BYTES, UnreadableCapture};
use crate::captures::keeper;
use crate::events::event::Event;
use crate::logs::place::check_empty;
use crate::service::UpdateService;
use bytes::Bytes;
use std::time::Duration;
use ucupdate_audit::FileKind;
use ucupdate_store::{ImageStore as _, ImageStoreExt as _, StoreError, StoreKey, error_chain};
use ucupdate_upx::{DecodeError, LogForm};

/// The largest size in bytes of a capture's object that is read.
const MAX_OBJECT_BYTES: usize = 1024 * 1024 * 1024;

/// The time limit for writing waiting captures at a shutdown.
const FLUSH_TIME: Duration = Duration::from_secs(10);

impl UpdateService {
    /// Reports a body that is neither an update request nor a device log. Keeps the body if
    /// [`Options::with_captures`](crate::Options::with_captures) is set. Never waits.
    pub fn report_unreadable(&self, host: &str, error: &DecodeError, body: &[u8]) {
        let earlier = self.inner.shapes.count(error);
        let keeper = self.inner.captures.as_ref();
        let keeper = keeper.filter(|keeper| earlier < keeper.options.of_one_shape);
        let capture = keeper.and_then(|keeper| {
            keeper.keep(CaptureKind::Unreadable, self.now(), (host, &error.to_string()), body)
        });
        let is_first = earlier == 0;
        self.emit(&Event::RequestUnreadable { host, error, body, is_first, capture: capture.as_ref() });
    }

    /// Returns the size in bytes of the largest device log that this service keeps. 0 means that it keeps none.
    pub fn device_log_bytes(&self) -> usize {
        self.inner.captures.as_ref().map_or(0, |keeper| keeper.options.device_log_bytes)
    }

    /// Keeps the upload of a device log. Returns `false` if such uploads are not kept, if the log is larger than
    /// [`device_log_bytes`](Self::device_log_bytes), or if too many logs wait to be written. Never waits.
    pub fn keep_device_log(&self, host: &str, form: LogForm, body: &[u8]) -> bool {
        let Some(keeper) = &self.inner.captures else { return false };
        let Some(kind) = CaptureKind::of_log(form) else { return false };
        body.len() <= keeper.options.device_log_bytes
            && keeper.keep(kind, self.now(), (host, ""), body).is_some()
    }

    /// Returns the captures of all servers in the store, the newest first. Objects that are not captures are skipped.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn captures(&self) -> Result<Vec<Capture>, StoreError> {
        self.captures_with_unreadable().await.map(|(captures, _)| captures)
    }

    /// Returns the captures as [`captures`](Self::captures) does. Also returns the objects, links, pipes and folders among them
    /// that cannot be read as captures.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ucupdate::store::{ImageStoreExt as _, MemoryStore};
    /// use ucupdate::{Options, UpdateService};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = MemoryStore::default();
    /// let key = "Logs/Client/Unreadable/ocs01_20090306T171039Z_1f2e3d4c.capture".parse()?;
    /// store.put_bytes(&key, "damaged").await?;
    /// let service = UpdateService::open(Arc::new(store), Options::default()).await?;
    /// let (captures, unreadable) = service.captures_with_unreadable().await?;
    /// assert!(captures.is_empty());
    /// assert_eq!(unreadable[0].what, "has no head, expected a line of JSON");
    /// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// When the store fails, and when a file or a link is in place of a folder of captures.
    pub async fn captures_with_unreadable(
        &self,
    ) -> Result<(Vec<Capture>, Vec<UnreadableCapture>), StoreError> {
        let (mut captures, mut unreadable) = (Vec::new(), Vec::new());
        for kind in CaptureKind::ALL {
            let folder = kind.folder();
            let (mut pages, mut is_empty) = (self.store().pages(&folder), true);
            while let Some(page) = pages.next().await? {
                is_empty = false;
                for key in page.into_iter().map(|meta| meta.key) {
                    let Some(id) = CaptureId::of_key(&key) else { continue };
                    let at = Some(id.at());
                    let read = match self.head_of(&key).await {
                        Ok(Some(head)) => capture::read(id, kind, &head),
                        Ok(None) => continue,
                        Err(error @ (StoreError::Backend { .. } | StoreError::Integrity { .. })) => {
                            Err(format!("cannot be read: {}", error_chain(&error)))
                        }
                        Err(error) => return Err(error),
                    };
                    match read {
                        Ok((capture, _)) => captures.push(capture),
                        Err(what) => unreadable.push(UnreadableCapture { key: key.to_string(), at, what }),
                    }
                }
            }
            if is_empty {
                check_empty(&**self.store(), &folder).await?;
            }
            for key in self.store().strays(&folder).await?.into_iter().filter(|key| capture::is_capture(key))
            {
                let at = key.parse().ok().and_then(|key| CaptureId::of_key(&key)).map(|id| id.at());
                unreadable.push(UnreadableCapture { key, at, what: format!("is {}", FileKind::NoFile) });
            }
        }
        captures.sort_by(|one, other| (other.id.at(), &other.id).cmp(&(one.id.at(), &one.id)));
        Ok((captures, unreadable))
    }

    /// Reads the first [`MAX_HEAD_BYTES`] of an object. `None` if the object was removed in the
    /// meantime.
    async fn head_of(&self, key: &StoreKey) -> Result<Option<Bytes>, StoreError> {
        match self.store().get(key, Some(0..MAX_HEAD_BYTES as u64)).await {
            Ok(object) => object.into_bytes(MAX_HEAD_BYTES).await.map(Some),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns a capture with its body. `None` if there is no capture with this id.
    ///
    /// # Errors
    /// When the store fails, or the object is not a capture in a format that this program reads.
    pub async fn capture(&self, id: &CaptureId) -> Result<Option<(Capture, Bytes)>, StoreError> {
        for kind in CaptureKind::ALL {
            let Some(key) = id.key(kind) else { continue };
            match self.store().get_bytes(&key, MAX_OBJECT_BYTES).await {
                Ok(object) => {
                    let (capture, body) = capture::read(id.clone(), kind, &object)
                        .map_err(|found| StoreError::Integrity { key, found: found.into() })?;
                    return Ok(Some((capture, object.slice(body..))));
                }
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Removes the captures of this server that are older than its options allow, and the oldest
    /// ones if there are too many. Returns the number of removed captures.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_old_captures(&self) -> Result<usize, StoreError> {
        let Some(keeper) = &self.inner.captures else { return Ok(0) };
        let mut removed = 0;
        for kind in CaptureKind::ALL {
            removed += keeper::prune(&**self.store(), &keeper.options, kind, self.now()).await?.1;
        }
        Ok(removed)
    }

    /// Waits until the captures that wait now are written or lost, at most for ten seconds.
    pub async fn flush_captures(&self) {
        if let Some(keeper) = &self.inner.captures {
            let _late = tokio::time::timeout(FLUSH_TIME, keeper.flush()).await;
        }
    }
}
