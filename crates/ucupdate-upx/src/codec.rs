//! The codec: a dialect and limits, and the four ways between bytes and messages.

use crate::decode::{self, Decoded};
use crate::dialect::Dialect;
use crate::encode;
use crate::error::DecodeError;
use crate::inspection::{self, Inspection};
use crate::limits::Limits;
use ucupdate_core::{UpdateRequest, UpdateResponse};

/// Reads and writes the bodies of `ucdevice.upx`.
///
/// Reading is tolerant: an item may be an element or an attribute, in any order, in any ASCII case, with any namespace
/// prefix, and inside elements the dialect does not know; what is unknown is kept beside the message. Writing has one
/// form: child elements in the order of [`NAMES`](crate::NAMES), on one line, in UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codec {
    dialect: Dialect,
    limits: Limits,
}

impl Codec {
    /// A codec that speaks `dialect` and reads within `limits`.
    pub const fn new(dialect: Dialect, limits: Limits) -> Self {
        Self { dialect, limits }
    }

    /// The names it speaks.
    pub const fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The numbers at which reading ends.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads what a device asks.
    ///
    /// Device type, vendor, model, revision and locale are required. A module that cannot be read (no file name, an item
    /// twice, a text too long) is passed over and named in [`Decoded::skipped`], as long as another one can; a module
    /// without a version has an unreadable one. Texts are kept as said, but that labels lose the blanks around them.
    ///
    /// # Errors
    /// When the body is no XML in UTF-8, UTF-16 or US-ASCII, reaches a limit, or is no such request; the error names every item
    /// at fault. [`DecodeError::kind`] says what a server answers.
    pub fn decode_request(&self, body: &[u8]) -> Result<Decoded<UpdateRequest>, DecodeError> {
        decode::request(body, &self.dialect, &self.limits)
    }

    /// Reads what a device is answered.
    ///
    /// Stricter than a request, since a device writes to its flash what this names: the count must be there and right,
    /// each module needs the names of an image and of a signature, both safe as file names, and one bad module refuses
    /// the response. URLs are kept as said.
    ///
    /// # Errors
    /// As for [`decode_request`](Self::decode_request). A request is no empty response, but an error.
    pub fn decode_response(&self, body: &[u8]) -> Result<Decoded<UpdateResponse>, DecodeError> {
        decode::response(body, &self.dialect, &self.limits)
    }

    /// Writes what a device asks.
    ///
    /// Decoding gives the same again, but for what no body can say: a character that XML 1.0 does not have (most control
    /// characters, U+FFFE, U+FFFF) becomes U+FFFD, and a module with a blank file name is not read.
    pub fn encode_request(&self, request: &UpdateRequest) -> Vec<u8> {
        encode::request(&self.dialect, request)
    }

    /// Writes what a device is answered. The count is that of the modules; characters are treated as in
    /// [`encode_request`](Self::encode_request).
    pub fn encode_response(&self, response: &UpdateResponse) -> Vec<u8> {
        encode::response(&self.dialect, response)
    }

    /// Says what is in a body and what the dialect makes of it, for whoever holds a capture from a real phone. A body that
    /// is refused is shown as far as its markup can be read.
    pub fn inspect(&self, body: &[u8]) -> Inspection {
        inspection::inspect(body, &self.dialect, &self.limits)
    }
}
