//! Compares with the `cab` crate on cabinets of many programs, and with other tools if they are installed.

use std::fs;
use std::io::{Cursor, ErrorKind, Read};
use std::path::Path;
use std::process::{Command, Output};

use proptest::prelude::*;
use ucupdate_cab::{CabinetBuilder, Compression, self_extracting};
use ucupdate_core::value::FieldTime;
use ucupdate_core::value::Sha256Digest;

use super::fixture::{Raw, blocks, firmware, kinds, lzx, read_all};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    #[ignore = "slow; .ci/run runs it"]
    fn the_cab_crate_reads_the_same_from_valid_cabinets(
        folders in proptest::collection::vec(
            (0_u8..4, proptest::collection::vec((any::<u64>(), 1_usize..50_000), 1..4)),
            1..3,
        ),
        reserve in 0_usize..40,
        folder_reserve in 0_u8..9,
    ) {
        let mut raw = Raw::empty();
        raw.reserve = vec![1; reserve];
        raw.folder_reserve = folder_reserve;
        for (number, (kind, files)) in folders.iter().enumerate() {
            let kind = [Compression::None, Compression::Mszip, lzx(15), lzx(18)][usize::from(*kind)];
            let files: Vec<_> = files.iter().enumerate()
                .map(|(index, (seed, length))| (format!("{number}\\{index}"), firmware(*seed, *length)))
                .collect();
            let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), &content[..])).collect();
            raw.add_folder(kind, &files);
        }
        let bytes = raw.to_bytes();
        let (ours, _) = read_all(&bytes).unwrap();
        let mut theirs = cab::Cabinet::new(Cursor::new(&bytes)).unwrap();
        for (name, content) in ours {
            let mut found = Vec::new();
            theirs.read_file(&name).unwrap().read_to_end(&mut found).unwrap();
            prop_assert!(found == content);
        }
    }
}

/// Writes files of many kinds to a folder, as input for other programs.
pub(super) fn sources(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files: Vec<(String, Vec<u8>)> = vec![
        ("empty.txt".into(), Vec::new()),
        ("zeros.nbt".into(), vec![0; 128 * 1024]),
        ("CPE.nbt".into(), firmware(11, 300_000)),
        ("CPE.cat".into(), firmware(12, 32_768)),
        ("noise.bin".into(), sha_noise(100_000)),
        ("Ger\u{e4}t.xml".into(), b"<a/>".to_vec()),
    ];
    for (name, content) in &files {
        fs::write(folder.join(name), content).unwrap();
    }
    files
}

/// Returns bytes that do not compress.
fn sha_noise(length: u32) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        (0..length.div_ceil(32)).flat_map(|n| *Sha256Digest::of(n.to_le_bytes()).as_bytes()).collect();
    bytes.truncate(length as usize);
    bytes
}

/// Runs a tool. Prints a line and returns `None` if the tool is not installed.
pub(super) fn run(program: &str, arguments: &[&str], folder: &Path) -> Option<Output> {
    match Command::new(program).args(arguments).current_dir(folder).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("{program} is not installed: left out");
            None
        }
        output => {
            let output = output.unwrap();
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
            Some(output)
        }
    }
}

fn check_read(cabinet: &Path, expected: &[(String, Vec<u8>)]) {
    let (mut found, _) = read_all(&fs::read(cabinet).unwrap()).unwrap();
    let mut expected = expected.to_vec();
    found.sort();
    expected.sort();
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    assert!(found == expected);
}

#[test]
fn what_gcab_packs_is_read() {
    for flags in ["-cn", "-cnz"] {
        let folder = tempfile::tempdir().unwrap();
        let files = sources(folder.path());
        let mut arguments = vec![flags, "made.cab"];
        arguments.extend(files.iter().map(|(name, _)| name.as_str()));
        if run("gcab", &arguments, folder.path()).is_some() {
            check_read(&folder.path().join("made.cab"), &files);
        }
    }
}

/// A program for Python that packs files with `cabarchive`. It writes nothing if `cabarchive` is not installed.
pub(super) const CABARCHIVE: &str = "
import sys, pathlib
try:
    import cabarchive
except ImportError:
    sys.exit(0)
archive = cabarchive.CabArchive()
for path in map(pathlib.Path, sys.argv[2:]):
    archive[path.name] = cabarchive.CabFile(path.read_bytes())
pathlib.Path('made.cab').write_bytes(archive.save(sys.argv[1] == 'mszip'))
";

#[test]
fn what_pythons_cabarchive_packs_is_read() {
    for compression in ["none", "mszip"] {
        let folder = tempfile::tempdir().unwrap();
        let files = sources(folder.path());
        let mut arguments = vec!["-c", CABARCHIVE, compression];
        arguments.extend(files.iter().map(|(name, _)| name.as_str()));
        if run("python3", &arguments, folder.path()).is_some() {
            let made = folder.path().join("made.cab");
            if made.exists() {
                check_read(&made, &files);
            } else {
                eprintln!("cabarchive (Python) is not installed: left out");
            }
        }
    }
}

#[test]
fn what_our_builder_packs_others_read() {
    for compression in [Compression::None, Compression::Mszip] {
        let folder = tempfile::tempdir().unwrap();
        let files = sources(folder.path());
        let stamp = FieldTime::new((2009, 3, 6), (17, 10, 38)).unwrap();
        let mut builder = CabinetBuilder::new(compression);
        for (number, (name, content)) in files.iter().enumerate() {
            if number == 3 {
                builder.folder();
            }
            builder.file(name.as_str(), stamp, content.as_slice());
        }
        let bytes = builder.build().unwrap();
        fs::write(folder.path().join("ours.cab"), &bytes).unwrap();
        fs::write(folder.path().join("ours.exe"), self_extracting(&bytes)).unwrap();
        let unpacked = [
            run("cabextract", &["-q", "-d", "cabextract", "ours.cab"], folder.path()).map(|_| "cabextract"),
            run("cabextract", &["-q", "-d", "program", "ours.exe"], folder.path()).map(|_| "program"),
            run("gcab", &["-x", "-C", "gcab", "ours.cab"], folder.path()).map(|_| "gcab"),
        ];
        for target in unpacked.into_iter().flatten() {
            for (name, content) in &files {
                let found = fs::read(folder.path().join(target).join(name));
                assert!(found.unwrap_or_else(|error| panic!("{target} {name}: {error}")) == *content);
            }
        }
    }
}

#[test]
fn cabextract_finds_what_the_fixtures_pack_whole() {
    // An independent reader checks that the fixtures of these tests are valid cabinets.
    let content = firmware(21, 100_000);
    for kind in kinds() {
        let folder = tempfile::tempdir().unwrap();
        let mut raw = Raw::of(kind, &[("CPE.nbt", &content)]);
        raw.block_reserve = 4;
        raw.reserve = vec![1; 20];
        fs::write(folder.path().join("a.cab"), raw.to_bytes()).unwrap();
        if run("cabextract", &["-q", "a.cab"], folder.path()).is_none() {
            return;
        }
        assert!(fs::read(folder.path().join("CPE.nbt")).unwrap() == content, "{kind}");
    }
}

#[test]
fn cabextract_joins_the_sets_of_the_fixtures_as_this_reader_does() {
    for kind in [Compression::None, Compression::Mszip, lzx(16)] {
        let folder = tempfile::tempdir().unwrap();
        let (parts, expected) = super::sets::set(kind);
        for (part, name) in parts.iter().zip(["a.cab", "b.cab", "c.cab"]) {
            fs::write(folder.path().join(name), part).unwrap();
        }
        if run("cabextract", &["-q", "a.cab"], folder.path()).is_none() {
            return;
        }
        // cabextract 1.9 omits a file that begins in a folder continued from the part before.
        let expected = expected.iter().filter(|(name, _)| name != "end");
        for (name, content) in expected {
            assert!(fs::read(folder.path().join(name)).unwrap() == *content, "{kind} {name}");
        }
    }
}

#[test]
fn cabextract_makes_calls_relative_again_as_this_reader_does() {
    let mut content = firmware(31, 120_000);
    // This is a call of byte 0. lzxd counts it from the end.
    content[100] = 0xE8;
    content[101..105].copy_from_slice(&120_000_u32.to_le_bytes());
    for strategy in [lzxc::Strategy::Uncompressed, lzxc::Strategy::Optimal] {
        let folder = tempfile::tempdir().unwrap();
        let mut raw = Raw::of(lzx(15), &[("CPE.nbt", &content)]);
        let encoder = lzxc::Encoder::new(lzxc::WindowSize::KB32).with_strategy(strategy);
        let packed = encoder.with_e8_translation(120_000).encode_stream(&content);
        raw.folders[0].blocks = blocks(packed, &content);
        let bytes = raw.to_bytes();
        let ours = read_all(&bytes).unwrap().0.remove(0).1;
        assert_eq!(ours[101..105], (-100_i32).to_le_bytes());
        fs::write(folder.path().join("a.cab"), bytes).unwrap();
        if run("cabextract", &["-q", "a.cab"], folder.path()).is_none() {
            return;
        }
        assert!(fs::read(folder.path().join("CPE.nbt")).unwrap() == ours);
    }
}
