//! Tests the client with servers on loopback.
#![allow(clippy::unwrap_used, reason = "tests and their servers may")]

mod ask;
mod download;
mod handler;
mod redirects;
mod resume;
mod server;
mod simulated;
mod tls;
