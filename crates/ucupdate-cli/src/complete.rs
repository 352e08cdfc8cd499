//! Completion of names that are in the store: rules, versions, groups, packages, holds, rollouts, devices and stones. Completion of stores.

use crate::context::{Context, IfMissing};
use crate::remote::RemoteArgs;
use crate::settings;
use crate::store_location::StoreLocation;
use crate::suggest::matching;
use clap::builder::ValueParser;
use clap::{Arg, Command, FromArgMatches as _};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _};
use std::ffi::{OsStr, OsString};
use std::time::Duration;
use ucupdate::book::{RuleBook, RuleKey};
use ucupdate::device::DeviceId;
use ucupdate::inventory::Inventory;
use ucupdate::{UpdateService, read_kept_inventory};

/// The longest time to wait for the store. A shell waits as long.
const TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Rules,
    /// A rule, or a version of the rule that the line names already.
    RulesAndVersions,
    Versions,
    Groups,
    Packages,
    PackagesAndFiles,
    Holds,
    Rollouts,
    TestDevices,
    Stones,
    /// The devices in the inventory that servers keep.
    Devices,
    MacAddresses,
    SerialNumbers,
    /// The folders of stores.
    Stores,
}

/// Adds the names of the store to the arguments that take one.
pub(crate) fn with_candidates(command: Command) -> Command {
    below("", command)
}

/// Adds the names to the arguments of a command and of the commands below it. `above` is the name of the command above it.
fn below(above: &str, command: Command) -> Command {
    let name = command.get_name().to_owned();
    let is_new = matches!(name.as_str(), "add" | "start");
    let command = command.mut_subcommands(|verb| below(&name, verb));
    command.mut_args(|arg| match names_for(above, is_new, &arg) {
        Some(names) => arg.add(ArgValueCompleter::new(move |current: &OsStr| candidates(names, current))),
        None => arg,
    })
}

/// Returns the kind of names that an argument takes. `above` is the verb above that of the argument.
fn names_for(above: &str, is_new: bool, arg: &Arg) -> Option<Names> {
    let value = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string)?;
    match (value.as_str(), above) {
        ("VERSION", _) => Some(Names::Versions),
        ("GROUP", _) => Some(Names::Groups),
        ("PACKAGE-ID", _) => Some(Names::Packages),
        ("FILE-OR-ID", _) => Some(Names::PackagesAndFiles),
        ("MAC|SERIAL|HOST", _) => Some(Names::Devices),
        ("MAC", _) => Some(Names::MacAddresses),
        ("SERIAL", _) => Some(Names::SerialNumbers),
        ("STORE", _) => Some(Names::Stores),
        ("NAME", _) if is_new => None,
        ("NAME", "group") => Some(Names::Groups),
        ("NAME", "hold") => Some(Names::Holds),
        ("NAME", "rollout") => Some(Names::Rollouts),
        ("NAME", "test-device") => Some(Names::TestDevices),
        ("NAME", "stone") => Some(Names::Stones),
        ("RULE [VERSION]", _) => Some(Names::RulesAndVersions),
        (value, _) if value.starts_with("RULE") => Some(Names::Rules),
        _ => None,
    }
}

fn candidates(names: Names, current: &OsStr) -> Vec<CompletionCandidate> {
    if names == Names::Stores {
        return stores(current);
    }
    let files = match names {
        Names::PackagesAndFiles => PathCompleter::file().complete(current),
        _ => Vec::new(),
    };
    let Some(current) = current.to_str() else { return files };
    // The words of the line stand behind `--` in the call of the shell.
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let given: Vec<String> = words.iter().filter_map(|word| word.to_str().map(str::to_owned)).collect();
    let found = names.in_store(words, &given).unwrap_or_default();
    let begin: Vec<&String> = found.iter().filter(|name| name.starts_with(current)).collect();
    let has_word = |name: &&String| name.split('/').any(|word| begins_with(word, current));
    // A rule is also found by one of its words, such as `CX700`.
    let matching = if begin.is_empty() && matches!(names, Names::Rules | Names::RulesAndVersions) {
        found.iter().filter(has_word).collect()
    } else {
        begin
    };
    matching.into_iter().map(CompletionCandidate::new).chain(files).collect()
}

/// Returns the folders that begin with a text, each as a store.
fn stores(current: &OsStr) -> Vec<CompletionCandidate> {
    const FOLDER: &str = "file:";
    let Some(current) = current.to_str() else { return Vec::new() };
    let folders = match current.strip_prefix(FOLDER) {
        Some(folder) => PathCompleter::dir().complete(OsStr::new(folder)),
        None if FOLDER.starts_with(current) => PathCompleter::dir().complete(OsStr::new("")),
        None => return Vec::new(),
    };
    let named = folders.into_iter().filter(|folder| folder.get_value() != ".");
    named.map(|folder| folder.add_prefix(FOLDER)).collect()
}

fn begins_with(word: &str, beginning: &str) -> bool {
    word.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

/// Returns the rule that a line names, by all of its words or by a short name.
fn rule_of(words: &[String], book: &RuleBook) -> Option<RuleKey> {
    let whole = words.iter().find_map(|word| word.parse().ok());
    // The words before are the program, options and verbs, and none of them is the name of one rule.
    whole.or_else(|| {
        words.iter().find_map(|word| <[RuleKey; 1]>::try_from(matching(word, book)).ok()).map(|[rule]| rule)
    })
}

impl Names {
    /// Returns the names in the store or on the server that a line names. `None` if there is none, or if it does not answer in time.
    fn in_store(self, words: Vec<OsString>, given: &[String]) -> Option<Vec<String>> {
        let store = store_of(words)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let found = async {
            let service = Context::new(store, false, TIMEOUT).administer(IfMissing::Refuse).await.ok()?;
            match self {
                Self::Devices | Self::MacAddresses | Self::SerialNumbers => self.in_inventory(&service).await,
                _ => {
                    let snapshot = service.snapshot();
                    Some(self.in_book(rule_of(given, snapshot.book()).as_ref(), snapshot.book()))
                }
            }
        };
        let found = runtime.block_on(async { tokio::time::timeout(TIMEOUT, found).await });
        runtime.shutdown_background();
        found.ok().flatten()
    }

    async fn in_inventory(self, service: &UpdateService) -> Option<Vec<String>> {
        let mut fleet = Inventory::default();
        read_kept_inventory(&**service.store(), &mut fleet).await.ok()?;
        let is_wanted = |device: &DeviceId| match device {
            DeviceId::Mac(_) => self != Self::SerialNumbers,
            _ => self != Self::MacAddresses,
        };
        let devices = fleet.devices().map(|(id, _)| id).filter(is_wanted);
        Some(devices.map(|device| device.to_string()).collect())
    }

    fn in_book(self, rule: Option<&RuleKey>, book: &RuleBook) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Self::Rules => book.rules().map(|rule| rule.key().to_string()).collect(),
            Self::RulesAndVersions => {
                let versions = rule.map_or_else(Vec::new, |_| Self::Versions.in_book(rule, book));
                [Self::Rules.in_book(rule, book), versions].concat()
            }
            Self::Versions => {
                let releases = book.packages().flat_map(|package| &package.releases);
                let of_rule = releases.filter(|release| rule.is_none_or(|rule| *rule == release.rule));
                of_rule.map(|release| release.version.to_string()).collect()
            }
            Self::Groups => book.groups().map(|group| group.name.to_string()).collect(),
            Self::Packages | Self::PackagesAndFiles => {
                book.packages().map(|package| package.id().to_string()).collect()
            }
            Self::Holds => book.holds().map(|hold| hold.name.to_string()).collect(),
            Self::Rollouts => {
                let of_rule = book.rules().filter(|known| rule.is_none_or(|rule| rule == known.key()));
                of_rule
                    .flat_map(|rule| rule.rollouts())
                    .map(|(_, rollout)| rollout.name.to_string())
                    .collect()
            }
            Self::TestDevices => book.test_devices().map(|device| device.name.to_string()).collect(),
            Self::Stones => book.settings().stones.iter().map(|stone| stone.name.to_string()).collect(),
            Self::Devices | Self::MacAddresses | Self::SerialNumbers | Self::Stores => Vec::new(),
        };
        names.sort();
        names.dedup();
        names
    }
}

/// Lets the arguments of verbs take any text. A value that is typed in part must not end the reading of the line before the options
/// that a variable or the configuration file adds.
fn with_any_values(command: Command) -> Command {
    command.mut_subcommands(|below| {
        with_any_values(below).mut_args(|arg| match arg.get_action().takes_values() {
            true => arg.value_parser(ValueParser::os_string()),
            false => arg,
        })
    })
}

/// Returns the store or the server that a line names.
fn store_of(words: Vec<OsString>) -> Option<StoreLocation> {
    let command = with_any_values(crate::plain_command());
    let resolved = settings::resolve(&command, words, |name| std::env::var(name).ok()).ok()?;
    let matches = command.ignore_errors(true).try_get_matches_from(resolved.words).ok()?;
    let remote = RemoteArgs::from_arg_matches(&matches).ok().filter(|remote| remote.server.is_some());
    match remote {
        Some(remote) => Some(StoreLocation::Server(Box::new(remote))),
        None => matches.get_one::<StoreLocation>("store").cloned(),
    }
}
