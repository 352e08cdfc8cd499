//! The result of `doctor`: a line for each check, and its findings in lines of at most 80 columns.

use crate::output::shown::Shown;
use serde_json::{Value, json};
use std::fmt;
use ucupdate::{Checked, Finding, Severity};

/// The columns of a line.
const WIDTH: usize = 80;

/// The columns before the texts of a finding.
const INDENT: usize = 12;

/// The checks and the number of their findings.
#[derive(Debug, serde::Serialize)]
pub(super) struct Report {
    /// For scripts: each check with its findings.
    checks: Value,
    pub(super) problems: usize,
    warnings: usize,
    notes: usize,
    #[serde(skip)]
    checked: Vec<Checked>,
}

impl Report {
    pub(super) fn of(checked: Vec<Checked>) -> Self {
        let count = |severity: Severity| {
            let findings = checked.iter().flat_map(|check| &check.findings);
            findings.filter(|finding| finding.severity == severity).count()
        };
        let value = |finding: &Finding| {
            json!({
                "kind": finding.kind, "severity": finding.severity.to_string(), "subject": finding.subject,
                "found": finding.found, "expected": finding.expected, "remedy": finding.remedy,
            })
        };
        let check = |check: &Checked| json!({ "name": check.name, "findings": check.findings.iter().map(value).collect::<Vec<_>>() });
        Self {
            checks: checked.iter().map(check).collect(),
            problems: count(Severity::Problem),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
            checked,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checked {
            if check.findings.is_empty() {
                writeln!(f, "ok        {}", check.name)?;
            }
            for finding in &check.findings {
                writeln!(f, "{:<8}  {}", finding.severity, check.name)?;
                let Finding { found, expected, remedy, .. } = finding;
                for (head, text) in [("found", found), ("expected", expected), ("to do", remedy)] {
                    writeln!(f, "  {head:<10}{}", wrapped(&Shown(text).to_string()))?;
                }
            }
        }
        let Self { checked, problems, warnings, notes, .. } = self;
        let (checks, problems) = (plural(checked.len(), "check"), plural(*problems, "problem"));
        write!(f, "{checks}: {problems}, {}, {}", plural(*warnings, "warning"), plural(*notes, "note"))
    }
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Breaks a text into lines that fit, each after the first indented. A command in backticks stays in one line if it fits into one.
fn wrapped(text: &str) -> String {
    let room = WIDTH - INDENT;
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in words(text, room) {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.join(&format!("\n{}", " ".repeat(INDENT)))
}

/// Returns the parts of a text between which a line may end.
fn words(text: &str, room: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = end_of_word(rest, room);
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

fn end_of_word(text: &str, room: usize) -> usize {
    let mut in_command = false;
    for (at, c) in text.char_indices() {
        match c {
            '`' => in_command = !in_command,
            ' ' if !in_command => {
                if text[..at].chars().count() <= room {
                    return at;
                }
                break;
            }
            _ => {}
        }
    }
    match text.chars().count() <= room {
        true => text.len(),
        false => text.find(' ').unwrap_or(text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_commands_stay_whole() {
        let text = "type `ucupdate approve UCPhone/LG-Nortel/IP8540/A/ENU/CPE` when the version was tried on a test device";
        assert_eq!(
            wrapped(text),
            "type `ucupdate approve UCPhone/LG-Nortel/IP8540/A/ENU/CPE` when the\n            version was tried on a test device"
        );
        let long = format!("`ucupdate {}`", "word ".repeat(30));
        assert!(wrapped(&long).lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(wrapped(""), "");
        assert_eq!(wrapped("an odd ` tick"), "an odd ` tick");
    }
}
