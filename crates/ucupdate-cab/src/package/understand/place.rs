//! Placing the images of a package: by the manifest first, then by their folders.

use super::Reading;
use super::hierarchy::{Placed, interim_folder, placed, release_folder};
use super::release::rule_key;
use crate::package::manifest::Entry;
use crate::package::manifest::names::{ManifestItem, WORDS};
use crate::package::member::{MANIFEST_FILE_NAME, MemberRole};
use crate::package::problem::{Problem, ProblemKind};
use crate::path::SafePath;
use ucupdate_core::ReportedVersion;

/// An image and what is said of it.
pub(in crate::package) struct Found<'e> {
    pub(in crate::package) image: usize,
    /// The six words of a release, where all are known; an interim image has only the last two.
    pub(in crate::package) words: [Option<String>; 6],
    pub(in crate::package) version: Option<String>,
    pub(in crate::package) is_interim: bool,
    pub(in crate::package) entry: Option<&'e Entry>,
}

impl Reading<'_> {
    /// Places the image that an entry of the manifest speaks of.
    pub(in crate::package) fn entry(&mut self, entry: &Entry) {
        let mut words = WORDS.map(|item| entry.say(item).map(str::to_owned));
        let mut version = entry.say(ManifestItem::Version).map(str::to_owned);
        let folder = entry_folder(entry, &words, version.as_deref());
        let image = match entry.say(ManifestItem::FileName) {
            Some(said) => match self.look_up(said, folder.as_deref(), entry) {
                Some(image) => image,
                None => return,
            },
            None => match folder.as_deref().and_then(|folder| self.only_image(folder)) {
                Some(image) => image,
                None => {
                    let problem = Problem::new(ProblemKind::UpdateWithoutFile, "FileName of an image");
                    self.tell(problem.file(MANIFEST_FILE_NAME).place(entry.place()));
                    return;
                }
            },
        };
        match self.role(image) {
            Some(MemberRole::Image | MemberRole::Other) => {}
            _ => {
                let problem = Problem::new(ProblemKind::WrongRole, "an image").file(&self.name(image));
                self.tell(problem.place(entry.place()).found("the name of another kind of file"));
                return;
            }
        }
        self.taken.insert(image);
        if let Some(member) = self.package.members.get_mut(image) {
            member.role = MemberRole::Image;
        }
        let Some(path) = self.path(image).cloned() else { return };
        let mut is_interim = entry.is_interim;
        let mut contradictions = Vec::new();
        let mut agree = |item: ManifestItem, said: &mut Option<String>, placed: &str| match said {
            None => *said = Some(placed.to_owned()),
            Some(said) if said.eq_ignore_ascii_case(placed) => {}
            Some(said) => contradictions.push((item, said.clone(), placed.to_owned())),
        };
        match placed(&path) {
            Some(Placed::Release { words: placed, version: placed_version }) if !is_interim => {
                for ((item, said), placed) in WORDS.into_iter().zip(&mut words).zip(placed) {
                    agree(item, said, placed);
                }
                let same = version.as_deref().is_some_and(|said| {
                    ReportedVersion::new(said).same_release(&ReportedVersion::new(placed_version))
                });
                if !same {
                    agree(ManifestItem::Version, &mut version, placed_version);
                }
            }
            Some(Placed::Interim { locale }) => {
                is_interim = true;
                agree(ManifestItem::Locale, &mut words[4], locale);
            }
            Some(Placed::Release { .. }) | None => {}
        }
        for (item, said, placed) in contradictions {
            let expected = format!("{} {placed:?}, by the path", item.name());
            let problem = Problem::new(ProblemKind::Contradiction, expected).file(path.as_str());
            self.tell(problem.place(entry.place()).found(format!("{said:?}")));
        }
        words[5].get_or_insert_with(|| path.stem().to_owned());
        self.take(&Found { image, words, version, is_interim, entry: Some(entry) });
    }

    /// The member that the manifest names: from the root, else from the folder of the release.
    pub(in crate::package) fn look_up(
        &mut self,
        said: &str,
        folder: Option<&str>,
        entry: &Entry,
    ) -> Option<usize> {
        let path = match SafePath::read(from_root(said)) {
            Ok(path) => path,
            Err(error) => {
                let problem = Problem::new(ProblemKind::UnsafeName, "a path from the root of the cabinet");
                let problem = problem.file(MANIFEST_FILE_NAME).place(entry.place());
                self.tell(problem.found(format!("{said:?}: {error}")));
                return None;
            }
        };
        let found = self.find(&path, folder);
        if found.is_none() {
            let problem = Problem::new(ProblemKind::FileMissing, format!("a member {path}"));
            self.tell(problem.file(MANIFEST_FILE_NAME).place(entry.place()));
        }
        found
    }

    pub(in crate::package) fn find(&self, path: &SafePath, folder: Option<&str>) -> Option<usize> {
        let from_root = self.by_path.get(&path.in_lower_case());
        let from_folder =
            || self.by_path.get(&format!("{}/{}", folder?.to_ascii_lowercase(), path.in_lower_case()));
        from_root.or_else(from_folder).copied()
    }

    /// The image in a folder, where there is exactly one.
    fn only_image(&self, folder: &str) -> Option<usize> {
        match self.images.get(&folder.to_ascii_lowercase())?[..] {
            [image] => Some(image),
            _ => None,
        }
    }

    /// Places images of which the manifest does not speak by their folders.
    pub(in crate::package) fn place_the_rest(&mut self, has_manifest: bool, by_manifest: bool) {
        let mut placed_any = false;
        for image in 0..self.package.members.len() {
            if self.taken.contains(&image) || !self.looks_like_image(image) {
                continue;
            }
            self.taken.insert(image);
            if let Some(member) = self.package.members.get_mut(image) {
                member.role = MemberRole::Image;
            }
            let Some(path) = self.path(image).cloned() else { continue };
            let found = match placed(&path) {
                Some(Placed::Release { words, version }) => Found {
                    image,
                    words: words.map(|word| Some(word.to_owned())),
                    version: Some(version.to_owned()),
                    is_interim: false,
                    entry: None,
                },
                Some(Placed::Interim { locale }) => {
                    let update_type = Some(path.stem().to_owned());
                    let words = [None, None, None, None, Some(locale.to_owned()), update_type];
                    Found { image, words, version: None, is_interim: true, entry: None }
                }
                None => {
                    let expected = "an update of the manifest that names it, or a folder \
                                    <DeviceType>/<Vendor>/<Model>/<Revision>/<Locale>/<Version>/<UpdateType>";
                    let problem =
                        Problem::new(ProblemKind::ImageFitsNeither, expected).file(&self.name(image));
                    self.tell(problem.found(format!("{} part(s) in the path", path.parts().count())));
                    continue;
                }
            };
            placed_any = true;
            if by_manifest {
                let problem = Problem::new(ProblemKind::NotInManifest, "an update that names it");
                self.tell(problem.file(path.as_str()));
            }
            self.take(&found);
        }
        if has_manifest && !by_manifest && placed_any {
            let problem = Problem::new(ProblemKind::ManifestSaysNothing, "an update that names an image");
            self.tell(problem.file(MANIFEST_FILE_NAME));
        }
    }

    /// Whether a member is an image by its name, or lies where images do with a signature beside.
    fn looks_like_image(&self, index: usize) -> bool {
        let Some(path) = self.path(index) else { return false };
        match self.role(index) {
            Some(MemberRole::Image) => true,
            Some(MemberRole::Other) => placed(path).is_some() && self.signature_beside(path).is_some(),
            _ => false,
        }
    }

    pub(in crate::package) fn signature_beside(&self, path: &SafePath) -> Option<usize> {
        self.by_path.get(&path.with_extension("cat").to_ascii_lowercase()).copied()
    }
}

/// A path as manifests write it, without the divider in front that means the root of the cabinet.
pub(in crate::package) fn from_root(said: &str) -> &str {
    let said = said.strip_prefix(r".\").or_else(|| said.strip_prefix("./")).unwrap_or(said);
    said.strip_prefix(['\\', '/']).unwrap_or(said)
}

/// The folder that the words of an entry name.
fn entry_folder(entry: &Entry, words: &[Option<String>; 6], version: Option<&str>) -> Option<String> {
    if entry.is_interim {
        return words[4].as_deref().map(interim_folder);
    }
    let [Some(device_type), Some(vendor), Some(model), Some(revision), Some(locale), update_type] = words
    else {
        return None;
    };
    let file_name = entry.say(ManifestItem::FileName).and_then(|said| SafePath::read(from_root(said)).ok());
    let update_type = update_type.as_deref().or_else(|| file_name.as_ref().map(SafePath::stem))?;
    let key = rule_key([device_type, vendor, model, revision, locale, update_type]).ok()?;
    Some(release_folder(&key, version?))
}
