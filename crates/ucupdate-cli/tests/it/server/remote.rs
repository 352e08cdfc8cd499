//! `--server`: the same command on the store of another machine.

use crate::place::{IP8540, Place, Ran};
use crate::serving::Serving;
use crate::store::packages::package_in_two_parts;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use ucupdate_cab::package::sample;

/// A server with the sample package, and another folder with the tokens of three people.
struct Far {
    here: Place,
    far: Place,
    url: String,
    serving: Serving,
}

impl Far {
    fn new() -> Self {
        Self::of(Place::with_package())
    }

    fn of(far: Place) -> Self {
        let here = Place::new();
        for (name, role) in [("ann", "approver"), ("olga", "operator"), ("vic", "viewer")] {
            let added = far.run(&["token", "add", name, "--role", role, "--token-file", "tokens.json"]);
            here.secret_file(name, added.done().as_bytes());
        }
        let mut serving =
            far.serve(&["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--token-file", "tokens.json"]);
        serving.wait_for_lines(2);
        let url = serving.lines[1].strip_prefix("administration on ").unwrap().to_owned();
        Self { here, far, url, serving }
    }

    fn run(&self, token: &str, args: &[&str]) -> Ran {
        let args = [args, &["--server", &self.url, "--token-file", token]].concat();
        // The name of the token is the author, whoever signed in here.
        Ran::of(self.here.command(&args).env("USER", "eve").output().unwrap())
    }
}

#[cfg(unix)]
#[test]
fn a_token_that_others_can_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let far = Far::new();
    assert_eq!(far.run("ann", &["rules"]).stderr, "");
    let open = std::fs::Permissions::from_mode(0o604);
    std::fs::set_permissions(far.here.path("ann"), open).unwrap();
    let ran = far.run("ann", &["rules"]);
    let warning =
        "ucupdate: warning: ann: the token has mode 604, so others can use it; expected 600 or 640\n";
    assert_eq!((ran.code, &*ran.stderr), (Some(0), warning));
}

#[test]
fn verbs_that_read_say_the_same_from_another_machine() {
    let far = Far::new();
    for args in [
        &["rules"][..],
        &["tree"],
        &["history"],
        &["test-device", "list"],
        &["group", "list"],
        &["rollout", "list"],
        &["rollout", "status"],
        &["hold", "list"],
        &["pin", "list"],
        &["ban", "list"],
        &["alias", "list"],
        &["stone", "list"],
        &["interim", "list"],
        &["fleet"],
        &["loops"],
        &["timeline"],
        &["verify"],
        &["explain", "--device", "UCPhone/LG-Nortel/IP8540/A/ENU", "--installed", "1.0.0.0"],
        &["plan", "--device", "UCPhone/LG-Nortel/IP8540/A/ENU", "--installed", "1.0.0.0"],
        &["diff", "0"],
        &["gc", "--dry-run"],
        &["rules", "--json"],
        &["history", "--json"],
        &["verify", "--json"],
    ] {
        let (here, there) = (far.run("vic", args), far.far.run(args));
        assert_eq!((here.code, &here.stdout), (there.code, &there.stdout), "{args:?}: {}", here.stderr);
    }
}

#[cfg(unix)]
#[test]
fn bash_completes_the_names_in_the_store_of_a_server() {
    use crate::usage::settings::completed;
    if std::process::Command::new("bash").arg("--version").output().is_err() {
        return;
    }
    let far = Far::new();
    let line = format!("ucupdate --server {} --token-file vic", far.url);
    assert_eq!(completed(&far.here, &format!("{line} approve UCPhone/LG")), [IP8540]);
    assert_eq!(completed(&far.here, &format!("{line} pin set IP8540 ")).first().unwrap(), "3.5.6907.0");
}

#[test]
fn captures_are_read_by_an_operator_and_not_by_a_viewer() {
    let far = Far::new();
    let capture = "Logs/Client/Unreadable/here_01_20090306T171039Z_2d711642.capture";
    let path = far.far.path("ucupdate-data").join(capture);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, b"a body").unwrap();
    let args = ["captures", "--json"];
    let (here, there) = (far.run("olga", &args), far.far.run(&args));
    assert_eq!((here.code, &here.stdout), (there.code, &there.stdout), "{here:?}");
    let refused = far.run("vic", &args);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("the role viewer is too small, expected operator"), "{refused:?}");
}

#[test]
fn changes_are_made_in_the_name_of_the_token_and_by_its_role() {
    let far = Far::new();
    let add = ["test-device", "add", "lobby", "--mac", "00-21-63-0F-20-7B"];
    let refused = far.run("vic", &add);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("the role viewer is too small, expected operator"), "{refused:?}");
    far.run("olga", &add).done();
    assert!(far.run("olga", &["approve", IP8540]).stderr.contains("expected approver"));
    let would = far.run("vic", &["approve", IP8540, "--dry-run", "--json"]).json();
    assert_eq!(would["dry_run"], true);
    let made = far.run("ann", &["approve", IP8540]).done();
    assert!(made.contains("3.5.6907.0 is approved"), "{made}");
    let other = far.run("ann", &["hold", "add", "boardroom", "--rule", IP8540, "--author", "eve"]);
    assert!(other.stderr.contains("the author of the revision is eve, expected ann"), "{other:?}");
    let history = far.far.run(&["history", "--last", "2", "--json"]).json();
    let authors: Vec<_> =
        history["revisions"].as_array().unwrap().iter().map(|one| one["author"].clone()).collect();
    assert_eq!(authors.len(), 2);
    assert!(authors.contains(&"ann".into()) && authors.contains(&"olga".into()), "{authors:?}");
    far.run("ann", &["rollback", "--to", "1"]).done();
    far.far.run(&["verify"]).done();
    let ended = far.serving.terminated();
    for token in ["ann", "olga", "vic"] {
        let token = std::fs::read_to_string(far.here.path(token)).unwrap();
        assert!(!ended.stderr.contains(token.trim()), "no token in a log: {}", ended.stderr);
    }
}

/// Packages of all kinds, and a file that is refused.
fn write_packages(place: &Place) {
    let cabinet = sample::uc_updates(700);
    let [first, second] = package_in_two_parts();
    place.file("uc.cab", &cabinet);
    place.file("uc.exe", &[b"MZ a program that would unpack it", &cabinet[..]].concat());
    place.file("camera.cab", &sample::round_table(300));
    place.file("1.cab", &first);
    place.file("2.cab", &second);
    place.file("cut.cab", &cabinet[..cabinet.len() / 2]);
}

#[track_caller]
fn assert_same(far: &Far, local: &Place, args: &[&str]) {
    let (there, here) = (far.run("ann", args), local.run(args));
    assert_eq!((there.code, &there.stdout), (here.code, &here.stdout), "{args:?}: {}", there.stderr);
    // Only the local command creates the store.
    let of_package = |ran: &Ran| {
        let lines = ran.stderr.lines().filter(|line| !line.contains("no store at"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of_package(&there), of_package(&here), "{args:?}");
}

#[test]
fn ingesting_from_another_machine_says_and_does_the_same_as_on_the_server() {
    for (lines, revisions) in [
        (
            &[
                &["ingest", "uc.cab", "--dry-run"][..],
                &["ingest", "uc.cab", "--dry-run", "--json"],
                &["ingest", "uc.cab"],
                &["ingest", "uc.cab"],
                &["ingest", "uc.exe", "--json"],
                &["ingest", "cut.cab", "--json"],
                &["ingest", "missing.cab"],
            ][..],
            1,
        ),
        (&[&["ingest", "1.cab"], &["ingest", "2.cab", "camera.cab", "1.cab", "--json"]], 2),
    ] {
        let (far, local) = (Far::of(Place::new()), Place::new());
        for place in [&far.here, &local] {
            write_packages(place);
        }
        for args in lines.iter().chain(&[&["rules", "--json"][..], &["verify", "--json"]]) {
            assert_same(&far, &local, args);
        }
        let history = far.far.run(&["history", "--json"]).json();
        let made = history["revisions"].as_array().unwrap();
        assert_eq!(made.len(), revisions, "{history}");
        assert!(made.iter().all(|revision| revision["author"] == "ann"), "{history}");
    }
}

#[test]
fn a_refused_ingest_from_another_machine_leaves_the_store_whole() {
    let far = Far::new();
    far.here.file("other.cab", &sample::round_table(700));
    for token in ["olga", "vic"] {
        let refused = far.run(token, &["ingest", "other.cab"]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("is too small, expected approver"), "{refused:?}");
    }
    far.run("ann", &["ingest", "other.cab"]).done();
    let checked = far.far.run(&["verify", "--json"]).json();
    assert_eq!(checked["findings"], serde_json::json!([]), "{checked}");
}

#[test]
fn what_cannot_work_from_another_machine_is_refused_with_a_sentence() {
    let far = Far::new();
    for args in [&["serve", "--admin", "127.0.0.1:0"][..], &["doctor"], &["token", "list"], &["rebuild"]] {
        let refused = far.run("ann", args);
        assert_eq!(refused.code, Some(2), "{args:?}: {refused:?}");
        assert!(refused.stderr.contains("does not work with --server"), "{refused:?}");
    }
    let plain = far.here.run(&["rules", "--server", "http://updates.contoso.com/", "--token-file", "ann"]);
    assert!(plain.stderr.contains("expected an https address"), "{plain:?}");
    let none = far.here.run(&["rules", "--server", &far.url]);
    assert!(none.stderr.contains("--server needs --token-file"), "{none:?}");
    far.here.file("wrong", b"ucu_wrong\n");
    let wrong = far.run("wrong", &["rules"]);
    assert!(wrong.stderr.contains("the token is not known"), "{wrong:?}");
}

/// Starts a proxy that cuts the first connection whose request begins with `cut`: when the request arrives, or when its answer does.
/// Returns the port.
fn cutting_proxy(target: String, cut: &'static str, is_made: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let was_cut = Arc::new(AtomicBool::new(false));
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), TcpStream::connect(&target).unwrap());
            let (mut back_from, mut back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let (was_cut, loses) = (Arc::clone(&was_cut), Arc::new(AtomicBool::new(false)));
            let loses_answers = Arc::clone(&loses);
            std::thread::spawn(move || {
                let mut bytes = [0; 16 * 1024];
                while let Ok(read @ 1..) = back_from.read(&mut bytes) {
                    if loses_answers.load(SeqCst) || back_to.write_all(&bytes[..read]).is_err() {
                        break;
                    }
                }
                let _ends = (back_from.shutdown(Shutdown::Both), back_to.shutdown(Shutdown::Both));
            });
            std::thread::spawn(move || {
                let mut bytes = [0; 16 * 1024];
                while let Ok(read @ 1..) = client.read(&mut bytes) {
                    if bytes.starts_with(cut.as_bytes()) && !was_cut.swap(true, SeqCst) {
                        if !is_made {
                            break;
                        }
                        loses.store(true, SeqCst);
                    }
                    if server.write_all(&bytes[..read]).is_err() {
                        break;
                    }
                }
                let _ends = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
            });
        }
    });
    port
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn an_ingest_whose_answer_is_lost_is_made_once_and_the_next_try_says_that_it_is_there() {
    for (cut, is_made) in [
        ("POST /api/v1/revisions", true),
        ("POST /api/v1/revisions", false),
        ("PUT /api/v1/objects", true),
        ("PUT /api/v1/objects", false),
    ] {
        let mut far = Far::new();
        far.here.file("package.cab", &sample::round_table(700));
        let target = far.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let direct = std::mem::take(&mut far.url);
        far.url = format!("http://127.0.0.1:{}/", cutting_proxy(target, cut, is_made));
        let first = far.run("ann", &["ingest", "package.cab"]);
        assert_ne!(first.code, Some(101), "{first:?}");
        far.url = direct;
        let second = far.run("ann", &["ingest", "package.cab"]).done();
        let third = far.run("ann", &["ingest", "package.cab"]).done();
        assert!(third.contains("exists already, nothing changes"), "{third}");
        let is_there = second.contains("exists already, nothing changes");
        assert!(is_there || !is_made || cut.starts_with("PUT"), "{cut} {is_made}: {first:?} {second}");
        let history = far.far.run(&["history", "--json"]).json();
        assert_eq!(history["revisions"].as_array().unwrap().len(), 2, "{cut} {is_made}: {history}");
        far.far.run(&["verify"]).done();
    }
}
