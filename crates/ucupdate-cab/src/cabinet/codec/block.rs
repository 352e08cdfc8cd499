//! The limits of a block and the errors that all codecs share.

/// The most bytes a block gives ([MS-CAB] 2.4, `cbUncomp`).
pub(crate) const MAX_OUTPUT_BYTES: usize = 32 * 1024;
/// The most compressed bytes of a block: LZX may add 6144 to what does not compress, MSZIP 12.
pub(crate) const MAX_INPUT_BYTES: usize = MAX_OUTPUT_BYTES + 6144;

/// What is wrong with a block: what was expected, and what was found.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl Fault {
    pub(crate) fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { expected: expected.into(), found: found.into() }
    }
}
