//! Changes of a rule book: the commands, their effects, their notes and their refusals.

mod advice;
mod aliases;
mod bans;
mod command;
mod delta_to;
mod devices;
mod draft;
mod interim;
mod names;
mod note;
mod note_text;
#[cfg(test)]
mod notes_of_commands;
mod rebuild;
mod refusal;
mod retire;
mod rollouts;
mod schemes;
mod stones;
mod stops;

pub use command::{BookChange, BookCommand};
pub use devices::MAX_LISTED;
pub use note::Note;
pub use refusal::Refusal;
