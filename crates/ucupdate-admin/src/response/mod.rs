//! Responses: answers, their bodies, and problems.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod problem;
pub(crate) mod redacted;
