//! Tests that packages are ingested as a whole or not at all, and that files are written only under safe names.

use crate::place::{CX700, IP8540, Place, package, time};
use serde_json::Value;
use ucupdate_cab::package::{CatalogueBuilder, sample};
use ucupdate_cab::{CabinetBuilder, Compression};

/// Returns a cabinet with two releases, placed by their folders. The image of the second one differs from the signed
/// one.
pub(crate) fn one_bad_file() -> Vec<u8> {
    let mut cabinet = CabinetBuilder::new(Compression::Mszip);
    for (model, signed, image) in [("CX700", "image", "image"), ("IP8540", "image", "image, damaged")] {
        let folder = format!(r"UCPhone\Polycom\{model}\A\ENU\3.5.6907.9\CPE");
        let signature = CatalogueBuilder::new().with_time(time()).with_image("CPE.nbt", signed.as_bytes());
        cabinet.file(format!(r"{folder}\CPE.nbt"), time(), image);
        cabinet.file(format!(r"{folder}\CPE.cat"), time(), signature.build().unwrap());
    }
    cabinet.build().unwrap()
}

fn cabinet(names: &[&str]) -> Vec<u8> {
    let mut cabinet = CabinetBuilder::new(Compression::Mszip);
    for name in names {
        cabinet.file(*name, time(), name.as_bytes());
    }
    cabinet.build().unwrap()
}

#[test]
fn a_cabinet_and_the_program_that_carries_it_are_one_package() {
    let place = Place::new();
    place.file("uc.cab", &sample::uc_updates(500));
    place.file("UCUpdates.exe", &sample::uc_updates_exe(500));
    let id = |file: &str| place.run(&["package", "show", file, "--json"]).json()["package"].clone();
    assert_eq!(id("uc.cab"), id("UCUpdates.exe"));
    let both = place.run(&["ingest", "uc.cab", "UCUpdates.exe", "--json"]).json();
    assert_eq!(both["packages"][0]["package"], id("uc.cab"));
    assert_eq!(both["packages"][1]["package"], id("uc.cab"));
    assert_eq!(
        (&both["packages"][0]["revision"], &both["packages"][1]["revision"]),
        (&1.into(), &Value::Null)
    );
    let again = place.run(&["ingest", "uc.cab"]).done();
    assert!(again.lines().next().unwrap().ends_with("exists already, nothing changes"), "{again}");
    assert_eq!(place.run(&["history", "--json"]).json()["revisions"].as_array().unwrap().len(), 1);
}

#[test]
fn one_bad_file_and_nothing_of_the_package_is_taken_and_the_file_is_named() {
    let place = Place::new();
    place.file("bad.cab", &one_bad_file());
    std::fs::create_dir(place.path("ucupdate-data")).unwrap();
    let ran = place.run(&["ingest", "bad.cab"]);
    let report = ran.stderr.clone();
    let reason = ran.refused();
    assert!(reason.starts_with("bad.cab: ") && reason.contains("IP8540"), "{reason}");
    assert_eq!(report.matches("the signature does not match the image").count(), 1, "{report}");
    assert_eq!(place.run(&["rules"]).done(), "no rules\n");
    assert_eq!(place.run(&["tree"]).done(), "nothing is ingested\n");
    assert_eq!(place.run(&["history"]).done(), "no changes\n");
}

#[test]
fn an_unreadable_catalogue_is_refused_unless_it_is_accepted_and_then_the_history_records_it() {
    let place = Place::new();
    let mut cabinet = CabinetBuilder::new(Compression::Mszip);
    let folder = r"UCPhone\Polycom\CX700\A\ENU\3.5.6907.9\CPE";
    let wrong = CatalogueBuilder::new().with_time(time()).with_image("CPE.nbt", b"another image");
    cabinet.file(format!(r"{folder}\CPE.nbt"), time(), "image");
    cabinet.file(format!(r"{folder}\CPE.cat"), time(), [wrong.build().unwrap(), vec![0]].concat());
    place.file("nul.cab", &cabinet.build().unwrap());
    let reason = place.run(&["ingest", "nul.cab"]).refused();
    assert!(reason.contains("the signature cannot be read"), "{reason}");
    assert!(!place.path("ucupdate-data").exists());
    let accepted = place.run(&["ingest", "--accept-unreadable-catalogue", "nul.cab"]).done();
    assert!(accepted.contains("accepted on request: "), "{accepted}");
    let history = place.run(&["history"]).done();
    assert!(history.contains("accepted on request: "), "{history}");
}

#[test]
fn an_unknown_restriction_in_a_manifest_is_refused_unless_it_is_ignored() {
    let place = Place::new();
    let image = b"image";
    let catalogue = CatalogueBuilder::new().with_time(time()).with_image("CPE.nbt", image).build().unwrap();
    let folder = r"UCPhone\Polycom\CX700\A\ENU\3.5.6907.9\CPE";
    let manifest = format!(
        "<Updates><Update version='3.5.6907.9' HardwareRange='C-D'><FileName>{folder}\\CPE.nbt</FileName></Update></Updates>"
    );
    let mut cabinet = CabinetBuilder::new(Compression::Mszip);
    cabinet.file("updateInfo.xml", time(), manifest);
    cabinet.file(format!(r"{folder}\CPE.nbt"), time(), image);
    cabinet.file(format!(r"{folder}\CPE.cat"), time(), catalogue);
    place.file("narrow.cab", &cabinet.build().unwrap());
    let reason = place.run(&["ingest", "narrow.cab"]).refused();
    assert!(reason.contains("HardwareRange"), "{reason}");
    let ignored = place.run(&["ingest", "--ignore-unknown-restriction", "narrow.cab"]).done();
    assert!(ignored.contains("accepted on request: "), "{ignored}");
}

/// Returns the two parts of a set. It has one stored folder with two files, which continues in the second part.
fn set_of_two(files: [(&str, &[u8]); 2]) -> [Vec<u8>; 2] {
    let content: Vec<u8> = files.iter().flat_map(|(_, content)| content.iter().copied()).collect();
    let half = files[0].1.len() / 2;
    let part = |index: u16, entries: &[(&str, u32, u32, u16)], data: &[u8]| {
        let names: &[u8] = if index == 0 { b"2.cab\0disk2\0" } else { b"1.cab\0disk1\0" };
        let table: Vec<u8> = entries
            .iter()
            .flat_map(|(name, begin, size, folder)| {
                let mut row = [size.to_le_bytes(), begin.to_le_bytes()].concat();
                for number in [*folder, 28 << 9 | 12 << 5 | 16, 4 << 11 | 43 << 5 | 29, 0x20] {
                    row.extend(number.to_le_bytes());
                }
                [row, name.as_bytes().to_vec(), vec![0]].concat()
            })
            .collect();
        let (file_table, first_block) = (36 + names.len() + 8, 36 + names.len() + 8 + table.len());
        let number = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
        let short = |number: usize| u16::try_from(number).unwrap().to_le_bytes();
        let mut bytes = b"MSCF\0\0\0\0".to_vec();
        bytes.extend(number(first_block + 8 + data.len()));
        bytes.extend([0; 4]);
        bytes.extend(number(file_table));
        bytes.extend([0, 0, 0, 0, 3, 1, 1, 0]);
        bytes.extend(short(entries.len()));
        for field in [if index == 0 { 2 } else { 1 }, 777, usize::from(index)] {
            bytes.extend(short(field));
        }
        bytes.extend(names);
        bytes.extend(number(first_block));
        bytes.extend([1, 0, 0, 0]);
        bytes.extend(table);
        bytes.extend([0; 4]);
        bytes.extend(short(data.len()));
        bytes.extend(short(data.len()));
        bytes.extend(data);
        bytes
    };
    let length = |content: &[u8]| u32::try_from(content.len()).unwrap();
    let first = (files[0].0, 0, length(files[0].1));
    let second = (files[1].0, length(files[0].1), length(files[1].1));
    [
        part(0, &[(first.0, first.1, first.2, 0xFFFE)], &content[..half]),
        part(1, &[(first.0, first.1, first.2, 0xFFFD), (second.0, second.1, second.2, 0)], &content[half..]),
    ]
}

pub(crate) fn package_in_two_parts() -> [Vec<u8>; 2] {
    let image = b"an image in two parts";
    let catalogue = CatalogueBuilder::new().with_time(time()).with_image("CPE.nbt", image).build().unwrap();
    let folder = r"UCPhone\Polycom\CX700\A\ENU\3.5.6907.9\CPE";
    let names = [format!(r"{folder}\CPE.nbt"), format!(r"{folder}\CPE.cat")];
    set_of_two([(&names[0], image), (&names[1], &catalogue)])
}

#[test]
fn the_parts_of_a_set_are_ingested_together_in_any_order() {
    let place = Place::new();
    let [first, second] = package_in_two_parts();
    place.file("1.cab", &first);
    place.file("2.cab", &second);
    place.file("uc.cab", &package(IP8540, "3.5.6907.0", b"another"));
    let alone = place.run(&["ingest", "1.cab"]).refused();
    assert!(alone.contains("part 2 of the set is missing: its neighbour names it `2.cab`"), "{alone}");
    let both = place.run(&["ingest", "2.cab", "uc.cab", "1.cab", "--json"]).json();
    let packages = both["packages"].as_array().unwrap();
    assert_eq!(packages.len(), 2, "{both}");
    assert_eq!(packages[0]["file"], "2.cab, 1.cab");
    let history = place.run(&["history", "--json"]).json();
    let notes = history["revisions"].to_string();
    assert!(notes.contains("was ingested from 2.cab, 1.cab"), "the history names each file: {notes}");
}

#[test]
fn extracting_fails_where_a_folder_could_not_be_read_and_writes_the_others() {
    let place = Place::new();
    let mut cabinet = CabinetBuilder::new(Compression::None);
    cabinet.file("a.txt", time(), "stored");
    cabinet.folder();
    cabinet.file("b.txt", time(), "quantum");
    let mut bytes = cabinet.build().unwrap();
    // The type of compression of the second folder.
    bytes[50] = 2;
    place.file("mixed.cab", &bytes);
    let reason = place.run(&["package", "extract", "mixed.cab", "--to", "out"]).refused();
    assert!(
        reason.contains("folder 1 has 1 file that cannot be read: Quantum compression is not supported"),
        "{reason}"
    );
    assert_eq!(std::fs::read(place.path("out/a.txt")).unwrap(), b"stored");
    let shown = place.run(&["package", "show", "mixed.cab"]);
    assert_eq!(shown.code, Some(1), "{shown:?}");
    let refused = place.run(&["ingest", "mixed.cab"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for report in [&shown.stdout, &refused.stderr] {
        assert!(report.contains("Quantum compression is not supported"), "{report}");
        assert!(
            report.contains("extract the cabinet with cabextract or 7-Zip and build it again with `ucupdate package build`"),
            "{report}"
        );
    }
}

#[test]
fn each_cabinet_of_a_file_is_extracted_and_one_of_several_packages_is_chosen_by_its_offset() {
    let place = Place::new();
    let (first, second) = (package(IP8540, "3.5.6907.0", b"old"), package(IP8540, "4.0.7577.0", b"new"));
    place.file("both.exe", &[&first[..], &second, &cabinet(&["setup.ini"])].concat());
    let reason = place.run(&["ingest", "both.exe"]).refused();
    let (offset, size) = (first.len(), second.len());
    let named =
        format!("a cabinet of {offset} bytes at byte 0 and a cabinet of {size} bytes at byte {offset}");
    assert!(reason.contains(&named) && reason.contains("`--cabinet-at`"), "{reason}");
    place.run(&["ingest", "both.exe", "--cabinet-at", &offset.to_string()]).done();
    assert!(place.run(&["rules"]).done().contains("4.0.7577.0"));
    place.file("with-setup.exe", &[&second[..], &cabinet(&["setup.ini"])].concat());
    let extracted = place.run(&["package", "extract", "with-setup.exe", "--to", "files"]).done();
    let of = |text| extracted.lines().filter(|line| line.contains(text)).count();
    assert_eq!((of("4.0.7577.0"), of("setup.ini")), (2, 1), "{extracted}");
}

#[test]
fn a_limit_is_named_by_its_message_and_can_be_raised() {
    let place = Place::new();
    place.file("uc.cab", &sample::uc_updates(500));
    let reason = place.run(&["package", "show", "--limit", "files=2", "uc.cab"]).refused();
    assert!(reason.contains("the limit `files` is 2"), "{reason}");
    place.run(&["package", "show", "--limit", "files=9", "uc.cab"]).done();
}

#[test]
fn a_refused_second_file_leaves_the_first_and_stops_before_the_third() {
    let place = Place::new();
    place.file("first.cab", &package(CX700, "3.5.6907.9", b"first"));
    place.file("bad.cab", &one_bad_file());
    place.file("third.cab", &package(IP8540, "3.5.6907.0", b"third"));
    let ran = place.run(&["--json", "ingest", "first.cab", "bad.cab", "third.cab"]);
    let result = ran.json();
    assert_eq!(result["packages"].as_array().unwrap().len(), 1);
    assert_eq!(result["refused"]["file"], "bad.cab");
    let problems = result["refused"]["problems"].as_array().unwrap();
    let refusal = problems.iter().find(|problem| problem["severity"] == "refusal").unwrap();
    assert_eq!(refusal["kind"], "digest-mismatch");
    assert!(refusal["file"].as_str().unwrap().contains("IP8540"), "{refusal}");
    assert!(ran.failure().starts_with("bad.cab: "));
    let rules = place.run(&["rules", "--json"]).json();
    assert_eq!(rules["rules"].as_array().unwrap().len(), 1);
    assert_eq!(rules["rules"][0]["pending"]["version"], "3.5.6907.9");
}

#[test]
fn an_ingest_that_fails_leaves_no_new_store_and_keeps_what_is_there() {
    let place = Place::new();
    place.file("no.cab", b"<xml/>");
    place.run(&["ingest", "no.cab"]).refused();
    assert!(!place.path("ucupdate-data").exists());
    std::fs::create_dir(place.path("ucupdate-data")).unwrap();
    place.run(&["ingest", "no.cab"]).refused();
    assert!(place.path("ucupdate-data").exists());
    place.file("uc.cab", &sample::uc_updates(500));
    place.run(&["--store", "file:both", "ingest", "uc.cab", "no.cab"]).refused();
    place.run(&["--store", "file:both", "verify"]).done();
}

#[test]
fn a_cabinet_that_is_no_package_is_shown_and_what_is_no_cabinet_is_not() {
    let place = Place::new();
    place.file("holiday.cab", &cabinet(&["holiday.jpg"]));
    let shown = place.run(&["package", "show", "holiday.cab"]).stdout;
    assert!(shown.contains("holiday.jpg") && shown.contains("the cabinet holds no release"), "{shown}");
    assert_eq!(place.run(&["package", "show", "holiday.cab", "--json"]).json()["refused"], true);
    let cab = sample::uc_updates(500);
    place.file("cut.cab", &cab[..cab.len() / 2]);
    place.file("empty.cab", b"");
    for file in ["cut.cab", "empty.cab"] {
        for command in ["show", "extract"] {
            let args = ["package", command, file, "--to", "out"];
            let args = if command == "show" { &args[..3] } else { &args[..] };
            assert!(place.run(args).refused().starts_with(&format!("{file}: ")), "{args:?}");
        }
        assert!(place.run(&["ingest", file]).refused().starts_with(&format!("{file}: ")));
    }
    let reason = place.run(&["package", "show", "holiday.cab", "holiday.cab"]).refused();
    assert!(reason.starts_with("holiday.cab, holiday.cab: "), "{reason}");
}

#[test]
fn hostile_names_are_not_written_and_do_not_reach_the_terminal() {
    let place = Place::new();
    let hostile = [
        r"..\climbs.txt",
        r"\absolute.txt",
        "C:\\drive.txt",
        "NUL",
        "red\u{1b}[31m.txt",
        "a\nucupdate: done",
    ];
    let names: Vec<&str> = ["good.txt"].into_iter().chain(hostile).chain([r"folder\also good.txt"]).collect();
    place.file("hostile.cab", &cabinet(&names));

    let ran = place.run(&["package", "extract", "hostile.cab", "--to", "a/b"]);
    assert_eq!(ran.stdout, "good.txt\nfolder/also good.txt\n");
    assert!(!ran.stderr.contains('\u{1b}'), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), hostile.len() + 1);
    assert_eq!(ran.refused(), "6 files were not extracted, because the names are not safe");
    assert_eq!(std::fs::read(place.path("a/b/folder/also good.txt")).unwrap(), br"folder\also good.txt");
    let found = |path: &str| std::fs::read_dir(place.path(path)).unwrap().count();
    assert_eq!((found("a"), found("a/b"), found("a/b/folder")), (1, 2, 1));

    let result = place.run(&["package", "extract", "hostile.cab", "--to", "c", "--json"]).json();
    assert_eq!(result["unsafe_names"][4]["name"], "red\u{1b}[31m.txt");
    let shown = place.run(&["package", "show", "hostile.cab"]).stdout;
    assert!(!shown.contains('\u{1b}') && !shown.contains("\nucupdate"), "{shown}");
    assert!(shown.contains(r"red\u{1b}[31m.txt"), "{shown}");
    let refused = place.run(&["ingest", "hostile.cab"]);
    assert!(!refused.stderr.contains('\u{1b}'), "{refused:?}");
    refused.refused();
}

#[test]
fn what_is_there_is_never_written_over() {
    let place = Place::new();
    place.file("two.cab", &cabinet(&["one.txt", "two.txt"]));
    std::fs::create_dir(place.path("out")).unwrap();
    place.file("out/two.txt", b"mine");
    let reason = place.run(&["package", "extract", "two.cab", "--to", "out"]).refused();
    assert_eq!(reason, "out/two.txt: exists already, and is not overwritten");
    assert_eq!(std::fs::read(place.path("out/two.txt")).unwrap(), b"mine");
    assert!(!place.path("out/one.txt").exists(), "nothing is written when not all can be");
    let reason = place.run(&["package", "build", "out", "two.cab"]).refused();
    assert_eq!(reason, "two.cab: exists already, and is not overwritten");
    place.file("request.xml", b"mine");
    assert_eq!(
        place.run(&["sample", "."]).refused(),
        "./request.xml: exists already, and is not overwritten"
    );
    assert!(!place.path("UCUpdates.cab").exists());
}

#[test]
fn what_is_extracted_builds_the_same_package_again() {
    let place = Place::new();
    place.file("uc.cab", &sample::uc_updates(500));
    place.run(&["package", "extract", "uc.cab", "--to", "out"]).done();
    let built = place.run(&["package", "build", "out", "again.cab", "--json"]).json();
    let shown = place.run(&["package", "show", "uc.cab", "--json"]).json();
    assert_eq!(built["sha256"], shown["sha256"]);
    std::fs::remove_file(place.path("out/OCInterim/ENU/CPE.cat")).unwrap();
    let reason = place.run(&["package", "build", "out", "refused.cab"]).refused();
    assert!(
        reason.starts_with("out: package would be refused: ") && reason.contains("OCInterim"),
        "{reason}"
    );
    assert!(!place.path("refused.cab").exists());
}

#[test]
fn the_samples_are_what_they_say() {
    let place = Place::new();
    let files = place.run(&["sample", "s", "--json"]).json();
    assert_eq!(files["files"].as_array().unwrap().len(), 4);
    let ingested = place.run(&["ingest", "s/UCUpdates.exe", "s/UCUpdates.cab", "s/RoundTable.cab"]).done();
    assert!(ingested.contains("interim image 1.0.522.103 for ENU is pending"), "{ingested}");
    let rules = place.run(&["rules"]).done();
    for row in [
        "RoundTable/Microsoft/RTDevice/A/ENU/CPE  -           1.1.27.0  -",
        "UCPhone/LG-Nortel/IP8540/A/ENU/CPE       3.5.6907.0  -         -",
        "UCPhone/Polycom/CX700/A/ENU/CPE          3.5.6907.9  -         -",
    ] {
        assert!(rules.contains(row), "{rules}");
    }
    place.run(&["approve", IP8540]).done();
    let explained = place.run(&["explain", "s/request.xml"]).done();
    assert!(explained.contains("offer 1.0.522.103 as a stepping stone to 3.5.6907.0"), "{explained}");
}
