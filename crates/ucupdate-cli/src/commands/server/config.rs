//! `ucupdate config`: checks the configuration file and the environment variables, and prints an
//! example file.

use super::serve::args::ServeArgs;
use crate::context::Context;
use crate::failure::{Failure, FailureKind};
use crate::output::first_paragraph;
use crate::output::list::List;
use crate::output::wrapped::wrapped;
use crate::settings::key::{Kind, Setting, find_keys};
use crate::settings::variable::variable;
use crate::settings::{self, Given, config_variable, file, layered, read_variables};
use clap::FromArgMatches as _;
use serde_json::json;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a configuration file and the variables, and list what they set
    Check(CheckArgs),
    /// Print a configuration file with the settings of `serve` or of another verb, their meanings and defaults
    Example(ExampleArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExampleArgs {
    /// The verb, such as `fleet` or `rollout start` [default: serve]
    verb: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The file [default: that of --config or UCUPDATE_CONFIG]
    file: Option<PathBuf>,
}

/// Runs the verb. `command` is the definition of the command line, in which all settings are found.
/// `config` is the file of `--config`.
pub(crate) async fn run(
    verb: ConfigCommand,
    command: clap::Command,
    config: Option<PathBuf>,
    context: &mut Context,
) -> Result<(), Failure> {
    match verb {
        ConfigCommand::Example(args) => {
            let verb = if args.verb.is_empty() { "serve".to_owned() } else { args.verb.join(" ") };
            let keys = find_keys(&command);
            if !keys.iter().any(|key| key.verb() == verb) {
                return Err(no_settings(&verb, &keys));
            }
            let text = example(&verb, &keys);
            context.output.both(&json!({ "file": text }), text.trim_end())
        }
        ConfigCommand::Check(args) => check(args.file.or(config), command, context),
    }
}

fn check(path: Option<PathBuf>, command: clap::Command, context: &mut Context) -> Result<(), Failure> {
    let keys = find_keys(&command);
    let path = match path {
        Some(path) => Some(path),
        None => config_variable(&variable)?,
    };
    let from_file = match &path {
        Some(path) => file::read(path, &command, &keys)?,
        None => Vec::new(),
    };
    let all = layered(read_variables(&command, &keys, &variable)?, from_file);
    check_together(&all, command)?;
    let mut list = List::new("settings", "nothing is set", ["SETTING", "VALUE", "FROM"]);
    for given in &all {
        let (key, value, from) = (given.setting.key(), given.shown(), given.origin.to_string());
        list.row(json!({ "key": key, "value": value, "from": from }), [&key, &value, &from]);
    }
    context.output.result(&list)
}

/// Checks that the settings of `serve` can be used together, in the same way as `serve` does.
fn check_together(all: &[Given], command: clap::Command) -> Result<(), Failure> {
    let of_serve = all.iter().filter(|given| given.setting.applies_to(&["serve".to_owned()], &command));
    let words = ["ucupdate", "serve"].map(OsString::from).into_iter().chain(of_serve.flat_map(Given::words));
    let resolved = settings::Resolved { words: words.collect(), added: all.to_vec() };
    let parsed = command
        .try_get_matches_from(&resolved.words)
        .and_then(|matches| matches.subcommand_matches("serve").map(ServeArgs::from_arg_matches).transpose());
    let error = match parsed {
        Ok(serve) => return serve.map_or(Ok(()), |serve| serve.check_log()),
        Err(error) => error,
    };
    let notes = resolved.notes(&error).join("; ");
    let text = format!("{} ({notes})", first_paragraph(&error));
    Err(Failure::Explained(FailureKind::NotUnderstood, text))
}

fn no_settings(verb: &str, keys: &[Setting]) -> Failure {
    let mut verbs: Vec<String> = keys.iter().map(Setting::verb).filter(|verb| !verb.is_empty()).collect();
    verbs.dedup();
    Failure::usage(format_args!(
        "`{verb}` is not a verb that has settings, expected one of {}",
        verbs.join(", ")
    ))
}

/// Returns the text of an example file. It contains the settings of the verb and those of all
/// verbs, each as a comment.
fn example(verb: &str, keys: &[Setting]) -> String {
    let mut text = String::from(
        "# Settings of ucupdate. An option on the command line replaces a variable, and a variable replaces a value here.\n\
         # The variable of a key is UCUPDATE_ and the key in capitals, with _ for . and -, as UCUPDATE_SERVE_LISTEN.\n\
         # `ucupdate config check FILE` checks a file. `ucupdate config example VERB` prints the settings of another verb.\n",
    );
    let mut table = String::new();
    for setting in keys.iter().filter(|key| key.verb().is_empty() || key.verb() == verb) {
        if setting.table() != table {
            table = setting.table();
            text.push_str(&format!("\n[{table}]\n"));
        }
        text.push('\n');
        text.push_str(&format!("# {}\n", wrapped(setting.help(), 2).replace("\n  ", "\n# ")));
        text.push_str(&format!("#{} = {}\n", setting.name(), example_value(setting)));
    }
    text
}

/// Returns the default of a setting as TOML. If it has no default, returns an empty value of the
/// right type.
fn example_value(setting: &Setting) -> String {
    match (setting.kind(), setting.default()) {
        (Kind::Flag, _) => "false".to_owned(),
        (Kind::List, _) => "[]".to_owned(),
        (_, Some(number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            number.to_owned()
        }
        (_, Some(text)) => format!("{text:?}"),
        (_, None) => "\"\"".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_examples_have_each_setting_once_and_can_be_read() {
        let command = crate::command();
        let keys = find_keys(&command);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("u.toml");
        let verbs: BTreeSet<String> = keys.iter().map(Setting::verb).collect();
        let mut set = 0;
        for verb in verbs.into_iter().filter(|verb| !verb.is_empty()) {
            let text = example(&verb, &keys);
            for key in keys.iter().filter(|key| key.verb().is_empty() || key.verb() == verb) {
                let line = format!("#{} = ", key.name());
                assert!(text.lines().any(|text| text.starts_with(&line)), "{line}");
            }
            std::fs::write(&path, &text).unwrap();
            assert_eq!(file::read(&path, &command, &keys).unwrap(), []);
            // Without the marks of comments, the settings that have a default are a valid file.
            let whole: Vec<&str> = text
                .lines()
                .map(|line| match line.strip_prefix('#') {
                    Some(rest) if !rest.starts_with(' ') && !rest.ends_with("\"\"") => rest,
                    _ => line,
                })
                .collect();
            std::fs::write(&path, whole.join("\n")).unwrap();
            let read = file::read(&path, &command, &keys).unwrap();
            set += read.iter().filter(|given| given.setting.verb() == verb).count();
        }
        assert!(set > 50, "{set}");
    }

    /// The file `deploy/config.toml` must have the same keys as the example that `config example`
    /// prints. Their help texts are not compared.
    #[test]
    fn the_file_of_the_packages_has_the_keys_of_the_example() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/config.toml");
        let now = example("serve", &find_keys(&crate::command()));
        if std::env::var_os("UCUPDATE_BLESS").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let there = std::fs::read_to_string(path).unwrap();
        let keys = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.starts_with('[') || line.starts_with('#'));
            lines.filter(|line| !line.starts_with("# ")).map(ToOwned::to_owned).collect()
        };
        assert_eq!(keys(&there), keys(&now), "UCUPDATE_BLESS=1 writes the file again");
    }
}
