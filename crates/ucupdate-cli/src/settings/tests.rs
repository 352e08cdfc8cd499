use super::key::find_keys;
use super::*;
use crate::command;
use std::collections::{BTreeMap, BTreeSet};

fn none(_: &str) -> Option<String> {
    None
}

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn resolved(line: &str, variable: impl Fn(&str) -> Option<String>) -> Result<String, Failure> {
    resolved_in(&command(), line, variable)
}

fn resolved_in(
    command: &Command,
    line: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<String, Failure> {
    let variable = |name: &str| Ok(variable(name).filter(|value| !value.is_empty()));
    let resolved = resolve(command, words(line), variable)?;
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

/// Adds a verb and all verbs below it to `found`, each with its options except help.
fn verbs(above: &[String], command: &Command, found: &mut Vec<(Vec<String>, Vec<String>)>) {
    let verb = [above, &[command.get_name().to_owned()]].concat();
    let longs = command.get_arguments().filter_map(|arg| arg.get_long()).filter(|long| *long != "help");
    found.push((verb.clone(), longs.map(ToOwned::to_owned).collect()));
    command.get_subcommands().for_each(|below| verbs(&verb, below, found));
}

/// Sample values. Each option that has a value accepts at least one of them.
const VALUES: &str = "7 932 2d 1 0 1% 1.0 1=1% 1.0=1% internal files=1 error 127.0.0.1:1 10.0.0.0/8 10.0.0.1 http://a https://a ocs UTC \
    0021630F207B looping state memory: UCPhone/Polycom/CX700/A/ENU UCPhone/Polycom/CX700/A/ENU/CPE 2026-11-28 2026-11-28T08:00:00Z \
    stderr allow dotnet package-ingested not-found pending UCPhone>=1.0 OCPhone/1.0.0.0 1252 ocs01_20090306T171039Z_1f2e3d4c";

/// Returns a value that the option accepts. `known` keeps the values that were found, by
/// [`Setting::expected`].
fn value_for(setting: &Setting, command: &Command, known: &mut BTreeMap<String, &'static str>) -> String {
    if setting.kind() == Kind::Flag {
        return "true".to_owned();
    }
    let first = known.get(&setting.expected()).copied();
    let default = setting.default().filter(|value| !value.is_empty() && !value.contains(' '));
    if let Some(value) = default {
        return value.to_owned();
    }
    let mut values = first.into_iter().chain(VALUES.split_whitespace());
    let value = values.find(|value| setting.check(value, command).is_ok());
    let value = value.unwrap_or_else(|| panic!("no value for {}", setting.key()));
    known.insert(setting.expected(), value);
    value.to_owned()
}

#[test]
fn each_option_is_a_setting_of_its_verb_or_is_given_on_the_command_line_only() {
    let command = command();
    let options = key::find_options(&command);
    let variables: BTreeSet<String> = options.iter().map(|(setting, _)| setting.variable()).collect();
    assert_eq!(variables.len(), options.len(), "two options have one variable");
    let by_key: BTreeMap<String, (&Setting, &bool)> =
        options.iter().map(|(setting, is_setting)| (setting.key(), (setting, is_setting))).collect();
    let mut all = Vec::new();
    command.get_subcommands().for_each(|verb| verbs(&[], verb, &mut all));
    let (mut settings, mut known) = (0, BTreeMap::new());
    for (verb, longs) in all {
        let line = format!("ucupdate {}", verb.join(" "));
        let mut set = BTreeMap::new();
        let (mut added, mut typed_only) = (Vec::new(), Vec::new());
        for long in longs.iter().filter(|long| *long != "author") {
            let (setting, is_setting) = by_key[&format!("{}.{long}", verb.join("."))];
            let variable = setting.variable();
            let value =
                if *is_setting { value_for(setting, &command, &mut known) } else { "true".to_owned() };
            assert_eq!(
                variable,
                format!("UCUPDATE_{}_{long}", verb.join("_")).to_uppercase().replace('-', "_")
            );
            set.insert(variable.clone(), value.clone());
            match is_setting {
                true => added.push(setting.word((setting.kind() != Kind::Flag).then_some(&*value))),
                false => typed_only.push(format!("--{long} of `{line}` is given on the command line only")),
            }
            let is_wrong =
                |wrong: &&str| setting.kind() == Kind::Flag || setting.check(wrong, &command).is_err();
            let only = std::slice::from_ref(setting);
            if let Some(wrong) = Some("\u{1}").filter(is_wrong) {
                let refused = read_variables(&command, only, &|_: &str| Ok(Some(wrong.to_owned())));
                let Err(Failure::Explained(FailureKind::Usage, reason)) = refused else {
                    panic!("{refused:?}")
                };
                assert!(reason.starts_with(&variable), "{reason}");
            }
            let no_text = |name: &str| Err(Failure::usage(format_args!("{name} is no text")));
            let refused = read_variables(&command, only, &no_text).unwrap_err();
            assert_eq!(refused, Failure::usage(format_args!("{variable} is no text")));
        }
        settings += added.len();
        let is_set = |asked: &str| set.get(asked).cloned();
        let whole = format!("{line} {}", added.join(" ")).trim_end().to_owned();
        assert_eq!(resolved_in(&command, &line, is_set).unwrap(), whole);
        assert_eq!(
            resolved_in(&command, &whole, is_set).unwrap(),
            whole,
            "the options replace the variables"
        );
        let variables = set.iter().map(|(name, value)| (name.into(), value.into()));
        let warnings = unknown_variables(&command, variables);
        assert_eq!(warnings.len(), typed_only.len(), "{warnings:?}");
        for expected in typed_only {
            assert!(warnings.iter().any(|warning| warning.ends_with(&expected)), "{warnings:?}");
        }
    }
    assert!(settings > 150, "{settings}");
}

#[test]
fn no_variable_agrees_in_advance_or_says_what_a_change_changes() {
    let keys = find_keys(&command());
    for long in [
        "yes",
        "dry-run",
        "approve",
        "all-of",
        "expect",
        "to-nothing",
        "group",
        "keep",
        "copy",
        "any-share",
        "continue",
        "hold",
        "replace",
        "mac-prefix",
        "percent",
        "ramp",
        "remote",
        "accept-unreadable-catalogue",
    ] {
        let mut found = keys.iter().filter(|key| key.name() == long);
        found.all(|key| ["fleet", "package show"].contains(&&*key.verb())).then_some(()).expect(long);
    }
}

#[test]
fn a_variable_that_is_no_setting_is_reported_with_the_one_that_is_meant() {
    let warning_of = |name: &str, value: &str| {
        unknown_variables(&command(), [(name.into(), value.into())].into_iter()).pop().unwrap_or_default()
    };
    assert_eq!(
        warning_of("UCUPDATE_STOR", "file:a"),
        "warning: the variable UCUPDATE_STOR is not a setting; did you mean UCUPDATE_STORE?"
    );
    assert_eq!(
        warning_of("UCUPDATE_APPROVE_YES", "true"),
        "warning: the variable UCUPDATE_APPROVE_YES is not a setting: --yes of `ucupdate approve` is given on the command line only"
    );
    assert!(warning_of("UCUPDATE_SOMETHING_ELSE", "1").contains("has no effect"));
    for (name, value) in
        [("UCUPDATE_STOR", ""), ("UCUPDATE_CONFIG", "a"), ("UCUPDATE_OPTIONS", "a"), ("STORE", "a")]
    {
        assert_eq!(warning_of(name, value), "");
    }
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
        (
            "[serv]\nlisten = []",
            "1: [serv] is not a table of settings, expected the name of a verb that has settings, as [serve]; did you mean [serve]?",
        ),
        (
            "[store]\npath = 'a'",
            "1: [store] is not a table of settings, expected the name of a verb that has settings, as [serve]; did you mean [storm]?",
        ),
        (
            "[serve]\nlog-days = 0\nlisen = []\n[logs]",
            "2: `serve.log-days` is \"0\": expected 1 to 365 days, or a time such as 3d (DAYS); \
             line 3: `serve.lisen` is not a setting, expected a key that `ucupdate config example` lists; \
             did you mean listen in the table [serve]?; line 4: [logs] is not a table of settings, expected the name of a verb that has settings, as [serve]; did you mean [loops]?",
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
