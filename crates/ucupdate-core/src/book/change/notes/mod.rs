//! The notes of changes, and their sentences.

mod note;
mod note_text;
#[cfg(test)]
mod notes_of_commands;

pub use note::Note;
