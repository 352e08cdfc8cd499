//! Reads the bytes of a log as lines of text, whatever wrote the file: plain, compressed, or in another encoding.

pub(crate) mod encoding;
pub(crate) mod lines;
pub(crate) mod peeked;
pub(crate) mod unzip;
