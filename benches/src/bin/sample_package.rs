//! Writes a package for measurements to a file.
//!
//! `sample_package BYTES OUT.cab` writes the sample package with three images of this size, which compress to half.
//! `sample_package --noise BYTES OUT.cab` writes a package with one image of this size, which does not compress.

#![allow(clippy::unwrap_used, reason = "it is for one script, which stops at a panic")]

use ucupdate_cab::package::{NewRelease, PackageBuilder, sample};
use ucupdate_core::ReportedVersion;

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_noise = arguments.first().is_some_and(|first| first == "--noise");
    let rest = arguments.split_off(usize::from(is_noise));
    let [bytes, out] = rest.try_into().unwrap();
    let bytes = bytes.parse().unwrap();
    std::fs::write(out, if is_noise { noise(bytes) } else { sample::uc_updates(bytes) }).unwrap();
}

/// Returns a package with one image of incompressible bytes.
fn noise(bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut image = vec![0; bytes];
    random.fill(&mut image);
    let version = ReportedVersion::new(sample::IP8540_VERSION);
    let release = NewRelease::new(sample::ip8540(), version, image, sample::time_stamp());
    PackageBuilder::new().with_release(release).build().unwrap()
}
