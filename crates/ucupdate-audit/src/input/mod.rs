//! Reads the bytes of a log file as lines of text. The file may be compressed, and may be in another encoding than
//! UTF-8.

pub(crate) mod copy;
pub(crate) mod encoding;
pub(crate) mod lines;
pub(crate) mod peeked;
pub(crate) mod unzip;
