//! Laws of the stored documents, for the fuzz targets and for the tests that replay their corpora.
//!
//! A store may contain bytes of other programs. Therefore each function takes any bytes, and panics if the law does not
//! hold.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use crate::captures::capture::{self, CaptureId, CaptureKind};
use crate::state::document::{self, ChangeId, Checkpoint, RevisionDocument};
use crate::state::recorded_command::RecordedCommand;
use crate::state::snapshot::Snapshot;
use ucupdate_core::RuleBook;
use ucupdate_core::book::Delta;
use ucupdate_core::decide::TraceRecord;
use ucupdate_core::value::{Sha256Digest, UnixTime};

/// The key of the checked document, as error messages show it.
const KEY: &str = "state/fuzzed.json";

/// Reads bytes as a revision. The seal of the revision (its SHA-256 of itself) is ignored, because
/// random bytes never have a valid one. If the bytes are not refused, writes the revision with a
/// new seal, and checks that reading this returns the same revision. Checks also that its changes
/// can be applied to a rule book, and that the rule book can be compiled.
pub fn revision(bytes: &[u8]) {
    if let Err(refused) = document::read_sealed::<RevisionDocument>(KEY, bytes) {
        assert!(!refused.to_string().is_empty());
    }
    // The seal is ignored here, because random bytes never have a valid seal.
    let Ok(read) = document::read::<RevisionDocument>(KEY, bytes) else { return };
    let sealed = document::write_sealed(&read);
    let again: RevisionDocument =
        document::read_sealed(KEY, &sealed).expect("a document that was written can be read");
    assert_eq!(again, read);
    check_book(&read.delta);
}

/// Reads bytes as a checkpoint. If they are not refused, writes the checkpoint, and checks that reading this returns the same
/// checkpoint. Checks also that a rule book that is read in parts equals the one that is read as a whole.
pub fn checkpoint(bytes: &[u8]) {
    match Checkpoint::read(KEY, bytes) {
        Ok(Some(read)) => {
            let again = Checkpoint::read(KEY, &read.write()).ok().flatten();
            let parts = |checkpoint: Checkpoint| (checkpoint.revision, checkpoint.sha256, checkpoint.book);
            assert_eq!(again.map(parts), Some(parts(read)));
        }
        Ok(None) => {}
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let whole = serde_json::from_str::<Delta>(text).ok();
    assert_eq!(document::read_book(text).ok(), whole, "in parts and as a whole");
    if let Some(book) = whole {
        check_book(&book);
    }
}

/// Makes a history of changes that the bytes choose, and checks its stored form:
///
/// - Each revision is read back as it was written.
/// - The delta of a revision turns the rule book before the revision into the rule book after it.
/// - So does the delta that is computed from these two rule books.
/// - The delta that is computed in the other direction undoes the change.
/// - A checkpoint of the last rule book is read back as it was written.
pub fn rule_book(bytes: &[u8]) {
    let book = ucupdate_core::laws::history(bytes, |before, command, change, after| {
        let command = RecordedCommand::from(command.clone());
        let document = RevisionDocument {
            format: document::oldest_format(&command, &change.delta),
            revision: 1,
            change: ChangeId(Sha256Digest::of(b"change")),
            previous: Sha256Digest::of(b""),
            at: UnixTime::from_seconds(1_236_359_439),
            author: "ann".into(),
            command,
            notes: change.notes.iter().map(ToString::to_string).collect(),
            book_sha256: None,
            delta: change.delta.clone(),
        };
        let stored = document::write_sealed(&document);
        let read: RevisionDocument =
            document::read_sealed(KEY, &stored).expect("a document that was written can be read");
        assert_eq!(read.delta, document.delta);
        // A command may be stored as another one that means the same.
        assert_eq!(document::write_sealed(&read), stored);
        for delta in [&read.delta, &before.delta_to(after)] {
            let mut made = before.clone();
            made.apply(delta);
            assert_eq!(made, *after, "a change leads to the rule book after it");
        }
        let mut undone = after.clone();
        undone.apply(&after.delta_to(before));
        assert_eq!(undone, *before, "the difference leads back");
    });
    let checkpoint = Checkpoint::new(1, Sha256Digest::of(b""), book);
    let read = Checkpoint::read(KEY, &checkpoint.write()).expect("a checkpoint that was written can be read");
    assert_eq!(read.as_ref(), Some(&checkpoint));
    check_book(&checkpoint.book.to_delta());
}

/// Reads bytes as the record of a decision (a [`TraceRecord`]). If the bytes are not refused,
/// checks that the record is written and read back unchanged. Then replays the record with an empty
/// rule book, and checks that replaying the result gives the same record again.
pub fn trace_record(bytes: &[u8]) {
    let Ok(record) = serde_json::from_slice::<TraceRecord>(bytes) else { return };
    let written = document::write(&record);
    let read: TraceRecord = serde_json::from_slice(&written).expect("a record that was written can be read");
    assert_eq!(read, record);
    let snapshot = Snapshot::new(RuleBook::default(), record.revision);
    let replayed = record.replay(snapshot.index());
    assert_eq!(replayed.replay(snapshot.index()), replayed);
}

/// Checks that `bytes` are a stored capture or are refused with a reason. Also writes a capture
/// whose texts and body are these bytes, and checks that reading it returns them, cut at their
/// limits.
///
/// # Panics
/// When the law is broken.
pub fn stored_capture(bytes: &[u8]) {
    let id: CaptureId = "OCS_20090306T171039Z_0123abcd".parse().expect("the id of a capture");
    let read = |object: &[u8]| capture::read(id.clone(), CaptureKind::Unreadable, object);
    match read(bytes) {
        Ok((_capture, body)) => assert!(body <= bytes.len()),
        Err(refused) => assert!(!refused.is_empty()),
    }
    let text = String::from_utf8_lossy(bytes);
    let (host, reason) = text.split_once('\n').unwrap_or((&text, ""));
    let object = capture::write(UnixTime::from_seconds(1_236_359_439), host, reason, bytes, 1024);
    let (capture, body) = read(&object).expect("a capture that was written can be read");
    assert!(host.starts_with(&*capture.host) && reason.starts_with(&*capture.reason));
    assert_eq!(&object[body..], &bytes[..bytes.len().min(1024)]);
    if let Ok(id) = text.parse::<CaptureId>() {
        assert_eq!(id.to_string(), text);
    }
}

fn check_book(delta: &Delta) {
    let book = RuleBook::of(delta.clone());
    assert_eq!(RuleBook::of(book.to_delta()), book, "a book reads back from what is stored of it");
    let snapshot = Snapshot::new(book, 1);
    assert_eq!(snapshot.revision(), 1);
}
