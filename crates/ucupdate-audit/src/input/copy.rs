//! [`GzipCopy`]: the comparison of a log with its compressed copy.

use super::unzip::Unzip;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read};

/// The relation of a log to the compressed log with the same name.
///
/// ```
/// use ucupdate_audit::GzipCopy;
/// assert!(matches!(GzipCopy::compare(b"a\nb\n", &b"a\n"[..]), GzipCopy::InLog));
/// assert!(matches!(GzipCopy::compare(b"a\nb\n", &b"c\n"[..]), GzipCopy::Different));
/// ```
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "two texts have no other relation")]
pub enum GzipCopy {
    /// The log begins with the whole content of the compressed log. The compressed log has no other
    /// rows.
    InLog,
    /// The compressed log begins with the whole content of the log, and is longer or cannot be read
    /// further. The log has no other rows.
    InCopy,
    /// The contents differ: neither is the beginning of the other.
    Different,
    /// The compressed log can be read only in part, and the log begins with this part.
    Undecided {
        /// The number of the line that cannot be read, counted from 1.
        line: u64,
        /// The reason why the compressed log cannot be read.
        error: io::Error,
    },
}

impl GzipCopy {
    /// Compares a log with the compressed bytes of its copy. Decompresses at most one buffer more
    /// than the length of the log.
    pub fn compare(log: &[u8], copy: impl Read) -> Self {
        let mut copy = BufReader::new(Unzip::new(copy));
        let mut left = log;
        loop {
            let bytes = match copy.fill_buf() {
                Ok([]) => return Self::InLog,
                Ok(_) | Err(_) if left.is_empty() => return Self::InCopy,
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    let same = &log[..log.len() - left.len()];
                    let ends = memchr::memchr_iter(b'\n', same).count();
                    return Self::Undecided {
                        line: u64::try_from(ends).unwrap_or(u64::MAX).saturating_add(1),
                        error,
                    };
                }
            };
            let length = bytes.len().min(left.len());
            if bytes[..length] != left[..length] {
                return Self::Different;
            }
            left = &left[length..];
            copy.consume(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::gzip;

    #[test]
    fn a_copy_is_told_apart_from_other_rows_wherever_they_begin() {
        let rows = if cfg!(miri) { 60 } else { 4000 };
        let text: String = (0..rows).map(|number| format!("row {number}\n")).collect();
        let text = text.as_bytes();
        let cuts = [0, 1, 6, 8191, 8192, 8193, text.len() - 1];
        for cut in cuts.into_iter().filter(|cut| *cut < text.len()) {
            assert!(matches!(GzipCopy::compare(text, &*gzip(&text[..cut])), GzipCopy::InLog), "{cut}");
            assert!(matches!(GzipCopy::compare(&text[..cut], &*gzip(text)), GzipCopy::InCopy), "{cut}");
            let mut other = text.to_vec();
            other[cut] ^= 1;
            assert!(matches!(GzipCopy::compare(text, &*gzip(&other)), GzipCopy::Different), "{cut}");
        }
        assert!(matches!(GzipCopy::compare(text, &*gzip(text)), GzipCopy::InLog));
        let zipped = gzip(text);
        let GzipCopy::Undecided { line, .. } = GzipCopy::compare(text, &zipped[..zipped.len() / 2]) else {
            panic!("a copy that ends early cannot be compared")
        };
        assert!((rows / 40..rows).contains(&line), "{line}");
    }
}
