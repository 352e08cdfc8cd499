//! The stored forms: JSON documents that begin with the version of their format. A newer format is refused with its
//! number.

use crate::keys;
use crate::state::recorded_command::{RecordedCommand, StoredCommand};
use semver::Version;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use ucupdate_core::book::{
    BookChange, BookCommand, Delta, Group, IngestedPackage, PackageEntries, RuleEntries, SteppingStone,
};
use ucupdate_core::device::KindPattern;
use ucupdate_core::value::{Sha256Digest, Sha256Hasher, UnixTime};
use ucupdate_core::{FirmwareVersion, RuleBook};

/// The newest format that this program writes and reads. Format 1.1 added groups, rollouts, pins, holds and stops. A
/// program that does not know them must not treat a rollout as an approval. Format 1.2 added [seals](write_sealed).
///
/// Format 1.3 added bans, aliases, version schemes and remembered rejections. Format 1.4 added version schemes of
/// patterns, and pending and rejected interim images. A document is written in the oldest format that can express it,
/// so that older programs can read it.
const FORMAT: Version = Version::new(1, 4, 0);

/// The newest format without version schemes of patterns and pending interim images.
const BEFORE_SCHEMES_OF_PATTERNS: Version = Version::new(1, 3, 0);

/// The newest format without bans.
const BEFORE_BANS: Version = Version::new(1, 2, 0);

/// Returns the oldest format that can express a revision.
pub(crate) fn oldest_format(command: &RecordedCommand, delta: &Delta) -> Version {
    let of_command = match command {
        RecordedCommand::Book(
            BookCommand::PutScheme(_)
            | BookCommand::RemoveScheme(_)
            | BookCommand::ApproveInterim { .. }
            | BookCommand::RejectInterim { .. }
            | BookCommand::ReplaceStone { .. },
        ) => FORMAT,
        RecordedCommand::Book(
            BookCommand::ApproveVersion { .. }
            | BookCommand::Unreject { .. }
            | BookCommand::Ban(_)
            | BookCommand::LiftBan(_)
            | BookCommand::PutAlias(_)
            | BookCommand::RemoveAlias(_),
        ) => BEFORE_SCHEMES_OF_PATTERNS,
        RecordedCommand::Book(_) | RecordedCommand::RollBackTo(_) | RecordedCommand::Rebuild(_) => {
            BEFORE_BANS
        }
    };
    of_command.max(format_of(delta))
}

/// Returns the oldest format that can express a delta.
fn format_of(delta: &Delta) -> Version {
    let mut settings = delta.settings.iter();
    let mut interim = delta.interim.iter().filter_map(|entry| entry.now.as_ref());
    if settings.clone().any(|settings| !settings.schemes.is_empty())
        || interim.any(|rule| !rule.is_only_approved())
    {
        return FORMAT;
    }
    let mut rules = delta.rules.iter().filter_map(|entry| entry.now.as_ref());
    let has_new = !delta.bans.is_empty()
        || !delta.aliases.is_empty()
        || rules.any(|rule| !rule.rejected().is_empty() || !rule.policy().scheme.is_dotnet())
        || settings.any(|settings| settings.stones.iter().any(is_new_stone))
        || delta.groups.iter().filter_map(|entry| entry.now.as_ref()).any(has_new_range);
    if has_new { BEFORE_SCHEMES_OF_PATTERNS } else { BEFORE_BANS }
}

/// Returns whether format 1.2 cannot express the range of installed versions of a group.
fn has_new_range(group: &Group) -> bool {
    let predicate = group.predicate.as_ref();
    predicate.and_then(|predicate| predicate.installed.as_ref()).is_some_and(|range| !range.is_dotnet())
}

/// Returns whether format 1.2 cannot express a stone: its kinds of devices, or a version that is
/// not in the scheme of .NET.
fn is_new_stone(stone: &SteppingStone) -> bool {
    let is_dotnet = |version: &FirmwareVersion| version.as_str().parse::<FirmwareVersion>().is_ok();
    is_new_pattern(&stone.kind) || !is_dotnet(&stone.below) || !is_dotnet(&stone.by)
}

/// Returns whether format 1.2 cannot express the kinds of a stone. That format has one device type, and at most one
/// vendor, model and hardware revision. It would ignore a locale, and send devices of all locales over the stone.
fn is_new_pattern(kind: &KindPattern) -> bool {
    kind.device_type.len() != 1
        || !kind.locale.is_empty()
        || kind.texts().into_array().iter().any(|word| word.len() > 1)
}

/// The first format in which revisions and descriptions of packages are sealed.
const SEALED_SINCE: Version = Version::new(1, 2, 0);

/// One revision of the rule book: the command, and the new state of the changed entries.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct RevisionDocument {
    pub(crate) format: Version,
    pub(crate) revision: u64,
    /// A random number. After an unclear answer, a writer uses it to recognise its own revision.
    pub(crate) change: ChangeId,
    /// The SHA-256 of the revision before. For the first revision it is the SHA-256 of an empty text.
    pub(crate) previous: Sha256Digest,
    pub(crate) at: UnixTime,
    pub(crate) author: String,
    pub(crate) command: RecordedCommand,
    /// The notes about the change, one sentence each.
    pub(crate) notes: Vec<String>,
    /// The digest of the rule book after this revision, in the revisions that get a checkpoint. Older programs wrote none,
    /// and ignore it.
    #[serde(default)]
    pub(crate) book_sha256: Option<Sha256Digest>,
    pub(crate) delta: Delta,
}

impl RevisionDocument {
    /// Returns whether the format of the revision has seals. [`check_seal`] refuses a revision of
    /// such a format without a seal.
    pub(crate) fn is_sealed(&self) -> bool {
        self.format >= SEALED_SINCE
    }

    /// Checks that this revision may follow another one: it contains the SHA-256 of that one, and
    /// is sealed if `is_sealed` says that an earlier revision is. `before` is `None` if the
    /// revision before is missing or damaged, so that its digest is not known.
    pub(crate) fn check_follows(
        &self,
        before: Option<Sha256Digest>,
        is_sealed: bool,
    ) -> Result<(), DocumentError> {
        let key = || keys::revision(self.revision).to_string();
        if is_sealed && !self.is_sealed() {
            return Err(DocumentError::SealMissing { key: key() });
        }
        match before {
            Some(found) if found != self.previous => {
                Err(DocumentError::Chain { key: key(), stated: self.previous, found })
            }
            _ => Ok(()),
        }
    }

    /// Returns whether the book of a checkpoint may be the book of this revision: the revision
    /// states the digest of that book, or none.
    pub(crate) fn allows(&self, checkpoint: &Checkpoint) -> bool {
        self.book_sha256.is_none_or(|recorded| recorded == checkpoint.book_sha256)
    }
}

/// The whole rule book at a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) revision: u64,
    /// The SHA-256 of the revision at which the checkpoint was made. The next revision contains it too.
    pub(crate) sha256: Sha256Digest,
    pub(crate) book: RuleBook,
    /// The SHA-256 of the stored form of the book.
    pub(crate) book_sha256: Sha256Digest,
}

/// The stored form of a rule book in a checkpoint.
#[derive(Debug)]
pub(crate) struct StoredBook {
    /// The oldest format that can express the book.
    format: Version,
    text: Box<RawValue>,
    pub(crate) sha256: Sha256Digest,
}

impl StoredBook {
    pub(crate) fn of(book: &RuleBook) -> Self {
        let delta = book.to_delta();
        let text = serde_json::value::to_raw_value(&delta).expect(OUR_OWN);
        Self { format: format_of(&delta), sha256: Sha256Digest::of(text.get().as_bytes()), text }
    }

    /// Returns the stored form of the checkpoint of a revision with this book. `continued` is the
    /// record of a loss.
    pub(crate) fn checkpoint(
        self,
        revision: u64,
        sha256: Sha256Digest,
        continued: Option<Continuation>,
    ) -> Vec<u8> {
        let Self { format, text: book, sha256: book_sha256 } = self;
        write(&CheckpointDocument { format, revision, sha256, continued, book_sha256, book })
    }
}

/// The record that revisions before a checkpoint are lost, and that the history continues from the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Continuation {
    pub(crate) at: UnixTime,
    pub(crate) author: String,
    /// The ranges of lost revisions, each with its first and its last one.
    pub(crate) lost: Vec<(u64, u64)>,
}

#[derive(Serialize, Deserialize)]
struct CheckpointDocument<B> {
    format: Version,
    revision: u64,
    sha256: Sha256Digest,
    /// The record of a loss. `None` in an ordinary checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    continued: Option<Continuation>,
    /// The SHA-256 of the bytes of the book, so that a damaged book is never used.
    book_sha256: Sha256Digest,
    book: B,
}

impl Checkpoint {
    pub(crate) fn new(revision: u64, sha256: Sha256Digest, book: RuleBook) -> Self {
        let book_sha256 = StoredBook::of(&book).sha256;
        Self { revision, sha256, book, book_sha256 }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        self.write_with(None)
    }

    /// Returns the stored form of the checkpoint. `continued` is the record of a loss, or `None` in
    /// an ordinary checkpoint.
    pub(crate) fn write_with(&self, continued: Option<Continuation>) -> Vec<u8> {
        StoredBook::of(&self.book).checkpoint(self.revision, self.sha256, continued)
    }

    /// Reads a checkpoint. Returns `None` if its book is damaged. A large book takes long, so call this on a thread for
    /// blocking work.
    pub(crate) fn read(key: &str, bytes: &[u8]) -> Result<Option<Self>, DocumentError> {
        Ok(Self::read_with(key, bytes)?.map(|(checkpoint, _)| checkpoint))
    }

    /// Reads a checkpoint as [`read`](Self::read) does, and the record of a loss in it.
    pub(crate) fn read_with(
        key: &str,
        bytes: &[u8],
    ) -> Result<Option<(Self, Option<Continuation>)>, DocumentError> {
        let unreadable = |error| DocumentError::unreadable(key, error);
        let document = match CheckpointDocument::split(bytes) {
            Some(document) => document,
            // A document in another form is parsed as a whole.
            None => match serde_json::from_slice::<CheckpointDocument<&RawValue>>(bytes) {
                Ok(document) => document.map(RawValue::get),
                Err(error) => {
                    check_format(key, bytes)?;
                    return Err(unreadable(error));
                }
            },
        };
        if document.format > FORMAT {
            return Err(DocumentError::newer(key, &document.format));
        }
        let text = document.book;
        // The digest and the book are computed at the same time.
        let (digest, book) = std::thread::scope(|scope| {
            let digest =
                std::thread::Builder::new().spawn_scoped(scope, || Sha256Digest::of(text.as_bytes()));
            let book = read_book(text).map(RuleBook::of);
            (
                digest.map_or_else(|_| Some(Sha256Digest::of(text.as_bytes())), |digest| digest.join().ok()),
                book,
            )
        });
        if digest != Some(document.book_sha256) {
            return Ok(None);
        }
        let book = book.map_err(unreadable)?;
        let (revision, sha256, book_sha256) = (document.revision, document.sha256, document.book_sha256);
        let checkpoint = Self { revision, sha256, book, book_sha256 };
        Ok(Some((checkpoint, document.continued)))
    }
}

impl<B> CheckpointDocument<B> {
    fn map<C>(self, book: impl FnOnce(B) -> C) -> CheckpointDocument<C> {
        CheckpointDocument {
            format: self.format,
            revision: self.revision,
            sha256: self.sha256,
            continued: self.continued,
            book_sha256: self.book_sha256,
            book: book(self.book),
        }
    }
}

impl<'a> CheckpointDocument<&'a str> {
    /// Splits a document that has exactly the form in which this program writes it. Returns `None`
    /// for another form. The book in it is not parsed.
    fn split(bytes: &'a [u8]) -> Option<Self> {
        const BOOK: &str = ",\"book\":";
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, rest) = text.split_once(BOOK)?;
        let book = rest.strip_suffix('}')?;
        let head: CheckpointDocument<()> = serde_json::from_str(&[head, BOOK, "null}"].concat()).ok()?;
        Some(head.map(|()| book))
    }
}

/// Reads the book of a checkpoint. If it has the form in which this program writes it, the rules
/// and the packages are read at the same time.
pub(crate) fn read_book(text: &str) -> Result<Delta, serde_json::Error> {
    match read_in_parts(text) {
        Some(book) => Ok(book),
        None => serde_json::from_str(text),
    }
}

fn read_in_parts(text: &str) -> Option<Delta> {
    // Quotes in texts are escaped, so this text occurs only between two fields. If it is between other fields, the
    // parts cannot be parsed.
    let (rules, rest) = text.strip_prefix("{\"rules\":")?.split_once(",\"packages\":")?;
    let (packages, rules) = std::thread::scope(|scope| {
        let packages = std::thread::Builder::new().spawn_scoped(scope, || {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter();
            let PackageEntries(packages) = values.next()?.ok()?;
            Some((packages, rest.get(values.byte_offset()..)?))
        });
        let rules = serde_json::from_str(rules).map(|RuleEntries(rules)| rules);
        (packages.ok().and_then(|packages| packages.join().ok()).flatten(), rules)
    });
    let (packages, rest) = packages?;
    let rest = rest.strip_prefix(',').unwrap_or(rest);
    let others: Delta = serde_json::from_str(&["{", rest].concat()).ok()?;
    let is_apart = others.rules.is_empty() && others.packages.is_empty();
    let mut book = others;
    book.rules = rules.ok()?;
    book.packages = packages;
    is_apart.then_some(book)
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PackageDocument {
    pub(crate) format: Version,
    pub(crate) package: IngestedPackage,
}

/// A random number that identifies one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ChangeId(pub(crate) Sha256Digest);

/// Error of using a stored document.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum DocumentError {
    /// A newer program wrote the document.
    #[error("`{key}` has format {found}, but this program reads formats up to {FORMAT}; use a newer program")]
    Newer { key: String, found: String },
    /// The object cannot be read as a document of its kind.
    #[error("`{key}` cannot be read")]
    Unreadable { key: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// The document was changed after it was written.
    #[error("`{key}` is damaged: its SHA-256 differs from its seal")]
    Seal { key: String },
    /// The revision has no seal, but a revision before it has one. The revision was changed,
    /// because a program that writes no seals cannot read such a history.
    #[error("`{key}` has no seal, but revisions before it are sealed: it was changed after it was written")]
    SealMissing { key: String },
    /// The revision does not follow the one before it.
    #[error("`{key}` names {stated} as the SHA-256 of the revision before it, but that revision has {found}")]
    Chain { key: String, stated: Sha256Digest, found: Sha256Digest },
    /// A revision is missing, but a later one exists.
    #[error("`{key}` is missing, but later revisions exist; restore it from a copy of the store")]
    Missing { key: String },
    /// The revision has another number than its key.
    #[error("`{key}` holds revision {stated}")]
    Number { key: String, stated: u64 },
}

impl DocumentError {
    fn newer(key: &str, format: &Version) -> Self {
        Self::Newer { key: key.to_owned(), found: format.to_string() }
    }

    fn unreadable(key: &str, error: serde_json::Error) -> Self {
        Self::Unreadable { key: key.to_owned(), source: error.into() }
    }
}

impl RevisionDocument {
    /// Returns the format in which descriptions of packages are written.
    pub(crate) fn format() -> Version {
        BEFORE_BANS
    }
}

impl Serialize for RevisionDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The fields are destructured, so that the compiler reports a new field that is missing here.
        let Self { format, revision, change, previous, at, author, command, notes, book_sha256, delta } =
            self;
        let fields = if book_sha256.is_some() { 10 } else { 9 };
        let mut document = serializer.serialize_struct("RevisionDocument", fields)?;
        document.serialize_field("format", format)?;
        document.serialize_field("revision", revision)?;
        document.serialize_field("change", change)?;
        document.serialize_field("previous", previous)?;
        document.serialize_field("at", at)?;
        document.serialize_field("author", author)?;
        document.serialize_field("command", &StoredCommand { command, author })?;
        document.serialize_field("notes", notes)?;
        if let Some(book_sha256) = book_sha256 {
            document.serialize_field("book_sha256", book_sha256)?;
        }
        document.serialize_field("delta", delta)?;
        document.end()
    }
}

/// The format of a document. Its other fields are ignored.
#[derive(Deserialize)]
struct DocumentFormat {
    format: Version,
}

/// Reads a document. The format is checked first.
pub(crate) fn read<T: serde::de::DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, DocumentError> {
    check_format(key, bytes)?;
    serde_json::from_slice(bytes).map_err(|error| DocumentError::unreadable(key, error))
}

fn check_format(key: &str, bytes: &[u8]) -> Result<Version, DocumentError> {
    let DocumentFormat { format } =
        serde_json::from_slice(bytes).map_err(|error| DocumentError::unreadable(key, error))?;
    if format > FORMAT {
        return Err(DocumentError::newer(key, &format));
    }
    Ok(format)
}

/// The text between a document and its seal.
const SEAL: &str = ",\"seal\":\"";

/// Returns the number of bytes that the delta and the notes of a change take in a revision. The rest of a revision is small.
pub(crate) fn size_of(change: &BookChange) -> usize {
    let notes = change.notes.iter().map(|note| note.to_string().len() + 3);
    write(&change.delta).len() + notes.sum::<usize>()
}

/// Writes a document with a seal: its last field is the SHA-256 of the document without this field.
/// Each revision except the newest one is also proved by the next revision, which has its SHA-256.
pub(crate) fn write_sealed<T: Serialize>(document: &T) -> Vec<u8> {
    let mut bytes = write(document);
    let seal = Sha256Digest::of(&bytes);
    bytes.pop();
    bytes.extend_from_slice(format!("{SEAL}{seal}\"}}").as_bytes());
    bytes
}

pub(crate) fn read_sealed<T: serde::de::DeserializeOwned>(
    key: &str,
    bytes: &[u8],
) -> Result<T, DocumentError> {
    let document = read(key, bytes)?;
    check_seal(key, bytes)?;
    Ok(document)
}

/// Checks the seal of a document. A document of a format without seals is accepted.
pub(crate) fn check_seal(key: &str, bytes: &[u8]) -> Result<(), DocumentError> {
    let is_whole = match split_seal(bytes) {
        Some((document, seal)) => {
            let mut hash = Sha256Hasher::default();
            hash.update(document);
            hash.update(b"}");
            seal == hash.digest().to_string().as_bytes()
        }
        None => check_format(key, bytes)? < SEALED_SINCE,
    };
    is_whole.then_some(()).ok_or_else(|| DocumentError::Seal { key: key.to_owned() })
}

fn split_seal(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_suffix(b"\"}")?;
    let (rest, seal) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
    Some((rest.strip_suffix(SEAL.as_bytes())?, seal))
}

/// The reason why these documents can always be written.
const OUR_OWN: &str = "our own documents have text keys and finite numbers only";

pub(crate) fn write<T: Serialize>(document: &T) -> Vec<u8> {
    serde_json::to_vec(document).expect(OUR_OWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_core::ReportedVersion;
    use ucupdate_core::book::{IngestId, Release, ReleaseFiles, StoredFile};

    fn checkpoint() -> Checkpoint {
        Checkpoint::new(3, Sha256Digest::of(b""), RuleBook::default())
    }

    #[test]
    fn a_document_of_a_newer_format_is_refused_by_its_number_whatever_it_holds() {
        for newer in [
            r#"{"format":"1.5.0","revision":"in words"}"#.to_owned(),
            String::from_utf8(checkpoint().write()).unwrap().replacen("1.2.0", "1.5.0", 1),
        ] {
            let message = "`state/x.json` has format 1.5.0, but this program reads formats up to 1.4.0; use a newer program";
            let refused = Checkpoint::read("state/x.json", newer.as_bytes()).unwrap_err();
            assert_eq!(refused.to_string(), message);
            let refused = read::<RevisionDocument>("state/x.json", newer.as_bytes()).unwrap_err();
            assert_eq!(refused.to_string(), message);
        }
    }

    #[test]
    fn a_stone_that_format_1_2_would_take_for_another_is_written_as_1_3() {
        for (pattern, format) in [
            ("UCPhone/*/*/*/*", "1.2.0"),
            ("UCPhone/Polycom/CX700/A/*", "1.2.0"),
            ("UCPhone/*/*/*/DEU", "1.3.0"),
            ("UCPhone/*/CX600|CX700/*/*", "1.3.0"),
            ("*/Polycom/*/*/*", "1.3.0"),
        ] {
            let mut book = RuleBook::default().to_delta();
            let stones = &mut book.settings.as_mut().unwrap().stones;
            stones[0].kind = pattern.parse().unwrap();
            assert_eq!(format_of(&book).to_string(), format, "{pattern}");
        }
    }

    #[test]
    fn a_sealed_document_of_which_any_byte_changed_is_refused() {
        let document = serde_json::json!({"format": "1.2.0", "text": "3.5.6907.0", "number": 7});
        let bytes = write_sealed(&document);
        let read: serde_json::Value = read_sealed("state/x.json", &bytes).unwrap();
        assert_eq!((&read["text"], &read["number"]), (&document["text"], &document["number"]));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let refused = read_sealed::<serde_json::Value>("state/x.json", &damaged);
                assert!(refused.is_err(), "byte {at}, bit {bit}");
            }
        }
        let refused = read_sealed::<serde_json::Value>("state/x.json", br#"{"format":"1.2.0"}"#).unwrap_err();
        assert_eq!(refused.to_string(), "`state/x.json` is damaged: its SHA-256 differs from its seal");
        let before_seals = br#"{"format":"1.1.0"}"#;
        read_sealed::<serde_json::Value>("state/x.json", before_seals).unwrap();
    }

    #[test]
    fn what_is_cut_short_is_refused_with_its_place_or_not_whole() {
        let bytes = checkpoint().write();
        for end in 0..bytes.len() {
            match Checkpoint::read("state/x.json", &bytes[..end]) {
                Ok(read) => assert_eq!(read, None),
                Err(refused) => assert_eq!(refused.to_string(), "`state/x.json` cannot be read"),
            }
        }
        assert_eq!(Checkpoint::read("state/x.json", &bytes).unwrap(), Some(checkpoint()));
    }

    #[test]
    fn a_book_that_is_not_byte_for_byte_what_was_written_is_none() {
        let text = String::from_utf8(checkpoint().write()).unwrap();
        for damaged in [text.replace("1.0.522.98", "1.0.522.99"), text.replace("\"below\":", "\"below\": ")] {
            assert_ne!(damaged, text);
            assert_eq!(Checkpoint::read("state/x.json", damaged.as_bytes()).unwrap(), None);
        }
    }

    #[test]
    fn a_book_is_read_in_parts_as_it_is_as_a_whole() {
        let digest = Sha256Digest::new([1; 32]);
        let file = |name: &str| StoredFile {
            name: name.parse().unwrap(),
            key: "images/1/0-CPE.nbt".parse().unwrap(),
            size: 1,
            sha256: digest,
            modified: None,
        };
        let package = IngestedPackage {
            sha256: digest,
            ingest: IngestId::from_bits(1),
            file_name: ",\"packages\":".into(),
            ingested_at: UnixTime::default(),
            releases: vec![Release {
                rule: "UCPhone/Polycom/CX700/A/ENU/CPE".parse().unwrap(),
                version: ReportedVersion::new("odd\\,\"packages\":"),
                files: ReleaseFiles {
                    image: file("CPE.nbt"),
                    signature: file("CPE.cat"),
                    descriptions: Vec::new(),
                },
            }],
            interim: Vec::new(),
        };
        let mut book = RuleBook::default();
        book.apply(&book.rebuild(&[package]).delta);
        let text = String::from_utf8(write(&book.to_delta())).unwrap();
        assert_eq!(read_in_parts(&text), Some(book.to_delta()));
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            assert_eq!(read_in_parts(&text[..end]), None);
        }
        let more = r#","packages":[{"key":"010101010101","now":null}],"settings""#;
        let twice = text.replace(",\"settings\"", more);
        assert_eq!(read_in_parts(&twice), None);
        let without = String::from_utf8(write(&RuleBook::default().to_delta())).unwrap();
        assert_eq!(
            (read_in_parts(&without), read_book(&without).unwrap()),
            (None, RuleBook::default().to_delta())
        );
    }

    #[test]
    fn a_checkpoint_in_another_order_is_read_all_the_same() {
        let text = String::from_utf8(checkpoint().write()).unwrap();
        let (head, book) = text.split_once(",\"book\":").unwrap();
        let book = book.strip_suffix('}').unwrap();
        let other = format!("{{ \"book\" : {book} ,{}}}", head.strip_prefix('{').unwrap());
        assert_eq!(Checkpoint::read("state/x.json", other.as_bytes()).unwrap(), Some(checkpoint()));
    }

    #[test]
    fn a_checkpoint_has_this_form_in_a_store() {
        let book = r#"{"settings":{"stones":[{"name":"ocs-interim","device_type":"UCPhone","below":"1.0.522.98","by":"1.0.522.103","image":"interim"}],"deploy_at_ingest":["RoundTable"]}}"#;
        let form = format!(
            r#"{{"format":"1.2.0","revision":3,"sha256":"{}","book_sha256":"{}","book":{book}}}"#,
            Sha256Digest::of(b""),
            Sha256Digest::of(book.as_bytes())
        );
        assert_eq!(String::from_utf8(checkpoint().write()).unwrap(), form);
    }
}
