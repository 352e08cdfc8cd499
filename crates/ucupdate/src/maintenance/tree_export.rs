//! Exports the files in the folder hierarchy of OCS, for other web servers.

use crate::maintenance::tree_folder::{TreeFolder, digest};
use crate::packages::files::ServedFile;
use crate::service::UpdateService;
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;
use ucupdate_folder::Folder;
use ucupdate_store::{ByteStream, StoreError};

/// The options of [`UpdateService::export_tree`]. By default, files are copied. If a file in the
/// tree is a hard link, so that the file has a second name elsewhere, a copy replaces it. Some
/// systems do not report second names. There such a file stays if its content is right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeOptions {
    link_from: Option<PathBuf>,
}

impl TreeOptions {
    /// Sets the folder of the store. Files become hard links to the files of the store instead of copies, if the file
    /// system supports this.
    ///
    /// A program that changes a linked file in place also changes the store.
    #[must_use]
    pub fn with_links_from(self, folder: impl Into<PathBuf>) -> Self {
        Self { link_from: Some(folder.into()) }
    }
}

/// The result of [`UpdateService::export_tree`](crate::UpdateService::export_tree).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TreeWritten {
    /// The revision of the rule book that was exported.
    pub revision: u64,
    /// The number of files that are links to files of the store now.
    pub linked: u64,
    /// The number of files that were copied.
    pub copied: u64,
    /// The total size of the copied files in bytes.
    pub copied_bytes: u64,
    /// The number of files that existed already with the same content.
    pub unchanged: u64,
    /// The number of files in the folder that do not belong to the tree. They stay.
    pub others: u64,
    /// The paths of at most ten of the files in `others` that are in `.ucupdate-export`, the folder for unfinished files.
    pub left: Vec<String>,
    /// The paths of files that are missing or damaged in the store. They were not written.
    pub missing: Vec<String>,
}

impl TreeWritten {
    /// Returns the number of processed files of the tree: linked, copied, unchanged, and those in `missing`, which were not written.
    pub fn files(&self) -> u64 {
        self.linked + self.copied + self.unchanged + self.missing.len() as u64
    }
}

/// Error of exporting a tree. Every file of the tree is either unchanged or complete, and the export can be continued.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum TreeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process writes into the folder.
    #[error("another export writes into `{folder}`; wait until it ends")]
    InUse { folder: String },
    /// The folder, or a file in it, cannot be read or written.
    #[error("cannot write `{path}`")]
    File { path: String, source: io::Error },
}

impl UpdateService {
    /// Writes the files that are served into a folder, in the hierarchy of their URLs
    /// (`UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt`), so that any web server can serve them. A later export
    /// writes only changed files.
    ///
    /// A file gets its name only when it is complete and has the right digest. Nothing outside the folder is written,
    /// because links inside the folder are refused. No file is removed except unfinished ones that a killed export left.
    /// `progress` is called after each file.
    ///
    /// # Errors
    /// When the folder or the store fails, or another process writes into the folder.
    pub async fn export_tree(
        &self,
        folder: &Path,
        options: &TreeOptions,
        mut progress: impl FnMut(&TreeWritten) + Send,
    ) -> Result<TreeWritten, TreeError> {
        let snapshot = self.snapshot();
        let mut written = TreeWritten { revision: snapshot.revision(), ..TreeWritten::default() };
        let path = folder.to_owned();
        let (opened, store_folder) = {
            let (path, from) = (path.clone(), options.link_from.clone());
            let opened = blocking(move || {
                let from = from.map(Folder::open).transpose()?;
                Ok((TreeFolder::open(&path)?, from))
            });
            opened.await.map_err(failed(folder))?
        };
        let Some(opened) = opened else {
            return Err(TreeError::InUse { folder: folder.display().to_string() });
        };
        let tree = Arc::new(ExportTree { folder: opened, store_folder });
        for file in snapshot.files().iter() {
            let at = folder.join(&*file.path);
            let (doing, file_there) = (Arc::clone(&tree), file.clone());
            let done = blocking(move || doing.link(&file_there)).await.map_err(failed(&at))?;
            match done {
                Done::Unchanged => written.unchanged += 1,
                Done::Linked => written.linked += 1,
                Done::ToBeCopied => {
                    if self.copy(&tree, &file, &at).await? {
                        written.copied += 1;
                        written.copied_bytes = written.copied_bytes.saturating_add(file.size);
                    } else {
                        written.missing.push(file.path.to_string());
                    }
                }
            }
            progress(&written);
        }
        let ours: HashSet<String> =
            snapshot.files().iter().map(|file| file.path.to_ascii_lowercase()).collect();
        let others = blocking(move || tree.folder.others(&ours)).await;
        (written.others, written.left) = others.map_err(failed(folder))?;
        Ok(written)
    }

    /// Copies a file from the store. Returns `false` if it is missing or damaged there.
    async fn copy(&self, tree: &Arc<ExportTree>, file: &ServedFile, at: &Path) -> Result<bool, TreeError> {
        let bytes = match self.open_file(file, None).await {
            Ok(bytes) => bytes,
            Err(StoreError::NotFound { .. } | StoreError::Integrity { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let (pieces, incoming) = mpsc::channel(4);
        let (doing, file) = (Arc::clone(tree), file.clone());
        let writing = blocking(move || doing.copy(&file, incoming));
        let ((), written) = tokio::join!(feed(bytes, pieces), writing);
        written.map_err(failed(at))
    }
}

struct ExportTree {
    folder: TreeFolder,
    store_folder: Option<Folder>,
}

enum Done {
    Unchanged,
    Linked,
    ToBeCopied,
}

impl ExportTree {
    /// Keeps the existing file if it is right. Otherwise makes a link to the file of the store, if
    /// that is possible.
    fn link(&self, file: &ServedFile) -> io::Result<Done> {
        let there = self.folder.folder.find(&file.path)?;
        let here = self.store_folder.as_ref().and_then(|store| {
            let found = store.find(file.key.as_str()).ok()??;
            (found.size() == file.size).then_some((store, found))
        });
        if let Some(there) = &there {
            // The existing file may be a hard link to the store instead of a copy. Its bytes are
            // read too, because a program may have changed it in place.
            let may_stay = self.store_folder.is_some() || !there.has_other_names();
            let is_same = || Ok::<_, io::Error>(digest(self.folder.folder.read(&file.path)?)? == file.sha256);
            if may_stay && there.size() == file.size && is_same()? {
                return Ok(Done::Unchanged);
            }
        }
        let Some(staged) = here.and_then(|(store, _)| self.folder.stage_link(store, file.key.as_str()))
        else {
            return Ok(Done::ToBeCopied);
        };
        if digest(staged.read()?)? != file.sha256 {
            return Ok(Done::ToBeCopied);
        }
        staged.replace(&file.path)?;
        Ok(Done::Linked)
    }

    fn copy(&self, file: &ServedFile, mut pieces: mpsc::Receiver<io::Result<Bytes>>) -> io::Result<bool> {
        let (staged, hasher) = self.folder.stage(|| pieces.blocking_recv())?;
        if (hasher.size(), hasher.digest()) != (file.size, file.sha256) {
            return Ok(false);
        }
        staged.replace(&file.path)?;
        Ok(true)
    }
}

/// Passes the bytes of a file from the store to the thread that writes the file, until one of the
/// two fails.
async fn feed(mut bytes: ByteStream, pieces: mpsc::Sender<io::Result<Bytes>>) {
    while let Some(piece) = bytes.next().await {
        let ended = piece.is_err();
        if pieces.send(piece).await.is_err() || ended {
            return;
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> TreeError {
    let path = path.display().to_string();
    move |source| TreeError::File { path, source }
}
