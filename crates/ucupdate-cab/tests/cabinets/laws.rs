//! Checks the laws for any bytes, on whole, damaged and invented cabinets.

use proptest::prelude::*;
use ucupdate_cab::{Compression, laws, self_extracting};

use super::fixture::{Raw, firmware, lzx};

fn samples() -> Vec<Vec<u8>> {
    let content = firmware(4, 70_000);
    let mut samples = Vec::new();
    for kind in [Compression::None, Compression::Mszip, lzx(15), lzx(21)] {
        let mut raw = Raw::of(kind, &[("a\\b", &content[..40_000]), ("a", &content[40_000..])]);
        raw.add_folder(kind, &[("A\\B", b"small"), ("c", b"")]);
        samples.push(raw.to_bytes());
        // Without checksums, damaged data reaches the decoders.
        raw.folders.iter_mut().flat_map(|folder| &mut folder.blocks).for_each(|block| block.has_sum = false);
        raw.block_reserve = 3;
        samples.push(raw.to_bytes());
    }
    samples.push(self_extracting(&samples[0]));
    samples
}

#[test]
fn the_laws_hold_for_whole_cabinets_of_every_kind() {
    for sample in samples() {
        laws::cabinet(&sample);
    }
    laws::cabinet(b"");
}

#[test]
fn the_laws_hold_for_damaged_cabinets() {
    let samples = samples();
    let strategy = (
        any::<prop::sample::Index>(),
        proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..5),
    );
    proptest!(ProptestConfig::with_cases(400), |((sample, damage) in strategy)| {
        let mut bytes = samples[sample.index(samples.len())].clone();
        for (at, byte, in_tables) in damage {
            let end = if in_tables { bytes.len().min(150) } else { bytes.len() };
            bytes[at.index(end)] = byte;
        }
        laws::cabinet(&bytes);
    });
}
