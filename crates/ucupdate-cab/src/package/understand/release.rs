//! Making releases and interim images of images that were placed, or telling what is missing.

use super::Reading;
use super::place::{Found, from_root};
use crate::package::manifest::names::{ManifestItem, WORDS};
use crate::package::member::{MANIFEST_FILE_NAME, MemberRole};
use crate::package::package::{PackagedInterim, PackagedRelease};
use crate::package::problem::{Problem, ProblemKind};
use crate::path::SafePath;
use std::collections::BTreeSet;
use ucupdate_core::book::{RuleKeyError, UpdateType};
use ucupdate_core::device::Locale;
use ucupdate_core::value::check_path_part;
use ucupdate_core::{ReportedVersion, RuleKey};

impl Reading<'_> {
    /// Makes a release or an interim image of an image, or tells what is missing.
    pub(in crate::package) fn take(&mut self, found: &Found<'_>) {
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
            match SafePath::read(from_root(said)).ok().and_then(|said| self.find(&said, Some(path.folder())))
            {
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
}

pub(in crate::package) fn rule_key(words: [&str; 6]) -> Result<RuleKey, RuleKeyError> {
    words.join("/").parse()
}

fn interim_words(locale: &str, update_type: &str) -> Result<(Locale, UpdateType), String> {
    let check = |field: &str, word: &str| check_path_part(word).map_err(|error| format!("{field} {error}"));
    check("locale", locale)?;
    check("update type", update_type)?;
    let label =
        |field: &'static str| move |error: ucupdate_core::value::LabelError| format!("{field} {error}");
    Ok((locale.parse().map_err(label("locale"))?, update_type.parse().map_err(label("update type"))?))
}
