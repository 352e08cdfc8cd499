//! Verbs about a store as a whole: its history, its state and its copies.

pub(crate) mod carry;
pub(crate) mod doctor;
pub(crate) mod gc;
pub(crate) mod history;
pub(crate) mod import_ocs;
pub(crate) mod rebuild;
pub(crate) mod status;
pub(crate) mod tree;
pub(crate) mod undo;
pub(crate) mod verify;
