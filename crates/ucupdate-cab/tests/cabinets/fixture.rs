//! Makes cabinets byte by byte, with features that the builder does not write: LZX, sets, reserve areas, code pages,
//! and errors of any kind.

use flate2::{Compress, Compression as Level, FlushCompress};
use ucupdate_cab::{CabError, Cabinet, CabinetLimits, Compression, Finished};

pub(crate) const WINDOWS: [lzxc::WindowSize; 7] = [
    lzxc::WindowSize::KB32,
    lzxc::WindowSize::KB64,
    lzxc::WindowSize::KB128,
    lzxc::WindowSize::KB256,
    lzxc::WindowSize::KB512,
    lzxc::WindowSize::MB1,
    lzxc::WindowSize::MB2,
];

#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) set_id: u16,
    pub(crate) index: u16,
    pub(crate) previous: Option<&'static str>,
    pub(crate) next: Option<&'static str>,
    pub(crate) reserve: Vec<u8>,
    pub(crate) folder_reserve: u8,
    pub(crate) block_reserve: u8,
    pub(crate) folders: Vec<RawFolder>,
    pub(crate) files: Vec<RawFile>,
}

#[derive(Clone)]
pub(crate) struct RawFolder {
    pub(crate) kind: u16,
    pub(crate) blocks: Vec<RawBlock>,
}

#[derive(Clone, PartialEq)]
pub(crate) struct RawBlock {
    pub(crate) packed: Vec<u8>,
    pub(crate) size: u16,
    pub(crate) has_sum: bool,
}

#[derive(Clone)]
pub(crate) struct RawFile {
    pub(crate) name: Vec<u8>,
    pub(crate) size: u32,
    pub(crate) begin: u32,
    pub(crate) folder: u16,
    pub(crate) attributes: u16,
}

impl Raw {
    /// Returns a cabinet with one folder that has these files.
    pub(crate) fn of(compression: Compression, files: &[(&str, &[u8])]) -> Self {
        let mut raw = Self::empty();
        raw.add_folder(compression, files);
        raw
    }

    pub(crate) fn empty() -> Self {
        Self {
            set_id: 0x1234,
            index: 0,
            previous: None,
            next: None,
            reserve: Vec::new(),
            folder_reserve: 0,
            block_reserve: 0,
            folders: Vec::new(),
            files: Vec::new(),
        }
    }

    pub(crate) fn add_folder(&mut self, compression: Compression, files: &[(&str, &[u8])]) {
        let folder = u16::try_from(self.folders.len()).unwrap();
        let mut begin = 0;
        for (name, content) in files {
            let size = u32::try_from(content.len()).unwrap();
            let name = name.as_bytes().to_vec();
            self.files.push(RawFile { name, size, begin, folder, attributes: 0xA0 });
            begin += size;
        }
        let content: Vec<u8> = files.iter().flat_map(|(_, content)| content.iter().copied()).collect();
        self.folders.push(RawFolder { kind: kind(compression), blocks: pack(compression, &content) });
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let has_reserve = !self.reserve.is_empty() || self.folder_reserve > 0 || self.block_reserve > 0;
        let mut head = Vec::new();
        if has_reserve {
            head.extend(u16::try_from(self.reserve.len()).unwrap().to_le_bytes());
            head.extend([self.folder_reserve, self.block_reserve]);
            head.extend(&self.reserve);
        }
        for name in [self.previous, self.next].into_iter().flatten() {
            head.extend(format!("{name}\0disk\0").as_bytes());
        }
        let folder_bytes = 8 + usize::from(self.folder_reserve);
        let file_table = 36 + head.len() + folder_bytes * self.folders.len();
        let files: Vec<u8> = self.files.iter().flat_map(RawFile::to_bytes).collect();
        let mut blocks = Vec::new();
        let mut folders = Vec::new();
        for folder in &self.folders {
            let begin = file_table + files.len() + blocks.len();
            folders.extend(u32::try_from(begin).unwrap().to_le_bytes());
            folders.extend(u16::try_from(folder.blocks.len()).unwrap().to_le_bytes());
            folders.extend(folder.kind.to_le_bytes());
            folders.extend(vec![0xFE; self.folder_reserve.into()]);
            for block in &folder.blocks {
                blocks.extend(block.to_bytes(self.block_reserve));
            }
        }
        let total = file_table + files.len() + blocks.len();
        let flags = u16::from(self.previous.is_some())
            | u16::from(self.next.is_some()) << 1
            | u16::from(has_reserve) << 2;
        let mut bytes = b"MSCF\0\0\0\0".to_vec();
        bytes.extend(u32::try_from(total).unwrap().to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(u32::try_from(file_table).unwrap().to_le_bytes());
        bytes.extend([0, 0, 0, 0, 3, 1]);
        bytes.extend(u16::try_from(self.folders.len()).unwrap().to_le_bytes());
        bytes.extend(u16::try_from(self.files.len()).unwrap().to_le_bytes());
        for number in [flags, self.set_id, self.index] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(head);
        bytes.extend(folders);
        bytes.extend(files);
        bytes.extend(blocks);
        bytes
    }
}

impl RawFile {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_le_bytes().to_vec();
        bytes.extend(self.begin.to_le_bytes());
        // 16-12-2008 04:43:58
        for number in [self.folder, 28 << 9 | 12 << 5 | 16, 4 << 11 | 43 << 5 | 29, self.attributes] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(&self.name);
        bytes.push(0);
        bytes
    }
}

impl RawBlock {
    fn to_bytes(&self, reserve: u8) -> Vec<u8> {
        let mut head = u16::try_from(self.packed.len()).unwrap().to_le_bytes().to_vec();
        head.extend(self.size.to_le_bytes());
        let sum = if self.has_sum { plain_checksum(&head, plain_checksum(&self.packed, 0)) } else { 0 };
        let mut bytes = sum.to_le_bytes().to_vec();
        bytes.extend(head);
        bytes.extend(vec![0xFD; reserve.into()]);
        bytes.extend(&self.packed);
        bytes
    }
}

/// Computes the checksum exactly as the specification describes it, without any optimisation.
pub(crate) fn plain_checksum(bytes: &[u8], seed: u32) -> u32 {
    let words = bytes.chunks(4).map(|word| match *word {
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
        [a, b, c] => u32::from_be_bytes([0, a, b, c]),
        [a, b] => u32::from_be_bytes([0, 0, a, b]),
        [a] => a.into(),
        _ => 0,
    });
    words.fold(seed, |sum, word| sum ^ word)
}

pub(crate) fn kind(compression: Compression) -> u16 {
    match compression {
        Compression::Mszip => 1,
        Compression::Lzx { window_bits } => 3 | u16::from(window_bits) << 8,
        _ => 0,
    }
}

pub(crate) fn pack(compression: Compression, content: &[u8]) -> Vec<RawBlock> {
    let packed = match compression {
        Compression::Mszip => mszip(content),
        Compression::Lzx { window_bits } => {
            lzxc::Encoder::new(WINDOWS[usize::from(window_bits - 15)]).encode_stream(content)
        }
        _ => content.chunks(32768).map(<[u8]>::to_vec).collect(),
    };
    blocks(packed, content)
}

pub(crate) fn blocks(packed: Vec<Vec<u8>>, content: &[u8]) -> Vec<RawBlock> {
    let frames = packed.into_iter().zip(content.chunks(32768));
    frames
        .map(|(packed, frame)| RawBlock { packed, size: u16::try_from(frame.len()).unwrap(), has_sum: true })
        .collect()
}

/// Compresses by MSZIP, with one whole deflate stream in each block. The output of the block before is the dictionary.
fn mszip(content: &[u8]) -> Vec<Vec<u8>> {
    let mut before: &[u8] = &[];
    let deflated = content.chunks(32768).map(|frame| {
        let mut deflate = Compress::new(Level::best(), false);
        if !before.is_empty() {
            deflate.set_dictionary(before).unwrap();
        }
        before = frame;
        let mut packed = Vec::with_capacity(40_000);
        deflate.compress_vec(frame, &mut packed, FlushCompress::Finish).unwrap();
        [b"CK", &packed[..]].concat()
    });
    deflated.collect()
}

/// Returns bytes that resemble firmware: repeated code, runs and noise. Equal seeds give equal bytes.
pub(crate) fn firmware(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut bytes: Vec<u8> = Vec::with_capacity(length + 300);
    while bytes.len() < length {
        let dice = next();
        let span = 1 + (dice >> 8) as usize % 120;
        match dice % 8 {
            0 => bytes.extend(vec![0; span]),
            1 => bytes.extend((0..span).map(|_| next() as u8)),
            2 => bytes.extend([0xE8, (dice >> 20) as u8, (dice >> 28) as u8, 0, 0]),
            _ if bytes.len() > 300 => {
                let back = 1 + (dice >> 24) as usize % bytes.len().min(300_000);
                let from = bytes.len() - back;
                for step in 0..span.min(back) {
                    bytes.push(bytes[from + step]);
                }
            }
            _ => bytes.extend((0..span).map(|_| b"firmware "[next() as usize % 9])),
        }
    }
    bytes.truncate(length);
    bytes
}

pub(crate) type Content = Vec<(String, Vec<u8>)>;

/// Reads all files of a cabinet by name, and finishes it.
pub(crate) fn read_all(bytes: &[u8]) -> Result<(Content, Finished), CabError> {
    read_set(&[bytes])
}

pub(crate) fn read_set(parts: &[&[u8]]) -> Result<(Content, Finished), CabError> {
    let mut cabinet = Cabinet::open_set(parts.to_vec(), CabinetLimits::default())?;
    let mut files = Vec::new();
    while let Some(mut file) = cabinet.next_file()? {
        let mut content = Vec::new();
        loop {
            let chunk = file.read_chunk()?;
            if chunk.is_empty() {
                break;
            }
            content.extend_from_slice(chunk);
        }
        files.push((file.entry().name_as_given().into_owned(), content));
    }
    Ok((files, cabinet.finish()?))
}

/// Returns every kind of compression.
pub(crate) fn kinds() -> Vec<Compression> {
    let mut kinds = vec![Compression::None, Compression::Mszip];
    kinds.extend((15..=21).map(lzx));
    kinds
}

/// Returns LZX with a window of 2 to the power of `window_bits` bytes.
pub(crate) fn lzx(window_bits: u8) -> Compression {
    Compression::lzx(window_bits).expect("15 to 21")
}
