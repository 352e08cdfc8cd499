//! Tests checks, copies, exports, roll backs and rebuilds of a store.

use crate::place::{CX700, IP8540, Place, no_store, package};
use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { all.push(path) }
        }
    }
    all.sort();
    all
}

fn image(place: &Place, store: &str) -> PathBuf {
    let found = files(&place.path(&format!("{store}/images")));
    found.into_iter().find(|path| path.to_string_lossy().ends_with("CPE.nbt")).unwrap()
}

#[test]
fn what_is_wrong_is_reported_with_what_repairs_it_and_the_exit_code_says_so() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let sound = place.run(&["verify"]).done();
    assert!(
        sound.starts_with("2 revisions, 0 checkpoints, ") && sound.ends_with("nothing is wrong\n"),
        "{sound}"
    );

    fs::write(image(&place, "ucupdate-data"), "rotten").unwrap();
    let ran = place.run(&["verify", "--quick", "--json"]);
    assert_eq!(ran.code, Some(1));
    let finding = &ran.json()["findings"][0];
    assert_eq!(finding["kind"], "file-damaged");
    assert!(finding["repair"].as_str().unwrap().contains("(uc.cab) again"), "{finding}");
    assert_eq!(place.run(&["verify"]).refused(), "the store has 1 problem");
    place.run(&["ingest", "uc.cab"]).done();
    let mended = place.run(&["verify"]).done();
    assert!(mended.contains("orphaned object") && mended.contains("`ucupdate gc` removes them"), "{mended}");

    // Nothing else reads this revision any more.
    fs::remove_file(place.path("ucupdate-data/state/revisions/00000000000000000002.json")).unwrap();
    assert!(place.run(&["rules"]).refused().contains("is missing"));
    let broken = place.run(&["verify", "--json"]);
    assert_eq!(broken.json()["findings"][0]["kind"], "revision-missing");
}

#[test]
fn a_store_is_carried_and_gives_the_same_answers() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    place.file("request.xml", include_bytes!("../../../../../vectors/canonical-request.xml"));
    let first = place.run(&["export", "copy", "--json"]).json();
    assert_eq!(
        (&first["revision"], &first["revisions"], &first["passed_over"]),
        (&2.into(), &2.into(), &0.into())
    );
    let again = place.run(&["export", "file:copy", "--json"]).json();
    assert_eq!((&again["revisions"], &again["objects"]), (&0.into(), &0.into()));
    place.run(&["--store", "file:back", "import", "copy"]).done();
    for command in [&["rules"][..], &["history"], &["tree"], &["explain", "request.xml"]] {
        let here = place.run(command).done();
        for store in ["file:copy", "file:back"] {
            assert_eq!(place.run(&[&["--store", store], command].concat()).done(), here, "{command:?}");
        }
    }
    place.run(&["--store", "file:copy", "approve", CX700]).done();
    assert_eq!(
        place.run(&["export", "copy"]).refused(),
        "the target store is ahead: it has revision 3, but the source store ends at 2"
    );
    place.run(&["import", "copy"]).done();
    place.run(&["--store", "file:copy", "verify"]).done();
}

#[test]
fn a_store_is_not_carried_into_itself_or_out_of_nothing() {
    let place = Place::with_package();
    for args in [
        &["export", "ucupdate-data"][..],
        &["import", "./ucupdate-data"],
        &["export", "memory:"],
        &["export", "S3://bucket/backup"],
        &["import", "http://localhost/bucket"],
        &["export"],
    ] {
        assert_eq!(place.run(args).code, Some(2), "{args:?}");
    }
    assert_eq!(place.run(&["export", "copy", "--tree", "www"]).code, Some(2));
    let others =
        ["ucupdate-data/copy", "ucupdate-data/../ucupdate-data", ".", "new/../ucupdate-data/deep/copy"];
    for (verb, other) in ["export", "import"].iter().flat_map(|verb| others.map(|other| (*verb, other))) {
        let ran = place.run(&[verb, other]);
        assert_eq!(ran.code, Some(2), "{verb} {other}");
        let reason = &ran.stderr;
        assert!(reason.contains(other) && reason.contains("the store"), "{reason}");
        assert!(reason.contains("file:ucupdate-data;"), "both places are named: {reason}");
    }
    for tree in ["ucupdate-data", "ucupdate-data/www"] {
        assert_eq!(place.run(&["export", "--tree", tree]).code, Some(2), "{tree}");
    }
    assert!(!place.path("ucupdate-data/copy").exists() && !place.path("new").exists());
    assert_eq!(place.run(&["import", "nowhere"]).refused(), no_store("nowhere"));
    assert_eq!(
        place.run(&["--store", "memory:", "export", "copy"]).refused(),
        "the source store has no history, so there is nothing to copy"
    );
}

#[test]
fn an_earlier_rule_book_is_restored_by_a_new_revision() {
    let place = Place::with_package();
    place.file("new.cab", &package(IP8540, "3.5.6907.35", b"newer"));
    place.run(&["approve", IP8540]).done();
    place.run(&["ingest", "new.cab"]).done();
    place.run(&["approve", IP8540]).done();
    place.run(&["remove", CX700]).done();
    let report = place.run(&["rollback", "--to", "2", "--author", "bob"]).done();
    assert_eq!(
        report,
        format!(
            "the rule book is as it was at revision 2\n{IP8540}: rolled back from 3.5.6907.35 to 3.5.6907.0\n{CX700}: 3.5.6907.9 is pending\n"
        )
    );
    let rules = place.run(&["rules", "--json"]).json();
    assert_eq!((&rules["revision"], rules["rules"].as_array().unwrap().len()), (&6.into(), 2));
    let last = place.run(&["history", "--last", "1", "--json"]).json();
    assert_eq!(last["revisions"][0]["author"], "bob");
    assert_eq!(place.run(&["rollback", "--to", "2"]).done(), "nothing to do\n");
    assert_eq!(
        place.run(&["rollback", "--to", "9"]).refused(),
        "no revision 9: the rule book is at revision 6"
    );
    for wrong in [&["rollback"][..], &["rollback", "--to", "0"], &["rollback", IP8540, "--to", "1"]] {
        assert_eq!(place.run(wrong).code, Some(2), "{wrong:?}");
    }
    for path in files(&place.path("ucupdate-data/images")) {
        if path.ends_with("package.json") {
            continue;
        }
        fs::remove_file(path).unwrap();
    }
    assert!(place.run(&["rollback", "--to", "4"]).refused().contains("is missing in the store"));
}

#[test]
fn the_tree_is_written_for_other_web_servers() {
    let place = Place::with_package();
    let tree = place.run(&["tree", "--json"]).json();
    let tree = tree["files"].as_array().unwrap();
    let written = place.run(&["export", "--tree", "www", "--copy", "--json"]).json();
    assert_eq!((&written["copied"], &written["linked"]), (&tree.len().into(), &0.into()));
    for file in tree {
        let path = place.path(&format!("www/{}", file["path"].as_str().unwrap()));
        assert_eq!(fs::metadata(path).unwrap().len(), file["size"].as_u64().unwrap());
    }
    let linked = place.run(&["export", "--tree", "linked", "--json"]).json();
    assert_eq!(linked["linked"].as_u64().unwrap() + linked["copied"].as_u64().unwrap(), tree.len() as u64);
    assert!(place.run(&["export", "--tree", "www"]).done().contains("0 files linked, 0 of 0 bytes copied"));

    fs::write(image(&place, "ucupdate-data"), "rotten").unwrap();
    let reason = place.run(&["export", "--tree", "third"]).refused();
    assert_eq!(reason, "1 file was not written; verify the store");
}

#[test]
fn a_store_that_has_only_images_is_begun_anew_and_never_one_with_a_history() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let refused = place.run(&["rebuild"]).refused();
    assert_eq!(
        refused,
        "the store has a history of 2 revisions, so it is not rebuilt; rebuild only a store without a history"
    );
    fs::remove_dir_all(place.path("ucupdate-data/state")).unwrap();
    let rebuilt = place.run(&["rebuild", "--author", "bob"]).done();
    assert!(rebuilt.ends_with("1 package is known again, nothing is approved\n"), "{rebuilt}");
    let rules = place.run(&["rules", "--json"]).json();
    for rule in rules["rules"].as_array().unwrap() {
        assert!(rule["pending"].is_object() && rule["approved"].is_null(), "{rule}");
    }
    place.run(&["approve", IP8540]).done();
    place.run(&["verify"]).done();
}
