#![doc = include_str!("../README.md")]

mod client;
mod device_code;
mod download;
mod error;
mod headers;
mod options;
mod part;
mod retry;
mod simulated;
mod target;
mod tls;

pub use client::{Asked, Client};
pub use device_code::DeviceCode;
pub use download::{Downloaded, DownloadedFile, Progress, UpdateFile, Verified};
pub use error::{ClientError, ConnectionFault, ContentFault, UrlFault};
pub use options::{ClientOptions, DEFAULT_USER_AGENT};
pub use retry::Retry;
pub use simulated::{Installed, SimulatedDevice, Update};
