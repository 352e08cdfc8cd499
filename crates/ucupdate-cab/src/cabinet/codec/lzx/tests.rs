//! Compares the decoder with `lzxd`. Where `lzxd` has an error, compares with the specification.

use lzxc::{Encoder, Strategy as Way, WindowSize};
use lzxd::Lzxd;
use proptest::prelude::*;

use super::{FRAME_BYTES, Lzx};

const WINDOWS: [(WindowSize, lzxd::WindowSize); 7] = [
    (WindowSize::KB32, lzxd::WindowSize::KB32),
    (WindowSize::KB64, lzxd::WindowSize::KB64),
    (WindowSize::KB128, lzxd::WindowSize::KB128),
    (WindowSize::KB256, lzxd::WindowSize::KB256),
    (WindowSize::KB512, lzxd::WindowSize::KB512),
    (WindowSize::MB1, lzxd::WindowSize::MB1),
    (WindowSize::MB2, lzxd::WindowSize::MB2),
];

/// Decodes with the decoder of this crate. The second value is the error, if there is one.
fn ours(bits: u8, frames: &[(Vec<u8>, usize)]) -> (Vec<u8>, Option<String>) {
    let mut lzx = Lzx::new(bits);
    let mut bytes = Vec::new();
    for (data, size) in frames {
        if let Err(fault) = lzx.decode(data, *size) {
            return (bytes, Some(fault.found));
        }
        assert_eq!(lzx.output().len(), *size);
        bytes.extend_from_slice(lzx.output());
    }
    (bytes, None)
}

/// Decodes with `lzxd`. The second value is whether `lzxd` decoded all frames.
fn theirs(bits: u8, frames: &[(Vec<u8>, usize)]) -> (Vec<u8>, bool) {
    let mut lzxd = Lzxd::new(WINDOWS[usize::from(bits - 15)].1);
    let mut bytes = Vec::new();
    for (data, size) in frames {
        match lzxd.decompress_next(data, *size) {
            Ok(frame) => bytes.extend_from_slice(frame),
            Err(_) => return (bytes, false),
        }
    }
    (bytes, true)
}

/// Corrects the output of `lzxd` where the target of a `CALL` instruction is byte 0 of the stream.
/// `lzxd` treats 0 like a negative target, which counts from the end of the file.
fn call_the_begin(theirs: &mut [u8], ours: &[u8]) {
    for at in 0..ours.len().min(theirs.len()).saturating_sub(4) {
        let target = at + 1..at + 5;
        let from_begin = i32::try_from(at).unwrap().wrapping_neg().to_le_bytes();
        if ours[at] == 0xE8 && ours[target.clone()] == from_begin {
            theirs[target].copy_from_slice(&from_begin);
        }
    }
}

fn content(seed: u64, length: usize, calls: bool) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap_or_default()
    };
    let mut bytes = vec![b'x'; 40];
    while bytes.len() < length {
        let span = 1 + next() % 300;
        match next() % 6 {
            0 => bytes.resize(bytes.len() + span, 0),
            1 => bytes.extend((0..span).map(|_| next().to_le_bytes()[0])),
            2 if calls => bytes.extend([0xE8, next().to_le_bytes()[0], next().to_le_bytes()[0], 0, 1]),
            _ => {
                let from = bytes.len() - 1 - next() % bytes.len().min(200_000);
                let end = bytes.len().min(from + span);
                bytes.extend_from_within(from..end);
            }
        }
    }
    bytes.truncate(length);
    bytes
}

fn frames(encoder: &mut Encoder, content: &[u8], is_stream: bool) -> Vec<(Vec<u8>, usize)> {
    let chunks = content.chunks(FRAME_BYTES);
    if is_stream {
        return encoder.encode_stream(content).into_iter().zip(chunks.map(<[u8]>::len)).collect();
    }
    chunks.map(|chunk| (encoder.encode_chunk(chunk), chunk.len())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    #[ignore = "slow; .ci/run runs it"]
    fn what_was_compressed_comes_back_as_lzxd_gives_it(
        seed in any::<u64>(), length in 1_usize..150_000, window in 0_usize..7, calls in any::<bool>(),
        is_stream in any::<bool>(), way in 0_usize..8,
    ) {
        let content = content(seed, length, calls);
        let mut encoder = Encoder::new(WINDOWS[window].0);
        encoder.set_strategy(match way {
            0 => Way::Uncompressed,
            1 => Way::LiteralOnly,
            _ => Way::Optimal,
        });
        if calls {
            encoder.set_e8_translation(u32::try_from(length).unwrap());
        }
        let frames = frames(&mut encoder, &content, is_stream);
        let bits = u8::try_from(window).unwrap() + 15;
        let (found, error) = ours(bits, &frames);
        prop_assert_eq!(error, None);
        let (mut expected, whole) = theirs(bits, &frames);
        call_the_begin(&mut expected, &found);
        prop_assert!(whole && expected == found);
        // lzxc also translates calls that overlap the target of another call. Decoders do not reverse this.
        prop_assert!(calls || found == content);
    }

    #[test]
    fn of_damaged_frames_both_give_the_same_as_far_as_both_go(
        seed in any::<u64>(), length in 1_usize..40_000, window in 0_usize..7,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..4),
    ) {
        let content = content(seed, length, false);
        let mut frames = frames(&mut Encoder::new(WINDOWS[window].0), &content, true);
        for (at, bit) in flips {
            let frame = at.index(frames.len());
            let data = &mut frames[frame].0;
            let at = at.index(data.len());
            data[at] ^= 1 << bit;
        }
        let bits = u8::try_from(window).unwrap() + 15;
        let (found, error) = ours(bits, &frames);
        let (mut expected, whole) = theirs(bits, &frames);
        call_the_begin(&mut expected, &found);
        prop_assert!(found.iter().zip(&expected).all(|(ours, theirs)| ours == theirs));
        prop_assert!(error.is_some() || !whole || found.len() == expected.len());
    }

    #[test]
    fn noise_never_panics(
        noise in proptest::collection::vec(any::<u8>(), 0..400), size in 0_usize..=FRAME_BYTES, bits in 15_u8..=21,
    ) {
        ours(bits, &[(noise.clone(), size), (noise, FRAME_BYTES)]);
    }
}

/// Returns a text of `0` and `1` as little-endian 16-bit words, highest bit first.
fn words(bits: &str) -> Vec<u8> {
    let words = bits.as_bytes().chunks(16).map(|word| format!("{:0<16}", std::str::from_utf8(word).unwrap()));
    words.flat_map(|word| u16::from_str_radix(&word, 2).unwrap().to_le_bytes()).collect()
}

/// Returns a stream with one uncompressed block of `content`. `size` is the file size for the
/// translation of `CALL` targets. With `None` no target is translated.
fn uncompressed(content: &[u8], size: Option<i32>) -> Vec<u8> {
    // The head has the flag and the size of the translation, the block type 3 and a length of 24 bits, highest bit
    // first.
    let mut bits = String::new();
    match size {
        Some(size) => bits += &format!("1{size:032b}"),
        None => bits += "0",
    }
    bits += &format!("011{:024b}", content.len());
    let mut bytes = words(&bits);
    for recent in [1_u32; 3] {
        bytes.extend(recent.to_le_bytes());
    }
    bytes.extend(content);
    bytes
}

#[test]
fn calls_are_made_relative_again_also_those_to_the_begin() {
    // There are calls at bytes 10, 20, 30 and 40. Their targets are byte 0, byte 100, 5 bytes before the start, and one
    // target that is too far.
    let mut content = vec![b'.'; 60];
    for (at, target) in [(10, 0_i32), (20, 100), (30, -5), (40, 200), (52, 7)] {
        content[at] = 0xE8;
        content[at + 1..at + 5].copy_from_slice(&target.to_le_bytes());
    }
    let (found, error) = ours(15, &[(uncompressed(&content, Some(200)), 60)]);
    assert_eq!(error, None);
    let target = |at: usize| i32::from_le_bytes(found[at + 1..at + 5].try_into().unwrap());
    assert_eq!((target(10), target(20), target(30), target(40)), (-10, 80, 195, 200));
    assert_eq!(target(52), 7, "too near the end to be translated");
    let (found, _) = ours(15, &[(uncompressed(&content, None), 60)]);
    assert_eq!(found, content);
}

#[test]
fn an_uncompressed_block_goes_on_in_the_next_frame_and_is_followed_by_a_byte_to_skip() {
    let content = content(3, FRAME_BYTES + 5, false);
    let mut head = uncompressed(&content, None);
    let mut tail = head.split_off(head.len() - 5);
    // After five bytes and the padding byte another block begins, which decodes to `qqq`.
    tail.push(0);
    tail.extend(uncompressed(b"qqq", None));
    // The type of the second block is one bit earlier, because a stream has only one head.
    let word = u16::from_le_bytes([tail[6], tail[7]]) << 1;
    let next = u16::from_le_bytes([tail[8], tail[9]]);
    tail[6..8].copy_from_slice(&(word | next >> 15).to_le_bytes());
    tail[8..10].copy_from_slice(&(next << 1).to_le_bytes());
    let frames = [(head, FRAME_BYTES), (tail, 8)];
    let (found, error) = ours(15, &frames);
    assert_eq!(error, None);
    assert!(found == [&content[..], b"qqq"].concat());
    assert!(theirs(15, &frames) == (found, true));
}

/// Returns a stream with one verbatim block. Its main tree has two codes: `0` is the letter `a`, and `1` is a match of
/// two bytes at the last distance, which is 1 at first.
fn two_codes(length: usize, codes: &str) -> Vec<u8> {
    // The code lengths are written with a tree of four codes of two bits: 0 means unchanged, 16 means one more, 17 and
    // 18 mean zeros.
    let pre = |symbols: &[usize]| -> String {
        let lengths = (0..20).map(|symbol| if symbols.contains(&symbol) { "0010" } else { "0000" });
        lengths.collect()
    };
    let pre = pre(&[0, 16, 17, 18]);
    let zeros = |count: usize| {
        if count < 20 { format!("10{:04b}", count - 4) } else { format!("11{:05b}", count - 20) }
    };
    let literals = [zeros(51), zeros(46), "01".into(), zeros(51), zeros(51), zeros(51), zeros(5)].concat();
    let matches = ["01".into(), zeros(51), zeros(51), zeros(51), zeros(51), zeros(35)].concat();
    let lengths = [zeros(51), zeros(51), zeros(51), zeros(51), zeros(45)].concat();
    words(&format!("0001{length:024b}{pre}{literals}{pre}{matches}{pre}{lengths}{codes}"))
}

#[test]
fn a_match_from_before_the_begin_is_damage_and_gives_no_stale_bytes() {
    assert_eq!(ours(15, &[(two_codes(3, "01"), 3)]), (b"aaa".to_vec(), None));
    // lzxd returns zeros here.
    let (_, error) = ours(15, &[(two_codes(3, "10"), 3)]);
    assert_eq!(error.as_deref(), Some("a match from before its begin"));
    let (_, error) = ours(15, &[(two_codes(2, "01"), 2)]);
    assert_eq!(error.as_deref(), Some("a match beyond its end"));
    assert_eq!(ours(15, &[(two_codes(0, ""), 1)]).1.as_deref(), Some("a block of no bytes"));
    assert_eq!(ours(15, &[(Vec::new(), 1)]).1.as_deref(), Some("one that ends too early"));
    assert_eq!(ours(15, &[(two_codes(900, ""), 900)]).1.as_deref(), Some("one that ends too early"));
}

#[test]
fn trees_that_are_not_whole_are_damage() {
    let mut stream = two_codes(3, "01");
    // The first code of the first tree gets three bits instead of two.
    stream[2] ^= 1;
    let error = ours(15, &[(stream, 3)]).1.expect("damage");
    assert_eq!(error, "a tree whose codes do not fill it");
}

#[test]
fn only_the_last_frame_may_be_short() {
    let frame = (uncompressed(b"abc", None), 3);
    let (found, error) = ours(15, &[frame.clone(), frame]);
    assert_eq!((found.as_slice(), error.as_deref()), (&b"abc"[..], Some("another")));
}
