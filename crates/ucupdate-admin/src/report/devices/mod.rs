//! The reports about devices: answers and their reasons, stories, and captures.

mod answers;
mod capture;
mod explain;
mod reasons;
mod story;

pub use answers::{AnswerReport, ChangedAnswer, Differences};
pub use capture::capture;
pub use explain::explanation;
pub use reasons::add_reasons;
pub use story::{story, trouble};
