//! The keys of settings, found in the definition of the command line.

use super::PREFIX;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use std::error::Error as _;

/// The verb whose options are settings. The options of other verbs are about one call.
const VERB: &str = "serve";

/// An option of several verbs that is a setting without a verb.
const SHARED: &str = "author";

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

/// Returns the settings of a command line: the global options first, then those of `serve`.
pub(crate) fn find_keys(command: &Command) -> Vec<Setting> {
    let shared = command.get_subcommands().find(|verb| option(verb, SHARED).is_some());
    let owner = shared.map(|verb| vec![verb.get_name().to_owned()]).unwrap_or_default();
    let of_all = command.get_arguments().filter_map(|arg| Setting::new(&[], &[], arg));
    let shared = shared.and_then(|verb| Setting::new(&[], &owner, option(verb, SHARED)?));
    let serve = vec![VERB.to_owned()];
    let of_verb = command.find_subcommand(VERB).into_iter().flat_map(Command::get_arguments);
    let of_verb = of_verb.filter_map(|arg| Setting::new(&serve, &serve, arg));
    let of_verb = of_verb.filter(|setting| setting.long != SHARED);
    of_all.chain(shared).chain(of_verb).collect()
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
