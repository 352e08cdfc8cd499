//! Laws that hold for any bytes. The fuzz targets and tests call these functions, which panic if a
//! law does not hold.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use super::builder::catalogue::CatalogueBuilder;
use super::builder::sample;
use super::catalogue::{Catalogue, Listing, MemberDigest};
use super::limits::PackageLimits;
use super::member::{MANIFEST_FILE_NAME, Member, MemberRole, MemberSink, MemberStart};
use super::options::PackageOptions;
use super::package::{Package, PackageForm};
use super::problem::ProblemKind;
use super::read::read_package;
use super::understand::{KeptBytes, understand};
use crate::cabinet::Cabinet;
use crate::limits::CabinetLimits;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use ucupdate_core::value::Sha256Digest;

/// Reads any bytes as a package. If this succeeds, checks that the members, releases, comparisons
/// and problems of the package agree with each other, and that the sink received all members.
pub fn package(bytes: &[u8]) {
    // The limits are small so that one input costs little. The laws of the cabinet reader check its limits.
    let limits = CabinetLimits { total_output_bytes: 8 * 1024 * 1024, ..CabinetLimits::default() };
    let Ok(cabinet) = Cabinet::open(bytes, limits) else { return };
    let mut sink = CheckingSink::default();
    let Ok(package) = read_package(cabinet, PackageOptions::default(), &mut sink) else { return };
    // A member that is a cabinet is replaced by its members. An unsupported folder is not read.
    assert_eq!(package.members.len(), sink.ended);
    coherent(&package);
}

/// Reads any bytes as the manifest of a package whose other files are fixed. Checks that the
/// members, releases, comparisons and problems of the package agree with each other.
pub fn manifest(bytes: &[u8]) {
    let image = sample::image("laws", 64);
    let catalogue = CatalogueBuilder::new().with_image("CPE.nbt", &image).build().unwrap_or_default();
    let mut members = vec![Member::of_bytes(0, MANIFEST_FILE_NAME, bytes, None)];
    let mut kept = BTreeMap::from([(0, KeptBytes::Whole(bytes.to_vec()))]);
    for folder in ["", "OCInterim\\ENU\\", "UCPhone\\Polycom\\CX700\\A\\ENU\\3.5.6907.9\\CPE\\"] {
        members.push(Member::of_bytes(members.len(), &format!("{folder}CPE.nbt"), &image, None));
        kept.insert(members.len(), KeptBytes::Whole(catalogue.clone()));
        members.push(Member::of_bytes(members.len(), &format!("{folder}CPE.cat"), &catalogue, None));
        members.push(Member::of_bytes(members.len(), &format!("{folder}CPE.xml"), b"<a/>", None));
    }
    coherent(&understand(Sha256Digest::of(bytes), members, &kept, PackageOptions::default()));
}

/// Reads any bytes as a signature catalogue. If this succeeds, checks that the number of members is
/// within the limit, and that each listed digest is found. Checks that the bytes are no longer a
/// catalogue when one byte is appended or the last byte is removed.
pub fn catalogue(bytes: &[u8]) {
    let limits = PackageLimits::default();
    let Ok(catalogue) = Catalogue::read(bytes, &limits) else { return };
    assert!(catalogue.members.len() <= limits.catalogue_members);
    let other = Sha256Digest::of(bytes);
    for member in &catalogue.members {
        let listing = match &member.digest {
            Some(MemberDigest::Sha1(digest)) => catalogue.listing(Some(digest), &other),
            Some(MemberDigest::Sha256(digest)) => catalogue.listing(None, digest),
            Some(MemberDigest::Other { .. }) | None => continue,
        };
        assert_eq!(listing, Listing::Listed);
    }
    // A catalogue with one byte more, or without its last byte, is not a catalogue.
    let longer = [bytes, &[0]].concat();
    assert!(Catalogue::read(&longer, &limits).is_err());
    let shorter = bytes.get(..bytes.len().saturating_sub(1)).unwrap_or_default();
    assert!(Catalogue::read(shorter, &limits).is_err());
}

fn coherent(package: &Package) {
    let is = |index: usize, role| assert_eq!(package.members[index].role, role, "member {index}");
    let mut rules = BTreeSet::new();
    let mut pairs = BTreeSet::new();
    for release in &package.releases {
        is(release.image, MemberRole::Image);
        is(release.signature, MemberRole::Signature);
        assert!(rules.insert(&release.key), "{} twice", release.key);
        assert!(release.descriptions.iter().all(|index| *index < package.members.len()));
        assert!(ucupdate_core::value::check_path_part(release.version.as_str()).is_ok());
        pairs.insert((release.image, release.signature));
    }
    for interim in &package.interim {
        is(interim.image, MemberRole::Image);
        is(interim.signature, MemberRole::Signature);
        pairs.insert((interim.image, interim.signature));
    }
    assert_eq!(package.form == PackageForm::Neither, pairs.is_empty());
    let has = |kind| package.problems.iter().any(|problem| problem.kind == kind);
    let empty = has(ProblemKind::NoRelease) || has(ProblemKind::TooManyProblems);
    assert!(empty || !pairs.is_empty());
    assert!(!has(ProblemKind::NoRelease) || pairs.is_empty());
    let compared: BTreeSet<_> = package.comparisons.iter().map(|it| (it.image, it.signature)).collect();
    assert_eq!(compared, pairs);
    let forged = package.comparisons.iter().any(|comparison| comparison.listing == Some(Listing::NotListed));
    assert!(!forged || package.is_refused());
    for problem in &package.problems {
        assert!(!problem.to_string().contains(char::is_control), "{problem:?}");
    }
    for (index, member) in package.members.iter().enumerate() {
        assert_eq!(member.index, index);
    }
}

/// A sink that checks the order of its calls.
#[derive(Default)]
struct CheckingSink {
    current: Option<MemberStart>,
    bytes: Vec<u8>,
    ended: usize,
}

impl MemberSink for CheckingSink {
    fn begin(&mut self, member: &MemberStart) -> io::Result<()> {
        assert!(self.current.is_none());
        self.bytes.clear();
        self.current = Some(member.clone());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        assert!(self.current.is_some() && !bytes.is_empty());
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self, member: &Member) -> io::Result<()> {
        let begun = self.current.take();
        assert_eq!(begun.map(|start| start.index), Some(member.index));
        assert_eq!(member.size, self.bytes.len() as u64);
        assert_eq!(member.sha256, Sha256Digest::of(&self.bytes));
        self.ended += 1;
        Ok(())
    }

    fn start_over(&mut self) -> io::Result<()> {
        self.ended = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn the_laws_hold_for_the_samples() {
        super::package(&super::sample::uc_updates(100));
        super::package(&super::sample::round_table(100));
        super::package(&super::sample::uc_updates_exe(100));
        super::package(b"");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_laws_hold_for_damaged_samples(at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = super::sample::uc_updates(100);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            super::package(&bytes);
        }

        #[test]
        fn the_laws_hold_for_any_manifest(items in prop::collection::vec(0..16_usize, 0..12)) {
            const PIECES: [&str; 16] = [
                "<Update version='3.5.6907.9'>", "</Update>", "<Update>", "<Interim version='1.0.522.103'>", "</Interim>",
                "<FileName>CPE.nbt</FileName>", "<DeviceType>UCPhone</DeviceType>", "<Vendor>Polycom</Vendor>",
                "<Model>CX700</Model>", "<Revision>A</Revision>", "<Locale>ENU</Locale>", "<File FileName='../x'/>",
                "<FileName>OCInterim/ENU/CPE.nbt</FileName>", "<UpdateType>CPE</UpdateType>", "<Odd>text</Odd>",
                "<SignatureFileName>CPE.cat</SignatureFileName>",
            ];
            let inner: String = items.iter().map(|item| PIECES[*item]).collect();
            super::manifest(format!("<Updates>{inner}</Updates>").as_bytes());
        }

        #[test]
        fn the_laws_hold_for_any_bytes(bytes: Vec<u8>) {
            super::catalogue(&bytes);
            super::manifest(&bytes);
        }
    }
}
