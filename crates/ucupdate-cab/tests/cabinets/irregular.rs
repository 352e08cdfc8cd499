//! Tests cabinets with irregularities. They are read with a note, and refused in strict reading.

use ucupdate_cab::package::{CatalogueBuilder, NoSink, PackageOptions, ProblemKind, read_package};
use ucupdate_cab::{CabError, Cabinet, CabinetLimits, CabinetOptions, Compression, Irregularity};

use super::fixture::{Raw, RawFile, firmware, kinds, read_all};

/// Reads the cabinet, checks that strict reading refuses it for the first irregularity, and returns the files.
#[track_caller]
fn irregular(bytes: &[u8], expected: &[Irregularity]) -> Vec<(String, Vec<u8>)> {
    let (files, finished) = read_all(bytes).unwrap();
    assert_eq!(finished.irregularities, expected);
    let strict = Cabinet::open(bytes, CabinetOptions::default().with_strict(true)).and_then(Cabinet::finish);
    match strict {
        Err(CabError::Irregular(found)) => assert_eq!(found, expected[0]),
        other => panic!("{other:?}"),
    }
    files
}

fn file(name: &str, begin: usize, size: usize) -> RawFile {
    let (begin, size) = (begin.try_into().unwrap(), size.try_into().unwrap());
    RawFile { name: name.as_bytes().to_vec(), size, begin, folder: 0, attributes: 0 }
}

/// Returns a folder with this content. Its files may begin at any offset, and have any length.
fn folder(kind: Compression, content: &[u8], files: &[(&str, usize, usize)]) -> Raw {
    let mut raw = Raw::of(kind, &[("all", content)]);
    raw.files = files.iter().map(|(name, begin, size)| file(name, *begin, *size)).collect();
    raw
}

#[track_caller]
fn check(files: &[(String, Vec<u8>)], content: &[u8], expected: &[(&str, usize, usize)]) {
    assert_eq!(files.len(), expected.len());
    for (name, begin, size) in expected {
        let (_, found) = files.iter().find(|(found, _)| found == name).unwrap();
        assert!(found == &content[*begin..begin + size], "{name}");
    }
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn files_that_share_bytes_are_read_in_one_pass() {
    let content = firmware(7, 150_000);
    for kind in kinds() {
        for places in [
            &[("a", 0, 100_000), ("b", 0, 100_000), ("c", 100_000, 50_000)][..],
            &[("a", 0, 100_000), ("b", 50_000, 100_000)],
            &[("a", 0, 150_000), ("b", 10, 20), ("c", 40_000, 90_000), ("d", 149_999, 1)],
            &[("a", 0, 150_000), ("b", 0, 150_000), ("c", 0, 150_000), ("d", 0, 150_000)],
            &[("a", 0, 50_000), ("b", 20_000, 30_000), ("c", 49_000, 60_000), ("d", 108_999, 41_001)],
        ] {
            let bytes = folder(kind, &content, places).to_bytes();
            let (files, finished) = read_all(&bytes).unwrap();
            check(&files, &content, places);
            assert!(matches!(finished.irregularities[..], [Irregularity::SharedBytes { folder: 0, .. }]));
        }
    }
}

#[test]
fn the_bytes_that_files_share_are_bounded() {
    let content = firmware(7, 150_000);
    let places = [("a", 0, 150_000), ("b", 50_000, 100_000)];
    let bytes = folder(Compression::Mszip, &content, &places).to_bytes();
    let limits = CabinetLimits::default().with_held_bytes(100_000);
    assert!(Cabinet::open(&bytes[..], limits.clone()).unwrap().finish().is_ok());
    let error = Cabinet::open(&bytes[..], limits.with_held_bytes(99_999)).unwrap_err();
    assert!(matches!(error, CabError::Limit { which: "held_bytes", .. }), "{error}");
}

#[test]
fn bytes_between_and_behind_files_belong_to_no_file() {
    let content = firmware(8, 100_000);
    for kind in kinds() {
        let places = [("a", 1000, 1000), ("b", 70_000, 10)];
        let bytes = folder(kind, &content, &places).to_bytes();
        let gap = Irregularity::Gap { folder: 0, bytes: 1000 + 68_000 };
        let files = irregular(&bytes, &[gap, Irregularity::Tail { folder: 0 }]);
        check(&files, &content, &places);
    }
}

#[test]
fn a_tail_of_whole_blocks_is_not_decompressed() {
    let content = firmware(8, 100_000);
    let mut raw = folder(Compression::Mszip, &content, &[("a", 0, 1000)]);
    raw.folders[0].blocks[3].packed = vec![0xFF; 10];
    raw.add_folder(Compression::None, &[("b", b"12345")]);
    let files = irregular(&raw.to_bytes(), &[Irregularity::Tail { folder: 0 }]);
    assert_eq!(files[1].1, b"12345");
}

#[test]
fn strict_reading_gives_up_at_a_tail() {
    let mut raw = folder(Compression::Mszip, &firmware(8, 5000), &[("a", 0, 1000)]);
    raw.add_folder(Compression::None, &[("b", b"12345")]);
    let bytes = raw.to_bytes();
    let options = CabinetOptions::default().with_strict(true);
    let mut cabinet = Cabinet::open(&bytes[..], options).unwrap();
    assert!(cabinet.next_file().unwrap().is_some());
    assert!(matches!(cabinet.next_file(), Err(CabError::Irregular(Irregularity::Tail { folder: 0 }))));
    assert!(matches!(cabinet.next_file(), Err(CabError::GivenUp)));
}

#[test]
fn two_folders_with_the_same_data_are_read_once() {
    let content = firmware(9, 50_000);
    let mut raw = Raw::of(Compression::Mszip, &[("a", &content)]);
    raw.add_folder(Compression::Mszip, &[("b", &content)]);
    let mut bytes = raw.to_bytes();
    let first = bytes[36..44].to_vec();
    bytes[44..52].copy_from_slice(&first);
    let (files, finished) = read_all(&bytes).unwrap();
    assert!(files.iter().all(|(_, found)| *found == content));
    assert_eq!(files.len(), 2);
    assert!(finished.irregularities.contains(&Irregularity::SharedFolder { folder: 1, first: 0 }));
    let cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
    assert_eq!((cabinet.entries()[1].folder(), cabinet.compression(1)), (1, Some(Compression::Mszip)));

    // Any other overlap of data is refused, because its meaning is not clear.
    bytes[44] = bytes[44].wrapping_add(8);
    assert!(read_all(&bytes).is_err());
}

#[test]
fn a_file_table_behind_the_data_is_read() {
    let content = firmware(10, 80_000);
    for kind in kinds() {
        let plain = Raw::of(kind, &[("a.nbt", &content), ("b.cat", b"1234")]).to_bytes();
        let table = 44..44 + 2 * (16 + 6);
        let bytes = [&plain[..44], &plain[table.end..], &plain[table.clone()]].concat();
        let bytes = moved(bytes, plain.len() - table.len(), 44);
        let files = irregular(&bytes, &[Irregularity::TableBehindData]);
        assert_eq!(files, read_all(&plain).unwrap().0);
        let limits = CabinetLimits::default().with_held_bytes(1000);
        let error = Cabinet::open(&bytes[..], limits).unwrap_err();
        assert!(matches!(error, CabError::Limit { which: "held_bytes", .. }), "{error}");
    }
}

/// Moves the file table and the first block of the only folder to these offsets.
fn moved(mut bytes: Vec<u8>, file_table: usize, first_block: usize) -> Vec<u8> {
    bytes[16..20].copy_from_slice(&u32::try_from(file_table).unwrap().to_le_bytes());
    bytes[36..40].copy_from_slice(&u32::try_from(first_block).unwrap().to_le_bytes());
    bytes
}

#[test]
fn a_stated_length_that_is_a_little_wrong_is_noted() {
    let plain = Raw::of(Compression::None, &[("a", b"1234567")]).to_bytes();
    let length = plain.len() as u64;
    for (stated, is_shorter) in
        [(length - 1, true), (length - 8, true), (length + 1, false), (1 << 20, false)]
    {
        let mut bytes = plain.clone();
        bytes[8..12].copy_from_slice(&u32::try_from(stated).unwrap().to_le_bytes());
        // Bytes after a cabinet with a too short stated length do not belong to it.
        let behind: &[u8] = if is_shorter { b"behind" } else { b"" };
        let bytes = [&bytes[..], behind].concat();
        let expected = Irregularity::Length { part: 1, stated, found: length };
        assert_eq!(irregular(&bytes, &[expected])[0].1, b"1234567");
        assert_eq!(read_all(&bytes).unwrap().1.cabinet_bytes, length);
    }
}

#[test]
fn a_stated_length_without_room_for_the_tables_is_a_fault_of_the_header() {
    let mut bytes = Raw::of(Compression::None, &[("a", b"1234567")]).to_bytes();
    for stated in [0_u32, 40] {
        bytes[8..12].copy_from_slice(&stated.to_le_bytes());
        let error = read_all(&bytes).unwrap_err().to_string();
        let expected = "cabinet header at byte 0 is damaged: expected a cabinet of at least 61 bytes, for its tables, found a stated length of ";
        assert_eq!(error, format!("{expected}{stated}"));
    }
}

#[test]
fn another_file_table_before_the_one_of_the_header_is_ambiguous() {
    let plain = Raw::of(Compression::None, &[("a", b"1234567")]).to_bytes();
    let table = &plain[44..62];
    let mut other = table.to_vec();
    other[16] = b'b';
    let bytes = [&plain[..44], &other, &plain[44..]].concat();
    let mut bytes = moved(bytes, 62, 80);
    bytes[8] += 18;
    let found = Irregularity::SecondFileTable { at: 44 };
    assert!(found.is_ambiguous());
    assert_eq!(irregular(&bytes, &[found])[0].0, "a");
}

#[test]
fn the_files_of_an_unsupported_folder_are_named_and_the_others_are_read() {
    let mut raw = Raw::of(Compression::Mszip, &[("a", b"1234567")]);
    raw.add_folder(Compression::None, &[("b", b"quantum"), ("c", b"more")]);
    raw.add_folder(Compression::None, &[("d", b"stored")]);
    raw.folders[1].kind = 0x1072;
    let compression = Compression::Unsupported { kind: 0x1072 };
    let expected = Irregularity::UnreadFolder { folder: 1, compression, files: 2 };
    assert_eq!(
        expected.to_string(),
        "folder 1 has 2 files that cannot be read: Quantum compression is not supported"
    );
    let files = irregular(&raw.to_bytes(), &[expected]);
    assert_eq!(files, [("a".to_owned(), b"1234567".to_vec()), ("d".to_owned(), b"stored".to_vec())]);
    raw.folders.truncate(2);
    raw.files.truncate(3);
    raw.folders[0].kind = 2;
    assert!(matches!(read_all(&raw.to_bytes()), Err(CabError::Unsupported { .. })));
}

#[test]
fn a_package_with_files_that_cannot_be_read_is_refused() {
    let folder = "UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE";
    let catalogue = CatalogueBuilder::new().with_image("CPE.nbt", b"image").build().unwrap();
    let (image, signature) = (format!("{folder}/CPE.nbt"), format!("{folder}/CPE.cat"));
    let mut raw = Raw::of(Compression::Mszip, &[(&image, b"image"), (&signature, &catalogue)]);
    raw.add_folder(Compression::None, &[("more.txt", b"quantum")]);
    let read = |raw: &Raw| {
        let bytes = raw.to_bytes();
        let cabinet = Cabinet::open(&bytes[..], CabinetOptions::default()).unwrap();
        read_package(cabinet, PackageOptions::default(), &mut NoSink).unwrap()
    };
    assert!(!read(&raw).is_refused());
    raw.folders[1].kind = 0x1072;
    let package = read(&raw);
    let kinds: Vec<ProblemKind> = package.refusals().map(|refusal| refusal.kind).collect();
    assert_eq!(kinds, [ProblemKind::UnreadFolder]);
    assert!(
        package
            .problems
            .iter()
            .any(|problem| problem.to_string().contains("Quantum compression is not supported"))
    );
}

#[test]
fn other_forms_are_named() {
    for (bytes, name) in [
        (
            &b"PK\x03\x04...."[..],
            "found a zip archive; extract it and pass the cabinet in it, or build a package from its files",
        ),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "found an installer package (.msi)"),
        (b"\x1F\x8B\x08...", "found gzip; decompress it first"),
        (b"B000FF\n...", "found a bare firmware image"),
        (b"", "found no bytes"),
        (b"junk", "found bytes [6a, 75, 6e, 6b]"),
    ] {
        let error = Cabinet::open(bytes, CabinetLimits::default()).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn a_wrong_deflate_stream_says_what_is_wrong_with_it() {
    let mut raw = Raw::of(Compression::Mszip, &[("a", b"1234567")]);
    // A fixed block has a match from before the start of the folder.
    raw.folders[0].blocks[0].packed = b"CK\x03\x02\x00\x00".to_vec();
    let error = read_all(&raw.to_bytes()).unwrap_err().to_string();
    assert!(error.contains("a wrong code or a match from before its begin"), "{error}");
}

#[test]
fn a_program_is_searched_past_a_decoy_and_whatever_the_reserved_fields_hold() {
    let content = firmware(3, 5000);
    let mut cabinet = Raw::of(Compression::Mszip, &[("a.txt", &content)]).to_bytes();
    cabinet[4..8].fill(0xAB);
    // The decoy is a header whose tables name a missing folder.
    let mut decoy = Raw::of(Compression::None, &[("decoy", b"1234567"), ("x", b"1")]);
    decoy.files[1].folder = 7;
    let program = [b"MZ", &[0; 300][..], &decoy.to_bytes(), &[0; 50], &cabinet].concat();
    let files = read_all(&program).unwrap().0;
    assert_eq!(files, [("a.txt".to_owned(), content)]);
}
