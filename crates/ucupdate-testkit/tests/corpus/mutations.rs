//! Inputs of the corpora with random damage: what a fuzzer does, without its guidance and on a stable toolchain.
//!
//! `FUZZ_ROUNDS=1000` tries more damage than the default of 4 for each input.

use crate::{Law, fuzz, names};
use fastrand::Rng;

/// Inputs that are longer are left to the fuzzer, so that the test stays short.
const MAX_BYTES: usize = 8 * 1024;

/// Calls a law with damaged inputs of its corpus. A failure names the input by writing it into `fuzz/artifacts`.
pub(crate) fn try_damage(target: &str, law: Law) {
    let rounds = std::env::var("FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(4);
    let folder = fuzz().join("corpus").join(target);
    let inputs: Vec<Vec<u8>> =
        names(&folder).into_iter().map(|name| std::fs::read(folder.join(name)).unwrap()).collect();
    let words = crate::dictionaries::words(target).into_iter().collect::<Vec<_>>();
    let mut random = Rng::with_seed(1);
    for _ in 0..rounds {
        for input in inputs.iter().filter(|input| input.len() <= MAX_BYTES) {
            let mut damaged = input.clone();
            for _ in 0..random.usize(1..=4) {
                damage(&mut damaged, &inputs, &words, &mut random);
            }
            damaged.truncate(2 * MAX_BYTES);
            let held = std::panic::catch_unwind(|| law(&damaged));
            if let Err(broken) = held {
                let find = fuzz().join("artifacts").join(target);
                std::fs::create_dir_all(&find).unwrap();
                std::fs::write(find.join("damaged"), &damaged).unwrap();
                std::panic::resume_unwind(broken);
            }
        }
    }
}

fn damage(bytes: &mut Vec<u8>, inputs: &[Vec<u8>], words: &[String], random: &mut Rng) {
    let at = random.usize(..=bytes.len());
    let end = bytes.len().min(at + random.usize(..=16));
    match random.u8(..8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
        1 if at < bytes.len() => {
            bytes[at] = *random.choice(&[0, 1, 0x7f, 0x80, 0xff, b'\n', b' ', b'"', b'9']).unwrap()
        }
        2 => drop(bytes.drain(at..end)),
        3 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        4 if !words.is_empty() => {
            let word = random.choice(words).unwrap().clone().into_bytes();
            bytes.splice(at..at, word);
        }
        5 => {
            let other = random.choice(inputs).unwrap();
            let from = random.usize(..=other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        6 => bytes.truncate(at),
        _ => bytes.insert(at, random.u8(..)),
    }
}
