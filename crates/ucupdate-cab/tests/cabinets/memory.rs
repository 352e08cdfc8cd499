//! Tests the memory that reading takes. The allocator counts it for this thread.

use ucupdate_cab::{Cabinet, CabinetLimits, Compression};

use super::fixture::{Raw, RawFile, firmware, kinds, lzx};

const MIB: u64 = 1024 * 1024;

/// Returns the largest number of bytes allocated at one time while the parts are read to their end or to an error.
fn peak(parts: &[&[u8]]) -> u64 {
    let measured = allocation_counter::measure(|| {
        let cabinet = Cabinet::open_set(parts.to_vec(), CabinetLimits::default());
        let _ = std::hint::black_box(cabinet.and_then(Cabinet::finish));
    });
    measured.bytes_max
}

#[test]
fn reading_takes_at_most_four_mebibytes_and_the_window() {
    let content = firmware(1, 70_000);
    for kind in kinds() {
        let window = if let Compression::Lzx { window_bits } = kind { 1 << window_bits } else { 0 };
        let bytes = Raw::of(kind, &[("a", &content)]).to_bytes();
        let peak = peak(&[&bytes]);
        assert!(peak <= MIB + window, "{kind}: {peak}");
    }
}

#[test]
fn reading_ahead_takes_no_more_than_its_limit() {
    let content = firmware(2, 6_000_000);
    let bytes = Raw::of(Compression::Mszip, &[("a", &content)]).to_bytes();
    let peak = peak(&[&bytes]);
    assert!(peak <= 9 * MIB, "{peak}");
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn as_many_files_with_names_as_costly_as_the_limits_allow_take_no_more() {
    // The largest number of files by default, and the longest name of the format.
    let (files, longest) = (8192, 255);
    // Names with the most expensive content: bytes that become three bytes each in UTF-8, and names that are valid
    // paths.
    let costly: fn(u64) -> Vec<u8> = |length| vec![0x80; length as usize];
    let plain: fn(u64) -> Vec<u8> = |length| vec![b'a'; length as usize];
    let deep: fn(u64) -> Vec<u8> = |length| b"\x80/".repeat(length as usize / 2);
    for name in [costly, plain, deep] {
        let mut raw = Raw::of(lzx(21), &[("a", b"1234567")]);
        for number in 1..files {
            let name = [format!("{number:05}").as_bytes(), &name(longest - 5)].concat();
            raw.files.push(RawFile { name, size: 0, begin: 0, folder: 0, attributes: 0 });
        }
        let bytes = raw.to_bytes();
        assert!(Cabinet::open(&bytes[..], CabinetLimits::default()).is_ok());
        let peak = peak(&[&bytes]);
        assert!(peak <= 12 * MIB + (1 << 21), "{peak}");
    }
}

#[test]
fn a_set_of_as_many_parts_as_allowed_takes_no_more() {
    let parts: Vec<Vec<u8>> = (0..32)
        .map(|index| {
            let mut raw = Raw::of(Compression::None, &[("a", &firmware(1, 100_000))]);
            raw.index = index;
            raw.previous = (index > 0).then_some("before.cab");
            raw.next = (index < 31).then_some("next.cab");
            raw.to_bytes()
        })
        .collect();
    let parts: Vec<&[u8]> = parts.iter().map(|part| &part[..]).collect();
    assert!(Cabinet::open_set(parts.clone(), CabinetLimits::default()).unwrap().finish().is_ok());
    let peak = peak(&parts);
    assert!(peak <= 4 * MIB, "{peak}");
}

#[test]
fn a_header_that_claims_everything_takes_next_to_nothing() {
    let mut bytes = Raw::empty().to_bytes();
    bytes[8..12].fill(0x3F);
    bytes[26..30].copy_from_slice(&[0xFF, 0, 0xFF, 0x1F]);
    bytes[16] = 0xFF;
    let peak = peak(&[&bytes]);
    assert!(peak < 64 * 1024, "{peak}");
}
