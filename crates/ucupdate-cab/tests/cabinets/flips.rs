//! Changes single bytes of the manifest and of a catalogue. The package is refused, or it means the same.

use std::collections::BTreeSet;
use ucupdate_cab::package::{NoSink, Package, PackageOptions, read_package, sample};
use ucupdate_cab::{Cabinet, CabinetBuilder, CabinetLimits, Compression};

use super::fixture::read_all;

/// The changes of each byte: the lowest bit, the bit of the case of a letter, the highest bit, and all bits.
const FLIPS: [u8; 4] = [0x01, 0x20, 0x80, 0xFF];

type Files = Vec<(String, Vec<u8>)>;

/// Reads the package of these files. `None` if it is refused.
fn read(files: &Files) -> Option<Package> {
    let mut builder = CabinetBuilder::new(Compression::None);
    for (name, bytes) in files {
        builder.file(name, sample::time_stamp(), bytes.clone());
    }
    let bytes = builder.build().unwrap();
    let cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
    let package = read_package(cabinet, PackageOptions::default(), &mut NoSink).ok()?;
    (!package.is_refused()).then_some(package)
}

/// Returns what a package offers: the devices, the version, the image and the signature of each release and interim image. The
/// version of an interim image is left out, because the rule book compares it with that of the stepping stone.
fn meaning(package: &Package) -> BTreeSet<String> {
    let bytes = |member: usize| package.members[member].sha256;
    let releases = package.releases.iter().map(|release| {
        let key = release.key.to_string().to_ascii_lowercase();
        format!("{key} {} {}", release.version, bytes(release.image))
    });
    let interim = package.interim.iter().map(|image| {
        format!("{} {} {}", image.locale, image.update_type, bytes(image.image)).to_ascii_lowercase()
    });
    releases.chain(interim).collect()
}

/// Changes each byte of a file. Returns how many packages were refused, and how many mean the same.
#[track_caller]
fn assert_same_or_refused(files: &Files, name: &str) -> (usize, usize) {
    let place = files.iter().position(|(found, _)| found.replace('\\', "/") == name).unwrap();
    let unchanged = meaning(&read(files).unwrap());
    let (mut refused, mut same) = (0, 0);
    let mut files = files.clone();
    for at in 0..files[place].1.len() {
        for flip in FLIPS {
            files[place].1[at] ^= flip;
            match read(&files) {
                None => refused += 1,
                Some(package) => {
                    let line = String::from_utf8_lossy(&files[place].1[at.saturating_sub(20)..]).into_owned();
                    assert_eq!(meaning(&package), unchanged, "byte {at} of {name} ^ {flip:#x}: {line:.60}");
                    same += 1;
                }
            }
            files[place].1[at] ^= flip;
        }
    }
    (refused, same)
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn a_changed_byte_of_the_manifest_is_refused_or_means_the_same() {
    let files = read_all(&sample::uc_updates(200)).unwrap().0;
    let (refused, same) = assert_same_or_refused(&files, "updateInfo.xml");
    assert!(refused >= 500 && same > 0, "{refused} refused, {same} the same");
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn a_changed_byte_of_a_catalogue_is_refused_or_means_the_same() {
    let files = read_all(&sample::uc_updates(200)).unwrap().0;
    let catalogue = "UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.cat";
    let (refused, same) = assert_same_or_refused(&files, catalogue);
    assert!(refused >= 500 && same > 0, "{refused} refused, {same} the same");
}
