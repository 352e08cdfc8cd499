//! Reads cabinets of 100 MB with this project's reader and tests them with `cabextract -t`, in one run, and prints the
//! ratios of their wall times.
//!
//! Both read the whole cabinet from a file, decompress each byte and hash it: this reader with SHA-256 (of the files
//! and of the cabinet), cabextract with MD5. `benches/cabextract-ratios.sh` runs it and says what it needs.
//!
//! With a file as argument, the bytes of that file are the content, repeated as needed, instead of made ones.

#![allow(clippy::print_stdout, reason = "it is for a terminal")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use ucupdate_benches::cabinets::{firmware, lzx_cabinet};
use ucupdate_cab::{Cabinet, CabinetBuilder, Compression, Limits};
use ucupdate_core::FieldTime;

const BYTES: usize = 100_000_000;
const ROUNDS: usize = 7;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    if Command::new("cabextract").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Err("cabextract is not installed (Debian: apt-get install cabextract)".into());
    }
    let content = match std::env::args_os().nth(1) {
        Some(path) => fs::read(path)?.iter().copied().cycle().take(BYTES).collect(),
        None => firmware(1, BYTES),
    };
    let folder = std::env::temp_dir().join(format!("ucupdate-cabextract-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let ratios = measure(&folder, &content);
    fs::remove_dir_all(&folder)?;
    ratios
}

fn measure(folder: &Path, content: &[u8]) -> Result<()> {
    println!("wall time, least of {ROUNDS} rounds; ours hashes with SHA-256, cabextract -t with MD5");
    let one = mszip(folder, "one-file.cab", content, 1)?;
    let many = mszip(folder, "200-files.cab", content, 200)?;
    let lzx = folder.join("lzx.cab");
    // The compressor is slow: a twentieth of the content, in twenty folders.
    fs::write(&lzx, lzx_cabinet(21, content.get(..BYTES / 20).unwrap_or(content), 20))?;
    let one = row("MSZIP, one file of 100 MB", &one, 0.6)?;
    let many = row("MSZIP, 200 files in one folder", &many, 0.6)?;
    row("LZX 2 MiB, 20 folders", &lzx, 1.2)?;
    println!(
        "{:<34} {:>5.2} (expected at most 1.10)",
        "ours, 200 files / one file",
        many.div_duration_f64(one)
    );
    Ok(())
}

fn mszip(folder: &Path, name: &str, content: &[u8], files: usize) -> Result<PathBuf> {
    let stamp = FieldTime::new((2009, 3, 6), (17, 10, 38)).ok_or("a day of the calendar")?;
    let mut builder = CabinetBuilder::new(Compression::Mszip);
    for (number, part) in content.chunks(content.len().div_ceil(files)).enumerate() {
        builder.file(format!("{number}.nbt"), stamp, part);
    }
    let path = folder.join(name);
    fs::write(&path, builder.build()?)?;
    Ok(path)
}

/// Times both on one cabinet, in turn, prints the row and gives our time.
fn row(what: &str, path: &Path, expected: f64) -> Result<Duration> {
    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let status = Command::new("cabextract").arg("-t").arg(path).stdout(Stdio::null()).status()?;
        theirs = theirs.min(begin.elapsed());
        assert!(status.success(), "cabextract refuses the cabinet");
        let begin = Instant::now();
        read(path)?;
        ours = ours.min(begin.elapsed());
    }
    let ratio = ours.div_duration_f64(theirs);
    println!(
        "{what:<34} {ratio:>5.2} (expected at most {expected:.2}; ours {:.3} s, cabextract {:.3} s)",
        ours.as_secs_f64(),
        theirs.as_secs_f64()
    );
    Ok(ours)
}

fn read(path: &Path) -> Result<()> {
    let mut cabinet = Cabinet::open(File::open(path)?, Limits::default())?;
    let mut bytes = 0;
    while let Some(mut file) = cabinet.next_file()? {
        let mut hash = Sha256::new();
        loop {
            let chunk = file.read_chunk()?;
            if chunk.is_empty() {
                break;
            }
            hash.update(chunk);
            bytes += chunk.len();
        }
        std::hint::black_box(hash.finalize());
    }
    cabinet.finish()?;
    assert_eq!(bytes, BYTES);
    Ok(())
}
