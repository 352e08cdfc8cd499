//! Settings: values of options that come from a variable or from the configuration file.
//!
//! The keys are the long options of the command line: the global ones, `author`, and those of the
//! verbs. The module [`key`] lists the options that are not settings. An option on the command line
//! replaces a variable, and a variable replaces a value of the file.

pub(crate) mod file;
pub(crate) mod help;
pub(crate) mod key;
pub(crate) mod variable;

use crate::failure::{Failure, FailureKind};
use clap::Command;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use key::{Kind, Setting, find_keys};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// The prefix of the environment variables.
const PREFIX: &str = "UCUPDATE_";

/// A variable whose value the systemd unit passes to the command as options. The command does not
/// read it.
const OPTIONS_VARIABLE: &str = "UCUPDATE_OPTIONS";

/// The environment variable with the path of the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "UCUPDATE_CONFIG";

/// The place from which a value comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SettingOrigin {
    /// The environment variable of this name.
    Variable(String),
    /// A file, and the number of a line in it. The first line is 1.
    File(PathBuf, usize),
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "{name}"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
        }
    }
}

/// The values of one option that are not on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) setting: Setting,
    /// The values, in order. Empty if the option is switched off. `None` stands for an option without a value.
    pub(crate) values: Vec<Option<String>>,
    pub(crate) origin: SettingOrigin,
}

impl Given {
    /// Returns the words of the command line that set the option to these values. Example:
    /// `--listen=127.0.0.1:8080`.
    pub(crate) fn words(&self) -> impl Iterator<Item = OsString> {
        self.values.iter().map(|value| self.setting.word(value.as_deref()).into())
    }

    /// Returns the values as text, separated by commas. Secrets are replaced by `***`.
    pub(crate) fn shown(&self) -> String {
        let shown = |value: &Option<String>| match value {
            _ if self.setting.is_secret() => "***".to_owned(),
            Some(value) => value.clone(),
            None => "true".to_owned(),
        };
        match self.values.is_empty() {
            true => "false".to_owned(),
            false => self.values.iter().map(shown).collect::<Vec<_>>().join(", "),
        }
    }
}

/// The command line with the values of variables and of the file.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// The words to parse.
    pub(crate) words: Vec<OsString>,
    /// The values of environment variables and of the configuration file that were added to
    /// `words`.
    pub(crate) added: Vec<Given>,
}

impl Resolved {
    /// Returns notes about added values that may have caused the error. A note names the variable
    /// or the line of the file that set an option.
    ///
    /// An added value is noted if the error names its option. If a required option is missing, all
    /// added values of the verb are noted, because one of them may require it.
    pub(crate) fn notes(&self, error: &clap::Error) -> Vec<String> {
        let text = error.render().to_string();
        let is_missing = error.kind() == ErrorKind::MissingRequiredArgument;
        let is_named = |given: &&Given| {
            is_missing && !given.setting.verb().is_empty()
                || text
                    .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                    .any(|word| word == given.setting.option())
        };
        let note = |given: &Given| format!("note: {} is set by {}", given.setting.option(), given.origin);
        self.added.iter().filter(is_named).map(note).collect()
    }
}

/// Adds the values of variables and of the configuration file to a command line. Fails when the file cannot
/// be read, or when a value is not one that the option takes.
pub(crate) fn resolve(
    command: &Command,
    words: Vec<OsString>,
    variable: impl Fn(&str) -> Result<Option<String>, Failure>,
) -> Result<Resolved, Failure> {
    let unchanged = |words| Ok(Resolved { words, added: Vec::new() });
    // Help and version do not depend on the file. Errors are reported when the whole line is
    // parsed.
    let Ok(given) = command.clone().ignore_errors(true).try_get_matches_from(&words) else {
        return unchanged(words);
    };
    let mut verb = Vec::new();
    let mut innermost = &given;
    while let Some((name, below)) = innermost.subcommand() {
        verb.push(name.to_owned());
        innermost = below;
    }
    if verb.is_empty() {
        return unchanged(words);
    }
    let file = match innermost.get_one::<PathBuf>("config") {
        // These verbs read the file themselves, and report what is wrong in it.
        _ if matches!(verb[0].as_str(), "config" | "completions" | "man") => None,
        Some(file) => Some(file.clone()),
        None => config_variable(&variable)?,
    };
    let keys = find_keys(command);
    let from_file = match file {
        Some(path) => file::read(&path, command, &keys)?,
        None => Vec::new(),
    };
    // A wrong variable of another verb does not stop this verb.
    let of_verb: Vec<Setting> = keys.into_iter().filter(|key| key.is_for(&verb)).collect();
    let from_variables = read_variables(command, &of_verb, &variable)?;
    let is_on_line = |setting: &Setting| {
        setting.applies_to(&verb, command)
            && setting.id_in(&verb, command).is_none_or(|id| {
                innermost.try_contains_id(&id).is_ok()
                    && innermost.value_source(&id) == Some(ValueSource::CommandLine)
            })
    };
    let added: Vec<Given> = layered(from_variables, from_file)
        .into_iter()
        .filter(|given| given.setting.applies_to(&verb, command) && !is_on_line(&given.setting))
        .collect();
    // Words after `--` are not options.
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let mut all = words;
    all.splice(end..end, added.iter().flat_map(Given::words));
    Ok(Resolved { words: all, added })
}

/// Returns the path of the configuration file in the variable `UCUPDATE_CONFIG`. `None` if the
/// variable is not set. Fails when its value is not UTF-8.
pub(crate) fn config_variable(
    variable: &impl Fn(&str) -> Result<Option<String>, Failure>,
) -> Result<Option<PathBuf>, Failure> {
    Ok(variable(CONFIG_VARIABLE)?.map(PathBuf::from))
}

/// Joins the values of variables and of the configuration file. A value of the file is left out if
/// a variable sets the same option.
pub(crate) fn layered(variables: Vec<Given>, file: Vec<Given>) -> Vec<Given> {
    let is_free = |given: &Given| !variables.iter().any(|variable| variable.setting == given.setting);
    let file: Vec<Given> = file.into_iter().filter(is_free).collect();
    variables.into_iter().chain(file).collect()
}

/// Reads the environment variables of `keys`. Fails when a value is not one that the option takes.
pub(crate) fn read_variables(
    command: &Command,
    keys: &[Setting],
    variable: &impl Fn(&str) -> Result<Option<String>, Failure>,
) -> Result<Vec<Given>, Failure> {
    let mut all = Vec::new();
    for setting in keys {
        let name = setting.variable();
        let Some(text) = variable(&name)? else { continue };
        let values = match (setting.kind(), text.as_str()) {
            (Kind::Flag | Kind::OptionalValue, "true") => vec![None],
            (Kind::Flag | Kind::OptionalValue, "false") => Vec::new(),
            (Kind::Flag, _) => {
                return Err(Failure::usage(format_args!("{name} is {text:?}, expected true or false")));
            }
            (Kind::Value | Kind::OptionalValue, _) => vec![Some(text)],
            (Kind::List, _) => text.split(',').map(|part| Some(part.trim().to_owned())).collect(),
        };
        for value in values.iter().flatten() {
            if let Err(reason) = setting.check(value, command) {
                return Err(Failure::usage(format_args!("{name} {reason}")));
            }
        }
        all.push(Given { setting: setting.clone(), values, origin: SettingOrigin::Variable(name) });
    }
    Ok(all)
}

/// Returns a warning for each variable that looks like a setting and is not. `variables` are names and values.
pub(crate) fn unknown_variables(
    command: &Command,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Vec<String> {
    let set = variables.filter(|(_, value)| !value.is_empty());
    let names =
        set.map(|(name, _)| name.to_string_lossy().into_owned()).filter(|name| name.starts_with(PREFIX));
    let names: Vec<String> =
        names.filter(|name| ![CONFIG_VARIABLE, OPTIONS_VARIABLE].contains(&name.as_str())).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let options: Vec<_> = key::find_options(command)
        .into_iter()
        .map(|(option, is_key)| (option.variable(), option, is_key))
        .collect();
    let warning = |name: &String| {
        let reason = match options.iter().find(|(variable, ..)| variable == name) {
            Some((_, _, true)) => return None,
            Some((_, option, false)) => {
                format!(
                    ": {} of `ucupdate {}` is given on the command line only",
                    option.option(),
                    option.verb()
                )
            }
            None => {
                let keys = options.iter().filter(|(.., is_key)| *is_key);
                let keys = keys.map(|(variable, ..)| (strsim::damerau_levenshtein(variable, name), variable));
                match keys.min().filter(|(distance, _)| *distance <= 3) {
                    Some((_, near)) => format!("; did you mean {near}?"),
                    None => ", so it has no effect; `ucupdate VERB --help` names the variables of a verb"
                        .to_owned(),
                }
            }
        };
        Some(format!("warning: the variable {name} is not a setting{reason}"))
    };
    names.iter().filter_map(warning).collect()
}

/// Returns a failure about a line of a configuration file.
fn wrong(path: &Path, line: usize, reason: impl fmt::Display) -> Failure {
    Failure::Explained(FailureKind::NotUnderstood, format!("{}:{line}: {reason}", path.display()))
}

#[cfg(test)]
mod tests;
