//! Settings by a file and by variables, completion by a shell, and manual pages.

use crate::place::{CX700, IP8540, Place, no_store};
use std::process::Command;

const FIELD_LOG: &str = include_str!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log");

#[test]
fn the_store_and_the_author_come_from_a_file_and_variables() {
    let place = Place::with_package();
    std::fs::rename(place.path("ucupdate-data"), place.path("phones")).unwrap();
    place.file("u.toml", b"store = \"file:phones\"\nauthor = \"of the file\"\n");
    place.run(&["--config", "u.toml", "approve", IP8540]).done();
    let by_variables = place
        .command(&["reject", CX700])
        .env("UCUPDATE_CONFIG", "u.toml")
        .env("UCUPDATE_AUTHOR", "of the variable")
        .output()
        .unwrap();
    assert!(by_variables.status.success(), "{by_variables:?}");
    let history = place.run(&["--config", "u.toml", "history", "--json"]).json();
    let authors: Vec<&str> =
        history["revisions"].as_array().unwrap().iter().map(|one| one["author"].as_str().unwrap()).collect();
    assert_eq!(authors, ["ann", "of the file", "of the variable"]);
    let reason = place.run(&["--config", "u.toml", "--store", "file:elsewhere", "rules"]).refused();
    assert_eq!(reason, no_store("elsewhere"), "an option replaces the file");
}

#[test]
fn a_check_lists_what_is_set_and_from_where_and_hides_what_is_secret() {
    let place = Place::new();
    place.file(
        "u.toml",
        b"[serve]\nlisten = ['127.0.0.1:0']\nwebhook = 'https://hooks.contoso.com/T0/very-secret'\nwebhook-secret-file = 's'\n",
    );
    let mut command = place.command(&["config", "check", "u.toml", "--json"]);
    command
        .env("UCUPDATE_STORE", "file:x")
        .env("UCUPDATE_SERVE_LISTN", "y")
        .env("UCUPDATE_FLEET_SINCE", "7d");
    let ran = crate::place::Ran::of(command.output().unwrap());
    assert!(!format!("{ran:?}").contains("very-secret"), "{ran:?}");
    assert!(ran.stderr.contains("UCUPDATE_SERVE_LISTN is not a setting"), "{ran:?}");
    let value = ran.json();
    let rows: Vec<(&str, &str, &str)> = value["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (row["key"].as_str().unwrap(), row["value"].as_str().unwrap(), row["from"].as_str().unwrap())
        })
        .collect();
    let expected = [
        ("store", "file:x", "UCUPDATE_STORE"),
        ("fleet.since", "7d", "UCUPDATE_FLEET_SINCE"),
        ("serve.listen", "127.0.0.1:0", "u.toml:2"),
        ("serve.webhook", "***", "u.toml:3"),
        ("serve.webhook-secret-file", "s", "u.toml:4"),
    ];
    assert_eq!(rows, expected);
    place.file("u.toml", b"[serve]\nkeep-device-logs = true\nno-captures = true\n");
    let reason = place.run(&["config", "check", "u.toml"]).refused();
    assert!(reason.contains("cannot be used with"), "{reason}");
    assert!(reason.contains("--keep-device-logs is set by u.toml:2"), "{reason}");
    place.file("u.toml", b"[serve]\nwebhook = true\n");
    let reason = place.run(&["config", "check", "u.toml"]).refused();
    assert_eq!(reason, "u.toml:2: `serve.webhook` is of the type boolean, expected a text or a number (URL)");
}

#[test]
fn options_of_any_verb_come_from_variables_and_tables_and_changes_are_only_typed() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    place.file("u.toml", b"[history]\nlast = 1\n[rollout.start]\npause-after-failures = 3\n");
    let ran = |args: &[&str], variables: &[(&str, &str)]| {
        crate::place::Ran::of(place.command(args).envs(variables.iter().copied()).output().unwrap())
    };
    let revisions = |args: &[&str], variables: &[(&str, &str)]| {
        ran(args, variables).json()["revisions"].as_array().unwrap().len()
    };
    let history = &["--config", "u.toml", "history", "--json"];
    assert_eq!(revisions(history, &[]), 1, "of the file");
    assert_eq!(revisions(history, &[("UCUPDATE_HISTORY_LAST", "2")]), 2, "of the variable");
    assert_eq!(revisions(&["history", "--json", "--last", "1"], &[("UCUPDATE_HISTORY_LAST", "2")]), 1);
    let wrong = [("UCUPDATE_HISTORY_LAST", "many")];
    let refused = ran(history, &wrong);
    assert!(refused.failure().starts_with("UCUPDATE_HISTORY_LAST is \"many\""), "{refused:?}");
    ran(&["rules"], &wrong).done();
    ran(
        &["--config", "u.toml", "rollout", "start", CX700, "3.5.6907.9", "--name", "w", "--percent", "5%"],
        &[],
    )
    .done();
    let rollouts = place.run(&["rollout", "list", "--json"]).done();
    assert!(rollouts.contains("\"failures\":3"), "{rollouts}");
    let typed = ran(&["undo"], &[("UCUPDATE_UNDO_YES", "true")]);
    assert!(
        typed.code == Some(2)
            && typed.stderr.contains("--yes of `ucupdate undo` is given on the command line only")
    );
    place.file("v.toml", b"[undo]\nyes = true\n");
    let refused = place.run(&["--config", "v.toml", "undo"]).refused();
    assert!(refused.contains("[undo] is not a table of settings"), "{refused}");
}

#[test]
fn the_help_of_a_verb_and_its_manual_name_the_variables() {
    let place = Place::new();
    let help = |args: &[&str]| place.run(args).done().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help(&["fleet", "--help"]).contains("such as UCUPDATE_FLEET_AUDIT, except --keep, --forget-kept")
    );
    assert!(
        help(&["rollout", "start", "-h"]).contains("Variables: UCUPDATE_ROLLOUT_START_PAUSE_AFTER_FAILURES,")
    );
    assert!(!help(&["approve", "--help"]).contains("Variables:"));
    place.run(&["man", "pages"]).done();
    let page = std::fs::read_to_string(place.path("pages/ucupdate-gc.1")).unwrap();
    assert!(page.contains("UCUPDATE_GC_GRACE_HOURS"), "{page}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_a_wrong_call_and_no_other_store_is_made() {
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::with_package();
    let wrong = std::ffi::OsStr::from_bytes(b"file:m\xfc");
    std::fs::rename(place.path("ucupdate-data"), place.path("phones")).unwrap();
    for (name, args) in [
        ("UCUPDATE_STORE", &["ingest", "uc.cab"][..]),
        ("UCUPDATE_STORE", &["config", "check"]),
        ("UCUPDATE_CONFIG", &["config", "check"]),
        ("UCUPDATE_CONFIG", &["rules"]),
        ("UCUPDATE_AUTHOR", &["serve"]),
        ("AWS_REGION", &["--store", "s3://phones", "rules"]),
    ] {
        if name.starts_with("AWS_") && !cfg!(feature = "s3") {
            continue;
        }
        let ran = crate::place::Ran::of(place.command(args).env(name, wrong).output().unwrap());
        let expected = format!(
            "ucupdate: {name} is set to bytes that are not UTF-8, expected a text; set it again or unset it\n"
        );
        assert_eq!((ran.code, &*ran.stderr), (Some(2), &*expected), "{args:?}: {ran:?}");
    }
    assert!(!place.path("ucupdate-data").exists());
}

#[cfg(unix)]
#[test]
fn a_folder_whose_name_is_not_utf_8_takes_the_manual_pages() {
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::new();
    for form in [&[][..], &["--json"]] {
        let mut command = place.command(&["man"]);
        let ran = command.arg(std::ffi::OsStr::from_bytes(b"m\xfc")).args(form).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        assert!(String::from_utf8(ran.stdout).unwrap().contains("m\u{fffd}"));
    }
}

/// Returns what bash completes at the end of a line. As in bash, words are divided at colons, and a candidate stands for what is behind
/// the last one.
pub(crate) fn completed(place: &Place, line: &str) -> Vec<String> {
    let script = r#"
        source <("$PROGRAM" completions bash)
        COMP_WORDS=(${LINE//:/ : })
        [[ "$LINE" == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        COMP_LINE=$LINE COMP_POINT=${#LINE} COMP_TYPE=9
        _clap_complete_ucupdate ucupdate "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_ucupdate"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["--norc", "-c", script])
        .env("PROGRAM", program)
        .env("PATH", path)
        .env("LINE", line)
        .current_dir(place.path("."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[cfg(unix)]
#[test]
fn bash_completes_verbs_options_and_the_names_in_the_store() {
    if Command::new("bash").arg("--version").output().is_err() {
        return;
    }
    let place = Place::with_package();
    place.run(&["group", "add", "pilots"]).done();
    place.run(&["group", "add", "Porto"]).done();
    assert_eq!(completed(&place, "ucupdate appr"), ["approve"]);
    assert_eq!(completed(&place, "ucupdate approve UCPhone/"), [IP8540, CX700]);
    assert_eq!(completed(&place, "ucupdate approve UCPhone/Pol"), [CX700]);
    assert_eq!(completed(&place, &format!("ucupdate pin set {IP8540} ")).first().unwrap(), "3.5.6907.0");
    assert_eq!(completed(&place, "ucupdate pin set CX700 ").first().unwrap(), "3.5.6907.9");
    assert_eq!(completed(&place, "ucupdate approve cx"), [CX700]);
    assert_eq!(completed(&place, "ucupdate group show p"), ["pilots"]);
    assert_eq!(completed(&place, "ucupdate hold add fair --group P"), ["Porto"]);
    let package = completed(&place, "ucupdate approve --all-of ");
    assert_eq!(package.len(), 1);
    assert_eq!(completed(&place, "ucupdate approve CX700 3."), ["3.5.6907.9"]);
    assert_eq!(completed(&place, &format!("ucupdate package show {}", &package[0][..1])), package);
    assert!(completed(&place, "ucupdate package show uc").contains(&"uc.cab".to_owned()));
    assert_eq!(completed(&place, "ucupdate --store file:uc"), ["ucupdate-data/"]);
    assert_eq!(completed(&place, "ucupdate --store file:"), [":ucupdate-data/"]);
    assert_eq!(completed(&place, "ucupdate rules --store fi"), ["file:ucupdate-data/"]);
    let logs = place.path("ucupdate-data/Logs/Server/Audit/imageUpdates");
    std::fs::create_dir_all(&logs).unwrap();
    std::fs::write(logs.join("RequestHandlerAuditLog_ocs01_2009-03-06.log"), FIELD_LOG).unwrap();
    assert_eq!(completed(&place, "ucupdate device 00"), Vec::<String>::new(), "no inventory is kept");
    place.run(&["fleet", "--keep"]).done();
    assert_eq!(completed(&place, "ucupdate device 00"), ["0021630F207B"]);
    assert_eq!(completed(&place, "ucupdate pin set CX700 3.5.6907.9 --mac "), ["0021630F207B"]);
    assert_eq!(
        completed(&place, "ucupdate serve --external-li"),
        ["--external-listen", "--external-listen-tls"]
    );
    assert_eq!(completed(&place, "ucupdate serve --layout "), ["ocs", "lync"]);
    std::fs::rename(place.path("ucupdate-data"), place.path("phones")).unwrap();
    assert_eq!(completed(&place, "ucupdate --store file:phones approve UCPhone/Pol"), [CX700]);
    place.file("u.toml", b"store = 'file:phones'");
    let begun = format!("ucupdate --config u.toml approve --all-of {}", &package[0][..1]);
    assert_eq!(completed(&place, &begun), package);
    assert!(!completed(&place, "ucupdate approve UCPhone/Pol").iter().any(|word| word == CX700), "no store");
}

#[test]
fn the_example_of_the_configuration_file_is_what_the_command_prints() {
    let example = include_str!("../../../../../deploy/config.toml");
    assert_eq!(Place::new().run(&["config", "example"]).done(), example);
}

#[test]
fn there_is_a_manual_page_for_each_verb_with_its_options_and_examples() {
    let place = Place::new();
    let said = place.run(&["man", "pages"]).done();
    assert!(said.contains("`man pages/ucupdate.1`"), "{said}");
    let read = |name: &str| std::fs::read_to_string(place.path("pages").join(name)).unwrap();
    let serve = read("ucupdate-serve.1");
    assert!(serve.contains("internal\\-network") && serve.contains("ucupdate serve"), "{serve}");
    assert!(read("ucupdate-rollout-start.1").contains("\\-\\-ramp"));
}
