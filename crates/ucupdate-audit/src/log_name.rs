//! The names of log files, and the choice of files that are too old to keep.

use std::fmt;
use std::str::FromStr;
use ucupdate_core::value::{FieldTime, ParseError, check_path_part};

/// One of the two logs of a server. Each kind of log has its own folder in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the service keeps these two logs")]
pub enum LogKind {
    /// The audit log: requests of devices and their answers.
    Audit,
    /// The access log of the web server.
    Access,
}

impl LogKind {
    /// Returns the folder of the log in the store, with a slash at its end. A listing of the store
    /// can use it as the prefix of keys.
    ///
    /// The folder of the audit log is the same as in OCS. OCS has no folder for access logs,
    /// because IIS writes these logs.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Audit => "Logs/Server/Audit/imageUpdates/",
            Self::Access => "Logs/Server/Access/",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Audit => "RequestHandlerAuditLog_",
            Self::Access => "",
        }
    }
}

/// The maximum length of a server name in bytes.
pub const MAX_SERVER_NAME_BYTES: usize = 64;

/// The name of a server, as part of the names of its log files.
///
/// The name consists of ASCII letters, digits, `-`, `_` and `.`. The first and the last character
/// are a letter or a digit. A reserved name of Windows, such as `CON`, is not allowed. An
/// underscore is allowed although underscores divide the name of a log file, because the name of a
/// log file is parsed from its end.
///
/// Two servers should not share a name. If they do, each server still writes its own files, with
/// different numbers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerName(Box<str>);

impl ServerName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServerName {
    type Err = ServerNameError;

    /// Reads a server name.
    ///
    /// # Errors
    /// Fails when the text is longer than [`MAX_SERVER_NAME_BYTES`], has another character, or is
    /// not a valid part of a path.
    fn from_str(text: &str) -> Result<Self, ServerNameError> {
        check_path_part(text).map_err(|cause| ServerNameError::Path { cause })?;
        if text.len() > MAX_SERVER_NAME_BYTES {
            return Err(ServerNameError::TooLong { found: text.len() });
        }
        if let Some(found) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(*c))) {
            return Err(ServerNameError::Character { found });
        }
        let at_edge = |c: char| c.is_ascii_alphanumeric();
        if !(text.starts_with(at_edge) && text.ends_with(at_edge)) {
            return Err(ServerNameError::Edge);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerName({self})")
    }
}

/// Error of reading a [`ServerName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum ServerNameError {
    #[error("server name {}", cause.problem())]
    Path { cause: ParseError },
    #[error("server name has {found} bytes, expected at most {MAX_SERVER_NAME_BYTES}")]
    TooLong { found: usize },
    #[error("server name holds {found:?}, expected ASCII letters, digits, `-`, `_` and `.`")]
    Character { found: char },
    #[error("server name does not begin and end with a letter or digit")]
    Edge,
}

/// The day of a log file, `yyyy-MM-dd`.
///
/// ```
/// use ucupdate_audit::LogDate;
/// let date: LogDate = "2009-03-06".parse().unwrap();
/// assert_eq!((date.to_string().as_str(), date.days_since("2009-02-28".parse().unwrap())), ("2009-03-06", 6));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogDate(FieldTime);

impl LogDate {
    /// Returns the day of a civil time (a date and a time of day).
    pub fn of(civil: FieldTime) -> Self {
        let date = (civil.year(), civil.month(), civil.day());
        Self(FieldTime::new(date, (0, 0, 0)).unwrap_or(civil))
    }

    /// Returns the time `time` of this day. `None` if `time` is not a time in the form `HH:mm:ss`.
    pub(crate) fn at(self, time: &str) -> Option<FieldTime> {
        let [h0, h1, b':', m0, m1, b':', s0, s1] = *time.as_bytes() else { return None };
        let two = |tens: u8, ones: u8| {
            (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + ones - b'0')
        };
        let date = (self.0.year(), self.0.month(), self.0.day());
        FieldTime::new(date, (two(h0, h1)?, two(m0, m1)?, two(s0, s1)?))
    }

    /// Returns the number of days from `other` to this day. The number is negative if this day is earlier.
    pub fn days_since(self, other: Self) -> i64 {
        (self.0.as_utc().as_seconds() - other.0.as_utc().as_seconds()) / 86_400
    }
}

impl FromStr for LogDate {
    type Err = LogDateError;

    /// Reads `yyyy-MM-dd`.
    ///
    /// # Errors
    /// Fails when the text has another form, or is not a day in the years 1601 to 9999.
    fn from_str(text: &str) -> Result<Self, LogDateError> {
        let mut parts = text.split('-');
        let mut digits = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length)?;
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u16>().ok())?
        };
        let (Some(year), Some(month), Some(day)) = (digits(4), digits(2), digits(2)) else {
            return Err(LogDateError);
        };
        if parts.next().is_some() {
            return Err(LogDateError);
        }
        let small = |value: u16| u8::try_from(value).map_err(|_| LogDateError);
        FieldTime::new((year, small(month)?, small(day)?), (0, 0, 0)).map(Self).ok_or(LogDateError)
    }
}

impl fmt::Display for LogDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl fmt::Debug for LogDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogDate({self})")
    }
}

/// Error of reading a [`LogDate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a day as yyyy-MM-dd, in the years 1601 to 9999")]
pub struct LogDateError;

/// The name of a log file: the kind of log, the server, the day, and the number among the files of that day.
///
/// ```
/// use ucupdate_audit::{LogKind, LogName};
/// let key = "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_ocs_2009-03-06_2.log";
/// let name: LogName = key.parse().unwrap();
/// assert_eq!((name.kind, name.server.as_str(), name.number), (LogKind::Audit, "ocs", 2));
/// assert_eq!(name.to_string(), key);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogName {
    /// The kind of log that the file belongs to. It determines the folder.
    pub kind: LogKind,
    /// The server that writes the log.
    pub server: ServerName,
    /// The day of the rows. The file may also have late rows of the day before.
    pub date: LogDate,
    /// The number of the file on that day, counted from 1. The name of the first file has no
    /// number, and the name of the second file ends in `_2`. `Display` writes the number 0 like 1.
    pub number: u32,
}

/// The kinds of files that a log can have in the store. Their names differ only in the ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the readers of logs know these three files")]
pub enum LogFile {
    /// The log as a server writes it, `.log`.
    Plain,
    /// The log after a person compressed it, `.log.gz`.
    Gzip,
    /// A file with the name of the time zone of an audit log, `.zone`. The zone applies to the
    /// plain and to the compressed log.
    Zone,
}

impl LogFile {
    /// Returns the name of the log that a key belongs to, and the kind of file that the key names.
    /// `None` if the key does not belong to a log of this service.
    ///
    /// ```
    /// use ucupdate_audit::LogFile;
    /// let (log, file) = LogFile::of("Logs/Server/Access/ocs_2009-03-06_2.log.gz").unwrap();
    /// assert_eq!((log.number, file), (2, LogFile::Gzip));
    /// ```
    pub fn of(key: &str) -> Option<(LogName, Self)> {
        let (log, file) = if let Some(log) = key.strip_suffix(".gz") {
            (log.parse(), Self::Gzip)
        } else if let Some(stem) = key.strip_suffix(".zone") {
            (format!("{stem}.log").parse(), Self::Zone)
        } else {
            (key.parse(), Self::Plain)
        };
        let log: LogName = log.ok()?;
        (file != Self::Zone || log.kind == LogKind::Audit).then_some((log, file))
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}_{}", self.kind.folder(), self.kind.prefix(), self.server, self.date)?;
        if self.number > 1 {
            write!(f, "_{}", self.number)?;
        }
        f.write_str(".log")
    }
}

impl FromStr for LogName {
    type Err = LogNameError;

    /// Parses a whole key, including the folder. Only the exact form that `Display` writes is
    /// accepted.
    ///
    /// # Errors
    /// Fails when the key is not the name of a log of this service.
    fn from_str(key: &str) -> Result<Self, LogNameError> {
        let (kind, file) = [LogKind::Audit, LogKind::Access]
            .into_iter()
            .find_map(|kind| Some((kind, key.strip_prefix(kind.folder())?.strip_prefix(kind.prefix())?)))
            .ok_or(LogNameError::Folder)?;
        let stem = file.strip_suffix(".log").ok_or(LogNameError::Form)?;
        let (mut rest, mut last) = stem.rsplit_once('_').ok_or(LogNameError::Form)?;
        let mut number = 1;
        if let Some(shown) = file_number(last) {
            number = shown;
            (rest, last) = rest.rsplit_once('_').ok_or(LogNameError::Form)?;
        }
        let date = last.parse().map_err(|_| LogNameError::Form)?;
        let server = rest.parse().map_err(|cause| LogNameError::Server { cause })?;
        Ok(Self { kind, server, date, number })
    }
}

/// Reads the number of a file from its name: 2 or more, without leading zeros.
fn file_number(text: &str) -> Option<u32> {
    let plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| plain && *number > 1)
}

/// Error of reading a [`LogName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum LogNameError {
    #[error("the key is not in the folder of a log")]
    Folder,
    #[error("the file name does not end in _<yyyy-MM-dd>.log or _<yyyy-MM-dd>_<number>.log")]
    Form,
    #[error("{cause}")]
    Server { cause: ServerNameError },
}

/// The number of days for which logs are kept: 1 to 365, as in OCS. The default is 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetentionDays(u16);

impl RetentionDays {
    /// Returns a number of days. `None` if the number is not within 1 to 365.
    pub const fn new(days: u16) -> Option<Self> {
        if matches!(days, 1..=365) { Some(Self(days)) } else { None }
    }

    /// Returns the number of days, from 1 to 365.
    pub const fn days(self) -> u16 {
        self.0
    }
}

impl Default for RetentionDays {
    /// Returns 10 days, as in OCS.
    fn default() -> Self {
        Self(10)
    }
}

/// Returns the keys that name [log files](LogFile) more than `keep` days older than `today`. Logs
/// of both kinds and of all servers are included.
///
/// Keys that do not name a log file, and logs of later days, are never returned.
///
/// ```
/// use ucupdate_audit::{RetentionDays, expired};
/// let keys = ["Logs/Server/Access/ocs_2009-03-06.log", "Logs/Server/Access/ocs_2009-03-07_2.log", "notes.txt"];
/// let old = expired(keys, "2009-03-17".parse().unwrap(), RetentionDays::default());
/// assert_eq!(old, ["Logs/Server/Access/ocs_2009-03-06.log"]);
/// ```
pub fn expired<'a>(
    keys: impl IntoIterator<Item = &'a str>,
    today: LogDate,
    keep: RetentionDays,
) -> Vec<&'a str> {
    let is_expired =
        |key: &str| LogFile::of(key).is_some_and(|(name, _)| today.days_since(name.date) > i64::from(keep.0));
    keys.into_iter().filter(|key| is_expired(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn refused<T: FromStr<Err: fmt::Display> + fmt::Debug>(text: &str, message: &str) {
        assert_eq!(text.parse::<T>().unwrap_err().to_string(), message, "{text:?}");
    }

    #[test]
    fn a_server_name_is_safe_in_a_path_and_says_why_it_is_not() {
        for name in ["ocs", "OCS-01.demo.local", "a_b", "x_2009-03-06", "1"] {
            assert_eq!(name.parse::<ServerName>().unwrap().as_str(), name);
        }
        refused::<ServerName>("", "server name is blank");
        refused::<ServerName>(
            "..",
            "server name contains '.' at byte 1, expected no blank at either end and no full stop at the end",
        );
        refused::<ServerName>(
            "a/b",
            "server name contains '/' at byte 1, expected characters that a file name may have on every system",
        );
        refused::<ServerName>("CON.x", "server name is reserved on Windows, expected another name");
        refused::<ServerName>(
            "a b",
            "server name holds ' ', expected ASCII letters, digits, `-`, `_` and `.`",
        );
        refused::<ServerName>("-a", "server name does not begin and end with a letter or digit");
        refused::<ServerName>(&"x".repeat(65), "server name has 65 bytes, expected at most 64");
    }

    #[test]
    fn only_what_is_written_is_read_as_a_log_name() {
        let access = |file: &str| format!("Logs/Server/Access/{file}");
        let form = "the file name does not end in _<yyyy-MM-dd>.log or _<yyyy-MM-dd>_<number>.log";
        refused::<LogName>("images/ocs_2009-03-06.log", "the key is not in the folder of a log");
        for file in [
            "ocs.log",
            "ocs_2009-03-06.txt",
            "ocs_2009-02-29.log",
            "ocs_09-3-6.log",
            "ocs_2009-03-06_1.log",
            "ocs_2009-03-06_02.log",
            "ocs_2009-03-06_4294967296.log",
        ] {
            refused::<LogName>(&access(file), form);
        }
        refused::<LogName>(&access("_2009-03-06.log"), "server name is blank");
    }

    #[test]
    fn an_underscore_in_a_server_name_is_no_ambiguity() {
        let name: LogName = "Logs/Server/Access/x_2009-03-06_7_2010-01-01_3.log".parse().unwrap();
        assert_eq!(
            (name.server.as_str(), name.date.to_string().as_str(), name.number),
            ("x_2009-03-06_7", "2010-01-01", 3)
        );
    }

    #[test]
    fn a_log_has_three_files_and_all_expire_together() {
        let log = "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_ocs_2009-03-06_2";
        let keys = [".log", ".log.gz", ".zone"].map(|ending| format!("{log}{ending}"));
        let files = keys.each_ref().map(|key| LogFile::of(key).unwrap());
        assert_eq!(files.each_ref().map(|(_, file)| *file), [LogFile::Plain, LogFile::Gzip, LogFile::Zone]);
        assert!(files.iter().all(|(name, _)| name.to_string() == keys[0]));
        let others =
            [".log.gz.gz", ".log.zone", ".gz", ".zone.gz", ".log.bz2"].map(|ending| format!("{log}{ending}"));
        for other in others.iter().map(String::as_str).chain(["Logs/Server/Access/ocs_2009-03-06.zone"]) {
            assert_eq!(LogFile::of(other), None, "{other}");
        }
        let all = keys.iter().chain(&others).map(String::as_str);
        let old = expired(all, "2009-03-17".parse().unwrap(), RetentionDays::default());
        assert_eq!(old, keys);
    }

    #[test]
    fn logs_are_kept_so_many_days_and_those_of_tomorrow_for_now() {
        let key = |day: &str| format!("Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_ocs_{day}.log");
        let keys = [key("2009-03-05"), key("2009-03-06"), key("2009-03-08"), key("1999-01-01")];
        let keys = keys.iter().map(String::as_str);
        let old = expired(keys, "2009-03-07".parse().unwrap(), RetentionDays::new(1).unwrap());
        assert_eq!(old, [key("2009-03-05"), key("1999-01-01")]);
        assert_eq!((RetentionDays::new(0), RetentionDays::new(366)), (None, None));
        assert_eq!(RetentionDays::new(365).map(RetentionDays::days), Some(365));
    }

    proptest! {
        #[test]
        fn a_name_that_is_read_is_written_the_same(
            server in "[a-z0-9](_[0-9]{4}-[0-9]{2}-[0-9]{2}|_[0-9]|[a-z._-]){0,3}[a-z0-9]",
            number in 1..30_u32,
            audit in any::<bool>(),
        ) {
            let kind = if audit { LogKind::Audit } else { LogKind::Access };
            let date = "2009-03-06".parse().unwrap();
            let name = LogName { kind, server: server.parse().unwrap(), date, number };
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }
    }
}
