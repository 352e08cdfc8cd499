//! Makes releases and interim images from assigned images. Reports the files and the words of a
//! rule (such as the model) that are missing for this.

use super::findings::Findings;
use super::index::MemberIndex;
use super::place::{ImagePlacement, from_root, look_up};
use super::words::parsed;
use crate::package::manifest::names::ManifestItem;
use crate::package::member::{MANIFEST_FILE_NAME, MemberRole};
use crate::package::package::{PackagedInterim, PackagedRelease};
use crate::package::problem::{Problem, ProblemKind};
use crate::path::SafePath;
use std::collections::{BTreeMap, BTreeSet};
use ucupdate_core::book::UpdateType;
use ucupdate_core::device::Locale;
use ucupdate_core::value::check_path_part;
use ucupdate_core::{ReportedVersion, RuleKey};

/// The releases and interim images found so far.
pub(super) struct Contents {
    pub(super) releases: Vec<PackagedRelease>,
    pub(super) interim: Vec<PackagedInterim>,
    /// The index of the image of each rule that has a release.
    image_of_rule: BTreeMap<RuleKey, usize>,
    /// The index of the interim image of each locale and update type.
    image_of_interim: BTreeMap<(Locale, UpdateType), usize>,
    /// The largest number of releases and interim images together.
    limit: usize,
}

impl Contents {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            releases: Vec::new(),
            interim: Vec::new(),
            image_of_rule: BTreeMap::new(),
            image_of_interim: BTreeMap::new(),
            limit,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.releases.is_empty() && self.interim.is_empty()
    }

    /// Adds the release or the interim image of an assigned image. Reports the problems that
    /// prevent this.
    pub(super) fn add(
        &mut self,
        placement: ImagePlacement<'_>,
        index: &mut MemberIndex,
        findings: &mut Findings,
    ) {
        let Some(member) = index.members.get(placement.image) else { return };
        let (is_empty, time_stamp) = (member.size == 0, member.modified);
        let name = index.name(placement.image);
        let entry = placement.entry;
        let about = |problem: Problem| match entry {
            Some(entry) => problem.file(&name).place(entry.place()),
            None => problem.file(&name),
        };
        if is_empty {
            findings.add(about(Problem::new(ProblemKind::ImageEmpty, "at least one byte")));
        }
        let signature = signature_of(&placement, index, findings);
        if let Some(signature) = signature {
            index.claim(signature);
        }
        let descriptions = descriptions_of(&placement, index, findings);
        let ImagePlacement { image, mut words, version, is_interim, .. } = placement;
        let mut missing = if is_interim { words.missing_for_interim() } else { words.missing_for_release() };
        if version.is_none() && !is_interim {
            missing.push(ManifestItem::Version.name());
        }
        if !missing.is_empty() {
            let expected = format!("{} by the manifest or the path", missing.join(", "));
            findings.add(about(Problem::new(ProblemKind::UpdateIncomplete, expected)));
            return;
        }
        if let Some((version, error)) =
            version.as_deref().and_then(|it| Some((it, check_path_part(it).err()?)))
        {
            let problem = Problem::new(ProblemKind::WordUnusable, "a version that can stand in a path");
            findings.add(about(problem.found(format!("{version:?}, which {}", error.problem()))));
            return;
        }
        let version = version.as_deref().map(ReportedVersion::new);
        if let Some((version, why)) = version.as_ref().and_then(|it| Some((it, it.why_unreadable()?))) {
            let problem = Problem::new(ProblemKind::VersionUnreadable, "two to four numbers");
            findings.add(about(problem.found(format!("{:?}: {why}", version.as_str()))));
        }
        if time_stamp.is_none() {
            findings
                .add(about(Problem::new(ProblemKind::NoTimeStamp, "a date of the calendar in the cabinet")));
        }
        let Some(signature) = signature else { return };
        if self.releases.len() + self.interim.len() == self.limit {
            let expected = format!("at most {}, which is the limit `releases`", self.limit);
            findings.add(about(Problem::new(ProblemKind::TooManyReleases, expected)));
            return;
        }
        let unusable = |error: String| {
            about(Problem::new(ProblemKind::WordUnusable, "words that can stand in a rule").found(error))
        };
        if is_interim {
            match interim_words(words.kind.locale.as_deref(), words.update_type.as_deref()) {
                Err(error) => findings.add(unusable(error)),
                Ok((locale, update_type)) => {
                    let key = (locale.clone(), update_type.clone());
                    if let Some(first) = self.image_of_interim.insert(key, image) {
                        let what = format!("one interim image for {locale} and {update_type}");
                        findings.add(about(duplicate(what, first, index)));
                        return;
                    }
                    let interim =
                        PackagedInterim { locale, update_type, version, image, signature, time_stamp };
                    self.interim.push(interim);
                }
            }
            return;
        }
        let key = match words.rule_key() {
            Ok(key) => key,
            Err(error) => return findings.add(unusable(error)),
        };
        if let Some(first) = self.image_of_rule.insert(key.clone(), image) {
            findings.add(about(duplicate(format!("one release for {key}"), first, index)));
            return;
        }
        // A release without a version was reported as incomplete above.
        let Some(version) = version else { return };
        self.releases.push(PackagedRelease { key, version, image, signature, descriptions, time_stamp });
    }
}

fn duplicate(expected: String, first: usize, index: &MemberIndex) -> Problem {
    let problem = Problem::new(ProblemKind::DuplicateRelease, expected);
    problem.found(format!("another by {}", index.name(first)))
}

/// Returns the signature of an image: the one that the manifest names, or the `.cat` file beside the image.
fn signature_of(
    placement: &ImagePlacement<'_>,
    index: &MemberIndex,
    findings: &mut Findings,
) -> Option<usize> {
    let path = index.path(placement.image)?;
    let named = placement.entry.and_then(|entry| Some((entry, entry.item(ManifestItem::SignatureFileName)?)));
    let Some((entry, name)) = named else {
        let beside = index.signature_beside(path);
        if beside.is_none() {
            let expected = format!("{} beside it", path.with_extension("cat"));
            let problem = Problem::new(ProblemKind::ImageWithoutSignature, expected);
            findings.add(problem.file(&index.name(placement.image)));
        }
        return beside;
    };
    let signature = look_up(name, Some(path.folder()), entry, index, findings)?;
    if index.role(signature) == Some(MemberRole::Signature) {
        return Some(signature);
    }
    let problem = Problem::new(ProblemKind::WrongRole, "a signature catalogue, .cat");
    findings.add(problem.file(&index.name(signature)).place(entry.place()));
    None
}

/// Returns the descriptions of an image: the files that the manifest names, and the description
/// files in the folder of the image.
fn descriptions_of(
    placement: &ImagePlacement<'_>,
    index: &mut MemberIndex,
    findings: &mut Findings,
) -> Vec<usize> {
    let Some(path) = index.path(placement.image) else { return Vec::new() };
    let mut descriptions: BTreeSet<usize> = index.descriptions_beside(path).iter().copied().collect();
    if let Some(entry) = placement.entry {
        for name in &entry.descriptions {
            let named = SafePath::read(from_root(name)).ok();
            let Some(found) = named.and_then(|named| index.find(&named, Some(path.folder()))) else {
                let problem = Problem::new(ProblemKind::DescriptionMissing, format!("a member {name}"));
                findings.add(problem.file(MANIFEST_FILE_NAME).place(entry.place()));
                continue;
            };
            descriptions.insert(found);
        }
    }
    descriptions.iter().for_each(|description| index.claim(*description));
    descriptions.into_iter().collect()
}

fn interim_words(locale: Option<&str>, update_type: Option<&str>) -> Result<(Locale, UpdateType), String> {
    for (field, word) in [("locale", locale), ("update type", update_type)] {
        check_path_part(word.unwrap_or_default()).map_err(|error| format!("{field} {}", error.problem()))?;
    }
    Ok((parsed(locale)?, parsed(update_type)?))
}
