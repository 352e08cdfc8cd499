//! Compares with cabextract and 7-Zip on usual and unusual cabinets. Files that all tools read must be equal. Files
//! that only the others read are listed with the reason. `tests/cross-check.sh` runs these tests, and skips a tool that
//! is not installed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use ucupdate_cab::{Compression, self_extracting};

use super::fixture::{Raw, RawFile, firmware, kinds, lzx, read_all};
use super::peers::{CABARCHIVE, run, sources};

/// Files by path. `/` divides the parts of a path.
type Files = BTreeMap<String, Vec<u8>>;

/// Returns cabinets of all kinds that the fixtures make, and those in the folder that the variable `CABINETS` names.
fn cabinets() -> Vec<(String, Vec<u8>)> {
    let content = firmware(41, 100_000);
    let mut cabinets = Vec::new();
    for kind in kinds() {
        let mut raw = Raw::of(kind, &[("a.nbt", &content), (r"b\c.cat", &content[..1000])]);
        cabinets.push((format!("plain, {kind}"), raw.to_bytes()));
        cabinets.push((format!("program, {kind}"), self_extracting(&raw.to_bytes())));
        for (name, begins) in [
            ("equal files", [(0, 50_000), (0, 50_000), (50_000, 51_000)]),
            ("files that overlap", [(0, 60_000), (40_000, 60_000), (70_000, 10)]),
            ("gaps and a tail", [(10, 100), (40_000, 10), (60_000, 20_000)]),
        ] {
            raw.files.clear();
            for (number, (begin, size)) in begins.into_iter().enumerate() {
                let name = format!("file{number}").into_bytes();
                raw.files.push(RawFile { name, size, begin, folder: 0, attributes: 0x20 });
            }
            cabinets.push((format!("{name}, {kind}"), raw.to_bytes()));
        }
    }
    let mut folders = Raw::empty();
    for (number, kind) in [Compression::None, Compression::Mszip, lzx(17)].into_iter().enumerate() {
        folders.add_folder(kind, &[(&format!("f{number}"), &content[number..])]);
    }
    cabinets.push(("three folders".to_owned(), folders.to_bytes()));
    folders.folders[1].kind = 0x1072;
    cabinets.push(("a folder marked as Quantum".to_owned(), folders.to_bytes()));
    let plain = Raw::of(Compression::Mszip, &[("a", &content)]).to_bytes();
    for (name, difference) in [("a length too short by one", -1), ("a length too long by one", 1)] {
        let mut bytes = plain.clone();
        let length = i32::try_from(plain.len()).unwrap() + difference;
        bytes[8..12].copy_from_slice(&length.to_le_bytes());
        cabinets.push((name.to_owned(), bytes));
    }
    cabinets.extend(made_by_others());
    if let Some(folder) = std::env::var_os("CABINETS") {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths.into_iter().filter(|path| path.is_file()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            cabinets.push((name, fs::read(&path).unwrap()));
        }
    }
    cabinets
}

/// Returns cabinets that gcab, Python's cabarchive and the `cab` crate make. A maker that is not installed is left out.
fn made_by_others() -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let files = sources(folder.path());
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let made = folder.path().join("made.cab");
    let mut cabinets = Vec::new();
    for (maker, program, arguments) in [
        ("gcab, stored", "gcab", ["-cn", "made.cab", ""]),
        ("gcab, MSZIP", "gcab", ["-cnz", "made.cab", ""]),
        ("cabarchive, stored", "python3", ["-c", CABARCHIVE, "none"]),
        ("cabarchive, MSZIP", "python3", ["-c", CABARCHIVE, "mszip"]),
    ] {
        let arguments: Vec<&str> = arguments.into_iter().filter(|it| !it.is_empty()).collect();
        run(program, &[&arguments, &names[..]].concat(), folder.path());
        cabinets.extend(fs::read(&made).ok().map(|bytes| (format!("made by {maker}"), bytes)));
        let _gone = fs::remove_file(&made);
    }
    for kind in [cab::CompressionType::None, cab::CompressionType::MsZip] {
        let mut builder = cab::CabinetBuilder::new();
        let cabinet = builder.add_folder(kind);
        for name in &names {
            cabinet.add_file(*name);
        }
        let mut writer = builder.build(Cursor::new(Vec::new())).unwrap();
        let mut contents = files.iter().map(|(_, content)| content);
        while let Some(mut file) = writer.next_file().unwrap() {
            file.write_all(contents.next().unwrap()).unwrap();
        }
        cabinets.push((format!("made by the cab crate, {kind:?}"), writer.finish().unwrap().into_inner()));
    }
    cabinets
}

/// Returns the files that a tool extracts. `None` if the tool is not installed or reports an error.
fn extracted(program: &str, arguments: &[&str], cabinet: &Path) -> Option<Files> {
    let folder = tempfile::tempdir().unwrap();
    let output =
        Command::new(program).args(arguments).arg(cabinet).current_dir(folder.path()).output().ok()?;
    let mut files = Files::new();
    collect(folder.path(), "", &mut files);
    output.status.success().then_some(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.file_type().unwrap().is_dir() {
            true => collect(&entry.path(), &format!("{name}/"), files),
            false => {
                files.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn what_cabextract_and_7_zip_read_too_is_the_same_and_what_only_they_read_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut compared, mut apart, mut alone) = (0, Vec::new(), Vec::new());
    for (name, bytes) in cabinets() {
        let path = folder.path().join("cabinet.cab");
        fs::write(&path, &bytes).unwrap();
        let mut unread = String::from("not read");
        let ours = read_all(&bytes).map(|(files, finished)| -> Files {
            let irregular = finished.irregularities.iter().map(ToString::to_string);
            unread = irregular.fold(unread.clone(), |report, one| format!("{report}; {one}"));
            files
                .into_iter()
                .map(|(name, content)| (name.replace('\\', "/").trim_start_matches("./").to_owned(), content))
                .collect()
        });
        let cabextract = extracted("cabextract", &["-q"], &path);
        let seven_zip = extracted("7z", &["x", "-y", "-bd", "-tcab"], &path)
            .or_else(|| extracted("7z", &["x", "-y", "-bd"], &path));
        let one_of_them = |file: &str, files: &Option<Files>| files.as_ref()?.get(file).cloned();
        let mut names: BTreeSet<&String> = cabextract.iter().flat_map(Files::keys).collect();
        names.extend(seven_zip.iter().flat_map(Files::keys));
        if cabextract.is_some() || seven_zip.is_some() {
            let own = ours.iter().flat_map(Files::keys).filter(|file| !names.contains(*file));
            alone.extend(own.map(|file| format!("{name}: {file}")));
        }
        for file in names {
            let theirs = [one_of_them(file, &cabextract), one_of_them(file, &seven_zip)];
            let own = ours.as_ref().ok().and_then(|ours| ours.get(file));
            match (&theirs, own) {
                ([Some(one), Some(other)], Some(own)) if one == other => {
                    assert!(own == one, "{name}: {file} is other bytes to cabextract and 7-Zip");
                    compared += 1;
                }
                (_, Some(own)) => {
                    for (tool, theirs) in ["cabextract", "7-Zip"].into_iter().zip(theirs) {
                        if theirs.is_some_and(|theirs| theirs != *own) {
                            apart.push(format!("{name}: {file}: other bytes to {tool} alone"));
                        }
                    }
                }
                (theirs, None) => {
                    let tools = ["cabextract", "7-Zip"].into_iter().zip(theirs);
                    let tools: Vec<&str> =
                        tools.filter(|(_, it)| it.is_some()).map(|(tool, _)| tool).collect();
                    let reason = ours.as_ref().err().map_or_else(|| unread.clone(), ToString::to_string);
                    apart.push(format!("{name}: {file}: only {}: {reason}", tools.join(" and ")));
                }
            }
        }
    }

    eprintln!("{compared} files are the same to all; read otherwise or by others only: {}", apart.len());
    apart.iter().for_each(|line| eprintln!("  {line}"));
    eprintln!("read only here: {}", alone.len());
    alone.iter().for_each(|line| eprintln!("  {line}"));
}
