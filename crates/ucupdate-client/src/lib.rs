#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod client;
mod device_code;
mod download;
mod error;
mod handler;
mod headers;
#[cfg(feature = "fuzzing")]
pub mod laws;
mod options;
mod part;
mod retry;
mod simulated;
mod target;
mod tls;

pub use client::{Client, UpdateAnswer};
pub use device_code::DeviceCode;
pub use download::{Download, DownloadedFile, Progress, UpdateFile, Verification};
pub use error::{ClientError, ConnectionFault, ContentFault, UrlFault};
pub use handler::HandlerConnection;
pub use options::{ClientOptions, DEFAULT_USER_AGENT};
pub use retry::Retry;
pub use simulated::{Installation, SimulatedDevice, Update};
