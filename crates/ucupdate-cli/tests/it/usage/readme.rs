//! Runs the examples of the transcript in order, in one folder.
//!
//! After a change of what is printed, `UCUPDATE_BLESS=1 cargo test -p ucupdate-cli readme` writes the page again.

use crate::place::{Place, words};
use serde_json::Value;
use std::fmt::Write as _;

#[test]
#[ignore = "slow; .ci/run runs it"]
fn the_examples_of_the_page_print_what_it_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcript/commands.md");
    let page = std::fs::read_to_string(path).unwrap();
    let place = Place::new();
    let mut now = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        writeln!(now, "{line}").unwrap();
        let Some(kind) = line.strip_prefix("```").filter(|kind| !kind.is_empty()) else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match kind.split_once(' ') {
            // A file that the examples use.
            Some((_, name)) => {
                place.file(name, (block.join("\n") + "\n").as_bytes());
                block.iter().for_each(|line| writeln!(now, "{line}").unwrap());
            }
            None if kind == "console" => {
                let examples = block.iter().filter_map(|line| line.strip_prefix("$ "));
                examples.for_each(|example| now.push_str(&run(&place, example)));
            }
            None => block.iter().for_each(|line| writeln!(now, "{line}").unwrap()),
        }
        now.push_str("```\n");
    }
    if steady(&now) == steady(&page) {
        return;
    }
    if is_blessing() {
        std::fs::write(path, now).unwrap();
        return;
    }
    for (number, (said, printed)) in steady(&page).lines().zip(steady(&now).lines()).enumerate() {
        assert_eq!(said, printed, "line {} of the transcript", number + 1);
    }
    panic!("the transcript has {} lines, expected {}", page.lines().count(), now.lines().count());
}

/// Returns whether the transcript is written instead of compared.
fn is_blessing() -> bool {
    std::env::var_os("UCUPDATE_BLESS").is_some()
}

/// Returns an example with its output: stdout, then stderr.
fn run(place: &Place, example: &str) -> String {
    let (call, code) = match example.split_once(" # exits with ") {
        Some((call, code)) => (call, code.parse().unwrap()),
        None => (example, 0),
    };
    let args = words(call.strip_prefix("ucupdate ").expect("examples call ucupdate")).into_iter();
    // The id of a package in an example is replaced by the id in this store.
    let args = args.map(|arg| if is_package(&arg) { package(place) } else { arg });
    let args: Vec<String> = args.collect();
    let ran = place.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let code = if is_blessing() { ran.code.unwrap() } else { code };
    assert_eq!(ran.code, Some(code), "{example}: {ran:?}");
    let stdout = if ran.stdout.starts_with('{') { laid_out(&ran.json(), 0) + "\n" } else { ran.stdout };
    let ending = if code == 0 { String::new() } else { format!(" # exits with {code}") };
    let quoted = |arg: &String| if arg.contains(' ') { format!("\"{arg}\"") } else { arg.clone() };
    let args: Vec<String> = args.iter().map(quoted).collect();
    format!("$ ucupdate {}{ending}\n{stdout}{}", args.join(" "), ran.stderr)
}

fn is_package(word: &str) -> bool {
    word.len() == 12 && word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Returns the id of the package in the examples.
fn package(place: &Place) -> String {
    let shown = place.run(&["package", "show", "things/UCUpdates.cab", "--json"]).json();
    shown["package"].as_str().unwrap().to_owned()
}

/// Formats JSON for people. A value that fits is written on one line.
fn laid_out(value: &Value, indent: usize) -> String {
    let line = one_line(value);
    if indent + line.chars().count() <= 110 {
        return line;
    }
    let pad = " ".repeat(indent + 2);
    let below = |value: &Value| laid_out(value, indent + 2);
    let (open, close, items): (_, _, Vec<String>) = match value {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), below(value))
            };
            ('{', '}', fields.iter().map(field).collect())
        }
        Value::Array(items) => ('[', ']', items.iter().map(below).collect()),
        _ => return line,
    };
    let end = " ".repeat(indent);
    format!("{open}\n{pad}{}\n{end}{close}", items.join(&format!(",\n{pad}")))
}

fn one_line(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), one_line(value))
            };
            format!("{{ {} }}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(one_line).collect::<Vec<_>>().join(", ")),
        _ => value.to_string(),
    }
}

/// Returns the page without values that differ between machines and days: digests, sizes and times.
fn steady(page: &str) -> String {
    let mut steady = String::new();
    for line in page.lines() {
        for word in line.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && !"-:".contains(c)) {
            let text = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            let is_digest = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
            let is_number = text.len() >= 6 && text.bytes().all(|b| b.is_ascii_digit());
            let is_time = text.len() == 20 && text.ends_with('Z') && text.contains('T');
            let differs = is_package(text) || is_digest || is_number || is_time;
            steady.push_str(if differs { "*" } else { text });
            steady.push_str(&word[text.len()..]);
        }
        steady.push('\n');
    }
    steady
}
