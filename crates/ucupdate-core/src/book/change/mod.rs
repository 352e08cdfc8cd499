//! Changes of a rule book: the commands, their effects, their notes and their refusals.

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
