//! Hashes large inputs on a second thread, while the calling thread decompresses the next bytes.

use sha1::Digest as _;
use ucupdate_core::value::{Digest, Sha1Digest, Sha256Digest, Sha256Hasher};

use crate::worker_thread::WorkerThread;

/// The number of bytes that the calling thread hashes before it starts a second thread.
const SINGLE_THREAD_BYTES: usize = 1024 * 1024;

/// The size of the blocks that the second thread receives, in bytes.
const BLOCK_BYTES: usize = 128 * 1024;

/// The largest number of blocks that exist at one time. It bounds the memory of the second thread.
const BLOCKS: usize = 4;

/// SHA-256 of bytes that arrive in pieces. [`with_sha1`](Self::with_sha1) also computes their
/// SHA-1.
#[derive(Clone, Default)]
pub(crate) struct Hashes {
    sha256: Sha256Hasher,
    sha1: Option<sha1::Sha1>,
}

impl Hashes {
    pub(crate) fn with_sha1() -> Self {
        Self { sha1: Some(sha1::Sha1::new()), ..Self::default() }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
    }

    pub(crate) fn sha256(&self) -> Sha256Digest {
        self.sha256.digest()
    }

    pub(crate) fn sha1(&self) -> Option<Sha1Digest> {
        self.sha1.clone().map(|sha1| Digest::new(sha1.finalize().into()))
    }
}

/// Hashes in progress. After the first MiB a second thread computes them, if one can be started.
pub(crate) struct Hashing {
    hashes: Hashes,
    /// The number of bytes that the calling thread hashed since the start, or since the second thread ended.
    by_caller: usize,
    second: Option<SecondHasher>,
}

/// The second thread, which computes the hashes, and the block that the calling thread fills.
struct SecondHasher {
    block: Vec<u8>,
    blocks: usize,
    thread: WorkerThread<Vec<u8>, Hashes>,
}

impl Hashing {
    pub(crate) fn new(hashes: Hashes) -> Self {
        Self { hashes, by_caller: 0, second: None }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Some(second) = &mut self.second {
            return second.push(bytes);
        }
        self.hashes.update(bytes);
        self.by_caller += bytes.len();
        if self.by_caller >= SINGLE_THREAD_BYTES {
            self.by_caller = 0;
            self.start_thread();
        }
    }

    fn start_thread(&mut self) {
        let work = |hashes: &mut Hashes, block: &mut Vec<u8>| {
            hashes.update(block);
            block.clear();
        };
        match WorkerThread::start("hashing", std::mem::take(&mut self.hashes), 1, work) {
            Ok(thread) => {
                self.second =
                    Some(SecondHasher { block: Vec::with_capacity(BLOCK_BYTES), blocks: 1, thread });
            }
            Err(hashes) => self.hashes = hashes,
        }
    }

    /// Ends the second thread if it runs. Returns the hashes of all bytes so far.
    pub(crate) fn hashes(&mut self) -> &Hashes {
        if let Some(second) = self.second.take() {
            self.hashes = second.end();
        }
        &self.hashes
    }
}

impl SecondHasher {
    fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.block.len()));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() == BLOCK_BYTES {
                let next = self.empty_block();
                self.thread.send(std::mem::replace(&mut self.block, next));
            }
        }
    }

    /// Returns an empty block. Waits for a hashed block if [`BLOCKS`] blocks exist already.
    fn empty_block(&mut self) -> Vec<u8> {
        if self.blocks < BLOCKS {
            self.blocks += 1;
            return Vec::with_capacity(BLOCK_BYTES);
        }
        self.thread.receive().unwrap_or_default()
    }

    fn end(self) -> Hashes {
        self.thread.send(self.block);
        self.thread.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::sha1_of;

    #[test]
    fn bytes_have_the_same_hashes_with_and_without_the_second_thread() {
        let bytes: Vec<u8> =
            (0_u32..3_500_000).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut hashing = Hashing::new(Hashes::with_sha1());
        let mut taken = 0;
        for end in [0, 5, SINGLE_THREAD_BYTES - 1, SINGLE_THREAD_BYTES + 7, 2_500_000, 2_500_001, bytes.len()]
        {
            // Chunks of a size that fills no block exactly.
            bytes[taken..end].chunks(30_011).for_each(|chunk| hashing.update(chunk));
            taken = end;
            let hashes = hashing.hashes();
            assert_eq!(hashes.sha256(), Sha256Digest::of(&bytes[..end]), "{end} bytes");
            assert_eq!(hashes.sha1(), Some(sha1_of(&bytes[..end])), "{end} bytes");
        }
        let mut whole = Hashing::new(Hashes::default());
        whole.update(&bytes);
        whole.update(&bytes);
        assert_eq!(whole.hashes().sha256(), Sha256Digest::of([&bytes[..], &bytes].concat()));
        assert_eq!(whole.hashes().sha1(), None);
    }
}
