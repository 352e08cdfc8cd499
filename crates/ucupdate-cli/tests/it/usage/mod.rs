//! Tests the command line itself, its exit codes and settings, and the pages that show it.

mod demo;
mod exit_codes;
mod guide;
mod misleading;
mod readme;
pub(crate) mod settings;
mod streams;
mod wrong_calls;
