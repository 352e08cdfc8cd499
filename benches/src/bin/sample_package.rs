//! Writes a package with images of a given size to a file: `sample_package BYTES OUT.cab [noise]`.
//!
//! Without `noise` it is the sample package, whose images compress to a half. With `noise` its images do not compress.

#![allow(clippy::unwrap_used, reason = "it is for one script, which stops at a panic")]

use ucupdate_cab::package::{NewRelease, PackageBuilder, sample};
use ucupdate_core::ReportedVersion;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (bytes, out) = (arguments.next().unwrap().parse().unwrap(), arguments.next().unwrap());
    let package = match arguments.next().as_deref() {
        None => sample::uc_updates(bytes),
        Some("noise") => noise(bytes),
        Some(other) => panic!("found {other:?}, expected `noise` or nothing"),
    };
    std::fs::write(out, package).unwrap();
}

/// Returns a package of three images of pseudo-random bytes.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut image = || {
        let word = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        std::iter::repeat_with(word).flatten().take(bytes).collect::<Vec<u8>>()
    };
    let mut builder = PackageBuilder::new();
    for key in [sample::ip8540(), sample::cx700(), sample::conference_camera()] {
        let version = ReportedVersion::new(sample::IP8540_VERSION);
        builder = builder.with_release(NewRelease::new(key, version, image(), sample::time_stamp()));
    }
    builder.build().unwrap()
}
