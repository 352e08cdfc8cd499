//! The keys of settings, found in the definition of the command line.

use super::PREFIX;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use std::error::Error as _;

/// An option of several verbs that is a setting without a verb. A verb that has it changes the store.
const SHARED: &str = "author";

/// The settings of verbs that change the store: how they work. What they change and whether they ask is said by the call alone, because
/// a variable that is forgotten in a shell must not make another command of what is typed.
const OF_CHANGES: &[(&str, &[&str])] = &[
    ("ingest", &["code-page", "limit", "strict"]),
    ("loops", &["apart-minutes", "audit", "since", "simulated", "time-zone", "until"]),
    ("gc", &["grace-hours", "keep-days", "keep-revisions", "log-days"]),
    ("verify", &["keep-days", "keep-revisions"]),
    ("rollout start", &["deadline", "install-time", "pause-after-failures", "pause-at-share", "sample"]),
];

/// The options of other verbs that are no settings, because they change something or confirm it.
const OF_ONE_CALL: &[(&str, &[&str])] = &[
    ("storm", &["remote"]),
    ("token add", &["role"]),
    ("fleet", &["forget-kept", "keep"]),
    ("export", &["copy", "tree"]),
];

/// The global option that is no setting, because it names the file of settings.
const CONFIG: &str = "config";

/// The form in which a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The option has no value: `true` or `false`.
    Flag,
    /// The option has one value.
    Value,
    /// The option may have a value, and may stand alone: a value, or `true`.
    OptionalValue,
    /// The option can be given several times.
    List,
}

/// An option whose value can come from a variable or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The verbs above the option. Empty for options of all verbs.
    verb: Vec<String>,
    long: String,
    kind: Kind,
    /// A command that has the option.
    owner: Vec<String>,
    value_name: String,
    help: String,
    default: Option<String>,
}

/// Returns the settings of a command line: the global options first, then those of each verb.
pub(crate) fn find_keys(command: &Command) -> Vec<Setting> {
    find_options(command)
        .into_iter()
        .filter_map(|(setting, is_setting)| is_setting.then_some(setting))
        .collect()
}

/// Returns all options of a command line, and for each whether it is a setting.
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
    /// Returns the setting of an option. `None` if it has no long name, or is an option about this one call.
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

    /// Returns the table of the key. Empty for the keys at the top of a file.
    pub(crate) fn table(&self) -> String {
        self.verb.join(".")
    }

    /// Returns the key inside its table.
    pub(crate) fn name(&self) -> &str {
        &self.long
    }

    /// Returns the name of the variable: the key in capitals, with `_` for other characters.
    pub(crate) fn variable(&self) -> String {
        PREFIX.to_owned() + &self.key().to_uppercase().replace(['.', '-'], "_")
    }

    /// Returns the verb of the option as it is typed. Empty for options of all verbs.
    pub(crate) fn verb(&self) -> String {
        self.verb.join(" ")
    }

    /// Returns the option as it is written on the command line.
    pub(crate) fn option(&self) -> String {
        format!("--{}", self.long)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn help(&self) -> &str {
        &self.help
    }

    /// Returns the default value as a text. `None` if the option has none.
    pub(crate) fn default(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// Returns whether the value must not be printed. The address of a webhook is often its only secret.
    pub(crate) fn is_secret(&self) -> bool {
        let is_file = self.long.ends_with("-file");
        !is_file && ["webhook", "token", "secret", "password"].iter().any(|word| self.long.contains(word))
    }

    /// Returns the word of the command line that sets the option.
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

    /// Returns the id of the option in a verb, or among the global options.
    pub(crate) fn id_in(&self, verb: &[String], command: &Command) -> Option<String> {
        let below = verb.iter().try_fold(command, |command, name| command.find_subcommand(name))?;
        let arg = option(below, &self.long).or_else(|| option(command, &self.long))?;
        Some(arg.get_id().to_string())
    }

    /// Returns what a value has to look like.
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
        // Other options may be missing here, because this one is looked at alone.
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
