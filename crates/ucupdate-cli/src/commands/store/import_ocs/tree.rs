//! Finds the images in the folder of an update service. Its subfolders have the structure of its
//! URLs. Links are not followed.

use crate::failure::Failure;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use ucupdate::book::{INTERIM_FOLDER, RuleKey, UpdateType};
use ucupdate::device::{KindWord, Locale, ReportedKind};
use ucupdate::value::{FieldTime, UnixTime};
use ucupdate::version::ReportedVersion;
use ucupdate_folder::Folder;

/// The largest number of files that are examined.
const MAX_FILES: usize = 100_000;

/// The largest size of one file in bytes.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// The largest number of entries in the list of what is left out.
const MAX_REASONS: usize = 1000;

#[derive(Clone, Debug)]
pub(super) struct ImageFolder {
    /// The device and the version of the image.
    pub(super) place: ImagePlace,
    /// The paths of the image, its signature catalogue and its descriptions, relative to the root
    /// of the tree.
    files: Vec<String>,
    pub(super) bytes: u64,
}

/// The device and the version that the names of the folders of an image say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ImagePlace {
    Release(RuleKey, ReportedVersion),
    Interim(Locale, UpdateType),
}

/// The folders with images in a tree. The key of a folder is its path in a package, such as
/// `UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE`, or `OCInterim/ENU` for interim images.
#[derive(Debug)]
pub(super) struct Tree {
    root: Folder,
    pub(super) folders: BTreeMap<String, ImageFolder>,
    /// The files and folders that cannot be imported, each with the reason.
    pub(super) left_out: Vec<String>,
}

impl Tree {
    /// Finds all images below a folder. Does not read the content of files.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let failed = |error: &std::io::Error| Failure::in_doing(path.display(), error);
        let root = Folder::open(path).map_err(|error| failed(&error))?;
        let (mut by_folder, mut count) = (BTreeMap::<String, Vec<String>>::new(), 0_usize);
        root.visit_files("", &mut |file| {
            count += 1;
            if count <= MAX_FILES {
                let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
                by_folder.entry(folder.to_owned()).or_default().push(name.to_owned());
            }
        })
        .map_err(|error| failed(&error))?;
        let mut tree = Self { root, folders: BTreeMap::new(), left_out: Vec::new() };
        if count > MAX_FILES {
            tree.leave_out(format!("{} files after the first {MAX_FILES}", count - MAX_FILES));
        }
        for (folder, names) in by_folder {
            tree.take(&folder, &names);
        }
        Ok(tree)
    }

    fn leave_out(&mut self, reason: String) {
        if self.left_out.len() < MAX_REASONS {
            self.left_out.push(reason);
        }
    }

    fn take(&mut self, folder: &str, names: &[String]) {
        let with_ending = |ending: &str| {
            let mut found: Vec<&String> =
                names.iter().filter(|name| name.to_ascii_lowercase().ends_with(ending)).collect();
            found.sort();
            found
        };
        let images = with_ending(".nbt");
        let [image] = images[..] else {
            if !images.is_empty() {
                self.leave_out(format!("{folder}: has {} images, expected one", images.len()));
            }
            return;
        };
        let stem = &image[..image.len() - ".nbt".len()];
        let Some((in_package, place)) = place_of(folder, stem) else {
            self.leave_out(format!(
                "{folder}/{image}: its folders are not DeviceType/Vendor/Model/Revision/Locale/Version/UpdateType or \
                 {INTERIM_FOLDER}/Locale"
            ));
            return;
        };
        let catalogue = format!("{stem}.cat");
        let Some(catalogue) = names.iter().find(|name| name.eq_ignore_ascii_case(&catalogue)) else {
            self.leave_out(format!("{folder}/{image}: no signature catalogue {catalogue} lies beside it"));
            return;
        };
        let mut files = vec![image, catalogue];
        files.extend(with_ending(".xml"));
        let mut found = ImageFolder { place, files: Vec::new(), bytes: 0 };
        for name in files {
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            match self.root.find(&path) {
                Ok(Some(file)) if file.size() <= MAX_FILE_BYTES => found.bytes += file.size(),
                Ok(Some(file)) => {
                    self.leave_out(format!(
                        "{path}: has {} bytes, expected at most {MAX_FILE_BYTES}",
                        file.size()
                    ));
                    return;
                }
                Ok(None) => return,
                Err(error) => {
                    self.leave_out(format!("{path}: {error}"));
                    return;
                }
            }
            found.files.push(path);
        }
        if self.folders.contains_key(&in_package) {
            self.leave_out(format!(
                "{folder}: the same device and version stands in another folder of the tree"
            ));
            return;
        }
        self.folders.insert(in_package, found);
    }

    /// Reads the files of the folder with the key `in_package`. Returns for each file its path in a
    /// package, its content and its time stamp. Returns no files if there is no such folder.
    pub(super) fn files_of(&self, in_package: &str) -> Result<Vec<(String, Vec<u8>, FieldTime)>, Failure> {
        let Some(folder) = self.folders.get(in_package) else { return Ok(Vec::new()) };
        let mut files = Vec::new();
        for path in &folder.files {
            let failed =
                |error: &std::io::Error| Failure::in_doing(self.root.path().join(path).display(), error);
            let file = self.root.read(path).map_err(|error| failed(&error))?;
            let modified =
                file.metadata().and_then(|meta| meta.modified()).map_err(|error| failed(&error))?;
            let mut bytes = Vec::new();
            file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
            let name = path.rsplit('/').next().unwrap_or(path);
            files.push((
                format!("{in_package}/{name}"),
                bytes,
                in_cabinet(UnixTime::from(modified).civil_utc()),
            ));
        }
        Ok(files)
    }
}

/// Returns the time as a cabinet can store it. A time that a cabinet cannot store, such as one
/// before 1980, becomes 1980-01-01.
fn in_cabinet(time: FieldTime) -> FieldTime {
    match time.to_dos() {
        Some(_) => time,
        None => FieldTime::new((1980, 1, 1), (0, 0, 0)).unwrap_or(time),
    }
}

/// Returns the path in a package for a folder of the tree, and the device and version that the
/// names of the folder and its parents say. `stem` is the file name of the image without its
/// extension. It is the update type of an interim image. Folders above the device type are left
/// out. `None` if the folders do not have the expected structure.
fn place_of(folder: &str, stem: &str) -> Option<(String, ImagePlace)> {
    let parts: Vec<&str> = folder.split('/').collect();
    if let [.., interim, locale] = parts[..]
        && interim.eq_ignore_ascii_case(INTERIM_FOLDER)
    {
        let place = ImagePlace::Interim(locale.parse().ok()?, stem.to_ascii_uppercase().parse().ok()?);
        return Some((format!("{INTERIM_FOLDER}/{locale}"), place));
    }
    let (folders, [version, update_type]) = parts.split_last_chunk()?;
    let words: [&str; KindWord::COUNT] = *folders.last_chunk()?;
    let kind = ReportedKind::from(words.map(Box::from)).read().ok()?;
    let rule = RuleKey::new(kind, update_type.parse().ok()?).ok()?;
    let version = ReportedVersion::new(version);
    if version.as_str().is_empty() {
        return None;
    }
    let in_package = format!("{}/{version}/{}", rule.kind(), rule.update_type());
    Some((in_package, ImagePlace::Release(rule, version)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_last_folders_name_the_device_and_the_version() {
        let place = |folder: &str| place_of(folder, "CPE").map(|(in_package, _)| in_package);
        let release = "UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE";
        assert_eq!(place(release).as_deref(), Some(release));
        assert_eq!(place(&format!("1-WebServices-1/DeviceUpdateStore/{release}")).as_deref(), Some(release));
        assert_eq!(place("x/OCInterim/ENU").as_deref(), Some("OCInterim/ENU"));
        assert_eq!(place("Polycom/CX700/A/ENU/3.5.6907.9/CPE"), None);
        assert_eq!(place("UCPhone/../CX700/A/ENU/3.5.6907.9/CPE"), None);
        assert_eq!(place(""), None);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_images_without_catalogue_are_left_out() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("CPE.nbt"), b"secret").unwrap();
        let inside = tempfile::tempdir().unwrap();
        let folder = |version: &str| {
            let folder = inside.path().join(format!("UCPhone/Polycom/CX700/A/ENU/{version}/CPE"));
            fs::create_dir_all(&folder).unwrap();
            folder
        };
        let linked = folder("1.0.0.1");
        std::os::unix::fs::symlink(outside.path().join("CPE.nbt"), linked.join("CPE.nbt")).unwrap();
        fs::write(linked.join("CPE.cat"), b"x").unwrap();
        fs::write(folder("1.0.0.2").join("CPE.nbt"), b"x").unwrap();
        let above = inside.path().join("UCPhone/Polycom/CX700/A/ENU/1.0.0.3");
        fs::create_dir_all(&above).unwrap();
        std::os::unix::fs::symlink(outside.path(), above.join("CPE")).unwrap();
        let tree = Tree::read(inside.path()).unwrap();
        assert!(tree.folders.is_empty(), "{tree:?}");
        assert_eq!(tree.left_out.len(), 2, "{tree:?}");
        assert!(tree.left_out[1].contains("no signature catalogue"), "{tree:?}");
    }
}
