//! Rules: their keys, the versions for the devices of one kind, and how versions are compared and offered.

mod assignment;
mod effect;
mod pattern_scheme;
mod policy;
#[expect(clippy::module_inception, reason = "the file defines `Rule`; this one only lists the room")]
mod rule;
mod rule_error;
mod rule_key;
mod rule_pattern;

pub use assignment::{Assignment, Audience, Candidate, Role};
pub use effect::{Approved, RolledBack};
pub use pattern_scheme::PatternScheme;
pub use policy::{OfferPolicy, OfferRule, SameRelease};
pub use rule::Rule;
pub use rule_error::RuleError;
pub(in crate::book) use rule_key::RuleKeyWords;
pub(crate) use rule_key::with_last;
pub use rule_key::{RuleKey, UpdateType};
pub use rule_pattern::RulePattern;
