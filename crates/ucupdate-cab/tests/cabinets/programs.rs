//! Tests cabinets in self-extracting programs.

use proptest::collection::vec;
use proptest::prelude::*;
use std::io::Read;
use ucupdate_cab::{CabError, Cabinet, CabinetLimits, CabinetOptions, Compression, self_extracting};

use super::fixture::{Raw, firmware, lzx, read_all};

#[test]
fn the_cabinet_in_a_program_reads_and_hashes_as_the_plain_one() {
    for kind in [Compression::None, Compression::Mszip, lzx(15)] {
        let content = firmware(1, 50_000);
        let plain = Raw::of(kind, &[("a", &content)]).to_bytes();
        let program = self_extracting(&plain);
        let (files, finished) = read_all(&program).unwrap();
        assert!(files[0].1 == content);
        assert_eq!(finished, read_all(&plain).unwrap().1);
        let cabinet = Cabinet::open(&program[..], CabinetLimits::default()).unwrap();
        assert_eq!(cabinet.stub_bytes(), (program.len() - plain.len()) as u64);
    }
}

#[test]
fn letters_that_begin_no_cabinet_are_passed_over() {
    let plain = Raw::of(Compression::None, &[("a", b"content")]).to_bytes();
    let mut decoys: Vec<Vec<u8>> = vec![b"MSCF".to_vec(), b"MSCFMSCF\0\0\0\0".to_vec()];
    // Each header has one field with an invalid value.
    for (at, value) in [(8, 0), (24, 9), (25, 2), (26, 0), (28, 0), (30, 0xF8)] {
        let mut decoy = plain.clone();
        decoy[at] = value;
        decoy[at + 1] = 0;
        decoys.push(decoy);
    }
    // The invalid values are: a file table before the folders, data before the file table, an unknown compression, and
    // a file without a name.
    for (at, value) in [(16, 10), (36, 8), (42, 7), (60, 0)] {
        let mut decoy = plain.clone();
        decoy[at] = value;
        decoys.push(decoy);
    }
    for decoy in decoys {
        let mut program = b"MZ".to_vec();
        program.extend(vec![0x90; 70_000]);
        program.extend(&decoy);
        program.extend(vec![0x90; 200_000]);
        let begin = program.len();
        program.extend(&plain);
        program.extend(b"a signature");
        let cabinet = Cabinet::open(&program[..], CabinetLimits::default()).unwrap();
        assert_eq!(cabinet.stub_bytes(), begin as u64, "{decoy:?}");
        assert_eq!(read_all(&program).unwrap().0[0].1, b"content");
    }
}

#[test]
fn the_cabinet_is_found_wherever_the_buffer_happens_to_end() {
    let plain = Raw::of(Compression::None, &[("a", b"content")]).to_bytes();
    for before in (65_500..65_560).chain(131_040..131_080) {
        let mut program = b"MZ".to_vec();
        program.resize(before, 0);
        program.extend(&plain);
        assert_eq!(
            Cabinet::open(&program[..], CabinetLimits::default()).unwrap().stub_bytes(),
            before as u64
        );
    }
}

#[test]
fn places_are_those_of_the_program() {
    let plain = Raw::of(Compression::None, &[("a", b"content")]).to_bytes();
    let mut program = self_extracting(&plain);
    *program.last_mut().unwrap() ^= 1;
    let place = program.len() - 8 - 7;
    let error = read_all(&program).unwrap_err().to_string();
    assert!(error.starts_with(&format!("data block 0 of folder 0 at byte {place} is damaged")), "{error}");
}

#[test]
fn what_is_no_cabinet_and_no_program_is_refused_by_what_it_begins_with() {
    let error = |bytes: &[u8]| Cabinet::open(bytes, CabinetLimits::default()).unwrap_err().to_string();
    let begin = "expected a cabinet (`MSCF`) or a program that contains one (`MZ`), found";
    assert_eq!(error(b"junk"), format!("{begin} bytes [6a, 75, 6e, 6b]"));
    assert_eq!(error(b""), format!("{begin} no bytes"));
    assert_eq!(error(b"MZ no cabinet"), format!("{begin} a program of 13 bytes without one"));
    let empty = Cabinet::open(&b"MZ"[..], CabinetLimits::default()).unwrap_err();
    assert!(matches!(empty, CabError::NotACabinet { .. }));
}

#[test]
fn a_program_full_of_the_letters_costs_no_more_than_its_length() {
    let limits = CabinetLimits::default().with_stub_bytes(4 * 1024 * 1024);
    let program = [b"MZ", &b"MSCF".repeat(2 * 1024 * 1024)[..]].concat();
    let error = Cabinet::open(&program[..], limits).unwrap_err();
    assert!(matches!(error, CabError::Limit { which: "stub_bytes", .. }));
}

/// A reader that counts the bytes that are read.
struct Counting<'a>(&'a [u8], u64);

impl Read for Counting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1 += count as u64;
        Ok(count)
    }
}

#[test]
fn every_cabinet_of_a_program_is_read_and_those_behind_a_chosen_one_are_not() {
    let plain = |content: &[u8]| Raw::of(Compression::None, &[("a", content)]).to_bytes();
    let program = [&self_extracting(&plain(b"first"))[..], &[0; 100_000], &plain(b"second"), b"end"].concat();
    let mut found = Vec::new();
    let mut next = Some(Cabinet::open(&program[..], CabinetLimits::default()).unwrap());
    while let Some(mut cabinet) = next {
        let offset = cabinet.stub_bytes();
        let mut content = String::new();
        cabinet.next_file().unwrap().unwrap().read_to_string(&mut content).unwrap();
        let finished;
        (finished, next) = cabinet.next_cabinet().unwrap();
        assert_eq!(finished, read_all(&plain(content.as_bytes())).unwrap().1);
        found.push((offset, content));
    }
    let contents: Vec<&str> = found.iter().map(|(_, content)| &**content).collect();
    assert_eq!(contents, ["first", "second"]);
    for (offset, content) in found {
        let options = CabinetOptions::default().with_offset(offset);
        let mut cabinet = Cabinet::open(&program[..], options).unwrap();
        let mut chosen = String::new();
        cabinet.next_file().unwrap().unwrap().read_to_string(&mut chosen).unwrap();
        assert_eq!(chosen, content);
        assert!(cabinet.next_cabinet().unwrap().1.is_none());
    }
    let strict = Cabinet::open(&program[..], CabinetOptions::default().with_strict(true)).unwrap();
    let error = strict.next_cabinet().unwrap_err().to_string();
    assert!(
        error.ends_with(&format!("another cabinet of 76 bytes at byte {}", program.len() - 79)),
        "{error}"
    );
}

#[test]
fn headers_that_only_look_like_a_cabinet_are_tried_up_to_a_limit() {
    // The file table ends within the name of the second file.
    let decoy = &Raw::of(Compression::None, &[("a", b"a"), ("b", b"b")]).to_bytes()[..78];
    let decoy = [decoy, &b"x".repeat(300)].concat();
    let program = [b"MZ", &decoy.repeat(10_000)[..]].concat();
    let mut input = Counting(&program, 0);
    let error = Cabinet::open(&mut input, CabinetLimits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cabinets, or headers that look like one: 17, and the limit `cabinets` is 16"
    );
    // The reader reads only the decoys that were tried, and one buffer more.
    assert!(input.1 <= 17 * decoy.len() as u64 + 128 * 1024, "{}", input.1);

    // If all places are decoys, the error is that of the first.
    let program = [b"MZ", &decoy.repeat(3)[..]].concat();
    let error = Cabinet::open(&program[..], CabinetLimits::default()).unwrap_err().to_string();
    assert!(error.starts_with("entry of file 1 at byte 80 is cut off: expected "), "{error}");
}

proptest! {
    #[test]
    fn any_mixture_of_cabinets_and_decoys_is_read_once_and_to_an_end(pieces in vec(0..5_usize, 0..12)) {
        let cabinet = Raw::of(Compression::None, &[("a", b"content")]).to_bytes();
        let two = Raw::of(Compression::None, &[("a", b"a"), ("b", b"b")]).to_bytes();
        // This decoy has its file table far behind its header.
        let mut far = two.clone();
        far[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        far[16..20].copy_from_slice(&0x00F0_0000_u32.to_le_bytes());
        far[36..40].copy_from_slice(&0x00FF_0000_u32.to_le_bytes());
        let kinds = [&b"MSCF"[..], &cabinet, &two[..78], &far, &[b'x'; 70_000]];
        let program: Vec<u8> = std::iter::once(&b"MZ"[..])
            .chain(pieces.iter().map(|piece| kinds[*piece]))
            .flatten()
            .copied()
            .collect();
        let limits = CabinetLimits::default().with_cabinet_bytes(u64::MAX);
        let mut input = Counting(&program, 0);
        let mut next = Cabinet::open(&mut input, limits).ok();
        let mut found = 0;
        while let Some(cabinet) = next {
            found += 1;
            next = cabinet.next_cabinet().ok().and_then(|(_, next)| next);
        }
        prop_assert!(found <= 16);
        prop_assert!(input.1 <= program.len() as u64);
    }
}
