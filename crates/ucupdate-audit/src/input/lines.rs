//! Splits bytes into lines within limits. A line that is too long is skipped without being held in memory.

use super::encoding::Utf8;
use super::unzip::Unzip;
use crate::finding::{LineProblem, LogFinding, ReadLimits};
use encoding_rs::WINDOWS_1252;
use std::borrow::Cow;
use std::io::{BufRead as _, BufReader, ErrorKind, Read};

/// Reader of the lines of a log. It decompresses gzip, and decodes UTF-16 and Windows-1252.
pub(crate) struct Lines<R> {
    input: BufReader<Utf8<Unzip<R>>>,
    limits: ReadLimits,
    line: Vec<u8>,
    number: u64,
    left: u64,
    /// `true` if the last line ended in CR. An LF after this CR belongs to the same line end.
    ended_in_cr: bool,
    /// `true` if a last line without a line end is left unread.
    only_whole: bool,
    ended: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R, limits: ReadLimits) -> Self {
        Self {
            input: BufReader::new(Utf8::new(Unzip::new(input))),
            limits,
            line: Vec::new(),
            number: 0,
            left: limits.log_bytes,
            ended_in_cr: false,
            only_whole: false,
            ended: false,
        }
    }

    pub(crate) fn limits(&self) -> ReadLimits {
        self.limits
    }

    pub(crate) fn set_limits(&mut self, limits: ReadLimits) {
        self.limits = limits;
        self.left = limits.log_bytes;
    }

    /// Sets that a last line without a line end is not read.
    pub(crate) fn read_only_whole_lines(&mut self) {
        self.only_whole = true;
    }

    /// Returns the first bytes of the log, decompressed but not decoded. Empty if nothing was read
    /// yet.
    pub(crate) fn prefix(&self) -> &[u8] {
        self.input.get_ref().prefix()
    }

    /// Returns the size of the lines that were read so far, in bytes after decompression and
    /// conversion to UTF-8.
    pub(crate) fn bytes(&self) -> u64 {
        self.limits.log_bytes.saturating_sub(self.left)
    }

    /// Returns the last line of the log if it was left unread because it has no line end. Empty if
    /// the log ends with a line end. `None` before the end of the log, and without
    /// [`read_only_whole_lines`](Self::read_only_whole_lines).
    pub(crate) fn unread_end(&self) -> Option<&[u8]> {
        (self.only_whole && self.ended).then_some(&self.line)
    }

    /// Returns the number of the last line that was read, counted from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Ends reading, so that no more lines are returned.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// Returns the finding for a problem in the last line. Ends reading if
    /// [`LineProblem::ends_reading`].
    fn finding(&mut self, problem: LineProblem) -> LogFinding {
        self.ended |= problem.ends_reading();
        LogFinding { line: self.number, problem }
    }

    /// Returns the next line that is not blank. The line end (LF, CR LF or CR) and a byte order mark at the start are
    /// removed. A line that is not UTF-8 is read as Windows-1252, unless it contains control characters.
    pub(crate) fn next_line(&mut self) -> Option<Result<Cow<'_, str>, LogFinding>> {
        loop {
            if self.ended {
                return None;
            }
            self.number += 1;
            match self.read_line() {
                Ok(true) => {}
                Ok(false) => {
                    self.ended = true;
                    return None;
                }
                Err(problem) => return Some(Err(self.finding(problem))),
            }
            if !without_mark(&self.line).trim_ascii().is_empty() {
                break;
            }
        }
        let line = without_mark(&self.line);
        Some(match std::str::from_utf8(line) {
            Ok(text) => Ok(text.into()),
            Err(_) if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') => {
                Err(LogFinding { line: self.number, problem: LineProblem::NotText })
            }
            Err(_) => Ok(WINDOWS_1252.decode_without_bom_handling(line).0),
        })
    }

    /// Reads one line into `self.line`, without its line end. Returns `false` at the end of the
    /// log.
    fn read_line(&mut self) -> Result<bool, LineProblem> {
        self.line.clear();
        let (mut is_line, mut is_too_long) = (false, false);
        loop {
            let bytes = match self.input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(LineProblem::Unreadable(error)),
            };
            let bytes = if std::mem::take(&mut self.ended_in_cr) && bytes.first() == Some(&b'\n') {
                self.input.consume(1);
                self.left = self.left.saturating_sub(1);
                continue;
            } else {
                bytes
            };
            if bytes.is_empty() {
                if self.only_whole {
                    return Ok(false);
                }
                break;
            }
            is_line = true;
            let end = memchr::memchr2(b'\n', b'\r', bytes);
            let text = &bytes[..end.unwrap_or(bytes.len())];
            let used = end.map_or(bytes.len(), |end| end + 1);
            let left = self.left.checked_sub(u64::try_from(used).unwrap_or(u64::MAX));
            self.left = left.ok_or(LineProblem::LogTooLong { limit: self.limits.log_bytes })?;
            is_too_long |= self.line.len() + text.len() > self.limits.line_bytes;
            if is_too_long {
                self.line.clear();
            } else {
                self.line.extend_from_slice(text);
            }
            self.ended_in_cr = end.is_some_and(|end| bytes[end] == b'\r');
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        if is_too_long {
            Err(LineProblem::LineTooLong { limit: self.limits.line_bytes })
        } else {
            Ok(is_line)
        }
    }
}

/// Returns a line without a byte order mark at its start. Joined logs have such marks in the middle.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
}

impl<R> std::fmt::Debug for Lines<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines")
            .field("number", &self.number)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::gzip;
    use std::io;

    fn read(log: &[u8], limits: ReadLimits) -> Vec<String> {
        let mut lines = Lines::new(log, limits);
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line() {
            seen.push(line.map_or_else(|finding| finding.to_string(), Cow::into_owned));
        }
        seen
    }

    #[test]
    fn line_ends_blank_lines_and_byte_order_marks_are_no_text() {
        let log = "\u{feff}one\r\n\n \t\r\ntwo\r\rfour\n\u{feff}five";
        assert_eq!(read(log.as_bytes(), ReadLimits::default()), ["one", "two", "four", "five"]);
    }

    #[test]
    fn a_line_end_of_two_characters_counts_as_one_line() {
        let mut lines = Lines::new(&b"a\r\n\r\nb\rc\n"[..], ReadLimits::default());
        let mut numbers = Vec::new();
        while lines.next_line().is_some() {
            numbers.push(lines.number());
        }
        assert_eq!(numbers, [1, 3, 4]);
    }

    #[test]
    fn a_line_too_long_is_passed_over_and_named() {
        let limits = ReadLimits::default().with_line_bytes(4);
        assert_eq!(
            read(b"1234\n12345678901\nabc\n1234", limits),
            [
                "1234",
                "line 2: the line has more than 4 bytes, which is the limit `line_bytes` of the library",
                "abc",
                "1234"
            ]
        );
    }

    #[test]
    fn a_log_too_long_ends_there_also_when_it_is_compressed() {
        let limits = ReadLimits::default().with_log_bytes(6);
        assert_eq!(read(b"abc\nd\n", limits), ["abc", "d"]);
        let cut =
            ["abc", "line 2: the log has more than 6 bytes, which is the limit `log_bytes` of the library"];
        assert_eq!(read(b"abc\nde\nf\n", limits), cut);
        assert_eq!(read(&gzip(b"abc\nde\nf\n"), limits), cut);
    }

    #[test]
    fn a_compressed_log_is_read_and_a_cut_one_up_to_the_cut() {
        let rows = if cfg!(miri) { 300 } else { 20_000 };
        let text: String = (0..rows).map(|number| format!("row {number}\n")).collect();
        let zipped = gzip(text.as_bytes());
        assert_eq!(read(&zipped, ReadLimits::default()).join("\n") + "\n", text);
        let twice = [gzip(b"one\n"), gzip(b"two\n")].concat();
        assert_eq!(read(&twice, ReadLimits::default()), ["one", "two"]);
        let cut = read(&zipped[..zipped.len() / 2], ReadLimits::default());
        assert!(cut.len() > 100 && cut[0] == "row 0", "{}", cut.len());
        assert!(cut.last().unwrap().contains("the log cannot be read: "), "{:?}", cut.last());
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_windows_1252_unless_they_are_no_text() {
        assert_eq!(
            read(b"a\nGer\xe4t \x80\nb\xff\0\nc", ReadLimits::default()),
            ["a", "Ger\u{e4}t \u{20ac}", "line 3: the line is neither UTF-8 nor Windows-1252 text", "c"]
        );
    }

    #[test]
    fn of_a_log_that_may_grow_only_whole_lines_are_read() {
        let limits = ReadLimits::default().with_line_bytes(4);
        for (log, expected) in [
            ("a\nb", &["a"][..]),
            ("a\nb\n", &["a", "b"]),
            ("a\nb\r", &["a", "b"]),
            ("a\n123456", &["a"]),
            ("a\n\0\0\0", &["a"]),
            ("a", &[]),
        ] {
            let mut lines = Lines::new(log.as_bytes(), limits);
            lines.read_only_whole_lines();
            let seen: Vec<_> =
                std::iter::from_fn(|| lines.next_line().map(|line| line.unwrap().into_owned())).collect();
            assert_eq!(seen, expected, "{log:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_ends_the_log() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("disk on fire"))
            }
        }
        let mut lines = Lines::new(b"a\nb".chain(Broken), ReadLimits::default());
        assert_eq!(lines.next_line().unwrap().unwrap(), "a");
        let finding = lines.next_line().unwrap().unwrap_err();
        assert_eq!(finding.to_string(), "line 2: the log cannot be read: disk on fire");
        assert!(lines.next_line().is_none());
    }
}
