//! Tests the HTTP side, from a request to its log rows.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod answers_of_files;
mod answers_of_the_handler;
mod events;
mod field_log;
mod fixture;
mod on_the_wire;
mod outside;
mod redirects;
mod rows;
