//! An incomplete file `<name>.part`, and the note `<name>.part.note` beside it.
//!
//! The note has the URL, the strong ETag, and the SHA-256 of the first bytes up to a certain length. The download
//! continues with the bytes in the `.part` file only if their SHA-256 is the one in the note. Therefore the order
//! in which the two files reach the disk before a power cut does not matter. If the `.part` file does not match its
//! note, the download starts over.

use crate::error::ClientError;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncSeekExt, AsyncWriteExt, BufWriter};
use ucupdate_core::value::{FileName, Sha256Digest, Sha256Hasher};
use ucupdate_folder::Folder;

/// Number of bytes of a `.part` file after which its note is written again.
const NOTE_EVERY: u64 = 1024 * 1024;

/// Size of the write buffer in bytes.
const WRITE_BYTES: usize = 256 * 1024;

/// Largest size of a note (`.part.note` file) in bytes.
const MAX_NOTE_BYTES: u64 = 8 * 1024;

/// The first line of a note (`.part.note` file). It ends with the number of the format. Notes of other formats are
/// ignored.
const NOTE_FORM: &str = "ucupdate part 1";

/// Opens the download folder at `path`. Creates the folder if it does not exist.
pub(crate) async fn open_folder(path: &Path) -> Result<Arc<Folder>, ClientError> {
    let opened = path.to_owned();
    let folder = tokio::task::spawn_blocking(move || Folder::open_or_create(opened)).await;
    let folder = folder.map_err(io::Error::other).and_then(|folder| folder);
    folder.map(Arc::new).map_err(ClientError::disk("make the folder", path))
}

/// A download folder, and the names that one download uses in it: the final name, the `.part` file, and the note
/// (`.part.note` file).
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    folder: Arc<Folder>,
    whole: String,
    part: String,
    note: String,
}

impl Paths {
    pub(crate) fn new(folder: &Arc<Folder>, name: &FileName) -> Self {
        let [whole, part, note] = names(name.as_str());
        Self { folder: Arc::clone(folder), whole, part, note }
    }

    pub(crate) fn whole(&self) -> PathBuf {
        self.folder.path().join(&self.whole)
    }

    /// Returns a function that makes the error for a failed operation on the file `name`. `doing`
    /// is the operation, as a verb.
    fn failed(&self, doing: &'static str, name: &str) -> impl FnOnce(io::Error) -> ClientError + use<> {
        let path = self.folder.path().join(name);
        move |error| ClientError::disk(doing, &path)(error)
    }
}

/// Returns whether two downloads share no file name, with their `.part` and `.part.note` files included. Case is
/// ignored, because some file systems ignore it.
pub(crate) fn are_apart(a: &FileName, b: &FileName) -> bool {
    let (a, b) = (names(&a.as_str().to_lowercase()), names(&b.as_str().to_lowercase()));
    !a.iter().any(|name| b.contains(name))
}

fn names(name: &str) -> [String; 3] {
    [name.to_owned(), format!("{name}.part"), format!("{name}.part.note")]
}

/// The file on the server from which the bytes in a `.part` file come. If the server has another file later, the
/// download starts over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entity {
    /// The strong ETag with its quotes.
    pub(crate) etag: Box<str>,
    /// The size of the whole file; `None` when it is not known.
    pub(crate) total: Option<u64>,
}

/// An open `.part` file, with the SHA-256 of its bytes.
#[derive(Debug)]
pub(crate) struct PartialFile {
    paths: Paths,
    url: Box<str>,
    file: BufWriter<tokio::fs::File>,
    entity: Option<Entity>,
    hasher: Sha256Hasher,
    bytes: u64,
    noted: u64,
}

impl PartialFile {
    /// Opens the `.part` file for a download from `url`. It is empty unless an earlier download left bytes that can
    /// be used.
    pub(crate) async fn open(paths: &Paths, url: &str) -> Result<Self, ClientError> {
        let (own, said) = (paths.clone(), url.to_owned());
        let loaded = tokio::task::spawn_blocking(move || load(&own, &said))
            .await
            .map_err(io::Error::other)
            .and_then(|loaded| loaded)
            .map_err(paths.failed("open", &paths.part))?;
        let Loaded { file, entity, hasher, bytes } = loaded;
        Ok(Self {
            paths: paths.clone(),
            url: url.into(),
            file: BufWriter::with_capacity(WRITE_BYTES, tokio::fs::File::from_std(file)),
            entity,
            hasher,
            bytes,
            noted: bytes,
        })
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the file that the server must still have, and the offset of the first byte that is missing. `None`
    /// if no download can be resumed.
    pub(crate) fn rest(&self) -> Option<(&Entity, u64)> {
        self.entity.as_ref().map(|entity| (entity, self.bytes)).filter(|(_, bytes)| *bytes > 0)
    }

    /// Empties the `.part` file, so that it can receive `entity` from the start. `entity` is `None` if the server
    /// sent no strong ETag. Such a download cannot be resumed later.
    pub(crate) async fn start_over(&mut self, entity: Option<Entity>) -> Result<(), ClientError> {
        self.entity = entity;
        self.hasher = Sha256Hasher::default();
        self.bytes = 0;
        self.noted = 0;
        let emptied = async {
            self.file.seek(SeekFrom::Start(0)).await?;
            self.file.get_mut().set_len(0).await
        };
        emptied.await.map_err(self.paths.failed("empty", &self.paths.part))?;
        remove(&self.paths, &self.paths.note)
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.file.write_all(bytes).await.map_err(self.paths.failed("write", &self.paths.part))?;
        self.hasher.update(bytes);
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.bytes - self.noted >= NOTE_EVERY { self.note().await } else { Ok(()) }
    }

    /// Writes all buffered bytes to the `.part` file, and then writes the note for its present length. Writes no
    /// note if the download cannot be resumed.
    pub(crate) async fn note(&mut self) -> Result<(), ClientError> {
        self.file.flush().await.map_err(self.paths.failed("write", &self.paths.part))?;
        let Some(entity) = &self.entity else { return Ok(()) };
        let note = PartRecord {
            url: self.url.clone(),
            entity: entity.clone(),
            bytes: self.bytes,
            sha256: self.sha256(),
        };
        self.noted = self.bytes;
        let opened = self.paths.folder.open_unlinked(&self.paths.note);
        let written = opened.and_then(|mut file| {
            file.set_len(0)?;
            file.write_all(note.to_text().as_bytes())
        });
        written.map_err(self.paths.failed("write", &self.paths.note))
    }

    /// Writes the note, and syncs the `.part` file to the disk. The file keeps its `.part` name until [`place`]
    /// renames it.
    pub(crate) async fn sync(&mut self) -> Result<(), ClientError> {
        self.note().await?;
        let synced = async {
            self.file.get_ref().set_len(self.bytes).await?;
            self.file.get_ref().sync_all().await
        };
        synced.await.map_err(self.paths.failed("sync", &self.paths.part))
    }

    /// Returns the SHA-256 of the bytes in the `.part` file.
    pub(crate) fn sha256(&self) -> Sha256Digest {
        self.hasher.digest()
    }

    /// Removes the `.part` file and its note. Failures are ignored, because the caller already has a more important
    /// error.
    pub(crate) fn discard(self) {
        let Self { paths, file, .. } = self;
        drop(file);
        let _ = remove(&paths, &paths.part);
        let _ = remove(&paths, &paths.note);
    }
}

/// Renames a synced `.part` file to its final name. An older file of this name is replaced.
pub(crate) fn place(paths: &Paths) -> Result<(), ClientError> {
    let renamed = paths.folder.rename(&paths.part, &paths.whole);
    renamed.map_err(paths.failed("rename", &paths.part))?;
    remove(paths, &paths.note)
}

fn remove(paths: &Paths, name: &str) -> Result<(), ClientError> {
    paths.folder.remove(name).map_err(paths.failed("remove", name))
}

struct Loaded {
    file: std::fs::File,
    entity: Option<Entity>,
    hasher: Sha256Hasher,
    bytes: u64,
}

fn load(paths: &Paths, url: &str) -> io::Result<Loaded> {
    let mut file = paths.folder.open_unlinked(&paths.part)?;
    let mut loaded = (None, Sha256Hasher::default(), 0);
    if let Some(note) = read_note(paths).filter(|note| &*note.url == url)
        && let Some((hasher, bytes)) = verified(&mut file, &note)?
    {
        loaded = (Some(note.entity), hasher, bytes);
    }
    let (entity, hasher, bytes) = loaded;
    // Bytes after this offset are overwritten, or cut off at the end of the download. The note stays valid until then.
    file.seek(SeekFrom::Start(bytes))?;
    Ok(Loaded { file, entity, hasher, bytes })
}

/// Returns the offset at which the download of a `.part` file can be resumed, and the hash of the bytes before it.
/// `None` if the bytes do not match the note.
///
/// If the `.part` file is complete, the offset is that of its last byte. The server must then send this byte, and so
/// confirms that its file is still the same.
fn verified(file: &mut std::fs::File, note: &PartRecord) -> io::Result<Option<(Sha256Hasher, u64)>> {
    if note.bytes == 0 || note.entity.total.is_some_and(|total| note.bytes > total) {
        return Ok(None);
    }
    let resumed = if note.entity.total == Some(note.bytes) { note.bytes - 1 } else { note.bytes };
    let mut hasher = Sha256Hasher::default();
    if !hash(file, resumed, &mut hasher)? {
        return Ok(None);
    }
    let mut to_the_end = hasher.clone();
    let fits = hash(file, note.bytes - resumed, &mut to_the_end)? && to_the_end.digest() == note.sha256;
    Ok((fits && resumed > 0).then_some((hasher, resumed)))
}

/// Adds the next `bytes` bytes of the file to `hasher`. Returns `false` when the file has fewer
/// bytes.
fn hash(file: &mut std::fs::File, bytes: u64, hasher: &mut Sha256Hasher) -> io::Result<bool> {
    Ok(io::copy(&mut file.take(bytes), hasher)? == bytes)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartRecord {
    url: Box<str>,
    entity: Entity,
    bytes: u64,
    sha256: Sha256Digest,
}

impl PartRecord {
    pub(crate) fn to_text(&self) -> String {
        let total = self.entity.total.map_or_else(|| "unknown".to_owned(), |total| total.to_string());
        let Self { url, entity, bytes, sha256 } = self;
        format!(
            "{NOTE_FORM}\nurl {url}\netag {}\ntotal {total}\nbytes {bytes}\nsha256 {sha256}\n",
            entity.etag
        )
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != NOTE_FORM {
            return None;
        }
        let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
        let url = value("url")?.into();
        let etag = value("etag")?.into();
        let total = match value("total")? {
            "unknown" => None,
            number => Some(number.parse().ok()?),
        };
        let bytes = value("bytes")?.parse().ok()?;
        let sha256 = value("sha256")?.parse().ok()?;
        lines.next().is_none().then_some(Self { url, entity: Entity { etag, total }, bytes, sha256 })
    }
}

fn read_note(paths: &Paths) -> Option<PartRecord> {
    let mut text = String::new();
    paths.folder.read(&paths.note).ok()?.take(MAX_NOTE_BYTES).read_to_string(&mut text).ok()?;
    PartRecord::from_text(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    const URL: &str = "http://a/CPE.nbt";

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    fn entity(total: Option<u64>) -> Entity {
        Entity { etag: "\"v1\"".into(), total }
    }

    /// Creates a folder with a `.part` file that contains `bytes`, and with the note for it.
    async fn left(bytes: &[u8], total: Option<u64>) -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().unwrap();
        let opened = open_folder(folder.path()).await.unwrap();
        let paths = Paths::new(&opened, &"CPE.nbt".parse().unwrap());
        let mut part = PartialFile::open(&paths, URL).await.unwrap();
        part.start_over(Some(entity(total))).await.unwrap();
        part.write(bytes).await.unwrap();
        part.note().await.unwrap();
        (folder, paths)
    }

    fn path(paths: &Paths, name: &str) -> PathBuf {
        paths.folder.path().join(name)
    }

    /// Downloads into a folder where somebody else made the link `name` to `target`. If `name` is the `.part` file,
    /// expects an error that ends with `reason`. If `name` is the note, expects that the download replaces the link.
    /// In both cases the content of `target` must stay as it is.
    #[cfg(unix)]
    async fn refuse_planted(folder: &Path, name: &str, target: &Path, reason: &str) {
        let opened = open_folder(folder).await.unwrap();
        let paths = Paths::new(&opened, &"CPE.nbt".parse().unwrap());
        let end = async {
            let mut part = PartialFile::open(&paths, URL).await?;
            part.start_over(Some(entity(None))).await?;
            part.write(b"abc").await?;
            part.sync().await
        };
        if name.ends_with(".part") {
            let error = end.await.unwrap_err().to_string();
            assert!(error.ends_with(reason), "{error}");
        } else {
            end.await.unwrap();
        }
        assert_eq!(fs::read(target).unwrap(), b"precious", "{name}");
    }

    #[cfg(unix)]
    #[test]
    fn planted_hard_links_are_refused_and_what_they_name_stays() {
        const REASON: &str = "is a hard link, expected a file without another name; remove it";
        runtime().block_on(async {
            for name in ["CPE.nbt.part", "CPE.nbt.part.note"] {
                let folder = tempfile::tempdir().unwrap();
                let target = folder.path().join("target");
                fs::write(&target, "precious").unwrap();
                fs::hard_link(&target, folder.path().join(name)).unwrap();
                refuse_planted(folder.path(), name, &target, REASON).await;
            }
        });
    }

    #[cfg(unix)]
    #[test]
    fn planted_links_are_refused_and_their_targets_stay() {
        const REASON: &str = "is a symbolic link, expected a plain file; use another path";
        runtime().block_on(async {
            for name in ["CPE.nbt.part", "CPE.nbt.part.note"] {
                let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
                for target in [outside.path().join("target"), folder.path().join("target")] {
                    fs::write(&target, "precious").unwrap();
                    let _replaced = fs::remove_file(folder.path().join(name));
                    std::os::unix::fs::symlink(&target, folder.path().join(name)).unwrap();
                    refuse_planted(folder.path(), name, &target, REASON).await;
                }
            }
        });
    }

    async fn resumed_at(paths: &Paths, url: &str) -> u64 {
        PartialFile::open(paths, url).await.unwrap().rest().map_or(0, |(_, bytes)| bytes)
    }

    #[test]
    fn a_part_goes_on_where_it_was_noted_and_bytes_after_that_do_not_count() {
        runtime().block_on(async {
            let (_folder, paths) = left(b"abc", Some(9)).await;
            let mut bytes = fs::read(path(&paths, &paths.part)).unwrap();
            bytes.extend_from_slice(b"unsure of these");
            fs::write(path(&paths, &paths.part), bytes).unwrap();
            let mut part = PartialFile::open(&paths, URL).await.unwrap();
            assert_eq!(part.rest(), Some((&entity(Some(9)), 3)));
            part.write(b"def").await.unwrap();
            part.sync().await.unwrap();
            assert_eq!(fs::read(path(&paths, &paths.part)).unwrap(), b"abcdef");
            assert_eq!(
                part.sha256().to_string(),
                "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721"
            );
        });
    }

    #[test]
    fn a_part_of_another_url_or_with_other_bytes_or_without_a_note_starts_over() {
        runtime().block_on(async {
            let (_folder, paths) = left(b"abc", None).await;
            assert_eq!(resumed_at(&paths, "http://b/CPE.nbt").await, 0);
            let (_folder, paths) = left(b"abc", None).await;
            fs::write(path(&paths, &paths.part), b"axc").unwrap();
            assert_eq!(resumed_at(&paths, URL).await, 0);
            let (_folder, paths) = left(b"abc", None).await;
            fs::write(path(&paths, &paths.part), b"ab").unwrap();
            assert_eq!(resumed_at(&paths, URL).await, 0);
            let (_folder, paths) = left(b"abc", None).await;
            fs::remove_file(path(&paths, &paths.note)).unwrap();
            assert_eq!(resumed_at(&paths, URL).await, 0);
        });
    }

    #[test]
    fn a_whole_part_goes_on_before_its_last_byte() {
        runtime().block_on(async {
            let (_folder, paths) = left(b"abc", Some(3)).await;
            assert_eq!(resumed_at(&paths, URL).await, 2);
            assert_eq!(resumed_at(&paths, URL).await, 2, "opening it costs nothing");
            let (_folder, paths) = left(b"a", Some(1)).await;
            assert_eq!(resumed_at(&paths, URL).await, 0);
        });
    }

    #[test]
    fn a_note_of_another_form_is_none() {
        let text = PartRecord {
            url: URL.into(),
            entity: entity(None),
            bytes: 3,
            sha256: Sha256Digest::new([1; 32]),
        }
        .to_text();
        assert!(PartRecord::from_text(&text).is_some());
        assert_eq!(PartRecord::from_text(&text.replace("part 1", "part 2")), None);
        for end in 0..text.len() {
            assert_eq!(PartRecord::from_text(&text[..end]), None, "torn at {end}");
        }
    }

    #[test]
    fn names_that_would_overwrite_one_another_are_not_apart() {
        let apart = |a: &str, b: &str| are_apart(&a.parse().unwrap(), &b.parse().unwrap());
        assert!(apart("CPE.nbt", "CPE.cat"));
        assert!(!apart("CPE.nbt", "cpe.NBT"));
        assert!(!apart("CPE.nbt", "CPE.nbt.part"));
        assert!(!apart("cpe.cat.part.note", "CPE.cat"));
    }

    proptest! {
        #[test]
        fn a_note_reads_back_as_it_was_written(
            url in "http://[!-~]{1,40}",
            etag in "\"[!#-~]{0,40}\"",
            total in proptest::option::of(any::<u64>()),
            bytes in any::<u64>(),
            sha256 in any::<[u8; 32]>(),
        ) {
            let note = PartRecord {
                url: url.into(),
                entity: Entity { etag: etag.into(), total },
                bytes,
                sha256: Sha256Digest::new(sha256),
            };
            prop_assert_eq!(PartRecord::from_text(&note.to_text()), Some(note));
        }
    }
}
