//! The codec: a dialect, limits, and the conversions between bytes and messages.

use crate::decode::{self, Decoded};
use crate::dialect::Dialect;
use crate::encode;
use crate::error::DecodeError;
use crate::inspection::{self, Inspection};
use crate::limits::DecodeLimits;
use ucupdate_core::{UpdateRequest, UpdateResponse};

/// Reads and writes the bodies of `ucdevice.upx`.
///
/// Reading is tolerant. An item of the message may be an XML element or an attribute. Items may stand in any
/// order, and also inside elements that the dialect does not know. The ASCII case and the namespace prefix of a
/// name are ignored. Items that the dialect does not know are returned beside the message, in
/// [`Decoded::unknown`]. Writing has one form: child elements in the order of [`NAMES`](crate::NAMES), on one
/// line, in UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codec {
    dialect: Dialect,
    limits: DecodeLimits,
}

impl Codec {
    /// Returns a codec that uses the names of `dialect` and reads within `limits`.
    pub const fn new(dialect: Dialect, limits: DecodeLimits) -> Self {
        Self { dialect, limits }
    }

    /// Returns the dialect whose names this codec reads and writes.
    pub const fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// Returns the limits within which this codec reads.
    pub const fn limits(&self) -> &DecodeLimits {
        &self.limits
    }

    /// Reads the request of a device.
    ///
    /// Device type, vendor, model, revision and locale are required. A module that cannot be read (no file
    /// name, a repeated item, a text that is too long) is skipped and named in [`Decoded::skipped`], as long as
    /// another module can be read. A module without a version gets an unreadable version. The five required
    /// texts and the versions lose the white space around them. All other texts are kept as they were sent.
    ///
    /// # Errors
    /// Returns an error if the body is not well-formed XML in UTF-8, UTF-16 or US-ASCII, reaches a limit,
    /// or is not a complete request. The error names every faulty item. [`DecodeError::kind`] tells which
    /// HTTP status a server sends.
    pub fn decode_request(&self, body: &[u8]) -> Result<Decoded<UpdateRequest>, DecodeError> {
        decode::request(body, &self.dialect, &self.limits)
    }

    /// Reads the response to a device.
    ///
    /// A response is read more strictly than a request, because a device writes the files that a response
    /// names to its flash. The count must be present and correct. Each module needs safe file names for the
    /// image and the signature. One bad module refuses the whole response. URLs are kept as they were sent.
    ///
    /// # Errors
    /// Returns an error as [`decode_request`](Self::decode_request) does. A body that is a request is
    /// refused, and never read as an empty response.
    pub fn decode_response(&self, body: &[u8]) -> Result<Decoded<UpdateResponse>, DecodeError> {
        decode::response(body, &self.dialect, &self.limits)
    }

    /// Writes the request of a device.
    ///
    /// Decoding the bytes returns an equal request, with two exceptions. A character that XML 1.0 forbids (most control
    /// characters, U+FFFE, U+FFFF) becomes U+FFFD, and a module with a blank file name is skipped.
    pub fn encode_request(&self, request: &UpdateRequest) -> Vec<u8> {
        encode::request(&self.dialect, request)
    }

    /// Writes the response to a device.
    ///
    /// The written count is the number of modules. Characters that XML 1.0 forbids become U+FFFD, as in
    /// [`encode_request`](Self::encode_request).
    pub fn encode_response(&self, response: &UpdateResponse) -> Vec<u8> {
        encode::response(&self.dialect, response)
    }

    /// Reports which items of a body this codec recognises, and which are unknown or missing.
    ///
    /// The report helps to write a dialect from a capture of a real phone. A body that is refused is reported as far as
    /// its markup can be read.
    pub fn inspect(&self, body: &[u8]) -> Inspection {
        inspection::inspect(body, &self.dialect, &self.limits)
    }
}
