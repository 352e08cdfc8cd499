//! Responses: the answer of each outcome, the body that is sent, and the access row that follows.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod exchange;
