//! Tests commands on the rule book, decisions and explanations, with public names only.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test that cannot make its fixture has failed")]

mod book;
mod decide;
mod fixtures;
mod versions_page;
