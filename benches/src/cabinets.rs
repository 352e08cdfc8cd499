//! Cabinets for the benches.

use lzxc::{Encoder, WindowSize};

/// Returns bytes that resemble firmware: repetitions from near and far, runs and noise. The same
/// seed returns the same bytes.
pub fn firmware(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let below = |number: u64, end: usize| usize::try_from(number % end as u64).unwrap_or_default();
    let mut bytes: Vec<u8> = Vec::with_capacity(length + 64);
    while bytes.len() < length {
        let dice = next();
        match dice % 8 {
            0 => bytes.resize(bytes.len() + below(dice >> 8, 32), 0),
            1..=4 if bytes.len() > 64 => {
                let reach = if dice & 0x80 == 0 { 4096 } else { 400_000 };
                let back = 4 + below(dice >> 24, bytes.len().min(reach) - 4);
                let span = 3 + below(dice >> 8, 30).min(back - 4);
                let from = bytes.len() - back;
                bytes.extend_from_within(from..from + span.min(back));
            }
            _ => {
                // Code: some bytes are much more common than others.
                for _ in 0..below(dice >> 8, 10) {
                    let byte = next();
                    let width = byte & 7;
                    bytes.push(((byte >> 8) & ((2 << width) - 1)).to_le_bytes()[0]);
                }
            }
        }
    }
    bytes.truncate(length);
    bytes
}

/// Returns a cabinet of `folders` folders, each with one file with this content, compressed by LZX.
/// `window_bits` is 15, 18 or 21.
pub fn lzx_cabinet(window_bits: u8, content: &[u8], folders: u16) -> Vec<u8> {
    let window = match window_bits {
        15 => WindowSize::KB32,
        18 => WindowSize::KB256,
        _ => WindowSize::MB2,
    };
    let mut blocks = Vec::new();
    let packed = Encoder::new(window).encode_stream(content);
    for (frame, packed) in content.chunks(lzxc::MAX_CHUNK_SIZE).zip(&packed) {
        let size = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or_default().to_le_bytes();
        let head = [size(packed), size(frame)].concat();
        blocks.extend((xor(packed) ^ xor(&head)).to_le_bytes());
        blocks.extend(head);
        blocks.extend(packed);
    }
    let number = |number: usize| u32::try_from(number).unwrap_or_default();
    let file_table = 36 + 8 * u32::from(folders);
    let data = file_table + 22 * u32::from(folders);
    let total = data + number(blocks.len()) * u32::from(folders);
    let mut bytes = b"MSCF\0\0\0\0".to_vec();
    for field in [total, 0, file_table, 0] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend([3, 1]);
    for field in [folders, folders, 0, 0, 0] {
        bytes.extend(field.to_le_bytes());
    }
    for folder in 0..u32::from(folders) {
        bytes.extend((data + folder * number(blocks.len())).to_le_bytes());
        bytes.extend(u16::try_from(packed.len()).unwrap_or_default().to_le_bytes());
        bytes.extend((3 | u16::from(window_bits) << 8).to_le_bytes());
    }
    for folder in 0..folders {
        bytes.extend(number(content.len()).to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(folder.to_le_bytes());
        bytes.extend([0x66, 0x3A, 0, 0, 0x20, 0]);
        bytes.extend(format!("{folder:05}\0").as_bytes());
    }
    for _ in 0..folders {
        bytes.extend(&blocks);
    }
    bytes
}

/// Returns the checksum of a data block, as section 3.1 of [MS-CAB] defines it.
fn xor(bytes: &[u8]) -> u32 {
    bytes.chunks(4).fold(0, |sum, word| {
        let little = |sum: u32, (at, byte): (usize, &u8)| sum | u32::from(*byte) << (8 * at);
        let big = |sum: u32, byte: &u8| sum << 8 | u32::from(*byte);
        sum ^ if word.len() == 4 { word.iter().enumerate().fold(0, little) } else { word.iter().fold(0, big) }
    })
}
