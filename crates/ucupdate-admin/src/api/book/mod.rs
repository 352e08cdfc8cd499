//! The operations on the rule book: its entries, changes of them, and its history.

pub(super) mod change;
pub(super) mod diff;
pub(super) mod four_eyes;
pub(super) mod history;
pub(super) mod lists;
pub(super) mod rules;
