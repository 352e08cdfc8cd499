//! Tests that each limit is enforced.

use std::cell::Cell;
use std::io::{self, Read};
use std::thread::available_parallelism;

use ucupdate_cab::{CabError, Cabinet, CabinetLimits, Compression};

use super::fixture::{Raw, firmware, lzx, read_all};

fn refused(bytes: &[u8], limits: CabinetLimits) -> String {
    let error = Cabinet::open(bytes, limits).unwrap_err();
    assert!(matches!(error, CabError::Limit { .. }), "{error}");
    error.to_string()
}

#[test]
fn each_limit_is_reached_and_named() {
    let mut raw = Raw::of(Compression::None, &[("one", b"1234567"), ("two", b"12345")]);
    raw.add_folder(Compression::None, &[("three", b"123")]);
    let bytes = raw.to_bytes();
    assert!(read_all(&bytes).is_ok());
    let length = bytes.len() as u64;
    let program = [b"MZ", &[0; 200_000][..], &bytes].concat();
    for (bytes, limits, expected) in [
        (
            &bytes,
            CabinetLimits::default().with_file_bytes(6),
            "file in the cabinet has bytes: 7, and the limit `file_bytes` is 6",
        ),
        (
            &bytes,
            CabinetLimits::default().with_total_output_bytes(14),
            "files have bytes together: 15, and the limit `total_output_bytes` is 14",
        ),
        (
            &bytes,
            CabinetLimits::default().with_folders(1),
            "cabinet has folders: 2, and the limit `folders` is 1",
        ),
        (&bytes, CabinetLimits::default().with_files(2), "cabinet has files: 3, and the limit `files` is 2"),
        (
            &bytes,
            CabinetLimits::default().with_name_bytes(4),
            "name of a file has bytes: 5, and the limit `name_bytes` is 4",
        ),
        (
            &bytes,
            CabinetLimits::default().with_table_bytes(60),
            "header and tables have bytes: 68, and the limit `table_bytes` is 60",
        ),
        (&bytes, CabinetLimits::default().with_parts(0), "set has parts: 1, and the limit `parts` is 0"),
        (
            &program,
            CabinetLimits::default().with_stub_bytes(200_001),
            "program before the cabinet has bytes: 200002, and the limit `stub_bytes` is 200001",
        ),
        (
            &bytes,
            CabinetLimits::default().with_cabinet_bytes(length - 1),
            &*format!("cabinet has bytes: {length}, and the limit `cabinet_bytes` is {}", length - 1),
        ),
    ] {
        assert_eq!(refused(bytes, limits), expected);
    }
}

#[test]
fn the_limits_themselves_are_within_bounds() {
    let bytes = Raw::of(Compression::None, &[("one", b"1234567"), ("four", b"")]).to_bytes();
    let limits = CabinetLimits::default()
        .with_cabinet_bytes(bytes.len() as u64)
        .with_file_bytes(7)
        .with_total_output_bytes(7)
        .with_folders(1)
        .with_files(2)
        .with_name_bytes(4)
        .with_parts(1);
    assert!(Cabinet::open(&bytes[..], limits).unwrap().finish().is_ok());
}

#[test]
fn a_bomb_is_refused_by_its_claim_before_it_is_decompressed() {
    let zeros = vec![0; 4 << 20];
    let bytes = Raw::of(lzx(15), &[("zeros", &zeros)]).to_bytes();
    let message = refused(&bytes, CabinetLimits::default().with_ratio(500));
    assert!(message.starts_with("files have times the cabinet's bytes: "), "{message}");
    // MSZIP cannot reach the default ratio.
    let bytes = Raw::of(Compression::Mszip, &[("zeros", &zeros)]).to_bytes();
    assert!(read_all(&bytes).is_ok());
}

#[test]
fn a_file_larger_than_its_folders_blocks_is_refused_before_they_are_read() {
    let mut raw = Raw::of(Compression::Mszip, &[("a", b"1234")]);
    raw.files[0].size = 40_000;
    let error = Cabinet::open(&raw.to_bytes()[..], CabinetLimits::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "folder 0 at byte 36 is damaged: expected files of at most 32768 bytes in 1 data blocks, found 40000"
    );
}

#[test]
fn a_header_that_claims_everything_allocates_nothing() {
    // A header that claims 65535 files and folders and 4 GiB is refused after 36 bytes.
    let mut bytes = Raw::empty().to_bytes();
    bytes[8..12].fill(0xFF);
    bytes[26..30].fill(0xFF);
    let limits =
        CabinetLimits::default().with_cabinet_bytes(u64::MAX).with_files(u64::MAX).with_folders(u64::MAX);
    let error = Cabinet::open(&bytes[..], limits).unwrap_err();
    assert!(matches!(error, CabError::Truncated { .. }), "{error}");
}

/// An input that counts the bytes that were read.
struct Counted<'a> {
    left: &'a [u8],
    read: &'a Cell<usize>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.left.read(buffer)?;
        self.read.set(self.read.get() + count);
        Ok(count)
    }
}

#[test]
fn blocks_are_read_ahead_up_to_the_limit() {
    // Each block is nearly as large as its content.
    let content = firmware(3, 4_000_000);
    let mut raw = Raw::of(Compression::Mszip, &[("a", &content[..2_000_000])]);
    raw.add_folder(Compression::Mszip, &[("b", &content[2_000_000..])]);
    let bytes = raw.to_bytes();
    let ahead = |limit: u64| {
        let read = Cell::new(0);
        let input = Counted { left: &bytes, read: &read };
        let mut cabinet = Cabinet::open(input, CabinetLimits::default().with_ahead_bytes(limit)).unwrap();
        let mut file = cabinet.next_file().unwrap().unwrap();
        let mut delivered = vec![0; 1_500_000];
        file.read_exact(&mut delivered).unwrap();
        assert_eq!(delivered, content[..1_500_000]);
        let at = read.get();
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).unwrap();
        cabinet.next_file().unwrap().unwrap().read_to_end(&mut rest).unwrap();
        assert!(rest == content[1_500_000..]);
        at
    };
    // The input itself is read in pieces of 128 KiB.
    let (none, little, much) =
        (ahead(0), ahead(500_000), ahead(CabinetLimits::default().named("ahead_bytes").unwrap()));
    assert!(little <= none + 128 * 1024 + 500_000, "{little} beside {none}");
    if available_parallelism().is_ok_and(|processors| processors.get() > 1) {
        assert!(none < little && little < much, "{none}, {little}, {much}");
        assert_eq!(much, bytes.len(), "the second folder is read while the first one is delivered");
    } else {
        assert_eq!((none, none), (little, much));
    }
}
