//! Finds the members of a package by path and by folder.

use super::findings::Findings;
use super::leading::take_off_leading_folder;
use crate::package::manifest::MAX_DESCRIPTIONS;
use crate::package::member::{Member, MemberRole};
use crate::package::problem::{Problem, ProblemKind};
use crate::path::{NameProblem, SafePath};
use std::collections::{BTreeSet, HashMap};

/// The members, indexed by path. ASCII case is ignored.
pub(super) struct MemberIndex {
    pub(super) members: Vec<Member>,
    by_path: HashMap<String, usize>,
    /// The members that are images judged by their names. The key is the folder in lower case.
    images: HashMap<String, Vec<usize>>,
    /// The description files of each folder, at most [`MAX_DESCRIPTIONS`]. The key is the folder in
    /// lower case.
    descriptions: HashMap<String, Vec<usize>>,
    /// The members that a release uses, or that a problem already names. They are not reported as
    /// extra files.
    claimed: BTreeSet<usize>,
}

impl MemberIndex {
    /// Indexes the members by their names. Reports names that cannot be used.
    pub(super) fn new(mut members: Vec<Member>, findings: &mut Findings) -> Self {
        take_off_leading_folder(&mut members, findings);
        let mut index = Self {
            members: Vec::with_capacity(members.len()),
            by_path: HashMap::new(),
            images: HashMap::new(),
            descriptions: HashMap::new(),
            claimed: BTreeSet::new(),
        };
        for member in members {
            index.push(member, findings);
        }
        index
    }

    fn push(&mut self, mut member: Member, findings: &mut Findings) {
        let index = self.members.len();
        if let Ok(path) = &member.path
            && let Some(first) = self.by_path.get(&path.in_lower_case())
        {
            let first = u16::try_from(*first).unwrap_or(u16::MAX);
            member.path = Err(NameProblem::Duplicate { first });
            member.role = MemberRole::Other;
        }
        match &member.path {
            Err(cause) => {
                findings.add(name_problem(cause).file(&member.name).found(cause.to_string()));
                self.claimed.insert(index);
            }
            Ok(path) => {
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
                        findings
                            .add(Problem::new(ProblemKind::OverwritesSettings, expected).file(&member.name));
                    }
                    MemberRole::Manifest | MemberRole::Signature | MemberRole::Other => {}
                }
            }
        }
        self.members.push(member);
    }

    /// Returns the path of a member, or its name if the name is not a valid path.
    pub(super) fn name(&self, index: usize) -> String {
        let Some(member) = self.members.get(index) else { return String::new() };
        member.path.as_ref().map_or_else(|_| member.name.clone(), |path| path.as_str().to_owned())
    }

    pub(super) fn path(&self, index: usize) -> Option<&SafePath> {
        self.members.get(index)?.path.as_ref().ok()
    }

    pub(super) fn role(&self, index: usize) -> Option<MemberRole> {
        self.members.get(index).map(|member| member.role)
    }

    /// Marks a member as used by a release, or as named by a problem.
    pub(super) fn claim(&mut self, index: usize) {
        self.claimed.insert(index);
    }

    /// Marks a member as an image that is used by a release.
    pub(super) fn claim_image(&mut self, index: usize) {
        self.claim(index);
        if let Some(member) = self.members.get_mut(index) {
            member.role = MemberRole::Image;
        }
    }

    pub(super) fn is_claimed(&self, index: usize) -> bool {
        self.claimed.contains(&index)
    }

    /// Returns the member at a path from the root.
    pub(super) fn at(&self, path: &str) -> Option<usize> {
        self.by_path.get(&path.to_ascii_lowercase()).copied()
    }

    /// Returns the member at a path from the root. If there is none, returns the member at this
    /// path from `folder`.
    pub(super) fn find(&self, path: &SafePath, folder: Option<&str>) -> Option<usize> {
        let from_folder = || self.at(&format!("{}/{path}", folder?));
        self.at(path.as_str()).or_else(from_folder)
    }

    /// Returns the image in a folder, if there is exactly one.
    pub(super) fn only_image(&self, folder: &str) -> Option<usize> {
        match self.images.get(&folder.to_ascii_lowercase())?[..] {
            [image] => Some(image),
            _ => None,
        }
    }

    /// Returns the signature catalogue beside an image: the file of the same name with the ending
    /// `.cat`.
    pub(super) fn signature_beside(&self, path: &SafePath) -> Option<usize> {
        self.at(&path.with_extension("cat"))
    }

    /// Returns the descriptions in the folder of an image.
    pub(super) fn descriptions_beside(&self, path: &SafePath) -> &[usize] {
        self.descriptions.get(&path.folder().to_ascii_lowercase()).map_or(&[], Vec::as_slice)
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
