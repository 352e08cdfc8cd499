//! Compares the images of a package with their signature catalogues.

use super::KeptBytes;
use super::findings::Findings;
use super::index::MemberIndex;
use super::release::Contents;
use crate::package::catalogue::{Catalogue, CatalogueError, Listing, SignedContent};
use crate::package::options::PackageOptions;
use crate::package::package::{Comparison, PackagedCatalogue};
use crate::package::problem::{Problem, ProblemKind};
use std::collections::{BTreeMap, BTreeSet};

/// Reads each signature that belongs to an image, and compares the image with it. Returns the read
/// catalogues and the comparisons.
pub(super) fn compare(
    contents: &Contents,
    index: &MemberIndex,
    kept: &BTreeMap<usize, KeptBytes>,
    options: &PackageOptions,
    findings: &mut Findings,
) -> (Vec<PackagedCatalogue>, Vec<Comparison>) {
    let releases = contents.releases.iter().map(|release| (release.signature, release.image));
    let interim = contents.interim.iter().map(|interim| (interim.signature, interim.image));
    let pairs: BTreeSet<(usize, usize)> = releases.chain(interim).collect();
    let (mut catalogues, mut comparisons) = (Vec::<PackagedCatalogue>::new(), Vec::new());
    for (signature, image) in pairs {
        if catalogues.last().is_none_or(|last| last.member != signature) {
            let catalogue = read_catalogue(signature, index, kept.get(&signature), options, findings);
            catalogues.push(PackagedCatalogue { member: signature, catalogue });
        }
        let read = catalogues.last().and_then(|last| last.catalogue.as_ref().ok());
        let listing = read.and_then(|read| compare_one(read, (signature, image), index, options, findings));
        comparisons.push(Comparison { image, signature, listing });
    }
    comparisons.sort_by_key(|comparison| (comparison.image, comparison.signature));
    (catalogues, comparisons)
}

/// Reads a signature catalogue, and reports the problems that do not depend on the image.
fn read_catalogue(
    signature: usize,
    index: &MemberIndex,
    kept: Option<&KeptBytes>,
    options: &PackageOptions,
    findings: &mut Findings,
) -> Result<Catalogue, CatalogueError> {
    let name = index.name(signature);
    let read = match kept {
        Some(KeptBytes::Whole(bytes)) => Catalogue::read(bytes, &options.limits),
        Some(KeptBytes::TooLong { which, limit }) => {
            let found = index.members.get(signature).map_or(0, |member| member.size);
            let found = usize::try_from(found).unwrap_or(usize::MAX);
            Err(CatalogueError::TooLong { found, which, limit: *limit })
        }
        None => Catalogue::read(&[], &options.limits),
    };
    match &read {
        Err(error) => {
            let expected = "a signed certificate trust list";
            let kind = unless_accepted(ProblemKind::CatalogueUnreadable, options);
            let problem = Problem::new(kind, expected).file(&name);
            findings.add(problem.found(error.to_string()));
        }
        Ok(catalogue) if catalogue.signers.is_empty() => {
            findings.add(Problem::new(ProblemKind::CatalogueUnsigned, "a signer").file(&name).found("none"));
        }
        Ok(catalogue) => {
            if catalogue.signers.iter().any(|signer| signer.content == SignedContent::Differs) {
                let expected = "the digest of the list among the signed attributes";
                let problem = Problem::new(ProblemKind::ListChanged, expected).file(&name);
                findings.add(problem.found("another"));
            } else if catalogue.signers.iter().any(|signer| signer.content == SignedContent::Unknown) {
                let expected = "a digest of the list by SHA-1 or SHA-256 among the signed attributes";
                findings.add(Problem::new(ProblemKind::SignedContentUnknown, expected).file(&name));
            }
        }
    }
    read
}

fn compare_one(
    catalogue: &Catalogue,
    (signature, image): (usize, usize),
    index: &MemberIndex,
    options: &PackageOptions,
    findings: &mut Findings,
) -> Option<Listing> {
    /// The largest number of digests in a problem. If there are more, only their number is reported.
    const MAX_SHOWN: usize = 3;
    let member = index.members.get(image)?;
    let listing = catalogue.listing(member.sha1.as_ref(), &member.sha256);
    let kind = match listing {
        Listing::Listed => return Some(listing),
        Listing::NotListed => ProblemKind::DigestMismatch,
        Listing::NothingToCompare => unless_accepted(ProblemKind::NothingToCompare, options),
    };
    let digests = catalogue.members.iter().filter_map(|member| member.digest.as_ref());
    let mut listed: Vec<String> = digests.map(ToString::to_string).collect();
    if listed.len() > MAX_SHOWN {
        listed = vec![format!("one of {} digests", listed.len())];
    } else if listed.is_empty() {
        listed.push("a digest of the image".to_owned());
    }
    let sha1 = member.sha1.map(|sha1| format!("SHA-1 {sha1}, ")).unwrap_or_default();
    let problem = Problem::new(kind, listed.join(" or ")).file(&index.name(image));
    let problem = problem.place(format!("signature {}", index.name(signature)));
    findings.add(problem.found(format!("{sha1}SHA-256 {}", member.sha256)));
    Some(listing)
}

/// Returns `kind`, or the warning [`ProblemKind::UnreadableCatalogueAccepted`] if the options
/// accept an image that cannot be compared.
fn unless_accepted(kind: ProblemKind, options: &PackageOptions) -> ProblemKind {
    match options.accepts_unreadable_catalogues {
        true => ProblemKind::UnreadableCatalogueAccepted,
        false => kind,
    }
}
