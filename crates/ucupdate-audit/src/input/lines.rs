//! Splits bytes into lines, within limits: a line that is too long is skipped, and is not held in memory.

use crate::finding::{Finding, Problem, ReadLimits};
use std::io::{BufRead, BufReader, Read};

pub(crate) struct Lines<R> {
    input: BufReader<R>,
    limits: ReadLimits,
    line: Vec<u8>,
    number: u64,
    left: u64,
    ended: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R, limits: ReadLimits) -> Self {
        let left = limits.log_bytes;
        Self { input: BufReader::new(input), limits, line: Vec::new(), number: 0, left, ended: false }
    }

    pub(crate) fn limits(&self) -> ReadLimits {
        self.limits
    }

    pub(crate) fn set_limits(&mut self, limits: ReadLimits) {
        self.limits = limits;
        self.left = limits.log_bytes;
    }

    /// Returns the finding of a problem in the last line. Reading ends if the problem says so.
    pub(crate) fn finding(&mut self, problem: Problem) -> Finding {
        self.ended |= problem.ends_reading();
        Finding { line: self.number, problem }
    }

    /// Returns the next line that is not blank, without its line end (LF or CR LF). A byte order mark at the start of the
    /// log is skipped.
    pub(crate) fn next_line(&mut self) -> Option<Result<&str, Finding>> {
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
            if !self.text().trim_ascii().is_empty() {
                break;
            }
        }
        let number = self.number;
        Some(std::str::from_utf8(self.text()).map_err(|error| {
            let problem = Problem::NotUtf8 { valid: error.valid_up_to() };
            Finding { line: number, problem }
        }))
    }

    fn text(&self) -> &[u8] {
        let text = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let mark = if self.number == 1 { "\u{feff}".as_bytes() } else { b"" };
        text.strip_prefix(mark).unwrap_or(text)
    }

    /// Reads one line with its end. Returns `false` at the end of the log.
    fn read_line(&mut self) -> Result<bool, Problem> {
        self.line.clear();
        self.read_some()?;
        if self.line.is_empty() {
            return Ok(false);
        }
        if self.line.len() <= self.limits.line_bytes || self.line.ends_with(b"\n") {
            return Ok(true);
        }
        while !self.line.is_empty() && !self.line.ends_with(b"\n") {
            self.line.clear();
            self.read_some()?;
        }
        Err(Problem::LineTooLong { limit: self.limits.line_bytes })
    }

    /// Reads to the end of the line, but at most one byte more than the limit of a line.
    fn read_some(&mut self) -> Result<(), Problem> {
        let most = u64::try_from(self.limits.line_bytes).unwrap_or(u64::MAX).saturating_add(1);
        let most = most.min(self.left.saturating_add(1));
        let read = self.input.by_ref().take(most).read_until(b'\n', &mut self.line);
        let read = u64::try_from(read.map_err(Problem::Unreadable)?).unwrap_or(u64::MAX);
        let Some(left) = self.left.checked_sub(read) else {
            return Err(Problem::LogTooLong { limit: self.limits.log_bytes });
        };
        self.left = left;
        Ok(())
    }
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
    use std::io;

    fn read(log: &[u8], limits: ReadLimits) -> Vec<String> {
        let mut lines = Lines::new(log, limits);
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line() {
            seen.push(line.map_or_else(|finding| finding.to_string(), str::to_owned));
        }
        seen
    }

    #[test]
    fn line_ends_blank_lines_and_a_byte_order_mark_are_no_text() {
        let log = "\u{feff}one\r\n\n \t\r\ntwo\n\u{feff}three";
        assert_eq!(read(log.as_bytes(), ReadLimits::default()), ["one", "two", "\u{feff}three"]);
    }

    #[test]
    fn a_line_too_long_is_passed_over_and_named() {
        let limits = ReadLimits::default().with_line_bytes(4);
        assert_eq!(
            read(b"1234\n12345678901\nabc\n1234", limits),
            ["1234", "line 2: the line has more than 4 bytes", "abc", "1234"]
        );
    }

    #[test]
    fn a_log_too_long_ends_there() {
        let limits = ReadLimits::default().with_log_bytes(6);
        assert_eq!(read(b"abc\nd\n", limits), ["abc", "d"]);
        assert_eq!(read(b"abc\nde\nf\n", limits), ["abc", "line 2: the log has more than 6 bytes"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_a_finding() {
        assert_eq!(
            read(b"a\nb\xff\nc", ReadLimits::default()),
            ["a", "line 2: the line is not UTF-8 after its first 1 bytes", "c"]
        );
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
