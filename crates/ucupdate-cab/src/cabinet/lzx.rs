//! LZX

use super::decoder::Fault;
use lzxd::{Lzxd, WindowSize};

pub(crate) struct Lzx {
    inner: Lzxd,
    output: Vec<u8>,
}

impl Lzx {
    pub(crate) fn new(window_bits: u8) -> Self {
        let window = match window_bits {
            15 => WindowSize::KB32,
            16 => WindowSize::KB64,
            17 => WindowSize::KB128,
            18 => WindowSize::KB256,
            19 => WindowSize::KB512,
            20 => WindowSize::MB1,
            _ => WindowSize::MB2,
        };
        Self { inner: Lzxd::new(window), output: Vec::new() }
    }

    pub(crate) fn decode(&mut self, block: &[u8], size: usize) -> Result<(), Fault> {
        let bytes = self
            .inner
            .decompress_next(block, size)
            .map_err(|error| Fault::new(format!("LZX data of {size} bytes"), error.to_string()))?;
        self.output.clear();
        self.output.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn output(&self) -> &[u8] {
        &self.output
    }
}
