//! Rules: the versions for the devices of one kind.

mod assignment;
mod effect;
#[expect(clippy::module_inception, reason = "the file defines `Rule`; this one only lists the room")]
mod rule;
mod rule_error;

pub use assignment::{Assignment, Audience, Candidate, Role};
pub use effect::{Approved, RolledBack};
pub use rule::Rule;
pub use rule_error::RuleError;
