//! Assigns the images of a package to releases: by the manifest first, then by their folders.

use super::findings::Findings;
use super::hierarchy::{FolderMeaning, interim_folder, release_folder};
use super::index::MemberIndex;
use super::words::RuleWords;
use crate::package::manifest::ManifestEntry;
use crate::package::manifest::names::ManifestItem;
use crate::package::member::{MANIFEST_FILE_NAME, MemberRole};
use crate::package::problem::{Problem, ProblemKind};
use crate::path::SafePath;
use ucupdate_core::ReportedVersion;
use ucupdate_core::value::Counted;

/// An image, and what is known of its release: the version, and the words of the rule (such as the
/// model).
pub(super) struct ImagePlacement<'e> {
    pub(super) image: usize,
    pub(super) words: RuleWords,
    pub(super) version: Option<String>,
    pub(super) is_interim: bool,
    /// The entry of the manifest that names the image. `None` if only the folders of the image
    /// state its release.
    pub(super) entry: Option<&'e ManifestEntry>,
}

/// Finds the image that an entry of the manifest names, and combines the entry with the folders of
/// the image. Reports a problem and returns `None` if there is no such image.
pub(super) fn place_by_manifest<'e>(
    entry: &'e ManifestEntry,
    index: &mut MemberIndex,
    findings: &mut Findings,
) -> Option<ImagePlacement<'e>> {
    let mut words = RuleWords::of_entry(entry);
    let mut version = entry.item(ManifestItem::Version).map(str::to_owned);
    let image = image_of_entry(entry, &words, version.as_deref(), index, findings)?;
    if !matches!(index.role(image), Some(MemberRole::Image | MemberRole::Other)) {
        let problem = Problem::new(ProblemKind::WrongRole, "an image").file(&index.name(image));
        findings.add(problem.place(entry.place()).found("the name of another kind of file"));
        return None;
    }
    index.claim_image(image);
    let path = index.path(image)?.clone();
    let mut is_interim = entry.is_interim;
    let mut contradictions = match FolderMeaning::of(&path) {
        Some(FolderMeaning::Release { words: folders, version: in_folders }) if !is_interim => {
            let mut contradictions = words.merge(folders);
            match &version {
                None => version = Some(in_folders.to_owned()),
                Some(own) if is_same_version(own, in_folders) => {}
                Some(own) => {
                    contradictions.push((ManifestItem::Version, own.clone(), in_folders.to_owned()));
                }
            }
            contradictions
        }
        Some(FolderMeaning::Interim { locale }) => {
            is_interim = true;
            // The file name without its extension states the update type, as for an image without a
            // manifest.
            words.merge(RuleWords::of_interim(locale, Some(path.stem())))
        }
        Some(FolderMeaning::Release { .. }) | None => Vec::new(),
    };
    for (item, in_manifest, in_path) in contradictions.drain(..) {
        let expected = format!("{} {in_path:?}, by the path", item.name());
        let problem = Problem::new(ProblemKind::Contradiction, expected).file(path.as_str());
        findings.add(problem.place(entry.place()).found(format!("{in_manifest:?}")));
    }
    words.update_type.get_or_insert_with(|| path.stem().to_owned());
    Some(ImagePlacement { image, words, version, is_interim, entry: Some(entry) })
}

/// Assigns an image that the manifest does not name. Reports a problem and returns `None` if its folders state no
/// release.
pub(super) fn place_by_folders(
    image: usize,
    index: &mut MemberIndex,
    findings: &mut Findings,
) -> Option<ImagePlacement<'static>> {
    index.claim_image(image);
    let path = index.path(image)?;
    match FolderMeaning::of(path) {
        Some(FolderMeaning::Release { words, version }) => {
            let version = Some(version.to_owned());
            Some(ImagePlacement { image, words, version, is_interim: false, entry: None })
        }
        Some(FolderMeaning::Interim { locale }) => {
            let words = RuleWords::of_interim(locale, Some(path.stem()));
            Some(ImagePlacement { image, words, version: None, is_interim: true, entry: None })
        }
        None => {
            let expected = "an update of the manifest that names it, or a folder \
                            <DeviceType>/<Vendor>/<Model>/<Revision>/<Locale>/<Version>/<UpdateType>";
            let problem = Problem::new(ProblemKind::ImageFitsNeither, expected).file(path.as_str());
            findings
                .add(problem.found(format!("{} in the path", Counted::new(path.parts().count(), "part"))));
            None
        }
    }
}

/// Returns whether a member is an image by its name, or is in a release folder with a signature beside it.
pub(super) fn looks_like_image(image: usize, index: &MemberIndex) -> bool {
    let Some(path) = index.path(image) else { return false };
    match index.role(image) {
        Some(MemberRole::Image) => true,
        Some(MemberRole::Other) => {
            FolderMeaning::of(path).is_some() && index.signature_beside(path).is_some()
        }
        _ => false,
    }
}

/// Finds the member that an entry of the manifest names: at this path from the root, or from
/// `folder`. Reports a name that is not a safe path, and a missing file.
pub(super) fn look_up(
    name: &str,
    folder: Option<&str>,
    entry: &ManifestEntry,
    index: &MemberIndex,
    findings: &mut Findings,
) -> Option<usize> {
    let path = match SafePath::read(from_root(name)) {
        Ok(path) => path,
        Err(error) => {
            let problem = Problem::new(ProblemKind::UnsafeName, "a path from the root of the cabinet");
            let problem = problem.file(MANIFEST_FILE_NAME).place(entry.place());
            findings.add(problem.found(format!("{name:?}: {error}")));
            return None;
        }
    };
    let found = index.find(&path, folder);
    if found.is_none() {
        let problem = Problem::new(ProblemKind::FileMissing, format!("a member {path}"));
        findings.add(problem.file(MANIFEST_FILE_NAME).place(entry.place()));
    }
    found
}

/// Returns a path of a manifest without a leading divider. A leading divider means the root of the cabinet.
pub(super) fn from_root(name: &str) -> &str {
    let name = name.strip_prefix(r".\").or_else(|| name.strip_prefix("./")).unwrap_or(name);
    name.strip_prefix(['\\', '/']).unwrap_or(name)
}

fn image_of_entry(
    entry: &ManifestEntry,
    words: &RuleWords,
    version: Option<&str>,
    index: &MemberIndex,
    findings: &mut Findings,
) -> Option<usize> {
    let folder = entry_folder(entry, words, version);
    if let Some(name) = entry.item(ManifestItem::FileName) {
        return look_up(name, folder.as_deref(), entry, index, findings);
    }
    let image = folder.and_then(|folder| index.only_image(&folder));
    if image.is_none() {
        let problem = Problem::new(ProblemKind::UpdateWithoutFile, "FileName of an image");
        findings.add(problem.file(MANIFEST_FILE_NAME).place(entry.place()));
    }
    image
}

/// Returns the folder in which the OCS hierarchy has the files of an entry. `None` for a release if
/// its version or a word of its rule is not stated, and for an interim image if its locale is not
/// stated.
fn entry_folder(entry: &ManifestEntry, words: &RuleWords, version: Option<&str>) -> Option<String> {
    if entry.is_interim {
        return words.kind.locale.as_deref().map(interim_folder);
    }
    let stem = || {
        let name = entry.item(ManifestItem::FileName)?;
        Some(SafePath::read(from_root(name)).ok()?.stem().to_owned())
    };
    let update_type = words.update_type.clone().or_else(stem);
    release_folder(&RuleWords { update_type, ..words.clone() }, version?)
}

fn is_same_version(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || ReportedVersion::new(one).is_same_release(&ReportedVersion::new(other))
}
