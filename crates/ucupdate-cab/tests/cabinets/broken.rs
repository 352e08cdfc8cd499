//! Tests damaged cabinets. Reading must not panic, must not return wrong bytes where there is a checksum, and must
//! report the position of the error.

use std::collections::BTreeMap;

use ucupdate_cab::{CabError, Cabinet, CabinetLimits, CabinetOptions, Compression, Finished};

use super::fixture::{Raw, RawBlock, firmware, kinds, lzx, pack, read_all};

/// The result of reading a cabinet: the bytes by raw name, and the error if there was one.
struct Delivered {
    files: BTreeMap<Vec<u8>, Vec<u8>>,
    end: Result<Finished, CabError>,
}

fn delivered(bytes: &[u8]) -> Delivered {
    delivered_with(bytes, &CabinetOptions::default().with_strict(true))
}

fn delivered_with(bytes: &[u8], options: &CabinetOptions) -> Delivered {
    let mut files = BTreeMap::new();
    let mut run = || -> Result<Finished, CabError> {
        let mut cabinet = Cabinet::open(bytes, options.clone())?;
        while let Some(mut file) = cabinet.next_file()? {
            let (name, size) = (file.entry().raw_name().to_vec(), file.entry().size());
            let mut content = Vec::new();
            loop {
                let chunk = file.read_chunk();
                match chunk {
                    Ok([]) => break,
                    Ok(chunk) => content.extend_from_slice(chunk),
                    Err(error) => {
                        files.insert(name, content);
                        return Err(error);
                    }
                }
            }
            assert_eq!(content.len() as u64, size, "short file delivered as whole");
            files.insert(name, content);
        }
        cabinet.finish()
    };
    let end = run();
    Delivered { files, end }
}

fn small(kind: Compression) -> (Vec<u8>, Vec<u8>) {
    let content =
        b"Hello, world! Hello, world! The image, the image, the image. \xE8\x01\0\0\0 and its signature";
    let (a, b) = content.split_at(40);
    let mut raw = Raw::of(kind, &[("a.nbt", a), ("b.cat", b)]);
    raw.add_folder(kind, &[("c", b"ccccccccccccccccc")]);
    (raw.to_bytes(), content.to_vec())
}

#[test]
fn a_cabinet_cut_off_at_any_byte_is_an_error_and_gives_only_right_bytes() {
    for kind in kinds() {
        let (bytes, content) = small(kind);
        assert!(delivered(&bytes).end.is_ok());
        for length in 0..bytes.len() {
            let Delivered { files, end } = delivered(&bytes[..length]);
            let error = end.expect_err("cut off");
            assert!(
                matches!(error, CabError::Truncated { .. } | CabError::NotACabinet { .. }),
                "{kind} {length}: {error}"
            );
            check_right(&files, &content);
        }
    }
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn a_flip_of_any_bit_never_gives_a_wrong_byte_without_a_word() {
    for kind in kinds() {
        let (bytes, content) = small(kind);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // No checksum covers the type of compression, so with another window the same bits may decode differently.
            // Any other change must fail or return the original bytes.
            let is_type = [42, 43, 50, 51].contains(&(bit / 8));
            let Delivered { files, end } = delivered(&flipped);
            if !(is_type && end.is_ok()) {
                check_right(&files, &content);
            }
            // A change in the data is always detected.
            let is_data = bit / 8 >= 52 + 3 * 16 + 6 + 6 + 2;
            assert!(!is_data || end.is_err(), "{kind} bit {bit}");

            let Delivered { files, end } = delivered_with(&flipped, &CabinetOptions::default());
            assert!(!is_data || end.is_err(), "{kind} bit {bit}");
            if end.is_ok_and(|finished| finished.irregularities.is_empty()) && !is_type {
                check_right(&files, &content);
            }
        }
    }
}

/// Asserts that each content is the right part of the folder, or the beginning of that part, under any name.
fn check_right(files: &BTreeMap<Vec<u8>, Vec<u8>>, content: &[u8]) {
    let (a, b) = content.split_at(40);
    for (name, found) in files {
        let right = [a, b, &[b'c'; 17]].iter().any(|right| right.starts_with(found));
        assert!(right, "{} gave {}", name.escape_ascii(), found.escape_ascii());
    }
}

#[test]
fn a_folder_that_ends_early_is_an_error_and_never_a_short_file() {
    for kind in [Compression::None, Compression::Mszip, lzx(15)] {
        let content = firmware(2, 70_000);
        let mut raw = Raw::of(kind, &[("a", &content)]);
        let last = raw.folders[0].blocks.last_mut().unwrap();
        *last = pack(kind, &content[65_536..69_000]).pop().unwrap();
        if matches!(kind, Compression::None | Compression::Mszip) {
            let error = read_all(&raw.to_bytes()).unwrap_err().to_string();
            assert_eq!(
                error,
                "folder 0 at byte 36 is damaged: expected 70000 bytes, those of its files, found 69000 in its 3 data blocks"
            );
        } else {
            assert!(read_all(&raw.to_bytes()).is_err());
        }
    }
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    for (kind, found) in [
        (2 | 4 << 4 | 16 << 8, "Quantum compression"),
        (3 | 14 << 8, "LZX with a window of 14 bits"),
        (3 | 25 << 8, "LZX with a window of 25 bits"),
        (7, "compression type 0x0007"),
    ] {
        let mut raw = Raw::of(Compression::None, &[("a", b"1")]);
        raw.folders[0].kind = kind;
        let error = Cabinet::open(&raw.to_bytes()[..], CabinetLimits::default()).unwrap_err();
        assert!(matches!(error, CabError::Unsupported { .. }));
        let expected = format!(
            "folder 0 at byte 36 is not supported: {found}; expected none, MSZIP, or LZX with a window of 15 to 21 bits"
        );
        assert_eq!(error.to_string(), expected);
    }
    let mut bytes = Raw::of(Compression::None, &[("a", b"1")]).to_bytes();
    bytes[25] = 2;
    let error = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap_err().to_string();
    assert_eq!(error, "cabinet header at byte 0 is not supported: version 2.3; expected version 1.3");
}

#[test]
fn damaged_blocks_say_what_was_expected() {
    let broken = |kind, change: fn(&mut RawBlock)| {
        let mut raw = Raw::of(kind, &[("a", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]);
        change(&mut raw.folders[0].blocks[0]);
        read_all(&raw.to_bytes()).unwrap_err().to_string()
    };
    let begin = "data block 0 of folder 0 at byte 62 is damaged: expected";
    for (found, expected) in [
        (
            broken(Compression::Mszip, |block| block.packed[0] = b'X'),
            "`CK` before MSZIP data, found bytes [58, 4b]",
        ),
        (
            broken(Compression::Mszip, |block| block.size = 41),
            "a deflate stream of 41 bytes, found one of 40 bytes",
        ),
        (
            broken(Compression::Mszip, |block| block.size = 39),
            "a deflate stream of 39 bytes, found a longer one",
        ),
        (
            broken(Compression::Mszip, |block| block.packed.truncate(5)),
            "a deflate stream of 40 bytes, found one that ends too early",
        ),
        (
            broken(Compression::None, |block| block.size = 41),
            "41 bytes in an uncompressed block of as many, found 40 bytes",
        ),
        (
            broken(lzx(15), |block| block.packed.truncate(20)),
            "an LZX frame of 40 bytes, found one that ends too early",
        ),
        (
            broken(Compression::None, |block| block.size = 32_769),
            "at most 32768 bytes uncompressed, found 32769",
        ),
        (
            broken(Compression::None, |block| block.packed.resize(40_000, 0)),
            "at most 38912 compressed bytes, found 40000",
        ),
        (
            broken(Compression::None, |block| block.size = 0),
            "a block that gives bytes, found one of no bytes, as stand only before the next part of a set",
        ),
    ] {
        assert_eq!(found, format!("{begin} {expected}"));
    }
}

#[test]
fn after_an_error_there_is_nothing_more() {
    let mut bytes = Raw::of(Compression::None, &[("a", b"1234567"), ("b", b"1")]).to_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    let mut cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
    let mut file = cabinet.next_file().unwrap().unwrap();
    assert!(matches!(file.read_chunk(), Err(CabError::Damaged { .. })));
    assert!(matches!(file.read_chunk(), Err(CabError::GivenUp)));
    assert!(matches!(cabinet.next_file(), Err(CabError::GivenUp)));
    assert!(matches!(cabinet.finish(), Err(CabError::GivenUp)));
}

#[test]
fn a_failing_input_is_no_fault_of_the_cabinet() {
    struct Failing<'a>(&'a [u8]);
    impl std::io::Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::Error::other("line dropped")),
                count => Ok(count),
            }
        }
    }
    let bytes = Raw::of(Compression::None, &[("a", b"1234567")]).to_bytes();
    let cabinet = Cabinet::open(Failing(&bytes[..70]), CabinetLimits::default()).unwrap();
    let error = cabinet.finish().unwrap_err();
    assert_eq!(error.to_string(), "input failed at byte 70");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "line dropped");
}
