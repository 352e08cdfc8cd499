//! The only module that writes to the terminal: results to stdout, and everything else to stderr.

pub(crate) mod change_notes;
pub(crate) mod list;
pub(crate) mod page;
mod password;
pub(crate) mod progress;
pub(crate) mod shown;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod wrapped;

use crate::failure::{Failure, FailureKind};
use password::without_passwords;
use progress::Progress;
use serde::Serialize;
use serde_json::json;
use shown::{ShownLines, is_unfit};
use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind, IsTerminal as _, Stdout, Write};
use std::process::ExitCode;
use style::{is_coloured, painted};
use wrapped::push_wrapped;

/// The value of `format` in every JSON object: the version of its format.
const FORMAT: u32 = 1;

/// The output of a command: its results and messages.
#[derive(Debug)]
pub(crate) struct Output {
    /// The progress of the command. It ends when a result or a failure is printed.
    pub(crate) progress: Progress,
    json: bool,
    stdout: Stdout,
}

impl Output {
    /// Creates an output that writes results as JSON, or as text for people.
    pub(crate) fn new(json: bool) -> Self {
        Self { progress: Progress::new(json), json, stdout: io::stdout() }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Returns the number of characters that fit in a line on stdout. If stdout is not a terminal,
    /// it is very large, so that lines stay whole.
    pub(crate) fn width(&self) -> usize {
        terminal_width().unwrap_or(usize::MAX)
    }

    pub(crate) fn stderr_is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Writes the whole result of a command: as one line of JSON, an object with `"format": 1`, or as text.
    /// Fails when stdout cannot be written.
    pub(crate) fn result<T: Serialize + Display>(&mut self, result: &T) -> Result<(), Failure> {
        if self.json { self.json_result(result) } else { self.text(result) }
    }

    /// Writes a result: `json` with `--json`, otherwise `text`.
    pub(crate) fn both(&mut self, json: &serde_json::Value, text: impl Display) -> Result<(), Failure> {
        if self.json { self.json_result(json) } else { self.text(text) }
    }

    /// Writes a result as [`result`](Self::result) does. On a terminal, long lines of text are
    /// broken between words.
    pub(crate) fn lines<T: Serialize + Display>(&mut self, result: &T) -> Result<(), Failure> {
        match terminal_width() {
            Some(width) if !self.json => {
                let mut text = String::new();
                result.to_string().lines().for_each(|line| push_wrapped(line, 2, width, &mut text));
                self.text(text.trim_end_matches('\n'))
            }
            _ => self.result(result),
        }
    }

    /// Writes a result as JSON. Fails when stdout cannot be written.
    pub(crate) fn json_result<T: Serialize>(&mut self, result: &T) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Versioned<'a, T> {
            format: u32,
            #[serde(flatten)]
            result: &'a T,
        }
        self.progress.end();
        // A result may be large, so it is not kept as text. The buffer is flushed only between two
        // texts of JSON, so no character is divided between two pieces that are escaped.
        let mut writer = io::BufWriter::with_capacity(64 * 1024, EscapingJson(self.stdout.lock()));
        let written = serde_json::to_writer(&mut writer, &Versioned { format: FORMAT, result });
        written.map_err(|error| {
            error.io_error_kind().map_or_else(|| error.into(), |kind| unwritten(&kind.into()))
        })?;
        let ended = writer.flush().and_then(|()| {
            let EscapingJson(stdout) = writer.get_mut();
            stdout.write_all(b"\n").and_then(|()| stdout.flush())
        });
        ended.map_err(|error| unwritten(&error))
    }

    /// Writes lines of text to stdout, with a line end after the last one. Line ends in untrusted
    /// text must be escaped before by [`Shown`](shown::Shown). Other control characters are escaped
    /// here. Writes nothing for an empty text. Fails when stdout cannot be written.
    pub(crate) fn text(&mut self, text: impl Display) -> Result<(), Failure> {
        self.progress.end();
        // A text may be large, so it is written while it is formatted.
        let stdout = io::BufWriter::with_capacity(64 * 1024, self.stdout.lock());
        let mut writer =
            TextWriter { stdout, is_coloured: is_coloured(&self.stdout), is_empty: true, failed: Ok(()) };
        let shown = write!(writer, "{}", ShownLines(text));
        let TextWriter { mut stdout, is_empty, failed, .. } = writer;
        let written = failed.and_then(|()| shown.map_err(io::Error::other)).and_then(|()| match is_empty {
            true => Ok(()),
            false => stdout.write_all(b"\n").and_then(|()| stdout.flush()),
        });
        written.map_err(|error| unwritten(&error))
    }

    /// Writes bytes to stdout unchanged. On a terminal a line end is added, so that the next prompt has its
    /// own line. Fails when stdout cannot be written.
    pub(crate) fn exactly(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.progress.end();
        let end: &[u8] = if self.stdout.is_terminal() { b"\n" } else { b"" };
        let mut stdout = self.stdout.lock();
        let written =
            stdout.write_all(bytes).and_then(|()| stdout.write_all(end)).and_then(|()| stdout.flush());
        written.map_err(|error| unwritten(&error))
    }

    /// Writes a message of one line to stderr.
    pub(crate) fn message(&self, message: impl Display) {
        // If stderr is closed, the message cannot be reported anywhere.
        let _untold = self.progress.around(|| {
            io::stderr().write_all(message_line(&without_passwords(&message.to_string())).as_bytes())
        });
    }

    /// Writes the reason of a failure as the last line on stderr: a sentence, or one JSON object.
    pub(crate) fn failure(&mut self, kind: FailureKind, text: &str) {
        self.progress.end();
        write_failure(self.json, kind, text);
    }

    /// Flushes stdout. Fails when stdout cannot be written.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.stdout.flush().map_err(|error| unwritten(&error))
    }
}

/// Writes text to stdout, replaces the marks of styles in it, and keeps the error of stdout.
struct TextWriter<W> {
    stdout: W,
    is_coloured: bool,
    is_empty: bool,
    failed: io::Result<()>,
}

impl<W: Write> std::fmt::Write for TextWriter<W> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.is_empty &= text.is_empty();
        self.failed = self.stdout.write_all(painted(text, self.is_coloured).as_bytes());
        self.failed.as_ref().map_err(|_| std::fmt::Error).copied()
    }
}

/// Returns the number of characters in a line of the terminal, at least 40. `None` if stdout is not
/// a terminal.
fn terminal_width() -> Option<usize> {
    columns(terminal_size::terminal_size_of(io::stdout()))
}

fn columns(size: Option<(terminal_size::Width, terminal_size::Height)>) -> Option<usize> {
    size.map(|(width, _)| usize::from(width.0).max(40))
}

/// Returns a message for stderr as one line with its line end. If stderr is a terminal, long
/// messages are broken between words.
pub(crate) fn message_line(text: &str) -> String {
    wrapped_for_stderr(&format!("ucupdate: {text}"))
}

fn wrapped_for_stderr(line: &str) -> String {
    let mut text = String::new();
    let width = columns(terminal_size::terminal_size_of(io::stderr())).unwrap_or(usize::MAX);
    push_wrapped(line, 2, width, &mut text);
    text
}

/// A writer that escapes JSON as [`escaped_json`] does. Each write must have whole characters, as
/// the writes of `serde_json` have.
struct EscapingJson<W>(W);

impl<W: Write> Write for EscapingJson<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nearly all writes are of printable ASCII, which needs no escape.
        if bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            self.0.write_all(bytes)?;
            return Ok(bytes.len());
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        match text.chars().any(is_unfit) {
            true => self.0.write_all(escaped_json(text).as_bytes())?,
            false => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn unwritten(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::in_doing("writing to stdout", error),
    }
}

/// Replaces characters that JSON allows but that could control a terminal by `\uXXXX`. They occur
/// only in strings.
pub(crate) fn escaped_json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unfit(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _written = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

fn write_failure(json: bool, kind: FailureKind, text: &str) {
    let text = &*without_passwords(text);
    let document = json!({ "format": FORMAT, "error": { "kind": kind, "text": text } });
    // If stderr is closed, the failure cannot be reported anywhere.
    let _untold = match json {
        true => writeln!(io::stderr(), "{}", escaped_json(&document.to_string())),
        false => io::stderr().write_all(message_line(text).as_bytes()),
    };
}

/// Returns whether `--json` is among the arguments, or `UCUPDATE_JSON` is `true`.
fn is_json_asked() -> bool {
    std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json")
        || std::env::var_os("UCUPDATE_JSON").is_some_and(|value| value == "true")
}

/// Writes the reason why the command line was not parsed, and returns the exit code.
pub(crate) fn early_failure(failure: Failure) -> ExitCode {
    match failure {
        Failure::OutputClosed => ExitCode::SUCCESS,
        Failure::Explained(kind, reason) => {
            write_failure(is_json_asked(), kind, &reason);
            ExitCode::from(kind.exit_code())
        }
    }
}

/// Returns the first paragraph of an error of clap as one line, without `error: `.
pub(crate) fn first_paragraph(usage: &clap::Error) -> String {
    let text = usage.render().to_string();
    let first = text.trim().split("\n\n").next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writes help to stdout, or an error of the command line to stderr. The exit code of an error is
/// 2. With `--json` among the arguments, the error is a JSON object. The notes are written before
/// it, and say where wrong values come from.
pub(crate) fn usage(usage: &clap::Error, notes: &[String]) -> ExitCode {
    for note in notes {
        let _untold = io::stderr().write_all(message_line(&without_passwords(note)).as_bytes());
    }
    if usage.use_stderr() && is_json_asked() {
        write_failure(true, FailureKind::Usage, &first_paragraph(usage));
        return ExitCode::from(FailureKind::Usage.exit_code());
    }
    let text = usage.render().to_string();
    let text = text.trim_end();
    // If the stream is closed, the text cannot be shown anywhere.
    let _untold = if usage.use_stderr() {
        let (lead, text) = text.strip_prefix("error: ").map_or(("", text), |text| ("ucupdate: ", text));
        let text = format!("{lead}{}", without_passwords(text));
        io::stderr().write_all(text.lines().map(wrapped_for_stderr).collect::<String>().as_bytes())
    } else {
        writeln!(io::stdout(), "{}", ShownLines(text))
    };
    ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_json_when_what_controls_is_escaped() {
        let said = "a\u{1b}b\u{9b}c\u{202e}d\nä\u{7f}";
        let escaped = escaped_json(&serde_json::to_string(said).unwrap());
        assert_eq!(escaped, r#""a\u001bb\u009bc\u202ed\nä\u007f""#);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), said);
    }
}
