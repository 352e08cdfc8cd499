//! Reads whole cabinets of every kind.

use std::io::Read;

use ucupdate_cab::{CabError, Cabinet, CabinetLimits, CabinetOptions, CodePage, Compression, NameProblem};
use ucupdate_core::value::FieldTime;
use ucupdate_core::value::Sha256Digest;

use super::fixture::{Raw, firmware, kinds, lzx, pack, plain_checksum, read_all};

#[test]
#[ignore = "slow; .ci/run runs it"]
fn every_kind_of_compression_gives_what_went_in() {
    for kind in kinds() {
        for length in [1, 100, 32_767, 32_768, 32_769, 100_000] {
            let content = firmware(length as u64, length);
            let bytes = Raw::of(kind, &[("a\\CPE.nbt", &content)]).to_bytes();
            let (files, finished) =
                read_all(&bytes).unwrap_or_else(|error| panic!("{kind} {length}: {error}"));
            assert_eq!(files.len(), 1);
            assert!(files[0].1 == content, "{kind} {length}");
            assert_eq!(finished.cabinet_bytes, bytes.len() as u64);
            assert_eq!(finished.output_bytes, length as u64);
            assert_eq!(finished.sha256, Sha256Digest::of(&bytes));
            assert_eq!(finished.parts, [finished.sha256]);
        }
    }
}

#[test]
fn matches_reach_over_blocks_and_around_the_window() {
    // The content is longer than the window, and repeats bytes from far back.
    let mut content = firmware(5, 60_000);
    content.extend_from_within(..);
    content.extend(vec![0xFF; 70_000]);
    content.extend_from_within(1..40_000);
    for kind in [Compression::Mszip, lzx(15), lzx(16), lzx(17)] {
        let bytes = Raw::of(kind, &[("a", &content)]).to_bytes();
        assert!(read_all(&bytes).unwrap().0[0].1 == content, "{kind}");
    }
}

#[test]
fn many_files_share_a_folder_and_empty_ones_lie_between() {
    for kind in [Compression::None, Compression::Mszip, lzx(15)] {
        let contents: Vec<(String, Vec<u8>)> =
            (0..60).map(|n| (format!("d\\{n}"), firmware(n, n as usize % 7 * 900))).collect();
        let files: Vec<_> = contents.iter().map(|(name, content)| (name.as_str(), &content[..])).collect();
        let (head, tail) = files.split_at(40);
        let mut raw = Raw::of(kind, head);
        raw.add_folder(Compression::None, tail);
        assert_eq!(read_all(&raw.to_bytes()).unwrap().0.len(), 60);
        let mut found = read_all(&raw.to_bytes()).unwrap().0;
        found.sort();
        let mut expected = contents;
        expected.sort();
        assert!(found == expected);
    }
}

#[test]
fn folders_come_in_the_order_of_their_data_and_files_in_that_of_their_bytes() {
    let mut raw = Raw::of(Compression::None, &[("first", b"1"), ("second", b"22")]);
    raw.add_folder(Compression::Mszip, &[("third", b"333")]);
    raw.files.reverse();
    let (files, _) = read_all(&raw.to_bytes()).unwrap();
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["first", "second", "third"]);
}

#[test]
fn files_that_are_not_read_are_passed_over_and_still_checked() {
    let content = firmware(1, 90_000);
    let raw = Raw::of(Compression::Mszip, &[("a", &content[..50_000]), ("b", &content[50_000..])]);
    let bytes = raw.to_bytes();
    let mut cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
    assert_eq!(cabinet.next_file().unwrap().unwrap().index(), 0);
    let mut rest = Vec::new();
    cabinet.next_file().unwrap().unwrap().read_to_end(&mut rest).unwrap();
    assert!(rest == content[50_000..]);
    assert!(cabinet.next_file().unwrap().is_none());
    assert_eq!(cabinet.finish().unwrap().files, 2);

    let mut broken = bytes.clone();
    *broken.last_mut().unwrap() ^= 1;
    let cabinet = Cabinet::open(&broken[..], CabinetLimits::default()).unwrap();
    assert!(matches!(cabinet.finish(), Err(CabError::Damaged { .. })));
}

#[test]
fn the_tables_are_known_before_any_data_is() {
    let mut raw = Raw::of(lzx(18), &[("UCPhone\\CPE.nbt", b"image")]);
    raw.reserve = vec![9; 20];
    raw.folder_reserve = 3;
    raw.block_reserve = 5;
    let bytes = raw.to_bytes();
    let tables = &bytes[..bytes.len() - raw.folders[0].blocks[0].packed.len() - 13];
    let cabinet = Cabinet::open(tables, CabinetLimits::default()).unwrap();
    let [entry] = cabinet.entries() else { panic!("one entry") };
    assert_eq!(entry.name_as_given(), "UCPhone\\CPE.nbt");
    assert_eq!(entry.path().unwrap().as_str(), "UCPhone/CPE.nbt");
    assert_eq!(entry.size(), 5);
    assert_eq!(entry.modified(), FieldTime::new((2008, 12, 16), (4, 43, 58)));
    assert_eq!(entry.attributes().bits(), 0xa0);
    assert!(entry.attributes().has_utf8_name() && !entry.attributes().is_read_only());
    assert_eq!(cabinet.compression(entry.folder()), Some(lzx(18)));
    assert_eq!(cabinet.reserve(), [9; 20]);
    assert_eq!(read_all(&bytes).unwrap().0[0].1, b"image");
}

#[test]
fn names_are_kept_as_given_and_become_paths_only_when_safe() {
    let mut raw = Raw::of(Compression::None, &[]);
    for (name, attributes) in [
        (&b"..\\..\\evil"[..], 0),
        (b"Ger\xe4t\\a", 0),
        ("Ger\u{e4}t\\b".as_bytes(), 0x80),
        (b"\xff\xfe", 0x80),
        (b"GER\xc4T\\A", 0),
    ] {
        let file = super::fixture::RawFile { name: name.into(), size: 0, begin: 0, folder: 0, attributes };
        raw.files.push(file);
    }
    let bytes = raw.to_bytes();
    let cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
    let shown: Vec<_> = cabinet.entries().iter().map(|entry| entry.name_as_given().into_owned()).collect();
    let expected = ["..\\..\\evil", "Ger\u{e4}t\\a", "Ger\u{e4}t\\b", "\u{fffd}\u{fffd}", "GER\u{c4}T\\A"];
    assert_eq!(shown, expected);
    assert_eq!(cabinet.entries()[3].raw_name(), b"\xff\xfe");
    let problems: Vec<_> = cabinet.entries().iter().map(|entry| entry.path().err().cloned()).collect();
    let duplicate = NameProblem::Duplicate { first: 1 };
    let expected = [Some(NameProblem::Climbs), None, None, Some(NameProblem::NotText), Some(duplicate)];
    assert_eq!(problems, expected);

    let dos = CodePage::from_number(437).unwrap();
    let cabinet = Cabinet::open(&bytes[..], CabinetOptions::default().with_code_page(dos)).unwrap();
    assert_eq!(cabinet.entries()[1].name_as_given(), "Ger\u{3a3}t\\a");
    assert_eq!(cabinet.entries()[2].name_as_given(), "Ger\u{e4}t\\b");
}

#[test]
fn an_input_that_gives_a_byte_at_a_time_reads_the_same() {
    struct Trickle<'a>(&'a [u8]);
    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = buffer.len().min(1);
            self.0.read(&mut buffer[..most])
        }
    }
    let content = firmware(3, 40_000);
    let bytes = Raw::of(Compression::Mszip, &[("a", &content)]).to_bytes();
    let mut cabinet = Cabinet::open(Trickle(&bytes), CabinetLimits::default()).unwrap();
    let mut found = Vec::new();
    cabinet.next_file().unwrap().unwrap().read_to_end(&mut found).unwrap();
    assert!(found == content);
}

#[test]
fn nothing_behind_the_cabinet_is_read_once_its_length_is_known() {
    let content = firmware(3, 200_000);
    let mut bytes = Raw::of(Compression::None, &[("a", &content)]).to_bytes();
    let length = bytes.len();
    bytes.extend([0xAA; 1000]);
    let mut input = &bytes[..];
    let finished = Cabinet::open(&mut input, CabinetLimits::default()).unwrap().finish().unwrap();
    assert_eq!(finished.cabinet_bytes, length as u64);
    assert_eq!(input.len(), 1000);
}

#[test]
fn blocks_without_a_checksum_are_read() {
    let content = firmware(3, 40_000);
    let mut raw = Raw::of(Compression::Mszip, &[("a", &content)]);
    for block in &mut raw.folders[0].blocks {
        block.has_sum = false;
    }
    assert!(read_all(&raw.to_bytes()).unwrap().0[0].1 == content);
}

#[test]
fn a_checksum_may_count_the_reserve_area_of_its_block() {
    let mut raw = Raw::of(Compression::None, &[("a", b"content")]);
    raw.block_reserve = 5;
    let mut bytes = raw.to_bytes();
    assert!(read_all(&bytes).is_ok());
    let block = bytes.len() - 7 - 5 - 8;
    let (head, data) = bytes[block..].split_at(8 + 5);
    let sum = plain_checksum(&head[4..], plain_checksum(data, 0));
    bytes[block..block + 4].copy_from_slice(&sum.to_le_bytes());
    assert!(read_all(&bytes).is_ok());
    bytes[block] ^= 1;
    assert!(read_all(&bytes).is_err());
}

#[test]
fn an_mszip_block_may_refer_to_several_short_ones_before_it() {
    // The blocks have a kilobyte each and refer to earlier blocks, so the history spans several blocks.
    let content = firmware(9, 50_000);
    let mut deflated = Vec::new();
    for (number, frame) in content.chunks(1000).enumerate() {
        let begin = number * 1000;
        let before = &content[begin.saturating_sub(32_768)..begin];
        let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
        if !before.is_empty() {
            deflate.set_dictionary(before).unwrap();
        }
        let mut packed = Vec::with_capacity(2000);
        deflate.compress_vec(frame, &mut packed, flate2::FlushCompress::Finish).unwrap();
        deflated.push(super::fixture::RawBlock {
            packed: [b"CK", &packed[..]].concat(),
            size: 1000,
            has_sum: true,
        });
    }
    let mut raw = Raw::of(Compression::Mszip, &[("a", &content)]);
    assert_ne!(pack(Compression::Mszip, &content).len(), deflated.len());
    raw.folders[0].blocks = deflated;
    assert!(read_all(&raw.to_bytes()).unwrap().0[0].1 == content);
}

#[test]
fn a_cabinet_can_go_to_another_thread_while_it_is_read() {
    fn is_send<T: Send>(_: &T) {}
    let bytes = Raw::of(Compression::Mszip, &[("a", b"a")]).to_bytes();
    let mut cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
    cabinet.next_file().unwrap();
    is_send(&cabinet);
}
