//! Thin servers and embeddings of ucupdate. Each file beside this one is an example:
//!
//! ```console
//! $ cargo run --example memory-server
//! ```
//!
//! | example | what it shows |
//! |---|---|
//! | `memory-server` | the smallest server: a generated package, approved, in memory |
//! | `local-server` | a server on a folder, with logs and a graceful shutdown |
//! | `s3-server` | a server on a bucket, with `--features s3` |
//! | `admin-server` | devices on one listener, the console and the API of administrators on another |
//! | `embed-in-axum` | the service inside the router of another program, which also administers it |
//! | `decide` | the rule book and the decision alone: no server, no store, no async |

/// The doc tests of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// The doc tests of the guide.
#[cfg(doctest)]
#[doc = include_str!("../docs/src/embed.md")]
mod guide {}
