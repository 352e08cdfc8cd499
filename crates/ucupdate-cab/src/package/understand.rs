//! Understanding a package, once all its members are known: a pure function of their names, digests, and the few texts.
//!
//! The manifest places images first; images that it passes over are placed by their folders. What is placed by neither is
//! a problem, never a guess. Each image must have a signature, each signature an image, and no signature may speak for
//! other bytes than its image's.

use super::PackageLimits;
use super::digest::Sha256Digest;
use super::hierarchy::{Placed, interim_folder, placed, release_folder};
use super::manifest::{Entry, MAX_DESCRIPTIONS, Manifest, ManifestItem, WORDS};
use super::member::{MANIFEST_FILE_NAME, Member, MemberRole};
use super::package::{Package, PackageForm, PackageId, PackagedInterim, PackagedRelease};
use super::problem::{Problem, ProblemKind};
use crate::names::{NameProblem, SafePath};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use ucupdate_core::{Locale, ReportedVersion, RuleKey, RuleKeyError, UpdateType, check_path_part};

/// The bytes of a member that were kept for understanding the package: its manifest, its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// All of them.
    Whole(Vec<u8>),
    /// There were more than a limit, so none.
    TooLong {
        /// That limit.
        most: usize,
    },
}

/// Understands what a cabinet with this SHA-256 held.
///
/// `kept` has the bytes of the manifest and of the signatures, by the index of the member; what is not in it counts as
/// empty. Every finding is in the
/// package's problems; see [`ProblemKind`] for what each weighs.
///
/// ```
/// use std::collections::BTreeMap;
/// use ucupdate_cab::package::{Member, PackageLimits, ProblemKind, Sha256Digest, understand};
/// let members = vec![Member::of_bytes(0, "holiday.jpg", b"...", None)];
/// let package = understand(Sha256Digest::of(b"a cabinet"), members, &BTreeMap::new(), &PackageLimits::default());
/// assert_eq!(package.refusals().next().unwrap().kind, ProblemKind::NoRelease);
/// ```
pub fn understand(
    cabinet: Sha256Digest,
    members: Vec<Member>,
    kept: &BTreeMap<usize, Kept>,
    limits: &PackageLimits,
) -> Package {
    let package = Package {
        id: PackageId::of(&cabinet),
        sha256: cabinet,
        form: PackageForm::Neither,
        members,
        releases: Vec::new(),
        interim: Vec::new(),
        catalogues: Vec::new(),
        comparisons: Vec::new(),
        problems: Vec::new(),
    };
    let reading = Reading {
        package,
        kept,
        limits,
        by_path: HashMap::new(),
        images: HashMap::new(),
        descriptions: HashMap::new(),
        taken: BTreeSet::new(),
        rules: BTreeMap::new(),
        stones: BTreeMap::new(),
        overflowed: false,
    };
    reading.understand()
}

/// A package that is being understood.
pub(super) struct Reading<'a> {
    pub(super) package: Package,
    pub(super) kept: &'a BTreeMap<usize, Kept>,
    pub(super) limits: &'a PackageLimits,
    /// Members by path in lower case.
    by_path: HashMap<String, usize>,
    /// The images by name of each folder, by the folder in lower case.
    images: HashMap<String, Vec<usize>>,
    /// The descriptions of each folder, alike; the first few.
    descriptions: HashMap<String, Vec<usize>>,
    /// Members that belong to something, or were already found at fault.
    taken: BTreeSet<usize>,
    rules: BTreeMap<RuleKey, usize>,
    stones: BTreeMap<(Locale, UpdateType), usize>,
    overflowed: bool,
}

/// An image and what is said of it.
struct Found<'e> {
    image: usize,
    /// The six words of a release, where all are known; an interim image has only the last two.
    words: [Option<String>; 6],
    version: Option<String>,
    is_interim: bool,
    entry: Option<&'e Entry>,
}

impl Reading<'_> {
    fn understand(mut self) -> Package {
        self.index();
        let entries = self.manifest();
        for entry in entries.as_deref().unwrap_or_default() {
            self.entry(entry);
        }
        let by_manifest = !self.is_empty();
        self.place_the_rest(entries.is_some(), by_manifest);
        self.package.form = match (self.is_empty(), by_manifest) {
            (true, _) => PackageForm::Neither,
            (false, true) => PackageForm::Manifest,
            (false, false) => PackageForm::Hierarchy,
        };
        self.signatures_without_image();
        self.compare();
        self.what_is_left();
        if self.is_empty() {
            let expected = "an image with its signature, placed by updateInfo.xml or by folders \
                            <DeviceType>/<Vendor>/<Model>/<Revision>/<Locale>/<Version>/<UpdateType>";
            let found = format!("{} file(s)", self.package.members.len());
            self.tell(Problem::new(ProblemKind::NoRelease, expected).found(found));
        }
        self.package
    }

    fn is_empty(&self) -> bool {
        self.package.releases.is_empty() && self.package.interim.is_empty()
    }

    pub(super) fn tell(&mut self, problem: Problem) {
        if self.package.problems.len() < self.limits.problems {
            self.package.problems.push(problem);
        } else if !self.overflowed {
            self.overflowed = true;
            let expected = format!("at most {}", self.limits.problems);
            self.package.problems.push(Problem::new(ProblemKind::TooManyProblems, expected));
        }
    }

    /// A member's path; its name as given where that is none.
    pub(super) fn name(&self, index: usize) -> String {
        let Some(member) = self.package.members.get(index) else { return String::new() };
        member.path.as_ref().map_or_else(|_| member.name.clone(), |path| path.as_str().to_owned())
    }

    fn path(&self, index: usize) -> Option<&SafePath> {
        self.package.members.get(index)?.path.as_ref().ok()
    }

    fn role(&self, index: usize) -> Option<MemberRole> {
        self.package.members.get(index).map(|member| member.role)
    }

    /// Looks at the names alone.
    fn index(&mut self) {
        let mut problems = Vec::new();
        for (index, member) in self.package.members.iter_mut().enumerate() {
            let path = match &member.path {
                Ok(path) => path,
                Err(cause) => {
                    problems.push(name_problem(cause).file(&member.name).found(cause.to_string()));
                    self.taken.insert(index);
                    continue;
                }
            };
            if let Some(first) = self.by_path.get(&path.in_lower_case()) {
                let cause = NameProblem::Duplicate { first: u16::try_from(*first).unwrap_or(u16::MAX) };
                problems.push(name_problem(&cause).file(&member.name).found(cause.to_string()));
                self.taken.insert(index);
                (member.path, member.role) = (Err(cause), MemberRole::Other);
                continue;
            }
            self.by_path.insert(path.in_lower_case(), index);
            let folder = path.folder().to_ascii_lowercase();
            match member.role {
                MemberRole::Image => self.images.entry(folder).or_default().push(index),
                MemberRole::Description => {
                    let descriptions = self.descriptions.entry(folder).or_default();
                    if descriptions.len() < MAX_DESCRIPTIONS {
                        descriptions.push(index);
                    }
                }
                MemberRole::RoundTableConfig => {
                    let expected = "an administrator who knows that custom settings are replaced";
                    problems.push(Problem::new(ProblemKind::OverwritesSettings, expected).file(&member.name));
                }
                MemberRole::Manifest | MemberRole::Signature | MemberRole::Other => {}
            }
        }
        problems.into_iter().for_each(|problem| self.tell(problem));
    }

    /// The entries of the manifest; `None` where there is none, or none that can be read.
    fn manifest(&mut self) -> Option<Vec<Entry>> {
        let index = *self.by_path.get(&MANIFEST_FILE_NAME.to_ascii_lowercase())?;
        self.taken.insert(index);
        let name = self.name(index);
        let unreadable = |found: String| {
            let expected = "an XML document Updates/Updates/Update";
            Problem::new(ProblemKind::ManifestUnreadable, expected).file(&name).found(found)
        };
        let bytes: &[u8] = match self.kept.get(&index) {
            Some(Kept::Whole(bytes)) => bytes,
            Some(Kept::TooLong { most }) => {
                self.tell(unreadable(format!("more than {most} bytes")));
                return None;
            }
            None => &[],
        };
        let manifest = match Manifest::read(bytes, self.limits) {
            Ok(manifest) => manifest,
            Err(error) => {
                self.tell(unreadable(error.to_string()));
                return None;
            }
        };
        for unknown in &manifest.unknown {
            let problem = Problem::new(ProblemKind::NameUnknown, "a name of the table").file(&name);
            self.tell(problem.place(format!("byte {}", unknown.at)).found(&unknown.name));
        }
        for twice in &manifest.twice {
            let expected = format!("{} {:?} only", twice.item.name(), twice.first);
            let problem = Problem::new(ProblemKind::SaidTwice, expected).file(&name);
            self.tell(problem.place(format!("byte {}", twice.at)).found(format!("{:?} too", twice.second)));
        }
        Some(manifest.entries)
    }

    /// Places the image that an entry of the manifest speaks of.
    fn entry(&mut self, entry: &Entry) {
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
    fn look_up(&mut self, said: &str, folder: Option<&str>, entry: &Entry) -> Option<usize> {
        let path = match SafePath::read(said) {
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

    fn find(&self, path: &SafePath, folder: Option<&str>) -> Option<usize> {
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
    fn place_the_rest(&mut self, has_manifest: bool, by_manifest: bool) {
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

    fn signature_beside(&self, path: &SafePath) -> Option<usize> {
        self.by_path.get(&path.with_extension("cat").to_ascii_lowercase()).copied()
    }

    /// Makes a release or an interim image of an image, or tells what is missing.
    fn take(&mut self, found: &Found<'_>) {
        let Some(member) = self.package.members.get(found.image) else { return };
        let (is_empty, time_stamp) = (member.size == 0, member.modified);
        let name = self.name(found.image);
        let about = |problem: Problem| match found.entry {
            Some(entry) => problem.file(&name).place(entry.place()),
            None => problem.file(&name),
        };
        if is_empty {
            self.tell(about(Problem::new(ProblemKind::ImageEmpty, "at least one byte")));
        }
        let signature = self.signature_of(found);
        if let Some(signature) = signature {
            self.taken.insert(signature);
        }
        let descriptions = self.descriptions_of(found);
        let asked: &[usize] = if found.is_interim { &[4, 5] } else { &[0, 1, 2, 3, 4, 5] };
        let mut missing: Vec<&str> = asked
            .iter()
            .filter(|index| found.words.get(**index).is_none_or(Option::is_none))
            .filter_map(|index| WORDS.get(*index).map(|item| item.name()))
            .collect();
        if found.version.is_none() && !found.is_interim {
            missing.push(ManifestItem::Version.name());
        }
        if !missing.is_empty() {
            let expected = format!("{} by the manifest or the path", missing.join(", "));
            self.tell(about(Problem::new(ProblemKind::UpdateIncomplete, expected)));
            return;
        }
        let said = found.version.as_deref().unwrap_or_default();
        if let Some(error) = found.version.as_ref().and_then(|_| check_path_part(said).err()) {
            let problem = Problem::new(ProblemKind::WordUnusable, "a version that can stand in a path");
            self.tell(about(problem.found(format!("{said:?}, which {error}"))));
            return;
        }
        let version = found.version.as_deref().map(ReportedVersion::new);
        if let Some(why) = version.as_ref().and_then(ReportedVersion::why_unreadable) {
            let problem = Problem::new(ProblemKind::VersionUnreadable, "two to four numbers");
            self.tell(about(problem.found(format!("{said:?}: {why}"))));
        }
        if time_stamp.is_none() {
            self.tell(about(Problem::new(ProblemKind::NoTimeStamp, "a date of the calendar in the cabinet")));
        }
        let Some(signature) = signature else { return };
        if self.package.releases.len() + self.package.interim.len() == self.limits.releases {
            let expected = format!("at most {}", self.limits.releases);
            self.tell(about(Problem::new(ProblemKind::TooManyReleases, expected)));
            return;
        }
        let word = |index: usize| found.words.get(index).and_then(Option::as_deref).unwrap_or_default();
        let unusable = |error: String| {
            about(Problem::new(ProblemKind::WordUnusable, "words that can stand in a rule").found(error))
        };
        let image = found.image;
        if found.is_interim {
            let (locale, update_type) = match interim_words(word(4), word(5)) {
                Ok(words) => words,
                Err(error) => return self.tell(unusable(error)),
            };
            if let Some(first) = self.stones.insert((locale.clone(), update_type.clone()), image) {
                let what = format!("one interim image for {locale} and {update_type}");
                self.tell_duplicate(about(Problem::new(ProblemKind::DuplicateRelease, what)), first);
                return;
            }
            self.package.interim.push(PackagedInterim {
                locale,
                update_type,
                version,
                image,
                signature,
                time_stamp,
            });
            return;
        }
        let key = match rule_key([0, 1, 2, 3, 4, 5].map(word)) {
            Ok(key) => key,
            Err(error) => return self.tell(unusable(error.to_string())),
        };
        if let Some(first) = self.rules.insert(key.clone(), image) {
            let what = format!("one release for {key}");
            self.tell_duplicate(about(Problem::new(ProblemKind::DuplicateRelease, what)), first);
            return;
        }
        // A release without version was told as incomplete above.
        let Some(version) = version else { return };
        self.package.releases.push(PackagedRelease {
            key,
            version,
            image,
            signature,
            descriptions,
            time_stamp,
        });
    }

    fn tell_duplicate(&mut self, problem: Problem, first: usize) {
        let first = self.name(first);
        self.tell(problem.found(format!("another by {first}")));
    }

    /// The signature of an image: the one that the manifest names, else the `.cat` beside.
    fn signature_of(&mut self, found: &Found<'_>) -> Option<usize> {
        let path = self.path(found.image)?.clone();
        if let Some((entry, said)) =
            found.entry.and_then(|entry| Some((entry, entry.say(ManifestItem::SignatureFileName)?)))
        {
            let signature = self.look_up(said, Some(path.folder()), entry)?;
            if self.role(signature) == Some(MemberRole::Signature) {
                return Some(signature);
            }
            let problem = Problem::new(ProblemKind::WrongRole, "a signature catalogue, .cat");
            self.tell(problem.file(&self.name(signature)).place(entry.place()));
            return None;
        }
        let beside = self.signature_beside(&path);
        if beside.is_none() {
            let expected = format!("{} beside it", path.with_extension("cat"));
            self.tell(
                Problem::new(ProblemKind::ImageWithoutSignature, expected).file(&self.name(found.image)),
            );
        }
        beside
    }

    /// The descriptions of an image: those that the manifest names and those beside.
    fn descriptions_of(&mut self, found: &Found<'_>) -> Vec<usize> {
        let Some(path) = self.path(found.image).cloned() else { return Vec::new() };
        let beside = self.descriptions.get(&path.folder().to_ascii_lowercase());
        let mut descriptions: BTreeSet<usize> = beside.into_iter().flatten().copied().collect();
        for (entry, said) in
            found.entry.into_iter().flat_map(|entry| entry.descriptions.iter().map(move |said| (entry, said)))
        {
            match SafePath::read(said).ok().and_then(|said| self.find(&said, Some(path.folder()))) {
                Some(index) => {
                    descriptions.insert(index);
                }
                None => {
                    let problem = Problem::new(ProblemKind::DescriptionMissing, format!("a member {said}"));
                    self.tell(problem.file(MANIFEST_FILE_NAME).place(entry.place()));
                }
            }
        }
        self.taken.extend(&descriptions);
        descriptions.into_iter().collect()
    }

    fn signatures_without_image(&mut self) {
        let images = self.package.members.iter().filter(|member| member.role == MemberRole::Image);
        // A signature whose image is at fault itself has an image all the same; that was told already.
        let signatures: BTreeSet<String> = images
            .filter_map(|member| Some(member.path.as_ref().ok()?.with_extension("cat").to_ascii_lowercase()))
            .collect();
        for index in 0..self.package.members.len() {
            if self.taken.contains(&index) || self.role(index) != Some(MemberRole::Signature) {
                continue;
            }
            let Some(path) = self.path(index).filter(|path| !signatures.contains(&path.in_lower_case()))
            else {
                continue;
            };
            let expected = format!("{} beside it", path.with_extension("nbt"));
            self.tell(Problem::new(ProblemKind::SignatureWithoutImage, expected).file(&self.name(index)));
        }
    }

    /// Tells of files that belong to nothing.
    fn what_is_left(&mut self) {
        for index in 0..self.package.members.len() {
            let left = match self.role(index) {
                Some(MemberRole::Description | MemberRole::Other) => !self.taken.contains(&index),
                _ => false,
            };
            if left {
                let problem =
                    Problem::new(ProblemKind::ExtraFile, "images, signatures and their descriptions");
                self.tell(problem.file(&self.name(index)));
            }
        }
    }
}

fn name_problem(cause: &NameProblem) -> Problem {
    match cause {
        NameProblem::Duplicate { .. } | NameProblem::FolderIsAFile { .. } => {
            Problem::new(ProblemKind::DuplicateFile, "one member at a path, without regard to case")
        }
        NameProblem::Empty
        | NameProblem::NotText
        | NameProblem::Absolute
        | NameProblem::Drive
        | NameProblem::Climbs
        | NameProblem::Part { .. } => {
            Problem::new(ProblemKind::UnsafeName, "a relative path of parts that any system can hold")
        }
    }
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
    let file_name = entry.say(ManifestItem::FileName).and_then(|said| SafePath::read(said).ok());
    let update_type = update_type.as_deref().or_else(|| file_name.as_ref().map(SafePath::stem))?;
    let key = rule_key([device_type, vendor, model, revision, locale, update_type]).ok()?;
    Some(release_folder(&key, version?))
}

fn rule_key(words: [&str; 6]) -> Result<RuleKey, RuleKeyError> {
    words.join("/").parse()
}

fn interim_words(locale: &str, update_type: &str) -> Result<(Locale, UpdateType), String> {
    let check = |field: &str, word: &str| check_path_part(word).map_err(|error| format!("{field} {error}"));
    check("locale", locale)?;
    check("update type", update_type)?;
    let label = |field: &'static str| move |error: ucupdate_core::LabelError| format!("{field} {error}");
    Ok((locale.parse().map_err(label("locale"))?, update_type.parse().map_err(label("update type"))?))
}
