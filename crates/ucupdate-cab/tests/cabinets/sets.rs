//! Tests sets of cabinets, with folders and blocks that continue in the next part.

use ucupdate_cab::{CabError, Cabinet, CabinetLimits, Compression};
use ucupdate_core::value::Sha256Digest;

use super::fixture::{Content, Raw, RawBlock, RawFile, RawFolder, firmware, kind, lzx, pack, read_set};

const FROM_PREVIOUS: u16 = 0xFFFD;
const TO_NEXT: u16 = 0xFFFE;
const FROM_PREVIOUS_TO_NEXT: u16 = 0xFFFF;

/// Returns a set of three parts. `begin` is in the first part. `long` is in all parts, and two of its blocks are
/// divided between parts. `end` and `own` are in the last part, and `own` has a folder of its own.
pub(crate) fn set(compression: Compression) -> (Vec<Vec<u8>>, Content) {
    let content = firmware(7, 150_000);
    let mut whole = pack(compression, &content);
    let second = cut(&mut whole, 1);
    let third = cut(&mut whole, 4);
    assert!(third > second);
    let mut last = whole.split_off(third);
    let middle = whole.split_off(second);
    let first = whole;
    last.iter_mut().for_each(|block| block.has_sum = true);

    let file = |name: &str, begin: u32, size: u32, folder: u16| RawFile {
        name: name.into(),
        size,
        begin,
        folder,
        attributes: 0x20,
    };
    let part = |index: u16, previous, next, blocks, files| Raw {
        index,
        previous,
        next,
        folders: vec![RawFolder { kind: kind(compression), blocks }],
        files,
        ..Raw::empty()
    };
    let (a, b, c) = (Some("a.cab"), Some("b.cab"), Some("c.cab"));
    let long = |folder| file("long", 1000, 148_000, folder);
    let parts = [
        part(0, None, b, first, vec![file("begin", 0, 1000, 0), long(TO_NEXT)]),
        part(1, a, c, middle, vec![long(FROM_PREVIOUS_TO_NEXT)]),
        {
            let files = vec![long(FROM_PREVIOUS), file("end", 149_000, 1000, 0), file("own", 0, 3, 1)];
            let mut part = part(2, b, None, last, files);
            part.folders.push(RawFolder { kind: 0, blocks: pack(Compression::None, b"own") });
            part
        },
    ];
    let expected = vec![
        ("begin".into(), content[..1000].to_vec()),
        ("long".into(), content[1000..149_000].to_vec()),
        ("end".into(), content[149_000..].to_vec()),
        ("own".into(), b"own".to_vec()),
    ];
    (parts.iter().map(Raw::to_bytes).collect(), expected)
}

/// Divides the block at `at` into two blocks. The first has no output. Returns the index of the second.
fn cut(blocks: &mut Vec<RawBlock>, at: usize) -> usize {
    let half = blocks[at].packed.len() / 2;
    let rest = blocks[at].packed.split_off(half);
    let second = RawBlock { packed: rest, size: blocks[at].size, has_sum: true };
    blocks[at].size = 0;
    blocks.insert(at + 1, second);
    at + 1
}

#[test]
fn parts_given_in_any_order_are_one_cabinet() {
    for kind in [Compression::None, Compression::Mszip, lzx(15), lzx(17)] {
        let (parts, expected) = set(kind);
        let digests: Vec<u8> = parts.iter().flat_map(|part| *Sha256Digest::of(part).as_bytes()).collect();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let (files, finished) = read_set(&order.map(|part| &parts[part][..])).unwrap();
            assert!(files == expected, "{kind} {order:?}");
            assert_eq!(finished.sha256, Sha256Digest::of(&digests));
            assert_eq!(finished.parts.len(), 3);
            assert_eq!(finished.cabinet_bytes, parts.iter().map(|part| part.len() as u64).sum::<u64>());
        }
    }
}

#[test]
fn a_missing_part_is_named() {
    let (parts, _) = set(Compression::Mszip);
    let missing = |given: &[usize]| {
        let inputs = given.iter().map(|part| &parts[*part][..]).collect();
        Cabinet::open_set(inputs, CabinetLimits::default()).unwrap_err().to_string()
    };
    assert_eq!(missing(&[1, 2]), "part 1 of the set is missing: its neighbour names it `a.cab`");
    assert_eq!(missing(&[2, 0]), "part 2 of the set is missing: its neighbour names it `b.cab`");
    assert_eq!(missing(&[0, 1]), "part 3 of the set is missing: its neighbour names it `c.cab`");
    assert_eq!(missing(&[0]), "part 2 of the set is missing: its neighbour names it `b.cab`");
    assert_eq!(
        missing(&[0, 1, 1]),
        "inputs are not the parts of one set: expected each part once, found part 2 twice"
    );
    assert_eq!(missing(&[]), "inputs are not the parts of one set: expected at least one input, found none");
}

#[test]
fn a_file_that_continues_where_no_part_is_and_an_unknown_folder_are_refused_with_the_file() {
    for (folder, expected) in [
        (FROM_PREVIOUS, "expected a folder in this part, found one continued from the part before the first"),
        (
            FROM_PREVIOUS_TO_NEXT,
            "expected a folder in this part, found one continued from the part before the first",
        ),
        (TO_NEXT, "expected a folder in this part, found one continued in a part after the last"),
        (5, "expected the index of a folder, found 5"),
    ] {
        let whole = Raw {
            folders: vec![RawFolder { kind: 0, blocks: pack(Compression::None, b"own") }],
            files: vec![RawFile { name: "own".into(), size: 3, begin: 0, folder, attributes: 0x20 }],
            ..Raw::empty()
        };
        let refused = read_set(&[&whole.to_bytes()]).unwrap_err().to_string();
        assert!(refused.contains(expected), "{folder}: {refused}");
    }
}

#[test]
fn a_part_behind_one_that_names_no_next_is_refused() {
    let part = |index: u16, previous| Raw {
        index,
        previous,
        folders: vec![RawFolder { kind: 0, blocks: pack(Compression::None, b"own") }],
        files: vec![RawFile { name: "own".into(), size: 3, begin: 0, folder: 0, attributes: 0x20 }],
        ..Raw::empty()
    };
    let refused = read_set(&[&part(0, None).to_bytes(), &part(1, Some("a.cab")).to_bytes()]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "inputs are not the parts of one set: expected 1 part, as part 1 names no next, found more"
    );
}

#[test]
fn a_part_of_another_set_is_refused() {
    let (mut parts, _) = set(Compression::Mszip);
    parts[1][32] ^= 1;
    let error = read_set(&parts.iter().map(|part| &part[..]).collect::<Vec<_>>()).unwrap_err();
    assert!(matches!(error, CabError::NotOneSet { .. }), "{error}");
}

#[test]
fn damage_names_the_part_it_is_in() {
    let (mut parts, _) = set(Compression::Mszip);
    let last = parts[1].len() - 1;
    parts[1][last] ^= 1;
    let error = read_set(&[&parts[2], &parts[1], &parts[0]]).unwrap_err().to_string();
    assert!(error.contains("of part 2 is damaged: expected the checksum"), "{error}");
}

#[test]
fn a_file_that_the_part_before_does_not_name_is_refused() {
    let (mut parts, _) = set(Compression::None);
    let name = parts[1].windows(5).position(|bytes| bytes == b"long\0").unwrap();
    parts[1][name] = b'L';
    let error = read_set(&[&parts[0], &parts[1], &parts[2]]).unwrap_err().to_string();
    assert!(error.contains("expected a file that the part before begins"), "{error}");
}
