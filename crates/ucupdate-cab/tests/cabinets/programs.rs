//! Cabinets in self-extracting programs.

use ucupdate_cab::{CabError, Cabinet, Compression, Limits, self_extracting};

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
        let cabinet = Cabinet::open(&program[..], Limits::default()).unwrap();
        assert_eq!(cabinet.stub_bytes(), (program.len() - plain.len()) as u64);
    }
}

#[test]
fn letters_that_begin_no_cabinet_are_passed_over() {
    let plain = Raw::of(Compression::None, &[("a", b"content")]).to_bytes();
    let mut decoys: Vec<Vec<u8>> = vec![b"MSCF".to_vec(), b"MSCFMSCF\0\0\0\0".to_vec()];
    // A header with one field that cannot be, each.
    for (at, value) in [(8, 0), (24, 9), (25, 2), (26, 0), (28, 0), (30, 0xF8)] {
        let mut decoy = plain.clone();
        decoy[at] = value;
        decoy[at + 1] = 0;
        decoys.push(decoy);
    }
    // The file table before the folders; data before the file table; no such compression; a file of no name.
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
        let cabinet = Cabinet::open(&program[..], Limits::default()).unwrap();
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
        assert_eq!(Cabinet::open(&program[..], Limits::default()).unwrap().stub_bytes(), before as u64);
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
    let error = |bytes: &[u8]| Cabinet::open(bytes, Limits::default()).unwrap_err().to_string();
    let begin = "expected a cabinet (`MSCF`) or a program that carries one (`MZ`), found";
    assert_eq!(error(b"junk"), format!("{begin} bytes [6a, 75, 6e, 6b]"));
    assert_eq!(error(b""), format!("{begin} no bytes"));
    assert_eq!(error(b"MZ no cabinet"), format!("{begin} a program of 13 bytes without one"));
    let empty = Cabinet::open(&b"MZ"[..], Limits::default()).unwrap_err();
    assert!(matches!(empty, CabError::NotACabinet { .. }));
}

#[test]
fn a_program_full_of_the_letters_costs_no_more_than_its_length() {
    let limits = Limits::default().with_stub_bytes(4 * 1024 * 1024);
    let program = [b"MZ", &b"MSCF".repeat(2 * 1024 * 1024)[..]].concat();
    let error = Cabinet::open(&program[..], limits).unwrap_err();
    assert!(matches!(error, CabError::Limit { which: "stub_bytes", .. }));
}
