//! Measures the memory and the speed of ingesting a large package. The ingest into a folder is
//! compared with a plain copy, and the ingest into a bucket with a bare put by `object_store`.

use crate::prove::location::ProofStore;
use crate::prove::measurement::{Measured, Measurement};
use crate::prove::moment::shown;
use crate::prove::report::{ProofError, ProofRow, Scale};
use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::path::Path;
use ucupdate::cab::package::{CatalogueBuilder, MemberDigest, sample};
use ucupdate::cab::{CabinetBuilder, Compression};
use ucupdate::value::Sha256Hasher;

/// The largest memory in bytes that the ingesting process may use.
const MOST_MEMORY: u64 = 64 * 1024 * 1024;

const IMAGES: u64 = 25;

/// The number of bytes of the disk that stay free beside the package, its copy and its images.
const LEFT_FREE: u64 = 1 << 30;

/// Ingests a package into a folder and into a bucket. Compares the ingest into the folder with a
/// plain copy of the cabinet, and the ingest into the bucket with a put by `object_store` alone.
/// Fails when the disk has too little room for the package, or a process fails.
pub(crate) async fn prove(
    scale: &Scale,
    endpoint: Option<&str>,
    print: &mut dyn FnMut(Vec<ProofRow>),
) -> Result<(), ProofError> {
    let bytes: u64 = if scale.full { 1_000_000_000 } else { 16_000_000 };
    let folder = tempfile::tempdir()?;
    let free = fs4::available_space(folder.path())?;
    if free < 3 * bytes + LEFT_FREE {
        return Err(format!(
            "{} MB of the disk are free, expected {}",
            free >> 20,
            (3 * bytes + LEFT_FREE) >> 20
        )
        .into());
    }
    let cabinet = folder.path().join("UCUpdates.cab");
    tokio::task::spawn_blocking({
        let cabinet = cabinet.clone();
        move || write_package(&cabinet, bytes)
    })
    .await??;
    for ground in ProofStore::both(endpoint).await? {
        let (bare, bare_name) = match ground.location.endpoint {
            Some(_) => (Measurement::Put, "a bare put by object_store"),
            None => (Measurement::Copy, "a plain copy with a sync"),
        };
        let bare = ground.measure(scale, bare, Some(&cabinet)).await?;
        ground.clear().await?;
        let ingest = ground.measure(scale, Measurement::Ingest, Some(&cabinet)).await?;
        ground.clear().await?;
        print(table(bytes, ground.name, &ingest, &bare, bare_name));
    }
    Ok(())
}

fn table(bytes: u64, name: &str, ingest: &Measured, bare: &Measured, bare_name: &str) -> Vec<ProofRow> {
    let megabytes = bytes / 1_000_000;
    let mib = |peak: Option<u64>| {
        peak.map_or_else(|| "not known here".into(), |bytes| format!("{} MiB", bytes >> 20))
    };
    let speed = |measured: &Measured| bytes * 1000 / measured.took.max(1);
    let hundredths = ingest.took * 100 / bare.took.max(1);
    vec![
        ProofRow {
            what: format!("ingest of {megabytes} MB, {name}: memory"),
            found: format!(
                "the whole process had {} at most, of {} MiB; {bare_name} had {}",
                mib(ingest.peak),
                MOST_MEMORY >> 20,
                mib(bare.peak)
            ),
            holds: ingest.peak.is_none_or(|peak| peak <= MOST_MEMORY),
        },
        ProofRow {
            what: format!("ingest of {megabytes} MB, {name}: throughput"),
            found: format!(
                "{} ({} MB/s), unpacking and reading every image back among it; {bare_name} {} ({} MB/s): ratio {}.{:02}",
                shown(ingest.took),
                speed(ingest),
                shown(bare.took),
                speed(bare),
                hundredths / 100,
                hundredths % 100
            ),
            holds: true,
        },
    ]
}

/// Writes a package of images that cannot be compressed, about `bytes` bytes long, and syncs the file.
fn write_package(path: &Path, bytes: u64) -> Result<(), ProofError> {
    let each = bytes / IMAGES;
    let mut cabinet = CabinetBuilder::new(Compression::Mszip);
    for number in 0..IMAGES {
        let folder = format!(r"UCPhone\Polycom\CX{number}\A\ENU\4.0.7577.0\CPE");
        let mut hasher = Sha256Hasher::default();
        io::copy(&mut noise(number, each), &mut hasher)?;
        let digest = MemberDigest::Sha256(hasher.digest());
        let catalogue = CatalogueBuilder::new()
            .with_time(sample::time_stamp())
            .with_sha256()
            .with_digest("CPE.nbt", digest)
            .build()?;
        cabinet.file(format!(r"{folder}\CPE.cat"), sample::time_stamp(), catalogue);
        cabinet.file_from(format!(r"{folder}\CPE.nbt"), sample::time_stamp(), each, noise(number, each));
    }
    let file = cabinet.write_to(BufWriter::new(File::create(path)?))?;
    file.into_inner()?.sync_all()?;
    Ok(())
}

/// Returns `length` bytes of noise. Equal seeds return equal bytes.
fn noise(seed: u64, length: u64) -> impl Read {
    Noise(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1).take(length)
}

struct Noise(u64);

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for bytes in buffer.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            bytes.copy_from_slice(&self.0.to_le_bytes()[..bytes.len()]);
        }
        Ok(buffer.len())
    }
}
