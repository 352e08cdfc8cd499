//! Makes sets of cabinets from the bytes of a fuzzer, so that the fuzzer reaches the code that
//! joins parts.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use std::collections::BTreeMap;
use std::io::Write as _;

use arbitrary::{Result, Unstructured};
use flate2::{Compression, write::DeflateEncoder};

use super::{ways_agree, whole};

const FROM_PREVIOUS: u16 = 0xFFFD;
const TO_NEXT: u16 = 0xFFFE;
const FROM_PREVIOUS_TO_NEXT: u16 = 0xFFFF;

const MAX_PARTS: usize = 4;

/// Makes a set of cabinets from files, and checks that reading the set returns these files. Then
/// damages the set, and checks that all ways of reading it return the same result.
///
/// `bytes` decide the files, the blocks, the ends of parts, and the damage.
pub fn cabinet_set(bytes: &[u8]) {
    let mut choices = Unstructured::new(bytes);
    let set = Set::choose(&mut choices).expect("a number can be chosen without bytes");
    let mut parts = set.parts();
    let read = whole(&parts).expect("a set without damage can be read");
    assert!(read == set.files, "{:?} is read as {:?}", set.files.keys(), read.keys());
    set.damage(&mut parts, &mut choices).expect("a number can be chosen without bytes");
    ways_agree(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let given = whole(&parts).ok();
    parts.reverse();
    let reversed = whole(&parts).ok();
    assert!(given == reversed, "the order of the parts matters");
}

struct Block {
    packed: Vec<u8>,
    /// The number of bytes that the block unpacks to. Zero if the rest of the packed block is in
    /// the next part.
    size: u16,
}

#[derive(Default)]
struct Part {
    blocks: Vec<Block>,
    /// The offset of the first block of this cabinet, in the joined bytes of all files. If the
    /// block begins in the cabinet before, it is the offset of that block.
    begin: usize,
}

/// A set of cabinets with one folder, which contains all files and may continue from part to part.
struct Set {
    files: BTreeMap<String, Vec<u8>>,
    /// The name, the offset in the folder and the size of each file.
    rows: Vec<(String, usize, usize)>,
    parts: Vec<Part>,
    /// For each byte of the folder: the indices of the parts in which the block with this byte
    /// begins and ends.
    parts_of: Vec<(usize, usize)>,
    is_packed: bool,
}

impl Set {
    fn choose(choices: &mut Unstructured<'_>) -> Result<Self> {
        let mut rows = Vec::new();
        let mut files = BTreeMap::new();
        let mut content = Vec::new();
        for number in 0..choices.int_in_range(1..=5_u8)? {
            let size = usize::from(choices.int_in_range(0..=300_u16)?);
            let begin = content.len();
            content.extend((0..size).map(|at| u8::try_from((begin + at) % 251).unwrap_or_default()));
            let name = format!("f{number}");
            files.insert(name.clone(), content[begin..].to_vec());
            rows.push((name, begin, size));
        }
        let is_packed = choices.int_in_range(0..=1_u8)? == 1;
        let mut parts = vec![Part::default()];
        let mut parts_of = Vec::new();
        let mut rest = &content[..];
        while !rest.is_empty() {
            let most = u16::try_from(rest.len().min(200)).unwrap_or(1);
            let size = choices.int_in_range(1..=most)?;
            let (frame, after) = rest.split_at(size.into());
            let begin = content.len() - rest.len();
            rest = after;
            let mut packed = if is_packed { mszip(frame) } else { frame.to_vec() };
            let may_end = parts.len() < MAX_PARTS;
            match choices.int_in_range(0..=3_u8)? {
                1 if may_end && begin > 0 => parts.push(Part { blocks: Vec::new(), begin }),
                2 if may_end && packed.len() > 1 => {
                    let last = u16::try_from(packed.len() - 1).unwrap_or(1);
                    let second = packed.split_off(choices.int_in_range(1..=last)?.into());
                    let first = std::mem::replace(&mut packed, second);
                    push(&mut parts, Block { packed: first, size: 0 });
                    parts.push(Part { blocks: Vec::new(), begin });
                    parts_of.extend(frame.iter().map(|_| (parts.len() - 2, parts.len() - 1)));
                    push(&mut parts, Block { packed, size });
                    continue;
                }
                _ => {}
            }
            parts_of.extend(frame.iter().map(|_| (parts.len() - 1, parts.len() - 1)));
            push(&mut parts, Block { packed, size });
        }
        Ok(Self { files, rows, parts, parts_of, is_packed })
    }

    /// Returns the indices of the first and the last part that contain a file. `begin` is the
    /// offset of the file in the folder.
    fn parts_of_file(&self, begin: usize, size: usize) -> (usize, usize) {
        let last = self.parts.len() - 1;
        let first = self.parts_of.get(begin).map_or(last, |(begins, _)| *begins);
        let end = begin.saturating_add(size).saturating_sub(1);
        if size == 0 {
            (first, first)
        } else {
            (first, self.parts_of.get(end).map_or(last, |(_, ends)| *ends))
        }
    }

    fn parts(&self) -> Vec<Vec<u8>> {
        let mut base = 0;
        let mut bytes = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            let rows: Vec<_> = self
                .rows
                .iter()
                .map(|row| (row, self.parts_of_file(row.1, row.2)))
                .filter(|(_, (first, last))| (*first..=*last).contains(&number))
                .collect();
            // A folder continues in the next part only if a file continues. Otherwise the part
            // begins with a new folder.
            if !rows.iter().any(|(_, (first, _))| *first < number) {
                base = part.begin;
            }
            let rows: Vec<_> = rows
                .into_iter()
                .map(|((name, begin, size), (first, last))| {
                    let folder = match (first < number, last > number) {
                        (false, false) => 0,
                        (false, true) => TO_NEXT,
                        (true, false) => FROM_PREVIOUS,
                        (true, true) => FROM_PREVIOUS_TO_NEXT,
                    };
                    (name.as_str(), begin - base, *size, folder)
                })
                .collect();
            bytes.push(self.part(number, &part.blocks, &rows));
        }
        bytes
    }

    /// Returns the bytes of one part as a cabinet with one folder. `rows` has the name, offset,
    /// size and folder index of each file.
    fn part(&self, number: usize, blocks: &[Block], rows: &[(&str, usize, usize, u16)]) -> Vec<u8> {
        let (has_previous, has_next) = (number > 0, number + 1 < self.parts.len());
        let short = |number: usize| u16::try_from(number).unwrap_or_default().to_le_bytes();
        let long = |number: usize| u32::try_from(number).unwrap_or_default().to_le_bytes();
        let mut names = Vec::new();
        for (_, other) in
            [(has_previous, number.wrapping_sub(1)), (has_next, number + 1)].iter().filter(|it| it.0)
        {
            names.extend_from_slice(format!("{other}.cab\0\0").as_bytes());
        }
        let files_at = 36 + names.len() + 8;
        let table: usize = rows.iter().map(|row| 16 + row.0.len() + 1).sum();
        let data: usize = blocks.iter().map(|block| 8 + block.packed.len()).sum();
        let mut bytes = b"MSCF\0\0\0\0".to_vec();
        bytes.extend(long(files_at + table + data));
        bytes.extend([0; 4]);
        bytes.extend(long(files_at));
        bytes.extend([0, 0, 0, 0, 3, 1, 1, 0]);
        bytes.extend(short(rows.len()));
        bytes.extend(short(usize::from(has_previous) + 2 * usize::from(has_next)));
        bytes.extend(short(4711));
        bytes.extend(short(number));
        bytes.extend(names);
        bytes.extend(long(files_at + table));
        bytes.extend(short(blocks.len()));
        bytes.extend(short(self.is_packed.into()));
        for (name, begin, size, folder) in rows {
            bytes.extend(long(*size));
            bytes.extend(long(*begin));
            bytes.extend(folder.to_le_bytes());
            bytes.extend([0x66, 0x3A, 0, 0, 0x20, 0]);
            bytes.extend(name.as_bytes());
            bytes.push(0);
        }
        for block in blocks {
            // A checksum of zero is not checked.
            bytes.extend([0; 4]);
            bytes.extend(short(block.packed.len()));
            bytes.extend(block.size.to_le_bytes());
            bytes.extend(&block.packed);
        }
        bytes
    }

    /// Changes single bytes of parts. Then drops, repeats, swaps or shortens a part, or leaves the
    /// parts as they are.
    fn damage(&self, parts: &mut Vec<Vec<u8>>, choices: &mut Unstructured<'_>) -> Result<()> {
        for _ in 0..choices.int_in_range(0..=3_u8)? {
            let number = choices.choose_index(parts.len())?;
            let part = &mut parts[number];
            let at = usize::from(choices.int_in_range(0..=u16::try_from(part.len() - 1).unwrap_or(0))?);
            part[at] = choices.int_in_range(0..=255)?;
        }
        let number = choices.choose_index(parts.len())?;
        match choices.int_in_range(0..=7_u8)? {
            1 if parts.len() > 1 => drop(parts.remove(number)),
            2 => parts.push(parts[number].clone()),
            3 => parts.swap(0, number),
            4 => {
                let length =
                    usize::from(choices.int_in_range(0..=u16::try_from(parts[number].len()).unwrap_or(0))?);
                parts[number].truncate(length);
            }
            _ => {}
        }
        Ok(())
    }
}

fn push(parts: &mut [Part], block: Block) {
    if let Some(part) = parts.last_mut() {
        part.blocks.push(block);
    }
}

fn mszip(frame: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(b"CK".to_vec(), Compression::fast());
    encoder.write_all(frame).and_then(|()| encoder.finish()).expect("a vector takes all bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sets_keep_the_law(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            super::cabinet_set(&bytes);
        }
    }
}
