//! [`Capture`]: one body that was kept, and its form in the store.
//!
//! An object consists of one line of JSON, which is the head, and the bytes of the body.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use ucupdate_audit::ServerName;
use ucupdate_core::value::{FieldTime, Sha256Digest, UnixTime};
use ucupdate_store::StoreKey;
use ucupdate_upx::LogForm;

pub(crate) const CAPTURES: &str = "Logs/Client/";

/// The version of the format of the head.
const FORMAT: u32 = 1;

/// The largest size of a head in bytes.
pub(crate) const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The largest size in bytes of the stored reason and of the stored host.
const MAX_TEXT_BYTES: usize = 1024;

/// The kind of a capture. It is the name of a folder below `Logs/Client/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CaptureKind {
    /// The body of a request that is neither an update request nor a device log.
    Unreadable,
    /// A device log as a multipart form.
    Multipart,
    /// A device log as a cabinet.
    Cabinet,
    /// A device log as a zip archive.
    Zip,
    /// A device log as a gzip stream.
    Gzip,
}

impl CaptureKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Unreadable, Self::Multipart, Self::Cabinet, Self::Zip, Self::Gzip];

    /// Returns the name of the folder: `Unreadable`, `Multipart`, `Cabinet`, `Zip` or `Gzip`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "Unreadable",
            Self::Multipart => "Multipart",
            Self::Cabinet => "Cabinet",
            Self::Zip => "Zip",
            Self::Gzip => "Gzip",
        }
    }

    pub(crate) fn folder(self) -> String {
        format!("{CAPTURES}{}/", self.name())
    }

    /// Returns the kind for this form of a device log. `None` if the form has no kind.
    pub(crate) fn of_log(form: LogForm) -> Option<Self> {
        match form {
            LogForm::Multipart => Some(Self::Multipart),
            LogForm::Cabinet => Some(Self::Cabinet),
            LogForm::Zip => Some(Self::Zip),
            LogForm::Gzip => Some(Self::Gzip),
            _ => None,
        }
    }
}

impl fmt::Display for CaptureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The id of a capture: the server, the time in UTC, and the start of the SHA-256 of the body, such as
/// `ocs01_20090306T171039Z_1f2e3d4c`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaptureId {
    server: ServerName,
    at: UnixTime,
    text: Box<str>,
}

/// Error of parsing the id of a capture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{id}` is not the id of a capture, expected the form ocs01_20090306T171039Z_1f2e3d4c")]
pub struct CaptureIdError {
    id: Box<str>,
}

impl CaptureId {
    pub(crate) fn new(server: &ServerName, at: UnixTime, sha256: &Sha256Digest) -> Self {
        let at = UnixTime::from_seconds(at.as_seconds());
        // The time is that of the ISO form `2009-03-06T17:10:39`, without `-` and `:`.
        let time: String = at.to_string().chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        let text = format!("{server}_{time}Z_{}", &sha256.to_string()[..8]);
        Self { server: server.clone(), at, text: text.into() }
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the server that kept the body.
    pub fn server(&self) -> &ServerName {
        &self.server
    }

    /// Returns the time at which the request was answered, in whole seconds.
    pub fn at(&self) -> UnixTime {
        self.at
    }

    pub(crate) fn key(&self, kind: CaptureKind) -> Option<StoreKey> {
        StoreKey::parse(&format!("{}{}.capture", kind.folder(), self.text)).ok()
    }

    /// Returns the id of the capture with this key. `None` if the key has another form.
    pub(crate) fn of_key(key: &StoreKey) -> Option<Self> {
        key.as_str().rsplit('/').next()?.strip_suffix(".capture")?.parse().ok()
    }
}

impl FromStr for CaptureId {
    type Err = CaptureIdError;

    fn from_str(id: &str) -> Result<Self, CaptureIdError> {
        parse(id).ok_or_else(|| CaptureIdError { id: id.chars().take(100).collect::<String>().into() })
    }
}

fn parse(id: &str) -> Option<CaptureId> {
    let (rest, digest) = id.rsplit_once('_')?;
    let (server, time) = rest.rsplit_once('_')?;
    if digest.len() != 8 || !digest.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let is_number =
        |text: &str, digits| text.len() == digits && text.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(date, 8) || !is_number(clock, 6) {
        return None;
    }
    let two = |text: &str, at: usize| text[at..at + 2].parse::<u8>().ok();
    let date = (date[..4].parse().ok()?, two(date, 4)?, two(date, 6)?);
    let at = FieldTime::new(date, (two(clock, 0)?, two(clock, 2)?, two(clock, 4)?))?.as_utc();
    Some(CaptureId { server: server.parse().ok()?, at, text: id.into() })
}

impl fmt::Display for CaptureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// A body that was kept, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capture {
    /// The id. It is unique among the captures of one kind.
    pub id: CaptureId,
    /// Whether the body is a request or a device log, and the form of a log.
    pub kind: CaptureKind,
    /// The address of the device. It is empty if the server did not know it.
    pub host: Box<str>,
    /// The reason why the request could not be read. It is empty for a device log.
    pub reason: Box<str>,
    /// The size of the body in bytes, as it was received. If the body was longer than
    /// [`CaptureOptions::with_bytes`](crate::CaptureOptions::with_bytes) allows, fewer bytes were kept.
    pub bytes: u64,
}

/// An object in a folder of captures that has the name of a capture, but cannot be read as one. It
/// is damaged, or it is a link, a pipe or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadableCapture {
    /// The key of the object.
    pub key: String,
    /// The time in the name. `None` if the name is not the id of a capture.
    pub at: Option<UnixTime>,
    /// The reason as a part of a sentence, such as `has no head, expected a line of JSON`.
    pub what: String,
}

/// Returns whether a key has the ending of captures.
pub(crate) fn is_capture(key: &str) -> bool {
    key.ends_with(".capture")
}

#[derive(Deserialize, Serialize)]
struct CaptureHead<'a> {
    format: u32,
    #[serde(borrow)]
    at: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    host: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    reason: std::borrow::Cow<'a, str>,
    bytes: u64,
}

/// Returns the object of a capture: its head and at most `most` bytes of the body.
pub(crate) fn write(at: UnixTime, host: &str, reason: &str, body: &[u8], most: usize) -> Bytes {
    let head = CaptureHead {
        format: FORMAT,
        at: at.to_string().into(),
        host: cut(host).into(),
        reason: cut(reason).into(),
        bytes: body.len() as u64,
    };
    let mut object = serde_json::to_vec(&head).unwrap_or_default();
    object.push(b'\n');
    object.extend_from_slice(&body[..body.len().min(most)]);
    object.into()
}

/// Reads the head of an object. Returns the capture and the offset of its body, or the reason why the object cannot be
/// read.
pub(crate) fn read(id: CaptureId, kind: CaptureKind, object: &[u8]) -> Result<(Capture, usize), String> {
    let end = object.iter().take(MAX_HEAD_BYTES).position(|byte| *byte == b'\n');
    let end = end.ok_or_else(|| "has no head, expected a line of JSON".to_owned())?;
    let head: CaptureHead<'_> =
        serde_json::from_slice(&object[..end]).map_err(|error| format!("has an invalid head: {error}"))?;
    if head.format != FORMAT {
        return Err(format!("has format {}, this program reads format {FORMAT}", head.format));
    }
    let (host, reason) = (head.host.into(), head.reason.into());
    Ok((Capture { id, kind, host, reason, bytes: head.bytes }, end + 1))
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_and_other_texts_are_not_ids() {
        let server: ServerName = "ocs_01".parse().unwrap();
        let at = UnixTime::from_seconds(1_236_359_439);
        let id = CaptureId::new(&server, at, &Sha256Digest::of(b"x"));
        assert_eq!(id.as_str(), "ocs_01_20090306T171039Z_2d711642");
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        let key = id.key(CaptureKind::Unreadable).unwrap();
        assert_eq!(key.as_str(), "Logs/Client/Unreadable/ocs_01_20090306T171039Z_2d711642.capture");
        assert_eq!(CaptureId::of_key(&key), Some(id));
        for other in [
            "",
            "ocs",
            "ocs_20090306T171039Z",
            "ocs_20091306T171039Z_2d711642",
            "ocs_20090306T171039Z_2D711642",
            "ocs_20090306T1710é9Z_2d711642",
            "../x_20090306T171039Z_2d711642",
        ] {
            assert!(other.parse::<CaptureId>().is_err(), "{other}");
        }
    }

    #[test]
    fn a_capture_is_read_back_and_a_long_body_is_cut() {
        let id: CaptureId = "ocs_20090306T171039Z_2d711642".parse().unwrap();
        let long = "é".repeat(MAX_TEXT_BYTES);
        let object = write(id.at(), "10.1.1.9", &long, b"line\nand more", 6);
        let (capture, body) = read(id.clone(), CaptureKind::Unreadable, &object).unwrap();
        assert_eq!((&*capture.host, capture.bytes, capture.reason.len()), ("10.1.1.9", 13, MAX_TEXT_BYTES));
        assert_eq!(&object[body..], b"line\na");
        for (other, reason) in [
            (&b"no head"[..], "has no head"),
            (b"{}\n", "has an invalid head"),
            (
                br#"{"format":2,"at":"","host":"","reason":"","bytes":0}
"#,
                "has format 2, this program reads format 1",
            ),
        ] {
            let error = read(id.clone(), CaptureKind::Unreadable, other).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
