//! `ucupdate config`: checks the configuration file and the variables, and prints an example.

use super::serve::args::ServeArgs;
use crate::context::Context;
use crate::failure::{Failure, FailureKind};
use crate::output::first_paragraph;
use crate::output::list::List;
use crate::output::wrapped::wrapped;
use crate::settings::key::{Kind, Setting, find_keys};
use crate::settings::{self, Given, config_variable, file, layered, read_variables, unknown_variables};
use crate::variable::variable;
use clap::FromArgMatches as _;
use serde_json::json;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a configuration file and the variables, and list what they set
    Check(CheckArgs),
    /// Print a configuration file with every setting, its meaning and its default
    Example,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The file [default: that of --config or UCUPDATE_CONFIG]
    file: Option<PathBuf>,
}

pub(crate) async fn run(
    command: ConfigCommand,
    config: Option<PathBuf>,
    context: &mut Context,
) -> Result<(), Failure> {
    match command {
        ConfigCommand::Example => {
            let text = example(&find_keys(&crate::command()));
            context.output.both(&json!({ "file": text }), text.trim_end())
        }
        ConfigCommand::Check(args) => check(args.file.or(config), context),
    }
}

fn check(path: Option<PathBuf>, context: &mut Context) -> Result<(), Failure> {
    let command = crate::command();
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
    for name in
        unknown_variables(&keys, std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()))
    {
        context.output.message(format_args!(
            "warning: the variable {name} is not a setting; `ucupdate config example` lists the settings"
        ));
    }
    check_together(&all)?;
    let mut list = List::new("settings", "nothing is set", ["SETTING", "VALUE", "FROM"]);
    for given in &all {
        let (key, value, from) = (given.setting.key(), given.shown(), given.origin.to_string());
        list.row(json!({ "key": key, "value": value, "from": from }), [&key, &value, &from]);
    }
    context.output.result(&list)
}

/// Checks that the settings can be used together, as `serve` does.
fn check_together(all: &[Given]) -> Result<(), Failure> {
    let of_serve = all.iter().filter(|given| given.setting.name() != "author");
    let words = ["ucupdate", "serve"].map(OsString::from).into_iter().chain(of_serve.flat_map(Given::words));
    let resolved = settings::Resolved { words: words.collect(), added: all.to_vec() };
    let parsed = crate::command()
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

/// Returns a file with every setting as a comment.
fn example(keys: &[Setting]) -> String {
    let mut text = String::from(
        "# Settings of ucupdate. An option on the command line replaces a variable, and a variable replaces a value here.\n\
         # The variable of a key is UCUPDATE_ and the key in capitals, with _ for . and -, as UCUPDATE_SERVE_LISTEN.\n\
         # `ucupdate config check FILE` checks a file.\n",
    );
    let mut table = String::new();
    for setting in keys {
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

/// Returns the default of a setting, or a value that shows the form.
fn example_value(setting: &Setting) -> String {
    match (setting.kind(), setting.default()) {
        (Kind::Flag, _) => "false".to_owned(),
        (Kind::List, _) => "[]".to_owned(),
        (_, Some(number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => number.to_owned(),
        (_, Some(text)) => format!("{text:?}"),
        (_, None) => "\"\"".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_has_each_setting_once_and_can_be_read() {
        let command = crate::command();
        let keys = find_keys(&command);
        let text = example(&keys);
        for setting in &keys {
            let line = format!("#{} = ", setting.name());
            assert!(text.lines().any(|text| text.starts_with(&line)), "{line}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("u.toml");
        std::fs::write(&path, &text).unwrap();
        assert_eq!(file::read(&path, &command, &keys).unwrap(), []);
        // With the marks of comments removed, what has a default is a whole file.
        let set: Vec<&str> = text
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') && !rest.ends_with("\"\"") => rest,
                _ => line,
            })
            .collect();
        std::fs::write(&path, set.join("\n")).unwrap();
        assert!(file::read(&path, &command, &keys).unwrap().len() > 10);
    }

    /// Help texts may be newer than the file, but its keys are those of the command.
    #[test]
    fn the_file_of_the_packages_has_the_keys_of_the_example() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/config.toml");
        let now = example(&find_keys(&crate::command()));
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
