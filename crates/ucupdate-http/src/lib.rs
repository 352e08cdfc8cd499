#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(feature = "axum", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "axum"),
    doc = "The devices' HTTP side of `ucupdate`, built without the feature `axum`."
)]

#[cfg(feature = "examine")]
mod examine;
mod files;
mod handler;
#[cfg(feature = "fuzzing")]
pub mod laws;
mod options;
mod request;
mod response;
#[cfg(feature = "axum")]
mod router;
mod service;

#[cfg(feature = "examine")]
pub use examine::{ExamineError, UrlExamination};
pub use files::redirects::ImageRedirects;
pub use options::HttpOptions;
pub use request::authenticate::{Authenticate, Verdict};
pub use request::connection::Connection;
pub use request::framing::check_framing;
pub use request::paths::HANDLER_PATHS;
pub use response::body::ResponseBody;
#[cfg(feature = "axum")]
pub use router::{connection_from_axum, router};
pub use service::DeviceUpdates;
