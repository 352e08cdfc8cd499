//! Reads cabinets of 100 MB with the reader of this project and tests them with `cabextract -t`, in
//! one run. Prints the ratios of the wall times.
//!
//! Both programs read the whole cabinet from a file, decompress each byte and hash it: this reader
//! with SHA-256 (of the files and of the cabinet), cabextract with MD5.
//! `benches/cabextract-ratios.sh` runs this program and names its requirements.
//!
//! The content of the cabinets is made by code. With a file as argument, the bytes of that file are
//! the content, repeated as needed.

#![allow(clippy::print_stdout, reason = "it is for a terminal")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ucupdate_benches::cabinets::{firmware, lzx_cabinet};
use ucupdate_cab::{Cabinet, CabinetBuilder, CabinetLimits, Compression};
use ucupdate_core::value::{FieldTime, Sha256Hasher};

const BYTES: usize = 100_000_000;
const ROUNDS: usize = 9;

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
    let mut rows = [
        Row::new("MSZIP, one file of 100 MB", one, 0.45),
        Row::new("MSZIP, 200 files in one folder", many, 0.45),
        Row::new("LZX 2 MiB, 20 folders", lzx, 0.45),
    ];
    // The rows take turns, so that other load of the machine affects all of them equally.
    for _ in 0..ROUNDS {
        rows.iter_mut().try_for_each(Row::round)?;
    }
    rows.iter().for_each(Row::print);
    let [one, many, _] = rows;
    let ratio = many.ours.div_duration_f64(one.ours);
    println!("{:<34} {ratio:>5.2} (expected at most 1.10)", "ours, 200 files / one file");
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

/// One cabinet, and the shortest times in which each program read it.
struct Row {
    what: &'static str,
    path: PathBuf,
    expected: f64,
    ours: Duration,
    theirs: Duration,
}

impl Row {
    fn new(what: &'static str, path: PathBuf, expected: f64) -> Self {
        Self { what, path, expected, ours: Duration::MAX, theirs: Duration::MAX }
    }

    /// Measures the time of each program once.
    fn round(&mut self) -> Result<()> {
        let begin = Instant::now();
        let status = Command::new("cabextract").arg("-t").arg(&self.path).stdout(Stdio::null()).status()?;
        self.theirs = self.theirs.min(begin.elapsed());
        assert!(status.success(), "cabextract refuses the cabinet");
        let begin = Instant::now();
        read(&self.path)?;
        self.ours = self.ours.min(begin.elapsed());
        Ok(())
    }

    fn print(&self) {
        let Self { what, expected, .. } = self;
        let ratio = self.ours.div_duration_f64(self.theirs);
        let (ours, theirs) = (self.ours.as_secs_f64(), self.theirs.as_secs_f64());
        println!(
            "{what:<34} {ratio:>5.2} (expected at most {expected:.2}; ours {ours:.3} s, cabextract {theirs:.3} s)"
        );
    }
}

fn read(path: &Path) -> Result<()> {
    let mut cabinet = Cabinet::open(File::open(path)?, CabinetLimits::default())?;
    let mut bytes = 0;
    while let Some(mut file) = cabinet.next_file()? {
        let mut hash = Sha256Hasher::default();
        loop {
            let chunk = file.read_chunk()?;
            if chunk.is_empty() {
                break;
            }
            hash.update(chunk);
            bytes += chunk.len();
        }
        std::hint::black_box(hash.digest());
    }
    cabinet.finish()?;
    assert_eq!(bytes, BYTES);
    Ok(())
}
