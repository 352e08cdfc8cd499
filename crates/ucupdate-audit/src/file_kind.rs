//! [`FileKind`]: the kind of a file, judged by its first bytes.

use crate::audit::header::is_audit_line;
use crate::finding::ReadLimits;
use crate::input::lines::Lines;
use std::fmt;

/// The kind of a file, judged by its first bytes. Programs use the kind to find logs among other
/// files, and to explain why a file has no rows.
///
/// ```
/// use ucupdate_audit::FileKind;
/// let kind = FileKind::of(b"#Software: Microsoft Internet Information Services 7.0\n#Version: 1.0\n");
/// assert_eq!(kind, FileKind::AccessLog);
/// assert_eq!(FileKind::of(b"PK\x03\x04").to_string(), "a zip archive or an Excel workbook");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// A file without content, or with blank lines only.
    Empty,
    /// An audit log of any edition.
    AuditLog,
    /// An access log in the W3C extended form.
    AccessLog,
    /// A log of a web server in another form than W3C.
    OtherWebLog,
    /// A file of another known kind. The text names the kind, such as `a PDF document`.
    Other(&'static str),
    /// Text of an unknown kind.
    Text,
    /// Bytes that are neither text nor of a known kind.
    Binary,
    /// A link, a pipe or a folder in place of a file. [`FileKind::of`] never returns this kind.
    /// Programs set this kind themselves, because they do not open anything but files.
    NoFile,
    /// A file that a program does not read, because it is too large. [`FileKind::of`] never returns
    /// this kind.
    TooLarge {
        /// The size of the file in bytes.
        found: u64,
        /// The largest size that is read, in bytes.
        limit: u64,
    },
}

/// The first bytes of other kinds of files, each with the name of the kind.
const BEGINNINGS: [(&[u8], &str); 13] = [
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"MSCF", "a cabinet"),
    (b"MZ", "a Windows program"),
    (b"ElfFile\0", "a Windows event log"),
    (b"%PDF", "a PDF document"),
    (b"\xd4\xc3\xb2\xa1", "a network capture"),
    (b"\x0a\x0d\x0d\x0a", "a network capture"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"BZh", "a file compressed by bzip2"),
    (b"\xfd7zXZ\0", "a file compressed by xz"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd"),
    (b"SQLite format 3\0", "a SQLite database"),
];

/// The largest number of lines that [`FileKind::of`] examines. Blank lines are not counted.
const LINES: usize = 16;

impl FileKind {
    /// Returns the kind of a file that begins with `bytes`. The file may be compressed by gzip. A
    /// few hundred bytes are enough.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::Empty;
        }
        if let Some((_, name)) = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)) {
            return Self::Other(name);
        }
        let mut lines = Lines::new(bytes, ReadLimits::default());
        let (mut first, mut is_binary) = (None, false);
        for _ in 0..LINES {
            match lines.next_line() {
                Some(Ok(line)) if is_audit_line(&line) => return Self::AuditLog,
                Some(Ok(line)) if is_w3c(&line) => return Self::AccessLog,
                Some(Ok(line)) => {
                    is_binary |= line.contains('\0');
                    first = first.or_else(|| Some(of_text(&line)));
                }
                Some(Err(_)) => is_binary = true,
                None => break,
            }
        }
        match first {
            _ if is_binary => Self::Binary,
            Some(kind) => kind,
            None => Self::Empty,
        }
    }
}

/// Returns `true` if a line is a directive of a W3C extended log.
fn is_w3c(line: &str) -> bool {
    let starts = |name: &&str| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    ["#Fields:", "#Software:", "#Version:", "#Start-Date:"].iter().any(starts)
}

/// Returns the kind of a text, judged by its first line.
fn of_text(line: &str) -> FileKind {
    let line = line.trim_start();
    let is_html = ["<!doctype html", "<html"]
        .iter()
        .any(|tag| line.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)));
    match line {
        _ if is_html => FileKind::Other("an HTML page"),
        _ if line.starts_with('<') => FileKind::Other("an XML document"),
        _ if line.starts_with(['{', '[']) && !line.contains("] \"") => FileKind::Other("a JSON document"),
        _ if line.contains("] \"") || line.matches(", ").count() >= 12 => FileKind::OtherWebLog,
        _ => FileKind::Text,
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge { found, limit } => {
                return write!(f, "a file of {found} bytes, which is not read; expected at most {limit}");
            }
            Self::Empty => "an empty file",
            Self::AuditLog => "an audit log",
            Self::AccessLog => "a W3C access log of a web server",
            Self::OtherWebLog => "a log of a web server that is not in the W3C form",
            Self::Other(name) => name,
            Self::Text => "text without a header of a log",
            Self::Binary => "binary data",
            Self::NoFile => "a link, a pipe or a folder, which is not read",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_fields_logs_and_other_files_are_told_apart() {
        assert_eq!(
            FileKind::of(&fixture::vector("RequestHandlerAuditLog_2009-03-06.log")),
            FileKind::AuditLog
        );
        for name in ["iis-2009-03-06.log", "iis-500.log"] {
            assert_eq!(FileKind::of(&fixture::vector(name)), FileKind::AccessLog);
        }
        let apache =
            b"10.1.1.9 - - [06/Mar/2009:17:07:20 +0000] \"POST /RequestHandler/ucdevice.upx HTTP/1.1\" 200 0";
        let native = b"10.1.1.9, -, 03/06/2009, 7:55:20, W3SVC2, S, 10.1.1.5, 4502, 163, 3223, 200, 0, GET, /a.gif, -,";
        for (bytes, shown) in [
            (&b""[..], "an empty file"),
            (b"\n\n", "an empty file"),
            (b"MSCF\0", "a cabinet"),
            (b"<!DOCTYPE html>", "an HTML page"),
            (b"<?xml version=\"1.0\"?>", "an XML document"),
            (b"{\"a\": 1}", "a JSON document"),
            (apache, "a log of a web server that is not in the W3C form"),
            (native, "a log of a web server that is not in the W3C form"),
            (b"lorem ipsum", "text without a header of a log"),
            (b"\x00\x01\x02\xff\xfe\x00", "binary data"),
            (b"sep=;\n\"Logging DateTime\";Model\n", "an audit log"),
        ] {
            assert_eq!(FileKind::of(bytes).to_string(), shown, "{bytes:?}");
        }
    }
}
