//! Deltas of a rule book, and reading their stored form.

#[cfg(feature = "serde")]
mod compact_entries;
#[expect(clippy::module_inception, reason = "the file defines `Delta`; this one only lists the room")]
mod delta;
#[cfg(feature = "serde")]
mod known_texts;

#[cfg(feature = "serde")]
pub use compact_entries::{PackageEntries, RuleEntries};
pub use delta::{Delta, GroupMember};
#[cfg(feature = "serde")]
pub(in crate::book) use known_texts::KnownTexts;
