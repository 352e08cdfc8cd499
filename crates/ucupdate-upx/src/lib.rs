#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod codec;
mod decode;
mod dialect;
mod encode;
mod error;
mod inspection;
#[cfg(feature = "fuzzing")]
pub mod laws;
mod limits;
mod names;
mod reading;

pub use codec::Codec;
pub use decode::Decoded;
pub use dialect::{Dialect, DialectError, MAX_NAME_BYTES};
pub use error::{DecodeError, DecodeErrorKind, ItemFault, ItemProblem, LogForm, MessageKind};
pub use inspection::{Inspection, MissingItem, RecognisedItem};
pub use limits::{DecodeLimit, DecodeLimits};
pub use names::{Certainty, Item, ItemFacts, NAMES, NameScope};
pub use reading::raw_message::UnknownItem;
pub use ucupdate_xml::{XmlError, XmlErrorKind, XmlLimit, XmlLimits};
