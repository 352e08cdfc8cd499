//! The keys of settings, found in the definition of the command line.

use super::PREFIX;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use std::error::Error as _;

/// The option `--author`. It has one setting for all verbs, with the key `author`. Every verb that
/// has this option changes the store.
const SHARED: &str = "author";

/// The options that are settings, for each verb that changes the store. They say how the verb
/// works.
///
/// The other options of these verbs say what is changed, or confirm the change. They can be given
/// on the command line only. Otherwise a forgotten variable in a shell could change the meaning of
/// a typed command.
const OF_CHANGES: &[(&str, &[&str])] = &[
    ("ingest", &["code-page", "limit", "strict"]),
    ("loops", &["apart-minutes", "audit", "since", "simulated", "time-zone", "until"]),
    ("gc", &["grace-hours", "keep-days", "keep-revisions", "log-days"]),
    ("verify", &["keep-days", "keep-revisions"]),
    ("rollout start", &["deadline", "install-time", "pause-after-failures", "pause-at-share", "sample"]),
];

/// The options that are not settings, for each verb that does not change the store. These options
/// change something or confirm it.
const OF_ONE_CALL: &[(&str, &[&str])] = &[
    ("storm", &["remote"]),
    ("token add", &["role"]),
    ("fleet", &["forget-kept", "keep"]),
    ("export", &["copy", "tree"]),
];

/// The global option that is not a setting, because it names the file of settings.
const CONFIG: &str = "config";

/// The form of an option, and of its value in the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An option without a value. The file has `true` or `false`.
    Flag,
    /// An option with one value.
    Value,
    /// An option whose value may be left out. The file has a value, `true` or `false`.
    OptionalValue,
    /// An option with several values, or one that can be given several times.
    List,
}

/// An option whose value can come from an environment variable or the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The words of the verb that has the option, such as `rollout` and `start`. Empty for options
    /// of all verbs.
    verb: Vec<String>,
    long: String,
    kind: Kind,
    /// The words of a verb that has the option, used to check values. Empty for global options.
    owner: Vec<String>,
    value_name: String,
    help: String,
    default: Option<String>,
}

/// Returns the settings of a command line: first the global options and `author`, then those of
/// each verb.
pub(crate) fn find_keys(command: &Command) -> Vec<Setting> {
    find_options(command)
        .into_iter()
        .filter_map(|(setting, is_setting)| is_setting.then_some(setting))
        .collect()
}

/// Returns all options of a command line, each with whether it is a setting.
pub(crate) fn find_options(command: &Command) -> Vec<(Setting, bool)> {
    let mut all: Vec<_> = command.get_arguments().filter_map(|arg| Setting::new(&[], &[], arg)).collect();
    let shared = command.get_subcommands().find_map(|verb| Some((verb, option(verb, SHARED)?)));
    all.extend(shared.and_then(|(verb, arg)| Setting::new(&[], &[verb.get_name().to_owned()], arg)));
    let mut all = all.into_iter().map(|setting| (setting, true)).collect();
    command.get_subcommands().for_each(|verb| add_options(&[], verb, &mut all));
    all
}

/// Adds the options of a verb and of the verbs below it.
fn add_options(above: &[String], command: &Command, all: &mut Vec<(Setting, bool)>) {
    let verb = [above, &[command.get_name().to_owned()]].concat();
    let name = verb.join(" ");
    let named = |list: &[(&str, &[&str])], long: &str| {
        list.iter().any(|(verb, longs)| *verb == name && longs.contains(&long))
    };
    let is_change = option(command, SHARED).is_some();
    for setting in command.get_arguments().filter_map(|arg| Setting::new(&verb, &verb, arg)) {
        let long = setting.long.as_str();
        if long != SHARED {
            let is_setting = if is_change { named(OF_CHANGES, long) } else { !named(OF_ONE_CALL, long) };
            all.push((setting, is_setting));
        }
    }
    command.get_subcommands().for_each(|below| add_options(&verb, below, all));
}

fn option<'a>(command: &'a Command, long: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| arg.get_long() == Some(long))
}

impl Setting {
    /// Returns the setting of an option. `None` if the option has no long name, or is `--config`,
    /// `--help` or `--version`.
    fn new(verb: &[String], owner: &[String], arg: &Arg) -> Option<Self> {
        let long = arg.get_long().filter(|long| !matches!(*long, CONFIG | "help" | "version"))?;
        let takes = arg.get_num_args().unwrap_or_else(|| match arg.get_action() {
            ArgAction::SetTrue | ArgAction::SetFalse => 0.into(),
            _ => 1.into(),
        });
        let kind = match arg.get_action() {
            ArgAction::Append => Kind::List,
            _ if takes.max_values() == 0 => Kind::Flag,
            _ if takes.max_values() > 1 || arg.get_value_delimiter().is_some() => Kind::List,
            _ if takes.min_values() == 0 => Kind::OptionalValue,
            _ => Kind::Value,
        };
        let names = arg.get_value_names().unwrap_or_default();
        let defaults = arg.get_default_values();
        Some(Self {
            verb: verb.to_vec(),
            long: long.to_owned(),
            kind,
            owner: owner.to_vec(),
            value_name: names.first().map(ToString::to_string).unwrap_or_else(|| "VALUE".to_owned()),
            help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
            default: match kind {
                Kind::Flag => None,
                _ => defaults.first().map(|value| value.to_string_lossy().into_owned()),
            },
        })
    }

    /// Returns the key in a file, such as `serve.listen`.
    pub(crate) fn key(&self) -> String {
        self.verb.iter().map(String::as_str).chain([self.long.as_str()]).collect::<Vec<_>>().join(".")
    }

    /// Returns the TOML table of the key, such as `serve`. Empty for the keys at the top of a file.
    pub(crate) fn table(&self) -> String {
        self.verb.join(".")
    }

    /// Returns the key inside its table, such as `listen`.
    pub(crate) fn name(&self) -> &str {
        &self.long
    }

    /// Returns the name of the environment variable: the key in capitals, with `_` for `.` and `-`.
    /// Example: `UCUPDATE_SERVE_LISTEN`.
    pub(crate) fn variable(&self) -> String {
        PREFIX.to_owned() + &self.key().to_uppercase().replace(['.', '-'], "_")
    }

    /// Returns the verb of the option as a person types it, such as `rollout start`. Empty for
    /// options of all verbs.
    pub(crate) fn verb(&self) -> String {
        self.verb.join(" ")
    }

    /// Returns the option as it is written on the command line, such as `--listen`.
    pub(crate) fn option(&self) -> String {
        format!("--{}", self.long)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn help(&self) -> &str {
        &self.help
    }

    /// Returns the default value as text. `None` if the option has no default, or no value.
    pub(crate) fn default(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// Returns whether the value must not be printed. This includes the URL of a webhook, because
    /// anyone who knows it can often use the webhook.
    pub(crate) fn is_secret(&self) -> bool {
        let is_file = self.long.ends_with("-file");
        !is_file && ["webhook", "token", "secret", "password"].iter().any(|word| self.long.contains(word))
    }

    /// Returns the word of the command line that sets the option, such as
    /// `--listen=127.0.0.1:8080`. `None` is an option without a value.
    pub(crate) fn word(&self, value: Option<&str>) -> String {
        match value {
            Some(value) => format!("--{}={value}", self.long),
            None => self.option(),
        }
    }

    /// Returns whether the option is one of all verbs, or of this verb.
    pub(crate) fn is_for(&self, verb: &[String]) -> bool {
        self.verb.is_empty() || self.is_of(verb)
    }

    pub(crate) fn is_of(&self, verb: &[String]) -> bool {
        self.verb == verb
    }

    pub(crate) fn applies_to(&self, verb: &[String], command: &Command) -> bool {
        let below = verb.iter().try_fold(command, |command, name| command.find_subcommand(name));
        match (self.verb.is_empty(), self.owner.is_empty()) {
            // A verb may have an option of its own with the name of a global one, as `serve --token-file`.
            (true, true) => below.is_some_and(|below| option(below, &self.long).is_none()),
            (true, false) => self.id_in(verb, command).is_some(),
            (false, _) => self.verb == verb,
        }
    }

    /// Returns the id that clap uses for the option, in a verb or among the global options. `None`
    /// if the verb does not have the option.
    pub(crate) fn id_in(&self, verb: &[String], command: &Command) -> Option<String> {
        let below = verb.iter().try_fold(command, |command, name| command.find_subcommand(name))?;
        let arg = option(below, &self.long).or_else(|| option(command, &self.long))?;
        Some(arg.get_id().to_string())
    }

    /// Returns the expected form of a value, for messages. Example: `true or false`.
    pub(crate) fn expected(&self) -> String {
        match self.kind {
            Kind::Flag => "true or false".to_owned(),
            Kind::Value => format!("a text or a number ({})", self.value_name),
            Kind::OptionalValue => format!("a text or a number ({}), or true or false", self.value_name),
            Kind::List => format!("a list of texts, or one text ({})", self.value_name),
        }
    }

    /// Checks one value as the command line does. The error contains the value, unless it is a secret, and
    /// what was expected.
    pub(crate) fn check(&self, value: &str, command: &Command) -> Result<(), String> {
        let mut owner = command;
        for name in &self.owner {
            owner = owner.find_subcommand(name).ok_or_else(|| format!("{name} is not a verb"))?;
        }
        let words = [owner.get_name().to_owned(), self.word(Some(value))];
        let Err(error) = owner.clone().try_get_matches_from(words) else { return Ok(()) };
        let is_wrong_value = matches!(
            error.kind(),
            ErrorKind::InvalidValue
                | ErrorKind::ValueValidation
                | ErrorKind::TooManyValues
                | ErrorKind::TooFewValues
                | ErrorKind::WrongNumberOfValues
                | ErrorKind::InvalidUtf8
        );
        // Other options may be missing, because this option is checked alone.
        if !is_wrong_value {
            return Ok(());
        }
        let expected = match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(values)) if !values.is_empty() => {
                format!("expected one of {}", values.join(", "))
            }
            _ => match error.source() {
                Some(cause) if !self.is_secret() => format!("{cause} ({})", self.value_name),
                _ => format!("expected {}", self.value_name),
            },
        };
        match self.is_secret() {
            true => Err(format!("has a wrong value: {expected}")),
            false => Err(format!("is {value:?}: {expected}")),
        }
    }
}
