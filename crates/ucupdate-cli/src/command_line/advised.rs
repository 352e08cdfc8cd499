//! Tests the command lines that messages of any crate advise, such as "type `ucupdate ...`". The
//! parser must accept each of them.

use crate::CommandLine;
use clap::CommandFactory as _;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The values that are tried in place of a placeholder. A placeholder is `{...}` or a word in
/// capitals. For each placeholder of a command line, the parser must accept at least one of the
/// values.
const VALUES: [&str; 10] = [
    "UCPhone/Polycom/CX700/A/ENU/CPE",
    "1.0.522.103",
    "7",
    "lab",
    "model",
    "resume",
    "numeric",
    "OCPhone >= 1.0",
    "--hardware-revision A --below 1.0 --by 2.0",
    "",
];

/// The largest number of placeholders of one command line in which all values are tried. Each
/// further placeholder gets the first value.
const MAX_PLACES: u32 = 4;

#[test]
fn every_command_that_a_message_of_any_crate_advises_can_be_called() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for one in std::fs::read_dir(crates).unwrap() {
        collect(&one.unwrap().path().join("src"), &mut files);
    }
    let mut advising = BTreeSet::new();
    let (mut count, mut wrong) = (0, Vec::new());
    for path in files.iter().filter(|path| !path.ends_with("advised.rs")) {
        for advised in advised(&std::fs::read_to_string(path).unwrap()) {
            if !is_callable(&advised) {
                wrong.push(format!("{}: `{advised}`", path.display()));
            }
            let below = path.strip_prefix(crates).unwrap();
            advising.extend(below.components().next().map(|name| name.as_os_str().to_owned()));
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "these cannot be called: {wrong:#?}");
    assert!(count > 35, "{count}");
    for name in
        ["ucupdate", "ucupdate-admin", "ucupdate-cab", "ucupdate-cli", "ucupdate-core", "ucupdate-fleet"]
    {
        assert!(advising.contains(std::ffi::OsStr::new(name)), "{name} advises nothing: {advising:?}");
    }
}

#[test]
fn a_command_that_does_not_exist_is_noticed() {
    for wrong in [
        "ucupdate fly",
        "ucupdate approve --all",
        "ucupdate stone narrow {name} {what}",
        "ucupdate gc --days DAYS",
    ] {
        assert!(!is_callable(wrong), "{wrong}");
    }
    for right in
        ["ucupdate approve {} {version}", "ucupdate gc --log-days DAYS", "ucupdate remove 'a b/c/d/e/f/g'"]
    {
        assert!(is_callable(right), "{right}");
    }
    let source = "// `ucupdate not this`\n    \"type `ucupdate approve \\\n     {name}` first\", \"`ucupdate --help`\"";
    assert_eq!(advised(source), ["ucupdate approve {name}", "ucupdate --help"]);
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        match path.extension().and_then(|name| name.to_str()) {
            _ if path.is_dir() => collect(&path, files),
            Some("rs" | "js" | "html") => files.push(path),
            _ => {}
        }
    }
}

/// Returns the command lines in backticks in the string literals of a source file. Comments are
/// left out.
fn advised(source: &str) -> Vec<String> {
    let lines: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let source = lines.join("\n");
    let mut found = Vec::new();
    for (at, _) in source.match_indices("`ucupdate ") {
        let Some((text, _)) = source[at + 1..].split_once('`') else { continue };
        // A backslash before a line end continues a literal.
        let parts = text.split("\\\n").enumerate();
        let text: String =
            parts.map(|(number, part)| if number == 0 { part } else { part.trim_start() }).collect();
        let words: Vec<&str> = text.split_whitespace().collect();
        // A message whose whole command is a placeholder cannot be checked here.
        if !(words.len() == 2 && words[1].starts_with('{')) {
            found.push(words.join(" "));
        }
    }
    found
}

/// Returns whether the command line can be parsed when its placeholders are replaced by some of
/// [`VALUES`].
fn is_callable(advised: &str) -> bool {
    let words = words(advised);
    // A message may name a verb without its arguments.
    let is_help = words.iter().any(|word| word == "--help") || is_verb(&words);
    let mut command = CommandLine::command();
    let places = words.iter().map(|word| places(word)).sum::<u32>().min(MAX_PLACES);
    (0..VALUES.len().pow(places)).any(|choice| {
        let mut left = choice;
        let mut value = || {
            let value = VALUES[left % VALUES.len()];
            left /= VALUES.len();
            value
        };
        let filled = words.iter().flat_map(|word| fill(word, &mut value));
        is_help || command.try_get_matches_from_mut(filled).is_ok()
    })
}

/// Returns the words of a command line. A part in quotes is one word.
fn words(command: &str) -> Vec<String> {
    let parts = command.split(['\'', '"']).enumerate();
    let words = parts.flat_map(|(number, part)| match number % 2 {
        0 => part.split_whitespace().map(ToOwned::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.map(|word| word.trim_end_matches('\\').to_owned()).collect()
}

/// Returns whether the words are only the name of a verb, without its arguments.
fn is_verb(words: &[String]) -> bool {
    let mut command = CommandLine::command();
    for word in &words[1..] {
        let Some(below) = command.find_subcommand(word) else { return false };
        command = below.clone();
    }
    words.len() > 1 && !command.has_subcommands()
}

fn places(word: &str) -> u32 {
    let braces = u32::try_from(word.matches('{').count()).unwrap();
    if is_capitals(word) { 1 } else { braces }
}

fn is_capitals(word: &str) -> bool {
    word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Replaces each placeholder of a word by the next value. A result that contains an option (`--`)
/// is split at its blanks.
fn fill(word: &str, value: &mut impl FnMut() -> &'static str) -> Vec<String> {
    if is_capitals(word) {
        return vec![value().to_owned()];
    }
    let Some((before, mut rest)) = word.split_once('{') else { return vec![word.to_owned()] };
    let mut filled = before.to_owned();
    loop {
        filled.push_str(value());
        let (_, after) = rest.split_once('}').unwrap_or_default();
        let Some((text, next)) = after.split_once('{') else {
            filled.push_str(after);
            break;
        };
        filled.push_str(text);
        rest = next;
    }
    match filled.contains("--") {
        true => filled.split_whitespace().map(ToOwned::to_owned).collect(),
        false => vec![filled],
    }
}
