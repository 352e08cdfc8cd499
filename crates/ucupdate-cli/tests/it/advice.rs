//! Runs what the command advises. After each run of a test, each command line that the output advises in backticks is run by
//! a shell in a copy of the folder. A test fails where an advised command line is a wrong call.

use crate::place::{Place, Ran};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};

/// The verbs that are not run, because they run until they are stopped, or need a server.
const NOT_RUN: [&str; 3] = ["serve", "ask", "demo"];

/// The command lines that were run in this process.
static RUN: LazyLock<Mutex<BTreeSet<String>>> = LazyLock::new(Mutex::default);

/// Runs the command lines that the output of a run advises.
#[track_caller]
pub(crate) fn check(place: &Place, args: &[&str], ran: &Ran) {
    // The transcript of a JSON object has its quotes escaped.
    let texts = [&ran.stderr, &ran.stdout].into_iter().filter(|text| !text.starts_with('{'));
    for advised in texts.flat_map(|text| advised(text)) {
        if RUN.lock().unwrap().insert(advised.clone()) {
            let (mut code, mut report) = run(place, args, &advised);
            // A message may name a verb without its arguments.
            if code == Some(2) && !advised.contains(['/', '-', '.', '"']) {
                (code, report) = run(place, args, &format!("{advised} --help"));
            }
            assert_ne!(code, Some(2), "{args:?} advised `{advised}`, which is a wrong call: {report}");
        }
    }
}

/// Returns the whole command lines in backticks. Those with a place to fill, which is a word in capitals, are left out.
fn advised(text: &str) -> Vec<String> {
    let found = text.match_indices("`ucupdate ").filter_map(|(at, _)| text[at + 1..].split_once('`'));
    let lines = found.map(|(line, _)| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let is_place = |word: &str| word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_run = |line: &String| {
        let mut words = line.split(' ').skip(1);
        words.clone().next().is_some_and(|verb| !NOT_RUN.contains(&verb)) && !words.any(is_place)
    };
    lines.filter(is_run).collect()
}

/// Runs a command line by a shell in a copy of the folder, with the store that the run before was given.
pub(crate) fn run(place: &Place, args: &[&str], advised: &str) -> (Option<i32>, String) {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&place.path("."), copy.path());
    let store = args.iter().position(|arg| *arg == "--store").and_then(|at| args.get(at + 1));
    let program = Path::new(env!("CARGO_BIN_EXE_ucupdate"));
    let store = store.map(|store| format!(" --store '{store}'")).unwrap_or_default();
    let line = advised.replacen("ucupdate ", &format!("'{}'{store} ", program.display()), 1);
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(copy.path()).env("USER", "ann").stdin(Stdio::null());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).into_iter().flatten().map(Result::unwrap) {
        let (path, name) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => {
                std::fs::create_dir_all(&name).unwrap();
                copy_folder(&path, &name);
            }
            // A file may be gone meanwhile, where a server runs.
            kind if kind.is_file() => drop(std::fs::copy(&path, &name)),
            _ => {}
        }
    }
}
