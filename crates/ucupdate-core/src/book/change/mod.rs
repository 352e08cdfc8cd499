//! Changes of a rule book: the commands, what they change, the notes about it, and the refusals.

mod command;
mod commands;
mod delta_to;
mod draft;
mod names;
mod notes;
mod rebuild;
mod refusal;
mod retire;

pub use command::{BookChange, BookCommand};
pub use commands::MAX_LISTED;
pub use notes::Note;
pub use refusal::Refusal;
