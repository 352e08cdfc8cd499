#![cfg_attr(feature = "axum", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "axum"), doc = "The HTTP face of `ucupdate`; built without the feature `axum`.")]

mod answer;
mod authenticate;
mod conditions;
mod connection;
mod etag;
mod exchange;
mod files;
mod handler;
mod options;
mod paths;
mod ranges;
mod redirects;
mod request_body;
mod response_body;
#[cfg(feature = "axum")]
mod router;
mod service;

pub use authenticate::{Authenticate, Verdict};
pub use connection::Connection;
pub use options::HttpOptions;
pub use paths::HANDLER_PATHS;
pub use redirects::ImageRedirects;
pub use response_body::ResponseBody;
#[cfg(feature = "axum")]
pub use router::{connection_from_axum, router};
pub use service::DeviceUpdates;
