//! Laying the images of a package beside their signature catalogues.

use super::{Kept, Reading};
use crate::package::catalogue::{Catalogue, CatalogueError, Listing, SignedContent};
use crate::package::package::{Comparison, PackagedCatalogue};
use crate::package::problem::{Problem, ProblemKind};
use std::collections::BTreeSet;

impl Reading<'_> {
    /// Lays each image beside its signature.
    pub(in crate::package) fn compare(&mut self) {
        let releases = self.package.releases.iter().map(|release| (release.signature, release.image));
        let interim = self.package.interim.iter().map(|interim| (interim.signature, interim.image));
        let pairs: BTreeSet<(usize, usize)> = releases.chain(interim).collect();
        let mut catalogue: Option<PackagedCatalogue> = None;
        for (signature, image) in pairs {
            if catalogue.as_ref().is_none_or(|last| last.member != signature) {
                self.package.catalogues.extend(catalogue.take());
                catalogue =
                    Some(PackagedCatalogue { member: signature, catalogue: self.catalogue(signature) });
            }
            let Some(PackagedCatalogue { catalogue: read, .. }) = &catalogue else { continue };
            let listing = read.as_ref().ok().and_then(|read| self.compare_one(read, signature, image));
            self.package.comparisons.push(Comparison { image, signature, listing });
        }
        self.package.catalogues.extend(catalogue);
        self.package.comparisons.sort_by_key(|comparison| (comparison.image, comparison.signature));
    }

    /// Reads a signature, and tells what is wrong with it whatever the image.
    fn catalogue(&mut self, signature: usize) -> Result<Catalogue, CatalogueError> {
        let name = self.name(signature);
        let read = match self.kept.get(&signature) {
            Some(Kept::Whole(bytes)) => Catalogue::read(bytes, self.limits),
            Some(Kept::TooLong { most }) => {
                let found = self.package.members.get(signature).map_or(0, |member| member.size);
                Err(CatalogueError::TooLong {
                    found: usize::try_from(found).unwrap_or(usize::MAX),
                    most: *most,
                })
            }
            None => Catalogue::read(&[], self.limits),
        };
        match &read {
            Err(error) => {
                let expected = "a signed certificate trust list";
                let problem = Problem::new(ProblemKind::CatalogueUnreadable, expected).file(&name);
                self.tell(problem.found(error.to_string()));
            }
            Ok(catalogue) if catalogue.signers.is_empty() => {
                self.tell(Problem::new(ProblemKind::CatalogueUnsigned, "a signer").file(&name).found("none"));
            }
            Ok(catalogue) => {
                if catalogue.signers.iter().any(|signer| signer.content == SignedContent::Differs) {
                    let expected = "the digest of the list among the signed attributes";
                    let problem = Problem::new(ProblemKind::ListChanged, expected).file(&name);
                    self.tell(problem.found("another"));
                }
            }
        }
        read
    }

    fn compare_one(&mut self, catalogue: &Catalogue, signature: usize, image: usize) -> Option<Listing> {
        /// More digests than this are not told.
        const TOLD: usize = 3;
        let member = self.package.members.get(image)?;
        let listing = catalogue.listing(member.sha1.as_ref(), &member.sha256);
        let sha1 = member.sha1.map(|sha1| format!("SHA-1 {sha1}, ")).unwrap_or_default();
        let found = format!("{sha1}SHA-256 {}", member.sha256);
        let place = format!("signature {}", self.name(signature));
        let kind = match listing {
            Listing::Listed => return Some(listing),
            Listing::NotListed => ProblemKind::DigestMismatch,
            Listing::NothingToCompare => ProblemKind::NothingToCompare,
        };
        let digests = catalogue.members.iter().filter_map(|member| member.digest.as_ref());
        let mut listed: Vec<String> = digests.map(ToString::to_string).collect();
        if listed.len() > TOLD {
            listed = vec![format!("one of {} digests", listed.len())];
        } else if listed.is_empty() {
            listed.push("a digest of the image".to_owned());
        }
        let problem = Problem::new(kind, listed.join(" or ")).file(&self.name(image));
        self.tell(problem.place(place).found(found));
        Some(listing)
    }
}
