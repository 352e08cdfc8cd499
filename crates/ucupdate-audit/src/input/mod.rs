//! Reads the bytes of a log file as lines of text. The file may be compressed, and may be in another encoding than
//! UTF-8.

pub(crate) mod copy;
pub(crate) mod encoding;
pub(crate) mod lines;
pub(crate) mod peeked;
pub(crate) mod unzip;

/// Compresses a text by gzip.
#[cfg(test)]
pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    use std::io::Write as _;

    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(text).unwrap();
    // `finish` takes the writer by value, and Miri reports that: https://github.com/trifectatechfoundation/zlib-rs/issues/491.
    writer.try_finish().unwrap();
    writer.get_ref().clone()
}
