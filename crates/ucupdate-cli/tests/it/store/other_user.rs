//! Tests stores that belong to another user.

use crate::place::{Place, Ran};
use crate::serving::{PHONE, Serving};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

const NOBODY: u32 = 65534;

/// Calls `each` with a path and with everything below it.
fn walk(path: &Path, each: &dyn Fn(&Path)) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            walk(&entry.unwrap().path(), each);
        }
    }
    each(path);
}

fn is_root(place: &Place) -> bool {
    place.file("mine", b"");
    std::fs::metadata(place.path("mine")).unwrap().uid() == 0
}

/// Returns the command as the user `nobody` runs it. That user may not reach the folder in which the program was built, so the
/// program also gets a name in the folder of the test.
fn command_of_nobody(place: &Place, args: &[&str]) -> Command {
    let (built, program) = (Path::new(env!("CARGO_BIN_EXE_ucupdate")), place.path("ucupdate"));
    if !program.exists() && std::fs::hard_link(built, &program).is_err() {
        std::fs::copy(built, &program).unwrap();
    }
    let mut command = Command::new(program);
    command.args(args).current_dir(place.path("")).env("USER", "ann").uid(NOBODY).gid(NOBODY);
    command
}

/// Runs the command as a user who may read the store, but not write it.
fn run_as_reader(place: &Place, args: &[&str]) -> Ran {
    as_reader(place, args, |mut command| Ran::of(command.output().unwrap()))
}

fn as_reader(place: &Place, args: &[&str], run: impl FnOnce(Command) -> Ran) -> Ran {
    let mut command = place.command(args);
    set_permissions(place.path(""), Permissions::from_mode(0o755)).unwrap();
    if is_root(place) {
        command = command_of_nobody(place, args);
    } else {
        walk(&place.path("ucupdate-data"), &|path| {
            set_permissions(path, Permissions::from_mode(if path.is_dir() { 0o555 } else { 0o444 })).unwrap();
        });
    }
    let ran = run(command);
    walk(&place.path("ucupdate-data"), &|path| {
        set_permissions(path, Permissions::from_mode(if path.is_dir() { 0o755 } else { 0o644 })).unwrap();
    });
    ran
}

#[test]
fn serve_refuses_a_store_that_this_user_may_only_read_and_says_so() {
    let place = Place::with_package();
    let refused = run_as_reader(&place, &["serve", "--listen", "127.0.0.1:0"]).refused();
    let expected = "the store is read-only for this user: `state/revisions/` cannot be written: ";
    assert!(refused.starts_with(expected), "{refused}");
    assert!(refused.ends_with("or serve with --read-only-store, which loses all log rows"), "{refused}");

    let rules = run_as_reader(&place, &["rules"]).done();
    assert!(rules.contains("IP8540"), "reading works: {rules}");
    let change = run_as_reader(&place, &["rollout", "kill", "--reason", "calls drop"]);
    assert_ne!(change.code, Some(0), "{change:?}");
    assert!(change.stderr.contains("read-only"), "{change:?}");
}

#[test]
fn a_server_of_a_store_that_is_only_read_ends_without_an_error() {
    let place = Place::with_package();
    let args = ["serve", "--read-only-store", "--listen", "127.0.0.1:0"];
    let ended = as_reader(&place, &args, |command| {
        let serving = Serving::start(command, 1);
        place.call(&format!("ask --url {} {PHONE}", serving.url())).done();
        serving.terminated()
    });
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("log rows are lost"), "{ended:?}");
}

#[test]
fn what_root_left_when_it_was_killed_does_not_make_a_store_read_only() {
    let place = Place::with_package();
    if !is_root(&place) {
        return;
    }
    let server = place.serve_here();
    server.signal("KILL");
    server.ended();
    let store = place.path("ucupdate-data");
    assert!(store.join(".staging").read_dir().unwrap().next().is_some(), "the lock of root is still there");
    set_permissions(place.path(""), Permissions::from_mode(0o755)).unwrap();
    // The folders belong to the service. The files of root in them stay files of root.
    walk(&store, &|path| {
        if path.is_dir() {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        } else if path.starts_with(store.join(".staging")) {
            set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        }
    });
    let mut change = command_of_nobody(&place, &["rollout", "kill", "--reason", "calls drop"]);
    Ran::of(change.output().unwrap()).done();
}

#[test]
fn logs_that_this_user_may_not_read_are_an_error_of_every_verb_that_reads_them() {
    let place = Place::with_package();
    if !is_root(&place) {
        return;
    }
    place.run(&["approve", "UCPhone/*", "--yes"]).done();
    let folder = "ucupdate-data/Logs/Server/Audit/imageUpdates";
    let log = format!("{folder}/RequestHandlerAuditLog_ocs01_2009-03-06.log");
    std::fs::create_dir_all(place.path(folder)).unwrap();
    place.file(&log, include_bytes!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log"));
    set_permissions(place.path(""), Permissions::from_mode(0o755)).unwrap();
    for (closed, mode) in [(&*log, 0o644), (folder, 0o755), ("ucupdate-data/Logs", 0o755)] {
        set_permissions(place.path(closed), Permissions::from_mode(0o000)).unwrap();
        for verb in [&["fleet"][..], &["loops"], &["timeline"], &["diff", "--from", "1"]] {
            let ran = Ran::of(command_of_nobody(&place, verb).output().unwrap());
            assert_eq!(ran.code, Some(1), "{closed}, {verb:?}: {ran:?}");
            assert!(ran.stderr.contains("Permission denied"), "{closed}, {verb:?}: {ran:?}");
        }
        set_permissions(place.path(closed), Permissions::from_mode(mode)).unwrap();
        Ran::of(command_of_nobody(&place, &["fleet"]).output().unwrap()).done();
    }
}
