//! The limits of a block and the errors that all codecs share.

/// The largest uncompressed size of a block in bytes ([MS-CAB] 2.4, `cbUncomp`).
pub(crate) const MAX_OUTPUT_BYTES: usize = 32 * 1024;
/// The largest compressed size of a block in bytes. For data that does not compress, LZX may add
/// 6144 bytes, and MSZIP may add 12.
pub(crate) const MAX_INPUT_BYTES: usize = MAX_OUTPUT_BYTES + 6144;

/// The reason why a block cannot be decoded: the expected value and the found value, as text.
#[derive(Debug)]
pub(crate) struct BlockFault {
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl BlockFault {
    pub(crate) fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { expected: expected.into(), found: found.into() }
    }
}
