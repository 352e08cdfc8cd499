#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attribute;
pub mod chars;
mod document;
mod error;
#[cfg(feature = "fuzzing")]
pub mod laws;
mod limits;
mod reader;
mod tree;
mod utf16;

pub use attribute::XmlAttribute;
pub use document::XmlDocument;
pub use error::{XmlError, XmlErrorKind};
pub use limits::{XmlLimit, XmlLimits};
pub use reader::{XmlEvent, XmlReader};
pub use tree::XmlElement;
