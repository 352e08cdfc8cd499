//! Computes the checksum of a data block: the exclusive-or of its 32-bit words ([MS-CAB] 3.1).

/// Returns the exclusive-or of `seed` and the checksum of `bytes`. `seed` is the checksum of other
/// bytes of the block, or 0.
///
/// The words are little-endian. One to three bytes at the end form one word, and the *first* of them is its highest
/// byte.
pub(crate) fn checksum(bytes: &[u8], seed: u32) -> u32 {
    let mut wide = bytes.chunks_exact(8);
    let folded = wide.by_ref().fold(0_u64, |sum, chunk| {
        let word: [u8; 8] = chunk.try_into().unwrap_or_default();
        sum ^ u64::from_le_bytes(word)
    });
    let [a, b, c, d, e, f, g, h] = folded.to_le_bytes();
    let mut sum = seed ^ u32::from_le_bytes([a, b, c, d]) ^ u32::from_le_bytes([e, f, g, h]);
    let mut rest = wide.remainder();
    if let Some((word, behind)) = rest.split_first_chunk::<4>() {
        sum ^= u32::from_le_bytes(*word);
        rest = behind;
    }
    rest.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)) ^ sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cabinet_of_the_specification_has_its_checksum() {
        // The sample cabinet of [MS-CAB] 3 has two C sources in one block of 0x97 bytes.
        let block =
            b"#include <stdio.h>\r\n\r\nvoid main(void)\r\n{\r\n    printf(\"Hello, world!\\n\");\r\n}\r\n\
            #include <stdio.h>\r\n\r\nvoid main(void)\r\n{\r\n    printf(\"Welcome!\\n\");\r\n}\r\n\r\n";
        assert_eq!(checksum(b"\x97\0\x97\0", checksum(block, 0)), 0x30a6_5abd);
    }

    #[test]
    fn bytes_that_fill_no_word_count_from_the_highest() {
        assert_eq!(checksum(&[], 7), 7);
        assert_eq!(checksum(&[1], 0), 1);
        assert_eq!(checksum(&[1, 2], 0), 0x0102);
        assert_eq!(checksum(&[1, 2, 3], 0), 0x01_0203);
        assert_eq!(checksum(&[1, 2, 3, 4], 0), 0x0403_0201);
        assert_eq!(checksum(&[1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 8], 0), 1 ^ 2 ^ 4 ^ 8);
    }
}
