//! Breaks texts into lines that fit into 80 columns, or into the width of the terminal.

use super::shown::Shown;
use std::fmt::Write as _;

/// The number of characters in a line.
const WIDTH: usize = 80;

/// Breaks a text into lines of at most [`WIDTH`] characters. All lines but the first are indented
/// by `indent` spaces, and the first is taken as indented too. A command in backticks stays in one
/// line if it fits.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let room = WIDTH.saturating_sub(indent);
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
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

/// Appends a line to `text`. If the line is wider than `width`, it is broken at spaces, and further
/// lines are indented by `indent`.
pub(crate) fn push_wrapped(line: &str, indent: usize, width: usize, text: &mut String) {
    let line = Shown(line).to_string();
    let lead = line.len() - line.trim_start().len();
    text.push_str(&line[..lead]);
    let mut column = lead;
    for (index, word) in line[lead..].split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > width && column > indent {
            let _written = write!(text, "\n{:indent$}", "");
            column = indent;
        } else if index > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
}

/// Splits a text into the words between which a line may end. A command in backticks that fits into
/// `room` characters is one word.
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
            wrapped(text, 12),
            "type `ucupdate approve UCPhone/LG-Nortel/IP8540/A/ENU/CPE` when the\n            version was tried on a test device"
        );
        let long = format!("`ucupdate {}`", "word ".repeat(30));
        assert!(wrapped(&long, 12).lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(wrapped("", 12), "");
        assert_eq!(wrapped("an odd ` tick", 12), "an odd ` tick");
    }
}
