//! Completes names in a shell: rules, versions, groups, packages, holds, rollouts, devices and
//! stones of the store, and folders of stores.

use crate::context::{Context, IfMissing};
use crate::remote::RemoteArgs;
use crate::settings;
use crate::settings::variable::variable;
use crate::store::StoreLocation;
use crate::suggest::matching;
use clap::builder::ValueParser;
use clap::{Arg, Command, FromArgMatches as _};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _};
use std::ffi::{OsStr, OsString};
use std::time::Duration;
use ucupdate::book::{RuleBook, RuleKey};
use ucupdate::device::DeviceId;
use ucupdate::inventory::Inventory;
use ucupdate::read_kept_inventory;

/// The longest time to wait for the store. The shell waits during this time.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The kind of names that an argument takes.
#[derive(Clone, Copy)]
enum Names {
    Stored(Stored),
    PackagesAndFiles,
    /// The folders of stores.
    Stores,
}

/// Names that are read from the store.
#[derive(Clone, Copy)]
enum Stored {
    /// Names in the rule book. The function also gets the rule that the command line names, if any.
    Book(fn(&RuleBook, Option<&RuleKey>) -> Vec<String>),
    /// The devices in the kept inventory for which the function returns `true`.
    Inventory(fn(&DeviceId) -> bool),
}

/// A function that returns the definition of the command line.
type Definition = fn() -> Command;

/// Returns the definition with completion of stored names. To find the store, the typed line is
/// parsed by the definition without completion.
pub(crate) fn with_candidates(definition: Definition) -> Command {
    below("", definition(), definition)
}

/// Adds completion to the arguments of a command and of its subcommands. `above` is the name of the
/// parent command.
fn below(above: &str, command: Command, definition: Definition) -> Command {
    let name = command.get_name().to_owned();
    let is_new = matches!(name.as_str(), "add" | "start");
    let command = command.mut_subcommands(|verb| below(&name, verb, definition));
    command.mut_args(|arg| match names_for(above, is_new, &arg) {
        Some(names) => {
            arg.add(ArgValueCompleter::new(move |current: &OsStr| candidates(names, current, definition)))
        }
        None => arg,
    })
}

/// Returns the kind of names that an argument takes, or `None` if they are not completed. `above`
/// is the name of the parent command. `is_new` is set if the command creates the thing that `NAME`
/// names, so that no existing name is right.
fn names_for(above: &str, is_new: bool, arg: &Arg) -> Option<Names> {
    use Stored::{Book, Inventory};
    let value = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string)?;
    let stored = match (value.as_str(), above) {
        ("FILE-OR-ID", _) => return Some(Names::PackagesAndFiles),
        ("STORE", _) => return Some(Names::Stores),
        ("MAC|SERIAL|HOST", _) => Inventory(|_| true),
        ("MAC", _) => Inventory(|device| matches!(device, DeviceId::Mac(_))),
        ("SERIAL", _) => Inventory(|device| !matches!(device, DeviceId::Mac(_))),
        ("VERSION", _) => Book(versions),
        ("PACKAGE-ID", _) => Book(packages),
        ("NAME", _) if is_new => return None,
        ("GROUP", _) | ("NAME", "group") => Book(|book, _| texts(book.groups().map(|group| &group.name))),
        ("NAME", "hold") => Book(|book, _| texts(book.holds().map(|hold| &hold.name))),
        ("NAME", "rollout") => Book(rollouts),
        ("NAME", "test-device") => Book(|book, _| texts(book.test_devices().map(|device| &device.name))),
        ("NAME", "stone") => Book(|book, _| texts(book.settings().stones.iter().map(|stone| &stone.name))),
        ("RULE [VERSION]", _) => Book(|book, rule| {
            let versions = rule.map_or_else(Vec::new, |_| versions(book, rule));
            [rules(book, rule), versions].concat()
        }),
        (value, _) if value.starts_with("RULE") => Book(rules),
        _ => return None,
    };
    Some(Names::Stored(stored))
}

fn candidates(names: Names, current: &OsStr, definition: Definition) -> Vec<CompletionCandidate> {
    let (stored, files) = match names {
        Names::Stores => return stores(current),
        Names::PackagesAndFiles => (Stored::Book(packages), PathCompleter::file().complete(current)),
        Names::Stored(stored) => (stored, Vec::new()),
    };
    let Some(current) = current.to_str() else { return files };
    // The shell passes the words of the line after `--`.
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let given: Vec<String> = words.iter().filter_map(|word| word.to_str().map(str::to_owned)).collect();
    let mut found = stored.names(words, &given, definition).unwrap_or_default();
    found.sort();
    found.dedup();
    let mut begin: Vec<&String> = found.iter().filter(|name| name.starts_with(current)).collect();
    if begin.is_empty() {
        // A rule is also found by one of its words, such as `CX700`.
        let rules = found.iter().filter(|name| name.contains('/'));
        begin = rules.filter(|name| name.split('/').any(|word| begins_with(word, current))).collect();
    }
    begin.into_iter().map(CompletionCandidate::new).chain(files).collect()
}

/// Returns the folders whose paths begin with the text, each as a value of `--store` such as
/// `file:FOLDER`.
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

/// Returns the rule that a command line names, by all of its words or by a short name.
fn rule_of(words: &[String], book: &RuleBook) -> Option<RuleKey> {
    let whole = words.iter().find_map(|word| word.parse().ok());
    // The words before it are the program, options and verbs. None of them is the name of one rule.
    whole.or_else(|| {
        words.iter().find_map(|word| <[RuleKey; 1]>::try_from(matching(word, book)).ok()).map(|[rule]| rule)
    })
}

impl Stored {
    /// Returns the names in the store or on the server that a command line uses. `None` if there is
    /// no store, or if it does not answer in time.
    fn names(self, words: Vec<OsString>, given: &[String], definition: Definition) -> Option<Vec<String>> {
        let store = store_of(words, definition())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let found = async {
            let service = Context::new(store, false, TIMEOUT).administer(IfMissing::Refuse).await.ok()?;
            match self {
                Self::Book(names) => {
                    let snapshot = service.snapshot();
                    Some(names(snapshot.book(), rule_of(given, snapshot.book()).as_ref()))
                }
                Self::Inventory(is_wanted) => {
                    let mut fleet = Inventory::default();
                    read_kept_inventory(&**service.store(), &mut fleet).await.ok()?;
                    Some(texts(fleet.devices().map(|(id, _)| id).filter(is_wanted)))
                }
            }
        };
        let found = runtime.block_on(async { tokio::time::timeout(TIMEOUT, found).await });
        runtime.shutdown_background();
        found.ok().flatten()
    }
}

fn texts(names: impl Iterator<Item: ToString>) -> Vec<String> {
    names.map(|name| name.to_string()).collect()
}

fn rules(book: &RuleBook, _: Option<&RuleKey>) -> Vec<String> {
    texts(book.rules().map(|rule| rule.key()))
}

fn versions(book: &RuleBook, rule: Option<&RuleKey>) -> Vec<String> {
    let releases = book.packages().flat_map(|package| &package.releases);
    texts(
        releases
            .filter(|release| rule.is_none_or(|rule| *rule == release.rule))
            .map(|release| &release.version),
    )
}

fn packages(book: &RuleBook, _: Option<&RuleKey>) -> Vec<String> {
    texts(book.packages().map(|package| package.id()))
}

fn rollouts(book: &RuleBook, rule: Option<&RuleKey>) -> Vec<String> {
    let rules = book.rules().filter(|known| rule.is_none_or(|rule| rule == known.key()));
    texts(rules.flat_map(|rule| rule.rollouts()).map(|(_, rollout)| &rollout.name))
}

/// Makes all options of verbs accept any text, because the typed line may have an incomplete value.
/// clap would stop at a wrong value and not read the options after it. A variable or the
/// configuration file adds its options at the end of the line.
fn with_any_values(command: Command) -> Command {
    command.mut_subcommands(|below| {
        with_any_values(below).mut_args(|arg| match arg.get_action().takes_values() {
            true => arg.value_parser(ValueParser::os_string()),
            false => arg,
        })
    })
}

/// Returns the store or the server that a command line uses.
fn store_of(words: Vec<OsString>, definition: Command) -> Option<StoreLocation> {
    let command = with_any_values(definition);
    let resolved = settings::resolve(&command, words, variable).ok()?;
    let matches = command.ignore_errors(true).try_get_matches_from(resolved.words).ok()?;
    let remote = RemoteArgs::from_arg_matches(&matches).ok().filter(|remote| remote.server.is_some());
    match remote {
        Some(remote) => Some(StoreLocation::Server(Box::new(remote))),
        None => matches.get_one::<StoreLocation>("store").cloned(),
    }
}
