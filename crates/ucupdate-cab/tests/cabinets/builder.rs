//! Tests of the cabinets that the builder writes.

use proptest::prelude::*;
use ucupdate_cab::{BuildError, Cabinet, CabinetBuilder, CabinetLimits, Compression};
use ucupdate_core::value::FieldTime;

use super::fixture::{firmware, lzx, read_all};

fn stamp() -> FieldTime {
    FieldTime::new((2009, 3, 6), (17, 10, 38)).unwrap()
}

#[test]
fn names_and_times_that_the_format_cannot_hold_are_refused() {
    let build = |name: &str, time| {
        let mut builder = CabinetBuilder::new(Compression::Mszip);
        builder.file(name, time, b"x".to_vec());
        builder.build().unwrap_err().to_string()
    };
    assert_eq!(build("", stamp()), "name `` has 0 bytes, expected 1 to 255 bytes without a zero byte");
    assert!(build(&"x".repeat(256), stamp()).contains("has 256 bytes"));
    assert!(build("a\0b", stamp()).contains("`a\\0b`"));
    assert_eq!(
        build("a", FieldTime::FILETIME_ZERO),
        "time 01-01-1601 00:00:00 of `a` is outside the years 1980 to 2107"
    );
    let error = CabinetBuilder::new(lzx(15)).build().unwrap_err();
    assert!(matches!(error, BuildError::Compression(_)));
}

#[test]
fn a_reader_that_gives_another_length_than_announced_is_refused() {
    for size in [6, 8] {
        let mut builder = CabinetBuilder::new(Compression::None);
        builder.file_from("a", stamp(), size, &b"1234567"[..]);
        assert!(matches!(builder.build(), Err(BuildError::Size { .. })), "{size}");
    }
}

#[test]
fn folders_are_as_asked_for() {
    let mut builder = CabinetBuilder::new(Compression::Mszip);
    builder.folder().file("a", stamp(), firmware(1, 1000)).folder().folder();
    builder.file("b", stamp(), firmware(2, 1000)).file("c", stamp(), firmware(3, 1000)).reserve(*b"ours");
    let bytes = builder.build().unwrap();
    let cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
    assert_eq!(cabinet.entries().iter().map(|entry| entry.folder()).collect::<Vec<_>>(), [0, 1, 1]);
    assert_eq!(cabinet.reserve(), b"ours");
}

#[test]
fn a_cabinet_without_files_is_one() {
    let bytes = CabinetBuilder::new(Compression::None).build().unwrap();
    assert_eq!(read_all(&bytes).unwrap().0, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_built_is_read(
        files in proptest::collection::vec(
            ("[a-z\u{e4}]{1,8}(\\\\[a-zA-Z0-9.]{1,8}x)?", any::<u64>(), 0_usize..70_000, any::<bool>()),
            0..6,
        ),
        mszip in any::<bool>(),
    ) {
        let compression = if mszip { Compression::Mszip } else { Compression::None };
        let mut builder = CabinetBuilder::new(compression);
        let mut expected = Vec::new();
        for (name, seed, length, new_folder) in files {
            if new_folder {
                builder.folder();
            }
            let content = firmware(seed, length);
            builder.file(name.clone(), stamp(), content.clone());
            expected.push((name, content));
        }
        let bytes = builder.build().unwrap();
        let cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
        prop_assert!(cabinet.entries().iter().all(|entry| entry.modified() == Some(stamp())));
        let (mut found, _) = read_all(&bytes).unwrap();
        found.sort();
        expected.sort();
        prop_assert!(found == expected);
    }
}
