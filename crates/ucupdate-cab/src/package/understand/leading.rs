//! Removes a leading folder. Some cabinets have their whole hierarchy inside one more folder, such as `DriverPackage`.

use super::findings::Findings;
use super::hierarchy::FolderMeaning;
use crate::package::member::{MANIFEST_FILE_NAME, Member, MemberRole};
use crate::package::problem::{Problem, ProblemKind};
use crate::path::SafePath;

/// Removes a leading folder from the paths of the members inside it. This is the folder of the
/// manifest. Without a manifest, it is the folder that contains the OCS hierarchy of all images.
/// Removes nothing, and reports a problem, if two folders have a manifest.
pub(super) fn take_off_leading_folder(members: &mut [Member], findings: &mut Findings) {
    let is_manifest = |path: &&SafePath| path.file_name().eq_ignore_ascii_case(MANIFEST_FILE_NAME);
    let paths = || members.iter().filter_map(|member| member.path.as_ref().ok());
    let mut manifests = paths().filter(is_manifest);
    let manifest = manifests.next();
    if let (Some(first), Some(second)) = (manifest, manifests.next())
        && !first.folder().eq_ignore_ascii_case(second.folder())
    {
        let problem = Problem::new(ProblemKind::SecondManifest, format!("{first} only"));
        findings.add(problem.file(second.as_str()));
        return;
    }
    let folder = match manifest {
        Some(manifest) => Some(manifest.folder().to_owned()),
        None => common_folder_of_images(members),
    };
    let Some(folder) = folder.filter(|folder| !folder.is_empty()) else { return };
    for member in members {
        if let Some(below) = member.path.as_ref().ok().and_then(|path| path.below(&folder)) {
            member.role = MemberRole::of(&below);
            member.path = Ok(below);
        }
    }
    let problem = Problem::new(ProblemKind::LeadingFolder, "the hierarchy at the root of the cabinet");
    findings.add(problem.found(folder));
}

/// Returns the folder that contains the OCS hierarchy (`<DeviceType>/<Vendor>/...`) of all images.
/// Empty if the hierarchy begins at the root. `None` if there is no image, or no such common
/// folder.
fn common_folder_of_images(members: &[Member]) -> Option<String> {
    let mut common: Option<&str> = None;
    for member in members.iter().filter(|member| member.role == MemberRole::Image) {
        let path = member.path.as_ref().ok()?;
        let folder = folder_before_hierarchy(path)?;
        if common.is_some_and(|common| !common.eq_ignore_ascii_case(folder)) {
            return None;
        }
        common = Some(folder);
    }
    common.map(str::to_owned)
}

/// Returns the part of a path before the OCS hierarchy (`<DeviceType>/<Vendor>/...`). Empty if the
/// hierarchy begins at the root. `None` if the path does not contain the hierarchy.
fn folder_before_hierarchy(path: &SafePath) -> Option<&str> {
    if FolderMeaning::of(path).is_some() {
        return Some("");
    }
    let mut dividers =
        path.as_str().match_indices('/').map(|(at, _)| path.as_str().get(..at).unwrap_or_default());
    dividers.find(|folder| path.below(folder).is_some_and(|below| FolderMeaning::of(&below).is_some()))
}
