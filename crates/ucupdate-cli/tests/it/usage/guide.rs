//! The guide in `docs/`: its commands are run, and its links lead somewhere.
//!
//! A block of commands is run, line by line, unless a comment with a reason stands before it. Each page has a folder of its own.

use crate::place::{Place, Ran, words};
use crate::serving::Serving;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src");

/// The beginning of the comment that says why a block is not run.
const NOT_RUN: &str = "<!-- not run: ";

/// The pages, each with its name and text.
fn pages() -> Vec<(String, String)> {
    let mut pages: Vec<(String, String)> = std::fs::read_dir(DOCS)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap())
        })
        .collect();
    pages.sort();
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

/// A block of a page between fences.
struct Block {
    /// The text behind the first fence: `sh`, or the kind and the name of a file.
    kind: String,
    lines: Vec<String>,
    /// The line before the block that is not blank.
    before: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut before) = (Vec::new(), String::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let inside = lines.by_ref().take_while(|line| *line != "```").map(ToOwned::to_owned).collect();
            blocks.push(Block { kind: kind.to_owned(), lines: inside, before: std::mem::take(&mut before) });
        } else if !line.trim().is_empty() {
            line.clone_into(&mut before);
        }
    }
    blocks
}

/// Returns the commands of a block: a line that ends with a backslash goes on in the next one.
fn commands(lines: &[String]) -> Vec<String> {
    let joined = lines.join("\n").replace("\\\n", " ");
    joined.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect()
}

/// A page that is run: its folder, its servers, and the ports that stand for those of the page.
struct Running {
    place: Place,
    servers: Vec<Serving>,
    ports: Vec<(String, String)>,
}

impl Running {
    fn new() -> Self {
        Self { place: Place::new(), servers: Vec::new(), ports: Vec::new() }
    }

    /// Returns a word with a port of this machine that is free in place of the page's.
    fn with_ports(&mut self, word: &str) -> String {
        let Some((before, port)) = word.split_once("127.0.0.1:") else { return word.to_owned() };
        let known = self.ports.iter().find(|(known, _)| known == port).map(|(_, free)| free.clone());
        let free = known.unwrap_or_else(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let free = listener.local_addr().unwrap().port().to_string();
            self.ports.push((port.to_owned(), free.clone()));
            free
        });
        format!("{before}127.0.0.1:{free}")
    }

    fn run(&mut self, page: &str, command: &str) {
        let (call, code) = match command.split_once(" # exits with ") {
            Some((call, code)) => (call, code.parse().unwrap()),
            None => (command, 0),
        };
        let (call, is_background) = match call.strip_suffix('&') {
            Some(call) => (call, true),
            None => (call, false),
        };
        let call = call.split(" # ").next().unwrap_or(call);
        let mut args: Vec<String> = words(call).iter().map(|word| self.with_ports(word)).collect();
        assert_eq!(args.remove(0), "ucupdate", "{page}: {command}");
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        if is_background {
            self.servers.push(self.place.start(&args, 1));
            return;
        }
        let ran: Ran = self.place.run(&args);
        assert_eq!(ran.code, Some(code), "{page}: {command}: {ran:?}");
        if args[0] == "doctor" {
            assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{page}: {ran:?}");
        }
    }
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn every_command_of_the_guide_is_run_or_says_why_not() {
    let mut count = 0;
    for (name, page) in pages() {
        let mut running = Running::new();
        for block in blocks(&page) {
            match (block.kind.as_str(), block.kind.split_once(' ')) {
                (_, Some((_, file))) => running.place.file(file, (block.lines.join("\n") + "\n").as_bytes()),
                ("sh" | "powershell", None) => {
                    let reason =
                        block.before.strip_prefix(NOT_RUN).and_then(|rest| rest.strip_suffix(" -->"));
                    if let Some(reason) = reason {
                        assert!(
                            !reason.trim().is_empty(),
                            "{name}: a block is not run, and no reason is given"
                        );
                        continue;
                    }
                    assert_eq!(block.kind, "sh", "{name}: {:?}", block.lines);
                    for command in commands(&block.lines) {
                        running.run(&name, &command);
                        count += 1;
                    }
                }
                ("text", None) => {}
                // The documentation tests of the examples run them.
                ("rust", None) => assert_eq!(name, "embed.md"),
                // A test below reads it.
                ("toml", None) => assert_eq!(name, "embed.md"),
                (kind, None) => {
                    panic!(
                        "{name}: a block of the kind {kind:?}, expected sh, powershell, text, rust or toml"
                    )
                }
            }
        }
    }
    assert!(count > 60, "{count} commands");
}

#[test]
fn the_dependencies_that_the_guide_names_are_those_of_the_workspace() {
    let root = Path::new(DOCS).join("../..");
    let read = |path: PathBuf| -> toml::Table {
        std::fs::read_to_string(&path).unwrap().parse().unwrap_or_else(|error| panic!("{path:?}: {error}"))
    };
    let version = |wanted: &toml::Value| {
        wanted.as_str().or_else(|| wanted.get("version")?.as_str()).map(ToOwned::to_owned)
    };
    let workspace = read(root.join("Cargo.toml"));
    let page = std::fs::read_to_string(Path::new(DOCS).join("embed.md")).unwrap();
    let block = blocks(&page).into_iter().find(|block| block.kind == "toml").unwrap();
    let named: toml::Table = block.lines.join("\n").parse().unwrap();
    let named = named["dependencies"].as_table().unwrap();
    assert!(named.len() >= 4, "{named:?}");
    for (name, wanted) in named {
        let here = version(&workspace["workspace"]["dependencies"][name]).unwrap();
        assert!(here.starts_with(&version(wanted).unwrap()), "{name}: {wanted:?}, the workspace has {here}");
        let features = wanted.get("features").and_then(toml::Value::as_array);
        if name.starts_with("ucupdate") {
            let manifest = read(root.join("crates").join(name).join("Cargo.toml"));
            for feature in features.into_iter().flatten() {
                assert!(manifest["features"].get(feature.as_str().unwrap()).is_some(), "{name}: {feature:?}");
            }
        }
    }
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn every_command_of_the_readme_is_run_in_order() {
    let readme = std::fs::read_to_string(Path::new(DOCS).join("../../README.md")).unwrap();
    let (_, section) = readme.split_once("\n## From a terminal\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let (mut running, mut count) = (Running::new(), 0);
    for command in blocks(section).iter().flat_map(|block| commands(&block.lines)) {
        let Some(command) = command.strip_prefix("$ ") else { panic!("{command}: expected a command") };
        // The address is one of a network of phones.
        if command.contains("10.1.1.5") {
            continue;
        }
        let (call, comment) = command.split_once(" # ").unwrap_or((command, ""));
        let code = if comment.contains("exits with 1") { " # exits with 1" } else { "" };
        running.run("README.md", &format!("{}{code}", call.trim_end()));
        count += 1;
    }
    assert!(count > 20, "{count} commands");
}

/// Returns the targets of the links and pictures of a page, without those in blocks.
fn links(page: &str) -> Vec<String> {
    let mut outside = String::new();
    let mut in_block = false;
    for line in page.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            outside.push_str(line);
            outside.push('\n');
        }
    }
    let inline = outside.match_indices("](").filter_map(|(at, _)| {
        let rest = &outside[at + 2..];
        // A URL of the field has parentheses of its own, and stands in a definition.
        rest.split_once(')').map(|(target, _)| target.to_owned())
    });
    let defined = outside.lines().filter_map(|line| {
        let (name, target) = line.split_once("]: ")?;
        name.starts_with('[').then(|| target.trim().to_owned())
    });
    inline.chain(defined).collect()
}

/// Returns the anchors of a page's headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        text.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_of_the_guide_and_the_readme_leads_somewhere() {
    let root = Path::new(DOCS).join("../..");
    let mut checked = 0;
    let readme = root.join("README.md");
    let files = pages().into_iter().map(|(name, page)| (Path::new(DOCS).join(name), page));
    let files = files.chain([(readme.clone(), std::fs::read_to_string(readme).unwrap())]);
    for (file, page) in files.collect::<Vec<(PathBuf, String)>>() {
        for link in links(&page) {
            if link.starts_with("https://") || link.starts_with("http://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            assert!(target.exists(), "{}: {link} leads to nothing", file.display());
            if !anchor.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                assert!(anchors(&text).contains(anchor), "{}: {link} has no such heading", file.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked} links");
}

#[test]
fn every_page_of_the_guide_stands_in_its_table_of_contents() {
    let contents = links(&std::fs::read_to_string(Path::new(DOCS).join("SUMMARY.md")).unwrap());
    for (name, _) in pages().iter().filter(|(name, _)| name != "SUMMARY.md") {
        assert!(contents.contains(name), "{name} is missing in SUMMARY.md");
    }
    for link in &contents {
        assert!(Path::new(DOCS).join(link).exists(), "{link}");
    }
}

/// Collects the names of the functions in the sources below a folder.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let found = text.split("fn ").skip(1);
            names.extend(
                found.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()),
            );
        }
    }
}

#[test]
fn every_test_that_the_page_of_faults_names_exists() {
    let page = std::fs::read_to_string(Path::new(DOCS).join("faults.md")).unwrap();
    let mut there = BTreeSet::new();
    functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut there);
    let named: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_suffix(" |")?.rsplit_once("| "))
        .map(|(_, last)| last)
        .collect();
    let named: Vec<&str> = named
        .iter()
        .flat_map(|tests| tests.split(", "))
        .filter_map(|name| name.strip_prefix('`')?.strip_suffix('`'))
        .collect();
    assert!(named.len() > 60, "{named:?}");
    for name in named {
        assert!(there.contains(name), "no test is called {name}");
    }
}
