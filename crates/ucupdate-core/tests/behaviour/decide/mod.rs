//! Tests decisions, explanations and comparisons of them.

mod client_filter;
mod deciding;
#[cfg(feature = "serde")]
mod differing;
mod explaining;
mod schemes;
