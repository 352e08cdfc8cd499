//! Writes the sample package with images of a given size to a file: `sample_package BYTES OUT.cab`.

#![allow(clippy::unwrap_used, reason = "it is for one script, which stops at a panic")]

use ucupdate_cab::package::sample;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (bytes, out) = (arguments.next().unwrap().parse().unwrap(), arguments.next().unwrap());
    std::fs::write(out, sample::uc_updates(bytes)).unwrap();
}
