//! The notes of a command (sentences about its effects) in its result.

use super::shown::Shown;
use serde::Serialize;
use std::fmt;
use ucupdate::book::Note;

/// Notes of a command: as sentences for people, and as objects for scripts.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ChangeNotes {
    notes: Vec<String>,
    /// The notes as objects with `kind`, `rule`, `name`, `from` and `to`.
    changes: Vec<Note>,
}

impl ChangeNotes {
    /// Creates the notes of a change whose result is there already: one sentence, and no change.
    pub(crate) fn of_existing(sentence: String) -> Self {
        Self { notes: vec![sentence], changes: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    pub(crate) fn push(&mut self, note: Note) {
        self.notes.push(note.to_string());
        self.changes.push(note);
    }

    /// Returns the sentences of all notes except those of this kind. Control characters are escaped
    /// for a terminal.
    pub(crate) fn lines_without(&self, kind: &str) -> impl Iterator<Item = impl fmt::Display> {
        let facts = self.notes.iter().zip(&self.changes).filter(move |(_, note)| note.kind() != kind);
        facts.map(|(sentence, _)| Shown(sentence))
    }

    /// Returns the sentences of the notes of this kind. Control characters are not escaped.
    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &str> {
        let facts = self.notes.iter().zip(&self.changes).filter(move |(_, note)| note.kind() == kind);
        facts.map(|(sentence, _)| sentence.as_str())
    }

    /// Returns the sentences of all notes. Control characters are escaped for a terminal.
    pub(crate) fn lines(&self) -> impl Iterator<Item = impl fmt::Display> {
        self.notes.iter().map(Shown)
    }
}

impl FromIterator<Note> for ChangeNotes {
    fn from_iter<I: IntoIterator<Item = Note>>(notes: I) -> Self {
        let mut kept = Self::default();
        notes.into_iter().for_each(|note| kept.push(note));
        kept
    }
}
