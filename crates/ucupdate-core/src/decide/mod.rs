#![doc = include_str!("order.md")]

mod compiler;
mod decision;
mod diff;
mod explain;
mod folded_table;
mod index;
mod known_devices;
mod module_rules;
mod plan;
mod trace_record;
mod walk;

pub use decision::{Decision, HeldBackReason, OfferKind};
pub use diff::{AnswerChange, diff};
pub use explain::{Difference, Explanation, Mismatch, Step, Trace, explain};
pub use index::{EligibilityIndex, Offer};
pub use module_rules::ModuleMatch;
pub use plan::{Hop, Plan, plan};
pub use trace_record::TraceRecord;
pub use walk::decide;
