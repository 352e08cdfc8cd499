use super::key::find_keys;
use super::*;
use crate::command;
use std::collections::BTreeSet;

fn none(_: &str) -> Option<String> {
    None
}

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn resolved(line: &str, variable: impl Fn(&str) -> Option<String>) -> Result<String, Failure> {
    let variable = |name: &str| Ok(variable(name).filter(|value| !value.is_empty()));
    let resolved = resolve(&command(), words(line), variable)?;
    let words: Vec<String> = resolved.words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    Ok(words.join(" "))
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("u.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn reason(text: &str) -> String {
    let (_folder, path) = file(text);
    let command = command();
    match file::read(&path, &command, &find_keys(&command)) {
        Err(Failure::Explained(FailureKind::NotUnderstood, reason)) => {
            reason.strip_prefix(&format!("{}:", path.display())).unwrap().to_owned()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_long_option_of_serve_and_each_global_one_is_a_setting() {
    let command = command();
    let keys: BTreeSet<String> = find_keys(&command).iter().map(Setting::key).collect();
    let longs = |command: &Command| -> Vec<String> {
        command.get_arguments().filter_map(|arg| arg.get_long()).map(ToOwned::to_owned).collect()
    };
    let global = longs(&command).into_iter().filter(|long| long != "config");
    let serve =
        longs(command.find_subcommand("serve").unwrap()).into_iter().map(|long| format!("serve.{long}"));
    let expected: BTreeSet<String> = global.chain(serve).chain(["author".to_owned()]).collect();
    assert_eq!(keys, expected);
    assert!(keys.len() > 30, "{keys:?}");
    let variables: BTreeSet<String> = find_keys(&command).iter().map(Setting::variable).collect();
    assert_eq!(variables.len(), keys.len(), "two settings have one variable");
}

#[test]
fn an_option_replaces_a_variable_and_a_variable_replaces_the_file() {
    let (_folder, path) = file(
        "store = \"file:of-file\"\ntimeout = 5\n[serve]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\ncreate = true\n",
    );
    let line = format!("ucupdate --config {} serve", path.display());
    let none_of_these = resolved(&line, none).unwrap();
    let expected = "--store=file:of-file --timeout=5 --listen=127.0.0.1:1 --listen=127.0.0.1:2 --create";
    assert_eq!(none_of_these, format!("{line} {expected}"));
    let variable = |name: &str| match name {
        "UCUPDATE_STORE" => Some("file:of-variable".to_owned()),
        "UCUPDATE_SERVE_LISTEN" => Some("127.0.0.1:3,127.0.0.1:4".to_owned()),
        "UCUPDATE_SERVE_CREATE" => Some("false".to_owned()),
        "UCUPDATE_TIMEOUT" => Some(String::new()),
        _ => None,
    };
    assert_eq!(
        resolved(&line, variable).unwrap(),
        format!("{line} --store=file:of-variable --listen=127.0.0.1:3 --listen=127.0.0.1:4 --timeout=5")
    );
    let line = format!("{line} --listen 127.0.0.1:5 --store memory:");
    assert_eq!(resolved(&line, variable).unwrap(), format!("{line} --timeout=5"));
}

#[test]
fn a_setting_is_added_only_where_the_verb_has_the_option() {
    let variable = |name: &str| match name {
        "UCUPDATE_AUTHOR" => Some("ann".to_owned()),
        "UCUPDATE_SERVE_CREATE" => Some("true".to_owned()),
        _ => None,
    };
    assert_eq!(resolved("ucupdate rules", variable).unwrap(), "ucupdate rules");
    let kill = "ucupdate rollout kill -- --reason";
    assert_eq!(resolved(kill, variable).unwrap(), "ucupdate rollout kill --author=ann -- --reason");
    assert_eq!(
        resolved("ucupdate rollout kill --author bob", variable).unwrap(),
        "ucupdate rollout kill --author bob"
    );
    assert_eq!(resolved("ucupdate --help", variable).unwrap(), "ucupdate --help");
}

#[test]
fn a_file_is_found_by_its_variable_too() {
    let (_folder, path) = file("store = \"memory:\"\n");
    let variable = |name: &str| (name == CONFIG_VARIABLE).then(|| path.display().to_string());
    assert_eq!(resolved("ucupdate rules", variable).unwrap(), "ucupdate rules --store=memory:");
}

#[test]
fn what_is_wrong_in_a_file_is_refused_with_its_line_and_what_was_expected() {
    for (text, expected) in [
        ("a = ", "1: not TOML: "),
        (
            "\nstor = \"memory:\"",
            "2: `stor` is not a setting, expected a key that `ucupdate config example` lists; did you mean store, above all tables?",
        ),
        (
            "listen = []",
            "1: `listen` is not a setting, expected a key that `ucupdate config example` lists; did you mean listen in the table [serve]?",
        ),
        (
            "[serve]\n\ninternal_url = 'http://a'",
            "3: `serve.internal_url` is not a setting, expected a key that `ucupdate config example` lists; did you mean internal-url in the table [serve]?",
        ),
        ("serve = 1", "1: `serve` is a integer, expected a table, as [serve]"),
        ("[serv]\nlisten = []", "1: [serv] is not a table of settings, expected [serve]"),
        ("[store]\npath = 'a'", "1: [store] is not a table of settings, expected [serve]"),
        (
            "[serve]\nlog-days = 0\nlisen = []\n[logs]",
            "2: `serve.log-days` is \"0\": expected 1 to 365 days, or a time such as 3d (DAYS); \
             line 3: `serve.lisen` is not a setting, expected a key that `ucupdate config example` lists; \
             did you mean listen in the table [serve]?; line 4: [logs] is not a table of settings, expected [serve]",
        ),
        ("store = true", "1: `store` is of the type boolean, expected a text or a number (STORE)"),
        ("[serve]\ncreate = 'yes'", "2: `serve.create` is of the type string, expected true or false"),
        (
            "[serve]\nlisten = [\n  '127.0.0.1:1',\n  '80',\n]",
            "4: `serve.listen` is \"80\": expected an address and a port, such as 0.0.0.0:8080 or [::1]:8080 (ADDR)",
        ),
        ("[serve]\nlayout = 'skype'", "2: `serve.layout` is \"skype\": expected one of ocs, lync"),
        ("timeout = 0", "1: `timeout` is \"0\": "),
        ("author = ' '", "1: `author` is \" \": name is blank"),
        ("[serve]\nkeep-device-logs = 65", "2: `serve.keep-device-logs` is \"65\": "),
        ("[serve]\nkeep-device-logs = [1]", "2: `serve.keep-device-logs` is of the type array, expected"),
    ] {
        let found = reason(text);
        assert!(found.starts_with(expected), "{text:?}: {found}");
    }
    let large = " ".repeat(1024 * 1024 + 1);
    let (_folder, path) = file(&large);
    let command = command();
    assert!(file::read(&path, &command, &find_keys(&command)).is_err());
}

#[test]
fn a_wrong_variable_is_a_wrong_call_and_named() {
    for (name, value, expected) in [
        ("UCUPDATE_SERVE_CREATE", "1", "UCUPDATE_SERVE_CREATE is \"1\", expected true or false"),
        (
            "UCUPDATE_SERVE_LISTEN",
            "80",
            "UCUPDATE_SERVE_LISTEN is \"80\": expected an address and a port, such as 0.0.0.0:8080 or [::1]:8080 (ADDR)",
        ),
    ] {
        let variable = |asked: &str| (asked == name).then(|| value.to_owned());
        assert_eq!(resolved("ucupdate serve", variable), Err(Failure::usage(expected)));
    }
}

#[test]
fn the_address_of_a_webhook_is_not_shown() {
    let (_folder, path) =
        file("[serve]\nwebhook = 'https://hooks.contoso.com/T0/secret'\nwebhook-secret-file = 'a'\n");
    let command = command();
    let found = file::read(&path, &command, &find_keys(&command)).unwrap();
    let shown: Vec<String> = found.iter().map(Given::shown).collect();
    assert_eq!(shown, ["***", "a"]);
}

#[test]
fn an_error_of_the_command_line_says_where_a_value_comes_from() {
    let (_folder, path) = file("[serve]\n\nkeep-device-logs = 4\n");
    let line = format!("ucupdate --config {} serve --no-captures", path.display());
    let command = command();
    let resolved = resolve(&command, words(&line), |_| Ok(None)).unwrap();
    let error = command.clone().try_get_matches_from(&resolved.words).unwrap_err();
    assert_eq!(resolved.notes(&error), [format!("note: --keep-device-logs is set by {}:3", path.display())]);
}
