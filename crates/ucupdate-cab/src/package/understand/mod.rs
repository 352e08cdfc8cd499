//! Finds the releases and problems of a package when all members of its cabinet are known. The
//! result depends only on the members, on the kept bytes and on the options.
//!
//! The manifest assigns images to releases first. The folders assign the images that the manifest does not name. An
//! image that is not assigned is a problem. Each image needs a signature, and each signature needs an image. A
//! signature must list the digest of its image.

mod compare;
mod findings;
pub(super) mod hierarchy;
mod index;
mod leading;
mod place;
mod release;
#[cfg(test)]
mod tests;
pub(super) mod words;

use self::findings::Findings;
use self::index::MemberIndex;
use self::release::Contents;
use super::manifest::{Manifest, ManifestEntry};
use super::member::{MANIFEST_FILE_NAME, Member, MemberRole};
use super::options::PackageOptions;
use super::package::{Package, PackageForm};
use super::problem::{Problem, ProblemKind};
use std::collections::{BTreeMap, BTreeSet};
use ucupdate_core::value::{Counted, PackageId, Sha256Digest};

/// The bytes of a member that are kept until all members were read. These members are the manifest
/// and the signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeptBytes {
    /// All bytes of the member.
    Whole(Vec<u8>),
    /// The member was longer than a limit, so none of its bytes are kept.
    TooLong {
        /// The name of the limit in [`PackageLimits`](super::PackageLimits).
        which: &'static str,
        /// The largest size in bytes that this limit allows.
        limit: usize,
    },
}

/// Returns the package of a cabinet. `cabinet` is the SHA-256 of the cabinet, and `members` are all
/// its files.
///
/// `kept` has the bytes of the manifest and of the signatures, by the index of the member. A
/// manifest or signature that is not in `kept` counts as empty. The package contains its problems.
/// [`ProblemKind`] lists their severities.
///
/// ```
/// use std::collections::BTreeMap;
/// use ucupdate_cab::package::{Member, PackageOptions, ProblemKind, understand};
/// use ucupdate_core::value::Sha256Digest;
/// let members = vec![Member::of_bytes(0, "holiday.jpg", b"...", None)];
/// let package = understand(Sha256Digest::of(b"a cabinet"), members, &BTreeMap::new(), PackageOptions::default());
/// assert_eq!(package.refusals().next().unwrap().kind, ProblemKind::NoRelease);
/// ```
pub fn understand(
    cabinet: Sha256Digest,
    members: Vec<Member>,
    kept: &BTreeMap<usize, KeptBytes>,
    options: impl Into<PackageOptions>,
) -> Package {
    let options = options.into();
    let limits = &options.limits;
    let mut findings = Findings::new(limits.problems);
    let mut contents = Contents::new(limits.releases);
    let mut index = MemberIndex::new(members, &mut findings);

    let manifest = read_manifest(&mut index, kept, &options, &mut findings);
    for entry in manifest.as_deref().unwrap_or_default() {
        if let Some(placement) = place::place_by_manifest(entry, &mut index, &mut findings) {
            contents.add(placement, &mut index, &mut findings);
        }
    }
    let by_manifest = !contents.is_empty();
    let placed_by_folders = add_by_folders(&mut contents, by_manifest, &mut index, &mut findings);
    if manifest.is_some() && !by_manifest && placed_by_folders {
        let problem = Problem::new(ProblemKind::ManifestSaysNothing, "an update that names an image");
        findings.add(problem.file(MANIFEST_FILE_NAME));
    }
    report_signatures_without_image(&index, &mut findings);
    let (catalogues, comparisons) = compare::compare(&contents, &index, kept, &options, &mut findings);
    report_extra_files(&index, &mut findings);
    if contents.is_empty() {
        let expected = "an image with its signature, placed by updateInfo.xml or by folders \
                        <DeviceType>/<Vendor>/<Model>/<Revision>/<Locale>/<Version>/<UpdateType>";
        let found = Counted::new(index.members.len(), "file").to_string();
        findings.add(Problem::new(ProblemKind::NoRelease, expected).found(found));
    }
    let form = match (contents.is_empty(), by_manifest) {
        (true, _) => PackageForm::Neither,
        (false, true) => PackageForm::Manifest,
        (false, false) => PackageForm::Hierarchy,
    };
    Package {
        id: PackageId::of(&cabinet),
        sha256: cabinet,
        form,
        members: index.members,
        releases: contents.releases,
        interim: contents.interim,
        catalogues,
        comparisons,
        problems: findings.into_problems(),
    }
}

/// Returns the entries of the manifest. `None` if there is no manifest, or if it cannot be read.
fn read_manifest(
    index: &mut MemberIndex,
    kept: &BTreeMap<usize, KeptBytes>,
    options: &PackageOptions,
    findings: &mut Findings,
) -> Option<Vec<ManifestEntry>> {
    let member = index.at(MANIFEST_FILE_NAME)?;
    index.claim(member);
    let name = index.name(member);
    let unreadable = |found: String| {
        let expected = "an XML document with root element Updates";
        Problem::new(ProblemKind::ManifestUnreadable, expected).file(&name).found(found)
    };
    let bytes: &[u8] = match kept.get(&member) {
        Some(KeptBytes::Whole(bytes)) => bytes,
        Some(KeptBytes::TooLong { which, limit }) => {
            let size = index.members.get(member).map_or(0, |member| member.size);
            findings.add(unreadable(format!("{size} bytes, and the limit `{which}` is {limit}")));
            return None;
        }
        None => &[],
    };
    let manifest = match Manifest::read(bytes, &options.limits) {
        Ok(manifest) => manifest,
        Err(error) => {
            let limit = error.limit_name().map(|which| format!(", which is the limit `{which}`"));
            let error = error.to_string();
            // The message of a problem says "found" itself.
            let error = error.strip_prefix("found ").unwrap_or(&error);
            findings.add(unreadable(format!("{error}{}", limit.unwrap_or_default())));
            return None;
        }
    };
    for unknown in &manifest.unknown {
        let kind = match (unknown.is_narrowing, options.ignores_unknown_narrowing) {
            (false, _) => ProblemKind::NameUnknown,
            (true, false) => ProblemKind::NarrowingUnknown,
            (true, true) => ProblemKind::NarrowingIgnored,
        };
        let problem = Problem::new(kind, "a name of the table").file(&name);
        findings.add(problem.place(format!("byte {}", unknown.at)).found(&unknown.name));
    }
    for repeated in &manifest.repeated {
        let expected = format!("{} {:?} only", repeated.item.name(), repeated.first);
        let problem = Problem::new(ProblemKind::RepeatedItem, expected).file(&name);
        let problem = problem.place(format!("byte {}", repeated.at));
        findings.add(problem.found(format!("{:?} too", repeated.second)));
    }
    Some(manifest.entries)
}

/// Adds to `contents` each image that the manifest does not name, as the release or interim image
/// that its folders state. Returns `true` if the folders of at least one of these images state a
/// release or an interim image.
fn add_by_folders(
    contents: &mut Contents,
    by_manifest: bool,
    index: &mut MemberIndex,
    findings: &mut Findings,
) -> bool {
    let mut placed_any = false;
    for image in 0..index.members.len() {
        if index.is_claimed(image) || !place::looks_like_image(image, index) {
            continue;
        }
        let Some(placement) = place::place_by_folders(image, index, findings) else { continue };
        placed_any = true;
        if by_manifest {
            let problem = Problem::new(ProblemKind::NotInManifest, "an update that names it");
            findings.add(problem.file(&index.name(image)));
        }
        contents.add(placement, index, findings);
    }
    placed_any
}

fn report_signatures_without_image(index: &MemberIndex, findings: &mut Findings) {
    let images = index.members.iter().filter(|member| member.role == MemberRole::Image);
    // A signature is not reported if its image has a problem already.
    let signatures: BTreeSet<String> = images
        .filter_map(|member| Some(member.path.as_ref().ok()?.with_extension("cat").to_ascii_lowercase()))
        .collect();
    for member in 0..index.members.len() {
        if index.is_claimed(member) || index.role(member) != Some(MemberRole::Signature) {
            continue;
        }
        let Some(path) = index.path(member) else { continue };
        if !signatures.contains(&path.in_lower_case()) {
            let expected = format!("{} beside it", path.with_extension("nbt"));
            findings.add(Problem::new(ProblemKind::SignatureWithoutImage, expected).file(path.as_str()));
        }
    }
}

/// Reports the files that no release uses and no other problem names.
fn report_extra_files(index: &MemberIndex, findings: &mut Findings) {
    for member in 0..index.members.len() {
        let is_extra = matches!(index.role(member), Some(MemberRole::Description | MemberRole::Other))
            && !index.is_claimed(member);
        if is_extra {
            let expected = "images, signatures and their descriptions";
            findings.add(Problem::new(ProblemKind::ExtraFile, expected).file(&index.name(member)));
        }
    }
}
