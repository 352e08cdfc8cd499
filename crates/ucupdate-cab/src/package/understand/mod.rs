//! Understanding a package, once all its members are known: a pure function of their names, digests, and the few texts.
//!
//! The manifest places images first; images that it passes over are placed by their folders. What is placed by neither is
//! a problem, never a guess. Each image must have a signature, each signature an image, and no signature may speak for
//! other bytes than its image's.

mod compare;
pub(super) mod hierarchy;
mod place;
mod release;
#[cfg(test)]
mod tests;

use super::limits::PackageLimits;
use super::manifest::{Entry, MAX_DESCRIPTIONS, Manifest};
use super::member::{MANIFEST_FILE_NAME, Member, MemberRole};
use super::package::{Package, PackageForm};
use super::problem::{Problem, ProblemKind};
use crate::path::{NameProblem, SafePath};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use ucupdate_core::RuleKey;
use ucupdate_core::book::UpdateType;
use ucupdate_core::device::Locale;
use ucupdate_core::value::{PackageId, Sha256Digest};

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
/// use ucupdate_cab::package::{Member, PackageLimits, ProblemKind, sha256_of, understand};
/// let members = vec![Member::of_bytes(0, "holiday.jpg", b"...", None)];
/// let package = understand(sha256_of(b"a cabinet"), members, &BTreeMap::new(), &PackageLimits::default());
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
    pub(super) by_path: HashMap<String, usize>,
    /// The images by name of each folder, by the folder in lower case.
    pub(super) images: HashMap<String, Vec<usize>>,
    /// The descriptions of each folder, alike; the first few.
    pub(super) descriptions: HashMap<String, Vec<usize>>,
    /// Members that belong to something, or were already found at fault.
    pub(super) taken: BTreeSet<usize>,
    /// The image of each rule that has one.
    pub(super) rules: BTreeMap<RuleKey, usize>,
    /// The interim image of each locale and update type.
    pub(super) stones: BTreeMap<(Locale, UpdateType), usize>,
    overflowed: bool,
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

    pub(super) fn path(&self, index: usize) -> Option<&SafePath> {
        self.package.members.get(index)?.path.as_ref().ok()
    }

    pub(super) fn role(&self, index: usize) -> Option<MemberRole> {
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
