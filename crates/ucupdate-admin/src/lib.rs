#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(feature = "axum", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "axum"),
    doc = "The administrators' HTTP face of `ucupdate`; built without the feature `axum`."
)]

mod access;
mod api;
mod console;
mod live_events;
mod options;
pub mod report;
mod request;
mod response;
#[cfg(feature = "axum")]
mod router;
mod service;

pub use access::authenticate::{AdminVerdict, AuthenticateAdmin};
pub use access::role::{AdminRole, Administrator, RoleError};
pub use access::token::Token;
pub use access::token_file::{TokenEntry, TokenFile, TokenFileError};
pub use live_events::LiveEvents;
pub use options::{AdminLimits, AdminOptions};
pub use request::remote::RemoteAddress;
pub use response::body::AdminBody;
#[cfg(feature = "axum")]
pub use router::router;
pub use service::Administration;
