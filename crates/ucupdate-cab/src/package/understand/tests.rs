//! Tests with packages that are made from a list of members, mostly without a cabinet. There is a
//! case for each kind of problem.

use crate::package::builder::test_signing::{Signing, signed};
use crate::package::*;
use crate::{Cabinet, CabinetBuilder, CabinetLimits, CabinetOptions, Compression};
use der::asn1::ObjectIdentifier;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use ucupdate_core::value::{FieldTime, Sha256Digest};

const FOLDER: &str = "UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE";
const KEY: &str = "UCPhone/Polycom/CX700/A/ENU/CPE";
const IMAGE: &[u8] = b"the bytes of an image";

fn time() -> FieldTime {
    "16-12-2008 04:43:58".parse().unwrap()
}

fn catalogue() -> Vec<u8> {
    CatalogueBuilder::new().with_image("CPE.nbt", IMAGE).build().unwrap()
}

#[derive(Clone)]
struct Files {
    files: Vec<(String, Vec<u8>)>,
    time: Option<FieldTime>,
    options: PackageOptions,
}

impl Files {
    fn new() -> Self {
        Self { files: Vec::new(), time: Some(time()), options: PackageOptions::default() }
    }

    fn with(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), bytes.into()));
        self
    }

    fn with_image(self, stem: &str) -> Self {
        self.with(&format!("{stem}.nbt"), IMAGE).with(&format!("{stem}.cat"), catalogue())
    }

    /// Adds a manifest with this text inside the two elements that every manifest has.
    fn with_manifest(self, inner: &str) -> Self {
        self.with("updateInfo.xml", format!("<Updates><Updates>{inner}</Updates></Updates>"))
    }

    fn limited(mut self, change: impl FnOnce(&mut PackageLimits)) -> Self {
        change(&mut self.options.limits);
        self
    }

    fn understood(&self) -> Package {
        let members: Vec<Member> = self
            .files
            .iter()
            .enumerate()
            .map(|(index, (name, bytes))| Member::of_bytes(index, name, bytes, self.time))
            .collect();
        let kept: BTreeMap<usize, KeptBytes> = self
            .files
            .iter()
            .enumerate()
            .map(|(index, (_, bytes))| (index, KeptBytes::Whole(bytes.clone())))
            .collect();
        understand(Sha256Digest::of(b"a cabinet"), members, &kept, self.options.clone())
    }

    fn cabinet(&self) -> Vec<u8> {
        let mut cabinet = CabinetBuilder::new(Compression::Mszip);
        for (name, bytes) in &self.files {
            cabinet.file(name, time(), bytes.clone());
        }
        cabinet.build().unwrap()
    }
}

/// Returns one valid release, stated by its folder.
fn good() -> Files {
    Files::new().with_image(&format!("{FOLDER}/CPE"))
}

fn read(bytes: &[u8], options: impl Into<PackageOptions>) -> Package {
    read_package(Cabinet::open(bytes, CabinetLimits::default()).unwrap(), options, &mut NoSink).unwrap()
}

const WORDS: &str = "<DeviceType>UCPhone</DeviceType><Vendor>Polycom</Vendor><Model>CX700</Model>\
                     <Revision>A</Revision><Locale>ENU</Locale>";

fn update(version: &str, more: &str) -> String {
    format!("<Update version='{version}'>{WORDS}{more}</Update>")
}

fn cpe(more: &str) -> String {
    update("3.5.6907.9", &format!("<FileName>CPE.nbt</FileName>{more}"))
}

fn accepting() -> PackageOptions {
    PackageOptions::default().with_unreadable_catalogues_accepted(true)
}

/// Returns a package for each kind of problem, and the line that reports the problem.
fn cases() -> Vec<(ProblemKind, Files, &'static str)> {
    use ProblemKind as Kind;
    let forged = CatalogueBuilder::new().with_image("CPE.nbt", b"other bytes").build().unwrap();
    let md5 = MemberDigest::Other { algorithm: "1.2.840.113549.2.5".to_owned(), bytes: vec![0xab; 2] };
    let md5 = CatalogueBuilder::new().with_digest("CPE.nbt", md5).build().unwrap();
    let listing = CatalogueBuilder::new().with_image("CPE.nbt", IMAGE);
    let changed =
        signed(&listing, &Signing { digest_of: Some(b"another list".to_vec()), ..Signing::default() });
    let unknown_algorithm = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
    let unknown_algorithm = signed(&listing, &Signing { algorithm: unknown_algorithm, ..Signing::default() });
    let with_signature = |bytes: Vec<u8>| {
        Files::new().with(&format!("{FOLDER}/CPE.nbt"), IMAGE).with(&format!("{FOLDER}/CPE.cat"), bytes)
    };
    let flat = || Files::new().with_image("CPE");
    vec![
        (
            Kind::UnsafeName,
            good().with(r"..\CPE.nbt", IMAGE),
            r"refusal: ..\CPE.nbt: the name is not safe to write to: expected a relative path of parts that any system can hold, found name leaves its folder by `..`",
        ),
        (
            Kind::DuplicateFile,
            good().with("readme.txt", "").with("README.TXT", ""),
            "refusal: README.TXT: another member has the same path: expected one member at a path, without regard to case, found name is the same as that of file 2, if case is ignored",
        ),
        (
            Kind::ManifestUnreadable,
            good().with("updateInfo.xml", "<Updates>"),
            "refusal: updateInfo.xml: the manifest cannot be read: expected an XML document with root element Updates, found document ends inside `Updates`, expected `</Updates>`, at byte 9",
        ),
        (
            Kind::ManifestUnreadable,
            good().with("updateInfo.xml", "<!DOCTYPE Updates>"),
            "refusal: updateInfo.xml: the manifest cannot be read: expected an XML document with root element Updates, found a document type declaration, which is not allowed, at byte 0",
        ),
        (
            Kind::RepeatedItem,
            flat().with_manifest(&cpe("<Version>2.0</Version>")),
            "refusal: updateInfo.xml: byte 193: the manifest states an item twice: expected version \"3.5.6907.9\" only, found \"2.0\" too",
        ),
        (
            Kind::UpdateIncomplete,
            flat().with_manifest(
                "<Update version='1.2'><FileName>CPE.nbt</FileName><Vendor>Polycom</Vendor></Update>",
            ),
            "refusal: CPE.nbt: Update 1: the entry of the manifest is incomplete: expected DeviceType, Model, Revision, Locale by the manifest or the path",
        ),
        (
            Kind::WordUnusable,
            flat().with_manifest(&cpe("").replace("CX700", "..")),
            "refusal: CPE.nbt: Update 1: a word cannot be used in a rule: expected words that can stand in a rule, found model of the rule contains '.' at byte 1, expected no blank at either end and no full stop at the end",
        ),
        (
            Kind::FileMissing,
            good().with_manifest(&cpe("").replace("CPE.nbt", "other.nbt")),
            "refusal: updateInfo.xml: Update 1: the manifest names a file that is not in the cabinet: expected a member other.nbt",
        ),
        (
            Kind::WrongRole,
            flat().with_manifest(&cpe("").replace("CPE.nbt", "CPE.cat")),
            "refusal: CPE.cat: Update 1: the manifest names a file of the wrong kind: expected an image, found the name of another kind of file",
        ),
        (
            Kind::Contradiction,
            good().with_manifest(&format!(
                "<Update Model='CX600'><FileName>{FOLDER}/CPE.nbt</FileName></Update>"
            )),
            "refusal: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt: Update 1: the manifest and the file's path disagree: expected Model \"CX700\", by the path, found \"CX600\"",
        ),
        (
            Kind::ImageWithoutSignature,
            Files::new().with(&format!("{FOLDER}/CPE.nbt"), IMAGE),
            "refusal: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt: the image has no signature: expected UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.cat beside it",
        ),
        (
            Kind::SignatureWithoutImage,
            good().with("other.cat", catalogue()),
            "refusal: other.cat: the signature has no image: expected other.nbt beside it",
        ),
        (
            Kind::ImageFitsNeither,
            good().with_image("stray/CPE"),
            "refusal: stray/CPE.nbt: the image fits neither manifest nor folder hierarchy: expected an update of the manifest that names it, or a folder <DeviceType>/<Vendor>/<Model>/<Revision>/<Locale>/<Version>/<UpdateType>, found 2 parts in the path",
        ),
        (
            Kind::ImageEmpty,
            Files::new()
                .with(&format!("{FOLDER}/CPE.nbt"), "")
                .with(&format!("{FOLDER}/CPE.cat"), catalogue()),
            "refusal: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt: the image is empty: expected at least one byte",
        ),
        (
            Kind::DuplicateRelease,
            good().with_image("ucphone/Polycom/CX700/A/ENU/3.5.1/CPE/CPE"),
            "refusal: ucphone/Polycom/CX700/A/ENU/3.5.1/CPE/CPE.nbt: the package has two releases for one rule: expected one release for ucphone/Polycom/CX700/A/ENU/CPE, found another by UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt",
        ),
        (
            Kind::DigestMismatch,
            with_signature(forged),
            "refusal: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt: signature UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.cat: the signature does not match the image: expected SHA-1 ccc54cc15249df3ec90bd48997e5dcada11e8fbf, found SHA-1 ",
        ),
        (
            Kind::ListChanged,
            with_signature(changed),
            "refusal: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.cat: the list of the signature was changed after it was signed: expected the digest of the list among the signed attributes, found another",
        ),
        (
            Kind::TooManyReleases,
            good()
                .with_image("UCPhone/Polycom/CX600/A/ENU/1.2/CPE/CPE")
                .limited(|limits| limits.releases = 1),
            "refusal: UCPhone/Polycom/CX600/A/ENU/1.2/CPE/CPE.nbt: the package has too many releases: expected at most 1, which is the limit `releases`",
        ),
        (
            Kind::NoRelease,
            Files::new().with("holiday.jpg", "..."),
            "refusal: the cabinet holds no release: expected an image with its signature, placed by updateInfo.xml or by folders <DeviceType>/<Vendor>/<Model>/<Revision>/<Locale>/<Version>/<UpdateType>, found 1 file",
        ),
        (
            Kind::TooManyProblems,
            Files::new()
                .with("a.nbt", IMAGE)
                .with("b.nbt", IMAGE)
                .with("c.nbt", IMAGE)
                .limited(|limits| limits.problems = 2),
            "refusal: the package has more refusals than are reported: expected at most 2, which is the limit `problems`",
        ),
        (
            Kind::TooManyWarnings,
            good()
                .with("a.txt", "")
                .with("b.txt", "")
                .with("c.txt", "")
                .limited(|limits| limits.problems = 2),
            "warning: the package has more warnings than are reported: expected at most 2, which is the limit `problems`",
        ),
        (
            Kind::NarrowingUnknown,
            flat().with_manifest(&update(
                "3.5.6907.9",
                "<HardwareRange>C-D</HardwareRange><FileName>CPE.nbt</FileName>",
            )),
            "refusal: updateInfo.xml: byte 165: the manifest has an unknown name that may restrict the update: expected a name of the table, found HardwareRange",
        ),
        (
            Kind::NarrowingIgnored,
            Files {
                options: PackageOptions::default().with_unknown_narrowing_ignored(true),
                ..flat().with_manifest(&cpe("<HardwareRange>C-D</HardwareRange>"))
            },
            "warning: updateInfo.xml: byte 193: the manifest has an unknown name that may restrict the update, which was ignored: expected a name of the table, found HardwareRange",
        ),
        (
            Kind::SecondManifest,
            flat().with_manifest(&cpe("")).with("other/updateInfo.xml", "<Updates/>"),
            "refusal: other/updateInfo.xml: the package has another manifest: expected updateInfo.xml only",
        ),
        (
            Kind::LeadingFolder,
            Files::new().with_image(&format!("UCUpdates/{FOLDER}/CPE")),
            "warning: the files lie in a folder of their own, which was taken off: expected the hierarchy at the root of the cabinet, found UCUpdates",
        ),
        (
            Kind::SignedContentUnknown,
            with_signature(unknown_algorithm),
            "warning: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.cat: the signed content of the signature cannot be checked: expected a digest of the list by SHA-1 or SHA-256 among the signed attributes",
        ),
        (
            Kind::UnreadableCatalogueAccepted,
            Files { options: accepting(), ..with_signature(b"garbage".to_vec()) },
            "warning: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.cat: the signature cannot be compared with the image, which was accepted: expected a signed certificate trust list, found content info: ASN.1 DER message is incomplete: expected 99, actual 7, at byte 0",
        ),
        (
            Kind::NameUnknown,
            flat().with_manifest(&cpe("<Colour>black</Colour>")),
            "warning: updateInfo.xml: byte 193: the manifest has an unknown name: expected a name of the table, found Colour",
        ),
        (
            Kind::ManifestSaysNothing,
            good().with_manifest("<Update version='3.5.6907.9'/>"),
            "warning: updateInfo.xml: the manifest places no image, so the folders were read: expected an update that names an image",
        ),
        (
            Kind::UpdateWithoutFile,
            good().with_manifest("<Update version='3.5.6907.9'/>"),
            "warning: updateInfo.xml: Update 1: the manifest's entry names no image: expected FileName of an image",
        ),
        (
            Kind::NotInManifest,
            good().with_image("CPE").with_manifest(&cpe("").replace("CX700", "CX600")),
            "warning: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt: the manifest does not name the image, so its folders were read: expected an update that names it",
        ),
        (
            Kind::DescriptionMissing,
            flat().with_manifest(&cpe("<DescriptionFileName>CPE.xml</DescriptionFileName>")),
            "warning: updateInfo.xml: Update 1: a description is not in the cabinet: expected a member CPE.xml",
        ),
        (
            Kind::OverwritesSettings,
            good().with("RTConfig.xml", "<RTConfig/>"),
            "warning: RTConfig.xml: the file overwrites customised settings of RoundTable devices: expected an administrator who knows that custom settings are replaced",
        ),
        (
            Kind::CatalogueUnreadable,
            with_signature(b"garbage".to_vec()),
            "refusal: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.cat: the signature cannot be read: expected a signed certificate trust list, found content info: ASN.1 DER message is incomplete: expected 99, actual 7, at byte 0",
        ),
        (
            Kind::CatalogueUnsigned,
            good(),
            "warning: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.cat: the signature names no signer: expected a signer, found none",
        ),
        (
            Kind::NothingToCompare,
            with_signature(md5),
            "refusal: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt: signature UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.cat: the signature has no digest to compare: expected 1.2.840.113549.2.5 abab, found SHA-1 ",
        ),
        (
            Kind::VersionUnreadable,
            Files::new().with_image("3PIP/Maker/Phone/1/ENU/4.1.0.82b/CPE/CPE"),
            "warning: 3PIP/Maker/Phone/1/ENU/4.1.0.82b/CPE/CPE.nbt: the version cannot be read and has no order: expected two to four numbers, found \"4.1.0.82b\": part 4 of the version contains 'b', expected digits",
        ),
        (
            Kind::NoTimeStamp,
            Files { time: None, ..good() },
            "warning: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt: the image has no time stamp: expected a date of the calendar in the cabinet",
        ),
        (
            Kind::ExtraFile,
            good().with("readme.txt", ""),
            "warning: readme.txt: the file belongs to no release: expected images, signatures and their descriptions",
        ),
    ]
}

#[test]
fn every_kind_of_problem_is_reported_in_one_line_with_its_severity() {
    let mut reached = BTreeSet::new();
    for (kind, files, expected) in cases() {
        let package = files.understood();
        let lines: Vec<String> =
            package.problems.iter().filter(|it| it.kind == kind).map(ToString::to_string).collect();
        assert!(
            lines.iter().any(|line| line.starts_with(expected)),
            "{kind:?}: {lines:#?} of {:#?}",
            package.problems
        );
        if kind.severity() == Severity::Refusal {
            assert!(package.is_refused());
        } else {
            assert!(!package.is_refused(), "{kind:?}: {:#?}", package.problems);
        }
        reached.insert(kind);
    }
    // Only reading a whole cabinet can find these problems. Their tests are elsewhere.
    reached.extend([ProblemKind::AmbiguousCabinet, ProblemKind::IrregularCabinet, ProblemKind::UnreadFolder]);
    reached.extend([ProblemKind::SeveralPackages, ProblemKind::OtherCabinet]);
    assert_eq!(reached, ProblemKind::ALL.iter().copied().collect());
}

#[test]
fn every_case_reads_the_same_out_of_a_cabinet() {
    for (kind, files, _) in cases() {
        if matches!(kind, ProblemKind::NoTimeStamp) {
            continue; // the builder writes no such date
        }
        let bytes = files.cabinet();
        let package = read(&bytes, files.options.clone());
        let expected = Package { id: package.id, sha256: package.sha256, ..files.understood() };
        assert_eq!(package, expected, "{kind:?}");
        assert_eq!(package.sha256, Sha256Digest::of(&bytes));
    }
}

#[test]
fn a_cabinet_without_manifest_is_read_by_its_folders() {
    let files = good().with(&format!("{FOLDER}/notes.xml"), "<a/>").with_image("OCInterim/ENU/CPE");
    let package = files.understood();
    assert_eq!(package.form, PackageForm::Hierarchy);
    let [release] = &package.releases[..] else { panic!("{package:?}") };
    assert_eq!((release.key.to_string().as_str(), release.version.as_str()), (KEY, "3.5.6907.9"));
    assert_eq!((release.image, release.signature, &release.descriptions[..]), (0, 1, &[2][..]));
    assert_eq!(release.time_stamp, Some(time()));
    let [interim] = &package.interim[..] else { panic!("{package:?}") };
    assert_eq!(
        (interim.locale.as_str(), interim.update_type.as_str(), &interim.version),
        ("ENU", "CPE", &None)
    );
    assert_eq!((interim.image, interim.signature), (3, 4));
}

#[test]
fn one_cabinet_may_serve_many_devices() {
    let models = ["CX700", "CX600", "CX500"];
    let files = models.iter().fold(Files::new(), |files, model| {
        files.with_image(&format!("UCPhone/Polycom/{model}/A/ENU/4.0.7577.0/CPE/CPE"))
    });
    let package = files.understood();
    assert_eq!(package.releases.len(), 3);
    assert!(!package.is_refused());
}

#[test]
fn the_manifest_places_images_that_lie_anywhere() {
    let inner = "<Update version='1.2' DeviceType='UCPhone' Brand='Polycom' Model='CX700' Revision='A' Locale='ENU' \
                 FileName='files\\first.nbt'><SignatureFileName>sigs/one.cat</SignatureFileName>\
                 <DescriptionFileName>about.xml</DescriptionFileName><UpdateType>CPE</UpdateType></Update>\
                 <Interim version='1.0.522.103' Locale='DEU'><FileName>old.nbt</FileName></Interim>";
    let files = Files::new()
        .with("files/first.nbt", IMAGE)
        .with("sigs/one.cat", catalogue())
        .with("about.xml", "<a/>")
        .with_image("old")
        .with_manifest(inner);
    let package = files.understood();
    assert_eq!(package.refusals().count(), 0, "{:#?}", package.problems);
    assert_eq!(package.form, PackageForm::Manifest);
    let release = &package.releases[0];
    assert_eq!((release.key.to_string().as_str(), release.version.as_str()), (KEY, "1.2"));
    assert_eq!((release.image, release.signature, &release.descriptions[..]), (0, 1, &[2][..]));
    let interim = &package.interim[0];
    assert_eq!((interim.locale.as_str(), interim.update_type.as_str()), ("DEU", "old"));
    assert_eq!(interim.version.as_ref().unwrap().as_str(), "1.0.522.103");
}

#[test]
fn a_path_of_the_manifest_may_begin_at_the_root_but_not_climb() {
    for (said, refused) in [
        (r"\files\CPE.nbt", false),
        ("./files/CPE.nbt", false),
        (r"..\files\CPE.nbt", true),
        (r"C:\CPE.nbt", true),
    ] {
        let inner = cpe("").replace("CPE.nbt", said);
        let package = Files::new().with_image("files/CPE").with_manifest(&inner).understood();
        assert_eq!(package.is_refused(), refused, "{said}: {:#?}", package.problems);
        assert_eq!(package.problems.iter().any(|it| it.kind == ProblemKind::UnsafeName), refused);
    }
}

#[test]
fn several_updates_may_share_an_image() {
    let other = cpe("").replace("CX700", "CX600");
    let package = Files::new().with_image("CPE").with_manifest(&format!("{}{other}", cpe(""))).understood();
    assert_eq!(package.refusals().count(), 0, "{:#?}", package.problems);
    assert_eq!(package.releases.iter().map(|release| release.image).collect::<Vec<_>>(), [0, 0]);
    assert_eq!((package.catalogues.len(), package.comparisons.len()), (1, 1));
}

#[test]
fn what_the_manifest_leaves_out_the_path_says() {
    let inner = format!("<Update version='3.5.6907.9'><FileName>{FOLDER}/CPE.nbt</FileName></Update>");
    let package = good().with_manifest(&inner).understood();
    assert_eq!(package.releases[0].key.to_string(), KEY);
    assert_eq!(package.form, PackageForm::Manifest);
    // A bare file name is searched in the folder that the words of the update mean. Without a name, the only image in
    // that folder is used.
    for inner in [cpe(""), update("3.5.6907.9", "<UpdateType>CPE</UpdateType>")] {
        let package = good().with_manifest(&inner).understood();
        assert_eq!(package.form, PackageForm::Manifest, "{inner}: {:#?}", package.problems);
        assert_eq!(package.releases[0].image, 0);
    }
    let inner = "<Update version='1.0.522.103'><FileName>OCInterim/ENU/CPE.nbt</FileName></Update>";
    let package = Files::new().with_image("OCInterim/ENU/CPE").with_manifest(inner).understood();
    assert_eq!(package.interim[0].version.as_ref().unwrap().as_str(), "1.0.522.103");
}

#[test]
fn a_version_that_is_the_same_release_is_no_contradiction() {
    let stem = "UCPhone/Polycom/CX700/A/ENU/1.0.522.0/CPE/CPE";
    let inner = format!("<Update version='1.0.522'><FileName>{stem}.nbt</FileName></Update>");
    let package = Files::new().with_image(stem).with_manifest(&inner).understood();
    assert_eq!(package.refusals().count(), 0, "{:#?}", package.problems);
    assert_eq!(package.releases[0].version.as_str(), "1.0.522");
}

#[test]
fn an_image_of_another_ending_is_one_where_it_lies_like_one_and_has_a_signature() {
    let stem = "3PIP/Maker/Phone/1/ENU/4.1/CPE/phone";
    let files = Files::new().with(&format!("{stem}.ld"), IMAGE).with(&format!("{stem}.cat"), catalogue());
    let package = files.understood();
    assert_eq!(package.members[0].role, MemberRole::Image);
    assert_eq!(package.releases[0].image, 0);
    let alone = good().with(&format!("{stem}.ld"), IMAGE).understood();
    assert_eq!((alone.releases.len(), alone.members[2].role), (1, MemberRole::Other));
}

#[test]
fn a_signature_by_sha256_speaks_for_its_image() {
    let sha256 = CatalogueBuilder::new().with_sha256();
    for (image, refused) in [(IMAGE, false), (&b"forged"[..], true)] {
        let catalogue = sha256.clone().with_image("CPE.nbt", IMAGE).build().unwrap();
        let files = Files::new()
            .with(&format!("{FOLDER}/CPE.nbt"), image)
            .with(&format!("{FOLDER}/CPE.cat"), catalogue);
        assert_eq!(files.understood().is_refused(), refused);
    }
}

#[test]
fn a_signed_catalogue_that_lists_its_image_leaves_nothing_to_say() {
    let listing = CatalogueBuilder::new().with_image("CPE.nbt", IMAGE);
    let catalogue = signed(&listing, &Signing::default());
    let files =
        Files::new().with(&format!("{FOLDER}/CPE.nbt"), IMAGE).with(&format!("{FOLDER}/CPE.cat"), catalogue);
    let package = files.understood();
    assert_eq!(package.problems, []);
    let signer = &package.catalogues[0].catalogue.as_ref().unwrap().signers[0];
    assert_eq!(signer.subject.as_deref(), Some("CN=Example Phones,O=Example"));
    assert_eq!(package.comparisons[0].listing, Some(Listing::Listed));
}

#[test]
fn a_catalogue_that_cannot_be_read_is_refused_unless_that_is_accepted() {
    let good = catalogue();
    let wrong = CatalogueBuilder::new().with_image("CPE.nbt", b"other bytes").build().unwrap();
    let pem = b"-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n".to_vec();
    for (name, bytes, found) in [
        ("empty", Vec::new(), "no bytes"),
        ("not DER", b"garbage".to_vec(), "incomplete"),
        ("PEM", pem, "PEM, which must be converted, instead of DER"),
        ("a byte behind", [&good[..], &[0]].concat(), "at byte"),
        ("a byte behind a list without the image", [&wrong[..], &[0]].concat(), "at byte"),
        ("a byte less", good[..good.len() - 1].to_vec(), "incomplete"),
        ("too long", vec![0x30; 1024 * 1024 + 1], "and the limit `catalogue_bytes` is 1048576"),
        ("XML", b"<html></html>".to_vec(), "XML or HTML"),
        ("zeros", vec![0; 300], "zeros only"),
    ] {
        let files =
            Files::new().with(&format!("{FOLDER}/CPE.nbt"), IMAGE).with(&format!("{FOLDER}/CPE.cat"), bytes);
        let package = files.understood();
        let refusal = package.refusals().next().unwrap_or_else(|| panic!("{name} is not refused"));
        assert_eq!(refusal.kind, ProblemKind::CatalogueUnreadable, "{name}");
        assert!(refusal.to_string().contains(found), "{name}: {refusal}");
        let accepted = Files { options: accepting(), ..files }.understood();
        assert!(!accepted.is_refused(), "{name}");
        assert_eq!(accepted.problems[0].kind, ProblemKind::UnreadableCatalogueAccepted, "{name}");
        assert_eq!(accepted.comparisons[0].listing, None);
    }
}

#[test]
fn accepting_unreadable_catalogues_accepts_neither_a_wrong_digest_nor_an_absent_catalogue() {
    let wrong = CatalogueBuilder::new().with_image("CPE.nbt", b"other bytes").build().unwrap();
    let image = Files { options: accepting(), ..Files::new().with(&format!("{FOLDER}/CPE.nbt"), IMAGE) };
    assert_eq!(image.understood().refusals().next().unwrap().kind, ProblemKind::ImageWithoutSignature);
    let package = image.with(&format!("{FOLDER}/CPE.cat"), wrong).understood();
    assert_eq!(package.refusals().next().unwrap().kind, ProblemKind::DigestMismatch);
}

#[test]
fn an_unknown_restriction_is_ignored_only_when_asked() {
    let files = Files::new().with_image("CPE").with_manifest(&cpe("<HardwareRange>C-D</HardwareRange>"));
    assert!(files.understood().is_refused());
    let options = PackageOptions::default().with_unknown_narrowing_ignored(true);
    let package = Files { options, ..files }.understood();
    assert!(!package.is_refused());
    assert!(package.problems.iter().any(|problem| problem.kind == ProblemKind::NarrowingIgnored));
}

#[test]
fn a_common_leading_folder_is_taken_off_and_a_dot_too() {
    let leading = |prefix: &str| {
        let with = |stem: &str| format!("{prefix}{stem}");
        Files::new().with_image(&with(&format!("{FOLDER}/CPE"))).with_image(&with("OCInterim/ENU/CPE"))
    };
    for (prefix, is_folder) in
        [("./", false), (r".\", false), ("UCUpdates/", true), ("a/b c/", true), ("./a/", true)]
    {
        let package = leading(prefix).understood();
        assert!(!package.is_refused(), "{prefix}: {:#?}", package.problems);
        assert_eq!((package.releases.len(), package.interim.len()), (1, 1), "{prefix}");
        let path = package.members[0].path.as_ref().unwrap();
        assert_eq!(path.as_str(), format!("{FOLDER}/CPE.nbt"));
        let report = package.problems.iter().any(|problem| problem.kind == ProblemKind::LeadingFolder);
        assert_eq!(report, is_folder, "{prefix}");
    }
    let with_manifest = Files::new()
        .with("Driver/updateInfo.xml", format!("<Updates>{}</Updates>", cpe("")))
        .with_image("Driver/CPE")
        .with("eula.txt", "");
    for package in [with_manifest.understood(), read(&with_manifest.cabinet(), PackageOptions::default())] {
        assert_eq!((package.releases.len(), package.form), (1, PackageForm::Manifest));
        assert!(!package.is_refused(), "{:#?}", package.problems);
    }
    // Images in two different folders have no common folder.
    let two = Files::new().with_image(&format!("a/{FOLDER}/CPE")).with_image(&format!("b/{FOLDER}/CPE"));
    assert!(two.understood().is_refused());
}

fn in_cabinet(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut cabinet = CabinetBuilder::new(Compression::Mszip);
    for (name, bytes) in files {
        cabinet.file(*name, time(), *bytes);
    }
    cabinet.build().unwrap()
}

#[test]
fn a_cabinet_in_a_cabinet_or_program_is_read_in_place_of_the_file_it_is() {
    let inner = good().cabinet();
    let mut outer = in_cabinet(&[("eula.txt", b"EUL"), ("UCUpdates.cab", &inner), ("z.txt", b"z")]);
    for depth in 1..=2 {
        for bytes in [outer.clone(), crate::self_extracting(&outer)] {
            let package = read(&bytes, PackageOptions::default());
            assert!(!package.is_refused(), "{depth}: {:#?}", package.problems);
            assert_eq!(package.releases[0].key.to_string(), KEY);
            assert_eq!(package.sha256, Sha256Digest::of(&outer));
            let indices: Vec<usize> = package.members.iter().map(|member| member.index).collect();
            assert_eq!(indices, (0..package.members.len()).collect::<Vec<_>>());
        }
        outer = in_cabinet(&[("more.cab", &outer)]);
    }
    // A cabinet at the third level is an ordinary file.
    assert_eq!(
        read(&outer, PackageOptions::default()).refusals().next().unwrap().kind,
        ProblemKind::NoRelease
    );
    let error = read_package(
        Cabinet::open(&in_cabinet(&[("UCUpdates.cab", &inner[..200])])[..], CabinetLimits::default())
            .unwrap(),
        PackageOptions::default(),
        &mut NoSink,
    );
    assert!(matches!(error, Err(PackageError::Member { .. })));
}

#[test]
fn the_one_cabinet_with_a_package_is_read_wherever_it_stands() {
    let (package, other) = (good().cabinet(), in_cabinet(&[("a", b"a")]));
    let expected = read(&package, PackageOptions::default());
    for cabinets in [[&package, &other, &other], [&other, &package, &other], [&other, &other, &package]] {
        let program =
            crate::self_extracting(&cabinets.map(|cabinet| [cabinet, &[0; 70_000][..]].concat()).concat());
        let found = read(&program, PackageOptions::default());
        assert!(!found.is_refused(), "{:#?}", found.problems);
        assert_eq!((found.id, &found.releases), (expected.id, &expected.releases));
        let others = found.problems.iter().filter(|problem| problem.kind == ProblemKind::OtherCabinet);
        assert_eq!(others.count(), 2);
    }
    // The letters alone are not a cabinet.
    let signed = [&package[..], b"MSCF behind the cabinet"].concat();
    assert_eq!(read(&signed, PackageOptions::default()), expected);
}

#[test]
fn several_cabinets_with_a_package_refuse_it_until_one_is_chosen() {
    let (first, second) =
        (good().cabinet(), Files::new().with_image("CPE").with_manifest(&cpe("")).cabinet());
    let input = [&first[..], &second].concat();
    let package = read(&input, PackageOptions::default());
    let (middle, size) = (first.len(), second.len());
    assert_eq!(
        package.refusals().next().unwrap().to_string(),
        format!(
            "refusal: the file has several cabinets with a package: expected one, or the offset of the right one \
             (`--cabinet-at`), found a cabinet of {middle} bytes at byte 0 and a cabinet of {size} bytes at byte {middle}"
        )
    );
    for (offset, bytes) in [(0, &first), (middle, &second)] {
        let options = CabinetOptions::default().with_offset(offset as u64);
        let chosen = Cabinet::open(&input[..], options).unwrap();
        let package = read_package(chosen, PackageOptions::default(), &mut NoSink).unwrap();
        assert_eq!(package.sha256, Sha256Digest::of(bytes));
        assert!(!package.is_refused(), "{:#?}", package.problems);
    }
    let no_cabinet = Cabinet::open(&input[..], CabinetOptions::default().with_offset(5)).unwrap_err();
    assert!(
        no_cabinet.to_string().starts_with("cabinet header at byte 5 is damaged: expected `MSCF`, found ")
    );
}

#[test]
fn a_damaged_cabinet_behind_the_package_refuses_it() {
    let (first, mut second) = (good().cabinet(), good().cabinet());
    *second.last_mut().unwrap() ^= 0x55;
    let package = read(&[&first[..], &second].concat(), PackageOptions::default());
    let refusal = package.refusals().next().unwrap();
    let expected = format!("a cabinet at byte {} that cannot be read (", first.len());
    assert_eq!(refusal.kind, ProblemKind::SeveralPackages);
    assert!(refusal.to_string().contains(&expected), "{refusal}");
}

#[test]
fn a_header_without_its_tables_is_passed_over_with_a_warning() {
    let package = good().cabinet();
    // The table ends within the name of the second file.
    let decoy = &in_cabinet(&[("a", b"a"), ("b", b"b")])[..78];
    let program = crate::self_extracting(&[decoy, &b"x".repeat(300), &package].concat());
    let found = read(&program, PackageOptions::default());
    assert!(!found.is_refused(), "{:#?}", found.problems);
    assert_eq!(found.sha256, Sha256Digest::of(&package));
    let warning =
        found.problems.iter().find(|problem| problem.kind == ProblemKind::IrregularCabinet).unwrap();
    assert!(warning.to_string().contains("look like a cabinet, but cannot be read: "), "{warning}");
}

#[test]
fn a_package_of_the_most_releases_with_plain_names_is_read_within_the_default_limits() {
    let mut files = Files::new();
    for number in 0..4096 {
        files = files.with_image(&format!("UCPhone/Polycom/CX{number:04}/A/ENU/3.5.6907.9/CPE/CPE"));
    }
    let package = read(&files.cabinet(), PackageOptions::default());
    assert_eq!(package.releases.len(), 4096);
    assert!(!package.is_refused());
}

#[test]
fn a_manifest_may_come_last() {
    let first = Files::new().with_manifest(&cpe("")).with_image("CPE").understood();
    let last = Files::new().with_image("CPE").with_manifest(&cpe("")).understood();
    assert_eq!(first.releases[0].key, last.releases[0].key);
    let bytes = Files::new().with_image("CPE").with_manifest(&cpe("")).cabinet();
    assert_eq!(read(&bytes, PackageOptions::default()).form, PackageForm::Manifest);
}

#[test]
fn what_is_longer_than_a_limit_is_not_kept_and_that_is_reported() {
    let bytes = Files::new().with_image("CPE").with_manifest(&cpe("")).cabinet();
    let kinds = |limits: PackageLimits| -> BTreeSet<ProblemKind> {
        read(&bytes, limits).problems.iter().map(|problem| problem.kind).collect()
    };
    let limits = PackageLimits { manifest_bytes: 10, ..PackageLimits::default() };
    assert!(kinds(limits.clone()).contains(&ProblemKind::ManifestUnreadable));
    let limits = PackageLimits { catalogue_bytes: 10, ..PackageLimits::default() };
    assert!(kinds(limits.clone()).contains(&ProblemKind::CatalogueUnreadable));
    let limits = PackageLimits { kept_bytes: catalogue().len(), ..PackageLimits::default() };
    assert!(kinds(limits.clone()).contains(&ProblemKind::ManifestUnreadable));
    assert!(!kinds(limits.clone()).contains(&ProblemKind::CatalogueUnreadable));
}

/// A sink that fails when it gets the bytes of the second member.
struct FullDisk {
    members: usize,
}

impl MemberSink for FullDisk {
    fn begin(&mut self, _: &MemberStart) -> io::Result<()> {
        self.members += 1;
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        if self.members == 2 { Err(io::Error::other("disk is full")) } else { Ok(()) }
    }

    fn end(&mut self, _: &Member) -> io::Result<()> {
        Ok(())
    }

    fn start_over(&mut self) -> io::Result<()> {
        self.members = 0;
        Ok(())
    }
}

#[test]
fn a_sink_that_fails_ends_the_reading_with_the_members_name() {
    let bytes = good().cabinet();
    let cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
    let error = read_package(cabinet, PackageOptions::default(), &mut FullDisk { members: 0 }).unwrap_err();
    assert_eq!(error.to_string(), "\"UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.cat\" cannot be stored");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "disk is full");
}

#[test]
fn a_damaged_cabinet_is_an_error_that_names_the_member() {
    let mut bytes = good().cabinet();
    let last = bytes.len() - 1;
    bytes[last] ^= 0x55;
    let cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
    let error = read_package(cabinet, PackageOptions::default(), &mut NoSink).unwrap_err();
    assert!(matches!(&error, PackageError::Member { member, .. } if member.ends_with("CPE.nbt")), "{error}");
}
