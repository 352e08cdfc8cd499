//! Files that are whole or absent.
#![allow(clippy::unwrap_used, reason = "tests may")]

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use ucupdate_folder::Folder;

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn write(folder: &Folder, path: &str, bytes: &[u8], replaces: bool) -> std::io::Result<()> {
    let mut staged = folder.stage("")?;
    staged.write_all(bytes)?;
    if replaces { staged.replace(path) } else { staged.create(path) }
}

#[test]
fn a_file_is_created_once_and_replaced_whole() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open_or_create(place.path().join("new/folder")).unwrap();
    write(&folder, "a/CPE.nbt", b"image", false).unwrap();
    let taken = write(&folder, "a/CPE.nbt", b"other", false).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
    let path = folder.path().join("a/CPE.nbt");
    assert_eq!(fs::read(&path).unwrap(), b"image");
    write(&folder, "a/CPE.nbt", b"another", true).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"another");
    assert_eq!(
        (names(folder.path()), names(&folder.path().join("a"))),
        (vec!["a".into()], vec!["CPE.nbt".into()])
    );
}

#[test]
fn a_staged_file_without_a_name_leaves_nothing_and_those_of_others_stay() {
    let place = tempfile::tempdir().unwrap();
    let (folder, other) = (Folder::open(place.path()).unwrap(), Folder::open(place.path()).unwrap());
    let staged = folder.stage("").unwrap();
    let theirs = other.stage("").unwrap();
    let temporary = names(place.path());
    assert!(
        temporary.len() == 2 && temporary.iter().all(|name| Folder::is_staged_name(name)),
        "{temporary:?}"
    );
    for name in [
        "lock",
        ".partial",
        ".ucupdate-7.partial",
        ".ucupdate-0123456789abcdeF-1.partial",
        &temporary[0][1..],
    ] {
        assert!(!Folder::is_staged_name(name), "{name}");
    }
    drop(staged);
    theirs.create("theirs").unwrap();
    assert_eq!(names(place.path()), ["theirs"]);
}

/// A handle removes its temporary name after the rename. Another handle with the same name would then lose its file.
#[test]
fn a_temporary_name_is_never_used_by_another_handle() {
    let place = tempfile::tempdir().unwrap();
    let mut used = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let folder = Folder::open(place.path()).unwrap();
        let _staged = folder.stage("").unwrap();
        let [name] = &names(place.path())[..] else { panic!("one file") };
        assert!(used.insert(name.clone()), "{name} is used again");
    }
}

#[test]
fn a_linked_file_is_one_file_with_two_names() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) =
        (Folder::open_or_create(place.path().join("a")), Folder::open_or_create(place.path().join("b")));
    let (from, to) = (from.unwrap(), to.unwrap());
    write(&from, "CPE.nbt", b"image", false).unwrap();
    for _ in 0..2 {
        to.stage_link("staging", &from, "CPE.nbt").unwrap().replace("CPE.nbt").unwrap();
        let linked = to.find("CPE.nbt").unwrap().unwrap();
        assert!(linked.has_other_names() || cfg!(not(unix)));
        fs::write(from.path().join("CPE.nbt"), "other").unwrap();
        assert_eq!(fs::read(to.path().join("CPE.nbt")).unwrap(), b"other");
        assert_eq!(names(&to.path().join("staging")), [""; 0]);
    }
}

#[cfg(unix)]
#[test]
fn no_link_is_followed_at_any_part_of_a_path() {
    use std::os::unix::fs::symlink;
    let (place, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("precious"), "precious").unwrap();
    fs::create_dir(place.path().join("inside")).unwrap();
    let folder = Folder::open(place.path()).unwrap();
    symlink(outside.path(), place.path().join("out")).unwrap();
    symlink("inside", place.path().join("in")).unwrap();
    symlink(outside.path().join("precious"), place.path().join("file")).unwrap();
    symlink(outside.path().join("absent"), place.path().join("dangling")).unwrap();
    for path in ["out/CPE.nbt", "in/CPE.nbt", "file", "dangling"] {
        for replaces in [false, true] {
            let error = write(&folder, path, b"image", replaces).unwrap_err().to_string();
            assert!(error.contains("is a symbolic link, expected a "), "{path}: {error}");
        }
        assert!(folder.find(path).is_err() && folder.read(path).is_err(), "{path}");
        assert!(folder.open_unstaged(path).is_err() && folder.rename("inside", path).is_err(), "{path}");
    }
    assert!(write(&folder, "../CPE.nbt", b"image", false).is_err());
    assert!(folder.stage("out").is_err());
    assert_eq!(names(outside.path()), ["precious"]);
    assert_eq!(fs::read(outside.path().join("precious")).unwrap(), b"precious");
    assert_eq!(names(&place.path().join("inside")), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_private_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let mut staged = folder.stage_private("").unwrap();
    staged.write_all(b"secret").unwrap();
    staged.replace("tokens.json").unwrap();
    let mode = fs::metadata(place.path().join("tokens.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// A file system that stops while a sync waits may report success. It opens nothing from then on.
#[cfg(target_os = "linux")]
#[test]
fn a_process_opens_something_after_its_last_sync_and_before_it_succeeds() {
    const CHILD: &str = "UCUPDATE_TEST_FOLDER";
    if let Some(path) = std::env::var_os(CHILD) {
        let folder = Folder::open_or_create(Path::new(&path)).unwrap();
        write(&folder, "a", b"image", false).unwrap();
        folder.rename("a", "b").unwrap();
        println!("\nplaced");
        folder.sync("").unwrap();
        return println!("\nrenamed");
    }
    let place = tempfile::tempdir().unwrap();
    let trace = place.path().join("trace");
    let ran = std::process::Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=fsync,openat,openat2,write", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_process_opens_something_after_its_last_sync_and_before_it_succeeds",
            "--nocapture",
        ])
        .env(CHILD, place.path().join("new"))
        .output();
    let calls = fs::read_to_string(trace).unwrap_or_default();
    if ran.is_err() || !calls.contains("renamed") {
        let _ = std::io::stderr().write_all(b"skipped: strace cannot be used\n");
        return;
    }
    for done in ["placed", "renamed"] {
        let (before, _) = calls.split_once(done).unwrap();
        let (_, after_sync) = before.rsplit_once("fsync").unwrap();
        assert!(after_sync.contains("open"), "{done}: {after_sync}");
    }
}
