//! Commands on the rule book, deciding and explaining, as those who embed the crate use them.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test that cannot make its fixture has failed")]

mod client_filter;
mod commands;
mod deciding;
mod explaining;
mod fixtures;
mod loops;
mod outcomes;
mod simulating;
#[cfg(feature = "serde")]
mod stored_form;
mod versions_page;
