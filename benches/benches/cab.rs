//! Measures the reading of cabinets, in comparison with the `cab` crate and with hashing the
//! content alone.

use std::hint::black_box;
use std::io::{Cursor, Read};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ucupdate_benches::cabinets::{firmware, lzx_cabinet};
use ucupdate_cab::{Cabinet, CabinetBuilder, CabinetLimits, Compression};
use ucupdate_core::value::{FieldTime, Sha256Digest, Sha256Hasher};

const BYTES: usize = 4 * 1024 * 1024;

/// Reads a cabinet with the reader of this project, with a SHA-256 of each file and of the cabinet.
/// Returns the number of bytes in the files.
fn ours(bytes: &[u8]) -> u64 {
    let mut cabinet = Cabinet::open(bytes, CabinetLimits::default()).expect("a cabinet made here");
    while let Some(mut file) = cabinet.next_file().expect("whole data") {
        let mut hash = Sha256Hasher::default();
        loop {
            let chunk = file.read_chunk().expect("whole data");
            if chunk.is_empty() {
                break;
            }
            hash.update(chunk);
        }
        black_box(hash.digest());
    }
    cabinet.finish().expect("whole data").output_bytes
}

/// Reads a cabinet with the `cab` crate, with a SHA-256 of each file. Returns the number of bytes
/// in the files.
fn cab_crate(bytes: &[u8]) -> u64 {
    let mut cabinet = cab::Cabinet::new(Cursor::new(bytes)).expect("a cabinet made here");
    let files = cabinet.folder_entries().flat_map(|folder| folder.file_entries());
    let names: Vec<String> = files.map(|file| file.name().to_owned()).collect();
    let mut read = 0;
    for name in names {
        let mut content = Vec::new();
        let mut file = cabinet.read_file(&name).expect("a file");
        read += file.read_to_end(&mut content).expect("whole data") as u64;
        black_box(Sha256Digest::of(&content));
    }
    read
}

fn mszip(content: &[u8], files: usize) -> Vec<u8> {
    let stamp = FieldTime::new((2009, 3, 6), (17, 10, 38)).expect("a day of the calendar");
    let mut builder = CabinetBuilder::new(Compression::Mszip);
    for (number, part) in content.chunks(content.len().div_ceil(files)).enumerate() {
        builder.file(format!("{number}.nbt"), stamp, part);
    }
    builder.build().expect("names and times are good")
}

fn read(criterion: &mut Criterion) {
    let content = firmware(1, BYTES);
    let mut group = criterion.benchmark_group("cab/read_4mib");
    group.sample_size(10).throughput(Throughput::Bytes(BYTES as u64));
    group.bench_function("floor/sha256_of_the_content", |bencher| {
        bencher.iter(|| Sha256Digest::of(black_box(&content)));
    });
    // The compressor of LZX is slow, so eight folders have the same content.
    let cabinets = [
        ("mszip_1_file", mszip(&content, 1)),
        ("mszip_200_files", mszip(&content, 200)),
        ("lzx_8_folders", lzx_cabinet(21, &content[..BYTES / 8], 8)),
    ];
    for (name, bytes) in cabinets {
        group.bench_function(format!("{name}/ours"), |bencher| {
            bencher.iter(|| assert_eq!(ours(black_box(&bytes)), BYTES as u64));
        });
        group.bench_function(format!("{name}/cab_crate"), |bencher| {
            bencher.iter(|| assert_eq!(cab_crate(black_box(&bytes)), BYTES as u64));
        });
    }
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
